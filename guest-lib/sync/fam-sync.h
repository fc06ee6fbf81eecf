/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SYNC_INTERNAL_H
#define FAM_SYNC_INTERNAL_H

/*
 * What locks have in common, and the other things that have holders: words that
 * name a session (fam-holder.h). Behind fam/lock.h and fam/sync.h.
 *
 * Nothing is ever cleared up behind a dead holder. Who wants what it held takes
 * it over, by compare-and-swap from exactly the word that it found dead, so that
 * one does and nobody else. Who was declared dead and goes on running finds out
 * by the same means: each step of his that others rely on is a compare-and-swap
 * from a word that names him.
 */
#include "fam-park.h"

/** fam_sync_words() - those of a structure of the public headers */
static inline fam_word *fam_sync_words(const uint64_t *word)
{
	return (fam_word *)word;
}

/**
 * fam_sync_is_late() - is it time to give up?
 *
 * Before each sleep: fam_park() does not look at the clock if the word has
 * changed already, and where many meet it may have, each time.
 */
static inline bool fam_sync_is_late(struct fam_deadline until)
{
	return until.at == 0 || (until.at > 0 && fam_now_ns() >= until.at);
}

/**
 * fam_sync_soon() - a while from now, or @until if that is earlier
 */
static inline struct fam_deadline fam_sync_soon(struct fam_deadline until,
						int64_t ns)
{
	struct fam_deadline soon = {fam_now_ns() + ns};

	return until.at >= 0 && until.at < soon.at ? until : soon;
}

/**
 * fam_sync_nap() - the end of a nap of whoever has nothing to be woken by
 * @ns: how long it is; twice as much from then on, up to @most
 */
static inline struct fam_deadline fam_sync_nap(struct fam_deadline until,
					       int64_t *ns, int64_t most)
{
	struct fam_deadline soon = fam_sync_soon(until, *ns);

	if (*ns < most)
		*ns *= 2;
	return soon;
}

/* --- things that are held ----------------------------------------------------- */

enum fam_hold {
	FAM_HOLD_FREE,	/* no holder; there may be flags */
	FAM_HOLD_MINE,	/* this session's, perhaps another thread's */
	FAM_HOLD_OTHER, /* somebody's who lives */
	FAM_HOLD_DEAD,	/* somebody's who died, or left without letting go */
};

/** fam_hold_look() - whose is it? @me: fam_park_self() */
static inline enum fam_hold fam_hold_look(struct fam *fam, uint64_t word,
					  uint64_t me)
{
	uint64_t holder = fam_holder_of(word);

	if (!holder)
		return FAM_HOLD_FREE;
	if (holder == me)
		return FAM_HOLD_MINE;
	return fam_park_lives(fam, holder) ? FAM_HOLD_OTHER : FAM_HOLD_DEAD;
}

/**
 * fam_hold_take() - take what is free or a dead one's
 * @me: what it becomes: fam_park_self(), with flags if need be
 *
 * Flags of a free word are lost. The caller looks whether his session lives
 * behind this, and lets go if it does not.
 * Return: 0; -EOWNERDEAD taken from one who died; -EBUSY somebody has it
 */
static inline int fam_hold_take(struct fam *fam, fam_word *word, uint64_t me)
{
	uint64_t was = fam_word_get(word);

	for (;;) {
		enum fam_hold hold = fam_hold_look(fam, was, fam_holder_of(me));

		if (hold == FAM_HOLD_MINE || hold == FAM_HOLD_OTHER)
			return -EBUSY;
		if (fam_word_swap(word, &was, me))
			return hold == FAM_HOLD_DEAD ? -EOWNERDEAD : 0;
	}
}

/**
 * fam_hold_drop() - let go, whatever the flags are
 * @me: fam_park_self() as it was when it was taken
 * @flags: what is left behind
 *
 * Return: 0; -EPERM it is not this session's
 */
static inline int fam_hold_drop(fam_word *word, uint64_t me, uint64_t flags)
{
	uint64_t was = fam_word_get(word);

	do {
		if (!me || fam_holder_of(was) != me)
			return -EPERM;
	} while (!fam_word_swap(word, &was, flags));
	return 0;
}

/* --- locks -------------------------------------------------------------------- */

/* Words of all locks; a read-write lock's are its writer's. */
enum fam_lock_word {
	FAM_LOCK_STATE = 0, /* holder | flags; of a ticket lock its own */
	FAM_LOCK_OWNER = 1, /* fam_lock_owner() of the thread; 0: unknown */
	FAM_LOCK_FENCE = 2, /* the last fencing number */
};

