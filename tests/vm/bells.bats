#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes and programs of the host ring each other, whatever each of them has:
# memory alone, a device whose registers ring, the kernel module with its
# interrupts, or tm-server.

export BATS_TEST_TIMEOUT=240

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	build_libfam_helper rings
	export bundle=$BATS_FILE_TMPDIR/bundle module_bundle=
	famctl make-bundle --dir "$bundle" --add "$BATS_FILE_TMPDIR/rings" >/dev/null
	[[ -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] || return 0
	module_bundle=$BATS_FILE_TMPDIR/module-bundle
	famctl make-bundle --dir "$module_bundle" --add "$BATS_FILE_TMPDIR/rings" \
		--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/lib/fam_ivshmem.ko" >/dev/null
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	# On a disk: some make it durable, too.
	disk=$(public_dir fam-bells)
	fabric=$disk/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric 16M f --path "$fabric" >/dev/null
}

teardown() {
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.log >&2
	rm -rf "${disk:?}"
	vm_teardown
}

needs_module() {
	[[ -n $module_bundle ]] ||
		skip "no kernel module in the build tree: it needs kernel headers"
}

serve() { # VECTORS [OPTION...]
	local -a memory=(-f "$fabric")
	[[ $* != *--no-memory* ]] || memory=()
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" "${memory[@]}" -n "$@"
}

plain() { # NAME [OPTION...]
	vm_start -b "$bundle" -f "$fabric" "${@:2}" "$1"
}

# bell BUNDLE VECTORS NAME: a node with a doorbell device of the server.
bell() {
	vm_start -b "$1" -d "$fabric:$socket:$2" "$3"
}

# run_in WHERE WORD...: runs rings there, "host" or a node.
run_in() {
	if [[ $1 == host ]]; then
		"$BATS_FILE_TMPDIR/rings" "${@:2}"
	else
		vm_exec -t 100 "$1" "rings ${*:2}"
	fi
}

out_of() { # WHERE
	if [[ $1 == host ]]; then
		cat "$BATS_TEST_TMPDIR/rings.log"
	else
		vm_exec "$1" 'cat /tmp/rings.log'
	fi
}

says() { # WHERE REGEX
	out_of "$1" | grep -qE -- "$2"
}

# begin WHERE WORD...: the same behind the scenes; sets $id to who it is.
begin() {
	local where=$1
	shift
	if [[ $where == host ]]; then
		"$BATS_FILE_TMPDIR/rings" "$@" >"$BATS_TEST_TMPDIR/rings.log" 2>&1 </dev/null 3>&- &
		pids+=("$!")
	else
		vm_exec "$where" "rings $* >/tmp/rings.log 2>&1 &"
	fi
	wait_until 30 says "$where" '^self '
	id=$(out_of "$where" | awk '$1 == "self" { print $2 }')
}

ended() { # WHERE
	says "$1" '^(done|[a-z].* .*[a-z])$' && ! out_of "$1" | tail -n 1 | grep -q '^self'
}

# Waits until what was begun there ends well; sets $output to what it said.
finish() { # WHERE
	wait_until 100 ended "$1"
	output=$(out_of "$1")
	[[ $(tail -n 1 <<<"$output") == "done" ]] || die "$1: $output"
}

# rings_reach TO FABRIC-THERE FROM FABRIC-HERE VECTOR: one after the other, which
# no interrupt may merge.
rings_reach() {
	for _ in 1 2 3; do
		begin "$1" "$2" wait "$5" 1 60
		fam_run run_in "$3" "$4" ring "$id" "$5" 1
		assert_output "done"
		finish "$1"
		assert_output -r '^rang 1 '$'\n|\nrang 1 '
	done
}

# Figures for people who read the log.
figure() {
	printf '# %s: %s\n' "$1" "$(grep rang <<<"$output")" >&3
}

# cpu_below PERCENT: of what `finish` has put into $output.
cpu_below() {
	# shellcheck disable=SC2016 # awk's own
	assert "little CPU" awk -v most="$1" '$1 == "rang" {
		exit !($4 * 100 <= most * $6) }' <<<"$output"
}

