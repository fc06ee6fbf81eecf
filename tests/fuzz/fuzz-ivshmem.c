// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Both sides of the ivshmem protocol: a hostile server against the receiving
 * side, and a peer's stream under a random course of the world.
 */
#include <stdint.h>
#include <string.h>

#include "ident.h"
#include "ivshmem.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct ivshmem_client client;
static uint32_t news[IVSHMEM_NEWS_MAX];
static uint16_t ids[1024];

/* Nine bytes each: whether there is a descriptor, and the message. */
static void hostile_server(const uint8_t *data, size_t len)
{
	for (; len >= 9; data += 9, len -= 9) {
		struct ivshmem_receipt r = {0};
		int64_t value = ivshmem_decode(client.dialect, data + 1);
		bool fd = data[0] & 1;

		if (ivshmem_receive(&client, value, fd, &r) < 0)
			continue;
		/* every doorbell has a place in an array of all vectors */
		if (r.event == IVSHMEM_EVENT_DOORBELL)
			must(fd && r.vector < IVSHMEM_VECTORS_MAX);
		if (r.event == IVSHMEM_EVENT_VECTORS)
			must(r.vector >= 1 && r.vector <= IVSHMEM_VECTORS_MAX);
		if (fd)
			must(client.mapped);
	}
}

static void tell(struct ivshmem_world *w, enum ivshmem_news what, uint16_t id)
{
	news[w->news_count++ % IVSHMEM_NEWS_MAX] = (uint32_t)what << 16 | id;
}

/* Sends one message, if there is one; the other side must agree with it. */
static void deliver(struct ivshmem_stream *s, const struct ivshmem_world *w)
{
	uint64_t backlog = ivshmem_backlog(s, w);
	struct ivshmem_receipt r;
	struct ivshmem_message m;
	uint8_t bytes[IVSHMEM_MESSAGE_BYTES];

	if (ivshmem_lost(s, w) || !ivshmem_peek(s, w, &m))
		return;
	must(backlog > 0);
	must(m.fd != IVSHMEM_FD_EVENT || m.vector < w->vectors);
	ivshmem_encode(s->dialect, m.value, bytes);
	must(ivshmem_receive(&client, ivshmem_decode(s->dialect, bytes),
			     m.fd != IVSHMEM_FD_NONE, &r) == 0);
	ivshmem_advance(s, w);
	must(ivshmem_backlog(s, w) == backlog - 1);
}

static void course_of_the_world(const uint8_t *data, size_t len)
{
	static uint8_t present[IVSHMEM_IDS / 8], now[IVSHMEM_IDS / 8];
	struct ivshmem_world w = {.ids = ids, .news = news, .count = 2};
	struct ivshmem_stream s;

	if (len < 1)
		return;
	memset(present, 0, sizeof(present));
	memset(now, 0, sizeof(now));
	w.vectors = 1 + data[0] % 4;
	ids[0] = 0;
	ids[1] = 500;
	ivshmem_start(&s, &w, client.dialect, 500, present);
	for (size_t i = 1; i < len; i++) {
		uint16_t id = ids[data[i] / 4 % w.count];
		bool there = now[id / 8] >> id % 8 & 1;

		if (data[i] % 4 == 0 && w.count < 400) {
			ids[w.count] = (uint16_t)(w.count * 7 % 499 + 1 +
						  (w.count > 60) * 600);
			id = ids[w.count++];
			for (size_t k = 0; k + 1 < w.count; k++)
				if (ids[k] == id) {
					w.count--;
					id = 0;
					break;
				}
			if (id)
				tell(&w, IVSHMEM_NEWS_CREATED, id);
		} else if (data[i] % 4 == 1 && id != 500) {
			tell(&w,
			     there ? IVSHMEM_NEWS_LEFT : IVSHMEM_NEWS_ATTACHED,
			     id);
			now[id / 8] ^= (uint8_t)(1u << id % 8);
		} else {
			w.told = w.news_count;
			deliver(&s, &w);
		}
	}
	w.told = w.news_count;
	for (uint64_t n = ivshmem_backlog(&s, &w); n > 0; n--)
		deliver(&s, &w);
	must(ivshmem_backlog(&s, &w) == 0 && ivshmem_setup_done(&s));
	/* all of the world arrived, once */
	for (size_t i = 0; i < w.count; i++)
		must(client.seen[ids[i]] == w.vectors);
	if (s.dialect == IVSHMEM_HOST)
		must(memcmp(client.present, now, sizeof(now)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct identity who = {0};

	if (len < 1)
		return 0;
	memset(&client, 0, sizeof(client));
	client.dialect = (enum ivshmem_dialect)(data[0] % IVSHMEM_DIALECTS);
	if (data[0] & 0x80)
		hostile_server(data + 1, len - 1);
	else if (data[0] & 0x40)
		ident_parse((const char *)data + 1, len - 1, &who);
	else
		course_of_the_world(data + 1, len - 1);
	must(memchr(who.name, '\0', sizeof(who.name)) != NULL);
	return 0;
}
