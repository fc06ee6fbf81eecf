/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAULT_HEAP_STORE_H
#define FAULT_HEAP_STORE_H

/*
 * Included before all else in the heap's part of the library that fault tests are
 * linked with: before each store to what counts, and in the middle of a long one,
 * its process may die (fault.h).
 */

#include "fault-step.h"

#define fam_heap_copy fam_real_heap_copy
#define fam_heap_zero fam_real_heap_zero
#include "heap/heap-store.h"
#undef fam_heap_copy
#undef fam_heap_zero

/* Words stay whole. */
static inline size_t fault_half(size_t len)
{
	return len / 16 * 8;
}

static inline void fam_heap_copy(void *dest, const void *src, size_t len)
{
	size_t half = fault_half(len);

	fault_step();
	fam_real_heap_copy(dest, src, half);
	fault_step();
	fam_real_heap_copy((char *)dest + half, (const char *)src + half,
			   len - half);
}

static inline void fam_heap_zero(void *dest, size_t len)
{
	size_t half = fault_half(len);

	fault_step();
	fam_real_heap_zero(dest, half);
	fault_step();
	fam_real_heap_zero((char *)dest + half, len - half);
}

#endif
