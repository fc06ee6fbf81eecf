#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' # set by fabric_setup

# create-fabric where disks, file systems and people get in its way.

setup_file() {
	faults_build
}

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

nothing_left() {
	assert "nothing is left in the directory" test -z "$(ls -A "$dir")"
}

# Has the process written so many bytes?
has_written() { # PID BYTES
	local key count
	while read -r key count; do
		[[ $key == wchar: ]] && ((count >= $2)) && return 0
	done <"/proc/$1/io"
	return 1
}

# Interrupts `create-fabric --prepare` while it writes; it is to die by SIGNAL.
interrupt_prepare() { # SIGNAL COMMAND...
	local pid status=0 signal=$1
	shift
	"$@" create-fabric 4G --prepare --dir "$dir" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	wait_until 20 has_written "$pid" $((32 << 20)) || die "it never wrote"
	kill -"$signal" "$pid"
	wait "$pid" || status=$?
	assert "status $status is that of a death by SIG$signal" \
		test "$status" -eq $((128 + $(kill -l "$signal")))
	assert "it says nothing more" test ! -s "$BATS_TEST_TMPDIR/out"
	nothing_left
}

famctl_without_nameless_files() {
	export FAULT=tmpfile=EOPNOTSUPP LD_PRELOAD=$BATS_FILE_TMPDIR/faults ASAN_OPTIONS=verify_asan_link_order=0
	famctl_started "$@"
}

@test "Ctrl-C during --prepare leaves nothing, status 130" {
	interrupt_prepare INT famctl_started
}

@test "SIGTERM and SIGHUP during --prepare leave nothing" {
	interrupt_prepare TERM famctl_started
	interrupt_prepare HUP famctl_started
}

@test "Ctrl-C during --prepare removes the hidden file of simple file systems" {
	interrupt_prepare INT famctl_without_nameless_files
}

@test "nohup: an ignored SIGHUP does not end it" {
	local pid status=0
	env --ignore-signal=HUP "$FAM_BUILD/bin/famctl" create-fabric 256M --prepare --dir "$dir" 3>&- &
	pid=$!
	wait_until 20 has_written "$pid" $((8 << 20)) || die "it never wrote"
	kill -HUP "$pid"
	wait "$pid" || status=$?
	assert "status $status" test "$status" -eq 0
	fam_run famctl show-fabric --dir "$dir" fabric0
}

@test "SIGKILL during --prepare leaves nothing where files can be nameless" {
	local pid no_nameless=0
	famctl_started create-fabric 4G --prepare --dir "$dir" 3>&- &
	pid=$!
	wait_until 20 has_written "$pid" $((32 << 20)) || die "it never wrote"
	[[ -z $(ls -A "$dir") ]] || no_nameless=1
	kill -KILL "$pid"
	wait "$pid" || true
	((!no_nameless)) || skip "the file system knows no files without a name"
	nothing_left
}

# Larger ones make large pieces in the host's page cache, and each commit of a
# few bytes then costs megabytes on the disk.
@test "zeros are written 4 KiB at a time" {
	local pid bytes calls
	famctl_started create-fabric 4G --prepare --dir "$dir" 3>&- &
	pid=$!
	wait_until 20 has_written "$pid" $((32 << 20)) || die "it never wrote"
	bytes=$(sed -n 's/^wchar: //p' "/proc/$pid/io")
	calls=$(sed -n 's/^syscw: //p' "/proc/$pid/io")
	kill -TERM "$pid"
	wait "$pid" || true
	assert "$bytes bytes in $calls calls" test $((bytes / calls)) -le 4096
}

@test "progress shows on a terminal, and is wiped out" {
	requires_command script
	fam_run famctl_at_terminal '' create-fabric 2G --prepare --dir "$dir"
	assert_output -r 'fabric0.fam \[#+ +\] +[0-9]+% [0-9.]+ [MG]iB of 2 GiB'
	assert_output "created fabric 'fabric0': 2 GiB"
}

@test "without nameless files a hidden one takes their place" {
	fam_run famctl_with tmpfile=EOPNOTSUPP create-fabric 16M --dir "$dir"
	assert "only the fabric is there" test "$(ls -A "$dir")" = fabric0.fam
	fam_run famctl show-fabric --dir "$dir" fabric0
	fam_run -4 famctl_with tmpfile=EOPNOTSUPP create-fabric 16M --dir "$dir"
	assert "only the fabric is there" test "$(ls -A "$dir")" = fabric0.fam
}

@test "without a rename that replaces nothing a hard link does" {
	fam_run famctl_with tmpfile=EOPNOTSUPP,rename=EINVAL create-fabric 16M --dir "$dir"
	assert "only the fabric is there" test "$(ls -A "$dir")" = fabric0.fam
	assert "it has one name" test "$(stat -c %h "$dir/fabric0.fam")" -eq 1
}

