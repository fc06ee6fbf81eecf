// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "channel-message.h"

/* At once, before all else is looked at, where the sender is known to be quick. */
#define LOOKS 1000

static void advance(struct channel_end *end, uint64_t to)
{
	end->at = to;
	end->held = 0;
	fam_word_put(&end->space->tail, to);
	channel_wait_tell(end);
}

/* What is there at @position: one of CHANNEL_IS_, or anything else. */
static uint64_t look_at(struct channel_end *end, uint64_t position)
{
	struct channel_message *m = channel_end_at(end, position);

	return fam_word_get(&m->stamp) - end->secret - position;
}

/* Its size, copied once: within the ring, and not beyond its end. */
static int measure(struct channel_end *end)
{
	struct channel_message *m = channel_end_at(end, end->at);
	uint64_t size = fam_word_peek(&m->size);
	uint64_t span = (size >> 32) * CHANNEL_ALIGN;

	end->bytes = size & UINT32_MAX;
	if (span == 0 || span < channel_message_span(end->bytes) ||
	    span > end->mask + 1 - (end->at & end->mask))
		return -EBADMSG;
	end->held = span;
	return 0;
}

/* Return: 1 a message is held; 0 there is none; -EBADMSG */
static int next(struct channel_end *end)
{
	uint64_t first = end->at;
	int r;

	while (end->at - first <= end->mask) {
		uint64_t what = look_at(end, end->at);

		if (what != CHANNEL_IS_MESSAGE && what != CHANNEL_IS_SKIPPED)
			return 0;
		r = measure(end);
		if (r < 0)
			return r;
		if (what == CHANNEL_IS_MESSAGE)
			return 1;
		advance(end, end->at + end->held);
	}
	/* As much as fits was skipped: others go on faster than we do. */
	return 0;
}

/*
 * How far nobody who lives has reserved anything, from where we are on.
 *
 * Return: where we are: somebody who lives has it
 */
static uint64_t find_hole(struct channel_end *end, uint64_t head)
{
	struct channel_space *space = end->space;
	uint64_t hole = head - end->at;

	for (unsigned int i = 0; i < channel_end_senders(end); i++) {
		uint64_t role = fam_word_get(&space->sender[i]);
		uint64_t at = fam_word_get(&space->intent[i].at) - end->at;

		if (!fam_holder_of(role) || at >= hole || at % CHANNEL_ALIGN)
			continue;
		if (fam_park_lives(end->fam, role))
			hole = at;
		if (hole == 0)
			break;
	}
	return end->at + hole;
}

/*
 * Head has moved, and nothing is stamped where we are. Who has reserved it wrote
 * that down before it moved, and whoever has committed since, before we looked
 * at his intent, has stamped before: the order in here matters.
 *
 * Return: 1 look again; 0 wait; -EBADMSG
 */
static int pass_over(struct channel_end *end, uint64_t head)
{
	uint64_t to;

	if (head - end->at > end->mask + 1 || head % CHANNEL_ALIGN)
		return -EBADMSG;
	to = find_hole(end, head);
	for (uint64_t at = end->at; at < to; at += CHANNEL_ALIGN) {
		uint64_t what = look_at(end, at);

		if (what == CHANNEL_IS_MESSAGE || what == CHANNEL_IS_SKIPPED)
			to = at;
	}
	if (to == end->at)
		return look_at(end, to) - 1 < CHANNEL_IS_SKIPPED;
	advance(end, to);
	return 1;
}

/* As next(), but whatever there is: also what became of the senders. */
static int look(struct channel_end *end)
{
	uint64_t head;
	int r;

	do {
		r = next(end);
		if (r)
			return r;
		head = fam_word_get(&end->space->head);
		r = head == end->at ? channel_role_ended(end)
				    : pass_over(end, head);
	} while (r == 1);
	return r;
}

static int wait_for(struct channel_end *end, int timeout_ms)
{
	struct channel_wait wait = channel_end_until(timeout_ms);
	int r;

	for (;;) {
		struct channel_message *m = channel_end_at(end, end->at);
		uint64_t seen = fam_word_get(&m->stamp);

		r = look(end);
		if (r)
			return r;
		/* If it has moved on: where it is now, nothing was seen. */
		if (m != channel_end_at(end, end->at))
			continue;
		r = channel_wait_for(end, &wait, &m->stamp, seen);
		if (r == 0)
			r = channel_end_lives(end);
		if (r < 0)
			return r;
	}
}

static int check(struct channel_end *end)
{
	if (end->sends)
		return -EPERM;
	if (end->at % CHANNEL_ALIGN)
		return -EBADMSG;
	return channel_end_lives(end);
}

/* The shortest way, for a message that is there or about to come. */
static int expect(struct channel_end *end, int timeout_ms)
{
	struct channel_message *m = channel_end_at(end, end->at);
	uint64_t want = end->secret + end->at + CHANNEL_IS_MESSAGE;

	int looks = timeout_ms && end->flags & CHANNEL_POLLED ? LOOKS : 1;

	for (; looks; looks--) {
		if (fam_word_get(&m->stamp) == want)
			return measure(end) < 0 ? -EBADMSG : 1;
	}
	return wait_for(end, timeout_ms);
}

int channel_message_peek(struct channel_end *end, int timeout_ms)
{
	int r = check(end);

	if (r < 0 || end->held)
		return r;
	r = expect(end, timeout_ms);
	if (r < 0)
		return r;
	if (end->flags & CHANNEL_ONE) {
		r = channel_role_turn(end);
		if (r < 0) {
			end->held = 0;
			return r;
		}
	}
	return 0;
}

int channel_message_release(struct channel_end *end)
{
	int r = channel_end_lives(end);

	if (end->sends || !end->held)
		return -EINVAL;
	if (r < 0) {
		end->held = 0;
		return r;
	}
	advance(end, end->at + end->held);
	/* Who was taken for dead by now may share it with the next receiver. */
	return channel_end_lives(end);
}
