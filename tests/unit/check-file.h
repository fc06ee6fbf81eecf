/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CHECK_FILE_H
#define TESTS_CHECK_FILE_H

/*
 * A fabric with regions and objects, to be spoilt and checked: opened, and all of
 * it as bytes. After <cmocka.h>, "fabric-file.h".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <fam-objects.h>
#include <fam/check.h>
#include <fam/fam.h>
#include <fam/region.h>

#include "regions/fam-region.h"

#define FABRIC_BYTES   (16 * MIB)
#define REGIONS_OFFSET (14 * MIB)
#define OBJECTS_OFFSET (15 * MIB)
#define REGIONS	       30
#define OBJECTS	       10
#define PROBLEMS       64

struct check_file {
	struct workdir work;
	char *path;
	struct fam *fam;
	char *bytes; /* of the whole fabric */
	struct fam_regions_places regions;
	struct fam_objects_places objects;
	/* What the last check has found. */
	struct fam_check_problem problem[PROBLEMS];
	size_t problems;
	struct fam_check_summary sum;
};

/* Nothing goes to the disk: so it is fast. */
static inline void check_file_in_memory(struct fam_superblock *sb)
{
	sb->durability = FAM_DURABILITY_GUEST;
}

static inline int check_file_set_up(struct check_file *f, const char *base,
				    void (*change)(struct fam_superblock *sb))
{
	int fd;

	memset(f, 0, sizeof(*f));
	if (workdir_make(&f->work, base))
		return -1;
	f->path = strdup(fabric_make(&f->work, "check", 1, change));
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	f->bytes = mmap(NULL, FABRIC_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);
	close(fd);
	assert_true(f->bytes != MAP_FAILED);
	f->regions = fam_regions_places(fam_regions_fit(MIB));
	f->objects = fam_objects_places(MIB);
	return fam_open(&f->fam, f->path, 0);
}

static inline int check_file_tear_down(struct check_file *f)
{
	fam_close(f->fam);
	munmap(f->bytes, FABRIC_BYTES);
	free(f->path);
	return workdir_remove(&f->work);
}

/* --- what is in it ------------------------------------------------------------- */

static inline void check_file_name(char name[32], int i)
{
	snprintf(name, 32, "r%02d/%s", i, i % 3 ? "part" : "\xc3\xa4");
}

static inline void check_file_create(struct fam *fam, int i)
{
	const struct fam_region_want want = {
		.bytes = (uint64_t)(i % 7) * 5000 + 1,
		.mode = 0640,
		.type = (uint32_t)i % 2,
		.flags = FAM_REGION_NO_SYNC,
	};
	char name[32];

	check_file_name(name, i);
	assert_int_equal(fam_region_create(fam, name, &want, NULL), 0);
}

/* Regions, the entries of some that are gone, and objects. */
static inline void check_file_fill(struct fam *fam)
{
	char name[32];

	for (int i = 0; i < REGIONS + 2; i++)
		check_file_create(fam, i);
	for (int i = REGIONS; i < REGIONS + 2; i++) {
		check_file_name(name, i);
		assert_int_equal(
			fam_region_destroy(fam, name, FAM_REGION_NO_SYNC), 0);
	}
	assert_int_equal(fam_region_sync(fam), 0);
	for (int i = 0; i < OBJECTS + 2; i++) {
		const struct fam_object_want want = {
			.type = i % 2 ? FAM_OBJECT_MUTEX : FAM_OBJECT_MEMORY,
			.flags = FAM_OBJECT_CREATE,
			.bytes = 100,
		};
		struct fam_object *object;

		snprintf(name, sizeof(name), "o%d", i);
		assert_int_equal(fam_object_open(fam, name, &want, &object), 0);
		fam_object_close(object);
		if (i >= OBJECTS)
			assert_int_equal(fam_object_remove(fam, name), 0);
	}
}

/* --- as bytes --------------------------------------------------------------------- */

static inline struct fam_regions_live *check_file_live(struct check_file *f)
{
	return (void *)(f->bytes + REGIONS_OFFSET);
}

static inline struct fam_region_entry *
check_file_entry(struct check_file *f, unsigned int copy, uint32_t i)
{
	return (struct fam_region_entry *)(void *)(f->bytes + REGIONS_OFFSET +
						   f->regions.copy[copy]) +
	       i;
}

static inline struct fam_regions_seen *check_file_seen(struct check_file *f,
						       uint32_t i)
{
	return (struct fam_regions_seen *)(void *)(f->bytes + REGIONS_OFFSET +
						   f->regions.seen) +
	       i;
}

static inline struct fam_sessions *check_file_sessions(struct check_file *f)
{
	return (void *)(f->bytes + FAM_SESSIONS_OFFSET);
}

/* Index of the entry of region @i, as check_file_fill() made it; -1. */
static inline int check_file_find(struct check_file *f, int i)
{
	char name[32];

	check_file_name(name, i);
	for (uint32_t n = 0; n < f->regions.entries; n++) {
		const struct fam_region_entry *e = check_file_entry(f, 0, n);

		if (e->state == FAM_REGION_READY && strcmp(e->name, name) == 0)
			return (int)n;
	}
	return -1;
}

/* --- checking ------------------------------------------------------------------------ */

static inline int check_file_note(const struct fam_check_problem *p, void *arg)
{
	struct check_file *f = arg;

	assert_true(f->problems < PROBLEMS);
	assert_true(p->part[0] && p->text[0] && p->bytes);
	f->problem[f->problems++] = *p;
	return 0;
}

static inline int check_file_check(struct check_file *f, struct fam *fam,
				   unsigned int flags)
{
	f->problems = 0;
	return fam_check(fam, flags, check_file_note, f, &f->sum);
}

/* The problem a byte of the fabric belongs to; NULL: none was found there. */
static inline const struct fam_check_problem *
check_file_at(const struct check_file *f, uint64_t offset)
{
	for (size_t i = 0; i < f->problems; i++) {
		const struct fam_check_problem *p = &f->problem[i];

		if (offset >= p->offset && offset - p->offset < p->bytes)
			return p;
	}
	return NULL;
}

static inline void check_file_tell(const struct check_file *f)
{
	for (size_t i = 0; i < f->problems; i++)
		print_error("%#jx, level %u%s: %s: %s\n",
			    (uintmax_t)f->problem[i].offset,
			    f->problem[i].level,
			    f->problem[i].repaired ? ", repaired" : "",
			    f->problem[i].part, f->problem[i].text);
}

/* How many problems the last check has found. */
static inline void check_file_found(const struct check_file *f, size_t count)
{
	if (f->problems != count)
		check_file_tell(f);
	assert_int_equal(f->problems, count);
}

/* Nothing at all is wrong. */
static inline void check_file_is_clean(struct check_file *f)
{
	assert_int_equal(check_file_check(f, f->fam, 0), 0);
	check_file_found(f, 0);
}

#endif
