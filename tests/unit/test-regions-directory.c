// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The directory of regions: changes, and what others see of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "regions-file.h"

static int disk_error; /* what this program's write-backs fail with */
static int disk_syncs; /* how many there were */

int msync(void *addr, size_t len, int flags)
{
	disk_syncs++;
	errno = disk_error;
	return disk_error ? -1 : (int)syscall(SYS_msync, addr, len, flags);
}

int fdatasync(int fd)
{
	disk_syncs++;
	errno = disk_error;
	return disk_error ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int set_up(void **state)
{
	(void)state;
	disk_error = 0;
	return stage_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	return stage_tear_down();
}

/* A file system in memory makes nothing durable. */
static void need_a_disk(void)
{
	if (fam->source.in_memory)
		skip();
}

/* --- the lock ------------------------------------------------------------------------ */

static void change_anew(struct fam_superblock *sb)
{
	assert_int_equal(fam_superblock_set_regions(sb, 0), 0);
}

static void who_cannot_change_anything_does_not_get_the_lock(void **state)
{
	const char *none = fabric_make(&work, "none", 2, change_anew);
	struct fam_regions *r;
	struct fam *other;

	(void)state;
	assert_int_equal(fam_open(&other, none, 0), 0);
	assert_int_equal(fam_regions_lock(other, &r), -EOPNOTSUPP);
	fam_close(other);
	assert_int_equal(fam_open(&other, path, FAM_OPEN_RDONLY), 0);
	assert_int_equal(fam_regions_lock(other, &r), -EROFS);
	fam_close(other);
	assert_int_equal(fam_open(&other, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_regions_lock(other, &r), -EOPNOTSUPP);
	fam_close(other);
	r = lock(fam);
	assert_int_equal(fam_regions_lock(fam, &r), -EDEADLK);
	fam_regions_unlock(fam, r);
}

static void *count_up(void *arg)
{
	struct fam_region_entry entry;
	struct fam *by = arg;

	for (int i = 0; i < 500; i++) {
		struct fam_regions *r = lock(by);
		struct fam_region_change change = {.index = 0};

		assert_int_equal(fam_regions_entry(by, r, 0, &entry), 0);
		change.entry = entry;
		change.entry.uid++;
		assert_int_equal(fam_regions_change(by, r, &change, 1, false),
				 0);
		fam_regions_unlock(by, r);
	}
	return NULL;
}

static void threads_and_attachments_take_turns(void **state)
{
	struct fam *const by[] = {fam, fam, two, two};
	pthread_t thread[4];

	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, count_up, by[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(entry_of(fam, 0).uid, 2000);
}

/* --- one change -------------------------------------------------------------------------- */

static void a_change_is_loose_until_it_is_durable(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, entry, false), 0);
	assert_int_equal(entry_of(fam, 0).generation, 1);
	assert_true(is_loose(fam, 0));
	entry.mode = 0644;
	assert_int_equal(put(fam, 0, entry, false), 0);
	assert_int_equal(entry_of(fam, 0).generation, 3);
	/* Another one makes all durable that there is. */
	assert_int_equal(put(two, 1, region("b", 1, 1), true), 0);
	assert_false(is_loose(fam, 0));
	assert_false(is_loose(fam, 1));
	assert_int_equal(both_of(fam, 0).copy[0].generation, 3);
	assert_int_equal(both_of(fam, 0).copy[1].generation, 3);
	/* What is on the disk is left alone. */
	entry.mode = 0600;
	assert_int_equal(put(fam, 0, entry, false), 0);
	assert_int_equal(both_of(fam, 0).copy[0].generation, 4);
	assert_int_equal(both_of(fam, 0).copy[1].generation, 3);
	assert_int_equal(entry_of(two, 0).mode, 0600);
}

static void stamps_and_serials_rise(void **state)
{
	struct fam_regions *r;
	uint64_t serial, stamp;

	(void)state;
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	stamp = entry_of(fam, 0).stamp;
	assert_int_equal(put(two, 1, region("b", 1, 1), false), 0);
	assert_true(entry_of(fam, 1).stamp > stamp);
	r = lock(fam);
	serial = fam_regions_serial(r);
	assert_true(serial > 77); /* that of the entries */
	fam_regions_unlock(fam, r);
	r = lock(two);
	assert_true(fam_regions_serial(r) > serial);
	fam_regions_unlock(two, r);
}

static void what_would_not_be_good_is_not_written(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);

	(void)state;
	assert_int_equal(put(fam, 0, entry, false), 0);
	entry.bytes = entry.space + 1;
	assert_int_equal(put(fam, 0, entry, false), -EINVAL);
	assert_int_equal(put(fam, UINT32_MAX, region("b", 1, 1), false),
			 -EINVAL);
	assert_int_equal(put(fam, 1, region("a", 1, 1), false), -EEXIST);
	assert_int_equal(put(fam, 1, region("b", 0, 1), false), -EEXIST);
	assert_int_equal(entry_of(fam, 0).generation, 1);
	assert_int_equal(find(fam, "a"), 0);
	assert_int_equal(find(fam, "b"), -ENOENT);
	assert_int_equal(put(fam, 1, region("b", 1, 1), false), 0);
}

