// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Conditions, semaphores, permits, once, events: threads of one process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync-stage.h"

#define THREADS 8
#define TIMES	5000

struct things {
	struct fam_mutex mutex;
	struct fam_cond cond;
	struct fam_sem sem;
	struct fam_permits permits;
	struct fam_once once;
	struct fam_event event;
	_Atomic uint64_t used[FAM_PERMITS_MAX], passed, order;
	uint64_t count; /* under the mutex */
};

static struct things *it;
static struct player player[THREADS];

static int set_up(void **state)
{
	int r = stage_set_up(state);

	it = board;
	return r;
}

static void start_all(unsigned int count, int (*play)(unsigned int n))
{
	for (unsigned int i = 0; i < count; i++)
		player_start(&player[i], play, i);
}

static void expect_all(unsigned int count, int result)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(player_end(&player[i]), result);
}

/* --- events ----------------------------------------------------------------- */

static int wait_event(unsigned int n)
{
	int r = fam_event_wait(fam, &it->event, -1);

	(void)n;
	atomic_fetch_add(&it->passed, 1);
	return r;
}

static void an_event_lets_all_pass_while_it_is_set(void **state)
{
	(void)state;
	assert_int_equal(fam_event_wait(fam, &it->event, 0), -ETIMEDOUT);
	start_all(THREADS, wait_event);
	assert_true(await(sleepers(it->event.word) == THREADS));
	assert_int_equal(it->passed, 0);
	assert_int_equal(fam_event_set(fam, &it->event), 0);
	expect_all(THREADS, 0);
	assert_int_equal(fam_event_wait(fam, &it->event, 0), 0);
	assert_int_equal(fam_event_reset(fam, &it->event), 1);
	assert_int_equal(fam_event_reset(fam, &it->event), 0);
	assert_int_equal(fam_event_wait(fam, &it->event, 0), -ETIMEDOUT);
}

static void a_pulse_lets_exactly_one_pass(void **state)
{
	(void)state;
	start_all(THREADS, wait_event);
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_true(await(sleepers(it->event.word) == THREADS - i));
		assert_int_equal(it->passed, i);
		assert_int_equal(fam_event_pulse(fam, &it->event), 0);
		assert_true(await(it->passed == i + 1));
	}
	expect_all(THREADS, 0);
	/* for later ones it adds up to one */
	assert_int_equal(fam_event_pulse(fam, &it->event), 0);
	assert_int_equal(fam_event_pulse(fam, &it->event), 0);
	assert_int_equal(fam_event_wait(fam, &it->event, 0), 0);
	assert_int_equal(fam_event_wait(fam, &it->event, 0), -ETIMEDOUT);
	assert_int_equal(fam_event_pulse(fam, &it->event), 0);
	assert_int_equal(fam_event_reset(fam, &it->event), 1);
	assert_int_equal(fam_event_wait(fam, &it->event, 1), -ETIMEDOUT);
}

/* --- what ends waits ---------------------------------------------------------- */

static int wait_sem(unsigned int n)
{
	(void)n;
	return fam_sem_wait(fam, &it->sem, -1);
}

static int begin_once(unsigned int n)
{
	(void)n;
	return fam_once_begin(fam, &it->once, -1);
}

static int take_permit(unsigned int n)
{
	uint32_t which;

	(void)n;
	return fam_permits_take(fam, &it->permits, -1, &which);
}

static int wait_cond(unsigned int n)
{
	int r = fam_mutex_lock(fam, &it->mutex, -1);

	(void)n;
	if (r == 0)
		r = fam_cond_wait(fam, &it->cond, &it->mutex, -1);
	/* whatever ended it, it has the mutex again */
	if (r != -ESTALE && fam_mutex_unlock(fam, &it->mutex) != 0)
		r = -EPERM;
	return r;
}

