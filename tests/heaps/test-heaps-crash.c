// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Heaps and power cuts: what a few calls store is recorded, every state in which a
 * cut may leave it is built, opened and compared with what the callers were told
 * (tests/tape, story.h). HEAPS_RUNS=N makes N random stories instead of a few, and
 * looks N times as long at each case; HEAPS_SEED= makes a run again, HEAPS_CASE=
 * looks at one case only.
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
#include "chance.h"
#include "story.h"

#define CASE_IMAGES 50	/* of one case */
#define RUN_IMAGES  150 /* of a random story */
#define RUNS	    4
#define RUN_STEPS   40
#define TWICE	    40 /* one of so many images is cut again */
#define WAYS	    6  /* of a moment */
#define DEATHS	    6  /* moments of a step at which its actor dies */

static uint64_t depth = 1;
static uint64_t seed; /* of moments and images */

/* --- cuts of one story ----------------------------------------------------------------- */

struct looking {
	struct story story;
	struct judge judge;
	struct cut cut;
	uint64_t states;
	uint64_t at; /* of the last cut */
};

static int look_once(struct looking *l)
{
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
	for (uint64_t i = 0; i < 1 + most / 6 && r == 0 && l->cut.looses; i++) {
		cut_torn(&l->cut);
		r = look_once(l);
	}
	return r;
}

/* So many images at most, at moments that are evenly spread. */
static int look(struct looking *l, int mistake, uint64_t images)
{
	const struct tape *t = &l->story.tape;
	uint64_t step = t->events * (WAYS + 2) / images + 1;
	uint64_t offset = seed % step;
	int r = 0;

	cut_begin(&l->cut, t, &journals_kind, mistake, seed);
	judge_begin(&l->judge, &l->story);
	for (uint64_t i = 0; i < t->events && r == 0; i++) {
		const struct tape_event *e = &t->event[i];

		/* What is durable, and what was told, always counts. */
		if (i % step != offset && e->posted == 0 && e->count)
			continue;
		/* A mistake is to be found in what the steps do. */
		if (mistake && e->at < l->story.era[0].at)
			continue;
		l->at = e->at;
		cut_at(&l->cut, l->at);
		r = look_at_moment(l, i % step == offset ? WAYS * depth : 2);
	}
	judge_end(&l->judge);
	return r;
}

/* Return: 0; -1 it failed, and @l->story.why */
static int try(struct looking *l, const struct step *steps, int mistake,
	       uint64_t images)
{
	int r = story_run(&l->story, steps);

	journals_forget_order(mistake == HEAPS_NO_ORDER);
	if (r == 0 && images)
		r = look(l, mistake, images);
	journals_forget_order(false);
	return r;
}

