# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # for, and from, who loads it
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Workers of nodes and of the host that change one fabric at once, and die.
# $program: fam-x-stress; $fabric: its file, in $disk; $until: when they are to end.

soak_begin() { # PROGRAM BYTES
	load ../lib/assert
	load ../lib/raw-server
	load ../lib/vm
	program=$1
	disk=$(public_dir fam-soak)
	fabric=$disk/f.fam socket=$BATS_TEST_TMPDIR/s
	famctl create-fabric "$2" f --path "$fabric" >/dev/null
	raw_serve "$socket" "$BATS_TEST_TMPDIR/server.log" -f "$fabric" -n 2
	host=() kills=0 until=0
}

soak_end() {
	local pid
	for pid in "${host[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	raw_end
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$BATS_TEST_TMPDIR"/*.{log,txt} >&2
	vm_teardown
	rm -rf "$disk"
}

seconds_left() {
	local left=$((until - SECONDS))
	printf '%d\n' "$((left > 0 ? left : 0))"
}

# The words of a worker; its successor has the same number and model.
work() { # ID MODEL
	printf 'work --id %s --model %s --seed %s --seconds %s' "$1" "$2" "$RANDOM" "$(seconds_left)"
}

# --- workers of the host ------------------------------------------------------------------

host_work() { # ID
	# shellcheck disable=SC2046 # several words
	"$FAM_BUILD/tests/$program" $(work "$1" "$BATS_TEST_TMPDIR/model.$1") "$fabric" \
		>>"$BATS_TEST_TMPDIR/host.$1.txt" 2>&1 </dev/null 3>&- &
	host[$1]=$!
}

host_kill() { # ID
	local rc=0
	kill -KILL "${host[$1]}" 2>/dev/null || true
	wait "${host[$1]}" || rc=$?
	((rc == 137 || rc == 0)) || die "worker $1 of the host had ended with $rc"
	host_work "$1"
}

host_end() { # ID
	local rc=0
	wait_until 90 proc_gone "${host[$1]}" || die "worker $1 of the host does not end"
	wait "${host[$1]}" || rc=$?
	((rc == 0)) || die "worker $1 of the host ended with $rc"
	unset "host[$1]"
}

# --- workers of nodes ---------------------------------------------------------------------

node_work() { # NODE ID
	vm_exec "$1" "rm -f /tmp/rc; { $program $(work "$2" /tmp/model) ''
		echo \$? >/tmp/rc.new; mv /tmp/rc.new /tmp/rc; } >>/tmp/out 2>&1 </dev/null &"
}

node_rc() { # NODE STATUS...: it has ended, with one of these
	local node=$1 rc
	shift
	ended() { vm_exec "$node" 'test -s /tmp/rc'; }
	wait_until 90 ended || die "the worker of node $node does not end"
	rc=$(vm_exec "$node" 'cat /tmp/rc')
	[[ " $* " == *" $rc "* ]] ||
		die "the worker of node $node ended with $rc: $(vm_exec "$node" 'tail -n 20 /tmp/out')"
}

node_kill() { # NODE ID
	vm_exec "$1" "kill -KILL \$(pidof $program) 2>/dev/null; true"
	node_rc "$1" 137 0
	node_work "$@"
}

# A second at most, by the dice.
soak_pause() {
	local next=$((${EPOCHREALTIME/[.,]/} + RANDOM * 30))
	passed() { ((${EPOCHREALTIME/[.,]/} >= next)); }
	wait_until 20 passed
}
