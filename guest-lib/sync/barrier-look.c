// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* How a round of a barrier ends: all are there, or somebody has died. */
#include "barrier.h"

/* An old round's number must not be taken for that of one that is to come. */
static uint64_t not_too_old(uint64_t now, uint64_t tag)
{
	return ((now - tag) & (TAGS - 1)) > TAG_OLD ? now - TAG_OLD : tag;
}

uint64_t round_over(uint64_t w, bool broken)
{
	uint64_t over = round_now(w), now = over + 1;
	uint64_t done = broken ? round_done(w) : over;
	uint64_t torn = broken ? over : round_broken(w);

	done = not_too_old(now, done) & (TAGS - 1);
	torn = not_too_old(now, torn) & (TAGS - 1);
	return ((w & ~(CHANGE - 1)) + CHANGE) | torn << 2 * TAG_BITS |
	       done << TAG_BITS | (now & (TAGS - 1));
}

/*
 * Somebody died at a place: that breaks the round that is on. If this one was
 * broken before the place says so, the others have not been told of him.
 */
static void mark(const struct attendance *a, fam_word *place, uint64_t was,
		 uint64_t w)
{
	uint64_t gone = party(0, round_now(w), GONE);
	/* He never learnt how it ended: that was why. */
	bool told = fam_holder_of(was) && party_state(was) != MEMBER &&
		    party_tag(was) == round_now(w);

	if (!fam_word_step(place, was, gone))
		return;
	for (;;) {
		uint64_t now = fam_word_get(&a->word[ROUND]);
		uint64_t later = party(0, round_now(now), GONE);

		if (told || later == gone || !fam_word_step(place, gone, later))
			return;
		gone = later;
	}
}

enum sight { EMPTY, ATTENDS, BROKEN };

/* What place @i means for the round that is on. */
static enum sight see(const struct attendance *a, unsigned int i, uint64_t w)
{
	fam_word *place = &a->word[PARTY + i];
	uint64_t v = fam_word_get(place);

	if (party_state(v) == GONE) {
		if (party_tag(v) != round_now(w) &&
		    party_tag(v) != round_done(w))
			return EMPTY;
		/* The round he is noted for was complete just before. */
		if (party_tag(v) != round_now(w))
			mark(a, place, v, w);
		return BROKEN;
	}
	if (fam_hold_look(a->fam, v, a->me) == FAM_HOLD_DEAD) {
		mark(a, place, v, w);
		return BROKEN;
	}
	return party_state(v) == HERE && party_tag(v) == round_now(w) ? ATTENDS
								      : EMPTY;
}

bool barrier_look(const struct attendance *a, uint64_t w)
{
	unsigned int here = 0;
	bool broken = false;

	/* What this one stored at its place is seen by who comes after it. */
	fam_word_fence();
	for (unsigned int i = 0; i < a->parties; i++) {
		enum sight sight = see(a, i, w);

		here += sight == ATTENDS;
		broken |= sight == BROKEN;
	}
	/* One of them is to say that it came last: none without a place. */
	if (!broken && (here < a->parties || !a->place))
		return false;
	if (!fam_word_step(&a->word[ROUND], w, round_over(w, broken)))
		return false;
	fam_unpark(a->fam, &a->word[ROUND], UINT_MAX);
	/* Places of the dead are free now. */
	if (broken)
		barrier_room(a);
	return !broken;
}

void barrier_room(const struct attendance *a)
{
	fam_word *room = &a->word[ROOM];
	uint64_t v;

	/* The place was left; whoever looks at it later finds it so. */
	fam_word_fence();
	v = fam_word_get(room);
	if (v & 1 && fam_word_step(room, v, v + 1))
		fam_unpark(a->fam, room, UINT_MAX);
}
