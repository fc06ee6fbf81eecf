# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of replay.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

# Commits of one writer.
count=${CRASH_COUNT:-200}

# Runs a writer and makes sure that it took the WAY that is to be tested.
by_way() { # WAY COMMAND...
	local way=$1
	shift
	output=$("$@") || die "writer: $output"
	[[ $output == "way $way"* ]] || die "not by way $way: $output"
	printf '%s\n' "$output"
}

host_loses() {
	disk_up
	fabric f
	disk_record
	writer --count 1000 --no-persist f
	replay
	assert_lost
	again
}

# The command that a bad cut ends with makes the same one again.
again() {
	local line once
	local -a words
	line=$(grep '^bad: ' <<<"$output" | tail -n 1)
	read -ra words <<<"${line#*again by: fam-replay }"
	once=$("$CRASH_TOOLS/fam-replay" "${words[@]}") && die "nothing is lost: $once"
	grep -qxF -- "$line" <<<"$once" || die "not the same again: $once"
}

# PREPARED is --prepare or '': how the fabric's space was made.
host_keeps() { # PREPARED WRITER-OPTION...
	disk_up
	fabric f ${1:+"$1"}
	disk_record
	by_way host writer --count $((count * 2)) "${@:2}" f
	replay
	assert_kept
}

# A node with fabric f and its server; with a window there is none.
node_up() { # PREPARED TRANSPORT [SERVER]
	disk_up
	fabric f ${1:+"$1"}
	[[ $2 == window ]] || server_start f "${@:3}"
	case $2 in
	doorbell) guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock" ;;
	plain) guest_start n1 -f "$mnt/f.fam" ;;
	window) guest_start n1 -o --flush=window -f "$mnt/f.fam" ;;
	esac
	disk_record
}

# Each WRITER-OPTIONS is a recording of its own, '' one without options.
guest_keeps() { # PREPARED TRANSPORT WRITER-OPTIONS...
	local way=mailbox text
	local -a options
	[[ $2 != window ]] || way=window
	node_up "$1" "$2"
	for text in "${@:3}"; do
		read -ra options <<<"$text"
		disk_record
		by_way "$way" guest_writer n1 --count "$count" "${options[@]}" f
		replay
		assert_kept
	done
}

# All at once, on pages of their own and on shared ones: each rides on what the
# others write back.
crowd_keeps() {
	local pid
	node_up --prepare doorbell
	guest_begin n1 one --area 0 --count "$count" f
	guest_begin n1 many --area 1 --threads 2 --group 5 --count "$count" f
	by_way host writer --area 3 --threads 3 --copy --count $((count * 3)) f &
	pid=$!
	guest_end n1 one
	guest_end n1 many
	wait "$pid"
	replay
	assert_kept
}

# Its end is not noticed: what was asked is asked again.
restart_keeps() {
	local signal
	node_up --prepare doorbell
	guest_begin n1 log --stop-on-error --pause 500 f
	for signal in KILL TERM KILL; do
		marks_rise 30
		server_stop "$signal"
		server_start f
	done
	marks_rise 30
	vm_exec n1 'killall fam-writer'
	output=$(guest_end n1 log)
	[[ $output == *"errors 0"* ]] || die "writer: $output"
	replay
	assert_kept
}

servers_lose() { # PROGRAM...
	local program
	node_up --prepare doorbell "$CRASH_TOOLS/$1"
	for program; do
		[[ $program == "$1" ]] || { server_stop KILL && server_start f "$CRASH_TOOLS/$program"; }
		disk_record
		by_way mailbox guest_writer n1 --count 200 f
		replay
		assert_lost
	done
}
