#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# start-server, stop-server, list-servers, list-peers and ping with the real
# server, and the XML of nodes that need one. No guest.

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' home='' f='' file='' run='' prefix='' # set by servers_setup

setup() {
	servers_setup
}

teardown() {
	servers_teardown
}

@test "a server is started, shown and stopped, and leaves its log only" {
	fam_run famctl start-server "$file" --vectors 4
	assert_stderr -r "^famctl: server of fabric '$f' started: pid [0-9]+, socket '$run/$f.sock'$"
	fam_run famctl list-servers
	assert_output -r "^FABRIC +STATE +PID +PEERS +VECTORS +UPTIME +SOCKET"
	assert_output -r "$f +running +[0-9]+ +0 +4 +[0-9]+s +$run/$f.sock"
	pid=$(of .pid)
	fam_run famctl start-server "$file"
	assert_stderr -x "famctl: server of fabric '$f' is running already: pid $pid"
	fam_run famctl stop-server "$file"
	assert_stderr -x "famctl: server of fabric '$f' stopped"
	assert "it ended" proc_gone "$pid"
	assert "nothing is left" test -z "$(left)"
	assert "what it said is" grep -q "tm-server: fabric '$f': serves 16 MiB" "$run/$f.sock.log"
	fam_run famctl stop-server "$file"
	assert_stderr -x "famctl: no server runs for fabric '$f'"
}

@test "JSON tells all about a server" {
	fam_run famctl start-server "$file" --json
	assert_json ".name == \"$f\" and .path == \"$file\" and .socket == \"$run/$f.sock\"
		and .vectors == 2 and .started and (.pid | type) == \"number\""
	fam_run famctl start-server "$file" --json
	assert_json '.started == false'
	fam_run famctl list-servers --json
	assert_json ".[] | select(.name == \"$f\") | .state == \"running\" and .size == 16777216
		and .path == \"$file\" and .peers == 0 and .vectors == 2 and .rings == [0, 0]
		and .next_id == 1 and .supervisor > 1 and .started > 1700000000000000000"
	fam_run famctl list-peers "$f" --json
	assert_json '. == [{"id": 0, "state": "ready", "vectors": 2, "name": "tm-server",
		"kind": "server"}]'
}

@test "wrong words are refused, and what is not there is exit status 3 or 5" {
	local vectors
	for vectors in 0 257 x; do
		fam_run -2 famctl start-server "$file" --vectors "$vectors"
	done
	fam_run -2 famctl start-server "$file" more
	assert_stderr "'more' is one word too many"
	fam_run -2 famctl stop-server "$file" --all
	assert_stderr "both a fabric and --all are given"
	fam_run -2 famctl list-servers "$f"
	fam_run -2 famctl list-peers "$f" more
	fam_run -2 famctl ping
	fam_run -3 famctl start-server "$dir/none.fam"
	fam_run -3 famctl stop-server "$prefix-none"
	assert_stderr "cannot open fabric '$prefix-none': no such fabric"
	fam_run -3 famctl list-peers "$f"
	assert_stderr "famctl: cannot open fabric '$f': no such fabric"
	fam_run -5 famctl ping --fabric "$f" 1
	assert_stderr "cannot ring peer '1': no server runs for fabric '$f'"
	assert "nothing was started" test -z "$(left)"
	# What a supervisor is started with is no command of users.
	fam_run -2 famctl supervise "$file" /bin/true
	assert_stderr "unknown command 'supervise'"
}

