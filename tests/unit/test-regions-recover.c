// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The directory of regions after deaths and power cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regions-file.h"

static int set_up(void **state)
{
	(void)state;
	return stage_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	return stage_tear_down();
}

static struct fam_regions *map(void)
{
	struct fam_regions *r = NULL;

	assert_int_equal(fam_regions_map(fam, &r), 0);
	return r;
}

static uint64_t seen(uint32_t index)
{
	return fam_word_peek(&fam_regions_seen(map(), index)->generation);
}

static struct fam_region_entry made_by(uint64_t holder, uint64_t boot,
				       struct fam_region_entry entry)
{
	entry.state = FAM_REGION_MAKING;
	entry.holder = holder;
	entry.boot = boot;
	return entry;
}

static uint64_t dead(void)
{
	return UINT64_C(0x1234567) << 24 | 900u << 14;
}

/* As after a power cut: copies that the disk had, nobody remembers anything. */
static void boot_with(uint32_t index, uint64_t generation, uint64_t stamp,
		      struct fam_region_entry entry)
{
	entry.generation = generation;
	entry.stamp = stamp;
	leave_copy(index, generation & 1, entry);
}

/* --- deaths ------------------------------------------------------------------------- */

static void nothing(struct fam *own, struct fam_regions *r)
{
	(void)own;
	(void)r;
}

static void a_death_changes_nothing_that_was_whole(void **state)
{
	uint64_t epoch;

	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	assert_int_equal(put(fam, 1, region("b", 1, 1), true) == 0 ||
				 fam->source.in_memory,
			 1);
	epoch = fam_word_peek(&fam_regions_live(map())->epoch);
	die_doing("nothing");
	assert_int_equal(find(fam, "a"), 0);
	assert_true(fam_word_peek(&fam_regions_live(map())->epoch) > epoch);
	assert_int_equal(find(two, "a"), 0);
	/* Once is enough. */
	epoch = fam_word_peek(&fam_regions_live(map())->epoch);
	assert_int_equal(find(fam, "a"), 0);
	assert_int_equal(fam_word_peek(&fam_regions_live(map())->epoch), epoch);
}

/* Half of what the next generation is to be, over the copy that is not to count. */
static void write_half(struct fam_regions *r, unsigned int copy,
		       const struct fam_region_entry *entry)
{
	uint64_t words[64];

	memcpy(words, entry, sizeof(words));
	for (int i = 0; i < 20; i++)
		fam_word_poke(fam_regions_copy(r, copy, 0) + i, words[i]);
}

static void tear_other(struct fam *own, struct fam_regions *r)
{
	struct fam_region_both both;
	struct fam_region_entry entry;

	fam_regions_read(own, r, 0, &both);
	entry = both.copy[both.last];
	strcpy(entry.name, "torn");
	entry.generation++;
	fam_region_seal(&entry, own->sb.uuid, 0);
	write_half(r, !both.last, &entry);
}

static void a_torn_copy_is_written_anew(void **state)
{
	struct fam_region_both both;

	(void)state;
	if (fam->source.in_memory)
		skip();
	assert_int_equal(put(fam, 0, region("a", 0, 1), true), 0);
	die_doing("tear_other");
	assert_int_equal(both_of(two, 0).is[0], FAM_COPY_BAD);
	assert_int_equal(find(two, "a"), 0);
	both = both_of(two, 0);
	assert_int_equal(both.is[0], FAM_COPY_GOOD);
	assert_false(fam_region_is_loose(&both));
}

