// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What fam/heap.h says of allocating and freeing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap-stage.h"

static int heap_set_up(void **state)
{
	if (set_up(state))
		return -1;
	heap_make(8 * MIB);
	return fam_heap_root(heap, WORDS * sizeof(fam_off), &root);
}

static int heap_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

static const uint64_t sizes[] = {1,	16,    31,    32,    33,    64,
				 100,	256,   1000,  4096,  5000,  21840,
				 32768, 32769, 65536, 65537, 300000};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* --- allocating ------------------------------------------------------------------- */

static void test_what_is_allocated_is_published(void **state)
{
	const uint64_t before = objects();
	fam_off off;

	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		assert_int_equal(
			fam_heap_alloc(heap, word_at(5), sizes[i], 0, &off), 0);
		assert_int_equal(named(5), off);
		assert_int_equal(off % 16, 0);
		assert_true(usable_of(off) >= sizes[i]);
		assert_int_equal(objects(), before + 1);
		assert_int_equal(fam_heap_free(heap, word_at(5)), 0);
		assert_int_equal(named(5), 0);
		assert_int_equal(objects(), before);
		/* And nothing is freed that is not there. */
		assert_int_equal(fam_heap_free(heap, word_at(5)), 0);
	}
}

static void test_what_is_not_published_can_be_released(void **state)
{
	const uint64_t before = objects();
	fam_off off;

	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		off = alloc(sizes[i]);
		assert_int_equal(objects(), before + 1);
		assert_int_equal(fam_heap_release(heap, off), 0);
		assert_int_equal(fam_heap_release(heap, off), -EINVAL);
		assert_int_equal(objects(), before);
	}
	assert_int_equal(fam_heap_alloc(heap, word_at(0), 10, 0, NULL), 0);
	assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
}

static void test_zeros_are_zeros(void **state)
{
	static char dirt[300000];
	fam_off off;

	(void)state;
	memset(dirt, 0xee, sizeof(dirt));
	for (size_t i = 0; i < SIZES; i++) {
		assert_int_equal(
			fam_heap_put(heap, word_at(1), dirt, sizes[i], NULL),
			0);
		assert_int_equal(fam_heap_free(heap, word_at(1)), 0);
		assert_int_equal(fam_heap_alloc(heap, word_at(1), sizes[i],
						FAM_HEAP_ZERO, &off),
				 0);
		assert_true(is_filled(fam_heap_at(heap, off, sizes[i]),
				      sizes[i], 0));
		assert_int_equal(fam_heap_free(heap, word_at(1)), 0);
	}
}

static void test_what_is_put_is_there(void **state)
{
	static uint8_t data[300000];
	fam_off off;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < SIZES; i++) {
		assert_int_equal(
			fam_heap_put(heap, word_at(2), data, sizes[i], &off),
			0);
		assert_int_equal(named(2), off);
		assert_memory_equal(fam_heap_at(heap, off, sizes[i]), data,
				    sizes[i]);
		assert_int_equal(fam_heap_free(heap, word_at(2)), 0);
	}
}

static void test_it_lies_where_it_was_asked_to(void **state)
{
	fam_off off;

	(void)state;
	for (uint64_t align = 1; align <= 4096; align *= 2) {
		for (size_t i = 0; i < SIZES; i++) {
			assert_int_equal(fam_heap_aligned(heap, word_at(3),
							  sizes[i], align, 0,
							  &off),
					 0);
			assert_int_equal(off % align, 0);
			assert_int_equal(off % 16, 0);
			assert_int_equal((uintptr_t)fam_heap_at(heap, off, 1) %
						 align,
					 0);
			assert_true(usable_of(off) >= sizes[i]);
			assert_int_equal(fam_heap_free(heap, word_at(3)), 0);
		}
		off = alloc(align);
		assert_int_equal(off % align, 0);
		assert_int_equal(fam_heap_release(heap, off), 0);
	}
}

/* As the header and the manual have it. */
static void test_rounding_up_is_bounded(void **state)
{
	uint64_t usable, most;
	fam_off off;

	(void)state;
	for (uint64_t bytes = 1; bytes < 200000; bytes += 1 + bytes / 40) {
		off = alloc(bytes);
		usable = usable_of(off);
		most = bytes <= 32	? 32
		       : bytes <= 64	? bytes + 16
		       : bytes <= 12288 ? bytes + bytes / 4 + 1
		       : bytes <= 32768 ? bytes + bytes / 2 + 1
					: (bytes + CHUNK - 1) / CHUNK * CHUNK;
		assert_true(usable <= most);
		assert_int_equal(fam_heap_release(heap, off), 0);
	}
}

/* --- what makes no sense ------------------------------------------------------------ */

