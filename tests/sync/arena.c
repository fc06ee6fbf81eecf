// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"

#define FENCE_EVERY 64

void arena_begin(struct arena *arena, uint64_t target)
{
	memset((void *)arena, 0, sizeof(*arena));
	fam_word_put(&arena->target, target);
}

static uint64_t session_of(struct fam *fam)
{
	struct fam_session self = {0};

	fam_session_self(fam, &self);
	return self.id;
}

void arena_join(struct arena_worker *worker, struct fam *fam,
		struct arena *arena, const struct lock_kind *kind)
{
	uint64_t n = fam_word_add(&arena->workers, 1);

	*worker = (struct arena_worker){
		.fam = fam,
		.arena = arena,
		.kind = kind,
		.number = n % ARENA_WORKERS,
		.session = session_of(fam),
		.random = n * 2 + 1 + (uint64_t)time(NULL),
	};
}

static uint64_t dice(struct arena_worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

/* Most calls wait, some only for a moment, some not at all. */
static int timeout(struct arena_worker *w)
{
	switch (dice(w) >> 32 & 31) {
	case 0:
		return 0;
	case 1:
		return 1;
	default:
		return -1;
	}
}

/* Finish what a dead one began. */
static void mend(struct arena_worker *w)
{
	struct arena *a = w->arena;
	uint64_t before = fam_word_get(&a->before);

	fam_word_add(&a->deaths, 1);
	if (before != fam_word_get(&a->after)) {
		if (before != fam_word_get(&a->will_be) ||
		    before != fam_word_get(&a->after) + 1)
			fam_word_add(&a->torn, 1);
		fam_word_put(&a->did[fam_word_get(&a->who) % ARENA_WORKERS],
			     fam_word_get(&a->will_have));
		fam_word_put(&a->after, before);
	}
	fam_word_put(&a->inside, 0);
	if (w->kind->consistent(w->fam, &a->lock) < 0)
		fam_word_add(&a->failed, 1);
}

static void draw(struct arena_worker *w)
{
	struct arena *a = w->arena;
	uint64_t number = 0;
	int r = w->kind->fence(w->fam, &a->lock, &number);

	if (r < 0 || number <= fam_word_get(&a->fence))
		fam_word_add(&a->unfenced, 1);
	fam_word_put(&a->fence, number);
}

/* Under the lock. Return: false: the target is reached */
static bool step(struct arena_worker *w)
{
	struct arena *a = w->arena;
	uint64_t done = fam_word_get(&a->after);

	if (fam_word_get(&a->before) != done)
		fam_word_add(&a->torn, 1);
	if (done >= fam_word_get(&a->target))
		return false;
	fam_word_put(&a->who, w->number);
	fam_word_put(&a->will_have, fam_word_get(&a->did[w->number]) + 1);
	fam_word_put(&a->will_be, done + 1);
	fam_word_put(&a->before, done + 1);
	fam_word_put(&a->did[w->number], fam_word_get(&a->will_have));
	if (done % FENCE_EVERY == 0)
		draw(w);
	fam_word_put(&a->after, done + 1);
	return true;
}

/* Return: 1 go on; 0 the target is reached; an error */
static int write_once(struct arena_worker *w)
{
	struct arena *a = w->arena;
	int r = w->kind->lock(w->fam, &a->lock, timeout(w));
	bool more;

	if (r == -ETIMEDOUT)
		return 1;
	if (r < 0 && r != -EOWNERDEAD)
		return r;
	if (r == -EOWNERDEAD)
		mend(w);
	if (!fam_word_step(&a->inside, 0, w->number + 1))
		fam_word_add(&a->doubled, 1);
	more = step(w);
	if (!fam_word_step(&a->inside, w->number + 1, 0))
		fam_word_add(&a->doubled, 1);
	r = w->kind->unlock(w->fam, &a->lock);
	if (r < 0)
		return r;
	return more;
}

static int read_once(struct arena_worker *w)
{
	struct arena *a = w->arena;
	int r = w->kind->read(w->fam, &a->lock, timeout(w));

	if (r == -ETIMEDOUT)
		return 1;
	if (r < 0 && r != -EOWNERDEAD)
		return r;
	if (r == 0 && fam_word_get(&a->inside))
		fam_word_add(&a->doubled, 1);
	if (r == 0 && fam_word_get(&a->before) != fam_word_get(&a->after))
		fam_word_add(&a->torn, 1);
	r = w->kind->unread(w->fam, &a->lock);
	return r < 0 ? r : 1;
}

/* It stood still for longer than its lease: has it? */
static int come_again(struct arena_worker *w)
{
	if (session_of(w->fam) == w->session) {
		fam_word_add(&w->arena->failed, 1);
		return -ESTALE;
	}
	fam_word_add(&w->arena->stale, 1);
	if (fam_session_rejoin(w->fam) < 0)
		return -ESTALE;
	w->session = session_of(w->fam);
	return 1;
}

int arena_work(struct arena_worker *w)
{
	uint64_t reads = 0;
	int r = 1;

	while (r == 1) {
		bool shares = w->kind->read && (dice(w) >> 32 & 3) != 0;

		r = shares ? read_once(w) : write_once(w);
		reads += shares;
		if (r == -ESTALE)
			r = come_again(w);
	}
	fam_word_add(&w->arena->reads, reads);
	return r;
}

int arena_check(struct arena *a, const char *kind)
{
	uint64_t sum = 0;
	bool good;

	for (unsigned int i = 0; i < ARENA_WORKERS; i++)
		sum += fam_word_get(&a->did[i]);
	good = sum == a->target && a->before == sum && a->after == sum &&
	       !a->doubled && !a->torn && !a->unfenced && !a->failed;
	printf("kind=%s good=%d target=%" PRIu64 " after=%" PRIu64
	       " sum=%" PRIu64 " reads=%" PRIu64 " workers=%" PRIu64
	       " deaths=%" PRIu64 " doubled=%" PRIu64 " torn=%" PRIu64
	       " unfenced=%" PRIu64 " failed=%" PRIu64 " stale=%" PRIu64 "\n",
	       kind, good, a->target, a->after, sum, a->reads, a->workers,
	       a->deaths, a->doubled, a->torn, a->unfenced, a->failed,
	       a->stale);
	return good ? 0 : -EBADMSG;
}
