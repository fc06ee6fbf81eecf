// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * For a server that acknowledges without writing anything to the disk: what a
 * power cut does to its clients must be found, or finding nothing with the real
 * one proves nothing. Linked in the place of tm-server/sync.c, for tests only.
 */
#include "sync.h"

struct syncer {
	char nothing;
};

int sync_open(struct syncer **out, int fd, uint64_t size, struct err *err)
{
	static struct syncer liar;

	(void)fd;
	(void)size;
	(void)err;
	*out = &liar;
	return 0;
}

int sync_ranges(struct syncer *syncer, struct fam_range *ranges, size_t count,
		struct sync_result *result)
{
	(void)syncer;
	(void)ranges;
	(void)count;
	*result = (struct sync_result){.us = 100, .ranged = true};
	return 0;
}

void sync_distrust(struct syncer *syncer, bool on)
{
	(void)syncer;
	(void)on;
}

void sync_renew(struct syncer *syncer)
{
	(void)syncer;
}

void sync_close(struct syncer *syncer)
{
	(void)syncer;
}
