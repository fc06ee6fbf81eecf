#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2317 # functions are called by name
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# fam put and fam get: a region has all of a file, and a file all of a region, or
# there is none.

export BATS_TEST_TIMEOUT=90
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f 64M
	file=$dir/f.fam
	mkdir "$dir/out"
	pids=()
	exec {held}</dev/null
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	! mountpoint -q "$dir/out" || umount "$dir/out"
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# begin NAME COMMAND [WORD...]: fam in the background, at the pipe $dir/fifo, of
# which this shell keeps both ends; its stderr is in $dir/NAME.log. Sets $pid.
begin() {
	local name=$1
	shift
	[[ -p $dir/fifo ]] || mkfifo "$dir/fifo"
	exec {held}>&-
	exec {held}<>"$dir/fifo"
	if [[ $1 == put ]]; then
		env --default-signal=INT "$FAM_BUILD/bin/fam" -f "$file" "$@" \
			<"$dir/fifo" >/dev/null 2>"$dir/$name.log" 3>&- {held}>&- &
	else
		env --default-signal=INT "$FAM_BUILD/bin/fam" -f "$file" "$@" \
			</dev/null >"$dir/fifo" 2>"$dir/$name.log" 3>&- {held}>&- &
	fi
	pid=$!
	pids+=("$pid")
}

# Nobody is at the other end of the pipe any more.
pipe_ends() {
	exec {held}>&-
	exec {held}</dev/null
}

# ended STATUS: the one begun last has ended with this.
ended() {
	local rc=0
	wait_until 30 proc_gone "$pid" || die "it does not end"
	wait "$pid" || rc=$?
	((rc == $1)) || die "it ended with $rc instead of $1: $(cat "$dir"/*.log)"
}

# All names, on one line.
names() {
	fam ls -r | tr '\n' ' '
}

# The files in $dir/out, hidden ones too.
outs() {
	find "$dir/out" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' '
}

