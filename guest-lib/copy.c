// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "internal.h"

/*
 * All ways copy alike. A disk does not need the CPU's caches written back, since
 * the kernel reads through them, but beside the disk that costs nothing, and
 * larger pieces are copied faster past the caches (tests/bench/bench-copy.c).
 */

/* All that is checked before a byte is written. */
static int find(struct fam *fam, const void *dest, size_t len, uint64_t *offset)
{
	*offset = 0;
	if (!fam->source.writable)
		return -EROFS;
	return len ? fam_map_find(fam, dest, len, offset) : 0;
}

/* Where the CPU's part is all, it is quicker to say so than to go through it. */
static int settle(struct fam *fam, uint64_t offset, size_t len)
{
	if (!fam->persist->cpu)
		return fam_persist_range(fam, offset, len);
	fam_drain(fam);
	return fam->persist->failed(fam);
}

int fam_memcpy_persist(struct fam *fam, void *dest, const void *src, size_t len)
{
	uint64_t offset;
	int r = find(fam, dest, len, &offset);

	if (r < 0)
		return r;
	fam_memcpy_nodrain(fam, dest, src, len);
	return settle(fam, offset, len);
}

int fam_memset_persist(struct fam *fam, void *dest, int byte, size_t len)
{
	uint64_t offset;
	int r = find(fam, dest, len, &offset);

	if (r < 0)
		return r;
	fam_memset_nodrain(fam, dest, byte, len);
	return settle(fam, offset, len);
}
