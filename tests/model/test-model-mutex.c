// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Mutexes and spin locks in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/lock.h>

#include "sync/fam-sync.h"
#include "section.h"

static struct {
	union {
		struct fam_mutex mutex;
		struct fam_spin spin;
	};
	struct section section;
} shared;

/* A kind of lock. */
struct kind {
	int (*lock)(struct fam *fam, int timeout_ms);
	int (*unlock)(struct fam *fam);
	int (*consistent)(struct fam *fam);
};

static int lock_mutex(struct fam *fam, int timeout_ms)
{
	return fam_mutex_lock(fam, &shared.mutex, timeout_ms);
}

static int unlock_mutex(struct fam *fam)
{
	return fam_mutex_unlock(fam, &shared.mutex);
}

static int consistent_mutex(struct fam *fam)
{
	return fam_mutex_consistent(fam, &shared.mutex);
}

static int lock_spin(struct fam *fam, int timeout_ms)
{
	return fam_spin_lock(fam, &shared.spin, timeout_ms);
}

static int unlock_spin(struct fam *fam)
{
	return fam_spin_unlock(fam, &shared.spin);
}

static int consistent_spin(struct fam *fam)
{
	return fam_spin_consistent(fam, &shared.spin);
}

static const struct kind a_mutex = {lock_mutex, unlock_mutex, consistent_mutex};
static const struct kind a_spin = {lock_spin, unlock_spin, consistent_spin};
static const struct kind *kind;

/* --- what threads do -------------------------------------------------------------- */

static bool was_made(unsigned int n, int r)
{
	return r == 0 || (r == -ESTALE && model_lost(n));
}

/* Return: was it had? */
static bool once(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = kind->lock(fam, timeout_ms);

	if (r == -ESTALE) {
		model_expect(model_lost(n));
		return false;
	}
	if (r == -ETIMEDOUT && timeout_ms >= 0)
		return false;
	model_expect(r == 0 || r == -EOWNERDEAD);
	section_enter(&shared.section, n, r);
	if (r == -EOWNERDEAD) {
		section_repair(&shared.section);
		model_expect(was_made(n, kind->consistent(fam)));
	}
	section_leave(&shared.section, n);
	model_expect(was_made(n, kind->unlock(fam)));
	return true;
}

static void lock_once(unsigned int n)
{
	once(n, -1);
}

static void lock_twice(unsigned int n)
{
	once(n, -1);
	model_forget(1);
	once(n, -1);
}

/* The first one waits, the others give up after some time. */
static void lock_timed(unsigned int n)
{
	once(n, n ? 100 : -1);
}

/* Who has it is not made to wait for himself. */
static void lock_again(unsigned int n)
{
	struct fam *fam = model_fam(n);

	model_expect(kind->lock(fam, -1) == 0);
	model_expect(kind->lock(fam, -1) == -EDEADLK);
	model_expect(kind->unlock(fam) == 0);
}

/* Somebody died in it before. */
static void mark(void)
{
	fam_word_poke(fam_sync_words(shared.mutex.word), FAM_LOCK_MARK);
	fam_word_poke(&shared.section.damaged, 1);
}

/* The first one repairs it, the second one leaves that to others. */
static void lock_marked(unsigned int n)
{
	struct fam *fam = model_fam(n);
	int r = kind->lock(fam, -1);

	if (r == -EOWNERDEAD && n == 0)
		model_expect(was_made(n, kind->consistent(fam)));
	else if (r != -EOWNERDEAD)
		model_expect(was_made(n, r));
	if (r != -ESTALE)
		model_expect(was_made(n, kind->unlock(fam)));
}

/* One more, whom nothing may keep out. */
static void still_works(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	int r = kind->lock(fam, 0);

	model_expect(r == 0 || (r == -EOWNERDEAD && model_any_lost()));
	section_enter(&shared.section, MODEL_THREADS, r);
	model_expect(kind->unlock(fam) == 0);
}

static void all_is_well(void)
{
	uint64_t count = fam_word_peek(&shared.section.count);

	still_works();
	/* Some may have given up, the first one has not. */
	model_expect(count >= 1 || model_lost(0));
	model_expect(count <= 4);
}

/* --- the models -------------------------------------------------------------------- */

#define LOCKING(name_, threads_, thread_)                          \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = all_is_well

static const struct model two_twice = {LOCKING("two lock twice", 2, lock_twice),
				       .tso = true};
static const struct model three = {LOCKING("three lock", 3, lock_once),
				   .preemptions = 2};
static const struct model dying = {
	LOCKING("two lock twice, one dies", 2, lock_twice), .deaths = 1};
static const struct model three_dying = {
	LOCKING("three lock, one dies", 3, lock_once), .deaths = 1,
	.preemptions = 1};
static const struct model zombie = {
	LOCKING("two lock twice, one is taken for dead", 2, lock_twice),
	.zombies = 1, .preemptions = 4};
static const struct model timed = {
	LOCKING("some do not wait for long", 2, lock_timed), .timeouts = 1,
	.leaps = 1};
static const struct model timed_three = {
	LOCKING("some of three do not wait for long", 3, lock_timed),
	.timeouts = 1, .leaps = 1, .preemptions = 1};
static const struct model hungry = {
	LOCKING("three lock, and time passes", 3, lock_once), .leaps = 2,
	.preemptions = 1};
static const struct model woken = {
	LOCKING("they wake for no reason", 2, lock_twice), .spurious = 1,
	.deaths = 1, .preemptions = 2};

static const struct model marked = {
	LOCKING("two lock what one died in", 2, lock_twice), .begin = mark};
static const struct model marked_zombie = {
	.name = "the same, and one is taken for dead",
	.threads = 2,
	.memory = &shared,
	.bytes = sizeof(shared),
	.begin = mark,
	.thread = lock_marked,
	.zombies = 1};
static const struct model again = {.name = "two lock what they have",
				   .threads = 2,
				   .memory = &shared,
				   .bytes = sizeof(shared),
				   .thread = lock_again};

static const struct model threads = {
	LOCKING("two of one process lock twice", 2, lock_twice),
	.one_session = true};

static const struct model *const all[] = {
	&two_twice,	&three,	      &dying,  &three_dying, &zombie,
	&timed,		&timed_three, &hungry, &woken,	     &marked,
	&marked_zombie, &threads,     &again,
};

static void check_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		model_check(all[i]);
}

static void mutexes_hold(void **state)
{
	(void)state;
	kind = &a_mutex;
	check_all();
}

static void spin_locks_hold(void **state)
{
	(void)state;
	kind = &a_spin;
	check_all();
}

static const struct model *const most[] = {&again,     &threads, &marked_zombie,
					   &two_twice, &marked,	 &timed,
					   &dying,     &zombie,	 NULL};

static void no_step_of_a_mutex_is_idle(void **state)
{
	static const char *const spare[] = {
		"fam_lock_wake:store.1 others ask whose the lock is first",
		"give_up:unpark.1 who was woken for it is not told it is late",
		NULL,
	};

	(void)state;
	kind = &a_mutex;
	model_check_mutants(most, spare);
}

static void no_step_of_a_spin_lock_is_idle(void **state)
{
	static const char *const spare[] = {
		"fam_lock_wake:store.1 others ask whose the lock is first",
		"nap:park.1 it looks again after a while",
		NULL,
	};

	(void)state;
	kind = &a_spin;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutexes_hold),
		cmocka_unit_test(spin_locks_hold),
		cmocka_unit_test(no_step_of_a_mutex_is_idle),
		cmocka_unit_test(no_step_of_a_spin_lock_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