static void test_nonsense_is_refused_and_changes_nothing(void **state)
{
	const fam_off bad_dest[] = {8, root + 4, UINT64_MAX, UINT64_MAX - 7,
				    UINT64_C(1) << 40};
	const uint64_t bad_align[] = {0, 3, 48, 8192, UINT64_C(1) << 63};
	const uint64_t before = objects();
	fam_off off = 77;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(fam_heap_alloc(heap, bad_dest[i], 10, 0, &off),
				 -EINVAL);
		assert_int_equal(fam_heap_put(heap, bad_dest[i], "x", 1, &off),
				 -EINVAL);
		assert_int_equal(fam_heap_free(heap, bad_dest[i]), -EINVAL);
		assert_int_equal(fam_heap_realloc(heap, bad_dest[i], 10, &off),
				 -EINVAL);
		assert_int_equal(
			fam_heap_aligned(heap, 0, 10, bad_align[i], 0, &off),
			-EINVAL);
	}
	assert_int_equal(fam_heap_free(heap, 0), -EINVAL);
	assert_int_equal(fam_heap_alloc(heap, 0, 0, 0, &off), -EINVAL);
	assert_int_equal(fam_heap_alloc(heap, 0, 10, 2, &off), -EINVAL);
	assert_int_equal(fam_heap_alloc(heap, 0, UINT64_MAX, 0, &off), -ENOSPC);
	assert_int_equal(fam_heap_alloc(heap, 0, 9 * MIB, 0, &off), -ENOSPC);
	assert_int_equal(off, 77);
	assert_int_equal(objects(), before);
}

static void test_only_what_is_allocated_can_be_freed(void **state)
{
	const fam_off off = alloc(100), large = alloc(200000);
	const fam_off bad[] = {0,
			       8,
			       off + 16,
			       off + 112,
			       large + 16,
			       large + CHUNK,
			       UINT64_MAX,
			       root + 32768,
			       UINT64_C(1) << 40};
	uint64_t bytes = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fam_tx *tx;

		assert_int_equal(fam_heap_release(heap, bad[i]), -EINVAL);
		assert_int_equal(fam_heap_usable(heap, bad[i], &bytes),
				 -EINVAL);
		if (!bad[i])
			continue;
		/* Nor what a word names that somebody has stored nonsense to. */
		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		assert_int_equal(fam_tx_set_word(tx, word_at(9), bad[i]), 0);
		assert_int_equal(fam_tx_commit(tx), 0);
		assert_int_equal(fam_heap_free(heap, word_at(9)), -EINVAL);
		assert_int_equal(fam_heap_realloc(heap, word_at(9), 1000, NULL),
				 -EINVAL);
		assert_int_equal(named(9), bad[i]);
	}
	assert_int_equal(bytes, 5);
	assert_int_equal(fam_heap_release(heap, off), 0);
	assert_int_equal(fam_heap_release(heap, large), 0);
}

