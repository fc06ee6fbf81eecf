#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The kernel module in real guests: devices, mappings, wrong calls. A warning of
# the kernel is a panic here, and fails the test.
#
# What is in single quotes is for the guest, and the names are of kmod.bash:
# shellcheck disable=SC2016,SC2154

export BATS_TEST_TIMEOUT=240

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

# attr NAME DEVICE ATTRIBUTE: of sysfs.
attr() {
	vm_exec "$1" "cat /sys/class/fam/$2/$3"
}

# guest_is_before NAME RELEASE: is its kernel older?
guest_is_before() {
	local release
	release=$(vm_exec "$1" 'uname -r')
	[[ $(printf '%s\n' "$2" "$release" | sort -V | head -n 1) != "$2" ]]
}

@test "a plain device: what it is, 2 MiB entries, write-back" {
	kmod_fabric one 64M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	fam_run vm_exec n1 'fam-kmod info /dev/fam0'
	assert_output -x "size 67108864
page_bytes 2097152
vectors 0
peer 0
cached wb
registers 1
revision 1
all well"
	for pair in size:67108864 vectors:0 peer:0 cached:wb page_bytes:2097152 revision:1 \
		formatted:1 label:one "uuid:$(famctl show-fabric "$fabric" --json | jq -r .uuid)"; do
		assert "${pair%%:*} in sysfs" test "$(attr n1 fam0 "${pair%%:*}")" = "${pair#*:}"
	done
	fam_run vm_exec n1 'insmod /lib/fam_walk.ko; fam-kmod map /dev/fam0 0 0x4000000 4096'
	assert_output $'first 2M wb\nlast 2M wb'
	assert "page tables" test "$(sed -n 's/^vmpte_kib //p' <<<"$output")" -le 16
	# What is not 2 MiB long, or begins between, has small entries as cached.
	fam_run vm_exec n1 'fam-kmod map /dev/fam0 0x1000 0x300000 4096'
	assert_output "first 4K wb
last 4K wb"
	vm_exec n1 'grep -i "$(sed -n "s/^\(.*\)-.* : fam_ivshmem/\1/p" /proc/iomem |
		tail -n 1 | tr -d " ")" /sys/kernel/debug/x86/pat_memtype_list | grep write-back'
	vm_stop n1
}

