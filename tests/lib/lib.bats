#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The helpers themselves: a test that cannot fail proves nothing.

export BATS_TEST_TIMEOUT=60
load fabric.bash

dir='' stderr='' # set by fabric_setup and fam_run

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

speaks() {
	echo "words on stdout"
	echo "words on stderr" >&2
	return "${1:-0}"
}

# The helper must fail, and say TEXT.
must_fail() { # TEXT COMMAND...
	local text=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "it succeeded: $*"
		return 1
	fi
	[[ $said == *"$text"* ]] || {
		printf 'it did not say "%s" but:\n%s\n' "$text" "$said"
		return 1
	}
}

@test "fam_run records output, stderr and status" {
	fam_run -3 speaks 3
	[[ $output == "words on stdout" ]]
	[[ $stderr == "words on stderr" ]]
	((status == 3))
}

@test "fam_run fails on another status, and shows what happened" {
	must_fail "exit status: 0 was wanted" fam_run speaks 1
	must_fail "words on stderr" fam_run speaks 1
	must_fail "exit status: 1 was wanted" fam_run -1 speaks 0
	must_fail "exit status: 127" fam_run no-such-command
}

@test "fam_run gives an empty stdin" {
	fam_run cat
	[[ -z $output ]]
}

@test "assert_output and assert_stderr: contained, expression, whole" {
	fam_run speaks
	assert_output "on std"
	assert_output -r '^words .* stdout$'
	assert_output -x "words on stdout"
	assert_stderr "on stderr"
	must_fail "output lacks: on stderr" assert_output "on stderr"
	must_fail "because: of this" assert_output "on stderr" "of this"
	must_fail "output lacks: ^stdout" assert_output -r '^stdout'
	must_fail "output lacks: words" assert_output -x words
	must_fail "stderr lacks: words on stdout" assert_stderr "words on stdout"
}

@test "a pattern of assert_output is literal without -r" {
	fam_run echo 'a*b'
	assert_output 'a*b'
	fam_run echo 'aXb'
	must_fail "output lacks" assert_output 'a*b'
	must_fail "output lacks" assert_output -x 'a*b'
}

@test "refute_output and refute_stderr" {
	fam_run speaks
	refute_output stderr
	refute_stderr stdout
	must_fail "output contains: stdout" refute_output stdout
	must_fail "stderr contains: stderr" refute_stderr stderr
}

@test "assert and refute" {
	assert "true is true" true
	refute "false is false" false
	must_fail "not so: false is true" assert "false is true" false
	must_fail "not so: true is false" refute "true is false" true
}

@test "assert_json: one document, and the expression is true" {
	requires_command jq
	fam_run echo '{"a": [1, 2]}'
	assert_json '.a == [1, 2]'
	must_fail "is false" assert_json '.a == [1]'
	fam_run echo '{} {}'
	must_fail "2 documents" assert_json 'true'
	fam_run echo 'no json'
	must_fail "JSON" assert_json 'true'
	fam_run true
	must_fail "0 documents" assert_json 'true'
}

@test "assert_unchanged sees content, mode, time, new and lost files" {
	local before
	echo one >"$dir/file"
	before=$(snapshot "$dir")
	assert_unchanged "$dir" "$before"
	touch -r "$dir/file" "$BATS_TEST_TMPDIR/stamp"
	echo two >"$dir/file"
	touch -r "$BATS_TEST_TMPDIR/stamp" "$dir/file"
	must_fail "has changed" assert_unchanged "$dir" "$before"
	echo one >"$dir/file"
	must_fail "has changed" assert_unchanged "$dir" "$before"
	touch -r "$BATS_TEST_TMPDIR/stamp" "$dir/file"
	before=$(snapshot "$dir")
	chmod 600 "$dir/file"
	must_fail "has changed" assert_unchanged "$dir" "$before"
	before=$(snapshot "$dir")
	: >"$dir/.new"
	must_fail ".new" assert_unchanged "$dir" "$before"
	rm "$dir/.new" "$dir/file"
	must_fail "file" assert_unchanged "$dir" "$before"
}

@test "wait_until gives up at its deadline" {
	local start=$SECONDS
	wait_until 5 true
	refute "false never comes true" wait_until 1 false
	assert "it did not wait for long" test $((SECONDS - start)) -le 3
}

@test "make_fabric makes one, damage damages it" {
	make_fabric f 32M
	assert "its size" test "$(stat -c %s "$dir/f.fam")" -eq $((32 << 20))
	damage "$dir/f.fam" 100
	assert "64 bytes are others" test "$(head -c 164 "$dir/f.fam" | tail -c 64)" = "$(printf 'damaged %.0s' {1..8})"
	assert "its size is the same" test "$(stat -c %s "$dir/f.fam")" -eq $((32 << 20))
}

@test "famctl_at_terminal has a terminal and passes the status on" {
	requires_command script
	fam_run -2 famctl_at_terminal '' create-fabric 16X --dir "$dir"
	assert_output "'16X' is not a size"
}

@test "famctl_started dies of SIGINT in the background" {
	local pid status=0
	famctl_started create-fabric 4G --prepare --dir "$dir" 3>&- &
	pid=$!
	wait_until 10 grep -q famctl "/proc/$pid/comm"
	kill -INT "$pid"
	wait "$pid" || status=$?
	assert "status $status" test "$status" -eq 130
}

@test "faults: a call fails as told, others do not" {
	faults_build
	fam_run -1 famctl_with fsync=EIO create-fabric 16M --dir "$dir"
	assert_stderr "Input/output error"
	fam_run famctl_with rename=EIO create-fabric 16M --dir "$dir"
}

@test "node_uses gives the test's libvirt a node" {
	make_fabric f
	node_uses n1 "$dir/f.fam"
	fam_run famctl list-nodes
	assert_output n1
}
