// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regions/fam-index.h"

#define GRAIN FAM_REGIONS_GRAIN
#define LARGE FAM_REGIONS_LARGE
#define DATA  (UINT64_C(2) << 20) /* where the data begins */
#define TIB   (UINT64_C(1) << 40)

static void make_region(struct fam_region_entry *entry, const char *name,
			uint64_t offset, uint64_t space)
{
	*entry = (struct fam_region_entry){
		.generation = 3,
		.stamp = 7,
		.serial = 11,
		.state = FAM_REGION_READY,
		.offset = offset,
		.space = space,
		.bytes = space,
	};
	snprintf(entry->name, sizeof(entry->name), "%s", name);
}

static int set_region(struct fam_index *index, uint32_t i, const char *name,
		      uint64_t offset, uint64_t space, uint32_t *rival)
{
	struct fam_region_entry entry;

	make_region(&entry, name, offset, space);
	return fam_index_set(index, i, &entry, rival);
}

static struct fam_index *new_index(uint64_t grains, uint32_t entries)
{
	struct fam_index *index;

	assert_int_equal(fam_index_new(DATA, grains * GRAIN, entries, &index),
			 0);
	return index;
}

static void assert_nothing_taken(const struct fam_index *index, uint64_t bytes)
{
	struct fam_index_sums sums;

	fam_index_sums(index, &sums);
	assert_int_equal(sums.taken, 0);
	assert_int_equal(sums.asked, 0);
	assert_int_equal(sums.regions, 0);
	assert_int_equal(sums.pieces, bytes != 0);
	assert_int_equal(sums.largest, bytes);
}

static void a_new_index_is_all_free(void **state)
{
	struct fam_index *index = new_index(4096, 64);
	struct fam_index_entry entry;
	uint64_t offset, bytes;

	(void)state;
	assert_nothing_taken(index, 4096 * GRAIN);
	assert_true(fam_index_is_free(index, DATA, 4096 * GRAIN));
	assert_true(fam_index_gap(index, 0, &offset, &bytes));
	assert_int_equal(offset, DATA);
	assert_int_equal(bytes, 4096 * GRAIN);
	assert_false(fam_index_gap(index, offset + bytes, &offset, &bytes));
	assert_int_equal(fam_index_slot(index), 0);
	assert_int_equal(fam_index_find(index, "x"), FAM_INDEX_NONE);
	fam_index_get(index, 63, &entry);
	assert_int_equal(entry.generation, 0);
	fam_index_free(index);
	fam_index_free(NULL);
}

static void an_entry_is_remembered_until_it_is_free(void **state)
{
	struct fam_index *index = new_index(4096, 64);
	struct fam_index_entry entry;
	uint32_t rival;

	(void)state;
	assert_int_equal(
		set_region(index, 5, "a/b", DATA + 8 * GRAIN, GRAIN, &rival),
		0);
	assert_int_equal(fam_index_find(index, "a/b"), 5);
	assert_int_equal(fam_index_find(index, "a"), FAM_INDEX_NONE);
	fam_index_get(index, 5, &entry);
	assert_int_equal(entry.generation, 3);
	assert_int_equal(entry.stamp, 7);
	assert_int_equal(entry.serial, 11);
	assert_int_equal(entry.offset, DATA + 8 * GRAIN);
	assert_int_equal(entry.space, GRAIN);
	assert_int_equal(entry.bytes, GRAIN);
	assert_int_equal(entry.state, FAM_REGION_READY);
	assert_false(fam_index_is_free(index, DATA, 9 * GRAIN));
	assert_true(fam_index_is_free(index, DATA, 8 * GRAIN));
	assert_int_equal(fam_index_set(index, 5, NULL, &rival), 0);
	assert_int_equal(fam_index_find(index, "a/b"), FAM_INDEX_NONE);
	assert_nothing_taken(index, 4096 * GRAIN);
	fam_index_free(index);
}

