#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# A key-value store survives a power cut at any moment: what was put or removed is
# so, what was under way has happened or has not, no value is torn, the history says
# the same as the map, and no space is lost. A disk is recorded while programs work;
# then its power is cut as in replay.bats.
#	KV_CUTS		moments of each recording (CRASH_CUTS, or 20)
#	CRASH_COUNT	changes of each program (150)
#	CRASH_FS	file systems (ext4)
#	FAM_SEED	of the cuts

export BATS_TEST_TIMEOUT=$((150 + 6 * ${KV_CUTS:-${CRASH_CUTS:-20}}))

setup_file() {
	load crash
	export CRASH_BUNDLE=$BATS_FILE_TMPDIR/bundle
	famctl make-bundle --dir "$CRASH_BUNDLE" --add "$CRASH_TOOLS/fam-kv-user" >/dev/null
}

setup() {
	load crash
	crash_requires
}

@test "control: a store that is not made durable is lost" {
	each kv_loses
}

@test "a store has what was acknowledged, prepared fabric" {
	each kv_keeps --prepare
}

@test "a store has what was acknowledged, unprepared fabric" {
	each kv_keeps
}

@test "programs that are killed meanwhile lose nothing" {
	each kv_survives
}

@test "a node and the host share a store" {
	each kv_shared doorbell
}
