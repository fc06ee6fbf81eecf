// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Rings with several producers, and one or several consumers. */
#include <fam-sessions.h>

#include "ring-format.h"

/* How far @intent lies behind @position; more than is possible: not at all. */
static uint64_t behind(uint64_t position, uint64_t intent)
{
	return (position - (intent >> 7)) & FAM_RING_POSITIONS;
}

/* The n-th lowest port of a set, leaving the set without it. */
static struct fam_ring_port *next_port(struct fam_ring *ring, uint64_t *set)
{
	unsigned int i = (unsigned int)__builtin_ctzll(*set);

	*set &= *set - 1;
	return i < FAM_RING_PORTS ? &ring->head->port[i] : NULL;
}

static bool lives(struct fam_ring *ring, const struct fam_ring_port *port)
{
	return fam_park_lives(ring->fam, fam_word_get(&port->holder));
}

/*
 * Positions below this may be used again. An intent that lies further behind
 * than the ring is long is one whose compare-and-swap fails: if it had
 * succeeded, this function would have kept producers from going so far.
 */
static uint64_t survey(struct fam_ring *ring)
{
	uint64_t tail = fam_word_get(&ring->head->tail), most = 0;
	uint64_t set = fam_word_peek(&ring->head->poppers);

	while (set) {
		struct fam_ring_port *port = next_port(ring, &set);
		uint64_t intent = port ? fam_word_get(&port->pop) : 0, far;

		if (!intent)
			continue;
		far = behind(tail, intent);
		if (far > most && far <= ring->config.slots &&
		    lives(ring, port))
			most = far;
	}
	return tail - most;
}

/* How many of @count slots from @head on are free; -EBADMSG. */
static int room(struct fam_ring *ring, uint64_t head, unsigned int count)
{
	uint64_t slots = ring->config.slots;
	uint64_t free = ring->push.seen + slots - head, tail;

	if (free >= count && free <= slots)
		return (int)count;
	tail = fam_word_get(&ring->head->tail);
	ring->push.seen = survey(ring);
	free = ring->push.seen + slots - head;
	if (free <= slots)
		return (int)(free < count ? free : count);
	/* Either @head is an old one, or it cannot be. */
	if (fam_word_get(&ring->head->head) == head &&
	    fam_word_get(&ring->head->tail) == tail && (head - tail) > slots)
		return -EBADMSG;
	return 0;
}

int fam_ring_take_head(struct fam_ring *ring, unsigned int count,
		       uint64_t *position)
{
	fam_word *head = &ring->head->head;
	uint64_t at = fam_word_get(head);
	int n = 0;

	for (int i = 0; i < FAM_RING_TRIES; i++) {
		n = room(ring, at, count);
		if (n <= 0)
			break;
		/* Before head moves, so that who sees that sees this. */
		fam_word_put(&ring->port->push,
			     FAM_RING_INTENT(at, (uint64_t)n));
		if (fam_word_swap(head, &at, at + (uint64_t)n)) {
			*position = at;
			return n;
		}
		n = 0;
	}
	fam_word_put(&ring->port->push, 0);
	return n;
}

static int push_burst(struct fam_ring *ring, const uint8_t *from,
		      unsigned int count)
{
	uint64_t at;
	int n = fam_ring_take_head(ring, count, &at);

	if (n <= 0)
		return n;
	/* Who was declared dead leaves its slots to be passed over. */
	if (fam_ring_lost(ring))
		return -ESTALE;
	if (n == 1)
		fam_ring_copy(fam_ring_slot(ring, at), from, ring->bytes);
	else
		fam_ring_copy_in(ring, at, from, (unsigned int)n);
	fam_ring_publish(ring, at, (unsigned int)n);
	fam_word_put(&ring->port->push, 0);
	return n;
}

static int push(struct fam_ring *ring, const void *messages, unsigned int count)
{
	const uint8_t *from = messages;
	unsigned int done = 0, burst;
	int n;

	do {
		burst = count - done;
		if (burst > FAM_RING_BURST)
			burst = FAM_RING_BURST;
		n = push_burst(ring, from + (size_t)done * ring->bytes, burst);
		if (n < 0)
			return done ? (int)done : n;
		done += (unsigned int)n;
	} while ((unsigned int)n == burst && done < count);
	return (int)done;
}

