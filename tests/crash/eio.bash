# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of eio.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

host_pid=0

# Fabric f, its server, node n1, and writers that go on for ever: a program with
# one thread and one with two in the node, and one on the host.
busy_up() { # MKFS-OPTION...
	disk_up -t ext4 -- "$@"
	fabric f --prepare
	server_start f
	guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock"
	disk_record
	guest_begin n1 one --area 0 --pause 10000 f
	guest_begin n1 two --area 1 --pause 10000 --threads 2 --group 3 f
	writer --area 3 --pause 10000 f >"$dir/host.log" 2>&1 &
	host_pid=$!
	# Of each of them.
	wait_until 30 all_acknowledge || die 'not all writers commit'
}

all_acknowledge() {
	local area
	for area in 0 1 2 3; do
		grep -qaE "ack $area [0-9]+ [0-9]+" "$dir/tape" || return
	done
}

# Has each of them seen ERRNO N times more than COUNTS tells?
errors_of() { # ERRNO
	guest_errors one "$1"
	guest_errors two "$1"
	grep -c "^error $1 " "$dir/host.log" || true
}

guest_errors() { # LOG ERRNO
	vm_exec n1 "grep -c '^error $2 ' /tmp/$1 || true"
}

all_fail() { # TIMES COUNT...
	local -a now
	local i=0 before times=$1
	shift
	mapfile -t now < <(errors_of 5)
	for before; do
		((now[i] >= before + times)) || return
		((i += 1))
	done
}

# From now on every writer fails and none succeeds.
assert_all_fail() {
	local -a before
	local marks
	wait_until 30 all_fail 1 0 0 0 || die "a waiter got no error: $(errors_of 5 | xargs)"
	# A line of the node's serial port may have been under way till here.
	mapfile -t before < <(errors_of 5)
	marks=$(disk_count marks)
	wait_until 30 all_fail 3 "${before[@]}" || die "later calls do not fail"
	(($(disk_count marks) == marks)) || die "somebody had a success after the failure"
	refused
}

# commit WHO [OPTION...]: one commit more, in the node or on the host.
commit() {
	case $1 in
	node) guest_writer n1 --area 4 --count 1 --stop-on-error "${@:2}" f 2>&1 ;;
	host) writer --area 5 --count 1 --stop-on-error "${@:2}" f 2>&1 ;;
	esac
}

# Newcomers are refused, too, and everybody is told why.
refused() {
	local who rc
	for who in node host; do
		rc=0
		output=$(commit "$who") || rc=$?
		[[ $rc == 1 && $output == *"error 5 "* ]] ||
			die "a newcomer on the $who: status $rc, $output"
	done
	output=$(vm_exec n1 'fam persist --length 64 2>&1') && die 'fam persist succeeded'
	[[ $output == *"famctl clear-errors"* ]] || die "no next step: $output"
	output=$(famctl show-fabric "$mnt/f.fam" --json)
	[[ $(jq -r .failed <<<"$output") == EIO ]] || die "no mark shown: $output"
	(($(jq .failed_at <<<"$output") > 0)) || die "no time shown: $output"
}

accepted() {
	local who
	for who in node host; do
		output=$(commit "$who") || die "a commit on the $who: $output"
	done
	output=$(famctl show-fabric "$mnt/f.fam" --json)
	[[ $(jq -r .failed <<<"$output") == null ]] || die "a mark is shown: $output"
}

# The mark outlives the reason, the server and the server's sudden death.
assert_stays() {
	refused
	server_stop KILL
	server_start f
	refused
	server_stop TERM
	refused
	server_start f
	refused
}

# An operator ends it; the writers that waited all the time go on, but for those
# of the host, which may have lost stores of their own and are to be run anew.
assert_clears() {
	local marks
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) || die "clear-errors: $output"
	accepted
	marks=$(grep -caE 'ack [012] ' "$dir/tape")
	wait_until 30 node_goes_on "$marks" || die 'the node does not go on'
	kill "$host_pid"
	wait "$host_pid" || true
	vm_exec n1 'killall fam-writer'
	guest_end n1 one >/dev/null
	guest_end n1 two >/dev/null
	accepted
}

node_goes_on() { # MARKS
	(($(grep -caE 'ack [012] ' "$dir/tape") > $1 + 10))
}

# Without a journal, which would end the file system with the first failure.
flush_fails() {
	busy_up -O '^has_journal'
	disk fail flushes
	assert_all_fail
	disk heal
	assert_stays
	assert_clears
	replay
	assert_kept
}