static const struct {
	int (*wait)(unsigned int n);
	size_t word;
} waits[] = {
	{wait_event, offsetof(struct things, event)},
	{wait_sem, offsetof(struct things, sem)},
	{begin_once, offsetof(struct things, once)},
	{take_permit, offsetof(struct things, permits.word[1])},
	{wait_cond, offsetof(struct things, cond)},
};

#define WAITS (sizeof(waits) / sizeof(waits[0]))

/* All of them have nothing to give, and one waits for each. */
static void have_all_wait(void)
{
	uint32_t which;

	assert_int_equal(fam_permits_init(fam, &it->permits, 1), 0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which), 0);
	assert_int_equal(fam_once_begin(fam, &it->once, 0), 1);
	for (unsigned int i = 0; i < WAITS; i++) {
		const uint64_t *word = (void *)((char *)it + waits[i].word);

		player_start(&player[i], waits[i].wait, i);
		assert_true(await(sleepers(word) == 1));
	}
}

static void a_signal_handler_ends_waits(void **state)
{
	(void)state;
	catch_usr1();
	have_all_wait();
	for (unsigned int i = 0; i < WAITS; i++) {
		/* one that comes between two sleeps ends none */
		do {
			pthread_kill(player[i].thread, SIGUSR1);
			breathe();
		} while (!player[i].ended);
		assert_int_equal(player_end(&player[i]), -EINTR);
	}
}

static void a_lost_session_ends_waits(void **state)
{
	uint32_t which = 0;

	(void)state;
	have_all_wait();
	lose_session();
	expect_all(WAITS, -ESTALE);
	assert_int_equal(fam_event_set(fam, &it->event), -ESTALE);
	assert_int_equal(fam_event_pulse(fam, &it->event), -ESTALE);
	assert_int_equal(fam_event_reset(fam, &it->event), -ESTALE);
	assert_int_equal(fam_sem_post(fam, &it->sem, 1), -ESTALE);
	assert_int_equal(fam_sem_wait(fam, &it->sem, 0), -ESTALE);
	assert_int_equal(fam_permits_give(fam, &it->permits, 0), -ESTALE);
	assert_int_equal(fam_once_end(fam, &it->once, 1), -ESTALE);
	assert_int_equal(fam_cond_signal(fam, &it->cond), -ESTALE);
	assert_int_equal(fam_cond_broadcast(fam, &it->cond), -ESTALE);
	/* with a new one it is somebody else, who finds what the old one left */
	assert_int_equal(fam_session_rejoin(fam), 0);
	assert_int_equal(fam_permits_give(fam, &it->permits, 0), -EPERM);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
			 -EOWNERDEAD);
	assert_int_equal(fam_once_end(fam, &it->once, 1), -EPERM);
	assert_int_equal(fam_once_begin(fam, &it->once, 0), -EOWNERDEAD);
}

static void time_ends_waits(void **state)
{
	int64_t begin = clock_now_ms();
	uint32_t which = 77;

	(void)state;
	assert_int_equal(fam_permits_init(fam, &it->permits, 1), 0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which), 0);
	assert_int_equal(fam_once_begin(fam, &it->once, 0), 1);
	which = 77;
	assert_int_equal(fam_permits_take(fam, &it->permits, 20, &which),
			 -ETIMEDOUT);
	assert_int_equal(which, 77);
	assert_int_equal(fam_event_wait(fam, &it->event, 20), -ETIMEDOUT);
	assert_int_equal(fam_sem_wait(fam, &it->sem, 20), -ETIMEDOUT);
	assert_int_equal(fam_once_begin(fam, &it->once, 20), -ETIMEDOUT);
	assert_int_equal(fam_mutex_lock(fam, &it->mutex, 0), 0);
	assert_int_equal(fam_cond_wait(fam, &it->cond, &it->mutex, 20),
			 -ETIMEDOUT);
	assert_true(clock_now_ms() - begin >= 100);
	assert_int_equal(fam_cond_wait(fam, &it->cond, &it->mutex, 0),
			 -ETIMEDOUT);
	assert_int_equal(fam_mutex_unlock(fam, &it->mutex), 0);
}

