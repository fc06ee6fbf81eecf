#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' home='' # set by fabric_setup and famctl_at_home

setup_file() {
	faults_build
}

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

# What a refused create-fabric says and leaves: nothing.
refused() { # STATUS MESSAGE HINT ARGUMENT...
	local status_wanted=$1 message=$2 hint=$3 before
	shift 3
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" famctl create-fabric "$@"
	assert_stderr "famctl: cannot create " "the program and what failed come first"
	assert_stderr "$message"
	[[ -z $hint ]] || assert_stderr "hint: $hint"
	assert_output -x "" "nothing was made, so nothing is told"
	assert_unchanged "$dir" "$before"
}

@test "16 GiB appear in well under a second, reserved and formatted" {
	local start=${EPOCHREALTIME/./} took
	fam_run famctl create-fabric 16G --dir "$dir"
	took=$((${EPOCHREALTIME/./} - start))
	echo "# create-fabric 16G: $((took / 1000)) ms" >&3
	assert "it took $took us" test "$took" -lt 1000000
	assert_output "created fabric 'fabric0': 16 GiB, formatted, all space reserved: $dir/fabric0.fam"
	assert_output "next: famctl create-node node01 --fabric '$dir/fabric0.fam' > node01.xml"
	assert_stderr -x ""
	assert "its size" test "$(stat -c %s "$dir/fabric0.fam")" -eq $((16 << 30))
	assert "its blocks" test "$(stat -c %b "$dir/fabric0.fam")" -ge $((16 << 21))
	assert "nothing else is there" test "$(ls -A "$dir")" = fabric0.fam
}

@test "the default directory is made, and only for its user" {
	fam_run famctl_at_home create-fabric 16M
	assert_output "$home/data/fam/fabric0.fam"
	assert_output "next: famctl create-node node01 > node01.xml" "the default needs no option"
	assert "mode of the file" test "$(stat -c %a "$home/data/fam/fabric0.fam")" = 600
	assert "mode of the directory" test "$(stat -c %a "$home/data/fam")" = 700
}

@test "a directory made for nothing is removed again" {
	fam_run -1 famctl_at_home create-fabric 16T
	assert_stderr "it needs 16 TiB, "
	refute "the directory is gone" test -e "$home/data/fam"
}

@test "as root the file is for root and QEMU's group" {
	requires_root "to give files to other groups"
	local group
	getent passwd libvirt-qemu >/dev/null || skip "there is no user libvirt-qemu"
	group=$(id -g libvirt-qemu)
	fam_run famctl create-fabric 16M --dir "$dir"
	assert "owner and mode" test "$(stat -c '%u %g %a' "$dir/fabric0.fam")" = "0 $group 660"
}

@test "mode and group are those asked for, whatever the umask" {
	umask 077
	fam_run famctl create-fabric 16M --dir "$dir" --mode 664 --group "$(id -g)"
	assert "group and mode" test "$(stat -c '%g %a' "$dir/fabric0.fam")" = "$(id -g) 664"
}

@test "JSON tells what was made" {
	fam_run famctl --json create-fabric 16M f1 --dir "$dir" --durability guest
	assert_json ".name == \"f1\" and .path == \"$dir/f1.fam\" and .size == 16777216"
	assert_json '.formatted and .durability == "guest" and (.uuid | length) == 36'
	assert_json '.allocated >= .size' "space is reserved"
}

@test "an error is a JSON document too, its text still on stderr" {
	fam_run -2 famctl --json create-fabric 16X --dir "$dir"
	assert_json '.error.exit_status == 2'
	assert_json ".error.message | contains(\"'16X' is not a size\")"
	assert_stderr "'16X' is not a size"
}

@test "two fabrics never have the same uuid" {
	make_fabric a
	make_fabric b
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json '.[0].uuid != .[1].uuid'
}

@test "--dry-run checks everything and makes nothing" {
	local before
	before=$(snapshot "$dir")
	fam_run famctl --dry-run create-fabric 16M --dir "$dir"
	assert_output "would create fabric 'fabric0': 16 MiB"
	assert_unchanged "$dir" "$before"
	touch "$dir/fabric0.fam"
	fam_run -4 famctl --dry-run create-fabric 16M --dir "$dir"
}

@test "--raw makes a file of zeros" {
	fam_run famctl create-fabric 1M r --raw --dir "$dir"
	assert_output "raw"
	assert "all of it is zero" cmp -n 1048576 "$dir/r.fam" /dev/zero
}

@test "--sparse reserves nothing and says what that means" {
	fam_run famctl create-fabric 16G --sparse --dir "$dir"
	assert_stderr "warning: a sparse fabric reserves no space: if the disk fills up, SIGBUS kills the nodes"
	assert_output "no space reserved for data"
	assert "its blocks" test "$(stat -c %b "$dir/fabric0.fam")" -lt 5000
}

