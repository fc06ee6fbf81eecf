// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who takes, gives, waits for or wakes by permits, semaphores, events, conditions,
 * barriers, and what is done once, is killed at each step.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "fault.h"

#define WAIT_MS 20000
#define PERMITS 2

struct things {
	struct fam_mutex mutex;
	struct fam_cond cond;
	struct fam_sem sem;
	struct fam_permits permits;
	struct fam_barrier barrier;
	struct fam_once once;
	struct fam_event event;
};

static struct things *of(struct fault *f)
{
	return f->memory;
}

/* --- permits ---------------------------------------------------------------------- */

static void have_permits(struct fault *f)
{
	assert_int_equal(fam_permits_init(f->fam, &of(f)->permits, PERMITS), 0);
}

/* All are taken, and come back when somebody waits. */
static void have_none(struct fault *f)
{
	uint32_t which;

	have_permits(f);
	for (unsigned int i = 0; i < PERMITS; i++)
		assert_int_equal(
			fam_permits_take(f->fam, &of(f)->permits, 0, &which),
			0);
}

static void give_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	for (unsigned int i = 0; i < PERMITS; i++)
		assert_int_equal(fam_permits_give(f->fam, &of(f)->permits, i),
				 0);
}

static int take_and_give(struct fault *f)
{
	uint32_t which = 0;
	int r;

	fault_arm(f);
	r = fam_permits_take(f->fam, &of(f)->permits, WAIT_MS, &which);
	if (r == 0)
		r = fam_permits_give(f->fam, &of(f)->permits, which);
	fault_disarm(f);
	return r != 0;
}

/* Each can be had; one of them at most had an owner who died. */
static void all_are_had(struct fault *f)
{
	unsigned int died = 0;
	uint64_t seen = 0;
	uint32_t which = 0;

	if (f->killed)
		fault_await_death(f);
	for (unsigned int i = 0; i < PERMITS; i++) {
		int r = fam_permits_take(f->fam, &of(f)->permits, 0, &which);

		assert_true(r == 0 || (r == -EOWNERDEAD && f->killed));
		died += r == -EOWNERDEAD;
		seen |= UINT64_C(1) << which;
	}
	assert_int_equal(seen, (UINT64_C(1) << PERMITS) - 1);
	assert_true(died <= 1);
	assert_int_equal(fam_permits_take(f->fam, &of(f)->permits, 0, &which),
			 -ETIMEDOUT);
}

static void with_permits(void **state)
{
	static const struct fault_case free = {
		"take and give", .child = take_and_give, .before = have_permits,
		.after = all_are_had};
	static const struct fault_case wait = {
		"wait for a permit", .child = take_and_give,
		.before = have_none, .meanwhile = give_when_it_sleeps,
		.after = all_are_had};

	(void)state;
	fault_each(&free);
	fault_each(&wait);
}

/* --- semaphores ------------------------------------------------------------------- */

static int take_and_post(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_sem_wait(f->fam, &of(f)->sem, WAIT_MS);
	if (r == 0)
		r = fam_sem_post(f->fam, &of(f)->sem, 2);
	fault_disarm(f);
	return r != 0;
}

static void post_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(fam_sem_post(f->fam, &of(f)->sem, 1), 0);
}

/* What it took is gone, what it had posted is there. */
static void it_still_counts(struct fault *f)
{
	uint32_t value = fam_sem_value(f->fam, &of(f)->sem);

	assert_true(f->killed ? value <= 2 : value == 2);
	assert_int_equal(fam_sem_post(f->fam, &of(f)->sem, 1), 0);
	for (uint32_t i = 0; i <= value; i++)
		assert_int_equal(fam_sem_wait(f->fam, &of(f)->sem, 0), 0);
	assert_int_equal(fam_sem_wait(f->fam, &of(f)->sem, 0), -ETIMEDOUT);
}

static void with_a_semaphore(void **state)
{
	static const struct fault_case what = {
		"semaphore", .child = take_and_post,
		.meanwhile = post_when_it_sleeps, .after = it_still_counts};

	(void)state;
	fault_each(&what);
}

/* --- events ------------------------------------------------------------------------- */

static int pass_and_set(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_event_wait(f->fam, &of(f)->event, WAIT_MS);
	if (r == 0)
		r = fam_event_set(f->fam, &of(f)->event);
	fault_disarm(f);
	return r != 0;
}

static void pulse_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(fam_event_pulse(f->fam, &of(f)->event), 0);
}

static void it_is_as_it_was(struct fault *f)
{
	int r = fam_event_wait(f->fam, &of(f)->event, 0);

	assert_true(r == 0 || (r == -ETIMEDOUT && f->killed));
	r = fam_event_reset(f->fam, &of(f)->event);
	assert_true(r == 0 || r == 1);
	assert_int_equal(fam_event_wait(f->fam, &of(f)->event, 0), -ETIMEDOUT);
	assert_int_equal(fam_event_pulse(f->fam, &of(f)->event), 0);
	assert_int_equal(fam_event_wait(f->fam, &of(f)->event, 0), 0);
}

