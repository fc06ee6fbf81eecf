#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Blocks of regions that are gone go back to the file system.

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

fam() {
	"$FAM_BUILD/bin/fam" -f "$dir/f.fam" "$@"
}

kib_of_file() {
	local blocks
	blocks=$(stat -c %b "$dir/f.fam")
	printf '%d\n' $((blocks / 2))
}

# A region of so many MiB, none of them zeros.
put() { # NAME MIB
	head -c "$2M" /dev/urandom >"$dir/$1"
	fam put "$dir/$1" "$1"
}

same() { # NAME
	fam get "$1" - | cmp - "$dir/$1"
}

sparse_with_one_gone() {
	make_fabric f 64M --sparse 2>/dev/null
	put gone 20
	put kept 3
	fam rm gone
}

@test "a sparse fabric's free space is given back, and what is in use stays" {
	local before
	sparse_with_one_gone
	before=$(kib_of_file)
	fam_run famctl trim-fabric f --dir "$dir"
	assert_output -x "trimmed fabric 'f': 20 MiB given back"
	assert_stderr -x ""
	assert "the file takes 20 MiB less" test "$(kib_of_file)" -le $((before - 20 * 1024))
	assert "what was not destroyed is there" same kept
	fam_run famctl trim-fabric f --dir "$dir"
	assert_output -x "trimmed fabric 'f': 0 B given back"
}

@test "what nobody marked as free is given back as well" {
	make_fabric f 64M --sparse 2>/dev/null
	dd if=/dev/urandom of="$dir/f.fam" bs=1M seek=40 count=5 conv=notrunc status=none
	fam_run famctl --json trim-fabric f --dir "$dir"
	assert_json ".trimmed == $((5 << 20))"
	# the first one who takes pieces writes some of the directory
	assert_json ".given_back > $((4 << 20)) and .given_back <= $((5 << 20))"
}

@test "JSON" {
	sparse_with_one_gone
	fam_run famctl --json trim-fabric f --dir "$dir"
	assert_json ".name == \"f\" and .path == \"$dir/f.fam\""
	assert_json '.keeps_reserved == false and .duration_ns > 0'
	assert_json ".trimmed == $((20 << 20)) and .given_back == $((20 << 20))"
}

@test "--dry-run does nothing" {
	local before
	sparse_with_one_gone
	before=$(kib_of_file)
	fam_run famctl --dry-run trim-fabric f --dir "$dir"
	assert_output -x "would trim fabric 'f': its free space is given back"
	assert "the file is as large as it was" test "$(kib_of_file)" -eq "$before"
	make_fabric g 64M
	fam_run famctl --dry-run trim-fabric g --dir "$dir"
	assert_output -x "would trim fabric 'g': its free space stays reserved"
}

@test "space that was reserved stays so, without what was in it" {
	local before
	make_fabric f 64M
	put gone 20
	fam rm gone
	before=$(kib_of_file)
	fam_run famctl trim-fabric f --dir "$dir"
	assert_output -x "trimmed fabric 'f': 20 MiB are zeros again and stay reserved"
	assert "the file is as large as it was" test "$(kib_of_file)" -ge "$before"
	fam create again 20M --no-zero
	assert "it reads as zeros" cmp -n $((20 << 20)) <(fam get again -) /dev/zero
	fam_run famctl --json trim-fabric f --dir "$dir"
	assert_json '.keeps_reserved and .trimmed == 0 and .given_back == 0'
}

@test "--punch gives back what was reserved" {
	make_fabric f 64M
	put kept 3
	fam_run famctl trim-fabric f --dir "$dir" --punch
	assert_output -r "^trimmed fabric 'f': 5[0-9] MiB given back$"
	assert "a few MiB are left" test "$(kib_of_file)" -lt $((12 * 1024))
	assert "what is in use stays" same kept
}

@test "a file system that cannot do it" {
	sparse_with_one_gone
	fam_run -1 famctl_with fallocate=EOPNOTSUPP trim-fabric f --dir "$dir"
	assert_stderr -x "famctl: cannot trim fabric 'f': the file system cannot punch holes"
	assert "its space can be used all the same" fam create again 20M
	make_fabric g 64M
	"$FAM_BUILD/bin/fam" -f "$dir/g.fam" create a 4M
	"$FAM_BUILD/bin/fam" -f "$dir/g.fam" rm a
	fam_run -1 famctl_with fallocate=EOPNOTSUPP trim-fabric g --dir "$dir"
	assert_stderr "cannot trim fabric 'g': the file system cannot zero blocks that stay reserved"
	assert_stderr "hint: --punch gives the blocks back"
}

@test "fabrics without regions are refused" {
	make_fabric raw 16M --raw
	fam_run -1 famctl trim-fabric raw --dir "$dir"
	assert_stderr -x "famctl: cannot trim fabric 'raw': it is raw: nobody knows what is free"
	make_fabric none 16M --regions 0
	fam_run -1 famctl trim-fabric none --dir "$dir"
	assert_stderr "famctl: cannot trim fabric 'none': it has no room for regions"
}

@test "a damaged directory is told of" {
	make_fabric f 64M --sparse 2>/dev/null
	put gone 4
	# Both copies of the entry that is in use.
	local at
	while read -r at; do
		printf 'damaged' | dd of="$dir/f.fam" bs=1 seek=$((at + 100)) conv=notrunc status=none
	done < <(grep -abo 'REG1' "$dir/f.fam" | cut -d: -f1)
	fam_run -1 famctl trim-fabric f --dir "$dir"
	assert_stderr "cannot trim fabric 'f': its directory of regions is damaged"
	assert_stderr "hint: famctl check-fabric '$dir/f.fam' tells where"
}

@test "one that may not be written" {
	sparse_with_one_gone
	chmod 644 "$dir/f.fam"
	requires_root "to be another user"
	fam_run -1 famctl_at_home trim-fabric "$dir/f.fam"
	assert_stderr -r "cannot trim fabric 'f': .*[Pp]ermission denied"
}

@test "wrong words" {
	fam_run -2 famctl trim-fabric --dir "$dir"
	assert_stderr "trim-fabric takes one name"
	fam_run -3 famctl trim-fabric nope --dir "$dir"
	assert_stderr "nope"
}
