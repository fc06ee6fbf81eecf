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
	load soak
	soak_begin fam-region-stress 64M
	RANDOM=${REGION_SEED:-7}
}

teardown() {
	soak_end
}

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
	local half
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$kmod_bundle" -d "$fabric:$socket:2" n2
	until=$((SECONDS + ${REGION_SECONDS:-20})) half=$((SECONDS + ${REGION_SECONDS:-20} / 2))
	host_work 0
	host_work 1
	node_work n1 2
	node_work n2 3
	while ((SECONDS < until)); do
		soak_pause
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
	run "$FAM_BUILD/tests/$program" check "$fabric"
	expect 0 'regions in'
	printf '%s\n' "$output"
}
