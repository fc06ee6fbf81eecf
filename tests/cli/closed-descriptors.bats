#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The next file a program opens takes the lowest descriptor that is free: without
# stdin, stdout or stderr that is the fabric, and messages would go into it.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f
	printf 'precious' >"$BATS_TEST_TMPDIR/data"
}

teardown() {
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

# without in|out|err|out-err|all COMMAND...
without() {
	local which=$1
	shift
	case $which in
	in) "$@" <&- ;;
	out) "$@" >&- ;;
	err) "$@" 2>&- ;;
	out-err) "$@" >&- 2>&- ;;
	all) "$@" <&- >&- 2>&- ;;
	esac
}

# each_way COMMAND...: must leave the fabric as it is, whatever it returns.
each_way() {
	local which before
	before=$(sha256sum "$dir/f.fam")
	for which in in out err out-err all; do
		status=0
		without "$which" "$@" <"$BATS_TEST_TMPDIR/data" >/dev/null 2>&1 3>&- || status=$?
		assert "the fabric is as it was, without $which: $*" \
			test "$(sha256sum "$dir/f.fam")" = "$before"
	done
}

@test "fam write stores its input and nothing else" {
	local which
	for which in out err out-err; do
		without "$which" fam -f "$dir/f.fam" write <"$BATS_TEST_TMPDIR/data" 3>&- || true
		fam_run famctl --json show-fabric "$dir/f.fam"
		assert_json 'has("damaged") | not' "both superblocks are whole, without $which"
		fam_run fam -f "$dir/f.fam" read --length 8
		assert_output -x precious "what was written is there"
	done
}

@test "fam write that fails stores nothing" {
	each_way fam -f "$dir/f.fam" write --offset 12582912
	each_way fam -f "$dir/f.fam" write --no-such-option
}

@test "fam write without its input stores nothing" {
	local which before
	before=$(sha256sum "$dir/f.fam")
	for which in in all; do
		status=0
		without "$which" fam -f "$dir/f.fam" write 3>&- || status=$?
		refute "it fails without $which" test "$status" -eq 0
		assert "the fabric is as it was" test "$(sha256sum "$dir/f.fam")" = "$before"
	done
}

@test "what only reads a fabric leaves it as it is" {
	each_way fam -f "$dir/f.fam" info
	each_way fam -f "$dir/f.fam" read --length 4096
	each_way fam -f "$dir/none.fam" read
	each_way famctl show-fabric "$dir/f.fam"
	each_way famctl list-fabrics --dir "$dir"
	each_way famctl sync-fabric --all --dir "$dir"
	each_way famctl create-node n1 --fabric "$dir/f.fam" --dry-run
}