/* The writer of a copy that counts: what others have seen must not be undone. */
static void tear_over(struct fam *own, struct fam_regions *r)
{
	struct fam_regions_live *live = fam_regions_live(r);
	struct fam_region_both both;
	struct fam_region_entry entry;
	uint64_t words[64];

	fam_regions_read(own, r, 0, &both);
	entry = both.copy[both.last];
	strcpy(entry.name, "after");
	entry.generation += 2;
	entry.stamp++;
	fam_region_seal(&entry, own->sb.uuid, 0);
	memcpy(words, &entry, sizeof(words));
	for (int i = 0; i < 64; i++)
		fam_word_poke(&live->over_entry[i], words[i]);
	fam_word_poke(&live->over,
		      UINT64_C(1) << 63 | (uint64_t)both.last << 32);
	write_half(r, (unsigned int)both.last, &entry);
}

static void what_was_written_over_is_gone_on_with(void **state)
{
	struct fam_region_entry entry;

	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	die_doing("tear_over");
	assert_int_equal(both_of(two, 0).last, -1);
	/* Who looks without the lock knows what it will be. */
	assert_int_equal(fam_regions_load(two, map(), 0, &entry), 0);
	assert_string_equal(entry.name, "after");
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(find(two, "after"), 0);
	assert_int_equal(find(fam, "after"), 0);
	assert_int_equal(seen(0), 3);
	assert_int_equal(fam_word_peek(&fam_regions_live(map())->over), 0);
}

static void tear_first(struct fam *own, struct fam_regions *r)
{
	struct fam_region_entry entry = region("a", 0, 1);

	entry.generation = entry.stamp = 1;
	fam_region_seal(&entry, own->sb.uuid, 0);
	write_half(r, 1, &entry);
}

static void the_first_change_of_all_leaves_nothing(void **state)
{
	(void)state;
	die_doing("tear_first");
	assert_int_equal(both_of(two, 0).is[1], FAM_COPY_BAD);
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(both_of(two, 0).is[1], FAM_COPY_UNUSED);
	assert_int_equal(put(two, 0, region("b", 0, 1), false), 0);
}

static void make_two(struct fam *own, struct fam_regions *r)
{
	struct fam_region_change change = {1, made_by(fam_park_self(own),
						      fam_regions_boot(own),
						      region("mine", 1, 1))};

	(void)fam_regions_change(own, r, &change, 1, false);
	change.index = 2;
	change.entry.offset += PAGE;
	change.entry.state = FAM_REGION_TRIMMING;
	memset(change.entry.name, 0, sizeof(change.entry.name));
	(void)fam_regions_change(own, r, &change, 1, false);
}

static void what_the_dead_were_making_is_free(void **state)
{
	struct fam_region_entry entry;

	(void)state;
	assert_int_equal(put(fam, 0,
			     made_by(fam_park_self(fam), fam_regions_boot(fam),
				     region("here", 0, 1)),
			     false),
			 0);
	die_doing("make_two");
	assert_int_equal(entry_of(two, 0).state, FAM_REGION_MAKING);
	for (uint32_t i = 1; i < 3; i++) {
		entry = entry_of(two, i);
		assert_int_equal(entry.state, FAM_REGION_FREE);
		assert_int_equal(entry.flags, FAM_REGION_TRIM);
		assert_int_equal(entry.serial, 77);
		assert_int_equal(entry.space, PAGE);
	}
	assert_int_not_equal(fam_word_peek(&fam_regions_live(map())->loose), 0);
	assert_int_equal(find(two, "here"), 0);
}

static void a_name_that_a_dead_one_was_making_is_free(void **state)
{
	(void)state;
	assert_int_equal(
		put(fam, 0,
		    made_by(dead(), fam_regions_boot(fam), region("a", 0, 1)),
		    false),
		0);
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(entry_of(two, 0).state, FAM_REGION_FREE);
}

static void all_that_dead_ones_were_making_is_swept(void **state)
{
	struct fam_regions *r;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct fam_region_entry entry = region("", i, 1);

		entry.state = FAM_REGION_MAKING;
		entry.holder = i == 3 ? fam_park_self(fam) : dead();
		entry.boot = fam_regions_boot(fam);
		assert_int_equal(put(fam, i, entry, false), 0);
	}
	r = lock(two);
	assert_int_equal(fam_regions_sweep(two, r), 4);
	assert_int_equal(fam_regions_sweep(two, r), 0);
	fam_regions_unlock(two, r);
	assert_int_equal(entry_of(fam, 3).state, FAM_REGION_MAKING);
	assert_int_equal(entry_of(fam, 4).state, FAM_REGION_FREE);
}

