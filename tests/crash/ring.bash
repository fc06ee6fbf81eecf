# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of ring.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

# Messages of one producer.
count=${CRASH_COUNT:-200}

# A disk with a fabric and a durable ring in it, recorded from now on.
ring_up() {
	disk_up
	fabric f "$@"
	"$CRASH_TOOLS/fam-ringer" make "$mnt/f.fam"
	disk_record
}

# ringer DEED [ARGUMENT...]: in the background; sets $started.
ringer() {
	started fam-ringer "$1" "$mnt/f.fam" "$dir/marks" "${@:2}"
}

ring_loses() {
	ring_up --prepare
	"$CRASH_TOOLS/fam-ringer-lying" push "$mnt/f.fam" "$dir/marks" 0 60
	replay_by fam-ring-replay
	assert_lost
}

# Two push what one pops; at the end it stands still, as full as it gets.
ring_keeps() { # [OPTION of famctl create-fabric...]
	local popper
	ring_up "$@"
	ringer pop
	popper=$started
	ringer push 0 "$count"
	local first=$started
	ringer push 1 "$count"
	ended "$first" "$started"
	kill -TERM "$popper"
	ended "$popper"
	ringer push 2 0
	ended "$started"
	replay_by fam-ring-replay
	assert_kept
}

# Others go on where they were killed.
ring_survives() {
	local pusher popper
	ring_up --prepare
	ringer pop
	popper=$started
	ringer push 0 1000000
	pusher=$started
	marks_rise 30
	killed "$pusher"
	ringer push 1 1000000
	pusher=$started
	marks_rise 30
	killed "$popper"
	ringer pop
	popper=$started
	marks_rise 60
	killed "$pusher"
	killed "$popper"
	# Nobody is left: the next one finds out what is there.
	ringer push 2 "$count"
	pusher=$started
	ringer pop
	ended "$pusher"
	kill -TERM "$started"
	ended "$started"
	replay_by fam-ring-replay
	assert_kept
}
