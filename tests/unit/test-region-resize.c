// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Regions that become larger and smaller, and those that move for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "region-stage.h"

#define DATA_BYTES (12 * MIB)

static void fill(struct fam_region *region, char with)
{
	struct fam_region_info info;
	char *p = map_it(region, 0, 0);

	assert_int_equal(fam_region_stat(region, &info, sizeof(info)), 0);
	memset(p, with, info.bytes);
	assert_int_equal(fam_region_unmap(region, p), 0);
}

/* @old bytes are as they were, and what is behind is zero, up to the end. */
static void check(struct fam_region *region, uint64_t old, char with)
{
	struct fam_region_info info;
	char *p = map_it(region, 0, 0);

	assert_int_equal(fam_region_stat(region, &info, sizeof(info)), 0);
	assert_true(is_filled(p, old, with));
	assert_true(is_filled(p + old, info.bytes - old, 0));
	assert_int_equal(fam_region_unmap(region, p), 0);
}

static void dirty_all(void)
{
	struct fam_region *all = make(fam, "all", DATA_BYTES, WRITE | NO_SYNC);

	fill(all, 'd');
	fam_region_close(all);
	remove_it("all");
	assert_int_equal(fam_region_sync(fam), 0);
}

static void it_grows_in_its_last_page(void **state)
{
	struct fam_region *region;

	(void)state;
	dirty_all();
	region = make(fam, "a", 10, WRITE);
	/* Behind the end, but in the page: it can be stored to. */
	memset(map_it(region, 0, 0) + 10, 'e', 20);
	assert_int_equal(fam_region_resize(region, 4000, 0), 0);
	check(region, 0, 'x');
	assert_int_equal(find_it(fam, "a").bytes, 4000);
	assert_int_equal(find_it(fam, "a").space, PAGE);
	assert_int_equal(space_of(fam).asked, 4000);
	fam_region_close(region);
}

static void it_grows_where_it_is_also_while_it_is_mapped(void **state)
{
	struct fam_region *region;
	struct fam_region_info before, after;
	char *p, *q;

	(void)state;
	dirty_all();
	region = make(fam, "a", LARGE + 5, WRITE);
	before = find_it(fam, "a");
	p = map_it(region, 0, 0);
	memset(p, 'x', LARGE + PAGE); /* all of its pages */
	assert_int_equal(fam_region_resize(region, 5 * MIB, 0), 0);
	after = find_it(fam, "a");
	assert_int_equal(after.offset, before.offset);
	assert_int_equal(after.serial, before.serial);
	assert_int_equal(after.bytes, 5 * MIB);
	assert_true(after.generation > before.generation);
	assert_true(after.changed_ns > before.changed_ns);
	assert_int_equal(after.created_ns, before.created_ns);
	q = map_it(region, 0, 0);
	q[1] = 'y';
	assert_int_equal(p[1], 'y');
	q[1] = 'x';
	check(region, LARGE + 5, 'x');
	assert_int_equal(space_of(fam).taken, 5 * MIB);
	assert_int_equal(space_of(fam).regions, 1);
	fam_region_close(region);
}

static void it_grows_while_others_have_it_open(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *one = make(fam, "a", LARGE, WRITE | NO_SYNC);
	struct fam_region *two = open_it(other, "a", READ);
	void *p;

	(void)state;
	assert_int_equal(fam_region_map(two, LARGE, 1, &p), -ERANGE);
	assert_int_equal(fam_region_resize(one, 2 * LARGE, NO_SYNC), 0);
	assert_int_equal(fam_region_map(two, LARGE, 1, &p), 0);
	fam_region_close(one);
	fam_region_close(two);
	fam_close(other);
}

/* Something right behind it, so that it cannot grow there. */
static struct fam_region *hemmed_in(uint64_t bytes)
{
	struct fam_region *region = make(fam, "a", bytes, WRITE | NO_SYNC);

	assert_int_equal(try_make(fam, "behind", bytes, NO_SYNC), 0);
	return region;
}

