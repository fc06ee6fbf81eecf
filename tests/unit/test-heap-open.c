// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Making and opening heaps, whatever is found there; the root object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-stage.h"

#define BYTES (UINT64_C(4) << 20)

static void heap_gone(void)
{
	fam_heap_close(heap);
	heap = NULL;
	remove_it("heap");
}

static int try_create(const char *name, struct fam_heap_want want)
{
	struct fam_heap *made = NULL;
	int r = fam_heap_create(fam, name, &want, &made);

	if (r < 0)
		assert_null(made);
	fam_heap_close(made);
	return r;
}

static int try_heap(struct fam *by, const char *name, uint32_t flags)
{
	struct fam_heap *opened = NULL;
	int r = fam_heap_open(by, name, flags, &opened);

	if (r < 0)
		assert_null(opened);
	fam_heap_close(opened);
	return r;
}

static struct fam_heap_header *headers(struct fam_region **region)
{
	*region = open_it(fam, "heap", WRITE);
	return (struct fam_heap_header *)map_it(*region, 0, 2 * PAGE);
}

static struct fam_heap_header *second(struct fam_heap_header *first)
{
	return (struct fam_heap_header *)((char *)first + PAGE);
}

static void reboot(void)
{
	fam_word_add(&fam_session_table(fam)->boot, 1);
}

/* --- making ------------------------------------------------------------------------- */

static void test_a_heap_is_as_it_was_wanted(void **state)
{
	const struct fam_heap_want want = {
		.bytes = BYTES,
		.mode = 0640,
		.journals = 5,
		.journal_bytes = 20480,
	};
	struct fam_region_info info;

	(void)state;
	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
	info = find_it(fam, "heap");
	assert_int_equal(info.type, FAM_REGION_HEAP);
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.bytes, BYTES);
	assert_int_equal(info.exclusive, 0);
	assert_int_equal(stat_of(heap).journals, 5);
	assert_int_equal(stat_of(heap).journal_bytes, 20480);
	assert_ptr_equal(fam_heap_fam(heap), fam);
	heap_gone();
}

static void test_its_journals_go_by_its_size(void **state)
{
	uint64_t bytes, journal_bytes = 0, last = 0;
	uint32_t journals = 0;

	(void)state;
	for (bytes = FAM_HEAP_MIN; bytes < UINT64_C(1) << 44; bytes *= 2) {
		struct fam_heap_places at = {0};

		fam_heap_default(bytes, &journals, &journal_bytes);
		assert_true(
			fam_heap_places(bytes, journals, journal_bytes, &at));
		assert_true(journals * journal_bytes <= bytes / 16);
		assert_true(journals * journal_bytes >= last);
		last = journals * journal_bytes;
		assert_true(at.end <= bytes);
	}
	assert_int_equal(journals, 64);
	assert_int_equal(journal_bytes, 262144);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	assert_int_equal(try_create("h", (struct fam_heap_want){.bytes = 0}),
			 -EINVAL);
	assert_int_equal(
		try_create("h", (struct fam_heap_want){.bytes = MIB - 1}),
		-EINVAL);
	assert_int_equal(try_create("h",
				    (struct fam_heap_want){
					    .bytes = MIB,
					    .journals = 3,
				    }),
			 -EINVAL);
	assert_int_equal(try_create("h",
				    (struct fam_heap_want){
					    .bytes = MIB,
					    .journals = 1025,
				    }),
			 -EINVAL);
	assert_int_equal(try_create("h",
				    (struct fam_heap_want){
					    .bytes = MIB,
					    .journal_bytes = 16385,
				    }),
			 -EINVAL);
	assert_int_equal(try_create("h",
				    (struct fam_heap_want){
					    .bytes = MIB,
					    .journals = 64,
					    .journal_bytes = 16384,
				    }),
			 -EINVAL);
	assert_int_equal(
		try_create("h", (struct fam_heap_want){.bytes = MIB << 20}),
		-ENOSPC);
	assert_int_equal(try_create("", (struct fam_heap_want){.bytes = MIB}),
			 -EINVAL);
	assert_int_equal(try_find(fam, "h"), -ENOENT);
	assert_int_equal(try_create("h", (struct fam_heap_want){.bytes = MIB}),
			 0);
	assert_int_equal(try_create("h", (struct fam_heap_want){.bytes = MIB}),
			 -EEXIST);
	remove_it("h");
}

