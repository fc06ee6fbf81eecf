#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Flush windows in real guests: a virtio-pmem device over the fabric's own file,
# and devices which look like one and are not. That what was acknowledged is
# there after a power cut is the business of tests/crash.

export BATS_TEST_TIMEOUT=180

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/disk
	disk='' server=''
}

teardown() {
	[[ -z ${server:-} ]] || proc_end "$server"
	vm_teardown
	disk_end
}

# A fabric on a disk of its own.
set_up_disk() {
	disk_begin 64
	f=$disk/f.fam
	famctl create-fabric 16M f --path "$f" >/dev/null
}

# One that is on no disk in particular.
set_up_file() {
	f=$BATS_TEST_TMPDIR/f.fam
	famctl create-fabric 16M f --path "$f" >/dev/null
}

serve() {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	"$FAM_BUILD/bin/tm-server" -f "$f" -p "$BATS_TEST_TMPDIR/s" --name f \
		</dev/null 2>>"$BATS_TEST_TMPDIR/log" 3>&- &
	server=$!
	wait_until 10 test -S "$BATS_TEST_TMPDIR/s.ctl"
}

# Has the node store a text that is new to the disk. Somebody may happen to sync
# all disks of this machine right then: once more with another text.
store_unwritten() { # NODE
	local i
	for i in {1..10}; do
		text="stored-by-the-node-$i-$RANDOM"
		vm_exec "$1" "printf $text | fam write --offset 1M" || return
		disk_has "$text" || return 0
	done
	die "what a node stores reaches the disk by itself"
}

# What the node makes durable is on the disk, and the disk was told to keep it.
commits_reach_the_disk() { # NODE
	local flushes text
	store_unwritten "$1"
	flushes=$(disk_flushes)
	vm_exec "$1" 'fam persist --offset 1M --length 64'
	assert "'$text' is on the disk" disk_has "$text"
	assert "the disk's cache was flushed" test "$(disk_flushes)" -gt "$flushes"
}

is_way() { # NODE WAY
	run vm_exec "$1" 'fam info --json'
	expect 0 "\"persist\": \"$2\""
}

# A virtio-pmem device over FILE, in the words of QEMU; for vm_start.
pmem_over() { # FILE
	pmem=(-q -m -q '256,slots=1,maxmem=512M'
		-q -object -q "memory-backend-file,id=p,share=on,size=16M,mem-path=$1"
		-q -device -q 'virtio-pmem-pci,memdev=p,bus=pcie.0,addr=0x1c')
}

@test "by transport plain, without a server: what is acknowledged is on the disk" {
	set_up_disk
	vm_start -f "$f" -o --flush=window n1
	run vm_exec n1 'fam info; fam info --json'
	expect 0 "persist:     to the host's disk, by fsync on /dev/pmem0" \
		'"persist": "window"' '"window": "/dev/pmem0"' '"failed": ""'
	commits_reach_the_disk n1
	# Once more, with the same process doing both.
	vm_exec n1 'printf both-at-once | fam write --offset 2M --persist'
	assert "it is on the disk" disk_has both-at-once
	vm_stop n1
}

@test "by transport doorbell: the window is used although the server would do it" {
	set_up_disk
	serve
	vm_start -d "$f:$BATS_TEST_TMPDIR/s" -o --flush=window n1
	is_way n1 window
	commits_reach_the_disk n1
	vm_stop n1
}

@test "a sync through the window takes along what others stored" {
	set_up_disk
	vm_start -f "$f" -o --flush=window n1
	vm_start -f "$f" -o --flush=window n2
	local text
	store_unwritten n1
	vm_exec n2 'fam persist --length 64'
	assert "what the other node stored is on the disk" disk_has "$text"
	vm_stop n1
	vm_stop n2
}

