#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The server's end and the next one: by signal, by kill, in place.

# shellcheck disable=SC2016,SC2030,SC2031 # each test has its own shell
export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

setup() {
	server_setup
	truncate -s 1M f
}

teardown() {
	server_teardown
}

@test "killed and started again: same memory, higher IDs" {
	start_server -f f
	attach a modern
	attach b host
	asked a "put 0 99" "done"
	stop_server KILL 137
	start_server -f f
	grep -q "goes on after an earlier server" server.log
	attach c host
	(($(id_of c) > $(id_of b)))
	asked c "get 0" "word 99"
	# those of before are among themselves, and notice nothing
	asked a "ring $(id_of c) 0" "no doorbell"
	asked b "ring $(id_of a) 0" "done"
	asked a "wait 0" "rang 1"
	# and once more, above these
	stop_server KILL 137
	start_server -f f
	attach d modern
	(($(id_of d) > $(id_of c)))
}

@test "a clean stop with peers attached keeps their IDs from others" {
	start_server -f f
	attach a modern
	stop_server
	[[ -e $SOCK.state && ! -e $SOCK && ! -e $SOCK.lock ]]
	start_server -f f
	attach b modern
	(($(id_of b) > $(id_of a)))
}

@test "a damaged state file stops the start, an empty or old one does not" {
	printf 'nonsense\n' >"$SOCK.state"
	expect 1 "$tm_server" -f f -p "$SOCK"
	output_has "cannot use '$SOCK.state': it is damaged"
	output_has "hint: remove it if no node of this fabric runs"
	[[ ! -e $SOCK && ! -e $SOCK.lock ]]
	rm "$SOCK.state"
	ln -s /dev/null "$SOCK.state"
	expect 1 "$tm_server" -f f -p "$SOCK"
	output_has "cannot read '$SOCK.state': Too many levels of symbolic links"
	rm "$SOCK.state"
	: >"$SOCK.state"
	start_server -f f
	stop_server
	printf 'fam-ids 1\nboot another\nnext 500\nend\n' >"$SOCK.state"
	start_server -f f
	attach a modern
	[[ $(id_of a) == 1 ]]
}

@test "a server that cannot write its state serves all the same" {
	start_server -f f
	mkdir "$SOCK.state.new"
	attach a modern
	grep -q "cannot write '$SOCK.state'" server.log
	rmdir "$SOCK.state.new"
}

@test "a take-over keeps process, connections, IDs and doorbells" {
	start_server -f f -n 2
	attach a modern 2
	attach b host
	start_peer l "$tools/fam-legacy-client" "$SOCK.legacy" 2
	wait_for says l "eventfd 3 1"
	asked b "ring 0 1" "done"
	local fds i
	fds=$(fds_of "$SERVER")
	for i in 1 2 3; do
		expect 0 "$tm_server" --take-over -p "$SOCK"
		status_is lives "$i"
	done
	kill -USR2 "$SERVER"
	wait_for status_is lives 4
	[[ $(server_status pid) == "$SERVER" && $(fds_of "$SERVER") == "$fds" ]]
	status_is attached 3
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" status
	output_has "rings 1 1"
	# old and new ones know each other
	attach c host
	[[ $(id_of c) == 4 ]]
	wait_for says a "doorbell 4 1"
	wait_for says l "eventfd 4 1"
	wait_for says b "attached 4"
	asked a "ring 4 0" "done"
	asked c "wait 0" "rang 1"
	asked c "ring 1 1" "done"
	asked a "wait 1" "rang 1"
	asked a "ring 0 1" "done"
	# nobody was told anything twice
	[[ $(grep -c doorbell a.out) == 10 && $(grep -c attached b.out) == 3 ]]
	detach c
	wait_for says b "left 4"
	stop_server
	[[ ! -e $SOCK && ! -e $SOCK.lock && ! -e $SOCK.ctl ]]
}

@test "a take-over in the middle of set-ups" {
	ulimit -n 20000 || skip "needs 20,000 descriptors"
	start_server -f f -n 64 --stall-timeout 0
	local i
	for i in {1..8}; do
		start_peer "d$i" "$tools/fam-client" modern "$SOCK" 64 late
	done
	wait_for status_is accepted 8
	# those whose eventfds do not fit into a socket unread
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" list
	output_has " setup modern"
	expect 0 "$tm_server" --take-over -p "$SOCK"
	for i in {1..8}; do
		tell "d$i" go
	done
	for i in {1..8}; do
		wait_for says "d$i" complete
		wait_for says "d$i" "doorbell 8 63"
		[[ $(grep -c '^doorbell' "d$i.out") == $((9 * 64)) ]]
	done
}

@test "a program that does not understand the state does not take over" {
	cp "$tm_server" "$WORK/server"
	tm_server=$WORK/server
	start_server -f f
	attach a modern
	printf '#!/bin/sh\nexit 1\n' >new
	chmod 755 new
	mv new server
	expect 1 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	output_has "the new program does not understand the state"
	rm server
	expect 1 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	server_answers
	status_is attached 1
	# one that hangs is not waited for
	printf '#!/bin/sh\nsleep 600\n' >new
	chmod 755 new
	mv new server
	expect 1 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	output_has "the new program does not answer"
	server_answers
	# the right one again
	cp "$FAM_BUILD/bin/tm-server" new
	mv new server
	expect 0 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	status_is lives 1
	attach b modern
	wait_for says a "doorbell 2 0"
	tm_server=$FAM_BUILD/bin/tm-server
}

@test "a take-over nobody is there for" {
	expect 5 "$tm_server" --take-over -p "$SOCK"
	output_has "cannot have the server replaced: no server answers at"
}

@test "state from outside is refused" {
	printf 'fam-resume 2\nend\n' >state
	expect 1 bash -c "exec 9<state; exec '$tm_server' --check --resume-fd=9"
	output_has "cannot understand the state: Protocol not supported"
	printf 'fam-resume 1\nend\n' >state
	expect 1 bash -c "exec 9<state; exec '$tm_server' --check --resume-fd=9"
	output_has "cannot understand the state: Bad message"
}
