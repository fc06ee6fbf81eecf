// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Power cuts: places that were not on the disk yet are put back to what they were,
 * and the host is another one. tests/heaps goes through all the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-stage.h"

#define BYTES (UINT64_C(4) << 20)

static uint64_t *words; /* the root object's */

static void cut_end(void);

static int cut_set_up(void **state)
{
	const struct fam_heap_want want = {
		.bytes = BYTES,
		.journals = 4,
		.journal_bytes = 65536,
	};

	if (set_up(state))
		return -1;
	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
	assert_int_equal(fam_heap_root(heap, WORDS * 8, &root), 0);
	words = fam_heap_at(heap, root, WORDS * 8);
	assert_int_equal(fam_heap_settle(heap), 0);
	return 0;
}

static int cut_tear_down(void **state)
{
	cut_end();
	return tear_down(state);
}

static void cut_end(void)
{
	fam_heap_close(heap);
	heap = NULL;
	remove_it("heap");
}

/* Nobody has closed anything: it is as it was at that moment. */
static void power_cut(void)
{
	struct fam_heap *old = heap;

	fam_word_add(&fam_session_table(fam)->boot, 1);
	heap = heap_open(fam, WRITE);
	words = fam_heap_at(heap, root, WORDS * 8);
	fam_heap_close(old);
}

/* All but the journals and the header, as the disk may have it. */
struct disk {
	char *state, *rest;
	uint64_t bytes;
};

static struct disk disk_now(void)
{
	struct disk d = {.bytes = heap->at.end - heap->at.kind};

	d.state = malloc(PAGE);
	d.rest = malloc(d.bytes);
	assert_non_null(d.state);
	assert_non_null(d.rest);
	memcpy(d.state, heap->base + heap->at.state, PAGE);
	memcpy(d.rest, heap->base + heap->at.kind, d.bytes);
	return d;
}

static void disk_back(struct disk d)
{
	memcpy(heap->base + heap->at.state, d.state, PAGE);
	memcpy(heap->base + heap->at.kind, d.rest, d.bytes);
	free(d.state);
	free(d.rest);
}

static struct fam_tx *begin(void)
{
	struct fam_tx *tx = NULL;

	assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
	return tx;
}

static void commit(struct fam_tx *tx)
{
	assert_int_equal(fam_tx_commit(tx), 0);
}

static void set_alone(unsigned int i, uint64_t value)
{
	struct fam_tx *tx = begin();

	assert_int_equal(fam_tx_set_word(tx, word_at(i), value), 0);
	commit(tx);
}

/* --- what was committed comes back -------------------------------------------------- */

static void test_what_was_committed_is_there(void **state)
{
	struct disk d = disk_now();

	(void)state;
	for (unsigned int i = 0; i < 300; i++)
		set_alone(i % 10, i);
	disk_back(d);
	assert_int_equal(words[3], 0);
	power_cut();
	for (unsigned int i = 290; i < 300; i++)
		assert_int_equal(words[i % 10], i);
	assert_int_equal(stat_of(heap).stamp, stat_of(heap).checkpoint);
}

static void test_twice_is_as_once(void **state)
{
	struct disk d = disk_now();

	(void)state;
	set_alone(1, 1);
	set_alone(1, 2);
	disk_back(d);
	power_cut();
	assert_int_equal(words[1], 2);
	power_cut();
	assert_int_equal(words[1], 2);
	set_alone(1, 3);
	power_cut();
	assert_int_equal(words[1], 3);
}

/* In another order than that of the journals. */
static void test_the_last_one_counts(void **state)
{
	struct disk d = disk_now();
	struct fam_tx *one, *two;

	(void)state;
	one = begin();
	two = begin();
	assert_int_equal(fam_tx_set_word(two, word_at(0), 1), 0);
	commit(two);
	assert_int_equal(fam_tx_set_word(one, word_at(0), 2), 0);
	two = begin();
	commit(one);
	assert_int_equal(fam_tx_set_word(two, word_at(0), 3), 0);
	commit(two);
	assert_int_equal(words[0], 3);
	disk_back(d);
	power_cut();
	assert_int_equal(words[0], 3);
}

