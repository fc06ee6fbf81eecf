// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings that survive a power cut. Each slot says which position it holds, and
 * proves it: what is on the disk is found again without any index but `done`,
 * up to where messages were given back.
 *
 * A slot is used again only when `done` beyond it is on the disk: that is what
 * producers see as the tail. A message may be popped only when it is on the
 * disk itself.
 */
#include <fam/persist.h>

#include "ring-format.h"

static uint32_t sum(const struct fam_ring_durable_slot *slot, uint64_t salt,
		    uint32_t bytes)
{
	uint64_t what[2] = {salt, slot->position};
	uint32_t crc = fam_crc32c(0, what, sizeof(what));

	return fam_crc32c(crc, slot->bytes, bytes);
}

static int persist(struct fam_ring *ring, uint64_t at, unsigned int n)
{
	uint64_t fits = ring->config.slots - (at & ring->mask);
	unsigned int first = n < fits ? n : (unsigned int)fits;
	int r = fam_persist(ring->fam, fam_ring_slot(ring, at),
			    (size_t)first * ring->stride);

	if (r == 0 && first < n)
		r = fam_persist(ring->fam, ring->slots,
				(size_t)(n - first) * ring->stride);
	return r;
}

static void fill(struct fam_ring *ring, uint64_t at, const uint8_t *from,
		 unsigned int n)
{
	for (unsigned int i = 0; i < n; i++, at++, from += ring->bytes) {
		struct fam_ring_durable_slot *slot = fam_ring_slot(ring, at);

		slot->position = at + 1;
		memcpy(slot->bytes, from, ring->bytes);
		slot->crc32c = sum(slot, ring->salt, ring->bytes);
	}
}

/* What cannot be made durable is passed over, as if its producer had died. */
static int push_burst(struct fam_ring *ring, const uint8_t *from,
		      unsigned int count)
{
	uint64_t at;
	int n = fam_ring_take_head(ring, count, &at), r;

	if (n <= 0)
		return n;
	if (fam_ring_lost(ring))
		return -ESTALE;
	fill(ring, at, from, (unsigned int)n);
	r = persist(ring, at, (unsigned int)n);
	if (fam_ring_lost(ring))
		return -ESTALE;
	if (r == 0)
		fam_ring_publish(ring, at, (unsigned int)n);
	fam_word_put(&ring->port->push, 0);
	return r < 0 ? r : n;
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
			return done && n == -ESTALE ? (int)done : n;
		done += (unsigned int)n;
	} while ((unsigned int)n == burst && done < count);
	return (int)done;
}

/* Is there a message at `peeked`? Passes over what is nobody's any more. */
static int advance(struct fam_ring *ring)
{
	uint64_t head;

	for (int i = 0; i < FAM_RING_PASSES; i++) {
		if (fam_ring_is_filled(ring, ring->peeked))
			return 1;
		head = fam_word_get(&ring->head->head);
		if (head - ring->peeked > ring->config.slots)
			return -EBADMSG;
		if (head == ring->peeked ||
		    fam_ring_awaited(ring, ring->peeked))
			return 0;
		if (!fam_ring_is_filled(ring, ring->peeked))
			ring->peeked++;
	}
	return 0;
}

/* The message is checked as it is copied: others can write to its slot. */
static int peek_one(struct fam_ring *ring, uint8_t *to)
{
	const struct fam_ring_durable_slot *slot;
	uint64_t what[2] = {ring->salt};
	uint32_t crc;
	int r = advance(ring);

	if (r <= 0)
		return r;
	what[1] = ring->peeked + 1;
	slot = fam_ring_slot(ring, ring->peeked);
	memcpy(to, slot->bytes, ring->bytes);
	crc = fam_crc32c(fam_crc32c(0, what, sizeof(what)), to, ring->bytes);
	if (crc != slot->crc32c)
		return -EBADMSG;
	ring->peeked++;
	return 1;
}

int fam_ring_peek_once(struct fam_ring *ring, void *messages,
		       unsigned int count)
{
	uint8_t *to = messages;
	unsigned int n = 0;
	int r = 1;

	if (!(ring->flags & FAM_RING_POP))
		return -EPERM;
	if (!(ring->config.flags & FAM_RING_DURABLE))
		return -EOPNOTSUPP;
	while (n < count && r > 0) {
		r = peek_one(ring, to + (size_t)n * ring->bytes);
		if (r > 0)
			n++;
	}
	if (fam_ring_lost(ring))
		return -ESTALE;
	return n ? (int)n : r;
}

/* `done` reaches the disk, and only then producers see it. */
static int set_done(struct fam *fam, struct fam_ring_head *head, uint64_t done)
{
	int r;

	fam_word_put(&head->done, done);
	r = fam_persist(fam, (const void *)&head->done, sizeof(head->done));
	if (r == 0)
		fam_word_put(&head->tail, done);
	return r;
}

int fam_ring_release(struct fam_ring *ring)
{
	int r;

	if (!(ring->flags & FAM_RING_POP))
		return -EPERM;
	if (!(ring->config.flags & FAM_RING_DURABLE))
		return -EOPNOTSUPP;
	if (fam_ring_lost(ring))
		return -ESTALE;
	if (fam_word_get(&ring->head->tail) == ring->peeked)
		return 0;
	r = set_done(ring->fam, ring->head, ring->peeked);
	if (r == 0 && !(ring->config.flags & FAM_RING_POLLED))
		fam_ring_tell(ring->fam, &ring->head->wait_push);
	return r == 0 && fam_ring_lost(ring) ? -ESTALE : r;
}

/*
 * What the one before was releasing when it died is released: it may be on the
 * disk.
 */
int fam_ring_follow(struct fam_ring *ring)
{
	uint64_t tail = fam_word_get(&ring->head->tail);
	uint64_t done = fam_word_get(&ring->head->done);
	int r = 0;

	if (done - tail > ring->config.slots)
		done = tail;
	if (done != fam_word_get(&ring->head->done) || done != tail)
		r = set_done(ring->fam, ring->head, done);
	ring->peeked = done;
	return r;
}

int fam_ring_recover(struct fam *fam, struct fam_ring_head *head,
		     const struct fam_ring_config *config)
{
	fam_word *filled = (fam_word *)(head + 1);
	const uint8_t *slots = (uint8_t *)filled + fam_ring_words(config);
	uint64_t done = fam_word_get(&head->done), end = done;

	for (uint64_t at = done; at - done < config->slots; at++) {
		uint64_t i = at & (config->slots - 1);
		const struct fam_ring_durable_slot *slot =
			(const void *)(slots + i * fam_ring_stride(config));
		bool whole =
			slot->position == at + 1 &&
			slot->crc32c == sum(slot, head->salt, config->bytes);

		fam_word_put(&filled[i], whole ? at + 1 : 0);
		if (whole)
			end = at + 1;
	}
	fam_word_put(&head->head, end);
	return set_done(fam, head, done);
}

static int refuse(struct fam_ring *ring, void *messages, unsigned int count)
{
	(void)ring;
	(void)messages;
	(void)count;
	return -EOPNOTSUPP;
}

static const fam_word *push_on(struct fam_ring *ring, uint64_t *value)
{
	*value = fam_word_get(&ring->head->tail);
	return &ring->head->tail;
}

static const fam_word *pop_on(struct fam_ring *ring, uint64_t *value)
{
	const fam_word *word = fam_ring_filled(ring, ring->peeked);

	*value = fam_word_get(word);
	return word;
}

const struct fam_ring_ops fam_ring_durable = {push, refuse, push_on, pop_on};
