#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The kernel module mistreated: devices that go while they are used, that have no
# address, everything at once. A warning of the kernel is a panic here.
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
}

teardown() {
	kmod_teardown
}

teardown_file() {
	[[ -z $kmod_bundle ]] || rm -rf "${kmod_bundle:?}"
}

@test "unbound while mapped: SIGBUS and ENODEV, then it comes again" {
	kmod_fabric one 64M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	fam_run in_vm n1 '(fam-kmod vanish /dev/fam0; echo status $?) >/tmp/out 2>&1 &
		until_ok grep -q ready /tmp/out || exit
		pci=$(pci_of fam0)
		rmmod fam_ivshmem 2>/dev/null && echo "removed in use"
		echo "$pci" >$driver/unbind
		until_ok grep -q ^status /tmp/out; cat /tmp/out
		[ -e /dev/fam0 ] && echo "still there"
		echo "$pci" >$driver/bind; fam-kmod info /dev/fam0'
	assert_output $'all well\nstatus 0'
	refute_output "removed in use"
	refute_output "still there"
	assert_output "size 67108864"
	fam_run in_vm -t 120 n1 'i=0; while [ $i -lt 50 ]; do i=$((i + 1))
		rmmod fam_ivshmem && insmod /lib/fam_ivshmem.ko || exit; done
		fam-kmod memory /dev/fam0'
	assert_output -x "all well"
	vm_stop n1
}

@test "unbound while pages are lent: it waits for them" {
	kmod_fabric one 64M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	fam_run in_vm n1 'fam-kmod pin /dev/fam0 >/tmp/out & pid=$!
		until_ok grep -q ready /tmp/out || exit
		pci=$(pci_of fam0)
		(echo "$pci" >$driver/unbind; echo done >/tmp/unbound) &
		until_ok sh -c "dmesg | grep -q waiting.for.pinned.pages" && echo "it waits"
		[ -e /tmp/unbound ] && echo "not for long enough"
		kill $pid
		until_ok test -e /tmp/unbound && echo "it went"
		echo "$pci" >$driver/bind; fam-kmod memory /dev/fam0'
	assert_output -x $'it waits\nit went\nall well'
	vm_stop n1
}

@test "unplugged while mapped, and plugged in again" {
	kmod_fabric one 64M
	local -a words=()
	kmod_with_monitor n1
	kmod_vm "${words[@]}" -q -device \
		-q pcie-root-port,id=rp,bus=pcie.0,addr=0x18,chassis=230,slot=230,pref64-reserve=4G n1
	# QEMU forgets the name of a memory late.
	for i in 1 2 3; do
		kmod_monitor object-add '{"qom-type":"memory-backend-file","id":"m'$i'",
			"mem-path":"'"$fabric"'","size":67108864,"share":true}'
		kmod_monitor device_add '{"driver":"ivshmem-plain","id":"d","memdev":"m'$i'","bus":"rp"}'
		fam_run in_vm n1 'until_ok test -e /dev/fam0 &&
			(fam-kmod vanish /dev/fam0; echo status $?) >/tmp/out 2>&1 &
			until_ok grep -q ready /tmp/out'
		kmod_monitor device_del '{"id":"d"}'
		fam_run in_vm n1 'until_ok grep -q ^status /tmp/out; cat /tmp/out; >/tmp/out
			until_ok test ! -e /dev/fam0'
		assert_output $'all well\nstatus 0'
		wait_until 20 kmod_monitor object-del '{"id":"m'$i'"}' 2>/dev/null
	done
	vm_stop n1
}

@test "memory without an address is refused by name" {
	kmod_fabric one 64M
	local -a words=()
	kmod_with_monitor n1
	# Firmware gives an empty port a window of 2 MiB.
	kmod_vm "${words[@]}" -q -device \
		-q pcie-root-port,id=rp,bus=pcie.0,addr=0x18,chassis=230,slot=230 n1
	kmod_monitor object-add '{"qom-type":"memory-backend-file","id":"m",
		"mem-path":"'"$fabric"'","size":67108864,"share":true}'
	kmod_monitor device_add '{"driver":"ivshmem-plain","id":"d","memdev":"m","bus":"rp"}'
	fam_run in_vm n1 'until_ok sh -c "dmesg | grep fam_ivshmem.*BAR" && dmesg | grep fam_ivshmem.*BAR
		ls /sys/class/fam'
	assert_output "BAR2 (the memory) has no address"
	assert_output "pref64-reserve"
	refute_output fam0
	vm_stop n1
}

@test "everything at once: open, map, touch, ring, unbind, bind, rmmod" {
	kmod_fabric one 64M
	kmod_serve 4
	kmod_bell 4 -q -smp -q 2,maxcpus=2 n1
	fam_run in_vm -t 120 n1 '(fam-kmod hammer /dev/fam0 /dev/fam0 6 20; echo status $?) >/tmp/out 2>&1 &
		pci=$(pci_of fam0)
		i=0; until grep -q ^status /tmp/out; do i=$((i + 1))
			echo "$pci" >$driver/unbind; echo "$pci" >$driver/bind
			if rmmod fam_ivshmem 2>/dev/null; then insmod /lib/fam_ivshmem.ko; fi
		done; cat /tmp/out; echo "cycles $i"; fam-kmod info /dev/fam0'
	assert_output $'all well\nstatus 0'
	assert "it went often" test "$(sed -n 's/^cycles //p' <<<"$output")" -ge 10
	assert_output "vectors 4"
	printf '# %s\n' "$output" >&2
	vm_stop n1
}