static void rivals_are_named_and_nothing_is_taken(void **state)
{
	struct fam_index *index = new_index(64, 64);
	struct fam_index_entry entry;
	uint32_t rival = 99;

	(void)state;
	assert_int_equal(set_region(index, 1, "one", DATA + 4 * GRAIN,
				    4 * GRAIN, &rival),
			 0);
	assert_int_equal(rival, 99);
	/* From before, inside, behind, around, the same, the same name. */
	assert_int_equal(set_region(index, 2, "two", DATA, 5 * GRAIN, &rival),
			 -EEXIST);
	assert_int_equal(rival, 1);
	for (uint64_t at = 4; at < 8; at++) {
		rival = 99;
		assert_int_equal(set_region(index, 2, "two", DATA + at * GRAIN,
					    4 * GRAIN, &rival),
				 -EEXIST);
		assert_int_equal(rival, 1);
	}
	rival = 99;
	assert_int_equal(
		set_region(index, 3, "one", DATA + 32 * GRAIN, GRAIN, &rival),
		-EEXIST);
	assert_int_equal(rival, 1);
	assert_true(fam_index_is_free(index, DATA + 8 * GRAIN, 56 * GRAIN));
	fam_index_get(index, 3, &entry);
	assert_int_equal(entry.state, FAM_REGION_FREE);
	assert_int_equal(entry.generation, 3);
	/* It gives way to itself, and neighbours may touch. */
	assert_int_equal(set_region(index, 1, "one", DATA + 5 * GRAIN,
				    4 * GRAIN, &rival),
			 0);
	assert_int_equal(set_region(index, 2, "two", DATA, 5 * GRAIN, &rival),
			 0);
	assert_int_equal(set_region(index, 3, "three", DATA + 9 * GRAIN,
				    55 * GRAIN, &rival),
			 0);
	fam_index_free(index);
}

static void names_live_in_what_is_not_free_only(void **state)
{
	struct fam_index *index = new_index(64, 64);
	struct fam_region_entry entry;
	uint32_t rival;

	(void)state;
	make_region(&entry, "old", DATA, GRAIN);
	entry.state = FAM_REGION_FREE;
	assert_int_equal(fam_index_set(index, 0, &entry, &rival), 0);
	assert_int_equal(fam_index_find(index, "old"), FAM_INDEX_NONE);
	assert_nothing_taken(index, 64 * GRAIN);
	entry.state = FAM_REGION_MAKING;
	assert_int_equal(fam_index_set(index, 0, &entry, &rival), 0);
	assert_int_equal(fam_index_find(index, "old"), 0);
	/* No name is no rival of no name. */
	entry.name[0] = '\0';
	assert_int_equal(fam_index_set(index, 0, &entry, &rival), 0);
	entry.offset += GRAIN;
	assert_int_equal(fam_index_set(index, 1, &entry, &rival), 0);
	assert_int_equal(fam_index_find(index, ""), FAM_INDEX_NONE);
	fam_index_free(index);
}

static void the_longest_names_are_told_apart(void **state)
{
	struct fam_index *index = new_index(1024, 512);
	char name[FAM_REGION_NAME_MAX];
	uint32_t rival;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (uint32_t i = 0; i < 255; i++) {
		name[i] = 'y';
		assert_int_equal(set_region(index, i, name, DATA + i * GRAIN,
					    GRAIN, &rival),
				 0);
		name[i] = 'x';
	}
	for (uint32_t i = 0; i < 255; i++) {
		name[i] = 'y';
		assert_int_equal(fam_index_find(index, name), i);
		name[i] = 'x';
	}
	/* And those that are nothing but longer. */
	for (uint32_t i = 255; i < 509; i++) {
		name[i - 255 + 1] = '\0';
		assert_int_equal(set_region(index, i, name, DATA + i * GRAIN,
					    GRAIN, &rival),
				 0);
		name[i - 255 + 1] = 'x';
	}
	fam_index_free(index);
}

static void slots_with_a_mark_come_last(void **state)
{
	struct fam_index *index = new_index(64, 64);
	struct fam_region_entry entry;
	uint32_t rival, i;

	(void)state;
	make_region(&entry, "", DATA, GRAIN);
	entry.state = FAM_REGION_FREE;
	entry.flags = FAM_REGION_TRIM;
	assert_int_equal(fam_index_set(index, 0, &entry, &rival), 0);
	assert_int_equal(fam_index_set(index, 1, &entry, &rival), 0);
	for (int n = 0; n < 62; n++) {
		i = fam_index_slot(index);
		assert_in_range(i, 2, 63);
		assert_int_equal(set_region(index, i, "", DATA + i * GRAIN,
					    GRAIN, &rival),
				 0);
	}
	i = fam_index_slot(index);
	assert_in_range(i, 0, 1);
	assert_int_equal(
		set_region(index, i, "", DATA + i * GRAIN, GRAIN, &rival), 0);
	i = fam_index_slot(index);
	assert_in_range(i, 0, 1);
	assert_int_equal(
		set_region(index, i, "", DATA + i * GRAIN, GRAIN, &rival), 0);
	assert_int_equal(fam_index_slot(index), FAM_INDEX_NONE);
	assert_int_equal(fam_index_set(index, 40, NULL, &rival), 0);
	assert_int_equal(fam_index_slot(index), 40);
	fam_index_free(index);
}

