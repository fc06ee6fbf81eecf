// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who reads or writes under a read-write lock, or waits to, is killed at each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <fam/lock.h>

#include "fault.h"

#define WAIT_MS	     20000
#define TAKE_OVER_MS 1000 /* once the death is known */

static struct fam_rwlock *of(struct fault *f)
{
	return f->memory;
}

/* --- what is killed ------------------------------------------------------------------ */

static int read_once(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_rwlock_read(f->fam, of(f), WAIT_MS);
	if (r == 0)
		r = fam_rwlock_unlock_read(f->fam, of(f));
	fault_disarm(f);
	return r != 0;
}

static int write_once(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_rwlock_write(f->fam, of(f), WAIT_MS);
	if (r == 0)
		r = fam_rwlock_unlock_write(f->fam, of(f));
	fault_disarm(f);
	return r != 0;
}

/* As long as others read: it gives up, and they are not kept out any longer. */
static int write_in_vain(struct fault *f)
{
	int r;

	fault_arm(f);
	r = fam_rwlock_write(f->fam, of(f), 20);
	fault_disarm(f);
	return r != -ETIMEDOUT;
}

/* --- meanwhile ------------------------------------------------------------------------ */

static void hold_to_read(struct fault *f)
{
	assert_int_equal(fam_rwlock_read(f->fam, of(f), 0), 0);
}

static void hold_to_write(struct fault *f)
{
	assert_int_equal(fam_rwlock_write(f->fam, of(f), 0), 0);
}

static void unread_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), 0);
}

static void unwrite_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	assert_int_equal(fam_rwlock_unlock_write(f->fam, of(f)), 0);
}

/* --- who comes behind it -------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0, or -EOWNERDEAD if that may be. */
static int had_soon(int (*take)(struct fam *fam, struct fam_rwlock *lock,
				int timeout_ms),
		    struct fault *f, bool may_be_marked)
{
	int64_t began = now_ms();
	int r = take(f->fam, of(f), WAIT_MS);

	assert_true(now_ms() - began < TAKE_OVER_MS);
	assert_true(r == 0 || (r == -EOWNERDEAD && may_be_marked));
	return r;
}

/* A reader comes in first: what it is told, a writer is told as well. */
static void both_are_had(struct fault *f, bool may_be_marked)
{
	uint64_t before = 0, behind = 0;
	int reads, writes;

	if (f->killed)
		fault_await_death(f);
	reads = had_soon(fam_rwlock_read, f, may_be_marked);
	assert_int_equal(fam_rwlock_write(f->fam, of(f), 0), -ETIMEDOUT);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), 0);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), -EPERM);
	writes = had_soon(fam_rwlock_write, f, may_be_marked);
	if (reads < 0)
		assert_int_equal(writes, reads);
	assert_int_equal(fam_rwlock_fence(f->fam, of(f), &before), 0);
	assert_int_equal(fam_rwlock_consistent(f->fam, of(f)), 0);
	assert_int_equal(fam_rwlock_unlock_write(f->fam, of(f)), 0);
	/* As if nothing had been. */
	assert_int_equal(fam_rwlock_read(f->fam, of(f), 0), 0);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), 0);
	assert_int_equal(fam_rwlock_write(f->fam, of(f), 0), 0);
	assert_int_equal(fam_rwlock_fence(f->fam, of(f), &behind), 0);
	assert_true(behind > before);
	assert_int_equal(fam_rwlock_unlock_write(f->fam, of(f)), 0);
}

static void nothing_is_left(struct fault *f)
{
	both_are_had(f, false);
}

static void a_mark_may_be_left(struct fault *f)
{
	both_are_had(f, f->killed);
}

/* Those who read go on, and more of them come in. */
static void more_read(struct fault *f)
{
	int r;

	if (f->killed)
		fault_await_death(f);
	r = had_soon(fam_rwlock_read, f, f->killed);
	assert_true(r == 0 || f->killed);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), 0);
	assert_int_equal(fam_rwlock_unlock_read(f->fam, of(f)), 0);
	both_are_had(f, f->killed);
}

static void while_it_reads(void **state)
{
	static const struct fault_case free = {"read", .child = read_once,
					       .after = nothing_is_left};
	static const struct fault_case with = {
		"read with another", .child = read_once, .before = hold_to_read,
		.meanwhile = unread_when_it_sleeps, .after = nothing_is_left};

	(void)state;
	fault_each(&free);
	fault_each(&with);
}

static void while_it_writes(void **state)
{
	static const struct fault_case what = {"write", .child = write_once,
					       .after = a_mark_may_be_left};

	(void)state;
	fault_each(&what);
}

static void while_it_waits_to_read(void **state)
{
	static const struct fault_case what = {
		"wait to read", .child = read_once, .before = hold_to_write,
		.meanwhile = unwrite_when_it_sleeps, .after = nothing_is_left};

	(void)state;
	fault_each(&what);
}

static void while_it_waits_to_write(void **state)
{
	static const struct fault_case reader = {
		"wait for a reader", .child = write_once,
		.before = hold_to_read, .meanwhile = unread_when_it_sleeps,
		.after = a_mark_may_be_left};
	static const struct fault_case writer = {
		"wait for a writer", .child = write_once,
		.before = hold_to_write, .meanwhile = unwrite_when_it_sleeps,
		.after = a_mark_may_be_left};

	(void)state;
	fault_each(&reader);
	fault_each(&writer);
}

static void while_it_gives_up(void **state)
{
	static const struct fault_case what = {
		"give up to write", .child = write_in_vain,
		.before = hold_to_read, .after = more_read};

	(void)state;
	fault_each(&what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_reads),
		cmocka_unit_test(while_it_writes),
		cmocka_unit_test(while_it_waits_to_read),
		cmocka_unit_test(while_it_waits_to_write),
		cmocka_unit_test(while_it_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
