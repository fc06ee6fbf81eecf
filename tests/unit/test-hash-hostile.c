// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Maps and logs that somebody has written over: every call ends, and touches nothing
 * outside of the heap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "container-stage.h"

#define KEYS	 200
#define RECORDS	 400
#define ROUNDS	 150
#define DEADLINE 300 /* seconds, of all of a test under a sanitizer */

static fam_off hash_off, log_off;
static struct fam_hash *hash;
static struct fam_log *records;
static struct fam_hash_header *map;
static struct fam_log_header *list;

static void make_both(void)
{
	char data[1500];

	assert_int_equal(fam_hash_create(heap, NULL, 0, &hash_off), 0);
	assert_int_equal(fam_hash_open(heap, hash_off, &hash), 0);
	assert_int_equal(fam_log_create(heap, NULL, 0, &log_off), 0);
	assert_int_equal(fam_log_open(heap, log_off, &records), 0);
	map = fam_heap_at(heap, hash_off, sizeof(*map));
	list = fam_heap_at(heap, log_off, sizeof(*list));
	fill_bytes(data, sizeof(data), 1);
	for (uint32_t n = 0; n < KEYS; n++)
		assert_int_equal(fam_hash_put(hash, NULL, &n, 4, data, n), 0);
	for (uint32_t n = 0; n < RECORDS; n++)
		assert_int_equal(fam_log_append(records, NULL, data,
						n % 50 ? n % 100 : 1200, NULL),
				 0);
}

static void close_both(void)
{
	fam_log_close(records);
	fam_hash_close(hash);
}

static int hostile_set_up(void **state)
{
	/* Who does not end is ended. */
	alarm(DEADLINE);
	if (heap_set_up(state))
		return -1;
	make_both();
	return 0;
}

static int hostile_tear_down(void **state)
{
	close_both();
	alarm(0);
	return heap_tear_down(state);
}

static int one_pair(const void *key, uint32_t key_bytes, const void *value,
		    uint64_t bytes, void *arg)
{
	uint64_t *n = arg;

	/* All of it can be read. */
	for (uint32_t i = 0; i < key_bytes; i++)
		*n += ((const unsigned char *)key)[i];
	for (uint64_t i = 0; i < bytes; i += 64)
		*n += ((const unsigned char *)value)[i];
	return 0;
}

static int one_record(uint64_t number, const void *data, uint64_t bytes,
		      void *arg)
{
	uint64_t *n = arg;

	for (uint64_t i = 0; i < bytes; i += 64)
		*n += ((const unsigned char *)data)[i] + number;
	return 0;
}

static uint64_t sum; /* of what was read */

static int get(uint32_t n)
{
	static char value[2 * MIB];
	uint64_t bytes;

	return fam_hash_get(hash, NULL, &n, 4, value, sizeof(value), &bytes);
}

static int put(uint32_t n, uint64_t bytes)
{
	static char value[2000];

	return fam_hash_put(hash, NULL, &n, 4, value, bytes);
}

static int erase(uint32_t n)
{
	return fam_hash_remove(hash, NULL, &n, 4);
}

/* --- one by one ------------------------------------------------------------------------ */

/* The bucket's word of an entry's key, and that entry. */
static fam_off *bucket_with_some(struct fam_hash_entry **entry)
{
	uint64_t index;

	for (uint64_t b = 0; b < map->buckets; b++) {
		unsigned int s = fam_hash_segment_of(b, &index);
		fam_off *word =
			fam_heap_at(heap, map->segment[s] + 8 * index, 8);

		if (!*word)
			continue;
		*entry = fam_heap_at(heap, *word, sizeof(**entry));
		return word;
	}
	fail();
	return NULL;
}

static uint32_t key_of(const struct fam_hash_entry *entry)
{
	uint32_t n;

	memcpy(&n, entry + 1, 4);
	return n;
}

/* Whoever comes by there is told, and nothing is done. */
static void the_map_is_damaged(uint32_t n)
{
	uint64_t count = fam_hash_count(hash);

	assert_int_equal(get(n), -EBADMSG);
	assert_int_equal(put(n, 1500), -EBADMSG);
	assert_int_equal(erase(n), -EBADMSG);
	assert_int_equal(fam_hash_each(hash, one_pair, &sum), -EBADMSG);
	assert_int_equal(fam_hash_count(hash), count);
}

