#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes as domains of qemu:///system: made, started, stopped and removed, and
# what of it is undone when it fails.

export BATS_TEST_TIMEOUT=240

setup_file() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	export dir prefix=famt-nodes-$$
	# QEMU's user must be able to reach it, which a home directory need not allow.
	dir=$(public_dir fam-nodes)
	if ((EUID == 0)); then
		libvirt_up "$dir/libvirt"
		famctl make-bundle --dir "$dir/bundle" >&2
	fi
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	requires_root "qemu:///system"
	fabrics=$(mktemp -d "$dir/test.XXXXXX")
	chmod 755 "$fabrics"
	make_fabric a
}

teardown() {
	domains_end
	rm -rf "${fabrics:?}"
}

teardown_file() {
	load ../lib/libvirt
	libvirt_down "$dir/libvirt"
	rm -rf "${dir:?}"
}

make_fabric() { # NAME [SIZE [OPTION...]]
	famctl create-fabric "${2:-16M}" "$1" --path "$fabrics/$1.fam" "${@:3}" >/dev/null
}

# create NAME [OPTION...]: a node with fabric a. Servers are no subject here.
create() {
	famctl create-node "$prefix$1" --fabric "$fabrics/a.fam" "${@:2}" --virt-type qemu \
		--memory 256M --bundle-dir "$dir/bundle" --flush none
}

# A node's command with its names made unique.
on() { # COMMAND NAME [OPTION...]
	famctl "$1-node" "$prefix$2" "${@:3}"
}

defined() { # NAME
	domains | grep -qx "$prefix$1"
}

state() { # NAME
	famctl list-nodes --json | jq -r ".[] | select(.name == \"$prefix$1\") | .state"
}

is_state() { # NAME STATE
	[[ $(state "$1") == "$2" ]]
}

@test "a node is defined, started, shut down by its guest, started again, and destroyed" {
	fam_run create n1 --define
	is_state n1 'shut off'
	fam_run on start n1
	is_state n1 running
	fam_run -4 on start n1
	node_exec "${prefix}n1" 'printf written-by-the-node | fam write'
	node_close "${prefix}n1"
	fam_run on stop n1
	assert_stderr -x "famctl: node '${prefix}n1' stopped"
	is_state n1 'shut off'
	fam_run -4 create n1 --define
	fam_run on destroy n1
	assert_stderr "fabric 'a' is kept: $fabrics/a.fam"
	refute "it is gone" defined n1
	assert "the data outlive the node" test \
		"$(fam -f "$fabrics/a.fam" read --length 19)" = written-by-the-node
}

@test "an emulated node has two possible processors, no ERMS, and knows its name" {
	fam_run create n1 --start
	fam_run node_exec "${prefix}n1" 'cat /sys/devices/system/cpu/possible
		grep -c ^processor /proc/cpuinfo; grep -cw erms /proc/cpuinfo
		grep -o "fam.node=[^ ]*" /proc/cmdline'
	assert_output -x "0-1
1
0
fam.node=${prefix}n1"
}

# The memory of each fabric of a node lies where the metadata say, above 4 GiB
# where it can be write-back, and is as large as the file.
bars_are_well() { # NAME
	local device size start end flags i=0 look=true
	local -a devices=() sizes=() found=()
	while read -r device size; do
		devices+=("$device") sizes+=("$size")
		look+="; sed -n 3p /sys/bus/pci/devices/0000:${device/\//\/0000:*:}/resource"
	done < <(famctl list-nodes --json | jq -r ".[] | select(.name == \"$prefix$1\")
		| .attachments[] | \"\(.device) \(.size)\"")
	mapfile -t found < <(node_exec "$prefix$1" "$look")
	assert "$1 has a fabric" test "${#devices[@]}" -gt 0 || return
	for device in "${devices[@]}"; do
		read -r start end flags <<<"${found[i]}"
		assert "$device: ${found[i]} is above 4 GiB" test $((start)) -ge $((1 << 32)) || return
		assert "$device: $flags has its size" \
			test $((end - start + 1)) -eq "${sizes[i]}" || return
		i=$((i + 1))
	done
}

@test "one to eight fabrics of all sizes get their places beside libvirt's own devices" {
	local machine sizes=(16M 64M 256M 512M 1G 2G 16G 64G) i
	local -a options=()
	truncate -s 1M "$fabrics/disk"
	for i in "${!sizes[@]}"; do
		make_fabric "f$i" "${sizes[i]}" --sparse
		options+=(--fabric "$fabrics/f$i.fam")
	done
	for machine in q35 pc; do
		fam_run famctl create-node "$prefix$machine" "${options[@]}" --machine "$machine" \
			--virt-type qemu --memory 256M --bundle-dir "$dir/bundle" --flush none --start \
			--disk "$fabrics/disk" --network user
		bars_are_well "$machine"
		fam_run on destroy "$machine" --force
	done
	fam_run create one --start
	bars_are_well one
}

@test "fabrics beyond 40 bits of addresses get a place" {
	local size
	for size in 512G 1T; do
		make_fabric "big$size" "$size" --sparse
		fam_run create "$size" --fabric "$fabrics/big$size.fam" --start
		bars_are_well "$size"
		fam_run node_exec "$prefix$size" 'fam --fabric big'"$size"' info'
		assert_output -r 'cache: +write-back'
		fam_run on destroy "$size" --force
	done
}

