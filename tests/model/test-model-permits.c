// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Permits in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "section.h"

#define PERMITS 2

static struct {
	struct fam_permits permits;
	struct section section[PERMITS];
} shared;

static void begin(void)
{
	fam_permits_init(model_fam(MODEL_THREADS), &shared.permits, PERMITS);
}

static void begin_one(void)
{
	fam_permits_init(model_fam(MODEL_THREADS), &shared.permits, 1);
}

/* What each permit allows is like what a lock protects. */
static void take_and_give(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	uint32_t which = 99;
	int r = fam_permits_take(fam, &shared.permits, timeout_ms, &which);

	if (r == -ESTALE) {
		model_expect(model_lost(n));
		return;
	}
	if (r == -ETIMEDOUT && timeout_ms >= 0)
		return;
	model_expect((r == 0 || r == -EOWNERDEAD) && which < PERMITS);
	section_enter(&shared.section[which], n, r);
	if (r == -EOWNERDEAD)
		section_repair(&shared.section[which]);
	section_leave(&shared.section[which], n);
	r = fam_permits_give(fam, &shared.permits, which);
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void take_once(unsigned int n)
{
	take_and_give(n, -1);
}

static void take_twice(unsigned int n)
{
	take_and_give(n, -1);
	model_forget(1);
	take_and_give(n, -1);
}

static void take_timed(unsigned int n)
{
	take_and_give(n, n ? 100 : -1);
}

/* All of them can be had. */
static void end_count(unsigned int count)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	uint32_t which = 99;

	for (unsigned int i = 0; i < count; i++) {
		int r = fam_permits_take(fam, &shared.permits, 0, &which);

		model_expect(r == 0 || (r == -EOWNERDEAD && model_any_lost()));
	}
	model_expect(fam_permits_take(fam, &shared.permits, 0, &which) ==
		     -ETIMEDOUT);
}

static void end(void)
{
	end_count(PERMITS);
}

static void end_one(void)
{
	end_count(1);
}

#define ONE(name_, threads_, thread_)                                     \
	.name = (name_), .threads = (threads_), .memory = &shared,        \
	.bytes = sizeof(shared), .thread = (thread_), .begin = begin_one, \
	.end = end_one

static const struct model twice = {
	ONE("two take one permit twice", 2, take_twice), .tso = true};
static const struct model three = {ONE("three take one permit", 3, take_once),
				   .preemptions = 2};
static const struct model timed = {
	ONE("some do not wait for long", 3, take_timed), .timeouts = 2,
	.leaps = 1, .preemptions = 1};
static const struct model hungry = {
	ONE("three take one, and time passes", 3, take_once), .leaps = 2,
	.preemptions = 1};
/* It says that it is hungry just when one is given back. */
static const struct model restless = {
	ONE("two take one, wake for no reason, time passes", 2, take_once),
	.leaps = 1, .spurious = 1, .preemptions = 2};
static const struct model dying = {
	ONE("two take one permit twice, one dies", 2, take_twice), .deaths = 1,
	.preemptions = 2};
static const struct model three_dying = {
	ONE("three take one permit, one dies", 3, take_once), .deaths = 1,
	.preemptions = 1};
static const struct model zombie = {
	ONE("two take one permit twice, one is taken for dead", 2, take_twice),
	.zombies = 1, .preemptions = 2};
static const struct model several = {.name = "three take one of two permits",
				     .threads = 3,
				     .memory = &shared,
				     .bytes = sizeof(shared),
				     .thread = take_once,
				     .begin = begin,
				     .end = end,
				     .deaths = 1,
				     .preemptions = 1};

static void permits_hold(void **state)
{
	(void)state;
	model_check(&twice);
	model_check(&three);
	model_check(&timed);
	model_check(&hungry);
	model_check(&restless);
	model_check(&dying);
	model_check(&three_dying);
	model_check(&zombie);
	model_check(&several);
}

static const struct model *const most[] = {&twice, &timed,  &dying, &zombie,
					   &three, &hungry, NULL};

static const char *const spare[] = {
	"fam_permits_init:store.1 nobody uses it yet",
	"fam_permits_give:add.1 matters if three give at the same time",
	NULL,
};

static void no_step_of_a_permit_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permits_hold),
		cmocka_unit_test(no_step_of_a_permit_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
