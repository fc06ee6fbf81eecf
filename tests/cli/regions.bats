#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# list-regions, show-region, map-fabric: what they tell and draw of a fabric.

# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # jq expands; tests are subshells; fam_run and teardown use them
export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' file='' # set in setup

setup_file() {
	build_libfam_helper region
}

setup() {
	fabric_setup
	make_fabric f 64M
	file=$dir/f.fam
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		proc_end "$pid"
	done
	fabric_teardown
}

region() { # COMMAND...
	"$BATS_FILE_TMPDIR/region" "$file" "$@"
}

some_regions() {
	region create table 8388608 644
	region create table/index 4194304
	region create jobs/1 65536
}

# hold NAME HOW: has it open until the test ends.
hold() {
	local ready=$BATS_TEST_TMPDIR/ready.$2
	mkfifo "$BATS_TEST_TMPDIR/in.$2"
	"$BATS_FILE_TMPDIR/region" "$file" hold "$1" "$2" "$ready" \
		<>"$BATS_TEST_TMPDIR/in.$2" 3>&- &
	pids+=("$!")
	wait_until 10 test -e "$ready"
}

map() { # ARGUMENT...
	famctl map-fabric "$file" "$@"
}

# --- hostile names -------------------------------------------------------------------

@test "names that others made do no harm to a terminal" {
	local name=$'turn\u202eed\u2028' command
	region create "$name" 8388608 644
	for command in list-regions map-fabric; do
		LC_ALL=C.UTF-8 fam_run famctl "$command" "$file"
		assert_output 'turn?ed?'
		[[ $output != *$'\u202e'* && $output != *$'\u2028'* ]]
	done
	fam_run famctl show-region "$file" "$name"
	assert_output 'turn?ed?'
	# as JSON, it is the same name, but in plain characters
	fam_run famctl --json list-regions "$file"
	assert_output 'turn\u202eed\u2028'
	[ "$(jq -r '.[0].name' <<<"$output")" = "$name" ]
	fam_run "$FAM_BUILD/bin/fam" --fabric "$file" --json ls
	assert_output 'turn\u202eed\u2028'
	[ "$(jq -r '.. | .name? // empty' <<<"$output")" = "$name" ]
}

# --- lists ---------------------------------------------------------------------------

@test "regions are listed by name, with rights, sizes and place" {
	some_regions
	fam_run famctl list-regions "$file"
	assert_output -r "^RIGHTS +OWNER +SIZE +SPACE +OFFSET +OPEN +CHANGED +NAME"
	assert_output -r "rw------- +[a-z0-9]+ +64 KiB +64 KiB +0x[0-9a-f]+ +- +20.* jobs/1"$'\n'
	assert_output -r "rw-r--r-- +[a-z0-9]+ +8 MiB +8 MiB +0x[0-9a-f]+ +- +20.* table"$'\n'
	assert_output -r " table/index\$"
	fam_run famctl list-regions "$file" --json
	assert_json 'map(.name) == ["jobs/1", "table", "table/index"]'
	assert_json '.[1] | .bytes == 8388608 and .space == 8388608 and .offset % 2097152 == 0
		and .mode == "0644" and .rights == "rw-r--r--" and .type == 0 and .type_name == "plain"
		and .uid == '"$EUID"' and .readers == 0 and .writers == 0 and .exclusive == false
		and .serial > 0 and .generation > 0 and .created_ns > 1700000000000000000
		and (.node | length > 0)'
}

@test "with a prefix only those are listed; a fabric without regions has a head alone" {
	fam_run famctl list-regions "$file"
	assert_output -x "RIGHTS  OWNER  SIZE  SPACE  OFFSET  OPEN  CHANGED  NAME"
	fam_run famctl list-regions "$file" --json
	assert_json '. == []'
	some_regions
	fam_run famctl list-regions "$file" table --json
	assert_json 'map(.name) == ["table", "table/index"]'
	fam_run famctl list-regions "$file" table/ --json
	assert_json 'map(.name) == ["table/index"]'
	fam_run famctl list-regions "$file" nothing --json
	assert_json '. == []'
}

