#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes and the host on one fabric.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/shared.fam
	famctl create-fabric 64M shared --path "$fabric"
}

teardown() {
	vm_teardown
}

@test "two nodes and the host see each other's stores at once" {
	vm_start -f "$fabric" n1
	vm_start -f "$fabric" n2
	vm_exec n1 'fam verify --write --seed 11 --length 8M'
	run vm_exec n2 'fam verify --check --seed 11 --length 8M'
	expect 0 'match the pattern of seed 11'
	run fam -f "$fabric" verify --check --seed 11 --length 8M
	expect 0 'match the pattern of seed 11'
	run vm_exec n2 'fam verify --check --seed 12 --length 8M'
	expect 1 'is not the pattern of seed 12'
	vm_exec n2 'fam verify --write --seed 22 --offset 40M --length 1M'
	run vm_exec n1 'fam verify --check --seed 22 --offset 40M --length 1M'
	expect 0 'match the pattern of seed 22'
	fam -f "$fabric" verify --write --seed 33 --offset 55M
	run vm_exec n1 'fam verify --check --seed 33 --offset 55M'
	expect 0 'match the pattern of seed 33'
	vm_stop n1
	vm_stop n2
}

@test "what a node stored survives the kill of its emulator" {
	vm_start -f "$fabric" n1
	vm_exec n1 'fam verify --write --seed 5'
	vm_kill n1
	run fam -f "$fabric" verify --check --seed 5
	expect 0 'match the pattern of seed 5'
	run famctl show-fabric "$fabric"
	expect 0 shared
	vm_start -f "$fabric" n1
	run vm_exec n1 'fam verify --check --seed 5'
	expect 0 'match the pattern of seed 5'
	vm_stop n1
}

@test "what a node stored survives a panic" {
	vm_start -f "$fabric" n1
	vm_exec n1 'fam verify --write --seed 6 --length 1M'
	run vm_exec n1 'echo c >/proc/sysrq-trigger'
	expect "$LINE_DEAD" 'Kernel panic'
	vm_start -f "$fabric" n2
	run vm_exec n2 'fam verify --check --seed 6 --length 1M'
	expect 0 'match the pattern of seed 6'
	vm_stop n2
}

# How many words of the fabric are not the pattern of SEED.
wrong_words() { # SEED
	local report
	if report=$(fam -f "$fabric" verify --check --seed "$1" 2>&1); then
		echo 0
	else
		sed -n "s/.*: \([0-9]*\) of [0-9]* words are wrong.*/\1/p" <<<"$report"
	fi
}

has_changed() {
	(($(wrong_words 1) > 0))
}

@test "a node killed while it writes tears no word" {
	fam -f "$fabric" verify --write --seed 1
	vm_start -f "$fabric" n1
	vm_exec n1 "fam verify --write --seed 2 >/dev/null 2>&1 &"
	wait_until 20 has_changed
	vm_kill n1
	# Each word is of one pattern or the other.
	old=$(wrong_words 2) new=$(wrong_words 1)
	((new > 0 && old + new == 56 * 1048576 / 8))
}

@test "a fabric that a node has open is neither destroyed nor made anew" {
	vm_start -f "$fabric" n1
	vm_exec n1 'printf keep | fam write'
	run famctl destroy-fabric "$fabric" --force
	expect 4 'in use'
	run famctl create-fabric 16M shared --path "$fabric"
	expect 4 exists
	run vm_exec n1 'fam read --length 4'
	expect 0 keep
	vm_stop n1
}
