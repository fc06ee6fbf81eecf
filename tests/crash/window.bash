# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of window.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/eio.bash
source "${BASH_SOURCE[0]%/*}/eio.bash"

# Two nodes with windows, n1 and n2.
nodes_up() { # MKFS-OPTION...
	local node
	disk_up -t ext4 -- "$@"
	fabric f --prepare
	for node in n1 n2; do
		guest_start "$node" -o --flush=window -f "$mnt/f.fam"
	done
	disk_record
	all_commit || die "a healthy disk: $output"
}

# commit_by WHO: one commit more, in a node or on the host.
commit_by() {
	local -a once=(--count 1 --stop-on-error f)
	case $1 in
	n1) guest_writer n1 --area 0 "${once[@]}" 2>&1 ;;
	n2) guest_writer n2 --area 1 "${once[@]}" 2>&1 ;;
	host) writer --area 2 "${once[@]}" 2>&1 ;;
	esac
}

all_commit() {
	local who
	for who in n1 n2 host; do
		output=$(commit_by "$who") || return
	done
}

# The kernel tells of a failed write to each open file once, and each emulator has
# one: a node may hear of it only after it was cleared, and then all know again.
cleared() {
	local i
	for i in n1 n2 host; do
		output=$(famctl clear-errors "$mnt/f.fam" 2>&1) || die "clear-errors: $output"
		all_commit && return
		[[ $output == *"error 5 "* ]] || die "after $i: $output"
	done
	die "it does not end: $output"
}

none_commits() { # WHO...
	local who rc
	for who; do
		rc=0
		output=$(commit_by "$who") || rc=$?
		[[ $rc == 1 && $output == *"error 5 "* ]] || die "on $who: status $rc, $output"
	done
}

# The node that met the failure told the others through the fabric.
failure_is_known() {
	none_commits n1
	(($(disk_count failed) > 0)) || die 'the disk did not fail'
	disk heal
	none_commits n1 n2 host
	output=$(famctl show-fabric "$mnt/f.fam" --json)
	[[ $(jq -r .failed <<<"$output") == EIO ]] || die "no mark shown: $output"
	cleared
	replay
	assert_kept
}

# Without a journal, which would end the file system with the first failure.
flush_fails_by_window() {
	nodes_up -O '^has_journal'
	disk fail flushes times 1
	failure_is_known
}

write_fails_by_window() {
	local -a range
	nodes_up
	read -ra range < <(data_range)
	((range[1] - range[0] >= 16 << 20)) || die "no place of the fabric: ${range[*]}"
	disk fail writes times 1 range "${range[@]}"
	failure_is_known
}
