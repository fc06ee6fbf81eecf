# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# A tm-server that the test starts itself, and what else it runs in the
# background. To be sourced by a .bats file, whose teardown() calls raw_end.

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/proc.bash"

server='' pids=()

# raw_serve SOCKET LOG OPTION...: sets $server, its PID.
raw_serve() {
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	"$FAM_BUILD/bin/tm-server" -p "$1" "${@:3}" 2>>"$2" </dev/null 3>&- &
	server=$!
	wait_until 10 test -S "$1.host"
}

# Ends the server and the processes in $pids, whatever state they are in.
raw_end() {
	local pid
	for pid in "${pids[@]}" ${server:+"$server"}; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	server='' pids=()
}