@test "plain nodes and a program at the file ring each other, and none is lost" {
	plain n1
	plain n2
	begin n1 - wait 7 20000 90
	assert "without an ID of a server" test "$id" -ge 65536
	local n1=$id
	fam_run run_in host "$fabric" ring "$n1" 7 8000
	fam_run run_in n2 - ring "$n1" 7 8000
	fam_run run_in n1 - ring "$n1" 7 3999
	fam_run run_in host "$fabric" ring "$n1" 6 1
	refute "one is missing" ended n1
	fam_run run_in n2 - ring all 7 1
	finish n1
	assert_output "rang 20000 "
	figure "20,000 rings by counters"
	rings_reach host "$fabric" n1 - 31
	rings_reach n2 - n1 - 0
	begin n2 - poll 3 1 60
	fam_run run_in host "$fabric" ring "$id" 3 1
	finish n2
	assert_output "rang 1 "
	vm_stop n1
	vm_stop n2
}

@test "who looks at counters uses little CPU, in a node and on the host" {
	plain n1
	begin n1 - wait 0 1 90
	local n1=$id
	begin host "$fabric" wait 0 1 90
	# Time for them to waste some.
	vm_exec n1 'sleep 5'
	fam_run run_in host "$fabric" ring all 0 1
	finish host
	figure host
	cpu_below 2
	finish n1
	figure node
	cpu_below 4
	vm_stop n1
}

@test "a doorbell node without the module rings by registers, and hears counters" {
	serve 3
	bell "$bundle" 3 n1
	plain n2
	fam_run vm_exec n1 'fam info'
	assert_output -r 'interrupts: +no, programs that wait look at the memory'
	assert_output -r 'peer: +1, with 3 vectors'
	assert_output "the kernel module fam_ivshmem is not loaded"
	assert_output 'by the server; it is rung'
	vm_exec n1 'printf by-registers | fam write --persist'
	rings_reach n1 - host "server:$socket.host" 1
	assert "its ID is the server's" test "$id" = 1
	rings_reach host "server:$socket.host" n1 - 1
	rings_reach n1 - host "$fabric" 1
	rings_reach host "$fabric" n1 - 1
	rings_reach n1 - n2 - 0
	rings_reach n2 - n1 - 0
	rings_reach n1 - n1 - 0
	# By registers to a program of the host that sleeps: nobody looks for it.
	begin host "server:$socket.host" poll 0 1 60
	fam_run run_in n1 - ring all 0 1
	finish host
	fam_run -1 run_in n1 - ring 7 0 1
	assert_output "no fabric has this name"
	vm_stop n1
	vm_stop n2
}

@test "with the module nodes are woken by all others, and all others by them" {
	needs_module
	serve 3
	bell "$module_bundle" 3 n1
	bell "$module_bundle" 3 n2
	plain n3
	fam_run vm_exec n1 'fam info'
	assert_output -r 'backend: +module'
	assert_output -r 'mapped via: +/dev/fam0'
	assert_output -r 'interrupts: +yes, through the kernel module'
	assert_output -r 'cache: +write-back, by the driver of /dev/fam0'
	assert_output -r 'page size: +2 MiB'
	fam_run vm_exec n1 'printf by-module | fam -f /dev/fam0 write --persist && fam -f /dev/fam0 info'
	assert_output 'by the server; it is rung'
	assert "the file has it" test "$(fam -f "$fabric" read --length 9)" = by-module
	fam_run -3 vm_exec n1 'fam -f /dev/fam7 info'
	rings_reach n1 - n2 - 0
	rings_reach n1 - host "server:$socket.host" 1
	rings_reach n1 - n3 - 1
	rings_reach n1 - host "$fabric" 1
	rings_reach n1 - n1 - 1
	rings_reach n3 - n1 - 0
	rings_reach host "$fabric" n1 - 0
	rings_reach host "server:$socket.host" n1 - 0
	begin n1 - poll 0 1 60
	fam_run run_in n2 - ring "$id" 0 1
	finish n1
	begin n1 - wait 0 1 60
	fam_run run_in n2 - ring all 0 1
	finish n1
	vm_stop n1
	vm_stop n2
	vm_stop n3
}

