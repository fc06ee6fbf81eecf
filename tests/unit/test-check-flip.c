// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Every byte of the structures in use is changed, one at a time. Each change is
 * reported at its place and repaired, byte for byte; or the byte is one of those
 * that may have any value (famctl-check-fabric(1), "What cannot be told"), and
 * then nothing else is changed by it: neither by whoever lists what is there,
 * nor by the repair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fabric-file.h"

#include "check-file.h"

#include <fam-mailbox.h>
#include <fam-parking.h>

/* Listing takes longer than repairing. */
#define TOLD_EACH   64
#define UNTOLD_EACH 3
/* One thread: the sanitizer of threads is slow, and has little to find. */
#if defined(__SANITIZE_THREAD__)
#define FLIP_EACH 97
#elif defined(__SANITIZE_ADDRESS__)
#define FLIP_EACH 5
#else
#define FLIP_EACH 1
#endif
#define LIKE_IT \
	7 /* one byte in so many, where all are like one that was looked at */

static struct check_file file;
static struct fam_region *held[2];

struct listing {
	struct fam_region_info region[REGIONS];
	struct fam_object_info object[OBJECTS];
	int regions, objects;
};
static struct listing model;

/* --- listing ---------------------------------------------------------------------- */

static int note_region(const struct fam_region_info *info, void *arg)
{
	struct listing *l = arg;

	assert_true(l->regions < REGIONS);
	l->region[l->regions++] = *info;
	return 0;
}

static int note_object(const struct fam_object_info *info, void *arg)
{
	struct listing *l = arg;

	assert_true(l->objects < OBJECTS);
	l->object[l->objects++] = *info;
	return 0;
}

static void list(struct listing *l)
{
	memset(l, 0, sizeof(*l));
	assert_int_equal(fam_region_each(file.fam, NULL, note_region, l), 0);
	assert_int_equal(fam_object_each(file.fam, note_object, l), 0);
}

static void assert_listing(void)
{
	static struct listing now;

	list(&now);
	assert_int_equal(now.regions, model.regions);
	assert_int_equal(now.objects, model.objects);
	for (int i = 0; i < now.regions; i++) {
		/* who has it open is told by what may have any value */
		now.region[i].readers = model.region[i].readers;
		now.region[i].writers = model.region[i].writers;
		now.region[i].exclusive = model.region[i].exclusive;
		assert_memory_equal(&now.region[i], &model.region[i],
				    sizeof(now.region[i]));
	}
	assert_memory_equal(now.object, model.object, sizeof(now.object));
}

/* --- one flip ------------------------------------------------------------------------ */

struct piece {
	uint64_t offset, bytes;
	char *image;
	bool exact; /* the repair brings back each byte of it */
};
static struct piece pieces[16];
static unsigned int piece_count;

static void add_piece(uint64_t offset, uint64_t bytes, bool exact)
{
	char *image = malloc(bytes);

	assert_true(image && piece_count < 16);
	memcpy(image, file.bytes + offset, bytes);
	pieces[piece_count++] = (struct piece){offset, bytes, image, exact};
}

/* All but what no test touches: so that this takes no time. */
static void take_image(void)
{
	const uint64_t entries = 40 * sizeof(struct fam_region_entry);

	add_piece(0, FAM_SUPERBLOCK_BYTES, true);
	add_piece(MIB, FAM_SUPERBLOCK_BYTES, true);
	add_piece(FAM_MAILBOX_OFFSET, 4096, true);
	add_piece(REGIONS_OFFSET, file.regions.copy[0], false);
	for (unsigned int copy = 0; copy < FAM_REGIONS_COPIES; copy++) {
		uint64_t first = REGIONS_OFFSET + file.regions.copy[copy];

		add_piece(first, entries, true);
		add_piece(first + (file.regions.entries - 1) * 512, 512, true);
	}
	add_piece(OBJECTS_OFFSET, FAM_OBJECTS_PAGE, false);
	add_piece(OBJECTS_OFFSET + file.objects.word, 4096, true);
	add_piece(OBJECTS_OFFSET + file.objects.entry, 8192, true);
	add_piece(OBJECTS_OFFSET + file.objects.open, 4096, false);
}

static void put_back(void)
{
	for (unsigned int i = 0; i < piece_count; i++)
		memcpy(file.bytes + pieces[i].offset, pieces[i].image,
		       pieces[i].bytes);
}

static const char *image_of(uint64_t offset)
{
	for (unsigned int i = 0; i < piece_count; i++) {
		if (offset - pieces[i].offset < pieces[i].bytes)
			return pieces[i].image + (offset - pieces[i].offset);
	}
	fail();
	return NULL;
}

/* Not the same bits in each byte, and all of them in some. */
static uint8_t flip(uint64_t offset)
{
	uint8_t by = (uint8_t)(1u << offset % 8);

	if (offset % 5 == 0)
		by = 0xff;
	file.bytes[offset] ^= by;
	return by;
}

static void fail_at(uint64_t offset, const char *why)
{
	check_file_tell(&file);
	fail_msg("byte %#jx: %s", (uintmax_t)offset, why);
}