static void test_who_reads_changes_nothing(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *reader = heap_open(other, READ);
	struct fam_heap_stat stat;
	uint64_t n = 0, bytes;
	fam_off off = 3;

	(void)state;
	assert_int_equal(fam_heap_alloc(reader, 0, 10, 0, &off), -EROFS);
	assert_int_equal(fam_heap_put(reader, 0, "x", 1, &off), -EROFS);
	assert_int_equal(fam_heap_free(reader, word_at(0)), -EROFS);
	assert_int_equal(fam_heap_release(reader, root), -EROFS);
	assert_int_equal(fam_heap_realloc(reader, word_at(0), 9, &off), -EROFS);
	assert_int_equal(off, 3);
	assert_int_equal(fam_heap_each(reader, count_it, &n), 0);
	assert_int_equal(n, objects());
	assert_int_equal(fam_heap_usable(reader, root, &bytes), 0);
	assert_int_equal(fam_heap_stat(reader, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.objects, n);
	fam_heap_close(reader);
	fam_close(other);
}

/* --- another size -------------------------------------------------------------------- */

static void test_content_stays_with_another_size(void **state)
{
	const uint64_t before = objects();
	uint64_t bytes = 1;
	unsigned int seed = 3;
	uint8_t *p;
	fam_off off;

	(void)state;
	assert_int_equal(fam_heap_realloc(heap, word_at(4), 1, &off), 0);
	assert_int_equal(named(4), off);
	*(uint8_t *)fam_heap_at(heap, off, 1) = 1;
	for (unsigned int i = 0; i < 300; i++) {
		const uint64_t more =
			1 + (uint64_t)rand_r(&seed) % (i % 10 ? 40000 : 250000);
		const uint64_t both = bytes < more ? bytes : more;

		assert_int_equal(fam_heap_realloc(heap, word_at(4), more, &off),
				 0);
		assert_int_equal(named(4), off);
		assert_true(usable_of(off) >= more);
		p = fam_heap_at(heap, off, more);
		for (uint64_t n = 0; n < both; n++)
			assert_int_equal(p[n], (uint8_t)(n * 3 + 1));
		for (uint64_t n = 0; n < more; n++)
			p[n] = (uint8_t)(n * 3 + 1);
		bytes = more;
		assert_int_equal(objects(), before + 1);
	}
	assert_int_equal(fam_heap_realloc(heap, word_at(4), 0, &off), 0);
	assert_int_equal(off, 0);
	assert_int_equal(named(4), 0);
	assert_int_equal(objects(), before);
}

static void test_it_stays_where_it_is_if_that_fits(void **state)
{
	fam_off off, same;

	(void)state;
	assert_int_equal(fam_heap_alloc(heap, word_at(4), 1000, 0, &off), 0);
	for (uint64_t bytes = 513; bytes <= 1024; bytes += 73) {
		assert_int_equal(
			fam_heap_realloc(heap, word_at(4), bytes, &same), 0);
		assert_int_equal(same, off);
	}
	assert_int_equal(fam_heap_realloc(heap, word_at(4), 512, &same), 0);
	assert_int_not_equal(same, off);
	assert_int_equal(fam_heap_free(heap, word_at(4)), 0);
}

static void test_what_cannot_grow_is_as_it_was(void **state)
{
	fam_off off, out = 9;

	(void)state;
	assert_int_equal(fam_heap_put(heap, word_at(4), "hello", 6, &off), 0);
	assert_int_equal(fam_heap_realloc(heap, word_at(4), 8 * MIB, &out),
			 -ENOSPC);
	assert_int_equal(out, 9);
	assert_int_equal(named(4), off);
	assert_string_equal(fam_heap_at(heap, off, 6), "hello");
	assert_int_equal(fam_heap_free(heap, word_at(4)), 0);
}

/* --- what there is ---------------------------------------------------------------------- */

struct seen {
	fam_off last, stop_at;
	unsigned int n;
};

static int see(fam_off off, uint64_t usable, void *arg)
{
	struct seen *seen = arg;

	assert_true(off > seen->last);
	assert_int_equal(usable, usable_of(off));
	seen->last = off;
	seen->n++;
	return off == seen->stop_at ? 17 : 0;
}

static int free_it(fam_off off, uint64_t usable, void *arg)
{
	(void)usable;
	(void)arg;
	return off == root ? 0 : fam_heap_release(heap, off);
}

static void test_objects_are_told_in_order(void **state)
{
	struct seen seen = {0};
	fam_off off[SIZES * 3];

	(void)state;
	for (size_t i = 0; i < SIZES * 3; i++)
		off[i] = alloc(sizes[i % SIZES]);
	assert_int_equal(fam_heap_each(heap, see, &seen), 0);
	assert_int_equal(seen.n, SIZES * 3 + 1);
	seen = (struct seen){.stop_at = off[0]};
	assert_int_equal(fam_heap_each(heap, see, &seen), 17);
	assert_int_equal(seen.last, off[0]);
	/* It may change what it is told of. */
	assert_int_equal(fam_heap_each(heap, free_it, NULL), 0);
	assert_int_equal(objects(), 1);
}

static void test_figures_are_those_of_what_there_is(void **state)
{
	const struct fam_heap_stat before = stat_of(heap);
	struct fam_heap_stat now;
	struct {
		uint64_t bytes, space;
	} old = {0};
	const fam_off a = alloc(64), b = alloc(64), c = alloc(3 * CHUNK - 1);

	(void)state;
	now = stat_of(heap);
	assert_int_equal(now.objects, before.objects + 3);
	assert_int_equal(now.used, before.used + 128 + 3 * CHUNK);
	assert_int_equal(now.bytes, 8 * MIB);
	assert_int_equal(now.classes, 36);
	assert_int_equal(now.size_class[2].bytes, 64);
	assert_int_equal(now.size_class[2].used, 2);
	assert_int_equal(now.size_class[2].room, 1024);
	assert_int_equal(now.size_class[2].chunks, 1);
	assert_int_equal(now.writers, 0);
	assert_true(now.stamp >= before.stamp + 3);
	assert_true(now.checkpoint <= now.stamp);
	assert_true(now.journals >= 4);
	/* Who was built before it grew gets as much as he knows. */
	assert_int_equal(fam_heap_stat(heap, (void *)&old, sizeof(old)), 0);
	assert_int_equal(old.space, now.space);
	assert_int_equal(fam_heap_stat(heap, &now, 0), -EINVAL);
	assert_int_equal(fam_heap_release(heap, a), 0);
	assert_int_equal(fam_heap_release(heap, b), 0);
	assert_int_equal(fam_heap_release(heap, c), 0);
}

static void test_who_goes_on_with_a_transaction_is_told(void **state)
{
	struct fam_tx *one, *two;

	(void)state;
	assert_int_equal(fam_tx_begin(heap, NULL, &one), 0);
	assert_int_equal(fam_tx_begin(heap, NULL, &two), 0);
	assert_int_equal(stat_of(heap).writers, 2);
	fam_tx_abort(one);
	assert_int_equal(stat_of(heap).writers, 1);
	fam_tx_abort(two);
	assert_int_equal(stat_of(heap).writers, 0);
}

/* --- several openings --------------------------------------------------------------------- */

static void test_anybody_frees_what_anybody_has_allocated(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *by[] = {heap, heap_open(fam, WRITE),
				 heap_open(other, WRITE)};
	unsigned char *used = calloc(1, 8 * MIB);

	(void)state;
	for (unsigned int i = 0; i < 600; i++) {
		fam_off off;

		assert_int_equal(fam_heap_alloc(by[i % 3], word_at(i),
						sizes[i % 11], 0, &off),
				 0);
		/* No two of them have the same. */
		for (fam_off at = off; at < off + sizes[i % 11]; at++)
			assert_int_equal(used[at]++, 0);
	}
	for (unsigned int i = 0; i < 600; i++)
		assert_int_equal(fam_heap_free(by[i % 2 + 1], word_at(i)), 0);
	assert_int_equal(objects(), 1);
	fam_heap_close(by[1]);
	fam_heap_close(by[2]);
	fam_close(other);
	free(used);
}

static void test_a_closed_heap_is_as_it_was(void **state)
{
	const uint64_t before = objects();
	struct fam_heap_stat stat;

	(void)state;
	assert_int_equal(fam_heap_put(heap, word_at(7), "kept", 5, NULL), 0);
	fam_heap_close(heap);
	heap = heap_open(fam, WRITE);
	assert_string_equal(fam_heap_at(heap, named(7), 5), "kept");
	assert_int_equal(objects(), before + 1);
	assert_int_equal(fam_heap_free(heap, word_at(7)), 0);
	fam_heap_close(heap);
	heap = heap_open(fam, WRITE);
	/* Nobody keeps what nothing is in: but for the root, all is free. */
	stat = stat_of(heap);
	assert_int_equal(stat.free + CHUNK, stat.space);
}

/* --- journals go round ---------------------------------------------------------------------- */

static void test_thousands_of_calls_leave_nothing(void **state)
{
	const struct fam_heap_stat before = stat_of(heap);
	struct fam_heap_stat after;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		const unsigned int at = i % 50;

		assert_int_equal(fam_heap_free(heap, word_at(at)), 0);
		assert_int_equal(fam_heap_alloc(heap, word_at(at),
						32 + i % 13 * 16, 0, NULL),
				 0);
	}
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(fam_heap_free(heap, word_at(i)), 0);
	after = stat_of(heap);
	assert_int_equal(after.objects, before.objects);
	/* A chunk for each size it used. */
	assert_true(before.free - after.free <= 13 * CHUNK);
	assert_true(after.checkpoint > 0);
}