static void free_without_telling(struct fam *own, struct fam_regions *r)
{
	struct fam_region_entry entry;

	(void)fam_regions_entry(own, r, 0, &entry);
	fam_region_clear(&entry);
	entry.generation += 2;
	entry.stamp++;
	fam_region_seal(&entry, own->sb.uuid, 0);
	fam_regions_store(r, 1, 0, &entry);
}

/* Dead between the entry and what tells of it. */
static void others_learn_what_the_dead_have_not_told(void **state)
{
	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	assert_int_equal(find(two, "a"), 0);
	die_doing("free_without_telling");
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(find(fam, "a"), -ENOENT);
	assert_int_equal(seen(0), 3);
}

/* --- power cuts ---------------------------------------------------------------------- */

static struct fam_region_entry mark(uint64_t page, uint64_t pages)
{
	struct fam_region_entry entry = region("", page, pages);

	entry.state = FAM_REGION_FREE;
	entry.flags = FAM_REGION_TRIM;
	entry.bytes = entry.mode = 0;
	return entry;
}

/* Blocks to be given back, or what a dead one was making, around a region. */
static void what_is_only_held_back_is_no_rival(void **state)
{
	static const uint32_t mark_at[] = {0, 9};
	struct fam_regions *r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(fam, 5, region("a", 2, 2), true), 0);
		assert_int_equal(put(fam, mark_at[i], mark(0, 10), false), 0);
		assert_true(is_loose(fam, mark_at[i]));
		assert_int_equal(find(two, "a"), 5);
		r = lock(two);
		assert_int_equal(fam_regions_reread(two, r, FAM_REREAD_DEATH),
				 0);
		fam_regions_unlock(two, r);
		assert_int_equal(find(two, "a"), 5);
		reboot();
		assert_int_equal(find(fam, "a"), 5);
		assert_int_equal(entry_of(two, 5).space, 2 * PAGE);
		assert_int_equal(put(fam, mark_at[i], mark(20, 1), true), 0);
	}
}

/* The keeper, who reads it, does not care. */
__attribute__((no_sanitize("thread"))) static void reach(struct fam *by,
							 enum fam_via via)
{
	by->source.via = via;
}

/* One wrong byte in what is not under a checksum. */
static void what_is_wrongly_said_to_be_unused_is_there(void **state)
{
	struct fam_regions *r;

	(void)state;
	assert_int_equal(fam_regions_map(two, &r), 0);
	assert_int_equal(put(fam, 3, region("a", 0, 1), true), 0);
	fam_word_poke(&fam_regions_seen(map(), 3)->generation, 0);
	reach(two, FAM_VIA_RESOURCE); /* as in a node */
	assert_int_equal(find(two, "a"), 3);
	reach(two, FAM_VIA_FILE);
}

static int no_disk_post(struct fam *by, struct fam_ask *ask)
{
	(void)by;
	(void)ask;
	return -ENOTCONN;
}

/* A node may have been at work before anybody noted that the host was started. */
static void what_is_there_after_a_start_need_not_be_on_the_disk(void **state)
{
	const struct fam_persist_ops *with = two->persist;
	struct fam_persist_ops without = *with;

	(void)state;
	without.post = no_disk_post;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	two->persist = &without;
	reboot();
	assert_int_equal(find(two, "a"), 0);
	assert_true(is_loose(two, 0));
	assert_int_equal(fam_word_peek(&fam_regions_live(map())->loose), 3);
	two->persist = with;
	assert_int_equal(put(two, 1, region("b", 1, 1), true), 0);
	assert_false(is_loose(two, 0));
}

