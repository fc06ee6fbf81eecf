// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Where a range lies: asked by each fam_persist(), without a lock. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/fam.h>

#include "fabric-file.h"
#include "internal.h"

#define DATA (12 * MIB) /* of a fabric of 16 MiB */

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct workdir *work = calloc(1, sizeof(*work));

	*state = work;
	return work ? workdir_make(work, base ? base : "/tmp") : -1;
}

static int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

#define NOWHERE UINT64_C(0x123)

/* The place fam_map_find() tells, NOWHERE for -EFAULT. */
static uint64_t place_of(struct fam *fam, const char *addr, size_t len)
{
	uint64_t offset = NOWHERE;
	int r = fam_map_find(fam, addr, len, &offset);

	if (r == 0)
		return offset;
	assert_int_equal(r, -EFAULT);
	assert_int_equal(offset, NOWHERE);
	return NOWHERE;
}

static void ranges_are_found_in_the_window_that_holds_them(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	char *low, *high, *last, local[16];
	struct fam *fam;

	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(place_of(fam, NULL, 0), NOWHERE);
	assert_int_equal(fam_map(fam, 100, 5000, (void **)&low), 0);
	assert_int_equal(fam_map(fam, 8 * MIB, 8192, (void **)&high), 0);
	assert_int_equal(fam_map(fam, DATA - 1, 1, (void **)&last), 0);
	assert_int_equal(place_of(fam, low, 5000), 2 * MIB + 100);
	assert_int_equal(place_of(fam, low + 7, 0), 2 * MIB + 107);
	assert_int_equal(place_of(fam, low + 4999, 1), 2 * MIB + 5099);
	assert_int_equal(place_of(fam, high + 8191, 1), 10 * MIB + 8191);
	assert_int_equal(place_of(fam, last, 1), 14 * MIB - 1);
	assert_int_equal(place_of(fam, low - 1, 1), NOWHERE);
	assert_int_equal(place_of(fam, low - 1, 2), NOWHERE);
	assert_int_equal(place_of(fam, low, 5001), NOWHERE);
	assert_int_equal(place_of(fam, low + 5000, 1), NOWHERE);
	assert_int_equal(place_of(fam, low + 1, SIZE_MAX), NOWHERE);
	assert_int_equal(place_of(fam, local, 1), NOWHERE);
	assert_int_equal(fam_unmap(fam, low), 0);
	assert_int_equal(place_of(fam, low, 1), NOWHERE);
	assert_int_equal(place_of(fam, NULL, 0), NOWHERE);
	assert_int_equal(place_of(fam, high, 1), 10 * MIB);
	fam_close(fam);
}

static void a_raw_fabric_is_counted_from_its_start(void **state)
{
	struct fam *fam;
	char *window;

	close(file_make(workdir_path(*state, "raw.fam"), MIB));
	assert_int_equal(fam_open(&fam, "raw", FAM_OPEN_RAW), 0);
	assert_int_equal(fam_map(fam, 5, 10, (void **)&window), 0);
	assert_int_equal(place_of(fam, window + 1, 9), 6);
	fam_close(fam);
}

static unsigned int windows_linked(struct fam *fam)
{
	const struct fam_window *window;
	unsigned int count = 0;

	for (window = fam->windows; window; window = window->next)
		count++;
	return count;
}

static void windows_given_back_are_used_again(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct fam *fam;
	char *window[3];

	assert_int_equal(fam_open(&fam, path, 0), 0);
	for (uint64_t round = 0; round < 100; round++) {
		for (uint64_t i = 0; i < 3; i++)
			assert_int_equal(fam_map(fam, round * 4096 + i, 10,
						 (void **)&window[i]),
					 0);
		for (uint64_t i = 0; i < 3; i++) {
			assert_int_equal(place_of(fam, window[i], 10),
					 2 * MIB + round * 4096 + i);
			assert_int_equal(fam_unmap(fam, window[i]), 0);
			assert_int_equal(place_of(fam, window[i], 10), NOWHERE);
		}
	}
	assert_int_equal(windows_linked(fam), 3);
	fam_close(fam);
}