@test "several devices: two nodes with different sets, by label, in any size" {
	kmod_fabric one 16M
	kmod_fabric two 128M
	kmod_fabric three 1M --raw
	vm_start -b "$kmod_bundle" -f "$dir/one.fam" -f "$dir/two.fam" -f "$dir/three.fam" n1
	vm_start -b "$kmod_bundle" -f "$dir/three.fam" -f "$dir/two.fam" n2
	fam_run vm_exec n1 'cd /sys/class/fam; for i in *; do echo "$(cat $i/size) $(cat $i/label)"; done'
	assert_output "16777216 one"
	assert_output "134217728 two"
	assert_output "1048576 "
	fam_run vm_exec n2 'cd /sys/class/fam; for i in *; do echo "$(cat $i/label)"; done'
	assert_output two
	refute_output one
	# 1 MiB is too small for pages: entries of 4 KiB, as cached as the others.
	fam_run vm_exec n2 'insmod /lib/fam_walk.ko; cd /sys/class/fam
		for i in *; do [ "$(cat $i/size)" = 1048576 ] && d=$i; done
		fam-kmod info /dev/$d; fam-kmod map /dev/$d 0 0x100000 4096; cat $d/formatted'
	assert_output "page_bytes 4096"
	assert_output -r $'first 4K (wb|uc-)\nlast 4K (wb|uc-)\nprotected 4K (wb|uc-)\n0$'
	fam_run in_vm n2 'for i in /sys/class/fam/*; do
			[ "$(cat $i/size)" = 1048576 ] && d=${i##*/}; done
		fam-kmod calls /dev/$d /dev/$d
		(fam-kmod vanish /dev/$d; echo status $?) >/tmp/out 2>&1 &
		until_ok grep -q ready /tmp/out; echo "$(pci_of $d)" >$driver/unbind
		until_ok grep -q ^status /tmp/out; cat /tmp/out'
	assert_output -x $'all well\nready\nall well\nstatus 0'
	vm_stop n1
	vm_stop n2
}

@test "a damaged superblock: the second copy counts, then nothing does" {
	kmod_fabric one 16M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	printf x | dd of="$fabric" bs=1 seek=100 conv=notrunc status=none
	assert "by the second copy" test "$(attr n1 fam0 label)" = one
	printf x | dd of="$fabric" bs=1 seek=$(((1 << 20) + 3000)) conv=notrunc status=none
	assert "no label" test "$(attr n1 fam0 label)" = ""
	assert "no UUID" test "$(attr n1 fam0 uuid)" = ""
	assert "not formatted" test "$(attr n1 fam0 formatted)" = 0
	vm_stop n1
}

@test "wrong calls have their errors" {
	kmod_fabric one 16M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	fam_run vm_exec n1 'fam-kmod calls /dev/fam0 /dev/fam0'
	assert_output -x "all well"
	vm_stop n1
}

@test "the memory is used as any other: futex, pipes, fork, mprotect, mremap, advice" {
	kmod_fabric one 64M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	fam_run vm_exec -t 120 n1 'fam-kmod memory /dev/fam0'
	assert_output -x "all well"
	vm_stop n1
}

@test "16 GiB: 1 MiB of page tables at most, and little for the kernel" {
	local limit=16
	kmod_fabric big 16G --sparse
	vm_start -b "$kmod_bundle" -m 512 -f "$fabric" n1
	fam_run vm_exec -t 120 n1 'insmod /lib/fam_walk.ko
		fam-kmod map /dev/fam0 0 0x400000000 0x8000000; grep MemFree /proc/meminfo'
	assert_output "first 2M wb"
	assert_output "last 2M wb"
	assert "page tables" test "$(sed -n 's/^vmpte_kib //p' <<<"$output")" -le 1024
	fam_run vm_exec n1 'rmmod fam_ivshmem && awk "/MemFree/ { print \$2 }" /proc/meminfo
		insmod /lib/fam_ivshmem.ko && awk "/MemFree/ { print \$2 }" /proc/meminfo'
	mapfile -t free <<<"$output"
	# From 6.15 on, entries of 2 MiB need struct pages for each 2 MiB.
	guest_is_before n1 6.15 || limit=64
	assert "$limit MiB for the kernel's view" test $((free[0] - free[1])) -le $((limit << 10))
	vm_stop n1
}

@test "where firmware says uncached, mappings are write-back all the same" {
	kmod_fabric one 64M
	# On the bus itself, without a bridge: below 4 GiB, where the MTRRs say so.
	kmod_vm -q -object \
		-q "memory-backend-file,id=low,mem-path=$fabric,size=64M,share=on" \
		-q -device -q ivshmem-plain,memdev=low,bus=pcie.0,addr=0x19 n1
	fam_run vm_exec n1 'insmod /lib/fam_walk.ko; fam-kmod info /dev/fam0
		fam-kmod map /dev/fam0 0 0x4000000 4096'
	assert_output "cached wb"
	assert_output "page_bytes 2097152"
	assert_output $'first 2M wb\nlast 2M wb'
	assert "page tables" test "$(sed -n 's/^vmpte_kib //p' <<<"$output")" -le 16
	assert_output "protected 2M wb" "a change of rights keeps the type"
	fam_run vm_exec n1 'fam-kmod map /dev/fam0 0x1000 0x300000 4096'
	assert_output $'first 4K wb\nlast 4K wb'
	fam_run vm_exec -t 120 n1 'fam-kmod memory /dev/fam0 && fam-kmod calls /dev/fam0 /dev/fam0'
	assert_output $'all well\nall well'
	fam_run in_vm n1 'fam-kmod hammer /dev/fam0 /dev/fam0 4 3 | tail -n 1
		(fam-kmod vanish /dev/fam0; echo status $?) >/tmp/out 2>&1 &
		until_ok grep -q ready /tmp/out; echo "$(pci_of fam0)" >$driver/unbind
		until_ok grep -q ^status /tmp/out; cat /tmp/out; rmmod fam_ivshmem'
	assert_output -x $'all well\nready\nall well\nstatus 0'
	vm_stop n1
}

@test "what the udev rule runs lets the group in without the module" {
	kmod_fabric one 16M
	vm_start -b "$kmod_bundle" -f "$fabric" n1
	# There is no udev in a bundle: %S, %p and $$ are put in by hand.
	fam_run in_vm n1 'pci=$(readlink -f /sys/class/fam/fam0/device)
		rmmod fam_ivshmem; echo fam:x:77: >>/etc/group
		sed -n "s/.*RUN+=\"\(.*\)\"\$/\1/p" /etc/60-fam.rules |
			sed "s|%S%p|$pci|; s/[\$][\$]/\$/g" >/tmp/run
		sh /tmp/run && cd $pci && stat -c "%n %a %g" resource0 resource2 resource2_wc config'
	assert_output -x "resource0 660 77
resource2 660 77
resource2_wc 660 77
config 644 0"
	vm_stop n1
}
