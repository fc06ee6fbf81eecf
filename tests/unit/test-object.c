// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Named objects of one program, or of two attachments of it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "fabric-file.h"
#include "object-file.h"

static struct object_file file;
static struct fam *fam;

static int set_up(void **state)
{
	int r = object_file_set_up(&file, "/tmp");

	(void)state;
	fam = file.fam;
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	return object_file_tear_down(&file);
}

/* A piece of memory; NULL: @expected is what fam_object_open() said. */
static struct fam_object *open_as(struct fam *by, const char *name,
				  uint32_t type, unsigned int flags,
				  uint64_t bytes, int expected)
{
	const struct fam_object_want want = {
		.type = type, .flags = flags, .bytes = bytes};
	struct fam_object *const untouched = (struct fam_object *)&file;
	struct fam_object *object = untouched;

	assert_int_equal(fam_object_open(by, name, &want, &object), expected);
	if (expected == 0)
		return object;
	assert_ptr_equal(object, untouched);
	return NULL;
}

static struct fam_object *make(const char *name, uint64_t bytes)
{
	return open_as(fam, name, FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, bytes,
		       0);
}

static struct fam_object *find(const char *name, int expected)
{
	return open_as(fam, name, FAM_OBJECT_ANY, 0, 0, expected);
}

static void what_is_made_is_found_by_its_name(void **state)
{
	struct fam_object *made, *found;
	struct fam *other;
	char *memory;

	(void)state;
	assert_int_equal(fam_open(&other, file.path, 0), 0);
	find("a", -ENOENT);
	made = make("a", 1000);
	memory = fam_object_memory(made);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(memory[i], 0);
	memory[999] = 'x';
	found = open_as(other, "a", FAM_OBJECT_MEMORY, 0, 0, 0);
	assert_int_equal(fam_object_bytes(found), 1000);
	assert_int_equal(((char *)fam_object_memory(found))[999], 'x');
	assert_int_equal((uintptr_t)fam_object_memory(found) % 64, 0);
	fam_object_close(found);
	fam_object_close(made);
	found = open_as(other, "a", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, 5, 0);
	assert_int_equal(fam_object_bytes(found), 1000);
	fam_object_close(found);
	fam_object_close(NULL);
	fam_close(other);
}

static void two_openings_of_a_session_are_one(void **state)
{
	struct fam_object *one = make("a", 64), *two = find("a", 0);

	(void)state;
	assert_ptr_equal(fam_object_memory(one), fam_object_memory(two));
	fam_object_close(one);
	assert_int_equal(fam_object_remove(fam, "a"), -EBUSY);
	fam_object_close(two);
	assert_int_equal(fam_object_remove(fam, "a"), 0);
}

static void what_is_asked_for_is_checked(void **state)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
					     .flags = 8};
	struct fam_object *object;
	const unsigned int create = FAM_OBJECT_CREATE;

	(void)state;
	assert_int_equal(fam_object_open(fam, "a", &want, &object), -EINVAL);
	open_as(fam, "a", FAM_OBJECT_MEMORY, FAM_OBJECT_EXCLUSIVE, 0, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_MEMORY, FAM_OBJECT_DURABLE, 0, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_ANY, create, 64, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_POOL + 1, create, 64, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_MEMORY, create, 0, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_RING, create, 0, -EINVAL);
	open_as(fam, "a", FAM_OBJECT_MUTEX, create, 63, -EINVAL);
	object = open_as(fam, "a", FAM_OBJECT_MUTEX, create, 0, 0);
	assert_int_equal(fam_object_bytes(object), sizeof(struct fam_mutex));
	open_as(fam, "a", FAM_OBJECT_RWLOCK, create, 0, -EMEDIUMTYPE);
	open_as(fam, "a", FAM_OBJECT_MUTEX, create | FAM_OBJECT_EXCLUSIVE, 0,
		-EEXIST);
	fam_object_close(object);
}

