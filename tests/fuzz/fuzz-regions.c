// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Regions in a fabric that somebody scribbles over: no access outside the data,
 * no call without end, and after a new start of the host and a repair what is
 * told is whole: no two overlap or have one name, and taken and free are all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam-regions.h>
#include <fam/check.h>
#include <fam/fam.h>
#include <fam/region.h>

#include "new-fabric.h"
#include "input.h"

#define MIB	  (UINT64_C(1) << 20)
#define FABRIC	  (16 * MIB)
#define STEPS_MAX 60
#define OPEN_MAX  6
#define PLANTED	  16 /* entries that are lied about */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
	struct fam *fam, *looker; /* one that may store, and one that may not */
	struct fam_superblock sb;
	struct fam_sessions *sessions;
	char *area;
	int fd;
	struct fam_regions_places places;
	struct input in;
	struct fam_region *open[OPEN_MAX];
	bool writes[OPEN_MAX];
} w;

/* --- one fabric for all inputs ------------------------------------------------------ */

static void begin(void)
{
	char path[] = "/tmp/fuzz-regions-XXXXXX";
	struct fam_region_space space;
	int fd = mkstemp(path);

	must(fd >= 0);
	fabric_make(fd, FABRIC, 9, &w.sb);
	w.sessions = fabric_map(fd, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	w.area = fabric_map(fd, w.sb.regions_offset, w.sb.regions_bytes);
	w.places = fam_regions_places(fam_regions_fit(w.sb.regions_bytes));
	must(fam_open(&w.fam, path, 0) == 0);
	must(fam_open(&w.looker, path, FAM_OPEN_RDONLY) == 0);
	must(fam_region_space(w.fam, &space, sizeof(space)) == 0);
	must(fam_region_space(w.looker, &space, sizeof(space)) == 0);
	must(unlink(path) == 0);
	w.fd = fd;
}

/* A hole is read much quicker than zeros. */
static void forget_all(void)
{
	must(fallocate(w.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)w.sb.regions_offset,
		       (off_t)w.sb.regions_bytes) == 0);
}

/* --- somebody scribbles -------------------------------------------------------------- */

static uint64_t take_size(void)
{
	return (uint64_t)take(&w.in) << (take(&w.in) % 20);
}

static const char *take_name(void)
{
	static const char *const names[] = {"a",   "b",	       "c", "d",
					    "e/f", "\xc3\xa4", "",  "/"};

	return names[take(&w.in) % 8];
}

static struct fam_region_entry *entry_at(unsigned int copy, uint32_t i)
{
	return (struct fam_region_entry *)(void *)(w.area +
						   w.places.copy[copy]) +
	       i;
}

static void seal(struct fam_region_entry *e, uint32_t i)
{
	uint32_t crc;

	e->crc32c = 0;
	crc = fam_crc32c(0, w.sb.uuid, sizeof(w.sb.uuid));
	crc = fam_crc32c(crc, &i, sizeof(i));
	e->crc32c = fam_crc32c(crc, e, sizeof(*e));
}

/* An entry that is whole and may be untrue. */
static void plant(uint32_t i)
{
	struct fam_region_entry *e = entry_at(take(&w.in) % 2, i);
	uint8_t how = take(&w.in);

	memset(e, 0, sizeof(*e));
	e->magic = FAM_REGION_ENTRY_MAGIC;
	e->generation = how & 1 ? take(&w.in) : take_word(&w.in);
	e->stamp = how & 2 ? take(&w.in) : take_word(&w.in);
	e->serial = take(&w.in);
	e->state = how & 4 ? FAM_REGION_READY : take(&w.in) % 4;
	e->flags = how & 8;
	e->offset = w.sb.data_offset + take_size() / 4096 * 4096;
	e->space = how & 16 ? 4096u << (take(&w.in) % 12) : take_size();
	e->bytes = how & 32 ? e->space : take_size();
	e->mode = 0666;
	e->holder = how & 64 ? take_word(&w.in) : 0;
	e->boot = how & 64 ? w.sessions->boot : 0;
	e->after_stamp = how & 128 ? take(&w.in) : 0;
	e->after_index = how & 128 ? take(&w.in) % PLANTED : 0;
	strcpy(e->name, take_name());
	seal(e, i);
}

