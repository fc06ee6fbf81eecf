// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/sync.h>

#include "fam-sync.h"

/*
 * One word, which counts signals. Who waits reads it while it still has the
 * mutex, and sleeps while it is that: a signal sent after the mutex was
 * released is never missed, and one whose receiver died is found, because all
 * that slept before it see another number at their next look.
 */
static fam_word *word_of(struct fam_cond *cond)
{
	return fam_sync_words(cond->word);
}

static int add_signal(struct fam *fam, struct fam_cond *cond,
		      unsigned int count)
{
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	fam_word_add(word_of(cond), 1);
	fam_unpark(fam, word_of(cond), count);
	return 0;
}

int fam_cond_signal(struct fam *fam, struct fam_cond *cond)
{
	return add_signal(fam, cond, 1);
}

int fam_cond_broadcast(struct fam *fam, struct fam_cond *cond)
{
	return add_signal(fam, cond, UINT_MAX);
}

/* Until there was a signal. */
static int sleep_there(struct fam *fam, const fam_word *word, uint64_t seen,
		       int timeout_ms)
{
	struct fam_deadline deadline = fam_deadline(timeout_ms);
	int r = timeout_ms == 0 ? -ETIMEDOUT : 0;

	while (r == 0 && fam_word_get(word) == seen)
		r = fam_park(fam, word, seen, deadline);
	/* The signal that came with the time's end must not be lost. */
	return fam_word_get(word) == seen ? r : 0;
}

/* The caller had it and must have it again, whatever comes. */
static int lock_again(struct fam *fam, struct fam_mutex *mutex)
{
	int r;

	do {
		r = fam_mutex_lock(fam, mutex, -1);
	} while (r == -EINTR);
	return r;
}

int fam_cond_wait(struct fam *fam, struct fam_cond *cond,
		  struct fam_mutex *mutex, int timeout_ms)
{
	uint64_t seen = fam_word_get(word_of(cond));
	int r, locked;

	r = fam_mutex_unlock(fam, mutex);
	if (r < 0)
		return r;
	r = sleep_there(fam, word_of(cond), seen, timeout_ms);
	locked = lock_again(fam, mutex);
	return locked < 0 ? locked : r;
}
