#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Damaged superblocks, seen from a node and from the host.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/hurt.fam
	famctl create-fabric 16M hurt --path "$fabric"
	printf hello | fam -f "$fabric" write
}

teardown() {
	vm_teardown
}

# Overwrites 8 bytes in the middle of superblock copy 0 or 1.
hurt() { # COPY
	printf 'damaged!' | dd of="$fabric" bs=1 seek=$(($1 * 1048576 + 48)) \
		conv=notrunc status=none
}

both_sides_read() { # TEXT-IN-INFO...
	run fam -f "$fabric" info
	expect 0 "$@"
	vm_start -f "$fabric" n1
	run vm_exec n1 'fam info'
	expect 0 "$@"
	run vm_exec n1 'fam -f hurt read --length 5'
	expect 0 hello
	vm_stop n1
}

@test "the first copy is damaged: the fabric opens and says so" {
	hurt 0
	both_sides_read 'damaged'
}

@test "the second copy is damaged: the fabric opens and says so" {
	hurt 1
	both_sides_read 'damaged'
}

@test "both copies are damaged: refused, and nothing is changed" {
	hurt 0
	hurt 1
	before=$(sha256sum <"$fabric")
	run famctl create-node n1 --fabric "$fabric"
	expect 1 'both copies of the superblock are damaged' 'hint:'
	run fam -f "$fabric" read --length 5
	expect 1 'both copies of the superblock are damaged' 'hint:'
	[[ $(sha256sum <"$fabric") == "$before" ]]
}

@test "both copies are damaged under a running node: refused, and nothing is changed" {
	vm_start -f "$fabric" n1
	hurt 0
	hurt 1
	before=$(sha256sum <"$fabric")
	run vm_exec n1 'fam read --length 5'
	expect 1 'both copies of the superblock are damaged' 'hint:'
	run vm_exec n1 'printf x | fam write'
	expect 1 'both copies of the superblock are damaged'
	vm_stop n1
	[[ $(sha256sum <"$fabric") == "$before" ]]
}

@test "a superblock overwritten with zeros: refused as not formatted" {
	vm_start -f "$fabric" n1
	dd if=/dev/zero of="$fabric" bs=4096 count=1 conv=notrunc status=none
	run vm_exec n1 'fam read --length 5'
	expect 0 hello
	dd if=/dev/zero of="$fabric" bs=4096 count=1 seek=256 conv=notrunc status=none
	run vm_exec n1 'fam read --length 5'
	expect 1 'not a formatted fabric'
	vm_stop n1
}
