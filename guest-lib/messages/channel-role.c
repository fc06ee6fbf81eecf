// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam-holder.h>

#include "channel-end.h"

/*
 * Who is at which end. A role is a holder word; who finds its session dead may
 * take it, and what the other side is to be told of that goes along in the same
 * word, so that it is told once, whoever dies meanwhile.
 */

static bool is_dead(struct channel_end *end, uint64_t role)
{
	return fam_holder_of(role) && !fam_park_lives(end->fam, role);
}

/* --- receiver ------------------------------------------------------------------ */

static int take_receiver(struct channel_end *end)
{
	uint64_t count, role = fam_word_get(&end->space->receiver);

	do {
		if (fam_holder_of(role) && !is_dead(end, role))
			return -EBUSY;
		count = (role + 1) & FAM_HOLDER_FLAGS;
	} while (!fam_word_swap(&end->space->receiver, &role,
				end->self | count));
	end->at = fam_word_get(&end->space->tail);
	return 0;
}

/* A receiver that died before we came is none that we had. */
static void meet_receiver(struct channel_end *end)
{
	uint64_t role = fam_word_get(&end->space->receiver);
	uint64_t nobody = role & FAM_HOLDER_FLAGS;

	end->missing = CHANNEL_NOWHERE;
	if (is_dead(end, role) &&
	    fam_word_step(&end->space->receiver, role, nobody))
		role = nobody;
	if (!fam_holder_of(role))
		end->missing = role;
}

int channel_role_receiver(struct channel_end *end)
{
	uint64_t role = fam_word_get(&end->space->receiver);

	if (fam_holder_of(role) && fam_park_lives(end->fam, role))
		return 0;
	return role == end->missing ? 0 : -EPIPE;
}

/* --- senders -------------------------------------------------------------------- */

/* Flags of a role after what became of its sender was added to them. */
static uint64_t with_death(uint64_t flags)
{
	if ((flags & CHANNEL_DEATHS) != CHANNEL_DEATHS)
		flags += CHANNEL_DEATH;
	return flags;
}

/* What was to be told at the end is told where the next one begins. */
static uint64_t turned(uint64_t flags)
{
	uint64_t deaths = (flags & CHANNEL_BEFORE_DEATHS) +
			  (flags & CHANNEL_DEATHS) / CHANNEL_DEATH;
	uint64_t closed = flags & (CHANNEL_CLOSED | CHANNEL_BEFORE_CLOSED);

	if (deaths > CHANNEL_BEFORE_DEATHS)
		deaths = CHANNEL_BEFORE_DEATHS;
	return deaths | (closed ? CHANNEL_BEFORE_CLOSED : 0) | CHANNEL_TAKING;
}

/* Bytes of two that went would become one, with nothing between them. */
static bool is_full_of_turns(struct channel_end *end, uint64_t role)
{
	uint64_t head = fam_word_get(&end->space->head);

	return end->kind == FAM_OBJECT_STREAM && (role & CHANNEL_BEFORE) &&
	       fam_word_get(&end->space->since) != head &&
	       fam_word_get(&end->space->tail) != head;
}

static bool take_slot(struct channel_end *end, unsigned int slot, bool dead)
{
	uint64_t role = fam_word_get(&end->space->sender[slot]);
	uint64_t flags = role & FAM_HOLDER_FLAGS;

	if (dead ? !is_dead(end, role) : fam_holder_of(role) != 0)
		return false;
	if (is_full_of_turns(end, role))
		return false;
	if (dead)
		flags = with_death(flags);
	if (end->flags & CHANNEL_ONE)
		flags = turned(flags);
	if (!fam_word_step(&end->space->sender[slot], role, end->self | flags))
		return false;
	end->slot = slot;
	return true;
}

static int take_any_slot(struct channel_end *end)
{
	unsigned int n = channel_end_senders(end);

	for (unsigned int i = 0; i < 2 * n; i++) {
		if (take_slot(end, i % n, i >= n))
			return 0;
	}
	return n == 1 ? -EBUSY : -EMFILE;
}

/* The receiver may change the flags meanwhile. */
static void clear_taking(struct channel_end *end)
{
	fam_word *role = &end->space->sender[end->slot];
	uint64_t was = fam_word_get(role);

	while (fam_holder_of(was) == end->self &&
	       !fam_word_swap(role, &was, was & ~(uint64_t)CHANNEL_TAKING))
		;
}

