// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Kinds and bitmaps of the chunks of a heap. Each of them is there once, but what
 * one changed byte in a kind was can be told: by the rest of the word, by the
 * chunks behind it, by its bitmap. Where that is not certain what was, or may
 * have been, allocated stays so: that costs space, the other way costs data.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "check-heaps.h"

#define KINDS_IN_PAGE (FAM_HEAP_PAGE / 8)

static uint64_t kind_of(const struct fam_heap *heap, uint64_t chunk)
{
	return fam_word_get(fam_heap_kind(heap, chunk));
}

static bool is_blocks(uint64_t word)
{
	return fam_chunk_class(word) < FAM_HEAP_CLASSES &&
	       word == fam_chunk_word(FAM_CHUNK_BLOCKS, fam_chunk_class(word),
				      0);
}

static bool is_span(const struct fam_heap *heap, uint64_t chunk, uint64_t word)
{
	uint32_t chunks = fam_chunk_count(word);

	return chunks && chunks <= heap->at.count - chunk &&
	       word == fam_chunk_word(FAM_CHUNK_SPAN, 0, chunks);
}

static bool is_more(const struct fam_heap *heap, uint64_t chunk)
{
	return chunk < heap->at.count &&
	       kind_of(heap, chunk) == fam_chunk_word(FAM_CHUNK_MORE, 0, 0);
}

/* How many blocks of those below @blocks are allocated, and how many bits behind. */
static uint32_t count_bits(const struct fam_heap *heap, uint64_t chunk,
			   uint32_t blocks, uint32_t *behind)
{
	const fam_word *bits = fam_heap_bits(heap, chunk);
	uint32_t used = 0;

	*behind = 0;
	for (unsigned int i = 0; i < FAM_HEAP_BITS_WORDS; i++) {
		uint64_t word = fam_word_get(&bits[i]);
		uint64_t mask = fam_check_block_bits(blocks, i);

		used += (uint32_t)__builtin_popcountll(word & mask);
		*behind += (uint32_t)__builtin_popcountll(word & ~mask);
	}
	return used;
}

static bool is_clear(const struct fam_heap *heap, uint64_t chunk)
{
	uint32_t any;

	(void)count_bits(heap, chunk, 0, &any);
	return any == 0;
}

/* How many chunks from there on belong to something that began before. */
static uint32_t count_more(const struct fam_heap *heap, uint64_t chunk)
{
	uint32_t n = 0;

	while (n < UINT32_MAX - 1 && is_more(heap, chunk + n) &&
	       is_clear(heap, chunk + n))
		n++;
	return n;
}

/* --- kinds ------------------------------------------------------------------------- */

static void spoilt(struct fam_chunk_verdict *out, enum fam_chunk_fault fault,
		   uint64_t right)
{
	out->fault = fault;
	out->right = right;
}

/* The first chunk in a span that is not one of it; @end: none. */
static uint64_t find_other(const struct fam_heap *heap, uint64_t chunk,
			   uint64_t end)
{
	while (chunk < end && is_more(heap, chunk))
		chunk++;
	return chunk;
}

/* Its word makes sense; do the chunks behind it say the same? */
static void judge_span(const struct fam_heap *heap,
		       struct fam_chunk_verdict *out)
{
	uint64_t end = out->chunk + fam_chunk_count(out->word);
	uint64_t other = find_other(heap, out->chunk + 1, end);

	out->next = end;
	out->objects = 1;
	if (other == end) {
		out->next += count_more(heap, end);
		if (out->next > end)
			spoilt(out, FAM_CHUNK_SPOILT,
			       fam_chunk_word(
				       FAM_CHUNK_SPAN, 0,
				       (uint32_t)(out->next - out->chunk)));
	} else if (find_other(heap, other + 1, end) == end &&
		   is_clear(heap, other) &&
		   !is_span(heap, other, kind_of(heap, other))) {
		out->chunk = other;
		out->word = kind_of(heap, other);
		spoilt(out, FAM_CHUNK_SPOILT,
		       fam_chunk_word(FAM_CHUNK_MORE, 0, 0));
	} else {
		spoilt(out, FAM_CHUNK_SPOILT,
		       fam_chunk_word(FAM_CHUNK_SPAN, 0,
				      (uint32_t)(other - out->chunk)));
		out->next = other;
	}
}

