// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Regions as one program sees them, or two attachments of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "region-stage.h"

#define DATA_BYTES (12 * MIB) /* of a fabric of 16 MiB */

static void what_is_made_is_found_and_is_full_of_zeros(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *one = make(fam, "a/b", 10000, WRITE), *two;
	struct fam_region_info info = find_it(other, "a/b");
	char *memory = map_it(one, 0, 0);

	(void)state;
	assert_int_equal(info.bytes, 10000);
	assert_int_equal(info.space, 3 * PAGE);
	assert_int_equal(info.mode, 0600);
	assert_int_equal(info.uid, geteuid());
	assert_int_equal(info.gid, getegid());
	assert_int_equal(info.type, FAM_REGION_PLAIN);
	assert_int_equal(info.writers, 1);
	assert_int_equal(info.readers + info.exclusive, 0);
	assert_true(info.serial && info.generation);
	assert_true(info.created_ns && info.created_ns == info.changed_ns);
	assert_true(info.node[0]);
	assert_true(is_filled(memory, 10000, 0));
	memset(memory, 'x', 10000);
	two = open_it(other, "a/b", READ);
	assert_true(is_filled(map_it(two, 0, 0), 10000, 'x'));
	assert_int_equal(find_it(fam, "a/b").readers, 1);
	fam_region_close(two);
	fam_region_close(one);
	fam_region_close(NULL);
	info = find_it(other, "a/b");
	assert_int_equal(info.readers + info.writers, 0);
	assert_int_equal(fam_region_destroy(other, "a/b", 0), 0);
	assert_int_equal(try_find(fam, "a/b"), -ENOENT);
	fam_close(other);
}

static void what_was_wanted_is_what_there_is(void **state)
{
	const struct fam_region_want want = {
		.bytes = 1, .mode = 0640, .type = 0x12345};
	struct fam_region_info info;

	(void)state;
	assert_int_equal(fam_region_create(fam, "a", &want, NULL), 0);
	info = find_it(fam, "a");
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.type, 0x12345);
	assert_int_equal(info.bytes, 1);
	assert_int_equal(info.space, PAGE);
	assert_int_equal(info.readers + info.writers, 0);
	assert_int_equal(try_make(fam, "empty", 0, 0), 0);
	info = find_it(fam, "empty");
	assert_int_equal(info.bytes, 0);
	assert_int_equal(info.space, PAGE);
}

