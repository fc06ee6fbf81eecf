#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The same without root: qemu:///session and files in the user's data directory.

export BATS_TEST_TIMEOUT=240

setup() {
	load ../lib/vm
	load ../lib/libvirt
	load ../lib/installed
	((EUID == 0)) || skip "needs root, to become another user"
	home=$(user_home)
	install_tree "$home/tree"
	chmod -R a+rX "$home/tree"
	export NODE_URI=qemu:///session
}

# Commands of the user, and virsh of node_open() among them.
user() {
	as_user "$home" env PATH="$home/tree/bin:$PATH" "$@"
}

virsh() {
	user virsh "$@"
}

teardown() {
	[[ -n ${home:-} ]] || return 0
	node_close node01
	user famctl destroy-node --force --all >/dev/null 2>&1 || true
	user_end "$home"
	left=$(proc_with "$home")
	[[ -z $left ]] || die "processes were left: $left"
}

@test "a plain user makes a fabric and a node, uses it and removes it" {
	user famctl create-fabric 1G
	[[ -f $home/data/fam/fabric0.fam ]]
	[[ $(stat -c '%U %a' "$home/data/fam/fabric0.fam") == "$FAM_USER 600" ]]
	user famctl create-node node01 --virt-type qemu >"$home/node01.xml"
	user virsh define "$home/node01.xml"
	user virsh start node01
	run node_exec node01 'fam info; echo hello | fam write'
	expect 0 fabric0 '1 GiB' 'cache:       write-back'
	run user fam read --length 5
	expect 0 hello
	run user famctl list-nodes
	expect 0 node01 running fabric0
	run famctl --connect qemu:///system list-nodes
	[[ $output != *fabric0* ]]
	node_close node01
	run user famctl stop-node node01
	expect 0
	user famctl start-node node01
	run node_exec node01 'fam read --length 5'
	expect 0 hello
	node_close node01
	user famctl stop-node node01
	user famctl destroy-node node01
	user famctl destroy-fabric --force fabric0
	[[ ! -e $home/data/fam/fabric0.fam ]]
}
