#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The backing file is somebody's data: what is refused, with which words and
# exit status, and that nothing about the file has changed then.

# shellcheck disable=SC2317 # tests and their helpers are called by bats
export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

pid_a=0 # set by attach

setup() {
	server_setup
}

teardown() {
	server_teardown
}

# Refused with STATUS and TEXT, by --check and by the server itself; the file
# stays as it was and no socket is left.
refuses() { # STATUS TEXT FILE OPTION...
	local status_want=$1 text=$2 file=$3 before check
	shift 3
	before=$(fingerprint "$file")
	for check in --check --log-level=error; do
		expect "$status_want" "$tm_server" -f "$file" -p "$SOCK" $check "$@"
		output_has "tm-server: cannot serve '$file': $text"
	done
	[[ $before == "$(fingerprint "$file")" ]] || fail "the file changed"
	nothing_left
}

fingerprint() { # FILE
	stat -c '%s %b %Y %i %a' "$1" 2>&1 || true
	sha256sum "$1" 2>&1 || true
}

nothing_left() {
	local -a left=("$SOCK"*)
	[[ ! -e ${left[0]} ]] || fail "left behind: ${left[*]}"
}

data_file() { # NAME BYTES
	head -c "$2" /dev/urandom >"$1"
}

@test "no file" {
	refuses 3 "cannot open it: No such file or directory" missing
	output_has "hint: famctl create-fabric"
	[[ ! -e missing ]]
}

@test "an empty file" {
	: >empty
	refuses 1 "it is empty" empty
	output_has "hint: -t with -m SIZE gives it a size"
}

@test "a file shorter than -m" {
	data_file short 2097152
	refuses 1 "it is 2 MiB, not the 4 MiB asked for" short -m 4
	output_has "hint: -t makes it larger"
}

@test "a file longer than -m, with and without -t" {
	data_file long 4194304
	refuses 1 "it is 4 MiB, not the 2 MiB asked for" long -m 2
	refuses 1 "-t would cut off what is in it" long -m 2 -t
}

@test "a file whose size is no power of two, or too small" {
	data_file odd 3145728
	refuses 1 "3145728 bytes is not a power of two" odd
	data_file tiny 65536
	refuses 1 "64 KiB is not between 1 MiB and 16 TiB" tiny
}

@test "a read-only file, a link, a directory, a device, a pipe" {
	data_file ro 1048576
	chmod 0444 ro
	refuses 1 "the file is read-only" ro
	data_file real 1048576
	ln -s real link
	refuses 1 "it is a symbolic link" link
	mkdir dir
	expect 1 "$tm_server" -f dir -p "$SOCK"
	output_has "cannot serve 'dir': it is a directory"
	expect 1 "$tm_server" -f /dev/zero -p "$SOCK"
	output_has "cannot serve '/dev/zero': it is not a regular file"
	mkfifo fifo
	expect 1 "$tm_server" -f fifo -p "$SOCK"
	output_has "it is not a regular file"
	nothing_left
}

@test "a file another server has" {
	data_file served 1048576
	start_server -f served
	expect 4 "$tm_server" -f served -p "$WORK/other"
	output_has "cannot serve 'served': another server has it"
	expect 4 "$tm_server" -f served -p "$WORK/other" --check
	[[ ! -e $WORK/other && ! -e $WORK/other.lock ]]
	server_answers
	stop_server
	nothing_left
}

@test "the lock goes with the server, though its peers live on" {
	data_file served 1048576
	start_server -f served
	attach a modern
	stop_server KILL 137
	kill -0 "$pid_a"
	start_server -f served
	stop_server
}

@test "wrong sizes are refused before anything is touched" {
	data_file f 1048576
	local size
	for size in 3 0 1K abc -1 "" 17T 100000000000000000000; do
		expect 2 "$tm_server" -f f -p "$SOCK" -t -m "$size"
	done
	[[ $(stat -c %s f) == 1048576 ]]
	nothing_left
}

@test "-t makes a new file with all of its space, and grows one" {
	start_server -f new -t -m 4
	stop_server
	[[ $(stat -c '%s %a' new) == "4194304 660" ]]
	(($(stat -c %b new) * 512 >= 4194304))
	data_file old 2097152
	local before
	before=$(sha256sum <old)
	start_server -f old -t -m 8M
	stop_server
	[[ $(stat -c %s old) == 8388608 ]]
	[[ $(head -c 2097152 old | sha256sum) == "$before" ]]
	(($(stat -c %b old) * 512 >= 8388608))
}

