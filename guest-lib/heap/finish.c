// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The last record of somebody dead, while others go on.
 *
 * He has counted what he has applied, but one change he may have applied, or half of
 * it, and not counted: then others may have seen that, and changed it since. So it is
 * looked at first: is it as it is to be? Only then what is whole in the journals is
 * read. A later record is whole before anything of it is applied, and none of them is
 * gone: no checkpoint gets past a slot that is in flight. What was not as it is to be,
 * and is not touched by a later record, was not applied yet.
 */
#include <string.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "internal.h"

struct finishing {
	struct fam_heap *heap;
	const struct fam_record *record;
	uint64_t applied, count; /* of the changes; the one that is looked at */
	fam_word *word;		 /* to count them */
	/* Of the record: what was at the places of its data. */
	char *was;
	/* Of what the one that was not counted frees: what was not free yet. */
	bool *taken;
	struct fam_block freed; /* if that is a block; else no @bytes */
	struct fam_later later;
	int result;
};

typedef int visit_fn(struct finishing *f, const struct fam_step_of *step);

/* --- its changes, in the order they are applied in ------------------------------------------ */

static int each_pass(struct finishing *f, visit_fn *visit, bool allocates)
{
	uint32_t at = sizeof(*f->record);
	struct fam_step_of step;
	int error, r = 0;

	while ((error = fam_record_change(f->record, f->record->bytes, at,
					  &step)) == 0) {
		at = step.next;
		if (fam_change_allocates(&step.change) != allocates)
			continue;
		if (f->count++ < f->applied &&
		    step.change.kind != FAM_CHANGE_REGION)
			continue;
		r = visit(f, &step);
		if (r < 0)
			return r;
	}
	return error == -ENOENT ? 0 : error;
}

static int each(struct finishing *f, visit_fn *visit)
{
	int error;

	f->count = 0;
	error = each_pass(f, visit, true);
	return error < 0 ? error : each_pass(f, visit, false);
}

/* --- first: how it is ------------------------------------------------------------------------ */

static bool is_block_taken(const struct fam_heap *heap,
			   const struct fam_block *block)
{
	const fam_word *bits = fam_heap_bits(heap, block->chunk);

	return fam_word_get(&bits[block->bit / 64]) >> block->bit % 64 & 1;
}

static bool is_chunk_taken(const struct fam_heap *heap, uint64_t chunk)
{
	const uint64_t word = fam_word_get(fam_heap_kind(heap, chunk));

	return fam_chunk_kind(word) == FAM_CHUNK_SPAN ||
	       fam_chunk_kind(word) == FAM_CHUNK_MORE;
}

static bool is_taken(struct finishing *f, const struct fam_change *change,
		     uint32_t i)
{
	const struct fam_heap *heap = f->heap;

	if (change->kind != FAM_CHANGE_GIVE)
		return is_chunk_taken(
			heap,
			(change->offset - heap->at.chunk) / FAM_HEAP_CHUNK + i);
	return fam_block_at(heap, change->offset, change->class, &f->freed) ==
		       0 &&
	       is_block_taken(heap, &f->freed);
}

static bool is_uncounted(const struct finishing *f)
{
	return f->count - 1 == f->applied;
}

