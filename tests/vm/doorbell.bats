#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Nodes by transport doorbell under real libvirt: their memory and interrupts
# come from tm-server, which famctl starts, finds and stops.

export BATS_TEST_TIMEOUT=240

setup_file() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	export dir prefix=famt-bell-$$
	# QEMU's user must be able to reach it, which a home directory need not allow.
	dir=$(public_dir fam-bell)
	if ((EUID == 0)); then
		libvirt_up "$dir/libvirt"
		famctl make-bundle --dir "$dir/bundle" >&2
	fi
}

setup() {
	load ../lib/assert
	load ../lib/vm
	load ../lib/libvirt
	requires_root "qemu:///system"
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	# The name of a fabric is that of its sockets: it must be ours alone.
	f=$prefix-$BATS_TEST_NUMBER
	fabrics=$(mktemp -d "$dir/test.XXXXXX")
	chmod 755 "$fabrics"
	make_fabric "$f"
}

teardown() {
	local name
	domains_end
	for name in $(servers); do
		famctl stop-server --force "$name" >&2
	done
	rm -rf "${fabrics:?}" "/run/fam/$prefix"*
}

teardown_file() {
	load ../lib/libvirt
	libvirt_down "$dir/libvirt"
	rm -rf "${dir:?}"
}

servers() {
	famctl list-servers --json | jq -r ".[].name | select(startswith(\"$prefix\"))"
}

make_fabric() { # NAME [SIZE [OPTION...]]
	famctl create-fabric "${2:-16M}" "$1" --path "$fabrics/$1.fam" "${@:3}" >/dev/null
}

# create NAME [OPTION...]: a node with the test's fabric, by doorbell.
create() {
	famctl create-node "$prefix$1" --fabric "$fabrics/$f.fam" --transport doorbell "${@:2}" \
		--virt-type qemu --memory 256M --bundle-dir "$dir/bundle"
}

# A node's command with its names made unique.
on() { # COMMAND NAME [OPTION...]
	famctl "$1-node" "$prefix$2" "${@:3}"
}

in_node() { # NAME COMMAND
	node_exec "$prefix$1" "$2"
}

# Of the row of the fabric's server, or of a node's peer.
server() { # FILTER
	famctl list-servers --json | jq -r ".[] | select(.name == \"$f\") | $1"
}

peer() { # NAME FILTER
	famctl list-peers "$f" --json | jq -r ".[] | select(.name == \"$prefix$1\") | $2"
}

server_is() { # FILTER VALUE
	[[ $(server "$1") == "$2" ]]
}

peer_is() { # NAME FILTER VALUE
	[[ $(peer "$1" "$2") == "$3" ]]
}

is_running() { # NAME
	virsh -q -c qemu:///system domstate "$prefix$1" | grep -qx running
}

is_off() { # NAME
	virsh -q -c qemu:///system domstate "$prefix$1" | grep -qx 'shut off'
}