static void names_are_printable_text(void **state)
{
	static const char *const bad[] = {"",
					  "/a",
					  "a/",
					  "a//b",
					  "/",
					  "a\nb",
					  "a\x7f",
					  "\x80",
					  "\xc3",
					  "\xc0\xaf",
					  "\xc2\x85",
					  "\xed\xa0\x80",
					  "\xf4\x90\x80\x80",
					  "\xf8\x88\x80\x80\x80",
					  "\xe0\x80\xaf"};
	static const char *const good[] = {
		"a",	    "chat/room/7",  " ",
		"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		".",	    "..",	    "\xc2\xa0"};
	char name[FAM_OBJECT_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		find(bad[i], -EINVAL);
		assert_int_equal(fam_object_remove(fam, bad[i]), -EINVAL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		fam_object_close(make(good[i], 64));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		fam_object_close(find(good[i], 0));
	memset(name, 'n', sizeof(name));
	name[FAM_OBJECT_NAME_MAX] = '\0';
	find(name, -ENAMETOOLONG);
	name[FAM_OBJECT_NAME_MAX - 1] = '\0';
	fam_object_close(make(name, 64));
	fam_object_close(find(name, 0));
}

/* --- removal ------------------------------------------------------------------ */

static void what_somebody_has_open_is_not_removed(void **state)
{
	struct fam_object *object;
	struct fam *other;

	(void)state;
	assert_int_equal(fam_object_remove(fam, "a"), -ENOENT);
	assert_int_equal(fam_open(&other, file.path, 0), 0);
	fam_object_close(make("a", 64));
	open_as(other, "a", FAM_OBJECT_ANY, 0, 0, 0);
	assert_int_equal(fam_object_remove(fam, "a"), -EBUSY);
	object = find("a", 0);
	fam_object_close(object);
	assert_int_equal(fam_object_remove(fam, "a"), -EBUSY);
	fam_close(other); /* without closing its object */
	assert_int_equal(fam_object_remove(fam, "a"), 0);
	find("a", -ENOENT);
	assert_int_equal(fam_object_remove(fam, "a"), -ENOENT);
}

static void space_is_used_again_and_is_zero(void **state)
{
	struct fam_object *a, *b;
	char *memory;

	(void)state;
	for (int i = 0; i < 100; i++) {
		a = make("a", 600 << 10);
		memory = fam_object_memory(a);
		for (size_t at = 0; at < 600 << 10; at += 1000)
			assert_int_equal(memory[at], 0);
		memset(memory, 0x55, 600 << 10);
		open_as(fam, "b", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE,
			600 << 10, -ENOSPC);
		b = make("b", 64);
		fam_object_close(a);
		fam_object_close(b);
		assert_int_equal(fam_object_remove(fam, "a"), 0);
		assert_int_equal(fam_object_remove(fam, "b"), 0);
	}
	open_as(fam, "b", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, MIB, -ENOSPC);
	open_as(fam, "b", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, UINT64_MAX,
		-ENOSPC);
}

static void pieces_of_all_sizes_never_overlap(void **state)
{
	char used[OBJECTS_BYTES / 64] = {0};
	char name[32];
	uint64_t at, n;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		struct fam_object *object;
		uint64_t bytes = 1 + (i * 2654435761u >> 8) % 9000;

		snprintf(name, sizeof(name), "o%u", i * 7919 % 60);
		if (fam_object_remove(fam, name) == 0)
			continue;
		object = make(name, bytes);
		fam_object_close(object);
	}
	for (int i = 0; i < (int)file.places.entries; i++) {
		const struct fam_objects_entry *e = object_file_entry(&file, i);

		if (!atomic_load(object_file_word(&file, i)))
			continue;
		at = e->offset - OBJECTS_OFFSET;
		assert_true(at >= file.places.memory && at % 64 == 0);
		assert_true(e->bytes < 4096 || at % 4096 == 0);
		for (n = at / 64; n * 64 < at + e->bytes; n++)
			assert_int_equal(used[n]++, 0);
	}
}

static void a_full_directory_is_an_error(void **state)
{
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < file.places.entries; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		fam_object_close(make(name, 64));
	}
	open_as(fam, "more", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, 64, -EMFILE);
	find("more", -ENOENT);
	fam_object_close(find("o255", 0));
	assert_int_equal(fam_object_remove(fam, "o100"), 0);
	fam_object_close(make("more", 64));
}

static void too_many_openings_are_an_error(void **state)
{
	struct fam_objects_open *o = (void *)(file.area + file.places.open);
	uint64_t self;

	(void)state;
	fam_object_close(make("a", 64));
	find("a", 0);
	self = 0;
	for (uint32_t i = 0; i < file.places.opens; i++)
		self |= atomic_load(&o[i].holder);
	self &= ~FAM_HOLDER_FLAGS;
	assert_true(self != 0);
	for (uint32_t i = 0; i < file.places.opens; i++)
		atomic_store(&o[i].holder, self);
	open_as(fam, "b", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, 64, -EMFILE);
	find("b", -ENOENT);
	/* Of one who is dead it is taken over. */
	atomic_store(&o[99].holder, self ^ (UINT64_C(1) << 40));
	fam_object_close(make("b", 64));
}

/* --- making and mending ---------------------------------------------------------- */

struct hook {
	int calls, result;
	uint64_t bytes;
	void *memory;
};

static int hook(struct fam *by, void *memory, uint64_t bytes, void *arg)
{
	struct hook *h = arg;

	assert_ptr_equal(by, fam);
	h->calls++;
	h->bytes = bytes;
	h->memory = memory;
	*(char *)memory = 'm';
	return h->result;
}

static void a_maker_fills_it_in(void **state)
{
	struct hook h = {.result = -EDOM};
	const struct fam_object_want want = {.type = FAM_OBJECT_RING,
					     .flags = FAM_OBJECT_CREATE,
					     .bytes = 777,
					     .make = hook,
					     .arg = &h};
	struct fam_object *object;

	(void)state;
	assert_int_equal(fam_object_open(fam, "r", &want, &object), -EDOM);
	find("r", -ENOENT);
	h.result = 3;
	assert_int_equal(fam_object_open(fam, "r", &want, &object), 3);
	find("r", -ENOENT);
	h.result = 0;
	assert_int_equal(fam_object_open(fam, "r", &want, &object), 0);
	assert_int_equal(h.calls, 3);
	assert_int_equal(h.bytes, 777);
	assert_ptr_equal(h.memory, fam_object_memory(object));
	fam_object_close(object);
	assert_int_equal(fam_object_open(fam, "r", &want, &object), 0);
	assert_int_equal(h.calls, 3);
	assert_int_equal(*(char *)fam_object_memory(object), 'm');
	fam_object_close(object);
}

static void after_a_new_start_of_the_host_it_is_mended_once(void **state)
{
	struct hook h = {0};
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MEMORY, .mend = hook, .arg = &h};
	struct fam_object *object;

	(void)state;
	fam_object_close(make("a", 64));
	object_file_reboot(&file);
	/* Who cannot mend it leaves that to others. */
	fam_object_close(find("a", 0));
	h.result = -EDOM;
	assert_int_equal(fam_object_open(fam, "a", &want, &object), -EDOM);
	h.result = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fam_object_open(fam, "a", &want, &object), 0);
		fam_object_close(object);
	}
	assert_int_equal(h.calls, 2);
	object_file_reboot(&file);
	assert_int_equal(fam_object_open(fam, "a", &want, &object), 0);
	assert_int_equal(h.calls, 3);
	fam_object_close(object);
}

