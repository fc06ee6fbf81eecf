#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Programs of nodes and of the host know each other: who is there, who comes, and
# who goes and why, though nobody says good-bye.

export BATS_TEST_TIMEOUT=240

# What enum fam_session_reason calls them.
readonly LEFT=1 EXITED=2 HUNG_UP=3 EXPIRED=4
# Of those that must live whatever else this machine does, in milliseconds.
readonly LONG=60000
declare -gA vm_pid # by vm.bash

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	build_libfam_helper member
	export bundle=$BATS_FILE_TMPDIR/bundle
	famctl make-bundle --dir "$bundle" --add "$BATS_FILE_TMPDIR/member" >/dev/null
	# With the kernel module, where it was built.
	export kmod_bundle=''
	[[ ! -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] || kmod_bundle=$BATS_FILE_TMPDIR/kmod-bundle
	[[ -z $kmod_bundle ]] || famctl make-bundle --dir "$kmod_bundle" \
		--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/lib/fam_ivshmem.ko" \
		--add "$BATS_FILE_TMPDIR/member" >/dev/null
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric 16M f --path "$fabric" >/dev/null
}

teardown() {
	local pid
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.log >&2
	# A stopped QEMU would not end.
	for pid in "${vm_pid[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
	done
	vm_teardown
}

serve() {
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" -f "$fabric" -n 2
}

# bell_node NAME: a node whose device has a vector for us and one for the library.
bell_node() {
	vm_start -b "$bundle" -d "$fabric:$socket:2" "$1"
}

# --- members ---------------------------------------------------------------------

log_of() { # NAME
	printf '%s/%s.log\n' "$BATS_TEST_TMPDIR" "$1"
}

host_log_has() { # NAME REGEX
	grep -qE -- "$2" "$(log_of "$1")"
}

# host_member FABRIC NAME LEASE: begins a member of the host; sets $pid.
host_member() {
	"$BATS_FILE_TMPDIR/member" "$@" >"$(log_of "$2")" 2>&1 </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
	wait_until 20 host_log_has "$2" ' self '
}

node_log_has() { # NODE NAME REGEX
	vm_exec "$1" "grep -qE -- '$3' /tmp/$2.log"
}

# node_member NODE NAME LEASE: begins a member in a node; sets $pid.
node_member() {
	pid=$(vm_exec "$1" "member '' $2 $3 >/tmp/$2.log 2>&1 & echo \$!")
	wait_until 20 node_log_has "$1" "$2" ' self '
}

# The time of the one line that matches in a log on standard input.
time_of() { # REGEX
	awk -v "re=$1" '$0 ~ re { n++; t = $1 } END { if (n != 1) exit 1; print t }' || die "not one: $1"
}

# How much a node's clock is ahead of the host's, in milliseconds; sets $ahead, and
# $doubt, how wrong that may be. The best of several looks.
clock_ahead() { # NODE
	local before there after
	doubt=
	for _ in 1 2 3 4 5 6 7 8; do
		before=$("$BATS_FILE_TMPDIR/member" now)
		there=$(vm_exec "$1" 'member now')
		after=$("$BATS_FILE_TMPDIR/member" now)
		[[ -z $doubt ]] || (((after - before) / 2 < doubt)) || continue
		doubt=$(((after - before) / 2)) ahead=$((there - (before + after) / 2))
	done
}

# The session ID of a member, by its log on standard input.
id_of() {
	awk '$2 == "self" { id = $3 } END { print id }'
}

times_in() { # TIMES REGEX, the log on standard input
	local n
	n=$(grep -cE -- "$2") || true
	((n == $1)) || die "$n times instead of $1: $2"
}

host_peers() { # NAME
	fam -f "$1" peers --json | jq -r '[.sessions[] | "\(.node)/\(.program)"] | sort | join(" ")'
}

# A figure for people who read the log.
figure() {
	printf '# %s\n' "$*" >&3
}

# --- tests -----------------------------------------------------------------------

