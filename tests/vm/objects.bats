#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Named objects between a node and the host.

export BATS_TEST_TIMEOUT=300

setup() {
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/objects.fam
	famctl create-fabric 64M objects --path "$fabric"
}

teardown() {
	vm_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$fabric" "$@"
}

# names COMMAND...: the names in a list, on one line.
names() {
	"$@" objects | awk 'NR > 1 { printf "%s ", $NF }'
}

in_node() {
	vm_exec n1 "fam $*"
}

@test "what a node makes the host finds, and the other way round" {
	vm_start -f "$fabric" n1
	fam lock by-host -- true
	vm_exec n1 'fam lock by-node -- true'
	[[ $(names fam) == 'by-host by-node ' ]]
	[[ $(names in_node) == 'by-host by-node ' ]]
	vm_exec n1 'fam objects --remove by-host'
	run fam lock by-node --try -- true
	expect 0
	fam objects --remove by-node
	[[ $(names in_node) == '' ]]
	vm_stop n1
}

@test "a node that is killed keeps no object" {
	vm_start -f "$fabric" n1
	vm_exec n1 'fam lock held -- sleep 1000 >/dev/null 2>&1 </dev/null &'
	wait_until 30 in_use held
	run fam objects --remove held
	expect 4 'somebody uses it'
	vm_kill n1
	wait_until 30 fam objects --remove held
	[[ $(names fam) == '' ]]
}

# in_use NAME: has a session that lives the object open?
in_use() {
	fam objects --json | jq -e ".objects[] | select(.name == \"$1\") | .users == 1" >/dev/null
}