# Where the fabric's data lie on the disk: its first and last byte.
data_range() {
	filefrag -v -b4096 "$mnt/f.fam" | awk '$1 ~ /^[0-9]+:$/ {
		gsub(/[.:]/, " ")
		if (!from || $4 < from) from = $4
		if ($5 > to) to = $5
	} END { print from * 4096, (to + 1) * 4096 }'
}

# One write that fails once: the kernel tells one caller and forgets it, and from
# then on the disk works. With a journal, which has no part in it.
write_fails() {
	local -a range
	busy_up
	read -ra range < <(data_range)
	((range[1] - range[0] >= 16 << 20)) || die "no place of the fabric: ${range[*]}"
	disk fail writes times 1 range "${range[@]}"
	assert_all_fail
	(($(disk_count failed) == 1)) || die 'the disk did not fail once'
	disk heal
	assert_stays
	assert_clears
	replay
	assert_kept
}

# A host program is the one that meets the failure; nodes must hear of it.
host_meets_it() {
	disk_up -t ext4 -- -O '^has_journal'
	fabric f --prepare
	server_start f
	guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock"
	disk_record
	accepted
	disk fail flushes times 1
	output=$(commit host) && die "no error: $output"
	refused
	disk heal
	# Nobody serves, but the mark is kept in the fabric.
	server_stop TERM
	refused
	# Nodes live on, so what the server left counts, too: the next one must clear.
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) && die "cleared: $output"
	[[ $output == *"famctl start-server"* ]] || die "no next step: $output"
	server_start f
	refused
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) || die "clear-errors: $output"
	accepted
	replay
	assert_kept
}

# A disk that goes on failing: the operator cannot talk it away.
disk_is_dead() {
	disk_up -t ext4 -- -O '^has_journal'
	fabric f --prepare
	server_start f
	guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock"
	disk_record
	accepted
	disk fail all
	output=$(commit node) && die "no error: $output"
	refused
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) && die "cleared: $output"
	[[ $output == *'disk still fails'* ]] || die "no reason: $output"
	refused
	disk heal
	output=$(famctl clear-errors "$mnt/f.fam" 2>&1) || die "clear-errors: $output"
	accepted
	replay
	assert_kept
}

# It only takes long, longer than a server may be silent: whoever waits, waits,
# and has success when the disk has.
disk_hangs() {
	local since host marks
	disk_up -t ext4 -- -O '^has_journal'
	fabric f --prepare
	server_start f
	guest_start n1 -d "$mnt/f.fam:/run/fam/f.sock"
	disk_record
	accepted
	marks=$(disk_count marks)
	# What is not in memory could not be read before the disk has answered: whoever
	# only stores to it would stand still as well.
	cat "$mnt/f.fam" >/dev/null
	disk delay 50000
	guest_begin n1 log --stop-on-error --count 1 --area 0 f
	wait_until 30 somebody_waits || die "the server does not say who waits:
$(famctl show-fabric "$mnt/f.fam"; vm_exec n1 'cat /tmp/log')"
	since=$SECONDS
	# Control socket, new peers: at once, while the disk hangs.
	peer_attaches || die 'no peer can attach'
	# A wait with a limit ends there.
	output=$(guest_writer n1 --area 1 --count 1 --group 1 --timeout 500 --stop-on-error f 2>&1) &&
		die "a wait ended early: $output"
	[[ $output == *'error 110 '* ]] || die "no time-out: $output"
	# Behind it stores to other pages may stop as well: its write of the inode waits,
	# and whoever is to note the time in that.
	commit host >"$dir/host.log" 2>&1 &
	host=$!
	wait_until 20 has_passed $((since + 9))
	server_answers f || die 'the server does not answer'
	! guest_says n1 log '^(end|error)' || die "the waiter: $(vm_exec n1 'cat /tmp/log')"
	proc_alive "$host" || die "the host's waiter: $(<"$dir/host.log")"
	(($(disk_count marks) == marks)) || die 'success came before the disk had answered'
	disk heal
	output=$(guest_end n1 log)
	[[ $output == *'end acks 1 errors 0'* ]] || die "the waiter: $output"
	wait "$host" || die "the host's waiter: $(<"$dir/host.log")"
	accepted
	replay
	assert_kept
}

has_passed() { # SECONDS
	((SECONDS >= $1))
}

somebody_waits() {
	(($(famctl show-fabric "$mnt/f.fam" --json | jq .waiting) > 0))
}

# Without a session: joining stores to the fabric, which may wait for the disk.
peer_attaches() {
	timeout 5 "$FAM_BUILD/bin/fam" --fabric server:f info >"$dir/peers" 2>&1 ||
		{ cat "$dir/peers" && return 1; }
}
