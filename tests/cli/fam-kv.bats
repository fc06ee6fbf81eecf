#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2317 # functions are called by name
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
#
# fam kv on the host: a store of keys and values in a heap, and its history.

export BATS_TEST_TIMEOUT=90
load ../lib/fabric.bash

dir='' # set by fabric_setup

setup() {
	fabric_setup
	make_fabric f 64M
	file=$dir/f.fam
	pids=()
}

teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	fabric_teardown
}

fam() {
	"$FAM_BUILD/bin/fam" -f "$file" "$@"
}

kv() {
	"$FAM_BUILD/bin/fam" -f "$file" kv "$@"
}

# What fam_run takes away: standard input.
put_file() { # KEY FILE
	kv put "$1" <"$2"
}

import_text() { # TEXT OPTION...
	local text=$1
	shift
	printf '%s' "$text" | kv import "$@"
}

@test "what was put is got, until it is removed" {
	fam_run kv put greeting 'hello, world'
	assert_output -x ''
	fam_run kv get greeting
	assert_output -x 'hello, world'
	fam_run kv put greeting again
	fam_run kv get greeting
	assert_output -x again
	fam_run kv rm greeting
	fam_run -7 kv get greeting
	assert_stderr -x "fam: there is no key 'greeting' in heap 'kv'
hint: 'fam kv list' shows what there is"
	assert_output -x ''
	fam_run -7 kv rm greeting
	assert_stderr "there is no key 'greeting' in heap 'kv'"
}

@test "the store is made by the first put, with the size and rights asked for" {
	fam_run -3 kv get x
	assert_stderr -x "fam: there is no heap 'kv'
hint: 'fam kv put' makes it"
	fam_run -3 kv list --json
	assert_json '.error.exit_status == 3'
	[[ -z $(fam ls) ]] || die "reading has made something"
	fam_run kv put x 1 --bytes 8M --mode 640
	fam_run fam stat kv --json
	assert_json '.[0] | .bytes == 8388608 and .mode == "0640" and .type == 1'
	kv put x 1 --bytes 16M
	fam_run fam stat kv --json
	assert_json '.[0].bytes == 8388608' "it is there already"
}

@test "without --bytes a small fabric gives half of what it has" {
	local free
	free=$(fam df --json | jq .largest)
	kv put x 1
	fam_run fam stat kv --json
	assert_json ".[0].bytes <= $free / 2 and .[0].bytes > $free / 2 - 2097152"
}

@test "several stores in one fabric" {
	kv put --heap a --bytes 4M x 1
	kv put --heap b/c --bytes 4M x 2
	[[ $(kv get --heap a x)$(kv get x --heap b/c) == 12 ]]
	kv rm --heap a x
	fam_run -7 kv get --heap a x
	fam_run kv get --heap b/c x
	assert_output -x 2
}

@test "a value of any bytes and length comes back as it went" {
	local bytes
	for bytes in 0 1 4095 4096 4097 100000 5000001; do
		head -c "$bytes" /dev/urandom >"$dir/in"
		fam_run put_file v "$dir/in"
		kv get v | cmp - "$dir/in" || die "$bytes bytes"
	done
	head -c 300000 /dev/urandom >"$dir/in"
	kv put piped < <(cat "$dir/in")
	kv get piped | cmp - "$dir/in"
	printf 'a\0b' >"$dir/in"
	put_file v "$dir/in"
	kv get v | cmp - "$dir/in"
	fam_run kv put empty ''
	fam_run kv get empty --json
	assert_json '. == {"key": "empty", "bytes": 0, "value": ""}'
}

@test "keys of any bytes" {
	local key
	for key in ' ' "a/b c" $'tab\t' $'\xff\xfe' $'\u00e4' $'line\nfeed' "$(printf '%4096s' x)"; do
		kv put -- "$key" "value of $key"
		[[ $(kv get -- "$key") == "value of $key" ]] || die "key $key"
	done
	kv put -- --key --value
	[[ $(kv get -- --key) == --value ]]
	fam_run -2 kv put '' x
	assert_stderr 'a key has 1 to 4096 bytes'
	fam_run -2 kv get "$(printf '%4097s' x)"
	assert_stderr 'the key is too long: 1 to 4096 bytes'
}