@test "show-region tells who has a region open, and how" {
	some_regions
	hold table read
	hold table write
	fam_run famctl show-region "$file" table
	assert_output -r $'name: +table\n'
	assert_output -r $'size: +8 MiB\n'
	assert_output -r $'readers: +1\nwriters: +1\nexclusive: +no\n'
	assert_output -r $'\n\n''ACCESS +PEER +NODE +PID +STATE +PROGRAM'
	assert_output -r "read +[0-9]+ +[^ ]+ +${pids[0]} +live +region"
	assert_output -r "write +[0-9]+ +[^ ]+ +${pids[1]} +live +region"
	fam_run famctl show-region "$file" table --json
	assert_json '.openings | length == 2 and all(.session | test("^[0-9a-f]{16}$"))'
	assert_json '.openings | map(.access) | sort == ["read", "write"]'
	fam_run famctl show-region "$file" jobs/1 --json
	assert_json '.openings == [] and .name == "jobs/1"'
	fam_run famctl list-regions "$file" --json
	assert_json '.[1] | .readers == 1 and .writers == 1 and .users == "1r 1w"'
	# who dies has nothing open any more
	proc_end "${pids[0]}"
	gone() { famctl show-region "$file" table --json |
		jq -e '.openings | map(.access) == ["write"]' >/dev/null; }
	wait_until 10 gone
}

@test "an exclusive opening is named so" {
	some_regions
	hold jobs/1 exclusive
	fam_run famctl show-region "$file" jobs/1 --json
	assert_json '.exclusive and .openings[0].access == "exclusive"'
	fam_run famctl list-regions "$file"
	assert_output -r " exclusive +20.* jobs/1"
}

@test "what is not there, and what can have no regions: exit status and hint" {
	fam_run -3 famctl show-region "$file" nosuch
	assert_stderr -x "famctl: fabric 'f' has no region 'nosuch'
hint: famctl list-regions '$file' lists them"
	fam_run -3 famctl show-region "$file" 'a//b'
	fam_run -3 famctl list-regions "$dir/nosuch.fam"
	make_fabric raw 16M --raw
	fam_run -1 famctl list-regions "$dir/raw.fam"
	assert_stderr -x "famctl: fabric 'raw' is raw: it has no regions"
	fam_run -1 map_of raw
	assert_stderr "famctl: cannot draw fabric '$dir/raw.fam': fabric 'raw' is raw: all of it is data"
	"$FAM_BUILD/tests/fam-format" "$dir/old.fam" 16777216 old no-sessions
	fam_run -1 famctl list-regions "$dir/old.fam"
	assert_stderr "famctl: fabric 'old' has no room for regions"
	assert_stderr "hint: one that famctl create-fabric makes has"
	fam_run map_of old
	assert_output 'data: 13 MiB'
	fam_run -2 famctl list-regions
	assert_stderr "hint: famctl list-fabrics lists fabrics"
	fam_run -2 famctl show-region "$file"
	fam_run -2 famctl map-fabric
}

map_of() { # NAME
	famctl map-fabric "$dir/$1.fam"
}

@test "a file that can only be read is enough, and nothing is stored" {
	some_regions
	local before
	before=$(sha256sum <"$file")
	chmod 0440 "$file"
	fam_run famctl list-regions "$file"
	fam_run famctl show-region "$file" table
	fam_run map
	assert "the file is as it was" test "$before" = "$(sha256sum <"$file")"
	if ((EUID == 0)); then
		chmod 0444 "$file"
		chmod 0755 "$dir"
		fam_run famctl_at_home list-regions "$file"
		assert_output " table"
		fam_run famctl_at_home map-fabric "$file"
		assert_output "  table"
	fi
}

# --- pictures ------------------------------------------------------------------------

