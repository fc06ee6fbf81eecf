/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_VIEW_H
#define FAM_VIEW_H

/*
 * A heap as a transaction has it, or, without one, as it is; and transactions that
 * are a caller's or a call's own. Behind fam/hash.h and fam/log.h.
 */
#include <errno.h>
#include <string.h>

#include "heap/fam-heap.h"
#include "internal.h"

#define FAM_PART_ALONE_MS 60000 /* of who waits, and has nothing */
#define FAM_PART_MS	  2000	/* of who has locks that others may wait for */
#define FAM_PART_MORE_MS  1024	/* so that two of them do not give up at once */

struct fam_view {
	struct fam_heap *heap;
	struct fam_tx *tx; /* NULL: none */
};

/** fam_view_at() - not to be written to; NULL: it is not inside the heap */
static inline const void *fam_view_at(struct fam_view view, fam_off off,
				      uint64_t bytes)
{
	return view.tx ? fam_tx_at(view.tx, off, bytes)
		       : fam_heap_at(view.heap, off, bytes);
}

/** fam_view_copy() - what lies there; 0; -EBADMSG it is not inside the heap */
static inline int fam_view_copy(struct fam_view view, fam_off off, void *to,
				uint64_t bytes)
{
	const void *from = fam_view_at(view, off, bytes);

	if (!from)
		return -EBADMSG;
	memcpy(to, from, bytes);
	return 0;
}

/** fam_view_word() - the same of a word, which may be changed meanwhile */
static inline int fam_view_word(struct fam_view view, fam_off off,
				uint64_t *out)
{
	const fam_word *word;

	if (off % 8)
		return -EBADMSG;
	word = fam_view_at(view, off, 8);
	if (!word)
		return -EBADMSG;
	*out = fam_word_get(word);
	return 0;
}

/* --- transactions: part.c -------------------------------------------------------- */

/**
 * fam_part_begin() - go on with a caller's transaction, or begin one
 * @outer: NULL, or of @heap
 *
 * Return: 0; -EINVAL, -ECANCELED of @outer; as fam_tx_begin()
 */
int fam_part_begin(struct fam_heap *heap, struct fam_tx *outer,
		   struct fam_tx **out);

/**
 * fam_part_end() - commit or abort it, if it is not the caller's
 * @r: the result so far; if it is not 0 @tx is as it was before, or aborted
 *
 * Return: @r, or that of the commit
 */
int fam_part_end(struct fam_tx *tx, const struct fam_tx *outer, int r);

/**
 * fam_part_make() - make a container, in a transaction or as a part of one
 * @dest: where @make stores its offset, too; 0: nowhere
 * @out: its offset; may be NULL
 *
 * Return: 0; as fam_part_begin(), @make, fam_part_end()
 */
int fam_part_make(struct fam_heap *heap, struct fam_tx *outer, fam_off dest,
		  int (*make)(struct fam_tx *tx, fam_off dest, fam_off *out),
		  fam_off *out);

/** fam_part_lock() - as fam_tx_lock(); -EDEADLK it took long */
int fam_part_lock(struct fam_tx *tx, const struct fam_tx *outer,
		  struct fam_mutex *mutex);

/**
 * fam_part_add() - as fam_tx_add(), one of several
 * @r: if it is not 0 nothing is done; else what came of it
 */
static inline void *fam_part_add(struct fam_tx *tx, fam_off off, uint64_t bytes,
				 int *r)
{
	void *copy = NULL;

	if (*r == 0)
		*r = fam_tx_add(tx, off, bytes, &copy);
	return copy;
}

/** fam_part_word() - the same of a word */
static inline uint64_t *fam_part_word(struct fam_tx *tx, fam_off off, int *r)
{
	return fam_part_add(tx, off, 8, r);
}

/**
 * fam_view_lock(), fam_view_unlock() - without a transaction: to read
 *
 * Return: 0, and all that others have committed is there; -EDEADLK it took long, or
 * the calling thread has it; -EROFS; as fam_mutex_lock(), but never -EOWNERDEAD
 */
int fam_view_lock(struct fam_heap *heap, struct fam_mutex *mutex);
void fam_view_unlock(struct fam_heap *heap, struct fam_mutex *mutex);

/**
 * fam_part_object() - an object of the heap that is at a multiple of its size
 * @bytes: of it, a power of two
 *
 * Return: 0; -EMEDIUMTYPE there is none
 */
int fam_part_object(struct fam_heap *heap, fam_off off, uint64_t bytes,
		    void **out);

#endif