static void chains_that_lead_nowhere_are_damage(void **state)
{
	struct fam_hash_entry *entry, whole;
	fam_off *word = bucket_with_some(&entry), was = *word;
	uint32_t n = key_of(entry);

	(void)state;
	for (int i = 0; i < 5; i++) {
		const fam_off wrong[] = {8, was + 4, HEAP_BYTES - 8, HEAP_BYTES,
					 UINT64_MAX - 7};

		*word = wrong[i];
		the_map_is_damaged(n);
	}
	*word = was;
	whole = *entry;
	entry->key_bytes = 0;
	the_map_is_damaged(n);
	entry->key_bytes = FAM_HASH_KEY_MAX + 1;
	the_map_is_damaged(n);
	*entry = whole;
	entry->value_bytes = HEAP_BYTES;
	the_map_is_damaged(n);
	entry->value_bytes = UINT64_MAX - 40;
	the_map_is_damaged(n);
	*entry = whole;
	assert_int_equal(get(n), 0);
	assert_int_equal(fam_hash_each(hash, one_pair, &sum), 0);
}

static void a_ring_is_damage(void **state)
{
	struct fam_hash_entry *entry, *last;
	fam_off *word = bucket_with_some(&entry), was = *word;
	/* One that is not there, but would be. */
	uint32_t absent = KEYS;
	uint64_t seen = 0;

	(void)state;
	/* To the first one, and to the last one itself. */
	for (last = entry; last->next;)
		last = fam_heap_at(heap, last->next, sizeof(*last));
	last->next = was;
	assert_int_equal(fam_hash_each(hash, one_pair, &seen), -EBADMSG);
	/* What stands before the ring is closed can be found, and removed. */
	assert_int_equal(get(key_of(entry)), 0);
	for (uint32_t i = 0; i < 10000; i++, absent++) {
		int r = get(absent);

		assert_true(r == -ENOENT || r == -EBADMSG);
		seen += r == -EBADMSG;
		assert_int_equal(erase(absent), r);
	}
	assert_true(seen > 0);
	last->next = fam_heap_off(heap, last);
	assert_int_equal(fam_hash_each(hash, one_pair, &seen), -EBADMSG);
	assert_int_equal(fam_hash_destroy(hash, 0), -EBADMSG);
}

static void headers_that_make_no_sense_are_damage(void **state)
{
	const uint64_t counts[] = {0, 63, FAM_HASH_BUCKETS_MAX + 1,
				   FAM_HASH_BUCKETS_MAX, UINT64_MAX};
	const fam_off places[] = {0, 4, HEAP_BYTES - 8, UINT64_MAX - 7};
	struct fam_hash_header whole = *map;

	(void)state;
	for (int i = 0; i < 5; i++) {
		map->buckets = counts[i];
		the_map_is_damaged(1);
	}
	map->buckets = whole.buckets;
	for (int i = 0; i < 4; i++) {
		for (int s = 0; s < FAM_HASH_SEGMENTS; s++)
			map->segment[s] = places[i];
		the_map_is_damaged(1);
	}
	memcpy(map->segment, whole.segment, sizeof(whole.segment));
	/* What it counts is only what it says, and when it grows. */
	for (int i = 0; i < FAM_HASH_STRIPES; i++)
		map->count[i] = UINT64_MAX;
	for (uint32_t n = KEYS; n < 2 * KEYS; n++)
		assert_int_equal(put(n, 10), 0);
	for (uint32_t n = 0; n < 2 * KEYS; n++)
		assert_int_equal(get(n), 0);
}

/* What is in a chain but is not allocated cannot be freed. */
static void what_is_no_object_is_not_freed(void **state)
{
	struct fam_hash_entry *entry, *inside;
	fam_off *word = bucket_with_some(&entry), was = *word, off = 0;
	uint32_t n = key_of(entry);
	struct fam_hash_entry copy = *entry;

	(void)state;
	assert_int_equal(fam_heap_alloc(heap, 0, 4000, FAM_HEAP_ZERO, &off), 0);
	inside = fam_heap_at(heap, off + 1024, sizeof(*inside));
	*inside = copy;
	memcpy(inside + 1, &n, 4);
	*word = off + 1024;
	assert_int_equal(get(n), 0);
	assert_int_equal(erase(n), -EBADMSG);
	assert_int_equal(put(n, 1999), -EBADMSG);
	assert_int_equal(get(n), 0);
	*word = was;
	assert_int_equal(erase(n), 0);
	assert_int_equal(get(n), -ENOENT);
}

static void the_log_is_damaged(void)
{
	assert_int_equal(fam_log_read(records, 300, NULL, 0, NULL), -EBADMSG);
	assert_int_equal(fam_log_each(records, 0, one_record, &sum), -EBADMSG);
}

