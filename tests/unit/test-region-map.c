// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What of a region is in the address space, and what a stray pointer meets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "region-stage.h"

static void a_store_to_what_is_open_for_reading_faults(void **state)
{
	struct fam_region *writer = make(fam, "a", PAGE, WRITE | NO_SYNC);
	struct fam_region *reader = open_it(fam, "a", READ);
	char *rw = map_it(writer, 0, 0), *ro = map_it(reader, 0, 0);

	(void)state;
	assert_int_equal(touch(ro, false), 0);
	assert_int_equal(touch(ro, true), SIGSEGV);
	assert_int_equal(touch(rw, true), 0);
	assert_int_equal(ro[0], 'x');
	fam_region_close(reader);
	fam_region_close(writer);
}

static void a_read_only_attachment_faults_too(void **state)
{
	struct fam *other = attach(FAM_OPEN_RDONLY);
	struct fam_region *region;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	region = open_it(other, "a", READ);
	assert_int_equal(touch(map_it(region, 0, 0), true), SIGSEGV);
	fam_region_close(region);
	fam_close(other);
}

static void pages_before_and_behind_fault(void **state)
{
	static const uint64_t bytes[] = {1, PAGE, PAGE + 1, LARGE, LARGE + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct fam_region *region =
			make(fam, "a", bytes[i], WRITE | NO_SYNC);
		char *p = map_it(region, 0, 0);
		uint64_t end = (bytes[i] + PAGE - 1) / PAGE * PAGE;

		assert_int_equal((uintptr_t)p % PAGE, 0);
		assert_int_equal(touch(p, true), 0);
		assert_int_equal(touch(p + end - 1, true), 0);
		assert_int_equal(touch(p - 1, false), SIGSEGV);
		assert_int_equal(touch(p - PAGE, true), SIGSEGV);
		assert_int_equal(touch(p + end, false), SIGSEGV);
		assert_int_equal(touch(p + end + PAGE - 1, true), SIGSEGV);
		fam_region_close(region);
		remove_it("a");
	}
}

static void a_neighbour_is_not_reached(void **state)
{
	struct fam_region *one = make(fam, "one", PAGE, WRITE | NO_SYNC);
	struct fam_region *two = make(fam, "two", PAGE, WRITE | NO_SYNC);
	char *p = map_it(one, 0, 0), *q = map_it(two, 0, 0);

	(void)state;
	memset(q, 'q', PAGE);
	/* The two lie side by side in the fabric. */
	assert_int_equal(find_it(fam, "one").offset,
			 find_it(fam, "two").offset + PAGE);
	assert_int_equal(touch(p - 1, true), SIGSEGV);
	assert_int_equal(touch(q + PAGE, true), SIGSEGV);
	assert_true(is_filled(q, PAGE, 'q'));
	fam_region_close(one);
	fam_region_close(two);
}

static void what_is_closed_or_unmapped_faults(void **state)
{
	struct fam_region *region = make(fam, "a", PAGE, WRITE | NO_SYNC);
	char *one = map_it(region, 0, 0), *two = map_it(region, 100, 200);

	(void)state;
	assert_int_equal(fam_region_unmap(region, two), 0);
	assert_int_equal(touch(two, false), SIGSEGV);
	assert_int_equal(touch(one, true), 0);
	assert_int_equal(fam_region_unmap(region, two), -EINVAL);
	assert_int_equal(fam_region_unmap(region, one + 1), -EINVAL);
	assert_int_equal(fam_region_unmap(region, NULL), 0);
	fam_region_close(region);
	assert_int_equal(touch(one, false), SIGSEGV);
}

static void maps_are_of_their_opening_alone(void **state)
{
	struct fam_region *one = make(fam, "a", PAGE, WRITE | NO_SYNC);
	struct fam_region *two = open_it(fam, "a", WRITE);
	char *p = map_it(one, 0, 0), *q = map_it(two, 0, 0);

	(void)state;
	assert_int_equal(fam_region_unmap(two, p), -EINVAL);
	assert_int_equal(fam_unmap(fam, p), -EINVAL);
	fam_region_close(two);
	assert_int_equal(touch(q, false), SIGSEGV);
	assert_int_equal(touch(p, true), 0);
	fam_region_close(one);
}

