#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Durable rings survive a power cut at any moment: what was pushed is there, in
# its producer's order and once, and what was released never comes again. A disk is
# recorded while programs push and pop; then its power is cut as in replay.bats.
#	CRASH_CUTS	moments of each recording (20)
#	CRASH_COUNT	messages of each producer (200)
#	CRASH_FS	file systems (ext4)
#	FAM_SEED	of the cuts

export BATS_TEST_TIMEOUT=$((120 + 6 * ${CRASH_CUTS:-20}))

setup() {
	load crash
	crash_requires
}

@test "control: a ring whose messages are not made durable loses them" {
	each ring_loses
}

@test "a durable ring has what was pushed, prepared fabric" {
	each ring_keeps --prepare
}

@test "a durable ring has what was pushed, unprepared fabric" {
	each ring_keeps
}

@test "producers and consumers that are killed meanwhile lose nothing" {
	each ring_survives
}