/* Some of a journal's records are below the checkpoint, and some above. */
static void test_what_is_above_a_checkpoint_is_there(void **state)
{
	struct fam_tx *late = begin();
	struct disk d;

	(void)state;
	set_alone(0, 1);
	set_alone(1, 2);
	assert_int_equal(fam_heap_settle(heap), 0);
	d = disk_now();
	set_alone(2, 3);
	assert_int_equal(fam_tx_set_word(late, word_at(3), 4), 0);
	commit(late);
	disk_back(d);
	power_cut();
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(words[i], i + 1);
}

static void test_space_is_as_it_was_said(void **state)
{
	fam_off gone = alloc(100), span = alloc(200000), kept, large;
	uint64_t count;
	struct disk d;

	(void)state;
	assert_int_equal(fam_heap_settle(heap), 0);
	d = disk_now();
	assert_int_equal(fam_heap_release(heap, gone), 0);
	assert_int_equal(fam_heap_release(heap, span), 0);
	kept = alloc(3000);
	large = alloc(70000);
	count = objects();
	disk_back(d);
	power_cut();
	assert_int_equal(objects(), count);
	assert_int_equal(usable_of(kept), 3072);
	assert_int_equal(usable_of(large), 131072);
	assert_int_equal(fam_heap_release(heap, span), -EINVAL);
}

/* --- what was not is not ------------------------------------------------------------------ */

static void test_a_torn_record_was_never_there(void **state)
{
	struct disk d = disk_now();
	char *journal;

	(void)state;
	set_alone(0, 1);
	set_alone(1, 2);
	for (uint32_t i = 0; i < heap->at.journals; i++) {
		journal = fam_heap_journal(heap, i);
		if (((struct fam_record *)journal)->magic == FAM_RECORD_MAGIC)
			journal[64 + 48] ^= 1;
	}
	disk_back(d);
	power_cut();
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 0);
	set_alone(2, 3);
	power_cut();
	assert_int_equal(words[2], 3);
}

static void test_a_record_of_another_place_is_none(void **state)
{
	struct disk d = disk_now();
	uint32_t i = 0;

	(void)state;
	set_alone(0, 1);
	while (((struct fam_record *)fam_heap_journal(heap, i))->magic !=
	       FAM_RECORD_MAGIC)
		i++;
	memcpy(fam_heap_journal(heap, (i + 1) % 4), fam_heap_journal(heap, i),
	       64);
	memset(fam_heap_journal(heap, i), 0, 64);
	disk_back(d);
	power_cut();
	assert_int_equal(words[0], 0);
}

static void test_what_was_going_on_never_was(void **state)
{
	struct fam_heap *old = heap;
	struct fam_tx *tx = begin();
	uint64_t used = stat_of(heap).used;
	fam_off off;

	(void)state;
	assert_int_equal(fam_tx_set_word(tx, word_at(0), 9), 0);
	assert_int_equal(fam_tx_alloc(tx, 100, 0, &off, NULL), 0);
	fam_word_add(&fam_session_table(fam)->boot, 1);
	heap = heap_open(fam, WRITE);
	/* As the end of the process has it. */
	fam_tx_abort(tx);
	fam_heap_close(old);
	words = fam_heap_at(heap, root, WORDS * 8);
	assert_int_equal(words[0], 0);
	assert_int_equal(stat_of(heap).used, used);
}

/* --- plain stores --------------------------------------------------------------------------- */

static void test_plain_stores_stay_that_were_made_durable_so(void **state)
{
	struct disk d;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		set_alone(i, 1);
	words[0] = 2;
	assert_int_equal(fam_heap_persist(heap, word_at(0), 8), 0);
	words[3] = 4;
	d = disk_now();
	set_alone(1, 3);
	disk_back(d);
	power_cut();
	assert_int_equal(words[0], 2);
	assert_int_equal(words[1], 3);
	assert_int_equal(words[2], 1);
	/* That is what fam_heap_persist() is for. */
	assert_int_equal(words[3], 1);
}

