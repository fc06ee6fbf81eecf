// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Writes over the directory of regions while others use it: flips bits, zeroes
 * pieces, copies pieces over others, and makes entries that lie with a checksum
 * that fits. All but the lock itself, which one who lies can keep for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <fam-regions.h>
#include <fam/layout.h>

#include "stress.h"

#define LOCK_BYTES 64 /* at the beginning: left alone */

static struct scribbler {
	struct fam_superblock sb;
	struct fam_regions_places places;
	unsigned char *area;
	uint64_t random, used; /* of the area, in bytes */
} s;

static uint64_t dice(uint64_t sides)
{
	return next_random(&s.random) % sides;
}

/* Mostly where something is: the beginning of each part. */
static uint64_t somewhere(void)
{
	const uint64_t parts[] = {0, s.places.seen, s.places.open,
				  s.places.copy[0], s.places.copy[1]};
	uint64_t from = parts[dice(5)];
	uint64_t span = from == 0 ? 4096 : 64 * 1024;

	if (from + span > s.used || dice(16) == 0)
		return LOCK_BYTES + dice(s.used - LOCK_BYTES);
	from += dice(span);
	return from < LOCK_BYTES ? LOCK_BYTES : from;
}

static uint64_t some_length(uint64_t at)
{
	uint64_t bytes = 1 + dice(dice(8) ? 64 : 1024);

	return at + bytes > s.used ? s.used - at : bytes;
}

static uint64_t any_number(void)
{
	switch (dice(5)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - dice(4096);
	case 2:
		return s.sb.data_offset + dice(s.sb.data_bytes) / 4096 * 4096;
	case 3:
		return UINT64_C(1) << dice(64);
	default:
		return dice(1 << 20);
	}
}

/* Whole by its checksum, and untrue. */
static void lie(void)
{
	uint32_t index = (uint32_t)dice(64), le = index;
	uint64_t at = s.places.copy[dice(2)] +
		      index * sizeof(struct fam_region_entry);
	struct fam_region_entry e;
	uint32_t crc;

	memcpy(&e, s.area + at, sizeof(e));
	for (uint64_t n = 1 + dice(3); n > 0; n--) {
		uint64_t *word = &((uint64_t *)(void *)&e)[1 + dice(15)];

		*word = any_number();
	}
	e.state %= 4;
	e.crc32c = 0;
	crc = fam_crc32c(0, s.sb.uuid, sizeof(s.sb.uuid));
	crc = fam_crc32c(crc, &le, sizeof(le));
	e.crc32c = fam_crc32c(crc, &e, sizeof(e));
	memcpy(s.area + at, &e, sizeof(e));
}

static void scribble(void)
{
	uint64_t at = somewhere(), bytes = some_length(at), from;

	switch (dice(6)) {
	case 0:
		memset(s.area + at, 0, bytes);
		break;
	case 1:
		from = somewhere();
		if (from + bytes <= s.used)
			memmove(s.area + at, s.area + from, bytes);
		break;
	case 2:
		lie();
		break;
	case 3:
		at = (at + 7) / 8 * 8;
		if (at + 8 <= s.used)
			*(uint64_t *)(void *)(s.area + at) = any_number();
		break;
	default:
		s.area[at] ^= (unsigned char)(1u << dice(8));
		break;
	}
}

static void map_area(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pread(fd, &s.sb, sizeof(s.sb), 0) != sizeof(s.sb) ||
	    fam_superblock_check(&s.sb, 0) < 0 || !s.sb.regions_bytes)
		fail("%s: cannot be scribbled on", path);
	s.places = fam_regions_places(fam_regions_fit(s.sb.regions_bytes));
	s.used = s.places.end;
	s.area = mmap(NULL, s.used, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)s.sb.regions_offset);
	if (s.area == MAP_FAILED)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

int scribble_run(const struct want *want)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	time_t until = time(NULL) + want->seconds;
	uint64_t count = 0;

	s.random = want->seed * 2654435761u + 77;
	map_area(want->fabric);
	for (; time(NULL) < until; count++) {
		scribble();
		nanosleep(&pause, NULL);
	}
	printf("# scribbled %llu times\n", (unsigned long long)count);
	return 0;
}
