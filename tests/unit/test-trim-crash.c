// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fam-session.h"
#include "regions/opening.h"
#include "unit/trim-stage.h"

/* --- others meanwhile ------------------------------------------------------------- */

static int create_beside(int mode, uint64_t offset, uint64_t bytes)
{
	static unsigned int count;
	char name[16];

	(void)mode;
	on_drop = NULL; /* its own zeros are not to be counted */
	snprintf(name, sizeof(name), "new%u", count++);
	make(name, LARGE, 'n');
	/* Nobody gets what is being given back. */
	assert_true(offset_of(name) + LARGE <= offset ||
		    offset_of(name) >= offset + bytes);
	destroy("b", FAM_REGION_NO_SYNC);
	return 0;
}

static void others_create_and_destroy_meanwhile(void **state)
{
	(void)state;
	make("a", LARGE, 'a');
	make("b", MIB, 'b');
	destroy("a", DURABLE);
	on_drop = create_beside;
	trim_marked(LARGE);
	check("new0", LARGE, 'n');
	trim_marked(MIB);
	destroy("new0", DURABLE);
	trim_marked(LARGE);
	assert_all_free();
}

static int die(int mode, uint64_t offset, uint64_t bytes)
{
	(void)mode;
	(void)offset;
	(void)bytes;
	_exit(42);
}

static void trim_and_die(void)
{
	const struct fam_trim_want want = {.how = FAM_TRIM_PUNCH};
	uint64_t bytes;

	on_drop = die;
	if (fam_open(&fam, path, 0) == 0)
		(void)fam_regions_trim(fam, &want, &bytes);
	_exit(1);
}

static void kill_one_that_trims(bool needed)
{
	const struct timespec nap = {.tv_nsec = 10000000};
	uint64_t bytes, before, sum = 0;
	int status;
	pid_t pid;

	make("a", LARGE, 'a');
	make("b", MIB, 'b');
	before = blocks();
	destroy("a", DURABLE);
	destroy("b", DURABLE);
	/* Threads do not live on in a child. */
	fam_close(fam);
	pid = fork();
	if (pid == 0)
		trim_and_die();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	if (needed) {
		make("c", space().bytes, 'c');
		destroy("c", DURABLE);
	}
	/* Its death is found out soon. */
	for (int i = 0; i < 3000 && sum < LARGE + MIB; i++) {
		assert_int_equal(trim(FAM_TRIM_PUNCH, false, &bytes), 0);
		sum += bytes;
		if (!bytes)
			nanosleep(&nap, NULL);
	}
	assert_true(sum >= LARGE + MIB);
	assert_given_back(before, LARGE + MIB);
	assert_all_free();
}

static void pieces_of_one_that_is_killed_are_there_when_needed(void **state)
{
	(void)state;
	kill_one_that_trims(true);
}

static void pieces_of_one_that_is_killed_are_trimmed_by_the_next(void **state)
{
	(void)state;
	kill_one_that_trims(false);
}

/* --- crashes --------------------------------------------------------------------------- */

static void assert_no_copy_has(const char *name)
{
	struct fam_regions *r = fam->regions;
	struct fam_region_both both;

	for (uint32_t i = 0; i < r->places.entries; i++) {
		fam_regions_read(fam, r, i, &both);
		for (int c = 0; c < FAM_REGIONS_COPIES; c++)
			assert_string_not_equal(both.copy[c].name, name);
	}
}

static int assert_gone(int mode, uint64_t offset, uint64_t bytes)
{
	(void)mode;
	(void)offset;
	(void)bytes;
	assert_no_copy_has("a");
	return 0;
}

static void blocks_of_what_a_power_cut_brings_back_stay(void **state)
{
	(void)state;
	make("a", LARGE, 'a');
	destroy("a", FAM_REGION_NO_SYNC);
	on_drop = assert_gone;
	trim_marked(LARGE);
	assert_int_equal(drops, 1);
}

static uint64_t persisted;

static void assert_taken(uint64_t offset)
{
	struct fam_regions *r = fam->regions;
	struct fam_region_both both;
	bool taken = false;

	for (uint32_t i = 0; i < r->places.entries; i++) {
		fam_regions_read(fam, r, i, &both);
		taken |= both.last >= 0 &&
			 both.copy[both.last].state == FAM_REGION_TRIMMING &&
			 both.copy[both.last].offset == offset;
	}
	assert_true(taken);
	persisted = offset;
}