static void large_ones_are_aligned_and_small_ones_out_of_their_way(void **state)
{
	struct fam_index *index = new_index(4 * 512 + 100, 64);
	uint64_t end = DATA + (4 * 512 + 100) * GRAIN;
	uint32_t rival;

	(void)state;
	assert_int_equal(fam_index_place(index, GRAIN), end - GRAIN);
	assert_int_equal(fam_index_place(index, LARGE - GRAIN),
			 end - LARGE + GRAIN);
	assert_int_equal(fam_index_place(index, LARGE), DATA);
	assert_int_equal(set_region(index, 0, "", DATA, GRAIN, &rival), 0);
	assert_int_equal(fam_index_place(index, LARGE), DATA + LARGE);
	assert_int_equal(fam_index_place(index, 3 * LARGE + 100 * GRAIN),
			 DATA + LARGE);
	assert_int_equal(fam_index_place(index, 3 * LARGE + 101 * GRAIN), 0);
	/* What is used up to the end, is found to be the better place. */
	assert_int_equal(set_region(index, 1, "", end - 512 * GRAIN,
				    500 * GRAIN, &rival),
			 0);
	assert_int_equal(fam_index_place(index, 12 * GRAIN), end - 12 * GRAIN);
	assert_int_equal(fam_index_place(index, 13 * GRAIN), end - 525 * GRAIN);
	fam_index_free(index);
}

static void of_some_pieces_the_one_that_fits_is_taken(void **state)
{
	struct fam_index *index = new_index(1024, 64);
	uint32_t rival;

	(void)state;
	/* Free, from the end on: 9, 7, 3 grains, and the rest. */
	assert_int_equal(
		set_region(index, 0, "", DATA + 1014 * GRAIN, GRAIN, &rival),
		0);
	assert_int_equal(
		set_region(index, 1, "", DATA + 1006 * GRAIN, GRAIN, &rival),
		0);
	assert_int_equal(
		set_region(index, 2, "", DATA + 1002 * GRAIN, GRAIN, &rival),
		0);
	assert_int_equal(fam_index_place(index, 3 * GRAIN),
			 DATA + 1003 * GRAIN);
	assert_int_equal(fam_index_place(index, 2 * GRAIN),
			 DATA + 1004 * GRAIN);
	assert_int_equal(fam_index_place(index, 7 * GRAIN),
			 DATA + 1007 * GRAIN);
	assert_int_equal(fam_index_place(index, 8 * GRAIN),
			 DATA + 1016 * GRAIN);
	assert_int_equal(fam_index_place(index, 10 * GRAIN),
			 DATA + 992 * GRAIN);
	fam_index_free(index);
}

static void what_takes_nothing_is_nowhere_in_the_way(void **state)
{
	struct fam_index *index = new_index(16, 64);
	uint64_t place = fam_index_place(index, 0);
	struct fam_index_sums sums;
	uint32_t rival;

	(void)state;
	assert_int_equal(place, DATA);
	assert_true(fam_index_is_free(index, place, 0));
	assert_int_equal(set_region(index, 0, "zero", place, 0, &rival), 0);
	assert_int_equal(set_region(index, 1, "nil", place, 0, &rival), 0);
	assert_int_equal(set_region(index, 2, "all", DATA, 16 * GRAIN, &rival),
			 0);
	assert_int_equal(fam_index_place(index, 0), DATA);
	assert_int_equal(fam_index_place(index, GRAIN), 0);
	assert_int_equal(fam_index_find(index, "zero"), 0);
	assert_int_equal(fam_index_find(index, "nil"), 1);
	fam_index_sums(index, &sums);
	assert_int_equal(sums.regions, 3);
	assert_int_equal(sums.pieces, 0);
	assert_int_equal(sums.largest, 0);
	fam_index_free(index);
}

static void hostile_entries_are_refused(void **state)
{
	static const uint64_t offsets[] = {
		0,
		1,
		GRAIN,
		DATA - GRAIN,
		DATA + 1,
		DATA,
		DATA + GRAIN,
		DATA + 63 * GRAIN,
		UINT64_MAX,
		1 - GRAIN,
		INT64_MAX,
		-GRAIN,
		DATA + 64 * GRAIN,
		UINT32_MAX * GRAIN,
	};
	static const uint64_t spaces[] = {
		1,	   GRAIN - 1, 65 * GRAIN, UINT64_MAX,
		INT64_MAX, -GRAIN,    -DATA,	  UINT32_MAX * GRAIN,
	};
	struct fam_index *index = new_index(64, 64);
	uint32_t rival = 99;

	(void)state;
	for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++) {
		for (size_t s = 0; s < sizeof(spaces) / sizeof(spaces[0]); s++)
			assert_int_equal(set_region(index, 9, "x", offsets[o],
						    spaces[s], &rival),
					 -EINVAL);
		if (offsets[o] < DATA || offsets[o] >= DATA + 64 * GRAIN)
			assert_false(
				fam_index_is_free(index, offsets[o], GRAIN));
	}
	assert_int_equal(set_region(index, 64, "x", DATA, GRAIN, &rival),
			 -EINVAL);
	assert_int_equal(
		set_region(index, UINT32_MAX, "x", DATA, GRAIN, &rival),
		-EINVAL);
	assert_int_equal(fam_index_place(index, UINT64_MAX), 0);
	assert_int_equal(fam_index_place(index, 64 * GRAIN + 1), 0);
	assert_int_equal(rival, 99);
	assert_int_equal(fam_index_find(index, "x"), FAM_INDEX_NONE);
	assert_nothing_taken(index, 64 * GRAIN);
	fam_index_free(index);
}