static void nonsense_is_refused(void **state)
{
	struct fam_region_want want = {.bytes = 1, .flags = READ};
	char name[FAM_REGION_NAME_MAX + 1];

	(void)state;
	assert_int_equal(fam_region_create(fam, "a", &want, NULL), -EINVAL);
	want.flags = FAM_REGION_REPLACE;
	assert_int_equal(fam_region_create(fam, "a", &want, NULL), -EINVAL);
	want = (struct fam_region_want){.bytes = 1, .mode = 01000};
	assert_int_equal(fam_region_create(fam, "a", &want, NULL), -EINVAL);
	want = (struct fam_region_want){.bytes = 1, .type = 0xffff};
	assert_int_equal(fam_region_create(fam, "a", &want, NULL), -EINVAL);
	assert_int_equal(try_make(fam, "", 1, 0), -EINVAL);
	assert_int_equal(try_make(fam, "a//b", 1, 0), -EINVAL);
	assert_int_equal(try_make(fam, "a/../b", 1, 0), -EINVAL);
	assert_int_equal(try_make(fam, "a\nb", 1, 0), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[FAM_REGION_NAME_MAX] = '\0';
	assert_int_equal(try_make(fam, name, 1, 0), -ENAMETOOLONG);
	assert_int_equal(try_find(fam, name), -ENAMETOOLONG);
	assert_int_equal(try_open(fam, name, READ), -ENAMETOOLONG);
	assert_int_equal(fam_region_destroy(fam, name, 0), -ENAMETOOLONG);
	name[FAM_REGION_NAME_MAX - 1] = '\0';
	assert_int_equal(try_make(fam, name, 1, 0), 0);
	assert_int_equal(find_it(fam, name).bytes, 1);
	assert_int_equal(try_open(fam, name, 0), -EINVAL);
	assert_int_equal(try_open(fam, name, READ | NO_SYNC), -EINVAL);
	assert_int_equal(try_open(fam, "a/./b", READ), -EINVAL);
	assert_int_equal(fam_region_destroy(fam, name, WRITE), -EINVAL);
	assert_int_equal(try_find(fam, "/"), -EINVAL);
	assert_int_equal(try_open(fam, "b", READ), -ENOENT);
	assert_int_equal(fam_region_destroy(fam, "b", 0), -ENOENT);
}

static void a_name_is_there_once(void **state)
{
	struct fam *other = attach(0);

	(void)state;
	assert_int_equal(try_make(fam, "a", 1, 0), 0);
	assert_int_equal(try_make(other, "a", 1, 0), -EEXIST);
	assert_int_equal(try_make(fam, "a", 1, NO_SYNC), -EEXIST);
	assert_int_equal(fam_region_destroy(other, "a", NO_SYNC), 0);
	assert_int_equal(try_make(fam, "a", 2, NO_SYNC), 0);
	assert_int_equal(find_it(other, "a").bytes, 2);
	fam_close(other);
}

static void space_is_taken_and_comes_back(void **state)
{
	struct fam_region_space before = space_of(fam), now;

	(void)state;
	assert_int_equal(before.bytes, DATA_BYTES);
	assert_int_equal(before.taken, 0);
	assert_int_equal(before.largest, DATA_BYTES);
	assert_int_equal(before.pieces, 1);
	assert_int_equal(before.regions, 0);
	assert_int_equal(before.room, fam_regions_fit(MIB));
	assert_int_equal(try_make(fam, "a", DATA_BYTES + 1, 0), -ENOSPC);
	assert_int_equal(try_make(fam, "a", UINT64_MAX, 0), -ENOSPC);
	assert_int_equal(try_make(fam, "a", 5000, 0), 0);
	now = space_of(fam);
	assert_int_equal(now.taken, 2 * PAGE);
	assert_int_equal(now.asked, 5000);
	assert_int_equal(now.regions, 1);
	assert_int_equal(now.loose, 0);
	assert_int_equal(try_make(fam, "b", DATA_BYTES, 0), -ENOSPC);
	remove_it("a");
	now = space_of(fam);
	assert_int_equal(now.taken, 0);
	assert_int_equal(now.trim, 2 * PAGE);
	assert_int_equal(now.loose, 1);
	/* Also what is not free on the disk yet. */
	assert_int_equal(try_make(fam, "b", DATA_BYTES, NO_SYNC), 0);
	assert_int_equal(space_of(fam).free, 0);
	assert_int_equal(try_make(fam, "c", 1, NO_SYNC), -ENOSPC);
	assert_int_equal(try_find(fam, "c"), -ENOENT);
	assert_int_equal(fam_region_sync(fam), 0);
	assert_int_equal(space_of(fam).loose, 0);
}

static void large_ones_are_aligned(void **state)
{
	(void)state;
	assert_int_equal(try_make(fam, "small", 1, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "one", LARGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "two", LARGE + 1, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "three", LARGE, NO_SYNC), 0);
	assert_int_equal(find_it(fam, "one").offset % LARGE, 0);
	assert_int_equal(find_it(fam, "two").offset % LARGE, 0);
	assert_int_equal(find_it(fam, "three").offset % LARGE, 0);
}

/* Every byte of the data is something else, then free again. */
static void dirty_all(void)
{
	struct fam_region *all = make(fam, "all", DATA_BYTES, WRITE | NO_SYNC);

	memset(map_it(all, 0, 0), 'd', DATA_BYTES);
	fam_region_close(all);
	remove_it("all");
}

static void space_of_others_is_zero_when_it_is_taken(void **state)
{
	struct fam_region *region;

	(void)state;
	dirty_all();
	region = make(fam, "small", 3 * PAGE - 1, WRITE);
	assert_true(is_filled(map_it(region, 0, 0), 3 * PAGE - 1, 0));
	fam_region_close(region);
	region = make(fam, "large", 5 * MIB, READ | NO_SYNC);
	assert_true(is_filled(map_it(region, 0, 0), 5 * MIB, 0));
	fam_region_close(region);
	/* What is not zeroed is what was there. */
	region = make(fam, "old", PAGE,
		      READ | FAM_REGION_NO_ZERO | FAM_REGION_NO_SYNC);
	assert_int_equal(map_it(region, 0, 0)[0], 'd');
	fam_region_close(region);
}

static void a_serial_is_of_one_region_only(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		uint64_t serial;

		assert_int_equal(try_make(fam, "a", 1, NO_SYNC), 0);
		serial = find_it(fam, "a").serial;
		assert_true(serial > last);
		last = serial;
		remove_it("a");
	}
}

