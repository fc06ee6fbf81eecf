// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who has what open, who may, and what becomes of it when he dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regions/fam-region.h"

#include "region-stage.h"

#define NOBODY "as:65534:"

/* --- in processes of their own ------------------------------------------------------- */

static struct fam_region *held;

static int hold(struct fam *own, const char *arg)
{
	uint32_t flags = strcmp(arg, "write") == 0	 ? WRITE
			 : strcmp(arg, "exclusive") == 0 ? EXCLUSIVE
							 : READ;

	return fam_region_open(own, "a", flags, &held) < 0 ? ROLE_END : stay();
}

/* Opened very often, so that its records are not where they belong. */
static int hold_many(struct fam *own, const char *arg)
{
	for (int i = atoi(arg); i > 0; i--) {
		if (fam_region_open(own, "a", READ, &held) < 0)
			return ROLE_END;
	}
	return stay();
}

static int opens_for(struct fam *own, uint32_t flags)
{
	int r = fam_region_open(own, "a", flags, &held);

	if (r == 0)
		fam_region_close(held);
	return -r;
}

static int reads(struct fam *own, const char *arg)
{
	(void)arg;
	return opens_for(own, READ);
}

static int writes(struct fam *own, const char *arg)
{
	(void)arg;
	return opens_for(own, WRITE);
}

static int excludes(struct fam *own, const char *arg)
{
	(void)arg;
	return opens_for(own, EXCLUSIVE);
}

static int destroys(struct fam *own, const char *arg)
{
	(void)arg;
	return -fam_region_destroy(own, "a", 0);
}

static int renames(struct fam *own, const char *arg)
{
	(void)arg;
	return -fam_region_rename(own, "a", "b", 0);
}

static int replaces(struct fam *own, const char *arg)
{
	const struct fam_region_want want = {.bytes = 1};
	int r = fam_region_create(own, "mine", &want, NULL);

	(void)arg;
	if (r == 0)
		r = fam_region_rename(own, "mine", "a", FAM_REGION_REPLACE);
	(void)fam_region_destroy(own, "mine", 0);
	return -r;
}

/* "MODE UID GID" */
static int sets(struct fam *own, const char *arg)
{
	struct fam_region_rights rights;
	char *end;

	rights.mode = (uint32_t)strtol(arg, &end, 8);
	rights.uid = (uint32_t)strtol(end, &end, 10);
	rights.gid = (uint32_t)strtol(end, &end, 10);
	return -fam_region_set(own, "a", &rights, 0);
}

static int makes(struct fam *own, const char *arg)
{
	const struct fam_region_want want = {
		.bytes = 1, .mode = 0400, .flags = WRITE};
	int r = fam_region_create(own, "a", &want, &held);

	(void)arg;
	/* Its mode is for those who come later, the owner included. */
	if (r == 0)
		fam_region_close(held);
	return r ? -r : -fam_region_open(own, "a", WRITE, &held);
}

/* Forks with it open: the child is nobody. */
static int forks(struct fam *own, const char *arg)
{
	int status;
	pid_t child;

	(void)arg;
	if (fam_region_open(own, "a", READ, &held) < 0)
		return ROLE_END;
	child = fork();
	if (child == 0) {
		fam_region_close(held);
		_exit(-fam_region_open(own, "a", WRITE, &held));
	}
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 0)
		return ROLE_END;
	return stay();
}

static const struct role roles[] = {
	{"hold", hold},	      {"hold-many", hold_many}, {"reads", reads},
	{"writes", writes},   {"excludes", excludes},	{"destroys", destroys},
	{"renames", renames}, {"replaces", replaces},	{"sets", sets},
	{"makes", makes},     {"forks", forks},		{NULL, NULL},
};

/* --- sharing --------------------------------------------------------------------------- */

static void what_is_open_is_not_destroyed(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *one = make(fam, "a", PAGE, READ | NO_SYNC), *two;

	(void)state;
	assert_int_equal(fam_region_destroy(fam, "a", 0), -EBUSY);
	assert_int_equal(fam_region_destroy(other, "a", 0), -EBUSY);
	two = open_it(other, "a", READ);
	fam_region_close(one);
	assert_int_equal(fam_region_destroy(fam, "a", 0), -EBUSY);
	assert_int_equal(try_make(fam, "b", 1, NO_SYNC), 0);
	assert_int_equal(fam_region_rename(fam, "b", "a", FAM_REGION_REPLACE),
			 -EBUSY);
	fam_region_close(two);
	assert_int_equal(fam_region_destroy(fam, "a", 0), 0);
	fam_close(other);
}