@test "ping rings a peer by ID or name, and says what there is not" {
	famctl start-server "$file" --vectors 2
	fam_run famctl ping --fabric "$f" 0
	assert_output -x "rang vector 0 of peer 0 (tm-server)"
	fam_run famctl ping --fabric "$file" tm-server:1 --json
	assert_json '. == {"id": 0, "name": "tm-server", "vector": 1}'
	fam_run famctl ping -f "$f" tm-server:1
	assert "the server was rung" wait_until 10 is '.rings | tostring' '[1,2]'
	fam_run -2 famctl ping -f "$f" 0:2
	assert_stderr "cannot ring peer '0': peers have the vectors 0 to 1, not 2"
	fam_run -3 famctl ping -f "$f" 1
	assert_stderr "cannot ring peer '1': there is no such peer"
	fam_run -3 famctl ping -f "$f" nobody:1
	for word in '' : :1 0: 0:x 0:-1 0:123456; do
		fam_run -2 famctl ping -f "$f" "$word"
		assert_stderr "is not PEER or PEER:VECTOR"
	done
}

@test "other vectors, or another fabric of that name, are exit status 4" {
	famctl start-server "$file" --vectors 2
	fam_run -4 famctl start-server "$file" --vectors 3
	assert_stderr "cannot start the server of fabric '$f': it is served with 2 vectors, not 3"
	assert_stderr "hint: once its nodes are stopped: famctl stop-server $f"
	mkdir "$dir/other"
	famctl create-fabric 16M "$f" --dir "$dir/other"
	fam_run -4 famctl start-server "$dir/other/$f.fam"
	assert_stderr "the server of another fabric of this name runs: it serves '$file'"
}

@test "what the server cannot serve is told, and nothing is left" {
	chmod 400 "$file"
	fam_run -1 famctl start-server "$file"
	assert_stderr "cannot start the server of fabric '$f': tm-server failed: cannot serve '$file'"
	assert "nothing is left" test -z "$(left)"
	chmod 600 "$file"
	"$FAM_BUILD/bin/tm-server" -d -f "$file" -p "$run/$prefix-other.sock" 3>&-
	fam_run -4 famctl start-server "$file"
	assert_stderr "tm-server failed: "
	assert "the other one's alone are there" test -z "$(left | grep "$f")"
}

@test "a server that was killed is started again, one that was stopped is not" {
	famctl start-server "$file" --vectors 2
	first=$(of .pid) supervisor=$(of .supervisor)
	kill -KILL "$first"
	assert "it comes again" wait_until 10 is .state running
	assert "as another process" test "$(of .pid)" != "$first"
	assert "of the same supervisor" test "$(of .supervisor)" = "$supervisor"
	assert "with the same vectors" test "$(of .vectors)" = 2
	assert "and the log tells of it" grep -q \
		"famctl: server $first died of signal 9 (Killed); it is started again in 100 ms" \
		"$run/$f.sock.log"
	kill -TERM "$(of .pid)"
	assert "the supervisor ended too" wait_until 10 proc_gone "$supervisor"
	assert "nothing is left" wait_until 10 test -z "$(left)"
}

@test "a supervisor that is told to end ends its server" {
	famctl start-server "$file"
	pid=$(of .pid)
	kill -TERM "$(of .supervisor)"
	assert "the server ended" wait_until 10 proc_gone "$pid"
	assert "nothing is left" wait_until 10 test -z "$(left)"
}

@test "stop-server ends a server which is just being started again" {
	famctl start-server "$file"
	supervisor=$(of .supervisor)
	# After some deaths in a row the pause is long enough to be seen.
	while ! is .state restarting; do
		kill -KILL "$(of '.pid // empty')" 2>/dev/null || true
	done
	fam_run famctl stop-server "$f"
	assert "the supervisor ended" proc_gone "$supervisor"
	fam_run famctl list-servers
	refute_output "$f +running"
}

@test "a server killed with its supervisor is stale, and can be started again" {
	famctl start-server "$file"
	pid=$(of .pid)
	kill -KILL "$(of .supervisor)"
	assert "the server lives" is .state running
	fam_run famctl start-server "$file"
	assert_stderr "is running already: pid $pid"
	kill -KILL "$pid"
	assert "it is shown as stale" wait_until 10 is .state stale
	fam_run famctl list-servers
	assert_output -r "$f +stale +- +- +- +- +$run/$f.sock"
	fam_run -5 famctl list-peers "$f"
	fam_run famctl stop-server "$f"
	assert_stderr "no server runs for fabric '$f'"
	fam_run famctl start-server "$file"
	assert "it runs" is .state running
	refute "it is another one" is .pid "$pid"
}

