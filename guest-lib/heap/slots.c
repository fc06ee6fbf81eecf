// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who writes which journal.
 *
 * All of a slot, and of the record at its tail, is changed by its holder alone. A
 * session that lives keeps it for its next transaction, IDLE, and then anybody may
 * have it. Who takes what another one has left half done is FINISHING until it is
 * done, and those wait who must not go on before.
 */
#include "heap/fam-heap.h"
#include "internal.h"

#define FIRST_BYTES 64 /* of a record: its header is in them */

static bool is_clean(const struct fam_heap_slot *slot)
{
	return !fam_word_get(&slot->inflight) && !fam_word_get(&slot->doubt);
}

/* May anybody have it? */
static bool is_open(const struct fam_heap *heap, uint64_t holder)
{
	return !fam_holder_of(holder) || holder & FAM_SLOT_IDLE ||
	       !fam_holder_lives(heap->sessions, holder);
}

/* --- finishing ------------------------------------------------------------------------ */

void fam_slot_end(struct fam_heap *heap, uint32_t i,
		  const struct fam_slot_mark *mark)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);

	/* Not in flight before its place is taken. */
	fam_word_put(&slot->last, mark->last);
	fam_word_put(&slot->tail, mark->tail);
	fam_word_put(&slot->inflight, 0);
}

static bool has_tail(const struct fam_heap *heap, uint64_t tail)
{
	return tail % FAM_RECORD_ALIGN == 0 &&
	       tail <= heap->at.journal_bytes - FIRST_BYTES;
}

/* The disk may have what was taken back: there it is to be no record, too. */
static int end_doubt(struct fam_heap *heap, uint32_t i)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	uint64_t tail = fam_word_peek(&slot->tail);
	uint64_t at = heap->at.journal + i * heap->at.journal_bytes + tail;
	int error = 0;

	if (has_tail(heap, tail)) {
		fam_word_put((fam_word *)(heap->base + at), 0);
		error = fam_heap_write_back(heap, at, FIRST_BYTES);
	}
	if (error == 0)
		error = fam_heap_may(heap);
	if (error < 0)
		return error;
	fam_word_put(&slot->inflight, 0);
	fam_word_put(&slot->doubt, 0);
	return 0;
}

static int finish_record(struct fam_heap *heap, uint32_t i, uint64_t tail,
			 const struct fam_record *record)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	const struct fam_slot_mark mark = {
		.tail = fam_record_behind(tail, record->bytes),
		.last = record->stamp,
	};
	int error = fam_heap_write_back(
		heap, heap->at.journal + i * heap->at.journal_bytes + tail,
		record->bytes);

	/* Another one may have gone on with it while the disk was waited for. */
	if (error == 0)
		error = fam_heap_may(heap);
	if (error < 0)
		return error;
	error = fam_record_finish(heap, record, &slot->applied);
	if (error == 0 || error == -EBADMSG)
		fam_slot_end(heap, i, &mark);
	return error == -EBADMSG ? 0 : error;
}

int fam_slot_finish(struct fam_heap *heap, uint32_t i)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	_cleanup_free_ struct fam_record *record = NULL;
	uint64_t inflight = fam_word_get(&slot->inflight);
	uint64_t tail = fam_word_peek(&slot->tail);
	int error = -ENOENT;

	if (fam_word_get(&slot->doubt))
		return end_doubt(heap, i);
	if (!inflight)
		return 0;
	if (has_tail(heap, tail))
		error = fam_record_read(heap, i, tail, inflight - 1, &record);
	if (error == 0)
		return finish_record(heap, i, tail, record);
	if (error == -ENOENT)
		error = fam_heap_may(heap);
	else
		return error;
	if (error == 0)
		fam_word_put(&slot->inflight, 0);
	return error;
}

/* --- taking and leaving ------------------------------------------------------------------ */

/* Take it from who has left it, and finish that. 1; 0: it is another's; ... */
static int take(struct fam_heap *heap, uint32_t i, uint64_t then)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	uint64_t was = fam_word_get(&slot->holder);
	uint64_t mine = heap->me | FAM_SLOT_FINISHING;
	int error;

	if (!is_open(heap, was) || !fam_word_step(&slot->holder, was, mine))
		return 0;
	error = fam_slot_finish(heap, i);
	/* If it is not mine any more, this session is lost. */
	if (!fam_word_step(&slot->holder, mine, error < 0 ? 0 : then) &&
	    error == 0)
		error = -ESTALE;
	return error < 0 ? error : 1;
}

int fam_slot_help(struct fam_heap *heap, uint32_t i)
{
	return take(heap, i, 0);
}

/* From 0 on there is record after record, and the last one ends at @tail. */
static bool is_reached(const struct fam_heap *heap, uint32_t i, uint64_t tail)
{
	uint64_t at = 0, next, stamp = 0;

	while (at < tail &&
	       (next = fam_record_end(heap, i, at, stamp, &stamp)) != 0)
		at = next;
	return at == tail &&
	       (!tail || stamp == fam_word_peek(&fam_heap_slot(heap, i)->last));
}

