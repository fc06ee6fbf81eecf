#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Values by doorbells alone, through the real server.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash
load ../lib/raw-server.bash

dir='' # set by fabric_setup
server='' # set by raw_serve

setup_file() {
	build_libfam_helper rings
}

setup() {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in this build"
	fabric_setup
}

teardown() {
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$dir"/*.log >&2
	fabric_teardown
}

serve() { # OPTION...
	raw_serve "$dir/s" "$dir/server.log" "$@"
}

rings() { # WORD...
	"$BATS_FILE_TMPDIR/rings" -d "server:$dir/s.host" "$@"
}

# begin NAME WORD...: the same behind the scenes, from when it is attached.
begin() {
	local name=$1
	shift
	rings "$@" >"$dir/$name.log" 2>&1 </dev/null 3>&- &
	pids+=("$!")
	wait_until 10 grep -q '^self ' "$dir/$name.log"
}

ended() { # NAME
	grep -qx 'done' "$dir/$1.log"
}

@test "a server without memory carries values both ways" {
	serve --no-memory -n 8
	begin one receive 2 0 300
	fam_run rings send 1 0 300
	assert_output -r '^self 2 vectors 7'$'\n''300 values in [0-9]+ ms'$'\n''done$'
	wait_until 10 ended one
	begin one send 2 0 300
	fam_run rings receive 1 0 300
	assert_output "300 values in"
	wait_until 10 ended one
}

@test "lines do not disturb each other, nor who rings other vectors" {
	serve --no-memory -n 16
	# Long enough that none has gone, and its ID with it, before all are there.
	begin one receive 3 0 3000
	begin three receive 4 8 3000
	begin two send 1 0 3000
	begin four send 2 8 3000
	for _ in {1..20}; do
		fam_run rings ring all 7 50
	done
	for name in one two three four; do
		wait_until 20 ended "$name"
	done
}

@test "a line needs seven vectors, and the other end" {
	serve --no-memory -n 7
	fam_run -1 rings send 1 0 1
	assert_output "not inside"
	proc_end "$server"
	serve --no-memory -n 8
	fam_run -1 rings send 1 1 1
}
