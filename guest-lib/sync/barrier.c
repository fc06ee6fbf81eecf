// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "barrier.h"

int fam_barrier_init(struct fam *fam, struct fam_barrier *barrier,
		     uint32_t parties)
{
	fam_word *word = fam_sync_words(barrier->word);

	(void)fam; /* as the others' first argument */
	if (parties < 1 || parties > FAM_BARRIER_MAX)
		return -EINVAL;
	for (unsigned int i = 1; i < PARTY + FAM_BARRIER_MAX; i++)
		barrier->word[i] = 0;
	/* As if round 0 had been broken, with nobody in it. */
	fam_word_poke(&word[ROUND], round_over(0, true));
	fam_word_put(&word[PARTIES], parties);
	return 0;
}

/* --- coming ----------------------------------------------------------------- */

/* Why the session is not what it was. */
static int lost(const struct attendance *a)
{
	return fam_park_self(a->fam) == a->me ? -ESTALE : fam_park_why(a->fam);
}

/* Has the round been broken since he knew all? */
static bool is_owed(uint64_t v, uint64_t w)
{
	return party_state(v) == MEMBER &&
	       rounds_back(w, round_broken(w)) <= rounds_back(w, party_tag(v));
}

/*
 * A place that was nobody's may be so again, rounds later. As long as this one
 * is COMING its round cannot be completed: that it is on is looked at then.
 */
static bool settle(const struct attendance *a, fam_word *place, uint64_t w)
{
	uint64_t coming = party(a->me, round_now(w), COMING);

	if (round_now(fam_word_get(&a->word[ROUND])) == round_now(w))
		return fam_word_step(place, coming,
				     party(a->me, round_now(w), HERE));
	if (fam_word_step(place, coming, 0))
		barrier_room(a);
	return false;
}

/* A member's place changes with each round that is completed: no need to look. */
static bool enter(struct attendance *a, unsigned int i, uint64_t v, uint64_t w)
{
	fam_word *place = &a->word[PARTY + i];
	bool sure = fam_holder_of(v) != 0;

	if (!fam_word_step(place, v,
			   party(a->me, round_now(w), sure ? HERE : COMING)))
		return false;
	if (!sure && !settle(a, place, w))
		return false;
	a->place = place;
	a->tag = round_now(w);
	a->before = fam_holder_of(v) == a->me ? v : 0;
	return true;
}

/*
 * The place a thread of this session had in the last round.
 * Return: 1 entered; 0 there is none; -EAGAIN; -EOWNERDEAD
 */
static int come_back(struct attendance *a, uint64_t w)
{
	for (unsigned int i = 0; i < a->parties; i++) {
		fam_word *place = &a->word[PARTY + i];
		uint64_t v = fam_word_get(place);

		if (party_state(v) != MEMBER || fam_holder_of(v) != a->me)
			continue;
		/* If the round has not changed, somebody wrote nonsense. */
		if (round_is_ahead(w, party_tag(v)) &&
		    fam_word_get(&a->word[ROUND]) != w)
			return -EAGAIN;
		if (!is_owed(v, w)) {
			if (enter(a, i, v, w))
				return 1;
		} else if (fam_word_step(place, v,
					 party(a->me, round_now(w), MEMBER))) {
			return -EOWNERDEAD;
		}
	}
	return 0;
}

/* A place that nobody has, or whose owner has not come yet. */
static bool come_new(struct attendance *a, uint64_t w, bool replace)
{
	for (unsigned int i = 0; i < a->parties; i++) {
		uint64_t v = fam_word_get(&a->word[PARTY + i]);

		if (replace ? party_state(v) != MEMBER ||
				      round_is_ahead(w, party_tag(v))
			    : !party_is_free(v, w))
			continue;
		if (enter(a, i, v, w))
			return true;
	}
	return false;
}

