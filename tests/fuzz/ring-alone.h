/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FUZZ_RING_ALONE_H
#define FUZZ_RING_ALONE_H

/*
 * An attachment with a session and a table in memory, of which all memory of the
 * process is a window: what is fuzzed may lie anywhere in it.
 */
#include <stdlib.h>

#include "fam-park.h"
#include "internal.h"

#define ALONE_ID (UINT64_C(0x123456789abc) << 16)

static struct fam_sessions alone_table;

static int alone_post(struct fam *fam, struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	return 0;
}

static int alone_failed(struct fam *fam)
{
	(void)fam;
	return 0;
}

static const struct fam_persist_ops alone_disk = {
	.way = FAM_PERSIST_DRAIN,
	.cpu = true,
	.post = alone_post,
	.failed = alone_failed,
};

static inline struct fam *alone_open(void)
{
	static struct fam_park_own own;
	static struct fam_parking lot;
	static struct fam_parked parked;
	static struct fam_window window;
	static struct fam fam;

	fam = (struct fam){
		.source = {.fd = -1, .writable = true, .via = FAM_VIA_FILE},
		.persist = &alone_disk,
		.data_bytes = UINT64_C(1) << 62,
		.parked = &parked,
		.windows = &window,
	};
	window.start = 4096;
	window.length = (SIZE_MAX >> 1) - 4096;
	atomic_store(&own.id, ALONE_ID);
	parked.own = &own;
	parked.sessions = &alone_table;
	parked.table = &lot;
	alone_table.word[0] =
		fam_sessions_word(ALONE_ID >> 16, 0, FAM_SESSIONS_LIVE);
	return &fam;
}

#endif
