#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The helpers themselves: a test that cannot fail proves nothing.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam
	famctl create-fabric 16M f --path "$fabric"
}

teardown() {
	vm_teardown
}

@test "a command's output and status come back as they were" {
	vm_start -f "$fabric" n1
	run vm_exec n1 'printf "a\n\n b\n\n"; echo c >&2; printf d; exit 7'
	[[ $status == 7 ]]
	[[ $output == $'a\n\n b\n\nc\nd' ]]
	run vm_exec n1 'true'
	[[ $status == 0 && -z $output ]]
	run vm_exec n1 $'if true\nthen\n\techo "two \'lines\' é"\nfi'
	[[ $output == "two 'lines' é" ]]
	run vm_exec n1 'kill -9 $$'
	[[ $status == 137 ]]
	vm_stop n1
}

@test "vm_run boots, runs and switches off" {
	run vm_run -f "$fabric" 'hostname; exit 3'
	[[ $status == 3 ]]
	[[ $output == run ]]
}

@test "a guest that dies under a command is noticed at once" {
	vm_start -f "$fabric" n1
	run vm_exec -t 60 n1 'echo c >/proc/sysrq-trigger'
	[[ $status == "$LINE_DEAD" ]]
	[[ $output == *"guest n1 gave no answer"*"Kernel panic"* ]]
}

@test "a kernel warning ends a guest" {
	vm_start -f "$fabric" n1
	run vm_exec n1 'cat /proc/sys/kernel/panic_on_warn /proc/sys/kernel/panic'
	[[ $output == $'1\n-1' ]]
}

@test "a command that hangs runs into its deadline" {
	vm_start -f "$fabric" n1
	run vm_exec -t 2 n1 'cat /dev/ttyS0'
	[[ $status == "$LINE_TIMEOUT" ]]
}

@test "a kernel that does not start is shown" {
	run vm_start -f "$fabric" -a 'rdinit=/nothing' n1
	[[ $status == "$LINE_DEAD" ]]
	[[ $output == *"did not boot"*"Kernel panic"* ]]
}

@test "a QEMU that refuses its command line is shown" {
	run vm_start -f "$fabric" -q -nonsense n1
	[[ $status == "$LINE_DEAD" ]]
	[[ $output == *"-nonsense: invalid option"* ]]
}

@test "the power button switches a guest off" {
	mkfifo "$BATS_TEST_TMPDIR/qmp.in" "$BATS_TEST_TMPDIR/qmp.out"
	vm_start -f "$fabric" -q -qmp -q "pipe:$BATS_TEST_TMPDIR/qmp" n1
	vm_exec n1 'sleep 1000 >/dev/null 2>&1 &'
	printf '%s' '{"execute":"qmp_capabilities"}{"execute":"system_powerdown"}' \
		>"$BATS_TEST_TMPDIR/qmp.in"
	wait_until 5 proc_gone "${vm_pid[n1]}"
	grep -q 'reboot: Power down' "$BATS_TEST_TMPDIR/n1.console"
}

@test "reboot restarts a guest" {
	vm_start -f "$fabric" n1
	printf 'run x 6\nreboot' >&"${vm_in[n1]}"
	wait_until 10 proc_gone "${vm_pid[n1]}"
	grep -q 'reboot: Restarting system' "$BATS_TEST_TMPDIR/n1.console"
}
