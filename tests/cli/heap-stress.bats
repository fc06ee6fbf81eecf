#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A heap changed by several programs of the host, some of which are killed or stand
# still for longer than their lease. HEAP_SECONDS=N: for so long (8); HEAP_SEED=N:
# other dice.

export BATS_TEST_TIMEOUT=240
[[ -z ${HEAP_SECONDS:-} ]] || export BATS_TEST_TIMEOUT=$((HEAP_SECONDS * 2 + 300))
load ../lib/fabric.bash

dir='' # set in setup

setup() {
	fabric_setup
	make_fabric f 64M
}

teardown() {
	fabric_teardown
}

stress_on() { # FABRIC JOB OPTION...
	local file=$dir/$1.fam job=$2
	shift 2
	"$FAM_BUILD/tests/fam-heap-stress" "$job" --seconds "${HEAP_SECONDS:-8}" \
		--seed "${HEAP_SEED:-7}" "$@" "$file"
}

stress() { # JOB OPTION...
	stress_on f "$@"
}

all_is_well() {
	assert_output -r 'worker 3: [1-9][0-9]* slots, [1-9][0-9]* keys, [1-9][0-9]* records'
	assert_output -r '# [1-9][0-9]* objects, [0-9]+ of [0-9]+ bytes used'
	refute_stderr ':' 'the check finds nothing'
}

@test "four programs change a heap while some are killed, and nothing is lost" {
	fam_run stress run --processes 4 --kill-ms 200
	assert_output -r '# [1-9][0-9]* workers killed'
	all_is_well
}

@test "the same in a fabric that is durable in memory" {
	make_fabric guest 64M --durability guest
	fam_run stress_on guest run --processes 4 --kill-ms 100
	assert_output -r '# [1-9][0-9]* workers killed'
	all_is_well
}

@test "who stands still for longer than its lease loses its session, and goes on" {
	fam_run stress run --processes 4 --kill-ms 0 --stop-ms 300
	assert_output -r 'workers killed, [1-9][0-9]* stopped'
	assert_output -r '[1-9][0-9]* sessions lost'
	all_is_well
}

@test "a heap that is nearly full, and more programs than journals" {
	fam_run stress run --processes 12 --kill-ms 300 --bytes 6291456
	assert_output -r '# [1-9][0-9]* workers killed'
	all_is_well
}

@test "the check tells what nothing leads to" {
	fam_run stress run --processes 2 --kill-ms 0 --seconds 1
	stress leak
	fam_run -1 stress check
	assert_stderr -r '[0-9]+ is allocated, with 112 bytes, and nothing leads there'
}

@test "the check tells contents that are not whole" {
	fam_run stress work --seconds 1
	LC_ALL=C sed -i 's/!bolb/!bolX/g' "$dir/f.fam"
	fam_run -1 stress check
	assert_stderr -r 'is not whole|are not whole'
}
