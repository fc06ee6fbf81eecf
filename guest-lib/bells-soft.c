// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Counters in the table of sessions as doorbells. Anybody may write anything
 * there: counters are only compared and subtracted, and what is kept of a slot
 * is in range. A list that is out of date rings one who has just left, or who
 * came to the place of one: as late a ring as through a wire.
 */
#include <string.h>
#include <sys/eventfd.h>

#include <fam/doorbell.h>
#include <fam/session.h>

#include "fam-bells.h"

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release

/* --- who is there ----------------------------------------------------------- */

static bool lives(struct fam_sessions *table, unsigned int slot)
{
	uint64_t word = atomic_load_explicit(&table->word[slot], acquire);

	return fam_sessions_phase(word) == FAM_SESSIONS_LIVE;
}

static unsigned int vectors_of(const struct fam_sessions_slot *slot)
{
	unsigned int n = atomic_load_explicit(&slot->vectors, relaxed);

	if (n == 0)
		return FAM_SESSIONS_BELLS;
	return n < FAM_BELLS_MAX ? n : FAM_BELLS_MAX;
}

static void list_one(struct fam_bells *bells, const struct fam_sessions *table,
		     unsigned int slot)
{
	const struct fam_sessions_slot *from = &table->slot[slot];
	struct fam_bells_session *to = &bells->session[bells->count];

	to->peer = atomic_load_explicit(&from->peer, relaxed);
	if (to->peer >= FAM_BELLS_IDS)
		return;
	to->slot = (uint16_t)slot;
	to->vectors = (uint16_t)vectors_of(from);
	to->woken = atomic_load_explicit(&from->flags, relaxed) &
		    FAM_SESSIONS_INTERRUPTS;
	bells->count++;
}

/*
 * The session of a program that was told of another one is seen by it: its word
 * was changed, then `changes`, then it was told.
 */
static void list(struct fam_bells *bells, struct fam_sessions *table)
{
	uint64_t changes = atomic_load_explicit(&table->changes, acquire);

	if (bells->listed && bells->changes == changes)
		return;
	bells->listed = true;
	bells->changes = changes;
	bells->count = 0;
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		if (lives(table, i))
			list_one(bells, table, i);
	}
}

/* The table if there is one, and the list of it up to date. Takes the lock. */
static struct fam_sessions *begin(struct fam *fam)
{
	struct fam_sessions *table = fam_session_table(fam);

	if (!table)
		return NULL;
	pthread_mutex_lock(&fam->bells->lock);
	list(fam->bells, table);
	return table;
}

static void end(struct fam *fam)
{
	pthread_mutex_unlock(&fam->bells->lock);
}

static bool is_served(struct fam_sessions *table)
{
	return atomic_load_explicit(&table->server, acquire) != 0;
}

void fam_bells_soft_others(struct fam *fam, struct fam_bells_set *out)
{
	struct fam_sessions *table = begin(fam);
	const struct fam_bells *bells = fam->bells;

	memset(out, 0, sizeof(*out));
	if (!table)
		return;
	for (unsigned int i = 0; is_served(table) && i < FAM_BELLS_IDS / 64;
	     i++)
		out->id[i] = atomic_load_explicit(&table->present[i], relaxed);
	for (unsigned int i = 0; i < bells->count; i++) {
		const struct fam_bells_session *session = &bells->session[i];

		if (session->peer)
			fam_bells_put(out->id, session->peer);
		else if (session->slot != bells->slot)
			fam_bells_put(out->slot, session->slot);
	}
	end(fam);
	fam_bells_drop(out->id, FAM_PEER_SERVER);
	fam_bells_drop(out->id, fam_bells_peer(fam));
}

static bool list_has(const struct fam_bells *bells, uint32_t id)
{
	for (unsigned int i = 0; i < bells->count; i++) {
		if (bells->session[i].peer == id)
			return true;
	}
	return false;
}

bool fam_bells_soft_is_present(struct fam *fam, uint32_t id)
{
	struct fam_sessions *table = fam_session_table(fam);

	return table && is_served(table) && fam_sessions_is_present(table, id);
}

