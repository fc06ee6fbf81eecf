#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A node without doorbells as a domain of qemu:///system, and the server it
# commits through: famctl starts it with the node, and both outlive the other.

export BATS_TEST_TIMEOUT=240

declare -gA node_fd # by libvirt.bash
setup_file() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	export dir prefix=famt-box-$$
	# QEMU's user must be able to reach it, which a home directory need not allow.
	dir=$(public_dir fam-box)
	if ((EUID == 0)); then
		libvirt_up "$dir/libvirt"
		famctl make-bundle --dir "$dir/bundle" >&2
	fi
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	requires_root "qemu:///system"
	# The name of a fabric is that of its sockets: it must be ours alone.
	f=$prefix-$BATS_TEST_NUMBER file=$dir/$prefix-$BATS_TEST_NUMBER.fam
	famctl create-fabric 16M "$f" --path "$file" >/dev/null
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
	famctl stop-server --force "$f" >&2 || true
	rm -f "/run/fam/$prefix"* "${file:?}"
}

teardown_file() {
	load ../lib/libvirt
	libvirt_down "$dir/libvirt"
	rm -rf "${dir:?}"
}

create() { # NAME [OPTION...]
	famctl create-node "$prefix$1" --fabric "$file" --virt-type qemu --memory 256M \
		--bundle-dir "$dir/bundle" --start "${@:2}"
}

# commit NAME TEXT: has a node store TEXT and make it durable.
commit() {
	node_exec "$prefix$1" "printf $2 | fam write --persist 2>&1"
}

shown() { # FILTER
	famctl show-fabric "$file" --json | jq -r "$1"
}

@test "a node commits through the server that was started with it, and through the next" {
	fam_run create n
	assert_stderr "server of fabric '$f' started: pid "
	fam_run node_exec "${prefix}n" 'fam info --json'
	assert_output '"persist": "mailbox"'
	commits=$(shown .commits)
	commit n one
	assert "the server did it" test "$(shown .commits)" -gt "$commits"
	fam_run famctl stop-server "$f"
	assert_stderr "fam_persist fails in running nodes (${prefix}n) until a server is back: famctl start-server $file"
	fam_run -5 commit n two
	assert_output "cannot make the data durable in the fabric: the server is gone"
	famctl start-server "$file"
	commit n three
	assert "this one did" test "$(shown .commits)" -ge 1
	assert "they are the node's" test "$(fam -f "$file" read --length 5)" = three
	node_close "${prefix}n"
	famctl stop-node --force "${prefix}n"
	famctl destroy-node "${prefix}n"
	fam_run famctl destroy-fabric --force "$file"
	assert_stderr "server of fabric '$f', which had no peers, stopped"
}

@test "its server is restarted for a node that wants doorbells, and it commits on" {
	create n
	commit n one
	fam_run create bell --transport doorbell --vectors 3
	assert_stderr "server of fabric '$f', which had no peers yet, restarts with 3 vectors"
	commit n two
	assert "by the new server" test "$(shown '"\(.server_vectors) \(.commits > 0)"')" = "3 true"
}
