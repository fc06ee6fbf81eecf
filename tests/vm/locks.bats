#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell of its own
#
# Locks between real nodes and the host: nothing is lost or granted twice, and the
# lock of a node that dies is taken over by another one, who is told so.
# LOCK_STEPS=N: so many steps under stress, for all kinds of lock together (10^6).

export BATS_TEST_TIMEOUT=300
[[ -z ${LOCK_STEPS:-} ]] || export BATS_TEST_TIMEOUT=86400

# fam's exit status when the last owner died.
readonly OWNER_DIED=125

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	vm_bundles fam-lock-stress
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric 16M f --path "$fabric" >/dev/null
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.log >&2
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

# hold NODE: takes the lock x in a node, and keeps it until the node dies.
hold() {
	vm_exec "$1" 'mkfifo /tmp/hold
		fam lock x -- sh -c "touch /tmp/held; cat /tmp/hold" >/tmp/lock.log 2>&1 &'
	holds() { vm_exec "$1" 'test -e /tmp/held'; }
	wait_until 20 holds "$1" || die "node $1 does not get the lock"
}

# The host in the background: fam lock x; sets $pid.
host_lock() { # [OPTION...]
	fam -f "$fabric" lock x "$@" -- true >"$BATS_TEST_TMPDIR/host.log" 2>&1 3>&- &
	pid=$!
	pids+=("$pid")
}

sessions() {
	fam -f "$fabric" peers --json | jq '[.sessions[] | select(.state == "live")] | length'
}

sees() { # COUNT
	[[ $(sessions) == "$1" ]]
}

# --- stress -----------------------------------------------------------------------

# One kind of lock, two processes of the host and one in each of two nodes.
stress() { # KIND STEPS
	local kind=$1 rc=0 host node words
	words="--kind $kind --name stress-$kind"
	# shellcheck disable=SC2086 # several words
	"$FAM_BUILD/tests/fam-lock-stress" $words --begin "$2" --processes 2 "$fabric" \
		>"$BATS_TEST_TMPDIR/$kind.log" 2>&1 3>&- &
	host=$!
	pids+=("$host")
	made() { fam -f "$fabric" objects --json | grep -q "stress-$kind"; }
	wait_until 20 made || die "the host does not begin"
	for node in n1 n2; do
		vm_exec "$node" "{ fam-lock-stress $words '' >/tmp/$kind.log 2>&1
			echo \$? >/tmp/$kind.rc; } >/dev/null 2>&1 &"
	done
	wait "$host" || rc=$?
	for node in n1 n2; do
		done_there() { vm_exec "$node" "test -s /tmp/$kind.rc" 2>/dev/null; }
		wait_until 60 done_there || die "node $node does not end"
		vm_exec "$node" "cat /tmp/$kind.log; exit \$(cat /tmp/$kind.rc)" || rc=$?
	done
	cat "$BATS_TEST_TMPDIR/$kind.log"
	((rc == 0)) || die "$kind: exit status $rc"
}

@test "two nodes and two programs of the host share locks of each kind, and lose nothing" {
	local kind
	serve
	boot plain n1
	boot server n2
	for kind in mutex spin ticket rwlock; do
		stress "$kind" $((${LOCK_STEPS:-1000000} / 4))
	done
}

# --- death --------------------------------------------------------------------------

# What the host gets when the node that holds the lock is killed, and how soon
# after the death is known.
taken_over() { # WAY
	local known taken
	[[ $1 == plain ]] || serve
	boot "$1" n1
	hold n1
	host_lock --wait 60
	wait_until 10 sees 2 || die "the host does not wait"
	vm_kill n1
	# The waiter is still there; the dead one is not.
	wait_until 30 sees_less || die "nobody knows of the death"
	known=${EPOCHREALTIME/[.,]/}
	wait_until 10 proc_gone "$pid" || die "the host still waits"
	taken=${EPOCHREALTIME/[.,]/}
	printf 'taken over %d us after the death was known\n' $((taken - known))
	((taken - known < 1000000))
	expect_end "$OWNER_DIED" "$pid"
	grep -q 'died' "$BATS_TEST_TMPDIR/host.log"
}

sees_less() {
	(($(sessions) < 2))
}

expect_end() { # STATUS PID
	local rc=0
	wait_until 20 proc_gone "$2" || die "process $2 does not end"
	wait "$2" || rc=$?
	((rc == $1)) || die "process $2 ended with $rc instead of $1"
}

