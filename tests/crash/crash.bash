# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# A disk that is recorded and fails on demand, with a file system, fabrics,
# servers and guests on it; cuts of its power. Sourced by `alone`, in which the
# functions of the tests run. What they say is shown if the test fails.

# shellcheck source=tests/lib/vm.bash
source "${BASH_SOURCE[0]%/*}/../lib/vm.bash"
PATH=$PATH:/usr/sbin:/sbin
readonly CRASH_TOOLS=$FAM_BUILD/tests

# Makes a run again as it was: printed by each one, taken from the environment.
seed=${FAM_SEED:-$((RANDOM << 15 | RANDOM))}

dir='' mnt='' fs='' disk_pid=0 loop='' server_pid=0 started=0 status=0 output=''

# Skips the test, visibly, where this machine cannot do it. To be called by bats.
crash_requires() {
	local command type
	((EUID == 0)) || skip "needs root: loop devices and mounts"
	for command in unshare losetup filefrag; do
		type -P "$command" >/dev/null || skip "needs the command $command"
	done
	for type in ${CRASH_FS:-ext4}; do
		type -P "mkfs.$type" >/dev/null || skip "needs the command mkfs.$type"
	done
	[[ -w /dev/fuse ]] || skip "needs /dev/fuse, for the recorded disk"
	[[ -w /dev/loop-control ]] || skip "needs loop devices"
	unshare --mount --pid --fork --mount-proc true 2>/dev/null ||
		skip "needs name spaces of mounts and processes"
}

# alone FUNCTION [ARGUMENT...]: runs a function of the .bash file beside the test.
alone() {
	# What bats sends when a test takes too long does not reach that world.
	timeout --signal=KILL $((BATS_TEST_TIMEOUT - 5)) "$BATS_TEST_DIRNAME/alone" \
		"${BATS_TEST_FILENAME%.bats}.bash" "$@" 3>&- 4>&-
}

# each FUNCTION [ARGUMENT...]: alone, on each file system that is asked for.
each() {
	local type
	for type in ${CRASH_FS:-ext4}; do
		CRASH_FS=$type alone "$@"
	done
}

# Where the disk is kept: in this world's own memory, if there is enough, so that
# it is quick, the machine's disk has no part in it, and nothing is ever left.
crash_place() {
	local free
	free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	if ((free > 3 << 20)); then
		printf '/run\n'
	else
		printf '%s\n' "${FAM_TEST_DIR:-/var/tmp}"
	fi
}

# disk_up [-t TYPE] [-s MIB] [-- MKFS-OPTION...]: a disk with a file system, $mnt.
disk_up() {
	local OPTIND=1 opt type=${CRASH_FS:-ext4} mib=64
	while getopts t:s: opt; do
		case $opt in
		t) type=$OPTARG ;;
		s) mib=$OPTARG ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	# mkfs.xfs makes no smaller ones.
	[[ $type != xfs ]] || mib=320
	dir=$(mktemp -d "$(crash_place)/fam-crash.XXXXXX")
	mnt=$dir/mnt fs=$type
	mkdir "$dir/fuse" "$mnt"
	printf 'seed %s\n' "$seed"
	: >"$dir/disk.log"
	"$CRASH_TOOLS/fam-disk" "$dir" "$mib" "$dir/fuse" >"$dir/disk.log" 2>&1 &
	disk_pid=$!
	wait_until 10 grep -qx ready "$dir/disk.log" || die "no disk: $(<"$dir/disk.log")"
	loop=$(losetup --direct-io=on --find --show "$dir/fuse/disk")
	disk_format "$@"
	mount "$loop" "$mnt"
	# From now on it goes when the last mount of it does.
	losetup --detach "$loop"
}

disk_format() {
	case $fs in
	ext4) mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$@" "$loop" ;;
	xfs) mkfs.xfs -q -f "$@" "$loop" ;;
	*) die "no such file system: $fs" ;;
	esac
}

# disk COMMAND...: tells the disk; see disk.c.
disk() {
	"$CRASH_TOOLS/fam-disk" tell "$dir" "$@"
}

# disk_count KEY: one of its counts.
disk_count() {
	disk stats | tr ' ' '\n' | sed -n "/^$1\$/{n;p}"
}

# From now on all that reaches the disk is on the tape.
disk_record() {
	sync --file-system "$mnt"
	disk record >/dev/null
}

# fabric NAME [OPTION...]: a fabric on the disk, $mnt/NAME.fam; $regions: how many
# it can have, if any. Else all is data, which is just enough for the writers.
fabric() {
	famctl create-fabric 16M "$1" --path "$mnt/$1.fam" --regions "${regions:-0}" \
		"${@:2}" >/dev/null
}

# server_start NAME [PROGRAM]: a server of a fabric, where famctl finds it; sets
# $server_pid.
server_start() {
	local program=${2:-$FAM_BUILD/bin/tm-server}
	"$program" -f "$mnt/$1.fam" -p "/run/fam/$1.sock" >>"$dir/server.log" 2>&1 &
	server_pid=$!
	wait_until 20 server_answers "$1" || die "no server: $(<"$dir/server.log")"
}

