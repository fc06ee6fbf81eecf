/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CONTAINER_STAGE_H
#define TESTS_CONTAINER_STAGE_H

/*
 * A heap for maps and logs; and what of it they reach: all that is allocated, or
 * something was lost. After <cmocka.h>.
 */
#include <fam-containers.h>

#include "region-stage.h"

#define HEAP_BYTES (11 * MIB) /* of a fabric of 16 MiB */

static struct fam_heap *heap;
static uint64_t journal_bytes; /* of each of eight; 0: as it is by itself */

static inline struct fam_heap *heap_make(const char *name, uint64_t bytes,
					 uint64_t journals)
{
	const struct fam_heap_want want = {.bytes = bytes,
					   .journals = journals ? 8 : 0,
					   .journal_bytes = journals};
	struct fam_heap *made = NULL;

	assert_int_equal(fam_heap_create(fam, name, &want, &made), 0);
	return made;
}

static inline int heap_set_up(void **state)
{
	if (set_up(state))
		return -1;
	heap = heap_make("heap", HEAP_BYTES, journal_bytes);
	return 0;
}

static inline int heap_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

static inline struct fam_heap *heap_open(struct fam *by)
{
	struct fam_heap *own = NULL;

	assert_int_equal(fam_heap_open(by, "heap", FAM_REGION_WRITE, &own), 0);
	return own;
}

/* --- numbers by chance ------------------------------------------------------------- */

static inline uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* Bytes that tell what they are of. */
static inline void fill_bytes(void *to, uint64_t bytes, uint64_t of)
{
	unsigned char *p = to;
	uint64_t x = of * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (uint64_t i = 0; i < bytes; i++) {
		if (i % 8 == 0)
			(void)chance(&x);
		p[i] = (unsigned char)(x >> i % 8 * 8);
	}
}

static inline bool are_bytes(const void *at, uint64_t bytes, uint64_t of)
{
	const unsigned char *p = at;
	uint64_t x = of * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (uint64_t i = 0; i < bytes; i++) {
		if (i % 8 == 0)
			(void)chance(&x);
		if (p[i] != (unsigned char)(x >> i % 8 * 8))
			return false;
	}
	return true;
}

/* --- what is reached ----------------------------------------------------------------- */

struct reach {
	struct fam_heap *heap;
	fam_off *off;
	size_t count, room;
};

static inline void reach_one(struct reach *reach, fam_off off)
{
	if (reach->count == reach->room) {
		reach->room = reach->room ? 2 * reach->room : 1024;
		reach->off =
			realloc(reach->off, reach->room * sizeof(*reach->off));
		assert_non_null(reach->off);
	}
	reach->off[reach->count++] = off;
}

/* How many pairs there are, by the chains. */
static inline uint64_t reach_hash(struct reach *reach, fam_off off)
{
	const struct fam_hash_header *header =
		fam_heap_at(reach->heap, off, sizeof(*header));
	uint64_t pairs = 0, index;

	assert_non_null(header);
	reach_one(reach, off);
	reach_one(reach, header->locks);
	for (unsigned int i = 0; i < FAM_HASH_SEGMENTS; i++) {
		if (header->segment[i])
			reach_one(reach, header->segment[i]);
	}
	for (uint64_t b = 0; b < header->buckets; b++) {
		unsigned int s = fam_hash_segment_of(b, &index);
		const fam_hash_bucket *bucket = fam_heap_at(
			reach->heap, header->segment[s] + index * 8, 8);
		const struct fam_hash_entry *entry;

		for (fam_off e = *bucket; e; e = entry->next, pairs++) {
			entry = fam_heap_at(reach->heap, e, sizeof(*entry));
			assert_non_null(entry);
			assert_int_equal(fam_hash_bucket_of(entry->hash,
							    header->buckets),
					 b);
			reach_one(reach, e);
		}
	}
	return pairs;
}

static inline void reach_records(struct reach *reach, fam_off at, uint64_t from,
				 uint64_t to, uint64_t cut)
{
	const char *segment =
		fam_heap_at(reach->heap, at, FAM_LOG_SEGMENT_BYTES);
	const char *p = segment + sizeof(struct fam_log_segment);

	for (uint64_t n = from; n <= to; n++) {
		struct fam_log_record record;
		fam_off far;

		memcpy(&record, p, sizeof(record));
		memcpy(&far, p + sizeof(record), sizeof(far));
		assert_int_equal(record.number, n);
		if (record.bytes > FAM_LOG_INLINE_MAX && n > cut)
			reach_one(reach, far);
		p += sizeof(record);
		p += ((record.bytes > FAM_LOG_INLINE_MAX ? 8 : record.bytes) +
		      15) &
		     ~UINT64_C(15);
		assert_true(p <= segment + FAM_LOG_SEGMENT_BYTES);
	}
}

static inline void reach_log(struct reach *reach, fam_off off)
{
	const struct fam_log_header *header =
		fam_heap_at(reach->heap, off, sizeof(*header));
	uint64_t number = 0;

	assert_non_null(header);
	reach_one(reach, off);
	for (fam_off at = header->head; at;) {
		const struct fam_log_segment *segment = fam_heap_at(
						     reach->heap, at,
						     sizeof(*segment)),
					     *next = fam_heap_at(reach->heap,
								 segment->next,
								 sizeof(*next));

		assert_non_null(segment);
		reach_one(reach, at);
		if (number)
			assert_int_equal(segment->first, number);
		number = next ? next->first : header->last + 1;
		reach_records(reach, at, segment->first, number - 1,
			      header->cut);
		if (!next)
			assert_int_equal(at, header->tail);
		at = segment->next;
	}
	if (!header->head)
		assert_int_equal(header->cut, header->last);
}

static inline int compare_offs(const void *a, const void *b)
{
	const fam_off *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static inline int is_reached(fam_off off, uint64_t usable, void *arg)
{
	struct reach *reach = arg;

	(void)usable;
	/* In the order of offsets, as they are sorted. */
	if (reach->room < reach->count && reach->off[reach->room] == off) {
		reach->room++;
		return 0;
	}
	print_error("allocated, but not reached: %#llx\n",
		    (unsigned long long)off);
	return 1;
}

/* All that is allocated is reached, and all that is reached is allocated. */
static inline void reach_is_all(struct reach *reach)
{
	if (reach->count)
		qsort(reach->off, reach->count, sizeof(*reach->off),
		      compare_offs);
	reach->room = 0;
	assert_int_equal(fam_heap_each(reach->heap, is_reached, reach), 0);
	assert_int_equal(reach->room, reach->count);
	free(reach->off);
	*reach = (struct reach){.heap = reach->heap};
}

/* One map or log, or one of each (0: none), is all there is. */
static inline void only(struct fam_heap *in, fam_off hash, fam_off log)
{
	struct reach reach = {.heap = in};

	if (hash)
		(void)reach_hash(&reach, hash);
	if (log)
		reach_log(&reach, log);
	reach_is_all(&reach);
}

#endif