static void there_is_none_without_a_session(void **state)
{
	struct fam *own;
	uint32_t which;

	(void)state;
	assert_int_equal(fam_open(&own, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_event_set(own, &it->event), -EOPNOTSUPP);
	assert_int_equal(fam_event_wait(own, &it->event, 0), -EOPNOTSUPP);
	assert_int_equal(fam_sem_post(own, &it->sem, 1), -EOPNOTSUPP);
	assert_int_equal(fam_sem_wait(own, &it->sem, 0), -EOPNOTSUPP);
	assert_int_equal(fam_once_begin(own, &it->once, 0), -EOPNOTSUPP);
	assert_int_equal(fam_permits_take(own, &it->permits, 0, &which),
			 -EOPNOTSUPP);
	assert_int_equal(fam_cond_signal(own, &it->cond), -EOPNOTSUPP);
	fam_close(own);
}

/* A word the fabric does not have: nobody could be woken there. */
static void what_is_not_in_the_fabric_is_not_waited_for(void **state)
{
	struct fam_event event = {{0}};
	struct fam_sem sem = {{0}};

	(void)state;
	assert_int_equal(fam_event_wait(fam, &event, -1), -EFAULT);
	assert_int_equal(fam_sem_wait(fam, &sem, -1), -EFAULT);
}

/* --- semaphores ---------------------------------------------------------------- */

static int take_and_post(unsigned int n)
{
	int r = 0;

	for (unsigned int i = 0; i < TIMES && r == 0; i++) {
		r = fam_sem_wait(fam, &it->sem, -1);
		if (r == 0 && atomic_fetch_add(&it->passed, 1) >= 3)
			r = -EPROTO;
		atomic_fetch_sub(&it->passed, 1);
		if (r == 0)
			r = fam_sem_post(fam, &it->sem, 1);
	}
	(void)n;
	return r;
}

static void a_semaphore_lets_in_as_many_as_it_has(void **state)
{
	(void)state;
	assert_int_equal(fam_sem_init(fam, &it->sem, 3), 0);
	start_all(THREADS, take_and_post);
	expect_all(THREADS, 0);
	assert_int_equal(fam_sem_value(fam, &it->sem), 3);
}

static void a_semaphore_has_an_end(void **state)
{
	(void)state;
	assert_int_equal(fam_sem_init(fam, &it->sem, FAM_SEM_MAX + 1), -EINVAL);
	assert_int_equal(fam_sem_init(fam, &it->sem, FAM_SEM_MAX - 2), 0);
	assert_int_equal(fam_sem_post(fam, &it->sem, 3), -EOVERFLOW);
	assert_int_equal(fam_sem_post(fam, &it->sem, 2), 0);
	assert_int_equal(fam_sem_post(fam, &it->sem, 0), 0);
	assert_int_equal(fam_sem_post(fam, &it->sem, 1), -EOVERFLOW);
	assert_int_equal(fam_sem_value(fam, &it->sem), FAM_SEM_MAX);
	assert_int_equal(fam_sem_wait(fam, &it->sem, 0), 0);
	assert_int_equal(fam_sem_value(fam, &it->sem), FAM_SEM_MAX - 1);
}

static void posting_several_wakes_as_many(void **state)
{
	(void)state;
	start_all(THREADS, wait_sem);
	assert_true(await(sleepers(it->sem.word) == THREADS));
	assert_int_equal(fam_sem_post(fam, &it->sem, THREADS - 1), 0);
	assert_true(await(sleepers(it->sem.word) == 1));
	assert_int_equal(fam_sem_post(fam, &it->sem, 1), 0);
	expect_all(THREADS, 0);
	assert_int_equal(fam_sem_value(fam, &it->sem), 0);
}

/* The only unit, taken again as soon as it is given, for as long as need be. */
static int hog(unsigned int n)
{
	int64_t until = clock_now_ms() + DEADLINE_MS;
	int r = 0;

	(void)n;
	while (r == 0 && !it->passed && clock_now_ms() < until) {
		r = fam_sem_post(fam, &it->sem, 1);
		if (r == 0)
			r = fam_sem_wait(fam, &it->sem, -1);
	}
	return it->passed ? r : -ETIMEDOUT;
}

static void who_waits_gets_its_turn_before_one_that_comes_again(void **state)
{
	(void)state;
	player_start(&player[0], hog, 0);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(fam_sem_wait(fam, &it->sem, 10000), 0);
		assert_int_equal(fam_sem_post(fam, &it->sem, 1), 0);
	}
	it->passed = 1;
	assert_int_equal(player_end(&player[0]), 0);
}

