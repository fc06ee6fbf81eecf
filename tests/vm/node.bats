#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What one node sees of its fabrics.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/vm
	dir=$(public_dir fam-node)
}

teardown() {
	vm_teardown
	rm -rf "$dir"
}

# Where the guest's firmware put the memory of its only fabric.
bar_address() { # NAME
	# shellcheck disable=SC2016 # the guest expands
	vm_exec "$1" 'for d in /sys/bus/pci/devices/*; do
		[ "$(cat $d/device)" = 0x1110 ] && sed -n "3s/ .*//p" $d/resource
	done'
}

@test "a small fabric is mapped write-back, above 4 GiB" {
	famctl create-fabric 64M small --path "$dir/small.fam"
	vm_start -f "$dir/small.fam" n1
	run vm_exec n1 'fam info'
	expect 0 small 'size:        64 MiB' 'data:        56 MiB' \
		'transport:   plain' 'cache:       write-back' 'durability:  host'
	address=$(bar_address n1)
	((address >= 1 << 32))
	vm_stop n1
}

@test "16 GiB of reserved space: what one side writes at both ends, the other reads" {
	famctl create-fabric 16G big --path "$dir/big.fam"
	(($(stat -c %b "$dir/big.fam") * 512 >= 16 << 30))
	last=$(((16 << 30) - (2 << 20) - (32 << 20) - (256 << 20) - 16)) # what is not data
	printf from-the-host-01 | fam -f "$dir/big.fam" write
	printf from-the-host-02 | fam -f "$dir/big.fam" write --offset $last
	vm_start -f "$dir/big.fam" n1
	run vm_exec n1 "fam read --length 16; fam read --offset $last"
	expect 0 from-the-host-01from-the-host-02
	vm_exec n1 "printf from-the-guest-1 | fam write
		printf from-the-guest-2 | fam write --offset $last"
	run fam -f "$dir/big.fam" read --length 16
	expect 0 from-the-guest-1
	run fam -f "$dir/big.fam" read --offset $last
	expect 0 from-the-guest-2
	run vm_exec n1 "printf 17-bytes-too-long | fam write --offset $last"
	expect 1
	vm_stop n1
}

@test "a raw fabric is the file, byte for byte" {
	famctl create-fabric 1M raw --path "$dir/raw.fam" --raw
	vm_start -f "$dir/raw.fam" n1
	vm_exec n1 'printf start | fam --raw write
		printf end | fam --raw write --offset 1048573'
	[[ $(head -c 5 "$dir/raw.fam") == start ]]
	[[ $(tail -c 3 "$dir/raw.fam") == end ]]
	run vm_exec n1 'fam read --length 5'
	expect 1 'not a formatted fabric' 'hint:'
	vm_stop n1
}

@test "several fabrics are told apart by label and by UUID" {
	famctl create-fabric 64M left --path "$dir/a.fam"
	famctl create-fabric 1G right --path "$dir/b.fam" --sparse
	vm_start -f "$dir/a.fam" -f "$dir/b.fam" n1
	vm_exec n1 'printf LEFT | fam -f left write; printf RIGHT | fam -f right write'
	run fam -f "$dir/a.fam" read --length 5
	expect 0 LEFT
	run fam -f "$dir/b.fam" read --length 5
	expect 0 RIGHT
	uuid=$(famctl show-fabric "$dir/b.fam" --json | jq -r .uuid)
	run vm_exec n1 "fam -f $uuid read --length 5"
	expect 0 RIGHT
	run vm_exec n1 'fam read --length 4'
	expect 1 'several fabrics match' 'hint:'
	run vm_exec n1 'fam -f middle read --length 4'
	expect 3 'no fabric has this name'
	vm_stop n1
}

@test "a program that is not root maps the fabric when it may open the device" {
	famctl create-fabric 16M f --path "$dir/f.fam"
	vm_start -f "$dir/f.fam" n1
	vm_exec n1 'printf hello | fam write'
	run vm_exec n1 'su nobody -c "fam read --length 5"'
	expect 1 'permission denied'
	vm_exec n1 'chmod 444 /sys/bus/pci/devices/*/resource2'
	run vm_exec n1 'su nobody -c "fam read --length 5"'
	expect 0 hello
	run vm_exec n1 'su nobody -c "printf x | fam write"'
	expect 1 'permission denied'
	vm_exec n1 'chmod 666 /sys/bus/pci/devices/*/resource2'
	run vm_exec n1 'su nobody -c "printf olleh | fam write"; fam read --length 5'
	expect 0 olleh
	vm_stop n1
}

@test "memory that firmware could not place is reported by name" {
	famctl create-fabric 64G wide --path "$dir/wide.fam" --sparse
	vm_start -f "$dir/wide.fam" -q -cpu -q qemu64,phys-bits=36 n1
	run vm_exec n1 'fam info'
	expect 1 '0000:00:10.0' 'no address'
	run vm_exec n1 'fam -f 0000:00:10.0 read --length 1'
	expect 1 '0000:00:10.0' 'no address' 'hint:'
	vm_stop n1
}

@test "without a fabric there is a clear answer" {
	famctl create-fabric 16M f --path "$dir/f.fam"
	vm_start -f "$dir/f.fam" n1
	vm_exec n1 'echo 1 >/sys/bus/pci/devices/0000:01:00.0/remove'
	run vm_exec n1 'fam info'
	expect 3 'this machine has no fabric' 'hint:'
	vm_stop n1
}

@test "persist in a node fails at once where no server runs; on the host it works" {
	famctl create-fabric 16M f --path "$dir/f.fam"
	vm_start -f "$dir/f.fam" n1
	run vm_exec n1 'printf x | fam write --persist'
	expect 5 'the server is gone' 'famctl start-server'
	run vm_exec n1 'fam read --length 1'
	expect 0 x
	vm_stop n1
	printf y | fam -f "$dir/f.fam" write --persist
}

@test "persist in a node succeeds where the fabric promises guest crashes only" {
	famctl create-fabric 16M f --path "$dir/f.fam" --durability guest
	vm_start -f "$dir/f.fam" n1
	run vm_exec n1 'fam info && printf x | fam write --persist'
	expect 0 'durability:  guest'
	vm_kill n1
	run fam -f "$dir/f.fam" read --length 1
	expect 0 x
}
