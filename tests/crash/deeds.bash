# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# What death.bash does to servers, nodes and writers, and how it is mended.

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

# A supervisor waits longer after each death; then another one is started.
readonly REVIVALS=5

revivals=0 left_at=0
# For so long the server was away in this round.
# shellcheck disable=SC2034 # used by death.bash
away_ms=0
declare -A hits=() # how often, each act

now_ms() {
	printf '%s\n' "${EPOCHREALTIME/./}" | sed 's/...$//'
}

server_begin() {
	famctl start-server "$mnt/f.fam" 2>&1 || die 'the server does not start'
	revivals=0
}

server_gone() { # SIGNAL [PID...]
	local server
	server=$(server_is pid)
	kill "-$1" "$server" "${@:2}"
	wait_until "$PATIENCE" proc_gone "$server" || die "the server does not end by SIG$1"
}

hit_server() { # DEED
	left_at=$(now_ms)
	case $1 in
	killed) server_gone KILL ;;
	hounded) hound_server ;;
	lost) server_gone KILL "$(</run/fam/f.sock.supervisor)" ;;
	stopped) server_gone TERM ;;
	replaced) lives_before=$(server_is lives) && kill -USR2 "$(server_is pid)" ;;
	frozen) freeze_server ;;
	esac
}

# Killed again and again while it comes up, by a supervisor that is still patient.
hound_server() {
	local server
	((revivals == 0)) || { hit_server lost && server_begin; }
	left_at=$(now_ms)
	for _ in 1 2 3; do
		server=$(server_child)
		kill -KILL "$server"
		((revivals += 1))
		wait_until "$PATIENCE" server_is_another "$server" || die 'the supervisor gave up'
	done
	kill -KILL "$(server_child)"
}

server_child() {
	pgrep -P "$(</run/fam/f.sock.supervisor)"
}

server_is_another() { # PID
	local server
	server=$(server_child) && [[ $server != "$1" ]]
}

# Each node's writer gets an answer, and those of the host are not concerned.
freeze_server() {
	frozen=$(server_is pid)
	kill -STOP "$frozen"
	rise 20 file served
	local -A told=()
	wait_until "$PATIENCE" nodes_are_told || die 'somebody waits for a server that stands still'
}

nodes_are_told() {
	local node
	for node in doorbell plain; do
		[[ -n ${told[$node]:-} ]] && continue
		vm_exec "$node" "cat /tmp/life* | tail -n +$((${known[$node]:-0} + 1)) | grep -q '^error 107 '" ||
			return
		told["$node"]=1
	done
}

mend_server() { # DEED
	case $1 in
	killed | hounded)
		# Its supervisor does it.
		((revivals += 1))
		wait_until "$PATIENCE" server_answers f || die 'the server does not come back'
		((revivals < REVIVALS)) || { hit_server lost && mend_server lost; }
		;;
	lost | stopped) server_begin ;;
	replaced) wait_until "$PATIENCE" is_replaced || die 'nobody took over' ;;
	frozen) kill -CONT "$frozen" ;;
	esac
	# shellcheck disable=SC2034 # as above
	away_ms=$(($(now_ms) - left_at))
}

# It refuses while the disk is busy.
is_replaced() {
	(($(server_is lives) > lives_before)) && return
	kill -USR2 "$(server_is pid)"
	return 1
}

hit_node() { # NODE DEED
	case $2 in
	killed) vm_kill "$1" ;;
	writer) vm_exec "$1" 'killall -9 fam-writer' ;;
	frozen)
		kill -STOP "${vm_pid[$1]}"
		# Which costs the others nothing.
		rise 100 "${WRITERS[@]/#$1/file}"
		;;
	esac
}

mend_node() { # NODE DEED
	case $2 in
	killed) node_boot "$1" && writer_begin "$1" ;;
	writer) writer_begin "$1" ;;
	frozen) kill -CONT "${vm_pid[$1]}" ;;
	esac
}

# All processes at once, as when the host's memory runs out.
hit_all() {
	left_at=$(now_ms)
	kill -KILL "$(server_is pid)" "$(</run/fam/f.sock.supervisor)" "${vm_pid[@]}" "${pid[@]}"
	wait "${pid[@]}" 2>/dev/null || true
	vm_kill doorbell
	vm_kill plain
}

mend_all() {
	local writer
	server_begin
	node_boot doorbell
	node_boot plain
	for writer in "${WRITERS[@]}"; do
		writer_begin "$writer"
	done
}

hit() { # OBJECT DEED
	hits["$*"]=$((${hits["$*"]:-0} + 1))
	case $1 in
	all) hit_all ;;
	server) hit_server "$2" ;;
	doorbell | plain) hit_node "$@" ;;
	*) kill -KILL "${pid[$1]}" && { wait "${pid[$1]}" || true; } 2>/dev/null ;;
	esac
}

mend() { # OBJECT DEED
	case $1 in
	all) mend_all ;;
	server) mend_server "$2" ;;
	doorbell | plain) mend_node "$@" ;;
	*) writer_begin "$1" ;;
	esac
}
