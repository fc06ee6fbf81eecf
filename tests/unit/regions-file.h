/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_REGIONS_FILE_H
#define TESTS_REGIONS_FILE_H

/*
 * A fabric, opened twice, whose directory of regions is looked at and changed
 * behind the calls of fam/region.h. After <cmocka.h>.
 */
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fabric-file.h"
#include "regions/opening.h"

#define PAGE UINT64_C(4096)

static struct workdir work;
static char *path;
static struct fam *fam, *two;
static struct fam_sessions *sessions; /* as bytes */

static inline int stage_set_up(void)
{
	const char *base = getenv("TMPDIR");
	int fd;

	if (workdir_make(&work, base ? base : "/var/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "regions", 1, NULL));
	fd = open(path, O_RDWR | O_CLOEXEC);
	sessions = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, FAM_SESSIONS_OFFSET);
	close(fd);
	return fam_open(&fam, path, 0) || fam_open(&two, path, 0);
}

static inline int stage_tear_down(void)
{
	fam_close(two);
	fam_close(fam);
	munmap(sessions, FAM_SESSIONS_BYTES);
	free(path);
	return workdir_remove(&work);
}

/* As if the host had been started anew, its disk being as its memory was. */
static inline void reboot(void)
{
	atomic_fetch_add(&sessions->boot, 1);
}

static inline struct fam_regions *lock(struct fam *by)
{
	struct fam_regions *r = NULL;

	assert_int_equal(fam_regions_lock(by, &r), 0);
	return r;
}

static inline struct fam_region_entry region(const char *name, uint64_t page,
					     uint64_t pages)
{
	struct fam_region_entry entry = {
		.serial = 77,
		.state = FAM_REGION_READY,
		.offset = FAM_DATA_OFFSET + page * PAGE,
		.space = pages * PAGE,
		.bytes = pages * PAGE,
		.mode = 0600,
	};

	strcpy(entry.name, name);
	return entry;
}

/* One change, with a lock of its own. */
static inline int put(struct fam *by, uint32_t index,
		      struct fam_region_entry entry, bool durable)
{
	struct fam_region_change change = {index, entry};
	struct fam_regions *r = lock(by);
	int error = fam_regions_change(by, r, &change, 1, durable);

	fam_regions_unlock(by, r);
	return error;
}

/* Two at once. */
static inline int put_both(struct fam *by, uint32_t index,
			   struct fam_region_entry entry, uint32_t other,
			   struct fam_region_entry second, bool durable)
{
	struct fam_region_change changes[] = {{index, entry}, {other, second}};
	struct fam_regions *r = lock(by);
	int error = fam_regions_change(by, r, changes, 2, durable);

	fam_regions_unlock(by, r);
	return error;
}

static inline struct fam_region_entry freed(struct fam_region_entry entry)
{
	fam_region_clear(&entry);
	return entry;
}

/* Index of a name; or a negative errno. */
static inline int find(struct fam *by, const char *name)
{
	struct fam_region_found found;
	struct fam_regions *r = lock(by);
	int error = fam_regions_lookup(by, r, name, &found);

	fam_regions_unlock(by, r);
	return error < 0 ? error : (int)found.index;
}

static inline struct fam_region_entry entry_of(struct fam *by, uint32_t index)
{
	struct fam_region_entry entry;
	struct fam_regions *r = lock(by);

	assert_int_equal(fam_regions_entry(by, r, index, &entry), 0);
	fam_regions_unlock(by, r);
	return entry;
}

static inline struct fam_region_both both_of(struct fam *by, uint32_t index)
{
	struct fam_region_both both;
	struct fam_regions *r;

	assert_int_equal(fam_regions_map(by, &r), 0);
	fam_regions_read(by, r, index, &both);
	return both;
}

static inline bool is_loose(struct fam *by, uint32_t index)
{
	const struct fam_region_both both = both_of(by, index);

	return fam_region_is_loose(&both);
}

/* A copy as a crash, or a power cut, has left it. */
static inline void leave_copy(uint32_t index, unsigned int copy,
			      struct fam_region_entry entry)
{
	struct fam_regions *r;

	assert_int_equal(fam_regions_map(fam, &r), 0);
	fam_region_seal(&entry, fam->sb.uuid, index);
	fam_regions_store(r, copy, index, &entry);
}

static inline void tear_copy(uint32_t index, unsigned int copy)
{
	struct fam_regions *r;

	assert_int_equal(fam_regions_map(fam, &r), 0);
	fam_word_poke(fam_regions_copy(r, copy, index) + 20,
		      UINT64_C(0x5a5a5a5a5a5a5a5a));
}

/* What somebody does under the lock who dies before he lets go. */
struct deed {
	const char *name;
	void (*act)(struct fam *own, struct fam_regions *r);
};

/* In a program of its own: "act NAME PATH". */
static inline int deed_main(const struct deed *deeds, char **argv)
{
	struct fam_regions *r;
	struct fam *own;

	for (; deeds->name && strcmp(deeds->name, argv[2]) != 0; deeds++)
		;
	if (!deeds->name || fam_open(&own, argv[3], 0) < 0 ||
	    fam_regions_lock(own, &r) < 0)
		return 1;
	deeds->act(own, r);
	_exit(0);
}

static inline void die_doing(const char *name)
{
	char *argv[] = {"act", "act", (char *)name, path, NULL};
	pid_t child;
	int status;

	assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv,
				     environ),
			 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#endif
