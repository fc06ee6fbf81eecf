#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Real QEMU guests, emulated, attached by ivshmem-doorbell.

export BATS_TEST_TIMEOUT=400
# shellcheck source=tests/server/server.bash
source "$BATS_TEST_DIRNAME/server.bash"

pid_a=0 # set by start_guest

setup() {
	server_setup
	[[ -n $(kernel) ]] || skip "no kernel for guests"
	command -v qemu-system-x86_64 >/dev/null || skip "no QEMU"
	DEADLINE=120
}

teardown() {
	server_teardown
}

uuid_a=11111111-2222-4333-8444-555555555501
uuid_b=11111111-2222-4333-8444-555555555502

guest_id() { # NAME
	local answer
	answer=$(ask "$1" id)
	printf '%s\n' "${answer#id }"
}

@test "three guests see the size, share memory and ring a host program" {
	start_server -f fabric -t -m 16 -n 4
	attach h host
	start_guest a 4 -uuid "$uuid_a" -name guest=anna,debug-threads=on
	start_guest b 4 -uuid "$uuid_b" -name guest=berta
	start_guest c 4
	wait_for guest_ready a
	wait_for guest_ready b
	wait_for guest_ready c
	asked a size "size 16777216"
	asked a "put 4096 77001" "done"
	asked b "get 4096" "word 77001"
	asked h "get 4096" "word 77001"
	asked h "put 8192 88002" "done"
	asked c "get 8192" "word 88002"
	local id
	id=$(id_of h)
	asked a "ring $id 0" "done"
	asked h "wait 0" "rang 1"
	asked b "ring $id 3" "done"
	asked h "wait 3" "rang 1"
	asked c "ring $id 1" "done"
	asked h "wait 1" "rang 1"
	asked h "quiet 0" silence
	# the server is a peer, too
	asked a "ring 0 2" "done"
	wait_for rings_is 2 1
	# nodes have their names, the three IDs differ
	expect 0 "$tools/fam-ctl" "$SOCK.ctl" list
	output_has "uuid $uuid_a name anna"
	output_has "uuid $uuid_b name berta"
	[[ $(printf '%s\n' "$(guest_id a)" "$(guest_id b)" "$(guest_id c)" |
		sort -u | wc -l) == 3 ]]
	# what the guests stored is in the file after all are gone
	detach a
	detach b
	detach c
	stop_server
	[[ $(od -An -t u8 -j 4096 -N 8 fabric | tr -d ' ') == 77001 ]]
}

rings_is() { # VECTOR COUNT
	[[ $("$tools/fam-ctl" "$SOCK.ctl" status |
		awk -v v="$1" '$1 == "rings" && $2 == v { print $3 }') == "$2" ]]
}

@test "a node that is killed or reboots keeps its ID, and others live on" {
	start_server -f fabric -t -m 16 -n 2
	start_guest a 2 -uuid "$uuid_a" -name guest=anna
	start_guest b 2 -uuid "$uuid_b" -name guest=berta
	wait_for guest_ready a
	wait_for guest_ready b
	local id_a id_b i
	id_a=$(guest_id a)
	id_b=$(guest_id b)
	# a reboot: same QEMU, same connection
	tell b reboot
	wait_for guest_ready b 2
	[[ $(guest_id b) == "$id_b" ]]
	# killed and started, three times; strangers come and go between
	for i in 1 2 3; do
		detach b
		attach "x$i" modern 2
		detach "x$i"
		rm -f b.in b.out
		start_guest b 2 -uuid "$uuid_b" -name guest=berta
		wait_for guest_ready b
		[[ $(guest_id b) == "$id_b" ]]
	done
	[[ $(guest_id a) == "$id_a" ]]
	# the one that lived through it rings the newest incarnation's fellow
	attach h host
	asked a "ring $(id_of h) 1" "done"
	asked h "wait 1" "rang 1"
	asked b "ring $(id_of h) 0" "done"
	asked h "wait 0" "rang 1"
	kill -0 "$pid_a"
}

@test "guests outlive the server and ring each other through a take-over" {
	start_server -f fabric -t -m 16 -n 2
	start_guest a 2 -uuid "$uuid_a" -name guest=anna
	attach h host
	wait_for guest_ready a
	local id
	id=$(id_of h)
	expect 0 "$tm_server" --take-over -p "$SOCK"
	status_is lives 1
	status_is attached 2
	asked a "ring $id 0" "done"
	asked h "wait 0" "rang 1"
	asked a "ring 0 1" "done"
	wait_for rings_is 1 1
	# who comes afterwards and who was there ring each other
	attach k host
	asked a "ring $(id_of k) 1" "done"
	asked k "wait 1" "rang 1"
	# killed: memory and old doorbells stay
	stop_server KILL 137
	asked a "put 64 5" "done"
	asked h "get 64" "word 5"
	asked a "ring $id 1" "done"
	asked h "wait 1" "rang 1"
	# the next one goes on above the IDs in use
	start_server -f fabric -n 2
	attach l host
	(($(id_of l) > $(id_of k)))
	asked l "get 64" "word 5"
	kill -0 "$pid_a"
}

@test "a guest with fewer vectors than the server costs nobody anything" {
	start_server -f fabric -t -m 16 -n 4
	# QEMU takes O_NONBLOCK off the descriptors that it has no use for.
	attach first host
	local id
	id=$(id_of first)
	start_guest a 1
	wait_for guest_ready a
	detach first
	attach second host
	# the same ID, and so the same eventfds
	[[ $(id_of second) == "$id" ]]
	asked second "ring $(guest_id a) 0" "done"
	asked a "ring $id 0" "done"
	asked second "wait 0" "rang 1"
}
