#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What was acknowledged survives a power cut at any moment, whatever the disk
# makes of the writes it was not told to keep. A disk is recorded while real
# guests and programs commit; then its power is cut again and again.
#	CRASH_CUTS	moments of each recording, each with none, all and some of the
#			writes since the last flush (20)
#	CRASH_COUNT	commits of each writer (200)
#	CRASH_FS	file systems (ext4)
#	FAM_SEED	of the cuts and the records

export BATS_TEST_TIMEOUT=$((240 + 6 * ${CRASH_CUTS:-20}))

setup() {
	load crash
	crash_requires
}

@test "control: a program that never asks loses what it acknowledged" {
	each host_loses
}

@test "control: servers that write nothing, or flush no disk, lose a node's" {
	each servers_lose tm-server-lying tm-server-unflushed
}

@test "host programs keep what they acknowledged, prepared fabric" {
	each host_keeps --prepare
}

@test "host programs keep what they acknowledged, unprepared fabric" {
	each host_keeps ''
}

@test "threads of a host program that share write-backs keep theirs" {
	each host_keeps --prepare --threads 4
	each host_keeps '' --threads 3 --group 7
}

@test "a node with a doorbell keeps what it acknowledged, prepared fabric" {
	each guest_keeps --prepare doorbell '' --copy '--group 8 --threads 2'
}

@test "a node without one keeps what it acknowledged, unprepared fabric" {
	each guest_keeps '' plain '' '--group 3'
}

@test "a node with a flush window, and no server, keeps what it acknowledged" {
	each guest_keeps '' window '' '--threads 3'
}

@test "writers in a node and on the host at once all keep theirs" {
	each crowd_keeps
}

@test "a server that is killed and comes back meanwhile loses nothing" {
	each restart_keeps
}