@test "the window of a file that is gone has no success, once a server found out" {
	local fd
	set_up_disk
	serve
	vm_start -f "$f" -o --flush=window n
	run vm_exec n 'fam persist --length 4096'
	expect 0
	exec {fd}<>"$f"
	rm "$f"
	# Some other client's request has the server look.
	printf 'claim\npost 2097152 64\nwait 5000\n' |
		"$FAM_BUILD/tests/fam-flush" "/proc/self/fd/$fd" >/dev/null
	exec {fd}>&-
	run vm_exec n 'fam persist --length 4096'
	expect 1 "the fabric's file was removed"
	run vm_exec n 'fam info'
	expect 0 "fsync on /dev/pmem0" "but now:     the fabric's file was removed"
}

@test "several fabrics have a window each" {
	local g=$BATS_TEST_TMPDIR/g.fam
	set_up_disk
	famctl create-fabric 32M g --path "$g" >/dev/null
	vm_start -f "$g" -f "$f" -o --flush=window -o --machine=pc n1
	run vm_exec n1 'fam -f g info; fam -f f info'
	expect 0 'by fsync on /dev/pmem0' 'by fsync on /dev/pmem1'
	local text=in-f-$RANDOM
	vm_exec n1 "printf $text | fam -f f write --persist"
	assert "it is on the disk" disk_has "$text"
	vm_stop n1
}

@test "a pmem device over another fabric is not taken for the window" {
	local -a pmem
	set_up_file
	famctl create-fabric 16M other --path "$BATS_TEST_TMPDIR/other.fam" >/dev/null
	pmem_over "$BATS_TEST_TMPDIR/other.fam"
	vm_start -f "$f" "${pmem[@]}" n1
	run vm_exec n1 'ls /dev/pmem0'
	expect 0 /dev/pmem0
	is_way n1 mailbox
	vm_stop n1
}

@test "a pmem device over a copy of the file is not taken for the window" {
	local -a pmem
	set_up_file
	cp "$f" "$BATS_TEST_TMPDIR/copy.fam"
	pmem_over "$BATS_TEST_TMPDIR/copy.fam"
	vm_start -f "$f" "${pmem[@]}" n1
	run vm_exec n1 'head -c 4096 /dev/pmem0 | md5sum; fam info --json'
	expect 0 "$(head -c 4096 "$f" | md5sum | cut -d ' ' -f 1)" '"persist": "mailbox"'
	vm_stop n1
}

@test "an nvdimm over the same file is not taken for the window: it syncs nothing" {
	local -a modules
	local load
	set_up_file
	vm_modules nfit
	famctl make-bundle --dir "$BATS_TEST_TMPDIR/bundle" "${modules[@]}"
	vm_start -b "$BATS_TEST_TMPDIR/bundle" -f "$f" -o --machine=q35 \
		-q -machine -q nvdimm=on -q -m -q 256,slots=1,maxmem=512M \
		-q -object -q "memory-backend-file,id=p,share=on,size=16M,mem-path=$f" \
		-q -device -q nvdimm,memdev=p n1
	# The device appears behind the driver's back.
	run vm_exec n1 "$load && until [ -e /dev/pmem0 ]; do usleep 10000; done
		head -c 4096 /dev/pmem0 | md5sum"
	expect 0 "$(head -c 4096 "$f" | md5sum | cut -d ' ' -f 1)"
	is_way n1 mailbox
	vm_stop n1
}

@test "a window declared to be write-through is not used: nothing would be flushed" {
	set_up_file
	vm_start -f "$f" -o --flush=window n1
	is_way n1 window
	vm_exec n1 'echo write through >/sys/class/block/pmem0/queue/write_cache'
	is_way n1 mailbox
	vm_stop n1
}

@test "where the window cannot be opened there is the mailbox" {
	set_up_file
	vm_start -f "$f" -o --flush=window n1
	vm_exec n1 'fam persist --length 1'
	vm_exec n1 'rm /dev/pmem0'
	is_way n1 mailbox
	run vm_exec n1 'fam persist --length 1'
	expect 5 'cannot make the data durable'
	vm_stop n1
}
