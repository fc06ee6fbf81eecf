/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_SUPERBLOCKS_H
#define TESTS_SUPERBLOCKS_H

#include <errno.h>
#include <unistd.h>

#include <fam/layout.h>

/* Write all copies of @sb into the file of a fabric; 0 or a negative errno. */
static inline int superblocks_write(int fd, struct fam_superblock *sb)
{
	for (unsigned int copy = 0; copy < FAM_SUPERBLOCK_COPIES; copy++) {
		fam_superblock_seal(sb, copy);
		errno = EIO;
		if (pwrite(fd, sb, sizeof(*sb),
			   (off_t)fam_superblock_offset(copy)) != sizeof(*sb))
			return -errno;
	}
	return 0;
}

#endif
