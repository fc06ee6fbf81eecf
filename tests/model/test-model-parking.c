// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The library's own parking in every order of its steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model.h"

#include "fam-park.h"
#include "fam-session.h"

/* Not the stand-in of other models. */
#undef fam_park
#undef fam_unpark

#define NODE 7

static struct {
	fam_word tokens; /* what is waited for */
	fam_word taken, ended;
} shared;

static struct fam_parking lot;
static struct fam_membership membership;

static void set_up(void)
{
	unsigned int n;

	membership.owner.node = NODE;
	for (n = 0; n < MODEL_THREADS + 2; n++) {
		struct fam *fam = model_fam(n);

		fam->sessions = &membership;
		fam->parked->table = &lot;
		fam->parked->shared = true;
	}
}

/* --- who waits, who wakes ----------------------------------------------------------- */

/* Return: was there one? */
static bool try_take(void)
{
	uint64_t was = fam_word_get(&shared.tokens);

	while (was)
		if (fam_word_swap(&shared.tokens, &was, was - 1)) {
			fam_word_add(&shared.taken, 1);
			return true;
		}
	return false;
}

static int take(struct fam *fam, int timeout_ms)
{
	struct fam_deadline until = fam_deadline(timeout_ms);
	int r = 0;

	while (!try_take()) {
		if (r < 0)
			return r;
		r = fam_park(fam, &shared.tokens, 0, until);
		model_expect(r == 0 || r == -ETIMEDOUT || r == -ESTALE);
	}
	return 0;
}

static void give(struct fam *fam, unsigned int count)
{
	fam_word_put(&shared.tokens, fam_word_get(&shared.tokens) + count);
	fam_unpark(fam, &shared.tokens, count);
}

/* By an addition: those that take may be at it. */
static void add(struct fam *fam)
{
	fam_word_add(&shared.tokens, 1);
	fam_unpark(fam, &shared.tokens, 1);
}

/* Thread 0 gives what the others take. */
static void one_by_one(unsigned int n)
{
	unsigned int i;

	if (n)
		take(model_fam(n), -1);
	else
		for (i = 1; i < 3; i++)
			add(model_fam(n));
}

/* By one store: all that orders it is the fence in fam_unpark(). */
static void all_at_once(unsigned int n)
{
	if (n)
		take(model_fam(n), -1);
	else
		give(model_fam(n), 2);
}

static void hand_over(unsigned int n)
{
	if (n)
		take(model_fam(n), -1);
	else
		give(model_fam(n), 1);
}

static void hand_over_in_time(unsigned int n)
{
	if (n)
		take(model_fam(n), 100);
	else
		give(model_fam(n), 1);
}

static unsigned int places_of(uint64_t holder, uint64_t state)
{
	unsigned int i, count = 0;

	for (i = 0; i < FAM_PARKING_TOTAL; i++) {
		uint64_t word = atomic_load(&lot.place[i / FAM_PARKING_PLACES]
						      [i % FAM_PARKING_PLACES]
							      .word);

		count += word && (!holder || word == (holder | state));
	}
	return count;
}

static bool try_clear_up(struct fam *fam, uint64_t holder)
{
	bool was_woken;

	if (fam_park_lives(fam, holder))
		return false;
	was_woken = model_note(places_of(holder, FAM_PARKING_WOKEN));
	fam_park_clear_up(fam, holder);
	/* Else it has been back, and nobody can tell what it had in mind. */
	if (!was_woken)
		add(fam);
	return true;
}

/*
 * Who is too late does not look again: he was not woken, so another one was. Who
 * is in time gives back what he took.
 */
static void one_in_time(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0)
		add(fam);
	else if (n == 2)
		take(fam, -1);
	else if (fam_park(fam, &shared.tokens, 0, fam_deadline(100)) == 0)
		if (try_take())
			add(fam);
}

/*
 * Sessions 1 and 2 wait for one token. If one of them dies before it is back
 * from its sleep, the other one must be woken for it.
 */
