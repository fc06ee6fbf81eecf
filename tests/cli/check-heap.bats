#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# famctl check-fabric of a heap: what a user sees.

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

file='' # set by servers_setup

setup() {
	servers_setup
	"$FAM_BUILD/bin/fam" -f "$file" kv put --bytes 2M key value
}

teardown() {
	servers_teardown
}

check() {
	famctl check-fabric "$file" "$@"
}

@test "a heap is counted" {
	fam_run check
	assert_output -r "0 objects; 1 heap with [0-9]+ objects"
	assert_output "no problem was found"
	fam_run check --json
	assert_json '.heaps == 1 and .heap_objects > 2 and .clean'
}

@test "a damaged header is told and written anew" {
	local at
	at=$("$FAM_BUILD/bin/fam" -f "$file" stat --json kv | jq '.[0].offset')
	printf X | dd of="$file" bs=1 seek=$((at + 20)) conv=notrunc status=none
	fam_run -6 check
	assert_output -r "damage +no +heap 'kv', header, copy 0 +it is damaged; the other one serves"
	fam_run check --repair
	assert_output "1 damage, 0 losses, 0 notes; 1 of these repaired"
	fam_run "$FAM_BUILD/bin/fam" -f "$file" kv get key
	assert_output "value"
}
