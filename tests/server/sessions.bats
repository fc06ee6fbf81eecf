#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What the real server does in the table of sessions: who is present, and the
# end of the sessions of those who are not any more.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317 # bats calls the tests, each in its own shell
export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

readonly hung_up=3

setup() {
	server_setup
	# /tmp may be memory; here and there, the table is the same
	DISK=$(mktemp -d /var/tmp/fam-sessions.XXXXXX)
	F=$DISK/f
	"$tools/fam-format" "$F" 16777216 fabric0
}

teardown() {
	server_teardown
	local left=$?
	rm -rf "$DISK"
	return $left
}

table() { # COMMAND...
	"$tools/fam-sessions" "$F" "$@"
}

present() { # ID...
	[[ "$(table present)" == "present${*:+ $*}" ]]
}

# "SLOT PHASE BY PEER" of the session NAME.
session() { # NAME
	table list | awk -v name="$1" '$5 == name { print $1, $2, $3, $4 }'
}

session_is() { # NAME PHASE BY
	[[ $(session "$1") == *" $2 $3 "* ]]
}

server_word() {
	local answer
	answer=$(table server)
	printf '%s\n' "${answer#server }"
}

@test "a peer is present from its set-up to its end, in every dialect" {
	start_server -f "$F" -n 2
	[[ $(server_word) != 0 ]]
	present
	attach a modern 2
	wait_for present 1
	attach b host
	wait_for present 1 2
	start_peer l "$tools/fam-legacy-client" "$SOCK.legacy" 2
	wait_for says l "eventfd 3 1"
	wait_for present 1 2 3
	detach b
	wait_for present 1 3
	detach a
	wait_for present 3
	# the ID is given again
	attach c modern 2
	wait_for present 1 3
}