/* Longer than a copy can be: it is where it belongs, and older records are not. */
static void test_many_plain_stores_stay(void **state)
{
	char *bytes = (char *)words;

	(void)state;
	set_alone(0, 1);
	set_alone(100, 1);
	set_alone(2500, 1);
	set_alone(2600, 1);
	memset(bytes + 3, 'p', 20000);
	assert_int_equal(fam_heap_persist(heap, root + 3, 20000), 0);
	power_cut();
	bytes = (char *)words;
	assert_int_equal(bytes[0], 1);
	assert_true(is_filled(bytes + 3, 20000, 'p'));
	assert_int_equal(bytes[20003], 0);
	assert_int_equal(words[2600], 1);
}

static void test_after_a_settle_all_plain_stores_stay(void **state)
{
	(void)state;
	set_alone(0, 1);
	assert_int_equal(fam_heap_settle(heap), 0);
	words[0] = 7;
	power_cut();
	assert_int_equal(words[0], 7);
	assert_int_equal(fam_heap_settle(heap), 0);
}

static void test_a_new_object_keeps_its_plain_stores(void **state)
{
	fam_off was = 0, off = 0;
	uint64_t *object;

	(void)state;
	assert_int_equal(
		fam_heap_put(heap, word_at(0), "old content here", 16, &was),
		0);
	assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
	assert_int_equal(
		fam_heap_alloc(heap, word_at(0), 16, FAM_HEAP_ZERO, &off), 0);
	assert_int_equal(off, was);
	object = fam_heap_at(heap, off, 16);
	assert_int_equal(object[0], 0);
	object[0] = 5;
	power_cut();
	object = fam_heap_at(heap, off, 16);
	assert_int_equal(object[0], 5);
	assert_int_equal(object[1], 0);
	assert_int_equal(words[0], off);
}

/* Only what was asked for is filled in place, and durable before the record. */
static void test_what_is_behind_it_in_an_object_stays(void **state)
{
	const uint64_t bytes = 70000, behind = 100000;
	struct disk d = disk_now();
	struct fam_tx *tx = begin();
	char *copy = NULL;
	uint64_t *word;
	fam_off off;

	(void)state;
	assert_int_equal(fam_tx_alloc(tx, bytes, 0, &off, (void **)&copy), 0);
	memset(copy, 'f', bytes);
	assert_int_equal(fam_tx_set_word(tx, off + behind, 7), 0);
	assert_int_equal(fam_tx_set_word(tx, off + bytes - 8, 8), 0);
	commit(tx);
	assert_true(usable_of(off) > behind);
	copy = malloc(bytes);
	assert_non_null(copy);
	memcpy(copy, fam_heap_at(heap, off, bytes), bytes);
	disk_back(d);
	memcpy(fam_heap_at(heap, off, bytes), copy, bytes);
	free(copy);
	power_cut();
	copy = fam_heap_at(heap, off, bytes);
	assert_true(is_filled(copy, bytes - 8, 'f'));
	word = fam_heap_at(heap, off + bytes - 8, 8);
	assert_int_equal(*word, 8);
	word = fam_heap_at(heap, off + behind, 8);
	assert_int_equal(*word, 7);
}

static void test_wrong_ranges_are_refused(void **state)
{
	(void)state;
	assert_int_equal(fam_heap_persist(heap, 8, 8), -EINVAL);
	assert_int_equal(fam_heap_persist(heap, heap->at.end - 8, 9), -EINVAL);
	assert_int_equal(fam_heap_persist(heap, root, UINT64_MAX), -EINVAL);
	assert_int_equal(fam_heap_persist(heap, root, 0), 0);
}

/* --- other regions ------------------------------------------------------------------------------ */

