#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031,SC2317 # each test is a subshell of its own
#
# fam chat: everybody in a room gets each line, and sees who comes and goes.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f
	file=$dir/f.fam
	pids=()
	declare -gA in=() member=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$dir"/*.out >&2
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# join NICK [ROOM]: a member that says what is written to ${in[NICK]}; its process
# is ${member[NICK]}, its output $dir/NICK.out.
join() {
	local fd
	mkfifo "$dir/$1.in"
	exec {fd}<>"$dir/$1.in"
	in[$1]=$fd
	env --default-signal=INT "$FAM_BUILD/bin/fam" -f "$file" chat "${2:-den}" --name "$1" \
		<"$dir/$1.in" >"$dir/$1.out" 2>&1 3>&- {fd}>&- &
	member[$1]=$!
	pids+=("${member[$1]}")
	wait_until 10 here "$1" "${2:-den}" || die "$1 does not come"
}

# Who is called NICK has a channel in ROOM, so that others find it.
here() { # NICK ROOM
	local id
	id=$(fam peers --json | jq -r --arg nick "$1" '.sessions[] | select(.program == $nick).id')
	[[ -n $id ]] || return 1
	fam objects --json | jq -e --arg name "chat/$2/$id" 'any(.objects[]; .name == $name)' >/dev/null
}

sees() { # NICK LINE
	seen() { grep -qxF -- "$2" "$dir/$1.out"; }
	wait_until 15 seen "$1" "$2" || die "$1 does not see '$2'"
}

# How often NICK saw LINE.
times() {
	grep -cxF -- "$2" "$dir/$1.out"
}

ended() { # STATUS NICK
	local rc=0
	wait_until 20 proc_gone "${member[$2]}" || die "$2 does not end"
	wait "${member[$2]}" || rc=$?
	((rc == $1)) || die "$2 ended with $rc instead of $1"
}

rooms() {
	fam objects --json | jq -r '.. | .name? // empty' | grep -c '^chat/' || true
}

@test "each line reaches everybody else, once, in order" {
	local i
	join ann
	join bob
	join eve
	sees ann '* eve joined'
	sees bob '* eve joined'
	sees eve '* ann is here'
	for i in {1..200}; do
		printf 'line %d\n' "$i" >&"${in[ann]}"
	done
	sees bob 'ann: line 200'
	sees eve 'ann: line 200'
	for i in bob eve; do
		grep '^ann: ' "$dir/$i.out" >"$dir/$i.got"
		diff "$dir/$i.got" <(printf 'ann: line %d\n' {1..200}) ||
			die "$i got something else"
	done
	! grep -q '^ann:' "$dir/ann.out" || die "ann hears herself"
}

@test "who joins and leaves is told, and by what names" {
	join ann
	join bob
	sees ann '* bob joined'
	sees bob '* ann is here'
	kill -TERM "${member[bob]}"
	ended 143 bob
	sees ann '* bob left'
	! grep -q 'bob died' "$dir/ann.out" || die "it was no death"
	kill -INT "${member[ann]}"
	ended 130 ann
	[[ $(rooms) == 0 ]] || die "channels are left"
}

@test "a script says its lines and leaves at the end of its input" {
	join ann
	fam chat den --name script < <(printf 'one\ntwo without end') >"$dir/script.out"
	sees ann '* script joined'
	sees ann 'script: one'
	sees ann 'script: two without end'
	sees ann '* script left'
}

@test "who came and went before anybody looked is still told" {
	join ann
	kill -STOP "${member[ann]}"
	wait_until 10 proc_stopped "${member[ann]}"
	fam chat den --name brief < <(echo 'no time') >"$dir/brief.out"
	kill -CONT "${member[ann]}"
	sees ann '* brief joined'
	sees ann 'brief: no time'
	sees ann '* brief left'
	! grep -q 'brief died' "$dir/ann.out" || die "it was no death"
}

@test "a member that is killed is announced once, and its channel goes" {
	join ann
	join bob
	join eve
	sees ann '* eve joined'
	sees bob '* eve joined'
	kill -KILL "${member[eve]}"
	sees ann '* eve died'
	sees bob '* eve died'
	gone() { [[ $(rooms) == 2 ]]; }
	wait_until 10 gone || die "its channel stays"
	printf 'still here\n' >&"${in[bob]}"
	sees ann 'bob: still here'
	[[ $(times ann '* eve died') == 1 ]]
}

@test "channels of a room where all were killed go with the next one who comes" {
	join ann
	join bob
	sees ann '* bob joined'
	kill -KILL "${member[ann]}" "${member[bob]}"
	ended 137 ann
	ended 137 bob
	join eve
	alone() { [[ $(rooms) == 1 ]]; }
	wait_until 10 alone || die "their channels stay"
}

