// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Read-write locks: fam/lock.h. The readers are in rwlock-read.c, and what both
 * have in common is told in rwlock.h.
 */
#include "rwlock.h"

static fam_word *words(struct fam_rwlock *lock)
{
	return fam_sync_words(lock->word);
}

/* Return: 0; -EPERM it is not @me's any more */
static int open_gate(struct fam *fam, fam_word *lock, uint64_t me, uint64_t by)
{
	uint64_t was = fam_word_get(&lock[RWLOCK_GATE]), left;

	do {
		if (fam_holder_of(was) != me)
			return -EPERM;
		left = (was + by) & RWLOCK_ROUND;
	} while (!fam_word_swap(&lock[RWLOCK_GATE], &was, left));
	if (was & RWLOCK_SLEEPERS)
		fam_unpark(fam, &lock[RWLOCK_GATE], UINT_MAX);
	return 0;
}

/*
 * Behind it, new readers wait for this writer. Who finds it closed by another
 * writer, and has the writers' lock, comes after a dead one.
 *
 * That he has it is looked at behind the gate: who was taken for dead meanwhile
 * must not open what the next writer has closed.
 * Return: 0, and @round that the readers are in; -ESTALE
 */
static int close_gate(const struct rwlock_call *c, uint64_t *round)
{
	fam_word *gate = &c->lock[RWLOCK_GATE];
	uint64_t was = fam_word_get(gate);

	do {
		if (fam_park_self(c->fam) != c->me)
			return -ESTALE;
	} while (!fam_word_swap(gate, &was, c->me | (was & FAM_HOLDER_FLAGS)));
	*round = was & RWLOCK_ROUND;
	return 0;
}

/* Until no reader that lives is in. Return: 0, ... as fam_park() */
static int drain(struct rwlock_call *c, uint64_t round)
{
	for (unsigned int i = 0; i < FAM_RWLOCK_READERS;) {
		fam_word *at = &c->lock[RWLOCK_READERS + i];
		uint64_t was = fam_word_get(at);
		int r;

		if (!rwlock_count(was, round) || !fam_park_lives(c->fam, was)) {
			i++;
			continue;
		}
		if (fam_sync_is_late(rwlock_until(c)))
			return -ETIMEDOUT;
		if (fam_park_spin(c->fam, at, was))
			continue;
		r = fam_park(c->fam, at, was, c->until);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The writers' lock is held. */
static int shut_out(struct rwlock_call *c)
{
	uint64_t round;
	int r = close_gate(c, &round);

	if (r < 0)
		return r;
	r = drain(c, round);
	if (r == 0 && fam_park_self(c->fam) == c->me)
		return 0;
	/* As if nothing had been: the readers are still in their round. */
	open_gate(c->fam, c->lock, c->me, 0);
	return r < 0 ? r : -ESTALE;
}

int fam_rwlock_write(struct fam *fam, struct fam_rwlock *rwlock, int timeout_ms)
{
	struct rwlock_call c = {
		fam, words(rwlock), fam_park_self(fam), timeout_ms, {0}};
	int r = 0, shut;

	if (!c.me)
		return fam_park_why(fam);
	if (!fam_lock_grab(fam, c.lock))
		r = fam_lock_sleep(fam, c.lock, rwlock_until(&c));
	if (r < 0 && r != -EOWNERDEAD)
		return r;
	shut = shut_out(&c);
	if (shut < 0)
		fam_lock_wake(fam, c.lock);
	return shut < 0 ? shut : r;
}

int fam_rwlock_unlock_write(struct fam *fam, struct fam_rwlock *rwlock)
{
	fam_word *lock = words(rwlock);
	uint64_t me;
	int r = fam_lock_held(fam, lock, &me);

	if (r < 0)
		return r;
	/* The gate first: readers that wait come before the next writer. */
	if (open_gate(fam, lock, me, 1) < 0)
		return -ESTALE;
	return fam_lock_let_go(fam, lock) ? 0 : fam_lock_wake(fam, lock);
}

int fam_rwlock_consistent(struct fam *fam, struct fam_rwlock *lock)
{
	return fam_lock_consistent(fam, words(lock));
}

int fam_rwlock_fence(struct fam *fam, struct fam_rwlock *lock, uint64_t *number)
{
	return fam_lock_fence(fam, words(lock), number);
}
