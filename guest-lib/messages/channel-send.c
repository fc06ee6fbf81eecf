// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "channel-message.h"

/* Others moved `head` each time: as good as full, for the moment. */
#define TRIES 1000

/* A piece that is reserved: @span from @at on. */
struct piece {
	uint64_t at, span;
};

static void stamp(struct channel_end *end, const struct piece *p,
		  uint64_t bytes, unsigned int what)
{
	struct channel_message *m = channel_end_at(end, p->at);

	fam_word_poke(&m->size, p->span / CHANNEL_ALIGN << 32 | bytes);
	/* All that was stored before is there for who sees this. */
	fam_word_put(&m->stamp, end->secret + p->at + what);
}

/*
 * Room behind @head? A message lies in one piece: where the ring ends before it
 * does, what is left there is skipped.
 *
 * Return: 1 @p is to be reserved; 0 it is full; -EAGAIN @head is an old one;
 * -EBADMSG
 */
static int find(struct channel_end *end, uint64_t head, uint64_t span,
		struct piece *p)
{
	uint64_t size = end->mask + 1, left = size - (head & end->mask);

	*p = (struct piece){head, span <= left ? span : left};
	if (head % CHANNEL_ALIGN)
		return -EBADMSG;
	if (head - end->other + p->span <= size && head - end->other <= size)
		return 1;
	end->other = fam_word_get(&end->space->tail);
	if (head - end->other <= size)
		return head - end->other + p->span <= size;
	/* Not between tail and tail + size, unless it has moved meanwhile. */
	return fam_word_get(&end->space->head) == head ? -EBADMSG : -EAGAIN;
}

/* The only one who moves it. */
static int take_alone(struct channel_end *end, uint64_t span, struct piece *p)
{
	int r = find(end, end->at, span, p);

	if (r <= 0)
		return r == -EAGAIN ? -EBADMSG : r;
	fam_word_put(&end->space->intent[0].at, p->at);
	fam_word_put(&end->space->head, p->at + p->span);
	return 1;
}

static int take_shared(struct channel_end *end, uint64_t span, struct piece *p)
{
	fam_word *intent = &end->space->intent[end->slot].at;
	uint64_t head = fam_word_get(&end->space->head);
	int r = 0;

	for (int i = 0; i < TRIES; i++) {
		r = find(end, head, span, p);
		if (r == 0 || r == -EBADMSG)
			break;
		/* There before the head moves: a swap is a full fence. */
		fam_word_put(intent, head);
		if (r == 1 &&
		    fam_word_swap(&end->space->head, &head, head + p->span))
			return 1;
		head = fam_word_get(&end->space->head);
		r = 0;
	}
	/* Or we would be taken for who has it. */
	fam_word_put(intent, CHANNEL_NOWHERE);
	return r;
}

static int take(struct channel_end *end, uint64_t span)
{
	struct piece p;
	int r;

	for (;;) {
		r = end->flags & CHANNEL_ONE ? take_alone(end, span, &p)
					     : take_shared(end, span, &p);
		if (r <= 0)
			return r;
		end->at = p.at;
		if (p.span == span)
			break;
		stamp(end, &p, 0, CHANNEL_IS_SKIPPED);
		channel_wait_tell(end);
		end->at += p.span;
	}
	end->held = span;
	return 1;
}

static int check(struct channel_end *end, uint64_t bytes)
{
	int r = channel_end_lives(end);

	if (r < 0)
		return r;
	if (!end->sends)
		return -EPERM;
	if (end->held)
		return -EBUSY;
	return bytes > channel_message_max(end) ? -EMSGSIZE : 0;
}

int channel_message_reserve(struct channel_end *end, uint64_t bytes,
			    int timeout_ms)
{
	uint64_t tail, span = channel_message_span(bytes);
	struct channel_wait wait;
	int r = check(end, bytes);

	if (r < 0)
		return r;
	r = channel_role_receiver(end);
	if (r < 0)
		return r;
	r = take(end, span);
	if (r)
		return r < 0 ? r : 0;
	wait = channel_end_until(timeout_ms);
	do {
		tail = fam_word_get(&end->space->tail);
		r = take(end, span);
		if (r)
			break;
		r = channel_role_receiver(end);
		if (r == 0)
			r = channel_wait_for(end, &wait, &end->space->tail,
					     tail);
		if (r == 0)
			r = channel_end_lives(end);
	} while (r == 0);
	return r < 0 ? r : 0;
}

/* Its second line is the receiver's, still: have it by the next time. */
static void expect_next(struct channel_end *end)
{
	__builtin_prefetch((char *)channel_end_at(end, end->at) + 64, 1);
}

static void finish(struct channel_end *end, uint64_t bytes, unsigned int what)
{
	const struct piece p = {end->at, end->held};

	stamp(end, &p, bytes, what);
	end->at += end->held;
	end->held = 0;
	expect_next(end);
	channel_wait_tell(end);
}

int channel_message_commit(struct channel_end *end, uint64_t bytes)
{
	int r = channel_end_lives(end);

	if (!end->sends || !end->held)
		return -EINVAL;
	if (channel_message_span(bytes) > end->held)
		return -EMSGSIZE;
	if (r < 0) {
		end->held = 0;
		return r;
	}
	finish(end, bytes, CHANNEL_IS_MESSAGE);
	/* Who was taken for dead by now may have been passed over before. */
	return channel_end_lives(end);
}

void channel_message_cancel(struct channel_end *end)
{
	if (end->held && channel_end_lives(end) == 0)
		finish(end, 0, CHANNEL_IS_SKIPPED);
	end->held = 0;
}
