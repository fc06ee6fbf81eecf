// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a ring in memory is, and who opens it. */
#include <fam/persist.h>

#include "ring-format.h"

#define OPEN_MS 30000 /* recovering a large durable ring takes long */
#define ROLES	((uint64_t)(FAM_RING_PUSH | FAM_RING_POP))

static bool is_valid(const struct fam_ring_config *config)
{
	uint32_t known = FAM_RING_POLLED | FAM_RING_DURABLE;

	if (config->kind < FAM_RING_SPSC || config->kind > FAM_RING_MPMC ||
	    (config->flags & ~known))
		return false;
	if ((config->flags & FAM_RING_DURABLE) && config->kind == FAM_RING_MPMC)
		return false;
	return config->slots >= 2 && config->slots <= FAM_RING_SLOTS_MAX &&
	       (config->slots & (config->slots - 1)) == 0 &&
	       config->bytes >= 1 && config->bytes <= FAM_RING_SLOT_MAX;
}

uint32_t fam_ring_stride(const struct fam_ring_config *config)
{
	uint32_t padded = (config->bytes + 7) & ~UINT32_C(7);

	if (config->flags & FAM_RING_DURABLE)
		return padded + sizeof(struct fam_ring_durable_slot);
	return config->bytes;
}

uint64_t fam_ring_words(const struct fam_ring_config *config)
{
	if (config->kind == FAM_RING_SPSC &&
	    !(config->flags & FAM_RING_DURABLE))
		return 0;
	return (config->slots * UINT64_C(8) + 63) & ~UINT64_C(63);
}

uint64_t fam_ring_size(const struct fam_ring_config *config)
{
	uint64_t slots;

	if (!is_valid(config))
		return 0;
	slots = (uint64_t)config->slots * fam_ring_stride(config);
	return sizeof(struct fam_ring_head) + fam_ring_words(config) +
	       ((slots + 63) & ~UINT64_C(63));
}

#define FIXED offsetof(struct fam_ring_head, lock)

static uint32_t sum(const struct fam_ring_head *fixed)
{
	struct fam_ring_head copy;

	memcpy(&copy, fixed, FIXED);
	copy.crc32c = 0;
	return fam_crc32c(0, &copy, FIXED);
}

int fam_ring_check(const void *memory, uint64_t bytes,
		   struct fam_ring_config *out)
{
	struct fam_ring_head copy;
	struct fam_ring_config config;

	if (bytes < sizeof(copy))
		return -EBADMSG;
	memcpy(&copy, memory, FIXED);
	config = (struct fam_ring_config){copy.kind, copy.flags, copy.slots,
					  copy.bytes};
	if (copy.magic != FAM_RING_MAGIC || copy.crc32c != sum(&copy) ||
	    !is_valid(&config) || fam_ring_size(&config) > bytes)
		return -EBADMSG;
	*out = config;
	return 0;
}

static int check_memory(struct fam *fam, const void *memory, uint64_t bytes)
{
	uint64_t offset;

	if ((uintptr_t)memory % 64)
		return -EINVAL;
	return fam_map_find(fam, memory, bytes, &offset);
}

int fam_ring_make(struct fam *fam, void *memory,
		  const struct fam_ring_config *config)
{
	struct fam_ring_head *head = memory;
	uint64_t bytes = fam_ring_size(config);
	uint64_t self = fam_park_self(fam);
	int r;

	if (!bytes)
		return -EINVAL;
	if (!self)
		return fam_park_why(fam);
	r = check_memory(fam, memory, bytes);
	if (r < 0)
		return r;
	memset(memory, 0, bytes);
	head->kind = config->kind;
	head->flags = config->flags;
	head->slots = config->slots;
	head->bytes = config->bytes;
	head->salt = self ^ (uint64_t)fam_now_ns();
	head->magic = FAM_RING_MAGIC;
	head->crc32c = sum(head);
	if (config->flags & FAM_RING_DURABLE)
		r = fam_persist(fam, memory, sizeof(*head));
	return r;
}

/* --- opening ----------------------------------------------------------------- */

static bool lives(struct fam_ring *ring, uint64_t holder)
{
	return holder && fam_park_lives(ring->fam, holder);
}

