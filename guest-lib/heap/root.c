// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The root object. */
#include <string.h>

#include "heap/heap-open.h"
#include "internal.h"

/* As it is; -ENOENT. */
static int look(const struct fam_heap *heap, uint64_t bytes, fam_off *out)
{
	const struct fam_heap_state *state = fam_heap_state(heap);
	uint64_t off = fam_word_get(&state->root);
	uint64_t has = fam_word_get(&state->root_bytes);

	if (!off)
		return -ENOENT;
	if (!fam_heap_holds(heap, off, has))
		return -EBADMSG;
	if (has < bytes)
		return -ERANGE;
	*out = off;
	return 0;
}

/* Its size first: who sees where it is sees that, too. */
static int fill_in(struct fam_tx *tx, uint64_t bytes)
{
	struct fam_change change = {.kind = FAM_CHANGE_DATA, .length = 8};
	struct fam_block block;
	void *root = NULL, *root_bytes = NULL;
	int error = fam_tx_take(tx, bytes, 64, &block);

	if (error == 0)
		error = fam_tx_fill(tx, &block, bytes, true, NULL);
	change.offset = tx->heap->at.state +
			offsetof(struct fam_heap_state, root_bytes);
	if (error == 0)
		error = fam_tx_change(tx, &change, &root_bytes);
	change.offset =
		tx->heap->at.state + offsetof(struct fam_heap_state, root);
	if (error == 0)
		error = fam_tx_change(tx, &change, &root);
	if (error < 0 || !root || !root_bytes)
		return error;
	memcpy(root_bytes, &bytes, sizeof(bytes));
	memcpy(root, &block.off, sizeof(block.off));
	return 0;
}

/* Under live.lock. */
static int make(struct fam_heap *heap, uint64_t bytes)
{
	struct fam_tx *tx;
	int error = fam_tx_begin(heap, NULL, &tx);

	if (error < 0)
		return error;
	error = fill_in(tx, bytes);
	if (error < 0) {
		fam_tx_abort(tx);
		return error;
	}
	return fam_tx_commit(tx);
}

static int make_locked(struct fam_heap *heap, uint64_t bytes, fam_off *out)
{
	struct fam_heap_live *live = fam_heap_live(heap);
	int error = fam_heap_lock(heap);

	if (error == -EOWNERDEAD) {
		error = fam_heap_recover(heap);
		if (error >= 0)
			error = fam_mutex_consistent(heap->fam, &live->lock);
		if (error < 0)
			fam_heap_unlock(heap);
	}
	if (error < 0)
		return error;
	error = look(heap, bytes, out);
	if (error == -ENOENT) {
		error = make(heap, bytes);
		if (error == 0)
			error = look(heap, bytes, out);
	}
	fam_heap_unlock(heap);
	return error;
}

int fam_heap_root(struct fam_heap *heap, uint64_t bytes, fam_off *out)
{
	int error = look(heap, bytes, out);

	if (error != -ENOENT || !bytes)
		return error;
	error = fam_heap_may(heap);
	return error < 0 ? error : make_locked(heap, bytes, out);
}
