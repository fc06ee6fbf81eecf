#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031,SC2154,SC2317 # each test is a subshell of its own
#
# fam bench: each test runs between two programs, and says plausible figures.

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f
	file=$dir/f.fam
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# serve NAME: the other side; sets $pid.
serve() {
	"$FAM_BUILD/bin/fam" -f "$file" bench serve "$1" >"$dir/$1.log" 2>&1 3>&- &
	pid=$!
	pids+=("$pid")
	ready() { fam objects --json | grep -q "bench/$1/answer"; }
	wait_until 10 ready "$1" || die "it does not serve"
}

left() {
	fam objects --json | jq -r '.. | .name? // empty' | grep -c '^bench/' || true
}

@test "all tests run between two processes of its own, and leave nothing" {
	fam_run fam bench local --json --count 3
	assert_json '[.[].test] == ["lock", "contended", "ring", "burst", "message", "wakeup",
		"4K", "2M", "1G"]'
	assert_json 'all(.[]; .min_ns > 0 and .min_ns <= .median_ns and .median_ns <= .p90_ns and
		.p90_ns <= .max_ns and .cpu_ns >= 0 and .operations >= 3)'
	assert_json '.[0].other_cpu_ns < 1000 and (.[] | select(.test == "1G").bytes) == 1073741824'
	[[ $(left) == 0 ]] || die "objects are left: $(fam objects)"
}

@test "one serves, others run tests, one after the other" {
	local tests
	serve b
	for tests in 'ring 4K' 'ring message 4K'; do
		# shellcheck disable=SC2086 # several words
		fam_run fam bench run b $tests --count 5
		assert_output -r $'^TEST +MIN +MEDIAN +P90 +SPREAD +CPU .*\nring .*\n4K [^\n]*acknowledgement$'
	done
	kill -INT "$pid"
	kill -TERM "$pid"
	wait_until 10 proc_gone "$pid"
	[[ $(left) == 0 ]] || die "objects are left: $(fam objects)"
}

@test "a server that dies is told" {
	serve b
	fam_run -3 fam bench run c
	assert_stderr "fam: nobody serves 'c'"
	assert_stderr "hint: 'fam bench serve c' on the other side"
	"$FAM_BUILD/bin/fam" -f "$file" bench run b 1G --count 1000 >"$dir/run.log" 2>&1 3>&- &
	local runner=$! rc=0
	pids+=("$runner")
	running() { fam objects --json | grep -q bench/b/stream; }
	wait_until 20 running || die "the test does not begin"
	kill -KILL "$pid"
	wait_until 20 proc_gone "$runner" || die "it does not end"
	wait "$runner" || rc=$?
	[[ $rc == 6 ]] || die "it ended with $rc: $(cat "$dir/run.log")"
	grep -q "fam: the other side of 'b' has gone" "$dir/run.log"
}

@test "a server goes on when a runner dies" {
	serve b
	"$FAM_BUILD/bin/fam" -f "$file" bench run b 1G --count 1000 >/dev/null 2>&1 3>&- &
	local runner=$!
	pids+=("$runner")
	running() { fam objects --json | grep -q bench/b/stream; }
	wait_until 20 running || die "the test does not begin"
	kill -KILL "$runner"
	again() { fam bench run b message --count 3 >"$dir/again" 2>&1; }
	wait_until 30 again || die "it does not serve any more: $(cat "$dir/again")"
}

@test "wrong words are refused" {
	fam_run -2 fam bench
	assert_stderr "fam: command 'bench' needs one of local, serve NAME, run NAME"
	fam_run -2 fam bench fly
	assert_stderr "'fly' is not serve, run or local"
	fam_run -2 fam bench run
	assert_stderr "'fam bench run' needs a name, 1 to 60 bytes"
	fam_run -2 fam bench local lock warp
	assert_stderr "there is no test 'warp'"
	fam_run -2 fam bench serve a lock
	assert_stderr "unexpected word 'lock'"
	fam_run -2 fam bench local --count 0
	assert_stderr "'--count' is 1 to 1000000"
}

@test "what fails is said once, and as JSON" {
	local words
	for words in 'local lock' 'run b lock' 'serve b'; do
		# shellcheck disable=SC2086 # several words
		fam_run -3 "$FAM_BUILD/bin/fam" -f "$dir/none.fam" bench $words --json
		assert "it is said once" test "$(grep -c '^fam: ' <<<"$stderr")" = 1
		assert_json '.error.exit_status == 3'
	done
	fam_run -3 fam bench run b lock --json
	assert_json ".error.message == \"nobody serves 'b'\" and .error.exit_status == 3"
	make_fabric small 16M --objects 0
	file=$dir/small.fam
	fam_run -1 fam bench local lock --json
	assert "it is said once" test "$(grep -c '^fam: ' <<<"$stderr")" = 1
	assert_json '.error.message | test("has no named objects$")'
	fam_run -1 fam bench serve b
	assert_output -x ''
}

@test "the name of a server that was killed can be taken at once" {
	serve b
	kill -KILL "$pid"
	wait_until 10 proc_gone "$pid"
	"$FAM_BUILD/bin/fam" -f "$file" bench serve b >"$dir/again.log" 2>&1 3>&- &
	pids+=("$!")
	serves() { grep -qx "serving 'b'" "$dir/again.log"; }
	wait_until 10 serves || die "it does not serve: $(cat "$dir/again.log")"
	fam_run fam bench run b message --count 3
	fam_run -4 fam bench serve b
	assert_stderr "fam: somebody else serves 'b'"
}

@test "tests that follow each other at once do not find what is left of the last one" {
	local -a tests=()
	while ((${#tests[@]} < 50)); do
		tests+=(wakeup 4K)
	done
	fam_run fam bench local "${tests[@]}" --count 1
}
