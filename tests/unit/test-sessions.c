// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The table of sessions: each step of a word is made once, by one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fam-sessions.h>
#include <fam/session.h>

#define TOKEN UINT64_C(0xabcdef012345)
#define OTHER UINT64_C(0x543210fedcba)

#define JOINING	  FAM_SESSIONS_JOINING
#define LIVE	  FAM_SESSIONS_LIVE
#define DEAD	  FAM_SESSIONS_DEAD
#define RECOVERED FAM_SESSIONS_RECOVERING

static struct fam_sessions *table;

static uint64_t w(uint64_t token, unsigned int by,
		  enum fam_sessions_phase phase)
{
	return fam_sessions_word(token, by, phase);
}

static int set_up(void **state)
{
	(void)state;
	table = aligned_alloc(4096, sizeof(*table));
	if (!table)
		return -1;
	memset(table, 0, sizeof(*table));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static unsigned int claim(uint64_t token)
{
	int slot = fam_sessions_claim(table, token);

	assert_in_range(slot, 0, FAM_SESSIONS_SLOTS - 1);
	assert_int_equal(table->word[slot], w(token, 0, JOINING));
	return (unsigned int)slot;
}

static unsigned int join(uint64_t token)
{
	unsigned int slot = claim(token);

	assert_true(fam_sessions_step(table, slot, w(token, 0, JOINING),
				      w(token, 0, LIVE)));
	return slot;
}

static void a_word_holds_its_parts(void **state)
{
	uint64_t word = w(TOKEN, 1023, RECOVERED);

	(void)state;
	assert_int_equal(fam_sessions_token(word), TOKEN);
	assert_int_equal(fam_sessions_by(word), 1023);
	assert_int_equal(fam_sessions_phase(word), RECOVERED);
	assert_int_equal(fam_sessions_id(word, 77), TOKEN << 16 | 77);
	assert_true(fam_sessions_is_sane(word));
	assert_false(fam_sessions_is_sane(0));
	assert_false(fam_sessions_is_sane(w(0, 0, LIVE)));
	assert_false(fam_sessions_is_sane(w(TOKEN, 0, FAM_SESSIONS_FREE)));
	for (unsigned int phase = RECOVERED + 1; phase < 16; phase++)
		assert_false(fam_sessions_is_sane(TOKEN << 16 | phase));
}

static void a_session_that_leaves_tells_so(void **state)
{
	unsigned int slot = join(TOKEN);
	uint64_t live = table->word[slot], before = table->changes;
	uint64_t id = fam_sessions_id(live, slot);

	(void)state;
	assert_true(fam_sessions_free(table, slot, live, FAM_SESSION_LEFT));
	assert_int_equal(table->word[slot], 0);
	assert_int_equal(table->changes, before + 1);
	assert_int_equal(fam_sessions_reason(table, slot, id),
			 FAM_SESSION_LEFT);
	/* once */
	assert_false(fam_sessions_free(table, slot, live, FAM_SESSION_LEFT));
	assert_int_equal(table->changes, before + 1);
}

static void a_dead_session_is_recovered_and_its_reason_stays(void **state)
{
	unsigned int slot = join(TOKEN);
	uint64_t live = table->word[slot], taken;
	uint64_t id = fam_sessions_id(live, slot);

	(void)state;
	assert_true(fam_sessions_kill(table, slot, live, FAM_SESSION_HUNG_UP));
	assert_int_equal(table->word[slot],
			 w(TOKEN, FAM_SESSION_HUNG_UP, DEAD));
	assert_int_equal(fam_sessions_reason(table, slot, id),
			 FAM_SESSION_HUNG_UP);
	/* whoever was slower */
	assert_false(fam_sessions_kill(table, slot, live, FAM_SESSION_EXPIRED));
	assert_false(fam_sessions_free(table, slot, live, FAM_SESSION_LEFT));
	taken = fam_sessions_take(table, slot, table->word[slot], 5);
	assert_int_equal(taken, w(TOKEN, 5, RECOVERED));
	assert_int_equal(table->word[slot], taken);
	assert_int_equal(fam_sessions_reason(table, slot, id),
			 FAM_SESSION_HUNG_UP);
	assert_true(fam_sessions_free(table, slot, taken,
				      fam_sessions_reason(table, slot, id)));
	assert_int_equal(table->word[slot], 0);
	assert_int_equal(fam_sessions_reason(table, slot, id),
			 FAM_SESSION_HUNG_UP);
	/* of another one nothing is known there */
	assert_int_equal(fam_sessions_reason(table, slot, id + (1 << 16)),
			 FAM_SESSION_UNKNOWN);
}

static void one_that_is_joining_can_die(void **state)
{
	unsigned int slot = claim(TOKEN);

	(void)state;
	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_EXPIRED));
	assert_false(fam_sessions_step(table, slot, w(TOKEN, 0, JOINING),
				       w(TOKEN, 0, LIVE)));
}

