#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # guests expand; each test is a subshell of its own
#
# Regions changed by two nodes and two programs of the host at once, while some of
# them are killed, and a node with its QEMU: each name is as its owner left it,
# contents are right, no two overlap, and taken and free space are all there is.
# REGION_SECONDS=N: for so long (20). REGION_SEED=N: other dice.

export BATS_TEST_TIMEOUT=300
[[ -z ${REGION_SECONDS:-} ]] || export BATS_TEST_TIMEOUT=$((REGION_SECONDS * 2 + 300))

setup_file() {
	load ../lib/fabric
	load ../lib/vm
	vm_bundles fam-region-stress
}

setup() {
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	disk=$(public_dir fam-soak)
	fabric=$disk/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric 64M f --path "$fabric" >/dev/null
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" -f "$fabric" -n 2
	RANDOM=${REGION_SEED:-7}
	host=() kills=0 until=$((SECONDS + ${REGION_SECONDS:-20}))
}

teardown() {
	local pid
	for pid in "${host[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.{log,txt} >&2
	vm_teardown
	rm -rf "$disk"
}

seconds_left() {
	local left=$((until - SECONDS))
	printf '%d\n' "$((left > 0 ? left : 0))"
}

# The words of a worker; its successor has the same number and model.
work() { # ID MODEL
	printf 'work --id %s --model %s --seed %s --seconds %s' "$1" "$2" "$RANDOM" "$(seconds_left)"
}

# --- workers of the host ------------------------------------------------------------------

host_work() { # ID
	# shellcheck disable=SC2046 # several words
	"$FAM_BUILD/tests/fam-region-stress" $(work "$1" "$BATS_TEST_TMPDIR/model.$1") "$fabric" \
		>>"$BATS_TEST_TMPDIR/host.$1.txt" 2>&1 </dev/null 3>&- &
	host[$1]=$!
}

host_kill() { # ID
	local rc=0
	kill -KILL "${host[$1]}" 2>/dev/null || true
	wait "${host[$1]}" || rc=$?
	((rc == 137 || rc == 0)) || die "worker $1 of the host had ended with $rc"
	host_work "$1"
}

host_end() { # ID
	local rc=0
	wait_until 90 proc_gone "${host[$1]}" || die "worker $1 of the host does not end"
	wait "${host[$1]}" || rc=$?
	((rc == 0)) || die "worker $1 of the host ended with $rc"
	unset "host[$1]"
}

# --- workers of nodes ---------------------------------------------------------------------

node_work() { # NODE ID
	vm_exec "$1" "rm -f /tmp/rc; { fam-region-stress $(work "$2" /tmp/model) ''
		echo \$? >/tmp/rc.new; mv /tmp/rc.new /tmp/rc; } >>/tmp/out 2>&1 </dev/null &"
}

node_rc() { # NODE STATUS...: it has ended, with one of these
	local node=$1 rc
	shift
	ended() { vm_exec "$node" 'test -s /tmp/rc'; }
	wait_until 90 ended || die "the worker of node $node does not end"
	rc=$(vm_exec "$node" 'cat /tmp/rc')
	[[ " $* " == *" $rc "* ]] ||
		die "the worker of node $node ended with $rc: $(vm_exec "$node" 'tail -n 20 /tmp/out')"
}

node_kill() { # NODE ID
	vm_exec "$1" 'kill -KILL $(pidof fam-region-stress) 2>/dev/null; true'
	node_rc "$1" 137 0
	node_work "$@"
}

# ------------------------------------------------------------------------------------------

one_dies() {
	case $((RANDOM % 4)) in
	0) host_kill 0 ;;
	1) host_kill 1 ;;
	2) node_kill n1 2 ;;
	*) [[ -z ${vm_pid[n2]:-} ]] || node_kill n2 3 ;;
	esac
	((kills += 1))
}

@test "two nodes and two programs of the host change regions while some are killed" {
	local half next
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$kmod_bundle" -d "$fabric:$socket:2" n2
	until=$((SECONDS + ${REGION_SECONDS:-20})) half=$((SECONDS + ${REGION_SECONDS:-20} / 2))
	host_work 0
	host_work 1
	node_work n1 2
	node_work n2 3
	passed() { ((${EPOCHREALTIME/[.,]/} >= next)); }
	while ((SECONDS < until)); do
		next=$((${EPOCHREALTIME/[.,]/} + RANDOM * 30))
		wait_until 20 passed
		one_dies
		if ((SECONDS >= half)) && [[ -n ${vm_pid[n2]:-} ]]; then
			vm_kill n2
			# takes over what the node has left
			host_work 3
		fi
	done
	host_end 0
	host_end 1
	host_end 3
	node_rc n1 0
	vm_exec n1 'cat /tmp/out'
	cat "$BATS_TEST_TMPDIR"/host.*.txt
	printf 'killed: %d programs and a node\n' "$kills"
	vm_stop n1
	run "$FAM_BUILD/tests/fam-region-stress" check "$fabric"
	expect 0 'regions in'
	printf '%s\n' "$output"
}
