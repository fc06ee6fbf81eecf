#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The kernel tells each open file of a failed write-back once, and then takes the
# pages for written: who is told, and what if that one is dead, or somebody else?

export BATS_TEST_TIMEOUT=120

setup() {
	load crash
	crash_requires
	command -v jq >/dev/null || skip "needs the command jq"
}

@test "a failure that was told to a dead server makes no commit a lie" {
	alone as_it_is_told
}

@test "a disk that hangs, journal and all, does not keep peers from the server" {
	alone while_nothing_can_be_stored
}

@test "a failure that is cleared is not told again, a new one is" {
	alone as_it_is_cleared
}
