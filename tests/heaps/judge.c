// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The host is started anew on what a power cut has left. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "story.h"

#define NEW_BOOT 4712
#define ALONE	 8  /* one of so many images is counted without containers */
#define MOMENTS	 12 /* of a recovery, at which it is cut */
#define NEW_WORD 0  /* that is changed behind a recovery */

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

static void write_image(struct judge *j, const struct cut *cut)
{
	memcpy(j->memory, cut->image,
	       cut->tape->data_bytes + cut->tape->area_bytes);
}

static int attach(struct judge *j, struct fam **out)
{
	int r = story_attach(j->path, NEW_BOOT + ++j->images, out);

	return r == 0 ? 0
		      : story_fail(j->story, "it cannot be opened: %s",
				   fam_strerror(r));
}

/* --- verdict -------------------------------------------------------------------------- */

/* While it was being made it is not there, or all but what comes later is. */
static int judge_new(struct judge *j, struct world *w, struct fam *fam)
{
	struct fam_region_info info;
	int r = fam_heap_open(fam, "heap", FAM_REGION_WRITE, &w->heap);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = fam_heap_root(w->heap, 64, &w->root);
	if (r == 0)
		r = fam_region_find(fam, "heap", &info, sizeof(info));
	if (r < 0)
		return story_fail(j->story, "a new heap cannot be opened: %s",
				  fam_strerror(r));
	return 0;
}

/* Which of them it is the count of objects tells, if nothing else. */
static bool is_one(struct world *w, const struct story_era *era, bool alone)
{
	for (unsigned int i = 0; i < era->ways; i++) {
		if (world_is(w, era->way[i], false) &&
		    (!alone || world_is(w, era->way[i], w->hash != NULL)))
			return true;
	}
	return false;
}

static int judge_ways(struct judge *j, struct world *w,
		      const struct story_era *era)
{
	bool alone = j->images % ALONE == 0;

	if (!is_one(w, era, alone))
		return story_fail(j->story, "as in none of %u ways; not: %s",
				  era->ways, w->why);
	return world_goes_on(w) ? 0 : story_fail(j->story, "%s", w->why);
}

int judge_image(struct judge *j, const struct cut *cut, uint64_t at)
{
	const struct story_era *era = story_era(j->story, at);
	struct world w = {0};
	struct fam *fam;
	int r;

	write_image(j, cut);
	if (attach(j, &fam) < 0)
		return -1;
	tape_persist_all(fam);
	if (!era) {
		r = judge_new(j, &w, fam);
	} else {
		r = world_open(&w, fam);
		if (r < 0)
			story_fail(j->story, "it is not there: %s",
				   fam_strerror(r));
		r = r < 0 ? r : judge_ways(j, &w, era);
	}
	world_close(&w);
	fam_close(fam);
	return r < 0 ? -1 : 0;
}

/* --- twice ----------------------------------------------------------------------------- */

/* What may be there from now on: before and after @more, of each way it may be. */
struct twice {
	struct model model[STORY_WAYS];
	struct story_era before, after;
};

/* Some differ only in what nothing leads to: those are told apart at the end. */
static const struct model *find_ways(struct twice *then, struct world *w,
				     const struct story_era *era,
				     const struct step *more, uint32_t id)
{
	const struct model *found = NULL;
	struct model *m = then->model;

	then->before = then->after = (struct story_era){0};
	for (unsigned int i = 0; i < era->ways; i++) {
		if (!world_is(w, era->way[i], false))
			continue;
		if (then->before.ways + 2 > STORY_WAYS)
			abort();
		found = era->way[i];
		m[0] = m[1] = *found;
		model_do(&m[1], more, id);
		then->before.way[then->before.ways++] = &m[0];
		then->before.way[then->before.ways++] = &m[1];
		then->after.way[then->after.ways++] = &m[1];
		m += 2;
	}
	return found;
}

/* On a tape: the recovery, and one more step. When that was told: @told. */
static int first_time(struct judge *j, struct tape *tape,
		      const struct story_era *era, struct twice *then,
		      uint64_t *told)
{
	static const struct step words[] = {{.deed = DEED_WORD, .at = NEW_WORD},
					    {.deed = DEED_END}};
	const struct step more = {.deed = DEED_TX, .part = words};
	const struct model *found = NULL;
	struct world w = {0};
	struct fam *fam;
	int r;

	if (attach(j, &fam) < 0)
		return -1;
	tape_attach(tape, 0, fam);
	r = world_open(&w, fam);
	if (r == 0)
		found = find_ways(then, &w, era, &more, j->story->id);
	if (found)
		r = world_do(&w, found, &more, j->story->id, NULL);
	*told = tape_mark(tape);
	world_close(&w);
	tape_detach(tape, 0);
	fam_close(fam);
	return r == 0 && found ? 0
			       : story_fail(j->story, "recovery: %s: %s",
					    fam_strerror(r), w.why);
}

static int look_again(struct judge *j, const struct cut *cut,
		      const struct story_era *era)
{
	struct world w = {0};
	struct fam *fam;
	int r;

	write_image(j, cut);
	if (attach(j, &fam) < 0)
		return -1;
	tape_persist_all(fam);
	r = world_open(&w, fam);
	if (r < 0)
		story_fail(j->story, "the second time it is not there: %s",
			   fam_strerror(r));
	else
		r = judge_ways(j, &w, era);
	world_close(&w);
	fam_close(fam);
	return r < 0 ? -1 : 0;
}

int judge_twice(struct judge *j, struct cut *cut, uint64_t at)
{
	const struct story_era *era = story_era(j->story, at);
	static struct twice then;
	struct judge other;
	struct tape tape;
	struct cut again;
	uint64_t told;
	int r;

	if (!era)
		return 0;
	write_image(j, cut);
	tape_begin(&tape, j->path, STORY_DATA);
	tape.seldom = STORY_SELDOM;
	r = first_time(j, &tape, era, &then, &told);
	cut_begin(&again, &tape, &journals_kind, TAPE_RIGHT,
		  tape_random(&cut->random));
	judge_begin(&other, j->story);
	for (uint64_t i = 1; r == 0 && i <= MOMENTS; i++) {
		uint64_t moment = i * tape.now / MOMENTS;

		cut_at(&again, moment);
		cut_torn(&again);
		r = look_again(&other, &again,
			       moment >= told ? &then.after : &then.before);
	}
	j->images += other.images;
	judge_end(&other);
	cut_end(&again);
	tape_end(&tape);
	return r;
}
