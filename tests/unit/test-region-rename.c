// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Other names and other rights; and many who change regions at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/check.h>

#include "fam-session.h"
#include "region-stage.h"

#define ROUNDS 3000

static void a_name_changes_and_all_else_stays(void **state)
{
	struct fam_region *region = make(fam, "a", PAGE, WRITE | NO_SYNC);
	struct fam_region_info before = find_it(fam, "a"), after;
	char *p = map_it(region, 0, 0);

	(void)state;
	p[7] = 'p';
	assert_int_equal(fam_region_rename(fam, "a", "dir/b", 0), 0);
	assert_int_equal(try_find(fam, "a"), -ENOENT);
	after = find_it(fam, "dir/b");
	assert_int_equal(after.serial, before.serial);
	assert_int_equal(after.offset, before.offset);
	assert_true(after.generation > before.generation);
	assert_true(after.changed_ns > before.changed_ns);
	assert_int_equal(after.created_ns, before.created_ns);
	assert_int_equal(after.writers, 1);
	assert_int_equal(fam_region_stat(region, &after, sizeof(after)), 0);
	assert_string_equal(after.name, "dir/b");
	assert_int_equal(touch(p, true), 0);
	assert_int_equal(fam_region_rename(fam, "dir/b", "dir/b", 0), 0);
	assert_int_equal(try_make(fam, "a", 1, NO_SYNC), 0);
	fam_region_close(region);
}

static void no_other_is_overwritten_unless_it_is_wanted(void **state)
{
	const uint32_t replace = FAM_REGION_REPLACE;
	uint64_t serial;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "b", 2 * PAGE, NO_SYNC), 0);
	serial = find_it(fam, "a").serial;
	assert_int_equal(fam_region_rename(fam, "a", "b", 0), -EEXIST);
	assert_int_equal(fam_region_rename(fam, "c", "b", replace), -ENOENT);
	assert_int_equal(fam_region_rename(fam, "a", "", replace), -EINVAL);
	assert_int_equal(fam_region_rename(fam, "a", "b/", replace), -EINVAL);
	assert_int_equal(fam_region_rename(fam, "..", "b", replace), -EINVAL);
	assert_int_equal(fam_region_rename(fam, "a", "b", WRITE), -EINVAL);
	assert_int_equal(find_it(fam, "b").bytes, 2 * PAGE);
	assert_int_equal(fam_region_rename(fam, "a", "b", replace), 0);
	assert_int_equal(find_it(fam, "b").serial, serial);
	assert_int_equal(try_find(fam, "a"), -ENOENT);
	assert_int_equal(space_of(fam).taken, PAGE);
	assert_int_equal(space_of(fam).regions, 1);
	assert_int_equal(fam_region_rename(fam, "b", "b", replace), 0);
	assert_int_equal(fam_region_rename(fam, "b", "c", replace), 0);
	assert_int_equal(find_it(fam, "c").serial, serial);
}

static void only_what_is_named_is_set(void **state)
{
	struct fam_region_rights rights = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
	struct fam_region_info before, after;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	before = find_it(fam, "a");
	assert_int_equal(fam_region_set(fam, "b", &rights, 0), -ENOENT);
	assert_int_equal(fam_region_set(fam, "a", &rights, WRITE), -EINVAL);
	rights.mode = 0644;
	assert_int_equal(fam_region_set(fam, "a", &rights, 0), 0);
	after = find_it(fam, "a");
	assert_int_equal(after.mode, 0644);
	assert_int_equal(after.uid, before.uid);
	assert_int_equal(after.gid, before.gid);
	assert_true(after.generation > before.generation);
	rights.mode = 01000;
	assert_int_equal(fam_region_set(fam, "a", &rights, 0), -EINVAL);
	if (geteuid() != 0)
		return;
	rights = (struct fam_region_rights){UINT32_MAX, 5, 6};
	assert_int_equal(fam_region_set(fam, "a", &rights, 0), 0);
	assert_int_equal(find_it(fam, "a").uid, 5);
	assert_int_equal(find_it(fam, "a").gid, 6);
	assert_int_equal(find_it(fam, "a").mode, 0644);
}

