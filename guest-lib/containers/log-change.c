// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Records added behind, and cut off in front. All of an append that can fail comes
 * first, as in hash-change.c.
 */
#include "containers/fam-log.h"
#include "heap/heap-store.h"

#define CUT_RECORDS 4096 /* in one transaction */

/* Words of the header: @last and @tail_at are added as one. */
struct tail {
	uint64_t last, at;
};

struct append {
	struct fam_log *log;
	struct fam_view view;
	const void *data;
	uint64_t bytes;
	struct fam_log_state state;
	fam_off segment; /* made for it; 0: none */
	fam_off far;	 /* the same */
	void *far_copy;
	struct fam_log_segment before; /* the tail there was, if one is made */
	/* What is changed in the end. */
	struct tail *tail;
	uint64_t *tail_word, *head_word, *next_word;
	struct fam_log_segment *segment_copy;
	void *record;
};

/* The words that change with a new segment, and all of its own. */
static int add_segment(struct append *a)
{
	struct fam_tx *tx = a->view.tx;
	int r = 0;

	a->tail_word = fam_part_word(tx, fam_log_field(a->log, tail), &r);
	if (a->state.tail)
		a->next_word = fam_part_word(
			tx,
			a->state.tail + offsetof(struct fam_log_segment, next),
			&r);
	else
		a->head_word =
			fam_part_word(tx, fam_log_field(a->log, head), &r);
	if (r == 0 && a->state.tail)
		r = fam_log_segment(a->view, a->state.tail, &a->before);
	if (r == 0)
		r = fam_tx_alloc(tx, FAM_LOG_SEGMENT_BYTES, 0, &a->segment,
				 NULL);
	a->segment_copy = fam_part_add(tx, a->segment,
				       sizeof(struct fam_log_segment), &r);
	return r;
}

static bool has_room(const struct append *a)
{
	return a->state.tail &&
	       a->state.tail_at + fam_log_record_bytes(a->bytes) <=
		       FAM_LOG_SEGMENT_BYTES;
}

static int prepare(struct append *a)
{
	struct fam_tx *tx = a->view.tx;
	fam_off segment = a->state.tail;
	uint64_t at = a->state.tail_at;
	int r = 0;

	a->tail = fam_part_add(tx, fam_log_field(a->log, last),
			       sizeof(*a->tail), &r);
	if (r == 0 && fam_log_far(a->bytes))
		r = fam_tx_alloc(tx, a->bytes, 0, &a->far, &a->far_copy);
	if (r == 0 && !has_room(a)) {
		r = add_segment(a);
		segment = a->segment;
		at = sizeof(struct fam_log_segment);
	}
	if (r == 0 &&
	    !fam_heap_at(a->log->heap, segment, FAM_LOG_SEGMENT_BYTES))
		r = -EBADMSG;
	a->record = fam_part_add(tx, segment + at,
				 fam_log_record_bytes(a->bytes), &r);
	return r;
}

/*
 * Back from one segment to the next but by longer ways where there are: if the two
 * jumps before this are as long as each other, one over both.
 */
static void jump(const struct append *a, struct fam_log_segment *segment)
{
	const struct fam_log_segment *before = &a->before;
	struct fam_log_segment far;

	segment->jump = a->state.tail;
	segment->jump_first = before->first;
	segment->jump_index = before->index;
	/* If that is cut off already, so is what is behind it. */
	if (!before->jump || before->jump_first <= a->state.cut ||
	    fam_log_segment(a->view, before->jump, &far) < 0 || !far.jump ||
	    before->index - before->jump_index !=
		    before->jump_index - far.jump_index)
		return;
	segment->jump = far.jump;
	segment->jump_first = far.jump_first;
	segment->jump_index = far.jump_index;
}

static void store_segment(struct append *a)
{
	struct fam_log_segment segment = {.first = a->state.last + 1};

	if (a->state.tail) {
		segment.before = a->state.tail;
		segment.index = a->before.index + 1;
		jump(a, &segment);
		*a->next_word = a->segment;
	} else {
		*a->head_word = a->segment;
	}
	*a->tail_word = a->segment;
	memcpy(a->segment_copy, &segment, sizeof(segment));
	a->state.tail_at = sizeof(segment);
}

static void store(struct append *a)
{
	const struct fam_log_record record = {.number = a->state.last + 1,
					      .bytes = a->bytes};
	const uint32_t taken = fam_log_record_bytes(a->bytes);
	char *to = (char *)a->record + sizeof(record);

	if (a->segment)
		store_segment(a);
	memset(a->record, 0, taken);
	memcpy(a->record, &record, sizeof(record));
	if (a->far) {
		memcpy(to, &a->far, sizeof(a->far));
		fam_heap_copy(a->far_copy, a->data, a->bytes);
	} else if (a->bytes) {
		memcpy(to, a->data, a->bytes);
	}
	a->tail->last = record.number;
	a->tail->at = a->state.tail_at + taken;
}

static int append(struct append *a, const struct fam_tx *outer)
{
	int r = fam_part_lock(a->view.tx, outer, &a->log->header->lock);

	if (r == 0)
		r = fam_log_state(a->log, a->view, &a->state);
	if (r == 0)
		r = prepare(a);
	if (r < 0) {
		if (a->segment)
			(void)fam_tx_free(a->view.tx, a->segment);
		if (a->far)
			(void)fam_tx_free(a->view.tx, a->far);
		return r;
	}
	store(a);
	return 0;
}

