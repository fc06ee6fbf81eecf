/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TAPE_HEAP_STORE_H
#define TAPE_HEAP_STORE_H

/*
 * Included before all else in the heap's part of the library that crash tests are
 * linked with (beside its own sources no header can be put in front): what is
 * stored to a heap piece by piece is recorded.
 */

#include "tape-store.h"

#define fam_heap_copy fam_real_heap_copy
#define fam_heap_zero fam_real_heap_zero
#include "heap/heap-store.h"
#undef fam_heap_copy
#undef fam_heap_zero

static inline void fam_heap_copy(void *dest, const void *src, size_t len)
{
	fam_real_heap_copy(dest, src, len);
	tape_stored(dest, len);
}

static inline void fam_heap_zero(void *dest, size_t len)
{
	fam_real_heap_zero(dest, len);
	tape_stored(dest, len);
}

#endif
