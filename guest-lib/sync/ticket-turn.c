// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Whose turn it is at a ticket lock, and who is passed over; ticket.h tells. */
#include "ticket.h"

enum turn {
	TURN_NOBODYS, /* nobody has the ticket */
	TURN_DEAD,
	TURN_OPEN, /* it may be of somebody who is about to write it down */
	TURN_LIVES,
	TURN_CHANGES, /* look again */
};

/* Whose is the ticket that may be in this place, or may come to be there? */
static enum turn whose(const struct ticket_line *l, fam_word *at, uint64_t word)
{
	bool draws = ticket_place_state(word) == PLACE_DRAWS;

	if (fam_park_lives(l->fam, word))
		return draws ? TURN_OPEN : TURN_LIVES;
	if (!draws)
		return TURN_DEAD;
	/* He may have come in before he died, since it was looked at. */
	return fam_word_step(at, word, 0) ? TURN_NOBODYS : TURN_CHANGES;
}

/* @at, @was: where it stands, if one has it; the first that is sure */
static enum turn who(const struct ticket_line *l, uint64_t ticket,
		     fam_word **at, uint64_t *was)
{
	enum turn found = TURN_NOBODYS;

	for (unsigned int i = 0; i < FAM_TICKET_WAITERS; i++) {
		uint64_t word = fam_word_get(ticket_place(l, i));
		enum turn is;

		if (!word || (ticket_place_state(word) != PLACE_DRAWS &&
			      (word ^ ticket) & PLACE_TICKET))
			continue;
		is = whose(l, ticket_place(l, i), word);
		if (is <= found)
			continue;
		found = is;
		*at = ticket_place(l, i);
		*was = word;
	}
	return found;
}

static void call(const struct ticket_line *l, fam_word *at, uint64_t was)
{
	uint64_t called =
		ticket_place_word(fam_holder_of(was), PLACE_CALLED, was);

	if (ticket_place_state(was) == PLACE_WAITS &&
	    fam_word_step(at, was, called))
		fam_unpark(l->fam, at, 1);
}

/* Move on past a dead one, who leaves a mark if he was in. */
static void bury(const struct ticket_line *l, uint64_t serving, fam_word *at,
		 uint64_t was)
{
	/* In this order: else his death could be forgotten half way. */
	if (ticket_place_state(was) != PLACE_IN ||
	    fam_word_step(&l->word[TICKET_SERVING], serving,
			  (serving + TICKET_TURN) | TICKET_MARK))
		fam_word_step(at, was, 0);
}

void fam_ticket_settle(const struct ticket_line *l)
{
	for (unsigned int i = 0; i < 2 * TICKET_LINE_MAX; i++) {
		uint64_t serving = fam_word_get(&l->word[TICKET_SERVING]);
		uint64_t ticket = serving / TICKET_TURN, was = 0;
		uint64_t drawn = fam_word_get(&l->word[TICKET_NEXT]) - ticket;
		fam_word *at = NULL;

		/* None, or somebody has scribbled over it. */
		if (drawn == 0 || drawn > 2 * TICKET_LINE_MAX)
			return;
		switch (who(l, ticket, &at, &was)) {
		case TURN_LIVES:
			call(l, at, was);
			return;
		case TURN_OPEN:
			return;
		case TURN_CHANGES:
			break;
		case TURN_DEAD:
			bury(l, serving, at, was);
			break;
		case TURN_NOBODYS:
			fam_word_step(&l->word[TICKET_SERVING], serving,
				      serving + TICKET_TURN);
			break;
		}
	}
}
