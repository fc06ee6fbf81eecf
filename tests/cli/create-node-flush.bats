#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# create-node --flush: how programs in a node get their stores to the disk.

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

dir='' # set by fabric_setup
readonly TREE=$BATS_TEST_DIRNAME/../..

setup() {
	fabric_setup
	make_fabric f
	: >"$dir/kernel"
}

teardown() {
	fabric_teardown
}

# No libvirt is asked.
with_kernel() { # [VERSION of QEMU] OPTION...
	local version=7.2
	[[ $1 != [0-9]* ]] || { version=$1 && shift; }
	famctl create-node --fabric "$dir/f.fam" --virt-type qemu --kernel "$dir/kernel" \
		--qemu-version "$version" "$@"
}

# What a refused create-node says and leaves: nothing.
refused() { # STATUS MESSAGE HINT COMMAND...
	local status_wanted=$1 message=$2 hint=$3 before
	shift 3
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" "$@"
	assert_stderr "famctl: $message"
	[[ -z $hint ]] || assert_stderr "hint: $hint"
	assert_output -x "" "no node, no XML"
	assert_unchanged "$dir" "$before"
}

assert_value() { # XPATH VALUE: of the last output
	local value
	value=$(xmllint --xpath "string($1)" - <<<"$output")
	assert "$1 is '$value'" test "$value" = "$2"
}

# The way in the metadata of the last output; the usual one is not written down.
assert_flush() { # WAY
	assert_value "//*[local-name()='node']/@flush" "$1"
}

@test "a node uses the mailbox unless it is told otherwise" {
	local usual
	fam_run with_kernel n1
	assert_flush ""
	usual=$output
	fam_run with_kernel --flush mailbox n1
	assert_output -x "$usual" "the same node"
	fam_run with_kernel --flush none n1
	assert_flush "none"
	refute_output virtio-pmem
}

@test "a window is a virtio-pmem device over the head of the fabric's own file" {
	fam_run with_kernel --flush window n1
	assert_flush "window"
	if [[ $(virsh --version) == [1-9].* ]]; then
		assert_output "memory-backend-file,id=fammw0,share=on,size=16777216,mem-path=$dir/f.fam"
		assert_output "virtio-pmem-pci,memdev=fammw0"
	else
		assert_value "//memory[@model='virtio-pmem']/source/path" "$dir/f.fam"
	fi
	assert_value '//maxMemory' "$(((512 + 16) * 1024))"
	assert_value '//numa/cell/@memory' "$((512 * 1024))"
	virt-xml-validate - domain <<<"$output" >&2
}

@test "an unknown way to flush is refused with the ways there are" {
	refused 2 "--flush: there is no 'windows'" "use mailbox, window or none" \
		with_kernel --flush windows n1
}

@test "a raw fabric cannot have a window" {
	make_fabric r 16M --raw
	refused 2 "cannot create node 'n1': fabric 'r' is raw: nothing in it would tell the node which device is its flush window" \
		"use --flush none, and 'famctl sync-fabric' on the host" \
		with_kernel --flush window --fabric "$dir/r.fam" n1
	fam_run with_kernel --flush none --fabric "$dir/r.fam" n1
	# Nothing has to be told apart by the mailbox.
	fam_run with_kernel --fabric "$dir/r.fam" n1
}

@test "an emulator without the device cannot have a window" {
	refused 2 "cannot create node 'n1': QEMU 4.0 has no virtio-pmem device for a flush window" \
		"use QEMU 4.1 or newer, or --flush mailbox" \
		with_kernel 4.0 --flush window n1
	refused 2 "cannot create node 'n1': QEMU 4.2 cannot give a q35 machine a flush window" \
		"use --machine pc, or QEMU 5.2 or newer" \
		with_kernel 4.2 --flush window n1
	fam_run with_kernel 4.2 --machine pc --flush window n1
	fam_run with_kernel 5.2 --flush window n1
}

@test "a template's memory, cells and room are respected" {
	local template=$dir/t.xml
	sed "s|<memory unit='MiB'>512</memory>|<maxMemory slots='2' unit='GiB'>4</maxMemory><memory unit='GiB'>1</memory>|" \
		"$TREE/libvirt-templates/node.xml" >"$template"
	fam_run with_kernel --template "$template" --flush window n1
	assert_value '//maxMemory' "$((4 * 1024 * 1024 + 16 * 1024))"
	assert_value '//maxMemory/@slots' 3
	assert_value '//numa/cell/@memory' "$((1024 * 1024))"
	# Made again from that node: the template's own room is left.
	printf '%s\n' "$output" >"$dir/again.xml"
	fam_run with_kernel --template "$dir/again.xml" n1
	assert_value '//maxMemory' "$((4 * 1024 * 1024))"
	assert_value '//maxMemory/@slots' 2
	refute_output virtio-pmem

	sed -i 's|<maxMemory.*</memory>|<memory unit="parsec">1</memory>|' "$template"
	refused 2 "cannot create node 'n1': the template does not say how much memory the node has" \
		"" with_kernel --template "$template" --flush window n1
}
