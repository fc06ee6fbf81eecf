// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What is wrong with a heap, made good, while others use it: a word is changed
 * only from what was judged, and a chunk whose content is not known only if nobody
 * has it.
 */
#include <errno.h>
#include <string.h>

#include <fam/persist.h>
#include <fam/session.h>

#include "check-heaps.h"

static int persist(const struct fam_check_heap *h, uint64_t at, uint64_t bytes)
{
	return fam_repair_persist(h->c->fam, h->view.base + at, bytes);
}

/* --- before it is opened ---------------------------------------------------------- */

static int repair_header(struct fam_check_heap *h)
{
	struct fam_heap_header header;
	unsigned int damaged = 0;
	int r = fam_heap_header(h->c->fam, h->view.base, h->entry.bytes,
				h->entry.serial, &header, &damaged);

	if (r < 0)
		return r;
	for (unsigned int i = 0; r == 0 && i < 2; i++) {
		char *copy = h->view.base + i * FAM_HEAP_PAGE;

		if (memcmp(copy, &header, sizeof(header)) == 0)
			continue;
		memcpy(copy, &header, sizeof(header));
		r = persist(h, i * FAM_HEAP_PAGE, sizeof(header));
	}
	if (r == 0 && !fam_heap_places(header.bytes, header.journals,
				       header.journal_bytes, &h->view.at))
		r = -EBADMSG;
	h->view.bytes = header.bytes;
	return r;
}

static int find_highest(const struct fam_heap *heap, uint64_t *highest)
{
	struct fam_check_journal journal;
	int r = 0;

	*highest = 0;
	for (uint32_t i = 0; r == 0 && i < heap->at.journals; i++) {
		r = fam_check_journal(heap, i, UINT64_MAX, &journal);
		if (r == 0 && journal.stamp > *highest)
			*highest = journal.stamp;
	}
	return r;
}

/*
 * A checkpoint that never was would have all that is done from now on taken for
 * done already.
 */
static int lower_checkpoint(struct fam_check_heap *h)
{
	fam_word *checkpoint = &fam_heap_state(&h->view)->checkpoint;
	uint64_t highest, now = fam_word_get(checkpoint);
	int r = find_highest(&h->view, &highest);

	if (r < 0 || now <= highest || now - highest <= FAM_CHECK_STAMPS_AHEAD)
		return r;
	fam_word_put(checkpoint, highest);
	return persist(h, h->view.at.state, sizeof(*checkpoint));
}

static int repair_unrecovered(struct fam_check_heap *h)
{
	struct fam_heap_live *live = fam_heap_live(&h->view);
	int r = fam_mutex_lock(h->c->fam, &live->lock, -1);

	if (r < 0 && r != -EOWNERDEAD)
		return r;
	r = 0;
	if (fam_word_get(&live->boot) != fam_check_boot(h->c))
		r = lower_checkpoint(h);
	(void)fam_mutex_unlock(h->c->fam, &live->lock);
	return r;
}

/* --- counts --------------------------------------------------------------------------- */

static void repair_stamp(struct fam_heap *heap, uint64_t highest)
{
	fam_word *stamp = &fam_heap_live(heap)->stamp;
	uint64_t now = fam_word_get(stamp);

	if (now < highest || now - highest > FAM_CHECK_STAMPS_AHEAD)
		(void)fam_word_step(stamp, now, highest);
}

/* To what the disk has for certain; the next one goes on from there. */
static void repair_points(struct fam_heap *heap)
{
	fam_word *point = &fam_heap_state(heap)->checkpoint;
	fam_word *durable = &fam_heap_live(heap)->checkpointed;
	uint64_t stamp = fam_word_get(&fam_heap_live(heap)->stamp);
	uint64_t now = fam_word_get(point), known = fam_word_get(durable);

	if (known > now) {
		(void)fam_word_step(durable, known, 0);
		known = 0;
	}
	if (now > stamp) {
		(void)fam_word_step(point, now, known <= stamp ? known : 0);
		(void)fam_word_step(durable, known, 0);
	}
}

static bool may_take(const struct fam_check_heap *h, uint64_t holder)
{
	return !fam_holder_of(holder) || !fam_check_lives(h->c, holder);
}

