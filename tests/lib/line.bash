# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Speaks to fam-init's command loop over a serial line; see fam-init(8). The
# line is a pair of open descriptors, which may be the same. To be sourced.

# What line_run and those above it return beside a command's own status.
LINE_TIMEOUT=124 LINE_DEAD=125

# line_read FD DEADLINE ALIVE...: sets $line to the next line. Fails with 1 when
# SECONDS passes DEADLINE and with 2 when the command ALIVE fails.
line_read() {
	local fd=$1 deadline=$2 part rc
	shift 2
	line=
	while :; do
		rc=0
		IFS= read -r -t 0.5 -u "$fd" part 2>/dev/null || rc=$?
		line+=$part
		if ((rc == 0)); then
			line=${line%$'\r'}
			return 0
		fi
		((rc > 128)) || return 2 # hung up
		"$@" || return 2
		((SECONDS < deadline)) || return 1
	done
}

# line_ready IN OUT SECONDS ALIVE...: waits for the loop. On a console, the shell
# is told to become the loop, again and again, since a guest that still boots
# does not hear it.
line_ready() {
	local in=$1 out=$2 deadline=$((SECONDS + $3)) line rc
	shift 3
	while :; do
		[[ $in != "$out" ]] || printf '\nexec /init exec\n' >&"$in"
		while :; do
			rc=0
			line_read "$out" $((SECONDS + 1)) "$@" || rc=$?
			((rc == 0)) || break
			[[ $line != "fam-init: ready "* ]] || return 0
		done
		((rc == 1)) || return "$LINE_DEAD"
		((SECONDS < deadline)) || return "$LINE_TIMEOUT"
	done
}

# Prints a command's output up to its end; returns its status.
line_output() { # OUT DEADLINE TOKEN ALIVE...
	local out=$1 deadline=$2 token=$3 line rc begun=0 held=
	shift 3
	while :; do
		rc=0
		line_read "$out" "$deadline" "$@" || rc=$?
		((rc != 1)) || return "$LINE_TIMEOUT"
		((rc != 2)) || return "$LINE_DEAD"
		case $line in
		"fam-init: begin $token "*)
			begun=1
			;;
		"fam-init: exit $token "*)
			# The loop puts an empty line before its own.
			((begun == 1)) || [[ -z $held ]] || printf '%s\n' "$held"
			return "${line##* }"
			;;
		*)
			((begun)) || continue
			((begun == 1)) || printf '%s\n' "$held"
			held=$line begun=2
			;;
		esac
	done
}

# line_run IN OUT SECONDS COMMAND ALIVE...: runs a shell command in the guest.
line_run() {
	local LC_ALL=C # lengths are in bytes
	local in=$1 out=$2 deadline=$((SECONDS + $3)) command=$4
	local token=t$BASHPID.$RANDOM
	shift 4
	printf 'run %s %d\n%s' "$token" "${#command}" "$command" >&"$in" || return "$LINE_DEAD"
	line_output "$out" "$deadline" "$token" "$@"
}