static void any_data_can_be_told_of(void **state)
{
	static const uint64_t cases[][2] = {
		{0, 0},
		{UINT64_MAX, UINT64_MAX},
		{DATA, UINT64_MAX},
		{DATA, GRAIN - 1},
		{1, GRAIN},
		{UINT64_MAX - 1, 1},
		{0, UINT64_MAX},
	};
	struct fam_index *index;
	uint64_t offset, bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t first = cases[i][0], end = first + cases[i][1];

		assert_int_equal(fam_index_new(first, cases[i][1], 64, &index),
				 0);
		if (fam_index_gap(index, 0, &offset, &bytes)) {
			assert_true(offset >= first);
			if (end >= first)
				assert_true(offset + bytes <= end);
		}
		fam_index_free(index);
	}
}

static void the_largest_fabric_is_placed_to_its_end(void **state)
{
	uint64_t bytes = 16 * TIB - DATA - (UINT64_C(32) << 20);
	struct fam_index *index;
	uint32_t rival;

	(void)state;
	assert_int_equal(fam_index_new(DATA, bytes, 64, &index), 0);
	assert_int_equal(fam_index_place(index, bytes), DATA);
	assert_int_equal(fam_index_place(index, GRAIN), DATA + bytes - GRAIN);
	assert_int_equal(
		set_region(index, 0, "", DATA + bytes - LARGE, LARGE, &rival),
		0);
	assert_int_equal(
		set_region(index, 1, "", DATA, bytes - 2 * LARGE, &rival), 0);
	assert_int_equal(fam_index_place(index, LARGE),
			 DATA + bytes - 2 * LARGE);
	fam_index_free(index);
}

static void thirty_thousand_entries_come_and_go(void **state)
{
	const uint32_t entries = 31 * 1024;
	struct fam_index *index = new_index(entries + 512, entries);
	struct fam_index_sums sums;
	char name[16];
	uint32_t rival, i;

	(void)state;
	/* In an order that would make a list of a tree without balance. */
	for (i = 0; i < entries; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_int_equal(fam_index_slot(index), i);
		assert_int_equal(set_region(index, i, name,
					    fam_index_place(index, GRAIN),
					    GRAIN, &rival),
				 0);
	}
	assert_int_equal(fam_index_slot(index), FAM_INDEX_NONE);
	for (i = 0; i < entries; i += 2)
		assert_int_equal(fam_index_set(index, i, NULL, &rival), 0);
	fam_index_sums(index, &sums);
	assert_int_equal(sums.regions, entries / 2);
	/* What begins with the last one, which was not freed, is free. */
	assert_int_equal(sums.pieces, entries / 2 + 1);
	assert_int_equal(sums.largest, 512 * GRAIN);
	for (i = 1; i < entries; i += 2) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_int_equal(fam_index_find(index, name), i);
		assert_int_equal(fam_index_set(index, i, NULL, &rival), 0);
	}
	assert_nothing_taken(index, (entries + 512) * GRAIN);
	fam_index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_index_is_all_free),
		cmocka_unit_test(an_entry_is_remembered_until_it_is_free),
		cmocka_unit_test(rivals_are_named_and_nothing_is_taken),
		cmocka_unit_test(names_live_in_what_is_not_free_only),
		cmocka_unit_test(the_longest_names_are_told_apart),
		cmocka_unit_test(slots_with_a_mark_come_last),
		cmocka_unit_test(
			large_ones_are_aligned_and_small_ones_out_of_their_way),
		cmocka_unit_test(of_some_pieces_the_one_that_fits_is_taken),
		cmocka_unit_test(what_takes_nothing_is_nowhere_in_the_way),
		cmocka_unit_test(hostile_entries_are_refused),
		cmocka_unit_test(any_data_can_be_told_of),
		cmocka_unit_test(the_largest_fabric_is_placed_to_its_end),
		cmocka_unit_test(thirty_thousand_entries_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
