/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_IMAGE_H
#define TESTS_HEAP_IMAGE_H

/*
 * Sessions that take and give space in memory that no fabric is behind: for programs
 * linked with --wrap=fam_heap_may --wrap=fam_heap_recover. After <cmocka.h>.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap/fam-heap.h"

#define MIB    (UINT64_C(1) << 20)
#define GIB    (UINT64_C(1) << 30)
#define CHUNK  FAM_HEAP_CHUNK
#define ACTORS 3

/* What a session and transactions would do. */
static unsigned int recoveries;
static int recovery;	      /* its result */
static struct fam_heap *lost; /* its session is */

int __wrap_fam_heap_recover(struct fam_heap *by);
int __wrap_fam_heap_may(const struct fam_heap *by);

int __wrap_fam_heap_recover(struct fam_heap *by)
{
	(void)by;
	recoveries++;
	return recovery;
}

int __wrap_fam_heap_may(const struct fam_heap *by)
{
	return by == lost ? -ESTALE : 0;
}

static struct fam_sessions *sessions;
static struct fam_heap heap[ACTORS]; /* of a session each, in one memory */

static inline void enter(unsigned int i, uint64_t bytes, char *base)
{
	const uint64_t word = fam_sessions_word(1000 + i, 0, FAM_SESSIONS_LIVE);

	atomic_store(&sessions->word[i], word);
	heap[i] = (struct fam_heap){
		.sessions = sessions,
		.me = fam_holder(fam_sessions_id(word, i)),
		.base = base,
		.bytes = bytes,
		.writable = true,
	};
	assert_true(fam_heap_places(bytes, 4, FAM_JOURNAL_MIN, &heap[i].at));
	assert_int_equal(fam_arenas_open(&heap[i]), 0);
}

static inline void begin(uint64_t bytes)
{
	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(base != MAP_FAILED);
	sessions = calloc(1, sizeof(*sessions));
	for (unsigned int i = 0; i < ACTORS; i++)
		enter(i, bytes, base);
	fam_hints_renew(&heap[0]);
	recoveries = 0;
	recovery = 0;
	lost = NULL;
}

static inline void end(void)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		fam_arenas_close(&heap[i]);
	munmap(heap[0].base, heap[0].bytes);
	free(sessions);
}

static inline void die(unsigned int i)
{
	atomic_store(&sessions->word[i],
		     fam_sessions_word(1000 + i, 1, FAM_SESSIONS_DEAD));
	atomic_fetch_add(&sessions->changes, 1);
}

/* --- as transactions would ------------------------------------------------------ */

static inline struct fam_change change_of(const struct fam_block *block,
					  bool take)
{
	const struct fam_change change = {
		.kind = block->chunks
				? (take ? FAM_CHANGE_SPAN : FAM_CHANGE_UNSPAN)
				: (take ? FAM_CHANGE_TAKE : FAM_CHANGE_GIVE),
		.class = block->chunks ? 0 : (uint16_t)block->class,
		.length = block->chunks,
		.offset = block->off,
	};

	return change;
}

static inline struct fam_claim claim(struct fam_heap *by, uint64_t bytes)
{
	struct fam_claim claimed;

	assert_int_equal(fam_claim_take(by, bytes, 16, &claimed), 0);
	assert_true(claimed.block.bytes >= bytes);
	return claimed;
}

static inline void apply_take(struct fam_heap *by,
			      const struct fam_block *block)
{
	const struct fam_change change = change_of(block, true);

	assert_int_equal(fam_blocks_take(by, &change), 0);
}

static inline fam_off try_take(struct fam_heap *by, uint64_t bytes)
{
	struct fam_claim claimed;
	struct fam_block found;

	if (fam_claim_take(by, bytes, 16, &claimed) < 0)
		return 0;
	/* What is claimed is not allocated. */
	assert_int_equal(fam_block_find(by, claimed.block.off, &found),
			 -EINVAL);
	apply_take(by, &claimed.block);
	fam_claim_end(by, &claimed);
	assert_int_equal(fam_block_find(by, claimed.block.off, &found), 0);
	assert_memory_equal(&found, &claimed.block, sizeof(found));
	return claimed.block.off;
}

static inline fam_off take(struct fam_heap *by, uint64_t bytes)
{
	const fam_off off = try_take(by, bytes);

	assert_true(off != 0);
	return off;
}

static inline void give(struct fam_heap *by, fam_off off)
{
	struct fam_change change;
	struct fam_block block;

	assert_int_equal(fam_block_find(by, off, &block), 0);
	change = change_of(&block, false);
	assert_int_equal(fam_blocks_give(by, &change), 0);
	fam_hint_given(by, &change);
	assert_int_equal(fam_block_find(by, off, &block), -EINVAL);
}

static inline uint64_t kind_of(uint64_t chunk)
{
	return fam_word_get(fam_heap_kind(&heap[0], chunk));
}

static inline uint64_t holder_of(uint64_t chunk)
{
	return fam_word_get(fam_heap_holder(&heap[0], chunk));
}

static inline uint64_t chunk_at(fam_off off)
{
	return (off - heap[0].at.chunk) / CHUNK;
}

static inline uint64_t free_chunks(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < heap[0].at.count; i++)
		n += kind_of(i) == FAM_CHUNK_FREE;
	return n;
}

/* Hints say what is true, and nobody holds anything. */
static inline void assert_all_free(void)
{
	for (uint64_t i = 0; i < heap[0].at.count; i++) {
		assert_int_equal(kind_of(i), FAM_CHUNK_FREE);
		assert_int_equal(holder_of(i), 0);
		assert_int_equal(fam_hint(&heap[0], i), FAM_LANE_FREE);
	}
}

#endif