static int lock(struct fam_ring *ring)
{
	struct fam_deadline deadline = fam_deadline(OPEN_MS);
	fam_word *word = &ring->head->lock;
	int64_t nap = 0;
	int r = 0;

	while (r == 0) {
		uint64_t was = fam_word_get(word);

		if (!lives(ring, was) && fam_word_swap(word, &was, ring->self))
			return fam_ring_lost(ring) ? -ESTALE : 0;
		r = fam_ring_nap(&nap, deadline);
	}
	return r == -ETIMEDOUT ? -EBUSY : r;
}

/* Who is there? The port to take, or NULL. */
static struct fam_ring_port *look(struct fam_ring *ring, uint64_t *roles,
				  bool *alone)
{
	struct fam_ring_port *free = NULL;

	*roles = 0;
	*alone = true;
	for (int i = FAM_RING_PORTS - 1; i >= 0; i--) {
		struct fam_ring_port *port = &ring->head->port[i];
		uint64_t holder = fam_word_get(&port->holder);

		if (lives(ring, holder)) {
			*roles |= holder & ROLES;
			*alone = false;
		} else {
			free = port;
		}
	}
	return free;
}

static bool is_taken(const struct fam_ring *ring, uint64_t roles)
{
	uint64_t single = 0;

	if (ring->config.kind != FAM_RING_MPMC)
		single |= FAM_RING_POP;
	if (ring->config.kind == FAM_RING_SPSC)
		single |= FAM_RING_PUSH;
	return roles & single & ring->flags;
}

/*
 * The bits stay when the port is given back: the next one has it, too. Who is
 * taken for dead in here finds the port taken, or takes it for nobody.
 */
static int occupy(struct fam_ring *ring, struct fam_ring_port *port)
{
	uint64_t bit = UINT64_C(1) << (port - ring->head->port);
	uint64_t was = fam_word_get(&port->holder);

	if (lives(ring, was) ||
	    !fam_word_step(&port->holder, was, ring->self | ring->flags))
		return -ESTALE;
	ring->port = port;
	/* Of its last holder; until then others wait for us at most. */
	fam_word_put(&port->push, 0);
	fam_word_put(&port->pop, 0);
	if (ring->flags & FAM_RING_PUSH)
		fam_word_set(&ring->head->pushers, bit);
	if (ring->flags & FAM_RING_POP)
		fam_word_set(&ring->head->poppers, bit);
	return 0;
}

static int begin(struct fam_ring *ring)
{
	ring->pop.at = fam_word_get(&ring->head->tail);
	ring->pop.seen = ring->pop.at;
	ring->push.at = fam_word_get(&ring->head->head);
	/* As if it were full: the first push looks, and checks what it sees. */
	ring->push.seen = ring->push.at - ring->config.slots;
	if (!(ring->config.flags & FAM_RING_DURABLE) ||
	    !(ring->flags & FAM_RING_POP))
		return 0;
	return fam_ring_follow(ring);
}

static int enter(struct fam_ring *ring)
{
	struct fam_ring_port *port;
	uint64_t roles;
	bool alone;
	int r = 0;

	port = look(ring, &roles, &alone);
	if (is_taken(ring, roles))
		return -EBUSY;
	if (!port)
		return -EMFILE;
	if (alone && (ring->config.flags & FAM_RING_DURABLE))
		r = fam_ring_recover(ring->fam, ring->head, &ring->config);
	if (r == 0)
		r = occupy(ring, port);
	if (r < 0)
		return r;
	r = begin(ring);
	if (r < 0)
		fam_ring_unclaim(ring);
	return r;
}

int fam_ring_claim(struct fam_ring *ring)
{
	int r = lock(ring);

	if (r < 0)
		return r;
	r = enter(ring);
	fam_word_step(&ring->head->lock, ring->self, 0);
	return r;
}

/* A child of fork(2) has its parent's word, and no session. */
void fam_ring_unclaim(struct fam_ring *ring)
{
	if (fam_ring_lost(ring))
		return;
	fam_word_step(&ring->port->holder, ring->self | ring->flags, 0);
}
