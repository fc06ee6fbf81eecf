#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

@test "an empty directory is an empty list" {
	fam_run famctl list-fabrics --dir "$dir"
	assert_output -x "NAME  SIZE  RESERVED  FORMAT  DURABILITY  NODES  PATH"
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json '. == []'
}

@test "fabrics are listed by name, with what they are" {
	make_fabric zeta 32M
	make_fabric alpha 16M --durability guest
	make_fabric raw 1M --raw
	make_fabric thin 16M --sparse 2>/dev/null
	fam_run famctl list-fabrics --dir "$dir"
	assert_output -r $'\nalpha +16 MiB +16 MiB +formatted +guest +- +'"$dir/alpha.fam"
	assert_output -r $'\nraw +1 MiB +1 MiB +raw +- +- +'"$dir/raw.fam"
	assert_output -r $'\nthin +16 MiB +2 MiB +formatted +host +- +'"$dir/thin.fam"
	assert_output -r $'alpha.*\nraw.*\nthin.*\nzeta.*' "sorted by file name"
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json 'map(.name) == ["alpha", "raw", "thin", "zeta"]'
	assert_json '.[3] | .size == 33554432 and .allocated >= .size and .formatted and .durability == "host" and .nodes == []'
	assert_json '.[1] | (.formatted | not) and (has("uuid") | not)'
}

@test "other files are not listed, hidden ones neither" {
	make_fabric one
	touch "$dir/notes.txt" "$dir/.hidden.fam"
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json 'map(.name) == ["one"]'
}

@test "damaged, truncated and foreign ones are listed with their problem" {
	make_fabric good
	make_fabric torn
	make_fabric short
	make_fabric scarred
	damage "$dir/torn.fam" $((SUPERBLOCK_0 + 100))
	damage "$dir/torn.fam" $((SUPERBLOCK_1 + 100))
	damage "$dir/scarred.fam" "$SUPERBLOCK_1"
	truncate -s 8M "$dir/short.fam"
	echo "to do" >"$dir/notes.fam"
	mkdir "$dir/sub.fam"
	ln -s good.fam "$dir/link.fam"
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json 'map({(.name): .format}) | add == {"good": "formatted", "link": "unreadable", "notes": "foreign", "scarred": "formatted", "short": "damaged", "sub": "foreign", "torn": "damaged"}'
	assert_json 'map(select(.name == "short"))[0].problem == "it is cut short: 8388608 of 16777216 bytes are there"'
	assert_json 'map(select(.name == "torn"))[0].problem | startswith("both copies of the superblock are damaged")'
	assert_json 'map(select(.name == "good" or .name == "scarred")) | all(has("problem") | not)'
	fam_run famctl list-fabrics --dir "$dir"
	assert_stderr "warning: '$dir/short.fam': it is cut short: 8388608 of 16777216 bytes are there"
	assert_stderr "warning: '$dir/link.fam': it is a symbolic link"
}

@test "a node's fabric is listed wherever it lies, with the node" {
	make_fabric f
	node_uses node07 "$dir/f.fam"
	fam_run famctl --json list-fabrics
	assert_json "map(select(.path == \"$dir/f.fam\"))[0] | .nodes == [\"node07\"] and .name == \"f\""
	fam_run famctl list-fabrics --dir "$dir"
	assert_output -r "node07 +$dir/f.fam"
}

@test "a node's fabric that is gone is listed as a problem" {
	node_uses node07 "$dir/gone.fam"
	fam_run famctl --json list-fabrics
	assert_json "map(select(.path == \"$dir/gone.fam\"))[0].problem | endswith(\"No such file or directory\")"
}

@test "what cannot be read has its size all the same, what is no file has none" {
	requires_root "to be two users"
	make_fabric f 16M --mode 600
	mkdir "$dir/sub.fam"
	mkfifo "$dir/pipe.fam"
	fam_run famctl_at_home --json list-fabrics --dir "$dir"
	assert_json 'map(.name) == ["f", "pipe", "sub"]'
	assert_json '.[0] | .format == "unreadable" and .size == 16777216 and .allocated >= .size'
	assert_json '.[1:] | all((has("size") or has("allocated")) | not)'
	fam_run famctl_at_home list-fabrics --dir "$dir"
	assert_output -r $'\nf +16 MiB +16 MiB +unreadable'
	assert_output -r $'\nsub +- +- +foreign'
}

@test "libvirt out of reach is no error" {
	make_fabric f
	without_libvirt
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json 'map(.name) == ["f"]'
	assert_stderr -x ""
}

@test "a directory that does not exist" {
	fam_run -3 famctl list-fabrics --dir "$dir/none"
	assert_stderr "famctl: cannot list the fabrics: cannot read directory '$dir/none': No such file or directory"
}

@test "a name is too much" {
	fam_run -2 famctl list-fabrics fabric0
	assert_stderr "list-fabrics takes no name: 'fabric0'"
	assert_stderr "hint: famctl show-fabric 'fabric0'"
}

@test "a file name that is not UTF-8 keeps the JSON valid" {
	make_fabric f
	mv "$dir/f.fam" "$dir/"$'\xff\xfe.fam'
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json ".[0].path == \"$dir/??.fam\""
}

@test "a full stdout is a failure" {
	into_full() {
		famctl list-fabrics --dir "$dir" >/dev/full
	}
	fam_run -1 into_full
	assert_stderr "cannot write the output"
}
