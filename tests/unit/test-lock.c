// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What all locks have in common: each test is run for each kind. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lock-actor.h"

#define SHORT 50 /* ms, for what is to run out */

static int64_t now_ms(void)
{
	return clock_now_ms();
}

/* --- alone ---------------------------------------------------------------------- */

static void zeros_are_a_free_lock(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kind->lock(fam, lock, 0), 0);
		assert_int_equal(kind->unlock(fam, lock), 0);
		assert_int_equal(kind->lock(fam, lock, SHORT), 0);
		assert_int_equal(kind->unlock(fam, lock), 0);
		assert_int_equal(kind->lock(fam, lock, -1), 0);
		assert_int_equal(kind->unlock(fam, lock), 0);
	}
}

static void who_holds_it_cannot_lock_it_again(void **state)
{
	(void)state;
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	assert_int_equal(kind->lock(fam, lock, 0), -EDEADLK);
	assert_int_equal(kind->lock(fam, lock, -1), -EDEADLK);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
}

static void expect_not_held(int error)
{
	uint64_t number = 7;

	assert_int_equal(kind->unlock(fam, lock), error);
	assert_int_equal(kind->consistent(fam, lock), error);
	assert_int_equal(kind->fence(fam, lock, &number), error);
	assert_int_equal(number, 7);
}

static void who_does_not_hold_it_may_do_nothing(void **state)
{
	(void)state;
	expect_not_held(-EPERM);
	start(0);
	assert_int_equal(ask(0, "lock", -1), 0);
	expect_not_held(-EPERM);
	assert_int_equal(ask(0, "unlock", 0), 0);
	expect_not_held(-EPERM);
}

static void *as_other_thread(void *arg)
{
	(void)arg;
	expect_not_held(-EPERM);
	assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
	assert_int_equal(kind->lock(fam, lock, SHORT), -ETIMEDOUT);
	return NULL;
}

static void other_threads_do_not_hold_it(void **state)
{
	pthread_t other;

	(void)state;
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	pthread_create(&other, NULL, as_other_thread, NULL);
	pthread_join(other, NULL);
	assert_int_equal(kind->unlock(fam, lock), 0);
}

