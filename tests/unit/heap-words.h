/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAP_WORDS_H
#define HEAP_WORDS_H

/*
 * A heap of heap-stage.h whose root object is words, as tests of starts of the host
 * change them.
 */
#include "heap-stage.h"

#define HEAP_BYTES    (UINT64_C(4) << 20)
#define HEAP_JOURNALS 4

static uint64_t *words; /* the root object's */

static inline void find_words(void)
{
	words = fam_heap_at(heap, root, WORDS * 8);
	assert_non_null(words);
}

static inline int words_set_up(void **state)
{
	const struct fam_heap_want want = {
		.bytes = HEAP_BYTES,
		.journals = HEAP_JOURNALS,
		.journal_bytes = 65536,
	};

	if (set_up(state))
		return -1;
	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
	assert_int_equal(fam_heap_root(heap, WORDS * 8, &root), 0);
	find_words();
	return fam_heap_settle(heap);
}

static inline int words_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

static inline void set_in(struct fam_tx *tx, unsigned int i, uint64_t value)
{
	assert_int_equal(fam_tx_set_word(tx, word_at(i), value), 0);
}

static inline struct fam_tx *begin(void)
{
	struct fam_tx *tx = NULL;

	assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
	return tx;
}

static inline void set_alone(unsigned int i, uint64_t value)
{
	struct fam_tx *tx = begin();

	set_in(tx, i, value);
	assert_int_equal(fam_tx_commit(tx), 0);
}

/* As if it had been in use before the last start only. Return: where it is */
static inline uint64_t close_before_a_start(void)
{
	uint64_t at = heap->offset;
	uint64_t boot = fam_word_get(&heap->sessions->boot);

	fam_word_put(&fam_heap_live(heap)->boot, boot - 1);
	fam_heap_close(heap);
	heap = NULL;
	return at;
}

static inline void power_cut(void)
{
	struct fam_heap *old = heap;

	fam_word_add(&fam_session_table(fam)->boot, 1);
	heap = heap_open(fam, WRITE);
	find_words();
	fam_heap_close(old);
}

#endif
