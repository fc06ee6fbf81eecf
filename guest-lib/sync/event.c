// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/sync.h>

#include "fam-sync.h"

/*
 * One word. SET lets all pass; PULSED lets one pass, who takes it away by
 * compare-and-swap: if the one that was woken for it dies first, or is late, it
 * is there for another one.
 */
#define SET    UINT64_C(1)
#define PULSED UINT64_C(2)

static fam_word *word_of(struct fam_event *event)
{
	return fam_sync_words(event->word);
}

int fam_event_set(struct fam *fam, struct fam_event *event)
{
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	fam_word_set(word_of(event), SET);
	/* Also if it was: who set it may have died before this. */
	fam_unpark(fam, word_of(event), UINT_MAX);
	return 0;
}

int fam_event_pulse(struct fam *fam, struct fam_event *event)
{
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	fam_word_set(word_of(event), PULSED);
	fam_unpark(fam, word_of(event), 1);
	return 0;
}

int fam_event_reset(struct fam *fam, struct fam_event *event)
{
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	return fam_word_clear(word_of(event), SET | PULSED) ? 1 : 0;
}

/* Has the caller passed? *v is what the word is, if not. */
static bool pass(fam_word *word, uint64_t *v)
{
	*v = fam_word_get(word);
	while (!(*v & SET)) {
		if (!(*v & PULSED))
			return false;
		if (fam_word_swap(word, v, *v & ~PULSED))
			return true;
	}
	return true;
}

int fam_event_wait(struct fam *fam, struct fam_event *event, int timeout_ms)
{
	fam_word *word = word_of(event);
	struct fam_deadline deadline;
	uint64_t v;
	int r = 0;

	if (!fam_park_self(fam))
		return fam_park_why(fam);
	if (pass(word, &v))
		return 0;
	if (timeout_ms == 0)
		return -ETIMEDOUT;
	deadline = fam_deadline(timeout_ms);
	if (fam_park_spin(fam, word, v) && pass(word, &v))
		return 0;
	while (r == 0) {
		r = fam_park(fam, word, v, deadline);
		/* Even then: it may have been woken as well. */
		if (pass(word, &v))
			return 0;
	}
	return r;
}
