#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup_file() {
	faults_build
}

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

# Bytes of the file that are not on the disk yet, as the kernel tells it.
dirty_kib() { # FILE
	# A synced page is in no extent that is "delayed" or "unwritten".
	filefrag -v "$1" | grep -cE 'delalloc|unwritten' || true
}

@test "a fabric is synced, and how long it took is told" {
	make_fabric f
	fam_run famctl sync-fabric f --dir "$dir"
	assert_output -r "^fabric 'f' is durable: synced in [0-9]+\.[0-9] ms$"
}

@test "what another process wrote reaches the disk" {
	requires_command filefrag
	make_fabric f 16M --sparse 2>/dev/null
	dd if=/dev/urandom of="$dir/f.fam" bs=64K count=16 seek=64 conv=notrunc status=none
	assert "before, some of it is not on the disk" test "$(dirty_kib "$dir/f.fam")" -gt 0
	fam_run famctl sync-fabric f --dir "$dir"
	assert "afterwards all of it is" test "$(dirty_kib "$dir/f.fam")" -eq 0
}

@test "several, and JSON" {
	make_fabric a
	make_fabric b
	fam_run famctl --json sync-fabric a b --dir "$dir"
	assert_json 'map(.name) == ["a", "b"] and all(.duration_ns > 0)'
	assert_json ".[0].path == \"$dir/a.fam\""
}

@test "--all syncs those of the directory" {
	make_fabric a
	make_fabric b
	fam_run famctl --json sync-fabric --all --dir "$dir"
	assert_json 'map(.name) == ["a", "b"]'
}

@test "--dry-run says what it would sync" {
	make_fabric f
	fam_run famctl_with fsync=EIO --dry-run sync-fabric f --dir "$dir"
	assert_output -x "would sync fabric 'f': $dir/f.fam"
}

@test "a failing disk is told, and that trying again is no help" {
	make_fabric f
	fam_run -1 famctl_with fsync=EIO sync-fabric f --dir "$dir"
	assert_stderr "famctl: fabric 'f' is not durable: cannot sync '$dir/f.fam': Input/output error"
	assert_stderr "hint: stores since the last good sync may be lost"
	assert_output -x "" "nothing claims durability"
}

@test "a file system in memory is no disk: an error, not a lie" {
	mount_on tmpfs size=64m,mode=755
	make_fabric f 2>/dev/null
	fam_run -1 famctl sync-fabric f --dir "$dir"
	assert_stderr "fabric 'f' is not durable: '$dir/f.fam' lies on a file system in memory: there is no disk to sync it to"
}

@test "one that does not exist: none is synced" {
	make_fabric a
	fam_run -3 famctl sync-fabric a nope --dir "$dir"
	assert_stderr "cannot open fabric 'nope': no such fabric in '$dir'"
	assert_output -x "" "the good one was not touched"
}

@test "names or --all, not both, not neither" {
	make_fabric a
	fam_run -2 famctl sync-fabric --dir "$dir"
	assert_stderr "sync-fabric takes names, or --all"
	fam_run -2 famctl sync-fabric --all a --dir "$dir"
	assert_stderr "sync-fabric takes names, or --all"
}