/* Who made the region died before it was a heap. */
static void test_a_region_full_of_zeros_becomes_a_heap(void **state)
{
	const struct fam_region_want want = {
		.bytes = BYTES,
		.type = FAM_REGION_HEAP,
	};

	(void)state;
	assert_int_equal(fam_region_create(fam, "heap", &want, NULL), 0);
	assert_int_equal(try_heap(fam, "heap", READ), -EUCLEAN);
	heap = heap_open(fam, WRITE);
	assert_int_equal(stat_of(heap).bytes, BYTES);
	assert_int_equal(fam_heap_root(heap, 100, &root), 0);
	heap_gone();
}

static void test_others_wait_while_it_is_made(void **state)
{
	const struct fam_region_want want = {
		.bytes = BYTES,
		.type = FAM_REGION_HEAP,
		.flags = EXCLUSIVE,
	};
	struct fam *other = attach(0);
	struct fam_region *region = NULL;

	(void)state;
	assert_int_equal(fam_region_create(other, "heap", &want, &region), 0);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBUSY);
	fam_close(other);
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	remove_it("heap");
}

/* --- opening -------------------------------------------------------------------------- */

static void test_what_is_no_heap_is_told(void **state)
{
	(void)state;
	assert_int_equal(try_heap(fam, "heap", WRITE), -ENOENT);
	assert_int_equal(try_make(fam, "heap", BYTES, NO_SYNC), 0);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EMEDIUMTYPE);
	remove_it("heap");
	heap_make(BYTES);
	assert_int_equal(try_heap(fam, "heap", EXCLUSIVE), -EINVAL);
	assert_int_equal(try_heap(fam, "heap", 0), -EINVAL);
	heap_gone();
}

static void test_a_copy_of_one_is_none(void **state)
{
	const struct fam_region_want want = {
		.bytes = BYTES,
		.type = FAM_REGION_HEAP,
		.flags = WRITE,
	};
	struct fam_region *region, *copy = NULL;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	region = open_it(fam, "heap", READ);
	assert_int_equal(fam_region_create(fam, "copy", &want, &copy), 0);
	memcpy(map_it(copy, 0, BYTES), map_it(region, 0, BYTES), BYTES);
	fam_region_close(region);
	fam_region_close(copy);
	assert_int_equal(try_heap(fam, "copy", WRITE), -EMEDIUMTYPE);
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	remove_it("copy");
	remove_it("heap");
}

static void test_one_good_copy_of_its_header_is_enough(void **state)
{
	struct fam_heap_header *h, whole;
	struct fam_region *region;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	h = headers(&region);
	whole = *h;
	assert_memory_equal(h, second(h), sizeof(*h));
	h->journals ^= 1;
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	assert_int_equal(try_heap(fam, "heap", READ), 0);
	reboot();
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	assert_memory_equal(h, &whole, sizeof(*h));
	second(h)->magic = 0;
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	h->bytes++;
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBADMSG);
	assert_int_equal(try_heap(fam, "heap", READ), -EBADMSG);
	fam_region_close(region);
	remove_it("heap");
}

/* A power cut while it was made: nobody ever had it. */
static void test_half_a_header_is_made_anew(void **state)
{
	struct fam_heap_header *h;
	struct fam_region *region;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	h = headers(&region);
	memset(second(h), 0, sizeof(*h));
	h->serial = 0;
	assert_int_equal(try_heap(fam, "heap", READ), -EUCLEAN);
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	assert_memory_equal(h, second(h), sizeof(*h));
	assert_int_equal(h->magic, FAM_HEAP_MAGIC);
	fam_region_close(region);
	remove_it("heap");
}

