#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The flush service of the real server, asked by clients on the mapped file:
# fam-flush obeys lines, each with one line of answer.

# shellcheck disable=SC2016,SC2030,SC2031,SC2317 # bats calls the tests, each in its own shell
export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

# Offsets in the file: of the mailbox's header, of slot N.
readonly header=65536
readonly data=2097152
slot() { # N
	printf '%d\n' $((header + 4096 + 1024 * $1))
}

setup() {
	server_setup
	# /tmp may be memory, where nothing is durable
	DISK=$(mktemp -d /var/tmp/fam-flush.XXXXXX)
	F=$DISK/f
	"$tools/fam-format" "$F" 16777216 fabric0
}

teardown() {
	server_teardown
	local left=$?
	rm -rf "$DISK"
	return $left
}

lines_of() { # NAME
	wc -l <"$WORK/$1.out"
}

more_lines() { # NAME COUNT
	(($(lines_of "$1") > $2))
}

# A client named NAME; with "rings" it attaches and rings the server.
client() { # NAME [rings]
	start_peer "$1" "$tools/fam-flush" "$F" ${2:+"$SOCK.host"}
	wait_for told "$1" claim "slot [0-9]*"
}

# What NAME answers to LINE.
tells() { # NAME LINE
	local before
	before=$(lines_of "$1")
	tell "$1" "$2"
	DEADLINE=60 wait_for more_lines "$1" "$before" || return 1
	tail -n 1 "$WORK/$1.out"
}

# NAME answers to LINE with a PATTERN.
told() { # NAME LINE PATTERN
	local answer
	answer=$(tells "$1" "$2") || return 1
	# shellcheck disable=SC2053 # a pattern it is
	[[ $answer == $3 ]] || fail "$1: '$2' gave '$answer', not '$3'"
}

# A value of the flush service.
flush_value() { # KEY
	"$tools/fam-ctl" "$SOCK.ctl" flush | awk -v key="$1" '$1 == key { print $2 }'
}

flush_is() { # KEY VALUE
	[[ $(flush_value "$1") == "$2" ]]
}

listed() { # REGEX
	"$tools/fam-ctl" "$SOCK.ctl" list | grep -q -- "$1"
}

rung() { # VECTOR TIMES
	"$tools/fam-ctl" "$SOCK.ctl" status | grep -qx "rings $1 $2"
}

# Without a server's help: a word of the file.
file_word() { # OFFSET
	od -An -t u8 -j "$1" -N 8 "$F" | tr -d ' '
}

file_failed() {
	od -An -t d4 -j $((header + 84)) -N 4 "$F" | tr -d ' '
}

failed_is() { # ERRNO
	[[ $(file_failed) == "$1" ]]
}

# As a program of the host does that saw its own write-back fail.
set_mark() { # CLIENT ERRNO
	told "$1" "put32 $((header + 84)) $2" poked
}

@test "a client that rings commits, one by one and many at a time" {
	start_server -f "$F"
	client a rings
	told a "commits 50 64" "commits 50 *"
	told a "groups 10 32" "commits 320 *"
	told a "post $data 4096" "posted 371"
	told a "post $((16777216 - 1)) 1" "posted 372"
	told a "post 0 16777216" "posted 373"
	told a "post $data 0" "posted 374"
	told a "wait 20000" "done 374"
	wait_for flush_is commits 374
	flush_is errors 0
	flush_is faults 0
	flush_is polls 0
	flush_is clients 1
	# 32 at a time share write-backs
	(($(flush_value syncs) < 200))
	# counted for the ID it has
	wait_for listed "^1 ready host .*commits 374 bytes"
	# vector 0 is read by the service, and counted
	(($("$tools/fam-ctl" "$SOCK.ctl" status | awk '$1 == "rings" { print $3 }') >= 50))
}

@test "a client that cannot ring is found, and soon looked for more often" {
	start_server -f "$F"
	client a
	flush_is polls 0
	told a "commits 50 64" "commits 50 *"
	wait_for flush_is polls 1
	status_is attached 0
	# ID 0 stands for all that have none
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" list
	output_has "0 server modern queue 0 uid 0 pid 0 commits 50 bytes 3200 faults 0"
}

