#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Servers, nodes and programs are killed, stopped, replaced and frozen while four
# of them commit: the others go on, whoever waits gets an answer, and what was
# acknowledged is there, after any power cut of the recorded disk, too.
#	CRASH_ROUNDS	how often somebody is hit (14); in pieces, each a recording
#	CRASH_CUTS	moments of each recording at which the power is cut (20)
#	CRASH_FS	file systems, in turn (ext4)
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
	local -a types
	local left=$ROUNDS piece=0
	read -ra types <<<"${CRASH_FS:-ext4}"
	# Each piece prints a seed. With that seed as FAM_SEED, it is the first one.
	for (( ; left > 0; left -= PIECE, piece += 1)); do
		CRASH_FS=${types[piece % ${#types[@]}]} FAM_SEED=${FAM_SEED:+$((FAM_SEED + piece))} \
			alone deaths_keep $((left < PIECE ? left : PIECE))
	done
}

@test "control: among deaths, programs that never ask lose what they acknowledged" {
	CRASH_FS=ext4 alone deaths_lose 3
}