/* The host did not know which start of it this is, and then it did. */
static void what_is_in_use_is_not_mended(void **state)
{
	struct hook h = {0};
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MEMORY, .mend = hook, .arg = &h};
	struct fam_object *object;
	struct fam *other;

	(void)state;
	assert_int_equal(fam_open(&other, file.path, 0), 0);
	open_as(other, "a", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, 64, 0);
	object_file_reboot(&file);
	assert_int_equal(fam_object_open(fam, "a", &want, &object), 0);
	assert_int_equal(h.calls, 0);
	fam_object_close(object);
	fam_close(other);
	assert_int_equal(fam_object_open(fam, "a", &want, &object), 0);
	assert_int_equal(h.calls, 0);
	fam_object_close(object);
}

/* --- all of them ------------------------------------------------------------------ */

static int collect(const struct fam_object_info *info, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s:%s:%u:%u ", info->name,
		fam_object_type_name(info->type), (unsigned int)info->bytes,
		info->users);
	return strcmp(info->name, "stop") == 0 ? 7 : 0;
}

static void all_are_told_in_order(void **state)
{
	struct fam_object *object;
	char text[512] = "";
	struct fam *other;

	(void)state;
	assert_int_equal(fam_object_each(fam, collect, text), 0);
	assert_string_equal(text, "");
	fam_object_close(make("b", 100));
	object = open_as(fam, "a", FAM_OBJECT_EVENT, FAM_OBJECT_CREATE, 0, 0);
	assert_int_equal(fam_open(&other, file.path, 0), 0);
	open_as(other, "a", FAM_OBJECT_EVENT, 0, 0, 0);
	assert_int_equal(fam_object_each(fam, collect, text), 0);
	assert_string_equal(text, "a:event:64:2 b:memory:100:0 ");
	fam_close(other);
	fam_object_close(object);
	fam_object_close(make("stop", 1));
	fam_object_close(make("z", 1));
	text[0] = '\0';
	assert_int_equal(fam_object_each(fam, collect, text), 7);
	assert_string_equal(text,
			    "a:event:64:0 b:memory:100:0 stop:memory:1:0 ");
	assert_string_equal(fam_object_type_name(0), "unknown");
	assert_string_equal(fam_object_type_name(99), "unknown");
}

