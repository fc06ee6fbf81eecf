// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who makes, changes or destroys a region is killed at each step, while another
 * one goes on: each change has happened or has not, and no space is lost.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fam/check.h>
#include <fam/region.h>

#include "fam-persist.h"

#include "fault.h"

#define KIB	     UINT64_C(1024)
#define TAKE_OVER_MS 1000 /* once the death is known */

/* --- a disk that takes all at once --------------------------------------------------- */

static int take(struct fam *fam, struct fam_ask *ask)
{
	(void)fam;
	ask->ticket = 1;
	return 0;
}

static int taken(struct fam *fam, const struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	return 0;
}

static int is_well(struct fam *fam)
{
	(void)fam;
	return 0;
}

static const struct fam_persist_ops disk = {
	.way = FAM_PERSIST_HOST,
	.post = take,
	.wait = taken,
	.failed = is_well,
};

/* --- what there is before --------------------------------------------------------------- */

static void create(struct fam *fam, const char *name, uint64_t bytes)
{
	const struct fam_region_want want = {
		.bytes = bytes, .flags = FAM_REGION_NO_SYNC | FAM_REGION_WRITE};
	struct fam_region *region;
	void *memory;

	assert_int_equal(fam_region_create(fam, name, &want, &region), 0);
	assert_int_equal(fam_region_map(region, 0, 0, &memory), 0);
	memset(memory, name[0], bytes);
	fam_region_close(region);
}

/* Small ones lie below each other: "d" leaves room behind "a", not behind "c". */
static void set_up(struct fault *f)
{
	f->fam->persist = &disk;
	create(f->fam, "d", 16 * KIB);
	create(f->fam, "a", 8 * KIB);
	create(f->fam, "b", 8 * KIB);
	create(f->fam, "c", 8 * KIB);
	assert_int_equal(fam_region_destroy(f->fam, "d", FAM_REGION_NO_SYNC),
			 0);
	assert_int_equal(fam_region_sync(f->fam), 0);
}

/* --- what is killed --------------------------------------------------------------------- */

static int resize_to(struct fam *fam, const char *name, uint64_t bytes,
		     uint32_t flags)
{
	struct fam_region *region;
	int r = fam_region_open(fam, name, FAM_REGION_WRITE, &region);

	if (r < 0)
		return r;
	r = fam_region_resize(region, bytes, flags);
	fam_region_close(region);
	return r;
}

static uint32_t flags_of(const struct fault *f);

static int call_create(struct fault *f)
{
	const struct fam_region_want want = {.bytes = 12 * KIB,
					     .flags = flags_of(f)};

	return fam_region_create(f->fam, "new", &want, NULL);
}

static int call_open(struct fault *f)
{
	struct fam_region *region;
	int r = fam_region_open(f->fam, "a", FAM_REGION_EXCLUSIVE, &region);

	if (r == 0)
		fam_region_close(region);
	return r;
}

static int call_destroy(struct fault *f)
{
	return fam_region_destroy(f->fam, "a", flags_of(f));
}

static int call_rename(struct fault *f)
{
	return fam_region_rename(f->fam, "a", "new", flags_of(f));
}

static int call_replace(struct fault *f)
{
	return fam_region_rename(f->fam, "a", "b",
				 FAM_REGION_REPLACE | flags_of(f));
}

static int call_set(struct fault *f)
{
	const struct fam_region_rights rights = {0640, UINT32_MAX, UINT32_MAX};

	return fam_region_set(f->fam, "a", &rights, flags_of(f));
}

static int call_grow(struct fault *f)
{
	return resize_to(f->fam, "a", 20 * KIB, flags_of(f));
}

static int call_move(struct fault *f)
{
	return resize_to(f->fam, "c", 20 * KIB, flags_of(f));
}

static int call_shrink(struct fault *f)
{
	return resize_to(f->fam, "a", 4 * KIB, flags_of(f));
}

/* Which regions there are before and after. */
struct change {
	struct fault_case fault; /* first: what fault->what points to */
	int (*call)(struct fault *f);
	uint32_t flags;
	struct was {
		const char *name;
		uint64_t bytes;
		uint32_t mode;
		char fill;
	} before[4], after[4];
};

static const struct change *change_of(const struct fault *f)
{
	return (const struct change *)(const void *)f->what;
}

