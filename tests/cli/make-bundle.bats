#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What make-bundle and the commands that need a bundle do to other people's
# files, and what they leave when they are stopped. tests/vm/bundle.bats boots.

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash
load ../lib/installed.bash

dir='' home='' # set by fabric_setup and user_home

setup_file() {
	faults_build
}

setup() {
	fabric_setup
	bundle=$dir/b
	fake_kernel "$dir/kernel"
}

teardown() {
	fabric_teardown
}

# What is read of a kernel: its magic, and where its version is.
fake_kernel() { # FILE
	{
		head -c $((0x202)) /dev/zero
		printf 'HdrS'
		head -c 8 /dev/zero
		printf '\x00\x02'
		head -c $((0x1f0)) /dev/zero
		printf '6.1.0-fake (somebody)'
		head -c 512 /dev/zero
	} >"$1"
}

# make-bundle as most of these tests need it.
make_bundle() {
	famctl make-bundle --kernel "$dir/kernel" --modules none --dir "$bundle" "$@"
}

bundle_at() { # DIRECTORY ARGUMENT...
	local bundle=$1
	make_bundle "${@:2}"
}

# What a refused make-bundle says and leaves: nothing.
refused() { # STATUS MESSAGE ARGUMENT...
	local status_wanted=$1 message=$2 before
	shift 2
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" make_bundle "$@"
	assert_stderr "famctl: cannot make a bundle: "
	assert_stderr "$message"
	assert_output -x ""
	assert_unchanged "$dir" "$before"
}

need_bundle() {
	famctl create-node n1 --fabric "$dir/f.fam" --virt-type qemu --bundle-dir "$bundle" "$@"
}

contents() {
	cpio -t --quiet <"$bundle/initrd.img"
}

# Keeps the directory locked until let_go.
locked() { # DIRECTORY
	local ready=$BATS_TEST_TMPDIR/ready
	rm -f "$ready"
	# shellcheck disable=SC2016 # the inner shell expands
	flock --no-fork "$1" sh -c 'touch "$1"; exec sleep 100' sh "$ready" </dev/null 3>&- &
	# shellcheck disable=SC2034 # let_go ends it
	holder=$!
	wait_until 10 test -e "$ready"
}

# Ends a command by a signal once the condition holds; it must die of that.
ended_by() { # SIGNAL PID STATUS CONDITION...
	local signal=$1 pid=$2 wanted=$3 got=0
	shift 3
	wait_until 20 "$@" || die "not so in time: $*"
	kill "-$signal" "$pid"
	wait "$pid" || got=$?
	assert "status $got is that of a death by SIG$signal" test "$got" -eq "$wanted"
}

@test "files which only look like a bundle are left alone" {
	mkdir "$bundle"
	echo precious >"$bundle/inputs"
	echo mine >"$bundle/vmlinuz"
	echo n >"$bundle/initrd.img.new"
	refused 4 "'$bundle/vmlinuz' exists and is not from a bundle"
	rm "$bundle/vmlinuz"
	refused 4 "'$bundle/inputs' exists and is not from a bundle"
	refused 4 "'$bundle/inputs' exists" --dry-run
	rm "$bundle/inputs"
	ln -s /nonexistent/x "$bundle/initrd.img"
	refused 4 "'$bundle/initrd.img' exists"
	rm "$bundle/initrd.img"
	mkfifo "$bundle/inputs"
	refused 4 "'$bundle/inputs' exists"
}

