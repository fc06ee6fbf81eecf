// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The model checker itself: what it must find, and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model.h"

#include "fam-park.h"

static struct {
	fam_word a, b, sum, seen[2];
} shared;

#define OF_SHARED .memory = &shared, .bytes = sizeof(shared)

/* --- two count -------------------------------------------------------------------- */

static void count_by_add(unsigned int n)
{
	(void)n;
	fam_word_add(&shared.sum, 1);
	fam_word_add(&shared.sum, 1);
}

static void count_by_store(unsigned int n)
{
	(void)n;
	fam_word_put(&shared.sum, fam_word_get(&shared.sum) + 1);
	fam_word_put(&shared.sum, fam_word_get(&shared.sum) + 1);
}

static void four(void)
{
	model_expect(fam_word_get(&shared.sum) == 4);
}

static const struct model adding = {
	.name = "two add twice",
	.threads = 2,
	OF_SHARED,
	.thread = count_by_add,
	.end = four,
};

static const struct model storing = {
	.name = "two store twice",
	.threads = 2,
	OF_SHARED,
	.thread = count_by_store,
	.end = four,
};

static void counting_by_additions_holds(void **state)
{
	(void)state;
	model_check(&adding);
}

static void a_lost_update_is_found(void **state)
{
	(void)state;
	model_check_failing(&storing, "not so");
}

/* --- all orders are looked at --------------------------------------------------------- */

static unsigned int outcomes;

static void two_stores(unsigned int n)
{
	fam_word_put(&shared.a, n * 2 + 1);
	fam_word_put(&shared.b, n * 2 + 1);
}

/* Each of a and b may be of either: bits of what has been seen. */
static void note_outcome(void)
{
	uint64_t a = fam_word_get(&shared.a), b = fam_word_get(&shared.b);

	outcomes |= 1u << (a + b / 2);
}

static const struct model stores = {
	.name = "two stores each",
	.threads = 2,
	OF_SHARED,
	.thread = two_stores,
	.end = note_outcome,
};

static void all_outcomes_are_seen(void **state)
{
	(void)state;
	outcomes = 0;
	model_check(&stores);
	assert_int_equal(outcomes, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4);
}

/* --- store buffers ------------------------------------------------------------------- */

static void store_and_look(unsigned int n)
{
	fam_word_put(n ? &shared.a : &shared.b, 1);
	fam_word_put(&shared.seen[n], fam_word_get(n ? &shared.b : &shared.a));
}

static void store_fence_look(unsigned int n)
{
	fam_word_put(n ? &shared.a : &shared.b, 1);
	fam_word_fence();
	fam_word_put(&shared.seen[n], fam_word_get(n ? &shared.b : &shared.a));
}

static void one_saw(void)
{
	model_expect(fam_word_get(&shared.seen[0]) ||
		     fam_word_get(&shared.seen[1]));
}

#define DEKKER(name_, thread_, tso_)                                           \
	{                                                                      \
		.name = (name_), .threads = 2, OF_SHARED, .thread = (thread_), \
		.end = one_saw, .tso = (tso_)                                  \
	}

static const struct model bare = DEKKER("store, look", store_and_look, false);
static const struct model bare_tso =
	DEKKER("the same on x86", store_and_look, true);
static const struct model fenced =
	DEKKER("store, fence, look on x86", store_fence_look, true);

static void stores_are_seen_late_on_x86_only(void **state)
{
	(void)state;
	model_check(&bare);
	model_check_failing(&bare_tso, "not so");
	model_check(&fenced);
}

/* Stores of one thread are seen in their order. */
static void message(unsigned int n)
{
	if (n == 0) {
		fam_word_put(&shared.a, 1);
		fam_word_put(&shared.b, 1);
	} else if (fam_word_get(&shared.b)) {
		model_expect(fam_word_get(&shared.a) == 1);
	}
}

static const struct model passing = {
	.name = "a message",
	.threads = 2,
	OF_SHARED,
	.thread = message,
	.tso = true,
};

static void stores_keep_their_order(void **state)
{
	(void)state;
	model_check(&passing);
}

/* --- waiting ----------------------------------------------------------------------------- */