static void assert_repaired(uint64_t offset)
{
	for (unsigned int i = 0; i < piece_count; i++) {
		if (pieces[i].exact &&
		    memcmp(file.bytes + pieces[i].offset, pieces[i].image,
			   pieces[i].bytes) != 0)
			fail_at(offset, "something is not what it was");
	}
}

static void count_levels(uint64_t offset)
{
	for (size_t i = 0; i < file.problems; i++) {
		if (file.problem[i].level == FAM_CHECK_LOSS)
			fail_at(offset, "something is lost");
		if (!file.problem[i].repaired)
			fail_at(offset, "something is not repaired");
	}
}

/* @told: it must be; else it may be, as it is volatile */
static void flip_one(uint64_t offset, bool told)
{
	static unsigned int flips;

	flip(offset);
	assert_int_equal(check_file_check(&file, file.fam, FAM_CHECK_REPAIR),
			 0);
	if (told && !check_file_at(&file, offset))
		fail_at(offset, "it was not told");
	count_levels(offset);
	if (told)
		assert_repaired(offset);
	if (flips++ % (told ? TOLD_EACH : UNTOLD_EACH) == 0) {
		assert_listing();
		check_file_is_clean(&file);
	}
	put_back();
}

static void flip_each(uint64_t offset, uint64_t bytes, uint64_t each, bool told)
{
	for (uint64_t i = 0; i < bytes; i += each)
		flip_one(offset + i, told);
}

static void flip_all(uint64_t offset, uint64_t bytes, bool told)
{
	flip_each(offset, bytes, FLIP_EACH, told);
}

/* --- every byte ------------------------------------------------------------------------ */

static void every_byte_of_the_superblocks(void **state)
{
	(void)state;
	for (unsigned int copy = 0; copy < FAM_SUPERBLOCK_COPIES; copy++)
		flip_all(fam_superblock_offset(copy), FAM_SUPERBLOCK_BYTES,
			 true);
}

static void every_byte_of_the_mailbox_header(void **state)
{
	static const uint32_t numbers[] = {
		FAM_MAILBOX_VERSION, FAM_MAILBOX_SLOTS, FAM_MAILBOX_SLOT_BYTES,
		FAM_MAILBOX_RING};
	char *box = file.bytes + FAM_MAILBOX_OFFSET;
	const uint64_t magic = FAM_MAILBOX_MAGIC;

	(void)state;
	flip_all(FAM_MAILBOX_OFFSET, 24, true);
	/* And once a server has served it. */
	memcpy(box, &magic, sizeof(magic));
	memcpy(box + sizeof(magic), numbers, sizeof(numbers));
	for (uint64_t i = 0; i < 24; i++) {
		flip(FAM_MAILBOX_OFFSET + i);
		assert_int_equal(
			check_file_check(&file, file.fam, FAM_CHECK_REPAIR), 0);
		check_file_found(&file, 1);
		assert_memory_equal(box, &magic, sizeof(magic));
		assert_memory_equal(box + 8, numbers, sizeof(numbers));
	}
	put_back();
}

static void every_byte_of_words_of_sessions_and_parking(void **state)
{
	uint64_t words =
		FAM_SESSIONS_OFFSET + offsetof(struct fam_sessions, word);
	uint64_t places =
		FAM_PARKING_OFFSET + offsetof(struct fam_parking, place);

	(void)state;
	for (uint64_t i = 0; i < sizeof(uint64_t) * FAM_SESSIONS_SLOTS;
	     i += FLIP_EACH) {
		if (!check_file_sessions(&file)->word[i / 8])
			flip_one(words + i, true);
	}
	for (uint64_t i = 0; i < 20; i++)
		flip_all(places + i * 64, sizeof(uint64_t), true);
}

/* Some in use, those that were, one that never was, and the last one. */
static void every_byte_of_the_entries(void **state)
{
	const uint64_t some = 4, used = REGIONS + 3, each = 512;

	(void)state;
	for (unsigned int copy = 0; copy < FAM_REGIONS_COPIES; copy++) {
		uint64_t first = REGIONS_OFFSET + file.regions.copy[copy];

		flip_all(first, some * each, true);
		flip_each(first + some * each, (REGIONS - some) * each,
			  LIKE_IT * FLIP_EACH, true);
		flip_all(first + REGIONS * each, (used - REGIONS) * each, true);
		flip_all(first + (file.regions.entries - 1) * each, each, true);
	}
}

static const char *lost_text(void)
{
	for (size_t i = 0; i < file.problems; i++) {
		if (file.problem[i].level == FAM_CHECK_LOSS)
			return file.problem[i].text;
	}
	return "";
}

