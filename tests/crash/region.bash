# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of region.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

# Changes of each program.
count=${CRASH_COUNT:-150}

# A disk with a fabric in it, recorded from now on.
region_up() {
	disk_up
	regions=960 fabric f "$@"
	disk_record
}

# region_user P FIRST COUNT: in the background; sets $started.
region_user() {
	started fam-region-user "$mnt/f.fam" "$dir/marks" "$@"
}

region_replay() {
	replay_by fam-region-replay ${REGION_CUTS:+--cuts "$REGION_CUTS"}
}

region_loses() {
	region_up --prepare
	"$CRASH_TOOLS/fam-region-user-lying" "$mnt/f.fam" "$dir/marks" 0 1 60
	region_replay
	assert_lost
}

# Three at once, each with names of its own.
region_keeps() { # [OPTION of famctl create-fabric...]
	local -a pids=()
	local p
	region_up "$@"
	for p in 0 1 2; do
		region_user "$p" 1 "$count"
		pids+=("$started")
	done
	ended "${pids[@]}"
	region_replay
	assert_kept
}

# Others go on where they were killed.
region_survives() {
	local round victim
	region_up --prepare
	region_user 1 1 1000000
	local other=$started
	for round in 1 2 3 4 5; do
		region_user 0 "${round}000" 1000000
		victim=$started
		marks_rise $((20 + RANDOM % 20))
		killed "$victim"
	done
	marks_rise 20
	killed "$other"
	region_user 2 1 30
	ended "$started"
	region_replay
	assert_kept
}
