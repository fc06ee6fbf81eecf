// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The readers of read-write locks; rwlock.h tells how. */
#include "rwlock.h"

#define NAP_FIRST_NS INT64_C(1000000)
#define NAP_LAST_NS  INT64_C(8000000)

static fam_word *place(const struct rwlock_call *c, unsigned int i)
{
	unsigned int home = fam_holder_slot(c->me);

	return &c->lock[RWLOCK_READERS + (home + i) % FAM_RWLOCK_READERS];
}

/* --- being counted ---------------------------------------------------------------- */

/* One more, here? */
static bool add_at(struct rwlock_call *c, fam_word *at, uint64_t round)
{
	uint64_t was = fam_word_get(at);

	for (;;) {
		enum fam_hold hold = fam_hold_look(c->fam, was, c->me);
		uint64_t base = hold == FAM_HOLD_MINE ? was : c->me;

		if (hold == FAM_HOLD_OTHER ||
		    rwlock_count(base, round) == RWLOCK_COUNT_MAX)
			return false;
		if (fam_word_swap(at, &was,
				  base + (UINT64_C(1) << rwlock_shift(round))))
			return true;
	}
}

/* Return: false: there is no room */
static bool add(struct rwlock_call *c, uint64_t round)
{
	for (unsigned int i = 0; i < FAM_RWLOCK_READERS; i++) {
		if (add_at(c, place(c, i), round))
			return true;
	}
	return false;
}

/* One less, if one is counted; its place is free without any. */
static bool drop_at(struct rwlock_call *c, fam_word *at, uint64_t round)
{
	uint64_t was = fam_word_get(at), left;

	do {
		if (fam_holder_of(was) != c->me || !rwlock_count(was, round))
			return false;
		left = was - (UINT64_C(1) << rwlock_shift(round));
		if (!(left & FAM_HOLDER_FLAGS))
			left = 0;
	} while (!fam_word_swap(at, &was, left));
	/* A writer that closed the gate later sees this; others sleep here. */
	if (fam_holder_of(fam_word_get(&c->lock[RWLOCK_GATE])))
		fam_unpark(c->fam, at, 1);
	return true;
}

/*
 * Whichever of the session's places it is: they are as one.
 * Return: false: none is counted
 */
static bool drop(struct rwlock_call *c, uint64_t round)
{
	for (unsigned int i = 0; i < FAM_RWLOCK_READERS; i++) {
		if (drop_at(c, place(c, i), round))
			return true;
	}
	return false;
}

/* --- waiting ------------------------------------------------------------------------ */

/* Behind a dead writer, in whose place a writer may come at any time. */
static void bury(struct rwlock_call *c, uint64_t gate)
{
	fam_word *lock = c->lock;
	uint64_t state = fam_word_get(&lock[FAM_LOCK_STATE]);

	/* In this order: else his death could be forgotten half way. */
	while (fam_holder_of(state) == fam_holder_of(gate)) {
		uint64_t left = (state & FAM_LOCK_HUNGRY) | FAM_LOCK_MARK;

		if (!fam_word_swap(&lock[FAM_LOCK_STATE], &state, left))
			continue;
		fam_unpark(c->fam, &lock[FAM_LOCK_STATE], 1);
		break;
	}
	if (fam_word_step(&lock[RWLOCK_GATE], gate, gate & RWLOCK_ROUND))
		fam_unpark(c->fam, &lock[RWLOCK_GATE], UINT_MAX);
}

/* Until the gate changes. Return: 0 look again */
static int rest(struct rwlock_call *c, uint64_t gate)
{
	fam_word *word = &c->lock[RWLOCK_GATE];
	uint64_t told = gate | RWLOCK_SLEEPERS;

	if (!fam_park_lives(c->fam, gate)) {
		bury(c, gate);
		return 0;
	}
	if (fam_holder_of(gate) == c->me &&
	    fam_word_peek(&c->lock[FAM_LOCK_OWNER]) == fam_lock_owner(c->me))
		return -EDEADLK;
	if (fam_sync_is_late(rwlock_until(c)))
		return -ETIMEDOUT;
	if (fam_park_spin(c->fam, word, gate))
		return 0;
	if (told != gate && !fam_word_step(word, gate, told))
		return 0;
	return fam_park(c->fam, word, told, rwlock_until(c));
}

/* No place is free. Return: 0 try again */
static int nap(struct rwlock_call *c, int64_t *ns)
{
	fam_word *at = place(c, 0);
	int r;

	if (fam_sync_is_late(rwlock_until(c)))
		return -ETIMEDOUT;
	r = fam_park(c->fam, at, fam_word_get(at),
		     fam_sync_nap(c->until, ns, NAP_LAST_NS));
	return r == -ETIMEDOUT ? 0 : r;
}

/* Counted in the round that @gate led to. @round: the one in which it is in */
static int pass(struct rwlock_call *c, uint64_t gate, uint64_t *round)
{
	bool good = false; /* whoever closes the gate in this round waits */
	int r;

	*round = rwlock_next(gate);
	for (;;) {
		gate = fam_word_get(&c->lock[RWLOCK_GATE]);
		if (good && (gate & RWLOCK_ROUND) == *round)
			return 0;
		if (rwlock_next(gate) != *round) {
			/* Before it is dropped, so that it is never nowhere. */
			if (!add(c, rwlock_next(gate)))
				return -EAGAIN;
			drop(c, *round);
			*round = rwlock_next(gate);
			good = false;
			continue;
		}
		good = true;
		if (!fam_holder_of(gate))
			return 0;
		r = rest(c, gate);
		if (r < 0)
			return r;
	}
}

/* Return: 0; -EAGAIN there was no room */
static int enter(struct rwlock_call *c)
{
	uint64_t gate = fam_word_get(&c->lock[RWLOCK_GATE]);
	uint64_t round;
	int r;

	if (!add(c, rwlock_next(gate)))
		return -EAGAIN;
	r = pass(c, gate, &round);
	if (r == 0 && fam_park_self(c->fam) != c->me)
		r = -ESTALE;
	if (r < 0)
		drop(c, round);
	return r;
}

/* --- the calls ----------------------------------------------------------------------- */

int fam_rwlock_read(struct fam *fam, struct fam_rwlock *rwlock, int timeout_ms)
{
	struct rwlock_call c = {fam,
				fam_sync_words(rwlock->word),
				fam_park_self(fam),
				timeout_ms,
				{0}};
	int64_t nap_ns = NAP_FIRST_NS;
	int r;

	if (!c.me)
		return fam_park_why(fam);
	while ((r = enter(&c)) == -EAGAIN) {
		r = nap(&c, &nap_ns);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	/* Writers that died before the gate opened have left it by now. */
	return fam_word_get(&c.lock[FAM_LOCK_STATE]) & FAM_LOCK_MARK
		       ? -EOWNERDEAD
		       : 0;
}

int fam_rwlock_unlock_read(struct fam *fam, struct fam_rwlock *rwlock)
{
	struct rwlock_call c = {
		fam, fam_sync_words(rwlock->word), fam_park_self(fam), 0, {0}};

	if (!c.me)
		return fam_park_why(fam);
	if (!drop(&c, fam_word_get(&c.lock[RWLOCK_GATE])))
		return fam_lock_not_held(fam, c.me);
	return 0;
}
