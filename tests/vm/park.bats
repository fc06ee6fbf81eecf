#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Threads that sleep until a word of the fabric changes: in one node by each way
# to its memory, in two nodes and on the host, with and without a server. Whoever
# is not woken looks four times a second: then nearly every round is late.

export BATS_TEST_TIMEOUT=300

setup_file() {
	load ../lib/vm
	export bundle=$BATS_FILE_TMPDIR/bundle module_bundle=
	famctl make-bundle --dir "$bundle" --add "$FAM_BUILD/tests/fam-parkers" >/dev/null
	[[ -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] || return 0
	module_bundle=$BATS_FILE_TMPDIR/module-bundle
	famctl make-bundle --dir "$module_bundle" --add "$FAM_BUILD/tests/fam-parkers" \
		--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/lib/fam_ivshmem.ko" >/dev/null
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam socket=$BATS_TEST_TMPDIR/s
	parkers=$FAM_BUILD/tests/fam-parkers
	famctl create-fabric 16M f --path "$fabric" >/dev/null
}

teardown() {
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.log >&2
	vm_teardown
}

needs_module() {
	[[ -n $module_bundle ]] ||
		skip "no kernel module in the build tree: it needs kernel headers"
}

serve() { # VECTORS
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" -f "$fabric" -n "$1"
}

# at WHERE WORD...: runs fam-parkers there; WHERE is a node, "host", or "served":
# a program of the host that is attached through the server.
at() {
	case $1 in
	host) "$parkers" "$fabric" "${@:2}" ;;
	served) "$parkers" "server:$socket.host" "${@:2}" ;;
	*) vm_exec -t 200 "$1" "fam-parkers '' ${*:2}" ;;
	esac
}

# The same behind the scenes, with its output in a file there; sets $begun if it
# is a process of the host.
begin() {
	case $1 in
	host | served)
		at "$@" >"$BATS_TEST_TMPDIR/parkers.log" 2>&1 </dev/null 3>&- &
		begun=$!
		;;
	*) vm_exec "$1" "fam-parkers '' ${*:2} >/tmp/parkers.log 2>&1 &" ;;
	esac
}

# Rounds that took as long as a look, not a wake-up, are few.
in_time() {
	local rounds late
	printf '# %s: %s\n' "$1" "$output" >&3
	rounds=$(sed -n 's/^rounds \([0-9]*\) .*/\1/p' <<<"$output")
	late=$(sed -n 's/.* late \([0-9]*\)$/\1/p' <<<"$output")
	assert "$1: wake-ups come ($output)" test "$((late * 10))" -lt "$rounds"
}

# Less than 2 % of a CPU while it waits; on a busy machine a node's clock counts
# what others have, too: the least of some tries.
rests() { # WHERE
	local cpu least=1000
	for _ in 1 2 3 4; do
		((least >= 20)) || break
		fam_run at "$1" idle 4000
		cpu=$(sed -n 's/^cpu \([0-9]*\).*/\1/p' <<<"$output")
		((cpu >= least)) || least=$cpu
	done
	printf '# %s sleeps: cpu %s\n' "$1" "$least" >&3
	assert "a waiter at $1 uses little CPU ($least thousandths)" test "$least" -lt 20
}

# rounds A B: A asks, B answers.
rounds() {
	at host reset
	begin "$2" echo
	fam_run at "$1" ping "${3:-60}" 30000
	at "$1" end
	in_time "$1 to $2"
}

# Two threads of one program, two programs, and one that only waits.
within() { # NODE BACKEND
	fam_run vm_exec "$1" 'fam info'
	assert_output -r "backend: +$2"
	fam_run at "$1" pair 60 30000
	in_time "threads of a program, $2"
	rounds "$1" "$1"
	rests "$1"
}

@test "in a node whose memory is reached by /dev/mem" {
	vm_start -b "$bundle" -f "$fabric" n1
	within n1 /dev/mem
	vm_stop n1
}

@test "in a node whose memory is reached by sysfs" {
	vm_start -b "$bundle" -f "$fabric" n1
	vm_exec n1 'rm /dev/mem'
	within n1 resource2
	vm_stop n1
}

@test "in a node with the kernel module" {
	needs_module
	vm_start -b "$module_bundle" -f "$fabric" n1
	within n1 module
	vm_stop n1
}

@test "on the host" {
	rounds host host 300
	rests host
}

@test "two nodes and the host with interrupts" {
	needs_module
	serve 2
	vm_start -b "$module_bundle" -d "$fabric:$socket:2" n1
	vm_start -b "$module_bundle" -d "$fabric:$socket:2" n2
	rounds n1 n2
	rounds n1 served
	rounds served n2
	rests n1
	rests served
	vm_stop n1
	vm_stop n2
}

@test "two nodes and the host without a server" {
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	rounds n1 n2
	rounds n1 host
	rounds host n2
	# Somebody is there who could not wake it.
	begin n1 idle 20000
	begin host idle 20000
	rests n2
	rests host
	vm_stop n1
	vm_stop n2
}

@test "a baton goes round between programs that are attached in all ways" {
	needs_module
	serve 2
	vm_start -b "$module_bundle" -d "$fabric:$socket:2" n1
	vm_start -b "$bundle" -f "$fabric" n2
	at host reset
	begin n1 relay 0 4 100
	begin n2 relay 1 4 100
	begin served relay 2 4 100
	fam_run at host relay 3 4 100
	printf '# the baton: %s\n' "$output" >&3
	wait "$begun"
	for node in n1 n2; do
		wait_until 30 vm_exec "$node" 'grep -q "^late" /tmp/parkers.log'
		vm_stop "$node"
	done
}
