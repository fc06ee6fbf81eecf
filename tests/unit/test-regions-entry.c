// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* One entry of the directory of regions, in memory: names, fields, what counts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regions/fam-region.h"

#define MIB   (UINT64_C(1) << 20)
#define DATA  (2 * MIB)
#define INDEX 5 /* of the entry that most is about */
#define OTHER 6 /* of one that it may wait for */

static struct fam fam;
static struct fam_regions regions;

/* Each copy that is looked at is summed up, in three parts. */
static _Atomic unsigned int sums;

uint32_t __real_fam_crc32c(uint32_t crc, const void *data, size_t len);
uint32_t __wrap_fam_crc32c(uint32_t crc, const void *data, size_t len);

uint32_t __wrap_fam_crc32c(uint32_t crc, const void *data, size_t len)
{
	sums++;
	return __real_fam_crc32c(crc, data, len);
}

static int set_up(void **state)
{
	(void)state;
	memset(&fam, 0, sizeof(fam));
	memset(&regions, 0, sizeof(regions));
	fam.data_offset = DATA;
	fam.data_bytes = 12 * MIB;
	fam.sb.regions_bytes = MIB;
	fam.sb.uuid[3] = 7;
	fam.regions = &regions;
	regions.bytes = MIB;
	regions.places = fam_regions_places(fam_regions_fit(MIB));
	regions.area = aligned_alloc(4096, MIB);
	memset(regions.area, 0, MIB);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(regions.area);
	return 0;
}

/* --- entries --------------------------------------------------------------------- */

static struct fam_region_entry entry_of(uint64_t generation, uint64_t stamp)
{
	return (struct fam_region_entry){
		.generation = generation,
		.stamp = stamp,
		.serial = 3,
		.state = FAM_REGION_READY,
		.offset = DATA + MIB,
		.space = 8192,
		.bytes = 5000,
		.mode = 0640,
		.name = "a/b",
		.node = "n1",
	};
}

static enum fam_region_copy sealed(struct fam_region_entry entry)
{
	fam_region_seal(&entry, fam.sb.uuid, INDEX);
	return fam_region_copy_check(&fam, &entry, INDEX);
}

enum { U = 0, B = -1 }; /* never used; damaged; else a generation */

static void put_copy(uint32_t index, unsigned int copy, int what,
		     struct fam_region_entry entry)
{
	if (what == U)
		memset(&entry, 0, sizeof(entry));
	else
		fam_region_seal(&entry, fam.sb.uuid, index);
	if (what == B)
		entry.crc32c++;
	fam_regions_store(&regions, copy, index, &entry);
}

/* --- fields ------------------------------------------------------------------------ */

static void every_byte_is_under_the_checksum(void **state)
{
	struct fam_region_entry entry = entry_of(1, 1);

	(void)state;
	fam_region_seal(&entry, fam.sb.uuid, INDEX);
	assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX),
			 FAM_COPY_GOOD);
	for (size_t i = 0; i < sizeof(entry); i++) {
		((uint8_t *)&entry)[i] ^= 0x10;
		assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX),
				 FAM_COPY_BAD);
		((uint8_t *)&entry)[i] ^= 0x10;
	}
	assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX + 1),
			 FAM_COPY_BAD);
	fam.sb.uuid[0]++;
	assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX),
			 FAM_COPY_BAD);
}

static void what_is_all_zero_was_never_used(void **state)
{
	struct fam_region_entry entry = {0};

	(void)state;
	assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX),
			 FAM_COPY_UNUSED);
	for (size_t i = 0; i < sizeof(entry); i++) {
		((uint8_t *)&entry)[i] = 1;
		assert_int_equal(fam_region_copy_check(&fam, &entry, INDEX),
				 FAM_COPY_BAD);
		((uint8_t *)&entry)[i] = 0;
	}
}

#define BAD(change)                                         \
	do {                                                \
		struct fam_region_entry e = entry_of(1, 9); \
		change;                                     \
		assert_int_equal(sealed(e), FAM_COPY_BAD);  \
	} while (0)