server_answers() { # NAME
	"$CRASH_TOOLS/fam-ctl" "/run/fam/$1.sock.ctl" status >/dev/null 2>&1
}

# server_stop [SIGNAL]: ends it, and waits until it has ended.
server_stop() {
	kill "-${1:-TERM}" "$server_pid"
	wait "$server_pid" || true
}

# writer [OPTION...] NAME: a program of the host commits to a fabric.
writer() {
	"$CRASH_TOOLS/fam-writer" --ack "$dir/marks" --seed "$seed" "${@:1:$#-1}" "$mnt/${!#}.fam"
}

# guest_start NODE [OPTION of vm_start...]: a guest with fam-writer in it, whose
# third serial port leads to the tape.
guest_start() {
	vm_start -b "$CRASH_BUNDLE" -q -chardev -q "socket,id=marks,path=$dir/marks" \
		-q -serial -q chardev:marks "${@:2}" "$1"
}

# guest_writer NODE [OPTION...] FABRIC: the same program in a guest.
guest_writer() {
	vm_exec -t 120 "$1" "fam-writer --ack /dev/ttyS2 --seed $seed ${*:2}"
}

# guest_begin NODE LOG [OPTION...] FABRIC: the same in the background, to /tmp/LOG.
guest_begin() {
	vm_exec "$1" "fam-writer --ack /dev/ttyS2 --seed $seed ${*:3} >/tmp/$2 2>&1 &"
}

# guest_says NODE LOG REGEX: is there such a line?
guest_says() {
	vm_exec "$1" "grep -qE '$3' /tmp/$2"
}

# guest_end NODE LOG: waits until that writer has ended, prints what it said.
guest_end() {
	wait_until 120 guest_says "$1" "$2" '^end ' || die "the writer '$2' does not end"
	vm_exec "$1" "cat /tmp/$2"
}

# started PROGRAM [ARGUMENT...]: one of the tests' in the background; sets $started.
started() {
	"$CRASH_TOOLS/$1" "${@:2}" >>"$dir/programs.log" 2>&1 &
	# shellcheck disable=SC2034 # for who has started it
	started=$!
}

# ended PID...: waits until they have, and well.
ended() {
	local pid
	for pid; do
		wait "$pid" || die "a program failed: $(<"$dir/programs.log")"
	done
}

killed() { # PID
	kill -KILL "$1"
	wait "$1" || true
}

# marks_rise N: until N more lines have come from those that are tested.
marks_rise() {
	local goal
	goal=$(($(disk_count marks) + $1))
	wait_until 60 marks_reach "$goal" || die "no more lines: $(cat "$dir"/*.log)"
}

marks_reach() {
	(($(disk_count marks) >= $1))
}

# replay [OPTION...]: cuts the power of what was recorded; sets $status, $output
# and the counts $cuts $bad $acks $lost $unreadable.
replay() {
	replay_by fam-replay "$@"
}

# replay_by PROGRAM [OPTION...]: the same, and it is this one that looks.
replay_by() {
	status=0
	output=$("$CRASH_TOOLS/$1" --seed "$seed" --fs "$fs" \
		--cuts "${CRASH_CUTS:-20}" "${@:2}" "$dir" 2>&1) || status=$?
	printf '%s\n' "$output" | tail -n 12
	((status < 2)) || die "no verdict: status $status"
	read -r _ cuts _ bad _ acks _ lost _ unreadable < <(tail -n 1 <<<"$output")
}

# Nothing that was acknowledged may be missing, and there was something.
assert_kept() {
	((acks > cuts)) || die "$acks acknowledgements are too few to say anything"
	((bad == 0 && lost == 0 && unreadable == 0)) ||
		die "$lost acknowledged records are lost, $unreadable fabrics unreadable"
}

# A control: what was not written to the disk must be missing.
assert_lost() {
	((unreadable == 0)) || die "$unreadable fabrics are unreadable"
	((lost > 0 && bad * 2 > cuts)) ||
		die "only $bad of $cuts cuts lose anything: this would not find a mistake"
}

# What helps to understand a failure: logs, and the tape if there is one.
crash_show() {
	local keep=$FAM_BUILD/tests/log/crash-$seed
	tail -n 20 "$dir"/*.log
	[[ -s $dir/tape && -n ${bad:-} ]] || return
	mkdir -p "$keep"
	cp --sparse=always "$dir/base" "$dir/tape" "$keep" &&
		printf 'kept for fam-replay: %s\n' "$keep"
}

# Whatever of this world may use the disk.
crash_end_all() {
	local pid
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		((pid == 1 || pid == disk_pid)) || kill -KILL "$pid"
	done
	wait_until 10 crash_is_idle
}

crash_is_idle() {
	! umount "$mnt" || return 0
	! mountpoint -q "$mnt"
}

# An orderly end; if it fails the world's takes all away, too.
crash_down() { # STATUS
	local name
	set +eE
	trap - ERR
	for name in "${!vm_pid[@]}"; do
		(($1 == 0)) || vm_show "$name"
	done
	[[ -n $dir ]] || return
	(($1 == 0)) || crash_show
	{
		disk heal
		crash_end_all
		proc_end "$disk_pid"
	} >/dev/null 2>&1
	rm -rf --one-file-system "$dir"
}
