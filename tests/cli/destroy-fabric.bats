#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' holder='' # set by fabric_setup and holding
kept='' # a file of a test that cannot be removed

setup_file() {
	faults_build
	hold_build
	reseal_build
}

setup() {
	kept=''
	fabric_setup
}

teardown() {
	[[ -z $kept ]] || chattr -i "$kept"
	fabric_teardown
}

# A refused destroy-fabric leaves everything as it was.
refused() { # STATUS MESSAGE HINT ARGUMENT...
	local status_wanted=$1 message=$2 hint=$3 before
	shift 3
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" famctl destroy-fabric --dir "$dir" "$@"
	assert_stderr "$message"
	[[ -z $hint ]] || assert_stderr "hint: $hint"
	assert_output -x ""
	assert_unchanged "$dir" "$before"
}

@test "--force destroys a fabric, and nothing beside it" {
	make_fabric f
	make_fabric g
	touch "$dir/notes"
	fam_run famctl destroy-fabric f --dir "$dir" --force
	assert_output -x "destroyed fabric 'f' (16 MiB): $dir/f.fam"
	assert_stderr -x ""
	assert "the rest is there" test "$(ls -A "$dir")" = $'g.fam\nnotes'
}

@test "several at once, and JSON" {
	make_fabric a
	make_fabric b 1M --raw
	fam_run famctl --json destroy-fabric a b --dir "$dir" --force
	assert_json 'map(.name) == ["a", "b"] and map(.size) == [16777216, 1048576]'
	assert "nothing is there" test -z "$(ls -A "$dir")"
}

@test "what was destroyed before a failure is told beside it" {
	make_fabric a
	make_fabric b
	chattr +i "$dir/b.fam" || skip "the file system has no immutable files"
	kept=$dir/b.fam
	fam_run -1 famctl destroy-fabric a b --dir "$dir" --json --force
	assert_json '.error.message | startswith("cannot destroy fabric \u0027b\u0027: cannot remove")'
	assert_json '.done | length == 1 and .[0].name == "a" and .[0].size == 16777216'
	assert "only the other one is there" test "$(ls "$dir")" = b.fam
	fam_run -1 famctl destroy-fabric b --dir "$dir" --json --force
	assert_json 'has("error") and (has("done") | not)'
}

@test "a formatted one under any file name" {
	make_fabric f
	mv "$dir/f.fam" "$dir/f.bin"
	fam_run famctl destroy-fabric "$dir/f.bin" --force
	assert "nothing is there" test -z "$(ls -A "$dir")"
}

@test "--dry-run destroys nothing" {
	local before
	make_fabric f
	before=$(snapshot "$dir")
	fam_run famctl --dry-run destroy-fabric f --dir "$dir"
	assert_output -x "would destroy fabric 'f' (16 MiB): $dir/f.fam"
	assert_unchanged "$dir" "$before"
}

@test "without a terminal it needs --force" {
	make_fabric f
	refused 2 "cannot destroy fabric 'f': there is no terminal to ask for confirmation" "--force" f
}

@test "at a terminal it asks: yes" {
	requires_command script
	make_fabric f
	fam_run famctl_at_terminal $'y\n' destroy-fabric f --dir "$dir"
	assert_output -r "Destroy fabric 'f' \(16 MiB, [0-9]+ bytes allocated\) with all its data\? \[y/N\]"
	assert "it is gone" test ! -e "$dir/f.fam"
}

@test "at a terminal it asks: anything else means no" {
	requires_command script
	local answer before
	make_fabric f
	before=$(snapshot "$dir")
	for answer in $'n\n' $'\n' $'yeah\n' $'\004'; do
		fam_run -1 famctl_at_terminal "$answer" destroy-fabric f --dir "$dir"
		assert_output "cannot destroy fabric 'f': it stays: not confirmed"
		assert_unchanged "$dir" "$before"
	done
}

@test "in use: refused, with or without --force" {
	local how
	make_fabric f
	for how in w r m; do
		holding "$how" "$dir/f.fam"
		refused 4 "cannot destroy fabric 'f': it is in use by hold-file (pid $holder)" "stop the nodes and programs" f
		refused 4 "cannot destroy fabric 'f': it is in use by hold-file (pid $holder)" "stop the nodes and programs" f --force
		let_go
	done
	fam_run famctl destroy-fabric f --dir "$dir" --force
}

@test "a node refers to it: refused, with the node's name" {
	make_fabric f
	node_uses node07 "$dir/f.fam"
	refused 4 "cannot destroy fabric 'f': node 'node07' is defined to use it" "famctl destroy-node node07" f
	fam_run famctl destroy-fabric f --dir "$dir" --force
	assert_stderr "left: node 'node07', which cannot start without it"
	assert "it is gone" test ! -e "$dir/f.fam"
}

@test "a node refers to it by another path" {
	make_fabric f
	ln -s . "$dir/way"
	node_uses node07 "$dir/way/f.fam"
	refused 4 "node 'node07' is defined to use it" "" f
}

@test "libvirt out of reach: it says what was not checked" {
	make_fabric f
	without_libvirt
	fam_run famctl destroy-fabric f --dir "$dir" --force
	assert_stderr "nodes that may be defined to use it were not looked for"
}

@test "one of several in use: none is destroyed" {
	make_fabric a
	make_fabric b
	holding w "$dir/b.fam"
	refused 4 "cannot destroy fabric 'b': it is in use" "" --force a b
	let_go
}

