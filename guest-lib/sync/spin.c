// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Locks for a few instructions: fam/lock.h. The state is a holder word and the
 * MARK. Who waits spins, then naps, and tells nobody: so to unlock is one
 * compare-and-swap, always.
 */
#include <fam/lock.h>

#include "fam-sync.h"

#define NAP_FIRST_NS INT64_C(50000)
#define NAP_LAST_NS  INT64_C(2000000)

/* One call that waits. */
struct waiter {
	struct fam *fam;
	fam_word *lock;
	struct fam_deadline until;
	unsigned int rounds; /* spins before the next nap */
	int64_t nap_ns;	     /* the next one */
};

/* Return: 0 look again */
static int nap(struct waiter *w, uint64_t state)
{
	int r;

	if (fam_sync_is_late(w->until))
		return -ETIMEDOUT;
	r = fam_park(w->fam, &w->lock[FAM_LOCK_STATE], state,
		     fam_sync_nap(w->until, &w->nap_ns, NAP_LAST_NS));
	return r == -ETIMEDOUT ? 0 : r;
}

/* Return: 0 look again */
static int await(struct waiter *w, uint64_t state, uint64_t me)
{
	if (fam_holder_of(state) == me &&
	    fam_word_peek(&w->lock[FAM_LOCK_OWNER]) == fam_lock_owner(me))
		return -EDEADLK;
	if (w->until.at == 0)
		return -ETIMEDOUT;
	if (w->rounds) {
		w->rounds--;
		if (fam_park_spin(w->fam, &w->lock[FAM_LOCK_STATE], state))
			return 0;
	}
	w->rounds = FAM_LOCK_ROUNDS;
	return nap(w, state);
}

static int lock_slow(struct fam *fam, fam_word *lock, struct fam_deadline until)
{
	struct waiter w = {fam, lock, until, FAM_LOCK_ROUNDS, NAP_FIRST_NS};
	uint64_t me = fam_park_self(fam);

	if (!me)
		return fam_park_why(fam);
	for (;;) {
		uint64_t was = fam_word_get(&lock[FAM_LOCK_STATE]);
		enum fam_hold hold = fam_hold_look(fam, was, me);
		uint64_t state = me | (was & FAM_LOCK_MARK);
		int r;

		if (hold == FAM_HOLD_DEAD)
			state |= FAM_LOCK_MARK;
		if (hold == FAM_HOLD_FREE || hold == FAM_HOLD_DEAD) {
			if (fam_word_step(&lock[FAM_LOCK_STATE], was, state))
				return fam_lock_finish(fam, lock, state);
			continue;
		}
		r = await(&w, was, me);
		if (r < 0)
			return r;
	}
}

int fam_spin_lock(struct fam *fam, struct fam_spin *spin, int timeout_ms)
{
	fam_word *lock = fam_sync_words(spin->word);

	if (__builtin_expect(fam_lock_grab(fam, lock), 1))
		return 0;
	return lock_slow(fam, lock, fam_deadline(timeout_ms));
}

int fam_spin_unlock(struct fam *fam, struct fam_spin *spin)
{
	fam_word *lock = fam_sync_words(spin->word);

	if (__builtin_expect(fam_lock_let_go(fam, lock), 1))
		return 0;
	return fam_lock_wake(fam, lock);
}

int fam_spin_consistent(struct fam *fam, struct fam_spin *spin)
{
	return fam_lock_consistent(fam, fam_sync_words(spin->word));
}

int fam_spin_fence(struct fam *fam, struct fam_spin *spin, uint64_t *number)
{
	return fam_lock_fence(fam, fam_sync_words(spin->word), number);
}
