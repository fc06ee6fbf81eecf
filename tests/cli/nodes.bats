#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# list-nodes, start-node, stop-node and destroy-node, as far as they need no
# QEMU: libvirt's own test driver holds a domain of each kind.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup
readonly NOWHERE='qemu+unix:///system?socket=/nonexistent/libvirt-sock'

setup() {
	fabric_setup
}

teardown() {
	fabric_teardown
}

# One domain of the test driver; it runs. FABRIC... are its metadata.
with_node() { # NAME [FABRIC-ELEMENT...]
	cat >"$BATS_TEST_TMPDIR/nodes.xml" <<-END
		<node>
		  <domain type='test'>
		    <name>stranger</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
		  </domain>
		  <domain type='test'>
		    <name>$1</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
		    <os><type>hvm</type></os>
		    <metadata>
		      <fam:node xmlns:fam='urn:fam-emulator:node:1'>${*:2}</fam:node>
		    </metadata>
		  </domain>
		</node>
	END
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test://$BATS_TEST_TMPDIR/nodes.xml
}

fabric_element() { # NAME SIZE
	printf "<fam:fabric name='%s' uuid='00112233-4455-6677-8899-aabbccddeeff' \
path='%s' size='%s' transport='plain' device='00:10.0'/>" "$1" "$dir/$1.fam" "$2"
}

@test "list-nodes shows our nodes and nobody else's" {
	with_node n1 "$(fabric_element a 16777216)" "$(fabric_element b 1073741824)"
	fam_run famctl list-nodes
	assert_output -r $'^NAME +STATE +VCPUS +MEMORY +FABRICS\nn1 +running +2 +64 MiB +a,b$'
	assert_stderr -x ""
	refute_output stranger "it has no metadata of ours"
}

@test "list-nodes --json tells all about them" {
	with_node n1 "$(fabric_element a 16777216)"
	fam_run famctl list-nodes --json
	assert_json 'length == 1'
	assert_json '.[0] | .name == "n1" and .state == "running" and .active
		and .vcpus == 2 and .memory == 67108864 and .flush == "mailbox"
		and .fabrics == ["a"]'
	assert_json '.[0].attachments[0] | .name == "a" and .size == 16777216
		and .path == "'"$dir"'/a.fam" and .transport == "plain" and .device == "00:10.0"
		and .uuid == "00112233-4455-6677-8899-aabbccddeeff"'
	FABRIC_URI=test:///default
	fam_run famctl list-nodes --json
	assert_json '. == []'
}

@test "a node with damaged metadata is listed with a warning and not started" {
	with_node n1 "<fam:fabric name='../x'/>"
	fam_run famctl list-nodes --json
	assert_json '.[0].name == "n1"'
	assert_json '.[0].damage | contains("name")'
	assert_stderr "warning: node 'n1': its metadata are damaged: 'name' of fabric 1"
	fam_run famctl stop-node --force n1
	fam_run famctl destroy-node --force n1
	assert_stderr "node 'n1' destroyed"
}

@test "libvirt out of reach is exit status 5 for each of them" {
	local command
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=$NOWHERE
	for command in list-nodes 'start-node n1' 'stop-node --all' 'destroy-node n1'; do
		# shellcheck disable=SC2086 # words
		fam_run -5 famctl $command
		assert_stderr "famctl: libvirt cannot be reached at '$NOWHERE': "
		assert_stderr "hint: start it: "
		assert_output -x ""
	done
}

@test "no name, or a name with --all, is refused" {
	local command
	for command in start-node stop-node destroy-node; do
		fam_run -2 famctl "$command"
		assert_stderr "no node is named"
		assert_stderr "hint: name nodes, or say --all"
		fam_run -2 famctl "$command" --all n1
		assert_stderr "both nodes and --all"
	done
	fam_run -2 famctl list-nodes n1
	assert_stderr "'n1' is one word too many"
	fam_run -2 famctl stop-node --timeout 100000 n1
	assert_stderr "--timeout: use 0 to 86400"
}

