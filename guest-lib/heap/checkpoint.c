// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * All places of all records up to a stamp are on the disk: journals can begin anew.
 *
 * A record draws its stamp after its slot says so (inflight), and that ends when it
 * is applied. So who reads the stamp first and then all slots knows that all records
 * up to the lowest that is in flight are applied.
 */
#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "internal.h"

#include "fam-persist.h"

#define NAP_NS 200000

void fam_word_raise(fam_word *word, uint64_t value)
{
	uint64_t was = fam_word_get(word);

	while (was < value && !fam_word_swap(word, &was, value))
		;
}

int fam_heap_nap(const struct fam_heap *heap, int64_t *until)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};

	if (!*until)
		*until = fam_now_ns() + FAM_HEAP_PATIENCE_NS;
	else if (fam_now_ns() > *until)
		return -ETIMEDOUT;
	nanosleep(&nap, NULL);
	return fam_heap_may(heap);
}

/* --- what is applied ------------------------------------------------------------------ */

/* Is what is in flight in a slot nobody's who lives? Then it is finished here. */
static int look_at(struct fam_heap *heap, uint32_t i, uint64_t wanted,
		   uint64_t *applied)
{
	const struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	uint64_t inflight = fam_word_get(&slot->inflight);
	int r = 0;

	if (inflight && inflight - 1 < wanted)
		r = fam_slot_help(heap, i);
	if (r < 0)
		return r;
	if (r == 0 && inflight && inflight - 1 < *applied)
		*applied = inflight - 1;
	return 0;
}

/* Up to which stamp all is applied; @wanted at least. */
static int await_applied(struct fam_heap *heap, uint64_t wanted, uint64_t *out)
{
	int64_t until = 0;
	int error = 0;

	while (error == 0) {
		uint64_t applied = fam_word_get(&fam_heap_live(heap)->stamp);

		if (wanted > applied)
			wanted = applied; /* somebody has written over it */
		for (uint32_t i = 0; error == 0 && i < heap->at.journals; i++)
			error = look_at(heap, i, wanted, &applied);
		if (error < 0)
			break;
		if (applied >= wanted) {
			*out = applied;
			break;
		}
		error = fam_heap_nap(heap, &until);
	}
	return error;
}

/* --- the disk ---------------------------------------------------------------------------- */

int fam_heap_write_all(const struct fam_heap *heap)
{
	const struct fam_range state = {heap->offset + heap->at.state,
					FAM_HEAP_PAGE};
	int error;

	if (heap->flushes) {
		fam_drain(heap->fam);
		return heap->fam->persist->failed(heap->fam);
	}
	error = fam_persist_ranges(heap->fam, &state, 1);
	return error < 0 ? error
			 : fam_heap_write_back(heap, heap->at.kind,
					       heap->at.end - heap->at.kind);
}

int fam_heap_checkpoint(struct fam_heap *heap, uint64_t stamp)
{
	struct fam_heap_state *state = fam_heap_state(heap);
	struct fam_heap_live *live = fam_heap_live(heap);
	uint64_t applied = 0;
	int error = await_applied(heap, stamp, &applied);

	if (error == 0 && fam_word_get(&live->checkpointed) >= stamp)
		return 0; /* by somebody else, meanwhile */
	if (error == 0)
		error = fam_heap_write_all(heap);
	if (error < 0)
		return error;
	fam_word_raise(&state->checkpoint, applied);
	error = fam_heap_write_back(heap, heap->at.state,
				    sizeof(state->checkpoint));
	if (error == 0)
		fam_word_raise(&live->checkpointed, applied);
	return error;
}

int fam_heap_settle(struct fam_heap *heap)
{
	uint64_t stamp = fam_word_get(&fam_heap_live(heap)->stamp);
	int error = fam_heap_may(heap);

	if (error < 0 ||
	    fam_word_get(&fam_heap_live(heap)->checkpointed) >= stamp)
		return error;
	return fam_heap_checkpoint(heap, stamp);
}