/* --- what cannot be made durable --------------------------------------------------------- */

static void a_change_that_fails_is_taken_back(void **state)
{
	struct fam_region_entry entry = region("a", 0, 4), was;
	struct fam_regions *r;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, entry, true), 0);
	was = entry_of(two, 0);
	disk_error = EIO;
	strcpy(entry.name, "b");
	entry.space = entry.bytes = PAGE;
	assert_int_equal(put(fam, 0, entry, true), -EIO);
	assert_int_equal(find(fam, "b"), -ENOENT);
	assert_int_equal(find(two, "b"), -ENOENT);
	assert_int_equal(find(two, "a"), 0);
	entry = entry_of(two, 0);
	assert_int_equal(entry.space, was.space);
	assert_true(entry.generation > was.generation);
	assert_true(is_loose(two, 0));
	/* The space as well. */
	r = lock(fam);
	assert_false(fam_index_is_free(r->index, was.offset + 3 * PAGE, PAGE));
	fam_regions_unlock(fam, r);
}

static void a_region_that_could_not_be_made_is_not_there(void **state)
{
	(void)state;
	need_a_disk();
	disk_error = EIO;
	assert_int_equal(put(fam, 0, region("a", 0, 1), true), -EIO);
	assert_int_equal(entry_of(fam, 0).state, FAM_REGION_FREE);
	assert_int_equal(entry_of(fam, 0).serial, 77);
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(put(two, 1, region("a", 0, 1), false), 0);
}

static void two_at_once_are_taken_back_at_once(void **state)
{
	struct fam_region_entry one = region("a", 0, 1),
				other = region("b", 1, 1);
	struct fam_region_both both;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	assert_int_equal(put(fam, 1, other, true), 0);
	disk_error = EIO;
	strcpy(one.name, "b");
	assert_int_equal(put_both(fam, 0, one, 1, freed(other), true), -EIO);
	assert_int_equal(find(two, "a"), 0);
	assert_int_equal(find(two, "b"), 1);
	/* They come after nothing that is after what they are instead of. */
	for (uint32_t i = 0; i < 2; i++) {
		both = both_of(fam, i);
		assert_true(fam_region_is_undone(&both));
	}
	/* Nobody else gets near it before that is durable. */
	assert_int_equal(put(two, 2, region("c", 2, 1), false), -EIO);
	assert_int_equal(put(two, 0, one, false), -EIO);
}

/* --- two at once ---------------------------------------------------------------------------- */

static void the_second_one_waits_for_the_first_one(void **state)
{
	struct fam_region_entry one = region("a", 0, 1),
				other = region("b", 1, 1);

	(void)state;
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_int_equal(put(fam, 1, other, false), 0);
	strcpy(one.name, "b");
	assert_int_equal(put_both(fam, 0, one, 1, freed(other), false), 0);
	assert_int_equal(find(two, "a"), -ENOENT);
	assert_int_equal(find(two, "b"), 0);
	assert_int_equal(entry_of(fam, 0).after_stamp, 0);
	assert_int_equal(entry_of(fam, 1).after_index, 0);
	assert_int_equal(entry_of(fam, 1).after_stamp, entry_of(fam, 0).stamp);
	/* It goes on doing so, whatever it becomes. */
	assert_int_equal(put(fam, 1, region("c", 5, 1), false), 0);
	assert_int_equal(entry_of(fam, 1).after_stamp, entry_of(fam, 0).stamp);
}

static void one_has_the_place_of_the_other_in_the_same_change(void **state)
{
	struct fam_region_entry one = region("a", 0, 1),
				other = region("b", 1, 1);

	(void)state;
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_int_equal(put(fam, 1, other, false), 0);
	one.space = one.bytes = 2 * PAGE;
	other.space = other.offset = 0;
	assert_int_equal(put_both(fam, 0, one, 1, freed(other), false), 0);
	assert_int_equal(entry_of(two, 0).space, 2 * PAGE);
	assert_int_equal(entry_of(two, 1).state, FAM_REGION_FREE);
}