static void seal(struct fam_heap_header *h)
{
	uint32_t crc = fam_crc32c(0, fam->sb.uuid, FAM_UUID_BYTES);

	h->crc32c = 0;
	h->crc32c = fam_crc32c(crc, h, sizeof(*h));
	*second(h) = *h;
}

static void test_hostile_headers_are_refused(void **state)
{
	struct fam_heap_header *h, whole;
	struct fam_region *region;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	h = headers(&region);
	whole = *h;
	h->version = 2;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EPROTONOSUPPORT);
	*h = whole;
	h->bytes = BYTES + PAGE;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBADMSG);
	h->bytes = UINT64_MAX;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBADMSG);
	*h = whole;
	h->journals = UINT32_MAX;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBADMSG);
	*h = whole;
	h->journal_bytes = UINT64_MAX - 4095;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), -EBADMSG);
	*h = whole;
	seal(h);
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	fam_region_close(region);
	remove_it("heap");
}

static void test_for_reading_it_must_have_been_recovered(void **state)
{
	struct fam *reader = NULL;
	struct fam_heap *opened = NULL;
	fam_off off = 0;

	(void)state;
	heap_make(BYTES);
	assert_int_equal(fam_heap_root(heap, 64, &root), 0);
	fam_heap_close(heap);
	reboot();
	reader = attach(FAM_OPEN_RDONLY);
	assert_int_equal(try_heap(reader, "heap", WRITE), -EROFS);
	assert_int_equal(try_heap(reader, "heap", READ), -EUCLEAN);
	assert_int_equal(try_heap(fam, "heap", READ), -EUCLEAN);
	assert_int_equal(try_heap(fam, "heap", WRITE), 0);
	opened = heap_open(reader, READ);
	assert_int_equal(fam_heap_root(opened, 64, &off), 0);
	assert_int_equal(off, root);
	assert_int_equal(touch(fam_heap_at(opened, off, 1), true), SIGSEGV);
	fam_heap_close(opened);
	fam_close(reader);
	heap = heap_open(fam, WRITE);
	heap_gone();
}

static void test_for_reading_nothing_changes(void **state)
{
	struct fam_tx *tx = NULL;
	fam_off off = 0;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	heap = heap_open(fam, READ);
	assert_int_equal(fam_heap_root(heap, 64, &off), -EROFS);
	assert_int_equal(fam_heap_root(heap, 0, &off), -ENOENT);
	assert_int_equal(fam_tx_begin(heap, NULL, &tx), -EROFS);
	assert_int_equal(fam_heap_alloc(heap, 0, 64, 0, &off), -EROFS);
	assert_int_equal(fam_heap_recover(heap), -EROFS);
	assert_int_equal(fam_heap_settle(heap), -EROFS);
	assert_int_equal(fam_heap_persist(heap, heap->at.chunk, 8), -EROFS);
	assert_null(tx);
	assert_int_equal(off, 0);
	heap_gone();
}

/* Its header says how long it is. */
static void test_its_region_keeps_its_size(void **state)
{
	struct fam_region *region;

	(void)state;
	heap_make(BYTES);
	fam_heap_close(heap);
	region = open_it(fam, "heap", WRITE);
	assert_int_equal(fam_region_resize(region, BYTES + MIB, 0),
			 -EMEDIUMTYPE);
	assert_int_equal(fam_region_resize(region, BYTES - MIB, 0),
			 -EMEDIUMTYPE);
	assert_int_equal(fam_region_resize(region, BYTES, 0), 0);
	fam_region_close(region);
	heap = heap_open(fam, WRITE);
	assert_int_equal(stat_of(heap).bytes, BYTES);
	fam_heap_close(heap);
	remove_it("heap");
}

/* --- places ------------------------------------------------------------------------------ */