@test "who is woken uses no CPU" {
	needs_module
	serve 2
	bell "$module_bundle" 2 n1
	begin n1 - wait 0 1 90
	local n1=$id
	begin host "server:$socket.host" wait 0 1 90
	vm_exec n1 'sleep 5'
	fam_run run_in host "server:$socket.host" ring all 0 1
	finish host
	figure host
	cpu_below 1
	finish n1
	figure node
	cpu_below 2
	vm_stop n1
}

@test "values go by doorbells alone, without memory, from node to host and back" {
	needs_module
	serve 8 --no-memory
	bell "$module_bundle" 8 n1
	begin host -d "server:$socket.host" receive 1 0 20
	fam_run run_in n1 -d - send "$id" 0 20
	assert_output "20 values in"
	finish host
	begin host -d "server:$socket.host" send 1 0 20
	fam_run run_in n1 -d - receive "$id" 0 20
	finish host
	# Who has no memory is not killed for it when the device goes.
	begin n1 -d - wait 0 1 60
	vm_exec n1 'rings -d - ring 9 0 2000000000 >/tmp/ringer.log 2>&1 &'
	wait_until 30 vm_exec n1 'grep -q ^self /tmp/ringer.log'
	# shellcheck disable=SC2016 # the guest expands
	vm_exec n1 'basename "$(readlink -f /sys/class/fam/fam0/device)" \
		>/sys/bus/pci/drivers/fam_ivshmem/unbind'
	wait_until 30 ended n1
	fam_run out_of n1
	assert_output "this machine has no fabric"
	wait_until 30 vm_exec n1 'grep -q "this machine has no fabric" /tmp/ringer.log'
	vm_stop n1
}

@test "values go between nodes that share nothing but memory" {
	plain n1
	plain n2
	# Each looks for the other one by its name.
	begin n2 - receive n1/rings 5 10
	fam_run run_in n1 - send n2/rings 5 10
	finish n2
	begin host "$fabric" send n2/rings 0 10
	fam_run run_in n2 - receive "$(hostname)/rings" 0 10
	finish host
	vm_stop n1
	vm_stop n2
}

# The device's files as the udev rule leaves them, for user and group 1000.
# shellcheck disable=SC2016 # the guest expands
readonly USER_MADE='d=/sys/bus/pci/devices/$(for d in /sys/bus/pci/devices/*; do
	[ "$(cat $d/vendor)$(cat $d/device)" = 0x1af40x1110 ] && basename $d; done)
	echo "user:x:1000:1000::/:/bin/sh" >>/etc/passwd
	echo "fam:x:1000:" >>/etc/group
	for f in $d/resource0 $d/resource2 $d/resource2_wc /dev/fam0; do
		[ ! -e $f ] || { chgrp 1000 $f && chmod 660 $f; } || exit 1
	done
'
user_in() { # NODE COMMAND
	vm_exec "$1" "su -s /bin/sh user -c '$2'"
}

@test "an ordinary user may do all of it, by the way that is open to it" {
	serve 2
	bell "$bundle" 2 n1
	vm_exec n1 "$USER_MADE"
	fam_run user_in n1 'id -u; fam info'
	assert_output 1000
	assert_output -r 'mapped via: +/sys/bus/pci/devices/[0-9a-f:.]+/resource2'
	assert_output -r 'backend: +resource2; the kernel module fam_ivshmem is not loaded; /dev/mem: '
	user_in n1 'printf by-a-user | fam write'
	assert "it is there" test "$(fam -f "$fabric" read --length 9)" = by-a-user
	begin host "server:$socket.host" wait 0 1 60
	fam_run user_in n1 "rings - ring $id 0 1"
	finish host
	vm_stop n1
}

@test "with the module an ordinary user has memory and interrupts" {
	needs_module
	serve 2
	bell "$module_bundle" 2 n1
	vm_exec n1 "$USER_MADE"
	fam_run user_in n1 'fam info'
	assert_output -r 'backend: +module'
	assert_output -r 'interrupts: +yes'
	begin host "server:$socket.host" wait 0 1 60
	fam_run user_in n1 "rings - ring $id 0 1"
	finish host
	vm_exec n1 'chmod 600 /dev/fam0'
	fam_run -1 user_in n1 'rings - ring 1 0 1'
	assert_output "permission denied"
	fam_run -4 vm_exec n1 'rm /dev/fam0 && fam info'
	assert_output "a driver in this machine holds the device's memory"
	vm_stop n1
}
