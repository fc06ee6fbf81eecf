// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings with one producer and one consumer. Each keeps its own index here and
 * stores it for the other one, whose index it reads only when what it last saw
 * is used up.
 */
#include "ring-format.h"

void fam_ring_copy_in(struct fam_ring *ring, uint64_t at, const void *from,
		      unsigned int n)
{
	uint64_t first = at & ring->mask, fits = ring->config.slots - first;
	size_t split = (size_t)(n < fits ? n : fits) * ring->bytes;
	size_t rest = (size_t)n * ring->bytes - split;

	memcpy(ring->slots + first * ring->bytes, from, split);
	if (rest)
		memcpy(ring->slots, (const uint8_t *)from + split, rest);
}

void fam_ring_copy_out(struct fam_ring *ring, uint64_t at, void *to,
		       unsigned int n)
{
	uint64_t first = at & ring->mask, fits = ring->config.slots - first;
	size_t split = (size_t)(n < fits ? n : fits) * ring->bytes;
	size_t rest = (size_t)n * ring->bytes - split;

	memcpy(to, ring->slots + first * ring->bytes, split);
	if (rest)
		memcpy((uint8_t *)to + split, ring->slots, rest);
}

/*
 * How many of @count slots are free; -EBADMSG. What was seen counts only if it
 * can be: everything goes by it until it is used up.
 */
static int room(struct fam_ring *ring, unsigned int count)
{
	uint64_t slots = ring->config.slots;
	uint64_t free = slots - (ring->push.at - ring->push.seen), tail;

	if (free < count) {
		tail = fam_word_get(&ring->head->tail);
		free = slots - (ring->push.at - tail);
		if (free > slots)
			return -EBADMSG;
		ring->push.seen = tail;
	}
	return (int)(free < count ? free : count);
}

static int push(struct fam_ring *ring, const void *messages, unsigned int count)
{
	uint64_t at = ring->push.at;
	int n = room(ring, count);

	if (n <= 0)
		return n;
	if (n == 1)
		fam_ring_copy(fam_ring_slot(ring, at), messages, ring->bytes);
	else
		fam_ring_copy_in(ring, at, messages, (unsigned int)n);
	/* Last of all: who was declared dead must not move the index. */
	if (fam_ring_lost(ring))
		return -ESTALE;
	ring->push.at = at + (unsigned int)n;
	fam_word_put(&ring->head->head, ring->push.at);
	return n;
}

/* How many of @count messages there are; as above. */
static int there(struct fam_ring *ring, unsigned int count)
{
	uint64_t n = ring->pop.seen - ring->pop.at, head;

	if (n < count) {
		head = fam_word_get(&ring->head->head);
		n = head - ring->pop.at;
		if (n > ring->config.slots)
			return -EBADMSG;
		ring->pop.seen = head;
	}
	return (int)(n < count ? n : count);
}

static int pop(struct fam_ring *ring, void *messages, unsigned int count)
{
	uint64_t at = ring->pop.at;
	int n = there(ring, count);

	if (n <= 0)
		return n;
	if (n == 1)
		fam_ring_copy(messages, fam_ring_slot(ring, at), ring->bytes);
	else
		fam_ring_copy_out(ring, at, messages, (unsigned int)n);
	if (fam_ring_lost(ring))
		return -ESTALE;
	ring->pop.at = at + (unsigned int)n;
	fam_word_put(&ring->head->tail, ring->pop.at);
	return n;
}

static const fam_word *push_on(struct fam_ring *ring, uint64_t *value)
{
	*value = ring->push.seen;
	return &ring->head->tail;
}

static const fam_word *pop_on(struct fam_ring *ring, uint64_t *value)
{
	*value = ring->pop.at;
	return &ring->head->head;
}

const struct fam_ring_ops fam_ring_spsc = {push, pop, push_on, pop_on};
