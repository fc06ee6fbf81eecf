// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Processes that are killed while they have, or wait for, semaphores, permits,
 * conditions, once, events.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync-stage.h"

#define PROCESSES 4
#define PERMITS	  2
#define KILLS	  60

struct things {
	struct fam_mutex mutex;
	struct fam_cond cond;
	struct fam_sem sem;
	struct fam_permits permits;
	struct fam_once once;
	struct fam_event event;
	_Atomic uint64_t steps[CAST], passed;
	_Atomic uint64_t owner[PERMITS]; /* process that has it; 0: none */
	_Atomic uint64_t inside;	 /* process that does it once */
	uint64_t made, used;		 /* under the mutex */
};

static struct things *it;

static int set_up(void **state)
{
	int r = stage_set_up(state);

	it = board;
	return r;
}

/* --- having something ----------------------------------------------------------- */

static int have_permit(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;
	uint32_t which;

	if (fam_permits_take(own, &t->permits, 0, &which) != 0)
		return 1;
	t->passed = 1 + which;
	(void)n;
	return stay();
}

static void a_dead_ones_permit_is_given_once_and_said_so(void **state)
{
	uint32_t which = 99;

	(void)state;
	assert_int_equal(fam_permits_init(fam, &it->permits, 2), 0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which), 0);
	enter(0, "permit", 0);
	assert_true(await(it->passed));
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
			 -ETIMEDOUT);
	assert_int_equal(
		fam_permits_give(fam, &it->permits, (uint32_t)it->passed - 1),
		-EPERM);
	die(0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 10000, &which),
			 -EOWNERDEAD);
	assert_int_equal(which, it->passed - 1);
	assert_int_equal(fam_permits_give(fam, &it->permits, which), 0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which), 0);
	assert_int_equal(fam_permits_take(fam, &it->permits, 0, &which),
			 -ETIMEDOUT);
}

static int do_half(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	t->passed = (uint64_t)fam_once_begin(own, &t->once, 0);
	(void)n;
	return stay();
}

static void what_was_done_half_is_begun_anew(void **state)
{
	(void)state;
	enter(0, "half", 0);
	assert_true(await(it->passed == 1));
	assert_int_equal(fam_once_begin(fam, &it->once, 0), -ETIMEDOUT);
	assert_int_equal(fam_once_end(fam, &it->once, 1), -EPERM);
	die(0);
	assert_int_equal(fam_once_begin(fam, &it->once, 10000), -EOWNERDEAD);
	assert_int_equal(fam_once_end(fam, &it->once, 0), 0);
	/* it is still half done */
	assert_int_equal(fam_once_begin(fam, &it->once, 0), -EOWNERDEAD);
	assert_int_equal(fam_once_end(fam, &it->once, 1), 0);
	assert_int_equal(fam_once_begin(fam, &it->once, 0), 0);
}

static int die_with_mutex(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	check(fam_mutex_lock(own, &t->mutex, 0) == 0);
	check(fam_cond_signal(own, &t->cond) == 0);
	kill(getpid(), SIGKILL);
	return (int)n;
}

static struct player player;

static int wait_cond(unsigned int n)
{
	int r = fam_mutex_lock(fam, &it->mutex, -1);

	(void)n;
	return r ? r : fam_cond_wait(fam, &it->cond, &it->mutex, -1);
}

static void who_waited_is_told_that_the_mutex_had_an_owner(void **state)
{
	(void)state;
	player_start(&player, wait_cond, 0);
	assert_true(await(sleepers(it->cond.word) == 1));
	enter(0, "mutex", 0);
	assert_int_equal(leave(0), 128 + SIGKILL);
	assert_int_equal(player_end(&player), -EOWNERDEAD);
}

/* --- waiting -------------------------------------------------------------------- */

static int wait_event(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	return fam_event_wait(own, &t->event, (int)n) == 0 ? 0 : 1;
}

static int wait_sem(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	return fam_sem_wait(own, &t->sem, (int)n) == 0 ? 0 : 1;
}

/* The first one is woken, but dies before it can do anything with that. */
static void expect_passed_on(const char *role, const uint64_t *word,
			     int (*give)(void))
{
	enter(0, role, PATIENT);
	assert_true(await(sleepers(word) == 1));
	enter(1, role, PATIENT);
	assert_true(await(sleepers(word) == 2));
	kill(cast[0], SIGSTOP);
	assert_int_equal(give(), 0);
	die(0);
	assert_int_equal(leave(1), 0);
}

static int give_pulse(void)
{
	return fam_event_pulse(fam, &it->event);
}

static int give_unit(void)
{
	return fam_sem_post(fam, &it->sem, 1);
}

static void a_pulse_for_a_dead_one_is_for_the_next(void **state)
{
	(void)state;
	expect_passed_on("event", it->event.word, give_pulse);
	assert_int_equal(fam_event_wait(fam, &it->event, 0), -ETIMEDOUT);
}

static void a_unit_for_a_dead_one_is_for_the_next(void **state)
{
	(void)state;
	expect_passed_on("sem", it->sem.word, give_unit);
	assert_int_equal(fam_sem_value(fam, &it->sem), 0);
}

