# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of told.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/eio.bash
declare -F data_range >/dev/null || source "${BASH_SOURCE[0]%/*}/eio.bash"

readonly place=$((4 << 20))

# tells LINE PATTERN: what the client on the mapped file answers.
tells() {
	local answer=''
	printf '%s\n' "$1" >&"${client[1]}"
	read -r -t 30 answer <&"${client[0]}" || die "no answer to '$1'"
	# shellcheck disable=SC2053 # a pattern it is
	[[ $answer == $2 ]] || die "'$1' gave '$answer', not '$2'"
}

# Until disk_goes_on, or the end: nothing could be taken down otherwise.
disk_hangs() {
	trap 'end_of_hanging $?' EXIT
	kill -STOP "$disk_pid"
}

end_of_hanging() { # STATUS
	disk_goes_on
	crash_down "$1"
}

disk_goes_on() {
	kill -CONT "$disk_pid"
}

# Is a thread of the server inside the kernel, where the disk keeps it?
server_is_stuck() {
	grep -qE '\) D ' "/proc/$server_pid"/task/*/stat
}

on_disk() { # WORD
	[[ $(dd if="$mnt/f.fam" iflag=direct bs=4096 skip=$((place / 4096)) count=1 \
		status=none | od -An -t u8 -N 8 | tr -d ' ') == "$1" ]]
}

commit_word() { # WORD
	tells "poke $place $1" poked
	tells "post $place 8" 'posted *'
	tells 'wait 20000' 'done *'
	on_disk "$1" || die "acknowledged, and not on the disk: $1"
}

# The disk hangs, the server is killed, and only then does the disk say that the
# write has failed: to nobody, and the kernel takes the page for written.
as_it_is_told() {
	local -a range
	disk_up -t ext4
	fabric f --prepare
	server_start f
	read -ra range < <(data_range)
	coproc client { "$CRASH_TOOLS/fam-flush" "$mnt/f.fam"; }
	tells claim 'slot *'
	commit_word 1111
	disk fail writes times 1 range "${range[@]}"
	tells "poke $place 2222" poked
	disk_hangs
	tells "post $place 8" 'posted *'
	wait_until 20 server_is_stuck || die 'the server does not write'
	kill -KILL "$server_pid"
	disk_goes_on
	wait "$server_pid" || true
	(($(disk_count failed) == 1)) || die 'no write has failed'
	disk heal
	on_disk 1111 || die 'the write has not failed'
	server_start f
	tells 'wait 20000' lost
	tells claim 'slot *'
	tells "post $place 8" 'posted 1'
	tells 'wait 20000' 'done 1'
	on_disk 2222 || die 'acknowledged, and not on the disk'
	# and so it is with a program that takes over
	commit_word 3333
	kill -USR2 "$server_pid"
	wait_until 20 is_taken_over || die 'no take-over'
	tells claim 'slot *'
	commit_word 4444
	server_stop TERM
}

# The server's open file is told late of what a program of the host has met. It is
# known, and cleared.
as_it_is_cleared() {
	local -a range
	disk_up -t ext4
	fabric f --prepare
	server_start f
	read -ra range < <(data_range)
	coproc client { "$CRASH_TOOLS/fam-flush" "$mnt/f.fam"; }
	tells claim 'slot *'
	commit_word 1111
	disk fail writes times 1 range "${range[@]}"
	output=$(commit host) && die "no error: $output"
	disk heal
	(($(disk_count failed) == 1)) || die 'not one write has failed'
	tells "post $place 8" 'posted *'
	tells 'wait 20000' 'failed -5'
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) || die "clear-errors: $output"
	tells claim 'slot *'
	commit_word 2222
	output=$(famctl show-fabric "$mnt/f.fam" --json)
	[[ $(jq -r .failed <<<"$output") == null ]] || die "marked again: $output"
	# A new one is told.
	disk fail writes times 1 range "${range[@]}"
	tells "poke $place 3333" poked
	tells "post $place 8" 'posted *'
	tells 'wait 20000' 'failed -5'
	disk heal
	server_stop TERM
}

# With a journal that cannot be written, nobody can store to a page of the file
# that is clean: not the server either, which has to say that it lives.
while_nothing_can_be_stored() {
	disk_up -t ext4
	# Who reads would store the time of it.
	mount -o remount,noatime "$mnt"
	fabric f --prepare
	server_start f
	coproc client { "$CRASH_TOOLS/fam-flush" "$mnt/f.fam"; }
	tells claim 'slot *'
	commit_word 1111
	tells "poke $place 2222" poked
	disk_hangs
	tells "post $place 8" 'posted *'
	wait_until 20 server_is_stuck || die 'the server does not write'
	# What is dirty is under way from here on, the mailbox with it.
	sync --file-system "$mnt" &
	# The journal follows within 5 seconds.
	wait_until 30 two_are_stuck || die 'the journal does not hang'
	peer_attaches || die 'no peer can attach'
	timeout 5 "$CRASH_TOOLS/fam-ctl" /run/fam/f.sock.ctl status >/dev/null ||
		die 'the control socket is silent'
	disk_goes_on
	tells 'wait 20000' 'done *'
	on_disk 2222 || die 'acknowledged, and not on the disk'
	server_stop TERM
}

# The thread that syncs, and the one that says so.
two_are_stuck() {
	(($(cat "/proc/$server_pid"/task/*/stat | grep -cE '\) D ') >= 2))
}

is_taken_over() {
	local status
	status=$("$CRASH_TOOLS/fam-ctl" /run/fam/f.sock.ctl status) &&
		grep -qE '^lives [1-9]' <<<"$status"
}
