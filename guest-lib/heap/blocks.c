// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Kinds, classes and bitmaps: what is allocated, as the fabric says. */
#include <errno.h>

#include <fam/persist.h>

#include "heap/fam-heap.h"

/* From one to the next by a quarter or less, as far as a chunk can be cut so. */
static const uint32_t sizes[FAM_HEAP_CLASSES] = {
	32,   48,   64,	  80,	96,    112,   128,   160,   192,
	224,  256,  320,  384,	448,   512,   640,   768,   896,
	1024, 1280, 1536, 1792, 2048,  2560,  3072,  3584,  4096,
	5120, 6144, 7168, 8192, 10240, 12288, 16384, 21840, 32768,
};

/* The class of what is not above 1024 bytes, by 16 of them. */
#define SMALL 1024
static const uint8_t small[SMALL / 16 + 1] = {
	0,  0,	0,  1,	2,  3,	4,  5,	6,  7,	7,  8,	8,  9,	9,  10, 10,
	11, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15,
	15, 15, 15, 15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16, 16, 17, 17,
	17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18,
};

uint32_t fam_class_bytes(unsigned int class)
{
	return sizes[class];
}

uint32_t fam_class_blocks(unsigned int class)
{
	return (uint32_t)FAM_HEAP_CHUNK / sizes[class];
}

unsigned int fam_class_for(uint64_t bytes, uint64_t align)
{
	unsigned int class;

	if (bytes > FAM_HEAP_MAX_BLOCK)
		return FAM_HEAP_CLASSES;
	class = small[(bytes < SMALL ? bytes + 15 : SMALL) / 16];
	while (sizes[class] < bytes)
		class ++;
	while (class < FAM_HEAP_CLASSES && sizes[class] & (align - 1))
		class ++;
	return class;
}

int fam_block_at(const struct fam_heap *heap, fam_off off, unsigned int class,
		 struct fam_block *out)
{
	uint64_t chunk;
	uint32_t in, bit;

	if (class >= FAM_HEAP_CLASSES || !fam_heap_holds(heap, off, 1))
		return -EINVAL;
	chunk = (off - heap->at.chunk) / FAM_HEAP_CHUNK;
	in = (uint32_t)((off - heap->at.chunk) % FAM_HEAP_CHUNK);
	bit = in / sizes[class];
	if (in != bit * sizes[class] || bit >= fam_class_blocks(class))
		return -EINVAL;
	*out = (struct fam_block){
		.off = off,
		.bytes = sizes[class],
		.chunk = chunk,
		.bit = bit,
		.class = class,
	};
	return 0;
}

/* Chunks from @off on; false: there are none. */
static bool span_at(const struct fam_heap *heap, fam_off off, uint64_t chunks,
		    struct fam_block *out)
{
	uint64_t chunk;

	if (!chunks || !fam_heap_holds(heap, off, 1) ||
	    (off - heap->at.chunk) % FAM_HEAP_CHUNK)
		return false;
	chunk = (off - heap->at.chunk) / FAM_HEAP_CHUNK;
	if (chunks > heap->at.count - chunk)
		return false;
	*out = (struct fam_block){
		.off = off,
		.bytes = chunks * FAM_HEAP_CHUNK,
		.chunk = chunk,
		.chunks = (uint32_t)chunks,
		.class = FAM_HEAP_CLASSES,
	};
	return true;
}

static bool is_set(const struct fam_heap *heap, const struct fam_block *block)
{
	const fam_word *bits = fam_heap_bits(heap, block->chunk);

	return fam_word_get(&bits[block->bit / 64]) >> block->bit % 64 & 1;
}

int fam_block_find(const struct fam_heap *heap, fam_off off,
		   struct fam_block *out)
{
	struct fam_block block;
	uint64_t kind;