/* One word of one that is there, and it is whole all the same. */
static void twist(uint32_t i)
{
	struct fam_region_entry *e = entry_at(take(&w.in) % 2, i);

	((uint64_t *)(void *)e)[1 + take(&w.in) % 15] =
		take(&w.in) & 1 ? take_size() : take_word(&w.in);
	seal(e, i);
}

static void scribble(void)
{
	uint32_t i = take(&w.in) % PLANTED;
	uint64_t *open = (void *)(w.area + w.places.open);

	switch (take(&w.in) % 8) {
	case 0:
		w.area[take_size() % w.places.end] ^= (char)take(&w.in);
		break;
	case 1: /* what goes on, with the lock */
		((uint64_t *)(void *)w.area)[take(&w.in) % 16] =
			take_word(&w.in);
		break;
	case 2:
		((uint8_t *)entry_at(i & 1, i))[take_size() % 512] ^=
			take(&w.in);
		break;
	case 3:
		open[take(&w.in)] = take_word(&w.in);
		break;
	case 4: /* what is to be seen of an entry, or the ring */
		((uint64_t *)(void *)(w.area + 2048))[take(&w.in) * 2 % 512] =
			take_size();
		break;
	case 5:
		twist(i);
		break;
	default:
		plant(i);
		break;
	}
}

/* --- and somebody uses it --------------------------------------------------------------- */

static void check_info(const struct fam_region_info *info)
{
	const uint64_t end = w.sb.data_offset + w.sb.data_bytes;

	must(memchr(info->name, '\0', sizeof(info->name)) && info->name[0]);
	must(memchr(info->node, '\0', sizeof(info->node)));
	must(info->offset >= w.sb.data_offset && info->offset < end);
	must(info->space > 0 && info->space <= end - info->offset);
	must(info->bytes <= info->space);
}

static void use(unsigned int i)
{
	struct fam_region_info info;
	uint64_t offset = take_size(), bytes = take_size();
	volatile char *at;
	void *map_at;

	if (!w.open[i])
		return;
	if (fam_region_stat(w.open[i], &info, sizeof(info)) == 0)
		check_info(&info);
	if (fam_region_map(w.open[i], offset, bytes, &map_at) < 0)
		return;
	at = map_at;
	(void)at[0];
	if (bytes)
		(void)at[bytes - 1];
	if (w.writes[i])
		at[0] = 1;
	if (take(&w.in) & 1)
		must(fam_region_unmap(w.open[i], map_at) == 0);
}

static void create(unsigned int i)
{
	uint8_t how = take(&w.in);
	const struct fam_region_want want = {
		.bytes = take_size(),
		.mode = 0666,
		.flags = (how & 1 ? FAM_REGION_NO_SYNC : 0) |
			 (how & 2 ? FAM_REGION_NO_ZERO : 0) |
			 (how & 4 ? FAM_REGION_WRITE : 0),
	};

	fam_region_close(w.open[i]);
	w.open[i] = NULL;
	w.writes[i] = true;
	(void)fam_region_create(w.fam, take_name(), &want, &w.open[i]);
}

static void open_one(unsigned int i)
{
	static const uint32_t flags[] = {FAM_REGION_READ, FAM_REGION_WRITE,
					 FAM_REGION_EXCLUSIVE, FAM_REGION_READ};
	uint8_t how = take(&w.in) % 4;

	fam_region_close(w.open[i]);
	w.open[i] = NULL;
	w.writes[i] = how == 1 || how == 2;
	(void)fam_region_open(how == 3 ? w.looker : w.fam, take_name(),
			      flags[how], &w.open[i]);
}

