// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Ticket locks serve in the order of arrival; readers and writers take turns. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "sync/rwlock.h"

#include "lock-actor.h"

#define SHORT 50 /* ms, for what is to run out */

/* --- ticket locks ------------------------------------------------------------- */

static void start_all(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		start(i);
}

/* The next one to have it is @n, and nobody else. */
static void expect_turn_of(unsigned int n, int expected)
{
	assert_int_equal(whoever_answers(), n);
	assert_int_equal(member_answer(&actor[n], NULL), expected);
}

static void tickets_are_served_in_order(void **state)
{
	static const unsigned int order[] = {3, 0, 6, 1, 7, 2, 5, 4};

	(void)state;
	start_all(ACTORS);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	for (unsigned int i = 0; i < ACTORS; i++)
		have_wait(order[i], "lock");
	assert_int_equal(kind->unlock(fam, lock), 0);
	for (unsigned int i = 0; i < ACTORS; i++) {
		expect_turn_of(order[i], 0);
		assert_int_equal(ask(order[i], "unlock", 0), 0);
	}
}

static void the_dead_are_passed_over(void **state)
{
	(void)state;
	start_all(6);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	for (unsigned int i = 0; i < 6; i++)
		have_wait(i, "lock");
	kill_actor(0);
	kill_actor(1);
	kill_actor(4);
	assert_int_equal(kind->unlock(fam, lock), 0);
	expect_turn_of(2, 0);
	kill_actor(2);
	expect_turn_of(3, -EOWNERDEAD);
	assert_int_equal(ask(3, "consistent", 0), 0);
	assert_int_equal(ask(3, "unlock", 0), 0);
	expect_turn_of(5, 0);
}

static void who_gives_up_is_passed_over(void **state)
{
	(void)state;
	start_all(3);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	have_wait(0, "lock");
	assert_int_equal(ask(1, "lock", SHORT), -ETIMEDOUT);
	have_wait(2, "lock");
	assert_int_equal(ask(1, "lock", SHORT), -ETIMEDOUT);
	assert_int_equal(kind->unlock(fam, lock), 0);
	expect_turn_of(0, 0);
	assert_int_equal(ask(1, "lock", 0), -ETIMEDOUT);
	assert_int_equal(ask(0, "unlock", 0), 0);
	expect_turn_of(2, 0);
	assert_int_equal(ask(2, "unlock", 0), 0);
	assert_int_equal(ask(1, "lock", 0), 0);
}

static void *take_and_give(void *arg)
{
	_Atomic unsigned int *served = arg;

	assert_int_equal(fam_ticket_lock(fam, lock, -1), 0);
	(*served)++;
	assert_int_equal(fam_ticket_unlock(fam, lock), 0);
	return NULL;
}

static void more_may_wait_than_there_are_places(void **state)
{
	enum { MORE = FAM_TICKET_WAITERS + 20 };
	_Atomic unsigned int served = 0;
	pthread_t thread[MORE];

	(void)state;
	start(0);
	assert_int_equal(ask(0, "lock", -1), 0);
	for (unsigned int i = 0; i < MORE; i++)
		pthread_create(&thread[i], NULL, take_and_give, &served);
	assert_true(await(sleepers() >= FAM_TICKET_WAITERS - 1));
	assert_int_equal(served, 0);
	assert_int_equal(ask(0, "unlock", 0), 0);
	for (unsigned int i = 0; i < MORE; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(served, MORE);
}

/* Tickets of thousands who gave up while one held it. */
static void a_long_line_of_nobody_is_passed_over(void **state)
{
	struct fam_ticket *ticket = lock;

	(void)state;
	start_all(2);
	assert_int_equal(ask(0, "lock", -1), 0);
	/* as if they had drawn them, and left */
	ticket->word[0] += 2000;
	have_wait(1, "lock");
	assert_int_equal(ask(0, "unlock", 0), 0);
	expect_turn_of(1, 0);
	assert_int_equal(ask(1, "unlock", 0), 0);
	assert_int_equal(ask(0, "lock", 0), 0);
}

/* Whatever stands there: errors, or a lock, but it ends. */
static void a_scribbled_lock_ends_nobody(void **state)
{
	uint64_t *word = lock;

	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		int r;

		for (unsigned int i = 0; i < sizeof(union any_lock) / 8; i++)
			word[i] = (uint64_t)rand() << 33 ^ (uint64_t)rand();
		r = kind->lock(fam, lock, round % 3);
		assert_true(r <= 0);
		kind->unlock(fam, lock);
	}
}

