#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# What fam put has stored is there after a power cut: the disk is looked at as it
# is at the moment when the command has ended, with what is in the memory lost.

export BATS_TEST_TIMEOUT=120

setup() {
	load crash
	crash_requires
}

@test "what put has stored is on the disk when it ends, under its name" {
	alone put_keeps
}

@test "a power cut while it stores leaves what was before" {
	alone put_half
}

@test "control: with --no-sync it is not" {
	alone put_loses
}

@test "removed, renamed, and resized regions are so after a power cut" {
	alone changes_keep
}
