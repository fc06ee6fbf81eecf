#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# create-node --fabric NAME:ro: what is asked of QEMU, what is refused, and what
# the other commands make of such a node. libvirt's own test driver holds nodes.
#
# What is in single quotes is for another shell:
# shellcheck disable=SC2016

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' f='' file='' # set by servers_setup

setup() {
	servers_setup
	: >"$dir/kernel"
}

teardown() {
	servers_teardown
}

create() { # OPTION...
	famctl create-node n1 --virt-type qemu --kernel "$dir/kernel" "$@"
}

# Values of the raw arguments of the last document which begin so.
arguments() { # BEGINNING
	xmllint --xpath "//*[local-name()='arg']/@value" - <<<"$output" |
		sed -n "s/^ *value=\"\($1.*\)\"\$/\1/p"
}

attribute() { # NUMBER NAME: of a fabric in the metadata of the last document
	xmllint --xpath "string((//*[local-name()='fabric'])[$1]/@$2)" - <<<"$output"
}

# What is refused leaves no document, and says what else to do.
refused() { # STATUS MESSAGE HINT OPTION...
	fam_run "-$1" create "${@:4}"
	assert_output -x ""
	assert_stderr "famctl: cannot create node 'n1': $2"
	[[ -z $3 ]] || assert_stderr "hint: $3"
}

# script NAME LINE...: a program in $dir.
script() {
	printf '%s\n' '#!/bin/sh' "${@:2}" >"$dir/$1"
	chmod 755 "$dir/$1"
}

@test "QEMU is to open the file for reading only, and the metadata say so" {
	make_fabric other
	fam_run create --fabric "$file:ro" --fabric "$dir/other.fam" --qemu-version 7.2
	virt-xml-validate - domain <<<"$output"
	assert "of the first" test "$(arguments memory-backend-file,id=famm0)" = \
		"memory-backend-file,id=famm0,share=on,readonly=on,size=16777216,mem-path=$file"
	assert "of the second" test "$(arguments memory-backend-file,id=famm1)" = \
		"memory-backend-file,id=famm1,share=on,size=16777216,mem-path=$dir/other.fam"
	assert "kept for later" test "$(attribute 1 access)" = ro
	assert "nothing to be kept" test "$(attribute 2 access)" = ""
	assert "the path is the file's" test "$(attribute 1 path)" = "$file"
}

@test "the installed QEMU is asked, and takes it" {
	fam_run create --fabric "$file:ro"
	assert_output "readonly=on"
	assert_stderr -x ""
}

@test "of a raw fabric it is told that programs are not told" {
	make_fabric raw 1M --raw
	fam_run create --fabric "$dir/raw.fam:ro" --qemu-version 7.2
	assert_output "readonly=on,size=1048576"
	assert_stderr -x "famctl: fabric 'raw' is raw: programs in the node are not told that what they store there is lost"
	fam_run create --fabric "$dir/raw.fam" --qemu-version 7.2
	assert_stderr -x ""
}

@test "a file whose own name ends in ':ro' is named with one more word" {
	cp "$file" "$dir/odd:ro"
	cp "$file" "$dir/odd:rw"
	refused 3 "" "" --fabric "$dir/odd:ro" --qemu-version 7.2
	assert_stderr "'$dir/odd'"
	fam_run create --fabric "$dir/odd:ro:rw" --qemu-version 7.2
	assert "it is that one" test "$(attribute 1 path)" = "$dir/odd:ro"
	refute_output readonly
	fam_run create --fabric "$dir/odd:ro:ro" --qemu-version 7.2
	assert "and that one" test "$(attribute 1 path),$(attribute 1 access)" = "$dir/odd:ro,ro"
	fam_run create --fabric "$dir/odd:rw:rw" --qemu-version 7.2
	assert "and this" test "$(attribute 1 path)" = "$dir/odd:rw"
	fam_run create --fabric "$file:rw" --qemu-version 7.2
	assert "which is no more than nothing" test "$(attribute 1 path)" = "$file"
	for word in :ro :rw; do
		refused 2 "--fabric: '$word' names none" "" --fabric "$word" --qemu-version 7.2
	done
	refused 2 "fabric '$file' is given twice" "" --fabric "$file" --fabric "$file:ro" \
		--qemu-version 7.2
}