static void there_are_as_many_as_there_is_room_for(void **state)
{
	uint32_t room = space_of(fam).room, i;
	char name[16];

	(void)state;
	for (i = 0; i < room; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_int_equal(try_make(fam, name, 1, NO_SYNC), 0);
	}
	assert_int_equal(try_make(fam, "more", 1, NO_SYNC), -EMFILE);
	assert_int_equal(space_of(fam).regions, room);
	remove_it("r7");
	assert_int_equal(try_make(fam, "more", 1, NO_SYNC), 0);
}

/* --- listing ------------------------------------------------------------------------- */

struct names {
	unsigned int count, stop;
	char text[256];
};

static int add_name(const struct fam_region_info *info, void *arg)
{
	struct names *names = arg;

	strcat(names->text, info->name);
	strcat(names->text, " ");
	return ++names->count == names->stop ? 7 : 0;
}

static int list(struct fam *by, const char *prefix, struct names *names)
{
	unsigned int stop = names->stop;

	*names = (struct names){.stop = stop};
	return fam_region_each(by, prefix, add_name, names);
}

static void regions_are_listed_by_name(void **state)
{
	struct fam *other = attach(FAM_OPEN_RDONLY);
	struct names names = {0};

	(void)state;
	assert_int_equal(list(fam, NULL, &names), 0);
	assert_int_equal(names.count, 0);
	for (const char *const *name =
		     (const char *const[]){"b", "a/z", "a/\xc3\xa4", "a", "a/b",
					   "B", NULL};
	     *name; name++)
		assert_int_equal(try_make(fam, *name, 1, NO_SYNC), 0);
	assert_int_equal(list(other, NULL, &names), 0);
	assert_string_equal(names.text, "B a a/b a/z a/\xc3\xa4 b ");
	assert_int_equal(list(other, "a/", &names), 0);
	assert_string_equal(names.text, "a/b a/z a/\xc3\xa4 ");
	assert_int_equal(list(other, "c", &names), 0);
	assert_int_equal(names.count, 0);
	names.stop = 2;
	assert_int_equal(list(fam, NULL, &names), 7);
	assert_string_equal(names.text, "B a ");
	fam_close(other);
}

static int remove_one(const struct fam_region_info *info, void *arg)
{
	return fam_region_destroy(arg, info->name, NO_SYNC);
}

static void a_visitor_may_call_anything(void **state)
{
	struct names names = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_make(fam,
					  (const char *[]){"a", "b", "c"}[i], 1,
					  NO_SYNC),
				 0);
	assert_int_equal(fam_region_each(fam, NULL, remove_one, fam), 0);
	assert_int_equal(list(fam, NULL, &names), 0);
	assert_int_equal(names.count, 0);
}

static void structures_may_be_of_other_releases(void **state)
{
	struct {
		struct fam_region_info info;
		char more[8];
	} later;
	struct {
		struct fam_region_space space;
		char more[8];
	} space;
	char name[8];

	(void)state;
	assert_int_equal(try_make(fam, "regions", 1, NO_SYNC), 0);
	assert_int_equal(fam_region_find(fam, "regions", (void *)name, 8), 0);
	assert_memory_equal(name, "regions", 8);
	memset(&later, 'x', sizeof(later));
	assert_int_equal(
		fam_region_find(fam, "regions", &later.info, sizeof(later)), 0);
	assert_true(is_filled(later.more, sizeof(later.more), 0));
	assert_int_equal(fam_region_find(fam, "regions", &later.info, 0),
			 -EINVAL);
	memset(&space, 'x', sizeof(space));
	assert_int_equal(fam_region_space(fam, &space.space, sizeof(space)), 0);
	assert_true(is_filled(space.more, sizeof(space.more), 0));
	assert_int_equal(fam_region_space(fam, &space.space, 0), -EINVAL);
}

