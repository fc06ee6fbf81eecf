#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The demo: it works, and Ctrl-C at any point leaves nothing.

export BATS_TEST_TIMEOUT=240

setup() {
	load ../lib/vm
	load ../lib/libvirt
	((EUID == 0)) || skip "needs root: qemu:///system"
	demo=$BATS_TEST_DIRNAME/../demo
	log=$BATS_TEST_TMPDIR/log
	before=$(libvirt_state)
}

teardown() {
	[[ -n ${demo_pid:-} ]] || return 0
	proc_gone "$demo_pid" || kill -TERM -- "-$demo_pid"
	wait "$demo_pid" 2>/dev/null || true
}

libvirt_state() {
	if libvirt_answers; then echo runs; else echo stopped; fi
}

# Nothing of our demo is left; libvirt runs if it ran before.
assert_clean() {
	local left mine=famdemo-$demo_pid
	if libvirt_answers; then
		left=$(virsh -q -c qemu:///system list --all --name)
		[[ $left != *$mine-* ]] || die "domains are left: $left" || return
	fi
	left=$(find /var/tmp -maxdepth 1 -name "$mine.*")
	[[ -z $left ]] || die "files are left: $left" || return
	left=$(proc_with "$mine")
	[[ -z $left ]] || die "processes are left: $left" || return
	[[ $(libvirt_state) == "$before" ]] || die "libvirt $(libvirt_state), $before before"
}

# Starts the demo as a shell at a terminal would: in a process group of its own,
# which gets the signal, and with none ignored.
start_demo() {
	set -m
	env --default-signal=INT,TERM,HUP "$demo" >"$log" 2>&1 3>&- &
	demo_pid=$!
	set +m
}

has_said() { # TEXT
	grep -q "$1" "$log"
}

# Interrupts the demo behind a line and checks what is left.
interrupt_behind() { # SIGNAL STATUS TEXT
	local rc=0
	start_demo
	wait_until 120 has_said "$3" || die "no '$3' in: $(cat "$log")"
	kill "-$1" -- "-$demo_pid"
	wait "$demo_pid" || rc=$?
	[[ $rc == "$2" ]] || die "exit status $rc: $(cat "$log")"
	assert_clean
}

@test "the demo shows data that survives, in under three minutes, and removes all" {
	start_demo
	status=0
	wait "$demo_pid" || status=$?
	output=$(<"$log")
	expect 0 'node01 runs and sees the fabric' 'node02 runs and sees the fabric' \
		'node01 wrote ' 'node02 read at once ' 'the host, from the file '
	((SECONDS < 180))
	assert_clean
}

@test "Ctrl-C while the fabric is made" {
	interrupt_behind INT 130 'creating a fabric'
}

@test "Ctrl-C while the nodes are defined" {
	interrupt_behind INT 130 'making the XML'
}

@test "Ctrl-C while the nodes boot" {
	interrupt_behind INT 130 'booting both'
}

@test "Ctrl-C while a node writes" {
	interrupt_behind INT 130 'node01 writes'
}

@test "SIGTERM while the nodes shut down" {
	interrupt_behind TERM 143 'shutting both down'
}

@test "SIGHUP while they boot again" {
	interrupt_behind HUP 129 'booting both again'
}

@test "the demo refuses a plain user" {
	home=$(user_home)
	cp -r "$BATS_TEST_DIRNAME/../demo" "$BATS_TEST_DIRNAME/../lib" "$home"
	chmod -R a+rX "$home"
	run as_user "$home" "$home/demo"
	user_end "$home"
	expect 2 'sudo make demo'
}