#define GOOD(change)                                        \
	do {                                                \
		struct fam_region_entry e = entry_of(1, 9); \
		change;                                     \
		assert_int_equal(sealed(e), FAM_COPY_GOOD); \
	} while (0)

static void numbers_out_of_range_are_damage(void **state)
{
	(void)state;
	GOOD((void)e);
	BAD(e.generation = 0);
	BAD(e.generation = FAM_REGION_RISING_MAX);
	BAD(e.stamp = 0);
	BAD(e.stamp = UINT64_MAX);
	BAD(e.serial = 0);
	BAD(e.serial = FAM_REGION_RISING_MAX);
	BAD(e.mode = 01000);
	BAD(e.reserved0 = 1);
	BAD(e.reserved1[7] = 1);
	BAD(e.state = 4);
	BAD(e.after_index = 3);
	BAD(e.after_stamp = 9); /* not before its own */
	BAD(e.after_stamp = 8; e.after_index = INDEX);
	BAD(e.after_stamp = 8; e.after_index = regions.places.entries);
	GOOD(e.after_stamp = 8; e.after_index = OTHER);
	GOOD(e.uid = e.gid = UINT32_MAX; e.type = UINT32_MAX);
}

static void space_outside_the_data_is_damage(void **state)
{
	const uint64_t end = DATA + 12 * MIB;

	(void)state;
	BAD(e.offset = DATA - 4096);
	BAD(e.offset = 0);
	BAD(e.offset += 512);
	BAD(e.offset = end);
	BAD(e.offset = UINT64_MAX - 4095);
	BAD(e.space = 0; e.bytes = 0);
	BAD(e.space = 4095; e.bytes = 0);
	BAD(e.space = UINT64_MAX - 4095);
	BAD(e.offset = end - 4096);
	BAD(e.bytes = 8193);
	GOOD(e.offset = end - 8192);
	GOOD(e.bytes = 0);
	GOOD(e.offset = DATA; e.space = 12 * MIB);
	BAD(e.offset = DATA; e.space = 12 * MIB + 4096);
}

static void states_have_what_belongs_to_them(void **state)
{
	const uint64_t me = UINT64_C(5) << 24;

	(void)state;
	BAD(e.flags = FAM_REGION_TRIM);
	BAD(e.holder = me);
	BAD(e.boot = 1);
	BAD(e.state = FAM_REGION_MAKING);
	BAD(e.state = FAM_REGION_MAKING; e.holder = me | 1);
	GOOD(e.state = FAM_REGION_MAKING; e.holder = me);
	GOOD(e.state = FAM_REGION_MAKING; e.holder = me; e.name[0] = 0;
	     memset(e.name, 0, sizeof(e.name)));
	BAD(e.state = FAM_REGION_TRIMMING; e.holder = me);
	GOOD(e.state = FAM_REGION_TRIMMING; e.holder = me; e.boot = 4;
	     memset(e.name, 0, sizeof(e.name)));
	BAD(e.state = FAM_REGION_FREE);
	GOOD(e.state = FAM_REGION_FREE; memset(e.name, 0, sizeof(e.name)));
	GOOD(fam_region_clear(&e));
	GOOD(e.space = e.offset = 0; fam_region_clear(&e);
	     assert_int_equal(e.flags, 0));
	BAD(fam_region_clear(&e); e.flags = 2);
}

static void text_is_stored_in_one_way_only(void **state)
{
	(void)state;
	BAD(e.name[0] = 0);
	BAD(e.name[255] = 'x');
	BAD(e.name[1] = '\n');
	BAD(memset(e.name, 'x', sizeof(e.name)));
	GOOD(memset(e.name, 'x', sizeof(e.name) - 1));
	BAD(memset(e.node, 'x', sizeof(e.node)));
	BAD(e.node[0] = '\033');
	BAD(e.node[63] = 'x');
	GOOD(memset(e.node, 0, sizeof(e.node)));
}

