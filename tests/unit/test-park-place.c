// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The places of a parking, step by step: full groups, the dead, the hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/park-place.h"

#define KEY   UINT64_C(0x200040)
#define OTHER UINT64_C(0x200048)
#define MANY  200 /* more than three groups have room for */

static struct fam_parking *table;
static struct fam_sessions *sessions;
static unsigned int woken[FAM_PARKING_TOTAL]; /* in this order */
static unsigned int woken_count;

static void deliver(const struct fam_lot *lot, unsigned int place,
		    uint64_t word)
{
	(void)lot;
	(void)word;
	woken[woken_count++ % FAM_PARKING_TOTAL] = place;
}

static int set_up(void **state)
{
	(void)state;
	table = calloc(1, sizeof(*table));
	sessions = calloc(1, sizeof(*sessions));
	woken_count = 0;
	return table && sessions ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(table);
	free(sessions);
	return 0;
}

/* Somebody who lives, in a slot. */
static struct fam_lot join(unsigned int slot)
{
	uint64_t word =
		fam_sessions_word(0x800000000100 + slot, 0, FAM_SESSIONS_LIVE);

	sessions->word[slot] = word;
	return (struct fam_lot){
		.table = table,
		.sessions = sessions,
		.self = fam_holder(fam_sessions_id(word, slot)),
		.deliver = deliver,
	};
}

static void die(const struct fam_lot *lot)
{
	sessions->word[fam_holder_slot(lot->self)] = 0;
}

static struct fam_place wait_at(const struct fam_lot *lot, uint64_t key)
{
	struct fam_place place = {0};

	assert_true(fam_place_take(lot, key, &place));
	fam_place_begin(lot, &place, NULL, 0);
	return place;
}

/* Was it woken? */
static bool leave(const struct fam_lot *lot, struct fam_place *place)
{
	bool was = fam_place_end(lot, place);

	fam_place_free(lot, place);
	return was;
}

static void expect_empty(void)
{
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++) {
		assert_int_equal(table->group[i].used, 0);
		assert_int_equal(table->group[i].spilled, 0);
		for (unsigned int b = 0; b < FAM_PARKING_PLACES; b++)
			assert_int_equal(table->place[i][b].word, 0);
	}
}

/* --- order ------------------------------------------------------------------- */

static void hundreds_are_woken_in_the_order_they_came(void **state)
{
	static struct fam_place place[MANY];
	struct fam_lot lot = join(7);

	(void)state;
	for (int i = 0; i < MANY; i++)
		place[i] = wait_at(&lot, KEY);
	assert_int_equal(fam_place_wake(&lot, OTHER, UINT32_MAX), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_int_equal(fam_place_wake(&lot, KEY, 90), 90);
	assert_int_equal(fam_place_wake(&lot, KEY, UINT32_MAX), MANY - 100);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(woken[i], place[i].index);
		assert_true(leave(&lot, &place[i]));
	}
	expect_empty();
}

static void who_goes_on_with_a_wait_keeps_its_turn(void **state)
{
	struct fam_lot lot = join(7);
	struct fam_place a = wait_at(&lot, KEY), b = wait_at(&lot, KEY);
	uint64_t order = a.order;

	(void)state;
	assert_false(leave(&lot, &a));
	assert_true(fam_place_take(&lot, KEY, &a));
	fam_place_begin(&lot, &a, &order, 0);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &a));
	assert_false(leave(&lot, &b));
	expect_empty();
}

/* That of another fabric, or of this one before somebody wrote over it. */
static void a_turn_that_never_was_is_none(void **state)
{
	struct fam_lot lot = join(7);
	struct fam_place place = {0};
	uint64_t order = 1000;

	(void)state;
	assert_true(fam_place_take(&lot, KEY, &place));
	fam_place_begin(&lot, &place, &order, 0);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &place));
	expect_empty();
}

static void order_survives_the_wrap_of_its_counter(void **state)
{
	struct fam_lot lot = join(7);
	struct fam_place place[4];

	(void)state;
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		table->group[i].order = UINT64_MAX - 1;
	for (int i = 0; i < 4; i++)
		place[i] = wait_at(&lot, KEY);
	assert_int_equal(fam_place_wake(&lot, KEY, 4), 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(woken[i], place[i].index);
		leave(&lot, &place[i]);
	}
	expect_empty();
}

static void who_is_not_there_yet_is_not_woken(void **state)
{
	struct fam_lot lot = join(7);
	struct fam_place place = {0};

	(void)state;
	assert_true(fam_place_take(&lot, KEY, &place));
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 0);
	fam_place_begin(&lot, &place, NULL, 0);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &place));
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 0);
	expect_empty();
}

/* --- all places taken ----------------------------------------------------------- */

static void all_places_taken(void **state)
{
	static struct fam_place place[FAM_PARKING_TOTAL];
	struct fam_lot lot = join(7);
	struct fam_place more = {0};

	(void)state;
	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		place[i] = wait_at(&lot, i % 2 ? KEY : OTHER);
	assert_false(fam_place_take(&lot, KEY, &more));
	assert_false(leave(&lot, &place[0]));
	assert_true(fam_place_take(&lot, KEY, &more));
	fam_place_begin(&lot, &more, NULL, 0);
	assert_int_equal(fam_place_wake(&lot, KEY, UINT32_MAX),
			 FAM_PARKING_TOTAL / 2 + 1);
	assert_int_equal(fam_place_wake(&lot, OTHER, UINT32_MAX),
			 FAM_PARKING_TOTAL / 2 - 1);
	assert_true(leave(&lot, &more));
	for (unsigned int i = 1; i < FAM_PARKING_TOTAL; i++)
		assert_true(leave(&lot, &place[i]));
	expect_empty();
}

