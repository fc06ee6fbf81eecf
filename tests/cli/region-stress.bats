#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Regions changed by several programs of the host, while some are killed, and while
# somebody writes over the directory. REGION_SECONDS=N: for so long (8);
# REGION_SEED=N: other dice.

export BATS_TEST_TIMEOUT=180
[[ -z ${REGION_SECONDS:-} ]] || export BATS_TEST_TIMEOUT=$((REGION_SECONDS * 2 + 240))
load ../lib/fabric.bash

dir='' file='' # set in setup

setup() {
	fabric_setup
	make_fabric f 64M
	file=$dir/f.fam scribbler=''
}

teardown() {
	[[ -z $scribbler ]] || proc_end "$scribbler"
	fabric_teardown
}

stress() { # JOB OPTION...
	local job=$1
	shift
	"$FAM_BUILD/tests/fam-region-stress" "$job" --seconds "${REGION_SECONDS:-8}" \
		--seed "${REGION_SEED:-11}" "$@" "$file"
}

@test "four programs change regions while some are killed, and nothing is lost" {
	fam_run stress run --processes 4 --kill-ms 200
	assert_output -r 'worker 3: [1-9][0-9]* created, [1-9][0-9]* destroyed'
	assert_output -r '# [1-9][0-9]* workers killed'
	assert_output -r '# [0-9]+ regions in [0-9]+ bytes, [0-9]+ free'
	refute_stderr ':' 'the check finds nothing'
}

@test "the check tells contents that are of something else" {
	local offset
	fam_run stress run --processes 1 --kill-ms 0 --seconds 1
	offset=$(famctl list-regions "$file" --json |
		jq '[.[] | select(.bytes > 64)][0].offset')
	printf 'SOMEBODY' | dd of="$file" bs=1 seek=$((offset + 8)) conv=notrunc status=none
	fam_run -1 stress check
	assert_stderr -r ': byte (8|9|1[0-5]) is of something else'
}

@test "somebody writes over the directory: no program dies, hangs or leaves the fabric" {
	stress scribble >"$BATS_TEST_TMPDIR/scribble" 3>&- &
	scribbler=$!
	fam_run stress run --processes 3 --kill-ms 500 --hostile
	assert_output -r 'worker [0-9]: [1-9][0-9]* created, [1-9][0-9]* destroyed'
	wait_until 30 proc_gone "$scribbler"
	assert "it did" grep -q 'scribbled [1-9][0-9][0-9]* times' "$BATS_TEST_TMPDIR/scribble"
	# and when he has gone, it is a fabric again
	fam_run stress run --processes 2 --kill-ms 0 --seconds 1
}