bool fam_ring_awaited(struct fam_ring *ring, uint64_t position)
{
	uint64_t set = fam_word_get(&ring->head->pushers);

	while (set) {
		struct fam_ring_port *port = next_port(ring, &set);
		uint64_t intent = port ? fam_word_get(&port->push) : 0;

		if (intent && behind(position, intent) < (intent & 0x7f) &&
		    lives(ring, port))
			return true;
	}
	return false;
}

/*
 * Why is no message at a position that was the tail? 0 there is, or may be,
 * none; 1 its producer died; -EAGAIN look again; -EBADMSG.
 */
static int stuck(struct fam_ring *ring, uint64_t tail)
{
	uint64_t head = fam_word_get(&ring->head->head);

	if (head == tail)
		return 0;
	if (head - tail > ring->config.slots)
		return fam_word_get(&ring->head->tail) == tail ? -EBADMSG
							       : -EAGAIN;
	if (fam_ring_awaited(ring, tail))
		return 0;
	/* It may have been filled, and the intent cleared, just now. */
	return fam_ring_is_filled(ring, tail) ? -EAGAIN : 1;
}

static unsigned int filled(struct fam_ring *ring, uint64_t at,
			   unsigned int count)
{
	unsigned int n = 0;

	while (n < count && fam_ring_is_filled(ring, at + n))
		n++;
	return n;
}

/*
 * Is there a reason to look why there is no message? To look each time would
 * take head away from producers. Only a death can leave slots that are taken and
 * not filled. It shows in the table of sessions; since the ring was last seen
 * empty, that is, as several slots may be concerned. What somebody scribbled, or
 * somebody did who was taken for dead, does not, and is found some time later.
 */
static bool is_suspect(struct fam_ring *ring, uint64_t changes)
{
	return changes != ring->changes || ++ring->idle % FAM_RING_IDLE == 0;
}

static uint64_t count_changes(struct fam_ring *ring)
{
	const struct fam_sessions *table = fam_session_table(ring->fam);

	return table ? fam_word_get(&table->changes) : 0;
}

/* No message is at the tail: 1 pass over it; else as stuck(). */
static int why_not(struct fam_ring *ring, uint64_t tail)
{
	uint64_t changes = count_changes(ring);
	int r;

	if (!is_suspect(ring, changes))
		return 0;
	r = stuck(ring, tail);
	if (r != 0)
		return r;
	if (fam_word_get(&ring->head->head) == tail)
		ring->changes = changes;
	return 0;
}

/* Take up to @count messages; how many; 0: none; -EBADMSG. */
static int take_tail(struct fam_ring *ring, unsigned int count,
		     uint64_t *position)
{
	fam_word *tail = &ring->head->tail;
	uint64_t at = fam_word_get(tail);
	int passes = 0, r;

	for (int i = 0; i < FAM_RING_TRIES + passes; i++) {
		unsigned int n = filled(ring, at, count);

		if (n) {
			fam_word_put(&ring->port->pop, FAM_RING_INTENT(at, n));
			if (fam_word_swap(tail, &at, at + n)) {
				*position = at;
				return (int)n;
			}
			continue;
		}
		r = why_not(ring, at);
		if (r == 1 && passes++ < FAM_RING_PASSES) {
			/* Nobody reads what is passed over: no intent. */
			ring->passed |= fam_word_step(tail, at, at + 1);
		} else if (r != -EAGAIN) {
			return r < 0 ? r : 0;
		}
		at = fam_word_get(tail);
	}
	return 0;
}

static int pop(struct fam_ring *ring, void *messages, unsigned int count)
{
	uint64_t at;
	int n;

	if (count > FAM_RING_BURST)
		count = FAM_RING_BURST;
	n = take_tail(ring, count, &at);
	if (n == 1)
		fam_ring_copy(messages, fam_ring_slot(ring, at), ring->bytes);
	else if (n > 1)
		fam_ring_copy_out(ring, at, messages, (unsigned int)n);
	fam_word_put(&ring->port->pop, 0);
	return n;
}

static const fam_word *push_on(struct fam_ring *ring, uint64_t *value)
{
	*value = fam_word_get(&ring->head->tail);
	return &ring->head->tail;
}

static const fam_word *pop_on(struct fam_ring *ring, uint64_t *value)
{
	uint64_t at = fam_word_get(&ring->head->tail);
	const fam_word *word = fam_ring_filled(ring, at);

	*value = fam_word_get(word);
	return word;
}

const struct fam_ring_ops fam_ring_mpmc = {push, pop, push_on, pop_on};
