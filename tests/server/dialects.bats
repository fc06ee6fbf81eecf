#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What peers of each kind are sent, and what they make of it.

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

heard() { # NAME LINE...
	local name=$1
	shift
	[[ $(<"$WORK/$name.out") == "$(printf '%s\n' "$@")" ]] ||
		fail "$name heard: $(<"$WORK/$name.out")"
}

legacy() { # NAME SOCKET VECTORS
	start_peer "$1" "$tools/fam-legacy-client" "$2" "$3" 1048576
}

# A legacy client that is told anything prints what it has.
finish() { # NAME
	tell "$1" finish
	wait_for grep -q '^position .* memory' "$WORK/$1.out"
}

@test "modern: version, ID, memory, others, own; then news" {
	start_server -f f -n 2
	attach a modern 2
	heard a version "self 1" memory "doorbell 0 0" "doorbell 0 1" \
		"doorbell 1 0" "doorbell 1 1" complete
	attach b modern 2
	heard b version "self 2" memory "doorbell 0 0" "doorbell 0 1" \
		"doorbell 1 0" "doorbell 1 1" "doorbell 2 0" "doorbell 2 1" \
		complete
	wait_for says a "doorbell 2 1"
	# the next one has the ID again: nothing new to those who know it
	detach b
	wait_for status_is attached 1
	attach c modern 2
	says c "self 2"
	asked a "ring 2 1" "done"
	asked c "wait 1" "rang 1"
	asked a fds "fds 6"
}

@test "host: who is there, who comes and goes, each once" {
	start_server -f f -n 2
	attach m modern 2
	attach h host
	heard h version "self 2" "vectors 2" memory "doorbell 0 0" \
		"doorbell 0 1" "doorbell 1 0" "doorbell 1 1" "doorbell 2 0" \
		"doorbell 2 1" "attached 1" complete
	attach n modern 2
	detach m
	wait_for says h "left 1"
	attach o host
	wait_for says h "attached 1"
	detach o
	wait_for says_times h "left 1" 2
	says_times h "attached 3" 1
	says_times h "doorbell 1 0" 1
	[[ $(grep -c left n.out) == 0 ]]
	asked h fds "fds 8"
}

@test "a legacy program: no version, positions, exact count of descriptors" {
	start_server -f f -n 3
	attach m modern 3
	legacy a "$SOCK.legacy" 3
	wait_for says a "eventfd 2 2"
	heard a "position 2" "memory 1048576" "eventfd 0 0" "eventfd 0 1" \
		"eventfd 0 2" "eventfd 1 0" "eventfd 1 1" "eventfd 1 2" \
		"eventfd 2 0" "eventfd 2 1" "eventfd 2 2"
	detach m
	attach n modern 3
	legacy b "$SOCK.legacy" 3
	wait_for says a "eventfd 3 2"
	finish a
	says a "position 2 memory 1048576 peers 4 eventfds 12"
}

@test "an old QEMU's device on the modern socket" {
	start_server -f f -n 1
	attach m modern
	legacy a "$SOCK" 1
	wait_for says a "eventfd 2 0"
	heard a "position 0" "position 2" "memory 1048576" "eventfd 0 0" \
		"eventfd 1 0" "eventfd 2 0"
}

@test "an old QEMU's heap survives any coming and going of others" {
	start_server -f f -n 2
	legacy a "$SOCK" 2
	legacy b "$SOCK.legacy" 2
	wait_for says b "eventfd 2 1"
	expect 0 "$tools/fam-churn" "$SOCK" 300 5
	finish a
	finish b
	[[ $(grep -c -e HARM -e gone a.out b.out | tr '\n' ' ') == "a.out:0 b.out:0 " ]]
	# one descriptor per ID and vector, however often IDs were given
	local ids
	ids=$(server_status ids)
	says b "position 2 memory 1048576 peers $ids eventfds $((ids * 2))"
}

@test "the model of the old QEMU sees the harm other servers do" {
	# the same reading against a scripted server that gives an ID twice
	python3 - "$SOCK" 3>&- <<-'PYTHON' &
		import array, os, socket, struct, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		c, _ = s.accept()
		mem = os.memfd_create("m")
		os.ftruncate(mem, 1 << 20)
		def send(value, fd=None):
		    cmsg = [] if fd is None else [(socket.SOL_SOCKET,
		        socket.SCM_RIGHTS, array.array("i", [fd]))]
		    c.sendmsg([struct.pack("<q", value)], cmsg)
		send(1); send(-1, mem)
		send(2, 0); send(2); send(2, 0)
		c.recv(1)
	PYTHON
	PIDS+=($!)
	wait_for test -S "$SOCK"
	legacy a "$SOCK" 1
	wait_for says a "HARM freed array of eventfds is written: 2"
}

@test "all dialects in one table ring each other" {
	start_server -f f -n 2
	attach m modern 2
	attach h host
	wait_for says m "doorbell 2 1"
	asked m "ring 2 1" "done"
	asked h "wait 1" "rang 1"
	asked h "ring 1 0" "done"
	asked m "wait 0" "rang 1"
	asked h "ring 0 1" "done"
	wait_for server_rang 1 1
	asked h "ring 9 0" "no doorbell"
}

server_rang() { # VECTOR COUNT
	"$tools/fam-ctl" "$SOCK.ctl" status | grep -qx "rings $1 $2"
}

@test "what was rung while nobody was there is not heard" {
	start_server -f f
	attach h host
	attach m modern
	detach m
	wait_for says h "left 2"
	asked h "ring 2 0" "done"
	attach n modern
	says n "self 2"
	asked n "quiet 0" silence
	asked h "ring 2 0" "done"
	asked n "wait 0" "rang 1"
}

@test "the control socket: list, ping, refusals" {
	start_server -f f -n 2 --name fabric9
	attach h host
	attach m modern 2
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" list
	[[ ${lines[0]} == "0 server "* && ${lines[1]} == "1 ready host "* &&
		${lines[2]} == "2 ready modern "* ]]
	[[ $(server_status label) == fabric9 ]]
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" ping 2 1
	asked m "wait 1" "rang 1"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" ping 2 2
	output_has "error -34: peers do not have this vector"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" ping 77 0
	output_has "error -2: no peer ever had this ID"
	detach m
	wait_for says h "left 2"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" ping 2 0
	output_has "error -19: nobody has this ID now"
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" list
	output_has "2 absent"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" raw 00
	output_has "error -74: a request has 32 bytes"
	local rest
	rest=$(printf '00%.0s' {1..24})
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" raw "4d544d4c01000100$rest"
	output_has "error -74: not a request"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" raw "4d544d4c0200010000$rest"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" raw "544d544c02000100$rest"
	expect 1 "$tools/fam-ctl" "$SOCK.ctl" raw "4d544c4c01000100$rest"
}

@test "many idle control clients do not keep others out" {
	start_server -f f
	local i
	for i in {1..20}; do
		start_peer "c$i" "$tools/fam-ctl" "$SOCK.ctl" hold
	done
	server_answers
	server_answers
}