static void only_the_dead_are_recovered(void **state)
{
	unsigned int slot = join(TOKEN);
	uint64_t live = table->word[slot];

	(void)state;
	assert_int_equal(fam_sessions_take(table, slot, live, 5), 0);
	assert_false(fam_sessions_untake(table, slot, live));
	assert_false(fam_sessions_kill(table, slot, 0, FAM_SESSION_LEFT));
	assert_int_equal(table->word[slot], live);
	/* a word that is not there any more */
	assert_int_equal(fam_sessions_take(table, slot, w(TOKEN, 2, DEAD), 5),
			 0);
	assert_int_equal(table->word[slot], live);
}

static void a_recovery_left_undone_is_given_back(void **state)
{
	unsigned int slot = join(TOKEN);
	uint64_t taken;

	(void)state;
	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_EXITED));
	taken = fam_sessions_take(table, slot, table->word[slot], 5);
	assert_true(fam_sessions_untake(table, slot, taken));
	assert_int_equal(table->word[slot], w(TOKEN, FAM_SESSION_EXITED, DEAD));
	/* who took it died before he could note the reason */
	table->word[slot] = w(OTHER, 5, RECOVERED);
	assert_true(fam_sessions_untake(table, slot, table->word[slot]));
	assert_int_equal(table->word[slot],
			 w(OTHER, FAM_SESSION_UNKNOWN, DEAD));
}

static void what_the_dead_recovered_is_dead_again(void **state)
{
	(void)state;
	table->word[1] = w(1, 7, RECOVERED);
	table->word[2] = w(2, 8, RECOVERED);
	table->word[3] = w(3, 7, DEAD);
	table->word[7] = w(4, 7, RECOVERED); /* by who has no session */
	table->word[1023] = w(5, 7, RECOVERED);
	fam_sessions_untake_all(table, 7);
	assert_int_equal(table->word[1], w(1, FAM_SESSION_UNKNOWN, DEAD));
	assert_int_equal(table->word[2], w(2, 8, RECOVERED));
	assert_int_equal(table->word[3], w(3, 7, DEAD));
	assert_int_equal(table->word[7], w(4, 7, RECOVERED));
	assert_int_equal(table->word[1023], w(5, FAM_SESSION_UNKNOWN, DEAD));
}

static void there_is_room_for_1024(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= FAM_SESSIONS_SLOTS; i++)
		claim(i << 20 | 1); /* all of them begin at the same slot */
	assert_int_equal(fam_sessions_claim(table, TOKEN), -1);
	assert_int_equal(table->changes, FAM_SESSIONS_SLOTS);
	table->word[700] = 0;
	assert_int_equal(claim(TOKEN), 700);
}