@test "JSON keeps all bytes" {
	printf 'a\0"\\\e\xc3\xa4\n' >"$dir/in"
	fam_run put_file t "$dir/in"
	fam_run kv get t --json
	assert_json '.bytes == 8 and .value == "a\u0000\"\\\u001b\u00e4\n" and (has("value_base64") | not)'
	printf '\xff\0x' >"$dir/in"
	fam_run put_file b "$dir/in"
	fam_run kv get b --json
	assert_json '.bytes == 3 and .value == "\ufffd\u0000x" and .value_base64 == "/wB4"'
	printf '\xff\xff\xff\xff' >"$dir/in"
	fam_run put_file b "$dir/in"
	fam_run kv get b --json
	assert_json '.value_base64 == "/////w=="'
	fam_run kv put $'k\xff' 12 --json
	assert_json '.key == "k\ufffd" and .key_base64 == "a/8=" and .bytes == 2 and .number > 0'
	fam_run kv rm t b --json
	assert_json 'length == 2 and .[0].key == "t" and .[1].number == .[0].number + 1'
}

@test "each of several keys is removed, or the reason told in its place" {
	kv put a 1
	kv put b 2
	fam_run -7 kv rm a none b --json
	assert_json '.[0].key == "a" and .[1].error.exit_status == 7 and .[2].key == "b"'
	fam_run kv list
	assert_output -x ''
}

@test "list is sorted, and takes the beginning of keys" {
	local key
	for key in b/2 a/10 a/1 c a a/; do
		kv put "$key" "$key$key"
	done
	fam_run kv list
	assert_output -x $'a\na/\na/1\na/10\nb/2\nc'
	fam_run kv list a/
	assert_output -x $'a/\na/1\na/10'
	fam_run kv list nothing
	assert_output -x ''
	fam_run kv list -l a/1
	assert_output -x $'SIZE       KEY\n6 B        a/1\n8 B        a/10'
	fam_run kv list b --json
	assert_json '. == {"keys": [{"key": "b/2", "bytes": 6}]}'
}

@test "the history has each change, in order" {
	kv put a 1
	kv put b 22
	kv put a 333
	kv rm b
	fam_run -7 kv rm none
	fam_run kv log --json
	assert_json '[.changes[] | [.number, .change, .key, .bytes]] ==
		[[1, "put", "a", 1], [2, "put", "b", 2], [3, "put", "a", 3], [4, "rm", "b", 0]]'
	assert_json 'all(.changes[]; .time_ns > 1600000000000000000)'
	[[ $(jq -r '.changes[0].node' <<<"$output") == "$(uname -n)" ]]
	fam_run kv log --from 3
	assert_output -r '^NUMBER +TIME +NODE +SIZE +KEY
3 +[0-9-]+ [0-9:]+ [^ ]+ +put 3 B +a
4 +[0-9-]+ [0-9:]+ [^ ]+ +rm  - +b$'
	fam_run kv log --from 5 --json
	assert_json '.changes == []'
}

@test "cut removes the beginning of the history, and no keys" {
	local i
	for i in 1 2 3 4 5; do
		kv put "k$i" "$i"
	done
	fam_run kv cut 4 --json
	assert_json '. == {"first": 4, "last": 5}'
	fam_run kv log --json
	assert_json '[.changes[].number] == [4, 5]'
	fam_run kv log --from 1 --json
	assert_json '[.changes[].number] == [4, 5]'
	kv cut 100
	fam_run kv log --json
	assert_json '.changes == []'
	kv put k6 6
	fam_run kv log --json
	assert_json '[.changes[].number] == [6]'
	[[ $(kv list | wc -l) == 6 ]]
	fam_run -2 kv cut x
	assert_stderr "'x' is not a number"
}

