#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Many peers, bad peers, no descriptors: nobody else is hurt, nothing leaks.

# shellcheck disable=SC2030,SC2031,SC2119 # each test has its own shell
export BATS_TEST_TIMEOUT=300
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

setup() {
	server_setup
	truncate -s 1M f
	DEADLINE=60
}

teardown() {
	server_teardown
}

# Peers in one process; each line on stdout is "N complete" or "refused N".
crowd() { # COUNT VECTORS
	start_peer crowd "$tools/fam-crowd" "$SOCK" "$1" "$2"
}

no_growth() { # FDS-BEFORE MAKING
	(($(fds_of "$SERVER") <= $1 + $2))
}

# CHURN_CYCLES: peers in each half; make check-soak takes more.
@test "thousands of peers of every bad kind: good ones miss nothing, nothing leaks" {
	local cycles=${CHURN_CYCLES:-1000}
	start_server -f f -n 3
	local fds rss
	fds=$(fds_of "$SERVER")
	expect 0 "$tools/fam-churn" "$SOCK" "$cycles" 1
	# IDs are kept, and their eventfds: at most as many as were there at once
	wait_for no_growth "$fds" $((3 * 52))
	rss=$(rss_kib "$SERVER")
	local before after
	before=$(server_status accepted)
	expect 0 "$tools/fam-churn" "$SOCK" "$cycles" 2
	after=$(server_status accepted)
	# the good one heard of each who was let in, but itself
	output_has "cycles $cycles joins $((after - before - 1)) leaves"
	wait_for no_growth "$fds" $((3 * 52))
	instrumented || (($(rss_kib "$SERVER") <= rss + 512))
	stop_server
}

@test "1,000 peers at once" {
	ulimit -n 20000 || skip "needs 20,000 descriptors"
	start_server -f f
	crowd 1000 1
	wait_for says crowd "all complete"
	status_is attached 1000
	# each knows each: own, server's, and 999 others'
	wait_for says crowd "all know all"
	detach crowd
	wait_for status_is attached 0
	stop_server
}

@test "300 peers with 64 vectors" {
	ulimit -n 20000 || skip "needs 20,000 descriptors"
	start_server -f f -n 64
	crowd 300 64
	wait_for says crowd "all complete"
	wait_for says crowd "all know all"
	attach late modern 64
	detach crowd
	wait_for status_is attached 1
	stop_server
}

@test "out of descriptors: a clear refusal, and nobody attached is hurt" {
	(
		ulimit -n 200
		exec "$tm_server" -f f -p "$SOCK" -n 2 2>>server.log 3>&-
	) &
	SERVER=$!
	PIDS+=("$SERVER")
	wait_for server_answers
	attach a modern 2
	attach h host
	crowd 200 2
	wait_for says crowd "some refused"
	grep -qE "refused: no descriptors left|cannot accept peers" server.log
	asked h "ring 0 0" "done"
	server_answers
	local before after
	before=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	DEADLINE=5 wait_for eval "((SECONDS >= $((SECONDS + 2))))" || true
	after=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	((after - before <= 10)) || fail "it spins: $((after - before)) ticks"
	detach crowd
	wait_for status_is attached 2
	attach b modern 2
	stop_server
}

@test "a peer that never reads is dropped in time, others do not wait" {
	start_server -f f -n 64 --stall-timeout 2
	start_peer deaf "$tools/fam-deaf" "$SOCK"
	attach a modern 64
	# six times 64 eventfds do not fit into a socket
	crowd 6 64
	wait_for says crowd "all complete"
	wait_for says crowd "all know all"
	wait_for grep -q "dropped: it does not read" server.log
	[[ $(server_status dropped) == 1 ]]
	attach b modern 64
	stop_server
}

@test "a plain user's limit on descriptors under way is waited out" {
	((EUID == 0)) || skip "needs another user"
	chmod 777 "$WORK"
	chmod 666 f
	(
		ulimit -n 300
		exec setpriv --reuid nobody --clear-groups --inh-caps=-all \
			"$tm_server" -f f -p "$SOCK" --mode 666 --stall-timeout 3 2>>server.log 3>&-
	) &
	SERVER=$!
	PIDS+=("$SERVER")
	wait_for server_answers
	# a few that do not read keep nobody out
	local i
	for i in {1..8}; do
		start_peer "deaf$i" "$tools/fam-deaf" "$SOCK"
	done
	start_peer a "$tools/fam-client" modern "$SOCK"
	wait_for says a complete
	# so many hold more descriptors than the user may have under way
	for i in {9..100}; do
		start_peer "deaf$i" "$tools/fam-deaf" "$SOCK"
	done
	start_peer b "$tools/fam-client" modern "$SOCK"
	wait_for grep -q "must wait: Too many references" server.log
	wait_for grep -q "dropped: it does not read" server.log
	server_answers
	for i in {1..100}; do
		detach "deaf$i"
	done
	wait_for says b complete
	wait_for says a "doorbell $(id_of b) 0"
	stop_server
}

@test "as many peers as allowed, then a refusal" {
	start_server -f f --max-peers 2
	attach a modern
	attach b host
	start_peer c "$tools/fam-client" modern "$SOCK"
	wait_for says c end
	grep -q "refused: as many peers as allowed" server.log
	detach a
	wait_for status_is attached 1
	attach d modern
}

@test "who sends data is dropped" {
	start_server -f f
	attach a host
	local i
	for i in "" .legacy .host; do
		python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"hello")
s.settimeout(10)
try:
    while s.recv(4096):
        pass
except ConnectionResetError:
    pass' "$SOCK$i" || fail "not dropped at $SOCK$i"
	done
	[[ $(server_status dropped) == 3 ]]
	status_is attached 1
}
