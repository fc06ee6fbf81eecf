/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_STAGE_H
#define TESTS_HEAP_STAGE_H

/* A heap on the stage of "region-stage.h", and what is known of it. */
#include <fam/heap.h>
#include <fam/tx.h>

#include "region-stage.h"

#define CHUNK UINT64_C(65536)

static struct fam_heap *heap;
static fam_off root; /* of words that name objects */

#define WORDS 4096

static inline struct fam_heap *heap_open(struct fam *by, uint32_t flags)
{
	struct fam_heap *opened = NULL;

	assert_int_equal(fam_heap_open(by, "heap", flags, &opened), 0);
	return opened;
}

static inline void heap_make(uint64_t bytes)
{
	const struct fam_heap_want want = {.bytes = bytes};

	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
}

static inline fam_off word_at(unsigned int i)
{
	return root + i * sizeof(fam_off);
}

static inline fam_off named(unsigned int i)
{
	const fam_off *word = fam_heap_at(heap, word_at(i), sizeof(*word));

	return *word;
}

static inline struct fam_heap_stat stat_of(struct fam_heap *of)
{
	struct fam_heap_stat stat;

	assert_int_equal(fam_heap_stat(of, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.used + stat.free + stat.idle, stat.space);
	assert_true(stat.largest <= stat.free);
	return stat;
}

static inline uint64_t usable_of(fam_off off)
{
	uint64_t bytes = 0;

	assert_int_equal(fam_heap_usable(heap, off, &bytes), 0);
	return bytes;
}

static inline fam_off alloc(uint64_t bytes)
{
	fam_off off = 0;

	assert_int_equal(fam_heap_alloc(heap, 0, bytes, 0, &off), 0);
	assert_true(usable_of(off) >= bytes);
	return off;
}

static inline int count_it(fam_off off, uint64_t usable, void *arg)
{
	(void)off;
	(void)usable;
	++*(uint64_t *)arg;
	return 0;
}

static inline uint64_t objects(void)
{
	uint64_t n = 0;

	assert_int_equal(fam_heap_each(heap, count_it, &n), 0);
	assert_int_equal(stat_of(heap).objects, n);
	return n;
}

#endif
