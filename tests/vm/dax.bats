#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A fabric's file on persistent memory, which a guest of QEMU's takes its nvdimm
# for: the guest plays the host here.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/disk
	disk='' disk_image='' load=''
	memory=$BATS_TEST_TMPDIR/memory
}

teardown() {
	vm_teardown
	disk_end
}

# The head of the persistent memory is the kernel's: the file system follows.
readonly HEAD=2M

# An ext4 with the fabric f in it, as the content of the nvdimm.
fill_memory() {
	disk_begin 30 -b 4096
	famctl create-fabric 16M f --path "$disk/f.fam" >/dev/null
	umount "$disk"
	disk=''
	truncate -s 32M "$memory"
	dd if="$disk_image" of="$memory" bs=1M oflag=seek_bytes seek=$HEAD conv=notrunc status=none
	rm "$disk_image"
}

boot() {
	local -a modules
	vm_modules nfit ext4
	famctl make-bundle --dir "$BATS_TEST_TMPDIR/bundle" "${modules[@]}" >/dev/null
	vm_start -b "$BATS_TEST_TMPDIR/bundle" -f "$BATS_TEST_TMPDIR/unused.fam" \
		-q -machine -q nvdimm=on -q -m -q '256,slots=1,maxmem=512M' \
		-q -object -q "memory-backend-file,id=p,share=on,size=32M,mem-path=$memory" \
		-q -device -q nvdimm,memdev=p n1
}

# Has the guest use its nvdimm for file systems with DAX, as ndctl would.
mount_memory() { # OPTION of mount
	vm_exec n1 "$load
		appears() { until [ -e \$1 ]; do usleep 10000; done; }
		cd /sys/bus/nd/devices && appears /dev/pmem0
		echo namespace0.0 >../drivers/nd_pmem/unbind
		echo ram >pfn0.0/mode
		echo 2097152 >pfn0.0/align
		cat /proc/sys/kernel/random/uuid >pfn0.0/uuid
		echo namespace0.0 >pfn0.0/namespace
		echo pfn0.0 >../drivers/nd_pmem/bind
		appears /dev/pmem0
		mkdir -p /mnt && mount -t ext4 -o $1 /dev/pmem0 /mnt"
}

@test "a file on persistent memory needs no write-back of pages; others do" {
	famctl create-fabric 16M unused --path "$BATS_TEST_TMPDIR/unused.fam" >/dev/null
	fill_memory
	boot
	mount_memory dax
	run vm_exec n1 'fam -f /mnt/f.fam info; fam -f /mnt/f.fam info --json'
	expect 0 'persist:     at once: the file is on persistent memory (DAX)' \
		'"persist": "dax"' '"failed": ""'
	vm_exec n1 'printf stored-by-dax | fam -f /mnt/f.fam write --persist'
	# No page of the guest's own holds it: the nvdimm has it already.
	assert "it is in the memory" grep -qaF stored-by-dax "$memory"
	run vm_exec n1 'fam -f /mnt/f.fam persist --length 13 && fam -f /mnt/f.fam read --length 13'
	expect 0 stored-by-dax

	# The same file system without it: the page cache is in between.
	vm_exec n1 'umount /mnt && mount -t ext4 -o dax=never /dev/pmem0 /mnt'
	run vm_exec n1 'fam -f /mnt/f.fam info --json'
	expect 0 '"persist": "host"'
	vm_exec n1 'printf stored-by-pages | fam -f /mnt/f.fam write --persist'
	assert "it is in the memory" grep -qaF stored-by-pages "$memory"
	vm_exec n1 'umount /mnt'
	vm_stop n1
}