int fam_log_append(struct fam_log *log, struct fam_tx *tx, const void *data,
		   uint64_t bytes, uint64_t *number)
{
	struct append a = {.log = log,
			   .view = {.heap = log->heap},
			   .data = data,
			   .bytes = bytes};
	int r;

	if (bytes > FAM_LOG_RECORD_MAX)
		return -E2BIG;
	r = fam_part_begin(log->heap, tx, &a.view.tx);
	if (r < 0)
		return r;
	r = fam_part_end(a.view.tx, tx, append(&a, tx));
	if (r == 0 && number)
		*number = a.state.last + 1;
	return r;
}

/* --- cutting ------------------------------------------------------------------------ */

struct cut {
	struct fam_log *log;
	struct fam_view view;
	struct fam_log_state state; /* as it is to be */
	uint64_t until;		    /* number of the last one to be cut off */
	unsigned int done;
	bool more; /* there is, for another transaction */
};

/* 1: the first segment, @out, has nothing but what is cut off; 0; -EBADMSG */
static int is_spent(const struct cut *cut, struct fam_log_segment *out)
{
	struct fam_log_segment next;
	int r;

	if (!cut->state.head)
		return 0;
	r = fam_log_segment(cut->view, cut->state.head, out);
	if (r < 0 || !out->next)
		return r < 0 ? r : cut->state.cut == cut->state.last;
	r = fam_log_segment(cut->view, out->next, &next);
	return r < 0 ? r : next.first <= cut->state.cut + 1;
}

/* Segments in front that have nothing but what is cut off. */
static int drop_segments(struct cut *cut)
{
	struct fam_log_segment segment;
	int r;

	while ((r = is_spent(cut, &segment)) > 0) {
		r = fam_tx_free(cut->view.tx, cut->state.head);
		if (r < 0)
			return r;
		cut->done++;
		cut->state.head = segment.next;
		if (!segment.next) {
			cut->state.tail = 0;
			cut->state.tail_at = 0;
		}
	}
	return r;
}

static int drop_records(struct cut *cut)
{
	struct fam_log_place place;
	int r = fam_log_find(cut->log, cut->view, &cut->state,
			     cut->state.cut + 1, &place);

	for (;;) {
		if (r == 0 && place.is_far)
			r = fam_tx_free(cut->view.tx, place.data);
		if (r < 0)
			return r;
		cut->done++;
		cut->state.cut = place.number;
		r = drop_segments(cut);
		if (r < 0 || place.number == cut->until ||
		    cut->done >= CUT_RECORDS)
			return r < 0 ? r : 0;
		/* It leads on, also from a segment that is as good as freed. */
		r = fam_log_next(cut->view, &place);
	}
}

static int drop(struct cut *cut)
{
	/* What a journal that was full has left. */
	int r = drop_segments(cut);

	return r < 0 || cut->until <= cut->state.cut ? r : drop_records(cut);
}

/* 1: there is something to be done; 0; -EBADMSG */
static int look(struct cut *cut, uint64_t before)
{
	struct fam_log_state *state = &cut->state;
	struct fam_log_segment segment;
	int r = fam_log_state(cut->log, cut->view, state);

	if (r < 0 || !before)
		return r;
	cut->until = before - 1 < state->last ? before - 1 : state->last;
	return cut->until > state->cut ? 1 : is_spent(cut, &segment);
}

static int cut_some(struct cut *cut, uint64_t before)
{
	struct fam_log_state *state = &cut->state;
	struct fam_tx *tx = cut->view.tx;
	uint64_t *tail_word, *head, *word;
	struct tail *tail;
	int r = fam_part_lock(tx, NULL, &cut->log->header->lock);

	if (r == 0)
		r = look(cut, before);
	if (r <= 0)
		return r;
	r = 0;
	tail = fam_part_add(tx, fam_log_field(cut->log, last), sizeof(*tail),
			    &r);
	tail_word = fam_part_word(tx, fam_log_field(cut->log, tail), &r);
	head = fam_part_word(tx, fam_log_field(cut->log, head), &r);
	word = fam_part_word(tx, fam_log_field(cut->log, cut), &r);
	if (r == 0)
		r = drop(cut);
	/* A full journal: what is done is whole, and there is another one. */
	if (r < 0 && (r != -E2BIG || !cut->done))
		return r == -EINVAL ? -EBADMSG : r;
	/* It may have been full with all records gone, but not their segment. */
	cut->more = r == -E2BIG || state->cut < cut->until;
	tail->at = state->tail_at;
	*tail_word = state->tail;
	*head = state->head;
	*word = state->cut;
	return 0;
}

int fam_log_cut(struct fam_log *log, uint64_t before)
{
	struct cut cut = {.log = log, .view = {.heap = log->heap}};
	int r;

	do {
		r = fam_tx_begin(log->heap, NULL, &cut.view.tx);
		if (r < 0)
			return r;
		cut.done = 0;
		cut.more = false;
		r = fam_part_end(cut.view.tx, NULL, cut_some(&cut, before));
	} while (r == 0 && cut.more);
	return r;
}

int fam_log_destroy(struct fam_log *log, fam_off dest)
{
	const struct fam_view view = {.heap = log->heap};
	struct fam_tx *tx = NULL;
	uint64_t is = log->off;
	int r = dest ? fam_view_word(view, dest, &is) : 0;

	if (r < 0 || is != log->off)
		return -EINVAL;
	r = fam_log_cut(log, UINT64_MAX);
	if (r == 0)
		r = fam_tx_begin(log->heap, NULL, &tx);
	if (r < 0)
		return r;
	/* Its lock is not taken, since it would be freed with it. */
	r = dest ? fam_tx_set_word(tx, dest, 0) : 0;
	if (r == 0)
		r = fam_tx_free(tx, log->off);
	return fam_part_end(tx, NULL, r == -EINVAL ? -EBADMSG : r);
}