@test "follow tells what changes until it is interrupted" {
	kv put before 0
	env --default-signal=INT "$FAM_BUILD/bin/fam" -f "$file" kv log --follow --json \
		</dev/null >"$dir/log" 2>"$dir/err" 3>&- &
	pids+=("$!")
	follows() { fam peers --json | jq -e '.sessions | length == 1' >/dev/null; }
	wait_until 20 follows || die "it does not run"
	# It may have attached, but not yet have looked where the history ends.
	told() { kv put first 1 && grep -q first "$dir/log"; }
	wait_until 20 told || die "nothing is told: $(cat "$dir/err")"
	kv put second 22
	kv rm second
	removed() { grep -q '"change": "rm"' "$dir/log"; }
	wait_until 20 removed || die "the removal is not told"
	kill -INT "${pids[0]}"
	local rc=0
	wait "${pids[0]}" || rc=$?
	((rc == 130)) || die "it ended with $rc"
	[[ ! -s $dir/err ]] || die "it said: $(cat "$dir/err")"
	pids=()
	jq -s -e 'all(.number > 1) and (.[-1] | .change == "rm" and .key == "second") and
		(.[-2] | .bytes == 2) and ([.[].number] == ([.[].number] | sort | unique))' "$dir/log" >/dev/null ||
		die "it told: $(cat "$dir/log")"
}

@test "import and export are each other's inverse" {
	fam_run import_text $'a\t1\nb\t22\nk\\tab\tv\\n\\\\\\xfF\\x00\nempty\t\nlast\tno line feed'
	assert_output -x '5 pairs stored in 1 transaction'
	[[ $(kv get b) == 22 && $(kv get last) == 'no line feed' ]]
	printf 'v\n\\\xff\0' >"$dir/in"
	kv get $'k\tab' | cmp - "$dir/in"
	fam_run kv export
	assert_output -x $'a\t1\nb\t22\nempty\t\nk\\x09ab\tv\\x0a\\\\\\xff\\x00\nlast\tno line feed'
	kv export >"$dir/all"
	kv import --heap other --bytes 4M <"$dir/all"
	kv export --heap other | cmp - "$dir/all"
	fam_run kv export e
	assert_output -x $'empty\t'
	fam_run kv export b --json
	assert_json '. == {"pairs": [{"key": "b", "bytes": 2, "value": "22"}]}'
}

@test "import puts as many lines into a transaction as told, and tells when" {
	seq 1 25 | sed 's/.*/k&\tv&/' >"$dir/in"
	import() { kv import "$@" <"$dir/in"; }
	fam_run import --batch 10 --ack
	assert_output -x $'10\n20\n25'
	fam_run import --json --batch 1
	assert_json '. == {"pairs": 25, "transactions": 25}'
	[[ $(kv list | wc -l) == 25 ]]
	fam_run kv log --json
	assert_json '[.changes[].number] == [range(1; 51)]'
	fam_run -2 import --batch 20000
	fam_run -2 import --ack --json
	assert_stderr "'--ack' and '--json' exclude each other"
}

@test "a batch too long for one transaction goes in several" {
	# Both the map and the history have the keys.
	awk 'BEGIN { for (i = 0; i < 100; i++) printf "%04000d\tvalue %d\n", i, i }' >"$dir/in"
	import() { kv import "$@" <"$dir/in"; }
	fam_run import --batch 100 --json
	assert_json '.pairs == 100 and .transactions > 1'
	[[ $(kv list | wc -l) == 100 && $(kv get "$(printf '%04000d' 99)") == 'value 99' ]]
}