@test "-t --force makes smaller, unless somebody has the file open" {
	data_file f 4194304
	local before fd
	before=$(head -c 1048576 f | sha256sum)
	exec {fd}<f
	expect 4 "$tm_server" -f f -p "$SOCK" -t --force -m 1
	output_has "somebody has it open"
	[[ $(stat -c %s f) == 4194304 ]]
	exec {fd}<&-
	start_server -f f -t --force -m 1
	stop_server
	[[ $(stat -c %s f) == 1048576 && $(sha256sum <f) == "$before" ]]
}

@test "a full disk is an error at the start, and changes nothing" {
	((EUID == 0)) || skip "mounting needs root"
	mkdir small
	mount -t tmpfs -o size=8m tmpfs small || skip "no mount here"
	local status_of_test=0
	full_disk || status_of_test=$?
	umount small
	return $status_of_test
}

full_disk() {
	expect 1 "$tm_server" -f small/new -p "$SOCK" -t -m 16
	output_has "cannot reserve 16 MiB: No space left on device"
	[[ ! -e small/new ]] || return 1
	data_file small/f 2097152
	local before
	before=$(sha256sum <small/f)
	expect 1 "$tm_server" -f small/f -p "$SOCK" -t -m 16
	output_has "cannot reserve 14 MiB: No space left on device"
	[[ $(stat -c %s small/f) == 2097152 && $(sha256sum <small/f) == "$before" ]] ||
		return 1
	truncate -s 16M small/sparse
	printf 'kept' | dd of=small/sparse bs=1 seek=5000 conv=notrunc status=none
	before=$(sha256sum <small/sparse)
	expect 1 "$tm_server" -f small/sparse -p "$SOCK" --reserve
	output_has "cannot reserve 16 MiB: No space left on device"
	[[ $(sha256sum <small/sparse) == "$before" ]] || return 1
	start_server -f small/sparse
	grep -q "a full disk kills nodes" server.log || return 1
	stop_server
	nothing_left
}

@test "sparse files of 8 GiB, 512 GiB and 2 TiB survive 100 starts" {
	local size before i
	for size in 8G 512G 2T; do
		truncate -s "$size" big
		printf 'begin' | dd of=big conv=notrunc status=none
		printf 'end' | dd of=big bs=1 conv=notrunc status=none \
			seek=$(($(stat -c %s big) - 3))
		before=$(stat -c '%s %b %i %Y' big)
		for ((i = 0; i < 100; i++)); do
			start_server -f big
			stop_server
		done
		[[ $(stat -c '%s %b %i %Y' big) == "$before" ]]
		[[ $(head -c 5 big)$(tail -c 3 big) == beginend ]]
		rm big
	done
}

@test "shared memory, and no memory" {
	local name=fam-test-$$
	expect 3 "$tm_server" -s "$name" -p "$SOCK"
	start_server -s "$name" -m 1 -t
	attach a modern
	asked a size "size 1048576"
	stop_server
	[[ $(stat -c %s "/dev/shm/$name") == 1048576 ]]
	rm "/dev/shm/$name"
	expect 2 "$tm_server" -s ../x -p "$SOCK"
	SOCK=$WORK/t
	start_server --no-memory
	attach b host
	asked b size "size 4096"
	stop_server
	expect 2 "$tm_server" -p "$SOCK"
	output_has "nothing to serve"
	expect 2 "$tm_server" -p "$SOCK" -f x -s y
}

@test "a formatted fabric names itself, keeps its size, and is seen to be cut" {
	"$tools/fam-format" fab 16777216 fabric7
	start_server -f fab
	[[ $(server_status label) == fabric7 ]]
	stop_server
	refuses 4 "it is formatted: its size is fixed" fab -t -m 32
	refuses 4 "it is formatted: its size is fixed" fab -t --force -m 8
	# both superblocks damaged: served, but not resized
	printf 'x' | dd of=fab bs=1 seek=100 conv=notrunc status=none
	printf 'x' | dd of=fab bs=1 seek=1048676 conv=notrunc status=none
	refuses 4 "it is formatted: its size is fixed" fab -t -m 32
	start_server -f fab
	stop_server
	"$tools/fam-format" cut 16777216 fabric8
	truncate -s 8M cut
	refuses 1 "it is 8388608 bytes, but was made with 16777216: part of it is missing" cut
}

@test "peers get the file itself" {
	data_file f 1048576
	start_server -f f
	attach a host
	attach b modern
	asked a "put 512 4711" "done"
	asked b "get 512" "word 4711"
	stop_server
	[[ $(od -An -t u8 -j 512 -N 8 f | tr -d ' ') == 4711 ]]
}