/* Are all places taken by those who are here? Then until one is left. */
static int await_room(const struct attendance *a)
{
	fam_word *room = &a->word[ROOM];
	uint64_t v = fam_word_get(room);

	if (a->deadline.at == 0)
		return -ETIMEDOUT;
	if (v & 1)
		return fam_park(a->fam, room, v, a->deadline);
	/* All places are looked at once more behind this. */
	fam_word_step(room, v, v + 1);
	fam_word_fence();
	return 0;
}

/* Return: 1 it has a place; 0 there is none; -EAGAIN; -EOWNERDEAD */
static int come(struct attendance *a)
{
	uint64_t w = fam_word_get(&a->word[ROUND]), now;
	int r = come_back(a, w);

	if (r)
		return r;
	if (come_new(a, w, false))
		return 1;
	/* Somebody's who has died? He breaks the round for this one, too. */
	barrier_look(a, w);
	now = fam_word_get(&a->word[ROUND]);
	if (now == w && come_new(a, w, true))
		return 1;
	now = fam_word_get(&a->word[ROUND]);
	if (now == w)
		return 0;
	return round_broken(now) == round_now(w) ? -EOWNERDEAD : -EAGAIN;
}

static int find_place(struct attendance *a)
{
	int r, wait = 0;

	for (;;) {
		do {
			r = come(a);
		} while (r == -EAGAIN);
		if (r)
			return r < 0 ? r : 0;
		if (wait < 0)
			return wait;
		if (fam_park_self(a->fam) != a->me)
			return lost(a);
		wait = await_room(a);
	}
}

/* --- being there ------------------------------------------------------------ */

/* The round is over: this one knows it. */
static int acknowledge(const struct attendance *a, uint64_t was, uint64_t w)
{
	if (!fam_word_step(a->place, was, party(a->me, round_now(w), MEMBER)))
		return lost(a);
	barrier_room(a);
	return round_done(w) == a->tag ? 0 : -EOWNERDEAD;
}

/* @why, unless the round is over first. */
static int give_up(const struct attendance *a, int why)
{
	uint64_t here = party(a->me, a->tag, HERE);
	uint64_t leaving = party(a->me, a->tag, LEAVING);
	uint64_t w;

	if (fam_park_self(a->fam) != a->me ||
	    !fam_word_step(a->place, here, leaving))
		return lost(a);
	/* Whoever saw this one here cannot complete the round any more. */
	w = fam_word_get(&a->word[ROUND]);
	do {
		if (round_now(w) != a->tag)
			return acknowledge(a, leaving, w);
	} while (!fam_word_swap(&a->word[ROUND], &w, w + CHANGE));
	if (!fam_word_step(a->place, leaving, a->before))
		return lost(a);
	barrier_room(a);
	return why;
}

static int attend(const struct attendance *a)
{
	uint64_t here = party(a->me, a->tag, HERE);
	uint64_t w = fam_word_get(&a->word[ROUND]);
	int r, wait = 0;

	while (round_now(w) == a->tag) {
		if (barrier_look(a, w)) {
			r = acknowledge(a, here, round_over(w, false));
			return r == 0 ? 1 : r;
		}
		if (wait < 0)
			return give_up(a, wait);
		if (a->deadline.at == 0)
			wait = -ETIMEDOUT;
		else if (!fam_park_spin(a->fam, &a->word[ROUND], w))
			wait = fam_park(a->fam, &a->word[ROUND], w,
					a->deadline);
		w = fam_word_get(&a->word[ROUND]);
	}
	return acknowledge(a, here, w);
}

int fam_barrier_wait(struct fam *fam, struct fam_barrier *barrier,
		     int timeout_ms)
{
	struct attendance a = {
		.fam = fam,
		.word = fam_sync_words(barrier->word),
		.me = fam_park_self(fam),
	};
	uint64_t parties = fam_word_get(&a.word[PARTIES]);
	int r;

	if (!a.me)
		return fam_park_why(fam);
	if (parties < 1 || parties > FAM_BARRIER_MAX)
		return -EINVAL;
	a.parties = (unsigned int)parties;
	a.deadline = fam_deadline(timeout_ms);
	r = find_place(&a);
	return r < 0 ? r : attend(&a);
}