/* Its word makes no sense, but something is allocated in it. */
static void judge_blocks(const struct fam_heap *heap,
			 struct fam_chunk_verdict *out)
{
	unsigned int class = fam_chunk_class(out->word);
	uint32_t behind = 1;

	if (class < FAM_HEAP_CLASSES)
		out->objects = count_bits(heap, out->chunk,
					  fam_class_blocks(class), &behind);
	if (behind)
		spoilt(out, FAM_CHUNK_LOST, out->word);
	else
		spoilt(out, FAM_CHUNK_SPOILT,
		       fam_chunk_word(FAM_CHUNK_BLOCKS, class, 0));
}

static void judge_nonsense(const struct fam_heap *heap,
			   struct fam_chunk_verdict *out)
{
	uint64_t word = out->word;
	bool alone = word == fam_chunk_word(FAM_CHUNK_MORE, 0, 0);
	uint32_t more = count_more(heap, out->chunk + 1);

	if (!is_clear(heap, out->chunk)) {
		judge_blocks(heap, out);
	} else if (more || fam_chunk_count(word) == 1 || alone ||
		   (word & 0xff) == FAM_CHUNK_SPAN) {
		out->objects = 1;
		out->next = out->chunk + 1 + more;
		spoilt(out, alone ? FAM_CHUNK_ALONE : FAM_CHUNK_SPOILT,
		       fam_chunk_word(FAM_CHUNK_SPAN, 0, 1 + more));
	} else {
		/* Whatever it was, there is nothing in it. */
		word &= 0xffff;
		spoilt(out, FAM_CHUNK_SPOILT, is_blocks(word) ? word : 0);
	}
}

void fam_check_kind(const struct fam_heap *heap, uint64_t chunk,
		    struct fam_chunk_verdict *out)
{
	uint64_t word = kind_of(heap, chunk);
	uint32_t behind;

	*out = (struct fam_chunk_verdict){
		.chunk = chunk,
		.word = word,
		.right = word,
		.next = chunk + 1,
	};
	if (is_span(heap, chunk, word)) {
		judge_span(heap, out);
	} else if (is_blocks(word)) {
		out->objects = count_bits(
			heap, chunk, fam_class_blocks(fam_chunk_class(word)),
			&behind);
	} else if (word != 0) {
		judge_nonsense(heap, out);
	} else if (!is_clear(heap, chunk)) {
		/* A kind of the smallest class that lost its only byte? */
		out->objects =
			count_bits(heap, chunk, fam_class_blocks(0), &behind);
		spoilt(out, FAM_CHUNK_MARKED,
		       fam_chunk_word(FAM_CHUNK_BLOCKS, 0, 0));
	}
}

/* --- bitmaps ------------------------------------------------------------------------ */

/* Do all bits that mean nothing lie in one byte? */
static bool is_one_byte(const struct fam_heap *heap, uint64_t chunk,
			uint32_t blocks)
{
	const fam_word *bits = fam_heap_bits(heap, chunk);
	unsigned int words = 0;
	bool one = true;

	for (unsigned int i = 0; i < FAM_HEAP_BITS_WORDS; i++) {
		uint64_t behind = fam_word_get(&bits[i]) &
				  ~fam_check_block_bits(blocks, i);

		if (!behind)
			continue;
		words++;
		one = one && fam_check_one_byte(behind);
	}
	return one && words <= 1;
}

void fam_check_bits(const struct fam_heap *heap, uint64_t chunk,
		    struct fam_chunk_verdict *out)
{
	uint64_t word = kind_of(heap, chunk);
	uint32_t blocks = 0, behind;

