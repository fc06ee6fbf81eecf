// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fam-mailbox.h>

#define GRAIN 16
#define LIMIT 1024
#define MANY  40

static void neighbours_become_one(void **state)
{
	struct fam_range r[] = {{48, 16}, {0, 1}, {15, 2}, {33, 1}};

	(void)state;
	assert_int_equal(fam_ranges_merge(r, 4, GRAIN, LIMIT), 1);
	assert_int_equal(r[0].offset, 0);
	assert_int_equal(r[0].length, 64);
}

static void what_is_apart_stays_apart_in_order(void **state)
{
	struct fam_range r[] = {{512, 8}, {100, 0}, {0, 16}, {32, 1}};

	(void)state;
	assert_int_equal(fam_ranges_merge(r, 4, GRAIN, LIMIT), 3);
	assert_int_equal(r[0].offset, 0);
	assert_int_equal(r[1].offset, 32);
	assert_int_equal(r[1].length, 16);
	assert_int_equal(r[2].offset, 512);
}

static void nothing_reaches_beyond_the_limit(void **state)
{
	struct fam_range r[] = {{LIMIT - 1, 1}};

	(void)state;
	assert_int_equal(fam_ranges_merge(r, 1, 4096, LIMIT), 1);
	assert_int_equal(r[0].offset, 0);
	assert_int_equal(r[0].length, LIMIT);
	assert_int_equal(fam_ranges_merge(r, 0, GRAIN, LIMIT), 0);
}

static void mark(uint8_t *cells, const struct fam_range *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (r[i].length)
			memset(cells + r[i].offset / GRAIN, 1,
			       (r[i].offset + r[i].length - 1) / GRAIN -
				       r[i].offset / GRAIN + 1);
	}
}

/* The same grains are covered, each once, with a gap between any two. */
static void random_ranges_cover_what_they_did(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint8_t before[LIMIT / GRAIN] = {0}, after[LIMIT / GRAIN] = {0};
		size_t count = (size_t)rand() % MANY, left;
		struct fam_range r[MANY];

		for (size_t i = 0; i < count; i++) {
			r[i].offset = (uint64_t)rand() % LIMIT;
			r[i].length = (uint64_t)rand() %
				      (LIMIT - r[i].offset + 1) %
				      (round % 100 + 1);
		}
		mark(before, r, count);
		left = fam_ranges_merge(r, count, GRAIN, LIMIT);
		mark(after, r, left);
		assert_memory_equal(before, after, sizeof(before));
		for (size_t i = 1; i < left; i++)
			assert_true(r[i - 1].offset + r[i - 1].length <
				    r[i].offset);
	}
}

static void seals_know_every_field(void **state)
{
	uint64_t seal = fam_mailbox_seal(1, 2, 3, 4);

	(void)state;
	assert_int_equal(seal, fam_mailbox_seal(1, 2, 3, 4));
	for (int bit = 0; bit < 64; bit++) {
		uint64_t flip = UINT64_C(1) << bit;

		assert_int_not_equal(seal, fam_mailbox_seal(1 ^ flip, 2, 3, 4));
		assert_int_not_equal(seal, fam_mailbox_seal(1, 2 ^ flip, 3, 4));
		assert_int_not_equal(seal, fam_mailbox_seal(1, 2, 3 ^ flip, 4));
		assert_int_not_equal(seal, fam_mailbox_seal(1, 2, 3, 4 ^ flip));
	}
}

static void counters_of_others_mean_nothing(void **state)
{
	const uint64_t token = UINT64_MAX - 3, other = UINT64_C(1) << 40;

	(void)state;
	assert_int_equal(fam_mailbox_count(token, token), 0);
	assert_int_equal(fam_mailbox_count(token + 7, token), 7);
	assert_int_equal(fam_mailbox_count(0, other), UINT64_MAX);
	assert_int_equal(fam_mailbox_count(token, other), UINT64_MAX);
	assert_int_equal(fam_mailbox_count(other - 1, other), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_become_one),
		cmocka_unit_test(what_is_apart_stays_apart_in_order),
		cmocka_unit_test(nothing_reaches_beyond_the_limit),
		cmocka_unit_test(random_ranges_cover_what_they_did),
		cmocka_unit_test(seals_know_every_field),
		cmocka_unit_test(counters_of_others_mean_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
