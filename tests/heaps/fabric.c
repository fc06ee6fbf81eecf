// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Fabrics that stories are told of. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam-sessions.h>

#include "internal.h"

#include "lib/superblocks.h"
#include "story.h"

#define FABRIC_BYTES (UINT64_C(16) << 20)

/* What is not zeros where the heap is made. */
static void fill_end_of_data(int fd, const struct fam_superblock *sb)
{
	static uint8_t before[STORY_DATA];

	memset(before, 0xaa, sizeof(before));
	if (pwrite(fd, before, STORY_DATA,
		   (off_t)(sb->regions_offset - STORY_DATA)) !=
	    (ssize_t)STORY_DATA)
		abort();
}

void story_fabric(char path[64])
{
	const uint8_t uuid[FAM_UUID_BYTES] = {8, 0xfa};
	struct fam_superblock sb;
	int fd;

	snprintf(path, 64, "/dev/shm/fam-heaps-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, FABRIC_BYTES) < 0 ||
	    fam_superblock_init(&sb, FABRIC_BYTES, "cut", uuid, 42,
				FAM_DURABILITY_HOST) < 0 ||
	    fam_superblock_set_regions(&sb, FAM_REGIONS_ALIGN) < 0 ||
	    superblocks_write(fd, &sb) < 0)
		abort();
	fill_end_of_data(fd, &sb);
	close(fd);
}

int story_attach(const char *path, uint64_t boot, struct fam **out)
{
	int r = fam_open(out, path, 0);

	if (r == 0)
		fam_session_table(*out)->boot = boot;
	return r;
}
