#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes without doorbells and the flush service they commit through: when its
# server is started with them, and what else becomes of it. libvirt's own test
# driver holds the nodes; the server is the real one.

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' home='' f='' file='' run='' # set by servers_setup
other='' # fabric of a test

setup() {
	other=''
	servers_setup
}

teardown() {
	servers_teardown
}

# started OPTION...: a node is made and started, with the test's fabric or with
# $other. Nothing of it is left, as the test driver forgets.
started() {
	: >"$dir/kernel"
	famctl create-node n1 --fabric "${other:-$file}" --virt-type qemu --start \
		--kernel "$dir/kernel" --qemu-version 7.2 "$@"
}

# with_node STATE [ATTRIBUTE...]: from now on libvirt has a node n1 with the
# fabric; STATE 1 runs, 5 does not.
with_node() {
	local uuid
	uuid=$(famctl show-fabric "$file" --json | jq -r '.uuid // ""')
	cat >"$BATS_TEST_TMPDIR/nodes.xml" <<-END
		<node>
		  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
		    <name>n1</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
		    <test:runstate>$1</test:runstate>
		    <metadata>
		      <fam:node xmlns:fam='urn:fam-emulator:node:1' ${*:2}>
		        <fam:fabric name='$f' uuid='$uuid' path='$file' size='16777216'
		          transport='plain' device='00:10.0'/>
		      </fam:node>
		    </metadata>
		  </domain>
		</node>
	END
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test://$BATS_TEST_TMPDIR/nodes.xml
}

remake() { # OPTION...
	rm "$file"
	make_fabric "$f" 16M "$@"
}

@test "create-node --start starts the server of a plain node's fabric" {
	fam_run started
	assert_stderr -r "^famctl: server of fabric '$f' started: pid [0-9]+"$'\n'"famctl: node 'n1' defined and started$"
	assert "it runs" is .state running
	assert "it serves" test \
		"$(famctl show-fabric "$file" --json | jq -r .flush_service)" = serving
	pid=$(of .pid)
	fam_run started
	assert_stderr -x "famctl: node 'n1' defined and started" "it runs already"
	assert "it is the same" is .pid "$pid"
}

@test "start-node does so, too, and a dry run does not" {
	with_node 5
	fam_run famctl start-node n1 --dry-run
	assert_stderr -x "famctl: node 'n1' would be started"
	assert "nothing was started" test -z "$(left)"
	fam_run famctl start-node n1
	assert_stderr -r "^famctl: server of fabric '$f' started: pid [0-9]+"$'\n'"famctl: node 'n1' started$"
	assert "it runs" is .state running
}

# Where the table of sessions has it: which start of the host this is.
boot_of_file() {
	od -An -tx8 -j $((1088 * 1024 + 72)) -N 8 "$file" | tr -d ' '
}

# A node without a server goes by it, when it finds what a power cut may have torn.
@test "a node that is started finds which start of the host this is" {
	local boot
	boot=$(tr -d - </proc/sys/kernel/random/boot_id)
	assert "a new fabric knows of none" test "$(boot_of_file)" = 0000000000000000
	with_node 5 "flush='none'"
	fam_run famctl start-node n1 --dry-run
	assert "a dry run stores nothing" test "$(boot_of_file)" = 0000000000000000
	fam_run famctl start-node n1
	assert "it is this one" test "$(boot_of_file)" = "${boot:0:16}"
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test:///default
	remake
	fam_run started --flush none
	assert "the same by create-node" test "$(boot_of_file)" = "${boot:0:16}"
}

@test "defining a node starts no server" {
	: >"$dir/kernel"
	fam_run famctl create-node n1 --fabric "$file" --virt-type qemu \
		--kernel "$dir/kernel" --qemu-version 7.2 --define
	assert "nothing was started" test -z "$(left)"
}

@test "nodes that do not ask a server start none" {
	local way
	for way in window none; do
		with_node 5 "flush='$way'"
		fam_run famctl start-node n1
		assert_stderr -x "famctl: node 'n1' started" "--flush $way"
	done
	# shellcheck disable=SC2034 # read by famctl()
	FABRIC_URI=test:///default
	remake --durability guest
	fam_run started
	assert "durability guest" test -z "$(left)"
	remake --raw
	fam_run started
	assert "a raw one" test -z "$(left)"
}

