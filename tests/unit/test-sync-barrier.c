// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Barriers: threads, processes, and parties that die. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync-stage.h"

#define PARTIES 4
#define ROUNDS	2000

struct things {
	struct fam_barrier barrier;
	uint64_t stored[PARTIES]; /* plain: the barrier orders them */
	_Atomic uint64_t last, wrong, stop;
	_Atomic uint64_t done[CAST], told[CAST], alive[CAST];
};

static struct things *it;
static struct player player[PARTIES + 1];

static int set_up(void **state)
{
	int r = stage_set_up(state);

	it = board;
	if (r == 0)
		r = fam_barrier_init(fam, &it->barrier, PARTIES);
	return r;
}

static unsigned int waiting(void)
{
	return sleepers(&it->barrier.word[1]);
}

/* --- nobody dies ---------------------------------------------------------------- */

/* All stores of a round are seen behind it, and none of the next one. */
static int go_round(struct fam *own, struct things *t, unsigned int n)
{
	for (unsigned int i = 1; i <= ROUNDS; i++) {
		int r;

		t->stored[n] = i;
		r = fam_barrier_wait(own, &t->barrier, -1);
		if (r < 0)
			return -r;
		atomic_fetch_add(&t->last, (uint64_t)r);
		for (unsigned int k = 0; k < PARTIES; k++)
			atomic_fetch_add(&t->wrong, t->stored[k] != i);
		r = fam_barrier_wait(own, &t->barrier, -1);
		if (r < 0)
			return -r;
	}
	return 0;
}

static int thread_round(unsigned int n)
{
	return go_round(fam, it, n);
}

static int process_round(struct fam *own, void *at, unsigned int n)
{
	return go_round(own, at, n);
}

static void threads_see_each_others_stores(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PARTIES; i++)
		player_start(&player[i], thread_round, i);
	for (unsigned int i = 0; i < PARTIES; i++)
		assert_int_equal(player_end(&player[i]), 0);
	assert_int_equal(it->wrong, 0);
	assert_int_equal(it->last, ROUNDS);
}

static void processes_see_each_others_stores(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PARTIES; i++)
		enter(i, "round", i);
	/* One may be gone before another one knows that the last round is over. */
	for (unsigned int i = 0; i < PARTIES; i++)
		assert_int_equal(leave(i), 0);
	assert_int_equal(it->wrong, 0);
	assert_int_equal(it->last, ROUNDS);
}

/* More threads than parties: any of them make a round. */
static int join_in(unsigned int n)
{
	int r = 0;

	(void)n;
	while (r >= 0 && !it->stop) {
		r = fam_barrier_wait(fam, &it->barrier, 20);
		if (r >= 0)
			atomic_fetch_add(&it->done[0], 1);
		if (r == 1 && atomic_fetch_add(&it->last, 1) >= ROUNDS)
			it->stop = 1;
		if (r == -ETIMEDOUT)
			r = 0;
	}
	return r < 0 ? r : 0;
}

static void more_threads_than_parties_take_turns(void **state)
{
	(void)state;
	for (unsigned int i = 0; i <= PARTIES; i++)
		player_start(&player[i], join_in, i);
	for (unsigned int i = 0; i <= PARTIES; i++)
		assert_int_equal(player_end(&player[i]), 0);
	assert_int_equal(it->done[0], it->last * PARTIES);
}

static void one_party_waits_for_nobody(void **state)
{
	(void)state;
	assert_int_equal(fam_barrier_init(fam, &it->barrier, 1), 0);
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_equal(fam_barrier_wait(fam, &it->barrier, 0), 1);
}

static int wait_once(unsigned int n)
{
	(void)n;
	return fam_barrier_wait(fam, &it->barrier, -1);
}

/* Whoever gives up is not counted. */
static void who_gives_up_is_not_here(void **state)
{
	int last = 0;

	(void)state;
	catch_usr1();
	for (unsigned int i = 0; i < PARTIES - 1; i++)
		player_start(&player[i], wait_once, i);
	assert_true(await(waiting() == PARTIES - 1));
	pthread_kill(player[0].thread, SIGUSR1);
	assert_int_equal(player_end(&player[0]), -EINTR);
	assert_int_equal(fam_barrier_wait(fam, &it->barrier, 0), -ETIMEDOUT);
	assert_int_equal(fam_barrier_wait(fam, &it->barrier, 20), -ETIMEDOUT);
	assert_int_equal(waiting(), PARTIES - 2);
	player_start(&player[0], wait_once, 0);
	assert_true(await(waiting() == PARTIES - 1));
	player_start(&player[PARTIES - 1], wait_once, 0);
	for (unsigned int i = 0; i < PARTIES; i++)
		last += player_end(&player[i]);
	assert_int_equal(last, 1);
}