static void change(unsigned int i)
{
	const struct fam_region_rights rights = {take(&w.in), UINT32_MAX,
						 UINT32_MAX};
	uint32_t flags = take(&w.in) & 1 ? FAM_REGION_NO_SYNC : 0;

	switch (take(&w.in) % 5) {
	case 0:
		if (w.open[i])
			(void)fam_region_resize(w.open[i], take_size(), flags);
		break;
	case 1:
		(void)fam_region_rename(w.fam, take_name(), take_name(),
					flags | FAM_REGION_REPLACE);
		break;
	case 2:
		(void)fam_region_set(w.fam, take_name(), &rights, flags);
		break;
	case 3:
		(void)fam_region_sync(w.fam);
		break;
	default:
		(void)fam_region_destroy(w.fam, take_name(), flags);
		break;
	}
}

static int tell(const struct fam_region_info *info, void *arg)
{
	(void)arg;
	check_info(info);
	return 0;
}

static int hear(const struct fam_check_problem *problem, void *arg)
{
	must(memchr(problem->part, '\0', sizeof(problem->part)));
	must(memchr(problem->text, '\0', sizeof(problem->text)));
	if (arg && problem->level > FAM_CHECK_NOTE)
		++*(unsigned int *)arg;
	return 0;
}

static void look(struct fam *fam)
{
	struct fam_check_summary sum;
	struct fam_region_space space;
	struct fam_region_info info;

	(void)fam_region_each(fam, take(&w.in) & 1 ? "e/" : NULL, tell, NULL);
	if (fam_region_find(fam, take_name(), &info, sizeof(info)) == 0)
		check_info(&info);
	if (fam_region_space(fam, &space, sizeof(space)) == 0)
		must(space.taken + space.free == w.sb.data_bytes);
	if (take(&w.in) % 16 == 0)
		(void)fam_check(w.fam, 0, hear, NULL, &sum);
}

static void step(void)
{
	unsigned int i = take(&w.in) % OPEN_MAX;

	switch (take(&w.in) % 10) {
	case 0:
	case 1:
		create(i);
		break;
	case 2:
		open_one(i);
		break;
	case 3:
		use(i);
		break;
	case 4:
	case 5:
		change(i);
		break;
	case 6:
		look(take(&w.in) & 1 ? w.fam : w.looker);
		break;
	case 7:
		atomic_fetch_add(&w.sessions->boot, 1);
		break;
	default:
		scribble();
		break;
	}
}

/* --- in the end -------------------------------------------------------------------------- */

struct tally {
	uint8_t used[FABRIC / 4096];
	char last[FAM_REGION_NAME_MAX];
	uint64_t taken;
	uint32_t count;
};

static int add_up(const struct fam_region_info *info, void *arg)
{
	struct tally *t = arg;

	check_info(info);
	must(strcmp(t->last, info->name) < 0);
	strcpy(t->last, info->name);
	for (uint64_t at = 0; at < info->space; at += 4096)
		must(t->used[(info->offset + at) / 4096]++ == 0);
	t->taken += info->space;
	t->count++;
	return 0;
}

static void must_be_whole(struct fam *fam)
{
	struct tally *t = calloc(1, sizeof(*t));
	struct fam_region_space space;

	must(t && fam_region_each(fam, NULL, add_up, t) == 0);
	must(fam_region_space(fam, &space, sizeof(space)) == 0);
	must(space.taken == t->taken && space.regions == t->count);
	must(space.taken + space.free == w.sb.data_bytes);
	free(t);
}

static void close_all(void)
{
	for (int i = 0; i < OPEN_MAX; i++) {
		fam_region_close(w.open[i]);
		w.open[i] = NULL;
	}
}

/* The host starts anew, and the directory is repaired. */
static void settle(void)
{
	struct fam_check_summary sum;
	unsigned int bad = 0;

	atomic_fetch_add(&w.sessions->boot, 1);
	must(fam_check(w.fam, FAM_CHECK_REPAIR, hear, NULL, &sum) == 0);
	must(fam_check(w.fam, 0, hear, &bad, &sum) == 0 && bad == 0);
	must_be_whole(w.fam);
	must_be_whole(w.looker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!w.fam)
		begin();
	forget_all();
	atomic_fetch_add(&w.sessions->boot, 1);
	w.in = (struct input){data, size};
	for (int i = 0; i < STEPS_MAX && w.in.size; i++)
		step();
	close_all();
	/* It looks at all there is several times, which takes most of the time. */
	if (size % 16 == 0)
		settle();
	return 0;
}
