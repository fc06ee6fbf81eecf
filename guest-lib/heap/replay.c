// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * After a power cut: all records above the checkpoint, in their order.
 *
 * Of what they store that is left out which a later one says has another content: it
 * was freed and allocated anew, or stored and made durable without a record.
 *
 * Who was here before may have failed, or died: what is found in memory as it is to be
 * need not be on the disk. And who stood still here may find that others have done it
 * all, and gone on: so he looks whether his session lives before each store.
 */
#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "internal.h"

#include "fam-persist.h"

struct place { /* of a record */
	uint64_t stamp, position;
	uint32_t slot;
};

/* Where a journal has no more records, and what is there in place of a header. */
struct stop {
	uint64_t position, word;
};

struct replay {
	struct fam_heap *heap;
	struct stop *stop; /* of each journal */
	uint64_t above;	   /* stamp */
	struct place *place;
	size_t count, room;
	struct fam_later later; /* by number of record and change */
};

/* --- which there are ------------------------------------------------------------------- */

static int add(struct replay *r, const struct place *place)
{
	size_t room = r->room ? r->room * 2 : 256;
	struct place *more;

	if (r->count == r->room) {
		more = reallocarray(r->place, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->place = more;
		r->room = room;
	}
	r->place[r->count++] = *place;
	return 0;
}

static fam_word *word_at(const struct fam_heap *heap, uint32_t slot,
			 uint64_t position)
{
	return (fam_word *)(fam_heap_journal(heap, slot) + position);
}

/* Before it is known that there is no record: if there is one later, it is another. */
static struct stop stop_at(const struct fam_heap *heap, uint32_t slot,
			   uint64_t position)
{
	struct stop stop = {.position = position};

	if (position < heap->at.journal_bytes)
		stop.word = fam_word_get(word_at(heap, slot, position));
	return stop;
}

static int gather_journal(struct replay *r, uint32_t slot)
{
	struct stop *stop = &r->stop[slot];
	struct place place = {.slot = slot};
	uint64_t next;
	int error = 0;

	while (error == 0) {
		*stop = stop_at(r->heap, slot, place.position);
		next = fam_record_end(r->heap, slot, place.position,
				      place.stamp, &place.stamp);
		if (!next)
			break;
		if (place.stamp > r->above)
			error = add(r, &place);
		place.position = next;
	}
	return error;
}

static int by_stamp(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->stamp > y->stamp) - (x->stamp < y->stamp);
}

static int gather(struct replay *r)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < r->heap->at.journals; i++)
		error = gather_journal(r, i);
	if (error == 0 && r->count)
		qsort(r->place, r->count, sizeof(*r->place), by_stamp);
	return error;
}

/* --- change by change -------------------------------------------------------------------- */

typedef int visit_fn(struct replay *r, const struct fam_step_of *step,
		     uint64_t number);

static int each_change(struct replay *r, size_t i, visit_fn *visit)
{
	_cleanup_free_ struct fam_record *record = NULL;
	const struct place *place = &r->place[i];
	uint64_t number = (uint64_t)i << 32;
	uint32_t at = sizeof(*record);
	struct fam_step_of step;
	int error = fam_record_read(r->heap, place->slot, place->position,
				    r->above, &record);

	/* Somebody writes over it. */
	if (error == -ENOENT)
		return 0;
	while (error == 0 &&
	       fam_record_change(record, record->bytes, at, &step) == 0) {
		error = visit(r, &step, number++);
		at = step.next;
	}
	return error;
}

static int each(struct replay *r, visit_fn *visit)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < r->count; i++)
		error = each_change(r, i, visit);
	return error;
}

static int note(struct replay *r, const struct fam_step_of *step,
		uint64_t number)
{
	const struct fam_change *change = &step->change;
	uint64_t off, bytes;

	if ((change->kind != FAM_CHANGE_TAKE &&
	     change->kind != FAM_CHANGE_SPAN &&
	     change->kind != FAM_CHANGE_FRESH) ||
	    !fam_change_space(r->heap, change, &off, &bytes))
		return 0;
	return fam_later_add(&r->later, off, bytes, number);
}

