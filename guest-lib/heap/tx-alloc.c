// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Allocating and freeing in a transaction; what is filled in place. */
#include <string.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "internal.h"

#define COPY_PART 4 /* of a journal: longer copies are none */

/* --- allocating -------------------------------------------------------------------- */

static int claim_room(struct fam_tx_claims *claims)
{
	uint32_t room = claims->room ? claims->room * 2 : 8;
	struct fam_claim *more;

	if (claims->count < claims->room)
		return 0;
	more = reallocarray(claims->claim, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	claims->claim = more;
	claims->room = room;
	return 0;
}

int fam_tx_claim(struct fam_tx *tx, const struct fam_claim *claim)
{
	int error = claim_room(&tx->claims);

	if (error == 0)
		tx->claims.claim[tx->claims.count++] = *claim;
	return error;
}

static struct fam_change change_of(const struct fam_block *block, bool takes)
{
	struct fam_change change = {.offset = block->off};

	if (block->chunks) {
		change.kind = takes ? FAM_CHANGE_SPAN : FAM_CHANGE_UNSPAN;
		change.length = block->chunks;
	} else {
		change.kind = takes ? FAM_CHANGE_TAKE : FAM_CHANGE_GIVE;
		change.class = (uint16_t)block->class;
	}
	return change;
}

int fam_tx_take(struct fam_tx *tx, uint64_t bytes, uint64_t align,
		struct fam_block *out)
{
	struct fam_change change;
	struct fam_claim claim;
	int error = claim_room(&tx->claims);

	if (error == 0)
		error = fam_claim_take(tx->heap, bytes, align, &claim);
	if (error < 0)
		return error;
	change = change_of(&claim.block, true);
	error = fam_tx_change(tx, &change, NULL);
	if (error < 0) {
		fam_claim_end(tx->heap, &claim);
		return error;
	}
	*out = claim.block;
	return fam_tx_claim(tx, &claim);
}

/* --- content ------------------------------------------------------------------------ */

/* Nobody else sees it: it is changed where it is, and durable before the record. */
static int fill_in_place(struct fam_tx *tx, const struct fam_block *block,
			 uint64_t bytes, bool zero, void **copy)
{
	struct fam_tx_range range = {
		.off = block->off,
		.bytes = zero ? block->bytes : bytes,
		.copy = tx->heap->base + block->off,
	};
	int error = fam_tx_range_room(&tx->ranges);

	/* Who had it before may have lost it in doubt: the disk may have that still. */
	if (error == 0 && fam_slots_in_doubt(tx->heap))
		error = fam_slots_doubts(tx->heap);
	if (error == 0)
		error = fam_heap_may(tx->heap);
	/* What is behind it is not: that is changed by the record, as all else. */
	if (error == 0)
		error = fam_tx_fresh(tx, range.off, range.bytes);
	if (error < 0)
		return error;
	fam_tx_range_add(&tx->ranges, &range);
	if (zero)
		fam_heap_zero(range.copy, range.bytes);
	if (copy)
		*copy = range.copy;
	return 0;
}

int fam_tx_fill(struct fam_tx *tx, const struct fam_block *block,
		uint64_t bytes, bool zero, void **copy)
{
	const struct fam_change change = {
		.kind = FAM_CHANGE_DATA,
		.length = (uint32_t)bytes,
		.offset = block->off,
	};
	struct fam_tx_range range = {.off = block->off, .bytes = bytes};
	void *data = NULL;
	int error;

	if (!copy && !zero)
		return 0;
	if (!copy || bytes > tx->heap->at.journal_bytes / COPY_PART)
		return fill_in_place(tx, block, bytes, zero, copy);
	error = fam_tx_range_room(&tx->ranges);
	if (error == 0)
		error = fam_tx_change(tx, &change, &data);
	if (error < 0 || !data)
		return error;
	if (zero)
		memset(data, 0, bytes);
	range.copy = data;
	fam_tx_range_add(&tx->ranges, &range);
	*copy = data;
	return 0;
}

/* What fam_tx_take() did just before. */
static void untake(struct fam_tx *tx)
{
	fam_claim_end(tx->heap, &tx->claims.claim[--tx->claims.count]);
	tx->bytes -= sizeof(struct fam_change);
	tx->changes--;
}

int fam_tx_alloc(struct fam_tx *tx, uint64_t bytes, uint32_t flags,
		 fam_off *out, void **copy)
{
	struct fam_block block = {0};
	int error;

	if (flags & ~FAM_HEAP_ZERO)
		return -EINVAL;
	error = fam_tx_take(tx, bytes, 1, &block);
	if (error < 0)
		return error;
	error = fam_tx_fill(tx, &block, bytes, flags & FAM_HEAP_ZERO, copy);
	if (error < 0) {
		untake(tx);
		return error;
	}
	*out = block.off;
	return 0;
}

/* --- freeing ------------------------------------------------------------------------ */

/* Neither twice, nor anything there to be changed any more. */
static int gone(struct fam_tx *tx, const struct fam_block *block)
{
	struct fam_tx_range range = {.off = block->off, .bytes = block->bytes};
	struct fam_tx_range *there;

	if (fam_tx_range_find(&tx->gone, &range, &there) != -ENOENT)
		return -EINVAL;
	return fam_tx_range_room(&tx->gone);
}

static void note_gone(struct fam_tx *tx, const struct fam_block *block)
{
	const struct fam_tx_range range = {.off = block->off,
					   .bytes = block->bytes};

	fam_tx_range_add(&tx->gone, &range);
}

int fam_tx_give(struct fam_tx *tx, const struct fam_block *block)
{
	const struct fam_change change = change_of(block, false);
	int error = gone(tx, block);

	if (error == 0)
		error = fam_tx_change(tx, &change, NULL);
	if (error == 0)
		note_gone(tx, block);
	return error;
}

static bool is_in(const struct fam_change *change,
		  const struct fam_block *block)
{
	return change->kind <= FAM_CHANGE_SPAN &&
	       change->kind != FAM_CHANGE_GIVE &&
	       change->offset >= block->off &&
	       change->offset < block->off + block->bytes;
}

/* All that the record says of something that will never have been there. */
static void forget(struct fam_tx *tx, const struct fam_block *block)
{
	uint32_t at = sizeof(*tx->record);
	struct fam_step_of step;

	for (; fam_record_change(tx->record, tx->bytes, at, &step) == 0;
	     at = step.next) {
		struct fam_change *change = &step.change;

		if (!is_in(change, block))
			continue;
		if (change->kind != FAM_CHANGE_DATA)
			change->length = 0;
		change->kind = FAM_CHANGE_NONE;
		memcpy((char *)tx->record + at, change, sizeof(*change));
	}
}

/* Its claim stays to the end, so that nothing else is there meanwhile. */
static int free_own(struct fam_tx *tx, fam_off off)
{
	for (uint32_t i = 0; i < tx->claims.count; i++) {
		const struct fam_block *block = &tx->claims.claim[i].block;
		int error;

		if (block->off != off)
			continue;
		error = gone(tx, block);
		if (error < 0)
			return error;
		forget(tx, block);
		note_gone(tx, block);
		return 0;
	}
	return -EINVAL;
}

int fam_tx_free(struct fam_tx *tx, fam_off off)
{
	struct fam_block block;

	if (fam_block_find(tx->heap, off, &block) < 0)
		return free_own(tx, off);
	return fam_tx_give(tx, &block);
}

/* --- plain stores made durable --------------------------------------------------------- */

static int persist_copy(struct fam_tx *tx, uint64_t off, uint64_t bytes)
{
	void *copy;

	return bytes ? fam_tx_add(tx, off, bytes, &copy) : 0;
}

/* What earlier records say of it is no more: whole 16 bytes only, and no others. */
static int persist_place(struct fam_tx *tx, uint64_t off, uint64_t bytes)
{
	const uint64_t most = UINT32_MAX * UINT64_C(16);
	int error = bytes ? fam_tx_fresh(tx, off, bytes) : 0;

	while (error == 0 && bytes) {
		uint64_t n = bytes < most ? bytes : most;
		const struct fam_change change = {
			.kind = FAM_CHANGE_FRESH,
			.length = (uint32_t)(n / 16),
			.offset = off,
		};

		error = fam_tx_change(tx, &change, NULL);
		off += n;
		bytes -= n;
	}
	return error;
}

static int persist(struct fam_tx *tx, uint64_t off, uint64_t bytes)
{
	uint64_t first = -off & 15, last;
	int error;

	if (bytes <= tx->heap->at.journal_bytes / COPY_PART)
		return persist_copy(tx, off, bytes);
	last = (off + bytes) & 15;
	error = persist_copy(tx, off, first);
	if (error == 0)
		error = persist_place(tx, off + first, bytes - first - last);
	if (error == 0)
		error = persist_copy(tx, off + bytes - last, last);
	return error;
}

int fam_heap_persist(struct fam_heap *heap, uint64_t off, uint64_t bytes)
{
	struct fam_tx *tx;
	int error;

	if (!fam_heap_holds(heap, off, bytes))
		return -EINVAL;
	error = fam_tx_begin(heap, NULL, &tx);
	if (error < 0)
		return error;
	error = persist(tx, off, bytes);
	if (error < 0) {
		fam_tx_abort(tx);
		return error;
	}
	return fam_tx_commit(tx);
}