static int remember_taken(struct finishing *f, const struct fam_change *change)
{
	uint32_t count = change->kind == FAM_CHANGE_GIVE ? 1 : change->length;
	uint64_t off, bytes;

	if (!is_uncounted(f) ||
	    !fam_change_space(f->heap, change, &off, &bytes))
		return 0;
	f->taken = calloc(count ? count : 1, sizeof(*f->taken));
	if (!f->taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		f->taken[i] = is_taken(f, change, i);
	return 0;
}

static int remember(struct finishing *f, const struct fam_step_of *step)
{
	const struct fam_change *change = &step->change;
	const char *target;

	if (change->kind == FAM_CHANGE_GIVE ||
	    change->kind == FAM_CHANGE_UNSPAN)
		return remember_taken(f, change);
	if (change->kind != FAM_CHANGE_DATA)
		return 0;
	target = fam_change_target(f->heap, change);
	if (target)
		memcpy(f->was + ((const char *)step->data -
				 (const char *)f->record),
		       target, step->change.length);
	return 0;
}

/* --- then: what came later ---------------------------------------------------------------------- */

/*
 * Was the chunk empty, in which a block was freed, and cut anew? Then that was free,
 * and its bit is now another block's. The kind of the chunk does not tell: it may have
 * been cut back since the bit was read.
 */
static bool was_empty(const struct finishing *f,
		      const struct fam_change *change)
{
	const struct fam_block *freed = &f->freed;
	struct fam_block block;

	return freed->bytes && change->kind == FAM_CHANGE_TAKE &&
	       change->class != freed->class &&
	       fam_block_at(f->heap, change->offset, change->class, &block) ==
		       0 &&
	       block.chunk == freed->chunk;
}

static int note_change(struct finishing *f, const struct fam_step_of *step,
		       uint64_t stamp)
{
	const struct fam_change *change = &step->change;
	uint64_t off = change->offset, bytes = change->length;

	if (was_empty(f, change))
		return fam_later_add(&f->later,
				     fam_chunk_offset(f->heap, f->freed.chunk),
				     FAM_HEAP_CHUNK, stamp);

	if (change->kind != FAM_CHANGE_DATA &&
	    change->kind != FAM_CHANGE_ZERO &&
	    !fam_change_space(f->heap, change, &off, &bytes))
		return 0;
	return fam_later_add(&f->later, off, bytes, stamp);
}

static int note_record(struct finishing *f, const struct fam_record *record)
{
	uint32_t at = sizeof(*record);
	struct fam_step_of step;
	int error = 0;

	while (error == 0 &&
	       fam_record_change(record, record->bytes, at, &step) == 0) {
		error = note_change(f, &step, record->stamp);
		at = step.next;
	}
	return error;
}

/* Those that are older are passed over. */
static int note_journal(struct finishing *f, uint32_t slot)
{
	uint64_t at = 0, next, stamp = 0;
	int error = 0;

	while (error == 0 &&
	       (next = fam_record_end(f->heap, slot, at, stamp, &stamp)) != 0) {
		_cleanup_free_ struct fam_record *record = NULL;

		if (stamp > f->record->stamp)
			error = fam_record_read(f->heap, slot, at,
						f->record->stamp, &record);
		if (error == 0 && record)
			error = note_record(f, record);
		if (error == -ENOENT)
			return 0; /* somebody has just begun there anew */
		at = next;
	}
	return error;
}

static int note_all(struct finishing *f)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < f->heap->at.journals; i++) {
		const struct fam_heap_slot *slot = fam_heap_slot(f->heap, i);

		/* In this order: what ends in between is the last one then. */
		if (fam_word_get(&slot->inflight) ||
		    fam_word_get(&slot->last) > f->record->stamp)
			error = note_journal(f, i);
	}
	return error < 0 ? error : fam_later_sort(&f->later);
}

/* --- then: the rest of it -------------------------------------------------------------------- */

/* What was as it is to be stays as it is by now. */
static void store_words(struct finishing *f, const struct fam_step_of *step,
			uint64_t from, uint64_t end)
{
	const char *to = step->data;
	const char *was = f->was + (to - (const char *)f->record);

	while (from < end) {
		uint64_t n = 8 - from % 8;
		uint64_t in = from - step->change.offset;

		n = n < end - from ? n : end - from;
		if (memcmp(to + in, was + in, n) != 0)
			fam_heap_copy(f->heap->base + from, to + in, n);
		from += n;
	}
}