	*out = (struct fam_chunk_verdict){
		.chunk = chunk,
		.word = word,
		.right = word,
		.next = chunk + 1,
	};
	if (is_blocks(word))
		blocks = fam_class_blocks(fam_chunk_class(word));
	else if (!is_more(heap, chunk) && !is_span(heap, chunk, word))
		return;
	(void)count_bits(heap, chunk, blocks, &behind);
	if (behind)
		out->fault = blocks && !is_one_byte(heap, chunk, blocks)
				     ? FAM_CHUNK_MANY
				     : FAM_CHUNK_STRAY;
}

/* --- all of them ----------------------------------------------------------------------- */

uint64_t fam_check_chunk_next(const struct fam_heap *heap, uint64_t chunk)
{
	const struct fam_source *source = &heap->fam->source;
	uint64_t at = heap->offset + heap->at.kind + chunk * 8;
	off_t data;

	if (source->via != FAM_VIA_FILE || chunk % KINDS_IN_PAGE)
		return chunk;
	data = lseek(source->fd, (off_t)at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? heap->at.count : chunk;
	if ((uint64_t)data > at)
		chunk += ((uint64_t)data - at) / 8;
	return chunk < heap->at.count ? chunk : heap->at.count;
}

static const struct {
	enum fam_check_level level;
	bool bits; /* it lies in the bitmap */
	const char *text;
} faults[] = {
	[FAM_CHUNK_SPOILT] = {FAM_CHECK_DAMAGE, false,
			      "its kind is wrong; what is in it and behind it "
			      "tells what it was"},
	[FAM_CHUNK_ALONE] = {FAM_CHECK_LOSS, false,
			     "it is a part of something that begins nowhere"},
	[FAM_CHUNK_MARKED] = {FAM_CHECK_LOSS, true,
			      "it is free, but blocks in it are allocated, of "
			      "what size is lost"},
	[FAM_CHUNK_LOST] = {FAM_CHECK_LOSS, false,
			    "its kind is wrong: of what size the blocks in it "
			    "are is lost"},
	[FAM_CHUNK_STRAY] = {FAM_CHECK_DAMAGE, true,
			     "bits are set that mean no block"},
	[FAM_CHUNK_MANY] = {FAM_CHECK_LOSS, true,
			    "more blocks are allocated than there can be: its "
			    "kind was another, which is lost"},
};

static void tell(struct fam_check_heap *h, const struct fam_chunk_verdict *v)
{
	const uint64_t each = 8 * FAM_HEAP_BITS_WORDS;
	bool bits = faults[v->fault].bits;
	struct fam_check_problem *p;

	if (v->fault == FAM_CHUNK_WHOLE || h->told++ > FAM_CHECK_CHUNKS_TOLD)
		return;
	p = fam_check_heap_found(
		h, fam_check_heap_level(h, faults[v->fault].level),
		bits ? h->view.at.bits + v->chunk * each
		     : h->view.at.kind + v->chunk * 8,
		bits ? each : 8);
	fam_check_part(p, "chunk %" PRIu64, v->chunk);
	/* Of more the first ones are told, whichever these are. */
	snprintf(p->text, sizeof(p->text), "%s%s", faults[v->fault].text,
		 h->told > FAM_CHECK_CHUNKS_TOLD ? "; there are more like it"
						 : "");
}

void fam_check_heap_chunks(struct fam_check_heap *h)
{
	const struct fam_heap *heap = &h->view;
	struct fam_chunk_verdict kind, bits;

	for (uint64_t i = fam_check_chunk_next(heap, 0); i < heap->at.count;
	     i = fam_check_chunk_next(heap, kind.next)) {
		fam_check_kind(heap, i, &kind);
		tell(h, &kind);
		h->objects += kind.objects;
		for (; i < kind.next; i++) {
			fam_check_bits(heap, i, &bits);
			tell(h, &bits);
		}
	}
}
