// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who wakes whom, and how: by futex(2), or by the library's doorbell. */
#include "park.h"

/* The same kernel, and both are in the same way in the same file? */
static bool wakes_by_futex(struct fam *fam, unsigned int index)
{
	const struct fam_parked *p = fam->parked;
	uint64_t node =
		fam_word_peek(&p->table->place[index / FAM_PARKING_PLACES]
					      [index % FAM_PARKING_PLACES]
						      .node);

	return p->shared && node != 0 && node == fam->sessions->owner.node;
}

static void deliver(const struct fam_lot *lot, unsigned int index,
		    uint64_t word)
{
	struct fam *fam = lot->arg;
	const struct fam_sessions_slot *slot =
		&lot->sessions->slot[fam_holder_slot(word)];

	if (fam_holder_of(word) == lot->self || wakes_by_futex(fam, index))
		fam_futex_wake(fam_place_word(lot, index), fam->parked->shared);
	else if (atomic_load_explicit(&slot->flags, memory_order_acquire) &
		 FAM_SESSIONS_INTERRUPTS)
		fam_bells_tell(fam, atomic_load_explicit(&slot->peer,
							 memory_order_acquire));
	/* Else it knows that nobody can reach it, and looks. */
}

struct fam_lot fam_park_lot(struct fam *fam)
{
	const struct fam_parked *p = fam->parked;

	return (struct fam_lot){
		.table = p->table,
		.sessions = fam_session_table(fam),
		.self = fam_park_self(fam),
		.deliver = deliver,
		.arg = fam,
	};
}

unsigned int fam_unpark(struct fam *fam, const fam_word *word,
			unsigned int count)
{
	struct fam_lot lot;
	uint64_t key;

	if (!fam->parked || !fam->sessions || count == 0 ||
	    fam_map_find(fam, (const void *)word, sizeof(*word), &key) < 0)
		return 0;
	lot = fam_park_lot(fam);
	/* The change before, the look behind: as a waiter has it, the other way. */
	fam_word_fence();
	return fam_place_wake(&lot, key, count);
}

/* --- for the keeper ----------------------------------------------------------- */

/* @all: also those that nobody has woken. */
static void look_at_own(struct fam *fam, bool all)
{
	const struct fam_parked *p = fam->parked;
	uint64_t self = fam_park_self(fam);

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		uint64_t mine = atomic_load(&p->mine[i / 64]) >> i % 64;
		fam_word *word = &p->table->place[i / 64][i % 64].word;

		if (mine == 0)
			i |= 63;
		if (!(mine & 1))
			continue;
		if (all)
			fam_word_step(word, self | FAM_PARKING_WAITING,
				      self | FAM_PARKING_WOKEN);
		if (self == 0 ||
		    fam_word_get(word) != (self | FAM_PARKING_WAITING))
			fam_futex_wake(word, p->shared);
	}
}

void fam_park_rung(struct fam *fam)
{
	if (fam->parked)
		look_at_own(fam, false);
}

void fam_park_deaths(struct fam *fam)
{
	if (fam->parked)
		look_at_own(fam, true);
}

void fam_park_clear_up(struct fam *fam, uint64_t holder)
{
	struct fam_lot lot;

	if (!fam->parked || holder == 0)
		return;
	lot = fam_park_lot(fam);
	/* All: it may have died before it set the hint, or behind taking it away. */
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++)
		fam_place_bury(&lot, i, holder);
}