static void a_peer_dies_with_all_its_sessions(void **state)
{
	unsigned int a = join(1), b = join(2), c = join(3), d = claim(4);

	(void)state;
	table->slot[a].peer = table->slot[b].peer = table->slot[d].peer = 9;
	table->slot[c].peer = 10;
	table->slot[c + 1].peer = 9; /* of who was there earlier */
	assert_int_equal(fam_sessions_kill_peer(table, 9, FAM_SESSION_HUNG_UP),
			 3);
	assert_int_equal(table->word[a], w(1, FAM_SESSION_HUNG_UP, DEAD));
	assert_int_equal(table->word[b], w(2, FAM_SESSION_HUNG_UP, DEAD));
	assert_int_equal(table->word[c], w(3, 0, LIVE));
	assert_int_equal(table->word[d], w(4, FAM_SESSION_HUNG_UP, DEAD));
	assert_int_equal(fam_sessions_kill_peer(table, 9, FAM_SESSION_HUNG_UP),
			 0);
	/* 0 is nobody's */
	table->slot[c].peer = 0;
	assert_int_equal(fam_sessions_kill_peer(table, 0, FAM_SESSION_HUNG_UP),
			 0);
}

static void a_copy_is_checked(void **state)
{
	unsigned int slot = join(TOKEN);
	struct fam_sessions_slot *s = &table->slot[slot];
	struct fam_sessions_copy copy;

	(void)state;
	s->lease_ms = 0;
	s->peer = 65536;
	s->pid = 42;
	memset((void *)s->node_name, 0xff, sizeof(s->node_name));
	memcpy((void *)s->name, "a\x1b[31m\nb c\x7f\0behind", 17);
	assert_true(fam_sessions_copy(table, slot, &copy));
	assert_int_equal(copy.word, w(TOKEN, 0, LIVE));
	assert_int_equal(copy.lease_ms, FAM_SESSIONS_LEASE_MIN);
	assert_int_equal(copy.peer, 0);
	assert_int_equal(copy.pid, 42);
	assert_int_equal(strlen(copy.node_name), FAM_SESSIONS_NAME - 1);
	assert_int_equal(strspn(copy.node_name, "?"), FAM_SESSIONS_NAME - 1);
	assert_string_equal(copy.name, "a?[31m?b c?");
	s->lease_ms = UINT32_MAX;
	s->peer = 65535;
	assert_true(fam_sessions_copy(table, slot, &copy));
	assert_int_equal(copy.lease_ms, FAM_SESSIONS_LEASE_MAX);
	assert_int_equal(copy.peer, 65535);
	table->word[slot] = 0;
	assert_false(fam_sessions_copy(table, slot, &copy));
	table->word[slot] = UINT64_MAX;
	assert_false(fam_sessions_copy(table, slot, &copy));
}

static void names_are_cut_to_what_fits(void **state)
{
	unsigned int slot = join(TOKEN);
	struct fam_sessions_copy copy;
	char name[100];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[99] = '\0';
	fam_sessions_write_text(table->slot[slot].name, name);
	assert_true(fam_sessions_copy(table, slot, &copy));
	assert_int_equal(strlen(copy.name), FAM_SESSIONS_NAME - 1);
	/* nothing of a longer one is left behind a shorter one */
	fam_sessions_write_text(table->slot[slot].name, "short");
	assert_memory_equal((void *)table->slot[slot].name, "short\0\0\0\0\0",
			    10);
	assert_int_equal(table->slot[slot].name[7], 0);
	assert_int_equal(table->slot[slot].beat, 0);
	assert_int_equal(table->slot[slot].bell[0], 0);
}

static void presence_is_the_servers_word(void **state)
{
	(void)state;
	table->present[0] = 2;
	table->present[1023] = UINT64_C(1) << 63;
	assert_false(fam_sessions_is_present(table, 0));
	assert_true(fam_sessions_is_present(table, 1));
	assert_true(fam_sessions_is_present(table, 65535));
	assert_false(fam_sessions_is_present(table, 65534));
	assert_false(fam_sessions_is_present(table, 65536 + 1));
	assert_false(fam_sessions_is_present(table, UINT32_MAX));
}

/* --- races: of two that make the same step one does ------------------------ */

#define ROUNDS 3000

struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	unsigned int number; /* 0 or 1 */
	bool (*step)(unsigned int number);
	unsigned int won[ROUNDS];
};

static _Atomic unsigned int current; /* the slot raced for */