static void with_an_event(void **state)
{
	static const struct fault_case what = {
		"event", .child = pass_and_set,
		.meanwhile = pulse_when_it_sleeps, .after = it_is_as_it_was};

	(void)state;
	fault_each(&what);
}

/* --- once ---------------------------------------------------------------------------- */

static int do_it(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_once_begin(f->fam, &of(f)->once, WAIT_MS);
	if (r == 1)
		r = fam_once_end(f->fam, &of(f)->once, 1);
	fault_disarm(f);
	return r != 0;
}

static void it_gets_done(struct fault *f)
{
	int r;

	if (f->killed)
		fault_await_death(f);
	r = fam_once_begin(f->fam, &of(f)->once, 0);
	assert_true(r == 0 || (f->killed && (r == 1 || r == -EOWNERDEAD)));
	if (r != 0)
		assert_int_equal(fam_once_end(f->fam, &of(f)->once, 1), 0);
	assert_int_equal(fam_once_begin(f->fam, &of(f)->once, 0), 0);
}

static void once(void **state)
{
	static const struct fault_case what = {"once", .child = do_it,
					       .after = it_gets_done};

	(void)state;
	fault_each(&what);
}

/* --- conditions ------------------------------------------------------------------------ */

static int wait_and_signal(struct fault *f)
{
	int r = fam_mutex_lock(f->fam, &of(f)->mutex, WAIT_MS);

	fault_arm(f);
	if (r == 0)
		r = fam_cond_wait(f->fam, &of(f)->cond, &of(f)->mutex, WAIT_MS);
	if (r == 0)
		r = fam_cond_broadcast(f->fam, &of(f)->cond);
	if (r == 0)
		r = fam_mutex_unlock(f->fam, &of(f)->mutex);
	fault_disarm(f);
	return r != 0;
}

static void signal_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(fam_cond_signal(f->fam, &of(f)->cond), 0);
}

static void the_mutex_is_had(struct fault *f)
{
	int r = fam_mutex_lock(f->fam, &of(f)->mutex, WAIT_MS);

	assert_true(r == 0 || (r == -EOWNERDEAD && f->killed));
	if (r == -EOWNERDEAD)
		assert_int_equal(fam_mutex_consistent(f->fam, &of(f)->mutex),
				 0);
	assert_int_equal(fam_cond_wait(f->fam, &of(f)->cond, &of(f)->mutex, 0),
			 -ETIMEDOUT);
	assert_int_equal(fam_mutex_unlock(f->fam, &of(f)->mutex), 0);
}

static void with_a_condition(void **state)
{
	static const struct fault_case what = {
		"condition", .child = wait_and_signal,
		.meanwhile = signal_when_it_sleeps, .after = the_mutex_is_had};

	(void)state;
	fault_each(&what);
}

/* --- barriers -------------------------------------------------------------------------- */

static int attend(struct fault *f)
{
	int r;

	fault_arm(f);
	/* One round, after which it is missed; the test comes to both. */
	r = fam_barrier_wait(f->fam, &of(f)->barrier, WAIT_MS);
	if (r >= 0)
		r = fam_barrier_wait(f->fam, &of(f)->barrier, WAIT_MS);
	fault_disarm(f);
	return r < 0;
}

static void two_parties(struct fault *f)
{
	assert_int_equal(fam_barrier_init(f->fam, &of(f)->barrier, 2), 0);
}

/* How it ended for the test, which gives up if the other one was never there. */
static int attend_too(struct fault *f)
{
	int r;

	do {
		r = fam_barrier_wait(f->fam, &of(f)->barrier, 50);
	} while (r == -ETIMEDOUT && !fault_ended(f));
	return r;
}

static void come_twice(struct fault *f)
{
	int r = attend_too(f);

	if (r >= 0)
		r = attend_too(f);
	assert_true(r >= 0 || r == -ETIMEDOUT || r == -EOWNERDEAD);
}

/* Who took part is missed; then there is room for a new one. */
static void it_is_missed(struct fault *f)
{
	unsigned int told = 0;
	int r;

	/* Its session has ended in either case. */
	if (f->killed)
		fault_await_death(f);
	while ((r = fam_barrier_wait(f->fam, &of(f)->barrier, 0)) ==
	       -EOWNERDEAD)
		assert_true(++told <= 2);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(fam_barrier_init(f->fam, &of(f)->barrier, 1), 0);
	assert_int_equal(fam_barrier_wait(f->fam, &of(f)->barrier, 0), 1);
}

static void at_a_barrier(void **state)
{
	static const struct fault_case what = {
		"barrier", .child = attend, .before = two_parties,
		.meanwhile = come_twice, .after = it_is_missed};

	(void)state;
	fault_each(&what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_permits),
		cmocka_unit_test(with_a_semaphore),
		cmocka_unit_test(with_an_event),
		cmocka_unit_test(once),
		cmocka_unit_test(with_a_condition),
		cmocka_unit_test(at_a_barrier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