/* --- readers and writers ------------------------------------------------------------- */

static void readers_read_together(void **state)
{
	(void)state;
	start_all(4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(ask(i, "read", 0), 0);
	assert_int_equal(kind->read(fam, lock, 0), 0);
	assert_int_equal(kind->unread(fam, lock), 0);
	assert_int_equal(kind->unread(fam, lock), -EPERM);
	assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
	assert_int_equal(kind->lock(fam, lock, SHORT), -ETIMEDOUT);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(ask(i, "unread", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(ask(i, "read", i % 2 ? SHORT : 0), -ETIMEDOUT);
	assert_int_equal(kind->read(fam, lock, -1), -EDEADLK);
	assert_int_equal(kind->unread(fam, lock), -EPERM);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(ask(0, "read", 0), 0);
}

static void a_writer_that_waits_goes_before_readers_that_come(void **state)
{
	(void)state;
	start_all(3);
	assert_int_equal(kind->read(fam, lock, -1), 0);
	have_wait(0, "lock");
	assert_int_equal(ask(1, "read", SHORT), -ETIMEDOUT);
	have_wait(2, "read");
	assert_int_equal(kind->unread(fam, lock), 0);
	expect_turn_of(0, 0);
	assert_int_equal(ask(0, "unlock", 0), 0);
	expect_turn_of(2, 0);
}

/* Whom the lock was given, and who has run since: readers wait for him. */
static bool a_writer_is_at_the_gate(void)
{
	fam_word *words = lock;

	return fam_holder_of(fam_word_get(&words[RWLOCK_GATE])) != 0;
}

static void readers_that_wait_go_before_the_next_writer(void **state)
{
	(void)state;
	start_all(4);
	assert_int_equal(kind->lock(fam, lock, -1), 0);
	have_wait(0, "lock");
	have_wait(1, "read");
	have_wait(2, "read");
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_true(whoever_answers() != 0);
	assert_int_equal(member_answer(&actor[1], NULL), 0);
	assert_int_equal(member_answer(&actor[2], NULL), 0);
	assert_true(await(a_writer_is_at_the_gate()));
	assert_int_equal(ask(3, "read", 0), -ETIMEDOUT);
	assert_int_equal(ask(1, "unread", 0), 0);
	assert_int_equal(ask(2, "unread", 0), 0);
	expect_turn_of(0, 0);
}

static void a_writer_that_gives_up_lets_readers_in(void **state)
{
	(void)state;
	start_all(3);
	assert_int_equal(kind->read(fam, lock, -1), 0);
	tell_at(0, "lock", 0, 20 * SHORT);
	assert_true(await(sleepers() == 1));
	have_wait(1, "read");
	assert_int_equal(member_answer(&actor[0], NULL), -ETIMEDOUT);
	assert_int_equal(member_answer(&actor[1], NULL), 0);
	assert_int_equal(ask(0, "read", 0), 0);
	assert_int_equal(ask(0, "unread", 0), 0);
	assert_int_equal(ask(1, "unread", 0), 0);
	assert_int_equal(ask(2, "lock", 0), -ETIMEDOUT);
	assert_int_equal(kind->unread(fam, lock), 0);
	assert_int_equal(ask(2, "lock", 0), 0);
}

static void readers_that_die_are_forgotten(void **state)
{
	(void)state;
	start_all(3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(ask(i, "read", -1), 0);
	kill_actor(0);
	assert_int_equal(kind->lock(fam, lock, 0), -ETIMEDOUT);
	kill_actor(1);
	start(0);
	have_wait(0, "lock");
	kill_actor(2);
	assert_int_equal(member_answer(&actor[0], NULL), 0);
	assert_int_equal(ask(0, "unlock", 0), 0);
	assert_int_equal(kind->read(fam, lock, -1), 0);
}

static void a_dead_writers_mark_is_told_to_readers(void **state)
{
	(void)state;
	start_all(3);
	assert_int_equal(ask(0, "lock", -1), 0);
	have_wait(1, "read");
	kill_actor(0);
	assert_int_equal(member_answer(&actor[1], NULL), -EOWNERDEAD);
	assert_int_equal(ask(2, "read", 0), -EOWNERDEAD);
	assert_int_equal(ask(1, "consistent", 0), -EPERM);
	assert_int_equal(ask(1, "unread", 0), 0);
	assert_int_equal(ask(2, "unread", 0), 0);
	assert_int_equal(kind->lock(fam, lock, 0), -EOWNERDEAD);
	assert_int_equal(kind->consistent(fam, lock), 0);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(ask(1, "read", 0), 0);
}

/* It had closed the gate, and written nothing yet. */
static void a_writer_may_die_while_it_waits_for_readers(void **state)
{
	(void)state;
	start_all(3);
	assert_int_equal(kind->read(fam, lock, -1), 0);
	have_wait(0, "lock");
	have_wait(1, "read");
	kill_actor(0);
	assert_int_equal(member_answer(&actor[1], NULL), -EOWNERDEAD);
	/* those who were in before are still counted */
	assert_int_equal(ask(1, "unread", 0), 0);
	assert_int_equal(ask(2, "lock", 0), -ETIMEDOUT);
	assert_int_equal(kind->unread(fam, lock), 0);
	assert_int_equal(ask(2, "lock", -1), -EOWNERDEAD);
}

static void a_reader_taken_for_dead_learns_it(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(ask(0, "read", -1), 0);
	declare_dead(actor[0].id);
	assert_int_equal(kind->lock(fam, lock, 0), 0);
	assert_int_equal(ask(0, "unread", 0), -ESTALE);
	assert_int_equal(ask(0, "rejoin", 0), 0);
	assert_int_equal(ask(0, "unread", 0), -EPERM);
	assert_int_equal(ask(0, "read", 0), -ETIMEDOUT);
	assert_int_equal(kind->unlock(fam, lock), 0);
	assert_int_equal(ask(0, "read", 0), 0);
}

static void *read_once(void *arg)
{
	_Atomic int *step = arg;

	assert_int_equal(fam_rwlock_read(fam, lock, -1), 0);
	(*step)++;
	assert_true(await(*step < 0));
	assert_int_equal(fam_rwlock_unlock_read(fam, lock), 0);
	return NULL;
}

/* Threads of one session are counted in one place, and 127 are all it holds. */
static void many_threads_read_together(void **state)
{
	enum { MANY = 150 };
	static pthread_t thread[MANY];
	_Atomic int step = 0;

	(void)state;
	start(0);
	for (unsigned int i = 0; i < MANY; i++)
		pthread_create(&thread[i], NULL, read_once, &step);
	assert_true(await(step == MANY));
	assert_int_equal(ask(0, "lock", 0), -ETIMEDOUT);
	step = -1000;
	for (unsigned int i = 0; i < MANY; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(ask(0, "lock", 0), 0);
}

/* --- the list ------------------------------------------------------------------------- */

#define TICKET(test)                                                         \
	{                                                                    \
#test, test, stage_set_up, stage_tear_down, (void *)"ticket" \
	}
#define RWLOCK(test)                                                         \
	{                                                                    \
#test, test, stage_set_up, stage_tear_down, (void *)"rwlock" \
	}
#define MUTEX(test)                                                         \
	{                                                                   \
#test, test, stage_set_up, stage_tear_down, (void *)"mutex" \
	}
#define SPIN(test)                                                         \
	{                                                                  \
#test, test, stage_set_up, stage_tear_down, (void *)"spin" \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TICKET(tickets_are_served_in_order),
		TICKET(the_dead_are_passed_over),
		TICKET(who_gives_up_is_passed_over),
		TICKET(more_may_wait_than_there_are_places),
		TICKET(a_long_line_of_nobody_is_passed_over),
		MUTEX(a_scribbled_lock_ends_nobody),
		SPIN(a_scribbled_lock_ends_nobody),
		TICKET(a_scribbled_lock_ends_nobody),
		RWLOCK(a_scribbled_lock_ends_nobody),
		RWLOCK(readers_read_together),
		RWLOCK(a_writer_that_waits_goes_before_readers_that_come),
		RWLOCK(readers_that_wait_go_before_the_next_writer),
		RWLOCK(a_writer_that_gives_up_lets_readers_in),
		RWLOCK(readers_that_die_are_forgotten),
		RWLOCK(a_dead_writers_mark_is_told_to_readers),
		RWLOCK(a_writer_may_die_while_it_waits_for_readers),
		RWLOCK(a_reader_taken_for_dead_learns_it),
		RWLOCK(many_threads_read_together),
	};

	if (argc > 1 && strcmp(argv[1], "member") == 0)
		return actor_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
