#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The room for named objects in a fabric, and what is in it.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup_file() {
	build_libfam_helper object
}

setup() {
	fabric_setup
	holder=
}

teardown() {
	[[ -z $holder ]] || kill -KILL "$holder" 2>/dev/null || true
	[[ -z $holder ]] || wait "$holder" 2>/dev/null || true
	holder=
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$dir/f.fam" "$@"
}

# object TYPE NAME [BYTES]: makes it, or finds it.
object() {
	"$BATS_FILE_TMPDIR/object" "$dir/f.fam" "$@" </dev/null
}

# hold TYPE NAME BYTES: a program that has it open; sets $holder.
hold() {
	"$BATS_FILE_TMPDIR/object" "$dir/f.fam" "$@" hold >"$dir/holder.out" \
		</dev/null 3>&- &
	holder=$!
	wait_until 10 grep -q open "$dir/holder.out"
}

@test "objects are listed by name" {
	make_fabric f
	fam_run fam objects
	assert_output -x "TYPE     SIZE       USERS MADE                NAME"
	object memory b/notes 5000
	object mutex 'a lock'
	hold event c/go 0
	fam_run fam objects
	assert_output -r "mutex    64 B       0     20[0-9-]+ [0-9:]+ a lock"
	assert_output -r "memory   4.8 KiB    0     20[0-9-]+ [0-9:]+ b/notes"
	assert_output -r "event    64 B       1     20[0-9-]+ [0-9:]+ c/go"
	assert "in the order of their names" test "$(printf '%s\n' "$output" |
		awk 'NR > 1 { print $1 }' | tr '\n' ' ')" = "mutex memory event "
	assert_stderr -x ""
}

@test "objects as JSON" {
	make_fabric f
	fam_run fam objects --json
	assert_json '. == {"objects": []}'
	object memory ä 5000
	fam_run fam objects --json
	assert_json '.objects | length == 1'
	assert_json '.objects[0] | .name == "ä" and .type == "memory" and .bytes == 5000 and .users == 0'
	assert_json '.objects[0] | .offset >= 15728640 and .offset + .bytes <= 16777216 and .serial == 1'
	assert_json ".objects[0].made_ns / 1000000000 | . > $(date +%s) - 60 and . < $(date +%s) + 60"
}

@test "an object is removed, unless somebody has it open" {
	make_fabric f
	object memory gone 64
	hold memory used 64
	fam_run fam objects --remove gone
	assert_output -x ""
	fam_run -3 fam objects --remove gone
	assert_stderr "fam: cannot use object 'gone': there is none"
	fam_run -4 fam objects --remove used
	assert_stderr "fam: cannot use object 'used': somebody uses it"
	kill -KILL "$holder"
	wait "$holder" || true
	holder=
	wait_until 10 fam objects --remove used
	fam_run fam objects --json
	assert_json '.objects == []'
}

@test "wrong words about objects" {
	make_fabric f
	fam_run -2 fam objects --remove ''
	assert_stderr "malformed name"
	fam_run -2 fam objects --remove /x
	assert_stderr "malformed name"
	fam_run -2 fam objects --remove "$(printf 'n%.0s' {1..96})"
	assert_stderr "the name is too long"
	fam_run -2 fam objects --remove x --json
	assert_stderr "'--json' and '--remove' exclude each other"
	fam_run -2 fam objects x
	fam_run -3 "$FAM_BUILD/bin/fam" -f "$dir/none.fam" objects
}

@test "a fabric without room for objects says so" {
	make_fabric f 16M --objects 0
	fam_run -1 fam objects
	assert_stderr "fam: fabric '$dir/f.fam' has no named objects"
	assert_stderr "hint: famctl create-fabric leaves room for them, but with --raw or --objects 0"
	fam_run -1 fam objects --remove x
	assert_stderr "has no named objects"
}

@test "create-fabric leaves as much room as it is told" {
	local -A room=([16M]=1048576 [64M]=4194304 [8G]=268435456)
	local size
	for size in "${!room[@]}"; do
		make_fabric "d$size" "$size" --sparse 2>/dev/null
		fam_run famctl --json show-fabric "d$size" --dir "$dir"
		assert_json ".objects_bytes == ${room[$size]}"
		assert_json '.features == ["mailbox", "sessions", "objects", "regions"]'
	done
	make_fabric f 64M --objects 20MiB
	fam_run famctl show-fabric f --dir "$dir"
	assert_output -r "for objects: +20 MiB"
	fam_run fam info --json
	assert_json '.data_bytes == (64 - 2 - 2 - 20) * 1048576'
	make_fabric none 16M --objects 0
	fam_run famctl --json show-fabric none --dir "$dir"
	assert_json '.objects_bytes == 0'
	make_fabric most 16M --objects 11M
	fam_run famctl --json show-fabric most --dir "$dir"
	assert_json '.objects_bytes == 11534336'
}

@test "create-fabric refuses what is no room for objects" {
	local -a create=(famctl create-fabric 16M f --dir "$dir")
	fam_run -2 "${create[@]}" --objects much
	assert_stderr "famctl: cannot create a fabric: --objects: 'much' is not a size"
	fam_run -2 "${create[@]}" --objects 1000K
	assert_stderr "1000KiB for objects is not a multiple of 1MiB"
	assert_stderr "hint: use 1MiB"
	fam_run -2 "${create[@]}" --objects 13M
	assert_stderr "13MiB for objects leaves no room for data"
	assert_stderr "hint: use 11MiB or less"
	fam_run -2 "${create[@]}" --objects 99999999T
	fam_run -2 "${create[@]}" --objects 1M --raw
	assert_stderr "a raw fabric has no place for --objects"
	refute "nothing was made" test -e "$dir/f.fam"
}

@test "what is wrong is said as JSON, too" {
	make_fabric f 16M --objects 0
	fam_run -1 fam objects --json
	assert_json '.error.exit_status == 1 and (.error.hint | length > 0)'
	assert_json ".error.message == \"fabric '$dir/f.fam' has no named objects\""
	assert_stderr "fam: fabric '$dir/f.fam' has no named objects"
	fam_run -3 "$FAM_BUILD/bin/fam" -f "$dir/none.fam" objects --json
	assert_json '.error.exit_status == 3'
}

@test "a raw fabric, and those of earlier releases, have no objects" {
	local which
	make_fabric raw 16M --raw
	for which in format-v1 format-v1-mailbox format-v1-sessions; do
		truncate -s 64M "$dir/$which.fam"
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb0" of="$dir/$which.fam" conv=notrunc status=none
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb1" of="$dir/$which.fam" bs=1M seek=1 \
			conv=notrunc status=none
	done
	for which in raw format-v1 format-v1-mailbox format-v1-sessions; do
		fam_run -1 "$FAM_BUILD/bin/fam" -f "$dir/$which.fam" objects
		assert_stderr -x "fam: fabric '$dir/$which.fam' has no named objects
hint: famctl create-fabric leaves room for them, but with --raw or --objects 0; earlier releases did not"
	done
}