/* --- who may not ------------------------------------------------------------------------ */

static void readers_read(void **state)
{
	struct fam *reader = attach(FAM_OPEN_RDONLY);
	struct fam_region_info info;
	struct fam_region *region;
	char *memory;

	(void)state;
	region = make(fam, "a", PAGE, WRITE);
	memory = map_it(region, 0, 0);
	memory[9] = 'm';
	assert_int_equal(find_it(reader, "a").writers, 1);
	assert_int_equal(try_make(reader, "b", 1, 0), -EROFS);
	assert_int_equal(try_open(reader, "a", WRITE), -EROFS);
	assert_int_equal(try_open(reader, "b", READ), -ENOENT);
	assert_int_equal(fam_region_destroy(reader, "a", 0), -EROFS);
	assert_int_equal(fam_region_rename(reader, "a", "b", 0), -EROFS);
	assert_int_equal(fam_region_sync(reader), -EROFS);
	assert_int_equal(
		fam_region_set(reader, "a", &(struct fam_region_rights){0}, 0),
		-EROFS);
	fam_region_close(region);
	region = open_it(reader, "a", READ);
	memory = map_it(region, 0, 0);
	assert_int_equal(memory[9], 'm');
	assert_int_equal(fam_region_resize(region, 1, 0), -EROFS);
	/* Nobody knows of it. */
	remove_it("a");
	assert_int_equal(fam_region_stat(region, &info, sizeof(info)), -ENOENT);
	assert_int_equal(fam_region_map(region, 0, 0, (void **)&memory),
			 -ENOENT);
	fam_region_close(region);
	fam_close(reader);
}