/* --- what others see ------------------------------------------------------------------------ */

static void others_see_each_change(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);
	char name[16];

	(void)state;
	for (int i = 0; i < 700; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		strcpy(entry.name, name);
		entry.offset = FAM_DATA_OFFSET + (uint64_t)(i % 300) * PAGE;
		assert_int_equal(
			put(i % 2 ? fam : two, (uint32_t)(i % 3), entry, false),
			0);
		assert_int_equal(find(i % 2 ? two : fam, name), i % 3);
	}
}

static void others_see_more_changes_than_the_ring_tells(void **state)
{
	struct fam_region_entry entry;
	char name[16];

	(void)state;
	assert_int_equal(find(two, "x"), -ENOENT); /* up to date until here */
	for (uint32_t i = 0; i < 2 * FAM_REGIONS_RING; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		entry = region(name, i, 1);
		assert_int_equal(put(fam, i, entry, false), 0);
	}
	for (uint32_t i = 0; i < 2 * FAM_REGIONS_RING; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(find(two, name), i);
	}
}

static void what_one_had_before_the_other_one_has_now(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(put(fam, i,
				     region((char[]){'a' + (char)i, 0}, i, 1),
				     false),
				 0);
	assert_int_equal(find(two, "d"), 3);
	/* Each to the name and the place that another one had. */
	assert_int_equal(put(fam, 0, region("t", 9, 1), false), 0);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(
			put(fam, i,
			    region((char[]){'a' + (char)i - 1, 0}, i - 1, 1),
			    false),
			0);
	assert_int_equal(put(fam, 0, region("d", 3, 1), false), 0);
	assert_int_equal(find(two, "a"), 1);
	assert_int_equal(find(two, "c"), 3);
	assert_int_equal(find(two, "d"), 0);
}

static void another_epoch_has_all_read_anew(void **state)
{
	struct fam_region_entry entry = region("b", 3, 1);
	struct fam_regions *r = lock(two);

	(void)state;
	fam_regions_unlock(two, r);
	assert_int_equal(put(fam, 0, region("a", 0, 1), false), 0);
	assert_int_equal(find(two, "a"), 0);
	/* Behind everybody's back. */
	entry.generation = entry.stamp = 9;
	leave_copy(0, 1, entry);
	assert_int_equal(find(two, "b"), -ENOENT);
	fam_word_add(&fam_regions_live(r)->epoch, 1);
	assert_int_equal(find(two, "b"), 0);
	assert_int_equal(find(two, "a"), -ENOENT);
}

/* --- what was given up, but not on the disk --------------------------------------------------- */

static void a_name_that_was_given_up_is_durable_before_it_is_taken(void **state)
{
	struct fam_region_entry one = region("a", 0, 1);

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	strcpy(one.name, "b");
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_true(is_loose(fam, 0));
	assert_int_equal(put(fam, 1, region("c", 1, 1), false), 0);
	assert_true(is_loose(fam, 0));
	/* By another attachment, too. */
	assert_int_equal(put(two, 2, region("a", 2, 1), false), 0);
	assert_false(is_loose(fam, 0));
	assert_true(is_loose(fam, 2));
}

static void space_that_was_given_up_is_durable_before_it_is_taken(void **state)
{
	struct fam_region_entry one = region("a", 0, 4);

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	one.space = one.bytes = 2 * PAGE;
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_int_equal(put(two, 1, region("b", 4, 1), false), 0);
	assert_true(is_loose(fam, 0));
	assert_int_equal(put(two, 2, region("c", 3, 1), false), 0);
	assert_false(is_loose(fam, 0));
}

static void a_second_move_is_made_from_what_is_durable(void **state)
{
	struct fam_region_entry one = region("a", 0, 1);

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	strcpy(one.name, "b");
	assert_int_equal(put(fam, 0, one, false), 0);
	one.mode = 0644;
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_string_equal(both_of(fam, 0).copy[1].name, "a");
	strcpy(one.name, "c");
	assert_int_equal(put(fam, 0, one, false), 0);
	assert_string_equal(both_of(fam, 0).copy[0].name, "b");
	assert_string_equal(both_of(fam, 0).copy[1].name, "c");
}

static void what_made_room_is_durable_before_the_other_one_goes(void **state)
{
	struct fam_region_entry one = region("a", 0, 1),
				other = region("b", 1, 1);

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	assert_int_equal(put(fam, 1, other, true), 0);
	strcpy(one.name, "b");
	assert_int_equal(put_both(fam, 0, one, 1, freed(other), false), 0);
	one.mode = 0644;
	assert_int_equal(put(two, 0, one, false), 0);
	assert_true(is_loose(fam, 1));
	assert_int_equal(put(two, 0, freed(one), false), 0);
	assert_false(is_loose(fam, 1));
}