@test "two nodes and a program of the host see each other come and go, by name" {
	local host
	host=$(hostname)
	serve
	bell_node n1
	bell_node n2
	host_member "server:$socket.host" carol $LONG
	node_member n1 alice $LONG
	node_member n2 bob $LONG
	local bob=$pid
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n1/alice$'
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n2/bob$'
	assert "n1 sees bob come" wait_until 20 node_log_has n1 alice ' joined [0-9a-f]+ n2/bob$'
	assert "n1 finds carol" node_log_has n1 alice " there [0-9a-f]+ $host/carol\$"
	assert "n2 finds both" node_log_has n2 bob ' there [0-9a-f]+ n1/alice$'
	assert "n2 finds both" node_log_has n2 bob " there [0-9a-f]+ $host/carol\$"
	for name in "$fabric" "server:$socket.host"; do
		assert "$name lists them" test "$(host_peers "$name")" = \
			"$(printf '%s\n' "$host/carol" n1/alice n2/bob | sort | paste -sd ' ')"
	done
	fam_run vm_exec n1 'fam peers'
	assert_output -r 'PEER +NODE +PROGRAM +PID +LEASE +STATE +SESSION'
	assert_output -r "[1-9][0-9]* +n2 +bob +$bob +60s +live +[0-9a-f]{16}"
	assert_output -r "[1-9][0-9]* +$host +carol +${pids[0]} +60s +live +"
	# Each is pinged by the others: by node, by program, by both.
	fam_run vm_exec n1 'fam ping n2 --count 3'
	assert_output -r '^n2/bob, peer [0-9]+, process [0-9]+: 3 answers, round trip min [0-9.]+ ms'
	fam_run vm_exec n2 'fam ping /carol'
	assert_output "$host/carol, peer "
	fam_run fam -f "$fabric" ping n1/alice
	assert_output 'n1/alice, peer '
	vm_exec n2 "kill $bob"
	wait_until 20 host_log_has carol " left [0-9a-f]+ n2/bob $LEFT\$"
	wait_until 20 node_log_has n1 alice " left [0-9a-f]+ n2/bob $LEFT\$"
	kill "${pids[0]}"
	wait "${pids[0]}"
	wait_until 20 node_log_has n1 alice " left [0-9a-f]+ $host/carol $LEFT\$"
	assert "its place is free" test "$(host_peers "$fabric")" = n1/alice
	vm_stop n1
	vm_stop n2
}

@test "a killed QEMU is noticed by node and host at once, with a server" {
	local killed ahead doubt ms
	serve
	bell_node n1
	bell_node n2
	host_member "server:$socket.host" carol $LONG
	host_member "$fabric" dave $LONG
	node_member n1 alice $LONG
	node_member n2 bob $LONG
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n2/bob$'
	wait_until 20 host_log_has dave ' joined [0-9a-f]+ n2/bob$'
	wait_until 20 node_log_has n1 alice ' joined [0-9a-f]+ n2/bob$'
	clock_ahead n1
	killed=$("$BATS_FILE_TMPDIR/member" now)
	vm_kill n2
	for name in carol dave; do
		wait_until 20 host_log_has "$name" " left [0-9a-f]+ n2/bob $HUNG_UP\$"
		ms=$(($(time_of ' left .*/bob ' <"$(log_of "$name")") - killed))
		figure "a killed node: $name of the host knows after $ms ms"
		((ms < 1000)) || die "$name knew after $ms ms"
	done
	wait_until 20 node_log_has n1 alice " left [0-9a-f]+ n2/bob $HUNG_UP\$"
	vm_exec n1 'cat /tmp/alice.log' >"$(log_of alice)"
	ms=$(($(time_of ' left .*/bob ' <"$(log_of alice)") - ahead - killed))
	figure "a killed node: alice of the other node knows after $ms ms," \
		"give or take $doubt"
	((ms < 1000)) || die "alice knew after $ms ms"
}

@test "a killed QEMU is noticed within the lease, without a server" {
	local killed ms
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	host_member "$fabric" carol $LONG
	node_member n1 alice $LONG
	node_member n2 bob 2000
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n2/bob$'
	wait_until 20 node_log_has n1 alice ' joined [0-9a-f]+ n2/bob$'
	killed=$("$BATS_FILE_TMPDIR/member" now)
	vm_kill n2
	wait_until 20 host_log_has carol " left [0-9a-f]+ n2/bob $EXPIRED\$"
	wait_until 20 node_log_has n1 alice " left [0-9a-f]+ n2/bob $EXPIRED\$"
	ms=$(($(time_of ' left .*/bob ' <"$(log_of carol)") - killed))
	figure "a killed node without a server: known after $ms ms of a lease of 2000"
	((ms <= 3000)) || die "known after $ms ms"
	assert "its place is free" test "$(host_peers "$fabric")" = \
		"$(printf '%s\n' "$(hostname)/carol" n1/alice | sort | paste -sd ' ')"
}