# Bytes of the file that have their place on the disk.
allocated() { # FILE
	local blocks bytes
	read -r blocks bytes < <(stat -c '%b %B' "$1")
	printf '%d\n' $((blocks * bytes))
}

@test "--sparse reserves the metadata, which the server stores to" {
	make_fabric f 16G --sparse 2>/dev/null
	assert "2 MiB are its own" test "$(allocated "$dir/f.fam")" -ge $((2 << 20))
	make_fabric r 16G --sparse --raw 2>/dev/null
	assert "a raw one has none" test "$(allocated "$dir/r.fam")" -eq 0
}

@test "--sparse without space for the metadata is refused" {
	mount_on tmpfs size=1M
	fam_run -1 famctl create-fabric 16M --sparse --dir "$dir"
	assert_stderr "it needs 2 MiB, "
	assert "nothing was made" test -z "$(ls -A "$dir")"
}

@test "--sparse where space cannot be reserved: the metadata is written" {
	fam_run famctl_with fallocate=EOPNOTSUPP create-fabric 16M --sparse --dir "$dir"
	assert "2 MiB are its own" test "$(allocated "$dir/fabric0.fam")" -ge $((2 << 20))
}

@test "--prepare writes every byte" {
	fam_run famctl create-fabric 64M --prepare --dir "$dir"
	assert_output "all space reserved and zeroed"
	assert_stderr -x "" "no progress bar without a terminal"
	# Unwritten extents are what --prepare is to avoid.
	requires_command filefrag
	fam_run filefrag -v "$dir/fabric0.fam"
	refute_output unwritten "all extents are written ones"
}

@test "--path puts the file where it is wanted, under any name" {
	cd "$dir"
	fam_run famctl create-fabric 16M --path here.fam
	assert_output "fabric 'here': 16 MiB"
	fam_run famctl create-fabric 16M data --path "./some file.bin"
	assert_output ": $dir/some file.bin"
	fam_run famctl --json show-fabric "./some file.bin"
	assert_json '.name == "data"'
}

@test "not a size: 16X" {
	refused 2 "'16X' is not a size" "digits and K, M, G or T" 16X --dir "$dir"
}

@test "not a size: 16GB, with the size that was meant" {
	refused 2 "'16GB' is not a size" "sizes count in powers of 1024: '16GiB'" 16GB --dir "$dir"
}

@test "not a size: words, fractions, blanks, nothing" {
	local text
	for text in much 1.5G "16 G" 0x10 16P; do
		refused 2 "'$text' is not a size" "digits and" "$text" --dir "$dir"
	done
	refused 2 "the size is empty" "" "" --dir "$dir"
}

@test "a size of 0" {
	refused 2 "size 0 is no size" "use 16MiB or more" 0 --dir "$dir"
}

@test "a negative size" {
	refused 2 "size '-16G' is negative" "" --dir "$dir" -- -16G
	fam_run -2 famctl create-fabric -16G --dir "$dir"
	assert_stderr "'-1" "read as an option, it is named"
}

@test "a size that is no power of two" {
	refused 2 "size 12GiB is not a power of two" "use 8GiB or 16GiB" 12G --dir "$dir"
	refused 2 "size 17179869185 is not a power of two" "use 16GiB or 32GiB" 17179869185 --dir "$dir"
	refused 2 "size 9TiB is not a power of two" "use 8TiB or 16TiB" 9T --dir "$dir"
}

@test "a size below the minimum" {
	refused 2 "size 8MiB is below the minimum of 16MiB" "use 16MiB or more, or --raw and 1MiB or more" 8M --dir "$dir"
	refused 2 "size 512KiB is below the minimum of 1MiB" "use 1MiB or more" 512K --raw --dir "$dir"
}

@test "a size above the limit" {
	refused 2 "size 32TiB is above the limit of 16TiB" "use 16TiB or less" 32T --dir "$dir"
	refused 2 "size '99999999999999T' is above the limit of 16TiB" "use 16TiB or less" 99999999999999T --dir "$dir"
}

@test "a size larger than the free space" {
	refused 1 "cannot create fabric 'fabric0': it needs 16 TiB, " "choose a smaller size, or a larger disk" 16T --dir "$dir"
	fam_run -1 famctl create-fabric 16T --dir "$dir"
	assert_stderr -r "needs 16 TiB, [0-9.]+ [MGT]iB are free in '$dir'"
}

@test "no size, or too many words" {
	refused 2 "the size is missing" "famctl create-fabric 16G" --dir "$dir"
	refused 2 "too many words" "" 16M a b --dir "$dir"
}

@test "a name that exists" {
	make_fabric fabric0
	refused 4 "'$dir/fabric0.fam' exists; famctl never overwrites" "choose another name" 16M --dir "$dir"
}

