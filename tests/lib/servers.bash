# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# A fabric of the test's own and its server, for `cli`. To be sourced by a .bats
# file, whose setup() calls servers_setup and whose teardown() servers_teardown.

# shellcheck source=tests/lib/fabric.bash
source "${BASH_SOURCE[0]%/*}/fabric.bash"

# Sets $f, a fabric's name, $file, where it is, and $run, where its server's
# sockets are. Root's servers are all in one directory: the names must be ours.
servers_setup() {
	fabric_setup
	[[ -x $FAM_BUILD/bin/tm-server ]] || skip "there is no tm-server in the build tree"
	prefix=famt-$$-$BATS_TEST_NUMBER
	f=$prefix-f file=$dir/$prefix-f.fam run=/run/fam
	if ((EUID != 0)); then
		export XDG_RUNTIME_DIR=$dir
		run=$dir/fam
	fi
	make_fabric "$f"
}

# Ends everything of this test's servers, whatever state they are in.
servers_teardown() {
	local lock pid
	if [[ -n ${prefix:-} ]]; then
		for pid in $(server_pids "$prefix"); do
			kill -CONT "$pid" 2>/dev/null || true
		done
		for lock in "$run/$prefix"*.sock.supervisor; do
			[[ -s $lock ]] && proc_end "$(<"$lock")"
		done
		for pid in $(server_pids "$prefix"); do
			proc_end "$pid"
		done
		rm -f "$run/$prefix"*
	fi
	fabric_teardown
}

server_pids() { # TEXT
	local pid words
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		words=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || continue
		[[ ${words%% *} == */tm-server && $words == *"$1"* ]] && printf '%s\n' "$pid"
	done
	return 0
}

# of FILTER: of the row of server $f.
of() {
	famctl list-servers --json | jq -r ".[] | select(.name == \"$f\") | $1"
}

is() { # FILTER VALUE
	[[ $(of "$1") == "$2" ]]
}

# What is left in the runtime directory beside the log.
left() {
	find "$run" -name "$prefix*" ! -name '*.log' | sort
}
