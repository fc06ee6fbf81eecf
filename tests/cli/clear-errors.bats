#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# The flush service and the mark of a failed write-back, as famctl shows and
# treats them, with the real server.

export BATS_TEST_TIMEOUT=120
load ../lib/servers.bash

dir='' f='' file='' run='' prefix='' # set by servers_setup
client='' # of a test's own: what its commands go to
readonly MAILBOX=65536
readonly EIO=4294967291 ENODATA=4294967235 EOPNOTSUPP=4294967201

setup_file() {
	faults_build
}

setup() {
	client=''
	servers_setup
}

teardown() {
	[[ -z $client ]] || client_end
	servers_teardown
}

# word FIELD-OFFSET VALUE: stores 4 bytes into the header of the mailbox.
word() {
	local -a byte=($(($2 & 255)) $(($2 >> 8 & 255)) $(($2 >> 16 & 255)) $(($2 >> 24)))
	local text
	printf -v text '\\x%02x' "${byte[@]}"
	# shellcheck disable=SC2059 # the bytes
	printf "$text" | dd of="$file" bs=1 seek=$((MAILBOX + $1)) conv=notrunc status=none
}

mark() { # ERROR
	word 84 "$1"
}

the_mark() {
	od -An -tu4 -j $((MAILBOX + 84)) -N 4 "$file" | tr -d ' '
}

# A client of the flush service: `ask COMMAND` prints its answer.
client_start() { # [ARGUMENT...]
	coproc CLIENT { exec "$FAM_BUILD/tests/fam-flush" "$file" "$@" 3>&-; }
	client=$CLIENT_PID
	exec {to}>&"${CLIENT[1]}" {from}<&"${CLIENT[0]}"
}

client_end() {
	exec {to}>&- {from}<&-
	proc_end "$client"
	client=''
}

ask() { # COMMAND
	local answer
	printf '%s\n' "$1" >&"$to"
	read -r -t 30 answer <&"$from" || return
	printf '%s\n' "$answer"
}

@test "without a server show-fabric says that commits fail" {
	fam_run famctl show-fabric "$file"
	assert_output -r "ways: +mailbox,window,host"
	assert_output -r "flush service: none: no server runs, so fam_persist fails in nodes"
	refute_output commits
	fam_run famctl show-fabric "$file" --json
	assert_json '.ways == ["mailbox", "window", "host"] and .flush_service == "none"
		and (has("commits") or has("failed") | not)'
}

@test "show-fabric counts what the flush service does" {
	famctl start-server "$file"
	client_start
	assert "it has a place" test "$(ask claim)" = "slot 0"
	assert "commits succeed" test "$(ask 'commits 20 64' | cut -d' ' -f1,2)" = "commits 20"
	fam_run famctl show-fabric "$file" --json
	assert_json '.flush_service == "serving" and .commits == 20 and .commit_bytes == 1280
		and .commit_errors == 0 and .commit_faults == 0 and .clients == 1 and .waiting == 0
		and .lag_us == 0 and .syncs >= 1 and .syncs <= 20 and .syncs_ranged <= .syncs
		and .commits_per_sync >= 1 and .sync_last_us > 0
		and .sync_mean_us <= .sync_max_us and .notified == "polls"'
	fam_run famctl show-fabric "$file"
	assert_output -r "flush service: serves; it polls, as a client cannot ring it"
	assert_output -r "commits: +20"$'\n'"bytes: +1.2 KiB"
	assert_output -r "mean sync: +[0-9.]+ (us|ms)"
	assert "one that makes no sense" test "$(ask 'forge 0 64' | cut -d' ' -f1)" = posted
	ask 'wait 5000'
	fam_run famctl show-fabric "$file" --json
	assert_json '.commit_faults == 1 and .commits == 20'
}

@test "list-peers tells whose commits they were" {
	famctl start-server "$file"
	client_start "$run/$f.sock.host"
	ask claim
	ask 'commits 3 4096'
	fam_run famctl list-peers "$f" --json
	assert_json '.[1].commits == 3 and .[1].bytes == 12288 and .[1].faults == 0
		and (.[0] | has("commits") | not)'
	fam_run famctl list-peers "$f"
	assert_output -r "QUEUE +COMMITS +BYTES +FAULTS +JOINED"
	assert_output -r " 3 +12 KiB +0 +20"
	fam_run famctl show-fabric "$file" --json
	assert_json '.notified == "rung"'
}