static void one_may_exclude_other_writers(void **state)
{
	struct fam *other = attach(0);
	struct fam_region *one;

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	one = open_it(fam, "a", EXCLUSIVE);
	assert_int_equal(find_it(other, "a").exclusive, 1);
	assert_int_equal(find_it(other, "a").writers, 1);
	assert_int_equal(try_open(other, "a", READ), 0);
	assert_int_equal(try_open(other, "a", WRITE), -EBUSY);
	assert_int_equal(try_open(other, "a", EXCLUSIVE), -EBUSY);
	assert_int_equal(try_open(fam, "a", WRITE), -EBUSY);
	assert_int_equal(touch(map_it(one, 0, 0), true), 0);
	fam_region_close(one);
	assert_int_equal(find_it(other, "a").exclusive, 0);
	one = open_it(other, "a", WRITE);
	assert_int_equal(try_open(fam, "a", WRITE), 0);
	assert_int_equal(try_open(fam, "a", EXCLUSIVE), -EBUSY);
	fam_region_close(one);
	one = open_it(other, "a", READ);
	assert_int_equal(try_open(fam, "a", EXCLUSIVE), 0);
	fam_region_close(one);
	fam_close(other);
}

struct seen {
	unsigned int count;
	struct fam_region_opener opener[8];
};

static int see(const struct fam_region_opener *opener, void *arg)
{
	struct seen *seen = arg;

	seen->opener[seen->count++] = *opener;
	return seen->count == 8 ? 5 : 0;
}

static void it_is_told_who_has_it_open(void **state)
{
	struct fam *other = attach(0), *reader = attach(FAM_OPEN_RDONLY);
	struct fam_region *one, *two;
	struct fam_session own, theirs;
	struct seen seen = {0};

	(void)state;
	assert_int_equal(fam_session_self(fam, &own), 0);
	assert_int_equal(fam_session_self(other, &theirs), 0);
	assert_int_equal(fam_region_openers(fam, "a", see, &seen), -ENOENT);
	assert_int_equal(try_make(fam, "b", PAGE, NO_SYNC), 0);
	one = make(fam, "a", PAGE, EXCLUSIVE | NO_SYNC);
	assert_int_equal(fam_region_openers(fam, "b", see, &seen), 0);
	assert_int_equal(seen.count, 0);
	two = open_it(other, "a", READ);
	assert_int_equal(fam_region_openers(reader, "a", see, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.opener[0].session, own.id);
	assert_int_equal(seen.opener[0].flags, WRITE | EXCLUSIVE);
	assert_int_equal(seen.opener[1].session, theirs.id);
	assert_int_equal(seen.opener[1].flags, READ);
	seen.count = 7;
	assert_int_equal(fam_region_openers(fam, "a", see, &seen), 5);
	fam_region_close(one);
	fam_region_close(two);
	fam_close(reader);
	fam_close(other);
}

/* Each record that is looked at is summed up, and each part of an entry. */
static unsigned int sums;

uint32_t __real_fam_crc32c(uint32_t crc, const void *data, size_t len);
uint32_t __wrap_fam_crc32c(uint32_t crc, const void *data, size_t len);

uint32_t __wrap_fam_crc32c(uint32_t crc, const void *data, size_t len)
{
	sums++;
	return __real_fam_crc32c(crc, data, len);
}

struct listed {
	unsigned int count, readers, writers, exclusive;
};

static int list(const struct fam_region_info *info, void *arg)
{
	struct listed *listed = arg;

	listed->count++;
	if (strcmp(info->name, "r3") == 0)
		listed->readers = info->readers;
	else if (strcmp(info->name, "r5") == 0)
		listed->exclusive = info->exclusive;
	else
		listed->writers += info->readers;
	listed->writers += info->writers;
	return 0;
}

/* Whatever others wrote there about how many there are. */
static void a_listing_looks_at_each_record_once(void **state)
{
	struct fam *other = attach(0), *reader = attach(FAM_OPEN_RDONLY);
	const struct fam_regions *r = fam->regions;
	struct fam_region *open[3];
	struct listed listed = {0};
	char name[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(try_make(fam, name, 1, NO_SYNC), 0);
	}
	open[0] = open_it(fam, "r3", READ);
	open[1] = open_it(other, "r3", READ);
	open[2] = open_it(other, "r5", EXCLUSIVE);
	for (uint32_t i = 0; i < r->places.entries; i++)
		fam_word_put(&fam_regions_seen(r, i)->opens, UINT64_MAX);
	for (uint32_t i = 0; i < r->places.opens; i++)
		(void)fam_word_step(&fam_regions_open_at(r, i)->holder, 0,
				    UINT64_C(77) << 24);
	sums = 0;
	assert_int_equal(fam_region_each(reader, NULL, list, &listed), 0);
	assert_in_range(sums, r->places.opens, 2 * r->places.opens);
	assert_int_equal(listed.count, 8);
	assert_int_equal(listed.readers, 2);
	assert_int_equal(listed.exclusive, 1);
	assert_int_equal(listed.writers, 1);
	for (int i = 0; i < 3; i++)
		fam_region_close(open[i]);
	fam_close(reader);
	fam_close(other);
}

/* More than lie side by side, of several regions, in an order of their own. */
static void records_are_found_wherever_they_are(void **state)
{
	struct fam_region *many[3][20];
	const char *const name[] = {"a", "b", "c"};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_make(fam, name[i], 1, NO_SYNC), 0);
	for (int i = 0; i < 60; i++)
		many[i % 3][i / 3] = open_it(fam, name[i % 3], READ);
	for (int i = 0; i < 60; i++) {
		int n = i * 37 % 60;

		assert_int_equal(find_it(fam, name[n % 3]).readers,
				 20 - (unsigned int)(i / 3));
		assert_int_equal(fam_region_destroy(fam, name[n % 3], 0),
				 -EBUSY);
		fam_region_close(many[n % 3][n / 3]);
	}
	for (int i = 0; i < 3; i++)
		remove_it(name[i]);
}