@test "a name with a slash, empty, of 200 characters, of bad characters" {
	refused 2 "fabric name 'a/b' contains a slash" "--path FILE" 16M a/b --dir "$dir"
	refused 2 "a fabric's name may not be empty" "use 1 to 63 letters" 16M "" --dir "$dir"
	refused 2 "is 200 bytes long, at most 63 are allowed" "" 16M "$(printf 'a%.0s' {1..200})" --dir "$dir"
	refused 2 "'.hidden' cannot be a fabric's name" "use 1 to 63 letters" 16M .hidden --dir "$dir"
	refused 2 "'a b' cannot be a fabric's name" "use 1 to 63 letters" 16M "a b" --dir "$dir"
}

@test "a path that is a directory" {
	mkdir "$dir/sub"
	refused 4 "'$dir/sub' is a directory; famctl never overwrites" "" 16M --path "$dir/sub"
	refused 4 "'$dir/sub/' names a directory" "--dir '$dir/sub/'" 16M --path "$dir/sub/"
}

@test "a path that is a symbolic link, also a dangling one" {
	echo precious >"$dir/elsewhere"
	ln -s elsewhere "$dir/link"
	ln -s nowhere "$dir/dangling"
	refused 4 "'$dir/link' is a symbolic link; famctl never overwrites" "" 16M --path "$dir/link"
	refused 4 "'$dir/dangling' is a symbolic link; famctl never overwrites" "" 16M --path "$dir/dangling"
}

@test "a path that is someone's file with data in it" {
	echo precious >"$dir/thesis.odt"
	refused 4 "'$dir/thesis.odt' exists; famctl never overwrites" "choose another name" 16M x --path "$dir/thesis.odt"
}

@test "a path that is a device" {
	refused 4 "'/dev/null' is a device, pipe or socket; famctl never overwrites" "" 16M --path /dev/null
}

@test "a directory that does not exist, or is none" {
	refused 3 "cannot open directory '$dir/sub': No such file" "mkdir '$dir/sub'" 16M --dir "$dir/sub"
	refused 3 "cannot open directory '$dir/sub/': No such file" "mkdir '$dir/sub/'" 16M --path "$dir/sub/x.fam"
	touch "$dir/file"
	refused 1 "cannot open directory '$dir/file': Not a directory" "" 16M --dir "$dir/file"
}

@test "a directory without permission" {
	mkdir "$dir/closed"
	chmod 555 "$dir/closed"
	fam_run -1 famctl_at_home create-fabric 16M --dir "$dir/closed"
	assert_stderr "cannot make a file in '$dir/closed': Permission denied"
	assert_stderr "hint: choose another directory with --dir"
	assert "nothing was made" test -z "$(ls -A "$dir/closed")"
}

@test "options that contradict each other" {
	refused 2 "--path and --dir exclude each other" "" 16M --path "$dir/x" --dir "$dir"
	refused 2 "--sparse and --prepare exclude each other" "" 16M --sparse --prepare --dir "$dir"
	refused 2 "a raw fabric has no place to note --durability" "" 16M --raw --durability guest --dir "$dir"
	refused 2 "must end in '.fam'" "--path '$dir/x.fam'" 16M --raw --path "$dir/x"
}

@test "option values that mean nothing" {
	refused 2 "durability 'always' is unknown" "host (survives a power cut)" 16M --durability always --dir "$dir"
	refused 2 "mode '999' is not an octal mode" "three octal digits" 16M --mode 999 --dir "$dir"
	refused 2 "mode '7777' is not an octal mode" "" 16M --mode 7777 --dir "$dir"
	refused 2 "mode '044' does not let the owner read and write" "" 16M --mode 044 --dir "$dir"
	refused 2 "there is no group 'no-such-group'" "" 16M --group no-such-group --dir "$dir"
}

@test "a file name that is no label asks for a name" {
	refused 2 "'my file.bin' cannot be a fabric's name" "give a name too" 16M --path "$dir/my file.bin"
}

@test "directories above it made for nothing are removed too, others are not" {
	requires_root "to be a plain user with a home of its own"
	home=$(user_home)
	without_data_home() {
		as_user "$home" env -u XDG_DATA_HOME "$home/famctl" --connect "$FABRIC_URI" "$@"
	}
	install -m 755 "$FAM_BUILD/bin/famctl" "$home/famctl"
	fam_run -1 without_data_home create-fabric 16T
	assert_stderr "it needs 16 TiB, "
	refute "nothing of it is left" test -e "$home/.local"
	as_user "$home" mkdir "$home/.local"
	fam_run -1 without_data_home create-fabric 16T
	assert "what was there stays, empty" test -z "$(ls -A "$home/.local")"
	fam_run without_data_home create-fabric 16M
	assert "it is made when it is needed" test -e "$home/.local/share/fam/fabric0.fam"
}