@test "a node that stood still learns that it lost its lease, and can rejoin" {
	local qemu before after
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	host_member "$fabric" carol $LONG
	node_member n1 alice $LONG
	node_member n2 bob 2000
	# shellcheck disable=SC2016 # the guest expands
	vm_exec n2 '(fam peers --watch; echo "ended $?") >/tmp/watch.log 2>&1 &'
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n2/bob$'
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n2/fam$'
	before=$(vm_exec n2 'cat /tmp/bob.log' | id_of)
	qemu=${vm_pid[n2]}
	kill -STOP "$qemu"
	wait_until 20 host_log_has carol " left $before n2/bob $EXPIRED\$"
	wait_until 20 node_log_has n1 alice " left $before n2/bob $EXPIRED\$"
	wait_until 20 host_log_has carol " left [0-9a-f]+ n2/fam $EXPIRED\$"
	kill -CONT "$qemu"
	wait_until 30 node_log_has n2 bob " lost $before n2/bob $EXPIRED\$"
	assert "it was told" node_log_has n2 bob ' stale Stale file handle$'
	wait_until 30 host_log_has carol ' joined [0-9a-f]+ n2/bob$'
	after=$(vm_exec n2 'cat /tmp/bob.log' | id_of)
	[[ $after != "$before" ]] || die "the same session: $after"
	wait_until 20 host_log_has carol " joined $after n2/bob\$"
	assert "the command ended by it" wait_until 20 node_log_has n2 watch '^ended 1$'
	assert "and said why" node_log_has n2 watch '^lost [0-9]+ n2/fam, process [0-9]+: lease expired$'
	assert "and said why" node_log_has n2 watch \
		'^fam: the others declared dead the own session in the fabric$'
	# Who stood still does not take the others for dead.
	vm_exec n2 'cat /tmp/bob.log' | times_in 0 ' left [0-9a-f]+ [^ ]+/(alice|carol) '
	vm_exec n1 'cat /tmp/alice.log' | times_in 0 ' lost '
	times_in 0 ' lost ' <"$(log_of carol)"
}

@test "a killed process is noticed at once in its node, and by the others" {
	local killed ahead doubt ms
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	host_member "$fabric" carol $LONG
	node_member n2 dave $LONG
	# She looks around at each beat, eight times in a lease.
	node_member n1 alice 4000
	node_member n1 bob $LONG
	local bob=$pid
	wait_until 20 node_log_has n1 alice ' joined [0-9a-f]+ n1/bob$'
	wait_until 20 host_log_has carol ' joined [0-9a-f]+ n1/bob$'
	killed=$(vm_exec n1 "member now; kill -KILL $bob")
	wait_until 30 node_log_has n1 alice " left [0-9a-f]+ n1/bob $EXITED\$"
	wait_until 20 host_log_has carol " left [0-9a-f]+ n1/bob $EXITED\$"
	wait_until 20 node_log_has n2 dave " left [0-9a-f]+ n1/bob $EXITED\$"
	vm_exec n1 'cat /tmp/alice.log' >"$(log_of alice)"
	ms=$(($(time_of ' left .*/bob ' <"$(log_of alice)") - killed))
	clock_ahead n1
	figure "a killed process: known in its node after $ms ms, on the host after" \
		"$(($(time_of ' left .*/bob ' <"$(log_of carol)") + ahead - killed)) ms, give or take $doubt"
	((ms < 2000)) || die "known after $ms ms"
}

@test "many that die at once are cleared up once, by whoever comes first" {
	local i id ids=''
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	for i in 1 2 3; do
		host_member "$fabric" "host$i" $LONG
		node_member n1 "one$i" $LONG
	done
	for i in 1 2 3 4 5 6; do
		node_member n2 "two$i" 1000
		id=$(vm_exec n2 "cat /tmp/two$i.log" | id_of)
		ids+=" $id"
	done
	for i in 1 2 3; do
		wait_until 20 host_log_has "host$i" ' joined [0-9a-f]+ n2/two6$'
		wait_until 20 node_log_has n1 "one$i" ' joined [0-9a-f]+ n2/two6$'
	done
	vm_kill n2
	for id in $ids; do
		for i in 1 2 3; do
			wait_until 20 host_log_has "host$i" " left $id n2/two[1-6] $EXPIRED\$"
			wait_until 20 node_log_has n1 "one$i" " left $id n2/two[1-6] $EXPIRED\$"
		done
	done
	# Everybody has told all there was when he tells of the next one.
	host_member "$fabric" last $LONG
	for i in 1 2 3; do
		wait_until 20 host_log_has "host$i" ' joined [0-9a-f]+ .*/last$'
		wait_until 20 node_log_has n1 "one$i" ' joined [0-9a-f]+ .*/last$'
		times_in 6 ' left ' <"$(log_of "host$i")"
		vm_exec n1 "cat /tmp/one$i.log" | times_in 6 ' left '
	done
	assert "all their places are free" test "$(fam -f "$fabric" peers --json |
		jq '.sessions | length')" = 7
}

