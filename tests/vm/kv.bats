#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck disable=SC2317 # functions are called by name
#
# fam kv between real guests and the host: one store, whoever dies.

export BATS_TEST_TIMEOUT=300

setup() {
	load ../lib/assert
	load ../lib/vm
	dir=$(public_dir fam-kv)
	fabric=$dir/f.fam
	server='' writer=''
	# Where famctl looks for the server of a fabric; the name must be ours alone.
	run_dir=/run/fam
	((EUID == 0)) || run_dir=${XDG_RUNTIME_DIR:?}/fam
	mkdir -p "$run_dir"
	name=famt-kv-$$-$BATS_TEST_NUMBER
	socket=$run_dir/$name.sock
	famctl create-fabric 256M "$name" --path "$fabric" >/dev/null
}

teardown() {
	[[ -z ${writer:-} ]] || proc_end "$writer"
	[[ -z ${server:-} ]] || proc_end "$server"
	vm_teardown
	rm -rf "${dir:?}" "${socket:?}"*
}

kv() {
	"$FAM_BUILD/bin/fam" -f "$fabric" kv "$@"
}

serve() {
	"$FAM_BUILD/bin/tm-server" -f "$fabric" -p "$socket" </dev/null 2>>"$dir/log" 3>&- &
	server=$!
	wait_until 10 test -S "$socket.ctl"
}

# Lines of KEY<TAB>VALUE, for ever: PREFIX/NUMBER has "value NUMBER of PREFIX".
lines() { # PREFIX [COUNT]
	awk -v p="$1" -v n="${2:-1000000}" \
		'BEGIN { for (i = 1; i <= n; i++) printf "%s/%07d\tvalue %d of %s\n", p, i, i, p }'
}

# A node stores such lines, so many in a transaction, and tells on its console of what
# is durable.
puts_for_ever() { # NODE PREFIX BATCH
	vm_exec "$1" "(awk 'BEGIN { for (i = 1; i <= 1000000; i++) printf \"$2/%07d\\tvalue %d of $2\\n\", i, i }' |
		fam kv import --batch $3 --ack 2>&1 |
		while read -r n; do echo \"ack \$n\"; done >/dev/ttyS0) >/dev/null 2>&1 </dev/null &"
}

# The last number that a node has told of on its console; 0: none.
acked() { # NODE
	tr -d '\r' <"$(vm_dir)/$1.console" | sed -n 's/^ack \([0-9][0-9]*\)$/\1/p' | tail -n 1 | grep . || echo 0
}

has_acked() { # NODE COUNT
	(($(acked "$1") >= $2))
}

# all_there PREFIX BATCH ACKED [MORE]: the pairs 1 to ACKED, whole, and whole
# transactions of BATCH behind them: up to MORE pairs.
all_there() {
	local here batch=$2
	kv export "$1/" >"$dir/here"
	here=$(wc -l <"$dir/here")
	((here >= $3)) || die "of $1 $3 were acknowledged, $here are there" || return
	((here <= $3 + ${4:-here})) || die "of $1 $3 were acknowledged, but $here are there" || return
	((here % batch == 0)) || die "of $1 $here are there: a half of a transaction" || return
	diff "$dir/here" <(lines "$1" "$here") || die "$1 is not as it was put"
}

# The history says the same as the map: each key was put once.
history_agrees() {
	kv log --json | jq -e '[.changes[].number] == [range(1; (.changes | length) + 1)]' >/dev/null ||
		die "numbers are missing" || return
	diff <(kv log --json | jq -r '.changes[].key' | sort) <(kv list | sort) ||
		die "the history and the map differ"
}