static void logs_that_make_no_sense_are_damage(void **state)
{
	const uint64_t positions[] = {0, 63, 65, 8193, UINT64_MAX - 15};
	const fam_off places[] = {4, HEAP_BYTES - 8, UINT64_MAX - 7};
	struct fam_log_header whole = *list;
	uint64_t first, last;

	(void)state;
	for (int i = 0; i < 5; i++) {
		list->tail_at = positions[i];
		the_log_is_damaged();
		assert_int_equal(fam_log_append(records, NULL, "x", 1, NULL),
				 -EBADMSG);
	}
	list->tail_at = whole.tail_at;
	for (int i = 0; i < 3; i++) {
		list->tail = places[i];
		assert_int_equal(fam_log_append(records, NULL, "x", 1, NULL),
				 -EBADMSG);
		assert_int_equal(fam_log_each(records, 0, one_record, &sum),
				 -EBADMSG);
		list->tail = whole.tail;
	}
	list->cut = list->last + 1;
	the_log_is_damaged();
	assert_int_equal(fam_log_range(records, &first, &last), -EBADMSG);
	assert_int_equal(fam_log_cut(records, 10), -EBADMSG);
	list->cut = 0;
	list->last = UINT64_MAX;
	the_log_is_damaged();
	list->last = whole.last;
	list->head = 0;
	the_log_is_damaged();
	list->head = whole.head;
	assert_int_equal(fam_log_each(records, 0, one_record, &sum), 0);
	/* More than there is. */
	list->last = whole.last + 10;
	assert_int_equal(fam_log_read(records, list->last, NULL, 0, NULL),
			 -EBADMSG);
	assert_int_equal(fam_log_each(records, 0, one_record, &sum), -EBADMSG);
	assert_int_equal(fam_log_destroy(records, 0), -EBADMSG);
}

static void segments_that_make_no_sense_are_damage(void **state)
{
	struct fam_log_segment *head =
		fam_heap_at(heap, list->head, sizeof(*head));
	struct fam_log_segment *tail =
		fam_heap_at(heap, list->tail, sizeof(*tail));
	struct fam_log_segment whole = *head, end = *tail;
	struct fam_log_record *record = (struct fam_log_record *)(head + 1);

	(void)state;
	assert_ptr_not_equal(head, tail);
	/* Rings. */
	head->next = list->head;
	assert_int_equal(fam_log_each(records, 0, one_record, &sum), -EBADMSG);
	assert_int_equal(fam_log_cut(records, 400), -EBADMSG);
	*head = whole;
	tail->before = list->tail;
	tail->jump = list->tail;
	tail->jump_first = 300;
	assert_int_equal(fam_log_read(records, 200, NULL, 0, NULL), -EBADMSG);
	tail->jump_first = 100;
	assert_int_equal(fam_log_read(records, 200, NULL, 0, NULL), -EBADMSG);
	*tail = end;
	/* Where one was read last is remembered. */
	assert_int_equal(fam_log_read(records, 200, NULL, 0, NULL), -ERANGE);
	record->number++;
	assert_int_equal(fam_log_each(records, 0, one_record, &sum), -EBADMSG);
	record->number--;
	record->bytes = FAM_LOG_RECORD_MAX + 1;
	assert_int_equal(fam_log_read(records, 1, NULL, 0, NULL), -EBADMSG);
	/* It would be an object, at what its data are taken for. */
	record->bytes = FAM_LOG_INLINE_MAX + 1;
	*(fam_off *)(record + 1) = HEAP_BYTES - 8;
	assert_int_equal(fam_log_read(records, 1, NULL, 0, NULL), -EBADMSG);
	*(fam_off *)(record + 1) = list->head + 16;
	assert_int_equal(fam_log_read(records, 1, NULL, 0, NULL), -ERANGE);
	assert_int_equal(fam_log_cut(records, 2), -EBADMSG);
}

/* --- by chance --------------------------------------------------------------------------- */

struct objects {
	fam_off off[2000];
	uint64_t bytes[2000];
	uint32_t count;
};

static struct objects objects;

static int one_object(fam_off off, uint64_t usable, void *arg)
{
	struct objects *all = arg;

	/* Who waits for a lock that was written over would do so for long. */
	if (off == map->locks || all->count == 2000)
		return 0;
	all->off[all->count] = off;
	all->bytes[all->count++] = usable;
	return 0;
}

/* A word of what counts, but of no lock, and not of the values alone. */
static fam_off some_word(uint64_t *seed)
{
	const uint64_t i = chance(seed) % objects.count;
	uint64_t off = chance(seed) % 4	  ? objects.off[i]
		       : chance(seed) % 2 ? hash_off
					  : log_off;
	uint64_t at = chance(seed) %
		      (off == objects.off[i] ? objects.bytes[i] / 8 : 256 / 8);

	if (chance(seed) % 2)
		at %= 8;
	if ((off == hash_off || off == log_off) && at >= 8 && at < 16)
		at -= 8;
	return off + 8 * at;
}