@test "import stops at a line that is none; what stands before it is stored" {
	fam_run -1 import_text $'a\t1\nb\t2\nc\nd\t4\n' --batch 2
	assert_stderr -x 'fam: line 3 has no tab; 2 before it are stored
hint: a line is KEY, a tab, and VALUE; in both, \t, \n, \r, \\ and \xHH are escapes'
	[[ $(kv list | tr '\n' ' ') == 'a b ' ]]
	fam_run -1 import_text $'x\\q\t1\n'
	assert_stderr "line 1 has a '\\' that is no escape"
	fam_run -1 import_text $'x\t1\\x0\n'
	assert_stderr "line 1 has a '\\' that is no escape"
	fam_run -1 import_text $'\t1\n' --json
	assert_json '.error.message | startswith("line 1 has a key that is empty or too long")'
	[[ $(kv list | tr '\n' ' ') == 'a b ' ]]
}

@test "many at once: every put is there, and in the history once" {
	local i
	kv put first 1 --bytes 16M
	for i in 1 2 3 4; do
		(
			for ((j = 0; j < 25; j++)); do
				kv put "w$i/$j" "$i.$j" || exit
			done
		) 3>&- &
		pids+=("$!")
	done
	seq 0 99 | sed 's/.*/i\/&\tv&/' | kv import --batch 7 >/dev/null
	for i in "${pids[@]}"; do
		wait "$i" || die "a writer failed"
	done
	pids=()
	[[ $(kv list w | wc -l) == 100 && $(kv list i/ | wc -l) == 100 ]]
	for i in 1 2 3 4; do
		[[ $(kv get "w$i/24") == "$i.24" ]] || die "writer $i"
	done
	fam_run kv log --json
	assert_json '([.changes[].number] == [range(1; 202)]) and ([.changes[].key] | unique | length == 201)'
	assert_json '[.changes[] | select(.key | startswith("i/")).key] == [range(0; 100) | "i/\(.)"]' "in their order"
}

@test "killed in the middle of puts: all acknowledged are there, the others go on" {
	local round acked batch
	kv put first 1 --bytes 16M
	for round in 1 2 3 4 5 6; do
		batch=$((round % 3 + 1))
		awk -v r="$round" 'BEGIN { for (i = 1; i <= 100000; i++) printf "r%d/%06d\tvalue %d of round %d\n", r, i, i, r }' 3>&- |
			"$FAM_BUILD/bin/fam" -f "$file" kv import --batch "$batch" --ack >"$dir/acks$round" 2>"$dir/err" 3>&- &
		pids=("$!")
		some() { [[ -e $dir/acks$round ]] && (($(wc -l <"$dir/acks$round") > 5 * round)); }
		wait_until 20 some || die "nothing is stored: $(cat "$dir/err")"
		kill -KILL "${pids[0]}"
		wait "${pids[0]}" 2>/dev/null || true
		pids=()
		acked=$(tail -n 1 "$dir/acks$round")
		fam_run kv export "r$round/"
		local here
		here=$(wc -l <<<"$output")
		((here >= acked)) || die "$acked acknowledged, $here there"
		((here % batch == 0)) || die "$here there: a half of a transaction"
		((here <= acked + batch)) || die "$acked acknowledged, but $here there"
		diff <(printf '%s\n' "$output") <(awk -v r="$round" -v n="$here" \
			'BEGIN { for (i = 1; i <= n; i++) printf "r%d/%06d\tvalue %d of round %d\n", r, i, i, r }')
	done
	fam_run kv log --json
	assert_json '[.changes[].number] == [range(1; (.changes | length) + 1)]' "no number is missing"
	[[ $(jq '.changes | length' <<<"$output") == "$(kv list | wc -l)" ]]
	fam_run fam heap recover kv
	fam_run "$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" check-fabric "$file"
}