static bool is_astray(struct fam_heap *heap, uint32_t i,
		      const struct fam_check_journal *journal)
{
	const struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	uint64_t stamp = fam_word_get(&fam_heap_live(heap)->stamp);

	return !fam_word_get(&slot->inflight) && !fam_word_get(&slot->doubt) &&
	       (!fam_check_tail(heap, i, journal) ||
		fam_word_get(&slot->last) > stamp);
}

/* All of its records are done with, so it can begin anew. */
static int repair_slot(const struct fam_check_heap *h, struct fam_heap *heap,
		       uint32_t i)
{
	struct fam_heap_slot *slot = fam_heap_slot(heap, i);
	struct fam_check_journal journal;
	uint64_t holder;
	int r = fam_slot_help(heap, i);

	holder = fam_word_get(&slot->holder);
	if (r < 0 || !may_take(h, holder) ||
	    !fam_word_step(&slot->holder, holder, heap->me))
		return r < 0 ? r : 0;
	r = fam_check_journal(heap, i, UINT64_MAX, &journal);
	if (r == 0 && is_astray(heap, i, &journal)) {
		fam_word_put(&slot->last, 0);
		fam_word_put(&slot->tail, 0);
	}
	(void)fam_word_step(&slot->holder, heap->me, 0);
	return r;
}

static int repair_counts(const struct fam_check_heap *h, struct fam_heap *heap)
{
	uint64_t highest;
	int r = find_highest(heap, &highest);

	if (r < 0)
		return r;
	repair_stamp(heap, highest);
	repair_points(heap);
	r = fam_heap_checkpoint(heap,
				fam_word_get(&fam_heap_live(heap)->stamp));
	for (uint32_t i = 0; r == 0 && i < heap->at.journals; i++)
		r = repair_slot(h, heap, i);
	return r;
}

/* --- chunks ------------------------------------------------------------------------------ */

static void repair_kind(struct fam_heap *heap,
			const struct fam_chunk_verdict *v)
{
	fam_word *kind = fam_heap_kind(heap, v->chunk);

	/* Of what makes no sense nobody takes anything; of what is free, who may. */
	if (v->fault == FAM_CHUNK_MARKED && !fam_chunk_hold(heap, v->chunk))
		return;
	if (v->right != v->word)
		(void)fam_word_step(kind, v->word, v->right);
	if (v->fault == FAM_CHUNK_MARKED)
		fam_chunk_let_go(heap, v->chunk);
}

static void clear_stray(struct fam_heap *heap, uint64_t chunk, uint32_t blocks)
{
	fam_word *bits = fam_heap_bits(heap, chunk);

	for (unsigned int i = 0; i < FAM_HEAP_BITS_WORDS; i++) {
		uint64_t stray = fam_word_get(&bits[i]) &
				 ~fam_check_block_bits(blocks, i);

		if (stray)
			fam_word_clear(&bits[i], stray);
	}
}

/* Nobody knows what is in it: so nobody is given anything of it. */
static void fill_up(struct fam_heap *heap, uint64_t chunk, uint32_t blocks)
{
	fam_word *bits = fam_heap_bits(heap, chunk);

	if (!fam_chunk_hold(heap, chunk))
		return;
	for (unsigned int i = 0; i < FAM_HEAP_BITS_WORDS; i++)
		fam_word_set(&bits[i], fam_check_block_bits(blocks, i));
	clear_stray(heap, chunk, blocks);
	fam_chunk_let_go(heap, chunk);
}

static void repair_bits(struct fam_heap *heap,
			const struct fam_chunk_verdict *v)
{
	uint32_t blocks = 0;

	if (v->fault == FAM_CHUNK_WHOLE)
		return;
	if (fam_chunk_kind(v->word) == FAM_CHUNK_BLOCKS)
		blocks = fam_class_blocks(fam_chunk_class(v->word));
	if (v->fault == FAM_CHUNK_MANY)
		fill_up(heap, v->chunk, blocks);
	else
		clear_stray(heap, v->chunk, blocks);
}

static void free_holder(const struct fam_check_heap *h, struct fam_heap *heap,
			uint64_t chunk)
{
	uint64_t holder = fam_word_get(fam_heap_holder(heap, chunk));

	if (holder && !fam_check_lives(h->c, holder) &&
	    fam_chunk_hold(heap, chunk))
		fam_chunk_let_go(heap, chunk);
}