static void after_a_power_cut_what_is_there_becomes_durable(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);

	(void)state;
	assert_int_equal(put(fam, 0, entry, false), 0);
	assert_true(is_loose(fam, 0));
	fam_word_set(&fam_regions_live(map())->loose, 3);
	fam_word_poke(&fam_regions_seen(map(), 0)->generation, 99);
	fam_word_poke(&fam_regions_seen(map(), 9)->generation, 99);
	reboot();
	assert_int_equal(find(two, "a"), 0);
	assert_false(is_loose(two, 0));
	assert_int_equal(both_of(two, 0).copy[0].generation, 1);
	assert_int_equal(seen(0), 1);
	assert_int_equal(seen(9), 0);
	assert_int_equal(fam_word_peek(&fam_regions_live(map())->loose), 3);
	assert_int_equal(fam_word_peek(&fam_regions_live(map())->boot),
			 fam_regions_boot(two));
	/* So the next change leaves it alone. */
	entry.mode = 0644;
	assert_int_equal(put(two, 0, entry, false), 0);
	assert_int_equal(both_of(two, 0).copy[1].generation, 1);
	assert_int_equal(both_of(two, 0).copy[0].generation, 2);
}

static void numbers_go_on_above_those_on_the_disk(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);
	struct fam_regions *r;

	(void)state;
	entry.serial = 5000;
	boot_with(0, 1, 900, entry);
	reboot();
	r = lock(two);
	assert_int_equal(fam_regions_serial(r), 5001);
	fam_regions_unlock(two, r);
	assert_int_equal(put(two, 1, region("b", 1, 1), false), 0);
	assert_int_equal(entry_of(two, 1).stamp, 901);
}

static void of_two_at_one_place_the_later_one_stays(void **state)
{
	(void)state;
	boot_with(0, 1, 10, region("a", 0, 4));
	boot_with(1, 1, 20, region("b", 2, 4));
	boot_with(2, 1, 15, region("c", 5, 4));
	boot_with(3, 1, 5, region("d", 8, 2)); /* only "c" was in its way */
	reboot();
	assert_int_equal(find(two, "b"), 1);
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(find(two, "c"), -ENOENT);
	assert_int_equal(entry_of(two, 0).state, FAM_REGION_FREE);
	assert_int_equal(entry_of(two, 0).space, 0); /* another one's */
	assert_int_equal(find(fam, "a"), -ENOENT);
}

static void of_two_with_one_name_the_later_one_stays(void **state)
{
	struct fam_regions *r;

	(void)state;
	boot_with(7, 1, 20, region("a", 0, 1));
	boot_with(8, 2, 10, region("a", 1, 1));
	reboot();
	assert_int_equal(find(two, "a"), 7);
	assert_int_equal(entry_of(two, 8).state, FAM_REGION_FREE);
	r = lock(two);
	assert_true(fam_index_is_free(r->index, FAM_DATA_OFFSET + PAGE, PAGE));
	fam_regions_unlock(two, r);
}

static void what_was_being_made_before_a_power_cut_is_free(void **state)
{
	uint64_t boot = fam_regions_boot(fam);

	(void)state;
	/* By a session that lives: with the boot of before nobody does it. */
	assert_int_equal(
		put(fam, 0,
		    made_by(fam_park_self(fam), boot, region("a", 0, 1)),
		    false),
		0);
	reboot();
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(entry_of(two, 0).flags, FAM_REGION_TRIM);
}

/* "a" was destroyed, which is not on the disk, and was to be made anew. */
static void who_was_making_something_is_in_nobodys_way(void **state)
{
	struct fam_region_entry making = made_by(dead(), 1, region("a", 1, 4));

	(void)state;
	boot_with(0, 1, 5, region("a", 0, 2));
	boot_with(1, 1, 7, making);
	reboot();
	assert_int_equal(find(two, "a"), 0);
	assert_int_equal(entry_of(two, 1).state, FAM_REGION_FREE);
	assert_int_equal(find(fam, "a"), 0);
}

