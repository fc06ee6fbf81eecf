#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The quick start of README.md as root types it, with an installed tree.

export BATS_TEST_TIMEOUT=240

# Why the names of the README cannot be used here, if so.
obstacle() {
	local node
	((EUID == 0)) || printf "needs root: qemu:///system"
	[[ ! -e /var/lib/fam/fabric0.fam ]] || printf "there is a fabric0 already"
	for node in node01 node02 node03; do
		! virsh -q -c qemu:///system dominfo "$node" >/dev/null 2>&1 ||
			printf "there is a domain %s already" "$node"
	done
}

setup_file() {
	load ../lib/vm
	load ../lib/libvirt
	load ../lib/installed
	export dir obstacle
	dir=$(public_dir fam-hand)
	((EUID != 0)) || libvirt_up "$dir/libvirt"
	obstacle=$(obstacle)
	[[ -z $obstacle ]] || return 0
	[[ ! -e /var/lib/fam/bundle ]] || mv /var/lib/fam/bundle "$dir/bundle.before"
	install_tree "$dir/tree"
}

setup() {
	load ../lib/vm
	load ../lib/libvirt
	load ../lib/installed
	[[ -z $obstacle ]] || skip "$obstacle"
	use_tree "$dir/tree"
	cd "$dir" || return
}

teardown_file() {
	load ../lib/libvirt
	load ../lib/installed
	if [[ -z $obstacle ]]; then
		use_tree "$dir/tree"
		famctl destroy-node --force node01 node02 node03 >/dev/null 2>&1 || true
		famctl stop-server --force fabric0 >/dev/null 2>&1 || true
		famctl destroy-fabric --force fabric0 >/dev/null 2>&1 || true
		rm -rf /var/lib/fam/bundle
		[[ ! -e $dir/bundle.before ]] || mv "$dir/bundle.before" /var/lib/fam/bundle
		rmdir /var/lib/fam 2>/dev/null || true
	fi
	libvirt_down "$dir/libvirt"
	rm -rf "$dir"
}

@test "create-fabric, create-node, virsh define, start-node, a shell in the node" {
	famctl create-fabric 16G
	famctl create-node node01 >node01.xml
	virsh define node01.xml
	famctl start-node node01
	run node_exec node01 'fam info; hostname; echo hello | fam write --persist && fam read --length 5'
	expect 0 fabric0 '16 GiB' 'cache:       write-back' node01 hello
	run famctl list-nodes
	expect 0 node01 running fabric0
}

@test "a second node, and the host, see it at once" {
	famctl create-node node02 --start
	run fam -f fabric0 read --length 5
	expect 0 hello
	run node_exec node02 'fam read --length 5'
	expect 0 hello
}

@test "an own program linked with libfam runs in a node" {
	cp "$BATS_TEST_DIRNAME/../../guest-lib/examples/counter.c" .
	# shellcheck disable=SC2046 # as the README has it
	cc -o counter counter.c $(pkg-config --cflags --libs libfam)
	famctl make-bundle --add ./counter
	famctl stop-node node01 && famctl start-node node01
	run node_exec node01 'counter; counter'
	expect 0 'run 1' 'run 2'
	[[ $output != *'not durable'* ]]
	run env LD_LIBRARY_PATH="$dir/tree/lib" ./counter fabric0
	expect 0 'run 3'
	[[ $output != *'not durable'* ]]
}

@test "it is still there after all nodes were shut down" {
	run famctl stop-node node01 node02
	expect 0
	run fam -f fabric0 read --length 5
	expect 0 hello
	run virsh -q domstate node01
	expect 0 'shut off'
	famctl start-node node02
	run node_exec node02 'fam read --length 5; counter'
	expect 0 hello 'run 4'
}

@test "a node and a host program are peers of a server" {
	famctl create-node node03 --transport doorbell --vectors 2 --start
	fam -f server:fabric0 wait --timeout 60 >waited 3>&- &
	waiter=$!
	named() { famctl list-peers | grep -q " $1 "; }
	wait_until 10 named fam
	run famctl list-peers
	expect 0 tm-server node03 fam
	famctl ping fam
	wait "$waiter"
	run node_exec node03 'fam read --length 5'
	expect 0 hello
	famctl stop-node node03
	famctl destroy-node node03
	famctl stop-server fabric0
}

@test "everything can be removed again" {
	famctl stop-node node02
	famctl destroy-node node01 node02
	run virsh -q dominfo node01
	expect 1
	run virsh -q dominfo node02
	expect 1
	famctl destroy-fabric --force fabric0
	[[ ! -e /var/lib/fam/fabric0.fam ]]
}