@test "on a file system in memory there is nothing to serve" {
	requires_root "to mount a file system"
	mkdir "$dir/memory"
	mount -t tmpfs none "$dir/memory"
	# shellcheck disable=SC2034 # unmounted by fabric_teardown
	mounted=$dir/memory
	mv "$file" "$dir/memory"
	other=$dir/memory/$f.fam
	fam_run started
	assert_stderr -x "famctl: node 'n1' defined and started"
	assert "nothing was started" test -z "$(left)"
}

@test "a server that cannot be started is a warning: the node runs without" {
	famctl start-server "$file"
	kill -STOP "$(of .pid)"
	fam_run started
	assert_stderr "famctl: warning: fabric '$f' has no flush service, without which fam_persist fails in the node: the server at '$run/$f.sock': "
	assert_stderr "the server gave no answer within 5 s"
	assert_stderr "famctl: node 'n1' defined and started"
}

@test "a server of another fabric of this name is a warning, too" {
	mkdir "$dir/other"
	famctl create-fabric 16M "$f" --dir "$dir/other" >/dev/null
	famctl start-server "$dir/other/$f.fam"
	with_node 5
	fam_run famctl start-node n1
	assert_stderr "warning: fabric '$f' has no flush service, without which fam_persist fails in the node: the server of another fabric of this name runs: it serves '$dir/other/$f.fam'"
	assert_stderr "famctl: node 'n1' started"
}

@test "a plain user's nodes have servers of their own" {
	requires_root "to become a plain user"
	famctl_at_home create-fabric 16M "$f"
	install -m 755 "$FAM_BUILD/bin/tm-server" "$home/tm-server"
	cp -r "$FAM_BUILD/share" "$home/share"
	mkdir "$home/bin" && mv "$home/famctl" "$home/tm-server" "$home/bin"
	: >"$home/kernel"
	fam_run as_user "$home" "$home/bin/famctl" -c test:///default create-node n1 \
		--fabric "$f" --virt-type qemu --kernel "$home/kernel" --qemu-version 7.2 --start
	assert_stderr -r "^famctl: server of fabric '$f' started: pid [0-9]+"
	fam_run as_user "$home" "$home/bin/famctl" list-servers --json
	assert_json ".[0] | .name == \"$f\" and .state == \"running\"
		and .socket == \"$home/run/fam/$f.sock\""
	fam_run as_user "$home" "$home/bin/famctl" stop-server "$f"
}

@test "stop-server says which running nodes cannot commit without it" {
	famctl start-server "$file"
	with_node 1
	fam_run famctl stop-server "$f" --dry-run
	assert_stderr "server of fabric '$f' would be stopped"
	assert_stderr "fam_persist fails in running nodes (n1) until a server is back: famctl start-server $file"
	fam_run famctl stop-server "$f"
	assert_stderr "famctl: fam_persist fails in running nodes (n1) until a server is back: famctl start-server $file"
	# Those that do not run, or do without, have nothing to lose.
	famctl start-server "$file"
	with_node 5
	fam_run famctl stop-server "$f"
	assert_stderr -x "famctl: server of fabric '$f' stopped"
	famctl start-server "$file"
	with_node 1 "flush='window'"
	fam_run famctl stop-server "$f"
	assert_stderr -x "famctl: server of fabric '$f' stopped"
}

@test "a doorbell node gets the vectors it needs from a server nobody attached to" {
	fam_run started
	pid=$(of .pid)
	fam_run started --transport doorbell --vectors 3
	assert_stderr "server of fabric '$f', which had no peers yet, restarts with 3 vectors"
	assert "with the vectors asked for" is .vectors 3
	refute "it is another one" is .pid "$pid"
	"$FAM_BUILD/bin/fam" -f "server:$run/$f.sock.host" wait --timeout 30 3>&- &
	# shellcheck disable=SC2034 # read by let_go
	holder=$!
	wait_until 10 is .peers 1
	let_go
	fam_run -4 started --transport doorbell --vectors 2
	assert_stderr "it is served with 3 vectors, not 2"
}