@test "hostile slots cost the others nothing but time" {
	start_server -f "$F"
	client good rings
	client bad
	client wild
	local i
	for i in {1..20}; do
		told wild "scribble 2000" scribbled
		# wrong seals, ranges outside, rings overrun
		told bad claim "*"
		tells bad "forge $data 64" >/dev/null
		tells bad claim >/dev/null
		tells bad "post 16777216 64" >/dev/null
		tells bad claim >/dev/null
		tells bad "post 18446744073709551615 2" >/dev/null
		# anything may have happened to its slot; it claims another
		tells good claim >/dev/null
		tells good "post $data 64" >/dev/null
		tells good "wait 100" >/dev/null
	done
	server_answers
	# the noise has an end, and is gone with the next life at the latest
	stop_server
	start_server -f "$F"
	[[ $(flush_value error) == 0 || $(flush_value error) == -5 ]]
	"$tools/fam-ctl" "$SOCK.ctl" clear >/dev/null
	client again rings
	told again "commits 20 64" "commits 20 *"
	flush_is faults 0
}

@test "wrong requests are answered with a fault, and good ones beside them served" {
	start_server -f "$F"
	client good rings
	client forger rings
	client outside rings
	told forger "forge $data 64" "posted 1"
	told outside "post $data 64" "posted 1"
	told outside "post $data 16777216" "posted 2"
	told good "commits 20 64" "commits 20 *"
	told forger "wait 20000" "fault 74"
	told outside "wait 20000" "fault 22"
	wait_for flush_is faults 2
	flush_is commits 21
	# a new slot, and all is well
	told forger claim "slot 3"
	told forger "commits 5 64" "commits 5 *"
}

@test "killed and started again: another epoch, free slots, commits go on" {
	start_server -f "$F"
	client a
	told a "commits 5 64" "commits 5 *"
	local epoch owner
	epoch=$(file_word $((header + 64)))
	owner=$(file_word "$(slot 0)")
	((epoch != 0 && owner != 0))
	stop_server KILL 137
	# nobody answers, and nothing pretends
	told a "post $data 64" "posted 6"
	told a "wait 300" silence
	start_server -f "$F"
	told a "wait 20000" lost
	[[ $(file_word $((header + 64))) != "$epoch" ]]
	[[ $(file_word "$(slot 0)") == 0 ]]
	told a claim "slot 0"
	told a "commits 5 64" "commits 5 *"
}

@test "a clean stop answers what was posted, then nobody serves" {
	start_server -f "$F"
	local i
	for i in 1 2 3 4; do
		client "c$i"
	done
	# unrung, so that the stop is likely to come first
	for i in 1 2 3 4; do
		told "c$i" "post $data 4096" "posted 1"
	done
	stop_server
	for i in 1 2 3 4; do
		told "c$i" "wait 0" "done 1"
	done
	[[ $(file_word $((header + 64))) == 0 ]]
	told c1 claim "not served"
	[[ ! -e $SOCK.state ]]
}

@test "a take-over goes on with its counts; clients begin anew" {
	start_server -f "$F"
	client a rings
	client b
	told a "commits 20 64" "commits 20 *"
	told b "post $data 16777216" "posted 1"
	told b "wait 20000" "fault 22"
	wait_for flush_is commits 20
	expect 0 "$tm_server" --take-over -p "$SOCK"
	status_is lives 1
	flush_is commits 20
	flush_is faults 1
	flush_is clients 0
	told a "post $data 64" "posted 21"
	told a "wait 5000" lost
	told a claim "slot 0"
	told a "commits 20 64" "commits 20 *"
	wait_for flush_is commits 40
	# the same bell
	flush_is polls 0
	listed "^1 ready host .*commits 40 bytes 2560 faults 0"
	kill -USR2 "$SERVER"
	wait_for status_is lives 2
	flush_is commits 40
}

@test "a take-over that fails leaves the service as it was" {
	cp "$tm_server" "$WORK/server"
	tm_server=$WORK/server
	start_server -f "$F"
	client a rings
	told a "commits 5 64" "commits 5 *"
	# it says that it understands the state, and then cannot be executed
	printf '#!/bin/sh\nchmod 644 "$0"\n' >new
	chmod 755 new
	mv new server
	expect 1 "$FAM_BUILD/bin/tm-server" --take-over -p "$SOCK"
	output_has "Permission denied"
	grep -q "cannot take over: Permission denied" server.log
	status_is lives 0
	# a new life for the clients, the same for everybody else
	told a "post $data 64" "posted 6"
	told a "wait 5000" lost
	told a claim "slot 0"
	told a "commits 5 64" "commits 5 *"
	flush_is commits 10
	tm_server=$FAM_BUILD/bin/tm-server
}