static void test_offsets_and_addresses(void **state)
{
	fam_off off;
	char *at;

	(void)state;
	heap_make(BYTES);
	off = alloc(100);
	at = fam_heap_at(heap, off, 100);
	assert_non_null(at);
	assert_int_equal(fam_heap_off(heap, at), off);
	assert_int_equal(fam_heap_off(heap, at + 99), off + 99);
	assert_int_equal(fam_heap_off(heap, NULL), 0);
	assert_int_equal(fam_heap_off(heap, &off), 0);
	assert_int_equal(fam_heap_off(heap, heap->base), 0);
	assert_int_equal(fam_heap_off(heap, heap->base + heap->at.end), 0);
	assert_null(fam_heap_at(heap, 0, 0));
	assert_null(fam_heap_at(heap, heap->at.chunk - 1, 1));
	assert_null(fam_heap_at(heap, heap->at.end, 1));
	assert_null(fam_heap_at(heap, heap->at.end - 1, 2));
	assert_null(fam_heap_at(heap, UINT64_MAX, 2));
	assert_null(fam_heap_at(heap, off, UINT64_MAX));
	heap_gone();
}

/* --- the root object ------------------------------------------------------------------------ */

static void test_the_root_is_made_once(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *same;
	fam_off again = 0;

	(void)state;
	heap_make(BYTES);
	assert_int_equal(fam_heap_root(heap, 0, &root), -ENOENT);
	assert_int_equal(fam_heap_root(heap, BYTES, &root), -ENOSPC);
	assert_int_equal(fam_heap_root(heap, 1000, &root), 0);
	assert_true(is_filled(fam_heap_at(heap, root, 1000), 1000, 0));
	same = heap_open(other, WRITE);
	assert_int_equal(fam_heap_root(same, 0, &again), 0);
	assert_int_equal(again, root);
	assert_int_equal(fam_heap_root(same, 1000, &again), 0);
	assert_int_equal(fam_heap_root(same, 1001, &again), -ERANGE);
	fam_heap_close(same);
	fam_close(other);
	heap_gone();
}

static void *find_root(void *arg)
{
	assert_int_equal(fam_heap_root(heap, 4096, arg), 0);
	return NULL;
}

static void test_of_many_one_makes_the_root(void **state)
{
	pthread_t thread[4];
	fam_off off[4] = {0};

	(void)state;
	heap_make(BYTES);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, find_root, &off[i]),
			0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(off[i], off[0]);
	assert_int_equal(objects(), 1);
	heap_gone();
}

static void test_a_root_that_is_nowhere_is_told(void **state)
{
	struct fam_heap_state *at;

	(void)state;
	heap_make(BYTES);
	assert_int_equal(fam_heap_root(heap, 1000, &root), 0);
	at = fam_heap_state(heap);
	fam_word_put(&at->root, heap->at.end - 8);
	assert_int_equal(fam_heap_root(heap, 1000, &root), -EBADMSG);
	fam_word_put(&at->root, UINT64_MAX);
	assert_int_equal(fam_heap_root(heap, 0, &root), -EBADMSG);
	fam_word_put(&at->root, 8);
	assert_int_equal(fam_heap_root(heap, 1000, &root), -EBADMSG);
	heap_gone();
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_a_heap_is_as_it_was_wanted),
		test(test_its_journals_go_by_its_size),
		test(test_what_makes_no_sense_is_refused),
		test(test_a_region_full_of_zeros_becomes_a_heap),
		test(test_others_wait_while_it_is_made),
		test(test_what_is_no_heap_is_told),
		test(test_a_copy_of_one_is_none),
		test(test_one_good_copy_of_its_header_is_enough),
		test(test_half_a_header_is_made_anew),
		test(test_hostile_headers_are_refused),
		test(test_for_reading_it_must_have_been_recovered),
		test(test_for_reading_nothing_changes),
		test(test_its_region_keeps_its_size),
		test(test_offsets_and_addresses),
		test(test_the_root_is_made_once),
		test(test_of_many_one_makes_the_root),
		test(test_a_root_that_is_nowhere_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
