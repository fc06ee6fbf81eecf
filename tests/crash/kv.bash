# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of kv.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

# Changes of each program.
count=${CRASH_COUNT:-150}

# A disk with a fabric, and an empty store in it; recorded from now on.
kv_up() {
	disk_up
	regions=960 fabric f "$@"
	"$CRASH_TOOLS/fam-kv-user" make "$mnt/f.fam"
	disk_record
}

# kv_user P FIRST COUNT: in the background; sets $started.
kv_user() {
	started fam-kv-user put "$mnt/f.fam" "$dir/marks" "$@"
}

kv_replay() {
	replay_by fam-kv-replay ${KV_CUTS:+--cuts "$KV_CUTS"}
}

kv_loses() {
	kv_up --prepare
	"$CRASH_TOOLS/fam-kv-user-lying" put "$mnt/f.fam" "$dir/marks" 0 1 60
	kv_replay
	assert_lost
}

# Three at once, each with keys of its own.
kv_keeps() { # [OPTION of famctl create-fabric...]
	local -a pids=()
	local p
	kv_up "$@"
	for p in 0 1 2; do
		kv_user "$p" 1 "$count"
		pids+=("$started")
	done
	ended "${pids[@]}"
	kv_replay
	assert_kept
}

# Others go on where they were killed.
kv_survives() {
	local round victim other
	kv_up --prepare
	kv_user 1 1 1000000
	other=$started
	for round in 1 2 3 4 5; do
		kv_user 0 "${round}0000" 1000000
		victim=$started
		marks_rise $((20 + RANDOM % 20))
		killed "$victim"
	done
	marks_rise 20
	killed "$other"
	kv_user 2 1 30
	ended "$started"
	kv_replay
	assert_kept
}

# A node and a program of the host share the store, each with its way to the disk.
kv_shared() { # TRANSPORT
	disk_up
	regions=960 fabric f --prepare
	"$CRASH_TOOLS/fam-kv-user" make "$mnt/f.fam"
	server_start f
	case $1 in
	doorbell) guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock" ;;
	plain) guest_start n1 -f "$mnt/f.fam" ;;
	*) die "no such transport: $1" ;;
	esac
	disk_record
	kv_user 0 1 "$count"
	vm_exec -t 120 n1 "fam-kv-user put '' /dev/ttyS2 1 1 $count"
	ended "$started"
	kv_replay
	assert_kept
}
