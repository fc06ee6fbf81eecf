#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Atomics between nodes and the host, and the check that tells where they are
# none. ATOMIC_COUNT times each party counts in each word.

export BATS_TEST_TIMEOUT=300
ATOMIC_COUNT=${ATOMIC_COUNT:-10000000}

setup_file() {
	load ../lib/vm
	famctl make-bundle --dir "$BATS_FILE_TMPDIR/bundle" \
		--add "$FAM_BUILD/tests/fam-adders" >&2
}

setup() {
	load ../lib/vm
	bundle=$BATS_FILE_TMPDIR/bundle
	fabric=$BATS_TEST_TMPDIR/f.fam
	adders=$FAM_BUILD/tests/fam-adders
	famctl create-fabric 16M f --path "$fabric"
}

teardown() {
	vm_teardown
}

@test "two nodes and two programs of the host lose no increment" {
	vm_start -b "$bundle" -f "$fabric" n1
	vm_start -b "$bundle" -f "$fabric" n2
	"$adders" "$fabric" join 4 "$ATOMIC_COUNT" 3>&- &
	"$adders" "$fabric" join 4 "$ATOMIC_COUNT" 3>&- &
	vm_exec n1 "fam-adders '' join 4 $ATOMIC_COUNT >/tmp/log 2>&1 &"
	vm_exec -t 240 n2 "fam-adders '' join 4 $ATOMIC_COUNT"
	run "$adders" "$fabric" sums 4 "$ATOMIC_COUNT"
	printf '%s\n' "$output"
	expect 0 '64 bits, add' 'lost 0'
	vm_exec n1 'cat /tmp/log'
	vm_stop n1
	vm_stop n2
}

@test "a node as famctl makes it, and the host, say that their atomics hold" {
	vm_start -b "$bundle" -f "$fabric" n1
	run vm_exec n1 "fam-adders '' check"
	expect 0 'yes: emulated CPUs that take care of each other'
	run vm_exec n1 'fam info'
	expect 0 'atomics:     yes: emulated CPUs that take care of each other'
	run vm_exec n1 'fam info --json'
	expect 0 '"atomics": true, "atomics_reason": "emulated CPUs'
	run fam -f "$fabric" info
	expect 0 'atomics:     yes: all on this machine'
	vm_stop n1
}

@test "a node with one possible CPU learns that its atomics are none" {
	vm_start -b "$bundle" -f "$fabric" -q -smp -q 1,maxcpus=1 n1
	run vm_exec n1 "fam-adders '' check"
	expect 1 'EXDEV: ' 'only possible one' 'maxcpus=2'
	run vm_exec n1 'fam info'
	expect 0 'atomics:     NO: an emulated CPU which is the only possible one'
	run vm_exec n1 'fam info --json'
	expect 0 '"atomics": false, "atomics_reason": "an emulated CPU which'
	vm_stop n1
}

# The node and the host count until increments are lost.
loses_some() { # NODE
	local round rc
	for ((round = 0; round < 20; round++)); do
		"$adders" "$fabric" reset
		"$adders" "$fabric" join 2 1000000 3>&- &
		vm_exec -t 60 "$1" "fam-adders '' join 2 1000000"
		wait "$!"
		rc=0
		"$adders" "$fabric" sums 2 1000000 || rc=$?
		((rc == 0)) || return $((rc != 1))
	done
	return 1
}

@test "what the check warns of is so: such a node loses increments" {
	vm_start -b "$bundle" -f "$fabric" -q -smp -q 1,maxcpus=1 n1
	loses_some n1
	vm_stop n1
}

# An emulator which runs all CPUs of a node in one thread, whatever famctl says.
single_threaded() {
	cat >"$BATS_TEST_TMPDIR/qemu" <<-'END'
		#!/bin/bash
		words=()
		for word; do
			case $word in
			*,accel=tcg) words+=("${word%,accel=tcg}" -accel tcg,thread=single) ;;
			*) words+=("$word") ;;
			esac
		done
		exec qemu-system-x86_64 "${words[@]}"
	END
	chmod +x "$BATS_TEST_TMPDIR/qemu"
}

@test "a node whose CPUs share one thread learns it too, with two CPUs or one" {
	single_threaded
	for cpus in 1,maxcpus=2 2; do
		vm_start -b "$bundle" -f "$fabric" -o "--emulator=$BATS_TEST_TMPDIR/qemu" \
			-q -smp -q "$cpus" n1
		run vm_exec n1 "fam-adders '' check"
		expect 1 'EXDEV: ' 'share one thread' 'thread=multi'
		vm_stop n1
	done
}

@test "a node that uses one of its two possible CPUs is not blamed" {
	vm_start -b "$bundle" -f "$fabric" -a nr_cpus=1 n1
	run vm_exec n1 'cat /sys/devices/system/cpu/possible'
	expect 0 0
	run vm_exec n1 "fam-adders '' check"
	expect 0 'yes: '
	vm_stop n1
}

@test "a CPU without 128 bits is named" {
	vm_start -b "$bundle" -f "$fabric" -q -cpu -q qemu64,-cx16 n1
	run vm_exec n1 "fam-adders '' check"
	expect 1 'ENOSYS: ' 'no atomics of 128 bits'
	run vm_exec n1 'fam info'
	expect 0 'atomics:     in part: '
	vm_stop n1
}

@test "an emulator that hides itself is not believed" {
	vm_start -b "$bundle" -f "$fabric" -q -cpu -q qemu64,tcg-cpuid=off n1
	run vm_exec n1 "fam-adders '' check"
	expect 1 'ENODATA: ' 'does not say what it is'
	run vm_exec n1 'fam info --json'
	expect 0 '"atomics": null'
	vm_stop n1
}
