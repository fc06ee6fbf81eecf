#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Several fabrics in one node, and how each of them is named there.

export BATS_TEST_TIMEOUT=180

setup() {
	load ../lib/vm
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	vm_teardown
}

# make FILE LABEL [OPTION...]: a fabric with TEXT LABEL@FILE in its data.
make() {
	local file=$1 label=$2
	shift 2
	famctl create-fabric 16M "$label" --path "$PWD/$file" "$@"
	printf '%s@%-10s' "$label" "$file" | fam -f "$PWD/$file" "$@" write
}

# attach FILE...: sets the words that attach these fabrics, in this order.
attach() {
	local file
	words=()
	for file; do
		words+=(-f "$PWD/$file")
	done
}

uuid_of() { # FILE
	fam -f "$PWD/$1" info --json | jq -r .uuid
}

# reads NODE NAME TEXT [OPTION...]: under this name, the data begins so.
reads() {
	local node=$1 name=$2 text=$3
	shift 3
	run vm_exec "$node" "fam -f '$name' $* read --length ${#text}"
	expect 0 "$text"
}

@test "each of a node's fabrics has a position, a label, a UUID, and an address" {
	make a.fam alpha
	make raw.fam raw --raw
	make b.fam beta
	attach a.fam raw.fam b.fam
	vm_start "${words[@]}" n1
	list=$(vm_exec n1 'fam list')
	printf '%s\n' "$list"
	# shellcheck disable=SC2034 # the columns
	{
		read -r _ _ heading _
		read -r pos0 _ _ label0 transport0 uuid0 address0
		read -r pos1 _ _ label1 _ uuid1 address1
		read -r pos2 _ _ label2 _ uuid2 address2
	} <<<"$list"
	[[ "$heading $pos0 $pos1 $pos2" == 'LABEL #0 #1 #2' ]]
	[[ "$label0 $label1 $label2 $transport0" == 'alpha - beta plain' ]]
	[[ $uuid0 == "$(uuid_of a.fam)" && $uuid1 == - && $uuid2 == "$(uuid_of b.fam)" ]]
	for name in '#0' alpha "$uuid0" "$address0" "${address0#0000:}" \
		"/sys/bus/pci/devices/$address0"; do
		reads n1 "$name" alpha@a.fam
	done
	for name in '#2' beta "$uuid2" "$address2"; do
		reads n1 "$name" beta@b.fam
	done
	for name in '#1' "$address1"; do
		reads n1 "$name" raw@raw.fam --raw
		run vm_exec n1 "fam -f '$name' read --length 4"
		expect 1 'not a formatted fabric'
	done
	run vm_exec n1 "fam -f '#3' info"
	expect 3 "cannot read fabric '#3': no fabric has this name"
	run vm_exec n1 'fam info --json'
	[[ $(jq -r '[.[].name] | join(" ")' <<<"$output") == "$address0 $address1 $address2" ]]
	run vm_exec n1 'fam read --length 1'
	expect 1 'several fabrics match'
	vm_stop n1
}

@test "two nodes with different sets agree on labels, not on positions" {
	make a.fam alpha
	make b.fam beta
	make c.fam gamma
	attach a.fam b.fam
	vm_start "${words[@]}" n1
	attach b.fam c.fam
	vm_start "${words[@]}" n2
	reads n1 '#1' beta@b.fam
	reads n2 '#0' beta@b.fam
	reads n2 '#1' gamma@c.fam
	vm_exec n1 'printf "from n1" | fam -f beta write'
	reads n2 beta 'from n1'
	reads n1 alpha alpha@a.fam
	run vm_exec n2 'fam -f alpha info'
	expect 3 'no fabric has this name'
	run vm_exec n1 "fam -f $(uuid_of c.fam) info"
	expect 3 'no fabric has this name'
	vm_stop n1
	vm_stop n2
}

@test "of two fabrics with one label neither is chosen" {
	make one.fam same
	make two.fam same
	attach one.fam two.fam
	vm_start "${words[@]}" n1
	run vm_exec n1 'fam -f same read --length 4'
	expect 1 "cannot read fabric 'same': several fabrics match" 'name one by UUID'
	reads n1 '#0' same@one.fam
	reads n1 "$(uuid_of two.fam)" same@two.fam
	vm_stop n1
}

# Takes a device's memory off the bus, as a driver or firmware may leave it.
switch_off() { # NODE ADDRESS
	vm_exec "$1" "printf '\0' | dd of=/sys/bus/pci/devices/$2/config bs=1 seek=4 count=1 \
		conv=notrunc 2>/dev/null"
}

@test "a device that cannot be read hides no other and is named with the reason" {
	make a.fam alpha
	make b.fam beta
	make off.fam off
	uuid=$(uuid_of b.fam)
	# shellcheck source=tests/lib/fabric.bash
	source "$BATS_TEST_DIRNAME/../lib/fabric.bash"
	attach b.fam off.fam a.fam
	vm_start "${words[@]}" n1
	damage b.fam $((SUPERBLOCK_0 + 100))
	damage b.fam $((SUPERBLOCK_1 + 100))
	switch_off n1 "$(vm_exec n1 'fam list' | awk '$1 == "#1" { print $NF }')"
	run vm_exec n1 'fam list'
	expect 0 'both copies of the superblock are damaged' 'has no address, or is switched off'
	reads n1 alpha alpha@a.fam
	reads n1 '#2' alpha@a.fam
	# It may be the one that was meant, so "there is none" would be a guess.
	for name in beta '#0' "$uuid"; do
		run vm_exec n1 "fam -f '$name' read --length 4"
		expect 1 'both copies of the superblock are damaged'
	done
	run vm_exec n1 "fam -f '#1' read --length 4"
	expect 1 'has no address, or is switched off'
	run vm_exec n1 'fam info >/dev/null'
	expect 1 'superblock are damaged' 'switched off'
	vm_stop n1
}
