// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <stdlib.h>

#include "flush-count.h"

#define relaxed memory_order_relaxed

static uint64_t get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, relaxed);
}

/* There is one writer: no need to lock the bus. */
static void add(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, get(word) + n, relaxed);
}

/* NULL: no memory; then this peer is not counted, but served. */
static struct count_peer *make_peer(struct flush_count *c, uint32_t id)
{
	_Atomic(struct count_page *) *at = &c->page[id / COUNT_PAGE_PEERS];
	struct count_page *page = atomic_load_explicit(at, relaxed);

	if (!page) {
		page = calloc(1, sizeof(*page));
		if (!page)
			return NULL;
		atomic_store_explicit(at, page, memory_order_release);
	}
	return &page->peer[id % COUNT_PAGE_PEERS];
}

static void add_peer(struct flush_count *c, uint32_t id, uint64_t commits,
		     uint64_t bytes, uint64_t faults)
{
	struct count_peer *p = make_peer(c, id);

	if (!p)
		return;
	add(&p->commits, commits);
	add(&p->bytes, bytes);
	add(&p->faults, faults);
}

void count_restore(struct flush_count *c, const struct tm_ctl_flush *past,
		   const struct flush_peer *peer, size_t peers)
{
	if (past) {
		add(&c->commits, past->commits);
		add(&c->bytes, past->bytes);
		add(&c->errors, past->errors);
		add(&c->faults, past->faults);
		add(&c->syncs, past->syncs);
		add(&c->ranged, past->ranged);
		add(&c->last_us, past->last_us);
		add(&c->max_us, past->max_us);
		add(&c->total_us, past->total_us);
	}
	for (size_t i = 0; i < peers; i++)
		add_peer(c, peer[i].id, peer[i].commits, peer[i].bytes,
			 peer[i].faults);
}

void count_sync(struct flush_count *c, const struct sync_result *result)
{
	add(&c->syncs, 1);
	add(&c->ranged, result->ranged);
	add(&c->total_us, result->us);
	atomic_store_explicit(&c->last_us, result->us, relaxed);
	if (result->us > get(&c->max_us))
		atomic_store_explicit(&c->max_us, result->us, relaxed);
}

void count_pass(struct flush_count *c, const struct mailbox_pass *pass,
		bool good)
{
	for (size_t i = 0; i < pass->answers; i++) {
		const struct mailbox_answer *a = &pass->answer[i];

		add_peer(c, a->peer, good ? a->requests : 0,
			 good ? a->bytes : 0, a->fault != 0);
		if (good)
			add(&c->bytes, a->bytes);
	}
	add(good ? &c->commits : &c->errors, pass->requests);
	add(&c->faults, pass->faults);
}

void count_describe(const struct flush_count *c, struct tm_ctl_flush *out)
{
	out->commits = get(&c->commits);
	out->bytes = get(&c->bytes);
	out->errors = get(&c->errors);
	out->faults = get(&c->faults);
	out->syncs = get(&c->syncs);
	out->ranged = get(&c->ranged);
	out->last_us = get(&c->last_us);
	out->max_us = get(&c->max_us);
	out->total_us = get(&c->total_us);
}

void count_describe_peer(const struct flush_count *c, struct tm_ctl_peer *out)
{
	const struct count_page *page;
	const struct count_peer *p;

	if (out->id >= IVSHMEM_IDS)
		return;
	page = atomic_load_explicit(&c->page[out->id / COUNT_PAGE_PEERS],
				    memory_order_acquire);
	if (!page)
		return;
	p = &page->peer[out->id % COUNT_PAGE_PEERS];
	out->commits = get(&p->commits);
	out->bytes = get(&p->bytes);
	out->faults = get(&p->faults);
}

void count_free(struct flush_count *c)
{
	for (size_t i = 0; i < sizeof(c->page) / sizeof(*c->page); i++)
		free(atomic_load_explicit(&c->page[i], relaxed));
}