static void pieces_are_inside_the_region(void **state)
{
	struct fam_region *region = make(fam, "a", 3 * PAGE, WRITE | NO_SYNC);
	void *const untouched = region;
	void *p = untouched;
	char *all = map_it(region, 0, 0), *piece;

	(void)state;
	for (unsigned int i = 0; i < 3 * PAGE; i++)
		all[i] = (char)(i / 7);
	piece = map_it(region, PAGE + 5, 100);
	assert_memory_equal(piece, all + PAGE + 5, 100);
	/* Of the pages around it no more than it needs. */
	assert_int_equal(touch(piece - 5, false), 0);
	assert_int_equal(touch(piece - 6, false), SIGSEGV);
	assert_int_equal(touch(piece + PAGE - 5, false), SIGSEGV);
	piece = map_it(region, 3 * PAGE - 1, 0);
	assert_int_equal(*piece, all[3 * PAGE - 1]);
	assert_int_equal(fam_region_map(region, 3 * PAGE, 0, &p), -ERANGE);
	assert_int_equal(fam_region_map(region, 0, 3 * PAGE + 1, &p), -ERANGE);
	assert_int_equal(fam_region_map(region, 1, UINT64_MAX, &p), -ERANGE);
	assert_int_equal(fam_region_map(region, UINT64_MAX, 1, &p), -ERANGE);
	assert_ptr_equal(p, untouched);
	fam_region_close(region);
}

static void an_empty_one_has_nothing_to_map(void **state)
{
	struct fam_region *region = make(fam, "a", 0, WRITE | NO_SYNC);
	void *p;

	(void)state;
	assert_int_equal(fam_region_map(region, 0, 0, &p), -ERANGE);
	fam_region_close(region);
}

/* So that a page of 2 MiB can map 2 MiB that begin at a multiple of that. */
static void large_maps_lie_as_in_the_fabric(void **state)
{
	struct fam_region *region = make(fam, "a", 5 * MIB, WRITE | NO_SYNC);
	uint64_t offset = find_it(fam, "a").offset;

	(void)state;
	for (int i = 0; i < 3; i++) {
		uintptr_t all = (uintptr_t)map_it(region, 0, 0);
		uintptr_t piece = (uintptr_t)map_it(region, MIB, 3 * MIB);

		assert_int_equal(all % LARGE, offset % LARGE);
		assert_int_equal(piece % LARGE, (offset + MIB) % LARGE);
	}
	fam_region_close(region);
}

static int addresses(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int lines = 0, c;

	assert_non_null(maps);
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static void maps_leave_nothing_behind(void **state)
{
	struct fam_region *region = make(fam, "a", 3 * MIB, WRITE | NO_SYNC);
	int before = addresses();

	(void)state;
	for (int i = 0; i < 100; i++) {
		char *p = map_it(region, MIB / 2, 0);

		assert_int_equal(fam_region_unmap(region, p), 0);
	}
	/* Some may be of the C library, or of a sanitizer. */
	assert_true(addresses() < before + 50);
	fam_region_close(region);
}

static void what_is_stored_can_be_made_durable(void **state)
{
	struct fam_region *region = make(fam, "a", 2 * PAGE, WRITE | NO_SYNC);
	char *p = map_it(region, 10, 0);

	(void)state;
	p[0] = 'p';
	assert_int_equal(fam_persist(fam, p, 100), 0);
	assert_int_equal(fam_memset_persist(fam, p, 'm', 2 * PAGE - 10), 0);
	/* The map ends where the region does. */
	assert_int_equal(fam_persist(fam, p, 2 * PAGE), -EFAULT);
	fam_region_close(region);
}

static void many_maps_come_and_go(void **state)
{
	struct fam_region *region = make(fam, "a", 64 * PAGE, WRITE | NO_SYNC);
	char *p[64];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 64; i++) {
			p[i] = map_it(region, i * PAGE, PAGE);
			p[i][1] = (char)('a' + round);
		}
		assert_true(is_filled(map_it(region, 0, 1), 1, 0));
		for (int i = 0; i < 64; i++)
			assert_int_equal(fam_region_unmap(region, p[i]), 0);
	}
	fam_region_close(region);
}

#define on(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on(a_store_to_what_is_open_for_reading_faults),
		on(a_read_only_attachment_faults_too),
		on(pages_before_and_behind_fault),
		on(a_neighbour_is_not_reached),
		on(what_is_closed_or_unmapped_faults),
		on(maps_are_of_their_opening_alone),
		on(pieces_are_inside_the_region),
		on(an_empty_one_has_nothing_to_map),
		on(large_maps_lie_as_in_the_fabric),
		on(maps_leave_nothing_behind),
		on(what_is_stored_can_be_made_durable),
		on(many_maps_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