static void it_moves_if_there_is_something_behind(void **state)
{
	struct fam_region_info before, after;
	struct fam_region *region;

	(void)state;
	dirty_all();
	region = hemmed_in(LARGE - 100);
	fill(region, 'x');
	before = find_it(fam, "a");
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), 0);
	after = find_it(fam, "a");
	assert_true(after.offset != before.offset);
	assert_int_equal(after.serial, before.serial);
	assert_int_equal(after.writers, 1);
	assert_int_equal(after.exclusive, 0);
	check(region, LARGE - 100, 'x');
	assert_int_equal(space_of(fam).taken, 3 * LARGE);
	/* Its old place can be given back, and had again. */
	assert_int_equal(space_of(fam).trim, LARGE);
	assert_int_equal(try_make(fam, "b", LARGE, 0), 0);
	assert_int_equal(find_it(fam, "b").offset, before.offset);
	fam_region_close(region);
	/* Others may open it for writing again. */
	assert_int_equal(try_open(fam, "a", WRITE), 0);
}

static void small_ones_that_become_large_are_aligned(void **state)
{
	struct fam_region *region = make(fam, "a", PAGE, WRITE | NO_SYNC);

	(void)state;
	fill(region, 's');
	assert_int_equal(fam_region_resize(region, LARGE, NO_SYNC), 0);
	assert_int_equal(find_it(fam, "a").offset % LARGE, 0);
	check(region, PAGE, 's');
	fam_region_close(region);
}

static void it_does_not_move_while_it_is_mapped(void **state)
{
	struct fam_region *region = hemmed_in(LARGE), *second;
	char *p = map_it(region, LARGE - 1, 1);

	(void)state;
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), -EBUSY);
	assert_int_equal(fam_region_unmap(region, p), 0);
	/* By any opening of this attachment. */
	second = open_it(fam, "a", READ);
	p = map_it(second, 0, 1);
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), -EBUSY);
	assert_int_equal(fam_region_unmap(second, p), 0);
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), 0);
	assert_int_equal(touch(map_it(second, 2 * LARGE - 1, 0), false), 0);
	fam_region_close(second);
	fam_region_close(region);
}

static void it_does_not_move_while_others_have_it_open(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *region = hemmed_in(LARGE);
	struct fam_region *theirs = open_it(other, "a", READ);
	uint64_t taken = space_of(fam).taken;

	(void)state;
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), -EBUSY);
	assert_int_equal(space_of(fam).taken, taken);
	fam_region_close(theirs);
	assert_int_equal(fam_region_resize(region, 2 * LARGE, 0), 0);
	fam_region_close(region);
	fam_close(other);
}

static void it_stays_as_it_is_if_there_is_no_space(void **state)
{
	struct fam_region *region = hemmed_in(LARGE);
	uint64_t taken = space_of(fam).taken;

	(void)state;
	fill(region, 'x');
	assert_int_equal(fam_region_resize(region, DATA_BYTES, 0), -ENOSPC);
	assert_int_equal(fam_region_resize(region, UINT64_MAX, 0), -ENOSPC);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(space_of(fam).taken, taken);
	check(region, LARGE, 'x');
	fam_region_close(region);
}

static void it_shrinks_and_its_tail_is_free(void **state)
{
	struct fam_region *region = make(fam, "a", 5 * MIB, WRITE);

	(void)state;
	fill(region, 'x');
	assert_int_equal(fam_region_resize(region, LARGE + 1, 0), 0);
	assert_int_equal(find_it(fam, "a").bytes, LARGE + 1);
	assert_int_equal(find_it(fam, "a").space, LARGE + PAGE);
	check(region, LARGE + 1, 'x');
	assert_int_equal(space_of(fam).taken, LARGE + PAGE);
	assert_int_equal(space_of(fam).trim, 3 * MIB - PAGE);
	assert_int_equal(try_make(fam, "b", 4 * LARGE, 0), 0);
	assert_int_equal(try_make(fam, "c", LARGE - PAGE, 0), 0);
	/* What comes back is zero. */
	assert_int_equal(fam_region_destroy(fam, "b", 0), 0);
	assert_int_equal(fam_region_destroy(fam, "c", 0), 0);
	assert_int_equal(fam_region_resize(region, 5 * MIB, 0), 0);
	check(region, LARGE + 1, 'x');
	assert_int_equal(fam_region_resize(region, 0, 0), 0);
	assert_int_equal(find_it(fam, "a").space, PAGE);
	assert_int_equal(fam_region_resize(region, 100, 0), 0);
	check(region, 0, 'x');
	fam_region_close(region);
}