static void repair_chunks(const struct fam_check_heap *h, struct fam_heap *heap)
{
	struct fam_chunk_verdict v;
	uint64_t i, count = heap->at.count;

	for (i = fam_check_chunk_next(heap, 0); i < count;
	     i = fam_check_chunk_next(heap, v.next)) {
		fam_check_kind(heap, i, &v);
		if (v.fault != FAM_CHUNK_WHOLE)
			repair_kind(heap, &v);
	}
	for (i = fam_check_chunk_next(heap, 0); i < count;
	     i = fam_check_chunk_next(heap, i + 1)) {
		fam_check_bits(heap, i, &v);
		repair_bits(heap, &v);
		free_holder(h, heap, i);
	}
}

/*
 * A block that nobody has, where the root object should be: it was one. Had it been
 * freed nothing would name it.
 */
static void mark_root(struct fam_heap *heap, uint64_t root)
{
	struct fam_block block;
	uint64_t chunk, kind;

	if (!fam_heap_holds(heap, root, 1))
		return;
	chunk = (root - heap->at.chunk) / FAM_HEAP_CHUNK;
	if (!fam_chunk_hold(heap, chunk))
		return;
	kind = fam_word_get(fam_heap_kind(heap, chunk));
	if (fam_chunk_kind(kind) == FAM_CHUNK_BLOCKS &&
	    fam_block_at(heap, root, fam_chunk_class(kind), &block) == 0)
		fam_word_set(&fam_heap_bits(heap, chunk)[block.bit / 64],
			     UINT64_C(1) << block.bit % 64);
	fam_chunk_let_go(heap, chunk);
}

static void repair_root(struct fam_heap *heap)
{
	struct fam_heap_state *state = fam_heap_state(heap);
	uint64_t root = fam_word_get(&state->root);
	uint64_t bytes = fam_word_get(&state->root_bytes);
	struct fam_block block;

	if (fam_block_find(heap, root, &block) < 0) {
		mark_root(heap, root);
		if (fam_block_find(heap, root, &block) < 0)
			return;
	}
	if (!bytes || bytes > block.bytes)
		(void)fam_word_step(&state->root_bytes, bytes, block.bytes);
}

/* --- all of it ------------------------------------------------------------------------------ */

static int repair_open(const struct fam_check_heap *h, struct fam_heap *heap)
{
	int failed, r = fam_heap_recover(heap);

	if (r >= 0)
		r = repair_counts(h, heap);
	/* What is stored is good also if the disk does not take it. */
	repair_root(heap); /* before its chunk is found to be empty */
	repair_chunks(h, heap);
	fam_hints_renew(heap);
	failed = fam_heap_write_back(heap, heap->at.kind,
				     heap->at.chunk - heap->at.kind);
	if (failed == 0)
		failed = fam_heap_write_back(heap, heap->at.state,
					     FAM_HEAP_PAGE);
	return r < 0 ? r : failed;
}

static int repair_unopened(struct fam_check_heap *h)
{
	int r = fam_check_heap_map(h, FAM_CHECK_HEAP_HEAD);

	if (r < 0)
		return r;
	r = repair_header(h);
	fam_check_heap_unmap(h);
	if (r < 0)
		return r;
	r = fam_check_heap_map(h, h->view.at.chunk);
	if (r < 0)
		return r;
	r = repair_unrecovered(h);
	fam_check_heap_unmap(h);
	return r;
}

int fam_repair_heap(struct fam_check_heap *h)
{
	struct fam *fam = h->c->fam;
	struct fam_heap *heap = NULL;
	int r = repair_unopened(h);

	/* None that could be opened: that is told, and stays so. */
	if (r == -ENODATA || r == -EBADMSG || r == -EMEDIUMTYPE ||
	    r == -EPROTONOSUPPORT)
		return 0;
	if (r == 0)
		r = fam_heap_open(fam, h->entry.name, FAM_REGION_WRITE, &heap);
	if (r == 0)
		r = repair_open(h, heap);
	fam_heap_close(heap);
	return r == -EOPNOTSUPP && fam->source.in_memory ? 0 : r;
}
