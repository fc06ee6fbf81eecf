// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Read-write locks in every order of their steps. With two places for readers
 * only, so that looking through all of them is not most of what there is to see.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/lock.h>

#include "section.h"

#undef FAM_RWLOCK_READERS
#define FAM_RWLOCK_READERS 2
#include "sync/rwlock.c"

#include "sync/rwlock-read.c"

static struct {
	/* As much of a struct fam_rwlock as is used. */
	uint64_t rwlock[RWLOCK_READERS + FAM_RWLOCK_READERS];
	struct section section;
	fam_word readers; /* who is in, a bit each */
} shared;

static struct fam_rwlock *lock_(void)
{
	return (struct fam_rwlock *)(void *)shared.rwlock;
}

/* --- what is protected ---------------------------------------------------------------- */

/* Lost are those who died, or do not know yet that they are taken for dead. */
static bool any_reader(void)
{
	for (unsigned int n = 0; n < MODEL_THREADS; n++) {
		if (fam_word_peek(&shared.readers) >> n & 1 && !model_lost(n))
			return true;
	}
	return false;
}

static void reader_enters(unsigned int n, int r)
{
	uint64_t inside;

	model_atomically(true);
	inside = fam_word_peek(&shared.section.inside);
	if (!model_lost(n)) {
		if (inside) {
			model_expect(model_lost((unsigned int)inside - 1));
			fam_word_set(&shared.section.damaged, 1);
		}
		if (fam_word_peek(&shared.section.damaged))
			model_expect(r == -EOWNERDEAD);
		fam_word_set(&shared.readers, UINT64_C(1) << n);
	}
	model_atomically(false);
}

/* --- what threads do -------------------------------------------------------------------- */

/* Return: goes it on? */
static bool had(unsigned int n, int r, int timeout_ms)
{
	if (r == -ESTALE)
		model_expect(model_lost(n));
	else if (r == -ETIMEDOUT)
		model_expect(timeout_ms >= 0);
	else
		model_expect(r == 0 || r == -EOWNERDEAD);
	return r == 0 || r == -EOWNERDEAD;
}

