// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Lanes: where there may be room. A hint that promises too much is found out by who
 * holds the chunk and looks, and is put right then. One that promises too little
 * would lose space; so whoever changes what a hint stands for looks again behind
 * the change, and whoever changes a hint looks again behind that.
 */
#include "heap/fam-heap.h"

#define EACH	UINT64_C(0x0101010101010101)
#define HIGH	UINT64_C(0x8080808080808080)
#define LOOKS	16 /* at a chunk that others change all the time */
#define NO_LANE 0u

static fam_word *word_of(const struct fam_heap *heap, uint64_t chunk)
{
	return (fam_word *)(heap->base + heap->at.lane) + chunk / 8;
}

unsigned int fam_hint(const struct fam_heap *heap, uint64_t chunk)
{
	return fam_word_peek(word_of(heap, chunk)) >> chunk % 8 * 8 & 0xff;
}

/* --- bounds ------------------------------------------------------------------------ */

static fam_word *low_of(const struct fam_heap *heap, unsigned int lane)
{
	return &fam_heap_live(heap)->low[lane <= FAM_HEAP_CLASSES ? lane : 0];
}

/* Number and chunk; UINT32_MAX: there is none. */
static uint64_t bound(uint64_t number, uint64_t chunk)
{
	return number << 32 | (chunk < UINT32_MAX ? chunk : UINT32_MAX);
}

static void raise_bound(fam_word *word, uint64_t chunk, bool low)
{
	uint64_t was = fam_word_peek(word), wanted;

	do {
		const uint64_t is = was & UINT32_MAX;

		wanted = bound((was >> 32) + 1,
			       (is < chunk) == low ? is : chunk);
	} while (!fam_word_swap(word, &was, wanted));
}

/* Whoever searches now does not note what he has found without this one. */
static void added(const struct fam_heap *heap, uint64_t chunk,
		  unsigned int lane)
{
	raise_bound(low_of(heap, lane), chunk, true);
	if (lane == FAM_LANE_FREE)
		raise_bound(&fam_heap_live(heap)->high, chunk + 1, false);
}

uint64_t fam_hint_low(const struct fam_heap *heap, unsigned int lane,
		      uint64_t *seen)
{
	*seen = fam_word_get(low_of(heap, lane));
	return *seen & UINT32_MAX;
}

uint64_t fam_hint_high(const struct fam_heap *heap, uint64_t *seen)
{
	uint64_t chunk;

	*seen = fam_word_get(&fam_heap_live(heap)->high);
	chunk = *seen & UINT32_MAX;
	return chunk < heap->at.count ? chunk : heap->at.count;
}

void fam_hint_note_low(const struct fam_heap *heap, unsigned int lane,
		       uint64_t seen, uint64_t chunk)
{
	if ((seen & UINT32_MAX) != (chunk < UINT32_MAX ? chunk : UINT32_MAX))
		fam_word_step(low_of(heap, lane), seen,
			      bound(seen >> 32, chunk));
}

void fam_hint_note_high(const struct fam_heap *heap, uint64_t seen,
			uint64_t chunk)
{
	if ((seen & UINT32_MAX) != chunk)
		fam_word_step(&fam_heap_live(heap)->high, seen,
			      bound(seen >> 32, chunk));
}

void fam_hint_set(struct fam_heap *heap, uint64_t chunk, unsigned int lane)
{
	const unsigned int shift = chunk % 8 * 8;
	fam_word *word = word_of(heap, chunk);
	uint64_t was = fam_word_peek(word);

	while ((was >> shift & 0xff) != lane) {
		const uint64_t wanted = (was & ~(UINT64_C(0xff) << shift)) |
					(uint64_t)lane << shift;

		if (!fam_word_swap(word, &was, wanted))
			continue;
		if (lane != NO_LANE)
			added(heap, chunk, lane);
		return;
	}
}

/* --- searching ----------------------------------------------------------------------- */

/* The first byte of that value from @from on, before @end; else @end. */
static uint64_t search(const struct fam_heap *heap, unsigned int lane,
		       uint64_t from, uint64_t end)
{
	const fam_word *word = (fam_word *)(heap->base + heap->at.lane);
	/* What is before @from is left out of the first word. */
	uint64_t keep = ~UINT64_C(0) << from % 8 * 8;

	for (uint64_t i = from / 8; i * 8 < end; i++) {
		const uint64_t x = fam_word_peek(&word[i]) ^ lane * EACH;
		/* Exact up to the first one; and a borrow runs upwards only. */
		uint64_t found = (x - EACH) & ~x & HIGH & keep;

		for (; found; found &= found - 1) {
			const unsigned int at =
				(unsigned int)__builtin_ctzll(found) / 8;

			if ((x >> at * 8 & 0xff) != 0)
				continue;
			return i * 8 + at < end ? i * 8 + at : end;
		}
		keep = ~UINT64_C(0);
	}
	return end;
}

uint64_t fam_hint_search(const struct fam_heap *heap, unsigned int lane,
			 uint64_t from)
{
	const uint64_t count = heap->at.count;
	const uint64_t found =
		from < count ? search(heap, lane, from, count) : count;

	return found < count ? found : UINT64_MAX;
}

/* --- what a hint should be --------------------------------------------------------- */