@test "the lock of a node whose QEMU is killed is taken over, with a server" {
	taken_over server
	# The mark stays until somebody repairs it, whoever takes the lock.
	boot server n2
	# 125 is also what vm_exec says of a dead guest.
	# shellcheck disable=SC2016 # the guest expands
	run vm_exec n2 'fam lock x -- true; test $? = 125'
	expect 0 died
	run vm_exec n2 'fam lock x --repair -- true'
	expect 0
	run fam -f "$fabric" lock x --try -- true
	expect 0
	vm_stop n2
}

@test "the lock of a node whose QEMU is killed is taken over, without a server" {
	taken_over plain
	run fam -f "$fabric" lock x --repair -- echo whole again
	expect 0 'whole again'
	run fam -f "$fabric" lock x --try -- true
	expect 0
}

@test "the lock of a program that is killed in a node is taken over by another node" {
	serve
	boot server n1
	boot plain n2
	hold n1
	# shellcheck disable=SC2016 # the guest expands
	vm_exec n2 '{ fam lock x --wait 60 -- true >/tmp/log 2>&1; echo $? >/tmp/rc; } \
		>/dev/null 2>&1 &'
	wait_until 20 sees 2 || die "node n2 does not wait"
	# shellcheck disable=SC2016 # the guest expands
	vm_exec n1 'kill -KILL $(pidof fam)'
	ended() { [[ $(vm_exec n2 'cat /tmp/rc' 2>/dev/null) == "$OWNER_DIED" ]]; }
	wait_until 20 ended || die "node n2 was not told: $(vm_exec n2 'cat /tmp/rc /tmp/log')"
}

# --- waiting ------------------------------------------------------------------------

# Processor time of a process, in ticks, and since when it runs, by the guest.
# shellcheck disable=SC2016 # the guest expands
readonly TICKS='p=$(pidof fam); cut -d " " -f 14,15 /proc/$p/stat; cut -d " " -f 1 /proc/uptime'

@test "who waits for a lock uses less than 2 % of a processor, in nodes and on the host" {
	local way least span waiter
	serve
	boot plain n1
	boot server n2
	fam -f "$fabric" lock x -- tail -f /dev/null 3>&- &
	pids+=("$!")
	wait_until 10 sees 1
	for way in n1 n2; do
		vm_exec "$way" 'fam lock x -- true >/tmp/log 2>&1 &'
	done
	host_lock
	waiter=$pid
	wait_until 20 sees 4 || die "not all wait"
	# What a busy host does is charged to whoever runs in a node just then: the
	# least of some spans is what the waiter itself takes.
	for ((span = 0; span < 6; span++)); do
		least=$(paste -d ' ' <(used_in 4) <(printf '%s' "${least:-}") |
			awk '{ print NF == 2 && $2 < $1 ? $2 : $1 }')
		! awk '$1 >= 2 { over = 1 } END { exit !over }' <<<"$least" || continue
		break
	done
	printf 'per cent of a processor, n1 n2 host: %s\n' "${least//$'\n'/ }"
	(($(wc -w <<<"$least") == 3)) || die "not all were looked at"
	for way in $least; do
		awk -v p="$way" 'BEGIN { exit !(p < 2) }' || die "a waiter uses $way %"
	done
}

# Per cent of a processor that each waiter takes, a line for each.
used_in() { # SECONDS
	local before
	before=$(waited)
	# A while, by the clock: there is no other event to wait for.
	wait_until "$1" false || true
	paste <(printf '%s\n' "$before") <(waited) |
		awk '{ printf "%.2f\n", ($4 - $1 + $5 - $2) / ($6 - $3) }'
}

# A line "UTIME STIME SECONDS" for each waiter; a tick is a hundredth of a second.
waited() {
	local node
	for node in n1 n2; do
		vm_exec "$node" "$TICKS" | tr '\n' ' '
		echo
	done
	# shellcheck disable=SC2154 # of the test
	printf '%s %s\n' "$(cut -d ' ' -f 14,15 "/proc/$waiter/stat")" \
		"$(cut -d ' ' -f 1 /proc/uptime)"
}

# --- power cut ----------------------------------------------------------------------

@test "what was held when the host lost its power is free afterwards, with a mark" {
	local copy=$BATS_TEST_TMPDIR/copy.fam
	boot plain n1
	hold n1
	run fam -f "$fabric" lock y -- true
	expect 0
	# What the disk has at that moment; nobody of those in it lives.
	cp "$fabric" "$copy"
	vm_kill n1
	run fam -f "$copy" lock x --wait 30 -- true
	expect "$OWNER_DIED"
	run fam -f "$copy" lock x --repair -- true
	expect 0
	run fam -f "$copy" lock x --try -- true
	expect 0
	run fam -f "$copy" lock y --try -- true
	expect 0
}