assert_fits() { # COLUMNS
	local line
	while IFS= read -r line; do
		((${#line} <= $1)) || assert_failed "longer than $1: $line" || return
	done <<<"$output"
}

@test "the picture shows each part with its pieces, and fits into any width" {
	some_regions
	local width
	fam_run map --width 100
	assert_output -r '^f: 64 MiB; 3 regions: 12[.01]* MiB; free: [0-9.]+ MiB in [0-9] piece'
	for part in head 'data' 'directory of regions' objects; do
		assert_output "$part: "
	done
	assert_output -r $'\n''S 0000000 +4 KiB  superblock, copy 0'
	assert_output -r $'\n''S 0100000 +4 KiB  superblock, copy 1'
	assert_output -r $'\n''M 0010000 +960 KiB  flush mailbox'
	assert_output -r $'\n''[a-z] [0-9a-f]+ +8 MiB  table'$'\n'
	assert_output -r $'\n''[a-z] [0-9a-f]+ +4 MiB  table/index'$'\n'
	assert_output -r $'\n''[a-z] [0-9a-f]+ +64 KiB  jobs/1'$'\n'
	for width in 20 21 33 80 200 1000; do
		fam_run map --width "$width"
		assert_fits "$width"
	done
	fam_run -2 map --width 19
	assert_stderr "famctl: --width: from 20 to 1000 columns are possible"
	fam_run -2 map --width 1001
	COLUMNS=40 fam_run map
	assert_fits 40
}

@test "a terminal's width is used" {
	some_regions
	output=$(famctl_at_terminal '' map-fabric "$file" | tr -d '\r')
	assert_output "data: "
	printf -v line 'stty cols 30; %q --connect %q map-fabric %q' "$FAM_BUILD/bin/famctl" \
		"$FABRIC_URI" "$file"
	output=$(script --quiet --return --command "$line" /dev/null </dev/null | tr -d '\r')
	assert_output "data: "
	assert_fits 30
}

@test "where characters are not UTF-8, all is ASCII" {
	region create $'r\xc3\xa4ume/\xe2\x82\xac' 4194304
	fam_run map
	assert_output $'r\xc3\xa4ume/\xe2\x82\xac'
	assert_output '·'
	LC_ALL=C fam_run map
	assert_output 'r?ume/?'
	assert "all of it is ASCII" test -z "$(LC_ALL=C tr -d '\11\12\40-\176' <<<"$output")"
}

@test "the pieces of a map fill the fabric without gaps" {
	some_regions
	fam_run map --json
	assert_json '.size == 67108864 and .regions == 3'
	assert_json '[.parts[].bytes] | add == 67108864'
	assert_json '[.parts[] | .offset as $o | .bytes as $b | (.pieces | map(.bytes) | add) == $b
		and .pieces[0].offset == $o] | all'
	assert_json '[.parts[].pieces | range(1; length) as $i |
		.[$i].offset == .[$i - 1].offset + .[$i - 1].bytes] | all'
	assert_json '.taken == ([.parts[].pieces[] | select(.kind == "region") | .bytes] | add)'
	assert_json '[.parts[].pieces[] | select(.kind == "region") | .name] | sort ==
		["jobs/1", "table", "table/index"]'
	fam -f "$file" lock x -- true
	fam_run map --json
	assert_json '[.parts[].pieces[] | select(.kind == "object") | .name] == ["x"]'
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

@test "thousands of regions stay a page: what is small is told together" {
	make_fabric many 256M
	file=$dir/many.fam
	region many small/ 3000 4096
	region create large 33554432
	fam_run map
	(($(wc -l <<<"$output") < 120)) || assert_failed "that is no page"
	assert_output -r '3001 regions'
	assert_output -r ' +large'
	assert_output -r '[0-9]+ regions'
	fam_run map --svg -
	((${#output} < 300000)) || assert_failed "that is too much"
	assert_output 'that are too small to be drawn'
	fam_run famctl list-regions "$file" --json
	assert_json 'length == 3001'
}

@test "the picture as SVG is valid XML, with names as they are" {
	requires_command xmllint
	region create '<b>&amp;"c'"'"']]>' 4194304
	region create $'bad\xef\xbf\xbe' 2097152
	fam_run map --svg "$dir/map.svg"
	assert_output -x ''
	xmllint --noout "$dir/map.svg"
	output=$(<"$dir/map.svg")
	assert_output 'xmlns="http://www.w3.org/2000/svg"'
	assert_output '&lt;b&gt;&amp;amp;"c'
	refute_output '<b>'
	assert "a region has a title that tells all" grep -q 'mode 0600' "$dir/map.svg"
	[[ $(xmllint --xpath "string(//*[local-name()='title'])" "$dir/map.svg") == "fabric 'f'" ]]
	fam_run map --svg -
	xmllint --noout - <<<"$output"
}

@test "a file that exists is left alone; --force replaces nothing but pictures" {
	some_regions
	echo precious >"$dir/notes"
	fam_run -4 map --svg "$dir/notes"
	assert_stderr "famctl: cannot draw fabric '$file': '$dir/notes' exists
hint: --force replaces a picture"
	fam_run -4 map --svg "$dir/notes" --force
	assert_stderr "'$dir/notes' exists and is no picture"
	assert "it is as it was" grep -qx precious "$dir/notes"
	fam_run -4 map --svg "$file" --force
	ln -s "$dir/notes" "$dir/link"
	fam_run -4 map --svg "$dir/link" --force
	fam_run map --svg "$dir/map.svg"
	fam_run -4 map --svg "$dir/map.svg"
	region create more 4194304
	fam_run map --svg "$dir/map.svg" --force
	assert "it is the new one" grep -q more "$dir/map.svg"
	fam_run -2 map --force
	fam_run -2 map --svg - --json
	fam_run -2 map --svg - --width 80
	fam_run map --svg "$dir/dry.svg" --dry-run
	refute "a dry run writes nothing" test -e "$dir/dry.svg"
	fam_run -3 map --svg "$dir/nosuch/map.svg"
	refute "nothing is left beside it" compgen -G "$dir/.famctl*"
}

@test "a picture that cannot be written whole is not there" {
	some_regions
	mkdir "$dir/full"
	requires_root "to mount a file system"
	mount -t tmpfs -o size=4k,nr_inodes=10 none "$dir/full"
	mounted=$dir/full
	fam_run -1 map --svg "$dir/full/map.svg"
	assert_stderr "No space left on device"
	[[ -z $(ls -A "$dir/full") ]]
}

@test "what is wrong in the directory is said, and the rest is shown" {
	some_regions
	local at
	at=$(famctl map-fabric "$file" --json |
		jq '.parts[].pieces[] | select(.name == "entries, copy 0") | .offset')
	second=$(famctl map-fabric "$file" --json |
		jq '.parts[].pieces[] | select(.name == "entries, copy 1") | .offset')
	# the first entry, in both places
	damage "$file" $((at + 300))
	damage "$file" $((second + 300))
	fam_run -1 famctl list-regions "$file"
	assert_stderr "famctl: the directory of regions in fabric 'f' is damaged"
	assert_stderr "hint: famctl check-fabric '$file' tells where"
	fam_run map
	assert_stderr "famctl: warning: the directory of regions in fabric 'f' is damaged: regions may be missing here"
	assert_output 'data: '
}

@test "noise in the directory is drawn in good order, and ends nothing" {
	some_regions
	local i at size
	at=$(famctl map-fabric "$file" --json |
		jq '.parts[] | select(.name == "directory of regions") | .offset')
	for i in 1 2 3; do
		size=$((i * 200000))
		head -c "$size" /dev/urandom |
			dd of="$file" bs=4096 seek=$((at / 4096)) conv=notrunc status=none iflag=fullblock
		timeout 20 "$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" map-fabric "$file" \
			>"$dir/out" 2>"$dir/err" || (($? == 1))
		timeout 20 "$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" list-regions "$file" \
			>"$dir/out" 2>"$dir/err" || (($? == 1))
		timeout 20 "$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" show-region "$file" table \
			>"$dir/out" 2>"$dir/err" || (($? == 1 || $? == 3))
	done
}
