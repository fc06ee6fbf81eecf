#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# The commands of fam that make, show, and change regions. What is in them is the
# business of fam-put.bats. No server runs: on the host none is needed.

export BATS_TEST_TIMEOUT=90
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	file=$dir/f.fam
	home='' opener=''
	exec {held}</dev/null
}

teardown() {
	[[ -z $opener ]] || kill -KILL "$opener" 2>/dev/null || true
	[[ -z $opener ]] || wait "$opener" 2>/dev/null || true
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

# The same, as another user.
fam_as_user() {
	as_user "$home" "$home/fam" -f "$file" "$@"
}

# Sets $home, that of another user, who may write the fabric's file.
have_user() {
	requires_root "to be another user"
	home=$(user_home)
	install -m 755 "$FAM_BUILD/bin/fam" "$home/fam"
	chmod 666 "$file"
}

# opened read|write NAME: a program that has the region open; sets $opener.
opened() {
	mkfifo "$dir/fifo"
	exec {held}>&-
	exec {held}<>"$dir/fifo"
	if [[ $1 == read ]]; then
		"$FAM_BUILD/bin/fam" -f "$file" get "$2" - >"$dir/fifo" 2>/dev/null </dev/null 3>&- &
	else
		"$FAM_BUILD/bin/fam" -f "$file" write --region "$2" <"$dir/fifo" 2>/dev/null >&2 3>&- &
	fi
	opener=$!
	wait_until 10 is_open "$2" || die "nobody opens $2"
}

is_open() { # NAME
	fam stat "$1" --json | jq -e '.[0] | .readers + .writers > 0' >/dev/null
}

# The value of a key of a region.
key() { # KEY NAME
	fam stat "$2" --json | jq -r ".[0].$1"
}

# All names, on one line.
names() {
	fam ls -r | tr '\n' ' '
}

# What is taken and what is free are all there is.
exact() {
	fam df --json | jq -e '.taken + .free == .bytes' >/dev/null ||
		die "the sum is wrong: $(fam df --json)"
}

@test "a region is created, described, and removed" {
	make_fabric f
	fam_run fam create scratch 5000
	assert_output -x ""
	assert_stderr -x ""
	fam_run fam stat scratch
	assert_output $'scratch\n  size:       4.8 KiB (5000 bytes)\n  space:      8 KiB at offset '
	assert_output $'  mode:       rw------- (0600)\n  owner:      '"$(id -u):$(id -g)"
	assert_output $'  type:       bytes\n  open:       no\n  created:    20'
	assert_output "on $(uname -n)"
	fam_run fam ls
	assert_output -x scratch
	exact
	fam_run fam rm scratch
	assert_output -x ""
	fam_run fam ls
	assert_output -x ""
	fam_run -3 fam stat scratch
	assert_stderr -x "fam: cannot look at region 'scratch': there is none
hint: 'fam ls -r' shows what there is"
	exact
}

@test "a list shows a level of the names, as of files" {
	make_fabric f
	local name
	for name in b a/x a/y/1 a/y/2 a a! c/d/e; do
		fam create "$name" 4K --no-sync
	done
	fam_run fam ls
	assert_output -x $'a\na!\na/\nb\nc/'
	fam_run fam ls a/
	assert_output -x $'x\ny/'
	fam_run fam ls a/y
	assert_output -x $'1\n2'
	fam_run fam ls a
	assert_output -x a "it is a region's name, too"
	fam_run fam ls -r
	assert_output -x $'a\na!\na/x\na/y/1\na/y/2\nb\nc/d/e'
	fam_run fam ls --recursive a
	assert_output -x $'a\na/x\na/y/1\na/y/2'
	fam_run fam ls c
	assert_output -x d/
	fam_run -3 fam ls c/e
	assert_stderr "fam: there is no region 'c/e', and none whose name begins so"
	fam_run -2 fam ls a//x
	assert_stderr "malformed name"
}

@test "a long list has mode, owner, size, time, and name" {
	make_fabric f
	fam create one 5000 --mode 640
	fam create two/three 1M
	fam_run fam ls -l
	assert_output -r '^MODE +OWNER +SIZE +CHANGED +NAME'
	assert_output -r "rw-r----- $(id -u):$(id -g) +4.8 KiB +20[0-9-]+ [0-9:]+ one"
	assert_output -r '- +- +1 MiB +- +two/'
	fam_run fam ls -lr
	assert_output -r 'rw------- [0-9:]+ +1 MiB .* two/three'
	fam_run -2 fam ls -lx
	assert_stderr "unknown option '-x' in '-lx'"
	fam_run -2 fam ls -ll
	assert_stderr "option '--long' stands twice"
}

@test "regions as JSON" {
	make_fabric f
	fam_run fam ls --json
	assert_json '. == {"regions": []}'
	fam_run fam create ä 5000 --mode 644 --type 65536 --json
	assert_json '.name == "ä" and .bytes == 5000 and .space == 8192 and .mode == "0644" and .type == 65536'
	assert_json ".uid == $(id -u) and .gid == $(id -g) and .node == \"$(uname -n)\" and .exclusive == false"
	assert_json ".created_ns / 1000000000 | . > $(date +%s) - 60 and . < $(date +%s) + 60"
	fam create b/c 4K
	fam_run fam ls --json
	assert_json '.regions | length == 2'
	assert_json '.regions[0] == {"part": "b/", "regions": 1, "bytes": 4096, "space": 4096}'
	assert_json '.regions[1].name == "ä"'
	fam_run fam stat ä b/c --json
	assert_json 'length == 2 and .[1].name == "b/c"'
	fam_run -3 fam stat none b/c --json
	assert_json '.[0].error.message == "cannot look at region '"'none'"': there is none" and .[0].error.exit_status == 3'
	assert_json '.[1].name == "b/c"'
	fam_run fam du --json
	assert_json '.regions == 2 and .bytes == 9096 and .space == 12288 and (.parts | length == 2)'
	fam_run fam rm ä b/c --json
	assert_json '. == [{"name": "ä", "removed": 1}, {"name": "b/c", "removed": 1}]'
	fam_run -4 fam_exists
	assert_json '.error.exit_status == 4 and (.error.hint | length > 0)'
}

fam_exists() {
	fam create x 4K && fam create x 4K --json
}

@test "what cannot be created says why" {
	make_fabric f
	fam create x 4K
	fam_run -4 fam create x 8K
	assert_stderr "fam: cannot create region 'x': there is one of this name"
	assert_stderr "hint: take another name, or remove it with 'fam rm'"
	fam_run -2 fam create /x 4K
	assert_stderr "fam: cannot create region '/x': malformed name"
	assert_stderr "hint: a name is 1 to 255 bytes of UTF-8"
	fam_run -2 fam create a/../b 4K
	fam_run -2 fam create $'a\nb' 4K
	assert_stderr "fam: cannot create region 'a?b': malformed name"
	fam_run -2 fam create "$(printf 'n%.0s' {1..256})" 4K
	assert_stderr "the name is too long"
	fam_run fam create "$(printf 'n%.0s' {1..255})" 4K
	fam_run -2 fam create y much
	assert_stderr "'much' is not a size"
	fam_run -2 fam create y 4K --mode 888
	assert_stderr "'888' is not a mode: octal digits, 0 to 777"
	fam_run -2 fam create y 4K --mode 0
	fam_run -2 fam create y 4K --type 7
	assert_stderr "'7' is not a type: 0, or 65536 to 4294967295"
	fam_run -2 fam create y
	assert_stderr "command 'create' needs a name and a size"
	fam_run -3 "$FAM_BUILD/bin/fam" -f "$dir/none.fam" create y 4K
}

@test "a full fabric tells the largest piece that is free" {
	make_fabric f 16M
	local free
	free=$(fam df --json | jq .largest)
	fam_run -1 fam create all $((free + 4096))
	assert_stderr -r "fam: cannot create region 'all': no free piece is that large: the largest has [0-9.]+ MiB
hint: 'fam df' shows what is free, 'fam rm' gives back what a region takes"
	fam_run fam create all "$free"
	fam_run -1 fam create more "$free"
	fam_run fam rm all
	fam_run fam create again "$free"
	exact
}

@test "a full directory says how many there can be" {
	make_fabric f 16M
	local room i
	room=$(fam df --json | jq .room)
	((room <= 2000)) || skip "there is room for $room"
	for ((i = 0; i < room; i++)); do
		fam create "r$i" 0 --no-sync || die "$i of $room"
	done
	fam_run -1 fam create more 4K
	assert_stderr "fam: cannot create region 'more': there is room for $room regions, and $room are there"
	fam_run fam rm -r r --no-sync --json || true
	fam_run fam rm r1
	fam_run fam create more 4K
}

@test "df tells what is taken, and how many there are" {
	make_fabric f 64M
	fam create a 1M
	fam create b 4097
	fam_run fam df
	assert_output -r '^SIZE +TAKEN +FREE +LARGEST +REGIONS +ROOM'
	fam_run fam df --json
	assert_json '.taken == 1048576 + 8192 and .asked == 1048576 + 4097 and .regions == 2 and .room >= 960'
	assert_json '.free == .bytes - .taken and .largest <= .free and .pieces >= 1 and .loose == 0'
	fam create c 4K --no-sync
	fam_run fam df --json
	assert_json '.loose == 1'
	fam create d 4K
	fam_run fam df --json
	assert_json '.loose == 0' "a durable change takes the others with it"
}

@test "du sums up by the parts of names" {
	make_fabric f
	fam create a/x 5000
	fam create a/y/z 4K
	fam create b 1M
	fam_run fam du
	assert_output -r '^SPACE +SIZE +REGIONS +NAME'
	assert_output -r '12 KiB +8.8 KiB +2 +a/'
	assert_output -r '1 MiB +1 MiB +1 +b'
	assert_output -r '1 MiB +1 MiB +3 +\(all\)'
	fam_run fam du a
	assert_output -r '8 KiB +4.8 KiB +1 +a/x'
	assert_output -r '4 KiB +4 KiB +1 +a/y/'
	fam_run -3 fam du nothing
	make_fabric empty
	fam_run "$FAM_BUILD/bin/fam" -f "$dir/empty.fam" du
	assert_output -r 'NAME.0 B +0 B +0 +\(all\)'
}

@test "a region gets another name, and may take that of another one" {
	make_fabric f
	fam create a 4K
	fam create b 8K
	fam_run fam mv a c/d
	[[ $(names) == 'b c/d ' ]]
	fam_run -4 fam mv c/d b
	assert_stderr "fam: cannot replace region 'b': there is one of this name"
	assert_stderr "--replace"
	fam_run fam mv c/d b --replace --json
	assert_json '.name == "b" and .bytes == 4096'
	[[ $(names) == 'b ' ]]
	exact
	fam_run -3 fam mv none x
	assert_stderr "fam: cannot rename region 'none': there is none"
	fam_run -2 fam mv b x/
	assert_stderr "malformed name"
}

@test "several are removed at once, and all below a name" {
	make_fabric f
	local name
	for name in a a/1 a/2/3 ab b c; do
		fam create "$name" 4K --no-sync
	done
	fam_run fam rm b c
	fam_run -3 fam rm none a/1
	assert_stderr "fam: cannot remove region 'none': there is none"
	[[ $(names) == 'a a/2/3 ab ' ]] || die "$(names)"
	fam_run fam rm -r a --json
	assert_json '. == [{"name": "a", "removed": 2}]'
	[[ $(names) == 'ab ' ]]
	fam_run -3 fam rm -r a
	fam_run -2 fam rm -r /
	fam_run -2 fam rm -r ''
	[[ $(names) == 'ab ' ]]
	exact
}

@test "what somebody has open is not removed, replaced, or made smaller" {
	make_fabric f 64M
	fam create used/x 4M
	fam create used/y 4M
	fam create new 4K
	opened read used/x
	fam_run -4 fam rm used/x
	assert_stderr "fam: cannot remove region 'used/x': somebody has it open: $(uname -n)/fam, process $opener, to read"
	assert_stderr "hint: 'fam peers' shows who is there"
	fam_run -4 fam mv new used/x --replace
	assert_stderr "fam: cannot replace region 'used/x': somebody has it open"
	fam_run -4 fam resize used/x 4K
	assert_stderr "fam: cannot resize region 'used/x': somebody has it open"
	fam_run -4 fam rm -r used
	[[ $(names) == 'new used/x ' ]] || die "the other one is gone: $(names)"
	kill -KILL "$opener"
	wait "$opener" || true
	opener=''
	fam_run fam rm used/x
	exact
}

@test "a region grows with zeros, and shrinks" {
	make_fabric f 64M
	printf content | fam put - x
	fam_run fam resize x 100000 --json
	assert_json '.bytes == 100000'
	fam get x - | tr -d '\0' >"$dir/out"
	[[ $(<"$dir/out") == content ]] || die "other bytes: $(<"$dir/out")"
	fam_run fam resize x 4
	fam_run fam get x -
	assert_output -x cont
	fam resize x 8
	fam get x - >"$dir/out"
	cmp "$dir/out" <(printf 'cont\0\0\0\0') || die "what went came back"
	fam_run -1 fam resize x 1G
	assert_stderr "no free piece is that large"
	fam_run -3 fam resize none 4K
	fam_run -2 fam resize x -4
	exact
}

@test "mode and owner" {
	make_fabric f
	have_user
	fam create mine 4K --mode 600
	fam create open 4K --mode 666
	fam_run -1 fam_as_user get mine -
	assert_stderr "fam: cannot read region 'mine': its owner and mode do not allow it"
	assert_stderr "hint: 'fam stat' shows them"
	fam_run fam_as_user get open -
	fam_run -1 fam_as_user rm open
	assert_stderr "fam: cannot remove region 'open': its owner and mode do not allow it"
	fam_run -1 fam_as_user chmod 777 mine
	assert_stderr "fam: cannot change the rights of region 'mine': its owner and mode"
	fam_run fam chmod 644 mine open
	[[ $(key mode mine) == 0644 && $(key mode open) == 0644 ]]
	fam_run fam_as_user get mine -
	fam_run -1 fam_as_user resize mine 8K
	fam_run fam chown "$(id -u "$FAM_USER"):7" mine --json
	assert_json ".[0].uid == $(id -u "$FAM_USER") and .[0].gid == 7"
	fam_run fam chown :8 mine
	[[ $(key uid mine) == "$(id -u "$FAM_USER")" && $(key gid mine) == 8 ]]
	fam_run -1 fam_as_user chown 0 mine
	assert_stderr "fam: cannot change the rights of region 'mine': only root may give it to another user"
	fam_run fam_as_user rm mine
	[[ $(names) == 'open ' ]]
}

@test "wrong words about rights" {
	make_fabric f
	local owner
	for owner in root 7:x '' : 4294967295 99999999999999999999999999999999999999; do
		fam_run -2 fam chown "$owner" x
		assert_stderr "'$owner' is not an owner: numbers, as USER, USER:GROUP or :GROUP"
	done
	fam_run -2 fam chmod u+x x
	assert_stderr "'u+x' is not a mode"
	fam_run -2 fam chmod 600
	fam_run -3 fam chmod 600 x
}

@test "bytes of a region are read, written, verified, and made durable" {
	make_fabric f
	fam create x 64K
	fam create neighbour 64K
	printf hello | fam write --region x --offset 4090 --persist
	fam_run fam read --region x --offset 4090 --length 5
	assert_output -x hello
	fam_run fam verify --region neighbour --write
	assert_output "65536 bytes written"
	fam_run fam verify --region neighbour --check
	fam_run fam persist --region x --length 8
	fam_run -1 fam verify --region x --check
	fam_run -1 fam_overflows
	assert_stderr "the region ends before it: 4 bytes were written, nothing beyond"
	fam_run fam verify --region neighbour --check
	fam_run -1 fam read --region x --offset 64K --length 1
	assert_stderr "fam: cannot read region 'x': not inside the region"
	fam_run -3 fam read --region none
	assert_stderr "fam: cannot read region 'none': there is none"
	fam_run -2 fam read --region x --raw
	assert_stderr "a raw fabric has no regions"
	opened write x
	fam_run -4 fam rm x
	assert_stderr "$(uname -n)/fam, process $opener, to write"
}

fam_overflows() {
	printf 'too long' | fam write --region x --offset 65532
}

@test "who reads without the right to write uses regions, too" {
	make_fabric f
	have_user
	printf public | fam put - x --mode 644
	chmod 644 "$file"
	fam_run fam_as_user ls -l
	assert_output x
	fam_run fam_as_user stat x
	fam_run fam_as_user df
	fam_run fam_as_user get x -
	assert_output -x public
	fam_run fam_as_user read --region x
	assert_output -x public
	fam_run -1 fam_as_user rm x
	assert_stderr "permission denied"
}

@test "names that others made do no harm to a terminal" {
	make_fabric f
	fam create $'turn\u202eed' 4K
	fam_run fam ls
	assert_output -x 'turn?ed'
	fam_run fam stat $'turn\u202eed'
	assert_output 'turn?ed'
	fam_run -4 fam create $'turn\u202eed' 4K
	assert_stderr "fam: cannot create region 'turn?ed'"
	fam_run fam rm $'turn\u202eed'
}

@test "without a way to the disk nothing is promised" {
	requires_root "to mount a tmpfs"
	mount_on tmpfs size=80M
	make_fabric f
	fam_run -1 fam create x 4K
	assert_stderr "fam: cannot create region 'x': no way to the host's disk from here"
	assert_stderr "hint: --no-sync does without, and the change is not durable then"
	[[ $(names) == '' ]]
	fam_run fam create x 4K --no-sync
	fam_run -1 fam rm x
	[[ $(names) == 'x ' ]]
	fam_run -1 fam persist --region x
	refute_stderr "--no-sync" "this command has no such option"
	fam_run fam rm x --no-sync
	fam create a/1 4K --no-sync
	fam create a/2 4K --no-sync
	fam_run -1 fam rm -r a
	assert_stderr "fam: cannot make durable the removal of region 'a': no way to the host's disk from here"
	[[ $(names) == '' ]]
	fam create a/1 4K --no-sync
	fam_run fam rm -r a --no-sync
	exact
}

@test "a fabric without regions says so" {
	local which command
	make_fabric raw 16M --raw
	for which in format-v1 format-v1-objects; do
		truncate -s 64M "$dir/$which.fam"
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb0" of="$dir/$which.fam" conv=notrunc status=none
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb1" of="$dir/$which.fam" bs=1M seek=1 \
			conv=notrunc status=none
	done
	for which in raw format-v1 format-v1-objects; do
		file=$dir/$which.fam
		for command in ls df 'create x 4K' 'rm x' 'get x -' 'read --region x'; do
			# shellcheck disable=SC2086 # words
			fam_run -1 fam $command
			assert_stderr -x "fam: fabric '$file' has no regions
hint: famctl create-fabric leaves room for them, but with --raw or --regions 0; earlier releases did not"
		done
		fam_run -1 fam ls --json
		assert_json '.error.exit_status == 1'
	done
}

@test "completion offers commands, options, and regions" {
	make_fabric f
	fam create alpha/one 4K
	fam create 'alpha two' 4K
	fam create beta 4K
	export PATH=$FAM_BUILD/bin:$PATH
	unset -f fam
	# Completes the words given and prints what is offered, one a line.
	complete_words() {
		# shellcheck disable=SC2034 # read by the completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_fam
		printf '%s\n' "${COMPREPLY[@]}"
	}
	# shellcheck source=guest-lib/tools/fam.bash
	source "$BATS_TEST_DIRNAME/../../guest-lib/tools/fam.bash"
	fam_run complete_words fam ch
	assert_output -x $'chat\nchmod\nchown'
	fam_run complete_words fam -f "$file" create --no
	assert_output -x $'--no-sync\n--no-zero'
	fam_run complete_words fam -f "$file" rm al
	assert_output -x $'alpha\\ two\nalpha/one'
	fam_run complete_words fam -f "$file" mv beta al
	assert_output -x $'alpha\\ two\nalpha/one'
	fam_run complete_words fam -f "$file" put be
	assert_output -x '' "a file stands there"
	fam_run complete_words fam -f "$file" read --region be
	assert_output -x beta
}

@test "a damaged directory: what can be read, as whole JSON, and why it is not all" {
	make_fabric f
	fam create one 4K
	fam create two 4K
	fam create three 4K
	local at
	# Both copies of the entry of "two".
	while read -r at; do
		printf 'damaged' | dd of="$file" bs=1 seek=$((at + 100)) conv=notrunc status=none
	done < <(grep -abo 'two' "$file" | cut -d: -f1 | while read -r at; do echo $((at - 256)); done)
	fam_run -1 fam ls
	assert_stderr "fam: the directory of regions of fabric '$file' is damaged"
	fam_run -1 fam ls --json
	assert_json '([.regions[].name] | sort) == ["one", "three"] and .error.exit_status == 1'
	fam_run -1 fam du --json
	assert_json '(.parts | length) == 2 and (.error.message | test("is damaged$"))'
}