@test "a failure of a file is not that of another one that gets its name" {
	start_server -f "$F"
	client a rings
	set_mark a -5
	wait_for grep -q '^failed -5 ' "$SOCK.state"
	stop_server
	rm "$F"
	"$tools/fam-format" "$F" 16777216 fabric0
	start_server -f "$F"
	grep -q "what failed was another file of this name" server.log
	flush_is error 0
	client b rings
	told b "commits 5 64" "commits 5 *"
}

@test "a failure marked by a program of the host stays until it is cleared" {
	start_server -f "$F"
	client a rings
	told a "commits 5 64" "commits 5 *"
	set_mark a -5
	told a "post $data 64" "posted 6"
	told a "wait 20000" "failed -5"
	wait_for flush_is error -5
	(($(flush_value failed_at) > 1700000000))
	wait_for grep -q '^failed -5 ' "$SOCK.state"
	grep -q "a write-back to the disk failed, all commits fail from now on: Input/output error" \
		server.log
	# wiping it out does not help: neither while the server runs,
	set_mark a 0
	wait_for failed_is -5
	# nor while none does, killed
	stop_server KILL 137
	set_mark a 0
	start_server -f "$F"
	failed_is -5
	flush_is error -5
	grep -q "failed earlier, all commits fail until it is cleared" server.log
	# or stopped,
	stop_server
	[[ -e $SOCK.state ]]
	set_mark a 0
	start_server -f "$F"
	failed_is -5
	# nor a take-over
	expect 0 "$tm_server" --take-over -p "$SOCK"
	flush_is error -5
	told a claim "slot *"
	told a "post $data 64" "posted 1"
	told a "wait 20000" "failed -5"
	# the operator
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" clear
	output_has "error 0"
	failed_is 0
	run grep -q '^failed' "$SOCK.state"
	((status == 1))
	# what was asked before is not answered with success
	told a "wait 200" lost
	told a claim "slot 0"
	told a "commits 5 64" "commits 5 *"
	flush_is error 0
	# a server was killed: what else there is to remember is kept
	stop_server
	run grep -q '^failed' "$SOCK.state"
	((status == 1))
}

@test "a mark in the file is enough: without a state file, after a reboot" {
	start_server -f "$F"
	client a
	set_mark a -5
	wait_for flush_is error -5
	stop_server KILL 137
	rm "$SOCK.state"
	start_server -f "$F"
	flush_is error -5
	failed_is -5
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" clear
	flush_is error 0
}

@test "a file that is truncated fails, and does not kill the server" {
	start_server -f "$F"
	client a rings
	told a "commits 5 64" "commits 5 *"
	truncate -s 8M "$F"
	told a "post $data 64" "posted 6"
	told a "wait 20000" "failed -61"
	flush_is error -61
	# the mailbox itself: its clients die of it, the server does not
	detach a
	truncate -s 4096 "$F"
	server_answers
	attach b host
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" flush
	output_has "error -61"
	truncate -s 16M "$F"
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" clear
	client c rings
	told c "commits 5 64" "commits 5 *"
	stop_server
}

@test "a mailbox cut off under an idle server is seen, and survived" {
	start_server -f "$F"
	truncate -s 4096 "$F"
	wait_for flush_is error -61
	server_answers
	stop_server
}

@test "a file that is removed is not said to be durable" {
	start_server -f "$F"
	client a rings
	told a "commits 5 64" "commits 5 *"
	rm "$F"
	told a "post $data 64" "posted 6"
	told a "wait 20000" "failed -116"
	flush_is error -116
}

@test "a fabric on a file system in memory is served, and refused durability" {
	[[ $(stat -f -c %T /dev/shm) == tmpfs ]] || skip "needs a tmpfs at /dev/shm"
	F=/dev/shm/fam-flush-$$
	"$tools/fam-format" "$F" 16777216 memory
	local result=0
	in_memory || result=$?
	rm -f "$F"
	return $result
}

