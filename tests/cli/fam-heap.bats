#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2317 # functions are called by name
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# fam heap on the host: heaps are made, described, listed and recovered.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f 64M
	file=$dir/f.fam
}

teardown() {
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# The address sanitizer keeps the output of a program that is killed; so no pipes.
used() { # HEAP
	fam heap stat "$1" --json | jq -c '[.objects, .used]'
}

@test "a heap is made as a region of that type" {
	fam_run fam heap create h 4M --mode 640 --json
	assert_json '.name == "h" and .bytes == 4194304 and .mode == "0640" and .type == 1'
	fam_run fam stat h
	assert_output 'type:       heap'
	fam_run fam heap create h2 1M
	assert_output -x ''
	fam_run famctl list-regions "$file" --json
	assert_json 'all(.. | objects | select(has("type_name")); .type_name == "heap")' "famctl names the type"
}

@test "stat of an empty heap, for people" {
	fam heap create h 16M
	fam_run fam heap stat h
	assert_output -r '^h
  size:       16 MiB \(16777216 bytes\), [0-9.]+ (KiB|MiB) for objects
  used:       0 B in 0 objects
  free:       [0-9.]+ (KiB|MiB), the largest piece [0-9.]+ (KiB|MiB)
  fragments:  0\.0% of what is free is not in the largest piece
  idle:       0 B beside objects of the same size, 0\.0% of all
  journals:   [0-9]+ of [0-9]+ KiB, 0 in use
  changes:    [0-9]+, up to [0-9]+ the journals are done with$'
}

@test "stat as JSON has the documented keys, and its sums agree" {
	fam heap create h 16M
	fam_run fam heap stat h --json
	assert_json 'keys == ["bytes", "checkpoint", "classes", "free", "idle", "journal_bytes", "journals",
		"largest", "name", "objects", "space", "stamp", "used", "writers"]'
	assert_json '.objects == 0 and .used == 0 and .free == .space and .largest == .free and .classes == []'
	fam kv put --heap h key value
	fam_run fam heap stat h --json
	assert_json '.objects > 0 and .used > 0 and .used + .free + .idle == .space' "nothing is unaccounted for"
	assert_json '.classes | length > 0 and all(.bytes >= 32 and .used <= .room and .chunks > 0)'
	fam_run fam heap stat h
	assert_output -r $'\n  BLOCK +USED +ROOM +CHUNKS +FULL\n'
}

@test "journals as they were asked for" {
	fam heap create h 4M --journals 7 --journal-bytes 32K
	fam_run fam heap stat h --json
	assert_json '.journals == 7 and .journal_bytes == 32768'
	fam_run fam heap stat h
	assert_output 'journals:   7 of 32 KiB, 0 in use'
}

@test "list has each object once, and names the root" {
	fam heap create h 16M
	fam_run fam heap list h
	assert_output -x 'OFFSET           BYTES'
	fam kv put --heap h key value
	fam_run fam heap list h --json
	assert_json '.count == (.objects | length) and .bytes == ([.objects[].bytes] | add)'
	assert_json '[.objects[] | select(.root)] | length == 1 and .[0].bytes >= 128'
	assert_json '[.objects[].offset] | . == (sort | unique)'
	local count bytes
	count=$(jq .count <<<"$output") bytes=$(jq .bytes <<<"$output")
	[[ $(used h) == "[$count,$bytes]" ]] || die "stat and list differ: $(used h), $count, $bytes"
	fam_run fam heap list h
	assert_output -r $'\n[0-9]+ +[0-9]+ root'
}

@test "recover has nothing to do, and says so" {
	fam heap create h 4M
	fam_run fam heap recover h
	assert_output -x '0 of the dead had something under way'
	fam_run fam heap recover h --json
	assert_json '. == {"name": "h", "finished": 0}'
}