static void the_unseen_change_nothing(void **state)
{
	struct fam *unseen = attach(FAM_OPEN_NO_SESSION);

	(void)state;
	assert_int_equal(try_make(fam, "a", 1, NO_SYNC), 0);
	assert_int_equal(find_it(unseen, "a").bytes, 1);
	assert_int_equal(try_open(unseen, "a", READ), 0);
	assert_int_equal(try_open(unseen, "a", WRITE), -EOPNOTSUPP);
	assert_int_equal(try_make(unseen, "b", 1, 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_destroy(unseen, "a", 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_sync(unseen), -EOPNOTSUPP);
	fam_close(unseen);
}

static void without(struct fam_superblock *sb)
{
	assert_int_equal(fam_superblock_set_regions(sb, 0), 0);
}

static void a_fabric_may_have_none(void **state)
{
	const char *file = fabric_make(&work, "none", 2, without);
	struct fam_region_rights rights = {0};
	struct fam *none;

	(void)state;
	assert_int_equal(fam_open(&none, file, 0), 0);
	assert_int_equal(try_make(none, "a", 1, 0), -EOPNOTSUPP);
	assert_int_equal(try_open(none, "a", READ), -EOPNOTSUPP);
	assert_int_equal(try_find(none, "a"), -EOPNOTSUPP);
	assert_int_equal(fam_region_destroy(none, "a", 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_rename(none, "a", "b", 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_set(none, "a", &rights, 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_sync(none), -EOPNOTSUPP);
	assert_int_equal(fam_region_each(none, NULL, add_name, NULL),
			 -EOPNOTSUPP);
	assert_int_equal(
		fam_region_space(none, &(struct fam_region_space){0}, 8),
		-EOPNOTSUPP);
	fam_close(none);
}

static void who_lost_the_session_is_told(void **state)
{
	struct fam_region *region = make(fam, "a", PAGE, WRITE | NO_SYNC);
	struct fam *other = attach(0);
	struct fam_session self;
	struct fam_sessions *table;
	void *p;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	(void)state;
	table = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, FAM_SESSIONS_OFFSET);
	assert_true(table != MAP_FAILED);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_true(fam_sessions_kill(table, (unsigned int)self.id & 0xffff,
				      table->word[self.id & 0xffff],
				      FAM_SESSION_EXPIRED));
	assert_int_equal(try_make(fam, "b", 1, 0), -ESTALE);
	assert_int_equal(try_open(fam, "a", READ), -ESTALE);
	assert_int_equal(fam_region_destroy(fam, "a", 0), -ESTALE);
	assert_int_equal(fam_region_resize(region, 1, 0), -ESTALE);
	assert_int_equal(fam_region_map(region, 0, 0, &p), -ESTALE);
	/* What it had open is nobody's. */
	assert_int_equal(fam_region_destroy(other, "a", 0), 0);
	fam_region_close(region);
	fam_close(other);
	munmap(table, FAM_SESSIONS_BYTES);
	close(fd);
}

/* In memory there is no way to a disk, and the change is taken back. */
static int set_up_memory(void **state)
{
	(void)state;
	return stage_open("/dev/shm", NULL);
}

static void what_cannot_be_made_durable_is_not_done(void **state)
{
	struct fam_region_rights rights = {
		.mode = 0644, .uid = UINT32_MAX, .gid = UINT32_MAX};
	struct fam_region *region;

	(void)state;
	assert_int_equal(try_make(fam, "a", 1, 0), -EOPNOTSUPP);
	assert_int_equal(try_find(fam, "a"), -ENOENT);
	assert_int_equal(space_of(fam).taken, 0);
	region = make(fam, "a", 1, NO_SYNC | WRITE);
	assert_int_equal(fam_region_resize(region, PAGE, 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_resize(region, 4 * MIB, 0), -EOPNOTSUPP);
	assert_int_equal(find_it(fam, "a").bytes, 1);
	assert_int_equal(find_it(fam, "a").space, PAGE);
	assert_int_equal(fam_region_resize(region, 4 * MIB, NO_SYNC), 0);
	fam_region_close(region);
	assert_int_equal(fam_region_rename(fam, "a", "b", 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_set(fam, "a", &rights, 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_destroy(fam, "a", 0), -EOPNOTSUPP);
	assert_int_equal(fam_region_sync(fam), -EOPNOTSUPP);
	assert_int_equal(find_it(fam, "a").mode, 0600);
	assert_int_equal(try_make(fam, "b", DATA_BYTES - 4 * MIB, NO_SYNC), 0);
	remove_it("b");
	remove_it("a");
	assert_int_equal(try_make(fam, "c", DATA_BYTES, NO_SYNC), 0);
}

/* On a disk, if there is one under /tmp; it is the same but for the waiting. */
static int set_up_disk(void **state)
{
	(void)state;
	return stage_open("/var/tmp", NULL);
}

static void durable_changes_wait_for_the_disk(void **state)
{
	struct fam_info info;
	struct fam_region *region;
	char *p;

	(void)state;
	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	if (info.persist != FAM_PERSIST_HOST)
		skip();
	dirty_all();
	region = make(fam, "a", 3 * PAGE, WRITE);
	p = map_it(region, 0, 0);
	assert_true(is_filled(p, 3 * PAGE, 0));
	assert_int_equal(fam_region_unmap(region, p), 0);
	assert_int_equal(space_of(fam).loose, 0);
	assert_int_equal(try_make(fam, "b", 1, NO_SYNC), 0);
	assert_int_equal(space_of(fam).loose, 1);
	assert_int_equal(fam_region_resize(region, 6 * PAGE, 0), 0);
	fam_region_close(region);
	assert_int_equal(fam_region_rename(fam, "a", "c", 0), 0);
	assert_int_equal(space_of(fam).loose, 0);
	assert_int_equal(fam_region_destroy(fam, "c", 0), 0);
	assert_int_equal(space_of(fam).loose, 0);
}

#define on(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on(what_is_made_is_found_and_is_full_of_zeros),
		on(what_was_wanted_is_what_there_is),
		on(nonsense_is_refused),
		on(a_name_is_there_once),
		on(space_is_taken_and_comes_back),
		on(large_ones_are_aligned),
		on(space_of_others_is_zero_when_it_is_taken),
		on(a_serial_is_of_one_region_only),
		on(there_are_as_many_as_there_is_room_for),
		on(regions_are_listed_by_name),
		on(a_visitor_may_call_anything),
		on(structures_may_be_of_other_releases),
		on(readers_read),
		on(the_unseen_change_nothing),
		on(a_fabric_may_have_none),
		on(who_lost_the_session_is_told),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_made_durable_is_not_done, set_up_memory,
			tear_down),
		cmocka_unit_test_setup_teardown(
			durable_changes_wait_for_the_disk, set_up_disk,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
