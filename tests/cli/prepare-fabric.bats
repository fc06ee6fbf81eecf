#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' holder='' # set by fabric_setup and holding

setup_file() {
	faults_build
	hold_build
	build_helper stopped -shared -fPIC
}

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

# make_thin SIZE: a sparse fabric f with data in its middle and at its end.
make_thin() {
	local mib=${1%M}
	make_fabric f "$1" --sparse 2>/dev/null
	dd if=/dev/urandom of="$dir/f.fam" bs=1M count=5 seek=$((mib / 2)) conv=notrunc status=none
	dd if=/dev/urandom of="$dir/f.fam" bs=1000 count=1 seek=$(((mib << 20) - 1000)) \
		oflag=seek_bytes conv=notrunc status=none
}

content() {
	sha256sum <"$dir/f.fam"
}

# Has the process written so many bytes?
has_written() { # PID BYTES
	local key count
	while read -r key count; do
		[[ $key == wchar: ]] && ((count >= $2)) && return 0
	done < <(cat "/proc/$1/io" 2>/dev/null)
	return 1
}

# Starts a prepare-fabric of f; sets $pid when it has written so many MiB.
begin() { # MIB
	famctl_started prepare-fabric f --dir "$dir" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	wait_until 20 has_written "$pid" $(($1 << 20)) || die "it never wrote"
}

# A refused prepare-fabric leaves everything as it was.
refused() { # STATUS MESSAGE HINT ARGUMENT...
	local status_wanted=$1 message=$2 hint=$3 before
	shift 3
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" famctl prepare-fabric "$@"
	assert_stderr "$message"
	[[ -z $hint ]] || assert_stderr "hint: $hint"
	assert_output -x ""
	assert_unchanged "$dir" "$before"
}

@test "every byte is written, and none is changed" {
	local before
	make_thin 64M
	before=$(content)
	fam_run famctl prepare-fabric f --dir "$dir"
	assert_output -r "^prepared fabric 'f' \(64 MiB\) in [0-9]+\.[0-9] s: $dir/f.fam$"
	assert_stderr -x "" "no progress bar without a terminal"
	assert "the content is the same" test "$(content)" = "$before"
	fam_run famctl --json show-fabric f --dir "$dir"
	assert_json '.allocated >= .size and (has("damaged") | not)' "all of its space is its own"
	requires_command filefrag
	fam_run filefrag -v "$dir/f.fam"
	refute_output unwritten "all extents are written ones"
}

@test "a raw one, of less than a batch, and JSON" {
	local before
	make_fabric f 1M --raw
	printf precious | dd of="$dir/f.fam" bs=1 seek=777777 conv=notrunc status=none
	before=$(content)
	fam_run famctl --json prepare-fabric f --dir "$dir"
	assert_json '.name == "f" and .size == 1048576 and .allocated >= .size and .duration_ns > 0'
	assert "the content is the same" test "$(content)" = "$before"
}

@test "--dry-run looks, and writes nothing" {
	local before
	make_thin 16M
	before=$(snapshot "$dir")
	fam_run famctl --dry-run prepare-fabric f --dir "$dir"
	assert_output -x "would prepare fabric 'f' (16 MiB): $dir/f.fam"
	assert_unchanged "$dir" "$before"
	holding w "$dir/f.fam"
	refused 4 "it is in use by hold-file" "" --dry-run f --dir "$dir"
}

@test "in use: refused" {
	local how
	make_fabric f
	for how in w r m; do
		holding "$how" "$dir/f.fam"
		refused 4 "cannot prepare fabric 'f': it is in use by hold-file (pid $holder)" \
			"stop the nodes and programs" f --dir "$dir"
		let_go
	done
	fam_run famctl prepare-fabric f --dir "$dir"
}

@test "it is written 4 KiB at a time" {
	local pid bytes calls
	make_fabric f 2G --sparse 2>/dev/null
	begin 32
	bytes=$(sed -n 's/^wchar: //p' "/proc/$pid/io")
	calls=$(sed -n 's/^syscw: //p' "/proc/$pid/io")
	kill -TERM "$pid"
	wait "$pid" || true
	assert "$bytes bytes in $calls calls" test $((bytes / calls)) -le 4096
}

