#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# famctl check-fabric. That every byte is told of is the business of the unit
# tests; here it is what a user sees.

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' f='' file='' # set by servers_setup
opener=''

setup() {
	opener=''
	servers_setup
	for name in one two three; do
		fam create "$name" 64K
	done
}

teardown() {
	[[ -z $opener ]] || kill -KILL "$opener" 2>/dev/null || true
	servers_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# shellcheck disable=SC2120 # fam_run passes arguments
check() {
	famctl check-fabric "$file" "$@"
}

# spoil NAME [COPY...]: a byte in the name of the region's entry.
spoil() {
	local name=$1 copy
	local -a at
	shift
	mapfile -t at < <(grep -obUa "$name" "$file" | cut -d: -f1)
	for copy in "$@"; do
		printf X | dd of="$file" bs=1 seek="${at[copy]}" conv=notrunc status=none
	done
}

names() {
	fam ls | sort | tr '\n' ' '
}

same_names() {
	[[ $(names) == "$1 " ]] || die "there is: $(names)"
}

@test "a whole fabric" {
	fam_run check
	assert_output "fabric '$f': 3 regions, 192 KiB taken, 11.8 MiB free; 0 objects"
	assert_output "no problem was found"
	assert_stderr -x ""
	fam_run check --json
	assert_json ".name == \"$f\" and .path == \"$file\" and .clean and .problems == []"
	assert_json '.regions == 3 and .taken == 196608 and .taken + .free == 12582912 and .objects == 0'
	assert_json '.notes == 0 and .damages == 0 and .losses == 0 and .repaired == 0'
}

@test "a damaged superblock is told and written anew" {
	cp "$file" "$dir/before"
	damage "$file" "$SUPERBLOCK_1"
	fam_run -6 check
	assert_output -r "0x100000 +4096 +damage +no +superblock, copy 1 +there is no superblock: something was stored over it"
	assert_output "1 damage, 0 losses, 0 notes; 0 of these repaired"
	assert_stderr -x "famctl: fabric '$f' has 1 problem
hint: famctl check-fabric --repair '$file'"
	fam_run check --repair
	assert_output -r "damage +yes +superblock, copy 1"
	assert_output "1 damage, 0 losses, 0 notes; 1 of these repaired"
	fam_run check
	assert_output "no problem was found"
	cmp -n 4096 -i "$SUPERBLOCK_1" "$file" "$dir/before"
}

@test "problems in JSON" {
	damage "$file" $((SUPERBLOCK_0 + 100))
	spoil two 1
	fam_run -6 check --json
	assert_json '.error.exit_status == 6 and (.error.hint | contains("--repair"))'
	assert_json '.done.damages == 2 and .done.losses == 0 and (.done.clean | not)'
	assert_json '.done.problems[0] | .offset == 0 and .bytes == 4096 and .level == "damage" and (.repaired | not)'
	assert_json '.done.problems[1] | .bytes == 512 and (.part | test("region entry [0-9]+, copy 1"))'
	fam_run check --json --repair
	assert_json '.clean and .repaired == 2 and (.problems | map(.repaired) | all)'
}

@test "a damaged copy of an entry costs nothing" {
	local copy
	for copy in 0 1; do
		spoil two "$copy"
		same_names "one three two"
		fam_run -6 check
		assert_output -r "damage +no +region entry [0-9]+, copy $copy +its checksum is wrong; the other one serves"
		fam_run check --repair
		fam_run check
		assert_output "no problem was found"
		same_names "one three two"
	done
}

@test "an entry of which no copy is whole is told, and freed by the repair" {
	spoil two 0 1
	fam_run -6 check
	assert_output -r "loss +no +region entry [0-9]+ +no copy is whole: what region it was is lost \(perhaps 'Xwo'\)"
	fam_run -1 fam create four 4K
	fam_run -6 check --repair
	assert_output "0 damages, 1 loss, 0 notes; 1 of these repaired"
	assert_stderr "famctl: fabric '$f' is repaired, but 1 thing in it cannot be told any more"
	assert_stderr "hint: what is marked 'loss' is to be brought back from elsewhere"
	fam_run check
	assert_output "no problem was found"
	same_names "one three"
	fam create four 4K
	same_names "four one three"
}

@test "a dry run looks only" {
	damage "$file" "$SUPERBLOCK_0"
	cp "$file" "$dir/before"
	fam_run -6 check --repair --dry-run
	assert_output -r "damage +no +superblock, copy 0"
	cmp -n 4096 "$file" "$dir/before"
}

@test "reading is enough, but not for a repair" {
	requires_root "to be another user"
	damage "$file" "$SUPERBLOCK_1"
	chmod 644 "$file"
	cp "$file" "$dir/before"
	fam_run -6 famctl_at_home check-fabric "$file"
	assert_output -r "superblock, copy 1"
	cmp "$file" "$dir/before"
	fam_run -1 famctl_at_home check-fabric "$file" --repair
	assert_stderr "famctl: cannot repair fabric '$f': "
	assert_stderr "hint: without --repair it is only looked at"
	cmp "$file" "$dir/before"
}

@test "a fabric without a whole superblock is refused" {
	damage "$file" $((SUPERBLOCK_0 + 100))
	damage "$file" $((SUPERBLOCK_1 + 100))
	fam_run -1 check
	assert_stderr "both copies of the superblock"
	fam_run -1 check --repair
	assert_stderr "both copies of the superblock"
}

@test "a raw fabric has nothing to be checked" {
	make_fabric r 1M --raw
	fam_run -1 famctl check-fabric r --dir "$dir"
	assert_stderr "famctl: fabric 'r' is raw: all of it is the user's, and nothing to be checked"
}

@test "wrong words" {
	fam_run -2 famctl check-fabric
	assert_stderr "famctl: check-fabric takes one name"
	fam_run -2 famctl check-fabric a b
	fam_run -3 famctl check-fabric nosuch --dir "$dir"
}

@test "with a server, and while a program works with it" {
	famctl start-server "$file"
	mkfifo "$dir/fifo"
	"$FAM_BUILD/bin/fam" -f "$file" write --region one <>"$dir/fifo" >/dev/null 2>&1 3>&- &
	opener=$!
	wait_until 10 is_open one || die "nobody opens it"
	fam_run check
	assert_output "no problem was found"
	spoil two 0
	fam_run -6 check
	assert_output -r "region entry [0-9]+, copy 0"
	fam_run check --repair
	fam_run check
	assert_output "no problem was found"
	is_open one || die "it is not open any more"
}

is_open() { # NAME
	fam stat "$1" --json | jq -e '.[0] | .readers + .writers > 0' >/dev/null
}

@test "what a killed program leaves is a note" {
	mkfifo "$dir/fifo"
	"$FAM_BUILD/bin/fam" -f "$file" write --region one <>"$dir/fifo" >/dev/null 2>&1 3>&- &
	opener=$!
	wait_until 10 is_open one || die "nobody opens it"
	kill -KILL "$opener"
	wait_until 10 is_note || die "it is not told"
	fam_run check
	assert_output -r "note +no +region open record [0-9]+ +it was left by a session that has died"
	assert_stderr -x ""
	fam_run check --repair
	fam_run check
	assert_output "no problem was found"
}

# Somebody has to see that the session's process is gone.
is_note() {
	fam create other 4K
	fam rm other
	famctl check-fabric "$file" | grep -q 'has died'
}

@test "noise in the directories ends in a fabric that is whole" {
	local at
	fam create big 1M
	for at in 14 15; do
		head -c 1M /dev/urandom |
			dd of="$file" bs=1M seek="$at" conv=notrunc status=none
	done
	fam_run -6 check
	assert_output "no copy is whole"
	famctl check-fabric "$file" --repair >/dev/null 2>&1 || true
	fam_run check --json --repair || true
	fam create new 4K
	same_names "new"
}
