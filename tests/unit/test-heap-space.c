// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Heaps that are full, small, large, cut up, or used for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "heap-stage.h"
#include "lib/superblocks.h"

#define GIB (UINT64_C(1) << 30)

static void begin(uint64_t bytes)
{
	heap_make(bytes);
	assert_int_equal(fam_heap_root(heap, WORDS * sizeof(fam_off), &root),
			 0);
}

/* --- full ------------------------------------------------------------------------- */

/* As many as there is room for, each one named by the one before. */
static unsigned int fill(uint64_t bytes)
{
	fam_off dest = word_at(0), off;
	unsigned int n = 0;
	int r;

	while ((r = fam_heap_alloc(heap, dest, bytes, FAM_HEAP_ZERO, &off)) ==
	       0) {
		dest = off;
		n++;
	}
	assert_int_equal(r, -ENOSPC);
	return n;
}

static void empty(void)
{
	while (named(0)) {
		const fam_off *next = fam_heap_at(heap, named(0), 8);
		struct fam_tx *tx;

		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		assert_int_equal(fam_tx_free(tx, named(0)), 0);
		assert_int_equal(fam_tx_set_word(tx, word_at(0), *next), 0);
		assert_int_equal(fam_tx_commit(tx), 0);
	}
}

static void test_a_full_heap_is_empty_again(void **state)
{
	static const uint64_t sizes[] = {48,	64,    1000,  4096,
					 32768, 65536, 500000};
	unsigned int n;

	(void)state;
	begin(3 * MIB);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		n = fill(sizes[i]);
		assert_true(n > 0);
		assert_int_equal(objects(), n + 1);
		if (sizes[i] <= 65536)
			assert_int_equal(stat_of(heap).free, 0);
		/* As often as you like. */
		assert_int_equal(fam_heap_alloc(heap, 0, sizes[i], 0, NULL),
				 -ENOSPC);
		empty();
		assert_int_equal(objects(), 1);
		assert_int_equal(fill(sizes[i]), n);
		empty();
	}
	/* Nothing of it is lost: but for the root's chunk it is one piece. */
	assert_int_equal(fam_heap_alloc(heap, word_at(0),
					stat_of(heap).space - CHUNK, 0, NULL),
			 0);
	assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
}

static void test_an_aborted_transaction_loses_no_space(void **state)
{
	const uint64_t sizes[] = {64, 4096, 200000};

	(void)state;
	begin(3 * MIB);
	for (unsigned int i = 0; i < 300; i++) {
		struct fam_tx *tx;
		fam_off off;

		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		for (unsigned int n = 0; n < 5; n++)
			assert_int_equal(
				fam_tx_alloc(tx, sizes[i % 3], 0, &off, NULL),
				0);
		fam_tx_abort(tx);
	}
	assert_int_equal(objects(), 1);
	assert_int_equal(fam_heap_alloc(heap, word_at(0),
					stat_of(heap).space - CHUNK, 0, NULL),
			 0);
}

static void test_in_a_full_heap_what_is_freed_is_had_at_once(void **state)
{
	fam_off first, off;
	unsigned int n;

	(void)state;
	begin(2 * MIB);
	for (n = fill(30000); n > 1; n--) {
		struct fam_tx *tx;
		fam_off next;

		first = named(0);
		next = *(const fam_off *)fam_heap_at(heap, first, 8);
		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		assert_int_equal(fam_tx_free(tx, first), 0);
		/* Not before that is committed. */
		assert_int_equal(fam_tx_alloc(tx, 30000, 0, &off, NULL),
				 -ENOSPC);
		assert_int_equal(fam_tx_set_word(tx, word_at(0), next), 0);
		assert_int_equal(fam_tx_commit(tx), 0);
		assert_int_equal(
			fam_heap_alloc(heap, word_at(n), 30000, 0, &off), 0);
		assert_int_equal(off, first);
	}
}

/* --- small and large ---------------------------------------------------------------- */

static void test_the_smallest_heap_is_of_use(void **state)
{
	unsigned int n = 0;

	(void)state;
	heap_make(MIB);
	assert_int_equal(fam_heap_root(heap, 1024, &root), 0);
	/* Of all sizes at once. */
	for (uint64_t bytes = 16; bytes <= 32768; bytes += bytes / 5 + 1) {
		assert_int_equal(
			fam_heap_alloc(heap, word_at(n++), bytes, 0, NULL), 0);
	}
	assert_int_equal(objects(), n + 1);
	while (n--)
		assert_int_equal(fam_heap_free(heap, word_at(n)), 0);
	assert_int_equal(fam_heap_alloc(heap, 0, MIB / 2, 0, NULL), 0);
}

static struct workdir large_work;