/* Behind anything else no record would be found after a power cut. */
static void check_tail(struct fam_heap *heap, uint32_t i)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	uint64_t tail = fam_word_peek(&slot->tail);

	if (tail > heap->at.journal_bytes || tail % FAM_RECORD_ALIGN ||
	    !is_reached(heap, i, tail)) {
		fam_word_put(&slot->last,
			     fam_word_get(&fam_heap_live(heap)->stamp));
		fam_word_put(&slot->tail, heap->at.journal_bytes);
	}
}

static int take_one(struct fam_heap *heap, uint32_t i)
{
	int r = take(heap, i, heap->me);

	if (r == 1)
		check_tail(heap, i);
	return r;
}

int fam_slot_take(struct fam_heap *heap)
{
	uint32_t count = heap->at.journals;
	uint32_t from = fam_holder_slot(heap->me) * 7 % count;
	int r, error = -EBUSY;

	/* First those that nobody has, then those that somebody does not need. */
	for (uint32_t n = 0; n < 2 * count; n++) {
		uint32_t i = (from + n) % count;
		const struct fam_heap_slot *slot = fam_heap_slot(heap, i);

		if (n < count &&
		    (fam_word_get(&slot->holder) || !is_clean(slot)))
			continue;
		r = take_one(heap, i);
		if (r == 1)
			return (int)i;
		if (r < 0)
			error = r;
	}
	return error;
}

bool fam_slot_retake(struct fam_heap *heap, uint32_t i,
		     const struct fam_slot_mark *mark)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);

	if (!fam_word_step(&slot->holder, heap->me | FAM_SLOT_IDLE, heap->me))
		return false;
	if (!is_clean(slot)) {
		fam_slot_idle(heap, i);
		return take_one(heap, i) == 1;
	}
	if (fam_word_peek(&slot->tail) != mark->tail ||
	    fam_word_peek(&slot->last) != mark->last)
		check_tail(heap, i);
	return true;
}

/* It is not a child's of fork(2), whose parent has the same word there. */
void fam_slot_idle(struct fam_heap *heap, uint32_t i)
{
	if (fam_heap_may(heap) == 0)
		(void)fam_word_step(&fam_heap_slot(heap, i)->holder, heap->me,
				    heap->me | FAM_SLOT_IDLE);
}

void fam_slot_free(struct fam_heap *heap, uint32_t i)
{
	/* If it is not idle, another opening of this session has it by now. */
	(void)fam_word_step(&fam_heap_slot(heap, i)->holder,
			    heap->me | FAM_SLOT_IDLE, 0);
}

/* --- the next record --------------------------------------------------------------------- */

int fam_slot_begin(struct fam_heap *heap, uint32_t i,
		   struct fam_slot_mark *mark)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	fam_word *checkpointed = &fam_heap_live(heap)->checkpointed;
	uint64_t at = fam_word_peek(&slot->tail);
	uint64_t last = fam_word_peek(&slot->last);
	bool full = at > heap->at.journal_bytes / 2 || at % FAM_RECORD_ALIGN;
	bool done = last <= fam_word_get(checkpointed);
	int error = full && !done ? fam_heap_checkpoint(heap, last) : 0;

	/* Who slept for too long has it no more. */
	if (error == 0)
		error = fam_heap_may(heap);
	if (error < 0)
		return error;
	if (full || (at && done)) {
		at = 0;
		fam_word_put(&slot->tail, 0);
	}
	/* No record is there before it is whole. */
	fam_word_put((fam_word *)(fam_heap_journal(heap, i) + at), 0);
	mark->tail = at;
	mark->last = last;
	return 0;
}

/* --- doubts ------------------------------------------------------------------------------- */

/* Until none is there: also if another one is just about it. */
static int end_doubt_of(struct fam_heap *heap, uint32_t i)
{
	const struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	int64_t until = 0;

	while (fam_word_get(&slot->doubt)) {
		int r = fam_slot_help(heap, i);

		if (r == 0)
			r = fam_heap_nap(heap, &until);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The number rises with each: who has looked before it knows that. */
void fam_slots_doubt(struct fam_heap *heap)
{
	fam_word *doubts = &fam_heap_live(heap)->doubts;
	uint64_t was = fam_word_get(doubts);

	while (!fam_word_swap(doubts, &was, (was + 2) | 1))
		;
}

int fam_slots_doubts(struct fam_heap *heap)
{
	fam_word *doubts = &fam_heap_live(heap)->doubts;
	uint64_t seen = fam_word_get(doubts);
	int error = 0;

	for (uint32_t i = 0; i < heap->at.journals; i++) {
		int r = end_doubt_of(heap, i);

		if (r < 0)
			error = r;
	}
	if (error == 0)
		(void)fam_word_step(doubts, seen, seen & ~UINT64_C(1));
	return error;
}
