#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup
roots='' # a fabric of a test in root's directory

setup_file() {
	faults_build
}

setup() {
	roots=''
	fabric_setup
}

teardown() {
	[[ -z $roots ]] || rm -f "$roots"
	fabric_teardown
}

# Extents of the file whose data are not on the disk yet, as the kernel tells it.
dirty_extents() { # FILE
	filefrag -v "$1" | grep -c delalloc || true
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
	assert "before, some of it is not on the disk" test "$(dirty_extents "$dir/f.fam")" -gt 0
	fam_run famctl sync-fabric f --dir "$dir"
	assert "afterwards all of it is" test "$(dirty_extents "$dir/f.fam")" -eq 0
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

@test "--all goes on over what fails, and the first failure decides" {
	make_fabric a
	make_fabric z
	mkdir "$dir/b.fam"
	mkfifo "$dir/c.fam"
	truncate -s 5000 "$dir/y.fam"
	fam_run -1 famctl sync-fabric --all --dir "$dir"
	assert_output -r "^fabric 'a' is durable: .*"$'\n'"fabric 'z' is durable: "
	assert_stderr "famctl: cannot open fabric '$dir/b.fam': not a fabric: it is a directory"
	assert_stderr "famctl: cannot open fabric '$dir/c.fam': not a fabric: it is no regular file"
	assert_stderr "famctl: cannot open fabric '$dir/y.fam': not a fabric"
	fam_run -1 famctl --json sync-fabric --all --dir "$dir"
	assert_json '.error.message | startswith("cannot open fabric") and contains("b.fam")' "the first failure is the command's"
	assert_stderr "c.fam"
}

@test "--all: a disk that fails for one does not keep the others from it" {
	make_fabric a
	make_fabric b
	fam_run -1 famctl_with fsync=EIO sync-fabric --all --dir "$dir"
	assert_stderr "fabric 'a' is not durable: cannot sync '$dir/a.fam': Input/output error"
	assert_stderr "fabric 'b' is not durable: cannot sync '$dir/b.fam': Input/output error"
	assert_output -x ""
}

@test "--all of a plain user leaves out what others keep in /var/lib/fam" {
	requires_root "to be two users"
	local name=sync-test-$BASHPID
	roots=/var/lib/fam/$name.fam
	famctl create-fabric 16M "$name" --mode 600 >/dev/null
	fam_run famctl_at_home create-fabric 16M mine
	fam_run famctl_at_home sync-fabric --all
	assert_output "fabric 'mine' is durable"
	assert_stderr "left out: cannot open fabric '$roots': cannot open '$roots': Permission denied"
	refute_stderr "hint"
}

@test "--all in a directory named: what cannot be opened is a failure" {
	requires_root "to be two users"
	make_fabric f 16M --mode 600
	fam_run -1 famctl_at_home sync-fabric --all --dir "$dir"
	assert_stderr "cannot open '$dir/f.fam': Permission denied"
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