/* Is there one that is set; one that is not? */
static void look_at_bits(const struct fam_heap *heap, uint64_t chunk,
			 uint32_t blocks, bool *used, bool *room)
{
	const fam_word *bits = fam_heap_bits(heap, chunk);

	*used = *room = false;
	for (uint32_t i = 0; i < blocks && !(*used && *room); i += 64) {
		const uint64_t all = blocks - i < 64
					     ? (UINT64_C(1) << (blocks - i)) - 1
					     : ~UINT64_C(0);
		const uint64_t set = fam_word_get(&bits[i / 64]) & all;

		*used |= set != 0;
		*room |= set != all;
	}
}

/*
 * Nothing in it is allocated, and nobody holds it: what it was cut into does not
 * matter. Stored without a record: on the disk it is either, which is the same.
 */
static void make_free(struct fam_heap *heap, uint64_t chunk)
{
	fam_word *kind = fam_heap_kind(heap, chunk);
	const uint64_t was = fam_word_get(kind);
	bool used = true, room;

	if (!fam_word_step(fam_heap_holder(heap, chunk), 0, heap->me))
		return;
	if (fam_chunk_kind(was) == FAM_CHUNK_BLOCKS &&
	    fam_chunk_class(was) < FAM_HEAP_CLASSES &&
	    fam_word_get(kind) == was)
		look_at_bits(heap, chunk,
			     fam_class_blocks(fam_chunk_class(was)), &used,
			     &room);
	/* Whose session was lost meanwhile holds it no more. */
	if (!used && fam_heap_may(heap) == 0)
		(void)fam_word_step(kind, was, FAM_CHUNK_FREE);
	fam_word_step(fam_heap_holder(heap, chunk), heap->me, 0);
	fam_word_fence();
}

/* What can be taken there by who comes; what is empty becomes free, if it may. */
static unsigned int lane_of(struct fam_heap *heap, uint64_t chunk)
{
	const uint64_t holder = fam_word_get(fam_heap_holder(heap, chunk));
	const uint64_t kind = fam_word_get(fam_heap_kind(heap, chunk));
	const unsigned int class = fam_chunk_class(kind);
	bool used, room;

	if (holder && fam_holder_lives(heap->sessions, holder))
		return NO_LANE;
	if (fam_chunk_kind(kind) == FAM_CHUNK_FREE)
		return FAM_LANE_FREE;
	if (fam_chunk_kind(kind) != FAM_CHUNK_BLOCKS ||
	    class >= FAM_HEAP_CLASSES)
		return NO_LANE;
	look_at_bits(heap, chunk, fam_class_blocks(class), &used, &room);
	if (!used && !holder) {
		make_free(heap, chunk);
		if (fam_word_get(fam_heap_kind(heap, chunk)) == FAM_CHUNK_FREE)
			return FAM_LANE_FREE;
	}
	return room ? class + 1 : NO_LANE;
}

void fam_hint_look(struct fam_heap *heap, uint64_t chunk)
{
	for (unsigned int looks = 0; looks < LOOKS; looks++) {
		const unsigned int lane = lane_of(heap, chunk);

		if (fam_hint(heap, chunk) == lane)
			return;
		fam_hint_set(heap, chunk, lane);
		fam_word_fence();
	}
}

void fam_hint_given(struct fam_heap *heap, const struct fam_change *change)
{
	const bool span = change->kind == FAM_CHANGE_UNSPAN;
	uint64_t chunk, end;

	if (!fam_heap_holds(heap, change->offset, 1))
		return;
	chunk = (change->offset - heap->at.chunk) / FAM_HEAP_CHUNK;
	end = chunk + 1;
	if (span)
		end = change->length < heap->at.count - chunk
			      ? chunk + change->length
			      : heap->at.count;
	/*
	 * Who holds it looks when he lets go: he stores that, and loads what was
	 * given; here it is the other way round, so one of the two sees it.
	 */
	fam_word_fence();
	for (; chunk < end; chunk++) {
		if (fam_word_get(fam_heap_holder(heap, chunk)) == 0)
			fam_hint_look(heap, chunk);
	}
}

/* --- all of them ---------------------------------------------------------------------- */

/* Eight chunks that nobody has, nor ever had: most of a large heap. */
static bool renew_free(struct fam_heap *heap, uint64_t chunk)
{
	fam_word *word = word_of(heap, chunk);
	const uint64_t was = fam_word_get(word);

	for (uint64_t i = chunk; i < chunk + 8; i++) {
		if (fam_word_peek(fam_heap_kind(heap, i)) != FAM_CHUNK_FREE ||
		    fam_word_peek(fam_heap_holder(heap, i)) != 0)
			return false;
	}
	return was == ~UINT64_C(0) || fam_word_step(word, was, ~UINT64_C(0));
}

void fam_hints_renew(struct fam_heap *heap)
{
	const uint64_t count = heap->at.count;

	for (uint64_t chunk = 0; chunk < count; chunk++) {
		if (chunk % 8 == 0 && chunk + 8 <= count &&
		    renew_free(heap, chunk))
			chunk += 7;
		else
			fam_hint_look(heap, chunk);
	}
	for (unsigned int lane = 0; lane <= FAM_HEAP_CLASSES; lane++)
		raise_bound(low_of(heap, lane), 0, true);
	raise_bound(&fam_heap_live(heap)->high, count, false);
	fam_word_add(&fam_heap_live(heap)->epoch, 1);
}

void fam_hints_dead(struct fam_heap *heap)
{
	for (uint64_t chunk = 0; chunk < heap->at.count; chunk++) {
		const uint64_t holder =
			fam_word_peek(fam_heap_holder(heap, chunk));

		if (holder && !fam_holder_lives(heap->sessions, holder) &&
		    fam_chunk_hold(heap, chunk))
			fam_chunk_let_go(heap, chunk);
	}
}
