/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TICKET_INTERNAL_H
#define FAM_TICKET_INTERNAL_H

/*
 * Locks that are served strictly in the order of arrival: fam/lock.h.
 *
 * Who comes announces himself in a free place, then draws the next ticket, then
 * writes its number into the place; each step is a compare-and-swap from the
 * word that names him, or an addition. `serving` is the ticket whose turn it
 * is. It moves on when its owner lets go, and past those who will not come:
 *
 *	- its place is of a session that died: with the MARK, if it was IN;
 *	- no place has it, and nobody who lives is about to write his ticket: its
 *	  owner gave up, or died before he wrote it down.
 *
 * A ticket was announced before it was drawn. So who has seen that it was drawn
 * and then looks through all places finds its owner, if he lives. All who wait
 * look whenever they wake, so a turn is stuck for a moment at most.
 */
#include <fam/lock.h>

#include "fam-sync.h"

enum ticket_word {		       /* and OWNER and FENCE as in all locks */
		   TICKET_NEXT = 0,    /* the next one to be drawn */
		   TICKET_SERVING = 3, /* times 2; 1: MARK */
		   TICKET_PLACE = 4,   /* a hint: of who holds it */
		   TICKET_PLACES = 8,
};

#define TICKET_MARK UINT64_C(1)
#define TICKET_TURN UINT64_C(2) /* of SERVING */

/*
 * A place: holder word, state in bits 13-12, lower bits of the ticket. No two
 * tickets that are waited for have the same: the line is no longer than that.
 */
enum place_state {
	PLACE_DRAWS = 0, /* has no ticket yet */
	PLACE_WAITS = 1,
	PLACE_CALLED = 2, /* was told that it is its turn */
	PLACE_IN = 3,	  /* holds the lock */
};

#define PLACE_TICKET	UINT64_C(0xfff)
#define TICKET_LINE_MAX 2048 /* tickets; beyond, none are drawn */

struct ticket_line {
	struct fam *fam;
	fam_word *word;
	uint64_t me;
};

static inline uint64_t ticket_place_word(uint64_t me, enum place_state state,
					 uint64_t ticket)
{
	return me | (uint64_t)state << 12 | (ticket & PLACE_TICKET);
}

static inline enum place_state ticket_place_state(uint64_t word)
{
	return (enum place_state)(word >> 12 & 3);
}

static inline fam_word *ticket_place(const struct ticket_line *l,
				     unsigned int i)
{
	return &l->word[TICKET_PLACES + i];
}

static inline uint64_t ticket_turn(const struct ticket_line *l)
{
	return fam_word_get(&l->word[TICKET_SERVING]) / TICKET_TURN;
}

/** fam_ticket_settle() - call whose turn it is; if nobody comes, the next one */
void fam_ticket_settle(const struct ticket_line *l);

#endif