@test "two nodes and the host share one store" {
	serve
	vm_start -f "$fabric" n1
	vm_start -d "$fabric:$socket" n2
	vm_exec n1 "fam kv put from/n1 'hello of n1'"
	vm_exec n2 'head -c 300000 /dev/urandom >/tmp/in && fam kv put from/n2 </tmp/in'
	kv put from/host 'hello of the host'
	[[ $(kv get from/n1) == 'hello of n1' ]]
	[[ $(vm_exec n2 'fam kv get from/host') == 'hello of the host' ]]
	[[ $(vm_exec n2 'md5sum </tmp/in') == "$(kv get from/n2 | md5sum)" ]]
	[[ $(vm_exec n1 'fam kv get from/n2 | md5sum') == "$(kv get from/n2 | md5sum)" ]]
	run vm_exec n1 'fam kv list'
	expect 0 $'from/host\nfrom/n1\nfrom/n2'
	run kv log --json
	expect 0
	jq -e '[.changes[].node][0:2] == ["n1", "n2"] and .changes[1].bytes == 300000' <<<"$output"
	vm_exec n1 'fam kv rm from/n2 from/host'
	run vm_exec n2 'fam kv get from/host'
	expect 7 "there is no key 'from/host' in heap 'kv'"
	run vm_exec n2 'fam heap stat kv --json'
	expect 0
	jq -e '.objects > 0 and .used + .free + .idle == .space' <<<"$output"
	vm_stop n1
	vm_stop n2
}

@test "a node follows what others change" {
	serve
	vm_start -f "$fabric" n1
	kv put first 1 --bytes 8M
	vm_exec n1 '(fam kv log --follow --from 1 >/tmp/log 2>&1 </dev/null &)'
	told() { vm_exec n1 "grep -q '$1' /tmp/log"; }
	wait_until 60 told 'put 1 B *first' || die "$(vm_exec n1 'cat /tmp/log')"
	kv put second 22
	kv rm first
	wait_until 60 told 'rm  - *first' || die "$(vm_exec n1 'cat /tmp/log')"
	told 'put 2 B *second'
	vm_stop n1
}

@test "a node dies in the middle of puts: all acknowledged are there, others go on" {
	local round n1 n2 host=0
	serve
	vm_start -d "$fabric:$socket" n2
	kv put first 1 --bytes 192M
	# For ever, on the host and in the node that lives.
	lines host 3>&- | "$FAM_BUILD/bin/fam" -f "$fabric" kv import --batch 1 --ack >"$dir/host.acks" 2>"$dir/host.err" 3>&- &
	writer=$!
	puts_for_ever n2 n2 2
	for round in 1 2; do
		vm_start -f "$fabric" "n1$round"
		puts_for_ever "n1$round" "r$round" "$round"
		wait_until 100 has_acked "n1$round" 10 || die "node n1$round stores nothing"
		n2=$(acked n2) host=$(wc -l <"$dir/host.acks")
		vm_kill "n1$round"
		# What it held is free when it is known to be dead; nobody waits for ever.
		wait_until 60 has_acked n2 $((n2 + 4)) || die "the other node does not go on"
		goes_on() { (($(wc -l <"$dir/host.acks") >= host + 2)); }
		wait_until 60 goes_on || die "the host does not go on: $(cat "$dir/host.err")"
		n1=$(acked "n1$round")
		# What was told last may not have reached the console.
		all_there "r$round" "$round" "$n1"
	done
	vm_kill n2
	n2=$(acked n2)
	proc_end "$writer"
	writer=''
	all_there n2 2 "$n2"
	host=$(tail -n 1 "$dir/host.acks")
	all_there host 1 "$host" 1
	# Nobody is left: somebody new finds all of it, and no less.
	kv put last 1
	history_agrees
	run famctl check-fabric "$fabric"
	expect 0
}

@test "without a server nothing can be stored, and nothing is" {
	vm_start -f "$fabric" n1
	run vm_exec n1 'fam kv put x 1'
	expect 5 "fam: cannot open heap 'kv': the server is gone"
	serve
	vm_exec n1 'fam kv put x 1 --bytes 8M'
	kill -KILL "$server"
	wait "$server" || true
	server=''
	run vm_exec n1 'fam kv put y 2'
	expect 5 'the server is gone'
	[[ $(kv list) == x ]]
	rm -f "${socket:?}"*
	serve
	vm_exec n1 'fam kv put z 3'
	[[ $(kv list | tr '\n' ' ') == 'x z ' ]]
	[[ $(kv log --json | jq -c '[.changes[].key]') == '["x","z"]' ]]
	vm_stop n1
}
