/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_BARRIER_H
#define FAM_BARRIER_H

/*
 * What a barrier consists of. Words: how many parties; ROUND; ROOM; from PARTY on
 * a place for each party.
 *
 * ROUND: bits 10-0 the round that is on; 21-11 the last one that was completed;
 * 32-22 the last one that was broken; 63-33 rise with each change, so that a
 * compare-and-swap of the whole is made by who knows all. Whether a round was
 * completed or broken, and who came last, is decided by such a one.
 *
 * A place: holder word | round | what he does:
 *
 *	0 -> COMING -> HERE -> MEMBER -> HERE ...
 *
 * COMING: he has the place; it is not sure yet that the round is still on. HERE: he came in this round. He stays so when it is over until he knows of it,
 * and no other round can be completed before: the parties are one round apart at
 * most. MEMBER: he took part, and knows what became of all rounds before this
 * one. LEAVING: he gives up; that is so when he has changed ROUND, unless the
 * round was over first. GONE: somebody died here; the round in it is broken by
 * that, or will be, and then the place is free.
 */
#include <fam/sync.h>

#include "fam-sync.h"

enum {
	PARTIES = 0,
	ROUND = 1,
	ROOM = 2, /* rises when a place was left; bit 0: somebody waits for one */
	PARTY = 8,
};

#define TAG_BITS   11
#define TAGS	   (UINT64_C(1) << TAG_BITS)
#define TAG_OLD	   (TAGS / 2) /* rounds back; none of them is on */
#define CHANGE	   (UINT64_C(1) << 3 * TAG_BITS)
#define STATE_BITS 3

enum party_state {
	NOBODY = 0, /* the whole word is 0 */
	HERE = 1,
	MEMBER = 2,
	LEAVING = 3,
	GONE = 4, /* no holder */
	COMING = 5,
};

static inline uint64_t round_now(uint64_t w)
{
	return w & (TAGS - 1);
}

static inline uint64_t round_done(uint64_t w)
{
	return w >> TAG_BITS & (TAGS - 1);
}

static inline uint64_t round_broken(uint64_t w)
{
	return w >> 2 * TAG_BITS & (TAGS - 1);
}

/** rounds_back() - how many rounds before the one that is on */
static inline uint64_t rounds_back(uint64_t w, uint64_t tag)
{
	return (round_now(w) - tag) & (TAGS - 1);
}

/** round_is_ahead() - is @w so old that a place knows more? */
static inline bool round_is_ahead(uint64_t w, uint64_t tag)
{
	uint64_t rounds = (tag - round_now(w)) & (TAGS - 1);

	return rounds > 0 && rounds < TAG_OLD;
}

/** round_over() - the next one is on */
uint64_t round_over(uint64_t w, bool broken);

static inline uint64_t party(uint64_t holder, uint64_t tag,
			     enum party_state state)
{
	return holder | (tag & (TAGS - 1)) << STATE_BITS | state;
}

static inline enum party_state party_state(uint64_t v)
{
	return (enum party_state)(v & ((1 << STATE_BITS) - 1));
}

static inline uint64_t party_tag(uint64_t v)
{
	return v >> STATE_BITS & (TAGS - 1);
}

/** party_is_free() - may anybody have this place? @w: ROUND */
static inline bool party_is_free(uint64_t v, uint64_t w)
{
	return v == 0 ||
	       (party_state(v) == GONE && party_tag(v) != round_now(w) &&
		party_tag(v) != round_done(w));
}

/* One call of one party. */
struct attendance {
	struct fam *fam;
	fam_word *word; /* of the barrier */
	unsigned int parties;
	uint64_t me;
	struct fam_deadline deadline;
	fam_word *place; /* once it has one */
	uint64_t tag;	 /* the round it came in */
	uint64_t before; /* what its place is if it gives up */
};

/**
 * barrier_look() - is everybody here; has somebody died?
 * @w: ROUND, as it was read
 *
 * If one is so the round is over, and all are woken.
 * Return: did this call complete it?
 */
bool barrier_look(const struct attendance *a, uint64_t w);

/** barrier_room() - a place was left: wake who waits for one */
void barrier_room(const struct attendance *a);

#endif
