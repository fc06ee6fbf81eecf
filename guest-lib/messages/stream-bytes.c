// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "stream-bytes.h"

static uint64_t to_edge(const struct channel_end *end, uint64_t bytes)
{
	uint64_t left = end->mask + 1 - (end->at & end->mask);

	return bytes < left ? bytes : left;
}

/* --- writer ---------------------------------------------------------------------- */

/* Return: 0, also if there is no room; -EBADMSG */
static int find_room(struct channel_end *end, uint64_t want)
{
	uint64_t size = end->mask + 1, used = end->at - end->other;

	if (used > size || size - used < want) {
		end->other = fam_word_get(&end->space->tail);
		used = end->at - end->other;
		if (used > size)
			return -EBADMSG;
	}
	end->held = to_edge(end, size - used);
	return 0;
}

static int wait_for_room(struct channel_end *end, int timeout_ms)
{
	struct channel_wait wait = channel_end_until(timeout_ms);
	int r;

	do {
		r = find_room(end, end->mask + 1);
		if (r < 0 || end->held)
			return r;
		r = channel_role_receiver(end);
		if (r == 0)
			r = channel_wait_for(end, &wait, &end->space->tail,
					     end->other);
		if (r == 0)
			r = channel_end_lives(end);
	} while (r == 0);
	return r;
}

int stream_bytes_reserve(struct channel_end *end, uint64_t want, int timeout_ms)
{
	int r = channel_end_lives(end);

	if (r < 0)
		return r;
	if (!end->sends)
		return -EPERM;
	r = channel_role_receiver(end);
	if (r == 0)
		r = find_room(end, want);
	if (r < 0 || end->held)
		return r;
	return wait_for_room(end, timeout_ms);
}

int stream_bytes_commit(struct channel_end *end, uint64_t bytes)
{
	int r = channel_end_lives(end);

	if (!end->sends || bytes > end->held)
		return -EINVAL;
	end->held = 0;
	if (r < 0)
		return r;
	end->at += bytes;
	/* All that was stored before is there for who sees this. */
	fam_word_put(&end->space->head, end->at);
	channel_wait_tell(end);
	/* Who was taken for dead by now may have written where the next one does. */
	return channel_end_lives(end);
}

/* --- reader ---------------------------------------------------------------------- */

/*
 * Where another writer has begun, what he wrote is not to be seen before it was
 * told what became of the one before. Looked at after `head`, which he has moved
 * after he had stored all this.
 */
static uint64_t until_turn(struct channel_end *end, uint64_t bytes)
{
	uint64_t role = fam_word_get(&end->space->sender[0]);
	uint64_t left;

	if (!(role & CHANNEL_BEFORE) || (role & CHANNEL_TAKING))
		return bytes;
	left = fam_word_get(&end->space->since) - end->at;
	return left < bytes ? left : bytes;
}

/* Return: 0, also if there is nothing; -EBADMSG; -ECONNRESET, -ESHUTDOWN */
static int find_bytes(struct channel_end *end, uint64_t want)
{
	uint64_t bytes = end->other - end->at;
	int r;

	if (bytes > end->mask + 1 || bytes < want) {
		end->other = fam_word_get(&end->space->head);
		bytes = end->other - end->at;
		if (bytes > end->mask + 1)
			return -EBADMSG;
	}
	r = channel_role_turn(end);
	if (r == 0)
		end->held = to_edge(end, until_turn(end, bytes));
	return r;
}

static int wait_for_bytes(struct channel_end *end, int timeout_ms)
{
	struct channel_wait wait = channel_end_until(timeout_ms);
	int r;

	for (;;) {
		r = find_bytes(end, end->mask + 1);
		if (r < 0 || end->held)
			return r;
		r = channel_role_ended(end);
		if (r == 0)
			r = channel_wait_for(end, &wait, &end->space->head,
					     end->other);
		if (r == 0)
			r = channel_end_lives(end);
		if (r < 0)
			return r;
	}
}

int stream_bytes_peek(struct channel_end *end, uint64_t want, int timeout_ms)
{
	int r = channel_end_lives(end);

	if (r < 0)
		return r;
	if (end->sends)
		return -EPERM;
	r = find_bytes(end, want);
	if (r < 0 || end->held)
		return r;
	return wait_for_bytes(end, timeout_ms);
}

int stream_bytes_release(struct channel_end *end, uint64_t bytes)
{
	int r = channel_end_lives(end);

	if (end->sends || bytes > end->held)
		return -EINVAL;
	end->held = 0;
	if (r < 0)
		return r;
	end->at += bytes;
	fam_word_put(&end->space->tail, end->at);
	channel_wait_tell(end);
	return channel_end_lives(end);
}

bool stream_bytes_are_there(struct channel_end *end)
{
	uint64_t bytes;

	end->other = fam_word_get(&end->space->head);
	bytes = end->other - end->at;
	return bytes > 0 && bytes <= end->mask + 1 &&
	       until_turn(end, bytes) > 0;
}