static void it_says_what_it_cannot_do(void **state)
{
	struct fam_barrier zeros = {{0}};
	struct fam *own;

	(void)state;
	assert_int_equal(fam_barrier_wait(fam, &zeros, 0), -EINVAL);
	assert_int_equal(fam_barrier_init(fam, &it->barrier, 0), -EINVAL);
	assert_int_equal(
		fam_barrier_init(fam, &it->barrier, FAM_BARRIER_MAX + 1),
		-EINVAL);
	assert_int_equal(fam_open(&own, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_barrier_wait(own, &it->barrier, 0), -EOPNOTSUPP);
	fam_close(own);
}

static void a_lost_session_is_no_party(void **state)
{
	(void)state;
	player_start(&player[0], wait_once, 0);
	assert_true(await(waiting() == 1));
	lose_session();
	assert_int_equal(player_end(&player[0]), -ESTALE);
	assert_int_equal(fam_barrier_wait(fam, &it->barrier, 0), -ESTALE);
	assert_int_equal(fam_session_rejoin(fam), 0);
	/* what it was before breaks the round, for whoever comes */
	player_start(&player[0], wait_once, 0);
	assert_int_equal(player_end(&player[0]), -EOWNERDEAD);
}

/* --- parties that die ------------------------------------------------------------- */

/* Says what it was told, and comes again until all is over. */
static int attend(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	while (!t->stop) {
		int r = fam_barrier_wait(own, &t->barrier, 200);

		if (r == 0 || r == 1)
			atomic_fetch_add(&t->done[n], 1);
		else if (r == -EOWNERDEAD)
			atomic_fetch_add(&t->told[n], 1);
		else if (r != -ETIMEDOUT)
			return -r;
	}
	return 0;
}

/* Comes once and stays there; or once a round was complete, never again. */
static int come_once(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;
	int r = fam_barrier_wait(own, &t->barrier, -1);

	if (r < 0)
		return -r;
	atomic_fetch_add(&t->done[n], 1);
	return stay();
}

static const struct role roles[] = {
	{"round", process_round},
	{"attend", attend},
	{"once", come_once},
	{NULL, NULL},
};

static void who_dies_waiting_breaks_the_round_for_all(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		enter(i, "attend", i);
	enter(2, "once", 2);
	assert_true(await(waiting() == 3));
	die(2);
	assert_true(await(it->told[0] && it->told[1]));
	/* it is replaced, and the next one comes, and all is well */
	enter(2, "attend", 2);
	enter(3, "attend", 3);
	assert_true(await(it->done[0] > 100 && it->done[3] > 100));
	assert_int_equal(it->told[0], 1);
	assert_int_equal(it->told[1], 1);
	assert_int_equal(it->told[3], 0);
	it->stop = 1;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(leave(i), 0);
}

/* It has been here, and the others count on it. */
static void who_dies_between_two_rounds_breaks_the_next_one(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		enter(i, "attend", i);
	enter(3, "once", 3);
	assert_true(await(it->done[3] == 1 && waiting() == 3));
	die(3);
	assert_true(await(it->told[0] && it->told[1] && it->told[2]));
	enter(3, "attend", 3);
	assert_true(await(it->done[0] > 100 && it->done[3] > 100));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(it->told[i], 1);
	it->stop = 1;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(leave(i), 0);
}

/* Who was on its way meanwhile is told when it comes. */
static void who_comes_later_is_told_as_well(void **state)
{
	(void)state;
	player_start(&player[0], wait_once, 0);
	for (unsigned int i = 0; i < 2; i++)
		enter(i, "attend", i);
	enter(2, "once", 2);
	assert_true(await(it->done[2] == 1));
	assert_true(player_end(&player[0]) >= 0);
	assert_true(await(waiting() == 2));
	die(2);
	assert_true(await(it->told[0] && it->told[1]));
	assert_int_equal(fam_barrier_wait(fam, &it->barrier, 0), -EOWNERDEAD);
	assert_int_equal(fam_barrier_wait(fam, &it->barrier, 0), -ETIMEDOUT);
	it->stop = 1;
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(leave(i), 0);
}

/* Any of them, at any moment, for some time; what is left goes on each time. */
static void parties_die_at_random_and_are_replaced(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (unsigned int i = 0; i < PARTIES; i++)
		enter(i, "attend", i);
	for (unsigned int round = 0; round < 60; round++) {
		unsigned int victim = (unsigned int)rand_r(&seed) % PARTIES;
		uint64_t done[PARTIES];

		for (unsigned int i = 0; i < PARTIES; i++)
			done[i] = it->done[i];
		for (unsigned int i = 0; i < PARTIES; i++)
			assert_true(await(it->done[i] > done[i]));
		die(victim);
		enter(victim, "attend", victim);
	}
	it->stop = 1;
	for (unsigned int i = 0; i < PARTIES; i++)
		assert_int_equal(leave(i), 0);
}

#define sync_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sync_test(threads_see_each_others_stores),
		sync_test(processes_see_each_others_stores),
		sync_test(more_threads_than_parties_take_turns),
		sync_test(one_party_waits_for_nobody),
		sync_test(who_gives_up_is_not_here),
		sync_test(it_says_what_it_cannot_do),
		sync_test(a_lost_session_is_no_party),
		sync_test(who_dies_waiting_breaks_the_round_for_all),
		sync_test(who_dies_between_two_rounds_breaks_the_next_one),
		sync_test(who_comes_later_is_told_as_well),
		sync_test(parties_die_at_random_and_are_replaced),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
