#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Programs of the host on a fabric's file know, ping and ring each other; no
# server runs.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup_file() {
	build_libfam_helper member
}

setup() {
	fabric_setup
	make_fabric f
	file=$dir/f.fam host=$(hostname)
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$dir"/*.log "$dir"/*.out >&2
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

# begin NAME COMMAND...: in the background; its output is in $dir/NAME.out.
begin() {
	local name=$1
	shift
	"$@" >"$dir/$name.out" 2>"$dir/$name.log" </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
}

says() { # NAME REGEX
	grep -qE -- "$2" "$dir/$1.out"
}

# waiter NAME [OPTION...]: begins `fam wait`; sets $pid and $id, where it waits.
waiter() {
	begin "$1" "$FAM_BUILD/bin/fam" -f "$file" wait --name "$@"
	wait_until 10 says "$1" '^peer [0-9]+ waits'
	id=$(awk '{ print $2; exit }' "$dir/$1.out")
}

# watcher NAME: begins `fam peers --watch`; sets $pid.
watcher() {
	begin "$1" "$FAM_BUILD/bin/fam" -f "$file" peers --watch
	wait_until 10 says "$1" '^PEER '
}

# member NAME LEASE: a program that only has a session; sets $pid.
member() {
	begin "$1" "$BATS_FILE_TMPDIR/member" "$file" "$@"
	wait_until 10 says "$1" ' self '
}

# serve FILE: a server with three vectors; sets $server, what fam calls it.
serve() {
	begin server "$FAM_BUILD/bin/tm-server" -f "$1" -p "$dir/s" -n 3
	server=server:$dir/s.host
	wait_until 10 test -S "$dir/s.host"
}

# attached FABRIC: a program without a session, which waits for input; sets $pid.
attached() {
	local held
	mkfifo "$dir/in"
	# Nobody ever writes there, and nobody closes it.
	exec {held}<>"$dir/in"
	"$FAM_BUILD/bin/fam" -f "$1" write <&"$held" 3>&- &
	pid=$!
	pids+=("$pid")
	there() { grep -q f.fam "/proc/$pid/maps"; }
	wait_until 10 there
}

# ended STATUS PID: it has ended with this.
ended() {
	local rc=0
	wait_until 20 proc_gone "$2" || die "process $2 does not end"
	wait "$2" || rc=$?
	((rc == $1)) || die "process $2 ended with $rc instead of $1"
}

@test "peers lists the others' sessions by ID, node and program" {
	waiter inbox
	local inbox=$pid inbox_id=$id
	member other 7500
	fam_run fam -f "$file" peers
	assert_output -r "^PEER +NODE +PROGRAM +PID +LEASE +STATE +SESSION
$inbox_id +$host +inbox +$inbox +2s +live +[0-9a-f]{16}
[0-9]+ +$host +other +$pid +7\.5s +live +[0-9a-f]{16}\$"
	fam_run fam -f "$file" peers --json
	assert_json "keys == [\"peers\", \"self\", \"sessions\", \"vectors\"]"
	assert_json ".vectors >= 1 and (.peers | length) == 2 and .peers[0] == $inbox_id and
		(.self as \$self | .peers | index(\$self)) == null"
	assert_json ".sessions[0] | .peer == $inbox_id and .program == \"inbox\" and
		.node == \"$host\" and .pid == $inbox and .lease_ms == 2000 and .state == \"live\" and
		.host and (.interrupts | not) and (.id | test(\"^[0-9a-f]{16}\$\")) and
		.joined_ns > 1500000000000000000"
}

@test "nobody is there" {
	fam_run fam -f "$file" peers
	assert_output -r '^PEER [^'$'\n'']*$'
	fam_run fam -f "$file" peers --json
	assert_json '.peers == [] and .sessions == []'
	fam_run fam -f "$file" ring all
	assert_output -x '0 peers rung'
	fam_run -3 fam -f "$file" ping "$host"
	assert_stderr -x "fam: fabric '$file' has no peer '$host'
hint: 'fam -f $file peers' names them"
}

@test "rings by ID and by names add up" {
	waiter a --count 7
	local a=$pid a_id=$id
	waiter b --count 1 --timeout 30
	local b=$pid
	fam_run fam -f "$file" ring "$a_id"
	fam_run fam -f "$file" ring "$host/a" --count 3
	fam_run fam -f "$file" ring "/a:0" --count 2
	assert "six are not enough" proc_alive "$a"
	fam_run fam -f "$file" ring all
	assert_output -x '2 peers rung'
	ended 0 "$a"
	ended 0 "$b"
	assert "the sum" says a '^7 rings$'
	assert "the other one's" says b '^1 rings$'
}

@test "a name that several have is refused by ring, and each is pinged" {
	waiter a
	waiter b
	fam_run -1 fam -f "$file" ring "$host"
	assert_stderr -x "fam: fabric '$file' has several peers '$host'
hint: ring one by its ID, or as NODE/PROGRAM; 'fam peers' shows them"
	fam_run fam -f "$file" ping "$host"
	assert_output -r "^$host/a, peer [0-9]+, process [0-9]+: 1 answer, round trip .* ms
$host/b, peer $id, process $pid: 1 answer, round trip .* ms\$"
}

@test "wait --any tells which doorbells were rung" {
	waiter a --any --count 5
	fam_run fam -f "$file" ring /a:3 --count 2
	wait_until 10 says a '^vector 3: [12] rings$'
	fam_run fam -f "$file" ring /a:1 --count 3
	ended 0 "$pid"
	assert "the other one" says a '^vector 1: [1-3] rings$'
	assert "the sum" says a '^5 rings$'
}

@test "a wait whose time is up, and one that is interrupted" {
	fam_run -1 fam -f "$file" wait --timeout 1
	assert_stderr -x 'fam: 0 of 1 rings came within 1 seconds'
	watcher w
	waiter a
	wait_until 10 says w "^joined $id $host/a, process $pid\$"
	kill -TERM "$pid"
	ended 143 "$pid"
	wait_until 10 says w "^left $id $host/a, process $pid: left\$"
}

@test "ping by ID, node, program and session" {
	waiter a
	local target session
	session=$(fam -f "$file" peers --json | jq -r '.sessions[0].id')
	for target in "$id" "$host" "$host/a" /a "$session"; do
		fam_run fam -f "$file" ping "$target" --count 3
		assert_output -r "^$host/a, peer $id, process $pid: 3 answers, round trip min [0-9]+\.[0-9]{3} ms, median [0-9.]+ ms, max [0-9.]+ ms\$"
	done
	for target in 1 77777 4294967295 nobody "nobody/a" "$host/b" /b 0000000000000000; do
		fam_run -3 fam -f "$file" ping "$target"
		assert_stderr "fam: fabric '$file' has no peer "
	done
}

@test "a ping without an answer fails when its time is up, or the other one dies" {
	member m 60000
	local start=$SECONDS
	kill -STOP "$pid"
	fam_run -1 fam -f "$file" ping /m --timeout 1
	assert_stderr -r "^fam: $host/m, peer [0-9]+, process $pid gave no answer within 1 seconds\$"
	((SECONDS - start < 20)) || die "after $((SECONDS - start)) s"
	begin ping "$FAM_BUILD/bin/fam" -f "$file" ping /m --timeout 50
	local ping=$pid
	pinging() {
		fam -f "$file" peers --json | jq -e '.sessions[] | select(.program == "fam")' >/dev/null
	}
	wait_until 10 pinging
	kill -KILL "${pids[0]}"
	ended 3 "$ping"
	assert "it says why" grep -qE "^fam: $host/m, .* is gone\$" "$dir/ping.log"
}

@test "watch tells who joins and leaves, and why" {
	watcher w
	waiter a
	wait_until 10 says w "^joined $id $host/a, process $pid\$"
	kill -KILL "$pid"
	wait_until 10 says w "^left $id $host/a, process $pid: process ended\$"
	waiter b
	wait_until 10 says w "^joined $id $host/b, process $pid\$"
	kill -STOP "$pid"
	wait_until 20 says w "^left $id $host/b, process $pid: lease expired\$"
	waiter c
	# Who comes and goes before anybody looks is not told.
	wait_until 10 says w "^joined $id $host/c, process $pid\$"
	fam_run fam -f "$file" ring /c
	wait_until 10 says w "^left $id $host/c, process $pid: left\$"
	# The commands above have sessions, too; none is told twice.
	[[ -z $(grep -E '^(joined|left) ' "$dir/w.out" | sort | uniq -d) ]] || die "told twice"
}

@test "who stood still for too long is told, and fails" {
	watcher slow
	local slow=$pid
	watcher other
	kill -STOP "$slow"
	wait_until 20 says other "^left [0-9]+ $host/fam, process $slow: lease expired\$"
	kill -CONT "$slow"
	ended 1 "$slow"
	assert "its own session" says slow "^lost [0-9]+ $host/fam, process $slow: lease expired\$"
	assert "it is told what happened" grep -qx \
		"fam: the others declared dead the own session in fabric '$file'" "$dir/slow.log"
	assert "the other one goes on" proc_alive "$pid"
}

@test "a waiter that stood still for too long is told so, not of a removed file" {
	waiter still
	local still=$pid
	watcher other
	kill -STOP "$still"
	wait_until 20 says other "^left [0-9]+ $host/still, process $still: lease expired\$"
	kill -CONT "$still"
	ended 1 "$still"
	assert "it is told what happened" grep -qx \
		"fam: the others declared dead the own session in fabric '$file'" "$dir/still.log"
}

@test "who only reads or writes is not seen" {
	attached "$file"
	fam_run fam -f "$file" peers --json
	assert_json '.sessions == [] and .peers == []'
}

@test "peers of a server have interrupts, and know those who are not" {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	serve "$file"
	waiter soft --count 2
	local soft=$pid
	begin hard "$FAM_BUILD/bin/fam" -f "$server" wait --name hard --count 3
	local hard=$pid
	wait_until 10 says hard '^peer 1 waits at vector 0$'
	attached "$server"
	fam_run fam -f "$server" peers --json
	assert_json '.self == 3 and .vectors == 2 and .peers[:2] == [1, 2] and (.peers | length) == 3'
	assert_json '[.sessions[] | select(.peer == 1)] | .[0].interrupts and .[0].program == "hard"'
	fam_run fam -f "$file" peers
	assert_output -r "
1 +$host +hard +$hard +2s +live +[0-9a-f]{16}
2 +- +- +- +- +attached +-
[0-9]+ +$host +soft +$soft +2s +live "
	for name in "$file" "$server"; do
		fam_run fam -f "$name" ping 1
		assert_output "$host/hard, peer 1, process $hard: 1 answer, "
		fam_run -3 fam -f "$name" ping 2
		assert_stderr -r "^fam: peer 2 has no session: no program there can answer
hint: "
		fam_run fam -f "$name" ring /hard
		fam_run fam -f "$name" ring "$host/soft"
	done
	wait_until 10 says soft '^2 rings$'
	fam_run fam -f "$server" ring all
	assert_output -x '2 peers rung'
	wait_until 10 says hard '^3 rings$'
}

@test "who cannot be rung from here, or has no such vector, is passed over or named" {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	serve "$file"
	attached "$server"
	waiter soft --vector 5
	begin hard "$FAM_BUILD/bin/fam" -f "$server" wait --name hard
	wait_until 10 says hard '^peer 2 waits at vector 0$'
	fam_run -1 fam -f "$file" ring 1
	fam_run -1 fam -f "$file" ring /hard:5
	assert_stderr "fam: that peer of fabric '$file' has no vector 5
hint: "
	fam_run fam -f "$file" ring all:5
	assert_output -x '1 peer rung'
	wait_until 10 says soft '^1 rings$'
	refute "hard was not rung" says hard 'rings'
	fam_run fam -f "$file" ring all
	assert_output -x '1 peer rung'
	wait_until 10 says hard '^1 rings$'
	fam_run -2 fam -f "$file" ring all:32
	assert_stderr 'have no vector 32'
}

@test "what keeps a peer from being rung is said of the peer, not of a disk" {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	serve "$file"
	attached "$server"
	local peer
	for peer in 0 1; do
		fam_run -1 fam -f "$file" ring "$peer"
		assert_stderr -x "fam: cannot ring peer '$peer' of fabric '$file': from here only sessions can be rung, and it has none
hint: who has doorbells rings it: a node with the kernel module, or 'fam -f server:NAME' on the host"
	done
}

@test "watch tells of peers with and without sessions, until the server is gone" {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	serve "$file"
	local server_pid=$pid
	begin w "$FAM_BUILD/bin/fam" -f "$server" peers --watch
	local watcher=$pid
	wait_until 10 says w '^PEER '
	begin a "$FAM_BUILD/bin/fam" -f "$server" wait --name a
	wait_until 10 says w "^joined 2 $host/a, process $pid\$"
	wait_until 10 says w '^joined 2$'
	kill -KILL "$pid"
	wait_until 10 says w "^left 2 $host/a, process $pid: (process ended|node hung up)\$"
	wait_until 10 says w '^left 2$'
	attached "$server"
	wait_until 10 says w '^joined 2$'
	kill -KILL "$server_pid"
	ended 5 "$watcher"
	assert "it says why" grep -qx \
		"fam: cannot watch the peers of fabric '$server': the server is gone" "$dir/w.log"
}

@test "a raw fabric's server has doorbells, and no names" {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	make_fabric raw 1M --raw
	serve "$dir/raw.fam"
	begin a "$FAM_BUILD/bin/fam" -f "$server" wait
	wait_until 10 says a '^peer 1 waits at vector 0$'
	fam_run fam -f "$server" peers
	assert_output -r '
1 +- +- +- +- +attached +-$'
	fam_run fam -f "$server" peers --json
	assert_json '.peers == [1] and .sessions == []'
	fam_run -1 fam -f "$server" ping 1
	assert_stderr "fam: fabric '$server' has no sessions, which have names and answer pings
hint: "
	fam_run -1 fam -f "$server" ring somebody
	assert_stderr 'has no sessions, which have names and answer pings'
	fam_run -1 fam -f "$server" wait --name x
	assert_stderr 'has no sessions, which have names and answer pings'
	fam_run fam -f "$server" ring 1
	wait_until 10 says a '^1 rings$'
}

@test "fabrics without sessions have no peers here" {
	make_fabric raw 1M --raw
	local command
	for command in peers 'ring 1' 'ring all' wait 'ping x'; do
		# shellcheck disable=SC2086 # words
		fam_run -1 fam -f "$dir/raw.fam" $command
		assert_stderr "fam: fabric '$dir/raw.fam' has no peers here: it has no table of sessions, and there are no doorbells
hint: on the host, 'fam -f server:NAME' has the doorbells of the fabric's server"
		# shellcheck disable=SC2086 # words
		fam_run -3 fam -f "$dir/none.fam" $command
	done
}

# Makes all places of sessions taken; see guest-lib/FORMAT.md for where they are.
fill_table() { # FILE
	local slot
	for ((slot = 0; slot < 1024; slot++)); do
		printf '\x02\x00\x01\x00\x00\x00\x00\x00'
	done | dd of="$1" bs=4096 seek=$((256 + 16 + 1)) iflag=fullblock conv=notrunc status=none
}

@test "without room for another session nobody can be rung, but seen" {
	fill_table "$file"
	fam_run -1 fam -f "$file" wait
	assert_stderr -r "^fam: cannot wait at fabric '$file': more programs than there is room for
hint: "
	assert_output -x ''
	fill_table "$file"
	fam_run fam -f "$file" peers --json
	assert_json '.self == null and (.sessions | length) == 1024'
}

@test "unknown peers and vectors are refused" {
	waiter a
	for target in 1 65536000 4294967295 18446744073709551615; do
		fam_run -3 fam -f "$file" ring "$target"
		assert_stderr "has no peer $target"$'\n'
	done
	for target in nobody ''; do
		fam_run -3 fam -f "$file" ping "$target"
		assert_stderr "has no peer '$target'"$'\n'
	done
	fam_run -3 fam -f "$file" ring nobody
	assert_stderr "has no peer 'nobody'"
	fam_run -2 fam -f "$file" ring /a:99999
	assert_stderr 'have no vector 99999'
	fam_run -2 fam -f "$file" wait --vector 99999
	assert_stderr 'have no vector 99999'
}

@test "wrong words: exit 2 and two lines" {
	local words
	for words in 'ping' 'ping a b' 'ping a --count 0' 'ping a --count 1000001' 'ping a --count x' \
		'ping a --timeout 1.5' 'ping a --timeout 9999999999' 'ping a --vector 1' 'ping a --json' \
		'wait --any --vector 1' 'wait --name' 'peers --name x' 'ring 1 --name x' 'peers --any' \
		'ring a --count 0' 'wait --count 0' 'wait --name '$'\x7f'; do
		# shellcheck disable=SC2086 # the words
		fam_run -2 fam -f "$file" $words
		assert_stderr -r '^fam: [^'$'\n'']*'$'\n''hint: [^'$'\n'']*$' "two lines for: $words"
		assert_output -x '' "nothing on stdout for: $words"
	done
	fam_run -2 fam -f "$file" wait --name ''
	fam_run -2 fam -f "$file" wait --name "$(printf 'n%.0s' {1..64})"
}
