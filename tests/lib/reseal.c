// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * usage: reseal FILE version|incompat|label VALUE
 * Sets one field in both superblocks and their checksums: what a newer or an
 * odd program may leave. Linked with layout.c and crc32c.c of guest-lib.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam/layout.h>

static int set(struct fam_superblock *sb, const char *field, const char *value)
{
	if (!strcmp(field, "version"))
		sb->version = (uint16_t)atoi(value);
	else if (!strcmp(field, "incompat"))
		sb->feature_incompat = (uint32_t)atoi(value);
	else if (!strcmp(field, "label"))
		strncpy(sb->label, value, sizeof(sb->label) - 1);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct fam_superblock sb;
	int fd = argc == 4 ? open(argv[1], O_RDWR) : -1;

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		off_t at = (off_t)fam_superblock_offset(i);

		if (pread(fd, &sb, sizeof(sb), at) != sizeof(sb) ||
		    set(&sb, argv[2], argv[3]) < 0)
			return 1;
		fam_superblock_seal(&sb, i);
		if (pwrite(fd, &sb, sizeof(sb), at) != sizeof(sb))
			return 1;
	}
	return 0;
}
