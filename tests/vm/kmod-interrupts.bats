#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Interrupts through the kernel module, from another guest and from the host: of
# a million none is lost for good, and who waits does not use the CPU.
#
# What is in single quotes is for the guest, and the names are of kmod.bash:
# shellcheck disable=SC2016,SC2154

export BATS_TEST_TIMEOUT=300

setup_file() {
	load ../lib/vm
	load ../kmod/kmod
	kmod_bundle
	export kmod_bundle
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../kmod/kmod
	kmod_setup
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	kmod_fabric bell 64M
}

teardown() {
	kmod_teardown
}

teardown_file() {
	[[ -z $kmod_bundle ]] || rm -rf "${kmod_bundle:?}"
}

# waiter NAME COMMAND...: starts it in the guest; returns when it is ready.
waiter() {
	in_vm "$1" "(${*:2}; echo status \$?) >/tmp/waiter 2>&1 &
		until_ok grep -q ready /tmp/waiter"
}

# What the waiter of a guest said when it ended.
waited() { # NAME
	in_vm -t 150 "$1" 'n=0; until grep -q ^status /tmp/waiter; do
		n=$((n + 1)); [ $n -lt 1400 ] || break; usleep 100000; done; cat /tmp/waiter'
}

id_of() { # NAME
	vm_exec "$1" 'cat /sys/class/fam/fam0/peer'
}

@test "every vector arrives, from a guest, by call and by register" {
	kmod_serve 4
	kmod_bell 4 n1
	kmod_bell 4 n2
	fam_run vm_exec n1 'fam-kmod info /dev/fam0; fam-kmod calls /dev/fam0 /dev/fam0'
	assert_output "vectors 4"
	assert_output "registers 1"
	assert_output -r "peer [12]"
	refute_output "not so"
	for way in '' registers; do
		for vector in 0 1 2 3; do
			waiter n2 fam-kmod idle /dev/fam0
			vm_exec n1 "fam-kmod ring /dev/fam0 $(id_of n2) $vector $way"
			fam_run waited n2
			assert_output "status 0"
		done
	done
	vm_stop n1
	vm_stop n2
}

@test "a million rings from a guest: read, poll and eventfd miss nothing" {
	kmod_serve 4
	kmod_bell 4 n1
	kmod_bell 4 n2
	for how in read poll eventfd; do
		waiter n2 "fam-kmod count /dev/fam0 $how 4 84000"
		fam_run vm_exec -t 120 n1 "fam-kmod burst /dev/fam0 $(id_of n2) 4 84000"
		assert_output "rang 336000 times"
		fam_run waited n2
		assert_output "status 0" "by $how"
		assert "some were" test "$(sed -n 's/^interrupts //p' <<<"$output")" -gt 0
	done
	vm_stop n1
	vm_stop n2
}

@test "a million rings from the host, and of 33 vectors" {
	kmod_serve 33
	kmod_bell 33 n1
	fam_run vm_exec n1 'fam-kmod info /dev/fam0'
	assert_output "vectors 33"
	# The last one is not for programs: libfam keeps it.
	waiter n1 'fam-kmod count /dev/fam0 eventfd 32 32000'
	fam_run "$FAM_BUILD/tests/fam-host-ring" "server:$socket.host" "$(id_of n1)" 32 32000
	assert_output "rang 1024000 times"
	fam_run waited n1
	assert_output "status 0"
	vm_stop n1
}

@test "who waits uses no CPU" {
	kmod_serve 1
	kmod_bell 1 n1
	waiter n1 fam-kmod idle /dev/fam0
	# The guest has three seconds to waste some.
	vm_exec n1 'sleep 3; fam-kmod ring /dev/fam0 '"$(id_of n1)"' 0'
	fam_run waited n1
	assert_output "status 0"
	assert "it waited" test "$(sed -n 's/^waited_us //p' <<<"$output")" -ge 3000000
	assert "asleep" test "$(sed -n 's/^cpu_us //p' <<<"$output")" -le 20000
	vm_stop n1
}

@test "a device that goes wakes all who wait" {
	kmod_serve 2
	kmod_bell 2 n1
	waiter n1 fam-kmod vanish /dev/fam0
	in_vm n1 'echo "$(pci_of fam0)" >$driver/unbind'
	fam_run waited n1
	assert_output "all well"
	assert_output "status 0"
	vm_stop n1
}