static void there_are_as_many_openings_as_there_is_room_for(void **state)
{
	uint32_t room = space_of(fam).room * FAM_REGIONS_OPENS, i;
	struct fam_region **all = calloc(room, sizeof(struct fam_region *));

	(void)state;
	assert_int_equal(try_make(fam, "a", 1, NO_SYNC), 0);
	for (i = 0; i < room; i++)
		all[i] = open_it(fam, "a", READ);
	assert_int_equal(find_it(fam, "a").readers, room);
	assert_int_equal(try_open(fam, "a", READ), -EMFILE);
	for (i = 0; i < room; i++)
		fam_region_close(all[i]);
	assert_int_equal(find_it(fam, "a").readers, 0);
	assert_int_equal(try_open(fam, "a", READ), 0);
	free(all);
}

static void a_new_one_needs_room_for_its_opening(void **state)
{
	struct fam_region_want want = {.bytes = 1, .flags = READ | NO_SYNC};
	uint32_t room = space_of(fam).room * FAM_REGIONS_OPENS;
	struct fam_region *region = NULL;

	(void)state;
	assert_int_equal(try_make(fam, "a", 1, NO_SYNC), 0);
	for (uint32_t i = 0; i < room; i++)
		(void)open_it(fam, "a", READ); /* until it is detached */
	assert_int_equal(fam_region_create(fam, "b", &want, &region), -EMFILE);
	assert_null(region);
	assert_int_equal(try_find(fam, "b"), -ENOENT);
	assert_int_equal(space_of(fam).taken, PAGE);
}

/* --- death ------------------------------------------------------------------------------ */

static void what_the_dead_had_open_is_free(void **state)
{
	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	enter(0, "hold", "exclusive");
	assert_true(is_ready(0));
	assert_int_equal(find_it(fam, "a").exclusive, 1);
	assert_int_equal(fam_region_destroy(fam, "a", 0), -EBUSY);
	assert_int_equal(try_open(fam, "a", WRITE), -EBUSY);
	die(0);
	assert_true(await(try_open(fam, "a", WRITE) == 0));
	assert_int_equal(find_it(fam, "a").writers, 0);
	assert_int_equal(fam_region_destroy(fam, "a", 0), 0);
}

static void so_is_what_they_had_open_very_often(void **state)
{
	uint32_t room = space_of(fam).room * FAM_REGIONS_OPENS;
	struct fam_region *all[20];
	char count[16];

	(void)state;
	snprintf(count, sizeof(count), "%u", room);
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	assert_int_equal(try_make(fam, "b", PAGE, NO_SYNC), 0);
	enter(0, "hold-many", count);
	assert_true(is_ready(0));
	assert_int_equal(try_open(fam, "b", READ), -EMFILE);
	die(0);
	assert_true(await(find_it(fam, "a").readers == 0));
	for (int i = 0; i < 20; i++)
		all[i] = open_it(fam, i % 2 ? "a" : "b", READ);
	assert_int_equal(find_it(fam, "a").readers, 10);
	assert_int_equal(find_it(fam, "b").readers, 10);
	for (int i = 0; i < 20; i++)
		fam_region_close(all[i]);
	remove_it("a");
	remove_it("b");
}

static void a_child_has_nothing_open(void **state)
{
	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	enter(0, "forks", "");
	assert_true(is_ready(0));
	assert_int_equal(find_it(fam, "a").readers, 1);
	die(0);
}

static void who_detaches_has_nothing_open(void **state)
{
	struct fam *other = attach(0);

	(void)state;
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	map_it(open_it(other, "a", WRITE), 0, 0);
	fam_close(other);
	assert_int_equal(find_it(fam, "a").writers, 0);
	assert_int_equal(fam_region_destroy(fam, "a", 0), 0);
}

/* --- rights ------------------------------------------------------------------------------ */

