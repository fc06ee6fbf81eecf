// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What mutexes and the writers of read-write locks do when they meet.
 *
 * The state is a holder word and three flags. Who lets go takes WAITERS away and
 * wakes one; who has slept puts it back when he takes the lock, since others may
 * sleep as well. Who gives up after he has slept wakes another one: he may have
 * been woken for a lock that is free.
 *
 * HUNGRY, put there by who has waited for long, keeps those away who come later;
 * it cannot do so for ever, as they sleep for FAM_LOCK_HUNGRY_NS only and then
 * count as having slept.
 */
#include "fam-sync.h"

/* One call that waits. */
struct waiter {
	struct fam *fam;
	fam_word *lock;
	uint64_t me;
	struct fam_deadline until;
	int64_t began;	     /* ns, when it began to sleep; 0: not yet */
	bool slept, in_vain; /* nobody else came who was hungry */
	unsigned int rounds; /* spins before the next sleep */
};

static bool may_take(const struct waiter *w, uint64_t state)
{
	switch (fam_hold_look(w->fam, state, w->me)) {
	case FAM_HOLD_FREE:
		/* A try does not wait, not even for the hungry. */
		return !(state & FAM_LOCK_HUNGRY) || w->slept ||
		       w->until.at == 0;
	case FAM_HOLD_DEAD:
		return true;
	default:
		return false;
	}
}

/* What the state is to be when @w takes it. */
static uint64_t taken(const struct waiter *w, uint64_t was)
{
	uint64_t state = w->me | (was & FAM_LOCK_FLAGS);

	if (fam_holder_of(was))
		state |= FAM_LOCK_MARK;
	if (!w->slept)
		return state;
	if (w->in_vain || fam_now_ns() - w->began < FAM_LOCK_HUNGRY_NS)
		state &= ~FAM_LOCK_HUNGRY;
	return state | FAM_LOCK_WAITERS;
}

/*
 * Until somebody lets go, or a while has passed.
 * Return: 0 look again
 */
static int rest(struct waiter *w, uint64_t was)
{
	bool yields = !fam_holder_of(was);
	struct fam_deadline until = w->until;
	uint64_t state = was | FAM_LOCK_WAITERS;
	int64_t now = fam_now_ns();
	int r;

	if (until.at > 0 && now >= until.at)
		return -ETIMEDOUT;
	if (!w->began)
		w->began = now;
	if (w->slept && now - w->began > FAM_LOCK_HUNGRY_NS)
		state |= FAM_LOCK_HUNGRY;
	if (state != was &&
	    !fam_word_step(&w->lock[FAM_LOCK_STATE], was, state))
		return 0;
	if (yields && (until.at < 0 || until.at > now + FAM_LOCK_HUNGRY_NS))
		until.at = now + FAM_LOCK_HUNGRY_NS;
	r = fam_park(w->fam, &w->lock[FAM_LOCK_STATE], state, until);
	w->slept = true;
	w->rounds = FAM_LOCK_ROUNDS;
	if (r != -ETIMEDOUT || until.at == w->until.at)
		return r;
	w->in_vain = true;
	return 0;
}

/* Return: 0 look again */
static int await(struct waiter *w, uint64_t state)
{
	if (fam_holder_of(state) == w->me &&
	    fam_word_peek(&w->lock[FAM_LOCK_OWNER]) == fam_lock_owner(w->me))
		return -EDEADLK;
	if (w->until.at == 0)
		return -ETIMEDOUT;
	if (w->rounds && fam_holder_of(state)) {
		w->rounds--;
		if (fam_park_spin(w->fam, &w->lock[FAM_LOCK_STATE], state))
			return 0;
	}
	return rest(w, state);
}

static int give_up(const struct waiter *w, int why)
{
	if (w->slept)
		fam_unpark(w->fam, &w->lock[FAM_LOCK_STATE], 1);
	return why;
}

int fam_lock_sleep(struct fam *fam, fam_word *lock, struct fam_deadline until)
{
	struct waiter w = {fam, lock, .until = until,
			   .rounds = FAM_LOCK_ROUNDS};

	w.me = fam_park_self(fam);
	if (!w.me)
		return fam_park_why(fam);
	for (;;) {
		uint64_t was = fam_word_get(&lock[FAM_LOCK_STATE]), state;
		int r;

		if (may_take(&w, was)) {
			state = taken(&w, was);
			if (fam_word_step(&lock[FAM_LOCK_STATE], was, state))
				return fam_lock_finish(fam, lock, state);
			continue;
		}
		r = await(&w, was);
		if (r < 0)
			return give_up(&w, r);
	}
}

/* Return: 0; -EPERM it is not @me's any more */
static int let_go(struct fam *fam, fam_word *word, uint64_t me)
{
	uint64_t was = fam_word_get(word), left;

	do {
		if (fam_holder_of(was) != me)
			return -EPERM;
		left = was & (FAM_LOCK_MARK | FAM_LOCK_HUNGRY);
	} while (!fam_word_swap(word, &was, left));
	/* If nobody sleeps there is nobody to keep others away for. */
	if (was & (FAM_LOCK_WAITERS | FAM_LOCK_HUNGRY) &&
	    fam_unpark(fam, word, 1) == 0 && left & FAM_LOCK_HUNGRY)
		fam_word_step(word, left, left & ~FAM_LOCK_HUNGRY);
	return 0;
}

int fam_lock_finish(struct fam *fam, fam_word *lock, uint64_t state)
{
	uint64_t me = fam_holder_of(state);

	fam_word_poke(&lock[FAM_LOCK_OWNER], fam_lock_owner(me));
	if (fam_park_self(fam) != me) {
		let_go(fam, &lock[FAM_LOCK_STATE], me);
		return -ESTALE;
	}
	return state & FAM_LOCK_MARK ? -EOWNERDEAD : 0;
}

int fam_lock_wake(struct fam *fam, fam_word *lock)
{
	uint64_t me;
	int r = fam_lock_held(fam, lock, &me);

	if (r < 0)
		return r;
	fam_word_poke(&lock[FAM_LOCK_OWNER], 0);
	r = let_go(fam, &lock[FAM_LOCK_STATE], me);
	return r < 0 ? -ESTALE : 0;
}

int fam_lock_consistent(struct fam *fam, fam_word *lock)
{
	uint64_t me, was;
	int r = fam_lock_held(fam, lock, &me);

	if (r < 0)
		return r;
	was = fam_word_get(&lock[FAM_LOCK_STATE]);
	do {
		if (fam_holder_of(was) != me)
			return -ESTALE;
	} while (!fam_word_swap(&lock[FAM_LOCK_STATE], &was,
				was & ~FAM_LOCK_MARK));
	return 0;
}

int fam_lock_fence(struct fam *fam, fam_word *lock, uint64_t *number)
{
	uint64_t me, drawn;
	int r = fam_lock_held(fam, lock, &me);

	if (r < 0)
		return r;
	drawn = fam_word_add(&lock[FAM_LOCK_FENCE], 1) + 1;
	/* Whoever holds it after this session draws a larger one. */
	if (fam_holder_of(fam_word_get(&lock[FAM_LOCK_STATE])) != me ||
	    fam_park_self(fam) != me)
		return -ESTALE;
	*number = drawn;
	return 0;
}
