// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Semaphores in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "model.h"

static struct {
	struct fam_sem sem;
	fam_word inside, had;
} shared;

static void expect_had(unsigned int n, int r)
{
	if (r == 0)
		fam_word_add(&shared.had, 1);
	else
		model_expect(r == -ETIMEDOUT || r == -EINTR ||
			     (r == -ESTALE && model_lost(n)));
}

static void expect_posted(unsigned int n, int r)
{
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

/* --- one unit, which all want ---------------------------------------------------- */

static void begin_one(void)
{
	fam_sem_init(model_fam(MODEL_THREADS), &shared.sem, 1);
}

static void take_and_post(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = fam_sem_wait(fam, &shared.sem, timeout_ms);

	expect_had(n, r);
	if (r < 0)
		return;
	model_expect(fam_word_add(&shared.inside, 1) == 0);
	fam_word_add(&shared.inside, (uint64_t)-1);
	expect_posted(n, fam_sem_post(fam, &shared.sem, 1));
}

static void take_once(unsigned int n)
{
	take_and_post(n, -1);
}

static void take_twice(unsigned int n)
{
	take_and_post(n, -1);
	model_forget(1);
	take_and_post(n, -1);
}

/* The first one waits, the others give up after some time. */
static void take_timed(unsigned int n)
{
	take_and_post(n, n ? 100 : -1);
}

static void end_one(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);

	model_expect(fam_sem_value(fam, &shared.sem) == 1);
	model_expect(fam_sem_wait(fam, &shared.sem, 0) == 0);
	model_expect(fam_sem_wait(fam, &shared.sem, 0) == -ETIMEDOUT);
	model_expect(fam_word_peek(&shared.had) >= 1);
}

/* --- those who take, and those who post -------------------------------------------- */

/* Two take; two post as much as both need, so that one of these may die. */
static void give_or_take(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n < 2)
		expect_had(n, fam_sem_wait(fam, &shared.sem, -1));
	else
		expect_posted(n, fam_sem_post(fam, &shared.sem, 2));
}

static void end_give(void)
{
	uint64_t left = fam_sem_value(model_fam(MODEL_THREADS), &shared.sem);
	uint64_t had = fam_word_peek(&shared.had);

	model_expect(had + left <= 4);
	model_expect(model_any_lost() || (had == 2 && left == 2));
	/* One died: either before it had something or behind that. */
	model_expect(had + left >= 1);
}

/* One posts two at once, two take; some do not wait for long. */
static void give_two(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n < 2)
		expect_had(n, fam_sem_wait(fam, &shared.sem, n ? 100 : -1));
	else
		expect_posted(n, fam_sem_post(fam, &shared.sem, 2));
}

static void end_two(void)
{
	uint64_t left = fam_sem_value(model_fam(MODEL_THREADS), &shared.sem);

	model_expect(fam_word_peek(&shared.had) + left == 2);
}

/* Two post at the same time, one takes. */
static void give_one(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0)
		expect_had(n, fam_sem_wait(fam, &shared.sem, -1));
	else
		expect_posted(n, fam_sem_post(fam, &shared.sem, 1));
}

#define SEMAPHORE(name_, threads_, thread_, end_)                  \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = (end_)

static const struct model twice = {
	SEMAPHORE("two take twice", 2, take_twice, end_one), .begin = begin_one,
	.tso = true};
static const struct model three = {
	SEMAPHORE("three take", 3, take_once, end_one), .begin = begin_one,
	.preemptions = 3};
static const struct model hungry = {
	SEMAPHORE("three take, and time passes", 3, take_once, end_one),
	.begin = begin_one, .leaps = 2, .preemptions = 2};
static const struct model timed = {
	SEMAPHORE("some do not wait for long", 3, take_timed, end_one),
	.begin = begin_one,
	.timeouts = 2,
	.signals = 0,
	.leaps = 1,
	.preemptions = 2};
static const struct model two = {SEMAPHORE("two at once", 3, give_two, end_two),
				 .timeouts = 1, .spurious = 1,
				 .preemptions = 3};
static const struct model both = {
	SEMAPHORE("one takes, two post", 3, give_one, end_two)};
static const struct model dying = {SEMAPHORE("two take, two give, and one dies",
					     4, give_or_take, end_give),
				   .deaths = 1, .preemptions = 1};
static const struct model zombie = {
	SEMAPHORE("two take, two give, and one is taken for dead", 4,
		  give_or_take, end_give),
	.zombies = 1, .preemptions = 1};

static void semaphores_hold(void **state)
{
	(void)state;
	model_check(&twice);
	model_check(&three);
	model_check(&hungry);
	model_check(&timed);
	model_check(&two);
	model_check(&both);
	model_check(&dying);
	model_check(&zombie);
}

static const struct model *const most[] = {&twice, &two,    &both,
					   &timed, &hungry, NULL};

static const char *const spare[] = {
	"fam_sem_init:store.1 nobody uses it yet",
	"fam_sem_wait:load.1 a hint: the swap tells",
	"fam_sem_post:load.1 a hint: the swap tells",
	NULL,
};

static void no_step_of_a_semaphore_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(semaphores_hold),
		cmocka_unit_test(no_step_of_a_semaphore_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