# A put of x that has stored 5 MB and waits for more.
half_way() { # [WORD...]
	begin put put - x "$@"
	head -c 5000000 /dev/urandom >&"$held"
	some() { [[ $(names) == *.put/* ]]; }
	wait_until 20 some || die "nothing is stored"
}

untouched() {
	[[ $(fam df --json | jq -c '[.taken, .regions]') == "$1" ]] ||
		die "space is lost: $(fam df --json)"
}

@test "a file of any length comes back as it went" {
	local bytes
	for bytes in 0 1 4095 4096 4097 2097152 5000001 20000000; do
		head -c "$bytes" /dev/urandom >"$dir/in"
		fam_run fam put "$dir/in" "f/$bytes"
		assert_output -x ""
		fam_run fam get "f/$bytes" "$dir/out/$bytes"
		cmp "$dir/in" "$dir/out/$bytes"
		fam stat "f/$bytes" --json | jq -e ".[0].bytes == $bytes and .[0].mode == \"0600\"" >/dev/null
		fam rm "f/$bytes"
	done
	assert "nothing else is left" test "$(names)" = ''
	untouched '[0,0]'
}

@test "a pipe of any length comes back as it went" {
	local bytes
	for bytes in 0 1 2097151 2097152 2097153 4194304 13000000; do
		head -c "$bytes" /dev/urandom >"$dir/in"
		fam put - p --replace < <(cat "$dir/in")
		fam get p - | cmp - "$dir/in"
	done
	fam_run fam stat p --json
	assert_json '.[0].bytes == 13000000 and .[0].space < 13000000 + 8192' "what it does not need is given back"
	[[ $(names) == 'p ' ]]
}

@test "the rest of a file that somebody has read from is stored" {
	printf 'first\nsecond\n' >"$dir/in"
	{
		head -c 6 >/dev/null
		fam put - x
	} <"$dir/in"
	fam_run fam get x -
	assert_output -x second
}

@test "put and get as JSON" {
	printf 12345 >"$dir/in"
	fam_run fam put "$dir/in" a/b --mode 640 --json
	assert_json '.name == "a/b" and .bytes == 5 and .mode == "0640"'
	fam_run fam get a/b "$dir/out/x" --json
	assert_json '. == {"name": "a/b", "bytes": 5}'
	fam_run -2 fam get a/b - --json
	assert_stderr "standard output cannot take a region and --json"
	fam_run -1 fam put "$dir/none" y --json
	assert_json ".error.message == \"cannot read '$dir/none': No such file or directory\""
	fam_run -4 fam get a/b "$dir/out/x" --json
	assert_json ".error.message == \"'$dir/out/x' exists\" and .error.exit_status == 4"
}

@test "an existing region is not replaced unless told, and keeps its rights" {
	requires_root "to have another owner"
	printf old | fam put - x --mode 640
	fam chown 7:8 x
	fam_run -4 fam put "$BATS_TEST_FILENAME" x
	assert_stderr "fam: cannot store region 'x': there is one of this name"
	assert_stderr "--replace"
	fam_run fam get x -
	assert_output -x old
	fam_run fam put "$BATS_TEST_FILENAME" x --replace
	fam get x - | cmp - "$BATS_TEST_FILENAME"
	fam_run fam stat x --json
	assert_json '.[0] | .mode == "0640" and .uid == 7 and .gid == 8'
	fam chmod 0 x
	fam_run fam put "$BATS_TEST_FILENAME" x --replace
	fam_run fam stat x --json
	assert_json '.[0].mode == "0000"'
	fam_run fam put "$BATS_TEST_FILENAME" x --replace --mode 444
	fam_run fam stat x --json
	assert_json '.[0].mode == "0444"'
	[[ $(names) == 'x ' ]]
}

@test "until the new content is whole, the old one is found" {
	printf old | fam put - x
	half_way --replace
	fam_run fam get x -
	assert_output -x old
	pipe_ends
	ended 0
	[[ $(fam get x - | wc -c) == 5000000 ]]
	[[ $(names) == 'x ' ]]
}

@test "whoever reads meanwhile keeps the old one, and put says so" {
	head -c 4000000 /dev/urandom >"$dir/in"
	fam put "$dir/in" x
	begin get get x -
	reads() { fam stat x --json | jq -e '.[0].readers == 1' >/dev/null; }
	wait_until 10 reads
	fam_run -4 fam put "$BATS_TEST_FILENAME" x --replace
	assert_stderr "fam: cannot store region 'x': somebody has it open: $(uname -n)/fam, process $pid, to read"
	cat <"$dir/fifo" >"$dir/out/x" 3>&- {held}>&- &
	pids+=("$!")
	local cat=$!
	pipe_ends
	ended 0
	wait "$cat"
	cmp "$dir/in" "$dir/out/x"
	[[ $(names) == 'x ' ]]
}

@test "of many puts, each reader finds one as a whole" {
	local round which
	for which in a b; do
		seq "$(printf '%d' "'$which")" 150000 >"$dir/$which"
	done
	fam put "$dir/a" x
	(
		for ((round = 0; round < 15; round++)); do
			fam put "$dir/b" x --replace && fam put "$dir/a" x --replace || exit
		done
	) 3>&- {held}>&- &
	pid=$!
	pids+=("$pid")
	round=0
	while proc_alive "$pid"; do
		fam get x "$dir/out/x" --force || die "reader $round"
		cmp -s "$dir/out/x" "$dir/a" || cmp -s "$dir/out/x" "$dir/b" || die "a mixture"
		((round += 1))
	done
	wait "$pid" || die "a put failed"
	((round > 5)) || die "only $round have read"
	[[ $(names) == 'x ' ]]
}

@test "what does not fit leaves nothing" {
	local before
	fam create other 1M
	before=$(fam df --json | jq -c '[.taken, .regions]')
	truncate -s 64M "$dir/in"
	fam_run -1 fam put "$dir/in" x
	assert_stderr "fam: cannot store region 'x': no free piece is that large: the largest has"
	untouched "$before"
	fam_run -1 fam put /dev/zero x
	assert_stderr "no free piece is that large"
	untouched "$before"
	[[ $(names) == 'other ' ]]
}

@test "a pipe may fill all that is free" {
	local free
	free=$(fam df --json | jq .largest)
	head -c "$free" /dev/zero | tr '\0' x >"$dir/in"
	fam put - x < <(cat "$dir/in")
	fam get x - | cmp - "$dir/in"
}

@test "what is cut short by a signal leaves nothing" {
	local signal
	for signal in INT:130 TERM:143 HUP:129; do
		half_way
		kill "-${signal%:*}" "$pid"
		ended "${signal#*:}"
		[[ ! -s $dir/put.log ]] || die "it said: $(cat "$dir/put.log")"
		untouched '[0,0]'
		pipe_ends
	done
}

@test "what a killed put has left, the next one removes" {
	half_way
	kill -KILL "$pid"
	wait "$pid" || true
	gone() { fam put "$BATS_TEST_FILENAME" y --replace && [[ $(names) == 'y ' ]]; }
	wait_until 10 gone || die "it is still there: $(names)"
	pipe_ends
}

@test "two at once: one name, one winner" {
	half_way
	fam_run fam put "$BATS_TEST_FILENAME" x
	pipe_ends
	ended 4
	fam get x - | cmp - "$BATS_TEST_FILENAME"
	[[ $(names) == 'x ' ]]
}

@test "a file that cannot be read stores nothing" {
	fam_run -1 fam put "$dir" x
	assert_stderr "fam: cannot read '$dir': Is a directory"
	fam_run -1 fam put /proc/self/mem x
	assert_stderr "fam: cannot read '/proc/self/mem': Input/output error"
	fam_run -2 fam put "$BATS_TEST_FILENAME" /x
	assert_stderr "fam: cannot store region '/x': malformed name"
	fam_run -2 fam put "$BATS_TEST_FILENAME"
	assert_stderr "command 'put' needs a file and a name"
	untouched '[0,0]'
}

@test "a file is not overwritten unless told, and never half written" {
	printf new | fam put - x
	printf old >"$dir/out/x"
	fam_run -4 fam get x "$dir/out/x"
	assert_stderr "fam: '$dir/out/x' exists"
	assert_stderr 'hint: --force replaces it'
	[[ $(<"$dir/out/x") == old ]]
	fam_run fam get x "$dir/out/x" --force
	[[ $(<"$dir/out/x") == new ]]
	fam_run -3 fam get none "$dir/out/y"
	assert_stderr "fam: cannot read region 'none': there is none"
	fam_run -1 fam get x "$dir/none/y"
	assert_stderr "fam: cannot create a file beside '$dir/none/y': No such file or directory"
	fam_run -1 fam_full get x -
	assert_stderr "fam: cannot write standard output: No space left on device"
	[[ $(outs) == 'x ' ]] || die "left: $(outs)"
}

fam_full() {
	fam "$@" >/dev/full
}

@test "a full disk leaves no file" {
	requires_root "to mount a file system"
	head -c 4000000 /dev/urandom | fam put - x
	mount -t tmpfs -o size=1M none "$dir/out"
	fam_run -1 fam get x "$dir/out/x"
	assert_stderr "fam: cannot write '$dir/out/x': No space left on device"
	[[ -z $(outs) ]] || die "left: $(outs)"
}

@test "a sparse fabric on a full disk is an error, and leaves nothing" {
	requires_root "to mount a file system"
	mount -t tmpfs -o size=8M none "$dir/out"
	"$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" create-fabric 64M s --path "$dir/out/s.fam" \
		--sparse >/dev/null 2>&1
	file=$dir/out/s.fam
	truncate -s 20M "$dir/in"
	fam_run -1 fam put "$dir/in" x --no-sync
	assert_stderr "fam: cannot store region 'x': the memory behind the fabric is gone: its disk is full"
	# Even to look takes a page of such a file system.
	mount -o remount,size=80M "$dir/out"
	untouched '[0,0]'
}

@test "a reader that goes, and Ctrl-C, end get" {
	head -c 4000000 /dev/urandom | fam put - x
	begin get get x -
	reads() { fam stat x --json | jq -e '.[0].readers == 1' >/dev/null; }
	wait_until 10 reads
	kill -INT "$pid"
	ended 130
	fam_run -1 get_into_nothing
	assert_stderr "fam: cannot write standard output: Broken pipe"
	fam_run fam rm x
}

get_into_nothing() {
	local reader
	exec {reader}> >(exec true)
	wait "$!"
	fam get x - >&"$reader"
}

@test "zeros become holes" {
	truncate -s 16M "$dir/in"
	printf end >>"$dir/in"
	fam put "$dir/in" x
	fam_run fam get x "$dir/out/x"
	cmp "$dir/in" "$dir/out/x"
	assert "it takes no space" test "$(stat -c %b "$dir/out/x")" -lt 100
	fam create zeros 4M
	fam_run fam get zeros "$dir/out/zeros"
	cmp -n 4194304 "$dir/out/zeros" /dev/zero
	assert "its size is right" test "$(stat -c %s "$dir/out/zeros")" -eq 4194304
}

@test "a new region has none of what was there before" {
	head -c 40000000 /dev/zero | tr '\0' x >"$dir/in"
	fam put "$dir/in" x
	fam rm x
	fam create y 40000000
	fam get y - | cmp -n 40000000 - /dev/zero
}
