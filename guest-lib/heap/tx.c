// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Transactions: begun, and filled; commit.c ends them. */
#include <string.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "regions/opening.h"

/* --- what a process has of them ------------------------------------------------------- */

static struct fam_tx *tx_new(struct fam_heap *heap)
{
	struct fam_tx *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return NULL;
	tx->heap = heap;
	tx->slot = UINT32_MAX;
	tx->limit = (uint32_t)(heap->at.journal_bytes / 2);
	pthread_mutex_lock(&heap->lock);
	tx->next = heap->all;
	heap->all = tx;
	pthread_mutex_unlock(&heap->lock);
	return tx;
}

static struct fam_tx *idle_get(struct fam_heap *heap)
{
	struct fam_tx *tx;

	pthread_mutex_lock(&heap->lock);
	tx = heap->idle;
	if (tx)
		heap->idle = tx->next_idle;
	pthread_mutex_unlock(&heap->lock);
	return tx ? tx : tx_new(heap);
}

static void idle_put(struct fam_tx *tx)
{
	struct fam_heap *heap = tx->heap;

	pthread_mutex_lock(&heap->lock);
	tx->next_idle = heap->idle;
	heap->idle = tx;
	pthread_mutex_unlock(&heap->lock);
}

void fam_txs_close(struct fam_heap *heap)
{
	bool mine = fam_heap_may(heap) == 0;

	while (heap->all) {
		struct fam_tx *tx = heap->all;

		if (mine && tx->slot != UINT32_MAX)
			fam_slot_free(heap, tx->slot);
		heap->all = tx->next;
		free(tx->ranges.range);
		free(tx->gone.range);
		free(tx->claims.claim);
		free(tx->fresh);
		free(tx->own);
		free(tx);
	}
	heap->idle = NULL;
}

/* --- beginning ------------------------------------------------------------------------- */

static int take_slot(struct fam_tx *tx)
{
	int64_t until = 0;

	if (tx->slot != UINT32_MAX &&
	    fam_slot_retake(tx->heap, tx->slot, &tx->mark))
		return 0;
	for (;;) {
		int r = fam_slot_take(tx->heap);

		if (r >= 0) {
			tx->slot = (uint32_t)r;
			return 0;
		}
		tx->slot = UINT32_MAX;
		if (r != -EBUSY)
			return r;
		r = fam_heap_nap(tx->heap, &until);
		if (r < 0)
			return r == -ETIMEDOUT ? -EBUSY : r;
	}
}

static int begin(struct fam_tx *tx)
{
	struct fam_heap *heap = tx->heap;
	int error = take_slot(tx);

	if (error < 0)
		return error;
	error = fam_slot_begin(heap, tx->slot, &tx->mark);
	if (error < 0) {
		fam_slot_idle(heap, tx->slot);
		return error;
	}
	tx->record = (void *)(fam_heap_journal(heap, tx->slot) + tx->mark.tail);
	tx->bytes = sizeof(struct fam_record);
	tx->changes = 0;
	tx->depth = 1;
	tx->canceled = false;
	return 0;
}

static int begin_part(struct fam_heap *heap, struct fam_tx *outer,
		      struct fam_tx **out)
{
	if (outer->heap != heap || !outer->depth)
		return -EINVAL;
	if (outer->canceled)
		return -ECANCELED;
	outer->depth++;
	*out = outer;
	return 0;
}

int fam_tx_begin(struct fam_heap *heap, struct fam_tx *outer,
		 struct fam_tx **out)
{
	struct fam_tx *tx;
	int error;

	if (outer)
		return begin_part(heap, outer, out);
	error = fam_heap_may(heap);
	if (error == 0)
		error = fam_heap_deaths(heap);
	if (error < 0)
		return error;
	tx = idle_get(heap);
	if (!tx)
		return -ENOMEM;
	error = begin(tx);
	if (error < 0) {
		idle_put(tx);
		return error;
	}
	*out = tx;
	return 0;
}

/* --- ending ------------------------------------------------------------------------------ */

static void unlock_all(struct fam_tx *tx)
{
	while (tx->locks)
		/* If it is not ours any more, nor is the session. */
		(void)fam_mutex_unlock(tx->heap->fam, tx->lock[--tx->locks]);
}

/*
 * The slot first: if its record is in doubt, others can see to that as soon as they
 * may have what this one had.
 */
static void end(struct fam_tx *tx)
{
	fam_slot_idle(tx->heap, tx->slot);
	while (tx->claims.count)
		fam_claim_end(tx->heap, &tx->claims.claim[--tx->claims.count]);
	unlock_all(tx);
	tx->ranges.count = tx->ranges.root = 0;
	tx->gone.count = tx->gone.root = 0;
	tx->freshes = 0;
	tx->owns = 0;
	idle_put(tx);
}

int fam_tx_commit(struct fam_tx *tx)
{
	int error = tx->canceled ? -ECANCELED : 0;

	if (--tx->depth)
		return error;
	if (error == 0 && tx->changes)
		error = fam_tx_publish(tx);
	end(tx);
	return error;
}