static void start(struct looking *l, bool containers, int mistake)
{
	memset(l, 0, sizeof(*l));
	l->story.containers = containers;
	l->story.mistake = mistake;
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

static struct looking looking;

static bool is_wanted(const char *name)
{
	const char *only = getenv("HEAPS_CASE");

	return !only || strcmp(only, name) == 0;
}

/* --- a few steps -------------------------------------------------------------------------- */

static void a_few_steps_survive_every_cut(void **state)
{
	unsigned int failed = 0;
	uint64_t images = 0;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		if (!is_wanted(cases[i].name))
			continue;
		start(&looking, cases[i].containers, TAPE_RIGHT);
		if (try(&looking, cases[i].step, TAPE_RIGHT,
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

/* --- deaths --------------------------------------------------------------------------------- */

/* A case whose step @n dies behind so many stores. Return: did it? */
static bool die_at(const struct heap_case *c, unsigned int n, uint64_t stores,
		   bool cuts)
{
	struct step steps[16];
	bool died;

	memcpy(steps, c->step, sizeof(steps));
	steps[n].dies = (uint16_t)stores;
	start(&looking, c->containers, TAPE_RIGHT);
	/* What it has not done others cannot undo. */
	looking.story.lenient = true;
	if (try(&looking, steps, TAPE_RIGHT, cuts ? 60 : 0) < 0) {
		print_failure(&looking, c->name);
		let_go(&looking);
		fail_msg("%s: step %u dies behind store %" PRIu64, c->name, n,
			 stores);
	}
	died = looking.story.deaths > 0;
	let_go(&looking);
	return died;
}

static void die_in(const struct heap_case *c, uint64_t *deaths)
{
	uint64_t random = seed;

	for (unsigned int n = 0; c->step[n].deed; n++) {
		uint64_t stores = 1 + tape_random(&random) % 7;

		if (c->step[n].error)
			continue;
		for (unsigned int i = 0; i < DEATHS * depth; i++) {
			if (!die_at(c, n, stores, (*deaths)++ % 8 == 0))
				break;
			stores += depth > 8 ? 1 : 1 + tape_random(&random) % 9;
		}
	}
}

static void who_dies_has_done_all_or_nothing(void **state)
{
	uint64_t deaths = 0;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		if (is_wanted(cases[i].name))
			die_in(&cases[i], &deaths);
	}
	print_message("# %" PRIu64 " deaths\n", deaths);
}

/* --- another in the middle ------------------------------------------------------------------ */

/*
 * Behind store after store of the last step but one another does something; then it
 * goes on, or dies at once, or a little later.
 */
static void interrupt(const struct heap_case *c, uint64_t *times)
{
	uint64_t most = 0, random = seed;
	unsigned int n = 0;

	while (!c->step[n].meanwhile)
		n++;
	for (uint64_t at = 1, i = 0; i == 0 || at <= most; i++) {
		struct step steps[16];

		memcpy(steps, c->step, sizeof(steps));
		steps[n].meanwhile_at = (uint16_t)at;
		steps[n].dies = (uint16_t)(i % 3 ? at + (i % 3 - 1) * 2 : 0);
		start(&looking, c->containers, TAPE_RIGHT);
		looking.story.lenient = steps[n].dies > 0;
		if (try(&looking, steps, TAPE_RIGHT, i % 4 ? 0 : 60) < 0) {
			print_failure(&looking, c->name);
			let_go(&looking);
			fail_msg("%s: behind store %" PRIu64, c->name, at);
		}
		most = looking.story.most;
		let_go(&looking);
		at += i % 3 != 2  ? 0
		      : depth > 8 ? 1
				  : 1 + tape_random(&random) % 3;
		(*times)++;
	}
}

static void others_in_the_middle_change_nothing(void **state)
{
	uint64_t times = 0;

	(void)state;
	for (size_t i = 0; i < MIDDLES; i++) {
		if (is_wanted(middles[i].name))
			interrupt(&middles[i], &times);
	}
	print_message("# %" PRIu64 " times\n", times);
}

/* --- stories of chance -------------------------------------------------------------------------- */

static int try_any(struct looking *l, const struct step *steps, uint64_t x)
{
	start(l, x % 2, TAPE_RIGHT);
	l->story.lenient = true;
	return try(l, steps, TAPE_RIGHT, RUN_IMAGES);
}

/* Leaves out whatever it fails without. */
static void make_shorter(struct step *steps, uint64_t x)
{
	static struct looking tried;
	struct step less[RUN_STEPS + 1];
	unsigned int n = 0;

	while (steps[n].deed) {
		unsigned int k = 0;
		int r;

		for (unsigned int i = 0; i == 0 || steps[i - 1].deed; i++) {
			if (i != n)
				less[k++] = steps[i];
		}
		r = try_any(&tried, less, x);
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
	static struct step parts[RUN_STEPS][MODEL_PARTS];
	const char *text = getenv("HEAPS_SEED");
	uint64_t random = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	uint64_t runs = text ? 1 : RUNS * depth;
	uint64_t images = 0;

	(void)state;
	for (uint64_t i = 0; i < runs; i++) {
		struct step steps[RUN_STEPS + 1];
		uint64_t x = random + i;

		seed = x;
		chance_steps(steps, RUN_STEPS, parts, &x);
		if (try_any(&looking, steps, seed) < 0) {
			print_failure(&looking, "by chance");
			let_go(&looking);
			if (getenv("HEAPS_SHORTER"))
				make_shorter(steps, seed);
			fail_msg("HEAPS_SEED=%" PRIu64, random + i);
		}
		images += looking.judge.images;
		let_go(&looking);
	}
	print_message("# %" PRIu64 " images, seed %" PRIu64 "\n", images,
		      random);
}

/* --- mistakes ---------------------------------------------------------------------------------- */

/* It must be found by one of the cases at least. */
static void must_be_found(int mistake)
{
	unsigned int found = 0;

	for (size_t i = 0; i < CASES && !found; i++) {
		start(&looking, cases[i].containers, mistake);
		if (try(&looking, cases[i].step, mistake, CASE_IMAGES) < 0 &&
		    looking.cut.tape) {
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

static void places_before_their_record_are_noticed(void **state)
{
	(void)state;
	must_be_found(TAPE_LATE_PERSIST);
}

static void records_that_are_not_durable_are_missed(void **state)
{
	(void)state;
	must_be_found(HEAPS_NO_RECORD);
}

static void places_that_are_not_durable_are_missed(void **state)
{
	(void)state;
	must_be_found(HEAPS_NO_PLACES);
}

static void what_is_filled_in_place_must_be_durable(void **state)
{
	(void)state;
	must_be_found(HEAPS_NO_FRESH);
}

static void a_checkpoint_that_waits_for_nobody_is_noticed(void **state)
{
	(void)state;
	must_be_found(HEAPS_NO_INFLIGHT);
}

static void records_in_another_order_are_noticed(void **state)
{
	(void)state;
	must_be_found(HEAPS_NO_ORDER);
}

int main(void)
{
	const char *text = getenv("HEAPS_RUNS");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_steps_survive_every_cut),
		cmocka_unit_test(who_dies_has_done_all_or_nothing),
		cmocka_unit_test(others_in_the_middle_change_nothing),
		cmocka_unit_test(long_stories_survive_any_cut),
		cmocka_unit_test(what_is_not_made_durable_is_missed),
		cmocka_unit_test(places_before_their_record_are_noticed),
		cmocka_unit_test(records_that_are_not_durable_are_missed),
		cmocka_unit_test(places_that_are_not_durable_are_missed),
		cmocka_unit_test(what_is_filled_in_place_must_be_durable),
		cmocka_unit_test(a_checkpoint_that_waits_for_nobody_is_noticed),
		cmocka_unit_test(records_in_another_order_are_noticed),
	};

	if (text && strtoull(text, NULL, 0))
		depth = strtoull(text, NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