static void holes_are_durable_before_they_are_free(void **state)
{
	uint64_t was;

	(void)state;
	make("a", LARGE, 'a');
	was = offset_of("a");
	destroy("a", DURABLE);
	persisted = 0;
	on_persist = assert_taken;
	trim_marked(LARGE);
	assert_int_equal(persisted, was);
}

/* --- who has lost its session --------------------------------------------------------- */

static int lose_session(int mode, uint64_t offset, uint64_t bytes)
{
	unsigned int slot = fam_session_slot_of(fam->sessions->id);

	(void)mode;
	(void)offset;
	(void)bytes;
	on_drop = NULL;
	assert_true(fam_sessions_kill(fam_session_table(fam), slot,
				      fam_session_live_word(fam->sessions->id),
				      FAM_SESSION_EXPIRED));
	return 0;
}

/* What it had taken may be a region of somebody else's by then. */
static void who_has_lost_its_session_drops_nothing_more(void **state)
{
	uint64_t bytes;

	(void)state;
	make("a", LARGE, 'a');
	make("b", MIB, 'b');
	make("c", LARGE, 'c');
	destroy("a", DURABLE);
	destroy("c", DURABLE);
	on_drop = lose_session;
	assert_int_equal(trim(FAM_TRIM_PUNCH, false, &bytes), -ESTALE);
	assert_int_equal(drops, 1);
}

static void nor_the_rest_of_a_piece(void **state)
{
	uint64_t bytes;

	(void)state;
	make("a", 2 * LARGE, 'a');
	destroy("a", DURABLE);
	on_drop = lose_session;
	assert_int_equal(trim(FAM_TRIM_PUNCH, false, &bytes), -ESTALE);
	assert_int_equal(bytes, 0);
	assert_int_equal(drops, 1);
}

static void who_has_lost_it_stores_no_zeros(void **state)
{
	uint64_t offset;
	uint8_t *data;
	bool stored;

	(void)state;
	make("a", MIB, 'a');
	offset = offset_of("a");
	assert_int_equal(
		fam_map(fam, offset - fam->data_offset, MIB, (void **)&data),
		0);
	destroy("a", DURABLE);
	lose_session(0, 0, 0);
	assert_int_equal(fam_region_zero(fam, offset, MIB, false, &stored),
			 -ESTALE);
	assert_false(stored);
	assert_true(is_full_of(data, MIB, 'a'));
}

/* --- on persistent memory --------------------------------------------------------------- */

static unsigned int syncs;

int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	syncs++;
	return __real_fdatasync(fd);
}

/* The CPU makes durable what is stored; of a hole the file system has to be asked. */
static void holes_are_durable_on_persistent_memory_too(void **state)
{
	const struct fam_region_want want = {.bytes = MIB};
	struct fam_regions *r;

	(void)state;
	make("a", MIB, 'a');
	destroy("a", DURABLE);
	trim_marked(MIB);
	assert_int_equal(fam_regions_map(fam, &r), 0);
	fam_word_set(&fam_regions_live(r)->loose, FAM_LOOSE_HOLES);
	fam->source.dax = true;
	syncs = 0;
	assert_int_equal(fam_region_create(fam, "b", &want, NULL), 0);
	assert_int_not_equal(syncs, 0);
	fam->source.dax = false;
}

static void so_they_are_when_all_is_made_durable_later(void **state)
{
	const struct fam_region_want want = {.bytes = MIB,
					     .flags = FAM_REGION_NO_SYNC};
	struct fam_regions *r;

	(void)state;
	assert_int_equal(fam_region_create(fam, "b", &want, NULL), 0);
	assert_int_equal(fam_regions_lock(fam, &r), 0);
	fam_word_set(&fam_regions_live(r)->loose, FAM_LOOSE_HOLES);
	fam->source.dax = true;
	syncs = 0;
	assert_int_equal(fam_regions_settle(fam, r), 0);
	assert_int_not_equal(syncs, 0);
	fam->source.dax = false;
	fam_regions_unlock(fam, r);
}

/* --- what cannot be done ------------------------------------------------------------------ */

static int cannot(int mode, uint64_t offset, uint64_t bytes)
{
	(void)mode;
	(void)offset;
	(void)bytes;
	return -EOPNOTSUPP;
}

static void where_it_cannot_be_done_all_is_as_before(void **state)
{
	uint64_t bytes = 7;

	(void)state;
	make("a", LARGE, 'a');
	destroy("a", DURABLE);
	on_drop = cannot;
	assert_int_equal(trim(FAM_TRIM_PUNCH, false, &bytes), -EOPNOTSUPP);
	assert_int_equal(bytes, 0);
	assert_all_free();
	on_drop = NULL;
	trim_marked(LARGE);
}