static void names_are_checked(void **state)
{
	static const struct {
		const char *name;
		int result;
	} names[] = {
		{"a", 0},
		{"a/b/c", 0},
		{"...", 0},
		{".a/b.", 0},
		{" ", 0},
		{"gr\xc3\xbc\xc3\x9f", 0},
		{"\xf0\x9f\x98\x80", 0},
		{"", -EINVAL},
		{"/", -EINVAL},
		{"/a", -EINVAL},
		{"a/", -EINVAL},
		{"a//b", -EINVAL},
		{".", -EINVAL},
		{"..", -EINVAL},
		{"a/.", -EINVAL},
		{"../a", -EINVAL},
		{"a/../b", -EINVAL},
		{"a/./b", -EINVAL},
		{"a\tb", -EINVAL},
		{"a\177", -EINVAL},
		{"a\xc2\x80", -EINVAL},	       /* a control character */
		{"\xc0\xaf", -EINVAL},	       /* too long for what it says */
		{"\xed\xa0\x80", -EINVAL},     /* half of a pair */
		{"\xf4\x90\x80\x80", -EINVAL}, /* above 10ffff */
		{"a\xc3", -EINVAL},
		{"\x80", -EINVAL},
	};
	char longest[FAM_REGION_NAME_MAX + 1] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(fam_region_name_check(names[i].name),
				 names[i].result);
	memset(longest, 'x', FAM_REGION_NAME_MAX);
	assert_int_equal(fam_region_name_check(longest), -ENAMETOOLONG);
	longest[FAM_REGION_NAME_MAX - 1] = '\0';
	assert_int_equal(fam_region_name_check(longest), 0);
}

/* --- which copy counts, and which is written --------------------------------------- */

static void the_copy_that_counts_and_the_one_to_write(void **state)
{
	static const struct {
		int copy[2];	    /* generations, U, B */
		int last;	    /* that counts */
		bool loose, unused; /* of the entry */
		unsigned int place; /* of the next change */
		uint64_t next;	    /* its generation */
	} rules[] = {
		{{U, U}, -1, false, true, 1, 1},
		{{U, 1}, 1, true, false, 1, 3},
		{{U, 3}, 1, true, false, 1, 5},
		{{1, 1}, 1, false, false, 0, 2},
		{{2, 1}, 0, true, false, 0, 4},
		{{4, 1}, 0, true, false, 0, 6},
		{{4, 4}, 0, false, false, 1, 5},
		{{4, 5}, 1, true, false, 1, 7},
		{{4, 7}, 1, true, false, 1, 9},
		{{7, 7}, 1, false, false, 0, 8},
		/* One was torn while it was written, or damaged. */
		{{B, 1}, 1, true, false, 0, 2},
		{{B, 7}, 1, true, false, 0, 8},
		{{4, B}, 0, true, false, 1, 5},
		{{B, 4}, 1, true, false, 0, 6},
		{{7, B}, 0, true, false, 1, 9},
		{{2, U}, 0, true, false, 0, 4},
		{{B, U}, -1, false, true, 1, 1},
		{{U, B}, -1, false, true, 1, 1},
		{{B, B}, -1, false, false, 1, 1},
	};
	struct fam_region_both both;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t generation = 0;

		for (unsigned int c = 0; c < 2; c++)
			put_copy(INDEX, c, rules[i].copy[c],
				 entry_of((uint64_t)abs(rules[i].copy[c]), 9));
		fam_regions_read(&fam, &regions, INDEX, &both);
		assert_int_equal(both.last, rules[i].last);
		assert_int_equal(both.unused, rules[i].unused);
		assert_int_equal(fam_region_is_loose(&both), rules[i].loose);
		assert_int_equal(fam_region_place(&both), rules[i].place);
		if (both.last >= 0)
			generation = both.copy[both.last].generation;
		assert_int_equal(
			fam_region_next(generation, fam_region_place(&both)),
			rules[i].next);
	}
}

