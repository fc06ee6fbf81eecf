// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "ivshmem.h"

_Static_assert((IVSHMEM_NEWS_MAX & (IVSHMEM_NEWS_MAX - 1)) == 0, "ring");

static bool bit(const uint8_t *map, size_t n)
{
	return map[n / 8] >> n % 8 & 1;
}

static uint32_t news_at(const struct ivshmem_world *world, uint64_t n)
{
	return world->news[n % IVSHMEM_NEWS_MAX];
}

static void enter(struct ivshmem_stream *s, enum ivshmem_phase phase,
		  size_t index)
{
	s->phase = phase;
	s->index = index;
	s->vector = 0;
}

static bool is_present(const struct ivshmem_stream *s, size_t id)
{
	return s->present && id != s->id && bit(s->present, id);
}

/* The next ID present at the start, the peer's own left out; fast over gaps. */
static void skip_absent(struct ivshmem_stream *s)
{
	while (s->index < IVSHMEM_IDS && !is_present(s, s->index)) {
		bool gap = s->index % 8 == 0 &&
			   (!s->present || !s->present[s->index / 8]);

		s->index += gap ? 8 : 1;
	}
}

/* Leaves every phase in which nothing is left to say. */
static void settle(struct ivshmem_stream *s, const struct ivshmem_world *world)
{
	bool host = s->dialect == IVSHMEM_HOST;

	if (s->phase == IVSHMEM_SEND_OTHERS) {
		if (s->index < s->setup_count && world->ids[s->index] == s->id)
			s->index++;
		if (s->index == s->setup_count)
			enter(s, IVSHMEM_SEND_OWN, 0);
	}
	if (s->phase == IVSHMEM_SEND_OWN && s->vector == world->vectors)
		enter(s, host ? IVSHMEM_SEND_PRESENT : IVSHMEM_SEND_NEWS,
		      host ? 0 : s->setup_count);
	if (s->phase == IVSHMEM_SEND_PRESENT) {
		skip_absent(s);
		if (s->index == IVSHMEM_IDS)
			enter(s, IVSHMEM_SEND_READY, 0);
	}
}

void ivshmem_start(struct ivshmem_stream *s, const struct ivshmem_world *world,
		   enum ivshmem_dialect dialect, uint16_t id,
		   const uint8_t *present)
{
	*s = (struct ivshmem_stream){
		.dialect = dialect,
		.phase = dialect == IVSHMEM_LEGACY ? IVSHMEM_SEND_ID
						   : IVSHMEM_SEND_VERSION,
		.id = id,
		.setup_count = world->count,
		.news = world->news_count,
		.present = present,
	};
}

static struct ivshmem_message plain(int64_t value)
{
	return (struct ivshmem_message){.value = value};
}

static struct ivshmem_message host(enum ivshmem_host_kind kind, uint16_t value)
{
	return plain((int64_t)kind << 32 | value);
}

static struct ivshmem_message eventfd(const struct ivshmem_stream *s,
				      uint16_t id)
{
	return (struct ivshmem_message){
		.value = s->dialect == IVSHMEM_HOST
				 ? (int64_t)s->vector << 16 | id
				 : id,
		.fd = IVSHMEM_FD_EVENT,
		.id = id,
		.vector = (uint16_t)s->vector,
	};
}

static struct ivshmem_message host_news(const struct ivshmem_stream *s,
					uint32_t news)
{
	uint16_t id = (uint16_t)news;

	switch ((enum ivshmem_news)(news >> 16)) {
	case IVSHMEM_NEWS_CREATED:
		return eventfd(s, id);
	case IVSHMEM_NEWS_ATTACHED:
		return host(IVSHMEM_HOST_ATTACHED, id);
	case IVSHMEM_NEWS_LEFT:
		break;
	}
	return host(IVSHMEM_HOST_LEFT, id);
}

static bool peek_news(const struct ivshmem_stream *s,
		      const struct ivshmem_world *world,
		      struct ivshmem_message *out)
{
	if (s->dialect != IVSHMEM_HOST) {
		if (s->index >= world->count)
			return false;
		*out = eventfd(s, world->ids[s->index]);
		return true;
	}
	if (s->news == world->news_count || ivshmem_lost(s, world))
		return false;
	*out = host_news(s, news_at(world, s->news));
	return true;
}

bool ivshmem_peek(const struct ivshmem_stream *s,
		  const struct ivshmem_world *world,
		  struct ivshmem_message *out)
{
	bool is_host = s->dialect == IVSHMEM_HOST;