@test "several nodes are made and started at once" {
	fam_run create n --count 2 --start --json
	assert_json 'map(.started) == [true, true]'
	is_state n01 running
	is_state n02 running
	# Their guests still boot: the power button is pressed until they hear it.
	fam_run famctl stop-node --timeout 60 "${prefix}n01" "${prefix}n02"
	is_state n02 'shut off'
}

@test "when one of several cannot be made, none is" {
	fam_run create n02 --define
	fam_run -4 create n --count 3 --define
	assert_stderr "cannot create node '${prefix}n02': a domain of this name exists"
	assert "only the older one is there" test "$(domains)" = "${prefix}n02"
	fam_run -4 create n --count 3 --start
	assert "the first one was removed" test "$(domains)" = "${prefix}n02"
}

@test "a node that cannot be told of is stopped and removed" {
	local option
	to_full() { create "$@" --json >/dev/full; }
	for option in --define --start; do
		fam_run -1 to_full n1 "$option"
		assert_stderr -x "famctl: cannot write the output: No space left on device"
		refute "it is gone" defined n1
	done
}

@test "a node that does not start is not left defined" {
	fam_run -1 create n1 --start --network famt-no-such-network
	assert_stderr "cannot create node '${prefix}n1': libvirt cannot start it: "
	refute "it is gone" defined n1
	fam_run -1 create n1 --define --machine pc-q35-99.9
	assert_stderr "cannot create node '${prefix}n1': libvirt refused the domain: "
	refute "it was never there" defined n1
}

@test "Ctrl-C leaves no node behind" {
	local pid rc=0
	env --default-signal=INT "$FAM_BUILD/bin/famctl" create-node --count 1000 --define \
		"${prefix}n" --fabric "$fabrics/a.fam" --virt-type qemu --bundle-dir "$dir/bundle" \
		3>&- 2>/dev/null &
	pid=$!
	wait_until 30 defined n0001
	kill -INT "$pid"
	wait "$pid" || rc=$?
	assert "it died of the signal" test "$rc" -eq 130
	assert "nothing is left" test -z "$(domains)"
}

# Types the command in the hint of the last one; before it there may be advice.
follow_hint() {
	# shellcheck disable=SC2154 # by fam_run
	bash -c "$(sed -n 's/^hint: \(.* in: \)\?//p' <<<"$stderr")"
}

@test "a fabric QEMU may not open is refused, and the hint cures it" {
	chown root:root "$fabrics/a.fam"
	chmod 600 "$fabrics/a.fam"
	fam_run -1 create n1 --define
	assert_stderr "cannot create node '${prefix}n1': QEMU runs as user '"
	assert_stderr "who may not read and write '$fabrics/a.fam'"
	refute "it was not made" defined n1
	follow_hint
	chmod 700 "$fabrics"
	fam_run -1 create n1 --define
	assert_stderr "who may not enter directory '$fabrics'"
	follow_hint
	fam_run create n1 --start
	fam_run node_exec "${prefix}n1" 'fam info'
	assert_output a
}

@test "a node is not started on another fabric than it was made with" {
	fam_run create n1 --define
	mv "$fabrics/a.fam" "$fabrics/kept"
	fam_run -3 on start n1
	assert_stderr "cannot start node '${prefix}n1': "
	make_fabric a
	fam_run -1 on start n1
	assert_stderr "fabric 'a' is another one than when the node was made: UUID "
	assert_stderr "hint: put the file '$fabrics/a.fam' back"
	rm "$fabrics/a.fam"
	make_fabric a 32M
	fam_run -1 on start n1
	assert_stderr "had 16777216 bytes when the node was made, now it has 33554432"
	is_state n1 'shut off'
	mv "$fabrics/kept" "$fabrics/a.fam"
	fam_run on start n1
}

@test "a running node is kept from destruction, and a deaf one from patience" {
	fam_run create n1 --start
	fam_run -4 on destroy n1
	assert_stderr "cannot destroy node '${prefix}n1': it is running"
	is_state n1 running
	# Its guest has not booted yet, so nobody hears the power button.
	fam_run -1 on stop n1 --timeout 0
	assert_stderr "the guest did not shut down within 0 s"
	assert_stderr "hint: wait longer with --timeout, or switch it off with --force"
	fam_run on stop n1 --force
	is_state n1 'shut off'
	fam_run on start n1
	fam_run on destroy n1 --force
	refute "it is gone" defined n1
}

@test "a bundle that is gone is made again when its node starts" {
	fam_run famctl create-node "${prefix}n1" --fabric "$fabrics/a.fam" --virt-type qemu \
		--memory 256M --bundle-dir "$fabrics/own" --flush none --define
	rm -r "$fabrics/own"
	fam_run on start n1 --dry-run
	assert "a dry run makes none" test ! -e "$fabrics/own"
	fam_run on start n1
	fam_run node_exec "${prefix}n1" 'fam info'
	assert_output a
}

@test "what libvirt shows of a node is a template for others" {
	fam_run create n1 --define
	virsh -q -c qemu:///system dumpxml "${prefix}n1" >"$fabrics/n1.xml"
	fam_run create n2 --template "$fabrics/n1.xml" --start
	bars_are_well n2
	assert "both are there" test "$(domains | wc -l)" -eq 2
}
