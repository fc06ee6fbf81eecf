#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes that have a fabric to read only: what they see, what they cannot do, and
# what libfam makes of it.
#
# What is in single quotes is for the guest; the arrays are vm.bash's:
# shellcheck disable=SC2016,SC2154

export BATS_TEST_TIMEOUT=240

setup_file() {
	load ../lib/vm
	export bundle
	bundle=$(public_dir fam-read-only)
	# In another place than where it would be loaded: tests do so themselves.
	local -a module=()
	[[ ! -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] ||
		module=(--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/opt/fam_ivshmem.ko")
	famctl make-bundle --dir "$bundle" --add "$FAM_BUILD/tests/fam-poke:/bin/fam-poke" \
		"${module[@]}" >&2
}

setup() {
	load ../lib/assert
	load ../lib/vm
	disk=$(public_dir fam-read-only)
	fabric=$disk/shared.fam
	famctl create-fabric 64M shared --path "$fabric"
}

teardown() {
	vm_teardown
	rm -rf "$disk"
}

teardown_file() {
	rm -rf "${bundle:?}"
}

node() { # OPTION of vm_start...
	vm_start -b "$bundle" "$@"
}

# The guest's words for the device of its first fabric, and of its second.
readonly DEVICES='
set -- $(grep -l 0x1110 /sys/bus/pci/devices/*/device)
first=${1%/device} second=${2%/device}
'

sum() { # FILE
	sha256sum <"$1"
}

# How a process has a file open: the octal flags of open(2).
open_flags() { # PID FILE
	local fd
	for fd in /proc/"$1"/fd/*; do
		[[ $(readlink "$fd") != "$2" ]] ||
			sed -n 's/^flags:\t*//p' "/proc/$1/fdinfo/${fd##*/}"
	done
}

@test "a node sees what others store and can change nothing, whatever it does" {
	local before flags
	fam -f "$fabric" verify --write --seed 1 --length 8M
	node -f "$fabric" writer
	node -f "$fabric:ro" reader
	vm_exec reader 'fam verify --check --seed 1 --length 8M'
	vm_exec writer 'fam verify --write --seed 2 --length 8M'
	vm_exec reader 'fam verify --check --seed 2 --length 8M'
	before=$(sum "$fabric")
	fam_run -3 vm_exec reader "$DEVICES"'fam-poke $first/resource2'
	assert_output "0 of 114688 stores took effect"
	fam_run -3 vm_exec reader "$DEVICES"'
		fam-poke /dev/mem $(sed -n "3s/ .*//p" $first/resource) 0x4000000'
	assert_output "0 of 114688 stores took effect"
	assert "the host's file is as it was" test "$(sum "$fabric")" = "$before"
	for flags in $(open_flags "${vm_pid[reader]}" "$fabric"); do
		assert "it is open for reading" test "$((flags & 3))" = 0
	done
	assert "it is open" test -n "${flags:-}"
	# The same does it all where it may.
	fam_run vm_exec writer "$DEVICES"'fam-poke $first/resource2 0x3f00000 0x1000'
	assert_output "7 of 7 stores took effect"
	assert "the host's file has changed" test "$(sum "$fabric")" != "$before"
	vm_exec reader 'fam verify --check --seed 2 --length 8M'
	vm_stop reader
	vm_stop writer
}

# What libfam says and does in a node that cannot change the fabric.
knows_it_is_read_only() { # NODE BACKEND
	local before
	before=$(sum "$fabric")
	fam_run vm_exec "$1" 'fam info --json'
	assert_json ".[0] | .read_only and .backend == \"$2\" and .failed == \"the fabric can only be read here\""
	fam_run vm_exec "$1" 'fam info'
	assert_output -r 'access: +read-only'
	vm_exec "$1" 'fam verify --check --seed 1 --length 1M'
	fam_run -1 vm_exec "$1" 'echo x | fam write 2>&1'
	assert_output "fam: cannot write the fabric: the fabric can only be read here"
	assert_output "hint: open it read-only; stores need a node that was made without ':ro'"
	fam_run -1 vm_exec "$1" 'fam lock l -- true 2>&1'
	assert_output "the fabric can only be read here"
	assert "nothing has changed" test "$(sum "$fabric")" = "$before"
}

@test "libfam finds out by itself, whatever it maps the memory through" {
	fam -f "$fabric" verify --write --seed 1 --length 1M
	node -f "$fabric:ro" n1
	knows_it_is_read_only n1 /dev/mem
	if vm_exec n1 'test -e /opt/fam_ivshmem.ko'; then
		vm_exec n1 'insmod /opt/fam_ivshmem.ko && fam-poke /dev/fam0 0 0x4000000; test $? = 3'
		knows_it_is_read_only n1 module
	fi
	vm_stop n1
	# Where the firmware puts it below 4 GiB, it is resource2.
	node -f "$fabric:ro" -o --machine=pc n2
	knows_it_is_read_only n2 resource2
	vm_stop n2
}

@test "several fabrics of one node: some can be changed, of every format" {
	local which name
	local -a attach=(-f "$fabric")
	for which in format-v1-sessions format-v1-mailbox; do
		truncate -s 64M "$disk/$which.fam"
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb0" of="$disk/$which.fam" \
			conv=notrunc status=none
		dd if="$BATS_TEST_DIRNAME/../data/$which.sb1" of="$disk/$which.fam" \
			bs=1M seek=1 conv=notrunc status=none
		cp "$disk/$which.fam" "$disk/$which-writable.fam"
		attach+=(-f "$disk/$which.fam:ro" -f "$disk/$which-writable.fam")
	done
	famctl create-fabric 16M raw --raw --path "$disk/raw.fam"
	node "${attach[@]}" -f "$disk/raw.fam:ro" n1
	fam_run vm_exec n1 'fam info --json'
	assert_json '[.[].read_only] == [false, true, false, true, false, false]' \
		"of a raw fabric it cannot be found out"
	for name in 1 3; do
		fam_run -1 vm_exec n1 "echo x | fam -f '#$name' write 2>&1"
		assert_output "the fabric can only be read here"
	done
	for name in 0 2 4; do
		vm_exec n1 "echo written | fam -f '#$name' write"
	done
	vm_exec n1 "echo lost | fam --raw -f '#5' write"
	vm_stop n1
	for name in shared format-v1-sessions-writable format-v1-mailbox-writable; do
		fam_run fam -f "$disk/$name.fam" read --length 7
		assert_output -x written
	done
	for name in format-v1-sessions format-v1-mailbox; do
		assert "$name is as it was" test \
			"$(tail -c +2097153 "$disk/$name.fam" | tr -d '\0')" = ""
	done
	assert "the raw one, too" test "$(tr -d '\0' <"$disk/raw.fam")" = ""
}

@test "regions are seen and read, by the rights they have, and not changed" {
	local before
	head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	fam -f "$fabric" put "$BATS_TEST_TMPDIR/in" tables/a
	node -f "$fabric" writer
	node -f "$fabric:ro" reader
	vm_exec writer 'head -c 9000 /dev/urandom >/tmp/in; fam put --no-sync /tmp/in tables/b'
	fam_run vm_exec reader 'fam ls -r'
	assert_output -x $'tables/a\ntables/b'
	assert "what the host stored" test "$(vm_exec reader 'fam get tables/a - | sha256sum')" = \
		"$(sum "$BATS_TEST_TMPDIR/in")"
	assert "what the node stored" test "$(vm_exec reader 'fam get tables/b - | sha256sum')" = \
		"$(vm_exec writer 'sha256sum </tmp/in')"
	vm_exec reader 'fam stat tables/a >/dev/null && fam du >/dev/null && fam df >/dev/null'
	before=$(sum "$fabric")
	for command in 'create tables/c 4K' 'rm tables/a' 'mv tables/a tables/c' \
		'put /etc/passwd tables/c' 'chmod 600 tables/a' 'resize tables/a 4K'; do
		fam_run -1 vm_exec reader "fam $command 2>&1"
		assert_output "the fabric can only be read here" "fam $command"
	done
	assert "nothing has changed" test "$(sum "$fabric")" = "$before"
	vm_stop reader
	vm_stop writer
}

# The sessions of the fabric, as far as they are to stay as they are.
sessions() {
	fam -f "$fabric" peers --json | jq -c '[.sessions[] | {id, state}]'
}

@test "whoever finds out disturbs nobody" {
	local before
	fam -f "$fabric" verify --write --seed 1 --length 1M
	node -f "$fabric" writer
	node -f "$fabric:ro" reader
	vm_exec writer 'fam lock held -- sh -c "until [ -e /tmp/end ]; do usleep 20000; done
		touch /tmp/ended" >/tmp/log 2>&1 &'
	vm_exec writer 'until fam objects | grep -q held; do usleep 20000; done'
	before=$(sessions)
	assert "there is one" test "$(jq length <<<"$before")" = 1
	vm_exec -t 100 reader 'n=0; while [ $n -lt 25 ]; do n=$((n + 1))
		fam info | grep -q read-only || exit 1; fam lock held -- true 2>/dev/null && exit 1
		done; true'
	vm_exec -t 100 writer 'n=0; while [ $n -lt 25 ]; do n=$((n + 1))
		fam info | grep -q read-only && exit 1; done; true'
	assert "nobody came or went" test "$(sessions)" = "$before"
	vm_exec writer 'touch /tmp/end; until [ -e /tmp/ended ]; do usleep 20000; done'
	fam_run vm_exec writer 'cat /tmp/log'
	assert_output -x ""
	vm_stop reader
	vm_stop writer
}

# Runs on the host until $1 exists: sessions come and go as fast as they can.
come_and_go() {
	until [[ -e $1 ]]; do
		fam -f "$fabric" lock other -- true || return
	done
}

@test "it is not mistaken while others come and go" {
	local end=$BATS_TEST_TMPDIR/end host
	node -f "$fabric" writer
	node -f "$fabric:ro" reader
	come_and_go "$end" </dev/null 3>&- &
	host=$!
	vm_exec writer 'until [ -e /tmp/end ]; do fam lock third -- true || echo failed; done >/tmp/log 2>&1 &'
	vm_exec -t 100 reader 'n=0; while [ $n -lt 30 ]; do n=$((n + 1))
		fam info | grep -q read-only || exit 1; done'
	vm_exec -t 100 writer 'n=0; while [ $n -lt 30 ]; do n=$((n + 1))
		fam info | grep -q read-only && exit 1; done; touch /tmp/end'
	: >"$end"
	wait "$host"
	fam_run vm_exec writer 'cat /tmp/log'
	assert_output -x ""
	vm_stop reader
	vm_stop writer
}
