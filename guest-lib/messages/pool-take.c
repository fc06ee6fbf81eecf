// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who owns a buffer. */
#include "pool-format.h"

static void set_hint(struct fam_pool *pool, uint32_t buffer)
{
	fam_word_set(&pool->hint[buffer / 64], UINT64_C(1) << buffer % 64);
}

bool fam_pool_drop(struct fam_pool *pool, uint32_t buffer, uint64_t was)
{
	if (!fam_word_step(&pool->owner[buffer], was, 0))
		return false;
	set_hint(pool, buffer);
	return true;
}

void fam_pool_spill(struct fam_pool *pool, uint32_t keep)
{
	while (pool->cached > keep) {
		uint32_t buffer = pool->cache[--pool->cached];

		fam_pool_drop(pool, buffer, pool->self | FAM_POOL_CACHED);
	}
	fam_ring_tell(pool->fam, &pool->head->waiting);
}

static bool is_waited_for(const struct fam_pool *pool)
{
	return fam_word_peek(&pool->head->waiting) & FAM_RING_WAITING;
}

/* The lowest @n bits of a set. */
static uint64_t some_of(uint64_t set, uint32_t n)
{
	uint64_t rest = set;

	for (; n && rest; n--)
		rest &= rest - 1;
	return set & ~rest;
}

static void try_all(struct fam_pool *pool, uint32_t word, uint64_t set)
{
	while (set) {
		uint32_t buffer = word * 64 + (uint32_t)__builtin_ctzll(set);

		set &= set - 1;
		if (buffer < pool->config.buffers &&
		    fam_word_step(&pool->owner[buffer], 0,
				  pool->self | FAM_POOL_CACHED))
			pool->cache[pool->cached++] = buffer;
	}
}

/* Free buffers into the cache, @wanted at most. */
static void gather(struct fam_pool *pool, uint32_t wanted)
{
	for (uint32_t i = 0; i < pool->words && pool->cached < wanted; i++) {
		uint32_t word = (pool->at + i) % pool->words;
		uint64_t set = fam_word_peek(&pool->hint[word]);

		set = some_of(set, wanted - pool->cached);
		if (!set)
			continue;
		set &= fam_word_clear(&pool->hint[word], set);
		try_all(pool, word, set);
		if (pool->cached >= wanted)
			pool->at = word;
	}
}

/* Somebody has died: what he owned is free, and what he was about to free. */
static void look_at_all(struct fam_pool *pool)
{
	uint64_t known = 0;
	bool lives = false;

	for (uint32_t i = 0; i < pool->config.buffers; i++) {
		uint64_t word = fam_word_get(&pool->owner[i]);
		uint64_t holder = fam_holder_of(word);

		if (word == 0)
			set_hint(pool, i);
		if (!holder)
			continue;
		if (holder != known)
			lives = fam_park_lives(pool->fam, holder);
		known = holder;
		if (!lives)
			fam_pool_drop(pool, i, word);
	}
}

#define LOOKS 65536 /* words, in one call */

/*
 * There is no free one, as far as one knows: somebody else may have it in his
 * cache, and no use for it. Or the hint was lost.
 */
static void find_one(struct fam_pool *pool)
{
	const uint32_t buffers = pool->config.buffers;

	for (uint32_t i = 0; i < LOOKS && i < buffers && !pool->cached; i++) {
		uint32_t buffer = pool->next;
		fam_word *owner = &pool->owner[buffer];
		uint64_t word = fam_word_peek(owner);

		if ((!word || (word & FAM_POOL_CACHED)) &&
		    fam_word_step(owner, word, pool->self | FAM_POOL_CACHED))
			pool->cache[pool->cached++] = buffer;
		pool->next = buffer + 1 < buffers ? buffer + 1 : 0;
	}
}

static void refill(struct fam_pool *pool)
{
	struct fam_sessions *table = fam_session_table(pool->fam);
	uint32_t wanted =
		is_waited_for(pool) ? 1 : (pool->config.cache + 1) / 2;
	uint64_t changes;

	gather(pool, wanted);
	if (pool->cached || !table)
		return;
	changes = fam_word_get(&table->changes);
	if (changes != pool->changes) {
		pool->changes = changes;
		look_at_all(pool);
		gather(pool, wanted);
	}
	if (!pool->cached)
		find_one(pool);
}

/* One may not be there any more: others took it, as there was none left. */
static bool take_cached(struct fam_pool *pool, uint32_t *buffer)
{
	while (pool->cached) {
		*buffer = pool->cache[--pool->cached];
		if (fam_word_step(&pool->owner[*buffer],
				  pool->self | FAM_POOL_CACHED, pool->self))
			return true;
	}
	return false;
}

static int take(struct fam_pool *pool, uint32_t *buffer)
{
	bool taken;
	uint32_t i;

	if (fam_pool_lost(pool))
		return -ESTALE;
	taken = take_cached(pool, &i);
	if (!taken) {
		refill(pool);
		taken = take_cached(pool, &i);
	}
	/* Nobody may look for what the dead take. */
	if (fam_pool_lost(pool)) {
		if (taken)
			fam_pool_drop(pool, i, pool->self);
		fam_pool_spill(pool, 0);
		return -ESTALE;
	}
	if (!taken)
		return -EAGAIN;
	*buffer = i;
	return 0;
}

int fam_pool_take(struct fam_pool *pool, int timeout_ms, uint32_t *buffer)
{
	struct fam_deadline deadline = fam_deadline(timeout_ms);
	fam_word *waiting = &pool->head->waiting;
	int r;

	for (;;) {
		uint64_t flag;

		r = take(pool, buffer);
		if (r != -EAGAIN || timeout_ms == 0)
			return r;
		flag = fam_word_set(waiting, FAM_RING_WAITING) |
		       FAM_RING_WAITING;
		r = take(pool, buffer);
		if (r != -EAGAIN)
			return r;
		r = fam_park(pool->fam, waiting, flag, deadline);
		if (r < 0)
			return r;
	}
}

/* From exactly this word to that one, or why not. */
static int change(struct fam_pool *pool, uint32_t buffer, uint64_t from,
		  uint64_t to)
{
	if (buffer >= pool->config.buffers)
		return -ERANGE;
	if (fam_pool_lost(pool))
		return -ESTALE;
	return fam_word_step(&pool->owner[buffer], from, to) ? 0 : -EPERM;
}

int fam_pool_give(struct fam_pool *pool, uint32_t buffer)
{
	int r = change(pool, buffer, pool->self, pool->self | FAM_POOL_CACHED);

	if (r < 0)
		return r;
	if (pool->cached >= pool->config.cache)
		fam_pool_spill(pool, pool->config.cache / 2);
	pool->cache[pool->cached++] = buffer;
	/* Behind the word was changed: the waiter does it the other way round. */
	if (is_waited_for(pool))
		fam_pool_spill(pool, 0);
	return 0;
}

int fam_pool_send(struct fam_pool *pool, uint32_t buffer)
{
	return change(pool, buffer, pool->self, FAM_POOL_SENT);
}

int fam_pool_receive(struct fam_pool *pool, uint32_t buffer)
{
	int r = change(pool, buffer, FAM_POOL_SENT, pool->self);

	if (r < 0 || !fam_pool_lost(pool))
		return r;
	fam_pool_drop(pool, buffer, pool->self);
	return -ESTALE;
}