static void clear_up_behind(struct fam *fam)
{
	unsigned int i;

	while (fam_word_get(&shared.ended) == 0) {
		for (i = 1; i < 3; i++)
			if (try_clear_up(fam, fam_holder(fam_session_id(
						      model_fam(i)))))
				return;
		fam_word_pause();
	}
	add(fam);
}

static void pass_on(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0) {
		add(fam);
		clear_up_behind(fam);
	} else {
		take(fam, -1);
		fam_word_add(&shared.ended, 1);
	}
}

/* --- what must be so in the end --------------------------------------------------------- */

static void all_is_free(void)
{
	unsigned int i;

	if (model_any_lost())
		return;
	model_expect(places_of(0, 0) == 0);
	for (i = 0; i < FAM_PARKING_GROUPS; i++) {
		model_expect(atomic_load(&lot.group[i].used) == 0);
		model_expect(atomic_load(&lot.group[i].spilled) == 0);
	}
}

static void nobody_took_what_was_not_there(void)
{
	all_is_free();
	model_expect(fam_word_peek(&shared.taken) <= 2);
}

/*
 * But for one that it had claimed and not yet noted down: that is found when the
 * group is full.
 */
static void the_dead_are_gone(void)
{
	unsigned int n;

	for (n = 0; n < 3; n++)
		if (model_lost(n))
			fam_park_clear_up(
				model_fam(MODEL_THREADS),
				fam_holder(fam_session_id(model_fam(n))));
	model_expect(places_of(0, 0) <= model_any_lost());
}

#define PARKING(name_, threads_, thread_)                              \
	.name = (name_), .threads = (threads_), .memory = &shared,     \
	.bytes = sizeof(shared), .begin = set_up, .thread = (thread_), \
	.end = nobody_took_what_was_not_there

static const struct model handing = {PARKING("one wakes one", 2, hand_over),
				     .tso = true};
static const struct model timed = {
	PARKING("one wakes one, or too late", 2, hand_over_in_time),
	.timeouts = 1};
static const struct model beside = {
	PARKING("one that is too late beside another", 3, one_in_time),
	.timeouts = 1, .preemptions = 2};
static const struct model storing = {
	PARKING("one wakes two at once", 3, all_at_once), .tso = true,
	.preemptions = 1};
static const struct model adding = {
	PARKING("one wakes two, one by one", 3, one_by_one), .preemptions = 2};
static const struct model passing = {PARKING("who was woken dies", 3, pass_on),
				     .deaths = 1, .mortal = 6, .no_news = true,
				     .preemptions = 1};
static const struct model dying = {PARKING("one of three dies", 3, one_by_one),
				   .deaths = 1, .mortal = 6, .preemptions = 1};
static const struct model dying_waiter = {.name = "who waits dies",
					  .threads = 2,
					  .memory = &shared,
					  .bytes = sizeof(shared),
					  .begin = set_up,
					  .thread = hand_over,
					  .end = the_dead_are_gone,
					  .deaths = 1,
					  .mortal = 2};

static void wake_ups_are_not_lost(void **state)
{
	(void)state;
	model_check(&handing);
	model_check(&timed);
	model_check(&beside);
	model_check(&storing);
	model_check(&adding);
}

static void the_dead_take_nothing_along(void **state)
{
	(void)state;
	model_check(&dying_waiter);
	model_check(&dying);
	model_check(&passing);
}

static void no_step_is_idle(void **state)
{
	const struct model *const models[] = {&handing, &beside,  &storing,
					      &adding,	&passing, NULL};
	const char *const spare[] = {
		"fam_place_begin:fence.1 on x86 the swap before is one already",
		"draw_order:add.1 two then have the same turn",
		"fam_place_begin:store.2 turns are not looked at here",
		"fam_place_begin:swap.1 matters to who is taken for dead",
		"vacate:swap.1 the same",
		"take_over:swap.1 two who pass it on wake one in vain",
		NULL,
	};

	(void)state;
	model_check_mutants(models, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wake_ups_are_not_lost),
		cmocka_unit_test(the_dead_take_nothing_along),
		cmocka_unit_test(no_step_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