@test "many commands at once start one server" {
	local i
	local -a pids=()
	for i in 1 2 3 4 5 6; do
		famctl start-server "$file" 2>"$dir/$i.err" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || die "one failed: $(cat "$dir"/*.err)"
	done
	assert "one started it" test "$(cat "$dir"/*.err | grep -c started)" -eq 1
	assert "the others found it" test \
		"$(cat "$dir"/*.err | grep -c "running already: pid $(of .pid)")" -eq 5
	assert "there is one" test "$(server_pids "$f" | wc -l)" -eq 1
}

@test "a server that does not answer is exit status 5 after five seconds" {
	famctl start-server "$file"
	kill -STOP "$(of .pid)"
	fam_run -5 famctl list-peers "$f"
	assert_stderr "cannot list the peers of fabric '$f': the server gave no answer within 5 s"
	fam_run famctl list-servers --json
	assert_json ".[] | select(.name == \"$f\") | .state == \"silent\"
		and .problem == \"the server gave no answer within 5 s\""
}

# Beside the listening socket there is one for each connection to be accepted.
is_asked() {
	(($(grep -c "$run/$f.sock.ctl$" /proc/net/unix) > 1))
}

@test "start-server asks again when the server dies while it is asked" {
	famctl start-server "$file"
	pid=$(of .pid)
	kill -STOP "$pid"
	famctl start-server "$file" 2>"$dir/told" 3>&- &
	assert "it is asked" wait_until 10 is_asked
	kill -KILL "$pid"
	assert "the command succeeds" wait $!
	fam_run cat "$dir/told"
	assert_output "server of fabric '$f' is running already: pid $(of .pid)"
	refute "it is another one" is .pid "$pid"
}

@test "stop-server --all stops all of the user's servers" {
	famctl_at_home create-fabric 16M a
	# famctl looks for the server beside itself.
	((EUID != 0)) || install -m 755 "$FAM_BUILD/bin/tm-server" "$home/tm-server"
	famctl_at_home create-fabric 16M b
	fam_run famctl_at_home start-server a
	fam_run famctl_at_home start-server b
	fam_run famctl_at_home stop-server --all --dry-run
	assert_stderr "server of fabric 'b' would be stopped"
	fam_run famctl_at_home list-servers
	assert_output -r "a +running .*/fam/a.sock"
	fam_run famctl_at_home stop-server --all
	assert_stderr -x "famctl: server of fabric 'a' stopped
famctl: server of fabric 'b' stopped"
	fam_run famctl_at_home list-servers --json
	assert_json '. == []'
	fam_run famctl_at_home stop-server --all
	assert_stderr -x ""
}

@test "a plain user without a runtime directory is told so" {
	requires_root "to become a plain user"
	famctl_at_home create-fabric 16M a
	install -m 755 "$FAM_BUILD/bin/tm-server" "$home/tm-server"
	fam_run -3 as_user "$home" env -u XDG_RUNTIME_DIR "$home/famctl" start-server a
	assert_stderr "no runtime directory for sockets: XDG_RUNTIME_DIR is not set"
}

@test "a dry run starts nothing" {
	fam_run famctl start-server "$file" --dry-run
	assert_stderr -x "famctl: server of fabric '$f' would be started"
	assert "nothing is there" test -z "$(left)"
	chmod 400 "$file"
	fam_run -1 famctl start-server "$file" --dry-run
	assert_stderr "tm-server failed: cannot serve '$file'"
}

