// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Power cuts during a recovery from a power cut. */
#include <string.h>

#include "verdict.h"

#define MOMENTS 12
#define NEW	"new"

/* What is there when it has been recovered. */
static int recover(struct found *f)
{
	int r = fam_region_sync(f->fam);

	f->count = 0;
	if (r == 0)
		r = fam_region_each(f->fam, NULL, judge_collect, f);
	return r == 0 ? 0
		      : story_fail(f->judge->story, "recovery: %s",
				   fam_strerror(r));
}

/* What was there behind the first recovery is so behind the second one. */
static int compare(const struct found *first, const struct found *second,
		   bool is_new)
{
	struct story *s = first->judge->story;
	unsigned int k = 0;

	for (unsigned int i = 0; i < second->count; i++) {
		const struct fam_region_info *a = &first->info[k];
		const struct fam_region_info *b = &second->info[i];

		if (strcmp(b->name, NEW) == 0) {
			is_new = false;
			continue;
		}
		if (k == first->count || a->serial != b->serial ||
		    a->offset != b->offset || a->bytes != b->bytes ||
		    a->mode != b->mode || strcmp(a->name, b->name) != 0)
			return story_fail(s, "the second recovery has '%s'",
					  b->name);
		k++;
	}
	if (k != first->count)
		return story_fail(s, "the second recovery has not '%s'",
				  first->info[k].name);
	return is_new ? story_fail(s, "the second recovery has not the new one")
		      : 0;
}

/* One of these images, another start of the host. */
static int look_again(struct judge *j, const struct found *first,
		      const struct cut *cut, bool is_new)
{
	struct found second = {.judge = j};
	int r;

	judge_write(j, cut, true);
	if (judge_open(j, &second.fam) < 0)
		return -1;
	tape_persist_all(second.fam);
	r = recover(&second);
	if (r == 0)
		r = compare(first, &second, is_new);
	fam_close(second.fam);
	return r;
}

/* On a tape: the recovery, and a new region. When that was told: @told. */
static int first_time(struct judge *j, struct tape *tape, struct found *first,
		      uint64_t *told)
{
	const struct fam_region_want want = {.bytes = 5000};
	int r;

	if (judge_open(j, &first->fam) < 0)
		return -1;
	tape_attach(tape, 0, first->fam);
	r = recover(first);
	if (r == 0 && fam_region_create(first->fam, NEW, &want, NULL) < 0)
		r = story_fail(j->story, "it does not go on");
	*told = tape_mark(tape);
	tape_detach(tape, 0);
	fam_close(first->fam);
	return r;
}

int judge_twice(struct judge *j, struct cut *cut, uint64_t at)
{
	struct found first = {.judge = j, .at = at};
	struct judge other;
	struct tape tape;
	struct cut again;
	uint64_t told;
	int r;

	judge_write(j, cut, false);
	tape_begin(&tape, j->path, STORY_DATA);
	r = first_time(j, &tape, &first, &told);
	cut_begin(&again, &tape, &entries_kind, TAPE_RIGHT,
		  tape_random(&cut->random));
	judge_begin(&other, j->story);
	for (uint64_t i = 1; r == 0 && i <= MOMENTS; i++) {
		uint64_t moment = i * tape.now / MOMENTS;

		cut_at(&again, moment);
		cut_torn(&again);
		r = look_again(&other, &first, &again, moment >= told);
	}
	j->images += other.images;
	judge_end(&other);
	cut_end(&again);
	tape_end(&tape);
	return r;
}
