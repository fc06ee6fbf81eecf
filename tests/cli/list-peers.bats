#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# list-peers: the sessions in the fabric's file, with a server and without. The
# sessions are made by a tool that does as libfam does, or as it never would.

# shellcheck disable=SC2154 # output and stderr are set by fam_run
export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' f='' file='' run='' # set by servers_setup

setup() {
	servers_setup
	tools=$FAM_BUILD/tests
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		proc_end "$pid"
	done
	servers_teardown
}

table() { # COMMAND...
	"$tools/fam-sessions" "$file" "$@"
}

# A program that lives: it renews the lease of its session.
lives() { # PEER LEASE NAME
	"$tools/fam-sessions" "$file" beat "$@" >"$dir/$3.slot" 3>&- &
	pids+=("$!")
	wait_until 10 test -s "$dir/$3.slot"
}

peers() { # ARGUMENT...
	famctl list-peers "$file" "$@"
}

@test "without a server there are the sessions, live and silent" {
	lives 0 1000 alpha
	table claim 0 1000 beta
	fam_run peers
	assert_stderr -x "famctl: no server runs for fabric '$f': these are its sessions"
	assert_output -r "^PEER +NODE +PROGRAM +PID +LEASE +STATE +JOINED"
	assert_output -r "6[0-9]{4} +test-node +alpha +[0-9]+ +1 s +live +20"
	assert_output -r "6[0-9]{4} +test-node +beta +[0-9]+ +1 s +silent +20"
	fam_run peers --json
	assert_json 'length == 2 and all(.kind == "program" and .id >= 65536 and .id == .sessions[0].peer)'
	assert_json "map(select(.name == \"alpha\")) | .[0].state == \"live\" and
		(.[0].sessions[0] | .program == \"alpha\" and .node == \"test-node\" and
		.pid == ${pids[0]} and .lease_ms == 1000 and .interrupts == false and
		.host == false and .state == \"live\" and .joined > 1700000000000000000 and
		(.id | test(\"^[0-9a-f]{16}$\")))"
	assert_json 'map(select(.name == "beta")) | .[0].state == "silent"'
}

@test "a fabric nobody is attached to has a head alone, and JSON an empty array" {
	fam_run peers
	assert_output -x "PEER  NODE  PROGRAM  PID  LEASE  STATE  JOINED"
	fam_run peers --json
	assert_json '. == []'
}

@test "with a server, sessions stand with the peers that have them" {
	famctl start-server "$file"
	mkfifo "$dir/in"
	"$tools/fam-client" host "$run/$f.sock.host" <"$dir/in" >"$dir/out" 3>&- &
	pids+=("$!")
	exec 9>"$dir/in"
	wait_until 10 grep -qx complete "$dir/out"
	lives 1 1000 of-one
	lives 1 1000 too
	lives 0 1000 alone
	fam_run peers
	assert_output -r "^ID +NAME +KIND"
	assert_output -r "1 +fam-client +host +ready"
	assert_output -r $'\n\n''PEER +NODE +PROGRAM'
	assert_output -r "1 +test-node +of-one +[0-9]+ +1 s +live"
	fam_run peers --json
	assert_json 'map(.id)[0:2] == [0, 1] and (.[0] | has("sessions") | not)'
	assert_json '.[1] | .name == "fam-client" and .kind == "host" and
		(.sessions | length == 2 and all(.peer == 1 and .state == "live"))'
	assert_json '.[2] | .id >= 65536 and .kind == "program" and .name == "alone"'
	# who goes is dead at once, by the server's word
	proc_end "${pids[0]}"
	wait_until 10 gone_dead
	exec 9>&-
}

gone_dead() {
	peers --json | jq -e '[.[] | .sessions[]? | select(.peer == 1)] |
		length == 2 and all(.state == "dead")' >/dev/null
}

@test "where no sessions can be, a server must be there" {
	famctl create-fabric 16M raw --raw --path "$dir/raw.fam"
	"$tools/fam-format" "$dir/old.fam" 16777216 old no-sessions
	local name
	for name in raw old; do
		fam_run -5 famctl list-peers "$dir/$name.fam"
		assert_stderr "no server runs for fabric '$name'"
	done
}

@test "noise in the table is shown in good order, and ends nothing" {
	local i
	for i in 1 2 3; do
		table noise "$i"
		fam_run peers --json
		assert_json 'length > 100 and all(.[] | .sessions[]; (.id | test("^[0-9a-f]{16}$"))
			and .lease_ms >= 100 and .lease_ms <= 3600000 and .peer > 0 and .peer < 66560)'
		fam_run peers
		assert "all of it can be printed" test -z "$(tr -d '[:print:]\n' <<<"$output")"
	done
}

@test "a file that was cut under its server costs the sessions alone" {
	famctl start-server "$file"
	truncate -s 1M "$file"
	fam_run famctl list-peers "$f"
	assert_stderr "famctl: warning: the sessions of fabric '$f' cannot be shown: "
	assert_output -r "0 +tm-server +server +ready"
	fam_run famctl list-peers "$f" --json
	assert_json 'length == 1 and (.[0] | has("sessions") | not)'
	truncate -s 16M "$file"
}

@test "show-fabric names what the format of a fabric has" {
	fam_run famctl show-fabric "$file" --json
	assert_json '.features == ["mailbox", "sessions", "objects", "regions"]'
	"$tools/fam-format" "$dir/old.fam" 16777216 old no-sessions
	fam_run famctl show-fabric "$dir/old.fam" --json
	assert_json '.features == []'
}