static int wait_signal(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	if (fam_mutex_lock(own, &t->mutex, (int)n) != 0)
		return 1;
	return fam_cond_wait(own, &t->cond, &t->mutex, (int)n) == 0 ? 0 : 1;
}

static int give_signal(void)
{
	return fam_cond_signal(fam, &it->cond);
}

static void a_signal_for_a_dead_one_is_for_the_next(void **state)
{
	(void)state;
	expect_passed_on("signal", it->cond.word, give_signal);
}

/* --- all of it, killed at any moment ------------------------------------------------ */

/* Nobody who lives has it as well. */
static void own_permit(struct fam *own, struct things *t)
{
	uint64_t pid = (uint64_t)getpid(), was;
	uint32_t which = 99;
	int r = fam_permits_take(own, &t->permits, -1, &which);

	check((r == 0 || r == -EOWNERDEAD) && which < PERMITS);
	was = atomic_exchange(&t->owner[which], pid);
	/* who died may have put it there, or not yet, or no more */
	check(was == 0 || r == -EOWNERDEAD);
	check(atomic_exchange(&t->owner[which], 0) == pid);
	check(fam_permits_give(own, &t->permits, which) == 0);
}

static void do_in_turn(struct fam *own, struct things *t)
{
	uint64_t pid = (uint64_t)getpid(), was;
	int r = fam_once_begin(own, &t->once, -1);

	check(r == 1 || r == -EOWNERDEAD);
	was = atomic_exchange(&t->inside, pid);
	check(was == 0 || r == -EOWNERDEAD);
	check(atomic_exchange(&t->inside, 0) == pid);
	/* never done, so that there is always one more */
	check(fam_once_end(own, &t->once, 0) == 0);
}

static int lock(struct fam *own, struct things *t)
{
	int r = fam_mutex_lock(own, &t->mutex, -1);

	if (r == -EOWNERDEAD) {
		check(t->made >= t->used && t->made - t->used <= 2);
		r = fam_mutex_consistent(own, &t->mutex);
	}
	return r;
}

/* Odd ones make, even ones use, two at most between them. */
static void exchange(struct fam *own, struct things *t, unsigned int n)
{
	int r = lock(own, t);

	while (r == 0 && t->made - t->used == (n % 2 ? 2 : 0)) {
		r = fam_cond_wait(own, &t->cond, &t->mutex, -1);
		if (r == -EOWNERDEAD)
			r = fam_mutex_consistent(own, &t->mutex);
	}
	check(r == 0);
	if (n % 2)
		t->made++;
	else
		t->used++;
	check(fam_cond_broadcast(own, &t->cond) == 0);
	check(fam_mutex_unlock(own, &t->mutex) == 0);
}

/* An even one gives, an odd one takes: of the others' there is always more. */
static void hand_over(struct fam *own, struct things *t, unsigned int n)
{
	int r;

	if (n % 2 == 0) {
		check(fam_sem_post(own, &t->sem, 1) == 0);
		check(fam_event_pulse(own, &t->event) == 0);
		return;
	}
	r = fam_sem_wait(own, &t->sem, 1000);
	check(r == 0 || r == -ETIMEDOUT);
	r = fam_event_wait(own, &t->event, 1000);
	check(r == 0 || r == -ETIMEDOUT);
}

static int act(struct fam *own, void *at, unsigned int n)
{
	struct things *t = at;

	while (getppid() != 1) {
		own_permit(own, t);
		do_in_turn(own, t);
		exchange(own, t, n);
		hand_over(own, t, n);
		atomic_fetch_add(&t->steps[n], 1);
	}
	return ROLE_END;
}

static const struct role roles[] = {
	{"permit", have_permit},
	{"half", do_half},
	{"mutex", die_with_mutex},
	{"event", wait_event},
	{"sem", wait_sem},
	{"signal", wait_signal},
	{"act", act},
	{NULL, NULL},
};

/* Those who live go on, whoever dies in the middle of what. */
static void processes_die_at_random_and_the_others_go_on(void **state)
{
	unsigned int seed = 1;

	(void)state;
	assert_int_equal(fam_permits_init(fam, &it->permits, PERMITS), 0);
	for (unsigned int i = 0; i < PROCESSES; i++)
		enter(i, "act", i);
	for (unsigned int kills = 0; kills < KILLS; kills++) {
		unsigned int victim = (unsigned int)rand_r(&seed) % PROCESSES;
		uint64_t steps[PROCESSES];

		for (unsigned int i = 0; i < PROCESSES; i++)
			steps[i] = it->steps[i];
		for (unsigned int i = 0; i < PROCESSES; i++)
			assert_true(await(it->steps[i] > steps[i]));
		die(victim);
		enter(victim, "act", victim);
	}
	for (unsigned int i = 0; i < PROCESSES; i++)
		die(i);
}

#define sync_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sync_test(a_dead_ones_permit_is_given_once_and_said_so),
		sync_test(what_was_done_half_is_begun_anew),
		sync_test(who_waited_is_told_that_the_mutex_had_an_owner),
		sync_test(a_pulse_for_a_dead_one_is_for_the_next),
		sync_test(a_unit_for_a_dead_one_is_for_the_next),
		sync_test(a_signal_for_a_dead_one_is_for_the_next),
		sync_test(processes_die_at_random_and_the_others_go_on),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