static void without_a_session_there_are_no_locks(void **state)
{
	struct fam *reader;
	uint64_t number;

	(void)state;
	assert_int_equal(fam_open(&reader, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(kind->lock(reader, lock, 0), -EOPNOTSUPP);
	assert_int_equal(kind->unlock(reader, lock), -EOPNOTSUPP);
	assert_int_equal(kind->consistent(reader, lock), -EOPNOTSUPP);
	assert_int_equal(kind->fence(reader, lock, &number), -EOPNOTSUPP);
	fam_close(reader);
}

static void there_is_nobody_to_wait_for_outside_the_fabric(void **state)
{
	static union any_lock own __attribute__((aligned(64)));
	struct fam *other;

	(void)state;
	memset(&own, 0, sizeof(own));
	assert_int_equal(fam_open(&other, path, 0), 0);
	assert_int_equal(kind->lock(fam, &own, -1), 0);
	assert_int_equal(kind->lock(other, &own, -1), -EFAULT);
	assert_int_equal(kind->unlock(fam, &own), 0);
	fam_close(other);
}

/* --- two ------------------------------------------------------------------------- */

static void who_may_not_wait_is_told_so(void **state)
{
	int64_t began;

	(void)state;
	start(0);
	assert_int_equal(ask(0, "lock", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
	began = now_ms();
	assert_int_equal(kind->lock(fam, lock, SHORT), -ETIMEDOUT);
	assert_true(now_ms() - began >= SHORT - 1);
	assert_int_equal(ask(0, "unlock", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
	assert_int_equal(ask(0, "lock", 0), -ETIMEDOUT);
	assert_int_equal(ask(0, "lock", SHORT), -ETIMEDOUT);
}

static void who_waits_gets_it(void **state)
{
	(void)state;
	start(0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(kind->lock(fam, lock, -1), 0);
		have_wait(0, "lock");
		assert_int_equal(kind->unlock(fam, lock), 0);
		assert_int_equal(member_answer(&actor[0], NULL), 0);
		assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
		assert_int_equal(ask(0, "unlock", 0), 0);
	}
}

static void all_who_wait_get_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ACTORS; i++)
		start(i);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	for (unsigned int i = 0; i < ACTORS; i++)
		tell_at(i, "lock", 0, -1);
	assert_true(await(sleepers() >= ACTORS / 2));
	assert_int_equal(kind->unlock(fam, lock), 0);
	for (unsigned int left = ACTORS; left; left--) {
		unsigned int who = whoever_answers();

		assert_int_equal(member_answer(&actor[who], NULL), 0);
		assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
		assert_int_equal(ask(who, "unlock", 0), 0);
	}
	assert_int_equal(kind->lock(fam, lock, 0), 0);
}

static _Atomic bool stop; /* what other threads do */

static void handle(int signal)
{
	(void)signal;
}

static void *interrupt(void *arg)
{
	pthread_t *waiter = arg;

	/* Again and again: the first may come before the sleep. */
	while (!stop) {
		if (sleepers())
			pthread_kill(*waiter, SIGUSR1);
		breathe();
	}
	return NULL;
}

static void a_signal_handler_cuts_the_wait_short(void **state)
{
	const struct sigaction action = {.sa_handler = handle};
	pthread_t self = pthread_self(), other;

	(void)state;
	stop = false;
	start(0);
	assert_int_equal(ask(0, "lock", 0), 0);
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&other, NULL, interrupt, &self);
	assert_int_equal(kind->lock(fam, lock, -1), -EINTR);
	stop = true;
	pthread_join(other, NULL);
	assert_int_equal(ask(0, "unlock", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
}

/* --- owners that end --------------------------------------------------------------- */

/* What a dead owner left is told to each one, until one calls it whole. */
static void expect_mark(void)
{
	assert_int_equal(kind->unlock(fam, lock), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kind->lock(fam, lock, i - 1), -EOWNERDEAD);
		assert_int_equal(kind->unlock(fam, lock), 0);
	}
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	assert_int_equal(kind->consistent(fam, lock), 0);
	assert_int_equal(kind->consistent(fam, lock), 0);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
	assert_int_equal(kind->unlock(fam, lock), 0);
}

static void a_killed_owners_lock_is_free_with_a_mark(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(ask(0, "lock", -1), 0);
	kill_actor(0);
	assert_int_equal(kind->lock(fam, lock, 0), -EOWNERDEAD);
	expect_mark();
}

static void who_sleeps_gets_it_within_a_second(void **state)
{
	int64_t known;

	(void)state;
	start(0);
	start(1);
	assert_int_equal(ask(0, "lock", -1), 0);
	have_wait(1, "lock");
	kill_actor(0);
	known = now_ms();
	assert_int_equal(member_answer(&actor[1], NULL), -EOWNERDEAD);
	assert_true(now_ms() - known < 1000);
	assert_int_equal(ask(1, "unlock", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), -EOWNERDEAD);
	expect_mark();
}

static void of_all_who_sleep_one_gets_it(void **state)
{
	unsigned int marked = 0;

	(void)state;
	for (unsigned int i = 0; i < ACTORS; i++)
		start(i);
	assert_int_equal(ask(0, "lock", -1), 0);
	for (unsigned int i = 1; i < ACTORS; i++)
		tell_at(i, "lock", 0, -1);
	assert_true(await(sleepers() >= ACTORS / 2));
	kill_actor(0);
	for (unsigned int left = ACTORS - 1; left; left--) {
		unsigned int who = whoever_answers();
		int r = member_answer(&actor[who], NULL);

		assert_int_equal(r, marked ? 0 : -EOWNERDEAD);
		marked++;
		assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
		assert_int_equal(ask(who, "consistent", 0), 0);
		assert_int_equal(ask(who, "unlock", 0), 0);
	}
}

static void who_leaves_with_it_is_as_dead(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(ask(0, "lock", -1), 0);
	member_leave(&actor[0]);
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	expect_mark();
}

static void who_repairs_may_die_as_well(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		start(i);
		assert_int_equal(ask(i, "lock", -1), i ? -EOWNERDEAD : 0);
		kill_actor(i);
	}
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	expect_mark();
}

static void who_dies_behind_the_mark_leaves_it(void **state)
{
	(void)state;
	start(0);
	start(1);
	assert_int_equal(ask(0, "lock", -1), 0);
	kill_actor(0);
	assert_int_equal(ask(1, "lock", -1), -EOWNERDEAD);
	assert_int_equal(ask(1, "consistent", 0), 0);
	assert_int_equal(ask(1, "unlock", 0), 0);
	kill_actor(1);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
}

static void who_dies_while_waiting_is_forgotten(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		start(i);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	for (unsigned int i = 0; i < 4; i++)
		have_wait(i, "lock");
	kill_actor(0);
	kill_actor(2);
	assert_int_equal(kind->unlock(fam, lock), 0);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int who = whoever_answers();

		assert_int_equal(member_answer(&actor[who], NULL), 0);
		assert_int_equal(ask(who, "unlock", 0), 0);
	}
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	assert_int_equal(kind->unlock(fam, lock), 0);
}

/* --- owners that were taken for dead ---------------------------------------------- */

static void who_was_taken_for_dead_has_lost_it(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(ask(0, "lock", -1), 0);
	declare_dead(actor[0].id);
	assert_int_equal(ask(0, "consistent", 0), -ESTALE);
	assert_int_equal(ask(0, "fence", 0), -ESTALE);
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	assert_int_equal(ask(0, "unlock", 0), -ESTALE);
	assert_int_equal(ask(0, "lock", 0), -ESTALE);
	/* it is not free by that */
	assert_int_equal(kind->lock(fam, lock, 0), -EDEADLK);
	assert_int_equal(kind->consistent(fam, lock), 0);
	assert_int_equal(ask(0, "rejoin", 0), 0);
	assert_int_equal(ask(0, "unlock", 0), -EPERM);
	assert_int_equal(ask(0, "lock", 0), -ETIMEDOUT);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(ask(0, "lock", -1), 0);
	assert_int_equal(ask(0, "unlock", 0), 0);
}

static void who_waits_is_told_that_it_was_taken_for_dead(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	have_wait(0, "lock");
	declare_dead(actor[0].id);
	assert_int_equal(member_answer(&actor[0], NULL), -ESTALE);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
}

/* --- fencing numbers ----------------------------------------------------------------- */

static void fencing_numbers_rise_over_deaths(void **state)
{
	uint64_t last = 0, number;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		start(i);
		assert_int_equal(ask(i, "lock", -1), i ? -EOWNERDEAD : 0);
		tell_at(i, "fence", 0, 0);
		assert_int_equal(member_answer(&actor[i], &number), 0);
		assert_true(number > last);
		last = number;
		kill_actor(i);
	}
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	assert_int_equal(kind->fence(fam, lock, &number), 0);
	assert_true(number > last);
	last = number;
	assert_int_equal(kind->fence(fam, lock, &number), 0);
	assert_true(number > last);
}

/* --- nobody starves ------------------------------------------------------------------ */

static _Atomic unsigned int barged;

static void *barge(void *arg)
{
	(void)arg;
	while (!stop) {
		assert_int_equal(kind->lock(fam, lock, -1), 0);
		barged++;
		assert_int_equal(kind->unlock(fam, lock), 0);
	}
	return NULL;
}

static void who_waits_gets_its_turn(void **state)
{
	pthread_t thread[2];
	int64_t longest = 0;

	(void)state;
	stop = false;
	start(0);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, barge, NULL);
	assert_true(await(barged > 1000));
	for (int i = 0; i < 50; i++) {
		int64_t began = now_ms();

		assert_int_equal(ask(0, "lock", -1), 0);
		if (now_ms() - began > longest)
			longest = now_ms() - began;
		assert_int_equal(ask(0, "unlock", 0), 0);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_true(longest < 2000);
}

/* --- a power cut ------------------------------------------------------------------------ */

static void copy_file(const char *from, const char *to)
{
	static char block[MIB];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = file_make(to, 16 * MIB);
	ssize_t n;

	while ((n = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)n), n);
	close(in);
	close(out);
}