static void places_of_the_dead_are_room_for_others(void **state)
{
	struct fam_lot lot = join(7), dead = join(8);
	struct fam_place place = {0};

	(void)state;
	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		wait_at(&dead, OTHER);
	assert_false(fam_place_take(&lot, KEY, &place));
	die(&dead);
	assert_true(fam_place_take(&lot, KEY, &place));
	fam_place_begin(&lot, &place, NULL, 0);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &place));
}

/* --- the dead --------------------------------------------------------------------- */

static void the_dead_are_not_woken(void **state)
{
	struct fam_lot lot = join(7), dead = join(8);
	struct fam_place place;

	(void)state;
	wait_at(&dead, KEY);
	place = wait_at(&lot, KEY);
	die(&dead);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_int_equal(woken[0], place.index);
	assert_true(leave(&lot, &place));
	expect_empty();
}

static void what_a_dead_one_was_woken_for_is_passed_on(void **state)
{
	struct fam_lot lot = join(7), dead = join(8);
	struct fam_place gone = wait_at(&dead, KEY), place = wait_at(&lot, KEY);

	(void)state;
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_int_equal(woken[0], gone.index);
	die(&dead);
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		fam_place_bury(&lot, i, dead.self);
	assert_int_equal(woken_count, 2);
	assert_true(leave(&lot, &place));
	/* once: what is cleared up twice is passed on once */
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		fam_place_bury(&lot, i, dead.self);
	assert_int_equal(woken_count, 2);
	expect_empty();
}

/* The next wake-up finds it, if nobody has cleared up. */
static void a_waker_finds_what_a_dead_one_was_woken_for(void **state)
{
	struct fam_lot lot = join(7), dead = join(8);
	struct fam_place a, b, c;

	(void)state;
	wait_at(&dead, KEY);
	a = wait_at(&lot, KEY);
	b = wait_at(&lot, KEY);
	c = wait_at(&lot, KEY);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	die(&dead);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &a));
	assert_true(leave(&lot, &b));
	assert_false(leave(&lot, &c));
	expect_empty();
}

static void who_has_no_session_clears_up_too(void **state)
{
	struct fam_lot lot = join(7), dead = join(8), nobody = lot;
	struct fam_place place;

	(void)state;
	wait_at(&dead, KEY);
	place = wait_at(&lot, KEY);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	die(&dead);
	nobody.self = 0;
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		fam_place_bury(&nobody, i, dead.self);
	assert_true(leave(&lot, &place));
	/* the hints are left, which costs others a look */
	place = wait_at(&lot, KEY);
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &place));
	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		assert_int_equal(table->place[i / 64][i % 64].word, 0);
}

/* One that was paused while it waited, and was declared dead. */
static void who_is_taken_for_dead_takes_no_place(void **state)
{
	struct fam_lot lot = join(7);
	struct fam_place place = {0};

	(void)state;
	die(&lot);
	assert_false(fam_place_take(&lot, KEY, &place));
	expect_empty();
}

static void a_late_one_takes_nothing_from_others(void **state)
{
	struct fam_lot lot = join(7), late = join(8);
	struct fam_place was = wait_at(&late, KEY), place;

	(void)state;
	die(&late);
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		fam_place_bury(&lot, i, late.self);
	place = wait_at(&lot, KEY);
	assert_int_equal(place.index, was.index);
	assert_true(leave(&late, &was));
	assert_int_equal(fam_place_wake(&lot, KEY, 1), 1);
	assert_true(leave(&lot, &place));
	expect_empty();
}

/* --- hostile --------------------------------------------------------------------- */

static void fill(uint64_t seed)
{
	uint64_t *word = (uint64_t *)table;

	for (size_t i = 0; i < sizeof(*table) / 8; i++) {
		seed = seed * UINT64_C(6364136223846793005) +
		       1442695040888963407;
		word[i] = seed ^ seed >> 31;
	}
}

static void random_bytes_cost_no_more_than_time(void **state)
{
	struct fam_lot lot = join(7);

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct fam_place place = {0};

		fill(seed);
		fam_place_wake(&lot, KEY, UINT32_MAX);
		if (fam_place_take(&lot, KEY, &place)) {
			assert_in_range(place.index, 0, FAM_PARKING_TOTAL - 1);
			fam_place_begin(&lot, &place, NULL, 0);
			leave(&lot, &place);
		}
		for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
			fam_place_bury(&lot, i, 0);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(hundreds_are_woken_in_the_order_they_came),
		test(who_goes_on_with_a_wait_keeps_its_turn),
		test(a_turn_that_never_was_is_none),
		test(order_survives_the_wrap_of_its_counter),
		test(who_is_not_there_yet_is_not_woken),
		test(all_places_taken),
		test(places_of_the_dead_are_room_for_others),
		test(the_dead_are_not_woken),
		test(what_a_dead_one_was_woken_for_is_passed_on),
		test(a_waker_finds_what_a_dead_one_was_woken_for),
		test(who_has_no_session_clears_up_too),
		test(who_is_taken_for_dead_takes_no_place),
		test(a_late_one_takes_nothing_from_others),
		test(random_bytes_cost_no_more_than_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