static void it_does_not_shrink_under_a_map(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *region = make(fam, "a", 10 * PAGE, WRITE), *theirs;
	char *p = map_it(region, 4 * PAGE, PAGE);

	(void)state;
	assert_int_equal(fam_region_resize(region, 5 * PAGE - 1, 0), -EBUSY);
	assert_int_equal(fam_region_resize(region, 5 * PAGE, 0), 0);
	assert_int_equal(touch(p + PAGE - 1, true), 0);
	assert_int_equal(fam_region_unmap(region, p), 0);
	theirs = open_it(other, "a", READ);
	assert_int_equal(fam_region_resize(region, PAGE, 0), -EBUSY);
	assert_int_equal(find_it(fam, "a").bytes, 5 * PAGE);
	fam_region_close(theirs);
	assert_int_equal(fam_region_resize(region, PAGE, 0), 0);
	fam_region_close(region);
	fam_close(other);
}

/* Though what it gave up is not free on the disk yet. */
static void it_takes_back_what_it_gave_up(void **state)
{
	struct fam_region *region = make(fam, "a", 3 * LARGE, WRITE);
	char *p = map_it(region, 0, PAGE);

	(void)state;
	assert_int_equal(fam_region_resize(region, LARGE, NO_SYNC), 0);
	assert_int_equal(fam_region_resize(region, 3 * LARGE, NO_SYNC), 0);
	assert_int_equal(touch(p, true), 0);
	fam_region_close(region);
}

static void only_writers_resize(void **state)
{
	struct fam_region *region;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	region = open_it(fam, "a", READ);
	assert_int_equal(fam_region_resize(region, 1, 0), -EACCES);
	fam_region_close(region);
	region = open_it(fam, "a", EXCLUSIVE);
	assert_int_equal(fam_region_resize(region, 1, READ), -EINVAL);
	assert_int_equal(fam_region_resize(region, 3 * PAGE, 0), 0);
	assert_int_equal(find_it(fam, "a").exclusive, 1);
	assert_int_equal(fam_region_resize(region, 3 * PAGE, 0), 0);
	fam_region_close(region);
}

static void what_is_not_zeroed_is_not(void **state)
{
	struct fam_region *region;
	char *p;

	(void)state;
	dirty_all();
	region = make(fam, "a", LARGE + 10, WRITE | FAM_REGION_NO_ZERO);
	assert_int_equal(fam_region_resize(region, 5 * MIB, FAM_REGION_NO_ZERO),
			 0);
	p = map_it(region, 0, 0);
	assert_true(is_filled(p, 5 * MIB, 'd'));
	fam_region_close(region);
}

/* A file that is sparse does not get blocks for what is zero anyway. */
static void zeros_take_no_blocks(void **state)
{
	struct fam_region *region;
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	region = make(fam, "a", 5 * MIB, WRITE);
	assert_int_equal(fam_region_resize(region, 10 * MIB, 0), 0);
	assert_int_equal(try_make(fam, "b", PAGE, 0), 0);
	assert_int_equal(fam_region_resize(region, PAGE, 0), 0);
	assert_int_equal(fam_region_resize(region, 4 * PAGE, 0), 0);
	fam_region_close(region);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_blocks - before.st_blocks < (long)(MIB / 512));
}

#define on(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on(it_grows_in_its_last_page),
		on(it_grows_where_it_is_also_while_it_is_mapped),
		on(it_grows_while_others_have_it_open),
		on(it_moves_if_there_is_something_behind),
		on(small_ones_that_become_large_are_aligned),
		on(it_does_not_move_while_it_is_mapped),
		on(it_does_not_move_while_others_have_it_open),
		on(it_stays_as_it_is_if_there_is_no_space),
		on(it_shrinks_and_its_tail_is_free),
		on(it_does_not_shrink_under_a_map),
		on(it_takes_back_what_it_gave_up),
		on(only_writers_resize),
		on(what_is_not_zeroed_is_not),
		on(zeros_take_no_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
