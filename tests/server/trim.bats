#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The server gives back the blocks of regions that nodes and programs destroy.

export BATS_TEST_TIMEOUT=120
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

setup() {
	server_setup
	# A file system that has a disk, and holes.
	DISK=$(mktemp -d /var/tmp/fam-trim.XXXXXX)
	FABRIC=$DISK/f.fam
}

teardown() {
	[[ -z ${SERVER:-} ]] || gone "$SERVER" || stop_server KILL 137
	rm -rf "$DISK"
	server_teardown
}

fabric() { # OPTION...
	expect 0 "$FAM_BUILD/bin/famctl" create-fabric 64M f --path "$FABRIC" "$@"
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$FABRIC" "$@"
}

mib_of_file() {
	printf '%d\n' $(($(stat -c %b "$FABRIC") / 2048))
}

at_most() { # MIB
	(($(mib_of_file) <= $1))
}

put() { # NAME MIB
	head -c "$2M" /dev/urandom >"$DISK/$1"
	fam put "$DISK/$1" "$1"
}

same() { # NAME
	fam get "$1" - | cmp - "$DISK/$1"
}

logged() { # TEXT
	grep -q -e "$1" "$WORK/server.log"
}

@test "blocks of a region that is destroyed come back soon" {
	fabric --sparse
	start_server -f "$FABRIC"
	put gone 20
	put kept 3
	(($(mib_of_file) >= 23))
	local before
	before=$(fds_of "$SERVER")
	fam rm gone
	wait_for at_most 8
	same kept
	put kept2 5
	fam rm kept2
	wait_for at_most 8
	same kept
	# nothing is left of its session
	sessions_are_gone() { [[ $(fam peers | wc -l) == 1 ]] && (($(fds_of "$SERVER") <= before)); }
	wait_for sessions_are_gone
	instrumented || (($(rss_kib "$SERVER") < 16384))
	stop_server
	if logged "cannot give back"; then fail "it was told that it cannot be done"; fi
}

@test "what was freed while no server ran comes back when one does" {
	fabric --sparse
	put gone 20
	fam rm gone
	(($(mib_of_file) >= 20))
	start_server -f "$FABRIC"
	wait_for at_most 5
	stop_server
}

@test "reserved space stays reserved" {
	fabric
	start_server -f "$FABRIC" --log-level debug
	put gone 20
	fam rm gone
	wait_for logged "keeps the blocks of regions that are gone"
	(($(mib_of_file) >= 64))
	stop_server
}

@test "another server in its place goes on with it" {
	fabric --sparse
	start_server -f "$FABRIC"
	put one 8
	fam rm one
	kill -USR2 "$SERVER"
	wait_for server_answers
	wait_for at_most 4
	put two 8
	fam rm two
	wait_for at_most 4
	stop_server
}

@test "regions come and go while blocks are given back" {
	local i
	fabric --sparse
	start_server -f "$FABRIC"
	put kept 3
	head -c 6M /dev/urandom >"$DISK/content"
	for ((i = 0; i < 40; i++)); do
		fam put "$DISK/content" "r$i"
		((i < 4)) || fam get "r$((i - 4))" - | cmp - "$DISK/content"
		((i < 4)) || fam rm "r$((i - 4))"
	done
	same kept
	for ((i = 36; i < 40; i++)); do
		fam get "r$i" - | cmp - "$DISK/content"
		fam rm "r$i"
	done
	wait_for at_most 8
	same kept
	expect 0 "$FAM_BUILD/bin/famctl" check-fabric "$FABRIC"
	stop_server
}

@test "where it cannot be done, that is said once, and the server serves" {
	fabric --sparse
	"${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o faults \
		"$BATS_TEST_DIRNAME/../lib/faults.c"
	FAULT=fallocate=EOPNOTSUPP LD_PRELOAD=$PWD/faults \
		ASAN_OPTIONS=verify_asan_link_order=0 start_server -f "$FABRIC"
	put gone 8
	fam rm gone
	wait_for logged "cannot give back the blocks of regions that are gone: "
	put again 50
	same again
	fam rm again
	[[ $(grep -c "cannot give back" server.log) == 1 ]]
	stop_server
}

@test "a file that was given by its name alone is found" {
	fabric --sparse
	cd "$DISK"
	start_server -f f.fam
	put gone 8
	fam rm gone
	wait_for at_most 4
	stop_server
	cd "$WORK"
}

@test "the server ends although somebody keeps the lock of the regions" {
	fabric --sparse
	start_server -f "$FABRIC"
	mkfifo hold
	"$tools/fam-regions-lock" "$FABRIC" locked <hold 3>&- &
	PIDS+=("$!")
	exec 7>hold
	wait_for test -e locked
	# it tells that something was freed: the server wants the lock, too
	server_has_come() { (($(fam peers | wc -l) >= 3)); }
	wait_for server_has_come
	DEADLINE=10 stop_server
	exec 7>&-
}