/* Blocks that were never stored to take no space of the disk. */
static struct fam *large_fabric(uint64_t bytes)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {9, 0xfa};
	struct fam_superblock sb;
	struct fam *large;
	int fd;

	assert_int_equal(workdir_make(&large_work, "/var/tmp"), 0);
	fd = file_make(workdir_path(&large_work, "large.fam"), bytes);
	assert_int_equal(fam_superblock_init(&sb, bytes, "large", uuid, 42,
					     FAM_DURABILITY_GUEST),
			 0);
	assert_int_equal(superblocks_write(fd, &sb), 0);
	close(fd);
	assert_int_equal(fam_open(&large, large_work.path, 0), 0);
	return large;
}

static void test_a_large_heap_costs_what_is_used_of_it(void **state)
{
	const struct fam_heap_want want = {.bytes = 16 * GIB};
	struct fam *large = large_fabric(32 * GIB);
	struct fam_heap *small = heap;
	struct stat st;
	fam_off off;

	(void)state;
	assert_int_equal(fam_heap_create(large, "large", &want, &heap), 0);
	assert_int_equal(fam_heap_root(heap, WORDS * sizeof(fam_off), &root),
			 0);
	for (unsigned int i = 0; i < 2000; i++)
		assert_int_equal(fam_heap_put(heap, word_at(i), "abc", 4, &off),
				 0);
	assert_int_equal(fam_heap_alloc(heap, word_at(2000), 15 * GIB, 0, &off),
			 0);
	*(char *)fam_heap_at(heap, off + 14 * GIB, 1) = 'x';
	assert_int_equal(objects(), 2002);
	assert_true(stat_of(heap).used > 15 * GIB);
	assert_int_equal(fam_heap_alloc(heap, 0, 2 * GIB, 0, NULL), -ENOSPC);
	assert_int_equal(fam_heap_free(heap, word_at(2000)), 0);
	assert_int_equal(fam_heap_alloc(heap, word_at(2000), 2 * GIB, 0, &off),
			 0);
	fam_heap_close(heap);
	assert_int_equal(fam_heap_open(large, "large", WRITE, &heap), 0);
	assert_int_equal(objects(), 2002);
	fam_heap_close(heap);
	fam_close(large);
	assert_int_equal(stat(large_work.path, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 < 128 * MIB);
	assert_int_equal(workdir_remove(&large_work), 0);
	heap = small;
}

/* --- cut up --------------------------------------------------------------------------- */

static uint64_t some_size(unsigned int *seed)
{
	const unsigned int kind = (unsigned int)rand_r(seed) % 100;
	const uint64_t most = kind < 80 ? 512 : kind < 98 ? 16384 : 150000;

	return 1 + (uint64_t)rand_r(seed) % most;
}

/*
 * Half of the heap is used, by objects of all sizes that come and go: no call fails,
 * and of what they take, what they do not need is bounded.
 */
static void test_holes_are_bounded(void **state)
{
	struct fam_heap_stat stat;
	uint64_t bytes[WORDS] = {0}, sum = 0, worst = 0;
	unsigned int seed = 7;

	(void)state;
	begin(10 * MIB);
	for (unsigned int i = 0; i < 40000; i++) {
		const unsigned int at = (unsigned int)rand_r(&seed) % WORDS;
		const uint64_t wanted = some_size(&seed);

		assert_int_equal(fam_heap_free(heap, word_at(at)), 0);
		sum -= bytes[at];
		bytes[at] = 0;
		if (sum + wanted > 4 * MIB)
			continue;
		assert_int_equal(
			fam_heap_alloc(heap, word_at(at), wanted, 0, NULL), 0);
		bytes[at] = wanted;
		sum += wanted;
		if (i % 100 || sum < 3 * MIB)
			continue;
		stat = stat_of(heap);
		if ((stat.used + stat.idle) * 100 / sum > worst)
			worst = (stat.used + stat.idle) * 100 / sum;
	}
	assert_true(worst >= 100);
	assert_true(worst < 200);
}

/* --- smaller -------------------------------------------------------------------------- */

static void test_what_becomes_much_smaller_gives_back_the_rest(void **state)
{
	static const uint64_t sizes[][2] = {
		{6 * MIB, 40000}, {MIB, MIB / 2}, {3 * CHUNK, 65537},
		{CHUNK, 32768},	  {CHUNK, 100},
	};
	uint8_t *p;
	fam_off off;

	(void)state;
	begin(10 * MIB);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const uint64_t bytes = sizes[i][1];

		assert_int_equal(
			fam_heap_alloc(heap, word_at(0), sizes[i][0], 0, &off),
			0);
		p = fam_heap_at(heap, off, bytes);
		for (uint64_t n = 0; n < bytes; n++)
			p[n] = (uint8_t)(n * 7 + i);
		assert_int_equal(
			fam_heap_realloc(heap, word_at(0), bytes, &off), 0);
		assert_int_equal(named(0), off);
		assert_in_range(usable_of(off), bytes, bytes + CHUNK - 1);
		p = fam_heap_at(heap, off, bytes);
		for (uint64_t n = 0; n < bytes; n++)
			assert_int_equal(p[n], (uint8_t)(n * 7 + i));
		assert_int_equal(objects(), 2);
		assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
	}
}

