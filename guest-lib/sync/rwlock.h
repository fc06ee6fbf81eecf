/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_RWLOCK_INTERNAL_H
#define FAM_RWLOCK_INTERNAL_H

/*
 * A read-write lock is a mutex for its writers, whose words come first, a gate,
 * and a place for each session that reads.
 *
 * The gate has a round, and the writer who closed it. A reader is counted in the
 * place of his session: in the gate's round while it is open; while it is
 * closed, in the next one, and he waits. The writer waits until nobody is
 * counted in the gate's round, and when he has done he opens the gate with the
 * next round. So all that came while he wrote are in before the next writer. A
 * writer that gives up, or died, leaves the round as it is; then those who came
 * meanwhile count themselves anew.
 *
 * A count is good only if the gate is looked at again behind it, and still leads
 * to the same round: then whoever closes it in that round comes later, and finds
 * the count. So whoever is in keeps the round from going on; that is how he
 * knows which count is his when he leaves.
 */
#include <fam/lock.h>

#include "fam-sync.h"

enum rwlock_word { /* behind those of all locks */
		   RWLOCK_GATE = 8,
		   RWLOCK_READERS = 16,
};

/* The gate: holder word of the writer, or 0: open; bit 13; the round. */
#define RWLOCK_SLEEPERS UINT64_C(0x2000) /* readers may sleep */
#define RWLOCK_ROUND	UINT64_C(0x1fff)

/* A place: holder word; 7 bits for the odd rounds, 7 for the even ones. */
#define RWLOCK_COUNT_MAX 127

static inline unsigned int rwlock_shift(uint64_t round)
{
	return round & 1 ? 7 : 0;
}

static inline uint64_t rwlock_count(uint64_t place, uint64_t round)
{
	return place >> rwlock_shift(round) & RWLOCK_COUNT_MAX;
}

/* One call that may wait. */
struct rwlock_call {
	struct fam *fam;
	fam_word *lock;
	uint64_t me;
	int timeout_ms;
	struct fam_deadline until; /* 0, though it may wait: not made yet */
};

/* Reading the clock costs more than all that a call does if it need not wait. */
static inline struct fam_deadline rwlock_until(struct rwlock_call *c)
{
	if (c->until.at == 0 && c->timeout_ms != 0)
		c->until = fam_deadline(c->timeout_ms);
	return c->until;
}

/* The round of a reader that comes now. */
static inline uint64_t rwlock_next(uint64_t gate)
{
	return (gate + !!fam_holder_of(gate)) & RWLOCK_ROUND;
}

#endif
