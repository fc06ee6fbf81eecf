/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_FABRIC_FILE_H
#define TESTS_FABRIC_FILE_H

/* Fabric files in a directory of their own, for tests. After <cmocka.h>. */

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam/layout.h>

#include "lib/superblocks.h"

#define MIB (UINT64_C(1) << 20)

struct workdir {
	char dir[256];	/* what XDG_DATA_HOME is set to */
	char path[512]; /* what workdir_path() made last */
};

/* A new directory in @base; fabrics belong into its directory "fam". */
static inline int workdir_make(struct workdir *work, const char *base)
{
	snprintf(work->dir, sizeof(work->dir), "%s/fam-test-XXXXXX", base);
	if (!mkdtemp(work->dir))
		return -1;
	snprintf(work->path, sizeof(work->path), "%s/fam", work->dir);
	return mkdir(work->path, 0755) || chmod(work->dir, 0755) ||
	       setenv("XDG_DATA_HOME", work->dir, 1);
}

static inline int workdir_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int workdir_remove(struct workdir *work)
{
	return nftw(work->dir, workdir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *workdir_path(struct workdir *work, const char *name)
{
	snprintf(work->path, sizeof(work->path), "%s/fam/%s", work->dir, name);
	return work->path;
}

static inline int file_make(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/*
 * A sparse formatted fabric of 16 MiB. @change, if not NULL, alters both
 * superblocks before they are sealed.
 */
static inline const char *fabric_make(struct workdir *work, const char *label,
				      uint8_t id,
				      void (*change)(struct fam_superblock *sb))
{
	const uint8_t uuid[FAM_UUID_BYTES] = {id, 0xfa};
	struct fam_superblock sb;
	char name[80];
	int fd;

	snprintf(name, sizeof(name), "%s.fam", label);
	fd = file_make(workdir_path(work, name), 16 * MIB);
	assert_int_equal(fam_superblock_init(&sb, 16 * MIB, label, uuid, 42,
					     FAM_DURABILITY_HOST),
			 0);
	if (change)
		change(&sb);
	assert_int_equal(superblocks_write(fd, &sb), 0);
	close(fd);
	return work->path;
}

/* Spoil one byte of a copy. */
static inline void fabric_damage(const char *path, unsigned int copy)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(
		pwrite(fd, "!", 1, (off_t)fam_superblock_offset(copy) + 2000),
		1);
	close(fd);
}

#endif