/* --- permits ------------------------------------------------------------------- */

static int take_and_give(unsigned int n)
{
	int r = 0;

	for (unsigned int i = 0; i < TIMES && r == 0; i++) {
		uint32_t which = 99;

		r = fam_permits_take(fam, &it->permits, -1, &which);
		if (r == 0 &&
		    (which >= 3 || atomic_exchange(&it->used[which], 1)))
			return -EPROTO;
		if (r == 0) {
			it->used[which] = 0;
			r = fam_permits_give(fam, &it->permits, which);
		}
	}
	(void)n;
	return r;
}

static void nobody_else_has_ones_permit(void **state)
{
	(void)state;
	assert_int_equal(fam_permits_init(fam, &it->permits, 3), 0);
	start_all(THREADS, take_and_give);
	expect_all(THREADS, 0);
}

static void permits_are_told_apart(void **state)
{
	uint32_t which = 99;
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(fam_permits_init(fam, &it->permits, 0), -EINVAL);
	assert_int_equal(
		fam_permits_init(fam, &it->permits, FAM_PERMITS_MAX + 1),
		-EINVAL);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
			 -EINVAL);
	assert_int_equal(fam_permits_init(fam, &it->permits, FAM_PERMITS_MAX),
			 0);
	for (unsigned int i = 0; i < FAM_PERMITS_MAX; i++) {
		assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
				 0);
		seen |= UINT64_C(1) << which;
	}
	assert_int_equal(seen, (UINT64_C(1) << FAM_PERMITS_MAX) - 1);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
			 -ETIMEDOUT);
	assert_int_equal(fam_permits_give(fam, &it->permits, 17), 0);
	assert_int_equal(fam_permits_give(fam, &it->permits, 17), -EPERM);
	assert_int_equal(fam_permits_give(fam, &it->permits, FAM_PERMITS_MAX),
			 -EPERM);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which), 0);
	assert_int_equal(which, 17);
}

/* --- once ------------------------------------------------------------------------ */

static int do_once(unsigned int n)
{
	int r = fam_once_begin(fam, &it->once, -1);

	if (r == 1) {
		it->count++; /* nobody else is here */
		/* the first ones fail */
		r = fam_once_end(fam, &it->once, it->count == 3);
	}
	(void)n;
	return r;
}

static void it_is_done_once(void **state)
{
	(void)state;
	assert_int_equal(fam_once_end(fam, &it->once, 1), -EPERM);
	start_all(THREADS, do_once);
	expect_all(THREADS, 0);
	assert_int_equal(it->count, 3);
	assert_int_equal(fam_once_begin(fam, &it->once, 0), 0);
	assert_int_equal(fam_once_end(fam, &it->once, 1), -EPERM);
}

/* --- conditions -------------------------------------------------------------------- */

static void a_condition_needs_its_mutex(void **state)
{
	(void)state;
	assert_int_equal(fam_cond_wait(fam, &it->cond, &it->mutex, 0), -EPERM);
}

/* In turn, by one condition for all. */
static int step_in_turn(unsigned int n)
{
	int r = fam_mutex_lock(fam, &it->mutex, -1);

	for (unsigned int i = 0; i < TIMES / 10 && r == 0; i++) {
		while (r == 0 && it->count % 4 != n)
			r = fam_cond_wait(fam, &it->cond, &it->mutex, -1);
		it->count++;
		if (r == 0)
			r = fam_cond_broadcast(fam, &it->cond);
	}
	return r ? r : fam_mutex_unlock(fam, &it->mutex);
}

