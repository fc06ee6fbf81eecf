// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Locks that are served in the order of arrival: fam/lock.h; ticket.h tells how. */
#include "ticket.h"

#define NAP_FIRST_NS INT64_C(1000000)
#define NAP_LAST_NS  INT64_C(8000000)

/* --- coming, waiting, leaving ---------------------------------------------------- */

/* Not that of a dead one whose death is still to be told. */
static bool may_claim(const struct ticket_line *l, uint64_t word)
{
	if (!word)
		return true;
	if (fam_park_lives(l->fam, word))
		return false;
	return ticket_place_state(word) != PLACE_IN ||
	       ((word ^ ticket_turn(l)) & PLACE_TICKET) != 0;
}

/* Return: a place; -1: none is free */
static int announce(const struct ticket_line *l)
{
	unsigned int home = fam_holder_slot(l->me);

	for (unsigned int i = 0; i < FAM_TICKET_WAITERS; i++) {
		unsigned int at = (home + i) % FAM_TICKET_WAITERS;
		uint64_t word = fam_word_get(ticket_place(l, at));

		if (may_claim(l, word) &&
		    fam_word_step(ticket_place(l, at), word, l->me))
			return (int)at;
	}
	return -1;
}

static void leave(const struct ticket_line *l, fam_word *at)
{
	fam_hold_drop(at, l->me, 0);
	fam_ticket_settle(l);
}

/* It is @ticket's turn. Return: 0; -EOWNERDEAD; -ESTALE */
static int enter(const struct ticket_line *l, fam_word *at, uint64_t ticket)
{
	uint64_t was = fam_word_get(at);

	do {
		/* Others were sure that this session is dead. */
		if (fam_holder_of(was) != l->me)
			return -ESTALE;
	} while (!fam_word_swap(at, &was,
				ticket_place_word(l->me, PLACE_IN, ticket)));
	fam_word_poke(&l->word[FAM_LOCK_OWNER], fam_lock_owner(l->me));
	fam_word_poke(&l->word[TICKET_PLACE],
		      (uint64_t)(at - ticket_place(l, 0)));
	if (fam_park_self(l->fam) != l->me) {
		leave(l, at);
		return -ESTALE;
	}
	return fam_word_get(&l->word[TICKET_SERVING]) & TICKET_MARK
		       ? -EOWNERDEAD
		       : 0;
}

/* Return: 0 it is @ticket's turn */
static int await(const struct ticket_line *l, fam_word *at, uint64_t ticket,
		 struct fam_deadline until)
{
	unsigned int rounds = FAM_LOCK_ROUNDS;

	for (;;) {
		uint64_t serving = fam_word_get(&l->word[TICKET_SERVING]);
		uint64_t left = ticket - serving / TICKET_TURN;
		uint64_t was = fam_word_get(at);
		int r = 0;

		if (left == 0)
			return 0;
		if (fam_holder_of(was) != l->me || left > TICKET_LINE_MAX * 2)
			return -ESTALE;
		if (left == 1 && rounds) {
			rounds--;
			if (!fam_park_spin(l->fam, &l->word[TICKET_SERVING],
					   serving))
				rounds = 0;
			continue;
		}
		if (fam_sync_is_late(until))
			return -ETIMEDOUT;
		fam_ticket_settle(l);
		if (ticket_turn(l) != ticket)
			r = fam_park(l->fam, at, was, until);
		rounds = 1;
		if (r < 0)
			return r;
	}
}

/* Announced in @at. */
static int stand_in_line(const struct ticket_line *l, fam_word *at,
			 struct fam_deadline until)
{
	uint64_t ticket = fam_word_add(&l->word[TICKET_NEXT], 1);
	int r = 0;

	if (ticket_turn(l) != ticket) {
		if (!fam_word_step(
			    at, l->me,
			    ticket_place_word(l->me, PLACE_WAITS, ticket)))
			return -ESTALE;
		r = await(l, at, ticket, until);
	}
	if (r == 0)
		return enter(l, at, ticket);
	leave(l, at);
	return r;
}

/* Only if nobody has it, or waits for it. */
static int try(const struct ticket_line *l)
{
	uint64_t ticket;
	int at;

	fam_ticket_settle(l);
	ticket = ticket_turn(l);
	if (fam_word_get(&l->word[TICKET_NEXT]) != ticket)
		return -ETIMEDOUT;
	at = announce(l);
	if (at < 0)
		return -ETIMEDOUT;
	if (fam_word_step(&l->word[TICKET_NEXT], ticket, ticket + 1))
		return enter(l, ticket_place(l, (unsigned int)at), ticket);
	leave(l, ticket_place(l, (unsigned int)at));
	return -ETIMEDOUT;
}

