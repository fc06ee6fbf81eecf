// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who waits for long hardly runs, whatever it waits for: also for a place in a
 * crowd, where nobody wakes it.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/lock.h>
#include <fam/session.h>

#include "fabric-file.h"
#include "member.h"

#define SESSIONS (FAM_RWLOCK_READERS + 1)
#define WAIT_MS	 700
#define TRIES	 4
/* Thousandths of a CPU. What the sanitizers add is not the library's. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define MOST 500
#else
#define MOST 20
#endif

struct locks {
	struct fam_mutex mutex;
	struct fam_spin spin;
	struct fam_ticket ticket;
	struct fam_rwlock rwlock;
};

static struct workdir work;
static struct fam *fam[SESSIONS];
static struct locks *locks[SESSIONS]; /* the same ones, as each sees them */

static int set_up(void **state)
{
	const char *path;

	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = fabric_make(&work, "crowd", 1, NULL);
	for (unsigned int i = 0; i < SESSIONS; i++) {
		void *at = NULL;

		if (fam_open(&fam[i], path, 0) < 0 ||
		    fam_session_set(fam[i], NULL, 600000) < 0 ||
		    fam_map(fam[i], 0, sizeof(struct locks), &at) < 0)
			return -1;
		locks[i] = at;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SESSIONS; i++) {
		fam_close(fam[i]);
		fam[i] = NULL;
	}
	return workdir_remove(&work);
}

static int wait_for_mutex(int timeout_ms)
{
	return fam_mutex_lock(fam[0], &locks[0]->mutex, timeout_ms);
}

static int wait_for_spin(int timeout_ms)
{
	return fam_spin_lock(fam[0], &locks[0]->spin, timeout_ms);
}

static int wait_for_ticket(int timeout_ms)
{
	return fam_ticket_lock(fam[0], &locks[0]->ticket, timeout_ms);
}

static int wait_to_read(int timeout_ms)
{
	return fam_rwlock_read(fam[0], &locks[0]->rwlock, timeout_ms);
}

static int wait_to_write(int timeout_ms)
{
	return fam_rwlock_write(fam[0], &locks[0]->rwlock, timeout_ms);
}

static int64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The calling thread alone: in thousandths of the time that passed. */
static int64_t cost_of(int (*call)(int timeout_ms))
{
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	assert_int_equal(call(WAIT_MS), -ETIMEDOUT);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	began = clock_ns(CLOCK_MONOTONIC) - began;
	assert_true(began >= WAIT_MS * INT64_C(1000000));
	return cpu * 1000 / began;
}

/* The least: a machine that does something else makes it more, not less. */
static void hardly_runs(const char *what, int (*call)(int timeout_ms))
{
	int64_t least = INT64_MAX;

	for (unsigned int i = 0; i < TRIES && least >= MOST; i++) {
		int64_t cost = cost_of(call);

		least = cost < least ? cost : least;
	}
	print_message("# %s: %ld thousandths of a CPU\n", what, (long)least);
	assert_true(least < MOST);
}

static void who_waits_for_a_lock_hardly_runs(void **state)
{
	(void)state;
	assert_int_equal(fam_mutex_lock(fam[1], &locks[1]->mutex, 0), 0);
	hardly_runs("mutex", wait_for_mutex);
	assert_int_equal(fam_spin_lock(fam[1], &locks[1]->spin, 0), 0);
	hardly_runs("spin lock", wait_for_spin);
	assert_int_equal(fam_ticket_lock(fam[1], &locks[1]->ticket, 0), 0);
	hardly_runs("ticket lock", wait_for_ticket);
	assert_int_equal(fam_rwlock_write(fam[1], &locks[1]->rwlock, 0), 0);
	hardly_runs("writer", wait_to_write);
	hardly_runs("reader", wait_to_read);
}

static void who_waits_for_a_place_to_read_hardly_runs(void **state)
{
	struct fam_rwlock *lock = &locks[1]->rwlock;

	(void)state;
	for (unsigned int i = 1; i < SESSIONS; i++)
		assert_int_equal(fam_rwlock_read(fam[i], &locks[i]->rwlock, 0),
				 0);
	hardly_runs("a place to read", wait_to_read);
	/* And there is one when one leaves, however long it napped. */
	assert_int_equal(fam_rwlock_unlock_read(fam[1], lock), 0);
	assert_int_equal(wait_to_read(WAIT_MS), 0);
}

static void *come_and_go(void *arg)
{
	(void)arg;
	assert_int_equal(fam_ticket_lock(fam[2], &locks[2]->ticket, -1), 0);
	assert_int_equal(fam_ticket_unlock(fam[2], &locks[2]->ticket), 0);
	return NULL;
}

static unsigned int places_taken(void)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < FAM_TICKET_WAITERS; i++)
		taken += __atomic_load_n(&locks[0]->ticket.word[8 + i],
					 __ATOMIC_ACQUIRE) != 0;
	return taken;
}

static void who_waits_for_a_place_in_line_hardly_runs(void **state)
{
	enum { LINE = FAM_TICKET_WAITERS - 1 }; /* and who holds it */
	pthread_t thread[LINE];

	(void)state;
	assert_int_equal(fam_ticket_lock(fam[1], &locks[1]->ticket, 0), 0);
	for (unsigned int i = 0; i < LINE; i++)
		pthread_create(&thread[i], NULL, come_and_go, NULL);
	assert_true(await(places_taken() == FAM_TICKET_WAITERS));
	hardly_runs("a place in line", wait_for_ticket);
	assert_int_equal(fam_ticket_unlock(fam[1], &locks[1]->ticket), 0);
	assert_int_equal(wait_for_ticket(-1), 0);
	assert_int_equal(fam_ticket_unlock(fam[0], &locks[0]->ticket), 0);
	for (unsigned int i = 0; i < LINE; i++)
		pthread_join(thread[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_waits_for_a_lock_hardly_runs),
		TEST(who_waits_for_a_place_to_read_hardly_runs),
		TEST(who_waits_for_a_place_in_line_hardly_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
