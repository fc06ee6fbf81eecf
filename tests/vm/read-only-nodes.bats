#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes with a fabric to read only as domains of qemu:///system: what QEMU needs
# of the file, and that such a node is a node as others are.
#
# What is in single quotes is for the guest; the names are of the helpers:
# shellcheck disable=SC2016,SC2154

export BATS_TEST_TIMEOUT=240

setup_file() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	export dir prefix=famt-ro-$$
	dir=$(public_dir fam-read-only-nodes)
	if ((EUID == 0)); then
		libvirt_up "$dir/libvirt"
		famctl make-bundle --dir "$dir/bundle" \
			--add "$FAM_BUILD/tests/fam-poke:/bin/fam-poke" >&2
	fi
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	requires_root "qemu:///system"
	for name in a b; do
		famctl create-fabric 16M $name --path "$dir/$name.fam" >/dev/null
	done
	# Nothing is to be started for them.
	export XDG_RUNTIME_DIR=$dir
}

teardown() {
	domains_end
	rm -f "${dir:?}"/*.fam
}

teardown_file() {
	load ../lib/libvirt
	libvirt_down "$dir/libvirt"
	rm -rf "${dir:?}"
}

create() { # NAME [OPTION...]
	famctl create-node "$prefix$1" "${@:2}" --virt-type qemu --memory 256M \
		--bundle-dir "$dir/bundle"
}

@test "QEMU needs the right to read the file, and no other" {
	# As libvirt's QEMU is in no group of root's, all that counts is the last digit.
	chown root:root "$dir/a.fam"
	chmod 600 "$dir/a.fam"
	fam_run -1 create n1 --fabric "$dir/a.fam:ro" --define
	assert_stderr "who may not read '$dir/a.fam'"
	assert_stderr -r "hint: chgrp [^ ]+ '$dir/a.fam' && chmod g\\+r '$dir/a.fam'"
	bash -c "$(sed -n 's/^hint: //p' <<<"$stderr")"
	assert "no more was granted than that" test "$(stat -c %a "$dir/a.fam")" = 640
	fam_run -1 create n1 --fabric "$dir/a.fam" --define
	assert_stderr "who may not read and write '$dir/a.fam'"
	fam_run create n1 --fabric "$dir/a.fam:ro" --start
	refute_stderr "server of fabric" "who stores nothing needs none"
	fam_run famctl list-servers --json
	refute_output "$dir/a.fam"
	fam_run node_exec "${prefix}n1" 'set -- $(grep -l 0x1110 /sys/bus/pci/devices/*/device)
		fam-poke ${1%/device}/resource2; fam info | grep access'
	assert_output "0 of 28672 stores took effect"
	assert_output -r 'access: +read-only'
}

@test "it is listed, stopped, started, and keeps its fabric from destruction" {
	famctl create-node "${prefix}w" --fabric "$dir/b.fam" --define --virt-type qemu \
		--flush none --bundle-dir "$dir/bundle"
	fam_run create n1 --fabric "$dir/a.fam" --fabric "$dir/b.fam:ro" --flush none --start
	fam_run famctl list-nodes
	assert_output "a,b:ro"
	fam_run famctl list-nodes --json
	assert_json ".[] | select(.name == \"${prefix}n1\") | .fabrics == [\"a\", \"b\"] and
		([.attachments[].read_only] == [false, true])"
	fam_run famctl show-fabric "$dir/b.fam"
	assert_output -r "nodes: +${prefix}n1,${prefix}w"
	assert_output -r "read-only in: +${prefix}n1"$'\n'
	fam_run famctl show-fabric "$dir/b.fam" --json
	assert_json ".nodes == [\"${prefix}n1\", \"${prefix}w\"] and .readers == [\"${prefix}n1\"]"
	fam_run famctl show-fabric "$dir/a.fam" --json
	assert_json 'has("readers") | not'
	fam_run node_exec "${prefix}n1" 'echo written | fam -f a write'
	fam_run -1 node_exec "${prefix}n1" 'echo x | fam -f b write'
	node_close "${prefix}n1"
	fam_run -4 famctl destroy-fabric "$dir/b.fam"
	fam_run famctl stop-node --force "${prefix}n1"
	fam_run -4 famctl destroy-fabric "$dir/b.fam"
	assert_stderr "${prefix}n1"
	fam_run famctl start-node "${prefix}n1"
	fam_run node_exec "${prefix}n1" 'fam -f a read --length 7; fam info --json'
	assert_output written
	assert_output '"read_only": true'
}