/* The disk is as it was at some moment, and nobody is there any more. */
static void after_a_power_cut_it_is_free_with_a_mark(void **state)
{
	void *window;
	char *after;

	(void)state;
	start(0);
	start(1);
	assert_int_equal(ask(0, "lock", -1), 0);
	have_wait(1, "lock");
	set_lease(actor[0].id, 200);
	set_lease(actor[1].id, 200);
	after = strdup(workdir_path(&work, "after.fam"));
	copy_file(path, after);
	fam_close(fam);
	assert_int_equal(fam_open(&fam, after, 0), 0);
	assert_int_equal(fam_map(fam, 0, ACTOR_DATA, &window), 0);
	lock = window;
	assert_int_equal(kind->lock(fam, lock, -1), -EOWNERDEAD);
	expect_mark();
	free(after);
}

/* --- the list ------------------------------------------------------------------------------ */

#define COMMON(test)                                             \
	{                                                        \
#test, test, stage_set_up, stage_tear_down, NULL \
	}

static const struct CMUnitTest common[] = {
	COMMON(zeros_are_a_free_lock),
	COMMON(who_holds_it_cannot_lock_it_again),
	COMMON(who_does_not_hold_it_may_do_nothing),
	COMMON(other_threads_do_not_hold_it),
	COMMON(without_a_session_there_are_no_locks),
	COMMON(there_is_nobody_to_wait_for_outside_the_fabric),
	COMMON(who_may_not_wait_is_told_so),
	COMMON(who_waits_gets_it),
	COMMON(all_who_wait_get_it),
	COMMON(a_signal_handler_cuts_the_wait_short),
	COMMON(a_killed_owners_lock_is_free_with_a_mark),
	COMMON(who_sleeps_gets_it_within_a_second),
	COMMON(of_all_who_sleep_one_gets_it),
	COMMON(who_leaves_with_it_is_as_dead),
	COMMON(who_repairs_may_die_as_well),
	COMMON(who_dies_behind_the_mark_leaves_it),
	COMMON(who_dies_while_waiting_is_forgotten),
	COMMON(who_was_taken_for_dead_has_lost_it),
	COMMON(who_waits_is_told_that_it_was_taken_for_dead),
	COMMON(fencing_numbers_rise_over_deaths),
	COMMON(who_waits_gets_its_turn),
	COMMON(after_a_power_cut_it_is_free_with_a_mark),
};

#define COMMONS (sizeof(common) / sizeof(common[0]))

/* Spin locks promise no order. */
static bool is_promised(const char *of, const struct CMUnitTest *test)
{
	return strcmp(of, "spin") != 0 ||
	       test->test_func != who_waits_gets_its_turn;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[LOCK_KINDS * COMMONS];
	static char name[LOCK_KINDS * COMMONS][96];
	unsigned int count = 0;

	if (argc > 1 && strcmp(argv[1], "member") == 0)
		return actor_main(argv);
	for (unsigned int i = 0; i < LOCK_KINDS * COMMONS; i++) {
		const char *of = lock_kinds[i / COMMONS].name;
		const struct CMUnitTest *test = &common[i % COMMONS];

		if (!is_promised(of, test))
			continue;
		tests[count] = *test;
		snprintf(name[count], sizeof(name[count]), "%s: %s", of,
			 test->name);
		tests[count].name = name[count];
		tests[count].initial_state = (void *)of;
		count++;
	}
	return _cmocka_run_group_tests("locks", tests, count, NULL, NULL);
}
