#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# How much is written to the disk for a durable commit of 64 bytes: ext4 on a
# loop device of the test's own, which counts.

export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

loop='' mount=''

setup() {
	server_setup
	((EUID == 0)) || skip "needs root: to mount a file system"
	command -v mkfs.ext4 >/dev/null || skip "needs the command mkfs.ext4"
	image=$(mktemp /var/tmp/fam-loop.XXXXXX)
	mount=$WORK/mount
	truncate -s 512M "$image"
	# All is written now: nothing is left for the kernel to do later.
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$image"
	loop=$(losetup -f --show "$image" 2>/dev/null) || skip "there are no loop devices here"
	mkdir "$mount"
	mount -o noatime "$loop" "$mount"
}

teardown() {
	# The server first: it holds the file system.
	[[ -z ${SERVER:-} ]] || gone "$SERVER" || stop_server KILL 137
	[[ -z $mount ]] || ! mountpoint -q "$mount" || umount "$mount"
	[[ -z $loop ]] || losetup -d "$loop"
	[[ -z ${image:-} ]] || rm -f "$image"
	server_teardown
}

fabric() { # OPTION...
	expect 0 "$FAM_BUILD/bin/famctl" create-fabric 256M f --dir "$mount" "$@"
}

# An empty page cache, as after the host was started.
remount() {
	umount "$mount"
	mount -o noatime "$loop" "$mount"
}

written_kib() {
	awk '{ print int($7 / 2) }' "/sys/block/${loop#/dev/}/stat"
}

# Sets $kib, per commit; the first commits are not counted.
measure() { # LABEL
	local before
	local -r commits=200
	start_server -f "$mount/f.fam"
	expect 0 "$tools/fam-commit" "$mount/f.fam" 20
	before=$(written_kib)
	expect 0 "$tools/fam-commit" "$mount/f.fam" "$commits"
	kib=$((($(written_kib) - before) / commits))
	printf '# %s: %d KiB per commit of 64 bytes\n' "$1" "$kib" >&3
	stop_server
}

at_most_8() {
	((kib <= 8)) || fail "$kib KiB were written per commit"
}

@test "a fabric made with --prepare: at most 8 KiB are written per commit" {
	fabric --prepare
	measure "create-fabric --prepare"
	at_most_8
}

@test "prepare-fabric after the host was started: at most 8 KiB per commit" {
	fabric --sparse
	remount
	expect 0 "$FAM_BUILD/bin/famctl" prepare-fabric f --dir "$mount"
	measure "prepare-fabric"
	at_most_8
}

@test "prepare-fabric cures what a node left in large pieces" {
	fabric
	measure "not prepared"
	expect 0 "$FAM_BUILD/bin/famctl" prepare-fabric f --dir "$mount"
	measure "prepare-fabric after that"
	at_most_8
}

# What is written then depends on the kernel, so this only tells.
@test "a prepared fabric with an empty page cache: commits are durable, too" {
	fabric --prepare
	remount
	measure "prepared before the host was started"
}

@test "a full disk does not keep a sparse fabric's server from serving" {
	fabric --sparse
	remount
	expect 1 dd if=/dev/zero of="$mount/filler" bs=64K
	expect 1 dd if=/dev/zero of="$mount/f.fam" bs=64K count=1 seek=2000 conv=notrunc
	output_has "No space left"
	start_server -f "$mount/f.fam"
	expect 0 "$tools/fam-flush" "$mount/f.fam" <<-'END'
		claim
		post 2097152 64
		wait 10000
	END
	output_has "done 1"
	stop_server
}