/* Zeros, say, which the one who made it did not wait for. */
static void what_a_region_holds_is_durable_before_the_region(void **state)
{
	struct fam_region_entry other = region("b", 500, 1);
	struct fam_regions *r;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 1, other, true), 0);
	r = lock(fam);
	fam_regions_unlock(fam, r);
	for (int i = 0; i < 2; i++) {
		fam_word_poke(&fam_regions_live(r)->loose, (uint64_t)i);
		/* So that both go to copies that lie side by side. */
		assert_int_equal(put(two, 1, other, true), 0);
		assert_int_equal(put(fam, 2 + (uint32_t)i,
				     region(i ? "d" : "c", (uint64_t)i, 1),
				     false),
				 0);
		other.mode ^= 1;
		disk_syncs = 0;
		assert_int_equal(put(two, 1, other, true), 0);
		assert_int_equal(disk_syncs, 1 + i);
	}
	/* Not what the change itself brings: its maker has seen to that. */
	disk_syncs = 0;
	assert_int_equal(put(two, 4, region("e", 2, 1), true), 0);
	assert_int_equal(disk_syncs, 1);
	/* But what it brought before. */
	other = region("f", 3, 1);
	assert_int_equal(put(two, 5, other, false), 0);
	other.mode = 0644;
	disk_syncs = 0;
	assert_int_equal(put(two, 5, other, true), 0);
	assert_int_equal(disk_syncs, 2);
}

static void space_that_was_freed_is_free_when_that_is_durable(void **state)
{
	struct fam_region_entry one = region("a", 0, 1);
	struct fam_regions *r;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	assert_int_equal(put(fam, 0, freed(one), false), 0);
	for (int i = 0; i < 2; i++) {
		r = lock(i ? two : fam);
		assert_false(fam_index_is_free(r->index, one.offset, PAGE));
		fam_regions_unlock(i ? two : fam, r);
	}
	r = lock(fam);
	assert_int_equal(fam_word_peek(&fam_regions_live(r)->freed), 1);
	assert_int_equal(fam_regions_settle(fam, r), 0);
	assert_true(fam_index_is_free(r->index, one.offset, PAGE));
	assert_int_equal(r->loose.count, 0);
	fam_regions_unlock(fam, r);
	r = lock(two);
	assert_int_equal(fam_regions_settle(two, r), 0);
	assert_true(fam_index_is_free(r->index, one.offset, PAGE));
	fam_regions_unlock(two, r);
	assert_int_equal(entry_of(fam, 0).flags, FAM_REGION_TRIM);
	assert_int_equal(put(two, 1, one, false), 0);
}

/* --- what nobody knows any more --------------------------------------------------------------- */

static void no_space_is_taken_while_an_entry_is_lost(void **state)
{
	struct fam_region_entry one = region("a", 0, 1), none = {0};
	struct fam_regions *r;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, one, true), 0);
	assert_int_equal(put(fam, 1, region("b", 1, 1), true), 0);
	tear_copy(0, 0);
	tear_copy(0, 1);
	r = lock(two);
	assert_int_equal(fam_regions_entry(two, r, 0, &one), -EBADMSG);
	assert_int_equal(r->lost.count, 1);
	fam_regions_unlock(two, r);
	assert_int_equal(put(two, 2, region("c", 2, 1), false), -EBADMSG);
	/* All else goes on. */
	assert_int_equal(find(two, "b"), 1);
	assert_int_equal(put(two, 1, region("d", 1, 1), true), 0);
	assert_int_equal(put(two, 1, freed(region("d", 1, 1)), true), 0);
	/* Until it is given up. */
	assert_int_equal(put(two, 0, none, true), 0);
	assert_int_equal(put(two, 2, region("c", 2, 1), false), 0);
	assert_false(is_loose(two, 0));
}

static void a_damaged_copy_is_made_anew_by_the_next_settle(void **state)
{
	struct fam_region_both both;
	struct fam_regions *r;

	(void)state;
	need_a_disk();
	assert_int_equal(put(fam, 0, region("a", 0, 1), true), 0);
	tear_copy(0, 1); /* the one that is on the disk */
	r = lock(two);
	assert_int_equal(fam_regions_settle(two, r), 0);
	fam_regions_unlock(two, r);
	both = both_of(two, 0);
	assert_int_equal(both.last, 1);
	assert_false(fam_region_is_loose(&both));
	assert_int_equal(both.copy[0].generation, 3);
	assert_string_equal(both.copy[0].name, "a");
	assert_string_equal(both.copy[1].name, "a");
}