static void wait_for_a(struct fam *fam)
{
	while (fam_word_get(&shared.a) == 0)
		model_expect(fam_park(fam, &shared.a, 0, fam_deadline(-1)) !=
			     -ETIMEDOUT);
}

static void hand_over(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0) {
		fam_word_put(&shared.a, 1);
		fam_unpark(fam, &shared.a, 1);
	} else {
		wait_for_a(fam);
	}
}

static void hand_over_unheard(unsigned int n)
{
	if (n == 0)
		fam_word_put(&shared.a, 1);
	else
		wait_for_a(model_fam(n));
}

static const struct model waking = {
	.name = "one waits",
	.threads = 2,
	OF_SHARED,
	.thread = hand_over,
	.tso = true,
};

static const struct model sleeping = {
	.name = "one is not woken",
	.threads = 2,
	OF_SHARED,
	.thread = hand_over_unheard,
};

static void a_lost_wake_up_is_found(void **state)
{
	(void)state;
	model_check(&waking);
	model_check_failing(&sleeping, "for ever");
}

static void spin_for_a(unsigned int n)
{
	if (n == 0)
		fam_word_put(&shared.a, 1);
	else
		while (fam_word_get(&shared.a) == 0)
			fam_word_pause();
}

static void spin_for_b(unsigned int n)
{
	if (n == 0)
		fam_word_put(&shared.a, 1);
	else
		while (fam_word_get(&shared.b) == 0)
			fam_word_pause();
}

static const struct model spinning = {
	.name = "one spins",
	.threads = 2,
	OF_SHARED,
	.thread = spin_for_a,
};

static const struct model spinning_on = {
	.name = "one spins for ever",
	.threads = 2,
	OF_SHARED,
	.thread = spin_for_b,
};

static void who_spins_for_ever_is_found(void **state)
{
	(void)state;
	model_check(&spinning);
	model_check_failing(&spinning_on, "for ever");
}

/* --- deaths ------------------------------------------------------------------------------ */

/* Whoever has a word is in it; the other one takes it over from the dead. */
static void take(unsigned int n)
{
	struct fam *fam = model_fam(n);
	uint64_t self = fam_park_self(fam);
	uint64_t was = 0;

	while (!fam_word_swap(&shared.a, &was, self)) {
		if (was && !fam_park_lives(fam, was)) {
			if (fam_word_step(&shared.a, was, self))
				break;
		} else if (was) {
			fam_park(fam, &shared.a, was, fam_deadline(-1));
		}
		was = 0;
	}
	fam_word_add(&shared.sum, 1);
	fam_word_put(&shared.a, 0);
	fam_unpark(fam, &shared.a, 1);
}

/* As above, but whoever is dead is not noticed. */
static void take_from_living(unsigned int n)
{
	struct fam *fam = model_fam(n);
	uint64_t self = fam_park_self(fam);
	uint64_t was = 0;

	while (!fam_word_swap(&shared.a, &was, self)) {
		fam_park(fam, &shared.a, was, fam_deadline(-1));
		was = 0;
	}
	fam_word_put(&shared.a, 0);
	fam_unpark(fam, &shared.a, 1);
}

static void all_have_had_it(void)
{
	uint64_t sum = fam_word_get(&shared.sum);

	model_expect(sum == 2 || model_any_lost());
}

static const struct model dying = {
	.name = "one dies",
	.threads = 2,
	OF_SHARED,
	.thread = take,
	.end = all_have_had_it,
	.deaths = 1,
};

static const struct model unnoticed = {
	.name = "one dies unnoticed",
	.threads = 2,
	OF_SHARED,
	.thread = take_from_living,
	.deaths = 1,
};

static void deaths_come_at_every_step(void **state)
{
	(void)state;
	model_check(&dying);
	model_check_failing(&unnoticed, "for ever");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting_by_additions_holds),
		cmocka_unit_test(a_lost_update_is_found),
		cmocka_unit_test(all_outcomes_are_seen),
		cmocka_unit_test(stores_are_seen_late_on_x86_only),
		cmocka_unit_test(stores_keep_their_order),
		cmocka_unit_test(a_lost_wake_up_is_found),
		cmocka_unit_test(who_spins_for_ever_is_found),
		cmocka_unit_test(deaths_come_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
