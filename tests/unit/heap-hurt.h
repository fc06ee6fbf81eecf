/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_HURT_H
#define TESTS_HEAP_HURT_H

/*
 * A small heap with something of each kind in it, that is to be hurt: in the fabric
 * of "check-file.h", which is to be included before, and all of it as bytes.
 */
#include <fam/heap.h>
#include <fam/tx.h>

#include "heap/fam-heap.h"

#define HEAP_BYTES (2 * MIB)
#define HEAP_NAME  "h"
#define THINGS	   24

struct heap_hurt {
	struct check_file file;
	struct fam_heap_places at;
	uint64_t offset; /* of the heap in the fabric */
	char *base;	 /* of it, in file.bytes */
	fam_off thing[THINGS];
	uint64_t bytes[THINGS];
	unsigned int seen; /* of things, by heap_hurt_list() */
	unsigned int others;
};

/* The root object: so each thing is published. */
struct heap_hurt_root {
	fam_off thing[THINGS];
};

static inline uint64_t heap_hurt_size(unsigned int i)
{
	static const uint64_t sizes[] = {24,   100,   1000,  5000,
					 1500, 30000, 70000, 17};

	return sizes[i % 8] + i / 8 * 8;
}

static inline void heap_hurt_pattern(unsigned int i, uint8_t *out,
				     uint64_t bytes)
{
	for (uint64_t n = 0; n < bytes; n++)
		out[n] = (uint8_t)(i * 37 + n * 11 + (n >> 8));
}

static inline void heap_hurt_put(struct heap_hurt *t, struct fam_heap *heap,
				 fam_off root, unsigned int i)
{
	static uint8_t data[128 * 1024];

	t->bytes[i] = heap_hurt_size(i);
	heap_hurt_pattern(i, data, t->bytes[i]);
	assert_int_equal(fam_heap_put(heap, root + i * sizeof(fam_off), data,
				      t->bytes[i], &t->thing[i]),
			 0);
}

static inline struct fam_heap *heap_hurt_open(struct fam *fam, uint32_t flags)
{
	struct fam_heap *heap = NULL;

	assert_int_equal(fam_heap_open(fam, HEAP_NAME, flags, &heap), 0);
	return heap;
}

/* Things, and holes where others were. */
static inline void heap_hurt_fill(struct heap_hurt *t, struct fam_heap *heap)
{
	fam_off root, extra[8];

	assert_int_equal(
		fam_heap_root(heap, sizeof(struct heap_hurt_root), &root), 0);
	for (unsigned int i = 0; i < THINGS; i++) {
		heap_hurt_put(t, heap, root, i);
		if (i < 8)
			assert_int_equal(fam_heap_alloc(heap, 0,
							heap_hurt_size(i), 0,
							&extra[i]),
					 0);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(fam_heap_release(heap, extra[i]), 0);
}

static inline int heap_hurt_set_up(struct heap_hurt *t,
				   void (*change)(struct fam_superblock *sb))
{
	const struct fam_heap_want want = {
		.bytes = HEAP_BYTES,
		.journals = 4,
		.journal_bytes = 32768,
	};
	struct fam_region_info info;
	struct fam_heap *heap;

	memset(t, 0, sizeof(*t));
	if (check_file_set_up(&t->file, "/dev/shm", change))
		return -1;
	assert_int_equal(fam_heap_create(t->file.fam, HEAP_NAME, &want, &heap),
			 0);
	assert_int_equal(
		fam_region_find(t->file.fam, HEAP_NAME, &info, sizeof(info)),
		0);
	assert_true(fam_heap_places(HEAP_BYTES, want.journals,
				    want.journal_bytes, &t->at));
	t->offset = info.offset;
	t->base = t->file.bytes + t->offset;
	heap_hurt_fill(t, heap);
	fam_heap_close(heap);
	return 0;
}

static inline int heap_hurt_tear_down(struct heap_hurt *t)
{
	return check_file_tear_down(&t->file);
}

/* --- what is in it ---------------------------------------------------------------- */

static inline int heap_hurt_note(fam_off off, uint64_t usable, void *arg)
{
	struct heap_hurt *t = arg;

	for (unsigned int i = 0; i < THINGS; i++) {
		if (t->thing[i] != off)
			continue;
		if (usable < t->bytes[i])
			return -EBADMSG;
		t->seen++;
		return 0;
	}
	t->others++; /* the root, at least */
	return 0;
}

/* What there should be is there, with what is in it. */
static inline bool heap_hurt_is_whole(struct heap_hurt *t,
				      struct fam_heap *heap)
{
	static uint8_t data[128 * 1024];

	t->seen = t->others = 0;
	if (fam_heap_each(heap, heap_hurt_note, t) != 0 || t->seen != THINGS)
		return false;
	for (unsigned int i = 0; i < THINGS; i++) {
		const void *at = fam_heap_at(heap, t->thing[i], t->bytes[i]);

		heap_hurt_pattern(i, data, t->bytes[i]);
		if (!at || memcmp(at, data, t->bytes[i]) != 0)
			return false;
	}
	return true;
}

static inline void heap_hurt_reboot(struct heap_hurt *t)
{
	atomic_fetch_add(&check_file_sessions(&t->file)->boot, 1);
}

/* --- as bytes ------------------------------------------------------------------------ */

static inline struct fam_heap_live *heap_hurt_live(struct heap_hurt *t)
{
	return (void *)(t->base + t->at.live);
}

static inline struct fam_heap_state *heap_hurt_state(struct heap_hurt *t)
{
	return (void *)(t->base + t->at.state);
}

static inline struct fam_heap_slot *heap_hurt_slot(struct heap_hurt *t,
						   uint32_t i)
{
	return (struct fam_heap_slot *)(void *)(t->base + t->at.slot) + i;
}

static inline char *heap_hurt_journal(struct heap_hurt *t, uint32_t i)
{
	return t->base + t->at.journal + i * t->at.journal_bytes;
}

static inline fam_word *heap_hurt_kind(struct heap_hurt *t, uint64_t chunk)
{
	return (fam_word *)(void *)(t->base + t->at.kind) + chunk;
}

static inline fam_word *heap_hurt_bits(struct heap_hurt *t, uint64_t chunk)
{
	return (fam_word *)(void *)(t->base + t->at.bits) +
	       chunk * FAM_HEAP_BITS_WORDS;
}

/* The first chunk of a kind, from @from on; UINT64_MAX: none. */
static inline uint64_t heap_hurt_find(struct heap_hurt *t,
				      enum fam_chunk_kind kind, uint64_t from)
{
	for (; from < t->at.count; from++) {
		if (fam_chunk_kind(*heap_hurt_kind(t, from)) == kind)
			return from;
	}
	return UINT64_MAX;
}

#endif
