// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Makes a formatted fabric. usage: fam-format FILE BYTES LABEL [old] */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <fam/layout.h>

#include "lib/superblocks.h"

int main(int argc, char **argv)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1, 2, 3};
	static struct fam_superblock sb;
	int fd;

	if (argc < 4)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, atoll(argv[2])) < 0)
		return 1;
	if (fam_superblock_init(&sb, strtoull(argv[2], NULL, 10), argv[3], uuid,
				1, FAM_DURABILITY_HOST) < 0)
		return 1;
	/* as one that was made before there were any */
	if (argc > 4) {
		sb.feature_compat = 0;
		sb.mailbox_offset = sb.mailbox_bytes = 0;
		sb.sessions_offset = sb.sessions_bytes = 0;
		sb.parking_offset = sb.parking_bytes = 0;
		if (fam_superblock_set_objects(&sb, 0) < 0)
			return 1;
	}
	return superblocks_write(fd, &sb) < 0;
}
