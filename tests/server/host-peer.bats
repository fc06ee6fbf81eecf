#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Programs of the host as peers, through the real server.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash
load ../lib/raw-server.bash

dir='' # set by fabric_setup
server='' # set by raw_serve

setup_file() {
	build_libfam_helper peer
}

setup() {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	fabric_setup
	socket=$dir/s.host
}

teardown() {
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$dir"/*.log "$dir"/*.out >&2
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

server_answers() {
	fam -f "server:$socket" peers >/dev/null 2>&1
}

# server_start [OPTION...]: a server of $dir/f.fam, or of what OPTION says.
server_start() {
	local -a memory=(-f "$dir/f.fam")
	[[ $* != *--no-memory* ]] || memory=()
	raw_serve "$dir/s" "$dir/server.log" "${memory[@]}" "$@"
	wait_until 10 server_answers
}

# begin NAME COMMAND...: in the background; its output is in $dir/NAME.out.
begin() {
	local name=$1
	shift
	"$@" >"$dir/$name.out" 2>"$dir/$name.log" </dev/null 3>&- &
	pids+=("$!")
	pid=$!
}

says() { # NAME REGEX
	grep -qE -- "$2" "$dir/$1.out"
}

says_times() { # NAME REGEX TIMES
	(($(grep -cE -- "$2" "$dir/$1.out") == $3))
}

# waiter NAME [OPTION...]: begins `fam wait`; sets $id to where it waits.
waiter() {
	local name=$1
	shift
	begin "$name" "$FAM_BUILD/bin/fam" -f "server:$socket" wait "$@"
	wait_until 10 says "$name" '^peer [0-9]+ waits'
	id=$(awk '{ print $2; exit }' "$dir/$name.out")
}

# peer_start NAME: begins a peer that obeys `ask`; sets $id.
peer_start() {
	local in
	mkfifo "$dir/$1.in"
	exec {in}<>"$dir/$1.in"
	printf -v "peer_$1" %d "$in"
	"$BATS_FILE_TMPDIR/peer" "server:$socket" >"$dir/$1.out" 2>"$dir/$1.log" \
		<"$dir/$1.in" 3>&- &
	pids+=("$!")
	wait_until 10 says "$1" '^self'
	id=$(awk '{ print $2; exit }' "$dir/$1.out")
}

more_lines() { # FILE COUNT
	(($(wc -l <"$1") > $2))
}

# ask NAME LINE ANSWER: tells the peer a line and compares what it says to it with
# a pattern.
ask() {
	local fd=peer_$1 before answer
	before=$(wc -l <"$dir/$1.out")
	printf '%s\n' "$2" >&"${!fd}"
	wait_until 15 more_lines "$dir/$1.out" "$before" || die "no answer to '$2'"
	answer=$(tail -n 1 "$dir/$1.out")
	# shellcheck disable=SC2053 # a pattern
	[[ $answer == $3 ]] || die "$1: '$2' was answered by '$answer', not '$3'"
}

@test "info names the server, the own ID and the vectors" {
	make_fabric f
	server_start -n 4
	fam_run fam -f "server:$socket" info
	assert_output -r "^f
  uuid:        [0-9a-f-]{36}
  size:        16 MiB .*
  transport:   server
  server:      $socket
  peer:        [1-9][0-9]*, with 4 vectors
  mapped via:  .*/f\.fam
"
	fam_run fam -f "server:$socket" info --json
	assert_json ".transport == \"server\" and .vectors == 4 and .peer > 0 and
		.server == \"$socket\" and (.path | endswith(\"/f.fam\")) and .size == 16777216"
}

@test "what is written through the server is in the file" {
	make_fabric f
	server_start
	written() { printf hello | fam -f "server:$socket" write --offset 1M --persist; }
	fam_run written
	fam_run fam -f "$dir/f.fam" read --offset 1M --length 5
	assert_output -x hello
}

@test "10,000 rings from several peers add up to 10,000" {
	make_fabric f
	server_start -n 3
	waiter one --vector 1 --count 10000
	local one=$pid one_id=$id
	waiter two --vector 0 --count 1 --timeout 2
	local two=$pid ended=0
	begin a "$FAM_BUILD/bin/fam" -f "server:$socket" ring "$one_id:1" --count 4000
	begin b "$FAM_BUILD/bin/fam" -f "server:$socket" ring "$one_id:1" --count 3500
	begin c "$FAM_BUILD/bin/fam" -f "server:$socket" ring "all:1" --count 2499
	wait_until 10 proc_gone "${pids[-1]}"
	wait_until 10 proc_gone "${pids[-2]}"
	wait_until 10 proc_gone "${pids[-3]}"
	assert "9,999 are not enough" proc_alive "$one"
	fam_run fam -f "server:$socket" ring "$one_id:1"
	wait "$one"
	assert "the sum" says one '^10000 rings$'
	# Vector 1 of the other one was rung by "all", its vector 0 never.
	wait "$two" || ended=$?
	((ended == 1)) || die "a wait without a ring ended with $ended"
	assert "it says how many" grep -qx 'fam: 0 of 1 rings came within 2 seconds' "$dir/two.log"
}

@test "two peers ring each other and share the memory" {
	make_fabric f
	server_start -n 3
	peer_start a
	local a=$id
	peer_start b
	local b=$id
	ask a event "joined $b"
	ask a 'put ball' 'done'
	ask a "ring $b 1" 'done'
	ask b 'wait 1 10000' 'rang 1'
	ask b get ball
	ask b "ring $a 0" 'done'
	ask b "ring $a 0" 'done'
	ask a 'wait 0 10000' 'rang 2'
	ask a 'wait 1 0' 'no answer in time'
	ask b "ring $b 0" 'done'
	ask b 'wait 0 0' 'rang 1'
}

@test "joining and leaving is told exactly once" {
	make_fabric f
	server_start
	begin watch "$FAM_BUILD/bin/fam" -f "server:$socket" peers --watch
	wait_until 10 says watch '^PEER '
	local -a ids=()
	local name peer
	for name in a b c d e; do
		waiter "$name"
		ids+=("$id")
		wait_until 10 says watch "^joined $id\$"
	done
	fam_run fam -f "server:$socket" peers
	for peer in "${ids[@]}"; do
		assert_output -r $'\n'"$peer +$(hostname) +fam +[0-9]+ +2s +live "
	done
	kill -KILL "${pids[@]:1}"
	for peer in "${ids[@]}"; do
		wait_until 10 says watch "^left $peer\$"
	done
	# Told after all those. It gets the lowest ID again.
	last_word() { [[ $(grep -E '^[a-z]+ [0-9]+$' "$dir/watch.out" | tail -n 1) == "$1" ]]; }
	waiter f
	wait_until 10 last_word "joined $id"
	assert "the ID is given again" test "$id" = "${ids[0]}"
	for peer in "${ids[@]:1}"; do
		assert "$peer joined once" says_times watch "^joined $peer\$" 1
		assert "$peer left once" says_times watch "^left $peer\$" 1
	done
}

@test "peers as JSON" {
	make_fabric f
	server_start -n 7
	waiter a
	fam_run fam -f "server:$socket" peers --json
	assert_json "keys == [\"peers\", \"self\", \"sessions\", \"vectors\"] and .vectors == 6 and
		.peers == [$id] and .self != $id"
}

@test "ring all reaches every peer with every vector of many" {
	make_fabric f
	server_start -n 64
	local i
	for i in {1..12}; do
		waiter "w$i" --vector $((5 * i))
	done
	for i in {1..12}; do
		fam_run fam -f "server:$socket" ring "all:$((5 * i))"
	done
	assert_output -r '^[0-9]+ peers? rung$'
	for i in {1..12}; do
		wait_until 10 says "w$i" '^1 rings$'
	done
}

@test "a server killed: memory and doorbells go on, and it is told" {
	make_fabric f
	server_start -n 3
	peer_start a
	local a=$id
	peer_start b
	local b=$id ended=0
	begin watch "$FAM_BUILD/bin/fam" -f "server:$socket" peers --watch
	ask a event "joined $b"
	wait_until 10 says watch "^$b "
	ask a event "joined [1-9]*"
	kill -KILL "$server"
	wait_until 10 proc_gone "$server"
	ask a event 'the server is gone'
	ask a event 'the server is gone'
	ask a 'put ball' 'done'
	ask a "ring $b 1" 'done'
	ask b 'wait 1 10000' 'rang 1'
	ask b get ball
	ask b "ring $a 0" 'done'
	ask a 'wait 0 10000' 'rang 1'
	ask a 'ring 0 0' 'the server is gone'
	wait "${pids[-1]}" || ended=$?
	((ended == 5)) || die "watching ended with $ended"
	assert "it says why" grep -q ': the server is gone$' "$dir/watch.log"
	fam_run -5 fam -f "server:$socket" peers
	assert_stderr -x "fam: cannot attach to fabric 'server:$socket': no server runs there
hint: start one on the host: 'famctl start-server', or see tm-server(8)"
	server_start -n 3
	peer_start c
	ask c get ball
	ask a event 'the server is gone'
	# Who is of the earlier server hears who is of this one, if not at once.
	ask c "ring $a 0" 'done'
	ask a 'wait 0 10000' 'rang 1'
}

@test "a server that ends by itself is told" {
	make_fabric f
	server_start
	peer_start a
	kill -TERM "$server"
	wait "$server" || die "the server ended with $?"
	ask a event 'the server is gone'
	assert "its socket is gone" test ! -e "$socket"
}

@test "a server that stands still is given up after five seconds" {
	make_fabric f
	server_start
	kill -STOP "$server"
	local start=$SECONDS
	fam_run -5 fam -f "server:$socket" peers
	assert_stderr ': no answer in time'
	((SECONDS - start >= 4 && SECONDS - start <= 15)) || die "after $((SECONDS - start)) s"
	kill -CONT "$server"
	fam_run fam -f "server:$socket" peers
}

@test "a server without memory has doorbells" {
	server_start --no-memory -n 3
	fam_run fam -f "server:$socket" info
	assert_output 'size:        0 B'
	assert_output 'mapped via:  nothing'
	assert_output 'persist:     not possible: there is no memory'
	waiter a --vector 1
	fam_run fam -f "server:$socket" ring "$id:1"
	wait_until 10 says a '^1 rings$'
}

@test "raw fabrics have doorbells without --raw" {
	make_fabric f 1M --raw
	server_start
	fam_run -1 fam -f "server:$socket" info
	fam_run fam --raw -f "server:$socket" info
	fam_run fam -f "server:$socket" ring 0
	fam_run fam -f "server:$socket" ring all
}

@test "the socket for QEMU is not the one" {
	make_fabric f
	server_start
	fam_run -1 fam -f "server:$dir/s" peers
	assert_stderr -x "fam: cannot attach to fabric 'server:$dir/s': not the protocol of a server of this fabric
hint: name the server's socket for host programs, which ends in '.host'; in a node, see which other node writes over the flush mailbox"
}

@test "unknown peers and vectors are refused" {
	make_fabric f
	server_start -n 3
	for target in 77 65536 4294967296 18446744073709551615; do
		fam_run -3 fam -f "server:$socket" ring "$target"
		assert_stderr -x "fam: fabric 'server:$socket' has no peer $target
hint: 'fam -f server:$socket peers' names them"
	done
	for target in 0:2 0:4294967296; do
		fam_run -2 fam -f "server:$socket" ring "$target"
		assert_stderr -x "fam: peers of fabric 'server:$socket' have no vector ${target#0:}
hint: they have 0 to 1"
	done
	fam_run -2 fam -f "server:$socket" wait --vector 2
	assert_stderr 'have no vector 2'
}

@test "wrong words: exit 2 and two lines" {
	local words
	for words in 'ring' 'ring 1:' 'ring :1' 'ring 1:x' 'ring -1' 'ring 1 2' \
		'ring 99999999999999999999' 'ring 1 --count x' 'ring 1 --count -1' 'ring 1 --count 1K' \
		'wait x' 'wait --timeout 1.5' 'wait --timeout 9999999999' 'wait --vector' 'wait --json' \
		'peers --watch --json' 'peers x' 'info --watch' 'peers --count 1'; do
		# shellcheck disable=SC2086 # the words
		fam_run -2 fam -f server:f $words
		assert_stderr -r '^fam: [^'$'\n'']*'$'\n''hint: [^'$'\n'']*$' "two lines for: $words"
		assert_output -x '' "nothing on stdout for: $words"
	done
}

@test "a plain user's server is found by name, another's socket is not opened" {
	requires_root "to become another user"
	home=$(user_home)
	install -m 755 "$FAM_BUILD/bin/fam" "$FAM_BUILD/bin/tm-server" "$FAM_BUILD/bin/famctl" "$home"
	as_user "$home" "$home/famctl" --connect test:///default create-fabric 16M mine >/dev/null
	as_user "$home" "$home/tm-server" -f "$home/data/fam/mine.fam" 2>"$dir/server.log" \
		</dev/null &
	finds() { as_user "$home" "$home/fam" -f server:mine peers >/dev/null 2>&1; }
	wait_until 10 finds
	# Not $!, which is the shell that waits for it.
	pids+=("$(pgrep -f "^$home/tm-server ")")
	fam_run as_user "$home" "$home/fam" -f server:mine info
	assert_output "server:      $home/run/fam/mine.sock.host"
	fam_run -5 fam -f server:mine info

	make_fabric f
	chmod 755 "$dir"
	server_start --mode 0600
	fam_run -1 as_user "$home" "$home/fam" -f "server:$socket" peers
	assert_stderr ': permission denied'
}

# The kernel tells of a failed write-back once to each open file, and the one
# that the server hands out is the same for all.
@test "a program behind a server syncs a file it has opened itself, or asks the server" {
	requires_root "to become another user"
	make_fabric f
	chmod 755 "$dir"
	server_start --mode 0666
	fam_run fam -f "server:$socket" info
	assert_output "persist:     to the host's disk (msync)"
	fam_run fam -f "server:$socket" persist
	home=$(user_home)
	install -m 755 "$FAM_BUILD/bin/fam" "$home"
	chmod 600 "$dir/f.fam"
	fam_run as_user "$home" "$home/fam" -f "server:$socket" info
	assert_output "persist:     to the host's disk, by the server; it polls"
	fam_run as_user "$home" "$home/fam" -f "server:$socket" persist --length 64
}
