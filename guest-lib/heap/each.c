// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* All that is allocated, one after the other. */
#include "heap/fam-heap.h"

struct visitor {
	int (*visit)(fam_off off, uint64_t usable, void *arg);
	void *arg;
};

static int each_block(const struct fam_heap *heap, uint64_t chunk,
		      unsigned int class, const struct visitor *v)
{
	const fam_off start = fam_chunk_offset(heap, chunk);
	const uint32_t blocks = fam_class_blocks(class);
	const uint32_t bytes = fam_class_bytes(class);
	const fam_word *word = fam_heap_bits(heap, chunk);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < blocks; i += 64) {
		uint64_t bits = fam_word_get(&word[i / 64]);

		for (; r == 0 && bits; bits &= bits - 1) {
			const uint32_t bit =
				i + (uint32_t)__builtin_ctzll(bits);

			if (bit < blocks)
				r = v->visit(start + (uint64_t)bit * bytes,
					     bytes, v->arg);
		}
	}
	return r;
}

/* @chunk becomes the next one. */
static int each_of(const struct fam_heap *heap, uint64_t *chunk,
		   const struct visitor *v)
{
	const uint64_t i = (*chunk)++;
	const uint64_t kind = fam_word_get(fam_heap_kind(heap, i));
	struct fam_block span;

	if (fam_chunk_kind(kind) == FAM_CHUNK_BLOCKS)
		return fam_chunk_class(kind) < FAM_HEAP_CLASSES
			       ? each_block(heap, i, fam_chunk_class(kind), v)
			       : 0;
	if (fam_chunk_kind(kind) != FAM_CHUNK_SPAN ||
	    fam_block_find(heap, fam_chunk_offset(heap, i), &span) < 0 ||
	    !span.chunks)
		return 0;
	*chunk = i + span.chunks;
	return v->visit(span.off, span.bytes, v->arg);
}

int fam_heap_each(struct fam_heap *heap,
		  int (*visit)(fam_off off, uint64_t usable, void *arg),
		  void *arg)
{
	const struct visitor v = {visit, arg};
	int r = 0;

	for (uint64_t chunk = 0; r == 0 && chunk < heap->at.count;)
		r = each_of(heap, &chunk, &v);
	return r;
}
