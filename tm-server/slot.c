// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fam-rings.h>

#include "slot.h"
#include "util/cleanup.h"

/* Descriptors kept back for sockets, the control socket and the state file. */
#define FD_HEADROOM 64

static void news(struct slots *slots, enum ivshmem_news what, uint16_t id)
{
	struct ivshmem_world *w = &slots->world;
	/* the ring is this table's own; peers only read it */
	uint32_t *ring = (uint32_t *)w->news;

	ring[w->news_count++ % IVSHMEM_NEWS_MAX] = (uint32_t)what << 16 | id;
}

static void slot_free(struct slots *slots, struct slot *slot)
{
	for (unsigned int v = 0; slot && v < slots->world.vectors; v++)
		if (slot->eventfd[v] >= 0)
			close(slot->eventfd[v]);
	free(slot);
}

static struct slot *slot_alloc(struct slots *slots, uint16_t id)
{
	unsigned int n = slots->world.vectors;
	struct slot *slot = calloc(1, sizeof(*slot) + n * sizeof(int));

	if (!slot)
		return NULL;
	slot->id = id;
	for (unsigned int v = 0; v < n; v++)
		slot->eventfd[v] = -1;
	return slot;
}

/* Nobody can fail to hear of an ID: room for it is made before it exists. */
static int insert(struct slots *slots, struct slot *slot)
{
	struct ivshmem_world *w = &slots->world;
	uint16_t *ids = (uint16_t *)w->ids; /* this table's own */

	if ((w->count & (w->count - 1)) == 0) {
		ids = realloc(ids,
			      (w->count ? w->count * 2 : 1) * sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		w->ids = ids;
	}
	ids[w->count++] = slot->id;
	slots->by_id[slot->id] = slot;
	if (slot->id >= slots->next)
		slots->next = slot->id + 1u;
	news(slots, IVSHMEM_NEWS_CREATED, slot->id);
	return 0;
}

static int make_eventfds(struct slots *slots, struct slot *slot)
{
	for (unsigned int v = 0; v < slots->world.vectors; v++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		if (fd < 0)
			return -errno;
		slot->eventfd[v] = fd;
		if ((unsigned int)fd >= slots->fd_limit)
			return -EMFILE;
	}
	return 0;
}

static int create(struct slots *slots, uint16_t id, struct slot **out)
{
	struct slot *slot = slot_alloc(slots, id);
	int ret = slot ? make_eventfds(slots, slot) : -ENOMEM;

	if (ret == 0)
		ret = insert(slots, slot);
	if (ret < 0) {
		slot_free(slots, slot);
		return ret;
	}
	*out = slot;
	return 0;
}

int slots_adopt(struct slots *slots, uint16_t id, const int *eventfd,
		struct slot **out)
{
	struct slot *slot;
	int ret;

	if (slots->by_id[id])
		return -EEXIST;
	slot = slot_alloc(slots, id);
	if (!slot)
		return -ENOMEM;
	ret = insert(slots, slot);
	if (ret < 0) {
		free(slot);
		return ret;
	}
	memcpy(slot->eventfd, eventfd, slots->world.vectors * sizeof(int));
	*out = slot;
	return 0;
}

static unsigned int fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return limit.rlim_cur > 2 * FD_HEADROOM
		       ? (unsigned int)limit.rlim_cur - FD_HEADROOM
		       : (unsigned int)limit.rlim_cur;
}

