#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' holder='' # set by fabric_setup and holding
on_top='' zram='' # of a test: a second mount, a device

setup_file() {
	hold_build
	reseal_build
}

setup() {
	on_top='' zram=''
	fabric_setup
}

teardown() {
	[[ -z $on_top ]] || umount "$on_top"
	fabric_teardown
	[[ -z $zram ]] || printf '%s' "$zram" >/sys/class/zram-control/hot_remove
}

@test "all about a fabric" {
	make_fabric f 16M --mode 640 --group "$(id -g)"
	fam_run famctl show-fabric f --dir "$dir"
	assert_output -r "name: +f"
	assert_output -r "path: +$dir/f.fam"
	assert_output -r "size: +16 MiB"
	assert_output -r "not reserved: +0 B"
	assert_output -r "durability: +durable: survives a power cut of the host"
	assert_output -r "uuid: +[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
	assert_output -r "generation: +1"
	assert_output -r "created: +$(date +%Y)-"
	assert_output -r "mode: +0640"
	assert_output -r "owner: +$(id -un)"
	assert_output -r "in use: +no"
	assert_stderr -x ""
}

@test "the same in JSON" {
	local before after
	before=$(date +%s)
	make_fabric f 16M --durability guest --mode 600
	after=$(date +%s)
	fam_run famctl --json show-fabric f --dir "$dir"
	assert_json '.generation == 1 and .mode == "0600" and .durability == "guest"'
	assert_json '.promise == "guest: survives a crash of the node, not a power cut of the host"'
	assert_json ".created / 1000000000 | . >= $before and . < $((after + 1))"
	assert_json '(.in_use | not) and .nodes == [] and .unreserved == 0 and .medium == "disk"'
}

@test "a raw fabric promises what sync-fabric does" {
	make_fabric r 1M --raw
	fam_run famctl show-fabric r --dir "$dir"
	assert_output "raw: durable after famctl sync-fabric"
	refute_output uuid
}

@test "on a file system in memory nothing is promised" {
	mount_on tmpfs size=64m,mode=755
	local kind
	make_fabric host 16M 2>/dev/null
	make_fabric guest 16M --durability guest
	make_fabric raw 16M --raw
	for kind in host guest raw; do
		fam_run famctl show-fabric "$kind" --dir "$dir"
		assert_output -r "durability: +on a file system in memory: nothing survives the host"
		refute_output "power cut"
		fam_run famctl --json show-fabric "$kind" --dir "$dir"
		assert_json '.medium == "memory" and .promise == "on a file system in memory: nothing survives the host"'
	done
}

@test "an overlay lies where its upper layer does" {
	requires_root "to mount file systems"
	local layers="lowerdir=$dir/lower,upperdir=$dir/memory/up per\,1,workdir=$dir/memory/work"
	mkdir "$dir/lower" "$dir/memory" "$dir/overlay"
	make_fabric f
	mv "$dir/f.fam" "$dir/lower"
	mount -t tmpfs none "$dir/memory"
	# shellcheck disable=SC2034 # read by fabric_teardown
	mounted=$dir/memory
	mkdir "$dir/memory/up per,1" "$dir/memory/work"
	mount -t overlay -o "$layers" none "$dir/overlay" || skip "no overlayfs"
	on_top=$dir/overlay
	fam_run famctl show-fabric "$dir/overlay/f.fam" --json
	assert_json '.medium == "memory" and .ways == [] and (has("flush_service") | not)'
	fam_run "$FAM_BUILD/bin/fam" -f "$dir/overlay/f.fam" info --json
	assert_json '.persist == "none"' "libfam sees it too"
	umount "$dir/overlay"
	mkdir "$dir/upper" "$dir/work" "$dir/memory/lower"
	mv "$dir/lower/f.fam" "$dir/memory/lower"
	mount -t overlay -o "lowerdir=$dir/memory/lower,upperdir=$dir/upper,workdir=$dir/work" \
		none "$dir/overlay"
	fam_run famctl show-fabric "$dir/overlay/f.fam" --json
	assert_json '.medium == "disk"' "the lower layer does not matter: who writes gets a copy"
}

