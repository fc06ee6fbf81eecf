// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Waits where hundreds wait, where there is no room, and in a table of rubbish. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/wait.h>

#include "fabric-file.h"
#include "fam-park.h"
#include "fam-session.h"
#include "member.h"
#include "sync/park-place.h"

#define CROWD  300
#define ROUNDS 200

static struct workdir work;
static struct fam *fam, *other;
static uint64_t *word; /* in the fabric */
static _Atomic bool stop;
static _Atomic unsigned int ended;

static int set_up(void **state)
{
	const char *path;
	void *data;

	(void)state;
	stop = false;
	ended = 0;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = fabric_make(&work, "crowd", 1, NULL);
	if (fam_open(&fam, path, 0) < 0 || fam_open(&other, path, 0) < 0 ||
	    fam_map(fam, 0, 4096, &data) < 0)
		return -1;
	word = data;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fam_close(other);
	fam_close(fam);
	return workdir_remove(&work);
}

static struct fam_parking *table(void)
{
	return fam->parked->table;
}

static unsigned int taken(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		n += fam_word_get(&table()->place[i / 64][i % 64].word) != 0;
	return n;
}

static uint64_t get(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static void change(uint64_t *at)
{
	__atomic_fetch_add(at, 1, __ATOMIC_SEQ_CST);
}

/* --- hundreds ------------------------------------------------------------------ */

static void *wait_for_change(void *arg)
{
	uint64_t *at = arg;

	while (get(at) == 0)
		fam_word_wait(fam, at, 0, -1);
	ended++;
	return NULL;
}

static void hundreds_of_threads_wait_for_one_word(void **state)
{
	static pthread_t thread[CROWD];
	pthread_attr_t attr;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&thread[i], &attr,
						wait_for_change, word),
				 0);
	pthread_attr_destroy(&attr);
	assert_true(await(taken() == CROWD));
	change(word);
	assert_in_range(fam_word_wake(fam, word, UINT32_MAX), 1, CROWD);
	for (int i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(taken(), 0);
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		assert_int_equal(table()->group[i].spilled, 0);
}

/* --- no room ------------------------------------------------------------------- */

static void fill_table(const struct fam *who)
{
	uint64_t holder = fam_holder(who->sessions->id);

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		table()->place[i / 64][i % 64].word =
			holder | FAM_PARKING_CLAIMED;
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		table()->group[i].used = UINT64_MAX;
}

static void who_finds_no_room_looks_now_and_then(void **state)
{
	pthread_t thread;
	int64_t began;

	(void)state;
	fill_table(other);
	began = clock_now_ms();
	assert_int_equal(fam_word_wait(fam, word, 0, 300), -ETIMEDOUT);
	assert_in_range(clock_now_ms() - began, 299, DEADLINE_MS);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_change, word),
			 0);
	breathe();
	change(word);
	assert_int_equal(fam_word_wake(fam, word, 1), 0);
	assert_true(await(ended == 1));
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		assert_int_equal(table()->group[i].spilled, 0);
}

static void a_session_that_dies_makes_room(void **state)
{
	pthread_t thread;

	(void)state;
	fill_table(other);
	fam_close(other);
	other = NULL;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_change, word),
			 0);
	assert_true(await(taken() < FAM_PARKING_TOTAL));
	change(word);
	assert_true(await(fam_word_wake(fam, word, 1) == 1 || ended));
	pthread_join(thread, NULL);
}

/* --- rubbish ------------------------------------------------------------------- */

static void *scribble(void *arg)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)table();
	unsigned int seed = *(unsigned int *)arg;

	while (!stop) {
		size_t i = (size_t)rand_r(&seed) % (sizeof(*table()) / 8);

		/* what looks like a place of one of the two, or anything */
		atomic_store(&words[i],
			     rand_r(&seed) % 2
				     ? fam_holder(fam->sessions->id) |
					       (uint64_t)rand_r(&seed) % 5
				     : (uint64_t)rand_r(&seed) << 33);
	}
	return NULL;
}

/* Two count up by turns. */
static void *take_turns(void *arg)
{
	struct fam *who = arg;
	uint64_t turn = who == other, now;
	int r = 0;

	while ((r == 0 || r == -ETIMEDOUT) && (now = get(word)) < ROUNDS) {
		if (now % 2 == turn) {
			change(word);
			r = fam_word_wake(fam, word, 1) < 0;
		} else {
			r = fam_word_wait(fam, word, now, 20);
		}
	}
	ended += r == 0 || r == -ETIMEDOUT;
	return NULL;
}

static void rubbish_costs_time_and_nothing_else(void **state)
{
	unsigned int seed = (unsigned int)fam_now_ns();
	pthread_t vandal, thread[2];

	(void)state;
	print_message("seed %u\n", seed);
	assert_int_equal(pthread_create(&vandal, NULL, scribble, &seed), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, take_turns,
						i ? other : fam),
				 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	stop = true;
	pthread_join(vandal, NULL);
	assert_int_equal(ended, 2);
	assert_true(get(word) >= ROUNDS);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(hundreds_of_threads_wait_for_one_word),
		test(who_finds_no_room_looks_now_and_then),
		test(a_session_that_dies_makes_room),
		test(rubbish_costs_time_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
