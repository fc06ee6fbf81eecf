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
	if [[ -n ${home:-} ]]; then
		famctl destroy-node --force "$node" >/dev/null 2>&1 || true
		libvirt_down "$home/libvirt"
		rm -rf "$home"
	fi
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

@test "kernel warnings are set to end a guest" {
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
	# shellcheck disable=SC2154 # an array of vm.bash
	wait_until 5 proc_gone "${vm_pid[n1]}"
	grep -q 'reboot: Power down' "$BATS_TEST_TMPDIR/n1.console"
}

@test "reboot restarts a guest" {
	vm_start -f "$fabric" n1
	# shellcheck disable=SC2154 # an array of vm.bash
	printf "run x 6\nreboot" >&"${vm_in[n1]}"
	wait_until 10 proc_gone "${vm_pid[n1]}"
	grep -q 'reboot: Restarting system' "$BATS_TEST_TMPDIR/n1.console"
}

@test "libvirt's daemons are started where none run, and exactly those are stopped" {
	load ../lib/libvirt
	((EUID == 0)) || skip "needs root: qemu:///system"
	# A /run of its own, where no daemon answers, whatever this machine runs; and
	# no domains or networks that such a daemon could take for its own.
	# shellcheck disable=SC2016 # the inner shell expands
	run unshare -m bash -c '
		mount -t tmpfs none /run && mkdir /run/etc && cp /etc/libvirt/*.conf /run/etc &&
			mount --bind /run/etc /etc/libvirt || exit
		source "$1/lib/libvirt.bash"
		! libvirt_answers || die "there should be no libvirt here"
		libvirt_up "$2" && virsh -c qemu:///system uri || exit
		# It runs now: nothing more is started, or stopped.
		libvirt_up "$2/second" && libvirt_down "$2/second" && libvirt_answers || exit
		libvirt_down "$2"
		! libvirt_answers
	' bash "$BATS_TEST_DIRNAME/.." "$BATS_TEST_TMPDIR/state" 3>&-
	expect 0 qemu:///system
	[[ -z $(proc_with "$BATS_TEST_TMPDIR/state") ]]
}

@test "what a node prints on its console, and commands there" {
	load ../lib/libvirt
	((EUID == 0)) || skip "needs root: qemu:///system"
	node=fam-lib-$$
	home=$(public_dir fam-lib)
	libvirt_up "$home/libvirt"
	famctl create-fabric 16M c --path "$home/c.fam"
	famctl create-node "$node" --fabric "$home/c.fam" --virt-type qemu --memory 256M \
		--bundle-dir "$VM_BUNDLE" --flush none --start
	run node_exec "$node" 'ls /; exit 5'
	first="$status $output"
	run node_exec -t 1 "$node" 'sleep 30'
	second=$status
	famctl destroy-node --force "$node"
	run node_exec "$node" true
	third=$status
	[[ $first == "5 "*bin*init* && $second == "$LINE_TIMEOUT" && $third != 0 ]]
}
