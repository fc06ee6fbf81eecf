// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Journals, and who writes them. Of a journal whose last record is applied the
 * records from its start on end where its slot says that the next one begins: if
 * not, what is written there is not found after a power cut.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check-heaps.h"

/* --- records --------------------------------------------------------------------- */

static bool is_inside(const struct fam_heap *heap, uint64_t off, uint64_t bytes)
{
	const uint64_t root =
		heap->at.state + offsetof(struct fam_heap_state, root);

	return fam_heap_holds(heap, off, bytes) ||
	       (off >= root && off < root + 16 && bytes <= root + 16 - off);
}

static bool is_sound_change(const struct fam_heap *heap,
			    const struct fam_change *change)
{
	struct fam_block block;

	switch (change->kind) {
	case FAM_CHANGE_NONE:
	case FAM_CHANGE_REGION: /* whether that fits its region shows later */
		return true;
	case FAM_CHANGE_DATA:
	case FAM_CHANGE_ZERO:
		return is_inside(heap, change->offset, change->length);
	case FAM_CHANGE_TAKE:
	case FAM_CHANGE_GIVE:
		return change->class < FAM_HEAP_CLASSES &&
		       fam_block_at(heap, change->offset, change->class,
				    &block) == 0;
	case FAM_CHANGE_SPAN:
	case FAM_CHANGE_UNSPAN:
		return change->length && change->offset >= heap->at.chunk &&
		       (change->offset - heap->at.chunk) % FAM_HEAP_CHUNK ==
			       0 &&
		       fam_heap_holds(heap, change->offset,
				      change->length * FAM_HEAP_CHUNK);
	default:
		return false;
	}
}

static bool is_sound(const struct fam_heap *heap,
		     const struct fam_record *record)
{
	uint32_t position = sizeof(*record), count = 0;
	struct fam_step_of step;
	int r;

	while ((r = fam_record_change(record, record->bytes, position,
				      &step)) == 0) {
		if (!is_sound_change(heap, &step.change) ||
		    step.next <= position)
			return false;
		position = step.next;
		count++;
	}
	return r == -ENOENT && count == record->changes;
}

int fam_check_journal(const struct fam_heap *heap, uint32_t slot,
		      uint64_t checkpoint, struct fam_check_journal *out)
{
	const struct fam_heap_slot *s = fam_heap_slot(heap, slot);
	uint64_t tail = fam_word_get(&s->tail);
	struct fam_record *record;
	int r;

	*out = (struct fam_check_journal){
		.meets = tail == 0,
		.tail = tail,
		.last = fam_word_get(&s->last),
	};
	out->bad = UINT64_MAX;
	while ((r = fam_record_read(heap, slot, out->end, out->stamp,
				    &record)) == 0) {
		if (record->stamp > checkpoint) {
			out->pending++;
			if (!is_sound(heap, record) && out->bad == UINT64_MAX)
				out->bad = out->end;
		}
		out->stamp = record->stamp;
		out->end += (record->bytes + FAM_RECORD_ALIGN - 1) /
			    FAM_RECORD_ALIGN * FAM_RECORD_ALIGN;
		free(record);
		if (out->end == tail) {
			out->meets = true;
			out->at_tail = out->stamp;
		}
	}
	return r == -ENOENT ? 0 : r;
}

/*
 * Its holder may have gone on while the records were read. Begun anew, it keeps the
 * stamp of the last one before; it is not at the same place again without another.
 */
bool fam_check_tail(const struct fam_heap *heap, uint32_t slot,
		    const struct fam_check_journal *journal)
{
	const struct fam_heap_slot *s = fam_heap_slot(heap, slot);

	if (fam_word_get(&s->inflight) ||
	    fam_word_get(&s->tail) != journal->tail ||
	    fam_word_get(&s->last) != journal->last)
		return true;
	return journal->meets &&
	       (journal->tail == 0 || journal->at_tail == journal->last);
}

/* --- one journal -------------------------------------------------------------------- */

static void tell_journal(struct fam_check_heap *h, uint32_t slot,
			 enum fam_check_level level, uint64_t position,
			 const char *text)
{
	struct fam_check_problem *p = fam_check_heap_found(
		h, level,
		h->view.at.journal + slot * h->view.at.journal_bytes + position,
		sizeof(struct fam_record));

	fam_check_part(p, "journal %" PRIu32 ", record at %" PRIu64, slot,
		       position);
	snprintf(p->text, sizeof(p->text), "%s", text);
}

/*
 * After a power cut nothing else tells how far a journal goes. A record is only
 * begun when that before it is on the disk: so one that is not whole, and has a
 * later one behind it, was spoilt.
 */