@test "a signal ends it half way: nothing is changed, and it may be run again" {
	local signal pid status before
	make_thin 256M
	before=$(content)
	for signal in INT TERM KILL; do
		status=0
		begin 32
		kill -"$signal" "$pid"
		wait "$pid" || status=$?
		assert "status $status is that of a death by SIG$signal" \
			test "$status" -eq $((128 + $(kill -l "$signal")))
		assert "it says nothing more ($signal)" test ! -s "$BATS_TEST_TMPDIR/out"
		assert "the content is the same ($signal)" test "$(content)" = "$before"
	done
	fam_run famctl prepare-fabric f --dir "$dir"
	assert "the content is the same" test "$(content)" = "$before"
}

# Stores where it is at work: at the end of the batch that it has read and is
# just writing.
store() { # NUMBER
	local key count
	while read -r key count; do
		[[ $key == wchar: ]] && break
	done < <(cat "/proc/$pid/io" 2>/dev/null)
	((count < (1020 << 20))) || return 1
	where[$1]=$((count / (8 << 20) * (8 << 20) + (8 << 20) - 4096 + $1 % 256 * 16))
	printf 'store %08d' "$1" |
		dd of="$dir/f.fam" bs=16 seek="${where[$1]}" oflag=seek_bytes conv=notrunc status=none
}

@test "who opens it meanwhile is let in, and loses no store" {
	local pid status=0 i=0
	local -a where=()
	make_fabric f 1G --sparse 2>/dev/null
	begin 16
	# Each opens and closes it: the lease is broken, given back, taken again.
	while ((i < 200)) && proc_alive "$pid" && store "$i"; do
		i=$((i + 1))
	done
	assert "some stores came in between ($i)" test "$i" -ge 3
	wait "$pid" || status=$?
	assert "all went well ($status): $(<"$BATS_TEST_TMPDIR/out")" test "$status" -eq 0
	while ((i-- > 0)); do
		assert "store $i is there" test \
			"$(dd if="$dir/f.fam" bs=14 count=1 skip="${where[i]}" iflag=skip_bytes status=none)" = \
			"$(printf 'store %08d' "$i")"
	done
}

@test "programs of libfam are let in, too" {
	local pid status=0 i=0
	make_fabric f 1G --sparse 2>/dev/null
	begin 16
	while ((i < 50)) && proc_alive "$pid"; do
		fam_run "$FAM_BUILD/bin/fam" -f "$dir/f.fam" read --length 4
		i=$((i + 1))
	done
	assert "some came in between ($i)" test "$i" -ge 3
	wait "$pid" || status=$?
	assert "all went well ($status): $(<"$BATS_TEST_TMPDIR/out")" test "$status" -eq 0
}

@test "a program of libfam does not wait for ever" {
	local pid
	make_fabric f 1G --sparse 2>/dev/null
	begin 16
	kill -STOP "$pid"
	fam_run -4 "$FAM_BUILD/bin/fam" -f "$dir/f.fam" read --length 4
	assert_stderr "cannot read fabric '$dir/f.fam': the fabric's file is kept by a program that writes it anew"
	assert_stderr "hint: wait until 'famctl prepare-fabric' has ended"
	proc_end "$pid" 0
}

@test "stopped for so long that others were let in: what they stored is there" {
	local preload=$BATS_FILE_TMPDIR/stopped
	make_fabric f
	fam_run env "LD_PRELOAD=$preload" ASAN_OPTIONS=verify_asan_link_order=0 \
		"$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" prepare-fabric f --dir "$dir"
	assert "the store is there" test \
		"$(dd if="$dir/f.fam" bs=8 count=1 skip=$((99 * 4096 + (1 << 20))) iflag=skip_bytes status=none)" = precious
}