/* There is no room to move it to: that is no reason to fail. */
static void test_in_a_full_heap_it_stays_where_it_is(void **state)
{
	fam_off off, same = 0;

	(void)state;
	begin(3 * MIB);
	assert_int_equal(fam_heap_alloc(heap, word_at(1), 4 * CHUNK, 0, &off),
			 0);
	strcpy(fam_heap_at(heap, off, 6), "hello");
	while (fam_heap_alloc(heap, 0, 40000, 0, NULL) == 0)
		;
	assert_int_equal(fam_heap_realloc(heap, word_at(1), 40000, &same), 0);
	assert_int_equal(same, off);
	assert_int_equal(named(1), off);
	assert_int_equal(usable_of(off), 4 * CHUNK);
	assert_string_equal(fam_heap_at(heap, off, 6), "hello");
	assert_int_equal(fam_heap_realloc(heap, word_at(1), 5 * CHUNK, &same),
			 -ENOSPC);
	assert_int_equal(named(1), off);
}

/* --- for long ---------------------------------------------------------------------------- */

static void test_a_pattern_does_not_grow(void **state)
{
	uint64_t first = 0;

	(void)state;
	begin(10 * MIB);
	for (unsigned int round = 0; round < 30; round++) {
		struct fam_heap_stat stat;

		for (unsigned int i = 0; i < 600; i++)
			assert_int_equal(fam_heap_alloc(heap, word_at(i),
							24 + i % 37 * 111, 0,
							NULL),
					 0);
		stat = stat_of(heap);
		if (round == 0)
			first = stat.free;
		assert_true(stat.free + CHUNK >= first);
		/* In another order each time. */
		for (unsigned int i = 0; i < 600; i++)
			assert_int_equal(
				fam_heap_free(heap,
					      word_at((i * (2 * round + 7)) %
						      601 % 600)),
				0);
		for (unsigned int i = 0; i < 600; i++)
			assert_int_equal(fam_heap_free(heap, word_at(i)), 0);
		assert_int_equal(objects(), 1);
	}
}

struct pair {
	unsigned int from;
	pthread_t thread;
};

#define PAIRS  4
#define ROUNDS 60

static void *come_and_go(void *arg)
{
	const struct pair *pair = arg;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < 50; i++)
			assert_int_equal(fam_heap_alloc(heap,
							word_at(pair->from + i),
							100 + i * 10, 0, NULL),
					 0);
		for (unsigned int i = 0; i < 50; i++)
			assert_int_equal(
				fam_heap_free(heap, word_at(pair->from + i)),
				0);
	}
	return NULL;
}

static void test_threads_that_come_and_go_do_not_grow(void **state)
{
	struct pair pair[PAIRS];
	uint64_t first = 0;

	(void)state;
	begin(10 * MIB);
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < PAIRS; i++) {
			pair[i].from = i * 50;
			assert_int_equal(pthread_create(&pair[i].thread, NULL,
							come_and_go, &pair[i]),
					 0);
		}
		for (unsigned int i = 0; i < PAIRS; i++)
			pthread_join(pair[i].thread, NULL);
		if (round == 0)
			first = stat_of(heap).free;
	}
	assert_int_equal(objects(), 1);
	/* Which thread meets which run is not always the same. */
	assert_true(stat_of(heap).free + 12 * CHUNK >= first);
	assert_int_equal(fam_heap_alloc(heap, word_at(0),
					stat_of(heap).space - CHUNK, 0, NULL),
			 0);
}

/* A session that has used all sizes keeps little of them from others. */
static void test_who_used_all_sizes_keeps_few_chunks(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *by;

	(void)state;
	begin(3 * MIB);
	by = heap_open(other, WRITE);
	for (uint64_t bytes = 16; bytes <= 32768; bytes += bytes / 5 + 1) {
		assert_int_equal(fam_heap_alloc(by, word_at(0), bytes, 0, NULL),
				 0);
		assert_int_equal(fam_heap_free(by, word_at(0)), 0);
	}
	assert_true(stat_of(heap).free + 4 * CHUNK >= stat_of(heap).space);
	assert_int_equal(fam_heap_alloc(heap, word_at(0), MIB, 0, NULL), 0);
	fam_heap_close(by);
	fam_close(other);
}

static int heap_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

#define HEAP_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, heap_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAP_TEST(test_a_full_heap_is_empty_again),
		HEAP_TEST(test_an_aborted_transaction_loses_no_space),
		HEAP_TEST(test_in_a_full_heap_what_is_freed_is_had_at_once),
		HEAP_TEST(test_the_smallest_heap_is_of_use),
		HEAP_TEST(test_a_large_heap_costs_what_is_used_of_it),
		HEAP_TEST(test_holes_are_bounded),
		HEAP_TEST(test_what_becomes_much_smaller_gives_back_the_rest),
		HEAP_TEST(test_in_a_full_heap_it_stays_where_it_is),
		HEAP_TEST(test_a_pattern_does_not_grow),
		HEAP_TEST(test_threads_that_come_and_go_do_not_grow),
		HEAP_TEST(test_who_used_all_sizes_keeps_few_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