@test "the sessions of a peer that dies end with it, and the others are rung" {
	start_server -f "$F" -n 2
	attach a modern 2
	attach b host
	attach c modern 2
	attach bare modern 2
	table claim 1 60000 of-a
	table claim 2 60000 of-b
	table claim 2 60000 also-of-b
	table claim 3 60000 of-c
	table claim 0 60000 of-nobody
	local slot answer ms
	read -r slot _ < <(session of-b)
	answer=$(table die "$slot" "$pid_b")
	ms=${answer##* }
	[[ $answer == "dead $hung_up "* ]] || fail "$answer"
	printf '# noticed after %d ms\n' "$ms" >&3
	((ms < 1000)) || fail "it took $ms ms"
	wait_for session_is also-of-b dead $hung_up
	session_is of-a live 0
	session_is of-c live 0
	session_is of-nobody live 0
	# by the last vector, which is the library's
	asked a "wait 1" "rang 1"
	asked c "wait 1" "rang 1"
	asked a "quiet 0" silence
	asked c "quiet 0" silence
	# in whose node no session is, it is the program's
	asked bare "quiet 1" silence
	wait_for grep -q "with peer 2, 2 sessions ended" server.log
	# without sessions that end, peers are told all the same: of the peer
	detach bare
	asked a "wait 1" "rang 1"
	wait_for present 1 3
}

@test "with one vector nobody is rung, and sessions end the same" {
	start_server -f "$F"
	attach a modern
	attach b modern
	table claim 1 60000 of-a
	table claim 2 60000 of-b
	detach b
	wait_for session_is of-b dead $hung_up
	session_is of-a live 0
	asked a "quiet 0" silence
}

@test "hundreds that leave at once cost each of the others a few rings" {
	ulimit -n 20000 || skip "needs 20,000 descriptors"
	start_server -f "$F" -n 2
	attach a modern 2
	table claim 1 60000 of-a
	"$tools/fam-crowd" "$SOCK" 300 2 >"$WORK/crowd.out" 3>&- &
	local crowd=$!
	PIDS+=("$crowd")
	DEADLINE=60 wait_for status_is attached 301
	DEADLINE=60 wait_for all_present 301
	local id
	for id in 2 150 301; do
		table claim "$id" 60000 "of-$id"
	done
	kill -KILL "$crowd"
	wait_for present 1
	for id in 2 150 301; do
		wait_for session_is "of-$id" dead $hung_up
	done
	local rang
	rang=$(ask a "wait 1")
	printf '# 300 peers gone: %s\n' "$rang" >&3
	[[ $rang == "rang "* ]]
	# by the clock it is once in 2 ms, and the whole took some seconds at most
	((${rang#rang } < 300))
}

all_present() { # COUNT
	[[ $(table present | wc -w) == $(($1 + 1)) ]]
}

@test "a clean stop says that nobody serves, and lets the sessions live" {
	start_server -f "$F" -n 2
	attach a modern 2
	table claim 1 60000 of-a
	wait_for present 1
	stop_server
	[[ $(server_word) == 0 ]]
	present
	session_is of-a live 0
}

@test "killed and started again: another life, and leases are left alone" {
	start_server -f "$F" -n 2
	local life
	life=$(server_word)
	attach a modern 2
	table claim 1 60000 of-a
	wait_for present 1
	stop_server KILL 137
	# nobody was there to say so
	[[ $(server_word) == "$life" ]]
	present 1
	start_server -f "$F" -n 2
	[[ $(server_word) != "$life" && $(server_word) != 0 ]]
	present
	session_is of-a live 0
	attach b modern 2
	# its ID is another one, as the old node may run still
	wait_for present "$(id_of b)"
	(($(id_of b) > 1))
	table claim "$(id_of b)" 60000 of-b
	detach b
	wait_for session_is of-b dead $hung_up
	session_is of-a live 0
}

@test "a take-over keeps life, presence and sessions, and goes on noticing" {
	start_server -f "$F" -n 2
	local life i
	life=$(server_word)
	attach a modern 2
	attach b host
	attach c modern 2
	table claim 1 60000 of-a
	table claim 2 60000 of-b
	table claim 3 60000 of-c
	wait_for present 1 2 3
	for i in 1 2; do
		expect 0 "$tm_server" --take-over -p "$SOCK"
		status_is lives "$i"
		[[ $(server_word) == "$life" ]]
		present 1 2 3
	done
	session_is of-a live 0
	session_is of-b live 0
	detach b
	wait_for session_is of-b dead $hung_up
	asked a "wait 1" "rang 1"
	# one that goes while nobody looks
	kill -STOP "$SERVER"
	kill -USR2 "$SERVER"
	detach c
	kill -CONT "$SERVER"
	wait_for status_is lives 3
	wait_for session_is of-c dead $hung_up
	wait_for present 1
	session_is of-a live 0
	attach d modern 2
	wait_for present 1 "$(id_of d)"
	stop_server
	[[ $(server_word) == 0 ]]
	session_is of-a live 0
}

@test "a take-over that fails leaves it as it was" {
	cp "$tm_server" "$WORK/server"
	tm_server=$WORK/server
	start_server -f "$F" -n 2
	local life
	life=$(server_word)
	attach a modern 2
	table claim 1 60000 of-a
	printf '#!/bin/sh\nchmod 644 "$0"\n' >new
	chmod 755 new
	mv new server
	expect 1 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	output_has "Permission denied"
	[[ $(server_word) == "$life" ]]
	present 1
	attach b modern 2
	wait_for present 1 2
	detach a
	wait_for session_is of-a dead $hung_up
	tm_server=$FAM_BUILD/bin/tm-server
}

@test "noise all over the table harms the server in nothing, and is put right" {
	start_server -f "$F" -n 2
	local life i
	life=$(server_word)
	attach a modern 2
	attach b host
	for i in {1..10}; do
		table noise "$i"
		attach "x$i" host
		detach "x$i"
	done
	server_answers
	wait_for life_is "$life"
	wait_for present 1 2
	asked a "ring 2 0" "done"
	asked b "wait 0" "rang 1"
	stop_server
	[[ $(server_word) == 0 ]]
}

life_is() { # WORD
	[[ $(server_word) == "$1" ]]
}

@test "a file that is cut under the server does not kill it, and is taken up again" {
	start_server -f "$F" -n 2
	local life
	life=$(server_word)
	attach a modern 2
	wait_for present 1
	truncate -s 4096 "$F"
	attach b modern 2
	detach b
	server_answers
	wait_for grep -q "the table of sessions is not in its file any more" server.log
	truncate -s 16M "$F"
	wait_for life_is "$life"
	wait_for present 1
	attach c modern 2
	wait_for present 1 "$(id_of c)"
	stop_server
	[[ $(server_word) == 0 ]]
}

@test "raw fabrics, and those made before, are served and have no table" {
	local before
	truncate -s 16M raw
	start_server -f raw -n 2
	attach a modern 2
	attach b modern 2
	detach b
	wait_for status_is attached 1
	asked a "quiet 1" silence
	stop_server
	cmp raw <(head -c 16M /dev/zero)
	"$tools/fam-format" plain 16777216 plain old
	cp plain before
	SOCK=$WORK/old.sock
	start_server -f plain -n 2
	attach c modern 2
	detach c
	wait_for status_is attached 0
	stop_server
	cmp plain before
}

@test "an idle server with a table uses less than 1 % of a processor" {
	start_server -f "$F" -n 2
	attach a modern 2
	instrumented && skip "a sanitizer's work is not the server's"
	local before after
	before=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	DEADLINE=10 wait_for seconds_passed 5
	after=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	# in hundredths of a second
	((after - before <= 5)) || fail "$((after - before)) ticks in 5 s"
}

seconds_passed() { # COUNT
	: "${FROM:=$SECONDS}"
	((SECONDS - FROM >= $1))
}