#define HEAP_TEST(name) \
	cmocka_unit_test_setup_teardown(name, heap_set_up, heap_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAP_TEST(test_what_is_allocated_is_published),
		HEAP_TEST(test_what_is_not_published_can_be_released),
		HEAP_TEST(test_zeros_are_zeros),
		HEAP_TEST(test_what_is_put_is_there),
		HEAP_TEST(test_it_lies_where_it_was_asked_to),
		HEAP_TEST(test_rounding_up_is_bounded),
		HEAP_TEST(test_nonsense_is_refused_and_changes_nothing),
		HEAP_TEST(test_only_what_is_allocated_can_be_freed),
		HEAP_TEST(test_who_reads_changes_nothing),
		HEAP_TEST(test_content_stays_with_another_size),
		HEAP_TEST(test_it_stays_where_it_is_if_that_fits),
		HEAP_TEST(test_what_cannot_grow_is_as_it_was),
		HEAP_TEST(test_objects_are_told_in_order),
		HEAP_TEST(test_figures_are_those_of_what_there_is),
		HEAP_TEST(test_who_goes_on_with_a_transaction_is_told),
		HEAP_TEST(test_anybody_frees_what_anybody_has_allocated),
		HEAP_TEST(test_a_closed_heap_is_as_it_was),
		HEAP_TEST(test_thousands_of_calls_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
