// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Where a record is. Numbers fall on the way back: no ring is followed for ever. */
#include "containers/fam-log.h"

int fam_log_state(const struct fam_log *log, struct fam_view view,
		  struct fam_log_state *out)
{
	/* Word by word: a transaction has copies of some of them. */
	int r = fam_view_word(view, fam_log_field(log, last), &out->last);

	if (r == 0)
		r = fam_view_word(view, fam_log_field(log, tail_at),
				  &out->tail_at);
	if (r == 0)
		r = fam_view_word(view, fam_log_field(log, tail), &out->tail);
	if (r == 0)
		r = fam_view_word(view, fam_log_field(log, head), &out->head);
	if (r == 0)
		r = fam_view_word(view, fam_log_field(log, cut), &out->cut);
	if (r < 0)
		return r;
	if (out->cut > out->last || out->last == UINT64_MAX ||
	    (!out->tail && out->cut < out->last) || !out->tail != !out->head)
		return -EBADMSG;
	if (out->tail && (out->tail_at < sizeof(struct fam_log_segment) ||
			  out->tail_at > FAM_LOG_SEGMENT_BYTES ||
			  out->tail_at % FAM_LOG_ALIGN))
		return -EBADMSG;
	return 0;
}

int fam_log_segment(struct fam_view view, fam_off off,
		    struct fam_log_segment *out)
{
	uint64_t *word = (uint64_t *)out;
	int r = 0;

	if (!fam_heap_at(view.heap, off, FAM_LOG_SEGMENT_BYTES))
		return -EBADMSG;
	for (uint32_t i = 0; i < sizeof(*out) / 8 && r == 0; i++)
		r = fam_view_word(view, off + i * 8, &word[i]);
	return r;
}

int fam_log_at(struct fam_view view, fam_off segment, uint32_t at,
	       uint64_t number, struct fam_log_place *out)
{
	struct fam_log_record record;
	uint64_t data = segment + at + sizeof(record);
	int r;

	if (at > FAM_LOG_SEGMENT_BYTES - sizeof(record))
		return -EBADMSG;
	r = fam_view_copy(view, segment + at, &record, sizeof(record));
	if (r < 0)
		return r;
	if (record.number != number || record.bytes > FAM_LOG_RECORD_MAX ||
	    at + fam_log_record_bytes(record.bytes) > FAM_LOG_SEGMENT_BYTES)
		return -EBADMSG;
	if (fam_log_far(record.bytes))
		r = fam_view_word(view, data, &data);
	if (r < 0 || !fam_heap_at(view.heap, data, record.bytes))
		return -EBADMSG;
	*out = (struct fam_log_place){.number = number,
				      .segment = segment,
				      .at = at,
				      .bytes = record.bytes,
				      .data = data,
				      .is_far = fam_log_far(record.bytes)};
	return 0;
}

int fam_log_next(struct fam_view view, struct fam_log_place *place)
{
	const uint64_t number = place->number + 1;
	struct fam_log_segment segment, next;
	int r = fam_log_segment(view, place->segment, &segment);

	if (r < 0)
		return r;
	/* What is behind the end of a segment may look like a record. */
	if (segment.next) {
		r = fam_log_segment(view, segment.next, &next);
		if (r < 0 || next.first < number)
			return -EBADMSG;
		if (next.first == number)
			return fam_log_at(view, segment.next, sizeof(segment),
					  number, place);
	}
	return fam_log_at(view, place->segment,
			  place->at + fam_log_record_bytes(place->bytes),
			  number, place);
}

/* The segment that has a number, from the tail back. */
static int find_segment(struct fam_view view, fam_off tail, uint64_t number,
			fam_off *out, uint64_t *first)
{
	uint64_t before = UINT64_MAX;
	uint64_t steps = view.heap->bytes / FAM_LOG_SEGMENT_BYTES + 1;
	struct fam_log_segment segment;
	fam_off at = tail;

	while (steps--) {
		int r = fam_log_segment(view, at, &segment);

		if (r < 0)
			return r;
		if (segment.first >= before)
			return -EBADMSG;
		if (segment.first <= number) {
			*out = at;
			*first = segment.first;
			return 0;
		}
		before = segment.first;
		at = segment.jump && segment.jump_first > number
			     ? segment.jump
			     : segment.before;
	}
	return -EBADMSG;
}

/* Where somebody has read before, if that is on the way. */
static bool is_seen(const struct fam_log *log, struct fam_view view,
		    const struct fam_log_state *state, uint64_t number)
{
	const struct fam_log_place *seen = &log->seen;
	struct fam_log_segment segment, next;

	if (view.tx || !seen->segment || seen->number > number ||
	    seen->number <= state->cut ||
	    fam_log_segment(view, seen->segment, &segment) < 0)
		return false;
	/* In the same segment; or at the beginning of the next one. */
	return !segment.next ||
	       (fam_log_segment(view, segment.next, &next) == 0 &&
		next.first >= number);
}

int fam_log_find(struct fam_log *log, struct fam_view view,
		 const struct fam_log_state *state, uint64_t number,
		 struct fam_log_place *out)
{
	struct fam_log_place place = log->seen;
	fam_off segment;
	uint64_t first;
	int r = 0;

	if (!is_seen(log, view, state, number)) {
		r = find_segment(view, state->tail, number, &segment, &first);
		if (r == 0)
			r = fam_log_at(view, segment,
				       sizeof(struct fam_log_segment), first,
				       &place);
	}
	/* No more steps than there are records in a segment, or one beside it. */
	while (r == 0 && place.number < number)
		r = fam_log_next(view, &place);
	if (r < 0)
		return r;
	if (!view.tx)
		log->seen = place;
	*out = place;
	return 0;
}
