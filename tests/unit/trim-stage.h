/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_TRIM_STAGE_H
#define TESTS_TRIM_STAGE_H

/*
 * A fabric whose blocks are given back, and what happens meanwhile. To be linked
 * with --wrap=fallocate64,--wrap=fam_persist_range. After <cmocka.h>.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include <fam/fam.h>
#include <fam/region.h>

#include "fabric-file.h"
#include "regions/fam-region.h"

#define LARGE	(4 * MIB)
#define DURABLE 0u

static struct workdir work;
static char path[512];
static struct fam *fam;

/* What happens when blocks are dropped: the kernel's part, and before it this. */
static int (*on_drop)(int mode, uint64_t offset, uint64_t bytes);
static unsigned int drops;

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes);
int __real_fallocate64(int fd, int mode, off_t offset, off_t bytes);

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes)
{
	int error =
		on_drop ? on_drop(mode, (uint64_t)offset, (uint64_t)bytes) : 0;

	drops++;
	if (error) {
		errno = -error;
		return -1;
	}
	return __real_fallocate64(fd, mode, offset, bytes);
}

/* What is made durable of data, and what happens then. */
static void (*on_persist)(uint64_t offset);

int __wrap_fam_persist_range(struct fam *f, uint64_t offset, size_t len);
int __real_fam_persist_range(struct fam *f, uint64_t offset, size_t len);

int __wrap_fam_persist_range(struct fam *f, uint64_t offset, size_t len)
{
	if (on_persist)
		on_persist(offset);
	return __real_fam_persist_range(f, offset, len);
}

static inline int set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/var/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s", fabric_make(&work, "trim", 1, NULL));
	on_drop = NULL;
	on_persist = NULL;
	drops = 0;
	return fam_open(&fam, path, 0);
}

static inline int tear_down(void **state)
{
	(void)state;
	fam_close(fam);
	return workdir_remove(&work);
}

static inline uint64_t blocks(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* But for some pages of the directory, which were never written before. */
static inline void assert_given_back(uint64_t before, uint64_t bytes)
{
	assert_true(blocks() + bytes <= before + 64 * 1024);
}

/* A region full of one byte, on the disk. */
static inline void make(const char *name, uint64_t bytes, int byte)
{
	const struct fam_region_want want = {
		.bytes = bytes,
		.flags = FAM_REGION_WRITE,
	};
	struct fam_region *region;
	void *data;

	assert_int_equal(fam_region_create(fam, name, &want, &region), 0);
	assert_int_equal(fam_region_map(region, 0, 0, &data), 0);
	memset(data, byte, bytes);
	assert_int_equal(fam_persist(fam, data, bytes), 0);
	fam_region_close(region);
}

static inline bool is_full_of(const uint8_t *data, uint64_t bytes, int byte)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (data[i] != byte)
			return false;
	}
	return true;
}

static inline void check(const char *name, uint64_t bytes, int byte)
{
	struct fam_region *region;
	void *data;

	assert_int_equal(fam_region_open(fam, name, FAM_REGION_READ, &region),
			 0);
	assert_int_equal(fam_region_map(region, 0, 0, &data), 0);
	assert_true(is_full_of(data, bytes, byte));
	fam_region_close(region);
}

static inline void destroy(const char *name, uint32_t flags)
{
	assert_int_equal(fam_region_destroy(fam, name, flags), 0);
}

static inline uint64_t offset_of(const char *name)
{
	struct fam_region_info info;

	assert_int_equal(fam_region_find(fam, name, &info, sizeof(info)), 0);
	return info.offset;
}

static struct fam_region_space space(void)
{
	struct fam_region_space s;

	assert_int_equal(fam_region_space(fam, &s, sizeof(s)), 0);
	return s;
}

static inline int trim(enum fam_trim how, bool all, uint64_t *bytes)
{
	const struct fam_trim_want want = {.how = how, .all = all};

	return fam_regions_trim(fam, &want, bytes);
}

static inline void trim_marked(uint64_t expected)
{
	uint64_t bytes;

	assert_int_equal(trim(FAM_TRIM_PUNCH, false, &bytes), 0);
	assert_int_equal(bytes, expected);
}

static inline void assert_all_free(void)
{
	struct fam_region_space s = space();

	assert_int_equal(s.taken, 0);
	assert_int_equal(s.free, s.bytes);
	assert_int_equal(s.pieces, 1);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