static int check_break(struct fam_check_heap *h, uint32_t slot,
		       const struct fam_check_journal *journal)
{
	const struct fam_heap *heap = &h->view;
	uint64_t above =
		journal->stamp > h->checkpoint ? journal->stamp : h->checkpoint;
	/* Whoever plants records everywhere is not to keep us for hours. */
	uint64_t budget = 4 * heap->at.journal_bytes;
	const volatile struct fam_record *at;
	struct fam_record *record;
	uint32_t bytes;
	int r = -ENOENT;

	for (uint64_t i = journal->end + FAM_RECORD_ALIGN;
	     r == -ENOENT && i < heap->at.journal_bytes;
	     i += FAM_RECORD_ALIGN) {
		at = (const void *)(fam_heap_journal(heap, slot) + i);
		if (at->magic != FAM_RECORD_MAGIC)
			continue;
		bytes = at->bytes;
		if (bytes > budget)
			break;
		budget -= bytes;
		r = fam_record_read(heap, slot, i, above, &record);
		if (r == 0)
			free(record);
	}
	if (r == 0)
		tell_journal(h, slot, FAM_CHECK_LOSS, journal->end,
			     "it is spoilt, and what was done after it by the "
			     "same writer is lost with it");
	return r == -ENOENT ? 0 : r;
}

static bool is_torn(const struct fam_check_heap *h, uint32_t slot,
		    const struct fam_check_journal *journal)
{
	struct fam_record at;

	if (journal->end + sizeof(at) > h->view.at.journal_bytes)
		return false;
	memcpy(&at, fam_heap_journal(&h->view, slot) + journal->end,
	       sizeof(at));
	return at.magic == FAM_RECORD_MAGIC && at.stamp > journal->stamp &&
	       at.stamp > h->checkpoint;
}

static int check_due(struct fam_check_heap *h, uint32_t slot,
		     const struct fam_check_journal *journal)
{
	size_t before = h->c->count;
	int r = check_break(h, slot, journal);

	if (r == 0 && h->c->count == before && is_torn(h, slot, journal))
		tell_journal(h, slot, FAM_CHECK_NOTE, journal->end,
			     "it is torn: it was never committed, or the last "
			     "one of its writer is spoilt");
	return r;
}

/* --- who writes it -------------------------------------------------------------------- */

static void tell_slot(struct fam_check_heap *h, uint32_t slot,
		      enum fam_check_level level, const char *text)
{
	struct fam_check_problem *p = fam_check_heap_found(
		h, level, h->view.at.slot + slot * sizeof(struct fam_heap_slot),
		sizeof(struct fam_heap_slot));

	fam_check_part(p, "journal %" PRIu32 ", writer", slot);
	snprintf(p->text, sizeof(p->text), "%s", text);
}

static void check_slot(struct fam_check_heap *h, uint32_t slot,
		       const struct fam_check_journal *journal)
{
	const struct fam_heap_slot *s = fam_heap_slot(&h->view, slot);
	uint64_t holder = fam_word_get(&s->holder);
	uint64_t inflight = fam_word_get(&s->inflight);
	bool lives = fam_check_lives(h->c, holder);
	uint64_t stamp = fam_word_get(&fam_heap_live(&h->view)->stamp);

	if (lives)
		h->c->in_use = true;
	if (inflight > stamp + 1 || fam_word_get(&s->last) > stamp)
		tell_slot(h, slot, FAM_CHECK_DAMAGE,
			  "it is ahead of the last transaction's stamp");
	else if (fam_word_get(&s->doubt))
		tell_slot(h, slot, FAM_CHECK_NOTE,
			  "a transaction that failed was taken back, and is on "
			  "the disk perhaps");
	else if (inflight && !lives)
		tell_slot(h, slot, FAM_CHECK_NOTE,
			  "a session has died in a transaction: whoever comes "
			  "next finishes it");
	else if (!fam_check_tail(&h->view, slot, journal))
		tell_slot(h, slot, FAM_CHECK_DAMAGE,
			  "it does not end where the records of its journal "
			  "end");
	else if (holder && !lives)
		tell_slot(h, slot, FAM_CHECK_NOTE,
			  "it was left by a session that has died");
}

static int check_one(struct fam_check_heap *h, uint32_t slot)
{
	struct fam_check_journal journal;
	int r = fam_check_journal(&h->view, slot, h->checkpoint, &journal);

	if (r < 0)
		return r;
	if (journal.stamp > h->highest)
		h->highest = journal.stamp;
	h->pending += journal.pending;
	if (journal.bad != UINT64_MAX)
		tell_journal(h, slot,
			     h->due ? FAM_CHECK_LOSS : FAM_CHECK_DAMAGE,
			     journal.bad,
			     "a change in it makes no sense, and is left out");
	if (h->due)
		return check_due(h, slot, &journal);
	check_slot(h, slot, &journal);
	return 0;
}

/* Records that are half applied while nobody is at it. */
static bool is_left(const struct fam_check_heap *h, uint32_t slot)
{
	const struct fam_heap_slot *s = fam_heap_slot(&h->view, slot);

	return fam_word_get(&s->inflight) &&
	       !fam_check_lives(h->c, fam_word_get(&s->holder));
}

int fam_check_heap_journals(struct fam_check_heap *h)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < h->view.at.journals; i++) {
		r = check_one(h, i);
		if (!h->due && is_left(h, i))
			h->unsettled = true;
	}
	if (h->due && h->pending)
		h->unsettled = true;
	return r;
}
