#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# fam send and fam recv: what arrives is what was sent, or both sides say that it
# is not. No server runs.

export BATS_TEST_TIMEOUT=90
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f
	file=$dir/f.fam
	mkdir "$dir/out"
	pids=()
	exec {held}</dev/null
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 5 "$dir"/*.log >&2
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# begin NAME COMMAND [WORD...]: fam in the background; its output is in
# $dir/NAME.log. Sets $pid. Its input is $input, or nothing.
begin() {
	local name=$1
	shift
	env --default-signal=INT "$FAM_BUILD/bin/fam" -f "$file" "$@" \
		<"${input:-/dev/null}" >"$dir/$name.log" 2>&1 3>&- {held}>&- &
	pid=$!
	pids+=("$pid")
}

# ended STATUS PID: it has ended with this.
ended() {
	local rc=0
	wait_until 30 proc_gone "$2" || die "process $2 does not end"
	wait "$2" || rc=$?
	((rc == $1)) || die "process $2 ended with $rc instead of $1"
}

said() { # NAME TEXT
	grep -qF -- "$2" "$dir/$1.log" || die "$1 did not say '$2': $(cat "$dir/$1.log")"
}

# The files in $dir/out, hidden ones too.
outs() {
	find "$dir/out" -mindepth 1 -printf '%f\n' | sort
}

# A sender whose input does not end, and a receiver that has got some of it. Sets
# $sender and $receiver.
half_way() { # [WORD OF RECV...]
	mkfifo "$dir/fifo"
	exec {held}>&-
	exec {held}<>"$dir/fifo"
	input=$dir/fifo begin send send x
	sender=$pid
	head -c 100000 /dev/urandom >&"$held"
	begin recv recv x "$@"
	receiver=$pid
	some() { [[ -n $(find "$dir/out" -type f -size +0) ]]; }
	wait_until 20 some || die "nothing arrives"
}

input_ends() {
	exec {held}>&-
	exec {held}</dev/null
}

# Another transfer of the same name arrives: nothing of the last one is in its way.
works_again() {
	head -c 70000 /dev/urandom >"$dir/again"
	begin again recv x "$dir/out/again"
	fam_run fam send x "$dir/again"
	ended 0 "$pid"
	cmp "$dir/again" "$dir/out/again"
}

@test "a file larger than the fabric arrives whole, whoever comes first" {
	head -c 40000001 /dev/urandom >"$dir/in"
	for first in send recv; do
		if [[ $first == send ]]; then
			begin send send backup/one "$dir/in"
			fam_run fam recv backup/one "$dir/out/$first"
		else
			begin recv recv backup/one "$dir/out/$first"
			fam_run fam send backup/one "$dir/in"
		fi
		assert_output -r '^40000001 bytes arrived, CRC-32C [0-9a-f]{8}$'
		ended 0 "$pid"
		cmp "$dir/in" "$dir/out/$first"
	done
	[[ $(cat "$dir/send.log") == "$(cat "$dir/recv.log")" ]] || die "the checksums differ"
	assert "nothing else is left" test "$(outs)" = $'recv\nsend'
	[[ $(stat -c %a "$dir/out/recv") == "$(printf '%o' $((0666 & ~$(umask))))" ]]
}

@test "standard input goes to standard output, an empty one too, and a single byte" {
	local text
	for text in '' a 'some words'; do
		printf %s "$text" >"$dir/in"
		input=$dir/in begin send send x -
		fam_run fam recv x
		assert_output -x "$text"
		ended 0 "$pid"
		said send "${#text} bytes arrived"
	done
}

@test "it goes through a stream of the smallest size, and none is left behind" {
	head -c 3000000 /dev/urandom >"$dir/in"
	begin send send x "$dir/in" --size 4K
	fam_run fam recv x "$dir/out/x" --size 64K
	ended 0 "$pid"
	cmp "$dir/in" "$dir/out/x"
	fam_run -0 fam objects --json
	assert_json '. == [] or .objects == []'
}

@test "an existing file is not overwritten without --force" {
	echo old >"$dir/out/x"
	fam_run -4 fam recv x "$dir/out/x"
	assert_stderr "fam: '$dir/out/x' exists"
	assert_stderr 'hint: --force replaces it'
	begin send send x "$BATS_TEST_FILENAME"
	fam_run fam recv x "$dir/out/x" --force
	ended 0 "$pid"
	cmp "$BATS_TEST_FILENAME" "$dir/out/x"
	assert "nothing else is left" test "$(outs)" = x
}

@test "a file that comes to exist meanwhile is kept, and the sender is told" {
	half_way "$dir/out/x"
	echo mine >"$dir/out/x"
	input_ends
	ended 4 "$receiver"
	said recv "'$dir/out/x' exists"
	ended 6 "$sender"
	said send "the receiver of 'x' could not write its file"
	assert "it is kept" test "$(cat "$dir/out/x")" = mine
	assert "nothing else is left" test "$(outs)" = x
}

@test "a receiver whose disk is full says so on both sides" {
	requires_root "to mount a file system"
	mount -t tmpfs -o size=1M none "$dir/out"
	head -c 5000000 /dev/urandom >"$dir/in"
	begin send send x "$dir/in"
	fam_run -1 fam recv x "$dir/out/x"
	assert_stderr "fam: cannot write '$dir/out/x': No space left on device"
	ended 6 "$pid"
	said send "the receiver of 'x' could not write its file"
	[[ -z $(outs) ]] || die "half a file is left: $(outs)"
	umount "$dir/out"
}

@test "a sender that is killed is told to the receiver, which leaves no file" {
	half_way "$dir/out/x"
	kill -KILL "$sender"
	ended 6 "$receiver"
	said recv "the sender of 'x' died after"
	[[ -z $(outs) ]] || die "half a file is left: $(outs)"
	works_again
}

@test "a receiver that is killed is told to the sender" {
	half_way "$dir/out/x"
	kill -KILL "$receiver"
	wait_until 10 proc_gone "$receiver"
	# It finds out when it writes.
	head -c 50000000 /dev/zero >&"$held" 3>&- &
	pids+=("$!")
	ended 6 "$sender"
	said send "the receiver of 'x' died or gave up after"
	assert "there is no whole file" test ! -e "$dir/out/x"
	rm -f "$dir"/out/.x.*
	works_again
}

@test "Ctrl-C half way ends both sides, on either side" {
	local who other
	for who in sender receiver; do
		rm -f "$dir/fifo"
		half_way "$dir/out/x"
		other=$receiver
		[[ $who == sender ]] || other=$sender
		kill -INT "${!who}"
		ended 130 "${!who}"
		input_ends
		ended 6 "$other"
		[[ -z $(outs) ]] || die "half a file is left: $(outs)"
	done
	works_again
}

@test "the receiver says that a sender gave up" {
	half_way "$dir/out/x"
	kill -TERM "$sender"
	ended 143 "$sender"
	ended 6 "$receiver"
	said recv "the sender of 'x' gave up after"
}

@test "a second sender or receiver is refused" {
	half_way "$dir/out/x"
	fam_run -4 fam send x "$BATS_TEST_FILENAME"
	assert_stderr "fam: another sender uses 'x'"
	fam_run -4 fam recv x "$dir/out/y"
	assert_stderr "fam: another receiver uses 'x'"
	input_ends
	ended 0 "$sender"
	ended 0 "$receiver"
}

@test "nobody comes: the timeout ends it" {
	fam_run -1 fam send x "$BATS_TEST_FILENAME" --timeout 1
	assert_stderr "fam: no receiver came to 'x', or it stood still, for 1 seconds"
	fam_run -1 fam recv x "$dir/out/x" --timeout 1
	assert_stderr "fam: no sender came to 'x', or it stood still, for 1 seconds"
	[[ -z $(outs) ]] || die "a file is left: $(outs)"
	works_again
}

@test "a side that stands still ends with the timeout" {
	half_way "$dir/out/x" --timeout 1
	ended 1 "$receiver"
	said recv "no sender came to 'x', or it stood still, for 1 seconds"
	kill -KILL "$sender"
}

@test "what cannot be sent or received is refused before anything is made" {
	fam_run -2 fam send
	assert_stderr "fam: command 'send' needs a name"
	fam_run -2 fam send x y z
	assert_stderr "unexpected word 'z'"
	fam_run -2 fam recv x --size 5000
	assert_stderr "'--size' is a power of two, 4K to 1T"
	fam_run -2 fam send x --force
	assert_stderr "option '--force' does not fit command 'send'"
	fam_run -2 fam send "$(printf 'x%.0s' {1..90})"
	assert_stderr 'is too long a name: it has up to 89 bytes'
	fam_run -2 fam recv x ''
	assert_stderr "'' is not the name of a file"
	fam_run -2 fam send x --timeout 0
	assert_stderr "'--timeout' is 1 to 2000000"
	fam_run -1 fam send x "$dir/out"
	assert_stderr -x "fam: '$dir/out' is a directory
hint: tar c DIRECTORY | fam send NAME"
	fam_run -2 fam recv /x
	assert_stderr "fam: cannot use stream '/x': malformed name"
	fam_run -1 fam send x "$dir/none"
	assert_stderr "fam: cannot open '$dir/none': No such file or directory"
	fam_run -1 fam recv x "$dir/out"
	assert_stderr "fam: cannot write '$dir/out': Is a directory"
	fam_run -1 fam recv x "$dir/none/x"
	assert_stderr "fam: cannot create a file beside '$dir/none/x': No such file or directory"
	fam_run -1 fam send x "$BATS_TEST_FILENAME" --size 1T
	assert_stderr "fam: cannot use stream 'x': there is no room for it in the fabric"
}

@test "a fabric without named objects, and none, are refused" {
	famctl create-fabric 16M raw --path "$dir/raw.fam" --raw >/dev/null
	file=$dir/raw.fam
	fam_run -1 fam send x "$BATS_TEST_FILENAME"
	assert_stderr "fam: fabric '$file' has no named objects"
	assert_stderr 'hint: famctl create-fabric leaves room for them'
	file=$dir/none.fam
	fam_run -3 fam recv x
	assert_stderr "fam: cannot attach to fabric '$dir/none.fam': there is no such file"
}

@test "standard output that nobody reads is told on both sides" {
	local rc=0
	head -c 3000000 /dev/zero >"$dir/in"
	begin send send x "$dir/in"
	fam recv x 2>"$dir/recv.log" > >(exec >&-) || rc=$?
	assert "the receiver fails" test "$rc" = 1
	said recv "fam: cannot write standard output: Broken pipe"
	ended 6 "$pid"
	said send "the receiver of 'x' could not write its file"
	works_again
}

@test "both sides are killed: what they left is not in the way of the next two" {
	half_way "$dir/out/x"
	# So much that the receiver cannot have taken all of it.
	kill -STOP "$receiver"
	head -c 300000 /dev/urandom >&"$held"
	kill -KILL "$sender" "$receiver"
	wait_until 10 proc_gone "$sender"
	wait_until 10 proc_gone "$receiver"
	rm -f "$dir"/out/.x.*
	head -c 70000 /dev/urandom >"$dir/again"
	begin again recv x "$dir/out/again"
	alone() {
		[[ $(fam objects --json | jq '.objects[] | select(.name == "x/reply").users') == 1 ]]
	}
	wait_until 10 alone || die "it does not come, or the dead stay: $(cat "$dir/again.log")"
	fam_run fam send x "$dir/again"
	ended 0 "$pid"
	cmp "$dir/again" "$dir/out/again"
}

@test "the name of another object is refused" {
	build_libfam_helper object
	"$BATS_FILE_TMPDIR/object" "$file" memory x 4096 </dev/null
	fam_run -4 fam recv x
	assert_stderr "fam: cannot use stream 'x': it is an object of another kind"
}

@test "names of people's languages, with blanks and slashes, carry files" {
	local name
	for name in 'mit Leerzeichen' 'grün/€/ü' '..' '-x'; do
		begin send send --timeout 20 -- "$name" "$BATS_TEST_FILENAME"
		fam_run fam recv --force -- "$name" "$dir/out/x"
		ended 0 "$pid"
		cmp "$BATS_TEST_FILENAME" "$dir/out/x"
	done
	fam_run -2 fam send $'a\033[2Jb' "$BATS_TEST_FILENAME"
	assert_stderr "fam: cannot use stream 'a?[2Jb': malformed name"
}
