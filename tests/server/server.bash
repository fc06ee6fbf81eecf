# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Servers, peers and guests for the tests of tm-server. Everything a test makes
# lies in $WORK and is gone after server_teardown, which fails if it was not.

: "${FAM_BUILD:=$PWD/build}"
tm_server=$FAM_BUILD/bin/tm-server
tools=$FAM_BUILD/tests
status=0 output='' # set by run
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}

server_setup() {
	WORK=$(mktemp -d /tmp/fam-srv.XXXXXX)
	SOCK=$WORK/iv.sock
	PIDS=()
	cd "$WORK" || return 1
}

server_teardown() {
	local pid left=0
	for pid in "${PIDS[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	# not all children: the time limit of bats is one of them
	((${#PIDS[@]} == 0)) || wait "${PIDS[@]}" 2>/dev/null
	if [[ ${BATS_TEST_COMPLETED:-} != 1 ]]; then
		tail -n 40 "$WORK"/*.log "$WORK"/*.out 2>/dev/null | sed 's/^/# /' >&3 || true
	fi
	cd / && rm -rf "$WORK"
	for pid in "${PIDS[@]}"; do
		gone "$pid" || left=1
	done
	return $left
}

# Until COMMAND succeeds, at most $DEADLINE seconds.
wait_for() { # COMMAND...
	local end=$((SECONDS + ${DEADLINE:-20}))
	until "$@"; do
		if ((SECONDS >= end)); then
			printf 'gave up waiting for: %s\n' "$*"
			return 1
		fi
		sleep 0.02
	done
}

fail() { # TEXT...
	printf '%s\n' "$*"
	return 1
}

# Runs a command that must end with STATUS; its output is in $output.
expect() { # STATUS COMMAND...
	local want=$1
	shift
	run "$@"
	if ((status != want)); then
		fail "exit status $status, not $want, of: $*" "$output"
	fi
}

output_has() { # TEXT
	[[ $output == *"$1"* ]] || fail "no '$1' in: $output"
}

# The numbered server; more than one can run.
start_server() { # OPTION...
	"$tm_server" -p "$SOCK" "$@" 2>>"$WORK/server.log" 3>&- &
	SERVER=$!
	PIDS+=("$SERVER")
	wait_for server_answers
}

server_answers() {
	"$tools/fam-ctl" "$SOCK.ctl" status >/dev/null 2>&1
}

# One value of the server's status.
server_status() { # KEY
	"$tools/fam-ctl" "$SOCK.ctl" status | awk -v key="$1" \
		'$1 == key { print $2; exit }'
}

status_is() { # KEY VALUE
	[[ $(server_status "$1") == "$2" ]]
}

gone() { # PID
	! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1") == Z* ]]
}

# Ends a child and checks its exit status.
stop_server() { # [SIGNAL [STATUS]]
	kill -"${1:-TERM}" "$SERVER"
	wait_for gone "$SERVER"
	local got=0
	wait "$SERVER" || got=$?
	((got == ${2:-0})) || fail "server ended with $got"
}

# A sanitizer's memory is not the server's.
instrumented() {
	grep -q -e asan -e tsan "/proc/$SERVER/maps" ||
		nm "$tm_server" 2>/dev/null | grep -q -e __asan_init -e __tsan_init
}

fds_of() { # PID
	local -a fds=(/proc/"$1"/fd/*)
	printf '%d\n' "${#fds[@]}"
}

rss_kib() { # PID
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

# A peer named NAME: commands through a pipe, what it says in NAME.out.
start_peer() { # NAME COMMAND...
	local name=$1 fd
	shift
	mkfifo "$WORK/$name.in"
	"$@" <"$WORK/$name.in" >"$WORK/$name.out" 2>"$WORK/$name.err" 3>&- &
	printf -v "pid_$name" '%d' "$!"
	PIDS+=("$!")
	exec {fd}>"$WORK/$name.in"
	printf -v "fd_$name" '%d' "$fd"
}

attach() { # NAME DIALECT [VECTORS]
	local path=$SOCK
	[[ $2 == host ]] && path=$SOCK.host
	start_peer "$1" "$tools/fam-client" "$2" "$path" "${3:-1}"
	wait_for says "$1" complete
}

says() { # NAME LINE
	grep -qx -- "$2" "$WORK/$1.out"
}

says_times() { # NAME LINE TIMES
	[[ $(grep -cx -- "$2" "$WORK/$1.out") == "$3" ]]
}

tell() { # NAME LINE
	local -n peer_fd=fd_$1
	printf '%s\n' "$2" >&"$peer_fd"
}

answers='^(done|rang|silence|size|word|fds|no doorbell|failed|id|what)'

answered() { # NAME COUNT
	(($(grep -cE "$answers" "$WORK/$1.out") > $2))
}

# What NAME answers to LINE, on stdout.
ask() { # NAME LINE
	local before
	before=$(grep -cE "$answers" "$WORK/$1.out")
	tell "$1" "$2"
	wait_for answered "$1" "$before" || return 1
	grep -E "$answers" "$WORK/$1.out" | tail -n 1 | tr -d '\r'
}

asked() { # NAME LINE ANSWER
	local answer
	answer=$(ask "$1" "$2")
	[[ $answer == "$3" ]] || fail "$1: '$2' gave '$answer', not '$3'"
}

id_of() { # NAME
	awk '$1 == "self" { print $2; exit }' "$WORK/$1.out"
}

detach() { # NAME
	local -n peer_pid=pid_$1
	kill -KILL "$peer_pid"
	wait_for gone "$peer_pid"
}

# A real QEMU with one ivshmem-doorbell device; answers like a client.
start_guest() { # NAME VECTORS [QEMU-OPTION...]
	local name=$1 vectors=$2
	shift 2
	start_peer "$name" qemu-system-x86_64 -machine q35,accel=tcg \
		-smp 1,maxcpus=2 -m 128 -nodefaults -display none -no-user-config \
		-serial stdio -kernel "$(kernel)" \
		-initrd "$tools/server-guest.cpio" \
		-append 'console=ttyS0 quiet panic=-1 tsc=unstable no_timer_check' \
		-chardev socket,path="$SOCK",id=fabric \
		-device ivshmem-doorbell,chardev=fabric,vectors="$vectors" "$@"
}

# A kernel for guests; where install-deps put one, none is in /boot.
kernel() {
	local -a found=("$FAM_BUILD"/share/fam/kernel/boot/vmlinuz-* /boot/vmlinuz-*-cloud-amd64
		/boot/vmlinuz-*)
	printf '%s\n' "${found[@]}" | xargs -d '\n' ls -d 2>/dev/null | head -n 1
}

guest_ready() { # NAME [TIMES]
	[[ $(tr -d '\r' <"$WORK/$1.out" | grep -cx READY) == "${2:-1}" ]]
}
