#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A disk that fails under nodes which sync through flush windows, and no server.
# That such nodes keep what they acknowledged is a part of replay.bats.

export BATS_TEST_TIMEOUT=300

setup() {
	load crash
	crash_requires
	command -v jq >/dev/null || skip "needs the command jq"
}

@test "a failed flush is an error for the node, for others and for ever" {
	alone flush_fails_by_window
}

@test "one failed write, and a healthy disk ever after: the same" {
	alone write_fails_by_window
}
