# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Processes, waiting, other users. To be sourced.

# Prints why and fails: "CONDITION || die WHY".
die() {
	printf '%s\n' "$*" >&2
	return 1
}

# wait_until SECONDS COMMAND...: runs COMMAND until it succeeds or time is up.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# Is the process alive? One that has ended but was not waited for is not.
proc_alive() { # PID
	local state
	state=$(ps -o state= -p "$1" 2>/dev/null) && [[ $state != Z* ]]
}

proc_gone() { # PID
	! proc_alive "$1"
}

proc_stopped() { # PID
	[[ $(ps -o state= -p "$1") == T* ]]
}

# Lists processes with TEXT on their command lines, but not this one's family.
proc_with() { # TEXT
	local pid words
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		((pid == $$ || pid == BASHPID || pid == PPID)) && continue
		words=$({ tr "\0" " " <"/proc/$pid/cmdline"; } 2>/dev/null) || continue
		[[ $words == *qemu-system* || $words == *libvirtd* || $words == *virtlogd* ||
			$words == *famctl* ]] || continue
		[[ $words == *"$1"* ]] && printf '%s %s\n' "$pid" "$words"
	done
	return 0
}

# Ends a process: SIGTERM, and SIGKILL after SECONDS (default 10).
proc_end() { # PID [SECONDS]
	kill -TERM "$1" 2>/dev/null || return 0
	wait_until "${2:-10}" proc_gone "$1" && return 0
	kill -KILL "$1" 2>/dev/null || true
	wait_until 5 proc_gone "$1"
}

# A directory every user can reach, unlike those of mktemp and bats.
public_dir() { # NAME
	local dir
	dir=$(mktemp -d "${FAM_TEST_DIR:-/var/tmp}/$1.XXXXXX") &&
		chmod 755 "$dir" && printf '%s\n' "$dir"
}

# The unprivileged account that tests run as; every Debian has it.
FAM_USER=games

# user_home: makes a home for FAM_USER and prints its path.
user_home() {
	local dir
	dir=$(public_dir fam-home) || return
	mkdir -m 700 "$dir/run" "$dir/data" "$dir/config" "$dir/cache" "$dir/state" &&
		chown -R "$FAM_USER:" "$dir" && printf '%s\n' "$dir"
}

# as_user HOME COMMAND...: runs it as FAM_USER, with nothing of the caller's.
as_user() {
	local home=$1
	shift
	# The daemons libvirt starts itself must not keep bats waiting.
	setpriv --reuid "$FAM_USER" --regid "$FAM_USER" --clear-groups \
		env -i -C "$home" PATH="$PATH:/usr/sbin:/sbin" HOME="$home" LC_ALL=C.UTF-8 \
		USER="$FAM_USER" LOGNAME="$FAM_USER" XDG_RUNTIME_DIR="$home/run" \
		XDG_DATA_HOME="$home/data" XDG_CONFIG_HOME="$home/config" \
		XDG_CACHE_HOME="$home/cache" XDG_STATE_HOME="$home/state" "$@" 3>&- 4>&-
}

# Ends what libvirt started for that user and removes the home.
user_end() { # HOME
	local home=$1 file pid
	[[ -d $home ]] || return 0
	for file in "$home"/run/libvirt/*/run/*.pid "$home"/run/libvirt/*.pid; do
		[[ -s $file ]] && pid=$(<"$file") && proc_end "$pid"
	done
	rm -rf "$home"
}

# expect STATUS [TEXT...]: what `run` must have left in $status and $output.
expect() {
	local text
	# shellcheck disable=SC2154 # set by `run`
	[[ $status == "$1" ]] || die "exit status $status instead of $1: $output" || return
	shift
	for text; do
		[[ $output == *"$text"* ]] || die "no '$text' in: $output" || return
	done
}
