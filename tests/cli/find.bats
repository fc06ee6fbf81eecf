#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Positions of fabrics on the host; those of devices in tests/vm/discovery.bats.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	export XDG_DATA_HOME=$dir/data
	mkdir -p "$XDG_DATA_HOME/fam"
	for label in b a c; do
		famctl create-fabric 16M "$label" --dir "$XDG_DATA_HOME/fam" >/dev/null
	done
}

teardown() {
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" "$@"
}

# The position that the list gives to the user's fabric of this label: there may
# be others on this machine.
position_of() { # LABEL
	fam list | awk -v "name=$XDG_DATA_HOME/fam/$1.fam" '$NF == name { print $1 }'
}

@test "a position of the list opens what stands there" {
	local label
	for label in a b c; do
		fam_run fam -f "$(position_of "$label")" info --json
		assert_json ".label == \"$label\" and (.path | endswith(\"/data/fam/$label.fam\"))"
	done
	assert "sorted by name" test "$(fam list | awk -v "d=$XDG_DATA_HOME/fam/" \
		'index($NF, d) { print substr($NF, length(d) + 1) }' | xargs)" == \
		'a.fam b.fam c.fam'
}

@test "the list tells position, size, label, transport, UUID, and name" {
	fam_run fam -f "$(position_of b)" info --json
	local uuid
	uuid=$(jq -r .uuid <<<"$output")
	fam_run fam list
	assert_output -r '^POS +SIZE +LABEL +TRANSPORT +UUID +NAME'
	assert_output -r "#[0-9]+ +16 MiB +b +file +$uuid [^ ]*/data/fam/b\.fam"
}

@test "no fabric there: exit 3; no position: exit 2; a path may begin with #" {
	local name
	fam_run -3 fam -f '#9999' info
	assert_stderr -x "fam: cannot read fabric '#9999': no fabric has this name
hint: 'fam list' shows the fabrics, 'fam ls -r' and 'fam objects' what is in one"
	for name in '#' '#00' '#01' '#-1' '#+1' '# 1' '#1x' '#0x1' '#10000' \
		'#99999999999999999999' '##1'; do
		fam_run -2 fam -f "$name" info
		assert_stderr "fam: cannot read fabric '$name': malformed name"
	done
	mkdir "$dir/#1"
	cp "$XDG_DATA_HOME/fam/c.fam" "$dir/#1/c.fam"
	cd "$dir"
	fam_run fam -f '#1/c.fam' info --json
	assert_json '.label == "c"'
}