bool fam_bells_soft_knows(struct fam *fam, uint32_t id)
{
	struct fam_sessions *table = begin(fam);
	bool known;

	if (!table)
		return true; /* as far as can be known */
	known = !is_served(table) || fam_sessions_is_present(table, id) ||
		list_has(fam->bells, id);
	end(fam);
	return known;
}

/* --- ringing ---------------------------------------------------------------- */

static void ring(struct fam_sessions *table, unsigned int slot,
		 unsigned int vector)
{
	atomic_fetch_add_explicit(&table->slot[slot].bell[vector], 1, release);
}

int fam_bells_soft_ring(struct fam *fam, uint32_t id, unsigned int vector,
			bool woken)
{
	struct fam_sessions *table = begin(fam);
	const struct fam_bells *bells = fam->bells;
	int r = -ENOENT;

	if (!table)
		return r;
	for (unsigned int i = 0; i < bells->count; i++) {
		const struct fam_bells_session *session = &bells->session[i];

		if (session->peer != id)
			continue;
		if (vector >= session->vectors) {
			r = r == 0 ? 0 : -ERANGE;
			continue;
		}
		r = 0;
		if (vector < FAM_SESSIONS_BELLS && (woken || !session->woken))
			ring(table, session->slot, vector);
	}
	end(fam);
	return r;
}

int fam_bells_soft_ring_slot(struct fam *fam, unsigned int slot,
			     unsigned int vector)
{
	struct fam_sessions *table = fam_session_table(fam);

	if (!table || slot >= FAM_SESSIONS_SLOTS || !lives(table, slot) ||
	    atomic_load_explicit(&table->slot[slot].peer, relaxed))
		return -ENOENT;
	if (vector >= FAM_SESSIONS_BELLS ||
	    vector >= vectors_of(&table->slot[slot]))
		return -ERANGE;
	ring(table, slot, vector);
	return 0;
}

/* --- being rung ------------------------------------------------------------- */

bool fam_bells_soft_ringers(struct fam *fam)
{
	const struct fam_sessions *table = begin(fam);
	bool found;

	if (!table)
		return false;
	found = list_has(fam->bells, 0);
	end(fam);
	return found;
}

/* Another one after a session was lost; the bells of the old are not ours. */
static int own_slot(struct fam *fam)
{
	int slot = fam_session_slot(fam);

	return slot == fam->bells->slot ? slot : -1;
}

int fam_bells_soft_slot(struct fam *fam)
{
	int slot;

	pthread_mutex_lock(&fam->bells->lock);
	slot = own_slot(fam);
	pthread_mutex_unlock(&fam->bells->lock);
	return slot;
}

void fam_bells_joined(struct fam *fam, unsigned int slot)
{
	struct fam_bells *bells = fam->bells;
	const struct fam_sessions *table = fam_session_table(fam);

	pthread_mutex_lock(&bells->lock);
	bells->slot = (int)slot;
	for (unsigned int i = 0; i < FAM_SESSIONS_BELLS; i++)
		bells->taken[i] = atomic_load_explicit(
			&table->slot[slot].bell[i], relaxed);
	pthread_mutex_unlock(&bells->lock);
}

/* A counter that fell was written by somebody who should not: one ring. */
static uint64_t rings_between(uint64_t taken, uint64_t now)
{
	return now - taken <= INT64_MAX ? now - taken : 1;
}

uint64_t fam_bells_soft_take(struct fam *fam, unsigned int vector)
{
	const struct fam_sessions *table = fam_session_table(fam);
	struct fam_bells *bells = fam->bells;
	uint64_t now, rings = 0;
	int slot;

	if (!table || vector >= FAM_SESSIONS_BELLS)
		return 0;
	pthread_mutex_lock(&bells->lock);
	slot = own_slot(fam);
	if (slot >= 0) {
		now = atomic_load_explicit(&table->slot[slot].bell[vector],
					   acquire);
		rings = rings_between(bells->taken[vector], now);
		bells->taken[vector] = now;
	}
	pthread_mutex_unlock(&bells->lock);
	return rings;
}
