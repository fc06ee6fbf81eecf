#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Names of sockets: never stolen, never left, never open to everybody; and the
# command line.

# shellcheck disable=SC2030,SC2031 # each test has its own shell
export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

setup() {
	server_setup
	truncate -s 1M f
	truncate -s 1M g
}

teardown() {
	server_teardown
}

@test "a clean stop leaves nothing behind" {
	start_server -f f
	attach a modern
	detach a
	wait_for status_is attached 0
	stop_server
	local -a left=("$SOCK"*)
	[[ ! -e ${left[0]} ]] || fail "left: ${left[*]}"
}

@test "stop by the control socket, by INT and by HUP" {
	start_server -f f
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" stop
	wait_for gone "$SERVER"
	start_server -f f
	stop_server INT
	start_server -f f
	stop_server HUP
	[[ ! -e $SOCK ]]
}

@test "a living server's sockets are not taken" {
	start_server -f f
	expect 4 "$tm_server" -f g -p "$SOCK"
	output_has "cannot listen at '$SOCK': a living server is there"
	expect 4 "$tm_server" -f g -p "$SOCK" --check
	server_answers
	attach a modern
}

@test "a foreign server's socket is not taken" {
	rm -f "$SOCK"
	python3 - "$SOCK" 3>&- <<-'PYTHON' &
		import socket, sys, signal
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		signal.pause()
	PYTHON
	PIDS+=($!)
	wait_for test -S "$SOCK"
	wait_for refused_as_alive
	[[ -S $SOCK ]]
}

refused_as_alive() {
	run "$tm_server" -f f -p "$SOCK"
	((status == 4)) && output_has "a living server is there"
}

@test "a dead server's sockets are replaced" {
	start_server -f f
	stop_server KILL 137
	[[ -S $SOCK ]]
	expect 0 "$tm_server" -f f -p "$SOCK" --check
	start_server -f f
	attach a modern
	stop_server
}

@test "what is no socket is not removed" {
	printf 'precious' >"$SOCK"
	expect 4 "$tm_server" -f f -p "$SOCK"
	output_has "something that is no socket is there"
	[[ $(<"$SOCK") == precious ]]
	SOCK=$WORK/t
	printf 'precious' >"$SOCK.legacy"
	expect 4 "$tm_server" -f f -p "$SOCK"
	[[ $(<"$SOCK.legacy") == precious && ! -e $SOCK && ! -e $SOCK.lock ]]
}

@test "only its own socket is removed in the end" {
	start_server -f f
	rm "$SOCK"
	printf 'precious' >"$SOCK"
	stop_server
	[[ $(<"$SOCK") == precious ]]
}

@test "modes and groups are as asked, and tight by default" {
	start_server -f f
	[[ $(stat -c %a "$SOCK") == 660 && $(stat -c %a "$SOCK.ctl") == 600 ]]
	stop_server
	start_server -f f --mode 600 --group 12
	[[ $(stat -c '%a %g' "$SOCK") == "600 12" ]]
	[[ $(stat -c '%a %g' "$SOCK.host") == "600 12" ]]
}

@test "paths that are too long are refused with their length" {
	local long
	long=$WORK/$(printf 'x%.0s' {1..120})
	expect 2 "$tm_server" -f f -p "$long"
	output_has "a socket's path has at most 107 bytes"
	long=$WORK/$(printf 'x%.0s' $(seq $((104 - ${#WORK}))))
	expect 2 "$tm_server" -f f -p "$long"
	output_has "too long for '.legacy' behind it"
}

@test "single sockets can be left out" {
	start_server -f f --legacy-socket none --host-socket none
	[[ -S $SOCK && ! -e $SOCK.legacy && ! -e $SOCK.host ]]
}

@test "only named users are let in" {
	((EUID == 0)) || skip "needs another user"
	chmod 755 "$WORK"
	start_server -f f --mode 666 --allow nobody
	start_peer a "$tools/fam-client" modern "$SOCK"
	wait_for says a end
	grep -q "refused: Permission denied" server.log
	start_peer b setpriv --reuid nobody --clear-groups \
		"$tools/fam-client" modern "$SOCK"
	wait_for says b complete
}

@test "usage errors: two lines, exit status 2" {
	local -a bad=("--nonsense" "-x" "-n 0" "-n 257" "-n x" "-m" "extra"
		"--mode 999" "--group no-such-group" "--allow no-such-user"
		"--log-level loud" "--name a/b" "--help=x")
	local words
	for words in "${bad[@]}"; do
		# shellcheck disable=SC2086 # split on purpose
		expect 2 "$tm_server" -f f -p "$SOCK" $words
		[[ ${lines[0]} == "tm-server: "* ]]
	done
	expect 2 "$tm_server" -f f -p "$SOCK" --nonsense
	output_has "unknown option '--nonsense'"
	output_has "hint: 'tm-server --help' lists the options"
	expect 0 "$tm_server" --help
	expect 0 "$tm_server" --version
	expect 1 bash -c "'$tm_server' --help >/dev/full"
}

@test "detached, it is ready when the starter ends; failures come through" {
	expect 0 timeout 20 "$tm_server" -d -f f -p "$SOCK" --log-file "$WORK/d.log"
	SERVER=$(server_status pid)
	PIDS+=("$SERVER")
	grep -q "serves 1 MiB" d.log
	expect 3 "$tm_server" -d -f missing -p "$WORK/t"
	output_has "cannot serve 'missing'"
	expect 0 "$tm_server" --take-over -p "$SOCK"
	status_is lives 1
	[[ $(server_status pid) == "$SERVER" ]]
	kill "$SERVER"
	wait_for gone "$SERVER"
	[[ ! -e $SOCK ]]
}

@test "the service manager hears that it is ready" {
	python3 - "$WORK/notify" >heard 3>&- <<-'PYTHON' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		while True:
		    print(s.recv(1000).decode(), flush=True)
	PYTHON
	PIDS+=($!)
	wait_for test -S notify
	NOTIFY_SOCKET=$WORK/notify start_server -f f
	wait_for grep -q '^READY=1' heard
	grep -q "^MAINPID=$SERVER" heard
	stop_server
	wait_for grep -q '^STOPPING=1' heard
}

@test "sockets the service manager opened are used and not removed" {
	python3 - "$SOCK" "$tm_server" 3>&- 2>server.log <<-'PYTHON' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
		                  LISTEN_FDNAMES="modern")
		os.execv(sys.argv[2], [sys.argv[2], "-f", "f", "-p", sys.argv[1]])
	PYTHON
	SERVER=$!
	PIDS+=("$SERVER")
	wait_for server_answers
	attach a modern
	stop_server
	[[ -S $SOCK && ! -e $SOCK.ctl ]]
}

@test "an idle server costs no CPU and little memory" {
	start_server -f f -n 8
	attach a modern 8
	attach b host
	local before after
	before=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	wait_seconds 3
	after=$(awk '{ print $14 + $15 }' "/proc/$SERVER/stat")
	((after - before <= 1)) || fail "$((after - before)) ticks in 3 s"
	instrumented || (($(rss_kib "$SERVER") < 8192))
}

# The passing of time is what is tested here.
wait_seconds() {
	local end=$((SECONDS + $1 + 1))
	DEADLINE=60 wait_for eval "((SECONDS >= $end))"
}