/* The entry was as generation 2 says, and 3 waits for stamp 20 of another one. */
static void put_waiting(uint32_t index, uint32_t on)
{
	struct fam_region_entry waiting = entry_of(3, 30);

	waiting.after_index = on;
	waiting.after_stamp = 20;
	put_copy(index, 0, 2, entry_of(2, 9));
	put_copy(index, 1, 3, waiting);
}

static void one_that_waits_counts_if_the_other_one_changed(void **state)
{
	static const struct {
		int copy[2];
		uint64_t stamp[2];
		int last;
	} rules[] = {
		{{2, 1}, {19, 10}, 0}, {{2, 1}, {20, 10}, 1},
		{{2, 1}, {25, 10}, 1}, {{2, 2}, {19, 19}, 0},
		{{2, 2}, {21, 21}, 1}, {{2, B}, {20, 0}, 1},
		{{B, 1}, {20, 19}, 0}, {{B, 1}, {0, 20}, 1},
		{{U, U}, {0, 0}, 0},   {{U, B}, {0, 20}, 0},
		{{B, B}, {20, 20}, 1}, /* lost: not this one as well */
	};
	struct fam_region_both both;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		put_waiting(INDEX, OTHER);
		for (unsigned int c = 0; c < 2; c++)
			put_copy(OTHER, c, rules[i].copy[c],
				 entry_of((uint64_t)abs(rules[i].copy[c]),
					  rules[i].stamp[c] ? rules[i].stamp[c]
							    : 1));
		fam_regions_read(&fam, &regions, INDEX, &both);
		assert_int_equal(both.last, rules[i].last);
		assert_int_equal(both.is[1], rules[i].last ? FAM_COPY_GOOD
							   : FAM_COPY_WAITS);
		assert_int_equal(fam_region_place(&both), 1);
	}
}

static void what_was_mirrored_waits_for_nothing(void **state)
{
	struct fam_region_entry waiting = entry_of(3, 30);
	struct fam_region_both both;

	(void)state;
	waiting.after_index = OTHER;
	waiting.after_stamp = 20;
	put_copy(INDEX, 0, 3, waiting);
	put_copy(INDEX, 1, 3, waiting);
	fam_regions_read(&fam, &regions, INDEX, &both);
	assert_int_equal(both.last, 1);
	assert_false(fam_region_is_loose(&both));
}

static void the_first_change_may_wait_as_well(void **state)
{
	struct fam_region_both both;

	(void)state;
	put_waiting(INDEX, OTHER);
	put_copy(INDEX, 0, U, entry_of(1, 1));
	fam_regions_read(&fam, &regions, INDEX, &both);
	assert_int_equal(both.last, -1);
	assert_true(both.unused);
	assert_int_equal(fam_region_place(&both), 1);
}

static void those_that_wait_for_each_other_do_not_count(void **state)
{
	struct fam_region_both both;

	(void)state;
	put_waiting(INDEX, OTHER);
	put_waiting(OTHER, INDEX);
	fam_regions_read(&fam, &regions, INDEX, &both);
	assert_int_equal(both.last, 0);
	fam_regions_read(&fam, &regions, OTHER, &both);
	assert_int_equal(both.last, 0);
}

#define RING 12
#define MANY 260 /* copies that one look may cost */

/* All that others wrote waits for something: two ways on from each of them. */
static void a_ring_of_those_that_wait_is_not_followed_for_long(void **state)
{
	struct fam_region_both both;

	(void)state;
	for (uint32_t i = 0; i < RING; i++) {
		for (unsigned int c = 0; c < 2; c++) {
			struct fam_region_entry e = entry_of(c + 2, 30);

			e.after_index = (i + 1) % RING;
			e.after_stamp = 5;
			put_copy(i, c, 2, e);
		}
	}
	sums = 0;
	fam_regions_read(&fam, &regions, INDEX, &both);
	assert_int_equal(both.last, -1);
	assert_in_range(sums, 1, 3 * MANY);
}