@test "rooms are apart from each other" {
	join ann den
	join bob den
	join eve other
	printf 'for the den\n' >&"${in[ann]}"
	sees bob 'ann: for the den'
	[[ ! -s $dir/eve.out ]] || die "eve hears the den"
}

@test "hostile text comes out harmless" {
	join ann
	# A terminal's control sequence, one of 8 bits, a mark that turns the direction,
	# half a character; and what is harmless.
	printf 'a\033[2Jb \xc2\x9bc \xe2\x80\xaed \xc3 e\xc3\xa4\xe2\x82\xac\n' |
		fam chat den --name eve >/dev/null
	sees ann $'eve: a?[2Jb ?c ?d ? e\xc3\xa4\xe2\x82\xac'
}

@test "a line longer than a message comes in pieces" {
	join ann
	head -c 10000 /dev/zero | tr '\0' x | fam chat den --name bob >/dev/null
	sees ann '* bob left'
	[[ $(grep '^bob: ' "$dir/ann.out" | sed 's/^bob: //' | tr -d '\n' | wc -c) == 10000 ]]
}

@test "one that stands still costs the others a second, not the room" {
	local i
	join ann
	join bob
	join eve
	sees eve '* bob is here'
	sees ann '* eve joined'
	kill -STOP "${member[eve]}"
	for i in {1..400}; do
		printf 'line %d of a room in which one does not read, which fills its channel\n' "$i"
	done >&"${in[ann]}"
	sees bob 'ann: line 400 of a room in which one does not read, which fills its channel'
	# It may be declared dead meanwhile; that is told, too.
	grep -qE '^\* eve (does not read, and misses lines|died)' "$dir/ann.out"
	kill -CONT "${member[eve]}"
}

@test "a room and a name must be ones" {
	fam_run -2 fam chat
	assert_stderr "fam: command 'chat' needs a room"
	fam_run -2 fam chat a/b
	assert_stderr "'a/b' is not a room: 1 to 72 bytes without '/'"
	fam_run -2 fam chat den --name $'a\tb'
	assert_stderr 'is not a name: 1 to 63 printable ASCII characters'
	famctl create-fabric 16M raw --path "$dir/raw.fam" --raw >/dev/null
	file=$dir/raw.fam
	fam_run -1 fam chat den
	assert_stderr "fam: fabric '$file' has no named objects"
}

@test "without an input there is nothing to say" {
	# shellcheck disable=SC2016 # the inner shell expands it
	fam_run -1 bash -c 'exec timeout 20 "$@" <&-' - "$FAM_BUILD/bin/fam" -f "$file" chat den
	assert_stderr "fam: cannot read standard input: Bad file descriptor"
	[[ $(rooms) == 0 ]] || die "channels are left"
}

@test "a member whose output nobody reads leaves" {
	local fd
	mkfifo "$dir/eve.in"
	exec {fd}<>"$dir/eve.in"
	in[eve]=$fd
	env "$FAM_BUILD/bin/fam" -f "$file" chat den --name eve <"$dir/eve.in" \
		2>"$dir/eve.out" > >(exec >&-) 3>&- &
	member[eve]=$!
	pids+=("$!")
	wait_until 10 here eve den || die "eve does not come"
	fam chat den --name ann <<<hello >/dev/null
	ended 1 eve
	grep -qx 'fam: cannot write standard output: .*' "$dir/eve.out" || die "it does not say why"
	[[ $(rooms) == 0 ]] || die "channels are left"
}

@test "two people at terminals" {
	requires_command script
	local who fd
	for who in ann bob; do
		mkfifo "$dir/$who.in"
		exec {fd}<>"$dir/$who.in"
		in[$who]=$fd
		env --default-signal=INT script -qfec "'$FAM_BUILD/bin/fam' -f '$file' chat den --name $who" /dev/null \
			<"$dir/$who.in" >"$dir/$who.raw" 2>&1 3>&- &
		member[$who]=$!
		pids+=("$!")
		wait_until 10 here "$who" den || die "$who does not come"
	done
	shows() { tr -d '\r' <"$dir/$1.raw" | grep -qxF -- "$2"; }
	wait_until 10 shows ann '* bob joined'
	printf 'hello bob\n' >&"${in[ann]}"
	wait_until 10 shows bob 'ann: hello bob'
	# Ctrl-D ends, Ctrl-C too.
	printf '\004' >&"${in[ann]}"
	wait_until 10 shows bob '* ann left'
	printf '\003' >&"${in[bob]}"
	ended 0 ann
	ended 130 bob
	[[ $(rooms) == 0 ]] || die "channels are left"
}