/* What was read as loose may have come from the disk; what was written has not. */
static void without_a_known_boot_only_what_was_found_is_settled(void **state)
{
	struct fam_region_entry entry = region("a", 0, 1);

	(void)state;
	need_a_disk();
	atomic_store(&sessions->boot, 0);
	disk_error = EIO;
	for (int i = 0; i < 3; i++) {
		entry.mode ^= 1;
		assert_int_equal(put(fam, 0, entry, false), 0);
	}
	entry.mode ^= 1;
	assert_int_equal(put(two, 0, entry, false), -EIO);
	assert_int_equal(put(two, 1, region("b", 1, 1), false), 0);
	entry = entry_of(two, 1);
	entry.mode ^= 1;
	assert_int_equal(put(two, 1, entry, false), 0);
	assert_int_equal(put(fam, 1, entry, false), 0);
}

/* --- hostile ------------------------------------------------------------------------------------ */

static uint64_t noise(unsigned int *seed)
{
	static const uint64_t odd[] = {0, 1, UINT64_MAX, UINT64_C(1) << 62,
				       UINT64_C(1) << 63};

	if (rand_r(seed) % 3 == 0)
		return odd[rand_r(seed) % 5];
	return (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed);
}

/* Everything but the lock, which has tests of its own. */
static void scribble(struct fam_regions *r, unsigned int *seed)
{
	uint64_t first = r->places.live + sizeof(struct fam_mutex);
	uint64_t end = r->places.copy[0] + 64 * 512;

	for (int i = rand_r(seed) % 40; i > 0; i--) {
		uint64_t at = first + (uint64_t)rand_r(seed) % (end - first);

		if (rand_r(seed) % 2)
			at = first + (uint64_t)rand_r(seed) % 2048;
		fam_word_poke((fam_word *)(void *)(r->area + at / 8 * 8),
			      noise(seed));
	}
}

static void whatever_is_scribbled_there_calls_end(void **state)
{
	struct fam_region_entry entry, out;
	unsigned int seed = 7;
	struct fam_regions *r = lock(fam);
	char name[16];

	(void)state;
	fam_regions_unlock(fam, r);
	for (int i = 0; i < 3000; i++) {
		struct fam *by = rand_r(&seed) % 2 ? fam : two;
		uint32_t index = (uint32_t)rand_r(&seed) % 64;
		struct fam_region_found found;

		scribble(r, &seed);
		snprintf(name, sizeof(name), "n%u", rand_r(&seed) % 64);
		entry = region(name, (uint64_t)rand_r(&seed) % 3000, 1);
		if (fam_regions_lock(by, &r) == 0) {
			(void)fam_regions_lookup(by, r, name, &found);
			if (rand_r(&seed) % 4 == 0)
				fam_region_clear(&entry);
			(void)fam_regions_change(
				by, r,
				&(struct fam_region_change){index, entry}, 1,
				rand_r(&seed) % 64 == 0);
			fam_regions_unlock(by, r);
		}
		(void)fam_regions_load(by, r, index, &out);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_cannot_change_anything_does_not_get_the_lock),
		TEST(threads_and_attachments_take_turns),
		TEST(a_change_is_loose_until_it_is_durable),
		TEST(stamps_and_serials_rise),
		TEST(what_would_not_be_good_is_not_written),
		TEST(a_change_that_fails_is_taken_back),
		TEST(a_region_that_could_not_be_made_is_not_there),
		TEST(two_at_once_are_taken_back_at_once),
		TEST(the_second_one_waits_for_the_first_one),
		TEST(one_has_the_place_of_the_other_in_the_same_change),
		TEST(others_see_each_change),
		TEST(others_see_more_changes_than_the_ring_tells),
		TEST(what_one_had_before_the_other_one_has_now),
		TEST(another_epoch_has_all_read_anew),
		TEST(a_name_that_was_given_up_is_durable_before_it_is_taken),
		TEST(space_that_was_given_up_is_durable_before_it_is_taken),
		TEST(a_second_move_is_made_from_what_is_durable),
		TEST(what_made_room_is_durable_before_the_other_one_goes),
		TEST(what_a_region_holds_is_durable_before_the_region),
		TEST(space_that_was_freed_is_free_when_that_is_durable),
		TEST(no_space_is_taken_while_an_entry_is_lost),
		TEST(a_damaged_copy_is_made_anew_by_the_next_settle),
		TEST(without_a_known_boot_only_what_was_found_is_settled),
		TEST(whatever_is_scribbled_there_calls_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