@test "a raw fabric and one of durability guest have no flush service to tell of" {
	make_fabric r 16M --raw
	make_fabric g 16M --durability guest
	fam_run famctl show-fabric "$dir/r.fam" --json
	assert_json '.ways == ["host"] and (has("flush_service") | not)'
	fam_run famctl show-fabric "$dir/g.fam" --json
	assert_json '.ways == ["drain"] and (has("flush_service") | not)'
	fam_run famctl clear-errors "$dir/r.fam"
	assert_stderr -x "famctl: fabric 'r' has no mark of a failed write-back"
}

@test "a mark is shown without a server, and cleared in the file" {
	mark "$EIO"
	fam_run famctl show-fabric "$file"
	assert_output -r "FAILED: +the disk failed: nothing becomes durable before famctl clear-errors"
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "EIO" and (has("failed_at") | not)'
	fam_run famctl clear-errors "$file" --dry-run
	assert_stderr -x "famctl: the mark of fabric '$f' would be cleared: the disk failed"
	assert "it is there" test "$(the_mark)" = "$EIO"
	before=$(sha256sum <"$file")
	fam_run famctl clear-errors "$file" --json
	assert_json ".cleared and .failed == \"EIO\" and .path == \"$file\""
	assert_stderr "the mark of fabric '$f' is cleared: the disk failed"
	assert_stderr "stores that are not in memory any more may be lost: check the data"
	assert_json ".rewritten_bytes > 0 and .rewritten_bytes % 4096 == 0"
	assert "it is gone" test "$(the_mark)" = 0
	mark "$EIO"
	assert "and nothing else has changed" test "$(sha256sum <"$file")" = "$before"
	famctl clear-errors "$file"
	fam_run famctl clear-errors "$file" --json
	assert_json '.cleared == false and (has("failed") | not)'
	assert_stderr -x "famctl: fabric '$f' has no mark of a failed write-back"
}

@test "what stands there may be anything" {
	mark "$ENODATA"
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "ENODATA"
		and (.failed_text | startswith("the file was made shorter while it was served"))'
	mark $((1 << 31))
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "EIO"' "it is no errno, and fails nevertheless"
	mark 5
	fam_run famctl show-fabric "$file" --json
	assert_json 'has("failed") | not' "no client takes it for a mark"
	mark "$EOPNOTSUPP"
	fam_run famctl show-fabric "$file" --json
	assert_json 'has("failed") | not' "a server on tmpfs left it"
	mark "$EIO"
	word 88 4294967295
	word 92 4294967295
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "EIO" and (has("failed_at") | not)' "no such time"
}

@test "a disk that still fails keeps its mark" {
	mark "$EIO"
	fam_run -1 famctl_with fsync=EIO clear-errors "$file"
	assert_stderr "famctl: cannot clear the errors of fabric '$f': the disk still fails, so the mark stays: cannot write '$file' to the disk again: Input/output error"
	assert_stderr "hint: the kernel's messages tell more: dmesg"
	assert "it is there" test "$(the_mark)" = "$EIO"
}

@test "the server's own memory of the failure is cleared, and commits go on" {
	famctl start-server "$file"
	client_start
	ask claim
	mark "$EIO"
	ask 'post 2097152 64'
	assert "commits fail" test "$(ask 'wait 5000')" = "failed $((-5))"
	fam_run famctl show-fabric "$file" --json
	assert_json '.flush_service == "refusing" and .failed == "EIO"'
	# A node that wipes the mark wipes nothing but that.
	mark 0
	fam_run famctl show-fabric "$file"
	assert_output -r "flush service: refuses: the disk failed"
	assert_output -r "FAILED: +the disk failed"
	fam_run famctl clear-errors "$file"
	assert_stderr "the mark of fabric '$f' is cleared: the disk failed"
	fam_run famctl show-fabric "$file" --json
	assert_json '.flush_service == "serving" and (has("failed") | not)'
	ask release
	assert "it has a place again" test "$(ask claim | cut -d' ' -f1)" = slot
	assert "commits succeed" test "$(ask 'commits 5 64' | cut -d' ' -f1,2)" = "commits 5"
}

