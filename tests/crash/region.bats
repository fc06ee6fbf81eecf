#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Regions survive a power cut at any moment: what was made, renamed or destroyed
# is so, what was under way has happened or has not, and contents are whole. A disk
# is recorded while programs work; then its power is cut as in replay.bats.
#	REGION_CUTS	moments of each recording (CRASH_CUTS, or 20)
#	CRASH_COUNT	changes of each program (150)
#	CRASH_FS	file systems (ext4)
#	FAM_SEED	of the cuts

export BATS_TEST_TIMEOUT=$((120 + 6 * ${REGION_CUTS:-${CRASH_CUTS:-20}}))

setup() {
	load crash
	crash_requires
}

@test "control: regions that are not made durable are lost" {
	each region_loses
}

@test "regions are there as was acknowledged, prepared fabric" {
	each region_keeps --prepare
}

@test "regions are there as was acknowledged, unprepared fabric" {
	each region_keeps
}

@test "programs that are killed meanwhile lose nothing" {
	each region_survives
}
