// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a record says, into its places. Nothing else is ever stored to. */
#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "internal.h"

_Static_assert(offsetof(struct fam_heap_state, root_bytes) ==
		       offsetof(struct fam_heap_state, root) + 8,
	       "changed together");

/* --- where ------------------------------------------------------------------------- */

static bool is_root(const struct fam_heap *heap, uint64_t off, uint64_t bytes)
{
	uint64_t root = heap->at.state + offsetof(struct fam_heap_state, root);

	return off >= root && off - root <= 16 && bytes <= 16 - (off - root);
}

char *fam_change_target(const struct fam_heap *heap,
			const struct fam_change *change)
{
	if (!fam_heap_holds(heap, change->offset, change->length) &&
	    !is_root(heap, change->offset, change->length))
		return NULL;
	return heap->base + change->offset;
}

bool fam_change_space(const struct fam_heap *heap,
		      const struct fam_change *change, uint64_t *off,
		      uint64_t *bytes)
{
	*off = change->offset;
	switch (change->kind) {
	case FAM_CHANGE_TAKE:
	case FAM_CHANGE_GIVE:
		if (change->class >= FAM_HEAP_CLASSES)
			return false;
		*bytes = fam_class_bytes(change->class);
		break;
	case FAM_CHANGE_SPAN:
	case FAM_CHANGE_UNSPAN:
		*bytes = change->length * FAM_HEAP_CHUNK;
		break;
	case FAM_CHANGE_FRESH:
		*bytes = change->length * UINT64_C(16);
		break;
	default:
		return false;
	}
	return fam_heap_holds(heap, *off, *bytes);
}

/* --- one change ---------------------------------------------------------------------- */

static int store(const struct fam_heap *heap, const struct fam_step_of *step)
{
	const struct fam_change *change = &step->change;
	char *to = fam_change_target(heap, change);

	if (!to)
		return -EBADMSG;
	if (step->data)
		fam_heap_copy(to, step->data, change->length);
	else
		fam_heap_zero(to, change->length);
	if (heap->flushes)
		fam_flush(heap->fam, to, change->length);
	return 0;
}

static int give(struct fam_heap *heap, const struct fam_change *change)
{
	int error = fam_blocks_give(heap, change);

	if (error == 0)
		fam_hint_given(heap, change);
	return error;
}

int fam_change_apply(struct fam_heap *heap, const struct fam_step_of *step)
{
	switch (step->change.kind) {
	case FAM_CHANGE_DATA:
	case FAM_CHANGE_ZERO:
		return store(heap, step);
	case FAM_CHANGE_TAKE:
	case FAM_CHANGE_SPAN:
		return fam_blocks_take(heap, &step->change);
	case FAM_CHANGE_GIVE:
	case FAM_CHANGE_UNSPAN:
		return give(heap, &step->change);
	default:
		return 0;
	}
}

/* --- all of one's own ------------------------------------------------------------------- */

struct applying {
	const struct fam_tx *tx;
	fam_word *applied;
	uint64_t count;
	uint32_t owns; /* that are stored */
	int result;
};

static int apply_own(struct applying *a, const struct fam_step_of *step)
{
	const struct fam_tx_own *own = &a->tx->own[a->owns];

	if (a->owns == a->tx->owns || own->bytes != step->change.length)
		return -EBADMSG;
	a->owns++;
	fam_heap_copy(own->addr, step->data, own->bytes);
	if (a->tx->heap->flushes)
		fam_flush(a->tx->heap->fam, own->addr, own->bytes);
	return 0;
}

static void apply_one(struct applying *a, const struct fam_step_of *step)
{
	int error = step->change.kind == FAM_CHANGE_REGION
			    ? apply_own(a, step)
			    : fam_change_apply(a->tx->heap, step);

	if (error < 0)
		a->result = error;
	/* Who finishes it for a dead one begins here. */
	fam_word_put(a->applied, ++a->count);
}

static void apply_pass(struct applying *a, bool allocates)
{
	uint32_t at = sizeof(struct fam_record);
	struct fam_step_of step;
	int error;

	while ((error = fam_record_change(a->tx->record, a->tx->bytes, at,
					  &step)) == 0) {
		if (fam_change_allocates(&step.change) == allocates)
			apply_one(a, &step);
		at = step.next;
	}
	if (error != -ENOENT)
		a->result = error;
}

int fam_heap_apply(const struct fam_tx *tx, fam_word *applied)
{
	struct applying a = {.tx = tx, .applied = applied};

	if (tx->claims.count)
		apply_pass(&a, true);
	apply_pass(&a, false);
	if (tx->heap->flushes)
		fam_drain(tx->heap->fam);
	return a.result;
}
