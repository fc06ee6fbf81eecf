// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A map that could not grow for long, and then can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "containers/siphash.h"
#include "heap/fam-heap.h"

#include "container-stage.h"

static fam_off hash_off;
static struct fam_hash *hash;
static const struct fam_hash_header *header;
static uint32_t next; /* key to be tried */

static int grow_set_up(void **state)
{
	next = 0;
	if (heap_set_up(state) || fam_hash_create(heap, NULL, 0, &hash_off) ||
	    fam_hash_open(heap, hash_off, &hash))
		return -1;
	header = fam_heap_at(heap, hash_off, sizeof(*header));
	return 0;
}

static int grow_tear_down(void **state)
{
	fam_hash_close(hash);
	return heap_tear_down(state);
}

static int put(struct fam_tx *tx, uint64_t bytes)
{
	static char value[4096];

	memcpy(value, &next, sizeof(next));
	return fam_hash_put(hash, tx, &next, sizeof(next), value, bytes);
}

static void put_some(unsigned int many, uint64_t bytes)
{
	for (; many; many--, next++)
		assert_int_equal(put(NULL, bytes), 0);
}

static bool is_first_stripe(uint32_t key)
{
	return fam_siphash(header->seed, &key, sizeof(key)) %
		       FAM_HASH_STRIPES ==
	       0;
}

/*
 * Somebody has the first stripe, which is the one to be divided next, while so many
 * come to each of the others.
 */
static void be_held_up(unsigned int each)
{
	struct fam_tx *tx;
	uint32_t key = 0;

	while (!is_first_stripe(key))
		key++;
	assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
	assert_int_equal(
		fam_hash_get(hash, tx, &key, sizeof(key), NULL, 0, NULL),
		-ENOENT);
	for (unsigned int n = each * (FAM_HASH_STRIPES - 1); n; next++) {
		if (is_first_stripe(next))
			continue;
		assert_int_equal(put(NULL, 4), 0);
		n--;
	}
	fam_tx_abort(tx);
	assert_int_equal(header->buckets, FAM_HASH_STRIPES);
}

/* All keys that were put; those of the first stripe only since @from. */
static void all_are_there(uint32_t from)
{
	uint64_t count = 0;
	uint32_t value;

	for (uint32_t key = 0; key < next; key++) {
		int r = fam_hash_get(hash, NULL, &key, sizeof(key), &value,
				     sizeof(value), NULL);

		if (key < from && is_first_stripe(key)) {
			assert_int_equal(r, -ENOENT);
			continue;
		}
		assert_true(r == 0 || r == -ERANGE);
		assert_int_equal(value, key);
		count++;
	}
	assert_int_equal(fam_hash_count(hash), count);
	only(heap, hash_off, 0);
}

static void what_was_held_up_catches_up(void **state)
{
	uint32_t from;

	(void)state;
	be_held_up(700);
	from = next;
	put_some(20000, 4);
	assert_in_range(header->buckets, fam_hash_count(hash) / 2,
			fam_hash_count(hash) * 2);
	all_are_there(from);
}

/* Most of what a record can have is taken by the put. */
static void it_does_so_beside_large_values(void **state)
{
	uint64_t was;
	uint32_t from;

	(void)state;
	be_held_up(700);
	from = next;
	put_some(300, 4000);
	was = header->buckets;
	assert_true(was > FAM_HASH_STRIPES);
	put_some(300, 4000);
	assert_true(header->buckets > was);
	all_are_there(from);
}

/* They have room for their own changes, and catch up nevertheless. */
static void it_does_so_by_transactions_of_others(void **state)
{
	uint32_t from;

	(void)state;
	be_held_up(120);
	from = next;
	for (unsigned int i = 0; i < 1000; i++) {
		struct fam_tx *tx;

		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		for (unsigned int n = 0; n < 10; n++, next++)
			assert_int_equal(put(tx, 4), 0);
		assert_int_equal(fam_tx_commit(tx), 0);
	}
	assert_in_range(header->buckets, fam_hash_count(hash) / 3,
			fam_hash_count(hash) * 2);
	all_are_there(from);
}

/* --- while it is used ----------------------------------------------------------------- */

#define THREADS 3

struct worker {
	pthread_t thread;
	uint32_t from, many; /* keys of its own */
	int result;
};

