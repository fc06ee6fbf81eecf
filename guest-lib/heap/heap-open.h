/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAP_OPEN_H
#define FAM_HEAP_OPEN_H

/* What opening a heap is made of. */

#include "heap/fam-heap.h"

/** fam_heap_want_default() - fill in what is 0 */
void fam_heap_want_default(struct fam_heap_want *want);

/**
 * fam_heap_header_get() - of what is mapped; makes it where there is none
 * @want: for that; NULL: by the size of the region
 *
 * Return: 0; -EBADMSG, -EPROTONOSUPPORT, -EMEDIUMTYPE; -EUCLEAN it is to be made, by
 * others; the errors of fam_persist(), fam_mutex_lock()
 */
int fam_heap_header_get(struct fam_heap *heap, const struct fam_heap_want *want,
			struct fam_heap_header *out);

/** fam_heap_header_heal() - both copies are whole again, durable; under live.lock */
int fam_heap_header_heal(struct fam_heap *heap);

/** fam_heap_lock() - live.lock, whoever died with it; 0; as fam_mutex_lock() */
int fam_heap_lock(const struct fam_heap *heap);
void fam_heap_unlock(const struct fam_heap *heap);

#endif
