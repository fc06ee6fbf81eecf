#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Commands that run while a named lock is held; no server runs.

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f
	file=$dir/f.fam
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$dir"/*.log >&2
	fabric_teardown
}

lock() {
	"$FAM_BUILD/bin/fam" -f "$file" lock "$@"
}

# begin ARGUMENT...: `fam lock ARGUMENT...` in the background; sets $pid.
begin() {
	env --default-signal=INT,TERM,HUP "$FAM_BUILD/bin/fam" -f "$file" lock "$@" \
		</dev/null 3>&- &
	pid=$!
	pids+=("$pid")
}

# hold NAME [OPTION...]: `fam lock NAME` with a command that runs until it gets
# SIGTERM, then writes $dir/NAME.ended; sets $pid. It is held when this returns.
hold() {
	local name=$1
	# shellcheck disable=SC2016 # the inner shell expands it
	begin "$@" -- bash -c 'trap "echo ended >\"$0.ended\"; exit 7" TERM INT HUP
		echo $$ >"$0.held"
		while :; do read -r -t 1 <> <(:) || true; done' "$dir/$name" 2>"$dir/$name.log"
	wait_until 20 test -s "$dir/$name.held"
}

# Each one begun ends, and well.
end_all() {
	local one
	for one in "${pids[@]}"; do
		ended 0 "$one"
	done
}

# ended STATUS PID: it has ended with this.
ended() {
	local rc=0
	wait_until 20 proc_gone "$2" || die "process $2 does not end"
	wait "$2" || rc=$?
	((rc == $1)) || die "process $2 ended with $rc instead of $1"
}

@test "the command's output and exit status are those of fam" {
	fam_run lock a -- echo ready
	assert_output -x "ready"
	fam_run -17 lock a -- bash -c 'exit 17'
	# shellcheck disable=SC2016 # the inner shell expands it
	fam_run -143 lock a -- bash -c 'kill -TERM $$'
	# shellcheck disable=SC2016 # the inner shell expands it
	fam_run lock a -- bash -c 'echo "$@"' name --try -x
	assert_output -x "--try -x"
	assert "standard input is the command's" [ "$(lock a -- cat <<<input)" = input ]
}

@test "a command that cannot be run" {
	fam_run -127 lock a -- /nonexistent/command
	assert_stderr "fam: cannot run '/nonexistent/command': No such file or directory"
	fam_run -126 lock a -- "$dir"
	assert_stderr "fam: cannot run '$dir': Permission denied"
	# the lock was released
	fam_run lock --try a -- true
}

@test "one command at a time" {
	echo 0 >"$dir/count"
	for _ in {1..8}; do
		# shellcheck disable=SC2016 # the inner shell expands it
		begin a -- bash -c 'n=$(<"$0"); sleep 0.01; echo $((n + 1)) >"$0"' "$dir/count"
	done
	end_all
	assert "nothing is lost" [ "$(<"$dir/count")" = 8 ]
}

@test "who does not want to wait does not get it" {
	hold a
	fam_run -124 lock --try a -- true
	assert_stderr "fam: lock 'a' of fabric '$file' is not free"
	fam_run -124 lock --wait 1 a -- true
	assert_stderr "fam: lock 'a' of fabric '$file' is not free"
	# others are free
	fam_run lock --try b -- true
}

@test "signals are passed on, and the lock is released behind the command" {
	local signal
	for signal in TERM INT HUP; do
		hold a
		kill "-$signal" "$pid"
		ended 7 "$pid"
		assert "the command got it" [ "$(<"$dir/a.ended")" = ended ]
		assert "nothing is said" [ ! -s "$dir/a.log" ]
		rm "$dir"/a.*
		fam_run lock --try a -- true
	done
}

@test "a signal ends waiting" {
	hold a
	begin a -- touch "$dir/ran"
	sleeps() { [[ $(<"/proc/$pid/wchan") == futex* ]]; }
	wait_until 10 sleeps
	kill -TERM "$pid"
	ended 143 "$pid"
	[[ ! -e $dir/ran ]] || die "the command ran"
}

