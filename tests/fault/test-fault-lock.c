// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who has a lock, takes it, waits for it, or lets it go, is killed at each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <fam-holder.h>

#include "fault.h"

#define WAIT_MS	     20000
#define TAKE_OVER_MS 1000 /* once the death is known */

/* A kind of lock, with one name for all of its calls. */
struct kind {
	const char *name;
	int (*lock)(struct fam *fam, void *lock, int timeout_ms);
	int (*unlock)(struct fam *fam, void *lock);
	int (*consistent)(struct fam *fam, void *lock);
	int (*fence)(struct fam *fam, void *lock, uint64_t *number);
};

#define KIND(kind_)                                                           \
	static int kind_##_lock(struct fam *fam, void *lock, int timeout_ms)  \
	{                                                                     \
		return fam_##kind_##_lock(fam, lock, timeout_ms);             \
	}                                                                     \
	static int kind_##_unlock(struct fam *fam, void *lock)                \
	{                                                                     \
		return fam_##kind_##_unlock(fam, lock);                       \
	}                                                                     \
	static int kind_##_consistent(struct fam *fam, void *lock)            \
	{                                                                     \
		return fam_##kind_##_consistent(fam, lock);                   \
	}                                                                     \
	static int kind_##_fence(struct fam *fam, void *lock,                 \
				 uint64_t *number)                            \
	{                                                                     \
		return fam_##kind_##_fence(fam, lock, number);                \
	}                                                                     \
	static const struct kind kind_ = {#kind_, kind_##_lock,               \
					  kind_##_unlock, kind_##_consistent, \
					  kind_##_fence};

KIND(mutex)
KIND(spin)
KIND(ticket)

static const struct kind *kind;

static const struct kind *const kinds[] = {&mutex, &spin, &ticket};

/* --- what is killed ------------------------------------------------------------------ */

static int lock_and_unlock(struct fault *f)
{
	int r;

	fault_arm(f);
	r = kind->lock(f->fam, f->memory, WAIT_MS);
	if (r == 0)
		r = kind->unlock(f->fam, f->memory);
	fault_disarm(f);
	return r != 0;
}

static int fence_twice(struct fault *f)
{
	uint64_t first = 0, second = 0;
	int r = kind->lock(f->fam, f->memory, WAIT_MS);

	fault_arm(f);
	if (r == 0)
		r = kind->fence(f->fam, f->memory, &first);
	if (r == 0)
		r = kind->fence(f->fam, f->memory, &second);
	if (r == 0)
		r = kind->unlock(f->fam, f->memory);
	fault_disarm(f);
	return r != 0 || second <= first;
}

/* --- who comes behind it -------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* It is had at once when the death is known; and once more, as nothing was. */
static void is_had(struct fault *f)
{
	uint64_t before = 0, behind = 0;
	int64_t began;
	int r;

	if (f->killed)
		fault_await_death(f);
	began = now_ms();
	r = kind->lock(f->fam, f->memory, WAIT_MS);
	assert_true(now_ms() - began < TAKE_OVER_MS);
	assert_true(r == 0 || (r == -EOWNERDEAD && f->killed));
	assert_int_equal(kind->fence(f->fam, f->memory, &before), 0);
	if (r == -EOWNERDEAD) {
		/* The mark stays until it is taken away. */
		assert_int_equal(kind->unlock(f->fam, f->memory), 0);
		assert_int_equal(kind->lock(f->fam, f->memory, 0), -EOWNERDEAD);
		assert_int_equal(kind->consistent(f->fam, f->memory), 0);
	}
	assert_int_equal(kind->unlock(f->fam, f->memory), 0);
	assert_int_equal(kind->unlock(f->fam, f->memory), -EPERM);
	assert_int_equal(kind->lock(f->fam, f->memory, 0), 0);
	assert_int_equal(kind->fence(f->fam, f->memory, &behind), 0);
	assert_true(behind > before);
	assert_int_equal(kind->unlock(f->fam, f->memory), 0);
}

static void hold(struct fault *f)
{
	assert_int_equal(kind->lock(f->fam, f->memory, 0), 0);
}

static void let_go_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(kind->unlock(f->fam, f->memory), 0);
}

/* In each kind of lock. */
static void killed_at_every_step(const struct fault_case *what)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		kind = kinds[i];
		print_message("# %s\n", kind->name);
		fault_each(what);
	}
}

static void in_a_lock_that_is_free(void **state)
{
	static const struct fault_case what = {
		"lock and unlock", .child = lock_and_unlock, .after = is_had};

	(void)state;
	killed_at_every_step(&what);
}

static void while_it_waits(void **state)
{
	static const struct fault_case what = {
		"wait", .child = lock_and_unlock, .before = hold,
		.meanwhile = let_go_when_it_sleeps, .after = is_had};

	(void)state;
	killed_at_every_step(&what);
}

static void while_it_draws_numbers(void **state)
{
	static const struct fault_case what = {"fence", .child = fence_twice,
					       .after = is_had};

	(void)state;
	killed_at_every_step(&what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_lock_that_is_free),
		cmocka_unit_test(while_it_waits),
		cmocka_unit_test(while_it_draws_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