@test "an overlay that syncs nothing is as good as memory" {
	requires_root "to mount file systems"
	mkdir "$dir/lower" "$dir/upper" "$dir/work" "$dir/overlay"
	mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work,volatile" \
		none "$dir/overlay" || skip "no overlayfs with the option volatile"
	on_top=$dir/overlay
	fam_run famctl create-fabric 16M f --path "$dir/overlay/f.fam"
	fam_run famctl show-fabric "$dir/overlay/f.fam" --json
	assert_json '.medium == "memory" and .ways == []'
	fam_run "$FAM_BUILD/bin/fam" -f "$dir/overlay/f.fam" info --json
	assert_json '.persist == "none"'
}

@test "a file system on zram is one in memory" {
	requires_root "to make a device and mount it"
	local device
	[[ -r /sys/class/zram-control/hot_add ]] || skip "no zram"
	zram=$(</sys/class/zram-control/hot_add) device=/dev/zram$zram
	echo 64M >"/sys/block/zram$zram/disksize"
	mkfs.ext4 -q "$device"
	mount_on ext4 defaults "$device"
	fam_run famctl create-fabric 16M f --dir "$dir"
	assert_stderr "is on a file system in memory: nothing in this fabric survives the host"
	fam_run famctl show-fabric f --dir "$dir" --json
	assert_json '.medium == "memory"'
	fam_run -1 famctl sync-fabric f --dir "$dir"
	assert_stderr "lies on a file system in memory"
	fam_run "$FAM_BUILD/bin/fam" -f "$dir/f.fam" info --json
	assert_json '.persist == "none"' "libfam sees it too"
}

@test "a sparse one tells how much is not reserved" {
	make_fabric s 16M --sparse 2>/dev/null
	fam_run famctl --json show-fabric s --dir "$dir"
	assert_json '.unreserved >= 14680064 and .unreserved + .allocated == .size'
}

@test "by path, also a relative one and through a linked directory" {
	make_fabric f
	ln -s . "$dir/way"
	cd "$dir"
	fam_run famctl --json show-fabric ./f.fam
	assert_json ".path == \"$dir/f.fam\""
	fam_run famctl --json show-fabric way/f.fam
	assert_json ".path == \"$dir/f.fam\""
}

@test "the nodes that use it" {
	make_fabric f
	node_uses node07 "$dir/f.fam"
	fam_run famctl --json show-fabric f --dir "$dir"
	assert_json '.nodes == ["node07"]'
}

@test "who has it open for writing, for reading, mapped without a descriptor" {
	local how
	make_fabric f
	for how in w r m; do
		holding "$how" "$dir/f.fam"
		fam_run famctl show-fabric f --dir "$dir"
		assert_output -r "in use: +yes" "a process holds it ($how)"
		assert_output -r "used by: +hold-file \(pid $holder\)"
		let_go
	done
	fam_run famctl show-fabric f --dir "$dir"
	assert_output -r "in use: +no"
}

@test "in use by a process that cannot be looked into" {
	requires_root "to give files away"
	make_fabric f 16M --mode 600
	# Only the owner may ask the kernel, so the file becomes that user's.
	chown "$FAM_USER:" "$dir/f.fam"
	holding w "$dir/f.fam"
	fam_run famctl_at_home --json show-fabric "$dir/f.fam"
	assert_json '.in_use and (has("users") | not)'
	let_go
	fam_run famctl_at_home --json show-fabric "$dir/f.fam"
	assert_json '.in_use == false'
}

@test "mapped on overlayfs, where the kernel's lease does not tell" {
	requires_root "to mount a file system"
	local base=$BATS_TEST_TMPDIR
	mkdir "$base/lower" "$base/upper" "$base/work"
	mount_on overlay "lowerdir=$base/lower,upperdir=$base/upper,workdir=$base/work"
	make_fabric f
	holding m "$dir/f.fam"
	fam_run famctl show-fabric f --dir "$dir"
	assert_output -r "used by: +hold-file \(pid $holder\)"
	let_go
}

@test "one damaged copy of the superblock: it works, and warns" {
	local copy
	for copy in 0 1; do
		make_fabric "f$copy"
		damage "$dir/f$copy.fam" $((copy * SUPERBLOCK_1))
		fam_run famctl show-fabric "f$copy" --dir "$dir"
		assert_output -r "name: +f$copy"
		assert_stderr "warning: '$dir/f$copy.fam': superblock copy $copy (at byte $((copy * SUPERBLOCK_1))) is damaged; the other one serves"
	done
	fam_run famctl --json show-fabric f1 --dir "$dir"
	assert_json '.damaged == ["superblock copy 1 (at byte 1048576)"]'
}

