// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Opening rings, and what all kinds have in common. */
#include "ring-format.h"

#define COUNT_MAX (1u << 24) /* messages in one call */

static const struct fam_ring_ops *choose(const struct fam_ring_config *config)
{
	if (config->flags & FAM_RING_DURABLE)
		return &fam_ring_durable;
	return config->kind == FAM_RING_SPSC ? &fam_ring_spsc : &fam_ring_mpmc;
}

static struct fam_ring *prepare(struct fam *fam, void *memory,
				const struct fam_ring_config *config)
{
	struct fam_ring *ring = malloc(sizeof(*ring));

	if (!ring)
		return NULL;
	*ring = (struct fam_ring){
		.fam = fam,
		.head = memory,
		.filled = (fam_word *)((uint8_t *)memory +
				       sizeof(struct fam_ring_head)),
		.ops = choose(config),
		.self = fam_park_self(fam),
		.mask = config->slots - 1,
		.stride = fam_ring_stride(config),
		.bytes = config->bytes,
		.config = *config,
	};
	ring->slots = (uint8_t *)ring->filled + fam_ring_words(config);
	ring->salt = ring->head->salt;
	return ring;
}

int fam_ring_at(struct fam *fam, void *memory, uint64_t bytes,
		unsigned int flags, struct fam_ring **out)
{
	struct fam_ring_config config = {0};
	struct fam_ring *ring;
	uint64_t offset;
	int r;

	if (!flags || (flags & ~(FAM_RING_PUSH | FAM_RING_POP)) ||
	    (uintptr_t)memory % 64)
		return -EINVAL;
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	r = fam_map_find(fam, memory, bytes, &offset);
	if (r == 0)
		r = fam_ring_check(memory, bytes, &config);
	if (r < 0)
		return r;
	ring = prepare(fam, memory, &config);
	if (!ring)
		return -ENOMEM;
	ring->flags = flags;
	r = fam_ring_claim(ring);
	if (r < 0)
		free(ring);
	else
		*out = ring;
	return r;
}

static int make(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	(void)bytes; /* at least what was asked for */
	return fam_ring_make(fam, memory, arg);
}

/* After a power cut: whose ports these were is dead, whatever it looks like. */
static int mend_durable(struct fam *fam, struct fam_ring_head *head,
			const struct fam_ring_config *config)
{
	memset((uint8_t *)head + offsetof(struct fam_ring_head, lock), 0,
	       offsetof(struct fam_ring_head, head) -
		       offsetof(struct fam_ring_head, lock));
	memset(head->port, 0, sizeof(head->port));
	return fam_ring_recover(fam, head, config);
}

static int mend(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	struct fam_ring_config config;

	if (fam_ring_check(memory, bytes, &config) == 0)
		return config.flags & FAM_RING_DURABLE
			       ? mend_durable(fam, memory, &config)
			       : fam_ring_make(fam, memory, &config);
	if (!arg)
		return -EBADMSG;
	config = *(const struct fam_ring_config *)arg;
	/* One that was durable would be whole. */
	if ((config.flags & FAM_RING_DURABLE) || fam_ring_size(&config) > bytes)
		return -EBADMSG;
	return fam_ring_make(fam, memory, &config);
}

int fam_ring_open(struct fam *fam, const char *name,
		  const struct fam_ring_config *config, unsigned int flags,
		  struct fam_ring **out)
{
	struct fam_object_want want = {
		.type = FAM_OBJECT_RING,
		.make = make,
		.mend = mend,
		.arg = (void *)config,
	};
	struct fam_object *object;
	int r;

	if (config) {
		want.flags = FAM_OBJECT_CREATE;
		if (config->flags & FAM_RING_DURABLE)
			want.flags |= FAM_OBJECT_DURABLE;
		want.bytes = fam_ring_size(config);
		if (!want.bytes)
			return -EINVAL;
	}
	r = fam_object_open(fam, name, &want, &object);
	if (r < 0)
		return r;
	r = fam_ring_at(fam, fam_object_memory(object),
			fam_object_bytes(object), flags, out);
	if (r < 0)
		fam_object_close(object);
	else
		(*out)->object = object;
	return r;
}

void fam_ring_close(struct fam_ring *ring)
{
	if (!ring)
		return;
	fam_ring_unclaim(ring);
	fam_object_close(ring->object);
	free(ring);
}

void fam_ring_get_config(const struct fam_ring *ring,
			 struct fam_ring_config *out)
{
	*out = ring->config;
}

uint32_t fam_ring_count(const struct fam_ring *ring)
{
	uint64_t tail = fam_word_get(&ring->head->tail);
	uint64_t n = fam_word_get(&ring->head->head) - tail;

	return n < ring->config.slots ? (uint32_t)n : ring->config.slots;
}

/*
 * Looked at behind all that a call did: who lives then did all of it while it
 * lived. Who was taken for dead in the middle may have been passed over, or have
 * copied what others were writing meanwhile.
 */
static int if_it_lives(const struct fam_ring *ring, int n)
{
	return n >= 0 && fam_ring_lost(ring) ? -ESTALE : n;
}

int fam_ring_push(struct fam_ring *ring, const void *messages,
		  unsigned int count)
{
	int n;

	if (!(ring->flags & FAM_RING_PUSH))
		return -EPERM;
	if (count > COUNT_MAX)
		count = COUNT_MAX;
	n = ring->ops->push(ring, messages, count);
	if (n > 0 && !(ring->config.flags & FAM_RING_POLLED))
		fam_ring_tell(ring->fam, &ring->head->wait_pop);
	return if_it_lives(ring, n);
}

int fam_ring_pop(struct fam_ring *ring, void *messages, unsigned int count)
{
	int n;

	if (!(ring->flags & FAM_RING_POP))
		return -EPERM;
	if (count > COUNT_MAX)
		count = COUNT_MAX;
	n = ring->ops->pop(ring, messages, count);
	if ((n > 0 || ring->passed) &&
	    !(ring->config.flags & FAM_RING_POLLED)) {
		ring->passed = false;
		fam_ring_tell(ring->fam, &ring->head->wait_push);
	}
	return if_it_lives(ring, n);
}