static int take_sender(struct channel_end *end)
{
	int r = take_any_slot(end);

	if (r < 0)
		return r;
	fam_word_put(&end->space->intent[end->slot].at, CHANNEL_NOWHERE);
	end->at = fam_word_get(&end->space->head);
	end->other = fam_word_get(&end->space->tail);
	if (end->flags & CHANNEL_ONE) {
		fam_word_put(&end->space->since, end->at);
		clear_taking(end);
	}
	meet_receiver(end);
	return 0;
}

int channel_role_take(struct channel_end *end)
{
	return end->sends ? take_sender(end) : take_receiver(end);
}

/* A child of fork(2) has its parent's word, and no session. */
void channel_role_leave(struct channel_end *end)
{
	fam_word *role = end->sends ? &end->space->sender[end->slot]
				    : &end->space->receiver;
	uint64_t closed = end->sends ? CHANNEL_CLOSED : 0;
	uint64_t was = fam_word_get(role);

	if (channel_end_lives(end) < 0)
		return;
	while (fam_holder_of(was) == end->self &&
	       !fam_word_swap(role, &was, (was & FAM_HOLDER_FLAGS) | closed))
		;
	fam_word_fence();
	channel_wait_ring(end);
}

/* --- what the receiver is told --------------------------------------------------- */

int channel_role_turn(struct channel_end *end)
{
	fam_word *word = &end->space->sender[0];
	uint64_t role = fam_word_get(word);
	uint64_t one = role & CHANNEL_BEFORE_DEATHS ? 1 : CHANNEL_BEFORE_CLOSED;

	if (!(role & CHANNEL_BEFORE) || (role & CHANNEL_TAKING) ||
	    (int64_t)(fam_word_get(&end->space->since) - end->at) > 0)
		return 0;
	/* If it did not work it was changed: the next look finds it. */
	if (!fam_word_step(word, role, role - one))
		return 0;
	return one == 1 ? -ECONNRESET : -ESHUTDOWN;
}

/* All that was sent was received: nothing can come any more from who is gone. */
static bool is_empty(struct channel_end *end)
{
	return fam_word_get(&end->space->head) == end->at;
}

/* A death of a slot that is not told yet. */
static int tell_death(struct channel_end *end, fam_word *word, uint64_t role,
		      bool lives)
{
	uint64_t left = lives ? role : role & FAM_HOLDER_FLAGS;

	left &= ~(uint64_t)(lives ? 0 : CHANNEL_TAKING);
	if (lives || !fam_holder_of(role))
		left -= role & CHANNEL_DEATHS ? CHANNEL_DEATH : 1;
	if (!is_empty(end) || !fam_word_step(word, role, left))
		return 1;
	/* It came after all had closed, though it was not seen alive. */
	end->shut = false;
	return -ECONNRESET;
}

static int tell_closed(struct channel_end *end)
{
	const uint64_t both = CHANNEL_CLOSED | CHANNEL_BEFORE_CLOSED;

	if (!is_empty(end))
		return 1;
	for (unsigned int i = 0; i < channel_end_senders(end); i++) {
		uint64_t role = fam_word_get(&end->space->sender[i]);

		bool free = !fam_holder_of(role);

		/*
		 * Who takes it just now keeps them, if he is sooner: of a ONE they
		 * are told where his begins.
		 */
		if (free && (role & both))
			free = fam_word_step(&end->space->sender[i], role,
					     role & ~both);
		if (!free && (end->flags & CHANNEL_ONE))
			return 1;
	}
	end->shut = true;
	return -ESHUTDOWN;
}

int channel_role_ended(struct channel_end *end)
{
	bool anybody = false, closed = false;
	int r = end->flags & CHANNEL_ONE ? channel_role_turn(end) : 0;

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < channel_end_senders(end); i++) {
		fam_word *word = &end->space->sender[i];
		uint64_t role = fam_word_get(word), who = fam_holder_of(role);
		bool lives = who && fam_park_lives(end->fam, role);
		unsigned int deaths = CHANNEL_DEATHS;

		if (!lives)
			deaths |= CHANNEL_BEFORE_DEATHS;
		if ((role & deaths) || (who && !lives))
			return tell_death(end, word, role, lives);
		anybody |= lives;
		closed |= role & (CHANNEL_CLOSED | CHANNEL_BEFORE_CLOSED);
	}
	if (anybody) {
		end->shut = false;
		return 0;
	}
	if (closed)
		return tell_closed(end);
	return end->shut ? -ESHUTDOWN : 0;
}
