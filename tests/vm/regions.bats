#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Regions between real guests and the host.

export BATS_TEST_TIMEOUT=300

setup() {
	load ../lib/assert
	load ../lib/vm
	dir=$(public_dir fam-regions)
	fabric=$dir/f.fam
	server=''
	# Where famctl looks for the server of a fabric; the name must be ours alone.
	run_dir=/run/fam
	((EUID == 0)) || run_dir=${XDG_RUNTIME_DIR:?}/fam
	mkdir -p "$run_dir"
	name=famt-regions-$$-$BATS_TEST_NUMBER
	socket=$run_dir/$name.sock
	famctl create-fabric 64M "$name" --path "$fabric" >/dev/null
}

teardown() {
	[[ -z ${server:-} ]] || proc_end "$server"
	vm_teardown
	rm -rf "${dir:?}" "${socket:?}"*
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$fabric" "$@"
}

serve() {
	"$FAM_BUILD/bin/tm-server" -f "$fabric" -p "$socket" </dev/null 2>>"$dir/log" 3>&- &
	server=$!
	wait_until 10 test -S "$socket.ctl"
}

# names COMMAND...: all names, on one line.
names() {
	"$@" ls -r | tr '\n' ' '
}

on() { # NODE WORD...
	local node=$1
	shift
	vm_exec "$node" "fam $*"
}

@test "two nodes and the host see the same regions, and what is in them" {
	serve
	vm_start -f "$fabric" n1
	vm_start -d "$fabric:$socket" n2
	head -c 3000000 /dev/urandom >"$dir/in"
	fam put "$dir/in" from/host
	vm_exec n1 'head -c 700000 /dev/urandom >/tmp/in && fam put /tmp/in from/n1'
	vm_exec n2 'head -c 9000 /dev/urandom | fam put - from/n2'
	assert "the host" test "$(names fam)" = 'from/host from/n1 from/n2 '
	assert "one node" test "$(names on n1)" = 'from/host from/n1 from/n2 '
	assert "the other one" test "$(names on n2)" = 'from/host from/n1 from/n2 '
	[[ $(vm_exec n1 'fam get from/host - | md5sum') == "$(md5sum <"$dir/in")" ]]
	[[ $(vm_exec n1 'md5sum </tmp/in') == "$(fam get from/n1 - | md5sum)" ]]
	[[ $(vm_exec n1 'fam get from/n2 - | md5sum') == "$(fam get from/n2 - | md5sum)" ]]
	assert "it tells where it was made" test "$(fam stat from/n2 --json | jq -r '.[0].node')" = n2
	vm_exec n2 'fam mv from/n1 moved && fam resize moved 10 && fam chmod 644 moved'
	run fam stat moved
	expect 0 '(10 bytes)' 'rw-r--r--'
	fam rm moved
	run vm_exec n1 'fam stat moved'
	expect 3 "cannot look at region 'moved': there is none"
	run vm_exec n1 'fam create all 1G'
	expect 1 'no free piece is that large: the largest has'
	run vm_exec n2 'fam df --json'
	expect 0
	jq -e '.taken + .free == .bytes and .regions == 2' <<<"$output"
	vm_stop n1
	vm_stop n2
}

@test "without a server a node can do what need not be durable" {
	vm_start -f "$fabric" n1
	run vm_exec n1 'fam create x 4K'
	expect 5 "cannot create region 'x': the server is gone" "hint: 'famctl start-server'" '--no-sync'
	assert "nothing was made" test "$(names fam)" = ''
	run vm_exec n1 'echo content | fam put - x'
	expect 5 "cannot store region 'x': the server is gone" '--no-sync'
	assert "nothing was made" test "$(names on n1)" = ''
	vm_exec n1 'echo content | fam put - x --no-sync'
	assert "it is not durable" test "$(vm_exec n1 'fam df --json' | jq '.loose > 0')" = true
	[[ $(fam get x -) == content ]]
	serve
	vm_exec n1 'fam create y 4K'
	assert "and now it is" test "$(fam df --json | jq .loose)" = 0
	vm_stop n1
}

@test "what a node has open the others know, until it is killed" {
	fam create used 4M
	fam create free 4M
	vm_start -f "$fabric" n1
	vm_exec n1 '(sleep 1000 | fam write --region used) >/dev/null 2>&1 </dev/null &'
	writes() { fam stat used --json | jq -e '.[0].writers == 1' >/dev/null; }
	wait_until 30 writes
	run fam rm used
	expect 4 "cannot remove region 'used': somebody has it open"
	fam rm free
	vm_kill n1
	wait_until 30 fam rm used
	[[ $(names fam) == '' ]]
}