@test "a disk that fails under a server: the mark stays" {
	famctl start-server "$file"
	mark "$EIO"
	wait_until 10 shows '.flush_service == "refusing"'
	fam_run -1 famctl_with fsync=EIO clear-errors "$file"
	assert_stderr "the disk still fails, so the mark stays"
	assert "the server has it too" wait_until 10 shows '.flush_service == "refusing"'
}

shows() { # JQ-FILTER
	famctl show-fabric "$file" --json | jq -e "$1" >/dev/null
}

@test "a mark stays when the server is stopped, killed and started again" {
	famctl start-server "$file"
	mark "$EIO"
	wait_until 10 shows '.flush_service == "refusing"'
	famctl stop-server "$f"
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "EIO" and .flush_service == "none"'
	fam_run -5 famctl clear-errors "$file"
	assert_stderr "its server was stopped, and the next one will go by what it left"
	assert_stderr "hint: famctl start-server $file, then again"
	assert "the mark is there" test "$(the_mark)" = "$EIO"
	famctl start-server "$file"
	assert "the next server knows" shows '.flush_service == "refusing" and .failed == "EIO"'
	kill -KILL "$(of .supervisor)"
	kill -KILL "$(of .pid)"
	wait_until 10 is .state stale
	fam_run -5 famctl clear-errors "$file"
	assert_stderr "its server was killed, and the next one will go by what it left"
	assert_stderr "hint: famctl start-server $file, then again"
	famctl start-server "$file"
	assert "the next server knows" shows '.flush_service == "refusing" and .failed == "EIO"'
	famctl clear-errors "$file"
	assert "it is forgotten" shows '.flush_service == "serving"'
	famctl stop-server "$f"
	famctl start-server "$file"
	assert "for good" shows '.flush_service == "serving"'
}

@test "sync-fabric does not succeed over a mark" {
	mark "$EIO"
	fam_run -1 famctl sync-fabric "$file"
	assert_stderr "famctl: fabric '$f' is not durable: the disk failed earlier, and stores may be lost that no sync brings back"
	assert_stderr "hint: once the data are checked: famctl clear-errors $file"
	assert_output -x ""
	fam_run -1 famctl sync-fabric "$file" --dry-run
	famctl clear-errors "$file"
	fam_run famctl sync-fabric "$file"
}

@test "a sync that fails leaves a mark for everybody" {
	fam_run -1 famctl_with fsync=EIO sync-fabric "$file"
	assert_stderr "fabric '$f' is marked: nothing becomes durable before famctl clear-errors $file"
	assert "it is there" test "$(the_mark)" = "$EIO"
	fam_run -1 famctl sync-fabric "$file"
	fam_run famctl show-fabric "$file" --json
	assert_json '.failed == "EIO" and .failed_at > 1700000000000000000'
	# A disk that was full as it wrote has lost stores, too.
	famctl clear-errors "$file"
	fam_run -1 famctl_with fsync=ENOSPC sync-fabric "$file"
	assert "it is there again" test "$(the_mark)" = "$EIO"
}

@test "what another server serves is not touched, nor what cannot be written" {
	mark "$EIO"
	"$FAM_BUILD/bin/tm-server" -d -f "$file" -p "$dir/$prefix-other.sock" 3>&-
	fam_run -4 famctl clear-errors "$file"
	assert_stderr "a server that is not one of famctl's serves it"
	fam_run famctl show-fabric "$file" --json
	assert_json '.flush_service == "unknown"'
	fam_run famctl show-fabric "$file"
	assert_output "unknown: a server that famctl did not start for this user serves it, or was killed"
	proc_end "$(server_pids "$dir/$prefix-other")"
	fam_run famctl show-fabric "$file" --json
	assert_json '.flush_service == "none"'
	famctl start-server "$file"
	kill -STOP "$(of .pid)"
	fam_run -5 famctl clear-errors "$file"
	assert_stderr "the server gave no answer within 5 s"
	fam_run -2 famctl clear-errors "$file" more
	fam_run -3 famctl clear-errors "$dir/none.fam"
}

@test "who may not write to it is told that, and not that the disk fails" {
	requires_root "to become a plain user"
	mark "$EIO"
	chmod 644 "$file"
	fam_run -1 famctl_at_home clear-errors "$file"
	assert_stderr -x "famctl: cannot clear the errors of fabric '$f': cannot open '$file': Permission denied"
	assert "the mark is there" test "$(the_mark)" = "$EIO"
}