/* Each waits for the next one, and the last one for nothing. */
static void a_chain_of_changes_is_followed(void **state)
{
	struct fam_region_both both;

	(void)state;
	for (uint32_t i = 0; i < 7; i++) {
		struct fam_region_entry e = entry_of(3, 30 - i);

		e.after_index = i + 1;
		e.after_stamp = 29 - i;
		put_copy(i, 0, 2, entry_of(2, 9));
		put_copy(i, 1, 3, e);
	}
	put_copy(7, 0, 2, entry_of(2, 9));
	put_copy(7, 1, 3, entry_of(3, 23));
	fam_regions_read(&fam, &regions, 0, &both);
	assert_int_equal(both.last, 1);
	put_copy(7, 1, 3, entry_of(3, 22));
	fam_regions_read(&fam, &regions, 0, &both);
	assert_int_equal(both.last, 0);
}

/* --- without the lock ------------------------------------------------------------------ */

static void only_what_is_ready_is_loaded(void **state)
{
	struct fam_region_entry entry = entry_of(1, 1), out;

	(void)state;
	assert_int_equal(fam_regions_load(&fam, &regions, INDEX, &out),
			 -ENOENT);
	put_copy(INDEX, 1, 1, entry);
	assert_int_equal(fam_regions_load(&fam, &regions, INDEX, &out), 0);
	assert_string_equal(out.name, "a/b");
	entry.state = FAM_REGION_MAKING;
	entry.holder = 1 << 24;
	put_copy(INDEX, 1, 1, entry);
	assert_int_equal(fam_regions_load(&fam, &regions, INDEX, &out),
			 -ENOENT);
	put_copy(INDEX, 0, B, entry);
	put_copy(INDEX, 1, B, entry);
	assert_int_equal(fam_regions_load(&fam, &regions, INDEX, &out),
			 -EBADMSG);
}

#define WRITES 20000

/* As a change does: the same copy again and again. */
static void *write_many(void *arg)
{
	(void)arg;
	for (uint64_t g = 1; g < 2 * WRITES; g += 2) {
		put_copy(INDEX, 1, 1, entry_of(g, g));
		fam_word_put(&fam_regions_seen(&regions, INDEX)->generation, g);
	}
	return NULL;
}

static void nothing_older_is_loaded_while_it_is_written(void **state)
{
	struct fam_region_entry out;
	uint64_t last = 0;
	pthread_t writer;

	(void)state;
	put_copy(INDEX, 1, 1, entry_of(1, 1));
	fam_word_put(&fam_regions_seen(&regions, INDEX)->generation, 1);
	/* Somebody has the lock, or it would be damage that nobody mends. */
	fam_regions_live(&regions)->lock.word[0] = 1 << 24;
	assert_int_equal(pthread_create(&writer, NULL, write_many, NULL), 0);
	while (last < 2 * WRITES - 1) {
		assert_int_equal(fam_regions_load(&fam, &regions, INDEX, &out),
				 0);
		assert_true(out.generation >= last);
		last = out.generation;
	}
	pthread_join(writer, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_byte_is_under_the_checksum),
		TEST(what_is_all_zero_was_never_used),
		TEST(numbers_out_of_range_are_damage),
		TEST(space_outside_the_data_is_damage),
		TEST(states_have_what_belongs_to_them),
		TEST(text_is_stored_in_one_way_only),
		TEST(names_are_checked),
		TEST(the_copy_that_counts_and_the_one_to_write),
		TEST(one_that_waits_counts_if_the_other_one_changed),
		TEST(what_was_mirrored_waits_for_nothing),
		TEST(the_first_change_may_wait_as_well),
		TEST(those_that_wait_for_each_other_do_not_count),
		TEST(a_ring_of_those_that_wait_is_not_followed_for_long),
		TEST(a_chain_of_changes_is_followed),
		TEST(only_what_is_ready_is_loaded),
		TEST(nothing_older_is_loaded_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