static uint32_t flags_of(const struct fault *f)
{
	return change_of(f)->flags;
}

static int child(struct fault *f)
{
	int r;

	f->fam->persist = &disk;
	/* What was there before is read once, and not a step of this. */
	r = fam_region_sync(f->fam);
	if (r < 0)
		return 1;
	fault_arm(f);
	r = change_of(f)->call(f);
	fault_disarm(f);
	return r != 0;
}

/* --- who goes on ----------------------------------------------------------------------------- */

static void goes_on(struct fault *f)
{
	const struct fam_region_want want = {.bytes = 4 * KIB,
					     .flags = FAM_REGION_NO_SYNC};

	do {
		int64_t began = fam_now_ms();

		assert_int_equal(fam_region_create(f->fam, "m", &want, NULL),
				 0);
		assert_int_equal(fam_region_destroy(f->fam, "m", 0), 0);
		assert_true(fam_now_ms() - began < 2 * TAKE_OVER_MS);
	} while (!fault_ended(f));
}

/* --- who comes behind it ------------------------------------------------------------------------ */

struct found {
	struct fam_region_info info[8];
	unsigned int count;
	uint64_t taken;
};

static int collect(const struct fam_region_info *info, void *arg)
{
	struct found *found = arg;

	assert_true(found->count < 8);
	found->info[found->count++] = *info;
	found->taken += info->space;
	return 0;
}

static bool is_filled(struct fault *f, const char *name, char fill)
{
	struct fam_region_info info;
	struct fam_region *region;
	const char *memory;
	bool all = true;
	void *map;

	assert_int_equal(
		fam_region_open(f->fam, name, FAM_REGION_READ, &region), 0);
	assert_int_equal(fam_region_stat(region, &info, sizeof(info)), 0);
	assert_int_equal(fam_region_map(region, 0, 0, &map), 0);
	memory = map;
	/* What was added is zeros. */
	for (uint64_t i = 0; i < info.bytes; i++)
		all = all && memory[i] == (i < 8 * KIB ? fill : 0);
	fam_region_close(region);
	return all;
}

static bool is_there(struct fault *f, const struct found *found,
		     const struct was *was)
{
	for (unsigned int i = 0; i < found->count; i++) {
		const struct fam_region_info *info = &found->info[i];

		if (strcmp(info->name, was->name) == 0)
			return info->bytes == was->bytes &&
			       info->mode == was->mode &&
			       is_filled(f, was->name, was->fill);
	}
	return false;
}

static bool is_as(struct fault *f, const struct found *found,
		  const struct was *was)
{
	unsigned int count = 0;

	while (count < 4 && was[count].name) {
		if (!is_there(f, found, &was[count]))
			return false;
		count++;
	}
	return count == found->count;
}

static int problem(const struct fam_check_problem *p, void *arg)
{
	(void)arg;
	if (p->level != FAM_CHECK_NOTE)
		print_error("%s: %s\n", p->part, p->text);
	return p->level != FAM_CHECK_NOTE;
}

static void space_is_exact(struct fault *f, const struct found *found)
{
	struct fam_check_summary sum;
	struct fam_region_space space;

	assert_int_equal(fam_region_space(f->fam, &space, sizeof(space)), 0);
	/* What it was making is had back by who needs it. */
	if (f->killed && space.taken > found->taken)
		assert_true(space.taken - found->taken <= 20 * KIB);
	else
		assert_int_equal(space.taken, found->taken);
	assert_int_equal(space.free, space.bytes - space.taken);
	assert_int_equal(space.regions, found->count);
	assert_int_equal(fam_check(f->fam, 0, problem, NULL, &sum), 0);
}

/* All of it can be destroyed, and then be had by one. */
static void all_can_go(struct fault *f, const struct found *found)
{
	struct fam_region_want want = {.flags = FAM_REGION_NO_SYNC |
						FAM_REGION_NO_ZERO};
	struct fam_region_space space;

	for (unsigned int i = 0; i < found->count; i++)
		assert_int_equal(fam_region_destroy(f->fam, found->info[i].name,
						    FAM_REGION_NO_SYNC),
				 0);
	assert_int_equal(fam_region_space(f->fam, &space, sizeof(space)), 0);
	want.bytes = space.bytes;
	assert_int_equal(fam_region_create(f->fam, "all", &want, NULL), 0);
	assert_int_equal(fam_region_space(f->fam, &space, sizeof(space)), 0);
	assert_int_equal(space.free, 0);
}