int slots_new(struct slots **out, unsigned int vectors, uint32_t next)
{
	struct slots *slots = calloc(1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	slots->world.vectors = vectors;
	slots->next = next ? next : 1;
	slots->fd_limit = fd_limit();
	slots->world.news = calloc(IVSHMEM_NEWS_MAX, sizeof(uint32_t));
	if (!slots->world.news) {
		slots_free(slots);
		return -ENOMEM;
	}
	*out = slots;
	return 0;
}

void slots_free(struct slots *slots)
{
	if (!slots)
		return;
	for (size_t i = 0; i < slots->world.count; i++)
		slot_free(slots, slots->by_id[slots->world.ids[i]]);
	free((void *)slots->world.ids);
	free((void *)slots->world.news);
	free(slots->reserved);
	free(slots);
}

int slots_open_server(struct slots *slots, struct slot **out)
{
	return create(slots, IVSHMEM_SERVER_ID, out);
}

static bool same_node(const struct identity *a, const struct identity *b)
{
	return a->uuid[0] && a->uid == b->uid && strcmp(a->uuid, b->uuid) == 0;
}

static struct reservation *find_reserved(struct slots *slots,
					 const struct identity *who)
{
	for (size_t i = 0; i < slots->reserved_count; i++)
		if (same_node(who, &slots->reserved[i].owner))
			return &slots->reserved[i];
	return NULL;
}

int slots_reserve(struct slots *slots, uint16_t id,
		  const struct identity *owner)
{
	struct reservation *r;

	if (id == IVSHMEM_SERVER_ID || slots->by_id[id])
		return -EEXIST;
	for (size_t i = 0; i < slots->reserved_count; i++)
		if (slots->reserved[i].id == id)
			return -EEXIST;
	r = realloc(slots->reserved, (slots->reserved_count + 1) * sizeof(*r));
	if (!r)
		return -ENOMEM;
	slots->reserved = r;
	r[slots->reserved_count++] = (struct reservation){id, *owner};
	if (id >= slots->next)
		slots->next = id + 1u;
	return 0;
}

static void unreserve(struct slots *slots, struct reservation *r)
{
	*r = slots->reserved[--slots->reserved_count];
}

static struct slot *find_node(const struct slots *slots,
			      const struct identity *who, bool free_only)
{
	struct slot *best = NULL;

	for (size_t i = 0; who->uuid[0] && i < slots->world.count; i++) {
		struct slot *s = slots->by_id[slots->world.ids[i]];

		if (same_node(who, &s->owner) && (!free_only || !s->peer) &&
		    (!best || s->id < best->id))
			best = s;
	}
	return best;
}

struct slot *slots_find(const struct slots *slots, const struct identity *who)
{
	return find_node(slots, who, false);
}

/*
 * The lowest ID nobody has and nobody will come back for. While sessions of the
 * one who had it are being ended, those of another would be among them.
 */
static struct slot *find_ownerless(const struct slots *slots)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < slots->world.count; i++) {
		struct slot *s = slots->by_id[slots->world.ids[i]];

		if (s->id != IVSHMEM_SERVER_ID && !s->peer &&
		    !s->owner.uuid[0] && !atomic_load(&s->leaving) &&
		    (!best || s->id < best->id))
			best = s;
	}
	return best;
}

static struct slot *find_longest_away(const struct slots *slots)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < slots->world.count; i++) {
		struct slot *s = slots->by_id[slots->world.ids[i]];

		if (s->id != IVSHMEM_SERVER_ID && !s->peer &&
		    (!best || s->left < best->left))
			best = s;
	}
	return best;
}

static int choose(struct slots *slots, const struct identity *who,
		  struct slot **out)
{
	struct reservation *r = find_reserved(slots, who);
	int ret = -EUSERS;

	*out = find_node(slots, who, true);
	if (*out)
		return 0;
	if (r && create(slots, r->id, out) == 0) {
		unreserve(slots, r);
		return 0;
	}
	*out = find_ownerless(slots);
	if (*out)
		return 0;
	if (slots->next < IVSHMEM_IDS)
		ret = create(slots, (uint16_t)slots->next, out);
	if (ret == 0)
		return 0;
	*out = find_longest_away(slots);
	return *out ? 0 : ret;
}

/* What was rung while nobody was there would be a stale interrupt. */
static void drain(const struct slots *slots, const struct slot *slot)
{
	uint64_t count;

	for (unsigned int v = 0; v < slots->world.vectors; v++)
		/* fails if there was none */
		(void)fam_rings_take(slot->eventfd[v], &count);
}

void slots_restore(struct slots *slots, struct slot *slot, struct peer *peer,
		   const struct identity *who)
{
	slot->peer = peer;
	slot->owner = *who;
	slots->present[slot->id / 8] |= (uint8_t)(1u << slot->id % 8);
}

int slots_attach(struct slots *slots, const struct identity *who,
		 struct peer *peer, struct slot **out)
{
	int ret = choose(slots, who, out);

	if (ret < 0)
		return ret;
	drain(slots, *out);
	if (strcmp((*out)->owner.uuid, who->uuid) != 0 ||
	    ((*out)->owner.uid != who->uid && who->uuid[0]))
		slots->owner_changes++;
	slots_restore(slots, *out, peer, who);
	news(slots, IVSHMEM_NEWS_ATTACHED, (*out)->id);
	return 0;
}

void slots_detach(struct slots *slots, struct slot *slot)
{
	slot->peer = NULL;
	slot->left = ++slots->departures;
	slots->present[slot->id / 8] &= (uint8_t) ~(1u << slot->id % 8);
	news(slots, IVSHMEM_NEWS_LEFT, slot->id);
}

int slot_ring(const struct slot *slot, unsigned int vector)
{
	return fam_rings_add(slot->eventfd[vector], 1);
}