/* There is no place, or the line is too long. Return: 0 try again */
static int nap(const struct ticket_line *l, struct fam_deadline until,
	       int64_t *ns)
{
	uint64_t serving;
	int r;

	if (fam_sync_is_late(until))
		return -ETIMEDOUT;
	fam_ticket_settle(l);
	serving = fam_word_get(&l->word[TICKET_SERVING]);
	r = fam_park(l->fam, &l->word[TICKET_SERVING], serving,
		     fam_sync_nap(until, ns, NAP_LAST_NS));
	return r == -ETIMEDOUT ? 0 : r;
}

static bool is_too_long(const struct ticket_line *l)
{
	return fam_word_get(&l->word[TICKET_NEXT]) - ticket_turn(l) >=
	       TICKET_LINE_MAX;
}

/* --- the calls ------------------------------------------------------------------- */

/*
 * Where the calling thread is in.
 * @serving: as it was then: who is taken for dead behind this must not change
 *	what it is for the next one
 *
 * Return: the number of the place, or -EPERM, -ESTALE
 */
static int find_own(struct ticket_line *l, struct fam *fam,
		    struct fam_ticket *ticket, uint64_t *serving)
{
	uint64_t own, hint;

	*l = (struct ticket_line){fam, fam_sync_words(ticket->word),
				  fam_park_self(fam)};
	if (!l->me)
		return fam_park_why(fam);
	if (fam_lock_is_others(fam_word_peek(&l->word[FAM_LOCK_OWNER]), l->me))
		return -EPERM;
	*serving = fam_word_get(&l->word[TICKET_SERVING]);
	own = ticket_place_word(l->me, PLACE_IN, *serving / TICKET_TURN);
	hint = fam_word_peek(&l->word[TICKET_PLACE]) % FAM_TICKET_WAITERS;
	for (unsigned int i = 0; i < FAM_TICKET_WAITERS; i++) {
		unsigned int at = (unsigned int)(hint + i) % FAM_TICKET_WAITERS;

		if (fam_word_get(ticket_place(l, at)) == own)
			return (int)at;
	}
	return fam_lock_not_held(fam, l->me);
}

int fam_ticket_lock(struct fam *fam, struct fam_ticket *ticket, int timeout_ms)
{
	struct ticket_line l = {fam, fam_sync_words(ticket->word),
				fam_park_self(fam)};
	struct fam_deadline until;
	int64_t nap_ns = NAP_FIRST_NS;
	int at, r = 0;

	if (!l.me)
		return fam_park_why(fam);
	if (fam_word_peek(&l.word[FAM_LOCK_OWNER]) == fam_lock_owner(l.me))
		return -EDEADLK;
	if (timeout_ms == 0)
		return try(&l);
	until = fam_deadline(timeout_ms);
	while (is_too_long(&l) || (at = announce(&l)) < 0) {
		r = nap(&l, until, &nap_ns);
		if (r < 0)
			return r;
	}
	return stand_in_line(&l, ticket_place(&l, (unsigned int)at), until);
}

int fam_ticket_unlock(struct fam *fam, struct fam_ticket *ticket)
{
	struct ticket_line l;
	uint64_t serving = 0;
	int at = find_own(&l, fam, ticket, &serving);

	if (at < 0)
		return at;
	fam_word_poke(&l.word[FAM_LOCK_OWNER], 0);
	if (!fam_word_step(
		    ticket_place(&l, (unsigned int)at),
		    ticket_place_word(l.me, PLACE_IN, serving / TICKET_TURN),
		    0))
		return -ESTALE;
	/* Whoever looks moves it on as well: nobody has that ticket any more. */
	fam_word_step(&l.word[TICKET_SERVING], serving, serving + TICKET_TURN);
	fam_ticket_settle(&l);
	return 0;
}

int fam_ticket_consistent(struct fam *fam, struct fam_ticket *ticket)
{
	struct ticket_line l;
	uint64_t serving = 0;
	int at = find_own(&l, fam, ticket, &serving);

	if (at < 0)
		return at;
	if (serving & TICKET_MARK &&
	    !fam_word_step(&l.word[TICKET_SERVING], serving,
			   serving & ~TICKET_MARK))
		return -ESTALE;
	return find_own(&l, fam, ticket, &serving) < 0 ? -ESTALE : 0;
}

int fam_ticket_fence(struct fam *fam, struct fam_ticket *ticket,
		     uint64_t *number)
{
	struct ticket_line l;
	uint64_t serving = 0, drawn;
	int at = find_own(&l, fam, ticket, &serving);

	if (at < 0)
		return at;
	drawn = fam_word_add(&l.word[FAM_LOCK_FENCE], 1) + 1;
	if (find_own(&l, fam, ticket, &serving) != at)
		return -ESTALE;
	*number = drawn;
	return 0;
}