static void a_copy_that_waited_in_vain_never_counts(void **state)
{
	struct fam_region_entry first = region("a", 0, 1),
				second = region("b", 1, 1);

	(void)state;
	/* "a" was to be renamed to "b" (stamp 20), and "b" to be destroyed. */
	boot_with(0, 1, 5, first);
	boot_with(1, 1, 6, second);
	second = freed(second);
	second.after_index = 0;
	second.after_stamp = 20;
	boot_with(1, 2, 21, second);
	assert_int_equal(both_of(two, 1).is[0], FAM_COPY_WAITS);
	reboot();
	assert_int_equal(find(two, "b"), 1);
	assert_int_equal(both_of(two, 1).is[0], FAM_COPY_GOOD);
	/* Now its stamp is as high as that, and more. */
	for (int i = 0; i < 30; i++) {
		first.mode ^= 1;
		assert_int_equal(put(two, 0, first, false), 0);
	}
	assert_true(entry_of(two, 0).stamp > 20);
	assert_int_equal(find(two, "b"), 1);
	assert_int_equal(both_of(two, 1).copy[0].after_stamp, 0);
}

static void what_is_left_of_a_first_change_is_cleared(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);

	(void)state;
	boot_with(0, 1, 5, entry);
	tear_copy(0, 1);
	fam_word_poke(&fam_regions_seen(map(), 0)->generation, 1);
	entry.after_index = 9;
	entry.after_stamp = 3;
	boot_with(1, 1, 5, entry);
	reboot();
	assert_int_equal(find(two, "a"), -ENOENT);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(both_of(two, i).is[1], FAM_COPY_UNUSED);
		assert_int_equal(seen(i), 0);
	}
}

/* What stood there of before the power cut is of no worth. */
static void what_was_written_over_before_a_power_cut_is_forgotten(void **state)
{
	struct fam_regions_live *live = fam_regions_live(map());

	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	die_doing("tear_over");
	reboot();
	assert_int_equal(find(two, "after"), -ENOENT);
	assert_int_equal(fam_word_peek(&live->over), 0);
	assert_int_equal(entry_of(two, 0).state, FAM_REGION_FREE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	static const struct deed deeds[] = {
		{"nothing", nothing},
		{"tear_other", tear_other},
		{"tear_over", tear_over},
		{"tear_first", tear_first},
		{"make_two", make_two},
		{"free_without_telling", free_without_telling},
		{0},
	};
	const struct CMUnitTest tests[] = {
		TEST(a_death_changes_nothing_that_was_whole),
		TEST(a_torn_copy_is_written_anew),
		TEST(what_was_written_over_is_gone_on_with),
		TEST(the_first_change_of_all_leaves_nothing),
		TEST(what_the_dead_were_making_is_free),
		TEST(a_name_that_a_dead_one_was_making_is_free),
		TEST(all_that_dead_ones_were_making_is_swept),
		TEST(others_learn_what_the_dead_have_not_told),
		TEST(after_a_power_cut_what_is_there_becomes_durable),
		TEST(what_is_only_held_back_is_no_rival),
		TEST(what_is_wrongly_said_to_be_unused_is_there),
		TEST(what_is_there_after_a_start_need_not_be_on_the_disk),
		TEST(numbers_go_on_above_those_on_the_disk),
		TEST(of_two_at_one_place_the_later_one_stays),
		TEST(of_two_with_one_name_the_later_one_stays),
		TEST(what_was_being_made_before_a_power_cut_is_free),
		TEST(who_was_making_something_is_in_nobodys_way),
		TEST(a_copy_that_waited_in_vain_never_counts),
		TEST(what_is_left_of_a_first_change_is_cleared),
		TEST(what_was_written_over_before_a_power_cut_is_forgotten),
	};

	if (argc == 4 && strcmp(argv[1], "act") == 0)
		return deed_main(deeds, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