refuses() { # STATUS MESSAGE [HINT]
	local before
	before=$(snapshot "$dir")
	fam_run "-$1" famctl show-fabric "$dir/f.fam"
	assert_stderr "famctl: cannot open fabric '$dir/f.fam': $2"
	[[ -z ${3:-} ]] || assert_stderr "hint: $3"
	assert_output -x ""
	assert_unchanged "$dir" "$before"
}

@test "both copies damaged" {
	make_fabric f
	damage "$dir/f.fam" $((SUPERBLOCK_0 + 100))
	damage "$dir/f.fam" "$SUPERBLOCK_1"
	refuses 1 "both copies of the superblock are damaged (at byte 0 and at byte 1048576)" "keep a copy of the file"
}

@test "truncated" {
	make_fabric f
	truncate -s 12345678 "$dir/f.fam"
	refuses 1 "it is cut short: 12345678 of 16777216 bytes are there" "what is left can be read"
}

@test "grown" {
	make_fabric f
	truncate -s 32M "$dir/f.fam"
	refuses 1 "the file has 33554432 bytes, but its superblock tells 16777216" \
		"what lies behind is no part of it; to cut it off: truncate -s 16777216 '$dir/f.fam'"
	truncate -s 16777216 "$dir/f.fam"
	fam_run famctl show-fabric "$dir/f.fam"
}

@test "a newer format" {
	make_fabric f
	reseal "$dir/f.fam" version 2
	refuses 1 "its format 2 is newer than format 1, the newest known here" "use a famctl as new as"
}

@test "a feature unknown here" {
	make_fabric f
	reseal "$dir/f.fam" incompat 8
	refuses 1 "it has features unknown here (0x8)" "use a famctl as new as"
}

@test "a label that is none is damage, with a checksum that fits all the same" {
	make_fabric f
	reseal "$dir/f.fam" label "../../etc/passwd"
	refuses 1 "both copies of the superblock are damaged"
}

@test "foreign files" {
	echo "to do" >"$dir/f.fam"
	refuses 1 "not a fabric: no superblock, and a raw one never has 6 bytes"
	: >"$dir/f.fam"
	refuses 1 "not a fabric: no superblock, and a raw one never has 0 bytes"
	truncate -s 16M "$dir/data.bin"
	fam_run -1 famctl show-fabric "$dir/data.bin"
	assert_stderr "not a fabric: no superblock, and the name does not end in '.fam'"
}

@test "no file at all" {
	mkdir "$dir/f.fam"
	refuses 1 "not a fabric: it is a directory"
	rmdir "$dir/f.fam"
	ln -s elsewhere.fam "$dir/f.fam"
	refuses 1 "it is a symbolic link" "name the file it leads to"
	rm "$dir/f.fam"
	mkfifo "$dir/f.fam"
	refuses 1 "not a fabric: it is no regular file"
	fam_run -1 famctl show-fabric /dev/null
	assert_stderr "not a fabric: it is no regular file"
}

@test "no such fabric" {
	fam_run -3 famctl show-fabric nope --dir "$dir"
	assert_stderr "famctl: cannot open fabric 'nope': no such fabric in '$dir'"
	assert_stderr "hint: famctl list-fabrics shows what is there"
	fam_run -3 famctl show-fabric "$dir/nope.fam"
	assert_stderr "No such file or directory"
}

@test "a file named without a slash gets the hint" {
	make_fabric f
	cd "$dir"
	fam_run -3 famctl show-fabric f.fam --dir /
	assert_stderr "hint: a path needs a slash: './f.fam'"
}

@test "names that cannot be" {
	fam_run -2 famctl show-fabric ""
	assert_stderr "a fabric's name may not be empty"
	fam_run -2 famctl show-fabric "$(printf 'a%.0s' {1..200})"
	assert_stderr "is 200 bytes long, at most 63 are allowed"
	fam_run -2 famctl show-fabric
	assert_stderr "show-fabric takes one name"
	fam_run -2 famctl show-fabric a b
	assert_stderr "show-fabric takes one name"
}

@test "without permission" {
	requires_root "to be two users"
	make_fabric f 16M --mode 600
	fam_run -1 famctl_at_home show-fabric "$dir/f.fam"
	assert_stderr "cannot open '$dir/f.fam': Permission denied"
	assert_stderr "hint: run it as the file's owner 'root'"
}
