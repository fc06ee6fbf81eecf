#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2016,SC2030,SC2031,SC2317,SC2154 # guests expand; each test is a subshell of its own
#
# Files, rings and lines between real nodes and the host, and what becomes of them
# when a node is killed. RING_COUNT=N: so many messages under stress (10^6).

export BATS_TEST_TIMEOUT=300
[[ -z ${RING_COUNT:-} ]] || export BATS_TEST_TIMEOUT=86400

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	vm_bundles fam-ring-stress
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric 16M f --path "$fabric" >/dev/null
}

teardown() {
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] ||
		tail -n 30 "$BATS_TEST_TMPDIR"/*.log "$BATS_TEST_TMPDIR"/*.txt >&2
	vm_teardown
}

serve() {
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" -f "$fabric" -n 2
}

# boot WAY NAME: a node on the fabric; WAY is plain, or server: with a doorbell
# device, and the kernel module if there is one.
boot() {
	if [[ $1 == server ]]; then
		vm_start -b "$kmod_bundle" -d "$fabric:$socket:2" "$2"
	else
		vm_start -b "$bundle" -f "$fabric" "$2"
	fi
}

# in_node NODE NAME COMMAND: in the background of a node; its output is in
# /tmp/NAME.out there, its exit status then in /tmp/NAME.rc.
in_node() {
	vm_exec "$1" "rm -f /tmp/$2.rc; { $3; echo \$? >/tmp/$2.rc; } >/tmp/$2.out 2>&1 </dev/null &"
}

# node_ended NODE NAME STATUS [SECONDS]: that command has ended with this.
node_ended() {
	ended_there() { vm_exec "$1" "test -s /tmp/$2.rc"; }
	wait_until "${4:-60}" ended_there "$1" "$2" || die "$2 on node $1 does not end"
	vm_exec "$1" "cat /tmp/$2.out; test \"\$(cat /tmp/$2.rc)\" = $3" ||
		die "$2 on node $1 ended with $(vm_exec "$1" "cat /tmp/$2.rc")"
}

node_said() { # NODE NAME REGEX
	there() { vm_exec "$1" "grep -qE -- '$3' /tmp/$2.out"; }
	wait_until 30 there "$@" || die "$2 on node $1 did not say '$3'"
}

# on_host NAME COMMAND...: in the background of the host; sets $pid.
on_host() {
	local name=$1
	shift
	"$@" >"$BATS_TEST_TMPDIR/$name.txt" 2>&1 </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
}

host_said() { # NAME REGEX
	here() { grep -qE -- "$2" "$BATS_TEST_TMPDIR/$1.txt"; }
	wait_until 30 here "$@" || die "$1 on the host did not say '$2'"
}

host_ended() { # STATUS PID [SECONDS]
	local rc=0
	wait_until "${3:-60}" proc_gone "$2" || die "process $2 does not end"
	wait "$2" || rc=$?
	((rc == $1)) || die "process $2 ended with $rc instead of $1"
}

# --- files --------------------------------------------------------------------------

@test "a file larger than the fabric goes from node to node, to the host and back" {
	local file=$BATS_TEST_TMPDIR/in sum
	serve
	boot plain n1
	boot server n2
	head -c 40000001 /dev/urandom >"$file"
	sum=$(md5sum <"$file")
	on_host send fam -f "$fabric" send x "$file"
	vm_exec -t 120 n1 'fam recv x /tmp/file'
	host_ended 0 "$pid"
	[[ $(vm_exec n1 'md5sum </tmp/file') == "$sum" ]]
	in_node n1 send 'fam send y /tmp/file'
	vm_exec -t 120 n2 'fam recv y /tmp/file'
	node_ended n1 send 0
	[[ $(vm_exec n2 'md5sum </tmp/file') == "$sum" ]]
	in_node n2 send 'fam send z /tmp/file'
	fam -f "$fabric" recv z "$BATS_TEST_TMPDIR/back"
	node_ended n2 send 0
	cmp "$file" "$BATS_TEST_TMPDIR/back"
}

# Some bytes, and no end.
readonly ENDLESS='{ head -c 200000 /dev/zero; sleep 1000; }'

# A transfer from node n1 that does not end, to node n2 and to the host.
cut_short() { # WAY
	[[ $1 == plain ]] || serve
	boot "$1" n1
	boot plain n2
	in_node n1 send1 "$ENDLESS | fam send one"
	in_node n1 send2 "$ENDLESS | fam send two"
	in_node n2 recv 'fam recv one /tmp/file'
	on_host recv fam -f "$fabric" recv two "$BATS_TEST_TMPDIR/file"
	arriving() { vm_exec n2 'ls -s /tmp/.file.* | grep -qv "^ *0 "'; }
	wait_until 30 arriving || die "nothing arrives in node n2"
	vm_kill n1
	node_ended n2 recv 6
	node_said n2 recv 'the sender of .one. died after [1-9]'
	vm_exec n2 'test ! -e /tmp/file && test -z "$(ls -A /tmp | grep "^.file")"'
	host_ended 6 "$pid"
	host_said recv "the sender of 'two' died after [1-9]"
	[[ -z $(find "$BATS_TEST_TMPDIR" -name '*file*') ]]
}

@test "a sender whose QEMU is killed is told to receivers, with a server" {
	cut_short server
}

@test "a sender whose QEMU is killed is told to receivers, without a server" {
	cut_short plain
}

@test "a receiver whose QEMU is killed is told to the sender" {
	serve
	boot server n1
	in_node n1 recv 'fam recv x /tmp/file'
	mkfifo "$BATS_TEST_TMPDIR/in"
	fam -f "$fabric" send x <>"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/send.txt" 2>&1 3>&- &
	pid=$!
	pids+=("$pid")
	head -c 60000 /dev/zero >"$BATS_TEST_TMPDIR/in"
	arriving() { vm_exec n1 'ls -s /tmp/.file.* | grep -qv "^ *0 "'; }
	wait_until 30 arriving || die "nothing arrives in node n1"
	vm_kill n1
	# It finds out when it writes.
	fed() { head -c 60000 /dev/zero | timeout 1 cat >"$BATS_TEST_TMPDIR/in"; proc_gone "$pid"; }
	wait_until 60 fed || die "the sender goes on"
	host_ended 6 "$pid"
	host_said send "the receiver of 'x' died or gave up after [1-9]"
}

# --- rings --------------------------------------------------------------------------

@test "who takes from a ring outlives the node that fills it, and goes on with another" {
	serve
	boot server n1
	boot plain n2
	on_host serve fam -f "$fabric" bench serve b
	host_said serve serving
	in_node n1 bench 'fam bench run b ring --count 1000000'
	filled() { fam -f "$fabric" objects --json | grep -q bench/b/ring; }
	wait_until 30 filled || die "node n1 does not begin"
	vm_kill n1
	again() { vm_exec n2 'fam bench run b ring burst message --count 3' 2>/dev/null; }
	wait_until 60 again || die "nobody takes any more"
	proc_alive "$pid"
}

@test "two nodes and two programs of the host share rings, and lose nothing" {
	local each=$((${RING_COUNT:-1000000} / 4)) limit kind pushes pops
	limit=$((120 + each / 1000))
	serve
	boot plain n1
	boot server n2
	for kind in mpmc mpmc-polled; do
		on_host "push-$kind" "$FAM_BUILD/tests/fam-ring-stress" push "$fabric" "$kind" 0 "$each"
		pushes=$pid
		on_host "pop-$kind" "$FAM_BUILD/tests/fam-ring-stress" pop "$fabric" "$kind" $((2 * each))
		pops=$pid
		in_node n1 push "fam-ring-stress push '' $kind 1 $each"
		in_node n2 pop "fam-ring-stress pop '' $kind $((2 * each))"
		host_ended 0 "$pushes" "$limit"
		node_ended n1 push 0 "$limit"
		host_ended 0 "$pops" "$limit"
		node_ended n2 pop 0 "$limit"
		"$FAM_BUILD/tests/fam-ring-stress" check "$fabric" "$kind" $((2 * each))
	done
}

# --- lines --------------------------------------------------------------------------

@test "a chat of two nodes and the host, one of which is killed" {
	local node
	serve
	boot plain n1
	boot server n2
	for node in n1 n2; do
		vm_exec "$node" "mkfifo /tmp/in; { sleep 1000 >/tmp/in & } >/dev/null 2>&1
			fam chat den --name $node </tmp/in >/tmp/chat.out 2>&1 &"
	done
	node_said n1 chat '^\* n2 (joined|is here)$'
	on_host host fam -f "$fabric" chat den --name host
	# Its input is empty: it says nothing, and leaves.
	host_ended 0 "$pid"
	node_said n1 chat '^\* host left$'
	node_said n2 chat '^\* host left$'
	vm_exec n1 'echo "from the first node" >/tmp/in'
	node_said n2 chat '^n1: from the first node$'
	mkfifo "$BATS_TEST_TMPDIR/in"
	fam -f "$fabric" chat den --name keeper <>"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/keeper.txt" 2>&1 3>&- &
	pids+=("$!")
	host_said keeper '^\* n2 is here$'
	vm_exec n2 'echo "from the second node" >/tmp/in'
	host_said keeper '^n2: from the second node$'
	vm_kill n2
	host_said keeper '^\* n2 died$'
	node_said n1 chat '^\* n2 died$'
	vm_exec n1 'echo "alone with the host" >/tmp/in'
	host_said keeper '^n1: alone with the host$'
}
