// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam/check.h>

#include "regions/fam-region.h"

#include "verdict.h"

#define NEW_BOOT 4712

/* --- the image ------------------------------------------------------------------------ */

void judge_begin(struct judge *j, struct story *s)
{
	size_t bytes = s->tape.data_bytes + s->tape.area_bytes;
	void *memory;

	*j = (struct judge){.story = s};
	story_fabric(j->path);
	j->fd = open(j->path, O_RDWR | O_CLOEXEC);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd,
		      (off_t)s->tape.offset);
	if (j->fd < 0 || memory == MAP_FAILED)
		abort();
	j->memory = memory;
}

void judge_end(struct judge *j)
{
	munmap(j->memory,
	       j->story->tape.data_bytes + j->story->tape.area_bytes);
	close(j->fd);
	unlink(j->path);
}

void judge_write(struct judge *j, const struct cut *cut, bool all)
{
	const struct tape *t = cut->tape;

	if (fallocate(j->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(t->offset + t->data_bytes),
		      (off_t)t->area_bytes) < 0)
		abort();
	memcpy(j->memory, cut->image, t->data_bytes);
	for (uint32_t s = 0; s < t->sectors; s++) {
		size_t at = (size_t)s * TAPE_SECTOR;

		if ((all || cut->sector[s].count > 1) && at >= t->data_bytes)
			memcpy(j->memory + at, cut->image + at, TAPE_SECTOR);
	}
}

/* --- all of them ---------------------------------------------------------------------------------- */

int judge_collect(const struct fam_region_info *info, void *arg)
{
	struct found *f = arg;
	struct story *s = f->judge->story;

	if (f->count == FOUND)
		return story_fail(s, "there are too many");
	for (unsigned int i = 0; i < f->count; i++) {
		const struct fam_region_info *other = &f->info[i];

		if (strcmp(other->name, info->name) == 0)
			return story_fail(s, "two are '%s'", info->name);
		if (info->offset < other->offset + other->space &&
		    other->offset < info->offset + info->space)
			return story_fail(s, "'%s' and '%s' overlap",
					  info->name, other->name);
	}
	f->info[f->count++] = *info;
	return 0;
}

/* --- space, and what comes next --------------------------------------------------------------------- */

static int judge_space(struct found *f)
{
	struct story *s = f->judge->story;
	struct fam_region_space space;
	uint64_t taken = 0;
	int r = fam_region_space(f->fam, &space, sizeof(space));

	for (unsigned int i = 0; i < f->count; i++)
		taken += f->info[i].space;
	if (r == 0 && space.taken == taken && space.regions == f->count &&
	    space.free == space.bytes - taken)
		return 0;
	return story_fail(s,
			  "of %" PRIu64 " bytes %" PRIu64 " are taken, %" PRIu64
			  " free, by %u regions; it should be %" PRIu64
			  " by %u (%s)",
			  space.bytes, space.taken, space.free, space.regions,
			  taken, f->count, fam_strerror(r));
}

/* The largest piece can be had, whole. */
static int goes_on(struct found *f)
{
	struct fam_region_want want = {.bytes = 4096};
	struct fam_region_space space;
	int r = fam_region_create(f->fam, "next", &want, NULL);

	if (r == 0)
		r = fam_region_space(f->fam, &space, sizeof(space));
	want.bytes = r == 0 ? space.largest : 0;
	want.flags = FAM_REGION_NO_SYNC | FAM_REGION_NO_ZERO;
	/* A large one begins at a multiple of 2 MiB. */
	if (want.bytes > FAM_REGIONS_LARGE)
		want.bytes = FAM_REGIONS_LARGE;
	if (r == 0)
		r = fam_region_create(f->fam, "largest", &want, NULL);
	if (r == 0)
		r = fam_region_destroy(f->fam, "next", 0);
	return r == 0 ? 0
		      : story_fail(f->judge->story, "it does not go on: %s",
				   fam_strerror(r));
}

static int problem(const struct fam_check_problem *p, void *arg)
{
	struct found *f = arg;

	if (p->level == FAM_CHECK_NOTE)
		return 0;
	return story_fail(f->judge->story, "check: %s: %s", p->part, p->text);
}

static int judge_check(struct found *f)
{
	struct fam_check_summary sum;
	int r = fam_check(f->fam, 0, problem, f, &sum);

	return r == 0 ? 0
		      : story_fail(f->judge->story, "check: %s",
				   fam_strerror(r));
}

static bool is_one_of(const struct fam_region_info *info, const struct found *f)
{
	for (unsigned int i = 0; i < f->count; i++) {
		const struct fam_region_info *other = &f->info[i];

		if (other->serial == info->serial)
			return strcmp(other->name, info->name) == 0 &&
			       other->offset == info->offset &&
			       other->bytes == info->bytes &&
			       other->mode == info->mode;
	}
	return false;
}

/* What is seen where nothing can be stored is what is there behind a recovery. */
static int is_the_same(const struct found *f, const struct found *seen)
{
	bool same = f->count == seen->count;

	for (unsigned int i = 0; i < f->count; i++)
		same = same && is_one_of(&f->info[i], seen);
	return same ? 0
		    : story_fail(f->judge->story,
				 "recovery changes what was seen before it");
}

static int judge_fabric(struct found *f)
{
	struct found seen = *f;
	int r = fam_region_each(f->fam, NULL, judge_collect, &seen);

	/* Recovery comes with the first lock. */
	if (r == 0)
		r = fam_region_sync(f->fam);
	if (r == 0)
		r = fam_region_each(f->fam, NULL, judge_collect, f);
	if (r < 0)
		return story_fail(f->judge->story, "it cannot be used: %s",
				  fam_strerror(r));
	if (verdict(f) < 0 || is_the_same(f, &seen) < 0 || judge_space(f) < 0 ||
	    judge_check(f) < 0)
		return -1;
	return goes_on(f);
}

int judge_open(struct judge *j, struct fam **out)
{
	int r = fam_open(out, j->path, 0);

	if (r < 0)
		return story_fail(j->story, "it cannot be opened: %s",
				  fam_strerror(r));
	story_boot(*out, NEW_BOOT + ++j->images);
	return 0;
}

int judge_image(struct judge *j, const struct cut *cut, uint64_t at)
{
	struct story *s = j->story;
	struct found f = {.judge = j, .at = at, .sure = verdict_sure(s, at)};
	int r;

	judge_write(j, cut, false);
	if (judge_open(j, &f.fam) < 0)
		return -1;
	tape_persist_all(f.fam);
	r = judge_fabric(&f);
	fam_close(f.fam);
	return r;
}