#define FAM_LOCK_WAITERS UINT64_C(0x1) /* somebody may sleep: wake one */
#define FAM_LOCK_MARK	 UINT64_C(0x2) /* an owner died, not consistent yet */
/* Somebody has waited for long: it is for who has slept already. */
#define FAM_LOCK_HUNGRY UINT64_C(0x4)
#define FAM_LOCK_FLAGS	UINT64_C(0x7)

#define FAM_LOCK_HUNGRY_NS INT64_C(1000000)
#define FAM_LOCK_ROUNDS	   16 /* spins, each until the word changes, then sleep */

/*
 * A thread of a session. Of all other sessions' threads it differs in the upper
 * 33 bits, so that what one stored late, who was taken for dead meanwhile, is
 * not taken for a thread of the holder.
 */
static inline uint64_t fam_lock_owner(uint64_t me)
{
	return me ^ fam_park_thread();
}

/** fam_lock_is_others() - does another thread of session @me stand there? */
static inline bool fam_lock_is_others(uint64_t owner, uint64_t me)
{
	return (owner ^ me) >> 31 == 0 && owner != fam_lock_owner(me);
}

/*
 * It is not, or no more, session @me's: because that was taken for dead
 * meanwhile?
 */
static inline int fam_lock_not_held(struct fam *fam, uint64_t me)
{
	return fam_park_self(fam) == me ? -EPERM : -ESTALE;
}

/**
 * fam_lock_held() - does the calling thread hold it? For locks with a state word
 * @me: its session's word, as it is now, is put here
 *
 * Return: 0; -EPERM; -ESTALE and the like
 */
static inline int fam_lock_held(struct fam *fam, const fam_word *lock,
				uint64_t *me)
{
	*me = fam_park_self(fam);
	if (!*me)
		return fam_park_why(fam);
	if (fam_holder_of(fam_word_get(&lock[FAM_LOCK_STATE])) != *me ||
	    fam_lock_is_others(fam_word_peek(&lock[FAM_LOCK_OWNER]), *me))
		return fam_lock_not_held(fam, *me);
	return 0;
}

/**
 * fam_lock_grab() - take a lock that nobody holds or waits for, unmarked
 *
 * All that there is between two who do not meet: one compare-and-swap, one
 * store, some loads.
 */
static inline bool fam_lock_grab(struct fam *fam, fam_word *lock)
{
	uint64_t me = fam_park_self(fam);

	if (__builtin_expect(
		    !me || !fam_word_step(&lock[FAM_LOCK_STATE], 0, me), 0))
		return false;
	fam_word_poke(&lock[FAM_LOCK_OWNER], fam_lock_owner(me));
	/* Who was taken for dead meanwhile has not got anything. */
	return __builtin_expect(fam_park_self(fam) == me, 1) ||
	       (fam_word_step(&lock[FAM_LOCK_STATE], me, 0), false);
}

/** fam_lock_let_go() - the opposite; false: nothing was done that matters */
static inline bool fam_lock_let_go(struct fam *fam, fam_word *lock)
{
	uint64_t me = fam_park_self(fam);

	if (__builtin_expect(!me || fam_word_peek(&lock[FAM_LOCK_OWNER]) !=
					     fam_lock_owner(me),
			     0))
		return false;
	/* Before others of this session can store theirs. */
	fam_word_poke(&lock[FAM_LOCK_OWNER], 0);
	return __builtin_expect(fam_word_step(&lock[FAM_LOCK_STATE], me, 0), 1);
}

/* The rest of it, where somebody waits, has died, or is not the owner. */

/** fam_lock_sleep() - lock a mutex; as fam_mutex_lock() */
int fam_lock_sleep(struct fam *fam, fam_word *lock, struct fam_deadline until);

/** fam_lock_wake() - unlock one; as fam_mutex_unlock() */
int fam_lock_wake(struct fam *fam, fam_word *lock);

/**
 * fam_lock_finish() - it was taken: is it good?
 * @state: what was stored
 *
 * Return: 0; -EOWNERDEAD; -ESTALE it was given back
 */
int fam_lock_finish(struct fam *fam, fam_word *lock, uint64_t state);

int fam_lock_consistent(struct fam *fam, fam_word *lock);
int fam_lock_fence(struct fam *fam, fam_word *lock, uint64_t *number);

#endif