static int set_up_on_disk(void **state)
{
	(void)state;
	return stage_open("/var/tmp", durable_in_memory);
}

static uint64_t replace_once(void)
{
	uint64_t serial;

	assert_int_equal(try_make(fam, "new", PAGE, NO_SYNC), 0);
	serial = find_it(fam, "new").serial;
	assert_int_equal(fam_region_rename(fam, "new", "a",
					   FAM_REGION_REPLACE | NO_SYNC),
			 0);
	return serial;
}

/* On a disk, where each entry waits for the next one, and none is used again. */
static void hand_on_many_times(bool host_is_there)
{
	struct fam *reader = attach(FAM_OPEN_RDONLY), *other = attach(0);
	uint64_t serial = 0;

	if (!host_is_there)
		fam_word_put(&fam_session_table(fam)->boot, 0);
	assert_int_equal(try_make(fam, "a", PAGE, 0), 0);
	for (int i = 0; i < 40; i++) {
		serial = replace_once();
		assert_int_equal(find_it(reader, "a").serial, serial);
		assert_int_equal(space_of(reader).regions, 1);
		assert_int_equal(space_of(other).regions, 1);
	}
	assert_int_equal(fam_region_sync(fam), 0);
	for (int i = 0; i < 40; i++)
		serial = replace_once();
	assert_int_equal(find_it(other, "a").serial, serial);
	assert_int_equal(try_make(other, "b", PAGE, 0), 0);
	assert_int_equal(space_of(fam).regions, 2);
	assert_int_equal(space_of(fam).taken, 2 * PAGE);
	assert_int_equal(fam_region_destroy(other, "a", 0), 0);
	assert_int_equal(try_find(reader, "a"), -ENOENT);
	fam_close(other);
	fam_close(reader);
}

static void a_name_is_handed_on_many_times(void **state)
{
	(void)state;
	hand_on_many_times(true);
}

static void a_name_is_handed_on_between_nodes_alone(void **state)
{
	(void)state;
	hand_on_many_times(false);
}

static int is_damage(const struct fam_check_problem *p, void *arg)
{
	(void)arg;
	print_message("%s: %s\n", p->part, p->text);
	return 0;
}

/* All of it had reached the disk. */
static void what_was_handed_on_is_there_once_after_a_power_cut(void **state)
{
	struct fam *reader = attach(FAM_OPEN_RDONLY), *other = attach(0);
	struct fam_check_summary sum;
	uint64_t serial = 0;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, 0), 0);
	for (int i = 0; i < 40; i++)
		serial = replace_once();
	fam_word_add(&fam_session_table(fam)->boot, 1);
	assert_int_equal(try_find(reader, "a"), 0);
	assert_int_equal(fam_check(reader, 0, is_damage, NULL, &sum), 0);
	assert_int_equal(sum.damages + sum.losses, 0);
	assert_int_equal(fam_region_sync(other), 0);
	assert_int_equal(find_it(reader, "a").serial, serial);
	assert_int_equal(space_of(fam).regions, 1);
	assert_int_equal(space_of(fam).taken, PAGE);
	assert_int_equal(try_make(fam, "b", PAGE, 0), 0);
	assert_int_equal(fam_check(fam, 0, is_damage, NULL, &sum), 0);
	assert_int_equal(sum.damages + sum.losses, 0);
	fam_close(other);
	fam_close(reader);
}

/* --- all at once -------------------------------------------------------------------- */

static _Atomic bool ended;
static _Atomic unsigned int replaced;

/* Writes a whole new one, and puts it in place of the last one. */
static void *replaces(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct fam_region *region =
			make(arg, "new", 64, WRITE | NO_SYNC);

		memset(map_it(region, 0, 0), 'a' + i % 26, 64);
		fam_region_close(region);
		while (fam_region_rename(arg, "new", "a",
					 FAM_REGION_REPLACE | NO_SYNC) != 0)
			breathe(); /* somebody reads the last one */
		replaced++;
	}
	ended = true;
	return NULL;
}