@test "one fabric named twice: refused before anything is destroyed" {
	make_fabric a
	make_fabric b
	ln "$dir/b.fam" "$dir/c.fam"
	ln -s . "$dir/way"
	refused 2 "cannot destroy fabric 'b': it is named twice: also as 'b'" "" --force a b b
	refused 2 "cannot destroy fabric '$dir/way/b.fam': it is named twice: also as 'b'" "" --force a b "$dir/way/b.fam"
	refused 2 "cannot destroy fabric 'c': it is named twice: also as 'b'" "" --force b a c
	fam_run -2 famctl --dry-run destroy-fabric --dir "$dir" a a
	assert_stderr "it is named twice"
}

@test "output that cannot be written: it is gone, and the failure is told" {
	make_fabric f
	into_full() {
		famctl destroy-fabric f --force --dir "$dir" >/dev/full
	}
	fam_run -1 into_full
	assert_stderr "cannot write the output: No space left on device"
	refute "it is gone" test -e "$dir/f.fam"
}

@test "foreign files, also with --force" {
	echo precious >"$dir/thesis.odt"
	echo precious >"$dir/notes.fam"
	truncate -s 16M "$dir/disk.img"
	refused 1 "cannot open fabric '$dir/thesis.odt': not a fabric" "" --force "$dir/thesis.odt"
	refused 1 "cannot open fabric 'notes': not a fabric" "" --force notes
	refused 1 "cannot open fabric '$dir/disk.img': not a fabric" "" --force "$dir/disk.img"
}

@test "a directory, a symbolic link, a device" {
	make_fabric f
	mkdir "$dir/sub.fam"
	ln -s f.fam "$dir/link.fam"
	refused 1 "not a fabric: it is a directory" "" --force sub
	refused 1 "it is a symbolic link" "name the file it leads to" --force link
	refused 1 "not a fabric: it is no regular file" "" --force /dev/null
}

@test "no such fabric" {
	refused 3 "cannot open fabric 'nope': no such fabric in '$dir'" "famctl list-fabrics" --force nope
	fam_run -2 famctl destroy-fabric
	assert_stderr "destroy-fabric takes one name or more"
}

@test "a damaged, truncated or newer one needs --force" {
	make_fabric torn
	make_fabric short
	make_fabric newer
	damage "$dir/torn.fam" $((SUPERBLOCK_0 + 100))
	damage "$dir/torn.fam" $((SUPERBLOCK_1 + 100))
	truncate -s 8M "$dir/short.fam"
	reseal "$dir/newer.fam" version 2
	refused 1 "both copies of the superblock are damaged" "--force destroys it nevertheless" torn
	refused 1 "it is cut short" "--force destroys it nevertheless" short
	refused 1 "its format 2 is newer" "--force destroys it nevertheless" newer
	fam_run famctl destroy-fabric torn short newer --dir "$dir" --force
	assert "nothing is there" test -z "$(ls -A "$dir")"
}

@test "a damaged one without the suffix is not known to be a fabric" {
	make_fabric f
	damage "$dir/f.fam" $((SUPERBLOCK_0 + 100))
	damage "$dir/f.fam" $((SUPERBLOCK_1 + 100))
	mv "$dir/f.fam" "$dir/f.bin"
	refused 1 "both copies of the superblock are damaged" "" --force "$dir/f.bin"
}

@test "other names of the same file are told" {
	make_fabric f
	ln "$dir/f.fam" "$dir/second"
	fam_run famctl destroy-fabric f --dir "$dir" --force
	assert_stderr "left: the data, under 1 other name (hard links)"
	assert "the other name is there" test -e "$dir/second"
}

@test "another file in its place is not removed" {
	requires_command script
	local pid
	make_fabric f
	mkfifo "$BATS_TEST_TMPDIR/answer"
	exec {answer}<>"$BATS_TEST_TMPDIR/answer"
	script --quiet --return --flush --command "$FAM_BUILD/bin/famctl --connect $FABRIC_URI destroy-fabric $dir/f.fam" \
		/dev/null <&"$answer" >"$BATS_TEST_TMPDIR/said" 3>&- &
	pid=$!
	wait_until 10 grep -q 'y/N' "$BATS_TEST_TMPDIR/said" || die "it never asked"
	mv "$dir/f.fam" "$dir/moved.fam"
	echo precious >"$dir/f.fam"
	echo y >&"$answer"
	refute "it fails" wait "$pid"
	exec {answer}>&-
	assert "the cause is told" grep -q "another file has taken the place of '$dir/f.fam'" "$BATS_TEST_TMPDIR/said"
	assert "the other file is there" grep -q precious "$dir/f.fam"
	assert "the fabric is there" test -e "$dir/moved.fam"
}

@test "without permission" {
	requires_root "to give files away"
	local before
	make_fabric f
	chown "$FAM_USER:" "$dir/f.fam"
	before=$(snapshot "$dir")
	fam_run -1 famctl_at_home destroy-fabric "$dir/f.fam" --force
	assert_stderr "cannot remove '$dir/f.fam': Permission denied"
	assert_unchanged "$dir" "$before"
}

@test "another user's file, of which cannot be known who uses it" {
	requires_root "to be two users"
	local before
	make_fabric f 16M --mode 666
	before=$(snapshot "$dir")
	fam_run -1 famctl_at_home destroy-fabric "$dir/f.fam" --force
	assert_stderr "whether '$dir/f.fam' is in use cannot be found out"
	assert_stderr "hint: run it as the file's owner or as root"
	assert_unchanged "$dir" "$before"
	fam_run famctl_at_home --json show-fabric "$dir/f.fam"
	assert_json '.in_use == null' "it is not known"
}
