// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Barriers in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/barrier.h"

#include "model.h"

#define PARTIES_MAX 3

/* Small: what there is room for but nobody uses is left out. */
static struct {
	uint64_t word[PARTY + PARTIES_MAX];
	fam_word stored[PARTIES_MAX]; /* rounds, each by its party */
	fam_word completed, broken, last;
} shared;

static struct fam_barrier *barrier(void)
{
	/* It looks at no more places than there are parties. */
	return (struct fam_barrier *)shared.word;
}

static void begin(unsigned int parties, bool known)
{
	fam_word *word = fam_sync_words(shared.word);

	fam_word_poke(&word[ROUND], round_over(0, true));
	fam_word_poke(&word[PARTIES], parties);
	for (unsigned int i = 0; known && i < parties; i++)
		fam_word_poke(&word[PARTY + i],
			      party(fam_park_self(model_fam(i)), 1, MEMBER));
}

static void begin_two(void)
{
	begin(2, false);
}

static void begin_three(void)
{
	begin(3, false);
}

/* As if they had just gone through a round: who dies is missed. */
static void begin_two_known(void)
{
	begin(2, true);
}

static void begin_three_known(void)
{
	begin(3, true);
}

static unsigned int parties(void)
{
	return (unsigned int)shared.word[PARTIES];
}

/* Behind a round that was completed nobody is further back than this one. */
static void see_others(uint64_t round)
{
	for (unsigned int i = 0; i < parties(); i++)
		model_expect(fam_word_peek(&shared.stored[i]) >= round);
}

static void note(unsigned int n, int r, uint64_t round)
{
	if (r == -ESTALE) {
		model_expect(model_lost(n));
		return;
	}
	if (r == -EOWNERDEAD) {
		model_expect(model_any_lost());
		fam_word_add(&shared.broken, 1);
		return;
	}
	model_expect(r == 0 || r == 1);
	see_others(round);
	fam_word_add(&shared.completed, 1);
	if (r == 1)
		fam_word_add(&shared.last, 1);
}

static int attend(unsigned int n, uint64_t round, int timeout_ms)
{
	fam_word_poke(&shared.stored[n], round);
	return fam_barrier_wait(model_fam(n), barrier(), timeout_ms);
}

static void once(unsigned int n)
{
	note(n, attend(n, 1, -1), 1);
}

static void twice(unsigned int n)
{
	note(n, attend(n, 1, -1), 1);
	model_forget(1);
	note(n, attend(n, 2, -1), 2);
}

/* The first one gives up and comes again. */
static void impatient(unsigned int n)
{
	int r = attend(n, 1, n ? -1 : 100);

	if (r == -ETIMEDOUT || r == -EINTR) {
		model_expect(n == 0 || r == -EINTR);
		r = attend(n, 1, -1);
	}
	note(n, r, 1);
}

/* Three for two places: whoever is left over gives up. */
static void one_too_many(unsigned int n)
{
	int r = fam_barrier_wait(model_fam(n), barrier(), 100);

	if (r == -ETIMEDOUT)
		return;
	model_expect(r == 0 || r == 1);
	fam_word_add(&shared.completed, 1);
	if (r == 1)
		fam_word_add(&shared.last, 1);
}

/* Four for two places, so that nobody is left over. */
static void two_rounds(unsigned int n)
{
	int r = fam_barrier_wait(model_fam(n), barrier(), -1);

	model_expect(r == 0 || r == 1);
	fam_word_add(&shared.completed, 1);
	if (r == 1)
		fam_word_add(&shared.last, 1);
}

static void end_once(void)
{
	model_expect(fam_word_peek(&shared.completed) == parties());
	model_expect(fam_word_peek(&shared.last) == 1);
}

static void end_twice(void)
{
	model_expect(fam_word_peek(&shared.completed) == 2 * parties());
	model_expect(fam_word_peek(&shared.last) == 2);
}

/* All who live were told the same. */
static void end_dying(void)
{
	uint64_t completed = fam_word_peek(&shared.completed);

	model_expect(completed == 0 || fam_word_peek(&shared.broken) == 0);
	model_expect(fam_word_peek(&shared.last) <= 1);
	if (!model_any_lost())
		end_once();
}

static void end_too_many(void)
{
	uint64_t completed = fam_word_peek(&shared.completed);

	model_expect(completed == 2 * fam_word_peek(&shared.last));
	model_expect(completed <= 2);
}

#define BARRIER(name_, threads_, begin_, thread_, end_)                  \
	.name = (name_), .threads = (threads_), .memory = &shared,       \
	.bytes = sizeof(shared), .begin = (begin_), .thread = (thread_), \
	.end = (end_)

static const struct model two_twice = {
	BARRIER("two, two rounds", 2, begin_two, twice, end_twice),
	.tso = true};
static const struct model three = {
	BARRIER("three, one round", 3, begin_three, once, end_once),
	.preemptions = 2};
static const struct model gives_up = {BARRIER("one gives up and comes again", 2,
					      begin_two, impatient, end_once),
				      .timeouts = 1, .preemptions = 2};
static const struct model three_gives_up = {
	BARRIER("one of three gives up and comes again", 3, begin_three,
		impatient, end_once),
	.signals = 1, .preemptions = 1};
static const struct model dying = {
	BARRIER("one of two dies", 2, begin_two_known, once, end_dying),
	.deaths = 1};
static const struct model three_dying = {
	BARRIER("one of three dies", 3, begin_three_known, once, end_dying),
	.deaths = 1, .preemptions = 1};
static const struct model zombie = {BARRIER("one of two is taken for dead", 2,
					    begin_two_known, once, end_dying),
				    .zombies = 1};
static const struct model dying_impatient = {
	BARRIER("one of two gives up, and one dies", 2, begin_two_known,
		impatient, end_dying),
	.deaths = 1, .timeouts = 1, .preemptions = 2};

static const struct model too_many = {BARRIER("three for two places", 3,
					      begin_two, one_too_many,
					      end_too_many),
				      .timeouts = 3, .preemptions = 1};
static const struct model four = {
	BARRIER("four for two places", 4, begin_two, two_rounds, end_twice),
	.preemptions = 1};

static void barriers_hold(void **state)
{
	(void)state;
	model_check(&two_twice);
	model_check(&three);
	model_check(&gives_up);
	model_check(&three_gives_up);
	model_check(&dying);
	model_check(&three_dying);
	model_check(&zombie);
	model_check(&dying_impatient);
	model_check(&too_many);
	model_check(&four);
}

static const struct model *const most[] = {
	&two_twice, &four, &dying, &gives_up, &zombie, &dying_impatient, NULL};

/*
 * At a place others write only if its owner is lost: then what he writes over
 * that is found dead once more, and the round is broken twice.
 */
static const char *const spare[] = {
	"barrier_look:fence.1 a swap before it is a fence on x86",
	"barrier_room:fence.1 likewise",
	"settle:swap.1 at a place",
	"acknowledge:swap.1 at a place",
	"give_up:swap.1 at a place",
	"give_up:swap.3 at a place",
	"mark:swap.1 at a place of one who is dead",
	"mark:swap.2 likewise",
	"give_up:swap.2 a break it writes over is found again at the place",
	"barrier_room:swap.1 a flag too many wakes in vain",
	"await_room:swap.1 the places are looked at behind it",
	NULL,
};

static void no_step_of_a_barrier_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(barriers_hold),
		cmocka_unit_test(no_step_of_a_barrier_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