static void *race(void *arg)
{
	struct racer *r = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(r->start);
		r->won[i] = r->step(r->number);
		pthread_barrier_wait(r->start);
		/* the other one prepares the next round */
		pthread_barrier_wait(r->start);
	}
	return NULL;
}

static void expect_one_winner(void (*prepare)(void),
			      bool (*step)(unsigned int number))
{
	static struct racer racer[2];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, 3);
	for (unsigned int n = 0; n < 2; n++) {
		racer[n] = (struct racer){
			.start = &start, .number = n, .step = step};
		assert_int_equal(
			pthread_create(&racer[n].thread, NULL, race, &racer[n]),
			0);
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t before;

		prepare();
		before = table->changes;
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&start);
		assert_int_equal(racer[0].won[i] + racer[1].won[i], 1);
		assert_int_equal(table->changes, before + 1);
		pthread_barrier_wait(&start);
	}
	for (unsigned int n = 0; n < 2; n++)
		pthread_join(racer[n].thread, NULL);
	pthread_barrier_destroy(&start);
}

static void one_place_left(void)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		table->word[i] = w(TOKEN, 0, LIVE);
	table->word[current] = 0;
}

static bool race_claim(unsigned int number)
{
	return fam_sessions_claim(table, TOKEN + number) == (int)current;
}

static void alive(void)
{
	table->word[current] = w(TOKEN, 0, LIVE);
}

static bool race_kill(unsigned int number)
{
	return fam_sessions_kill(table, current, w(TOKEN, 0, LIVE),
				 FAM_SESSION_HUNG_UP + number);
}

static bool race_leave_or_kill(unsigned int number)
{
	return number ? race_kill(number)
		      : fam_sessions_free(table, current, w(TOKEN, 0, LIVE),
					  FAM_SESSION_LEFT);
}

static void joining(void)
{
	table->word[current] = w(TOKEN, 0, JOINING);
}

static bool race_live_or_kill(unsigned int number)
{
	uint64_t from = w(TOKEN, 0, JOINING);

	return number ? fam_sessions_kill(table, current, from, 4)
		      : fam_sessions_step(table, current, from,
					  w(TOKEN, 0, LIVE));
}

static void dead(void)
{
	table->word[current] = w(TOKEN, FAM_SESSION_EXITED, DEAD);
}

static bool race_take(unsigned int number)
{
	return fam_sessions_take(table, current,
				 w(TOKEN, FAM_SESSION_EXITED, DEAD),
				 number + 1) != 0;
}

static void taken(void)
{
	table->word[current] = w(TOKEN, 5, RECOVERED);
}

static bool race_free(unsigned int number)
{
	(void)number;
	return fam_sessions_free(table, current, w(TOKEN, 5, RECOVERED),
				 FAM_SESSION_EXITED);
}

static bool race_untake_or_free(unsigned int number)
{
	return number ? fam_sessions_untake(table, current,
					    w(TOKEN, 5, RECOVERED))
		      : race_free(number);
}

static void each_step_is_made_by_one(void **state)
{
	(void)state;
	current = 333;
	expect_one_winner(one_place_left, race_claim);
	expect_one_winner(alive, race_kill);
	expect_one_winner(alive, race_leave_or_kill);
	expect_one_winner(joining, race_live_or_kill);
	expect_one_winner(dead, race_take);
	expect_one_winner(taken, race_free);
	expect_one_winner(taken, race_untake_or_free);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_word_holds_its_parts),
		TEST(a_session_that_leaves_tells_so),
		TEST(a_dead_session_is_recovered_and_its_reason_stays),
		TEST(one_that_is_joining_can_die),
		TEST(only_the_dead_are_recovered),
		TEST(a_recovery_left_undone_is_given_back),
		TEST(what_the_dead_recovered_is_dead_again),
		TEST(there_is_room_for_1024),
		TEST(a_peer_dies_with_all_its_sessions),
		TEST(a_copy_is_checked),
		TEST(names_are_cut_to_what_fits),
		TEST(presence_is_the_servers_word),
		TEST(each_step_is_made_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
