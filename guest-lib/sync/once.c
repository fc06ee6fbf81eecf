// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/sync.h>

#include "fam-sync.h"

/*
 * One word: whose session is doing it; BUSY, because a holder word with flags
 * is easier to tell from those without; DONE; HALF: somebody died doing it, and
 * nobody has done it since.
 */
#define DONE UINT64_C(1)
#define BUSY UINT64_C(2)
#define HALF UINT64_C(4)

static fam_word *word_of(struct fam_once *once)
{
	return fam_sync_words(once->word);
}

/* What it becomes if the caller begins now; 0: another one is doing it. */
static uint64_t begun(struct fam *fam, uint64_t v, uint64_t me)
{
	if (!(v & BUSY))
		return me | BUSY | (v & HALF);
	return fam_park_lives(fam, v) ? 0 : me | BUSY | HALF;
}

/* It is the caller's, if the session still lives. */
static int started(struct fam *fam, uint64_t me, uint64_t v)
{
	if (fam_park_self(fam) != me)
		return fam_park_why(fam);
	return v & HALF ? -EOWNERDEAD : 1;
}

/* 0, 1, -EOWNERDEAD as fam_once_begin(); -EAGAIN it is *v. */
static int try_begin(struct fam *fam, fam_word *word, uint64_t me, uint64_t *v)
{
	*v = fam_word_get(word);
	while (!(*v & DONE)) {
		uint64_t mine = begun(fam, *v, me);

		if (!mine)
			return -EAGAIN;
		if (fam_word_swap(word, v, mine))
			return started(fam, me, mine);
	}
	return 0;
}

int fam_once_begin(struct fam *fam, struct fam_once *once, int timeout_ms)
{
	fam_word *word = word_of(once);
	uint64_t me = fam_park_self(fam), v;
	struct fam_deadline deadline;
	int r, wait = 0;

	if (!me)
		return fam_park_why(fam);
	r = try_begin(fam, word, me, &v);
	if (r == -EAGAIN && timeout_ms == 0)
		return -ETIMEDOUT;
	deadline = fam_deadline(r == -EAGAIN ? timeout_ms : 0);
	while (r == -EAGAIN && wait == 0) {
		if (!fam_park_spin(fam, word, v))
			wait = fam_park(fam, word, v, deadline);
		/* Even then: it may have been woken as well. */
		r = try_begin(fam, word, me, &v);
	}
	return r == -EAGAIN ? wait : r;
}

int fam_once_end(struct fam *fam, struct fam_once *once, int done)
{
	fam_word *word = word_of(once);
	uint64_t me = fam_park_self(fam), v = fam_word_peek(word);

	if (!me)
		return fam_park_why(fam);
	if (!(v & BUSY) || fam_holder_of(v) != me ||
	    !fam_word_step(word, v, done ? DONE : v & HALF))
		return fam_park_self(fam) == me ? -EPERM : fam_park_why(fam);
	fam_unpark(fam, word, done ? UINT_MAX : 1);
	return 0;
}