# Shell words for a guest: $bar0 and $bar2 are the lines of these resources, and
# $reg is where the registers are.
# shellcheck disable=SC2016 # the guest expands
readonly GUEST='for d in /sys/bus/pci/devices/*; do
	[ "$(cat $d/vendor $d/device)" = "0x1af4
0x1110" ] && break; done
bar0=$(sed -n 1p $d/resource) bar2=$(sed -n 3p $d/resource) reg=${bar0%% *}
'
# shellcheck disable=SC2016 # the guest expands
readonly SHOW='echo "$bar2"'

@test "two nodes share memory above 4 GiB, write-back, from one server" {
	local start end bar
	fam_run create n --count 2 --vectors 4 --start
	assert_stderr "server of fabric '$f' started: pid "
	for n in 01 02; do
		bar=$(in_node "n$n" "$GUEST$SHOW")
		read -r start end _ <<<"$bar"
		assert "$bar is above 4 GiB" test $((start)) -ge $((1 << 32))
		assert "$bar has the file's size" test $((end - start + 1)) -eq $((16 << 20))
		fam_run in_node "n$n" 'fam info'
		assert_output -r 'transport: +doorbell'
		assert_output -r 'cache: +write-back'
		assert_output "$f"
	done
	in_node n01 'printf from-the-first | fam write'
	fam_run in_node n02 'fam read --length 14'
	assert_output -x from-the-first
	assert "the host sees it" test \
		"$(fam -f "$fabrics/$f.fam" read --length 14)" = from-the-first
	assert "one server has both" server_is '"\(.peers) \(.vectors)"' '2 4'
}

@test "list-peers shows the nodes by ID, name and libvirt's UUID" {
	create n --count 2 --start
	fam_run famctl list-peers "$f"
	assert_output -r "^ID +NAME +KIND +STATE +VECTORS +PID +UID +QUEUE +COMMITS +BYTES +FAULTS +JOINED"
	assert_output -r "0 +tm-server +server +ready"
	assert_output -r "1 +${prefix}n01 +doorbell +ready +2 +[0-9]+ +[0-9]+ +0 +0 +0 B +0 +20"
	for n in 1 2; do
		assert "its UUID" peer_is "n0$n" .uuid \
			"$(virsh -q -c qemu:///system domuuid "${prefix}n0$n")"
		# shellcheck disable=SC2016 # the guest expands
		id=$(in_node "n0$n" "$GUEST"'devmem $((reg + 8)) 32')
		assert "the device says the same ID" test $((id)) -eq "$n"
		assert "as the list" peer_is "n0$n" .id "$n"
	done
}

@test "a guest rings the server, and ping rings a guest" {
	create n1 --vectors 2 --start
	# The upper half of the register's word is the ID: 0 is the server's.
	# shellcheck disable=SC2016 # the guest expands
	in_node n1 "$GUEST"'devmem $((reg + 12)) 32 1
		devmem $((reg + 12)) 32 1
		devmem $((reg + 12)) 32 0'
	assert "the server counted them" wait_until 10 server_is '.rings | tostring' '[1,2]'
	# The guest's own driver would count these; that it runs on is seen here.
	fam_run famctl ping --fabric "$f" "${prefix}n1"
	assert_output -x "rang vector 0 of peer 1 (${prefix}n1)"
	fam_run famctl ping --fabric "$f" "${prefix}n1:1"
	fam_run famctl ping --fabric "$fabrics/$f.fam" 1:1
	fam_run -2 famctl ping --fabric "$f" "${prefix}n1:2"
	fam_run -3 famctl ping --fabric "$f" 2
	fam_run in_node n1 'echo well'
	assert_output -x well
	on stop n1 --force
	assert "it is seen to have gone" wait_until 10 peer_is n1 .state absent
	fam_run -3 famctl ping --fabric "$f" 1
	assert_stderr "cannot ring peer '1': the server: nobody has this ID now"
}

@test "a node keeps its ID when it reboots, is killed, or is stopped" {
	local pid boot
	create n --count 2 --start
	boot=$(in_node n02 'cat /proc/sys/kernel/random/boot_id')
	virsh -q -c qemu:///system reset "${prefix}n02"
	node_close "${prefix}n02"
	assert "another life" test "$(in_node n02 'cat /proc/sys/kernel/random/boot_id')" != "$boot"
	assert "the same ID" peer_is n02 .id 2
	pid=$(peer n02 .pid)
	kill -KILL "$pid"
	node_close "${prefix}n02"
	assert "libvirt sees it" wait_until 20 is_off n02
	assert "the ID is kept for it" wait_until 10 peer_is n02 .state absent
	on start n02
	assert "it is back" wait_until 20 peer_is n02 .state ready
	assert "the same ID" peer_is n02 .id 2
	refute "the same process" peer_is n02 .pid "$pid"
	on stop n01 --force
	on stop n02 --force
	on start n02
	on start n01
	assert "whatever the order" wait_until 20 peer_is n01 .id 1
	assert "whatever the order" wait_until 20 peer_is n02 .id 2
}

@test "nodes outlive a server that was killed; the next node has a higher ID" {
	local pid
	create n --count 2 --start
	in_node n01 'printf before | fam write'
	pid=$(server .pid)
	kill -KILL "$pid"
	assert "it comes again" wait_until 20 server_is .state running
	refute "as another process" server_is .pid "$pid"
	fam_run famctl start-server "$fabrics/$f.fam"
	assert_stderr "is running already: pid $(server .pid)"
	is_running n01
	fam_run in_node n02 'fam read --length 6'
	assert_output -x before
	create n3 --start
	assert "a higher ID" test "$(peer n3 .id)" -gt 2
	in_node n3 'printf afterwards | fam write'
	fam_run in_node n01 'fam read --length 10'
	assert_output -x afterwards
	# Restarted, a node of before is served again.
	on stop n01 --force
	on start n01
	assert "it is served again" wait_until 20 peer_is n01 .state ready
}

@test "stop-server refuses while nodes are attached, and --force leaves them running" {
	create n1 --start
	fam_run -4 famctl stop-server "$f"
	assert_stderr "cannot stop the server of fabric '$f': 1 peer is attached"
	assert_stderr "hint: stop the nodes first; or add --force"
	fam_run famctl stop-server --force "$f"
	assert_stderr "server of fabric '$f' stopped"
	assert_stderr "must be restarted to attach again"
	is_running n1
	in_node n1 'printf still-here | fam write'
	assert "the memory is shared on" test \
		"$(fam -f "$fabrics/$f.fam" read --length 10)" = still-here
	on stop n1 --force
	fam_run on start n1
	assert_stderr "server of fabric '$f' started: pid "
	assert "it has a server again" wait_until 20 peer_is n1 .state ready
}

@test "start-node starts the server, and a node with other vectors is refused" {
	fam_run create n1 --define --vectors 2
	assert "defining alone starts none" test -z "$(servers)"
	fam_run on start n1 --dry-run
	assert "nor does a dry run" test -z "$(servers)"
	fam_run on start n1
	assert_stderr "server of fabric '$f' started: pid "
	assert "with the node's vectors" server_is .vectors 2
	fam_run -4 create n2 --start --vectors 3
	assert_stderr "cannot create node '${prefix}n2': the server of fabric '$f': it is served with 2 vectors, not 3"
	assert "the other one was not made" test "$(domains)" = "${prefix}n1"
	on stop n1 --force
	assert "the server stays" server_is .state running
	wait_until 10 server_is .peers 0
	famctl stop-server "$f"
}

@test "a server nobody attached to yet is restarted with a node's vectors" {
	create n1 --define --vectors 3
	famctl start-server "$fabrics/$f.fam"
	fam_run on start n1 --dry-run
	assert_stderr "server of fabric '$f', which had no peers yet, would be restarted with 3 vectors"
	assert "nothing was done" server_is .vectors 2
	fam_run on start n1
	assert_stderr "server of fabric '$f', which had no peers yet, restarts with 3 vectors"
	assert "with the node's vectors" server_is .vectors 3
	wait_until 60 peer_is n1 .state ready
	on stop n1 --force
	wait_until 10 server_is .peers 0
	fam_run -4 create n2 --start --vectors 2
	assert_stderr "it is served with 3 vectors, not 2"
}

@test "a node that does not start leaves no server behind" {
	fam_run -1 create n1 --start --network famt-no-such-network
	assert "neither node" test -z "$(domains)"
	assert "nor server" test -z "$(servers)"
	chmod 400 "$fabrics/$f.fam"
	fam_run -1 create n1 --start
	assert_stderr "cannot create node '${prefix}n1': the server of fabric '$f': tm-server failed: "
	assert "neither node" test -z "$(domains)"
}

@test "a socket QEMU may not use is told before the node is started" {
	create n1 --define
	famctl start-server "$fabrics/$f.fam"
	chgrp root "/run/fam/$f.sock"
	fam_run -1 on start n1
	assert_stderr "cannot start node '${prefix}n1': QEMU runs as user '"
	assert_stderr "who may not read and write '/run/fam/$f.sock'"
	# shellcheck disable=SC2154 # by fam_run
	bash -c "$(sed -n 's/^hint: //p' <<<"$stderr")"
	fam_run on start n1
}

@test "doorbell and plain nodes, and fabrics of all sizes, live together" {
	local size i=0
	local -a more=()
	truncate -s 1M "$fabrics/disk"
	for size in 1G 512M 2G; do
		make_fabric "$f-$((++i))" "$size" --sparse
		more+=(--fabric "$fabrics/$f-$i.fam")
	done
	fam_run create bell "${more[@]}" --disk "$fabrics/disk" --network user --bundle --start
	fam_run famctl create-node "${prefix}plain" --fabric "$fabrics/$f.fam" --virt-type qemu \
		--memory 256M --bundle-dir "$dir/bundle" --start
	in_node plain 'printf mixed | fam write'
	fam_run in_node bell "fam --fabric $f read --length 5"
	assert_output -x mixed
	# shellcheck disable=SC2016 # the guest expands
	fam_run in_node bell 'for d in /sys/bus/pci/devices/*; do
		[ "$(cat $d/device)" = 0x1110 ] && sed -n 3p $d/resource; done'
	i=0
	while read -r start end _; do
		assert "$start is above 4 GiB" test $((start)) -ge $((1 << 32))
		i=$((i + end - start + 1))
	done <<<"$output"
	assert "all four are there" test "$i" -eq $(((16 << 20) + (1 << 30) + (512 << 20) + (2 << 30)))
	fam_run famctl list-nodes --json
	assert_json ".[] | select(.name == \"${prefix}bell\") | .attachments
		| map(.transport == \"doorbell\" and .vectors == 2) == [true, true, true, true]"
}

@test "what libvirt shows of a doorbell node is a template for others" {
	create n1 --vectors 2 --start
	virsh -q -c qemu:///system dumpxml "${prefix}n1" >"$fabrics/n1.xml"
	fam_run create n2 --template "$fabrics/n1.xml" --vectors 2 --start
	fam_run in_node n2 "$GUEST$SHOW"
	read -r start _ <<<"$output"
	assert "its memory is above 4 GiB" test $((start)) -ge $((1 << 32))
	fam_run famctl create-node "${prefix}n3" --template "$fabrics/n1.xml" \
		--fabric "$fabrics/$f.fam" --virt-type qemu --bundle-dir "$dir/bundle"
	refute_output "<shmem"
	refute_output "override"
}