@test "what cannot be made says why" {
	fam_run -2 fam heap create h 1M0
	assert_stderr "'1M0' is not a size"
	fam_run -2 fam heap create h 0
	assert_stderr 'a heap takes 1 MiB at least'
	fam_run -2 fam heap create h 512K
	assert_stderr 'a heap takes 1 MiB at least'
	fam_run -2 fam heap create h 4M --journals 3
	assert_stderr "'3' is not a number of journals: 4 to 1024"
	fam_run -2 fam heap create h 4M --journal-bytes 20000
	assert_stderr "'20000' is not the size of a journal"
	fam_run -2 fam heap create h 1M --journals 1024 --json
	assert_json '.error.message == "the journals leave no room in the heap" and .error.exit_status == 2'
	fam_run -2 fam heap create /h 4M
	assert_stderr "cannot create region '/h': malformed name"
	fam_run -2 fam heap create h 4M --mode 0
	assert_stderr 'a region of mode 0 is of no use'
	fam_run -1 fam heap create h 1G
	assert_stderr "cannot create region 'h': no free piece is that large: the largest has"
	fam heap create h 1M
	fam_run -4 fam heap create h 1M
	assert_stderr "cannot create region 'h': there is one of this name"
	[[ $(fam ls -r) == h ]] || die "there is more: $(fam ls -r)"
}

@test "what is no heap is told apart" {
	fam create plain 1M
	local action
	for action in stat list recover; do
		fam_run -3 fam heap "$action" none
		assert_stderr -r "^fam: cannot (read|recover) heap 'none': there is none
hint: 'fam ls -r' shows the regions"
		fam_run -4 fam heap "$action" plain
		assert_stderr "heap 'plain': the region is no heap, or a copy of one"
	done
	fam_run -4 fam heap stat plain --json
	assert_json '.error.exit_status == 4 and (.error.message | startswith("cannot read heap"))'
	fam_run -3 fam heap stat none --json
	assert_json '.error.exit_status == 3'
}

@test "a copy of a heap is none" {
	fam heap create h 1M
	fam get h "$dir/copy"
	fam put "$dir/copy" h2
	fam_run -4 fam heap stat h2
	assert_stderr "cannot read heap 'h2': the region is no heap, or a copy of one"
}

@test "a damaged header is mended from its copy; two are not" {
	local at
	fam heap create h 1M
	at=$(fam stat h --json | jq '.[0].offset')
	damage "$file" "$at"
	fam_run fam heap stat h
	damage "$file" $((at + 4096))
	fam_run -1 fam heap stat h
	assert_stderr "cannot read heap 'h': it is damaged: somebody wrote over it"
	assert_stderr "'famctl check-fabric --repair'"
}

@test "a name of many colours is made harmless" {
	fam heap create $'h\u202e' 1M
	fam_run fam heap stat $'h\u202e'
	assert_output -r $'^h\\?\n'
	fam_run -2 fam heap stat $'h\e[31m'
	assert_stderr "cannot read region 'h?[31m': malformed name"
}

@test "words and options that do not fit" {
	local words
	for words in 'heap' 'heap frobnicate' 'heap create' 'heap create h' 'heap stat' 'heap stat h h2' \
		'heap list' 'heap recover' 'heap create h 1M --heap x' 'heap stat h --mode 600' \
		'heap stat h --journals 8' 'heap recover h --force' 'heap create h 1M --type 70000'; do
		# shellcheck disable=SC2086 # the words
		fam_run -2 fam $words
		assert_stderr -r '^fam: [^'$'\n'']*'$'\n''hint: [^'$'\n'']*$' "two lines for: $words"
		assert_output -x '' "nothing on stdout for: $words"
	done
}

@test "a fabric without regions has no heaps" {
	make_fabric none 16M --regions 0
	file=$dir/none.fam
	fam_run -1 fam heap create h 1M
	assert_stderr 'has no regions'
	fam_run -1 fam heap stat h --json
	assert_json '.error.message | endswith("has no regions")'
}

@test "stat and list do not write" {
	fam heap create h 1M
	fam kv put --heap h key value
	local before
	before=$(fam get h - | md5sum)
	fam_run fam heap stat h
	fam_run fam heap list h
	[[ $(fam get h - | md5sum) == "$before" ]] || die "the heap has changed"
}

@test "who may only read a heap can describe it" {
	requires_root "to be another user"
	fam heap create h 1M --mode 644
	fam kv put --heap h key value
	chmod 666 "$file"
	home=$(user_home)
	install -m 755 "$FAM_BUILD/bin/fam" "$home/fam"
	fam_run as_user "$home" "$home/fam" -f "$file" heap stat h --json
	assert_json '.objects > 0'
	fam_run -1 as_user "$home" "$home/fam" -f "$file" heap recover h
	assert_stderr "cannot recover region 'h': its owner and mode do not allow it"
	fam_run -1 as_user "$home" "$home/fam" -f "$file" kv get --heap h key
	assert_stderr "its owner and mode do not allow it"
}
