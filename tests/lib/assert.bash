# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Running commands and judging what they did. To be sourced by a .bats file.
# Every failure prints what was wanted, what there was, and the command.

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/proc.bash"

FAM_BUILD=${FAM_BUILD:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build}

# What the last fam_run left.
output='' stderr='' status=0 fam_command=''

# Prints a failure with the last command's traces, and fails.
assert_failed() { # LINE...
	printf '%s\n' "$@"
	printf 'command: %s\nexit status: %s\n' "$fam_command" "$status"
	printf 'its output:\n%s\nits stderr:\n%s\n' "$output" "$stderr"
	return 1
} >&2

# fam_run [-STATUS] COMMAND...: runs COMMAND, sets $output, $stderr and $status;
# fails unless it ends with STATUS (default 0). Stdin is empty.
fam_run() {
	local expected=0 files=$BATS_TEST_TMPDIR/fam_run.$BASHPID
	if [[ $1 =~ ^-[0-9]+$ ]]; then
		expected=${1#-}
		shift
	fi
	printf -v fam_command '%q ' "$@"
	status=0
	"$@" >"$files.out" 2>"$files.err" </dev/null 3>&- || status=$?
	output=$(<"$files.out") stderr=$(<"$files.err")
	rm -f "$files.out" "$files.err"
	((status == expected)) || assert_failed "exit status: $expected was wanted"
}

# text_matches MODE TEXT PATTERN
text_matches() {
	case $1 in
	-r) [[ $2 =~ $3 ]] ;;
	-x) [[ $2 == "$3" ]] ;;
	*) [[ $2 == *"$3"* ]] ;;
	esac
}

# assert_text WHAT TEXT [-r|-x] PATTERN [REASON]
assert_text() {
	local what=$1 text=$2 mode=-l
	shift 2
	if [[ $1 == -r || $1 == -x ]]; then
		mode=$1
		shift
	fi
	text_matches "$mode" "$text" "$1" ||
		assert_failed "$what lacks: $1" "because: ${2:-the command must say so}"
}

# assert_output [-r|-x] PATTERN [REASON]: the output of the last fam_run contains
# the text, or matches the extended regular expression (-r), or is the text (-x).
assert_output() {
	assert_text output "$output" "$@"
}

# assert_stderr: the same for its stderr.
assert_stderr() {
	assert_text stderr "$stderr" "$@"
}

# refute_output, refute_stderr TEXT [REASON]: it does not contain the text.
refute_output() {
	[[ $output != *"$1"* ]] ||
		assert_failed "output contains: $1" "because: ${2:-it must not be there}"
}

refute_stderr() {
	[[ $stderr != *"$1"* ]] ||
		assert_failed "stderr contains: $1" "because: ${2:-it must not be there}"
}

# assert REASON COMMAND...: the command succeeds.
assert() {
	local reason=$1
	shift
	"$@" || assert_failed "not so: $reason" "tested by: $*"
}

# refute REASON COMMAND...: it fails.
refute() {
	local reason=$1
	shift
	! "$@" || assert_failed "not so: $reason" "tested by the failure of: $*"
}

# assert_json FILTER [REASON]: the output is one JSON document for which the jq
# expression is true.
assert_json() {
	requires_command jq
	local result
	result=$(jq -s -r "if length == 1 then .[0] | $1 else \"\(length) documents\" end" \
		<<<"$output" 2>&1) || true
	[[ $result == true ]] ||
		assert_failed "JSON: $1 is $result" "because: ${2:-the command must say so}"
}

# requires_root WHY, requires_command COMMAND: or skip. Not below fam_run, where
# the reason would be lost.
requires_root() {
	((EUID == 0)) || skip "needs root: $1"
}

requires_command() {
	command -v "$1" >/dev/null || skip "needs the command $1"
}

# snapshot DIRECTORY: all about the files below it, for comparison later: kind,
# mode, owner, size, time of the last change, links, content.
snapshot() {
	find "$1" -printf '%P %y %m %U:%G %s %T@ %n %l\n' | sort
	find "$1" -type f -size -65M -print0 | sort -z | xargs -0r sha256sum
}

# assert_unchanged DIRECTORY SNAPSHOT [REASON]
assert_unchanged() {
	local now
	now=$(snapshot "$1")
	[[ $now == "$2" ]] || assert_failed "'$1' has changed:" \
		"$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$now"))" \
		"because: ${3:-a refused command leaves everything as it was}"
}
