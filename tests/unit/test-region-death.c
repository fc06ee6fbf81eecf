// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who dies half way through a change, and who waits for somebody who makes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regions/opening.h"

#include "region-stage.h"

/* Between taking space and using it, which is when it is filled. */
int __real_fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored);
int __wrap_fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored);

static const char *at_zero = ""; /* what a role does there */

int __wrap_fam_region_zero(struct fam *by, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored)
{
	char c;

	if (strcmp(at_zero, "die") == 0)
		raise(SIGKILL);
	if (strcmp(at_zero, "fail") == 0)
		return -EIO;
	if (strcmp(at_zero, "stop") == 0) {
		/* Until the test has looked at it. */
		if (ready() || read(STDIN_FILENO, &c, 1) != 1)
			_exit(ROLE_END);
	}
	return __real_fam_region_zero(by, offset, bytes, durable, stored);
}

/* When that has been filled. */
int __real_fam_region_retake(struct fam *fam,
			     const struct fam_region_found *taken,
			     struct fam_regions **out);
int __wrap_fam_region_retake(struct fam *fam,
			     const struct fam_region_found *taken,
			     struct fam_regions **out);

static int retaking; /* its result */

int __wrap_fam_region_retake(struct fam *by,
			     const struct fam_region_found *taken,
			     struct fam_regions **out)
{
	return retaking ? retaking : __real_fam_region_retake(by, taken, out);
}

/* --- in processes of their own ----------------------------------------------------- */

static int creates(struct fam *own, const char *arg)
{
	at_zero = arg;
	return -try_make(own, "a", LARGE, NO_SYNC);
}

static int grows(struct fam *own, const char *arg)
{
	struct fam_region *region;
	int r = fam_region_open(own, "a", WRITE, &region);

	at_zero = arg;
	return r ? ROLE_END : -fam_region_resize(region, 2 * LARGE, NO_SYNC);
}

/* As soon as it may. */
static int comes_later(struct fam *own, const char *arg)
{
	struct fam_region *region;

	(void)arg;
	return -fam_region_open(own, "a", READ, &region);
}

static const struct role roles[] = {
	{"creates", creates},
	{"grows", grows},
	{"comes-later", comes_later},
	{NULL, NULL},
};

/* --- tests --------------------------------------------------------------------------- */

/* Its name and its space are free, for those who want them. */
static void what_a_dead_one_was_making_is_not_there(void **state)
{
	(void)state;
	enter(0, "creates", "die");
	assert_int_equal(leave(0), 128 + SIGKILL);
	assert_int_equal(try_find(fam, "a"), -ENOENT);
	/* Waits until the death is known. */
	assert_int_equal(try_open(fam, "a", READ), -ENOENT);
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	remove_it("a");
	assert_int_equal(space_of(fam).taken, 0);
}

static void all_of_its_space_can_be_had(void **state)
{
	(void)state;
	enter(0, "creates", "die");
	assert_int_equal(leave(0), 128 + SIGKILL);
	assert_true(await(try_make(fam, "b", 12 * MIB, NO_SYNC) == 0));
}

static void what_a_dead_one_made_larger_is_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	enter(0, "grows", "die");
	assert_int_equal(leave(0), 128 + SIGKILL);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_true(await(fam_region_destroy(fam, "a", NO_SYNC) == 0));
	assert_true(await(try_make(fam, "b", 12 * MIB, NO_SYNC) == 0));
}

static void what_a_dead_one_was_moving_is_where_it_was(void **state)
{
	uint64_t offset;

	(void)state;
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "behind", LARGE, NO_SYNC), 0);
	offset = find_it(fam, "a").offset;
	enter(0, "grows", "die");
	assert_int_equal(leave(0), 128 + SIGKILL);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(find_it(fam, "a").offset, offset);
	assert_true(await(try_open(fam, "a", EXCLUSIVE) == 0));
	assert_true(await(try_make(fam, "b", 8 * MIB, NO_SYNC) == 0));
}

static void what_cannot_be_filled_is_not_made(void **state)
{
	(void)state;
	assert_int_equal(result_of("creates", "fail"), -EIO);
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	assert_int_equal(result_of("grows", "fail"), -EIO);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(space_of(fam).taken, LARGE);
	assert_int_equal(try_make(fam, "behind", LARGE, NO_SYNC), 0);
	assert_int_equal(result_of("grows", "fail"), -EIO);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(space_of(fam).taken, 2 * LARGE);
}

