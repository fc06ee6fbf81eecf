// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Allocations that are transactions of their own. */
#include <errno.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"

/* What is to be allocated. */
struct want {
	fam_off dest;
	uint64_t bytes, align;
	bool zero;
	const void *data; /* NULL: it holds anything, or zeros */
	uint64_t filled;  /* bytes of that */
	fam_off old;	  /* to be freed in the same step; 0: nothing */
};

static int end(struct fam_tx *tx, int error)
{
	if (error == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return error;
}

static int fill(struct fam_tx *tx, const struct want *want,
		const struct fam_block *block)
{
	void *copy = NULL;
	int error;

	if (!want->data && !want->zero)
		return 0;
	error = fam_tx_fill(tx, block, want->bytes, want->zero,
			    want->data ? &copy : NULL);
	if (error == 0 && want->data)
		fam_heap_copy(copy, want->data, want->filled);
	return error;
}

static int allocate(struct fam_tx *tx, const struct want *want, fam_off *off)
{
	struct fam_block block = {0};
	int error = fam_tx_take(tx, want->bytes, want->align, &block);

	if (error == 0)
		error = fill(tx, want, &block);
	if (error == 0 && want->old)
		error = fam_tx_free(tx, want->old);
	if (error == 0 && want->dest)
		error = fam_tx_set_word(tx, want->dest, block.off);
	*off = block.off;
	return error;
}

static int allocate_alone(struct fam_heap *heap, const struct want *want,
			  fam_off *out)
{
	struct fam_tx *tx;
	fam_off off = 0;
	int error = fam_tx_begin(heap, NULL, &tx);

	if (error == 0)
		error = end(tx, allocate(tx, want, &off));
	if (error == 0 && out)
		*out = off;
	return error;
}

int fam_heap_aligned(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		     uint64_t align, uint32_t flags, fam_off *out)
{
	const struct want want = {
		.dest = dest,
		.bytes = bytes,
		.align = align,
		.zero = flags & FAM_HEAP_ZERO,
	};

	return flags & ~FAM_HEAP_ZERO ? -EINVAL
				      : allocate_alone(heap, &want, out);
}

int fam_heap_alloc(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		   uint32_t flags, fam_off *out)
{
	return fam_heap_aligned(heap, dest, bytes, 1, flags, out);
}

int fam_heap_put(struct fam_heap *heap, fam_off dest, const void *data,
		 uint64_t bytes, fam_off *out)
{
	const struct want want = {
		.dest = dest,
		.bytes = bytes,
		.align = 1,
		.data = data,
		.filled = bytes,
	};

	return allocate_alone(heap, &want, out);
}

/* --- what a place in the heap names ---------------------------------------------- */

static int named_by(struct fam_heap *heap, fam_off dest, fam_off *off)
{
	const fam_word *word = fam_heap_at(heap, dest, sizeof(*word));

	if (!word || dest % 8)
		return -EINVAL;
	*off = fam_word_get(word);
	return 0;
}

static int free_in(struct fam_tx *tx, fam_off dest)
{
	fam_off off;
	int error = named_by(tx->heap, dest, &off);

	if (error < 0 || !off)
		return error;
	error = fam_tx_free(tx, off);
	return error < 0 ? error : fam_tx_set_word(tx, dest, 0);
}

int fam_heap_free(struct fam_heap *heap, fam_off dest)
{
	struct fam_tx *tx;
	int error = fam_tx_begin(heap, NULL, &tx);

	return error < 0 ? error : end(tx, free_in(tx, dest));
}

int fam_heap_release(struct fam_heap *heap, fam_off off)
{
	struct fam_tx *tx;
	int error = fam_tx_begin(heap, NULL, &tx);

	return error < 0 ? error : end(tx, fam_tx_free(tx, off));
}

/*
 * Is it good as it is? Else it is moved also when it becomes much smaller, so that
 * what it does not need any more can be had by others.
 */
static bool is_fit(const struct fam_block *block, uint64_t bytes)
{
	if (bytes > block->bytes)
		return false;
	/* Half of a span's chunks, or less: it can do with fewer. */
	return bytes > block->bytes / 2 ||
	       (!block->chunks && fam_class_for(bytes, 1) == block->class);
}

static int resize_in(struct fam_tx *tx, struct want *want, fam_off *out)
{
	struct fam_heap *heap = tx->heap;
	struct fam_block block;
	int error = named_by(heap, want->dest, &want->old);

	if (error < 0 || !want->old)
		return error < 0 ? error : allocate(tx, want, out);
	error = fam_block_find(heap, want->old, &block);
	if (error < 0)
		return error;
	*out = block.off;
	if (is_fit(&block, want->bytes))
		return 0;
	want->data = heap->base + block.off;
	want->filled = block.bytes < want->bytes ? block.bytes : want->bytes;
	error = allocate(tx, want, out);
	if (error != -ENOSPC || tx->changes || want->bytes > block.bytes)
		return error;
	/* There is no room for what is to be smaller: it is left as it is. */
	*out = block.off;
	return 0;
}

int fam_heap_realloc(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		     fam_off *out)
{
	struct want want = {.dest = dest, .bytes = bytes, .align = 1};
	struct fam_tx *tx;
	fam_off off = 0;
	int error = fam_tx_begin(heap, NULL, &tx);

	if (error < 0)
		return error;
	error = end(tx, bytes ? resize_in(tx, &want, &off) : free_in(tx, dest));
	if (error == 0 && out)
		*out = off;
	return error;
}

int fam_heap_usable(const struct fam_heap *heap, fam_off off, uint64_t *bytes)
{
	struct fam_block block;
	int error = fam_block_find(heap, off, &block);

	if (error == 0)
		*bytes = block.bytes;
	return error;
}
