#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The power of a nested host is cut while a guest in it commits: see nested.bash.
#	NESTED_CUTS	hosts killed in each test of the real server (1)
#	NESTED_RECORDS	runs recorded, each of another mode (1; 6 with more hosts than one)
#	CRASH_CUTS	cuts replayed of each, for each kind of what is left (8)
#	FAM_SEED	chooses modes, moments and records; printed at the start

NESTED_CUTS=${NESTED_CUTS:-1} CRASH_CUTS=${CRASH_CUTS:-8}
NESTED_RECORDS=${NESTED_RECORDS:-$((NESTED_CUTS > 1 ? 6 : 1))}
export BATS_TEST_TIMEOUT=$((120 + 30 * NESTED_CUTS + NESTED_RECORDS * (60 + 6 * CRASH_CUTS)))

setup_file() {
	load nested
	missing=$(nested_missing)
	export missing
	[[ -z $missing ]] || return 0
	export FAM_SEED=${FAM_SEED:-$((SRANDOM % 1000000))} nested=$BATS_FILE_TMPDIR
	echo "# FAM_SEED=$FAM_SEED" >&3
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR nested_prepare "$nested"
}

setup() {
	load nested
	[[ -z $missing ]] || skip "$missing"
	fabrics=(prepared unprepared)
}

teardown() {
	nested_teardown
}

# cuts PARITY OPTION...: of several hosts, none of which may lose anything. Fabrics
# are prepared and unprepared in turn. A cut's seed as FAM_SEED makes it the first.
cuts() {
	local parity=$1 i seed
	shift
	for ((i = 0; i < NESTED_CUTS; i++)); do
		seed=$((FAM_SEED + i))
		run nested_cut "$@" "${fabrics[(seed + parity) % 2]}" "$seed"
		echo "# ${output##*$'\n'}" >&3
		((status != NESTED_LOST)) || nested_keep "$seed" "$BATS_TEST_TMPDIR/$seed".{img,acks}
		expect 0 ', lost 0'
	done
}

# replays FABRIC MODEL...: cuts of the recorded run; sets $losing to how many lost.
replays() {
	local fabric=$1 model i acked=0 total=0
	shift
	losing=0
	for model; do
		for ((i = 0; i < CRASH_CUTS; i++)); do
			run nested_replay "$model" "$i" "$fabric" "$FAM_SEED"
			[[ $output =~ acknowledged\ ([0-9]+),\ cells ]] || die "cannot judge: $output"
			((acked += BASH_REMATCH[1], total += 1))
			((status == 0)) && continue
			expect "$NESTED_LOST"
			((losing += 1))
			echo "$output"
		done
	done
	echo "# $total replayed cuts, $acked acknowledgements, $losing cuts with loss" >&3
}

@test "nested host: no acknowledged record is lost, with a doorbell" {
	cuts 0
}

@test "nested host: no acknowledged record is lost, without a doorbell" {
	cuts 1 -t plain
}

@test "nested host: no acknowledged record is lost when the server was killed before" {
	cuts 0 -k
}

@test "nested host, recorded: no cut at any moment loses an acknowledged record" {
	local -a words modes=(prepared '-t plain unprepared' '-k unprepared' '-t plain prepared'
		unprepared '-k prepared')
	local i
	for ((i = 0; i < NESTED_RECORDS; i++)); do
		read -ra words <<<"${modes[(FAM_SEED + i) % 6]}"
		echo "# recorded: ${words[*]}" >&3
		nested_record -n 400 "${words[@]}" "$FAM_SEED"
		replays "${words[-1]}" none all some
		((losing == 0)) && continue
		nested_keep "$FAM_SEED" "$BATS_TEST_TMPDIR/record.tape" "$nested/disk.img"
		die 'see nested_replay in nested.bash for one cut of this tape again'
	done
}

@test "nested host, control: a guest that does not ask loses records" {
	run nested_cut -g ask=0 prepared "$FAM_SEED"
	expect "$NESTED_LOST" 'lost: cell'
}

@test "nested host, control: a server that does not sync loses records" {
	run nested_cut -s tm-server-lying prepared "$FAM_SEED"
	expect "$NESTED_LOST" 'lost: cell'
}

@test "nested host, control: a server that writes without flushing the disk loses records" {
	run nested_cut -s tm-server-unflushed prepared "$FAM_SEED"
	expect "$NESTED_LOST" 'lost: cell'
}

@test "nested host, recorded, control: cuts of a guest that does not ask lose records" {
	nested_record -g ask=0 prepared "$FAM_SEED"
	replays prepared none
	((losing > 0))
}
