#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # guests expand; each test is a subshell of its own
#
# A heap, with a map and a log in it, changed by nodes and two programs of the host
# at once, while some of them are killed, and nodes with their QEMU: everything is
# as its owner left it, nothing is allocated that nobody has, and neither the heap
# nor the server grows. HEAP_SOAK_SECONDS=N: for so long (30). HEAP_SOAK_NODES=N (2).
# HEAP_SOAK_SEED=N: other dice. `make check-soak-heap` is the long form.

readonly CRASHES=10 # of nodes: there are 16 numbers for workers
export BATS_TEST_TIMEOUT=300
[[ -z ${HEAP_SOAK_SECONDS:-} ]] || export BATS_TEST_TIMEOUT=$((HEAP_SOAK_SECONDS * 2 + 400))

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	vm_bundles fam-heap-stress
}

setup() {
	load soak
	soak_begin fam-heap-stress 64M
	stress init --bytes $((24 << 20)) "$fabric"
	RANDOM=${HEAP_SOAK_SEED:-7}
	seconds=${HEAP_SOAK_SECONDS:-30} nodes=${HEAP_SOAK_NODES:-2}
	node_id=() crashes=0
	most_early=0 most_late=0 server_early=0
}

teardown() {
	soak_end
}

stress() {
	"$FAM_BUILD/tests/fam-heap-stress" "$@"
}

# --- nodes; the host has workers 0 and 1, and those of nodes that are gone ---------------------

# By turns a plain one, and one with doorbells and the kernel module.
node_start() { # N
	if (($1 % 2)); then
		vm_start -b "$bundle" -f "$fabric" "n$1"
	else
		vm_start -b "$kmod_bundle" -d "$fabric:$socket:2" "n$1"
	fi
}

# Its QEMU dies. If there is time it starts again; else the host works for it. What
# its worker had nobody knows any more, but it is to be whole: a new number goes on.
node_crash() { # N
	vm_kill "n$1"
	((crashes += 1))
	node_id[$1]=$((nodes + 1 + crashes))
	if ((until - SECONDS > 60)); then
		node_start "$1"
		node_work "n$1" "${node_id[$1]}"
	else
		host_work "${node_id[$1]}"
	fi
}

is_up() { # N
	[[ -n ${vm_pid[n$1]:-} ]]
}

# --- what must not grow -----------------------------------------------------------------------

# One of the numbers that are told of the heap.
heap_stat() { # JQ
	"$FAM_BUILD/bin/fam" -f "$fabric" heap stat stress --json | jq "$1"
}

server_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$server/status"
}

look() {
	local used
	used=$(heap_stat .used)
	if ((SECONDS < half)); then
		most_early=$((used > most_early ? used : most_early))
		server_early=$(server_kib)
	else
		most_late=$((used > most_late ? used : most_late))
	fi
	run famctl check-fabric "$fabric"
	((status == 0)) || die "the check says, meanwhile: $output"
}

# What there is at a moment is up to the dice.
grew_not() {
	printf 'heap in use: %d bytes, later %d; server: %d KiB, later %d\n' \
		"$most_early" "$most_late" "$server_early" "$(server_kib)"
	((most_early > 0 && most_late > 0)) || die "nobody looked"
	((most_late <= most_early * 3 / 2 + (2 << 20))) || die "the heap grows"
	(($(server_kib) <= server_early + 1024)) || die "the server grows"
}

# ------------------------------------------------------------------------------------------

one_dies() {
	local who=$((RANDOM % (nodes + 2)))
	if ((who < 2)); then
		host_kill "$who"
	elif is_up $((who - 1)); then
		node_kill "n$((who - 1))" "${node_id[who - 1]}"
	fi
	((kills += 1))
}

@test "nodes and programs of the host change a heap while some are killed" {
	local half look_at crash_at n id
	for ((n = 1; n <= nodes; n++)); do
		node_start "$n"
	done
	until=$((SECONDS + seconds)) half=$((SECONDS + seconds / 2))
	look_at=$SECONDS crash_at=$half
	host_work 0
	host_work 1
	for ((n = 1; n <= nodes; n++)); do
		node_id[n]=$((n + 1))
		node_work "n$n" "${node_id[n]}"
	done
	while ((SECONDS < until)); do
		soak_pause
		one_dies
		if ((SECONDS >= look_at)); then
			look
			look_at=$((SECONDS + 5))
		fi
		n=$((RANDOM % nodes + 1))
		if ((SECONDS >= crash_at && n > 1 && crashes < CRASHES)) && is_up "$n"; then
			node_crash "$n"
			crash_at=$((SECONDS + 30))
		fi
	done
	for id in "${!host[@]}"; do
		host_end "$id"
	done
	for ((n = 1; n <= nodes; n++)); do
		if is_up "$n"; then
			node_rc "n$n" 0
			vm_exec "n$n" 'cat /tmp/out'
		fi
	done
	cat "$BATS_TEST_TMPDIR"/host.*.txt
	printf 'killed: %d programs and %d nodes\n' "$kills" "$crashes"
	grew_not
	for ((n = 1; n <= nodes; n++)); do
		! is_up "$n" || vm_stop "n$n"
	done
	# Takes it apart: then all is free again.
	run stress check "$fabric"
	expect 0 'objects'
	printf '%s\n' "$output"
	(($(heap_stat '.space - .free') <= 4 * 65536)) || die "chunks are lost: $(heap_stat .)"
	run famctl check-fabric "$fabric"
	expect 0
}
