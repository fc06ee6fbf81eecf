// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Regions and power cuts: what a few calls store is recorded, every state in which
 * a cut may leave it is built, opened and compared with what the callers were told
 * (tape.h, story.h). REGIONS_RUNS=N makes N random stories instead of a few, and
 * looks N times as long at each case; REGIONS_SEED= makes a run again.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cases.h"
#include "story.h"

#define CASE_IMAGES 100 /* of one case */
#define RUN_IMAGES  150 /* of a random story */
#define RUNS	    3
#define RUN_STEPS   40
#define TWICE	    40	 /* one of so many images is cut again */
#define SEEN	    4096 /* images of a moment are told apart */

static uint64_t depth = 1;
static uint64_t seed; /* of moments and images */

/* --- cuts of one story ----------------------------------------------------------------- */

struct looking {
	struct story story;
	struct judge judge;
	struct cut cut;
	uint64_t seen[SEEN];
	uint64_t images, states;
	uint64_t at; /* of the last cut */
};

/* Was the same there a moment ago, when the same was known? */
static bool is_new(struct looking *l)
{
	uint64_t hash = cut_hash(&l->cut);
	uint64_t *seen;

	for (unsigned int i = 0; i < l->story.promises; i++)
		hash += l->story.promise[i].end <= l->at;
	for (unsigned int i = 0; i < l->story.regions; i++) {
		const struct story_region *r = &l->story.region[i];

		for (unsigned int k = 0; k < r->states; k++)
			hash += (r->state[k].begin <= l->at) << 8;
		for (unsigned int k = 0; k < r->fills; k++)
			hash += (r->fill[k].end <= l->at) << 16;
	}
	seen = &l->seen[hash % SEEN];
	if (*seen == hash)
		return false;
	*seen = hash;
	return true;
}

static int look_once(struct looking *l)
{
	if (!is_new(l))
		return 0;
	if (judge_image(&l->judge, &l->cut, l->at) < 0)
		return -1;
	/* It takes as long as a dozen of them. */
	return ++l->states % TWICE ? 0 : judge_twice(&l->judge, &l->cut, l->at);
}

/* All ways if they are few; some torn ones in any case. */
static int look_at_moment(struct looking *l, uint64_t most)
{
	uint64_t ways = l->cut.ways < most ? l->cut.ways : most;
	int r = 0;

	for (uint64_t i = 0; i < ways && r == 0; i++) {
		uint64_t way =
			l->cut.ways <= most ? i : tape_random(&l->cut.random);

		cut_image(&l->cut, way);
		r = look_once(l);
	}
	for (uint64_t i = 0; i < 1 + most / 8 && r == 0 && l->cut.looses; i++) {
		cut_torn(&l->cut);
		r = look_once(l);
	}
	return r;
}

/* So many images at most, at moments that are evenly spread. */
static int look(struct looking *l, int mistake, uint64_t images)
{
	const struct tape *t = &l->story.tape;
	uint64_t moments = t->events, most = 6 * depth;
	uint64_t step = moments * most / images + 1;
	uint64_t offset = seed % step;
	int r = 0;

	cut_begin(&l->cut, t, &entries_kind, mistake, seed);
	judge_begin(&l->judge, &l->story);
	for (uint64_t i = 0; i < moments && r == 0; i++) {
		const struct tape_event *e = &t->event[i];

		/* What is durable, and what was told, always counts. */
		if (i % step != offset && e->posted == 0 && e->count)
			continue;
		l->at = e->at;
		cut_at(&l->cut, l->at);
		r = look_at_moment(l, most);
	}
	judge_end(&l->judge);
	return r;
}

/* Return: 0; -1 it failed, and @l->story.why */
static int try(struct looking *l, const struct story_step *steps, bool lenient,
	       int mistake, uint64_t images)
{
	int r;

	memset(l, 0, sizeof(*l));
	l->story.lenient = lenient;
	r = story_run(&l->story, steps);
	if (r == 0)
		r = look(l, mistake, images);
	return r;
}

static void let_go(struct looking *l)
{
	if (l->cut.tape)
		cut_end(&l->cut);
	story_free(&l->story);
}

static void print_failure(const struct looking *l, const char *name)
{
	printf("# %s: %s\n", name, l->story.why);
	story_print(&l->story);
	if (l->cut.tape) {
		printf("#   cut at %" PRIu64 " of %" PRIu64 "\n", l->at,
		       l->story.tape.now);
		cut_print(&l->cut);
	}
	fflush(stdout);
}

/* --- tests ----------------------------------------------------------------------------- */

static struct looking looking;

static void a_few_steps_survive_every_cut(void **state)
{
	unsigned int failed = 0;
	uint64_t images = 0;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		const char *only = getenv("REGIONS_CASE");

		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		if (try(&looking, cases[i].step, false, TAPE_RIGHT,
			CASE_IMAGES * depth) < 0) {
			print_failure(&looking, cases[i].name);
			failed++;
		}
		images += looking.judge.images;
		let_go(&looking);
	}
	print_message("# %" PRIu64 " images\n", images);
	assert_int_equal(failed, 0);
}

