// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What is to be done once, in every order of its steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "section.h"

static struct {
	struct fam_once once;
	struct section section;
} shared;

static void do_it(unsigned int n, int done, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = fam_once_begin(fam, &shared.once, timeout_ms);

	if (r == 0)
		return;
	if (r == -ESTALE || (r == -ETIMEDOUT && timeout_ms >= 0)) {
		model_expect(r == -ETIMEDOUT || model_lost(n));
		return;
	}
	model_expect(r == 1 || r == -EOWNERDEAD);
	section_enter(&shared.section, n, r == 1 ? 0 : r);
	if (r == -EOWNERDEAD)
		section_repair(&shared.section);
	section_leave(&shared.section, n);
	r = fam_once_end(fam, &shared.once, done);
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void succeed(unsigned int n)
{
	do_it(n, 1, -1);
}

/* The first one cannot do it. */
static void fail_first(unsigned int n)
{
	do_it(n, n != 0, -1);
}

static void timed(unsigned int n)
{
	do_it(n, 1, n ? 100 : -1);
}

/* It is done, and was so once, but for those who failed or died. */
static void end_done(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	int r = fam_once_begin(fam, &shared.once, 0);

	model_expect(r == 0 || model_any_lost());
	if (r == 0)
		model_expect(fam_word_peek(&shared.section.count) >= 1 ||
			     model_any_lost());
	if (!model_any_lost())
		model_expect(fam_word_peek(&shared.section.count) == 1);
	else
		model_expect(r == 0 || r == 1 || r == -EOWNERDEAD);
}

/* One or two of them did it: the first one's did not count. */
static void end_failed(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	int r = fam_once_begin(fam, &shared.once, 0);

	model_expect(r == 0 || model_any_lost());
	model_expect(fam_word_peek(&shared.section.count) <=
		     2 + (uint64_t)model_any_lost());
}

#define ONCE(name_, threads_, thread_, end_)                       \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = (end_)

static const struct model three = {ONCE("three do it", 3, succeed, end_done),
				   .tso = true};
static const struct model failing = {
	ONCE("the first one fails", 3, fail_first, end_failed)};
static const struct model impatient = {
	ONCE("some do not wait for long", 3, timed, end_done), .timeouts = 2};
static const struct model dying = {ONCE("one dies", 3, succeed, end_done),
				   .deaths = 1, .preemptions = 2};
static const struct model fail_and_die = {
	ONCE("the first one fails, and one dies", 3, fail_first, end_failed),
	.deaths = 1, .preemptions = 2};
static const struct model zombie = {
	ONCE("one is taken for dead", 3, succeed, end_done), .zombies = 1,
	.preemptions = 2};

static void it_is_done_once(void **state)
{
	(void)state;
	model_check(&three);
	model_check(&failing);
	model_check(&impatient);
	model_check(&dying);
	model_check(&fail_and_die);
	model_check(&zombie);
}

static const struct model *const most[] = {&three,	  &failing, &dying,
					   &fail_and_die, &zombie,  NULL};

static const char *const spare[] = {
	"fam_once_end:load.1 a hint: the swap tells",
	NULL,
};

static void no_step_of_it_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_done_once),
		cmocka_unit_test(no_step_of_it_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