static void give(uint32_t mode, uint32_t uid, uint32_t gid)
{
	const struct fam_region_rights rights = {mode, uid, gid};

	assert_int_equal(fam_region_set(fam, "a", &rights, NO_SYNC), 0);
}

static void mode_and_owner_say_who_may(void **state)
{
	static const struct {
		uint32_t mode, uid, gid;
		int read, write;
	} rows[] = {
		{0600, 0, 0, -EACCES, -EACCES},
		{0666, 0, 0, 0, 0},
		{0604, 0, 0, 0, -EACCES},
		{0602, 0, 0, -EACCES, -EACCES},
		{0660, 0, 65534, 0, 0},
		{0640, 0, 65534, 0, -EACCES},
		/* The first that is his counts, though others may. */
		{0606, 0, 65534, -EACCES, -EACCES},
		{0066, 65534, 65534, -EACCES, -EACCES},
		{0600, 65534, 0, 0, 0},
		{0400, 65534, 0, 0, -EACCES},
		{0000, 65534, 0, -EACCES, -EACCES},
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		give(rows[i].mode, rows[i].uid, rows[i].gid);
		assert_int_equal(result_of("reads", NOBODY), rows[i].read);
		assert_int_equal(result_of("writes", NOBODY), rows[i].write);
		assert_int_equal(result_of("excludes", NOBODY), rows[i].write);
		assert_int_equal(try_open(fam, "a", WRITE), 0);
	}
}

static void only_the_owner_removes_and_renames(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	give(0666, 0, 0);
	assert_int_equal(result_of("destroys", NOBODY), -EACCES);
	assert_int_equal(result_of("renames", NOBODY), -EACCES);
	assert_int_equal(result_of("replaces", NOBODY), -EACCES);
	assert_int_equal(result_of("sets", NOBODY "0777 -1 -1"), -EACCES);
	give(0, 65534, 0);
	assert_int_equal(result_of("renames", NOBODY), 0);
	assert_int_equal(fam_region_rename(fam, "b", "a", 0), 0);
	assert_int_equal(result_of("replaces", NOBODY), 0);
	assert_int_equal(find_it(fam, "a").uid, 65534);
	assert_int_equal(result_of("destroys", NOBODY), 0);
	assert_int_equal(try_find(fam, "a"), -ENOENT);
}

static void only_root_gives_it_to_others(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(try_make(fam, "a", PAGE, NO_SYNC), 0);
	give(0600, 65534, 0);
	assert_int_equal(result_of("sets", NOBODY "0600 1 -1"), -EPERM);
	assert_int_equal(result_of("sets", NOBODY "0600 -1 1"), -EPERM);
	assert_int_equal(result_of("sets", NOBODY "0644 65534 65534"), 0);
	assert_int_equal(find_it(fam, "a").mode, 0644);
	assert_int_equal(find_it(fam, "a").gid, 65534);
	assert_int_equal(result_of("sets", NOBODY "1000 -1 -1"), -EINVAL);
}

static void its_maker_has_it_open_whatever_its_mode(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(result_of("makes", NOBODY), -EACCES);
	assert_int_equal(find_it(fam, "a").uid, 65534);
	assert_int_equal(find_it(fam, "a").mode, 0400);
}

static void what_is_open_keeps_its_rights(void **state)
{
	struct fam_region *region = make(fam, "a", PAGE, WRITE | NO_SYNC);
	struct fam_region_rights rights = {0, UINT32_MAX, UINT32_MAX};
	char *p;

	(void)state;
	assert_int_equal(fam_region_set(fam, "a", &rights, 0), 0);
	assert_int_equal(find_it(fam, "a").mode, 0);
	p = map_it(region, 0, 0);
	assert_int_equal(touch(p, true), 0);
	assert_int_equal(fam_region_unmap(region, p), 0);
	assert_int_equal(fam_region_resize(region, 10, 0), 0);
	if (geteuid() != 0)
		assert_int_equal(try_open(fam, "a", READ), -EACCES);
	fam_region_close(region);
}

#define on(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		on(what_is_open_is_not_destroyed),
		on(one_may_exclude_other_writers),
		on(it_is_told_who_has_it_open),
		on(a_listing_looks_at_each_record_once),
		on(records_are_found_wherever_they_are),
		on(there_are_as_many_openings_as_there_is_room_for),
		on(a_new_one_needs_room_for_its_opening),
		on(what_the_dead_had_open_is_free),
		on(so_is_what_they_had_open_very_often),
		on(a_child_has_nothing_open),
		on(who_detaches_has_nothing_open),
		on(mode_and_owner_say_who_may),
		on(only_the_owner_removes_and_renames),
		on(only_root_gives_it_to_others),
		on(its_maker_has_it_open_whatever_its_mode),
		on(what_is_open_keeps_its_rights),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