/*
 * Window k begins at a place that is k modulo the page size, and so does its
 * address; it is SHORT or LONG bytes. An answer made of two windows shows by
 * one of the three.
 */
#define KINDS	    64
#define SHORT	    8
#define LONG	    6000
#define KIND_STRIDE UINT64_C(16384)
#define MAP_ROUNDS  60000

struct race {
	struct fam *fam;
	const char *fixed;	      /* a window that stays */
	_Atomic(const char *) lately; /* one that was there a moment ago */
	_Atomic bool over;
};

static uint64_t length_of(uint64_t kind)
{
	return kind % 2 ? SHORT : LONG;
}

static bool answer_is_possible(const char *addr, uint64_t offset)
{
	uint64_t data = offset - 2 * MIB;
	uint64_t kind = data / KIND_STRIDE;

	return offset % 4096 == (uintptr_t)addr % 4096 && kind < KINDS &&
	       data % KIND_STRIDE >= kind &&
	       data % KIND_STRIDE - kind < length_of(kind);
}

/* Asks for windows that come and go; NULL, or what was wrong. */
static void *ask_for_windows(void *arg)
{
	struct race *race = arg;
	uint64_t offset, far = 0;

	while (!atomic_load(&race->over)) {
		const char *addr = atomic_load(&race->lately) + far;

		if (fam_map_find(race->fam, addr, 1, &offset) == 0 &&
		    !answer_is_possible(addr, offset))
			return "a place made of two windows";
		far = (far + 1) % (2 * SHORT);
		if (fam_map_find(race->fam, race->fixed + 1, 1, &offset) < 0 ||
		    offset != 2 * MIB + KINDS * KIND_STRIDE + 1)
			return "a window that stays was not found";
	}
	return NULL;
}

/* Each thread finds its own windows, whatever the others do. */
static void *make_windows(void *arg)
{
	struct race *race = arg;
	uint64_t offset;
	void *window;

	for (uint64_t round = 0; round < MAP_ROUNDS; round++) {
		uint64_t kind = round * 7 % KINDS, length = length_of(kind);
		uint64_t place = kind * KIND_STRIDE + kind;

		if (fam_map(race->fam, place, length, &window) < 0)
			return "fam_map() failed";
		atomic_store(&race->lately, window);
		if (fam_map_find(race->fam, window, length, &offset) < 0 ||
		    offset != 2 * MIB + place)
			return "an own window was not found";
		if (fam_unmap(race->fam, window) < 0)
			return "fam_unmap() failed";
	}
	return NULL;
}

static void join(pthread_t thread)
{
	void *wrong;

	assert_int_equal(pthread_join(thread, &wrong), 0);
	if (wrong)
		fail_msg("%s", (const char *)wrong);
}

static void a_window_that_changes_is_never_half_believed(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct race race = {.over = false};
	pthread_t asking[2], making[2];
	void *fixed;

	assert_int_equal(fam_open(&race.fam, path, 0), 0);
	assert_int_equal(fam_map(race.fam, KINDS * KIND_STRIDE, 4096, &fixed),
			 0);
	race.fixed = fixed;
	race.lately = path;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			pthread_create(&making[i], NULL, make_windows, &race),
			0);
		assert_int_equal(pthread_create(&asking[i], NULL,
						ask_for_windows, &race),
				 0);
	}
	for (int i = 0; i < 2; i++)
		join(making[i]);
	race.over = true;
	for (int i = 0; i < 2; i++)
		join(asking[i]);
	assert_true(windows_linked(race.fam) <= 3);
	fam_close(race.fam);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_found_in_the_window_that_holds_them),
		TEST(a_raw_fabric_is_counted_from_its_start),
		TEST(windows_given_back_are_used_again),
		TEST(a_window_that_changes_is_never_half_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
