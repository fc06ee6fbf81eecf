// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * In the place of tm-server/sync.c: writes the pages out and waits for that, but
 * never has the disk empty its own cache. A server with it must lose records in a
 * power cut; otherwise the disk of the tests is not one that has such a cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "sync.h"

struct syncer {
	int fd;
};

int sync_open(struct syncer **out, int fd, uint64_t size, struct err *err)
{
	struct syncer *syncer = calloc(1, sizeof(*syncer));

	(void)size;
	if (!syncer)
		return err_set(err, -ENOMEM, "out of memory");
	syncer->fd = fd;
	*out = syncer;
	return 0;
}

int sync_ranges(struct syncer *syncer, struct fam_range *ranges, size_t count,
		struct sync_result *result)
{
	int flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		    SYNC_FILE_RANGE_WAIT_AFTER;

	*result = (struct sync_result){.ranged = true};
	for (size_t i = 0; i < count; i++) {
		if (sync_file_range(syncer->fd, (off_t)ranges[i].offset,
				    (off_t)ranges[i].length, flags) < 0)
			return -errno;
	}
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
	free(syncer);
}
