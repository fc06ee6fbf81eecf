// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The blocks of a file: which pieces have some, and giving them back. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "trim-parts.h"

#define EXTENTS 32 /* asked for at once */
#define TRIES	100
#define CHUNK	(UINT64_C(4) << 20) /* dropped at once */

union map {
	struct fiemap head;
	char room[sizeof(struct fiemap) +
		  EXTENTS * sizeof(struct fiemap_extent)];
};

/* What follows without a gap is one piece. */
static uint64_t join(const union map *map, uint64_t *offset, uint64_t end)
{
	const struct fiemap_extent *e = map->head.fm_extents;
	uint64_t from = e->fe_logical, to = from;

	for (uint32_t i = 0; i < map->head.fm_mapped_extents; i++, e++) {
		if (e->fe_logical != to)
			break;
		to += e->fe_length;
	}
	from = from > *offset ? from : *offset;
	to = to < end ? to : end;
	*offset = from;
	return to > from ? to - from : 0;
}

/* Also what is reserved and was never written, which SEEK_DATA leaves out. */
static bool find_extent(int fd, uint64_t *offset, uint64_t end, uint64_t *bytes)
{
	union map map;

	memset(&map, 0, sizeof(map));
	map.head.fm_start = *offset;
	map.head.fm_length = end - *offset;
	map.head.fm_extent_count = EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, &map) < 0)
		return false;
	*bytes = map.head.fm_mapped_extents ? join(&map, offset, end) : 0;
	return true;
}

/* File systems in memory know no reserved space that was not written. */
static uint64_t find_data(int fd, uint64_t *offset, uint64_t end)
{
	off_t data = lseek(fd, (off_t)*offset, SEEK_DATA), hole;

	if (data < 0 && errno == ENXIO)
		return 0;
	if (data < 0)
		return end - *offset;
	if ((uint64_t)data >= end)
		return 0;
	hole = lseek(fd, data, SEEK_HOLE);
	if (hole <= data || (uint64_t)hole > end)
		hole = (off_t)end;
	*offset = (uint64_t)data;
	return (uint64_t)(hole - data);
}

uint64_t trim_blocks_find(int fd, uint64_t *offset, uint64_t end)
{
	const uint64_t page = FAM_REGIONS_GRAIN;
	uint64_t bytes;

	if (*offset >= end)
		return 0;
	if (!find_extent(fd, offset, end, &bytes))
		bytes = find_data(fd, offset, end);
	if (bytes == 0)
		return 0;
	/* Blocks may be smaller. */
	bytes += *offset % page;
	*offset -= *offset % page;
	return (bytes + page - 1) / page * page;
}

static int drop_chunk(struct fam *fam, int mode, uint64_t offset,
		      uint64_t bytes)
{
	/* What has begun goes on where a signal cut it short. */
	for (int i = 0; i < TRIES; i++) {
		if (!fam_park_self(fam))
			return fam_park_why(fam);
		if (fallocate(fam->source.fd, mode | FALLOC_FL_KEEP_SIZE,
			      (off_t)offset, (off_t)bytes) == 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return -EINTR;
}

int trim_blocks_drop(struct fam *fam, enum fam_trim how, uint64_t offset,
		     uint64_t bytes)
{
	int mode = how == FAM_TRIM_PUNCH ? FALLOC_FL_PUNCH_HOLE
					 : FALLOC_FL_ZERO_RANGE;
	int error = 0;

	for (uint64_t done = 0; error == 0 && done < bytes; done += CHUNK) {
		uint64_t n = bytes - done < CHUNK ? bytes - done : CHUNK;

		error = drop_chunk(fam, mode, offset + done, n);
	}
	return error;
}