static void store(struct replay *r, const struct fam_step_of *step,
		  uint64_t number)
{
	uint64_t off = step->change.offset;
	uint64_t until = off + step->change.length;

	if (!fam_change_target(r->heap, &step->change))
		return;
	while (off < until) {
		uint64_t end = until;

		off = fam_later_next(&r->later, off, &end, number);
		if (off >= until)
			break;
		if (step->data)
			fam_heap_copy(r->heap->base + off,
				      (const char *)step->data +
					      (off - step->change.offset),
				      end - off);
		else
			fam_heap_zero(r->heap->base + off, end - off);
		if (r->heap->flushes)
			fam_flush(r->heap->fam, r->heap->base + off, end - off);
		off = end;
	}
}

/* What makes no sense is left out. */
static int apply(struct replay *r, const struct fam_step_of *step,
		 uint64_t number)
{
	int error = fam_heap_may(r->heap);

	if (error < 0)
		return error;
	switch (step->change.kind) {
	case FAM_CHANGE_DATA:
	case FAM_CHANGE_ZERO:
		store(r, step, number);
		break;
	case FAM_CHANGE_REGION:
		error = fam_change_elsewhere(r->heap, step, true);
		break;
	case FAM_CHANGE_TAKE:
	case FAM_CHANGE_SPAN:
		(void)fam_blocks_take(r->heap, &step->change);
		fam_blocks_flush(r->heap, &step->change);
		break;
	case FAM_CHANGE_GIVE:
	case FAM_CHANGE_UNSPAN:
		(void)fam_blocks_give(r->heap, &step->change);
		fam_blocks_flush(r->heap, &step->change);
		break;
	default:
		break;
	}
	return error;
}

static int replay(struct replay *r, uint64_t *stamp)
{
	int error = gather(r);

	*stamp = r->above;
	if (error < 0 || !r->count)
		return error;
	*stamp = r->place[r->count - 1].stamp;
	error = each(r, note);
	if (error == 0)
		error = fam_later_sort(&r->later);
	if (error == 0)
		error = each(r, apply);
	if (error == 0)
		error = fam_heap_write_all(r->heap);
	return error;
}

/* --- the end of it ------------------------------------------------------------------------ */

#define RANGES 32 /* made durable at once */

struct writing {
	const struct fam_heap *heap;
	struct fam_range range[RANGES];
	size_t count;
};

static int write_out(struct writing *w)
{
	int error =
		w->count ? fam_persist_ranges(w->heap->fam, w->range, w->count)
			 : 0;

	w->count = 0;
	return error;
}

static int write_word(struct writing *w, const fam_word *word)
{
	const struct fam_heap *heap = w->heap;
	int error = w->count == RANGES ? write_out(w) : 0;

	if (heap->flushes)
		fam_flush(heap->fam, (const void *)word, sizeof(*word));
	w->range[w->count++] = (struct fam_range){
		heap->offset + (uint64_t)((const char *)word - heap->base),
		sizeof(*word),
	};
	return error;
}

/*
 * The header of a record that is torn, and of which the rest is written once more as
 * it was, would make it whole: with a stamp that another one has by then.
 */
static int forget_torn(struct replay *r, struct writing *w)
{
	struct fam_heap *heap = r->heap;
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < heap->at.journals; i++) {
		const struct stop *stop = &r->stop[i];
		fam_word *word = word_at(heap, i, stop->position);

		if (stop->position >= heap->at.journal_bytes)
			continue;
		error = fam_heap_may(heap);
		if (error < 0)
			break;
		if (stop->word)
			(void)fam_word_step(word, stop->word, 0);
		error = write_word(w, word);
	}
	return error;
}

/* All of it, also what need not be changed. */
static int end(struct replay *r, uint64_t stamp)
{
	fam_word *checkpoint = &fam_heap_state(r->heap)->checkpoint;
	struct writing w = {.heap = r->heap};
	int error = fam_heap_may(r->heap);

	if (error < 0)
		return error;
	fam_word_raise(checkpoint, stamp);
	error = write_word(&w, checkpoint);
	if (error == 0)
		error = forget_torn(r, &w);
	return error < 0 ? error : write_out(&w);
}

int fam_heap_replay(struct fam_heap *heap, uint64_t *stamp)
{
	struct replay r = {
		.heap = heap,
		.above = fam_word_get(&fam_heap_state(heap)->checkpoint),
	};
	int error;

	if (r.above >= FAM_HEAP_STAMPS)
		return -EBADMSG;
	r.stop = calloc(heap->at.journals, sizeof(*r.stop));
	error = r.stop ? replay(&r, stamp) : -ENOMEM;
	if (error == 0)
		error = end(&r, *stamp);
	fam_later_free(&r.later);
	free(r.place);
	free(r.stop);
	return error;
}