@test "what is not there, or not ours, is exit status 3" {
	local verb
	with_node n1
	for verb in start stop destroy; do
		fam_run -3 famctl "$verb-node" nobody
		assert_stderr "famctl: cannot $verb node 'nobody': there is no such node"
		assert_stderr "hint: 'famctl list-nodes' shows"
		fam_run -3 famctl "$verb-node" stranger
		assert_stderr "famctl: cannot $verb node 'stranger': this domain was not made by famctl"
	done
}

@test "a running node is neither started nor destroyed" {
	with_node n1
	fam_run -4 famctl start-node n1
	assert_stderr "cannot start node 'n1': it is running already"
	fam_run -4 famctl destroy-node n1
	assert_stderr "cannot destroy node 'n1': it is running"
	assert_stderr "hint: stop it first: famctl stop-node n1; or add --force"
}

@test "the work goes on after a failure, whose status counts" {
	with_node n1
	fam_run -3 famctl stop-node --force nobody n1 nothing
	assert_stderr "cannot stop node 'nobody'"
	assert_stderr "node 'n1' stopped"
	assert_stderr "cannot stop node 'nothing'"
	fam_run -4 famctl start-node n1 nobody
	assert_stderr "cannot start node 'nobody': there is no such node"
}

@test "--all takes those it makes sense for" {
	with_node n1
	fam_run famctl start-node --all
	assert_stderr -x "" "the only node runs already"
	fam_run famctl stop-node --all --force
	assert_stderr -x "famctl: node 'n1' stopped"
	fam_run famctl destroy-node --all --force
	assert_stderr "node 'n1' destroyed"
	refute_stderr stranger
}

@test "destroy-node says what it leaves" {
	with_node n1 "$(fabric_element a 16777216)" "$(fabric_element gone 16777216)"
	: >"$dir/a.fam"
	fam_run famctl destroy-node --force n1
	assert_stderr -x "famctl: node 'n1' destroyed; its disks are kept
famctl: fabric 'a' is kept: $dir/a.fam
famctl: fabric 'gone' is not there: $dir/gone.fam"
}

@test "a dry run does nothing" {
	with_node n1
	fam_run famctl destroy-node --dry-run --force n1
	assert_stderr "node 'n1' would be destroyed"
	fam_run famctl stop-node --dry-run --force n1
	assert_stderr -x "famctl: node 'n1' would be stopped"
}

@test "--json prints one array of what was done, or would be" {
	local option
	with_node n1 "$(fabric_element a 16777216)" "$(fabric_element gone 16777216)"
	: >"$dir/a.fam"
	for option in '' --dry-run; do
		# shellcheck disable=SC2086 # none or one word
		fam_run famctl start-node --all --json $option
		assert_json '. == [{"name": "n1", "action": "none"}]' "it runs already"
		# shellcheck disable=SC2086 # none or one word
		fam_run famctl stop-node --force n1 --json $option
		assert_json '. == [{"name": "n1", "action": "stopped"}]'
		# shellcheck disable=SC2086 # none or one word
		fam_run famctl destroy-node --all --force --json $option
		assert_json 'length == 1 and (.[0] | .name == "n1" and .action == "destroyed")'
		assert_json '.[0].fabrics == [
			{"name": "a", "path": "'"$dir"'/a.fam", "kept": true},
			{"name": "gone", "path": "'"$dir"'/gone.fam", "kept": false}]'
	done
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test:///default
	fam_run famctl destroy-node --all --json
	assert_json '. == []'
}

@test "--json prints the error alone if one node fails" {
	with_node n1
	fam_run -3 famctl stop-node --force n1 nobody nothing --json
	assert_stderr "node 'n1' stopped"
	assert_stderr "cannot stop node 'nothing'"
	assert_json 'keys == ["error"] and .error.exit_status == 3'
	assert_json '.error.message | startswith("cannot stop node '"'nobody'"'")'
}
