#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Servers, nodes and programs are killed, stopped, replaced and frozen while four
# of them commit: the others go on, whoever waits gets an answer, and what was
# acknowledged is there, after any power cut of the recorded disk, too.
#	CRASH_ROUNDS	how often somebody is hit (14)
#	CRASH_CUTS	moments of each recording at which the power is cut (20)
#	FAM_SEED	of victims, records and cuts

readonly ROUNDS=${CRASH_ROUNDS:-14}
# Recordings of so many rounds: a tape lies in memory.
readonly PIECE=28

export BATS_TEST_TIMEOUT=$((240 + 15 * ROUNDS + 6 * ${CRASH_CUTS:-20} * (ROUNDS / PIECE + 1)))

setup() {
	load crash
	crash_requires
	command -v jq >/dev/null || skip "needs the command jq"
}

@test "whoever dies, the others commit on, and nothing acknowledged is lost" {
	local first=$((ROUNDS < PIECE ? ROUNDS : PIECE)) left
	alone deaths_keep "$first"
	for ((left = ROUNDS - first; left > 0; left -= PIECE)); do
		# Each piece prints the seed that makes it again.
		[[ -z ${FAM_SEED:-} ]] || export FAM_SEED=$((FAM_SEED + 1))
		alone deaths_keep $((left < PIECE ? left : PIECE))
	done
}

@test "control: among deaths, programs that never ask lose what they acknowledged" {
	alone deaths_lose 3
}
