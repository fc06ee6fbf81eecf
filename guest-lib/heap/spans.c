// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Whole chunks: who holds them, and several in a row. What is small is taken from
 * the lower end of the heap, what is large from the upper one, so that neither
 * cuts up the space of the other.
 */
#include <errno.h>

#include "heap/fam-heap.h"

#define EACH UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

bool fam_chunk_hold(struct fam_heap *heap, uint64_t chunk)
{
	fam_word *word = fam_heap_holder(heap, chunk);
	uint64_t was = fam_word_get(word);

	if (was) {
		if (fam_holder_lives(heap->sessions, was))
			return false;
		/* What it has allocated there may not be seen yet. */
		if (fam_heap_recover(heap) < 0)
			return false;
	}
	if (!fam_word_swap(word, &was, heap->me))
		return false;
	fam_hint_set(heap, chunk, 0);
	return true;
}

/*
 * A session that was lost leaves all as it is: what it has begun may be allocated
 * still by who finishes it, and others are to know that before they look.
 */
void fam_chunk_let_go(struct fam_heap *heap, uint64_t chunk)
{
	if (fam_heap_may(heap) < 0 ||
	    !fam_word_step(fam_heap_holder(heap, chunk), heap->me, 0))
		return;
	fam_word_fence();
	fam_hint_look(heap, chunk);
}

void fam_space_look(struct fam_heap *heap)
{
	fam_runs_spare(heap);
	fam_hints_dead(heap);
	fam_hints_renew(heap);
}

static bool has_free(uint64_t lanes)
{
	const uint64_t x = ~lanes;

	return ((x - EACH) & ~x & HIGH) != 0;
}

/* The first of the highest ones below @end that seem to be free; UINT64_MAX. */
static uint64_t search(const struct fam_heap *heap, uint64_t end,
		       uint32_t chunks)
{
	const fam_word *word = (fam_word *)(heap->base + heap->at.lane);
	uint32_t found = 0;

	while (end > 0) {
		const uint64_t lanes =
			end % 8 ? 0 : fam_word_peek(&word[end / 8 - 1]);

		if (end % 8 == 0 && !has_free(lanes)) {
			found = 0;
			end -= 8;
			continue;
		}
		if (lanes == ~UINT64_C(0) && chunks - found >= 8) {
			found += 8;
			end -= 8;
		} else if (fam_hint(heap, --end) == FAM_LANE_FREE) {
			found++;
		} else {
			found = 0;
		}
		if (found == chunks)
			return end;
	}
	return UINT64_MAX;
}

/* Behind the last one that seems to be free. */
static uint64_t last_free(const struct fam_heap *heap)
{
	uint64_t seen, last, end = fam_hint_high(heap, &seen);

	last = search(heap, end, 1);
	end = last == UINT64_MAX ? 0 : last + 1;
	fam_hint_note_high(heap, seen, end);
	return end;
}

static bool hold_free(struct fam_heap *heap, uint64_t chunk)
{
	if (!fam_chunk_hold(heap, chunk)) {
		fam_hint_look(heap, chunk);
		return false;
	}
	if (fam_word_get(fam_heap_kind(heap, chunk)) == FAM_CHUNK_FREE)
		return true;
	fam_chunk_let_go(heap, chunk);
	return false;
}

/* All of them; or none, and @end is the one that is not free. */
static bool hold_all(struct fam_heap *heap, uint64_t first, uint32_t chunks,
		     uint64_t *end)
{
	uint64_t chunk = first;

	while (chunk < first + chunks && hold_free(heap, chunk))
		chunk++;
	if (chunk == first + chunks)
		return true;
	*end = chunk;
	while (chunk-- > first)
		fam_chunk_let_go(heap, chunk);
	return false;
}

static int take(struct fam_heap *heap, uint32_t chunks, struct fam_claim *out)
{
	uint64_t first, end = last_free(heap);

	do {
		first = search(heap, end, chunks);
		if (first == UINT64_MAX)
			return -ENOSPC;
	} while (!hold_all(heap, first, chunks, &end));
	*out = (struct fam_claim){
		.block =
			{
				.off = fam_chunk_offset(heap, first),
				.bytes = chunks * FAM_HEAP_CHUNK,
				.chunk = first,
				.chunks = chunks,
				.class = FAM_HEAP_CLASSES,
			},
	};
	return 0;
}

int fam_span_take(struct fam_heap *heap, uint32_t chunks, struct fam_claim *out)
{
	if (take(heap, chunks, out) == 0)
		return 0;
	fam_space_look(heap);
	return take(heap, chunks, out);
}

void fam_span_end(struct fam_heap *heap, struct fam_claim *claim)
{
	const struct fam_block *span = &claim->block;

	for (uint32_t i = 0; i < span->chunks; i++)
		fam_chunk_let_go(heap, span->chunk + i);
}