@test "a writer that stood still for too long is told, and stores no half of anything" {
	local acked here
	kv put first 1 --bytes 16M
	awk 'BEGIN { for (i = 1; i <= 100000; i++) printf "s/%06d\tvalue %d\n", i, i }' 3>&- |
		"$FAM_BUILD/bin/fam" -f "$file" kv import --batch 3 --ack >"$dir/acks" 2>"$dir/err" 3>&- &
	pids=("$!")
	# Somebody has to be there all the time to see that it is silent.
	"$FAM_BUILD/bin/fam" -f "$file" wait </dev/null >/dev/null 2>&1 3>&- &
	pids+=("$!")
	some() { [[ -e $dir/acks ]] && (($(wc -l <"$dir/acks") > 10)); }
	wait_until 20 some || die "nothing is stored: $(cat "$dir/err")"
	kill -STOP "${pids[0]}"
	wait_until 5 proc_stopped "${pids[0]}"
	# It may hold the lock of the history; whoever needs it waits for its lease.
	fam_run kv put other 1
	dead() { ! fam peers --json | jq -e ".sessions | any(.pid == ${pids[0]} and .state == \"live\")" >/dev/null; }
	wait_until 20 dead || die "it is not known to be dead"
	acked=$(tail -n 1 "$dir/acks")
	here=$(kv list s/ | wc -l)
	((here >= acked && here <= acked + 3 && here % 3 == 0)) || die "$acked acknowledged, $here there"
	kill -CONT "${pids[0]}"
	local rc=0
	wait "${pids[0]}" || rc=$?
	unset 'pids[0]'
	((rc == 1)) || die "it ended with $rc: $(cat "$dir/err")"
	grep -q 'the others declared dead the own session' "$dir/err" || die "it said: $(cat "$dir/err")"
	[[ $(kv list s/ | wc -l) == "$here" ]] || die "it has stored something nevertheless"
	fam_run kv log --json
	assert_json '[.changes[].number] == [range(1; (.changes | length) + 1)]'
	fam_run kv export s/
	[[ $output == "$(awk -v n="$here" 'BEGIN { for (i = 1; i <= n; i++) printf "s/%06d\tvalue %d\n", i, i }')" ]]
}

@test "when the heap is full the history gives way, and then the put fails" {
	local i
	head -c 20000 /dev/urandom >"$dir/in"
	kv put first 1 --bytes 1M
	seq 1 3000 | sed 's/.*/same\t&/' | kv import --batch 50 >/dev/null
	fam_run kv log --json
	assert_json '.changes[-1].number == 3001'
	for ((i = 0; i < 100; i++)); do
		kv put "big/$i" <"$dir/in" 2>"$dir/err" || break
	done
	((i > 5 && i < 100)) || die "$i were stored"
	grep -q "fam: cannot store key 'big/$i' in heap 'kv': no piece is free in it that is large enough" "$dir/err" ||
		die "it said: $(cat "$dir/err")"
	grep -q "hint: 'fam kv rm' makes room, 'fam kv cut' where the history takes it" "$dir/err"
	fam_run kv list big/ --json
	assert_json ".keys | length == $i" "what was stored is there"
	fam_run kv log --json
	assert_json '.changes | length < 2500' "the older part of the history had to go"
	assert_json '.changes | length > 100' "and no more than that"
	kv get "big/$((i - 1))" | cmp - "$dir/in"
	kv rm "big/0" "big/1" "big/2"
	kv put again <"$dir/in"
	kv get again | cmp - "$dir/in"
}

@test "what has no room even without the history leaves the history alone" {
	kv put first 1 --bytes 1M
	seq 1 500 | sed 's/.*/same\t&/' | kv import --batch 50 >/dev/null
	put_large() { head -c 2000000 /dev/zero | kv put large; }
	fam_run -1 put_large
	assert_stderr "fam: cannot store key 'large' in heap 'kv': no piece is free in it that is large enough"
	fam_run kv log --json
	assert_json '[.changes[].number] == [range(1; 502)]'
}

@test "a heap that somebody else's program uses is left alone" {
	local heap
	"$FAM_BUILD/examples/kv" put w1 one "$file"
	"$FAM_BUILD/examples/heap" add line "$file"
	for heap in example/kv example/heap; do
		fam_run -4 kv list --heap "$heap"
		assert_stderr "fam: heap '$heap' has no store of keys"
		fam_run -4 kv put a 1 --heap "$heap"
	done
	fam_run "$FAM_BUILD/examples/kv" get w1 "$file"
	assert_output -x one
}