/* Each of those, with the other copy spoilt as well. */
static void an_entry_spoilt_twice_is_told_and_freed(void **state)
{
	(void)state;
	for (int i = 0; i < REGIONS; i++) {
		int index = check_file_find(&file, i);
		struct fam_region_info info;
		char name[32];

		assert_true(index >= 0);
		check_file_name(name, i);
		check_file_entry(&file, 0, (uint32_t)index)->mode ^= 1;
		check_file_entry(&file, 1, (uint32_t)index)->created_ns ^= 256;
		assert_int_equal(check_file_check(&file, file.fam, 0), 0);
		assert_int_equal(file.sum.losses, 1);
		assert_int_equal(file.sum.regions, REGIONS - 1);
		assert_non_null(strstr(lost_text(), name));
		assert_int_equal(
			check_file_check(&file, file.fam, FAM_CHECK_REPAIR), 0);
		assert_int_equal(file.sum.losses, 1);
		assert_int_equal(file.sum.repaired, file.problems);
		assert_int_equal(
			fam_region_find(file.fam, name, &info, sizeof(info)),
			-ENOENT);
		check_file_is_clean(&file);
		assert_int_equal(file.sum.regions, REGIONS - 1);
		put_back();
	}
}

/* Stamp and serial are told if they are too low, or far too high. */
static void every_byte_of_the_live_page(void **state)
{
	const uint64_t live = REGIONS_OFFSET;

	(void)state;
	for (uint64_t i = 0; i < sizeof(struct fam_regions_live);
	     i += FLIP_EACH) {
		const uint64_t stamp = offsetof(struct fam_regions_live, stamp);
		bool high = i >= stamp && i < stamp + 16 && i % 8 > 4;

		flip_one(live + i, high);
	}
}

static void counts_that_are_too_low_are_told(void **state)
{
	struct fam_regions_live *live = check_file_live(&file);

	(void)state;
	live->stamp--;
	live->serial = 1;
	((struct fam_objects_header *)(void *)(file.bytes + OBJECTS_OFFSET))
		->serial = 1;
	assert_int_equal(check_file_check(&file, file.fam, FAM_CHECK_REPAIR),
			 0);
	assert_int_equal(file.sum.damages, 3);
	assert_int_equal(file.sum.repaired, 3);
	assert_memory_equal(&live->stamp,
			    image_of(REGIONS_OFFSET +
				     offsetof(struct fam_regions_live, stamp)),
			    16);
	check_file_is_clean(&file);
	put_back();
}

static void every_byte_of_what_was_seen(void **state)
{
	(void)state;
	flip_all(REGIONS_OFFSET + file.regions.seen,
		 (REGIONS + 4) * sizeof(struct fam_regions_seen), true);
}

/* Of those in use; of a free one its first word, which says that it is free. */
static void every_byte_of_the_open_records(void **state)
{
	unsigned int used = 0, free = 0;

	(void)state;
	for (uint32_t i = 0; i < file.regions.opens; i++) {
		uint64_t at = REGIONS_OFFSET + file.regions.open + i * 16;
		bool is_free = *(uint64_t *)(void *)(file.bytes + at) == 0;

		if (!is_free) {
			used++;
			flip_all(at, 16, true);
		} else if (free < 8) {
			free++;
			flip_all(at, 8, true);
			flip_all(at + 8, 8, false);
		}
	}
	assert_int_equal(used, 2);
}

static void every_byte_of_the_object_directory(void **state)
{
	const uint64_t area = OBJECTS_OFFSET;

	(void)state;
	flip_all(area, 8, true);
	flip_all(area + 8, FAM_OBJECTS_PAGE - 8, false);
	flip_all(area + file.objects.word, 8 * (OBJECTS + 4), true);
	for (uint32_t i = 0; i < OBJECTS + 4; i++) {
		uint64_t at = area + file.objects.entry + i * 256;
		bool used = ((uint64_t *)(void *)(file.bytes + area +
						  file.objects.word))[i];

		flip_all(at, 136, used);
		flip_all(at + 136, 256 - 136, false);
	}
	flip_all(area + file.objects.open, 64, false);
}

/* --- set-up ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	char name[32];

	(void)state;
	if (check_file_set_up(&file, "/dev/shm", check_file_in_memory))
		return -1;
	check_file_fill(file.fam);
	for (int i = 0; i < 2; i++) {
		check_file_name(name, i);
		if (fam_region_open(file.fam, name,
				    i ? FAM_REGION_WRITE : FAM_REGION_READ,
				    &held[i]))
			return -1;
	}
	check_file_is_clean(&file);
	list(&model);
	if (model.regions != REGIONS || model.objects != OBJECTS)
		return -1;
	take_image();
	return 0;
}

/* Also behind one that failed. */
static int begin(void **state)
{
	(void)state;
	put_back();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		fam_region_close(held[i]);
	for (unsigned int i = 0; i < piece_count; i++)
		free(pieces[i].image);
	return check_file_tear_down(&file);
}

#define ON_IT(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_IT(every_byte_of_the_superblocks),
		ON_IT(every_byte_of_the_mailbox_header),
		ON_IT(every_byte_of_words_of_sessions_and_parking),
		ON_IT(every_byte_of_the_entries),
		ON_IT(an_entry_spoilt_twice_is_told_and_freed),
		ON_IT(every_byte_of_the_live_page),
		ON_IT(counts_that_are_too_low_are_told),
		ON_IT(every_byte_of_what_was_seen),
		ON_IT(every_byte_of_the_open_records),
		ON_IT(every_byte_of_the_object_directory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