/* What was put before, and stays. */
static atomic_bool is_over;
static uint32_t old_keys;

static void *come_and_go(void *arg)
{
	struct worker *w = arg;

	for (uint32_t n = 0; n < w->many && w->result == 0; n++) {
		uint32_t key = w->from + n;

		w->result = fam_hash_put(hash, NULL, &key, 4, &key, 4);
		key -= 3;
		if (w->result == 0 && n % 6 == 5)
			w->result = fam_hash_remove(hash, NULL, &key, 4);
	}
	return NULL;
}

static int count_old(const void *data, uint32_t bytes, const void *value,
		     uint64_t value_bytes, void *arg)
{
	uint32_t key;

	assert_int_equal(bytes, 4);
	assert_int_equal(value_bytes, 4);
	assert_memory_equal(data, value, 4);
	memcpy(&key, data, 4);
	*(uint64_t *)arg += key < old_keys;
	return 0;
}

static void *watch(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&is_over) && w->result == 0) {
		uint64_t count = 0;

		w->result = fam_hash_each(hash, count_old, &count);
		if (count != w->many)
			w->result = -EILSEQ;
	}
	return NULL;
}

static void nothing_is_missed_meanwhile(void **state)
{
	struct worker watcher = {0}, worker[THREADS];

	(void)state;
	be_held_up(300);
	old_keys = next;
	watcher.many = (uint32_t)fam_hash_count(hash);
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&watcher.thread, NULL, watch, &watcher),
			 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){.from = (i + 1) * 1000000,
					    .many = 6000};
		assert_int_equal(pthread_create(&worker[i].thread, NULL,
						come_and_go, &worker[i]),
				 0);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		assert_int_equal(worker[i].result, 0);
	}
	atomic_store(&is_over, true);
	pthread_join(watcher.thread, NULL);
	assert_int_equal(watcher.result, 0);
	assert_int_equal(fam_hash_count(hash), watcher.many + THREADS * 5000);
	/* Who is in the way is not waited for: now there is nobody. */
	put_some(10000, 4);
	assert_true(header->buckets > fam_hash_count(hash) / 2);
	only(heap, hash_off, 0);
}

/* --- no room ------------------------------------------------------------------------- */

#define SPANS	 200
#define FULL	 16384 /* buckets; the next segment has two chunks */
#define PATIENCE 3000

static fam_off span[SPANS];

/* Chunks are free, but no two of them in a row. */
static void cut_up(void)
{
	unsigned int n = 0;

	while (fam_heap_alloc(heap, 0, FAM_HEAP_CHUNK, 0, &span[n]) == 0)
		assert_true(++n < SPANS);
	assert_true(n > SPANS / 2);
	for (unsigned int i = 0; i < n; i += 2) {
		assert_int_equal(fam_heap_release(heap, span[i]), 0);
		span[i] = 0;
	}
}

static void make_room(void)
{
	for (unsigned int i = 0; i < SPANS; i++) {
		if (span[i])
			assert_int_equal(fam_heap_release(heap, span[i]), 0);
		span[i] = 0;
	}
}

/*
 * Who finds no room for more buckets looks at all of the heap: not with each put.
 */
static void where_there_is_no_room_few_look_for_it(void **state)
{
	const fam_word *epoch = &fam_heap_live(heap)->epoch;
	uint64_t before, looks;

	(void)state;
	while (header->buckets < FULL)
		put_some(1, 4);
	cut_up();
	before = fam_word_get(epoch);
	put_some(PATIENCE, 4);
	looks = fam_word_get(epoch) - before;
	assert_int_equal(header->buckets, FULL);
	assert_in_range(looks, 1, 10);
	/* It is found, before the chains are twice as long. */
	make_room();
	put_some(FULL, 4);
	assert_true(header->buckets > FULL);
	put_some(FULL, 4);
	assert_true(header->buckets > fam_hash_count(hash) / 2);
	all_are_there(0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, grow_set_up, grow_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_held_up_catches_up),
		TEST(it_does_so_beside_large_values),
		TEST(it_does_so_by_transactions_of_others),
		TEST(nothing_is_missed_meanwhile),
		TEST(where_there_is_no_room_few_look_for_it),
	};

	/* As short as they can be. */
	journal_bytes = FAM_JOURNAL_MIN;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