@test "show-fabric tells of the server" {
	famctl start-server "$file" --vectors 3
	fam_run famctl show-fabric "$file"
	assert_output -r "server: +$(of .pid)"
	assert_output -r "peers: +0"
	assert_output -r "vectors: +3"
	fam_run famctl show-fabric "$file" --json
	assert_json ".server_pid == $(of .pid) and .server_socket == \"$run/$f.sock\""
	famctl stop-server "$f"
	fam_run famctl show-fabric "$file" --json
	assert_json 'has("server_pid") | not'
}

@test "destroy-fabric stops a server without peers, once it is sure" {
	famctl start-server "$file"
	pid=$(of .pid)
	fam_run famctl destroy-fabric --dry-run "$file"
	assert_stderr -x "famctl: server of fabric '$f', which had no peers, would be stopped"
	fam_run -2 famctl destroy-fabric "$file"
	assert "it runs, as nobody confirmed" is .pid "$pid"
	fam_run famctl destroy-fabric --force "$file"
	assert_stderr -x "famctl: server of fabric '$f', which had no peers, stopped"
	assert "the file is gone" test ! -e "$file"
	assert "nothing of the server is left" test -z "$(left)"
}

@test "destroy-fabric leaves a server alone that others use the fabric beside" {
	famctl start-server "$file"
	pid=$(of .pid)
	hold_build
	holding m "$file"
	fam_run -4 famctl destroy-fabric --force "$file"
	assert_stderr "it is in use by hold-file (pid $holder)"
	refute_stderr tm-server
	let_go
	assert "it runs" is .pid "$pid"
	# A peer attached, though it has nothing open: the server keeps it.
	"$FAM_BUILD/bin/fam" -f "server:$run/$f.sock.host" wait --timeout 30 3>&- &
	holder=$!
	wait_until 10 is .peers 1
	fam_run -4 famctl destroy-fabric --force "$file"
	assert_stderr "tm-server (pid $pid)"
	assert "it runs still" is .pid "$pid"
	let_go
}

@test "stop-server by a path does not end the server of another file" {
	famctl start-server "$file"
	mkdir "$dir/other"
	famctl create-fabric 16M "$f" --dir "$dir/other"
	fam_run -4 famctl stop-server "$dir/other/$f.fam"
	assert_stderr "cannot stop the server of fabric '$dir/other/$f.fam': the one of this name that runs serves '$file'"
	assert_stderr "hint: famctl stop-server $f"
	assert "it runs" is .state running
	fam_run famctl stop-server "$f"
}

@test "stop-server by a copy's name does not end the server of the original" {
	famctl_at_home create-fabric 16M a
	((EUID != 0)) || install -m 755 "$FAM_BUILD/bin/tm-server" "$home/tm-server"
	cp -p "$home/data/fam/a.fam" "$home/data/fam/b.fam"
	fam_run famctl_at_home start-server a
	fam_run -4 famctl_at_home stop-server b
	assert_stderr "cannot stop the server of fabric 'b': the one of this name that runs serves '$home/data/fam/a.fam'"
	fam_run famctl_at_home stop-server a
	assert_stderr -x "famctl: server of fabric 'a' stopped"
}