static void what_cannot_be_moved_is_as_it_was(void **state)
{
	struct fam_region *region;

	(void)state;
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "behind", LARGE, NO_SYNC), 0);
	region = open_it(fam, "a", WRITE);
	retaking = -ENOMEM;
	assert_int_equal(fam_region_resize(region, 2 * LARGE, NO_SYNC),
			 -ENOMEM);
	retaking = 0;
	assert_int_equal(try_open(fam, "a", WRITE), 0);
	assert_int_equal(find_it(fam, "a").exclusive, 0);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(space_of(fam).taken, 2 * LARGE);
	assert_int_equal(fam_region_resize(region, 2 * LARGE, NO_SYNC), 0);
	fam_region_close(region);
}

/* A pipe to what is started, as its standard input. */
static int reins(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	return ends[1];
}

static void who_wants_what_is_being_made_waits(void **state)
{
	int rein = reins();

	(void)state;
	enter(0, "creates", "stop");
	assert_true(is_ready(0));
	/* Without a lock it is not there, and space is taken. */
	assert_int_equal(try_find(fam, "a"), -ENOENT);
	assert_int_equal(space_of(fam).taken, LARGE);
	assert_int_equal(space_of(fam).regions, 0);
	/* Others go on meanwhile. */
	assert_int_equal(try_make(fam, "b", LARGE, 0), 0);
	assert_int_equal(fam_region_rename(fam, "b", "c", 0), 0);
	enter(1, "comes-later", "");
	assert_int_equal(write(rein, "g", 1), 1);
	assert_int_equal(leave(0), 0);
	assert_int_equal(leave(1), 0);
	assert_int_equal(try_make(fam, "a", 1, 0), -EEXIST);
	close(rein);
}

/* Nobody else may change what is being moved, or its content. */
static void others_leave_alone_what_is_being_moved(void **state)
{
	int rein = reins();

	(void)state;
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "behind", LARGE, NO_SYNC), 0);
	enter(0, "grows", "stop");
	assert_true(is_ready(0));
	assert_int_equal(try_open(fam, "a", WRITE), -EBUSY);
	assert_int_equal(fam_region_destroy(fam, "a", 0), -EBUSY);
	assert_int_equal(fam_region_rename(fam, "a", "b", 0), 0);
	assert_int_equal(write(rein, "g", 1), 1);
	assert_int_equal(leave(0), 0);
	assert_int_equal(find_it(fam, "b").bytes, 2 * LARGE);
	assert_int_equal(try_open(fam, "b", WRITE), 0);
	close(rein);
}

static void a_reader_who_comes_while_it_is_moved_keeps_it(void **state)
{
	struct fam_region *region;
	int rein = reins();
	char *p;

	(void)state;
	assert_int_equal(try_make(fam, "a", LARGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "behind", LARGE, NO_SYNC), 0);
	enter(0, "grows", "stop");
	assert_true(is_ready(0));
	region = open_it(fam, "a", READ);
	p = map_it(region, 0, 0);
	assert_int_equal(write(rein, "g", 1), 1);
	assert_int_equal(leave(0), EBUSY);
	assert_int_equal(find_it(fam, "a").bytes, LARGE);
	assert_int_equal(touch(p, false), 0);
	fam_region_close(region);
	assert_int_equal(space_of(fam).taken, 2 * LARGE);
	assert_int_equal(try_open(fam, "a", WRITE), 0);
	close(rein);
}

static int attach_patient(void **state)
{
	int r = set_up(state);

	/* Who dies here is noticed soon, whoever asks. */
	return r ? r : fam_session_set(fam, "test", LEASE_MS);
}

#define on(test) \
	cmocka_unit_test_setup_teardown(test, attach_patient, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		on(what_a_dead_one_was_making_is_not_there),
		on(all_of_its_space_can_be_had),
		on(what_a_dead_one_made_larger_is_as_it_was),
		on(what_a_dead_one_was_moving_is_where_it_was),
		on(what_cannot_be_filled_is_not_made),
		on(what_cannot_be_moved_is_as_it_was),
		on(who_wants_what_is_being_made_waits),
		on(others_leave_alone_what_is_being_moved),
		on(a_reader_who_comes_while_it_is_moved_keeps_it),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