static void test_other_regions_change_with_it(void **state)
{
	struct fam_region *region = make(fam, "other", 3 * PAGE, WRITE);
	char *map = map_it(region, 0, 0);
	struct fam_tx *tx = begin();
	char *copy = NULL, *again = NULL;

	(void)state;
	assert_int_equal(
		fam_tx_add_region(tx, region, map + 4090, 20, (void **)&copy),
		0);
	assert_int_equal(
		fam_tx_add_region(tx, region, map + 4100, 5, (void **)&again),
		0);
	assert_ptr_equal(again, copy + 10);
	assert_int_equal(
		fam_tx_add_region(tx, region, map + 4100, 50, (void **)&again),
		-EEXIST);
	memset(copy, 'r', 20);
	assert_int_equal(fam_tx_set_word(tx, word_at(0), 1), 0);
	assert_int_equal(map[4090], 0);
	commit(tx);
	assert_true(is_filled(map + 4090, 20, 'r'));
	memset(map, 0, 3 * PAGE);
	power_cut();
	assert_true(is_filled(map + 4090, 20, 'r'));
	assert_int_equal(map[4089], 0);
	assert_int_equal(map[4110], 0);
	assert_int_equal(words[0], 1);
	fam_region_close(region);
	remove_it("other");
}

static void test_what_is_in_no_region_is_refused(void **state)
{
	struct fam_region *region = make(fam, "other", 3 * PAGE, WRITE);
	struct fam_region *reader = open_it(fam, "other", READ);
	char *map = map_it(region, 0, 0);
	struct fam_tx *tx = begin();
	void *copy = NULL, *data;

	(void)state;
	assert_int_equal(fam_map(fam, 0, PAGE, &data), 0);
	assert_int_equal(fam_tx_add_region(tx, region, &tx, 8, &copy), -EINVAL);
	assert_int_equal(fam_tx_add_region(tx, region, words, 8, &copy),
			 -EINVAL);
	assert_int_equal(fam_tx_add_region(tx, reader, map, 8, &copy), -EINVAL);
	assert_int_equal(fam_tx_add_region(tx, region, map, 0, &copy), -EINVAL);
	assert_int_equal(
		fam_tx_add_region(tx, region, map + 3 * PAGE - 4, 8, &copy),
		-EINVAL);
	assert_null(copy);
	fam_tx_abort(tx);
	fam_region_close(reader);
	fam_region_close(region);
	remove_it("other");
}

static void test_what_was_destroyed_is_no_more(void **state)
{
	struct fam_region *region = make(fam, "other", 3 * PAGE, WRITE);
	char *map = map_it(region, 0, 0);
	struct fam_tx *tx = begin();
	void *copy = NULL;

	(void)state;
	assert_int_equal(fam_tx_add_region(tx, region, map, 8, &copy), 0);
	memset(copy, 'x', 8);
	assert_int_equal(fam_tx_set_word(tx, word_at(0), 1), 0);
	commit(tx);
	fam_region_close(region);
	remove_it("other");
	region = make(fam, "another", 3 * PAGE, WRITE);
	map = map_it(region, 0, 0);
	power_cut();
	assert_true(is_filled(map, 3 * PAGE, 0));
	assert_int_equal(words[0], 1);
	fam_region_close(region);
	remove_it("another");
}

#define test(name) \
	cmocka_unit_test_setup_teardown(name, cut_set_up, cut_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_what_was_committed_is_there),
		test(test_twice_is_as_once),
		test(test_the_last_one_counts),
		test(test_what_is_above_a_checkpoint_is_there),
		test(test_space_is_as_it_was_said),
		test(test_a_torn_record_was_never_there),
		test(test_a_record_of_another_place_is_none),
		test(test_what_was_going_on_never_was),
		test(test_plain_stores_stay_that_were_made_durable_so),
		test(test_many_plain_stores_stay),
		test(test_after_a_settle_all_plain_stores_stay),
		test(test_a_new_object_keeps_its_plain_stores),
		test(test_what_is_behind_it_in_an_object_stays),
		test(test_wrong_ranges_are_refused),
		test(test_other_regions_change_with_it),
		test(test_what_is_in_no_region_is_refused),
		test(test_what_was_destroyed_is_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
