/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAP_STORE_H
#define FAM_HEAP_STORE_H

/*
 * All that the heap stores to what counts, and that is not a word of fam-words.h,
 * is stored through these; so that tests can put a header of this name in front
 * of it, which records each store or dies there.
 */
#include <string.h>

#include <fam-words.h>

/*
 * Short aligned data go word by word, so that who reads without a lock never sees
 * half of one.
 */
#define FAM_HEAP_WORDS 256 /* bytes; above that memcpy(3) is faster */

/** fam_heap_copy() - into the heap; visible in the order of words, if it is short */
static inline void fam_heap_copy(void *dest, const void *src, size_t len)
{
	const uint64_t *from = src;
	fam_word *to = dest;

	if (((uintptr_t)dest | (uintptr_t)src | len) & 7 ||
	    len > FAM_HEAP_WORDS) {
		memcpy(dest, src, len);
		return;
	}
	for (size_t i = 0; i < len / 8; i++)
		fam_word_put(&to[i], from[i]);
}

/** fam_heap_zero() - zeros into the heap */
static inline void fam_heap_zero(void *dest, size_t len)
{
	memset(dest, 0, len);
}

#endif
