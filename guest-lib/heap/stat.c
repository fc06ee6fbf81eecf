// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* How a heap is filled. */
#include <errno.h>
#include <string.h>

#include "heap/fam-heap.h"

_Static_assert(sizeof(((struct fam_heap_stat *)0)->size_class) /
			       sizeof(struct fam_heap_class) >=
		       FAM_HEAP_CLASSES,
	       "all are told");

static void add_blocks(const struct fam_heap *heap, uint64_t chunk,
		       unsigned int class, struct fam_heap_stat *stat)
{
	const fam_word *word = fam_heap_bits(heap, chunk);
	const uint32_t blocks = fam_class_blocks(class);
	struct fam_heap_class *of = &stat->size_class[class];
	uint64_t used = 0;

	for (uint32_t i = 0; i < blocks; i += 64) {
		const uint64_t all = blocks - i < 64
					     ? (UINT64_C(1) << (blocks - i)) - 1
					     : ~UINT64_C(0);

		used += (uint64_t)__builtin_popcountll(
			fam_word_get(&word[i / 64]) & all);
	}
	of->chunks++;
	of->room += blocks;
	of->used += used;
	stat->objects += used;
	stat->used += used * of->bytes;
	stat->idle += FAM_HEAP_CHUNK - used * of->bytes;
}

/* How many chunks it is; *@free_run: how many free ones are in a row. */
static uint64_t add(const struct fam_heap *heap, uint64_t chunk,
		    struct fam_heap_stat *stat, uint64_t *free_run)
{
	const uint64_t kind = fam_word_get(fam_heap_kind(heap, chunk));
	struct fam_block span;

	if (fam_chunk_kind(kind) == FAM_CHUNK_FREE) {
		stat->free += FAM_HEAP_CHUNK;
		++*free_run;
		if (*free_run * FAM_HEAP_CHUNK > stat->largest)
			stat->largest = *free_run * FAM_HEAP_CHUNK;
		return 1;
	}
	*free_run = 0;
	if (fam_chunk_kind(kind) == FAM_CHUNK_BLOCKS &&
	    fam_chunk_class(kind) < FAM_HEAP_CLASSES) {
		add_blocks(heap, chunk, fam_chunk_class(kind), stat);
		return 1;
	}
	if (fam_chunk_kind(kind) != FAM_CHUNK_SPAN ||
	    fam_block_find(heap, fam_chunk_offset(heap, chunk), &span) < 0 ||
	    !span.chunks)
		return 1;
	stat->objects++;
	stat->used += span.bytes;
	return span.chunks;
}

static uint32_t writers(const struct fam_heap *heap)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < heap->at.journals; i++) {
		const uint64_t holder =
			fam_word_get(&fam_heap_slot(heap, i)->holder);

		if (fam_holder_of(holder) && !(holder & FAM_SLOT_IDLE) &&
		    (!heap->sessions ||
		     fam_holder_lives(heap->sessions, holder)))
			n++;
	}
	return n;
}

int fam_heap_stat(struct fam_heap *heap, struct fam_heap_stat *out, size_t size)
{
	struct fam_heap_stat stat = {
		.bytes = heap->bytes,
		.space = heap->at.count * FAM_HEAP_CHUNK,
		.checkpoint = fam_word_get(&fam_heap_live(heap)->checkpointed),
		.stamp = fam_word_get(&fam_heap_live(heap)->stamp),
		.journals = heap->at.journals,
		.writers = writers(heap),
		.journal_bytes = heap->at.journal_bytes,
		.classes = FAM_HEAP_CLASSES,
	};
	const size_t known = size < sizeof(stat) ? size : sizeof(stat);
	uint64_t free_run = 0;

	if (!size)
		return -EINVAL;
	for (unsigned int i = 0; i < FAM_HEAP_CLASSES; i++)
		stat.size_class[i].bytes = fam_class_bytes(i);
	for (uint64_t chunk = 0; chunk < heap->at.count;)
		chunk += add(heap, chunk, &stat, &free_run);
	memcpy(out, &stat, known);
	memset((char *)out + known, 0, size - known);
	return 0;
}