@test "if fam is killed its command ends, and the next one is told" {
	hold a
	kill -KILL "$pid"
	wait_until 20 test -e "$dir/a.ended"
	wait_until 20 not_held
	fam_run -125 lock --try a -- touch "$dir/ran"
	assert_stderr "fam: the last owner of lock 'a' died while holding it: what it protects may be half changed
hint: have a command repair that: 'fam -f $file lock --repair a -- COMMAND'"
	[[ ! -e $dir/ran ]] || die "the command ran"
}

# The death of the last owner is known.
not_held() {
	local rc=0
	lock --try a -- true >/dev/null 2>&1 || rc=$?
	((rc != 124))
}

@test "a command that succeeds in repairing clears the mark" {
	hold a
	kill -KILL "$pid"
	wait_until 20 not_held
	fam_run -3 lock --repair a -- bash -c 'echo tried; exit 3'
	assert_output -x "tried"
	assert_stderr -x "fam: lock 'a' stays marked, as its last owner died: the command failed"
	fam_run -125 lock a -- true
	fam_run lock --repair a -- echo repaired
	assert_output -x "repaired"
	fam_run lock --try a -- echo "as before"
	assert_output -x "as before"
}

@test "a command whose lock was lost is ended, and this is said" {
	hold a
	kill -STOP "$pid"
	fam_run -125 lock --wait 30 a -- true
	kill -CONT "$pid"
	ended 123 "$pid"
	assert "the command was ended" [ "$(<"$dir/a.ended")" = ended ]
	assert "it is said" grep -q "^fam: lock 'a' was lost while the command ran" "$dir/a.log"
}

@test "usage" {
	fam_run -2 lock a
	assert_stderr -r "^fam: command 'lock' needs the name of a lock, and a command"
	fam_run -2 lock --try --wait 1 a -- true
	assert_stderr -r "^fam: '--try' and '--wait' exclude each other"
	fam_run -2 lock --wait 3000000 a -- true
	assert_stderr -r "^fam: '--wait' is at most 2000000"
}

@test "a lock is a lock" {
	fam_run "$FAM_BUILD/bin/fam" -f "$file" objects
	fam_run lock x/y -- "$FAM_BUILD/bin/fam" -f "$file" objects
	assert_output -r $'\nmutex +64 B +[0-9]+ +[-0-9]+ [:0-9]+ x/y$'
	assert_stderr -x ""
	fam_run -2 lock / -- true
	assert_stderr "fam: cannot use lock '/': "
}

@test "a fabric without objects has no locks" {
	make_fabric raw 16M --raw
	file=$dir/raw.fam
	fam_run -1 lock a -- true
	assert_stderr -x "fam: fabric '$file' has no named objects
hint: famctl create-fabric leaves room for them, but with --raw or --objects 0; earlier releases did not"
}

@test "an option of the command without -- before it: the hint shows where that goes" {
	fam_run -2 lock a ls -l
	assert_stderr -x "fam: unknown option '-l'
hint: '--' goes before the command: 'fam lock a -- ls ...'"
	fam_run lock a echo word --try
	assert_output -x word
}

@test "without standard descriptors the status is the command's, which has none either" {
	local rc=0
	lock a -- bash -c 'exit 9' <&- >&- || rc=$?
	assert "the status is the command's" test "$rc" = 9
	lock a -- true >&- || die "nothing was to be written"
	# shellcheck disable=SC2016 # the inner shell expands it
	lock a -- bash -c '[[ ! -e /proc/$$/fd/0 ]]' <&- || die "the command has an input"
}

@test "what the command leaves in the background has no lock" {
	lock a -- bash -c 'sleep 30 >/dev/null 2>&1 & echo $!' >"$dir/left"
	pids+=("$(<"$dir/left")")
	assert "it runs" kill -0 "$(<"$dir/left")"
	fam_run lock --try a -- echo free
	assert_output -x free
}
