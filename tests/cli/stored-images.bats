#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Whole fabrics as earlier releases left them, in tests/data: each later one opens,
# checks and uses them, for ever. A new version of the format adds an image here.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$dir/f.fam" "$@"
}

unpack() { # IMAGE
	gzip -dc "$BATS_TEST_DIRNAME/../data/$1.img.gz" >"$dir/packed"
	cp --sparse=always "$dir/packed" "$dir/f.fam"
}

@test "the format with regions: all is there" {
	unpack format-v1-regions
	fam_run famctl check-fabric "$dir/f.fam"
	assert_output "4 regions, 4.1 MiB taken, 7.8 MiB free; 1 object"
	assert_output "no problem was found"
	fam_run fam ls -r --json
	assert_json '[.regions[].name] == ["big", "docs/first", "docs/renamed", "größe"]'
	assert_json '[.regions[].bytes] == [4194304, 14, 100000, 5000]'
	assert_json '[.regions[].mode] == ["0640", "0600", "0600", "0600"]'
	fam_run fam get docs/first -
	assert_output -x 'kept for ever'
	fam get docs/renamed - | cmp - <(head -c 100000 /dev/zero | tr '\0' x)
	fam_run fam objects --json
	assert_json '[.objects[].name] == ["build"]'
}

@test "the format with regions: it is used on" {
	unpack format-v1-regions
	fam create new 2M
	fam mv docs/first docs/last
	fam resize größe 10000
	fam rm big
	fam lock build -- true
	fam_run fam ls -r --json
	assert_json '[.regions[].name] == ["docs/last", "docs/renamed", "größe", "new"]'
	fam_run famctl check-fabric "$dir/f.fam"
	assert_output "4 regions, 2.1 MiB taken, 9.8 MiB free; 1 object"
	fam_run fam get docs/last -
	assert_output -x 'kept for ever'
}

# As a power cut left it: the journals say what is nowhere else.
@test "the format with heaps: what was committed before a power cut is there" {
	unpack format-v1-heaps
	fam_run famctl check-fabric "$dir/f.fam"
	assert_output -r 'note .*transactions of before the last start of the host are to be finished'
	assert_output '2 heaps with 39 objects'
	fam_run fam kv list --json
	assert_json '.keys | length == 32'
	fam_run fam kv get größe
	assert_output -x 'in a journal only'
	fam_run -7 fam kv get key7
	fam kv get large | cmp - <(head -c 30000 /dev/zero | tr '\0' x)
	fam_run fam kv log --json
	assert_json '[.changes[] | select(.change == "rm") | .key] == ["gone", "key7"]'
	fam_run famctl check-fabric "$dir/f.fam"
	assert_output 'no problem was found'
}

@test "the format with heaps: they are used on" {
	unpack format-v1-heaps
	fam kv put first 'something else'
	fam kv rm large
	fam kv put new <"$dir/packed" || true # larger than the heap
	fam_run fam kv get first
	assert_output -x 'something else'
	fam_run fam heap list scratch --json
	assert_json '.count == 0'
	fam_run fam kv log --json
	assert_json '.changes[-1].number == 38'
	fam_run famctl check-fabric "$dir/f.fam"
	assert_output 'no problem was found'
}

@test "the format with heaps: who may only read waits for somebody who may write" {
	requires_root "to be another user"
	unpack format-v1-heaps
	fam chmod 644 scratch
	chmod 666 "$dir/f.fam"
	home=$(user_home)
	install -m 755 "$FAM_BUILD/bin/fam" "$home/fam"
	fam_run -1 as_user "$home" "$home/fam" -f "$dir/f.fam" heap list scratch
	assert_stderr "cannot read heap 'scratch': it was not recovered since the host was started"
	fam_run fam heap list scratch
	fam_run as_user "$home" "$home/fam" -f "$dir/f.fam" heap list scratch
	assert_output -x 'OFFSET           BYTES'
}