/* It is there at every moment, and whole. */
static void a_replaced_one_is_never_missing(void **state)
{
	struct fam *other = attach(0), *reader = attach(FAM_OPEN_RDONLY);
	unsigned int looks = 0;
	pthread_t thread;

	(void)state;
	ended = false;
	assert_int_equal(try_make(fam, "a", 64, NO_SYNC), 0);
	assert_int_equal(pthread_create(&thread, NULL, replaces, other), 0);
	while (!ended) {
		struct fam_region *region;
		char *p;

		assert_int_equal(try_find(reader, "a"), 0);
		if (looks++ % 4)
			continue;
		region = open_it(fam, "a", READ);
		p = map_it(region, 0, 0);
		assert_true(is_filled(p, 64, p[0]));
		fam_region_close(region);
	}
	pthread_join(thread, NULL);
	assert_int_equal(replaced, ROUNDS);
	assert_int_equal(space_of(fam).regions, 1);
	fam_close(reader);
	fam_close(other);
}

struct worker {
	pthread_t thread;
	struct fam *by;
	unsigned int n, made, failed;
};

static void work_once(struct worker *w, unsigned int *seed)
{
	struct fam_region *region;
	char name[16], to[16];
	int r;

	snprintf(name, sizeof(name), "n%d", rand_r(seed) % 8);
	snprintf(to, sizeof(to), "n%d", rand_r(seed) % 8);
	switch (rand_r(seed) % 5) {
	case 0:
		r = fam_region_rename(w->by, name, to,
				      FAM_REGION_REPLACE | NO_SYNC);
		break;
	case 1:
		r = fam_region_destroy(w->by, name, NO_SYNC);
		break;
	case 2:
		r = fam_region_open(w->by, name, WRITE, &region);
		if (r < 0)
			break;
		r = fam_region_resize(region, (uint64_t)rand_r(seed) % LARGE,
				      NO_SYNC);
		fam_region_close(region);
		break;
	default:
		r = try_make(w->by, name, (uint64_t)rand_r(seed) % LARGE,
			     NO_SYNC);
		w->made += r == 0;
	}
	w->failed += r && r != -ENOENT && r != -EEXIST && r != -EBUSY &&
		     r != -ENOSPC;
}

static void *works(void *arg)
{
	struct worker *w = arg;
	unsigned int seed = w->n;

	for (int i = 0; i < ROUNDS / 2; i++)
		work_once(w, &seed);
	return NULL;
}

static int destroy_one(const struct fam_region_info *info, void *arg)
{
	return fam_region_destroy(arg, info->name, 0);
}

/* Threads of one attachment, and of others. */
static void many_change_regions_at_once(void **state)
{
	struct worker all[4] = {0};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		all[i].n = i;
		all[i].by = i < 2 ? fam : attach(0);
		assert_int_equal(
			pthread_create(&all[i].thread, NULL, works, &all[i]),
			0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(all[i].thread, NULL);
		assert_int_equal(all[i].failed, 0);
		assert_true(all[i].made);
	}
	assert_int_equal(fam_region_each(fam, NULL, destroy_one, fam), 0);
	assert_int_equal(space_of(fam).taken, 0);
	assert_int_equal(space_of(fam).largest, 12 * MIB);
	fam_close(all[2].by);
	fam_close(all[3].by);
}

#define on(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on(a_name_changes_and_all_else_stays),
		on(no_other_is_overwritten_unless_it_is_wanted),
		on(only_what_is_named_is_set),
		cmocka_unit_test_setup_teardown(a_name_is_handed_on_many_times,
						set_up_on_disk, tear_down),
		cmocka_unit_test_setup_teardown(
			a_name_is_handed_on_between_nodes_alone, set_up_on_disk,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_handed_on_is_there_once_after_a_power_cut,
			set_up_on_disk, tear_down),
		on(a_replaced_one_is_never_missing),
		on(many_change_regions_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