static uint64_t some_value(uint64_t *seed, uint64_t was)
{
	switch (chance(seed) % 6) {
	case 0:
		return chance(seed) % 1000;
	case 1:
		return objects.off[chance(seed) % objects.count];
	case 2:
		return objects.off[chance(seed) % objects.count] +
		       8 * (chance(seed) % 100);
	case 3:
		return 0 - chance(seed) % 100;
	case 4:
		return chance(seed) << 16;
	default:
		return was ^ UINT64_C(1) << chance(seed) % 64;
	}
}

static void write_over(struct fam_heap *at, uint64_t *seed)
{
	fam_word *word = fam_heap_at(at, some_word(seed), 8);

	assert_non_null(word);
	fam_word_put(word, some_value(seed, fam_word_get(word)));
}

static void do_something(uint64_t *seed)
{
	uint32_t n = (uint32_t)(chance(seed) % (KEYS + 20));
	char data[1200] = "";

	switch (chance(seed) % 8) {
	case 0 ... 1:
		(void)get(n);
		break;
	case 2 ... 3:
		(void)put(n, chance(seed) % 1500);
		break;
	case 4:
		(void)erase(n);
		break;
	case 5:
		(void)fam_log_append(records, NULL, data,
				     chance(seed) % sizeof(data), NULL);
		break;
	case 6:
		(void)fam_log_read(records, chance(seed) % RECORDS, data,
				   sizeof(data), NULL);
		break;
	default:
		(void)fam_log_cut(records, chance(seed) % 100);
	}
}

static void begin_by_chance(uint64_t *seed)
{
	const char *from = getenv("TEST_SEED");

	*seed = from ? strtoull(from, NULL, 0) : (uint64_t)clock_now_ms() | 1;
	print_message("TEST_SEED=%#llx\n", (unsigned long long)*seed);
}

/* Nothing can be said of what is there; but the calls end. */
static void begin_anew(void)
{
	close_both();
	fam_heap_close(heap);
	heap = NULL;
	remove_it("heap");
	heap = heap_make("heap", HEAP_BYTES, 0);
	make_both();
	objects.count = 0;
	assert_int_equal(fam_heap_each(heap, one_object, &objects), 0);
}

static void whatever_is_written_over_calls_end(void **state)
{
	uint64_t seed;

	(void)state;
	begin_by_chance(&seed);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t words = 1 + chance(&seed) % 8;

		begin_anew();
		for (uint64_t i = 0; i < words; i++)
			write_over(heap, &seed);
		for (int i = 0; i < 60; i++)
			do_something(&seed);
		(void)fam_hash_each(hash, one_pair, &sum);
		(void)fam_log_each(records, 0, one_record, &sum);
		(void)fam_hash_count(hash);
		(void)fam_hash_destroy(hash, 0);
		(void)fam_log_destroy(records, 0);
	}
}

/* Somebody who writes all the time, by another map of the same memory. */
struct scribbler {
	struct fam_heap *heap;
	uint64_t seed;
	_Atomic bool ends;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;

	while (!s->ends) {
		for (int i = 0; i < 20; i++)
			write_over(s->heap, &s->seed);
		breathe();
	}
	return NULL;
}

static void whoever_writes_meanwhile_calls_end(void **state)
{
	struct fam *other = attach(0);
	struct scribbler s = {0};
	pthread_t thread;
	uint64_t seed;

	(void)state;
	begin_by_chance(&seed);
	for (int round = 0; round < 8; round++) {
		begin_anew();
		s.heap = heap_open(other);
		s.seed = chance(&seed) | 1;
		s.ends = false;
		assert_int_equal(pthread_create(&thread, NULL, scribble, &s),
				 0);
		for (int i = 0; i < 1500; i++) {
			do_something(&seed);
			if (i % 100)
				continue;
			(void)fam_hash_each(hash, one_pair, &sum);
			(void)fam_log_each(records, 0, one_record, &sum);
		}
		s.ends = true;
		pthread_join(thread, NULL);
		fam_heap_close(s.heap);
	}
	fam_close(other);
}

int main(void)
{
#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, hostile_set_up, hostile_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(chains_that_lead_nowhere_are_damage),
		TEST(a_ring_is_damage),
		TEST(headers_that_make_no_sense_are_damage),
		TEST(what_is_no_object_is_not_freed),
		TEST(logs_that_make_no_sense_are_damage),
		TEST(segments_that_make_no_sense_are_damage),
		TEST(whatever_is_written_over_calls_end),
		TEST(whoever_writes_meanwhile_calls_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