/* --- fabrics without them --------------------------------------------------------- */

static void none(struct fam_superblock *sb)
{
	assert_int_equal(fam_superblock_set_objects(sb, 0), 0);
}

static void older(struct fam_superblock *sb)
{
	none(sb);
	sb->feature_compat &= ~(FAM_COMPAT_OBJECTS | FAM_COMPAT_REGIONS);
	sb->parking_offset = sb->parking_bytes = 0;
	sb->regions_offset = sb->regions_bytes = 0;
}

static void expect_none(void (*change)(struct fam_superblock *sb),
			unsigned int flags, const char *label, int expected)
{
	char text[64] = "";
	struct fam *f;

	assert_int_equal(
		fam_open(&f, fabric_make(&file.work, label, 2, change), flags),
		0);
	open_as(f, "a", FAM_OBJECT_MEMORY, FAM_OBJECT_CREATE, 64, expected);
	assert_int_equal(fam_object_remove(f, "a"), expected);
	assert_int_equal(fam_object_each(f, collect, text), expected);
	fam_close(f);
}

static void fabrics_without_objects_have_none(void **state)
{
	(void)state;
	expect_none(none, 0, "none", -EOPNOTSUPP);
	expect_none(older, 0, "older", -EOPNOTSUPP);
	expect_none(NULL, FAM_OPEN_NO_SESSION, "unseen", -EOPNOTSUPP);
	expect_none(NULL, FAM_OPEN_RDONLY, "rdonly", -EOPNOTSUPP);
}

static void a_later_directory_is_left_alone(void **state)
{
	(void)state;
	fam_object_close(make("a", 64));
	object_file_header(&file)->version = 1;
	find("a", -EBADMSG);
	assert_int_equal(fam_object_remove(fam, "a"), -EBADMSG);
	object_file_header(&file)->version = 0;
	fam_object_close(find("a", 0));
}

/* --- threads ------------------------------------------------------------------------ */

#define THREADS 4
#define NAMES	8

static void *open_and_close(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	char name[8];

	for (int i = 0; i < 500; i++) {
		const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
						     .flags = FAM_OBJECT_CREATE,
						     .bytes = 256};
		struct fam_object *object;

		snprintf(name, sizeof(name), "%d", rand_r(&seed) % NAMES);
		if (fam_object_open(fam, name, &want, &object))
			return &file;
		atomic_fetch_add((_Atomic uint32_t *)fam_object_memory(object),
				 1);
		fam_object_close(object);
	}
	return NULL;
}

static void threads_may_open_at_once(void **state)
{
	pthread_t thread[THREADS];
	uint32_t sum = 0;
	void *failed;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, open_and_close, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	for (int i = 0; i < NAMES; i++) {
		char name[8];
		struct fam_object *object;

		snprintf(name, sizeof(name), "%d", i);
		object = find(name, 0);
		sum += *(uint32_t *)fam_object_memory(object);
		fam_object_close(object);
	}
	assert_int_equal(sum, THREADS * 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_made_is_found_by_its_name),
		TEST(two_openings_of_a_session_are_one),
		TEST(what_is_asked_for_is_checked),
		TEST(names_are_printable_text),
		TEST(what_somebody_has_open_is_not_removed),
		TEST(space_is_used_again_and_is_zero),
		TEST(pieces_of_all_sizes_never_overlap),
		TEST(a_full_directory_is_an_error),
		TEST(too_many_openings_are_an_error),
		TEST(a_maker_fills_it_in),
		TEST(after_a_new_start_of_the_host_it_is_mended_once),
		TEST(what_is_in_use_is_not_mended),
		TEST(all_are_told_in_order),
		TEST(fabrics_without_objects_have_none),
		TEST(a_later_directory_is_left_alone),
		TEST(threads_may_open_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