	if (!fam_heap_holds(heap, off, 1))
		return -EINVAL;
	kind = fam_word_get(
		fam_heap_kind(heap, (off - heap->at.chunk) / FAM_HEAP_CHUNK));
	if (fam_chunk_kind(kind) == FAM_CHUNK_SPAN) {
		if (!span_at(heap, off, fam_chunk_count(kind), &block))
			return -EINVAL;
	} else if (fam_chunk_kind(kind) != FAM_CHUNK_BLOCKS ||
		   fam_block_at(heap, off, fam_chunk_class(kind), &block) < 0 ||
		   !is_set(heap, &block)) {
		return -EINVAL;
	}
	*out = block;
	return 0;
}

/* --- as a record says it ------------------------------------------------------- */

static void flush(const struct fam_heap *heap, const fam_word *word)
{
	if (heap->flushes)
		fam_flush(heap->fam, (const void *)word, sizeof(*word));
}

static void set_kind(struct fam_heap *heap, uint64_t chunk, uint64_t kind)
{
	fam_word *word = fam_heap_kind(heap, chunk);

	if (fam_word_peek(word) == kind)
		return;
	fam_word_put(word, kind);
	flush(heap, word);
}

/* The first one last: who sees that sees all of it. */
static void take_span(struct fam_heap *heap, const struct fam_block *span)
{
	for (uint32_t i = 1; i < span->chunks; i++)
		set_kind(heap, span->chunk + i,
			 fam_chunk_word(FAM_CHUNK_MORE, 0, 0));
	set_kind(heap, span->chunk,
		 fam_chunk_word(FAM_CHUNK_SPAN, 0, span->chunks));
}

static void give_span(struct fam_heap *heap, const struct fam_block *span)
{
	for (uint32_t i = 0; i < span->chunks; i++) {
		const uint64_t kind =
			fam_word_peek(fam_heap_kind(heap, span->chunk + i));

		if (fam_chunk_kind(kind) == FAM_CHUNK_SPAN ||
		    fam_chunk_kind(kind) == FAM_CHUNK_MORE)
			set_kind(heap, span->chunk + i, FAM_CHUNK_FREE);
	}
}

int fam_blocks_take(struct fam_heap *heap, const struct fam_change *change)
{
	struct fam_block block;
	fam_word *bits;

	if (change->kind == FAM_CHANGE_SPAN) {
		if (!span_at(heap, change->offset, change->length, &block))
			return -EBADMSG;
		take_span(heap, &block);
		return 0;
	}
	if (fam_block_at(heap, change->offset, change->class, &block) < 0)
		return -EBADMSG;
	set_kind(heap, block.chunk,
		 fam_chunk_word(FAM_CHUNK_BLOCKS, block.class, 0));
	bits = &fam_heap_bits(heap, block.chunk)[block.bit / 64];
	fam_word_set(bits, UINT64_C(1) << block.bit % 64);
	flush(heap, bits);
	return 0;
}

/* Whatever the chunk is by now: on the disk it may be what it became later. */
int fam_blocks_give(struct fam_heap *heap, const struct fam_change *change)
{
	struct fam_block block;
	fam_word *bits;

	if (change->kind == FAM_CHANGE_UNSPAN) {
		if (!span_at(heap, change->offset, change->length, &block))
			return -EBADMSG;
		give_span(heap, &block);
		return 0;
	}
	if (fam_block_at(heap, change->offset, change->class, &block) < 0)
		return -EBADMSG;
	bits = &fam_heap_bits(heap, block.chunk)[block.bit / 64];
	fam_word_clear(bits, UINT64_C(1) << block.bit % 64);
	flush(heap, bits);
	return 0;
}

void fam_blocks_flush(const struct fam_heap *heap,
		      const struct fam_change *change)
{
	bool span = change->kind == FAM_CHANGE_SPAN ||
		    change->kind == FAM_CHANGE_UNSPAN;
	struct fam_block block;

	if (!heap->flushes)
		return;
	if (span && span_at(heap, change->offset, change->length, &block)) {
		fam_flush(heap->fam,
			  (const void *)fam_heap_kind(heap, block.chunk),
			  block.chunks * sizeof(fam_word));
	} else if (!span && fam_block_at(heap, change->offset, change->class,
					 &block) == 0) {
		flush(heap, fam_heap_kind(heap, block.chunk));
		flush(heap, &fam_heap_bits(heap, block.chunk)[block.bit / 64]);
	}
}