@test "where systemd runs, its unit is started with what was asked for" {
	requires_root "to mount"
	# The commands that a unit tm-server@.service of systemd stands for.
	mkdir "$dir/bin"
	cat >"$dir/bin/systemctl" <<-'END'
		#!/bin/bash
		name=${2#tm-server@} name=${name%.service}
		[[ $1 == start ]] || exit 0
		read -ra options < <(sed -n 's/^TM_SERVER_OPTIONS=//p' "/run/fam/$name.env")
		exec tm-server -d -f "/var/lib/fam/$name.fam" --name "$name" "${options[@]}"
	END
	chmod 755 "$dir/bin/systemctl"
	# shellcheck disable=SC2016 # the inner shell expands
	fam_run unshare -m bash -ec '
		mount -t tmpfs none /run
		mount -t tmpfs none /var/lib
		mkdir -p /run/systemd/system /var/lib/fam
		famctl=("$1/bin/famctl" -c test:///default)
		PATH=$2:$1/bin:$PATH
		"${famctl[@]}" create-fabric 16M u >/dev/null
		"${famctl[@]}" start-server u --vectors 5
		"${famctl[@]}" list-servers --json
		cat /run/fam/u.env >&2
		"${famctl[@]}" stop-server u' - "$FAM_BUILD" "$dir/bin"
	assert_json '.[0] | .state == "running" and .vectors == 5 and (has("supervisor") | not)'
	assert_stderr "TM_SERVER_OPTIONS=--vectors 5"
	assert_stderr "server of fabric 'u' stopped"
}

# node OPTION...: prints a node's XML.
node() {
	: >"$dir/kernel"
	famctl create-node n1 --fabric "$file" --virt-type qemu --kernel "$dir/kernel" "$@"
}

@test "a doorbell node has libvirt's own element, with its server's socket" {
	fam_run node --transport doorbell --vectors 8 --qemu-version 7.2
	assert_output "<shmem name=\"$f\">"
	assert_output '<model type="ivshmem-doorbell"/>'
	assert_output "<server path=\"$run/$f.sock\"/>"
	assert_output '<msi vectors="8" ioeventfd="on"/>'
	assert_output 'transport="doorbell" device="00:10.0/00.0" vectors="8"'
	refute_output "qemu:commandline"
	virt-xml-validate - domain <<<"$output"
	fam_run node --transport doorbell --qemu-version 7.2 --machine pc
	assert_output '<msi vectors="2" ioeventfd="on"/>'
	assert_output 'bus="0x00" slot="0x10"'
	refute_output override
}

@test "a node has as many vectors as its server, if not told otherwise" {
	famctl start-server "$file" --vectors 5
	fam_run node --transport doorbell --qemu-version 7.2
	assert_output '<msi vectors="5" ioeventfd="on"/>'
	fam_run node --transport doorbell --qemu-version 7.2 --vectors 3
	assert_output '<msi vectors="3" ioeventfd="on"/>'
	# of another fabric of this name
	mkdir "$dir/other"
	famctl create-fabric 16M "$f" --dir "$dir/other"
	fam_run famctl create-node n1 --fabric "$dir/other/$f.fam" --virt-type qemu \
		--kernel "$dir/kernel" --transport doorbell --qemu-version 7.2
	assert_output '<msi vectors="2" ioeventfd="on"/>'
}

@test "a legacy node has the socket of its QEMU's dialect" {
	fam_run node --transport legacy --vectors 3 --qemu-version 2.4
	assert_output "path=$run/$f.sock.legacy\""
	assert_output 'size=16M,vectors=3,'
	fam_run node --transport legacy --qemu-version 3.1
	assert_output "path=$run/$f.sock\""
	assert_output 'size=16M,vectors=2,'
}

@test "nodes that cannot be served are refused" {
	fam_run -2 node --vectors 2
	assert_stderr "--vectors: by transport 'plain' there are no interrupts"
	assert_stderr "hint: add --transport doorbell"
	fam_run -2 node --transport doorbell --vectors 257
	assert_stderr "--vectors: use 1 to 256"
	fam_run -2 node --transport doorbell --qemu-version 2.5
	assert_stderr "QEMU 2.5 cannot attach a fabric by transport 'doorbell'"
	mkdir "$dir/other"
	famctl create-fabric 16M "$f" --dir "$dir/other"
	fam_run -2 node --fabric "$dir/other/$f.fam" --transport doorbell
	assert_stderr "are both called '$f', and a server is found by its fabric's name"
	fam_run node --fabric "$dir/other/$f.fam"
	famctl create-fabric 16M --raw r --path "$dir/r.fam"
	mv "$dir/r.fam" "$dir/a b.fam"
	fam_run -2 famctl create-node n1 --fabric "$dir/a b.fam" --virt-type qemu \
		--kernel "$dir/kernel" --transport doorbell
	assert_stderr "'a b' cannot be the name of a server's socket"
	fam_run -2 famctl start-server "$dir/a b.fam"
}
