// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* After a death, and after a start of the host. */
#include "heap/heap-open.h"
#include "heap/heap-store.h"
#include "internal.h"
#include "regions/fam-region.h"

/* --- a start of the host ------------------------------------------------------------------ */

static uint64_t boot_of(const struct fam_heap *heap)
{
	return heap->sessions ? fam_word_get(&heap->sessions->boot) : 0;
}

bool fam_heap_is_ready(const struct fam_heap *heap)
{
	return fam_word_get(&fam_heap_live(heap)->boot) == boot_of(heap);
}

/*
 * Read first, then whether this session lives: who stood still in between, and finds
 * what others have stored since, stores nothing.
 */
static int put(const struct fam_heap *heap, fam_word *word, uint64_t value)
{
	uint64_t was = fam_word_get(word);
	int error = 0;

	while (was != value) {
		error = fam_heap_may(heap);
		if (error < 0 || fam_word_swap(word, &was, value))
			break;
	}
	return error;
}

/* Nobody has anything any more. */
static int clear_holders(struct fam_heap *heap)
{
	const size_t words = sizeof(struct fam_heap_slot) / sizeof(fam_word);
	fam_word *slots = &fam_heap_slot(heap, 0)->holder;
	int error = 0;

	for (size_t w = 0; error == 0 && w < heap->at.journals * words; w++)
		error = put(heap, &slots[w], 0);
	for (uint64_t c = 0; error == 0 && c < heap->at.count; c++)
		error = put(heap, fam_heap_holder(heap, c), 0);
	return error;
}

/* That it is done is said last. */
static int say_ready(struct fam_heap *heap, uint64_t boot, uint64_t stamp)
{
	struct fam_heap_live *live = fam_heap_live(heap);
	int error = put(heap, &live->stamp, stamp);

	if (error == 0)
		error = put(heap, &live->checkpointed, stamp);
	if (error == 0)
		error = put(heap, &live->doubts, 0);
	return error < 0 ? error : put(heap, &live->boot, boot);
}

/* Under live.lock. */
static int restart(struct fam_heap *heap)
{
	uint64_t boot = boot_of(heap), stamp = 0;
	int error = fam_heap_header_heal(heap);

	if (error == 0)
		error = fam_heap_replay(heap, &stamp);
	if (error == 0)
		error = clear_holders(heap);
	if (error < 0)
		return error;
	fam_hints_renew(heap);
	return say_ready(heap, boot, stamp);
}

int fam_heap_restart(struct fam_heap *heap)
{
	struct fam_heap_live *live = fam_heap_live(heap);
	int error;

	if (fam_heap_is_ready(heap))
		return 0;
	error = fam_heap_lock(heap);
	if (error < 0 && error != -EOWNERDEAD)
		return error;
	error = fam_heap_is_ready(heap) ? 0 : restart(heap);
	if (error == 0)
		(void)fam_mutex_consistent(heap->fam, &live->lock);
	fam_heap_unlock(heap);
	return error;
}

/* --- a death ------------------------------------------------------------------------------ */

/* Is somebody just finishing what another one left? */
static bool is_finished(const struct fam_heap *heap, uint64_t holder)
{
	return holder & FAM_SLOT_FINISHING &&
	       fam_holder_lives(heap->sessions, holder);
}

/* Something may be left there by somebody who does not live. */
static bool is_left(const struct fam_heap *heap,
		    const struct fam_heap_slot *slot)
{
	uint64_t holder = fam_word_get(&slot->holder);

	if (fam_holder_of(holder))
		return !fam_holder_lives(heap->sessions, holder);
	return fam_word_get(&slot->inflight) || fam_word_get(&slot->doubt);
}

/* Return: 1: somebody had left it; 0; ... */
static int recover_one(struct fam_heap *heap, uint32_t i)
{
	const struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	int64_t until = 0;
	int r;

	for (;;) {
		uint64_t holder = fam_word_get(&slot->holder);

		if (is_left(heap, slot)) {
			r = fam_slot_help(heap, i);
			if (r)
				return r;
		} else if (!is_finished(heap, holder)) {
			return 0;
		}
		r = fam_heap_nap(heap, &until);
		if (r < 0)
			return r;
	}
}

int fam_heap_recover(struct fam_heap *heap)
{
	uint64_t seen =
		heap->sessions ? fam_word_get(&heap->sessions->changes) : 0;
	int count = 0, error = fam_heap_may(heap);

	if (error < 0)
		return error;
	for (uint32_t i = 0; i < heap->at.journals; i++) {
		int r = recover_one(heap, i);

		if (r < 0)
			error = r;
		else
			count += r;
	}
	if (error < 0)
		return error;
	fam_word_put(&heap->changes, seen);
	return count;
}

int fam_heap_deaths(struct fam_heap *heap)
{
	int r;

	if (fam_word_get(&heap->sessions->changes) ==
	    fam_word_peek(&heap->changes))
		return 0;
	r = fam_heap_recover(heap);
	return r < 0 ? r : 0;
}