@test "other files beside a bundle survive all of its makings" {
	mkdir "$bundle"
	echo n | tee "$bundle"/{vmlinuz,initrd.img,inputs}.new >"$bundle/notes"
	before=$(sha256sum "$bundle"/*)
	make_bundle >/dev/null
	make_bundle --add "$dir/kernel" >/dev/null
	assert "they are as they were" sha256sum --status -c <<<"$before"
	assert "nothing more has come" test "$(find "$bundle" -mindepth 1 | wc -l)" -eq 7
}

@test "a directory in the place of a file is seen before anything is replaced" {
	make_bundle >/dev/null
	rm "$bundle/initrd.img"
	mkdir "$bundle/initrd.img"
	refused 4 "'$bundle/initrd.img' exists" --add "$dir/kernel"
}

@test "root does not follow the options in another user's bundle" {
	requires_root "to act on files of another user"
	make_fabric f
	make_bundle >/dev/null
	echo secret >"$dir/secret"
	chmod 600 "$dir/secret"
	sed -i "2i add $dir/secret:/secret" "$bundle/inputs"
	chown -R "$FAM_USER:" "$bundle"
	before=$(snapshot "$bundle")
	fam_run need_bundle
	assert_output "<kernel>$bundle/vmlinuz</kernel>"
	assert_unchanged "$bundle" "$before" "root takes the pair as it is"
	rm "$bundle/initrd.img"
	before=$(snapshot "$bundle")
	fam_run -4 need_bundle
	assert_stderr "'$bundle' is not complete"
	assert_unchanged "$bundle" "$before"
	# Nor where only the directory, or only the list, is another's.
	chown root: "$bundle/inputs"
	before=$(snapshot "$bundle")
	fam_run -4 need_bundle
	assert_unchanged "$bundle" "$before"
	chown root: "$bundle"
	chown "$FAM_USER:" "$bundle/inputs"
	before=$(snapshot "$bundle")
	fam_run -4 need_bundle
	assert_unchanged "$bundle" "$before"
	# But of its own it is.
	chown root: "$bundle/inputs"
	fam_run need_bundle
	[[ $(contents) == *secret* ]]
}

@test "a bundle where others may write is not made again by itself" {
	make_fabric f
	echo one >"$dir/file"
	make_bundle --add "$dir/file" >/dev/null
	echo three >"$dir/file"
	chmod 777 "$bundle"
	before=$(snapshot "$bundle")
	fam_run need_bundle
	assert_unchanged "$bundle" "$before"
	chmod 755 "$bundle"
	chmod 666 "$bundle/inputs"
	before=$(snapshot "$bundle")
	fam_run need_bundle
	assert_unchanged "$bundle" "$before"
	chmod 644 "$bundle/inputs"
	fam_run need_bundle
	refute "it was made again" test "$(snapshot "$bundle")" == "$before"
}

@test "a pipe in the place of the list keeps nobody waiting" {
	make_fabric f
	make_bundle >/dev/null
	rm "$bundle/inputs"
	mkfifo "$bundle/inputs"
	fam_run timeout 20 "$FAM_BUILD/bin/famctl" create-node n1 --fabric "$dir/f.fam" \
		--virt-type qemu --bundle-dir "$bundle"
	rm "$bundle/vmlinuz"
	fam_run -4 timeout 20 "$FAM_BUILD/bin/famctl" create-node n1 --fabric "$dir/f.fam" \
		--virt-type qemu --bundle-dir "$bundle"
	mkfifo "$dir/pipe"
	fam_run -2 timeout 20 "$FAM_BUILD/bin/famctl" make-bundle --dir "$dir/c" \
		--kernel "$dir/pipe"
	assert_stderr "'$dir/pipe' is not a Linux kernel"
}

@test "a lock of somebody else is waited for, but not for ever" {
	make_fabric f
	make_bundle >/dev/null
	locked "$bundle"
	fam_run need_bundle --memory 64M # nothing is to be made, so no lock is needed
	before=$(snapshot "$bundle")
	fam_run -4 make_bundle
	let_go
	assert_stderr "'$bundle' is locked by another process"
	assert_stderr "hint: fuser -v '$bundle'"
	assert_unchanged "$bundle" "$before"
	fam_run make_bundle
}

@test "waiting for a lock ends with a signal" {
	mkdir "$bundle"
	locked "$bundle"
	famctl_started make-bundle --kernel "$dir/kernel" --modules none --dir "$bundle" \
		>/dev/null 2>&1 3>&- &
	pid=$!
	# It has opened the directory, so it is past all that comes before.
	ended_by INT "$pid" 130 sh -c "ls -l /proc/$pid/fd | grep -q '$bundle\$'"
	let_go
	assert "nothing was made" test -z "$(ls -A "$bundle")"
}

@test "a signal leaves no file and no new directory" {
	local signal status_of_death=(HUP 129 INT 130 TERM 143) i
	truncate -s 2G "$dir/large"
	for ((i = 0; i < ${#status_of_death[@]}; i += 2)); do
		signal=${status_of_death[i]}
		famctl_started make-bundle --kernel "$dir/kernel" --modules none \
			--dir "$dir/new/er/b" --add "$dir/large" >/dev/null 2>&1 3>&- &
		ended_by "$signal" "$!" "${status_of_death[i + 1]}" test -e "$dir/new/er/b"
		refute "SIG$signal left the directories" test -e "$dir/new"
	done
}

@test "a signal leaves the bundle that is there, complete" {
	make_bundle >/dev/null
	truncate -s 2G "$dir/large"
	before=$(snapshot "$bundle")
	famctl_started make-bundle --kernel "$dir/kernel" --modules none \
		--dir "$bundle" --add "$dir/large" >/dev/null 2>&1 3>&- &
	pid=$!
	# shellcheck disable=SC2016 # the inner shell expands
	ended_by TERM "$pid" 143 sh -c 'readlink /proc/$0/fd/* | grep -q /large' "$pid"
	assert_unchanged "$bundle" "$before"
}

@test "a file size limit is an error which leaves nothing" {
	mkdir "$dir/empty"
	limited() {
		(ulimit -f 1000 && "$@")
	}
	fam_run -1 limited bundle_at "$dir/new/er//b/"
	assert_stderr "File too large"
	refute "directories were left" test -e "$dir/new"
	fam_run -1 limited bundle_at "$dir/new/../empty"
	assert "a directory that was there stays" test -d "$dir/empty"
	assert "nothing is in it" test -z "$(ls -A "$dir/empty")"
}

@test "a failing disk leaves nothing" {
	for fault in fsync=EIO tmpfile=EIO link=ENOSPC tmpfile=EOPNOTSUPP,fsync=EIO; do
		fam_run -1 famctl_with "$fault" make-bundle --kernel "$dir/kernel" \
			--modules none --dir "$dir/new/er/b"
		assert_stderr "famctl: cannot make a bundle: "
		refute "$fault left directories" test -e "$dir/new"
	done
}

@test "a file system without nameless files will do" {
	fam_run famctl_with tmpfile=EOPNOTSUPP make-bundle --kernel "$dir/kernel" \
		--modules none --dir "$bundle"
	assert "all of it is there, and nothing else" test \
		"$(ls -A "$bundle")" == $'initrd.img\ninputs\nvmlinuz'
}

@test "a killed making leaves a bundle that is made again with its options" {
	make_fabric f
	echo one >"$dir/file"
	make_bundle --add "$dir/file" >/dev/null
	# What is there after the list was begun and the first file replaced.
	sed -i '/^input /d' "$bundle/inputs"
	echo half >"$bundle/vmlinuz"
	fam_run need_bundle
	assert "the kernel is whole" cmp "$dir/kernel" "$bundle/vmlinuz"
	[[ $(contents) == *usr/bin/file* ]]
	assert "the list too" grep -q '^input ' "$bundle/inputs"
}

@test "control characters in names are usage errors" {
	refused 2 "--add: " --add "$dir/x"$'\n'"add /etc/shadow:/s"
	assert_stderr "'$dir/x?add /etc/shadow:/s' contains a control character"
	refused 2 "--add: " --add "$dir/kernel:/a"$'\t'b
	refused 2 "--add: " --add "$dir/kernel:/a"$'\177'
	fam_run -2 famctl make-bundle --dir "$bundle" --modules $'a\nb'
	assert_stderr "--modules: 'a?b' contains"
	fam_run -2 famctl make-bundle --dir "$bundle" --kernel $'a\rb'
	assert_stderr "--kernel: 'a?b' contains"
}

@test "names that are relative to an odd directory are refused too" {
	mkdir "$dir/a"$'\n'"add b"
	echo x >"$dir/a"$'\n'"add b/file"
	cd "$dir/a"$'\n'"add b"
	refused 2 "contains a control character" --add file
}

@test "an empty --dir is a usage error" {
	fam_run -2 famctl make-bundle --dir ''
	assert_stderr "--dir is empty"
	fam_run -2 famctl make-bundle --dir '' --dry-run
	make_fabric f
	fam_run -2 famctl create-node n1 --fabric "$dir/f.fam" --virt-type qemu --bundle-dir ''
}

@test "directories above a bundle are only for their user" {
	requires_root "to act as another user with an installed tree"
	install_tree "$dir/tree"
	chmod 644 "$dir/kernel"
	home=$(user_home)
	fam_run as_user "$home" env -u XDG_DATA_HOME "$dir/tree/bin/famctl" make-bundle \
		--kernel "$dir/kernel" --modules none
	assert_output "$home/.local/share/fam/bundle/vmlinuz"
	for made in .local .local/share .local/share/fam; do
		assert "mode of $made" test "$(stat -c %a "$home/$made")" = 700
	done
	umask 077
	fam_run bundle_at "$dir/new/er/b"
	for made in new new/er new/er/b; do
		assert "mode of $made" test "$(stat -c %a "$dir/$made")" = 755
	done
}

@test "create-node --dry-run names the bundle and makes none" {
	make_fabric f
	before=$(snapshot "$dir")
	fam_run need_bundle --dry-run
	assert_output "<kernel>$bundle/vmlinuz</kernel>"
	assert_output "<initrd>$bundle/initrd.img</initrd>"
	assert_unchanged "$dir" "$before"
	echo one >"$dir/file"
	make_bundle --add "$dir/file" >/dev/null
	echo three >"$dir/file"
	before=$(snapshot "$dir")
	fam_run need_bundle --dry-run
	assert_unchanged "$dir" "$before" "one that is out of date is not made again"
	rm "$dir/file" "$bundle/initrd.img"
	fam_run -3 need_bundle --dry-run
	assert_stderr "'$dir/file'" "what would stop the real run stops this one"
}