@test "what QEMU would not enforce is refused" {
	local hint="use --transport plain and QEMU 6.0 or newer, or leave ':ro' away"
	export XDG_RUNTIME_DIR=$dir
	refused 2 "by transport 'doorbell' fabric '$f' cannot be attached read-only" "$hint" \
		--fabric "$file:ro" --transport doorbell --qemu-version 7.2
	refused 2 "by transport 'legacy' fabric '$f'" "$hint" --fabric "$file:ro" --qemu-version 2.4
	refused 2 "by transport 'x-memdev' fabric '$f'" "$hint" --fabric "$file:ro" --qemu-version 2.5
	refused 2 "QEMU 5.2 cannot attach fabric '$f' read-only" \
		"use QEMU 6.0 or newer, or leave ':ro' away" --fabric "$file:ro" --qemu-version 5.2
	refused 2 "the flush window of fabric '$f' would let the node change it" \
		"leave --flush window or ':ro' away" \
		--fabric "$file:ro" --flush window --qemu-version 7.2
	make_fabric other
	refused 2 "by transport 'doorbell' fabric 'other'" "$hint" --fabric "$file" \
		--fabric "$dir/other.fam:ro" --transport doorbell --qemu-version 7.2
	fam_run create --fabric "$file:ro" --qemu-version 6.0
}

@test "what the emulator has counts, not its version, and only if it matters" {
	local about='[ "$1" != --version ] || echo "QEMU emulator version 7.2.0"
		[ "$1" != -device ] || echo "name \"ivshmem-plain\", bus PCI"'
	script qemu "$about" "[ \"\$1\" != -object ] || { echo asked >>'$dir/asked'; exit 1; }"
	fam_run create --fabric "$file" --emulator "$dir/qemu"
	refute "it was not asked" test -e "$dir/asked"
	refused 2 "QEMU 7.2 cannot attach fabric '$f' read-only" "use QEMU 6.0" \
		--fabric "$file:ro" --emulator "$dir/qemu"
	assert "it was" test "$(<"$dir/asked")" = asked
	script qemu "$about" '[ "$1" != -object ] || echo "  readonly=<bool>"'
	fam_run create --fabric "$file:ro" --emulator "$dir/qemu"
	assert_output "readonly=on"
}

# with_node STATE [ATTRIBUTE]: libvirt has a node n1 with the fabric, read-only or
# as ATTRIBUTE says; STATE 1 runs, 5 does not.
with_node() {
	cat >"$BATS_TEST_TMPDIR/nodes.xml" <<-END
		<node>
		  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
		    <name>n1</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
		    <test:runstate>$1</test:runstate>
		    <metadata>
		      <fam:node xmlns:fam='urn:fam-emulator:node:1'>
		        <fam:fabric name='$f' path='$file' size='16777216' transport='plain'
		          uuid='$(famctl show-fabric "$file" --json | jq -r .uuid)'
		          device='00:10.0' ${2-access='ro'}/>
		      </fam:node>
		    </metadata>
		  </domain>
		</node>
	END
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test://$BATS_TEST_TMPDIR/nodes.xml
}

@test "list-nodes and show-fabric tell who cannot change it" {
	with_node 1
	fam_run famctl list-nodes
	assert_output -r " $f:ro\$"
	fam_run famctl list-nodes --json
	assert_json ".[0] | .fabrics == [\"$f\"] and .attachments[0].read_only"
	fam_run famctl show-fabric "$file"
	assert_output -r "read-only in: +n1"
	fam_run famctl show-fabric "$file" --json
	assert_json '.nodes == ["n1"] and .readers == ["n1"]'
	with_node 1 ''
	fam_run famctl list-nodes
	assert_output -r " $f\$"
	fam_run famctl list-nodes --json
	assert_json '.[0].attachments[0].read_only == false'
	fam_run famctl show-fabric "$file"
	refute_output "read-only in"
	with_node 1 "access='maybe'"
	fam_run famctl list-nodes
	assert_stderr "its metadata are damaged: 'access' of fabric 1"
}

@test "such a node keeps its fabric from destruction" {
	with_node 5
	fam_run -4 famctl destroy-fabric "$file"
	assert_stderr "n1"
	assert "it is there" test -e "$file"
}

@test "it needs no server, and does not mind the end of one" {
	local before
	before=$(sha256sum <"$file")
	fam_run create --fabric "$file:ro" --qemu-version 7.2 --start
	assert_stderr -x "famctl: node 'n1' defined and started"
	with_node 5
	fam_run famctl start-node n1
	assert_stderr -x "famctl: node 'n1' started"
	assert "nothing was started" test -z "$(left)"
	assert "nothing was stored" test "$(sha256sum <"$file")" = "$before"
	fam_run famctl start-server "$file"
	with_node 1
	fam_run famctl stop-server "$f"
	refute_stderr n1
}

@test "a node is not started on another file" {
	with_node 5
	rm "$file"
	make_fabric "$f" 32M
	fam_run -1 famctl start-node n1
	assert_stderr "had 16777216 bytes when the node was made, now it has 33554432"
}