in_memory() {
	start_server -f "$F" &&
		grep -q "its file system is in memory, nothing in it can be made durable" server.log &&
		flush_is serves 1 && flush_is error -95 && flush_is failed_at 0 &&
		client a rings &&
		told a "post $data 64" "posted 1" &&
		told a "wait 20000" "failed -95" &&
		"$tools/fam-ctl" "$SOCK.ctl" clear >/dev/null &&
		flush_is error -95 && stop_server && ! grep -q failed "$SOCK.state"
}

@test "raw fabrics, and those without a mailbox, have no service" {
	truncate -s 16M raw
	start_server -f raw
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" flush
	output_has "serves 0"
	output_has "error -95"
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" clear
	output_has "serves 0"
	# its vector is rung all the same
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" ping 0 0
	wait_for rung 0 1
	stop_server
	[[ -z $(tr -d '\0' <raw) ]]
	"$tools/fam-format" plain 16777216 plain no-mailbox
	start_server -f plain
	flush_is serves 0
	flush_is error -95
	stop_server
	[[ $(od -An -t u8 -j "$header" -N 8 plain | tr -d ' ') == 0 ]]
}

@test "the flush thread sees the server's own vector, a ping of it is counted" {
	start_server -f "$F" -n 2
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" ping 0 0
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" ping 0 1
	wait_for rung 0 1
	wait_for rung 1 1
	flush_is polls 0
}

# A server whose disk the test has in hand: see disk.c.
start_server_on_disk() {
	export DISK ASAN_OPTIONS=verify_asan_link_order=0
	LD_PRELOAD=$tools/disk.so start_server "$@"
}

beats() { # BEFORE
	(($(file_word $((header + 128))) > $1))
}

busy() {
	(($(flush_value lag_us) > 0))
}

@test "while the disk hangs the server goes on, and tells that it lives" {
	start_server_on_disk -f "$F"
	client a rings
	told a "commits 5 64" "commits 5 *"
	touch "$DISK/held"
	told a "post $data 64" "posted 6"
	wait_for busy
	told a "post $data 64" "posted 7"
	flush_is waiting 2
	attach b host
	asked b "ring 0 0" "done"
	local beat
	beat=$(file_word $((header + 128)))
	wait_for beats "$beat"
	told a "wait 0" silence
	# no take-over now
	expect 1 "$tm_server" --take-over -p "$SOCK"
	output_has "the disk is busy, try again"
	status_is lives 0
	flush_is waiting 2
	# a stop waits, too, and control and life go on
	kill "$SERVER"
	wait_for grep -q "stops, 2 peers attached" server.log
	beat=$(file_word $((header + 128)))
	wait_for beats "$beat"
	server_answers
	flush_is commits 5
	rm "$DISK/held"
	told a "wait 20000" "done 7"
	wait_for gone "$SERVER"
	wait "$SERVER"
	[[ $(file_word $((header + 64))) == 0 ]]
}

@test "a failed write-back reaches everybody who waits, and all who come" {
	start_server_on_disk -f "$F"
	client a rings
	client b
	touch "$DISK/held"
	told a "post $data 64" "posted 1"
	wait_for busy
	told b "post $((data + 8192)) 64" "posted 1"
	touch "$DISK/fails"
	rm "$DISK/held"
	told a "wait 20000" "failed -5"
	told b "wait 20000" "failed -5"
	rm "$DISK/fails"
	told a "post $data 64" "posted 2"
	told a "wait 20000" "failed -5"
	wait_for flush_is errors 3
	flush_is commits 0
	wait_for grep -q '^failed -5 ' "$SOCK.state"
	stop_server KILL 137
	start_server_on_disk -f "$F"
	told b "wait 1000" "failed -5"
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" clear
	output_has "error 0"
	told b "wait 0" lost
	told b claim "slot *"
	told b "commits 5 64" "commits 5 *"
}

@test "a host's power cut in the middle: what lies in the mailbox means nothing" {
	# slots claimed, requests posted, an epoch, as the disk might keep them
	start_server -f "$F"
	client a
	told a "commits 5 64" "commits 5 *"
	stop_server KILL 137
	told a "post $data 64" "posted 6"
	detach a
	cp "$F" image
	mv image "$F"
	rm -f "$SOCK.state"
	start_server -f "$F"
	flush_is clients 0
	flush_is commits 0
	flush_is error 0
}
