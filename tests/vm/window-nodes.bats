#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes with flush windows as domains of qemu:///system, by both transports.

export BATS_TEST_TIMEOUT=240

declare -gA node_fd # by libvirt.bash
setup_file() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	export dir prefix=famt-win-$$
	# QEMU's user must be able to reach it, which a home directory need not allow.
	dir=$(public_dir fam-win)
	if ((EUID == 0)); then
		# libvirtd, in mounts of its own, is to see the disks of the tests.
		mount --bind "$dir" "$dir"
		mount --make-shared "$dir"
		libvirt_up "$dir/libvirt"
		famctl make-bundle --dir "$dir/bundle" >&2
	fi
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	load ../lib/disk
	disk=''
	requires_root "qemu:///system"
	DISK_BASE=$dir disk_begin 64
	# The name of a fabric is that of its sockets: it must be ours alone.
	f=$prefix-$BATS_TEST_NUMBER
	famctl create-fabric 16M "$f" --path "$disk/$f.fam" >/dev/null
}

teardown() {
	local name
	for name in "${!node_fd[@]}"; do
		node_close "$name"
	done
	for name in $(virsh -q -c qemu:///system list --all --name | grep "^$prefix"); do
		virsh -q -c qemu:///system destroy "$name" >/dev/null 2>&1 || true
		virsh -q -c qemu:///system undefine "$name" >&2
	done
	for name in $(famctl list-servers --json |
		jq -r ".[].name | select(startswith(\"$prefix\"))"); do
		famctl stop-server --force "$name" >&2
	done
	rm -f "/run/fam/$prefix"*
	disk_end
}

teardown_file() {
	load ../lib/libvirt
	libvirt_down "$dir/libvirt"
	umount -q "$dir" || true
	rm -rf "${dir:?}"
}

# create [OPTION...]: node n with the test's fabric and a window, and starts it.
create() {
	famctl create-node "${prefix}n" --fabric "$disk/$f.fam" --flush window --start \
		--virt-type qemu --memory 256M --bundle-dir "$dir/bundle" "$@"
}

in_node() { # COMMAND
	node_exec "${prefix}n" "$1"
}

# Is the window what makes the node's stores durable, and does it?
commits_by_window() {
	local text=by-the-window-$RANDOM$RANDOM flushes
	fam_run in_node 'fam info --json'
	assert_output '"persist": "window"'
	flushes=$(disk_flushes)
	fam_run in_node "printf $text | fam write --offset 1M --persist"
	assert "'$text' is on the disk" disk_has "$text"
	assert "the disk's cache was flushed" test "$(disk_flushes)" -gt "$flushes"
}

@test "a node commits through its window and needs no server" {
	fam_run create
	refute_stderr "server of fabric"
	commits_by_window
	fam_run famctl list-nodes --json
	assert_json ".[] | select(.name == \"${prefix}n\") | .flush == \"window\""
	# As it is told in libvirt now, it is made again, and starts again.
	virsh -q -c qemu:///system dumpxml --inactive "${prefix}n" >"$dir/node.xml"
	node_close "${prefix}n"
	famctl stop-node --force "${prefix}n"
	famctl destroy-node "${prefix}n"
	fam_run create --template "$dir/node.xml" --bundle
	commits_by_window
}

@test "by transport doorbell a node commits through its window, too" {
	fam_run create --transport doorbell
	assert_stderr "server of fabric '$f' started: pid "
	fam_run in_node 'fam info'
	assert_output -r 'transport: +doorbell'
	commits_by_window
}

@test "a node is not started if QEMU may not open the file of a window" {
	chmod 600 "$disk/$f.fam"
	chown 0:0 "$disk/$f.fam"
	fam_run -1 create --transport doorbell
	assert_stderr "cannot create node '${prefix}n': "
	assert_stderr "$disk/$f.fam"
	fam_run famctl list-nodes
	refute_output "${prefix}n"
}