	switch (s->phase) {
	case IVSHMEM_SEND_VERSION:
		*out = plain(is_host ? IVSHMEM_HOST_MAGIC << 32 |
					       IVSHMEM_HOST_VERSION
				     : IVSHMEM_VERSION);
		return true;
	case IVSHMEM_SEND_ID:
		*out = is_host ? host(IVSHMEM_HOST_SELF, s->id) : plain(s->id);
		return true;
	case IVSHMEM_SEND_VECTORS:
		*out = host(IVSHMEM_HOST_VECTORS, (uint16_t)world->vectors);
		return true;
	case IVSHMEM_SEND_MEMORY:
		*out = plain(IVSHMEM_MEMORY);
		out->fd = IVSHMEM_FD_MEMORY;
		return true;
	case IVSHMEM_SEND_OTHERS:
		*out = eventfd(s, world->ids[s->index]);
		return true;
	case IVSHMEM_SEND_OWN:
		*out = eventfd(s, s->id);
		return true;
	case IVSHMEM_SEND_PRESENT:
		*out = host(IVSHMEM_HOST_ATTACHED, (uint16_t)s->index);
		return true;
	case IVSHMEM_SEND_READY:
		/* ready means: whoever listens knows this peer's doorbells */
		*out = host(IVSHMEM_HOST_READY, 0);
		return world->told >= s->news;
	case IVSHMEM_SEND_NEWS:
		break;
	}
	return peek_news(s, world, out);
}

/* One eventfd of several was sent: is it the last of its ID? */
static bool last_vector(struct ivshmem_stream *s,
			const struct ivshmem_world *world)
{
	if (++s->vector < world->vectors)
		return false;
	s->vector = 0;
	return true;
}

static void advance_news(struct ivshmem_stream *s,
			 const struct ivshmem_world *world)
{
	if (s->dialect != IVSHMEM_HOST) {
		if (last_vector(s, world))
			s->index++;
		return;
	}
	if (news_at(world, s->news) >> 16 != IVSHMEM_NEWS_CREATED ||
	    last_vector(s, world))
		s->news++;
}

void ivshmem_advance(struct ivshmem_stream *s,
		     const struct ivshmem_world *world)
{
	s->sent++;
	switch (s->phase) {
	case IVSHMEM_SEND_VERSION:
		enter(s, IVSHMEM_SEND_ID, 0);
		break;
	case IVSHMEM_SEND_ID:
		enter(s,
		      s->dialect == IVSHMEM_HOST ? IVSHMEM_SEND_VECTORS
						 : IVSHMEM_SEND_MEMORY,
		      0);
		break;
	case IVSHMEM_SEND_VECTORS:
		enter(s, IVSHMEM_SEND_MEMORY, 0);
		break;
	case IVSHMEM_SEND_MEMORY:
		enter(s, IVSHMEM_SEND_OTHERS, 0);
		break;
	case IVSHMEM_SEND_OTHERS:
		if (last_vector(s, world))
			s->index++;
		break;
	case IVSHMEM_SEND_OWN:
		s->vector++;
		break;
	case IVSHMEM_SEND_PRESENT:
		s->index++;
		break;
	case IVSHMEM_SEND_READY:
		enter(s, IVSHMEM_SEND_NEWS, s->setup_count);
		break;
	case IVSHMEM_SEND_NEWS:
		advance_news(s, world);
		break;
	}
	settle(s, world);
}

bool ivshmem_lost(const struct ivshmem_stream *s,
		  const struct ivshmem_world *world)
{
	return s->dialect == IVSHMEM_HOST &&
	       world->news_count - s->news > IVSHMEM_NEWS_MAX;
}

static uint64_t backlog_news(const struct ivshmem_stream *s,
			     const struct ivshmem_world *world)
{
	uint64_t n = 0;

	if (s->dialect != IVSHMEM_HOST)
		return (world->count - s->index) * world->vectors - s->vector;
	if (ivshmem_lost(s, world))
		return UINT64_MAX;
	for (uint64_t i = s->news; i < world->news_count; i++)
		n += news_at(world, i) >> 16 == IVSHMEM_NEWS_CREATED
			     ? world->vectors
			     : 1;
	return n - s->vector;
}

uint64_t ivshmem_backlog(const struct ivshmem_stream *s,
			 const struct ivshmem_world *world)
{
	struct ivshmem_stream ahead = *s;
	uint64_t n = 0;

	/* the long stretch is counted, the rest of the set-up walked through */
	for (; ahead.phase < IVSHMEM_SEND_OTHERS; n++)
		ivshmem_advance(&ahead, world);
	if (ahead.phase == IVSHMEM_SEND_OTHERS) {
		size_t rest = ahead.setup_count - ahead.index;

		for (size_t i = ahead.index; i < ahead.setup_count; i++)
			rest -= world->ids[i] == ahead.id;
		n += rest * world->vectors - ahead.vector;
		enter(&ahead, IVSHMEM_SEND_OWN, 0);
	}
	for (; ahead.phase != IVSHMEM_SEND_NEWS; n++)
		ivshmem_advance(&ahead, world);
	return n + backlog_news(&ahead, world);
}

void ivshmem_encode(enum ivshmem_dialect dialect, int64_t value,
		    uint8_t out[IVSHMEM_MESSAGE_BYTES])
{
	uint64_t wire = (uint64_t)value;

	/* the legacy dialect is the host's own "long" */
	if (dialect != IVSHMEM_LEGACY)
		wire = htole64(wire);
	memcpy(out, &wire, sizeof(wire));
}

int64_t ivshmem_decode(enum ivshmem_dialect dialect,
		       const uint8_t in[IVSHMEM_MESSAGE_BYTES])
{
	uint64_t wire;

	memcpy(&wire, in, sizeof(wire));
	return (int64_t)(dialect == IVSHMEM_LEGACY ? wire : le64toh(wire));
}
