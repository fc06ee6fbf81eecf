// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Fabrics that stories are told of. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/superblocks.h"
#include "regions/fam-region.h"

#include "story.h"

#define FABRIC_BYTES (UINT64_C(16) << 20)

uint64_t story_word(uint64_t serial, uint64_t at)
{
	uint64_t state = serial * 1000003 + at;

	return tape_random(&state) | 1;
}

static void fill_end_of_data(int fd, const struct fam_superblock *sb)
{
	static uint64_t before[STORY_DATA / 8];

	for (size_t i = 0; i < STORY_DATA / 8; i++)
		before[i] = STORY_BEFORE;
	if (pwrite(fd, before, STORY_DATA,
		   (off_t)(sb->regions_offset - STORY_DATA)) !=
	    (ssize_t)STORY_DATA)
		abort();
}

void story_fabric(char path[64])
{
	const uint8_t uuid[FAM_UUID_BYTES] = {7, 0xfa};
	struct fam_superblock sb;
	int fd;

	snprintf(path, 64, "/dev/shm/fam-regions-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, FABRIC_BYTES) < 0 ||
	    fam_superblock_init(&sb, FABRIC_BYTES, "cut", uuid, 42,
				FAM_DURABILITY_HOST) < 0 ||
	    superblocks_write(fd, &sb) < 0)
		abort();
	fill_end_of_data(fd, &sb);
	close(fd);
}

void story_boot(struct fam *fam, uint64_t boot)
{
	fam_session_table(fam)->boot = boot;
}