static void is_one_or_the_other(struct fault *f)
{
	struct found found = {0};
	int64_t began;

	if (f->killed)
		fault_await_death(f);
	began = fam_now_ms();
	/* It is none of the dead one's that is seen behind this. */
	assert_int_equal(fam_region_sync(f->fam), 0);
	assert_true(fam_now_ms() - began < TAKE_OVER_MS);
	assert_int_equal(fam_region_each(f->fam, NULL, collect, &found), 0);
	if (!is_as(f, &found, change_of(f)->after) &&
	    !(f->killed && is_as(f, &found, change_of(f)->before)))
		fail_msg("%s, step %u: neither before nor after", f->what->name,
			 f->step);
	space_is_exact(f, &found);
	all_can_go(f, &found);
}

/* --- all of them -------------------------------------------------------------------------------------- */

#define LOOSE FAM_REGION_NO_SYNC
#define BEFORE          \
	{               \
		A, B, C \
	}
#define A                               \
	{                               \
		"a", 8 * KIB, 0600, 'a' \
	}
#define B                               \
	{                               \
		"b", 8 * KIB, 0600, 'b' \
	}
#define C                               \
	{                               \
		"c", 8 * KIB, 0600, 'c' \
	}

/* At each step: make check-regions. Most are stores to one entry, in their order. */
static bool at_length;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define EVERY 17
#else
#define EVERY 5
#endif

static void kill_at_each_step(const char *name, int (*call)(struct fault *f),
			      uint32_t flags, const struct was after[4])
{
	struct change change = {
		.fault = {name, child, set_up, NULL, is_one_or_the_other},
		.call = call,
		.flags = flags,
		.before = BEFORE,
	};

	memcpy(change.after, after, sizeof(change.after));
	fault_some(&change.fault, at_length ? 1 : EVERY);
	/* The same, and somebody is always there who wants the directory. */
	change.fault.meanwhile = goes_on;
	fault_some(&change.fault, at_length ? 2 : 3 * EVERY + 2);
}

#define TEST(test_, call_, flags_, ...)                           \
	static void test_(void **state)                           \
	{                                                         \
		static const struct was after[4] = {__VA_ARGS__}; \
                                                                  \
		(void)state;                                      \
		kill_at_each_step(#test_, call_, flags_, after);  \
	}

#define NEW                              \
	{                                \
		"new", 12 * KIB, 0600, 0 \
	}

TEST(create_it, call_create, 0, A, B, C, NEW)
TEST(create_it_loose, call_create, LOOSE, A, B, C, NEW)
TEST(open_it, call_open, 0, A, B, C)
TEST(destroy_it, call_destroy, 0, B, C)
TEST(destroy_it_loose, call_destroy, LOOSE, B, C)
TEST(rename_it, call_rename, 0, {"new", 8 * KIB, 0600, 'a'}, B, C)
TEST(replace_it, call_replace, 0, {"b", 8 * KIB, 0600, 'a'}, C)
TEST(replace_it_loose, call_replace, LOOSE, {"b", 8 * KIB, 0600, 'a'}, C)
TEST(set_it, call_set, 0, {"a", 8 * KIB, 0640, 'a'}, B, C)
TEST(grow_it, call_grow, 0, {"a", 20 * KIB, 0600, 'a'}, B, C)
TEST(grow_it_loose, call_grow, LOOSE, {"a", 20 * KIB, 0600, 'a'}, B, C)
TEST(move_it, call_move, 0, A, B, {"c", 20 * KIB, 0600, 'c'})
TEST(shrink_it, call_shrink, 0, {"a", 4 * KIB, 0600, 'a'}, B, C)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_it),
		cmocka_unit_test(create_it_loose),
		cmocka_unit_test(open_it),
		cmocka_unit_test(destroy_it),
		cmocka_unit_test(destroy_it_loose),
		cmocka_unit_test(rename_it),
		cmocka_unit_test(replace_it),
		cmocka_unit_test(replace_it_loose),
		cmocka_unit_test(set_it),
		cmocka_unit_test(grow_it),
		cmocka_unit_test(grow_it_loose),
		cmocka_unit_test(move_it),
		cmocka_unit_test(shrink_it),
	};

	at_length = getenv("REGIONS_RUNS") != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