static void a_broadcast_reaches_all(void **state)
{
	(void)state;
	start_all(4, step_in_turn);
	expect_all(4, 0);
	assert_int_equal(it->count, 4 * (TIMES / 10));
}

/* One item for each signal: none is lost, or its consumer sleeps for ever. */
static int consume(unsigned int n)
{
	int r = fam_mutex_lock(fam, &it->mutex, -1);

	for (unsigned int i = 0; i < TIMES && r == 0; i++) {
		while (r == 0 && it->count == 0)
			r = fam_cond_wait(fam, &it->cond, &it->mutex, -1);
		it->count--;
	}
	(void)n;
	return r ? r : fam_mutex_unlock(fam, &it->mutex);
}

static int produce(unsigned int n)
{
	int r = 0;

	for (unsigned int i = 0; i < TIMES && r == 0; i++) {
		r = fam_mutex_lock(fam, &it->mutex, -1);
		it->count++;
		if (r == 0)
			r = fam_mutex_unlock(fam, &it->mutex);
		if (r == 0)
			r = fam_cond_signal(fam, &it->cond);
	}
	(void)n;
	return r;
}

static void no_signal_is_lost(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < THREADS; i++)
		player_start(&player[i], i % 2 ? produce : consume, i);
	expect_all(THREADS, 0);
	assert_int_equal(it->count, 0);
}

/* Which of them returned when. */
static int wait_in_order(unsigned int n)
{
	int r = fam_mutex_lock(fam, &it->mutex, -1);

	if (r == 0)
		r = fam_cond_wait(fam, &it->cond, &it->mutex, -1);
	it->used[n] = atomic_fetch_add(&it->order, 1);
	return r ? r : fam_mutex_unlock(fam, &it->mutex);
}

static bool first_returns_first(void)
{
	bool is;

	it->order = 0;
	for (unsigned int i = 0; i < THREADS; i++) {
		player_start(&player[i], wait_in_order, i);
		assert_true(await(sleepers(it->cond.word) >= i + 1));
	}
	assert_int_equal(fam_cond_signal(fam, &it->cond), 0);
	assert_int_equal(player_end(&player[0]), 0);
	is = it->used[0] == 0;
	assert_int_equal(fam_cond_broadcast(fam, &it->cond), 0);
	for (unsigned int i = 1; i < THREADS; i++)
		assert_int_equal(player_end(&player[i]), 0);
	return is;
}

/* But others may look by themselves just then, and return as well. */
static void a_signal_wakes_who_came_first(void **state)
{
	unsigned int times = 0;

	(void)state;
	for (unsigned int i = 0; i < 7; i++)
		times += first_returns_first();
	assert_true(times >= 4);
}

#define sync_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sync_test(an_event_lets_all_pass_while_it_is_set),
		sync_test(a_pulse_lets_exactly_one_pass),
		sync_test(a_signal_handler_ends_waits),
		sync_test(a_lost_session_ends_waits),
		sync_test(time_ends_waits),
		sync_test(there_is_none_without_a_session),
		sync_test(what_is_not_in_the_fabric_is_not_waited_for),
		sync_test(a_semaphore_lets_in_as_many_as_it_has),
		sync_test(a_semaphore_has_an_end),
		sync_test(posting_several_wakes_as_many),
		sync_test(who_waits_gets_its_turn_before_one_that_comes_again),
		sync_test(nobody_else_has_ones_permit),
		sync_test(permits_are_told_apart),
		sync_test(it_is_done_once),
		sync_test(a_condition_needs_its_mutex),
		sync_test(a_broadcast_reaches_all),
		sync_test(no_signal_is_lost),
		sync_test(a_signal_wakes_who_came_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