@test "a program that stays ends it after a while, and is named" {
	local pid status=0
	make_fabric f 2G --sparse 2>/dev/null
	begin 16
	holding w "$dir/f.fam"
	wait "$pid" || status=$?
	assert "status $status" test "$status" -eq 4
	assert "it says why" grep -q "cannot prepare fabric 'f': it is in use by hold-file (pid $holder)" \
		"$BATS_TEST_TMPDIR/out"
}

@test "a disk without the space for a sparse one: refused before anything is written" {
	requires_command mkfs.ext4
	local image=$BATS_TEST_TMPDIR/image before
	truncate -s 64M "$image"
	mkfs.ext4 -q "$image"
	mount_on ext4 loop "$image"
	make_thin 128M
	before=$(content)
	fam_run -1 famctl prepare-fabric f --dir "$dir"
	assert_stderr -r "cannot prepare fabric 'f': it needs [0-9.]+ MiB, [0-9.]+ MiB are free in '$dir/f.fam'"
	assert_stderr "hint: free some and run it again; the fabric is as it was"
	refute_stderr "larger on the disk"
	assert "the content is the same" test "$(content)" = "$before"
	fam_run famctl --json show-fabric f --dir "$dir"
	assert_json '.unreserved > 100000000' "it took no space"
}

@test "a disk that fills up under it: an error, and the data are there" {
	local before
	make_thin 64M
	before=$(content)
	fam_run -1 famctl_with fallocate=ENOSPC prepare-fabric f --dir "$dir"
	assert_stderr "cannot prepare fabric 'f': cannot reserve the space: No space left on device"
	assert_stderr "hint: free some and run it again"
	assert "the content is the same" test "$(content)" = "$before"
}

@test "where space cannot be reserved it is written" {
	local before
	make_thin 64M
	before=$(content)
	fam_run famctl_with fallocate=EOPNOTSUPP prepare-fabric f --dir "$dir"
	assert "the content is the same" test "$(content)" = "$before"
	fam_run famctl --json show-fabric f --dir "$dir"
	assert_json '.allocated >= .size'
}

@test "a disk that fails: an error, and the fabric is marked" {
	make_fabric f
	fam_run -1 famctl_with fsync=EIO prepare-fabric f --dir "$dir"
	assert_stderr "cannot prepare fabric 'f': cannot sync it: Input/output error"
	assert_stderr "fabric 'f' is marked"
	fam_run -1 famctl sync-fabric f --dir "$dir"
	assert_stderr "famctl clear-errors"
}

@test "a file system in memory has no disk to prepare" {
	mount_on tmpfs size=32M
	make_fabric f 16M 2>/dev/null
	refused 1 "cannot prepare fabric 'f': it lies on a file system in memory" "" f --dir "$dir"
}

@test "progress shows on a terminal, and is wiped out" {
	requires_command script
	make_fabric f 1G --sparse 2>/dev/null
	fam_run famctl_at_terminal '' prepare-fabric f --dir "$dir"
	assert_output -r 'f \[#+ +\] +[0-9]+% [0-9.]+ [MG]iB of 1 GiB'
	assert_output "prepared fabric 'f' (1 GiB)"
}

@test "another user's fabric" {
	requires_root "to be two users"
	make_fabric f 16M --mode 666
	fam_run -1 famctl_at_home prepare-fabric "$dir/f.fam"
	assert_stderr "whether it is in use is told to its owner only"
	assert_stderr "hint: run it as the file's owner or as root"
}

@test "no such fabric, damaged, wrong words" {
	make_fabric torn
	damage "$dir/torn.fam" $((SUPERBLOCK_0 + 100))
	damage "$dir/torn.fam" $((SUPERBLOCK_1 + 100))
	refused 1 "both copies of the superblock are damaged" "" torn --dir "$dir"
	refused 3 "cannot open fabric 'nope': no such fabric in '$dir'" "" nope --dir "$dir"
	refused 2 "prepare-fabric takes one name" "famctl list-fabrics" --dir "$dir"
	refused 2 "prepare-fabric takes one name" "" torn nope --dir "$dir"
}
