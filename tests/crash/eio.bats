#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A disk that fails, or takes long, under real servers, nodes and host programs.
# That nobody had a false success is judged as after a power cut: see replay.bats.

export BATS_TEST_TIMEOUT=$((240 + 2 * ${CRASH_CUTS:-20}))

setup() {
	load crash
	crash_requires
	command -v jq >/dev/null || skip "needs the command jq"
}

@test "a failed flush fails all waiters and all later calls until it is cleared" {
	alone flush_fails
}

@test "one failed write, and a healthy disk ever after: the same" {
	alone write_fails
}

@test "a failure that a host program meets is every node's, server or not" {
	alone host_meets_it
}

@test "the mark of a disk that still fails cannot be cleared" {
	alone disk_is_dead
}

@test "a disk that hangs for 8 seconds: waiters succeed, the server lives on" {
	alone disk_hangs
}