@test "a heap keeps its size" {
	kv put a 1 --bytes 4M
	fam_run -4 fam resize kv 2M
	assert_stderr "fam: cannot resize region 'kv': it is a heap, which keeps its size"
	fam_run -4 fam resize kv 8M
	fam_run fam resize kv 4M
	fam_run kv get a
	assert_output -x 1
}

@test "import stores all before a line that is none, or that has no room" {
	import_bad() { printf 'p\t1\nq\t2\nbad\nr\t3\n' | kv import; }
	import_large() { { printf 'x\t1\ny\t'; head -c 2000000 /dev/zero | tr '\0' z; printf '\nz\t3\n'; } | kv import; }
	kv put first 1 --bytes 1M
	fam_run -1 import_bad
	assert_stderr 'fam: line 3 has no tab; 2 before it are stored'
	fam_run -1 import_large
	assert_stderr "fam: cannot store more than 1 lines in heap 'kv': no piece is free in it that is large enough"
	fam_run kv list
	assert_output -x $'first\np\nq\nx'
}

@test "the same put and removed again and again does not grow" {
	local before after
	kv put first 1 --bytes 4M --no-log
	round() {
		seq 1 200 | sed 's/.*/k&\tvalue &/' | kv import >/dev/null
		kv list k | xargs "$FAM_BUILD/bin/fam" -f "$file" kv rm
	}
	round
	before=$(fam heap stat kv --json | jq -c '[.objects, .used]')
	round
	round
	after=$(fam heap stat kv --json | jq -c '[.objects, .used]')
	[[ $before == "$after" ]] || die "before: $before, after: $after"
}

@test "a store without a history" {
	kv put x 1 --no-log --bytes 4M
	kv put x 2
	seq 1 50 | sed 's/.*/k&\t&/' | kv import --batch 50 >/dev/null
	[[ $(kv get x) == 2 && $(kv get k50) == 50 ]]
	kv rm k1
	fam_run -1 kv log
	assert_stderr -x "fam: this store keeps no history
hint: it was made with --no-log"
	fam_run -1 kv log --json
	assert_json '.error.message == "this store keeps no history"'
	fam_run -1 kv cut 3
}

@test "a heap of another program is left alone" {
	fam create plain 1M
	fam_run -4 kv put --heap plain x 1
	assert_stderr "cannot open heap 'plain': the region is no heap, or a copy of one"
	fam heap create mine 1M
	fam_run -3 kv get --heap none x
	fam_run -7 kv get --heap mine x
	fam_run kv list --heap mine
	assert_output -x ''
	kv put --heap mine x 1
	# Its root says something else from now on.
	local root at
	root=$(fam heap list mine --json | jq '.objects[] | select(.root).offset')
	at=$(fam stat mine --json | jq '.[0].offset')
	printf 'else' | dd of="$file" bs=1 seek=$((at + root)) conv=notrunc status=none
	fam_run -4 kv get --heap mine x
	assert_stderr "fam: heap 'mine' has no store of keys"
	fam_run -4 kv put --heap mine x 2 --json
	assert_json '.error.message == "heap '\''mine'\'' has no store of keys"'
}

@test "a store that somebody wrote over is an error, and nothing is obeyed" {
	local root at
	kv put $'k\e[31m' $'v\e[31m' --bytes 4M
	fam_run kv list
	assert_output -x 'k?[31m'
	fam_run kv log
	refute_output $'\e'
	fam_run kv export
	assert_output -x $'k\\x1b[31m\tv\\x1b[31m'
	fam_run -7 kv get $'x\e[31m'
	refute_stderr $'\e'
	root=$(fam heap list kv --json | jq '.objects[] | select(.root).offset')
	at=$(fam stat kv --json | jq '.[0].offset')
	# Where the map is.
	printf '\x08\x00\x00\x00\xff\xff\xff\xff' | dd of="$file" bs=1 seek=$((at + root + 8)) conv=notrunc status=none
	fam_run -1 kv get x
	assert_stderr "fam: cannot open heap 'kv': it is damaged: somebody wrote over it"
	fam_run -1 kv put x 1 --json
	assert_json '.error.exit_status == 1'
}