static void write_once(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = fam_rwlock_write(fam, lock_(), timeout_ms);

	if (!had(n, r, timeout_ms))
		return;
	model_atomically(true);
	model_expect(model_lost(n) || !any_reader());
	model_atomically(false);
	section_enter(&shared.section, n, r);
	if (r == -EOWNERDEAD) {
		section_repair(&shared.section);
		r = fam_rwlock_consistent(fam, lock_());
		model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
	}
	section_leave(&shared.section, n);
	r = fam_rwlock_unlock_write(fam, lock_());
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void read_once(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = fam_rwlock_read(fam, lock_(), timeout_ms);

	if (!had(n, r, timeout_ms))
		return;
	reader_enters(n, r);
	fam_word_clear(&shared.readers, UINT64_C(1) << n);
	r = fam_rwlock_unlock_read(fam, lock_());
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void one_writes(unsigned int n)
{
	if (n == 0)
		write_once(n, -1);
	else
		read_once(n, -1);
}

static void one_reads(unsigned int n)
{
	if (n == 0)
		read_once(n, -1);
	else
		write_once(n, -1);
}

static void both_do_both(unsigned int n)
{
	one_writes(n);
	model_forget(1);
	one_reads(n);
}

/* The writer gives up after some time. */
static void one_writes_soon(unsigned int n)
{
	if (n == 0)
		write_once(n, 100);
	else
		read_once(n, -1);
}

/* Readers do. */
static void others_read_soon(unsigned int n)
{
	if (n == 0)
		write_once(n, -1);
	else
		read_once(n, 100);
}

static void one_tries(unsigned int n)
{
	if (n == 0)
		write_once(n, 0);
	else
		read_once(n, 0);
}

/* One more of each, whom nothing may keep out. */
static void all_is_well(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	int r = fam_rwlock_read(fam, lock_(), 0);

	model_expect(r == 0 || (r == -EOWNERDEAD && model_any_lost()));
	model_expect(fam_rwlock_unlock_read(fam, lock_()) == 0);
	r = fam_rwlock_write(fam, lock_(), 0);
	model_expect(r == 0 || (r == -EOWNERDEAD && model_any_lost()));
	section_enter(&shared.section, MODEL_THREADS, r);
	model_expect(fam_rwlock_unlock_write(fam, lock_()) == 0);
}

/* --- the models -------------------------------------------------------------------------- */

#define LOCKING(name_, threads_, thread_)                          \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = all_is_well

static const struct model two = {
	LOCKING("one writes, one reads", 2, one_writes), .tso = true,
	.preemptions = 4};
static const struct model both = {
	LOCKING("two read and write", 2, both_do_both), .preemptions = 3};
static const struct model readers = {
	LOCKING("one writes, two read", 3, one_writes), .preemptions = 2};
static const struct model writers = {
	LOCKING("two write, one reads", 3, one_reads), .preemptions = 2};
static const struct model dying = {
	LOCKING("one writes, one reads, one dies", 2, one_writes), .deaths = 1,
	.preemptions = 3};
static const struct model readers_dying = {
	LOCKING("one writes, two read, one dies", 3, one_writes), .deaths = 1,
	.preemptions = 1};
static const struct model writers_dying = {
	LOCKING("two write, one reads, one dies", 3, one_reads), .deaths = 1,
	.preemptions = 1};
static const struct model zombie = {
	LOCKING("one writes, one reads, one is taken for dead", 2, one_writes),
	.zombies = 1, .preemptions = 3};
/* He may still close and open the gate, while another one writes. */
static const struct model zombie_writer = {
	LOCKING("two write, one reads, a writer is taken for dead", 3,
		one_reads),
	.zombies = 1, .mortal = 2, .preemptions = 2};
static const struct model soon = {
	LOCKING("one does not wait long to write", 2, one_writes_soon),
	.timeouts = 1, .preemptions = 3};
static const struct model soon_three = {
	LOCKING("one of three does not wait long to write", 3, one_writes_soon),
	.timeouts = 1, .preemptions = 2};
static const struct model others_soon = {
	LOCKING("two do not wait long to read", 3, others_read_soon),
	.timeouts = 1, .preemptions = 1};
static const struct model tried = {LOCKING("nobody waits", 2, one_tries),
				   .preemptions = 3};
static const struct model woken = {
	LOCKING("they wake for no reason", 2, one_writes), .spurious = 1,
	.preemptions = 3};

static const struct model *const all[] = {
	&two,		&both,		&readers, &writers,	  &dying,
	&readers_dying, &writers_dying, &zombie,  &soon,	  &soon_three,
	&others_soon,	&tried,		&woken,	  &zombie_writer,
};

static void read_write_locks_hold(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		model_check(all[i]);
}

/* All threads are of one session, and are counted in one place. */
static const struct model threads = {
	LOCKING("threads: one writes, two read", 3, one_writes),
	.one_session = true, .preemptions = 2};
static const struct model writing_threads = {
	LOCKING("threads: two write, one reads", 3, one_reads),
	.one_session = true, .preemptions = 1};

static void threads_of_a_session_are_as_others(void **state)
{
	(void)state;
	model_check(&threads);
	model_check(&writing_threads);
}

static const struct model one_writer_dies = {
	LOCKING("two write, one reads, the first dies", 3, one_reads),
	.deaths = 1, .mortal = 2, .preemptions = 2};

static const struct model *const most[] = {
	&two,	&soon,	 &tried, &writers,	   &threads,
	&dying, &zombie, &both,	 &one_writer_dies, NULL};

static const char *const spare[] = {
	"fam_lock_finish:store.1 who holds it is for -EDEADLK and -EPERM",
	"fam_lock_wake:store.1 likewise",
	"fam_lock_grab:store.1 likewise",
	"fam_lock_let_go:store.1 likewise",
	"bury:unpark.1 all who sleep have been told of the death",
	"bury:unpark.2 likewise",
	"close_gate:swap.1 readers open it only behind a dead one: once more",
	"fam_lock_grab:swap.2 else the next one is told of a death",
	/* Those of the writers' mutex are broken in test-model-mutex. */
	"fam_lock_sleep:swap.1 ",
	"fam_lock_consistent:swap.1 ",
	"let_go:swap.1 ",
	"let_go:swap.2 ",
	"give_up:unpark.1 ",
	NULL,
};

static void no_step_of_a_read_write_lock_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_write_locks_hold),
		cmocka_unit_test(threads_of_a_session_are_as_others),
		cmocka_unit_test(no_step_of_a_read_write_lock_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