/* What a story of chance is made of: most of it works. */
static void make_steps(struct story_step *steps, unsigned int count,
		       uint64_t *random)
{
	static const enum story_deed likely[] = {
		STORY_CREATE,  STORY_CREATE,  STORY_CREATE, STORY_CREATE,
		STORY_DESTROY, STORY_DESTROY, STORY_RENAME, STORY_RENAME,
		STORY_REPLACE, STORY_REPLACE, STORY_SET,    STORY_RESIZE,
		STORY_RESIZE,  STORY_FILL,    STORY_FILL,   STORY_SYNC};

	for (unsigned int i = 0; i < count; i++) {
		uint64_t x = tape_random(random);

		steps[i] = (struct story_step){
			.deed = likely[x % 16],
			.a = (char)('a' + (x >> 8) % 5),
			.b = (char)('a' + (x >> 16) % 5),
			.bytes = (uint32_t)(x >> 24) % 20000 / 8 * 8,
			.no_sync = (x >> 40) % 3 != 0,
			.actor = (uint8_t)((x >> 48) % STORY_ACTORS),
			.error = (x >> 52) % 32 == 0 ? -EIO : 0,
		};
	}
	steps[count].deed = STORY_END;
}

/* Leaves out whatever it fails without. */
static void make_shorter(struct story_step *steps, uint64_t images)
{
	static struct looking tried;
	struct story_step less[RUN_STEPS + 1];
	unsigned int n = 0;

	while (steps[n].deed) {
		unsigned int k = 0;
		int r;

		for (unsigned int i = 0; i == 0 || steps[i - 1].deed; i++) {
			if (i != n)
				less[k++] = steps[i];
		}
		r = try(&tried, less, true, TAPE_RIGHT, images);
		if (r < 0)
			print_failure(&tried, "shorter");
		let_go(&tried);
		if (r < 0)
			memcpy(steps, less, k * sizeof(*steps));
		else
			n++;
	}
}

static void long_stories_survive_any_cut(void **state)
{
	const char *text = getenv("REGIONS_SEED");
	uint64_t random = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	uint64_t runs = text ? 1 : RUNS * depth;
	uint64_t images = 0;

	(void)state;
	for (uint64_t i = 0; i < runs; i++) {
		struct story_step steps[RUN_STEPS + 1];
		uint64_t x = random + i;

		seed = x;

		make_steps(steps, RUN_STEPS, &x);
		if (try(&looking, steps, true, TAPE_RIGHT, RUN_IMAGES) < 0) {
			print_failure(&looking, "by chance");
			let_go(&looking);
			if (getenv("REGIONS_SHORTER"))
				make_shorter(steps, RUN_IMAGES);
			fail_msg("REGIONS_SEED=%" PRIu64, random + i);
		}
		images += looking.judge.images;
		let_go(&looking);
	}
	print_message("# %" PRIu64 " images, seed %" PRIu64 "\n", images,
		      random);
}

/* A mistake must be found by one of the cases at least. */
static void must_be_found(int mistake)
{
	unsigned int found = 0;

	for (size_t i = 0; i < CASES && !found; i++) {
		if (try(&looking, cases[i].step, false, mistake, CASE_IMAGES) <
		    0) {
			print_message("# found by '%s': %s\n", cases[i].name,
				      looking.story.why);
			found++;
		}
		let_go(&looking);
	}
	assert_int_equal(found, 1);
}

static void what_is_not_made_durable_is_missed(void **state)
{
	(void)state;
	must_be_found(TAPE_NO_PERSIST);
}

static void a_second_copy_before_the_first_is_durable_is_noticed(void **state)
{
	(void)state;
	must_be_found(TAPE_LATE_PERSIST);
}

static void one_copy_is_not_enough(void **state)
{
	(void)state;
	must_be_found(REGIONS_ONE_COPY);
}

static void
two_changes_that_do_not_wait_for_each_other_are_noticed(void **state)
{
	(void)state;
	must_be_found(REGIONS_NO_AFTER);
}

int main(void)
{
	const char *text = getenv("REGIONS_RUNS");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_steps_survive_every_cut),
		cmocka_unit_test(long_stories_survive_any_cut),
		cmocka_unit_test(what_is_not_made_durable_is_missed),
		cmocka_unit_test(
			a_second_copy_before_the_first_is_durable_is_noticed),
		cmocka_unit_test(one_copy_is_not_enough),
		cmocka_unit_test(
			two_changes_that_do_not_wait_for_each_other_are_noticed),
	};

	if (text && strtoull(text, NULL, 0))
		depth = strtoull(text, NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
