#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The fam command on the host; in nodes it is tested by tests/vm.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' home='' # set by fabric_setup
name='' # of a fabric of a test in the system's directory

setup() {
	name=''
	fabric_setup
	export XDG_DATA_HOME=$dir/data
	mkdir -p "$XDG_DATA_HOME/fam"
}

teardown() {
	[[ -z $name ]] || rm -f "/var/lib/fam/$name.fam"
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

# make_here NAME [SIZE [OPTION...]]: where fam finds it by name.
make_here() {
	local name=$1 size=${2:-16M}
	shift $(($# > 2 ? 2 : $#))
	famctl create-fabric "$size" "$name" --dir "$XDG_DATA_HOME/fam" "$@" >/dev/null
}

# fed TEXT COMMAND...: the command with TEXT as its stdin.
fed() {
	local text=$1
	shift
	printf %s "$text" | "$@"
}

@test "info describes a fabric" {
	make_here f
	fam_run fam -f f info
	assert_output -r '^f
  uuid:        [0-9a-f-]{36}
  size:        16 MiB \(16777216 bytes\)
  data:        12 MiB \(12582912 bytes\)
  transport:   file
  mapped via:  .*/fam/f\.fam
  backend:     file
  page size:   4 KiB
  cache:       write-back, by the way it is mapped \(a file\)
  interrupts:  no, programs that wait look at the memory
  atomics:     yes: all on this machine
  durability:  host
  persist:     to the host.s disk \(msync\)
  format:      version 1, generation 1$'
}

@test "info as JSON has the documented keys" {
	make_here f
	fam_run fam --json -f f info
	assert_json '(keys - ["cache_source", "created_ns", "path", "uuid"]) == ["atomics", "atomics_reason",
		"backend", "backend_reason", "cache", "damaged", "data_bytes", "data_offset", "device",
		"durability", "failed", "formatted", "generation", "interrupts", "label", "name",
		"page_bytes", "persist", "read_only", "rung", "sessions", "size", "transport", "version", "window"]'
	assert_json '.size == 16777216 and .data_offset + .data_bytes + 2097152 == .size and .formatted'
	assert_json '.label == "f" and .persist == "host" and .damaged == []'
	assert_json '.failed == "" and .window == "" and .rung == false'
}

@test "names of any bytes give valid JSON" {
	make_here f
	ln "$XDG_DATA_HOME/fam/f.fam" "$dir/"$'q"\\\n\xff\xc3\xa4.x'
	fam_run fam --json -f "$dir/"$'q"\\\n\xff\xc3\xa4.x' info
	assert_json '.name | endswith("/q\"\\\n\ufffd\u00e4.x")'
}

@test "of two fabrics of one name root gets the system's, as from famctl" {
	requires_root "to make a fabric in /var/lib/fam"
	name=fam-test-$BASHPID
	make_here "$name"
	famctl create-fabric 16M "$name" >/dev/null
	fam_run fam --json -f "$name" info
	assert_json ".path == \"/var/lib/fam/$name.fam\""
	fam_run famctl --json show-fabric "$name"
	assert_json ".path == \"/var/lib/fam/$name.fam\""
	rm "/var/lib/fam/$name.fam"
	fam_run fam --json -f "$name" info
	assert_json ".path == \"$XDG_DATA_HOME/fam/$name.fam\""
}

@test "of two fabrics of one name a plain user gets his own" {
	requires_root "to make a fabric in /var/lib/fam"
	name=fam-test-$BASHPID
	famctl create-fabric 16M "$name" --mode 644 >/dev/null
	famctl_at_home create-fabric 16M "$name" >/dev/null
	install -m 755 "$FAM_BUILD/bin/fam" "$home/fam"
	fam_run as_user "$home" "$home/fam" --json -f "$name" info
	assert_json ".path == \"$home/data/fam/$name.fam\""
	fam_run famctl_at_home --json show-fabric "$name"
	assert_json ".path == \"$home/data/fam/$name.fam\""
}

@test "info without a name describes all and names the broken one" {
	make_here good
	make_here broken
	damage "$XDG_DATA_HOME/fam/broken.fam" $((SUPERBLOCK_0 + 100))
	damage "$XDG_DATA_HOME/fam/broken.fam" $((SUPERBLOCK_1 + 100))
	truncate -s 1M "$XDG_DATA_HOME/fam/plain.fam"
	fam_run -1 fam info
	assert_output $'good\n  uuid:'
	assert_output 'format:      none: raw'
	assert_stderr "/broken.fam': both copies of the superblock are damaged"
	fam_run -1 fam info --json
	assert_json 'any(.[]; .label == "good") and any(.[]; .formatted == false)'
	assert_json 'any(.[]; .name | endswith("/broken.fam")) and
		any(.[]; .error.message == "both copies of the superblock are damaged" and
			.error.exit_status == 1)'
	fam_run fam list
	assert_output -r '16 MiB +good +file +[0-9a-f-]{36} [^ ]*/good\.fam'
	assert_output -r '/broken\.fam \(both copies'
}

@test "an unknown fabric: exit 3, with a hint, in JSON too" {
	fam_run -3 fam -f nowhere info --json
	assert_stderr -x "fam: cannot read fabric 'nowhere': no fabric has this name
hint: 'fam list' shows the fabrics, 'fam ls -r' and 'fam objects' what is in one"
	assert_json '.error.exit_status == 3 and (.error.hint | length > 0)'
	fam_run -3 fam -f "$dir/nowhere" read
	assert_stderr "fam: cannot read fabric '$dir/nowhere': there is no such file"
	cd "$dir"
	: >file.fam
	fam_run -3 fam -f file.fam read
	assert_stderr "hint: for the file that is here, put './' before it"
	fam_run -2 fam -f 'no/../such name'$'\n' info || fam_run -3 fam -f 'no/such' info
	fam_run -2 fam -f 'a b' write
	assert_stderr -x "fam: cannot write fabric 'a b': malformed name
hint: name a fabric by label, UUID, PCI address, position '#0', or path with a '/'"
}

@test "wrong words: exit 2 and two lines" {
	local words
	for words in '' frobnicate 'info more' 'read --json' 'write --seed 1' 'verify' \
		'verify --write --check' 'verify --check --offset 4' 'verify --check --length 7' \
		'read --offset' 'read --offset 3X' 'read --offset -1' 'read --offset 1.5K' \
		'read --offset 16777216T' 'read --offset 99999999999999999999' 'read --length 1MB' \
		'read --offset 1 --offset 2' 'read --off 1' 'read --raw=1' '-x read' '-f'; do
		# shellcheck disable=SC2086 # the words
		fam_run -2 fam $words
		assert_stderr -r '^fam: [^'$'\n'']*'$'\n''hint: [^'$'\n'']*$' "two lines for: $words"
		assert_output -x '' "nothing on stdout for: $words"
	done
	fam_run -2 fam -f '' list
	assert_stderr "fam: '' is not the name of a fabric"
}

@test "what is written is read, to the last byte" {
	make_here f
	fam_run fed hello fam write -f f
	fam_run fed world fam write --offset 12582907 -f f
	fam_run fam -f f read --length 5
	assert_output -x hello
	fam_run fam -f f read --offset 12582907
	assert_output -x world
	fam_run fam -f f read --offset 12582912
	assert_output -x ''
	assert "all of it is as long as the data" \
		test "$(fam -f f read | wc -c)" -eq 12582912
}

@test "writing does not run past the end" {
	make_here raw 1M --raw
	fam_run -1 fed 123456 fam --raw -f raw write --offset 1048572
	assert_stderr '4 bytes were written, nothing beyond'
	assert "the file keeps its size" \
		test "$(stat -c %s "$XDG_DATA_HOME/fam/raw.fam")" -eq 1048576
	fam_run fam --raw -f raw read --offset 1048572
	assert_output -x 1234
	fam_run fed 5678 fam --raw -f raw write --offset 1048572
	fam_run -1 fed x fam --raw -f raw write --offset 1M
	assert_stderr '0 bytes were written'
	fam_run fed '' fam --raw -f raw write --offset 1M
}

@test "a range outside the data is refused before anything is done" {
	make_here f
	local range
	for range in '--offset 12582913' '--offset 12M --length 1' '--length 12582913' \
		'--offset 16777215T --length 16777215T'; do
		# shellcheck disable=SC2086 # the words
		fam_run -1 fed x fam -f f write $range
		assert_stderr "not inside the fabric's data"
		# shellcheck disable=SC2086 # the words
		fam_run -1 fam -f f read $range
		assert_output -x ''
	done
	fam_run fam -f f read --length 1
	refute_output x
}

@test "write with a length takes no more of its input" {
	make_here f
	printf abcdef >"$dir/in"
	rest=$({
		fam -f f write --length 3
		cat
	} <"$dir/in")
	[[ $rest == def ]] || assert_failed "the rest is '$rest'"
	fam_run fam -f f read --length 4
	assert_output -x abc
}

@test "output that cannot be written is a failure" {
	make_here f
	to_full_disk() { fam "$@" >/dev/full; }
	into_closed_pipe() {
		fam "$@" | head -c 1 >/dev/null
		return "${PIPESTATUS[0]}"
	}
	from_directory() { fam "$@" </; }
	fam_run -1 to_full_disk -f f read
	assert_stderr 'cannot write standard output: No space left on device'
	fam_run -1 to_full_disk -f f info
	assert_stderr 'cannot write standard output: No space left on device'
	fam_run -1 into_closed_pipe -f f read
	assert_stderr 'cannot write standard output: Broken pipe'
	fam_run -1 from_directory -f f write
	assert_stderr 'cannot read standard input: Is a directory'
}

@test "verify finds every wrong word and the first one's place" {
	make_here f
	fam_run fam -f f verify --write --seed 7
	assert_output -x '12582912 bytes written with the pattern of seed 7'
	fam_run fam -f f verify --check --seed 7
	assert_output -x '12582912 bytes match the pattern of seed 7'
	printf x | fam -f f write --offset 1000
	printf x | fam -f f write --offset 9M
	fam_run -1 fam -f f verify --check --seed 7
	assert_stderr -r '2 of 1572864 words are wrong, the first at offset 1000: expected 0x[0-9a-f]{16}, found 0x[0-9a-f]{16}$'
	fam_run fam -f f verify --check --seed 7 --offset 1008 --length 1M
	fam_run -1 fam -f f verify --check --length 4K
	assert_stderr '512 of 512 words are wrong' "another seed is another pattern"
}

@test "verify finds data at the wrong offset" {
	make_here f
	fam -f f verify --write --length 8K
	fam -f f read --length 4K | fam -f f write --offset 4K
	fam_run -1 fam -f f verify --check --length 8K
	assert_stderr '512 of 1024 words are wrong, the first at offset 4096'
}

@test "a zeroed fabric matches no seed" {
	make_here f
	fam_run -1 fam -f f verify --check --seed 0
	assert_stderr '1572864 of 1572864 words are wrong'
}

@test "raw and formatted are not mixed up" {
	make_here f
	make_here raw 1M --raw
	fam_run -4 fed x fam -f f --raw write
	assert_stderr 'formatted fabric and cannot be opened raw'
	fam_run -1 fed x fam -f raw write
	assert_stderr 'fam --raw'
	fam_run fam -f f info
}

@test "write --persist succeeds on a disk" {
	make_here f
	fam_run fed durable fam -f f write --persist
	fam_run fam -f f read --length 7
	assert_output -x durable
}

@test "persist makes a range of the data durable, or all" {
	make_here f
	fam_run fam -f f persist
	fam_run fam -f f persist --offset 100 --length 5000
	fam_run fam -f f persist --length 0
	assert_output -x ""
	fam_run -1 fam -f f persist --offset 13M --length 1
	assert_stderr "not inside the fabric's data"
	fam_run -2 fam -f f persist --persist
	assert_stderr "option '--persist' does not fit command 'persist'"
	fam_run -4 fam --raw -f f persist
}

# What a program stores there whose write-back failed: -EIO.
mark_failed() { # FILE
	printf '\xfb\xff\xff\xff' | dd of="$1" bs=1 seek=$((65536 + 84)) conv=notrunc status=none
}

@test "a failed write-back is told until an operator clears it" {
	make_here f
	mark_failed "$XDG_DATA_HOME/fam/f.fam"
	for command in persist 'persist --length 0'; do
		# shellcheck disable=SC2086 # words
		fam_run -1 fam -f f $command
		assert_stderr -r "^fam: cannot make the data durable in fabric 'f': writing to the disk failed; data may be lost
hint: .*'famctl clear-errors'"
	done
	fam_run -1 fed x fam -f f write --persist
	fam_run fam -f f info
	assert_output "
  but now:     writing to the disk failed; data may be lost
"
	fam_run fam -f f info --json
	assert_json '.failed == "writing to the disk failed; data may be lost"'
	fam_run "$FAM_BUILD/bin/famctl" clear-errors "$XDG_DATA_HOME/fam/f.fam"
	fam_run fam -f f persist
	fam_run fam -f f info --json
	assert_json '.failed == ""'
}

@test "write --persist fails where there is no disk" {
	make_here f
	requires_root "to mount a tmpfs"
	mkdir "$dir/mnt"
	mount -t tmpfs -o size=32M none "$dir/mnt"
	mounted=$dir/mnt
	cp "$XDG_DATA_HOME/fam/f.fam" "$mounted/m.fam"
	fam_run -1 fed volatile fam -f "$mounted/m.fam" write --persist
	assert_stderr -r "^fam: cannot make the data durable in fabric '.*/m.fam': no way to the host's disk from here, or no doorbells or sessions
hint: on the host, 'famctl sync-fabric' makes the stores durable"
	fam_run fam -f "$mounted/m.fam" read --length 8
	assert_output -x volatile "it is visible nevertheless"
	fam_run fam -f "$mounted/m.fam" info
	assert_output 'not possible: the file system is in memory'
}

@test "a full disk under a sparse fabric is an error and no crash" {
	requires_root "to mount a small file system"
	from_zero() { "$@" </dev/zero; }
	mkdir "$dir/mnt"
	mount -t tmpfs -o size=2M none "$dir/mnt"
	mounted=$dir/mnt
	truncate -s 16M "$mounted/sparse.img"
	fam_run -1 from_zero fam --raw -f "$mounted/sparse.img" write
	assert_stderr 'the memory behind the fabric is gone: its disk is full'
	fam_run -1 fam --raw -f "$mounted/sparse.img" verify --write
	assert_stderr 'the memory behind the fabric is gone: its disk is full'
}

@test "a large fabric is handled in little address space" {
	make_here big 16G --sparse 2>/dev/null
	in_little_space() (
		# The address sanitizer needs terabytes of it.
		[[ $FAM_BUILD == */address ]] || ulimit -v 131072
		echo end | fam -f big write --offset 16875782140
		fam -f big read --offset 16875782140
		fam -f big read --offset 12G --length 200M | wc -c
	)
	fam_run in_little_space
	assert_output -x $'end\n209715200'
}

@test "help of a command names what it takes" {
	local command
	for command in "help put" "put --help" "--help put"; do
		# shellcheck disable=SC2086 # the words
		fam_run fam $command
		assert_output -r '^usage: fam \[-f NAME\] put \[OPTION...\] FILE NAME'
		assert_output -r $'\n  +--replace '
		[[ $output != *--batch* ]] || assert_failed "it names another command's option"
	done
	while read -r command; do
		fam_run fam help "$command"
		assert_output -r "^usage: fam \[-f NAME\] $command "
	done < <(fam complete)
	fam_run -2 fam help nonsense
	assert_stderr "unknown command 'nonsense'"
	fam_run -2 fam help put get
	assert_stderr "unexpected word 'get'"
}

@test "help and manual name the same options" {
	fam_run fam help
	local help manual
	help=$(grep -oE '^ +(-[a-z], )?--[a-z-]+' <<<"$output" | grep -oE -- '--[a-z-]+' | sort)
	manual=$(grep '^\.It Fl' guest-lib/man/fam.1 | grep -oE 'Fl -[a-z-]+' | sed 's/Fl -/--/' | sort)
	[[ $help == "$manual" ]] || assert_failed "$(diff <(echo "$help") <(echo "$manual"))"
	fam_run fam --help
	assert_output 'usage: fam'
	fam_run fam --version
	assert_output -r '^fam [0-9]+\.[0-9]+\.[0-9]+$'
}