@test "a file system that cannot reserve space: zeros are written, with a note" {
	fam_run famctl_with fallocate=EOPNOTSUPP create-fabric 64M --dir "$dir"
	assert_stderr "the file system in '$dir' cannot reserve space: writing zeros instead"
	assert "its blocks" test "$(stat -c %b "$dir/fabric0.fam")" -ge $((64 << 11))
	fam_run famctl show-fabric --dir "$dir" fabric0
}

@test "the same on a real file system without it" {
	mount_on ramfs mode=755
	fam_run famctl create-fabric 16M --dir "$dir"
	assert_stderr "cannot reserve space: writing zeros instead"
	fam_run famctl show-fabric --dir "$dir" fabric0
}

@test "a disk that fills up meanwhile: nothing is left" {
	fam_run -1 famctl_with fallocate=ENOSPC create-fabric 16M --dir "$dir"
	assert_stderr "cannot create fabric 'fabric0': cannot reserve the space: No space left on device"
	assert_stderr "hint: choose a smaller size"
	nothing_left
	fam_run -1 famctl_with tmpfile=EOPNOTSUPP,fallocate=ENOSPC create-fabric 16M --dir "$dir"
	nothing_left
}

@test "a full disk" {
	mount_on tmpfs size=48m,mode=755
	make_fabric first 32M
	fam_run -1 famctl create-fabric 32M second --dir "$dir"
	assert_stderr "cannot create fabric 'second': it needs 32 MiB, 16 MiB are free in '$dir'"
	assert_stderr "hint: choose a smaller size, or a larger disk with --dir"
	assert "only the first is there" test "$(ls -A "$dir")" = first.fam
}

@test "a full ext4, whose own data take some of the free space" {
	requires_root "to mount a file system"
	requires_command mkfs.ext4
	local image=$BATS_TEST_TMPDIR/image
	truncate -s 80M "$image"
	mkfs.ext4 -q "$image"
	mount_on ext4 loop "$image"
	fam_run -1 famctl create-fabric 128M --dir "$dir"
	assert_stderr -r "it needs 128 MiB, [0-9.]+ MiB are free"
	fam_run famctl create-fabric 64M --dir "$dir"
	fam_run -1 famctl create-fabric 16M second --dir "$dir"
	refute "the second is not there" test -e "$dir/second.fam"
}

@test "a read-only file system" {
	mount_on tmpfs ro
	fam_run -1 famctl create-fabric 16M --dir "$dir"
	assert_stderr "cannot make a file in '$dir': Read-only file system"
}

@test "a file system in memory cannot keep the promise of durability: a warning" {
	mount_on tmpfs size=64m,mode=755
	fam_run famctl create-fabric 16M --dir "$dir"
	assert_stderr "warning: '$dir' is on a file system in memory: nothing in this fabric survives the host"
	fam_run famctl create-fabric 1M raw --raw --dir "$dir"
	assert_stderr "warning: '$dir' is on a file system in memory: nothing in this fabric survives the host"
	fam_run famctl create-fabric 16M g --durability guest --dir "$dir"
	refute_stderr warning "it was not promised"
}

@test "a disk that fails to sync: nothing is left" {
	fam_run -1 famctl_with fsync=EIO create-fabric 16M --dir "$dir"
	assert_stderr "cannot sync the file: Input/output error"
	nothing_left
}

@test "a name taken in the last moment is not replaced" {
	fam_run -4 famctl_with link=EEXIST create-fabric 16M --dir "$dir"
	assert_stderr "'$dir/fabric0.fam' exists; famctl never overwrites"
	nothing_left
}

@test "a name that cannot be given: nothing is left" {
	fam_run -1 famctl_with link=EIO create-fabric 16M --dir "$dir"
	assert_stderr "cannot name the file 'fabric0.fam': Input/output error"
	nothing_left
}

@test "a file size limit of the shell is an error, not a signal" {
	limited() {
		ulimit -f 1024
		famctl create-fabric 16M --dir "$dir"
	}
	fam_run -1 limited
	assert_stderr "the limit of the shell (ulimit -f), allows no file of this size"
	nothing_left
}

@test "a file system whose files end below the size" {
	requires_root "to mount a file system"
	requires_command mkfs.ext4
	local image=$BATS_TEST_TMPDIR/image
	truncate -s 64M "$image"
	mkfs.ext4 -q -b 1024 "$image"
	mount_on ext4 loop "$image"
	fam_run -1 famctl create-fabric 16T --sparse --dir "$dir"
	assert_stderr "allows no file of this size"
	assert_stderr "hint: ext4 ends just below 16 TiB; xfs does not"
	assert "nothing was made" test ! -e "$dir/fabric0.fam"
}

@test "many at once for one name: one wins, the others are told" {
	local -a pids=()
	local i status won=0 taken=0
	for i in 1 2 3 4 5 6; do
		famctl_started create-fabric 16M --dir "$dir" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		status=0
		wait "$i" || status=$?
		case $status in
		0) ((++won)) ;;
		4) ((++taken)) ;;
		esac
	done
	assert "one of six wins ($won, $taken)" test "$won $taken" = "1 5"
	assert "only the fabric is there" test "$(ls -A "$dir")" = fabric0.fam
}
