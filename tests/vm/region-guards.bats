#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Maps of regions in a node: read-only where they are to be, and guarded, by each
# way to the memory.

export BATS_TEST_TIMEOUT=300

setup_file() {
	load ../lib/vm
	module=$FAM_BUILD/kmod/fam_ivshmem.ko
	words=(--add "$FAM_BUILD/tests/fam-region-guards:/bin/fam-region-guards")
	# Where fam-init does not look for it.
	[[ ! -e $module ]] || words+=(--add "$module:/opt/fam_ivshmem.ko")
	famctl make-bundle --dir "$BATS_FILE_TMPDIR/bundle" "${words[@]}" >&2
}

setup() {
	load ../lib/assert
	load ../lib/vm
	fabric=$BATS_TEST_TMPDIR/f.fam
	famctl create-fabric 64M f --path "$fabric" >/dev/null
	fam_run "$FAM_BUILD/tests/fam-region-guards" "$fabric"
	assert_output 'guarded, through file'
	vm_start -b "$BATS_FILE_TMPDIR/bundle" -f "$fabric" n1
}

teardown() {
	vm_teardown
}

@test "a stray pointer faults around a region, through the device's memory" {
	fam_run vm_exec n1 'fam-region-guards'
	assert_output 'guarded, through devmem'
	fam_run vm_exec n1 'rm /dev/mem && fam-region-guards'
	assert_output 'guarded, through resource'
	vm_stop n1
}

@test "a stray pointer faults around a region, through the kernel module" {
	[[ -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] ||
		skip "no kernel module in the build tree: it needs kernel headers"
	fam_run vm_exec n1 'insmod /opt/fam_ivshmem.ko && fam-region-guards'
	assert_output 'guarded, through module'
	vm_stop n1
}