@test "output that cannot be written leaves no fabric" {
	local option
	run_into_full() {
		famctl "$@" >/dev/full
	}
	for option in --raw --sparse --json --dry-run; do
		fam_run -1 run_into_full create-fabric 16M --dir "$dir" "$option"
		assert_stderr "cannot create fabric 'fabric0': cannot write the output: No space left on device"
		assert "nothing is left ($option)" test -z "$(ls -A "$dir")"
	done
}

@test "the same where files are never without a name" {
	into_full() {
		famctl_with tmpfile=EOPNOTSUPP create-fabric 16M --dir "$dir" >/dev/full
	}
	fam_run -1 into_full
	assert "nothing is left" test -z "$(ls -A "$dir")"
}

@test "a reader that does not read: Ctrl-C still works, and leaves nothing" {
	local pid status=0
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec {reader}<>"$BATS_TEST_TMPDIR/pipe"
	# A pipe is full when another byte would have to wait.
	dd if=/dev/zero bs=4096 oflag=nonblock of="$BATS_TEST_TMPDIR/pipe" 2>/dev/null || true
	famctl_started create-fabric 16M --dir "$dir" >&"$reader" 3>&- &
	pid=$!
	wait_until 20 test -e "$dir/fabric0.fam" || die "it was not made"
	kill -INT "$pid"
	wait "$pid" || status=$?
	exec {reader}>&-
	assert "status $status is that of a death by SIGINT" test "$status" -eq 130
	assert "nothing is left" test -z "$(ls -A "$dir")"
}

@test "closed descriptors never reach into the fabric" {
	closed() {
		case $1 in
		in) famctl create-fabric 16M --dir "$dir" <&- ;;
		out) famctl create-fabric 16M --dir "$dir" >&- ;;
		err) famctl create-fabric 16M --sparse --dir "$dir" 2>&- ;;
		out-err) famctl create-fabric 16M --sparse --dir "$dir" >&- 2>&- ;;
		all) famctl create-fabric 16M --sparse --dir "$dir" <&- >&- 2>&- ;;
		esac
	}
	local which
	for which in in out err out-err all; do
		status=0
		closed "$which" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || status=$?
		if [[ ! -e $dir/fabric0.fam ]]; then
			refute "without a fabric it does not succeed ($which)" test "$status" -eq 0
		else
			assert "with a fabric it succeeds ($which)" test "$status" -eq 0
			fam_run famctl --json show-fabric fabric0 --dir "$dir"
			assert_json '.formatted and (has("damaged") | not)' "both copies are whole ($which)"
			assert "behind them all is zero" cmp -n 1000000 -i 4096:0 "$dir/fabric0.fam" /dev/zero
			rm "$dir/fabric0.fam"
		fi
		assert "nothing is left ($which)" test -z "$(ls -A "$dir")"
	done
}

@test "room for regions: a 32nd, or as many as are wanted" {
	local -A count=([16M]=960 [64M]=1920 [512M]=15616 [8G]=31296)
	local size
	for size in "${!count[@]}"; do
		make_fabric "d$size" "$size" --sparse 2>/dev/null
		fam_run famctl --json show-fabric "d$size" --dir "$dir"
		assert_json ".regions_max == ${count[$size]}"
	done
	make_fabric many 64M --regions 20000
	fam_run famctl show-fabric many --dir "$dir"
	assert_output -r "regions max: +20[0-9]{3}"
	make_fabric none 16M --regions 0
	fam_run famctl --json show-fabric none --dir "$dir"
	assert_json '.regions_max == 0'
	fam_run "$FAM_BUILD/bin/fam" -f "$dir/none.fam" info --json
	assert_json '.data_bytes == 13 * 1048576'
	# What is not for one can be for the other.
	make_fabric objects 16M --regions 0 --objects 12M
	make_fabric regions 16M --objects 0 --regions 11000
}

@test "what is no number of regions is refused" {
	local -a create=(famctl create-fabric 16M f --dir "$dir")
	fam_run -2 "${create[@]}" --regions many
	assert_stderr "famctl: cannot create a fabric: --regions: 'many' is not a number"
	fam_run -2 "${create[@]}" --regions -1
	fam_run -2 "${create[@]}" --regions 1M
	fam_run -2 "${create[@]}" --regions 12000
	assert_stderr "12000 regions leave no room for data"
	assert_stderr -r "hint: use 10[0-9]{3} or less"
	fam_run -2 "${create[@]}" --regions 99999999999999999999
	fam_run -2 famctl create-fabric 16T f --dir "$dir" --sparse --regions 1048577
	assert_stderr "1048577 regions are more than there can be"
	assert_stderr "hint: use 1048576 or less"
	fam_run -2 "${create[@]}" --regions 5 --raw
	assert_stderr "a raw fabric has no place for --regions"
	refute "nothing was made" test -e "$dir/f.fam"
}
