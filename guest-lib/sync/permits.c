// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/sync.h>

#include "turn.h"

/*
 * Words: how many there are; one that rises by STEP with each one given back, at
 * which those sleep who found none, with HUNGRY (turn.h); from FIRST on, who has
 * them. A giver that dies before the word has risen is noticed as any that die.
 */
#define COUNT  0
#define GIVEN  1
#define FIRST  8
#define HUNGRY UINT64_C(1)
#define STEP   UINT64_C(2)

static fam_word *word_of(struct fam_permits *permits, unsigned int i)
{
	return fam_sync_words(permits->word) + i;
}

int fam_permits_init(struct fam *fam, struct fam_permits *permits,
		     uint32_t count)
{
	(void)fam; /* as the others' first argument */
	if (count < 1 || count > FAM_PERMITS_MAX)
		return -EINVAL;
	for (unsigned int i = 1; i < FIRST + FAM_PERMITS_MAX; i++)
		permits->word[i] = 0;
	fam_word_put(word_of(permits, COUNT), count);
	return 0;
}

/* 0: it was never initialised, or somebody has overwritten it. */
static unsigned int count_of(struct fam_permits *permits)
{
	uint64_t count = fam_word_get(word_of(permits, COUNT));

	return count <= FAM_PERMITS_MAX ? (unsigned int)count : 0;
}

/* From @was to the caller; 0, -EOWNERDEAD, or -EAGAIN it is not @was any more. */
static int seize(struct fam *fam, fam_word *word, uint64_t was, uint64_t me)
{
	if (!fam_word_step(word, was, me))
		return -EAGAIN;
	if (fam_park_self(fam) != me)
		return fam_park_why(fam);
	return was ? -EOWNERDEAD : 0;
}

/*
 * One that is free, else one whose owner is dead. 0, -EOWNERDEAD; -EAGAIN there
 * is none.
 */
static int grab(struct fam *fam, struct fam_permits *permits, uint64_t me,
		uint32_t *which)
{
	unsigned int count = count_of(permits);
	int r = -EAGAIN;

	if (!count)
		return -EINVAL;
	for (unsigned int i = 0; i < 2 * count && r == -EAGAIN; i++) {
		fam_word *word = word_of(permits, FIRST + i % count);
		uint64_t v = fam_word_get(word);

		if (v && (i < count || fam_park_lives(fam, v)))
			continue;
		r = seize(fam, word, v, me);
		if (r == 0 || r == -EOWNERDEAD)
			*which = i % count;
	}
	return r;
}

static int take_slowly(struct fam *fam, struct fam_permits *permits,
		       struct fam_turn *turn, uint32_t *which)
{
	fam_word *given = word_of(permits, GIVEN);
	uint64_t me = fam_park_self(fam), v;
	bool may;
	int r, error = 0;

	for (;;) {
		if (!me)
			return fam_park_why(fam);
		v = fam_word_get(given);
		may = fam_turn_may(turn, v & HUNGRY);
		r = may ? grab(fam, permits, me, which) : -EAGAIN;
		if (r != -EAGAIN)
			break;
		/* It was looked once more: it might have been woken as well. */
		if (error < 0)
			return error;
		if (may && !(v & HUNGRY) && fam_turn_is_hungry(turn)) {
			/* One given back meanwhile may be there to take. */
			if (!fam_word_step(given, v, v | HUNGRY))
				continue;
			v |= HUNGRY;
		}
		error = fam_turn_wait(turn, fam, given, v, !may);
	}
	if ((v & HUNGRY) && fam_turn_sates(turn))
		fam_word_clear(given, HUNGRY);
	return r;
}

int fam_permits_take(struct fam *fam, struct fam_permits *permits,
		     int timeout_ms, uint32_t *which)
{
	struct fam_turn turn = fam_turn(timeout_ms);

	return take_slowly(fam, permits, &turn, which);
}

int fam_permits_give(struct fam *fam, struct fam_permits *permits,
		     uint32_t which)
{
	uint64_t me = fam_park_self(fam);

	if (!me)
		return fam_park_why(fam);
	if (which >= count_of(permits))
		return -EPERM;
	if (!fam_word_step(word_of(permits, FIRST + which), me, 0))
		return fam_park_self(fam) == me ? -EPERM : fam_park_why(fam);
	fam_word_add(word_of(permits, GIVEN), STEP);
	fam_unpark(fam, word_of(permits, GIVEN), 1);
	return 0;
}
