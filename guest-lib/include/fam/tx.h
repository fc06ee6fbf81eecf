/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TX_H
#define FAM_TX_H

#include <stdbool.h>
#include <stdint.h>

#include <fam/heap.h>
#include <fam/lock.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Transactions: several changes in a heap, and in other regions of the fabric, of
 * which after any crash there are all or none.
 *
 * A change is made in a working copy, which nobody else sees: fam_tx_add() gives
 * one of a range. The commit writes all of them into one record of a journal,
 * makes that durable, by one durable commit of the disk, and then stores them
 * where they belong. So nothing has to be taken back: before the commit, a death
 * or an abort leaves no trace. After it, what is missing is stored by whoever
 * comes first.
 *
 * A transaction keeps nobody away. What it changes, and what it decides by, is to
 * be protected by locks that are held until after the commit: fam_tx_lock() does
 * so. Others see the words of a commit one by one, in the order of the calls; who
 * must not see half of them takes the lock. A lock itself is never part of a range
 * that is added: the commit would store it as it was then.
 *
 * A transaction belongs to one thread at a time. Errors as in fam/heap.h; a call
 * that fails leaves the transaction as it was, it can go on. -E2BIG it is longer
 * than half of a journal: split it, or create the heap with longer journals.
 */

struct fam_tx;

/**
 * fam_tx_begin() - begin one
 * @outer: NULL; or one of the same heap, and then this is a part of that: what it
 *	commits is done with the outermost, and if it is aborted that one cannot
 *	be committed
 *
 * Blocks: while all journals are in use; if its journal is nearly full, for two
 *	durable commits; after a death, to finish what that has left
 * Return: 0; -EBUSY; -ECANCELED @outer was aborted by another part of it
 * Since:  0.1
 */
int fam_tx_begin(struct fam_heap *heap, struct fam_tx *outer,
		 struct fam_tx **out);

/**
 * fam_tx_add() - have a working copy of a range
 * @off: anything in the heap's objects
 * @copy: of @bytes, as far from a multiple of 16 as @off is; to be changed until
 *	the commit
 *
 * Of a range that lies in one that was added before, its copy is returned; who
 * reads in the transaction what it has changed must do so there: fam_tx_at().
 *
 * Return: 0; -EINVAL not in the heap's objects; -EEXIST it overlaps one, but is
 *	not inside; -E2BIG
 * Since:  0.1
 */
int fam_tx_add(struct fam_tx *tx, fam_off off, uint64_t bytes, void **copy);

/**
 * fam_tx_at() - a range as this transaction has it
 *
 * Return: the working copy, if there is one that has all of it; else where it is,
 *	which must not be written to; NULL it is not in the heap
 */
const void *fam_tx_at(struct fam_tx *tx, fam_off off, uint64_t bytes);

/** fam_tx_set() - fam_tx_add(), and copy @data there */
int fam_tx_set(struct fam_tx *tx, fam_off off, const void *data,
	       uint64_t bytes);

/** fam_tx_set_word() - the same with 8 bytes, which others see change at once */
int fam_tx_set_word(struct fam_tx *tx, fam_off off, uint64_t value);

/**
 * fam_tx_add_region() - a range in another region of the same fabric
 * @region: open for writing
 * @addr: in a map of it (fam_region_map()), that stays until the end
 *
 * Whoever opens the region after a power cut opens the heap before, so that what
 * was committed is there. If the region is destroyed, so is what was changed in
 * it. Return: 0; -EINVAL, -EEXIST, -E2BIG as fam_tx_add()
 */
int fam_tx_add_region(struct fam_tx *tx, struct fam_region *region, void *addr,
		      uint64_t bytes, void **copy);

/**
 * fam_tx_alloc() - allocate; it is there with the commit
 * @flags: FAM_HEAP_ZERO
 * @copy: where to fill it in until the commit; NULL: it is not filled in, and
 *	holds zeros or anything. Up to a quarter of a journal it is a working copy;
 *	above that it is the place itself, as it is for zeros if @copy is NULL, which
 *	costs one more durable commit
 *
 * Return: 0; -EINVAL, -ENOSPC, -E2BIG
 */
int fam_tx_alloc(struct fam_tx *tx, uint64_t bytes, uint32_t flags,
		 fam_off *out, void **copy);

/**
 * fam_tx_free() - free, with the commit; what this transaction has allocated, too
 *
 * Return: 0; -EINVAL nothing is allocated there, or it was freed here before
 */
int fam_tx_free(struct fam_tx *tx, fam_off off);

/**
 * fam_tx_lock() - lock a mutex in the heap until the outermost transaction has ended
 *
 * If its owner died, what that has left is finished before (fam_heap_recover()),
 * and it is consistent. Of what this transaction has locked, 0 is returned at once.
 *
 * Return: 0; -ETIMEDOUT, ... as fam_mutex_lock(), but never -EOWNERDEAD; -E2BIG
 *	there are 256
 */
int fam_tx_lock(struct fam_tx *tx, struct fam_mutex *mutex, int timeout_ms);

/**
 * fam_tx_commit() - all of it, or nothing
 *
 * The transaction has ended, whatever is returned; its locks are free.
 *
 * Ordering: release
 * Survives: host
 * Blocks:   for one durable commit, or two (fam_tx_alloc())
 * Return:   0; -ECANCELED a part of it was aborted; the errors of fam_persist():
 *	nothing has changed, but see fam/heap.h; -ESTALE the session was lost
 */
int fam_tx_commit(struct fam_tx *tx);

/** fam_tx_abort() - nothing of it; it has ended, its locks are free; NULL */
void fam_tx_abort(struct fam_tx *tx);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