@test "programs are rung by name: plain node, doorbell node, host" {
	serve
	vm_start -b "$bundle" -f "$fabric" n1
	bell_node n2
	vm_exec n1 'fam wait --name one --count 4 >/tmp/one.log 2>&1 &'
	vm_exec n2 'fam wait --name two --count 4 >/tmp/two.log 2>&1 &'
	wait_until 20 node_log_has n1 one '^peer [0-9]+ waits at vector 0$'
	wait_until 20 node_log_has n2 two '^peer 1 waits at vector 0$'
	"$FAM_BUILD/bin/fam" -f "$fabric" wait --name three --count 2 >"$(log_of three)" 2>&1 3>&- &
	pids+=("$!")
	wait_until 20 host_log_has three '^peer [0-9]+ waits'
	vm_exec n2 'fam ring n1'
	vm_exec n1 'fam ring n2'
	fam_run fam -f "$fabric" ring n1/one
	fam_run fam -f "$fabric" ring n2/two
	fam_run fam -f "server:$socket.host" ring /one
	fam_run fam -f "server:$socket.host" ring 1
	vm_exec n1 'fam ring /three'
	fam_run -3 vm_exec n1 'fam ring n3'
	assert_output "has no peer 'n3'"
	refute "three of four" node_log_has n1 one ' rings$'
	refute "three of four" node_log_has n2 two ' rings$'
	fam_run vm_exec n2 'fam ring all'
	assert_output -x '2 peers rung'
	assert "all that rang one" wait_until 20 node_log_has n1 one '^4 rings$'
	assert "all that rang three" wait_until 20 host_log_has three '^2 rings$'
	fam_run -1 vm_exec n1 'fam wait --timeout 1'
	assert_output 'fam: 0 of 1 rings came within 1 seconds'
	fam_run vm_exec n1 'fam ring n2/two'
	assert "all that rang two" wait_until 20 node_log_has n2 two '^4 rings$'
}

@test "with the kernel module: pinged by interrupts, and told of the dead at once" {
	[[ -n $kmod_bundle ]] || skip "no kernel module in the build tree: it needs kernel headers"
	bundle=$kmod_bundle
	local killed ahead doubt ms
	serve
	bell_node n1
	bell_node n2
	host_member "server:$socket.host" carol $LONG
	node_member n1 alice $LONG
	node_member n2 bob $LONG
	fam_run vm_exec n1 'fam peers --json'
	assert_json '[.sessions[] | select(.program == "bob")] | .[0].interrupts and .[0].peer == 2'
	# Without interrupts each answer took what an eighth of the lease is: 7.5 s.
	fam_run vm_exec n1 'fam ping n2 --count 20 --timeout 4'
	assert_output -r '^n2/bob, peer 2, process [0-9]+: 20 answers, '
	figure "a ping by interrupts between nodes: ${output##*: }"
	fam_run fam -f "server:$socket.host" ping n2 --count 20 --timeout 4
	assert_output -r '^n2/bob, peer 2, process [0-9]+: 20 answers, '
	figure "a ping by interrupts from the host: ${output##*: }"
	wait_until 20 node_log_has n1 alice ' joined [0-9a-f]+ n2/bob$'
	clock_ahead n1
	killed=$("$BATS_FILE_TMPDIR/member" now)
	vm_kill n2
	wait_until 20 node_log_has n1 alice " left [0-9a-f]+ n2/bob $HUNG_UP\$"
	wait_until 20 host_log_has carol " left [0-9a-f]+ n2/bob $HUNG_UP\$"
	vm_exec n1 'cat /tmp/alice.log' >"$(log_of alice)"
	ms=$(($(time_of ' left .*/bob ' <"$(log_of alice)") - ahead - killed))
	figure "a killed node: alice of the other node knows after $ms ms, give or take $doubt"
	((ms < 1000)) || die "alice knew after $ms ms"
}

# shellcheck disable=SC2016 # the guest expands
@test "a device that is taken away costs nobody his life who lets its memory be" {
	[[ -n $kmod_bundle ]] || skip "no kernel module in the build tree: it needs kernel headers"
	local pid
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	node_member n1 alice 1000
	fam_run vm_exec n1 "pid=$pid"'
		sleeps() { # of the library, so far
			for t in /proc/$pid/task/*; do
				grep -q keeper $t/comm && awk "/^voluntary/ { print \$2 }" $t/status
			done
		}
		echo "by $(ls -l /proc/$pid/fd | grep -o /dev/fam. | head -n 1)"
		device=$(readlink -f /sys/class/fam/fam0/device)
		echo 1 >$device/remove
		from=$(sleeps)
		while now=$(sleeps) && [ "$now" ] && [ "$now" -lt $((from + 10)) ]; do :; done
		kill -0 $pid && echo "it lives"
		kill $pid; while kill -0 $pid; do :; done 2>/dev/null; grep cannot /tmp/alice.log
		[ -e /dev/fam0 ] || echo "without the device"'
	assert_output $'by /dev/fam0\nit lives\nwithout the device'
	vm_stop n1
}