static int store_data(struct finishing *f, const struct fam_step_of *step)
{
	uint64_t off = step->change.offset;
	uint64_t until = off + step->change.length;
	char *target = fam_change_target(f->heap, &step->change);

	if (!target)
		return -EBADMSG;
	while (off < until) {
		uint64_t end = until;

		off = fam_later_next(&f->later, off, &end, f->record->stamp);
		if (off >= until)
			break;
		if (step->data)
			store_words(f, step, off, end);
		else
			fam_heap_zero(f->heap->base + off, end - off);
		off = end;
	}
	if (f->heap->flushes)
		fam_flush(f->heap->fam, target, step->change.length);
	return 0;
}

static bool is_untouched(const struct finishing *f, uint64_t off,
			 uint64_t bytes)
{
	uint64_t end = off + bytes;

	return fam_later_next(&f->later, off, &end, f->record->stamp) == off &&
	       end == off + bytes;
}

/* Chunk by chunk: of those that were freed before he died some may be taken anew. */
static int give(struct finishing *f, const struct fam_step_of *step,
		uint64_t bytes)
{
	bool span = step->change.kind == FAM_CHANGE_UNSPAN;
	const bool *taken = is_uncounted(f) ? f->taken : NULL;
	uint32_t count = span ? step->change.length : 1;
	struct fam_step_of one = *step;
	int error = 0;

	if (span) {
		one.change.length = 1;
		bytes = FAM_HEAP_CHUNK;
	}
	for (uint32_t i = 0; i < count; i++) {
		if ((!taken || taken[i]) &&
		    is_untouched(f, one.change.offset, bytes))
			error = fam_change_apply(f->heap, &one);
		one.change.offset += bytes;
	}
	return error;
}

static int store_space(struct finishing *f, const struct fam_step_of *step)
{
	uint64_t off, bytes;
	int error = 0;

	if (step->change.kind == FAM_CHANGE_NONE ||
	    step->change.kind == FAM_CHANGE_FRESH)
		return 0;
	if (!fam_change_space(f->heap, &step->change, &off, &bytes))
		return -EBADMSG;
	if (!fam_change_allocates(&step->change))
		error = give(f, step, bytes);
	else if (is_untouched(f, off, bytes))
		error = fam_change_apply(f->heap, step);
	/* Who died may have stored it, and no more. */
	fam_blocks_flush(f->heap, &step->change);
	return error;
}

/* What makes no sense is left out. */
static int finish_here(struct finishing *f, const struct fam_step_of *step)
{
	bool is_data = step->change.kind == FAM_CHANGE_DATA ||
		       step->change.kind == FAM_CHANGE_ZERO;
	int error = is_data ? store_data(f, step) : store_space(f, step);

	if (error == -EBADMSG) {
		f->result = error;
		error = 0;
	}
	return error;
}

static int finish_one(struct finishing *f, const struct fam_step_of *step)
{
	bool counted = f->count <= f->applied;
	int error = fam_heap_may(f->heap);

	if (error < 0)
		return error;
	/* That it is stored does not say that it is on the disk. */
	if (step->change.kind == FAM_CHANGE_REGION)
		error = fam_change_elsewhere(f->heap, step, !counted);
	else
		error = finish_here(f, step);
	if (error == 0 && !counted)
		fam_word_put(f->word, f->count);
	return error;
}

static int finish(struct finishing *f)
{
	int error;

	f->was = calloc(1, f->record->bytes);
	if (!f->was)
		return -ENOMEM;
	error = each(f, remember);
	/* What is read from here on is behind what was read so far. */
	fam_word_fence();
	if (error == 0)
		error = note_all(f);
	if (error == 0)
		error = each(f, finish_one);
	if (f->heap->flushes)
		fam_drain(f->heap->fam);
	if (error == 0)
		error = fam_heap_may(f->heap);
	return error < 0 ? error : f->result;
}

int fam_record_finish(struct fam_heap *heap, const struct fam_record *record,
		      fam_word *applied)
{
	struct finishing f = {
		.heap = heap,
		.record = record,
		.applied = fam_word_get(applied),
		.word = applied,
	};
	int error = finish(&f);

	free(f.was);
	free(f.taken);
	fam_later_free(&f.later);
	return error;
}