void fam_tx_abort(struct fam_tx *tx)
{
	if (!tx)
		return;
	tx->canceled = true;
	if (--tx->depth == 0)
		end(tx);
}

/* --- locks ------------------------------------------------------------------------------- */

static int recover(struct fam_tx *tx, struct fam_mutex *mutex)
{
	int r = fam_heap_recover(tx->heap);

	if (r >= 0)
		r = fam_mutex_consistent(tx->heap->fam, mutex);
	/* Else the next one is told, too. */
	if (r < 0)
		(void)fam_mutex_unlock(tx->heap->fam, mutex);
	return r;
}

int fam_tx_lock(struct fam_tx *tx, struct fam_mutex *mutex, int timeout_ms)
{
	int r;

	for (uint32_t i = 0; i < tx->locks; i++) {
		if (tx->lock[i] == mutex)
			return 0;
	}
	if (tx->locks == FAM_TX_LOCKS)
		return -E2BIG;
	r = fam_mutex_lock(tx->heap->fam, mutex, timeout_ms);
	if (r == -EOWNERDEAD)
		r = recover(tx, mutex);
	if (r == 0)
		tx->lock[tx->locks++] = mutex;
	return r;
}

/* --- changes ------------------------------------------------------------------------------- */

static bool has_room(const struct fam_tx *tx, uint64_t bytes)
{
	return bytes <= tx->limit - tx->bytes;
}

int fam_tx_change(struct fam_tx *tx, const struct fam_change *change,
		  void **data)
{
	uint64_t takes =
		fam_change_bytes(change->kind, change->offset, change->length);
	char *at = (char *)tx->record + tx->bytes;
	int error = fam_heap_may(tx->heap);

	if (error < 0)
		return error;
	if (!has_room(tx, takes))
		return -E2BIG;
	memcpy(at, change, sizeof(*change));
	if (data)
		*data = at + fam_change_data(change->kind, change->offset);
	tx->bytes += (uint32_t)takes;
	tx->changes++;
	return 0;
}

int fam_tx_fresh(struct fam_tx *tx, uint64_t off, uint64_t bytes)
{
	uint32_t room = tx->fresh_room ? tx->fresh_room * 2 : 8;
	struct fam_tx_fresh *more;

	if (tx->freshes == tx->fresh_room) {
		more = reallocarray(tx->fresh, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		tx->fresh = more;
		tx->fresh_room = room;
	}
	tx->fresh[tx->freshes++] = (struct fam_tx_fresh){off, bytes};
	return 0;
}

static bool is_gone(const struct fam_tx *tx, const struct fam_tx_range *range)
{
	struct fam_tx_range *gone;

	return tx->gone.count &&
	       fam_tx_range_find(&tx->gone, range, &gone) != -ENOENT;
}

/* A new range of the heap. */
static int add_range(struct fam_tx *tx, struct fam_tx_range *range)
{
	const struct fam_change change = {
		.kind = FAM_CHANGE_DATA,
		.length = (uint32_t)range->bytes,
		.offset = range->off,
	};
	int error = is_gone(tx, range) ? -EINVAL : 0;
	void *copy = NULL;

	if (error == 0 && !has_room(tx, range->bytes))
		error = -E2BIG;
	if (error == 0)
		error = fam_tx_range_room(&tx->ranges);
	if (error == 0)
		error = fam_tx_change(tx, &change, &copy);
	if (error < 0 || !copy)
		return error;
	memcpy(copy, tx->heap->base + range->off, range->bytes);
	range->copy = copy;
	fam_tx_range_add(&tx->ranges, range);
	return 0;
}

int fam_tx_add(struct fam_tx *tx, fam_off off, uint64_t bytes, void **copy)
{
	struct fam_tx_range range = {.off = off, .bytes = bytes}, *there;
	int error;

	if (!bytes || !fam_heap_holds(tx->heap, off, bytes))
		return -EINVAL;
	error = fam_tx_range_find(&tx->ranges, &range, &there);
	if (error == -ENOENT) {
		there = &range;
		error = add_range(tx, &range);
	}
	if (error < 0)
		return error;
	*copy = there->copy + (off - there->off);
	return 0;
}

const void *fam_tx_at(struct fam_tx *tx, fam_off off, uint64_t bytes)
{
	struct fam_tx_range range = {.off = off, .bytes = bytes}, *there;

	if (bytes && fam_heap_holds(tx->heap, off, bytes) &&
	    fam_tx_range_find(&tx->ranges, &range, &there) == 0)
		return there->copy + (off - there->off);
	return fam_heap_at(tx->heap, off, bytes);
}

int fam_tx_set(struct fam_tx *tx, fam_off off, const void *data, uint64_t bytes)
{
	void *copy = NULL;
	int error = fam_tx_add(tx, off, bytes, &copy);

	if (error == 0 && copy)
		memcpy(copy, data, bytes);
	return error;
}

int fam_tx_set_word(struct fam_tx *tx, fam_off off, uint64_t value)
{
	return off % 8 ? -EINVAL : fam_tx_set(tx, off, &value, sizeof(value));
}
