#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# fam_persist() in real guests, through the mailbox of a real server. That what
# it says is true after a power cut is the business of tests/crash.

export BATS_TEST_TIMEOUT=180

setup() {
	load ../lib/assert
	load ../lib/vm
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	dir=$(public_dir fam-persist)
	file=$dir/f.fam
	server=''
	# Where famctl looks for the server of a fabric; the name must be ours alone.
	run_dir=/run/fam
	((EUID == 0)) || run_dir=${XDG_RUNTIME_DIR:?}/fam
	mkdir -p "$run_dir"
	name=famt-persist-$$-$BATS_TEST_NUMBER
	socket=$run_dir/$name.sock
	famctl create-fabric 64M "$name" --path "$file" >/dev/null
}

teardown() {
	[[ -z ${server:-} ]] || proc_end "$server"
	vm_teardown
	! mountpoint -q "$dir/mnt" || umount "$dir/mnt"
	rm -rf "${dir:?}" "${socket:?}"*
}

serve() { # [FILE]
	"$FAM_BUILD/bin/tm-server" -f "${1:-$file}" -p "$socket" \
		</dev/null 2>>"$dir/log" 3>&- &
	server=$!
	wait_until 10 test -S "$socket.ctl"
}

# What the server says about itself.
served() { # FILTER
	famctl show-fabric "$file" --json | jq -r "$1"
}

persist_says() { # NODE
	vm_exec "$1" 'fam info' | sed -n 's/^ *\(persist\|but now\): *//p'
}

# As a program of the host stores it whose write-back failed: -EIO.
mark_failed() {
	printf '\xfb\xff\xff\xff' | dd of="$file" bs=1 seek=$((65536 + 84)) conv=notrunc status=none
}


@test "by doorbell: written, durable, and counted" {
	serve
	vm_start -d "$file:$socket" n1
	run vm_exec n1 'fam info; fam info --json'
	expect 0 "persist:     to the host's disk, by the server; it is rung" \
		'"persist": "mailbox"' '"rung": true' '"failed": ""'
	run vm_exec n1 'printf durable | fam write --persist && fam persist --length 4096'
	expect 0
	run fam -f "$file" read --length 7
	expect 0 durable
	assert "the server counts both" test "$(served .commits)" -ge 2
	assert "and was rung for both" test "$(served .notified)" = rung
	vm_stop n1
}

@test "without doorbells the server looks by itself" {
	serve
	vm_start -f "$file" n1
	assert "it polls" test "$(persist_says n1)" = "to the host's disk, by the server; it polls"
	# shellcheck disable=SC2016 # the guest expands
	run vm_exec n1 'for i in 1 2 3 4 5 6 7 8; do echo $i | fam write --persist || exit; done'
	expect 0
	run vm_exec n1 'fam persist --offset 4K --length 64; fam persist --length 0'
	expect 0
	assert "all were answered" test "$(served .commits)" -ge 10
	vm_stop n1
}

@test "the way ends with the server, and begins with it again" {
	vm_start -f "$file" n1
	run persist_says n1
	expect 0 'it polls' 'the server is gone'
	run vm_exec n1 'printf x | fam write --persist'
	expect 5 'cannot make the data durable' 'the server is gone' 'hint:' 'famctl start-server'
	serve
	run vm_exec n1 'fam persist --length 64'
	expect 0
	proc_end "$server"
	run vm_exec n1 'fam persist --length 64'
	expect 5 'the server is gone'
	serve
	run vm_exec n1 'fam persist --length 64'
	expect 0
	vm_stop n1
}

@test "a killed server is found out, and replaced without notice" {
	serve
	vm_start -f "$file" n1
	vm_exec n1 'fam persist --length 64'
	kill -KILL "$server"
	wait_until 10 proc_gone "$server"
	# Nobody told the node: it waits for a sign of life.
	run vm_exec n1 'fam persist --length 64'
	expect 5 'the server is gone'
	# shellcheck disable=SC2016 # the guest expands
	vm_exec n1 '(fam persist --length 64; echo $? >/tmp/status) >/dev/null 2>&1 &'
	serve
	run vm_exec n1 'while [ ! -s /tmp/status ]; do usleep 50000; done; cat /tmp/status'
	expect 0 0
	vm_stop n1
}

# QEMU does not attach again: the node rings a server that is gone.
@test "after a killed server the rings of old nodes lead nowhere, and commits go on" {
	serve
	vm_start -d "$file:$socket" n1
	vm_exec n1 'fam persist --length 64'
	kill -KILL "$server"
	wait_until 10 proc_gone "$server"
	serve
	# shellcheck disable=SC2016 # the guest expands
	run vm_exec n1 'for i in 1 2 3 4; do echo $i | fam write --persist || exit; done'
	expect 0
	assert "the server looks by itself" test "$(served .notified)" != rung
	assert "and has answered" test "$(served .commits)" -ge 4
	vm_stop n1
}

@test "a failed write-back is the answer to all until it is cleared" {
	serve
	vm_start -d "$file:$socket" n1
	vm_exec n1 'fam persist --length 64'
	mark_failed
	run vm_exec n1 'fam persist --length 64'
	expect 1 'writing to the disk failed' 'famctl clear-errors'
	run persist_says n1
	expect 0 'it is rung' 'writing to the disk failed'
	famctl clear-errors "$file"
	run vm_exec n1 'fam persist --length 64'
	expect 0
	vm_stop n1
}

@test "where the file is in memory nothing is promised" {
	requires_root "to mount a tmpfs"
	mkdir "$dir/mnt"
	mount -t tmpfs -o size=80M none "$dir/mnt"
	cp "$file" "$dir/mnt/f.fam"
	serve "$dir/mnt/f.fam"
	vm_start -f "$dir/mnt/f.fam" n1
	run vm_exec n1 'fam persist --length 64'
	expect 1 "no way to the host's disk"
	vm_stop n1
}

@test "durability guest needs no server" {
	famctl create-fabric 16M g --path "$dir/g.fam" --durability guest >/dev/null
	vm_start -f "$dir/g.fam" n1
	assert "only the node's part" test "$(persist_says n1)" = \
		'against a crash of the node only, as the fabric asks'
	run vm_exec n1 'fam persist && printf x | fam write --persist'
	expect 0
	vm_stop n1
}

@test "a raw fabric has no mailbox" {
	famctl create-fabric 16M raw --path "$dir/raw.fam" --raw >/dev/null
	vm_start -f "$dir/raw.fam" n1
	run vm_exec n1 'fam --raw persist --length 64'
	expect 1 "no way to the host's disk" 'famctl sync-fabric'
	run vm_exec n1 'fam info'
	expect 0 'not possible: a raw fabric, and the node has no flush window'
	vm_stop n1
}