static void it_ends_when_it_is_asked_to(void **state)
{
	const _Atomic bool stop = true;
	struct fam_trim_want want = {.how = FAM_TRIM_PUNCH, .stop = &stop};
	uint64_t bytes;

	(void)state;
	make("a", LARGE, 'a');
	destroy("a", DURABLE);
	assert_int_equal(fam_regions_trim(fam, &want, &bytes), -ECANCELED);
	assert_int_equal(drops, 0);
	trim_marked(LARGE);
}

static void *hold_lock(void *arg)
{
	int *ends = arg;
	struct fam_regions *r;
	struct fam *other;
	char c;
	int error = fam_open(&other, path, 0);

	if (error == 0)
		error = fam_regions_lock(other, &r);
	c = error == 0 ? 'y' : 'n';
	(void)!write(ends[1], &c, 1);
	/* Until the test has ended. */
	(void)!read(ends[1], &c, 1);
	if (error == 0)
		fam_regions_unlock(other, r);
	fam_close(other);
	return NULL;
}

static void *ask_to_stop(void *arg)
{
	const struct timespec nap = {.tv_nsec = 50000000};

	/* Most often it waits by then. */
	nanosleep(&nap, NULL);
	atomic_store((_Atomic bool *)arg, true);
	return NULL;
}

static void it_ends_also_while_another_one_has_the_lock(void **state)
{
	static _Atomic bool stop;
	struct fam_trim_want want = {.how = FAM_TRIM_PUNCH, .stop = &stop};
	pthread_t holder, stopper;
	uint64_t bytes;
	int ends[2];
	char c;

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pthread_create(&holder, NULL, hold_lock, ends), 0);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(pthread_create(&stopper, NULL, ask_to_stop, &stop), 0);
	alarm(30);
	assert_int_equal(fam_regions_trim(fam, &want, &bytes), -ECANCELED);
	alarm(0);
	close(ends[0]);
	pthread_join(holder, NULL);
	pthread_join(stopper, NULL);
	close(ends[1]);
}

static void another_fabric_is_not_touched(void **state)
{
	const struct fam_trim_want want = {.how = FAM_TRIM_PUNCH};
	uint8_t uuid[FAM_UUID_BYTES];
	uint64_t bytes;

	(void)state;
	make("a", LARGE, 'a');
	destroy("a", DURABLE);
	memcpy(uuid, fam->sb.uuid, sizeof(uuid));
	uuid[3] ^= 1;
	assert_int_equal(fam_trim_file(path, uuid, &want, &bytes), -ESTALE);
	assert_int_equal(drops, 0);
	uuid[3] ^= 1;
	assert_int_equal(fam_trim_file(path, uuid, &want, &bytes), 0);
	assert_int_equal(bytes, LARGE);
	assert_int_equal(fam_trim_file("/nowhere/x.fam", uuid, &want, &bytes),
			 -ENOENT);
}

static void without(struct fam_superblock *sb)
{
	assert_int_equal(fam_superblock_set_regions(sb, 0), 0);
}

static void it_needs_regions_and_the_right_to_write(void **state)
{
	uint64_t bytes;

	(void)state;
	fam_close(fam);
	assert_int_equal(fam_open(&fam, path, FAM_OPEN_RDONLY), 0);
	assert_int_equal(trim(FAM_TRIM_PUNCH, true, &bytes), -EROFS);
	fam_close(fam);
	assert_int_equal(
		fam_open(&fam, fabric_make(&work, "none", 2, without), 0), 0);
	assert_int_equal(trim(FAM_TRIM_PUNCH, true, &bytes), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_create_and_destroy_meanwhile),
		TEST(pieces_of_one_that_is_killed_are_there_when_needed),
		TEST(pieces_of_one_that_is_killed_are_trimmed_by_the_next),
		TEST(blocks_of_what_a_power_cut_brings_back_stay),
		TEST(holes_are_durable_before_they_are_free),
		TEST(who_has_lost_its_session_drops_nothing_more),
		TEST(nor_the_rest_of_a_piece),
		TEST(who_has_lost_it_stores_no_zeros),
		TEST(holes_are_durable_on_persistent_memory_too),
		TEST(so_they_are_when_all_is_made_durable_later),
		TEST(where_it_cannot_be_done_all_is_as_before),
		TEST(it_ends_when_it_is_asked_to),
		TEST(it_ends_also_while_another_one_has_the_lock),
		TEST(another_fabric_is_not_touched),
		TEST(it_needs_regions_and_the_right_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
