// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/trim-stage.h"

static void blocks_of_what_is_gone_come_back(void **state)
{
	uint64_t before;

	(void)state;
	make("a", LARGE, 'a');
	make("b", 3 * 4096, 'b');
	make("c", MIB, 'c');
	before = blocks();
	trim_marked(0);
	assert_int_equal(blocks(), before);
	destroy("a", DURABLE);
	destroy("c", DURABLE);
	assert_true(space().trim >= LARGE + MIB);
	assert_int_equal(blocks(), before);
	trim_marked(LARGE + MIB);
	assert_given_back(before, LARGE + MIB);
	assert_int_equal(space().trim, 0);
	check("b", 3 * 4096, 'b');
	drops = 0;
	trim_marked(0);
	assert_int_equal(drops, 0);
	destroy("b", DURABLE);
	trim_marked(3 * 4096);
	assert_all_free();
}

static void what_is_free_again_reads_as_zeros(void **state)
{
	(void)state;
	make("a", LARGE, 'a');
	destroy("a", DURABLE);
	trim_marked(LARGE);
	assert_int_equal(fam_region_create(fam, "b",
					   &(struct fam_region_want){
						   .bytes = LARGE,
						   .flags = FAM_REGION_NO_ZERO},
					   NULL),
			 0);
	check("b", LARGE, 0);
}

static void the_tail_of_what_became_smaller_comes_back(void **state)
{
	struct fam_region *region;
	uint64_t before;

	(void)state;
	make("a", LARGE, 'a');
	before = blocks();
	assert_int_equal(fam_region_open(fam, "a", FAM_REGION_WRITE, &region),
			 0);
	assert_int_equal(fam_region_resize(region, MIB, 0), 0);
	fam_region_close(region);
	trim_marked(LARGE - MIB);
	assert_given_back(before, LARGE - MIB);
	check("a", MIB, 'a');
}

static void what_was_taken_again_is_left_alone(void **state)
{
	uint64_t was;

	(void)state;
	make("a", LARGE, 'a');
	was = offset_of("a");
	destroy("a", DURABLE);
	/* The only other large ones are in its place. */
	make("b", 2 * MIB, 'b');
	assert_int_equal(offset_of("b"), was);
	trim_marked(2 * MIB);
	check("b", 2 * MIB, 'b');
	/* And where nothing of it is free any more. */
	destroy("b", DURABLE);
	make("c", LARGE, 'c');
	drops = 0;
	trim_marked(0);
	assert_int_equal(drops, 0);
	assert_int_equal(space().trim, 0);
	check("c", LARGE, 'c');
}

static void what_was_taken_in_the_middle_is_left_alone(void **state)
{
	uint64_t was, before;

	(void)state;
	make("a", LARGE, 'a');
	make("rest", 8 * MIB, 'r');
	was = offset_of("a");
	before = blocks();
	destroy("a", DURABLE);
	make("p", 4096, 'p');
	make("q", 4096, 'q');
	assert_int_equal(offset_of("p"), was + LARGE - 4096);
	assert_int_equal(offset_of("q"), was + LARGE - 8192);
	destroy("p", DURABLE);
	/* What was p's is marked twice. */
	trim_marked(LARGE);
	assert_given_back(before, LARGE - 4096);
	assert_int_equal(space().trim, 0);
	check("q", 4096, 'q');
	check("rest", 8 * MIB, 'r');
}

static void space_can_stay_reserved(void **state)
{
	uint64_t before, bytes, was;
	int r;

	(void)state;
	make("a", LARGE, 'a');
	was = offset_of("a");
	before = blocks();
	destroy("a", DURABLE);
	r = trim(FAM_TRIM_KEEP, false, &bytes);
	if (r == -EOPNOTSUPP)
		skip();
	assert_int_equal(r, 0);
	assert_int_equal(bytes, LARGE);
	assert_true(blocks() >= before);
	assert_int_equal(fam_region_create(fam, "b",
					   &(struct fam_region_want){
						   .bytes = LARGE,
						   .flags = FAM_REGION_NO_ZERO},
					   NULL),
			 0);
	assert_int_equal(offset_of("b"), was);
	check("b", LARGE, 0);
}

static void blocks_nobody_has_marked_are_found(void **state)
{
	uint64_t before, bytes;
	void *data;

	(void)state;
	make("a", MIB, 'a');
	assert_int_equal(fam_map(fam, 0, LARGE, &data), 0);
	memset(data, 'x', LARGE);
	assert_int_equal(fam_unmap(fam, data), 0);
	before = blocks();
	trim_marked(0);
	assert_int_equal(blocks(), before);
	assert_int_equal(trim(FAM_TRIM_PUNCH, true, &bytes), 0);
	assert_int_equal(bytes, LARGE);
	assert_given_back(before, LARGE);
	check("a", MIB, 'a');
	/* What has none is not even looked at twice. */
	drops = 0;
	assert_int_equal(trim(FAM_TRIM_PUNCH, true, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(drops, 0);
}

static void reserved_space_that_was_never_written_is_found(void **state)
{
	uint64_t before, bytes;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(__real_fallocate64(fd, 0, 0, 16 * MIB), 0);
	close(fd);
	make("a", MIB, 'a');
	before = blocks();
	assert_true(before >= 16 * MIB);
	assert_int_equal(trim(FAM_TRIM_PUNCH, true, &bytes), 0);
	assert_int_equal(bytes, space().free);
	assert_given_back(before, bytes);
	check("a", MIB, 'a');
}

static void many_small_ones_come_back(void **state)
{
	char name[16];
	uint64_t before;

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(
			fam_region_create(fam, name,
					  &(struct fam_region_want){
						  .bytes = 8192,
						  .flags = FAM_REGION_NO_SYNC |
							   FAM_REGION_NO_ZERO},
					  NULL),
			0);
	}
	assert_int_equal(fam_region_sync(fam), 0);
	make("mark", LARGE, 'm');
	before = blocks();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		destroy(name, FAM_REGION_NO_SYNC);
	}
	trim_marked(300 * 8192);
	assert_true(blocks() <= before);
	check("mark", LARGE, 'm');
	destroy("mark", DURABLE);
	trim_marked(LARGE);
	assert_all_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_of_what_is_gone_come_back),
		TEST(what_is_free_again_reads_as_zeros),
		TEST(the_tail_of_what_became_smaller_comes_back),
		TEST(what_was_taken_again_is_left_alone),
		TEST(what_was_taken_in_the_middle_is_left_alone),
		TEST(space_can_stay_reserved),
		TEST(blocks_nobody_has_marked_are_found),
		TEST(reserved_space_that_was_never_written_is_found),
		TEST(many_small_ones_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
