// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The commit: one record made durable, then applied. */
#include <string.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "regions/opening.h"

static struct fam_heap_slot *slot_of(const struct fam_tx *tx)
{
	return fam_heap_slot(tx->heap, tx->slot);
}

/* What was filled in place is on the disk before it is known to be there. */
static int persist_fresh(struct fam_tx *tx)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < tx->freshes; i++)
		error = fam_heap_write_back(tx->heap, tx->fresh[i].off,
					    tx->fresh[i].bytes);
	return error;
}

static int prepare(struct fam_tx *tx)
{
	struct fam_heap_live *live = fam_heap_live(tx->heap);
	int error = fam_heap_may(tx->heap);

	/* Who knows what a failed commit has left must not be durable before it. */
	if (error == 0 && fam_slots_in_doubt(tx->heap))
		error = fam_slots_doubts(tx->heap);
	if (error == 0 && fam_word_peek(&live->stamp) >= FAM_HEAP_STAMPS - 1)
		error = -EBADMSG;
	if (error == 0 && tx->freshes)
		error = persist_fresh(tx);
	/* What it waited for may have taken too long: then the slot is another's. */
	return error < 0 ? error : fam_heap_may(tx->heap);
}

/*
 * The slot says that it is in flight before the stamp is drawn: see checkpoint.c. The
 * first word of the record makes it whole.
 */
static uint64_t seal(struct fam_tx *tx)
{
	struct fam_heap_live *live = fam_heap_live(tx->heap);
	struct fam_heap_slot *slot = slot_of(tx);
	fam_word *word = (fam_word *)tx->record;
	struct fam_record head = {
		.magic = FAM_RECORD_MAGIC,
		.bytes = tx->bytes,
		.changes = tx->changes,
	};
	uint64_t words[sizeof(head) / 8];

	fam_word_put(&slot->applied, 0);
	fam_word_put(&slot->inflight, fam_word_peek(&live->stamp) + 1);
	head.stamp = fam_word_add(&live->stamp, 1) + 1;
	memcpy(words, &head, sizeof(head));
	for (size_t i = 1; i < sizeof(head) / 8; i++)
		fam_word_poke(&word[i], words[i]);
	head.crc32c = fam_record_crc(tx->heap, tx->slot, tx->mark.tail,
				     tx->record, tx->bytes);
	memcpy(words, &head, sizeof(words[0]));
	fam_word_put(&word[0], words[0]);
	return head.stamp;
}

static int persist_record(const struct fam_tx *tx)
{
	const struct fam_heap *heap = tx->heap;

	return fam_heap_write_back(heap,
				   heap->at.journal +
					   tx->slot * heap->at.journal_bytes +
					   tx->mark.tail,
				   tx->bytes);
}

/*
 * The disk may have it, or get it later. Nobody who takes what it had is durable
 * before that is settled: the doubt is there before anything is given back.
 */
static void take_back(struct fam_tx *tx, uint64_t stamp)
{
	fam_word_put(&slot_of(tx)->doubt, stamp);
	fam_word_put((fam_word *)tx->record, 0);
	fam_slots_doubt(tx->heap);
}

/* A checkpoint does not reach other regions. */
static int persist_elsewhere(const struct fam_tx *tx)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < tx->owns; i++)
		error = fam_persist(tx->heap->fam, tx->own[i].addr,
				    tx->own[i].bytes);
	return error;
}

static int apply(struct fam_tx *tx, uint64_t stamp)
{
	int error = fam_heap_apply(tx, &slot_of(tx)->applied);

	/* It is committed. If this fails it stays in flight, for others to finish. */
	if (tx->owns &&
	    (persist_elsewhere(tx) < 0 || fam_heap_may(tx->heap) < 0))
		return error;
	tx->mark.last = stamp;
	tx->mark.tail = fam_record_behind(tx->mark.tail, tx->bytes);
	fam_slot_end(tx->heap, tx->slot, &tx->mark);
	return error;
}

int fam_tx_publish(struct fam_tx *tx)
{
	int error = prepare(tx);
	uint64_t stamp;

	if (error < 0)
		return error;
	stamp = seal(tx);
	error = persist_record(tx);
	/* Who is declared dead by now has it applied by others. */
	if (fam_heap_may(tx->heap) < 0)
		return -ESTALE;
	if (error < 0) {
		take_back(tx, stamp);
		return error;
	}
	return apply(tx, stamp);
}