@test "at a terminal a value is made harmless" {
	requires_command script
	printf 'a\e[31mb' >"$dir/in"
	kv put t <"$dir/in"
	printf -v line '%q ' "$FAM_BUILD/bin/fam" -f "$file" kv get t
	fam_run script --quiet --return --command "$line" /dev/null
	assert_output -r $'^a\\?\\[31mb\r?$'
	kv get t | cmp - "$dir/in"
}

@test "a reader that goes ends it" {
	into_full() { kv get x >/dev/full; }
	kv put x 1
	fam_run -1 into_full
	assert_stderr "fam: cannot write standard output: No space left on device"
	head -c 3000000 /dev/zero | tr '\0' y | kv put large
	to_nobody() { { kv get large || echo "status $?" >&2; } | head -c 1 >/dev/null; }
	fam_run to_nobody
	assert_stderr $'fam: cannot write standard output: Broken pipe\nstatus 1'
}

@test "words and options that do not fit" {
	local words
	for words in 'kv' 'kv frobnicate' 'kv put' 'kv put a b c' 'kv get' 'kv get a b' 'kv rm' 'kv list a b' \
		'kv log x' 'kv cut' 'kv export a b' 'kv import x' 'kv get a --bytes 4M' 'kv get a --from 1' \
		'kv list --follow' 'kv put a b --batch 3' 'kv put a b --from 1' 'kv put a b --bytes 4K' \
		'kv put a b --mode 9' 'kv log --long' 'kv put a b --journals 8' 'kv rm a --no-log' \
		'kv put a b --batch' 'kv import --batch 0' 'kv put a b --bytes 0' 'heap create a 1M --journals 0' \
		'heap create a 1M --journal-bytes 0'; do
		# shellcheck disable=SC2086 # the words
		fam_run -2 fam $words
		assert_stderr -r '^fam: [^'$'\n'']*'$'\n''hint: [^'$'\n'']*$' "two lines for: $words"
		assert_output -x '' "nothing on stdout for: $words"
	done
	[[ -z $(fam ls -r) ]] || die "something was made"
}

@test "completion offers actions, keys, and heaps" {
	kv put alpha/one 1 --bytes 4M
	kv put 'alpha two' 2
	kv put --heap other --bytes 4M --no-log beta 3
	export PATH=$FAM_BUILD/bin:$PATH
	unset -f fam
	# Completes the words given and prints what is offered, one a line.
	complete_words() {
		# shellcheck disable=SC2034 # read by the completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_fam
		printf '%s\n' "${COMPREPLY[@]}"
	}
	# shellcheck source=guest-lib/tools/fam.bash
	source "$BATS_TEST_DIRNAME/../../guest-lib/tools/fam.bash"
	fam_run complete_words fam kv ''
	assert_output -x $'put\nget\nrm\nlist\nlog\ncut\nexport\nimport'
	fam_run complete_words fam heap l
	assert_output -x list
	fam_run complete_words fam -f "$file" kv get al
	assert_output -x $'alpha\\ two\nalpha/one'
	fam_run complete_words fam -f "$file" kv rm x al
	assert_output -x $'alpha\\ two\nalpha/one'
	fam_run complete_words fam -f "$file" kv --heap other get ''
	assert_output -x beta
	fam_run complete_words fam -f "$file" kv get --heap o
	assert_output -x other
	fam_run complete_words fam -f "$file" heap stat ''
	assert_output -x $'kv\nother'
	fam_run complete_words fam -f "$file" kv put alpha/one ''
	assert_output -x '' "a value stands there"
	fam_run complete_words fam kv --no
	assert_output -x '--no-log'
}
