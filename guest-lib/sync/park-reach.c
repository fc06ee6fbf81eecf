// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Can everybody who may wake us do so? Else we look now and then. */
#include "park.h"

static uint32_t get32(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/* In this kernel, and attached in the same way? */
static bool shares(struct fam *fam, const struct fam_sessions_slot *s)
{
	bool file = get32(&s->flags) & FAM_SESSIONS_HOST;
	uint64_t node = atomic_load_explicit(&s->node, memory_order_acquire);

	return fam->parked->shared && node != 0 &&
	       node == fam->sessions->owner.node &&
	       file == (fam->source.via == FAM_VIA_FILE);
}

/* Who has an ID can ring others by theirs. */
static bool all_reach(struct fam *fam)
{
	const struct fam_sessions *table = fam->sessions->table;
	bool rung = fam_bells_library_fd(fam) >= 0;
	uint64_t own = fam_session_id(fam);

	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		const struct fam_sessions_slot *s = &table->slot[i];
		uint64_t word = atomic_load_explicit(&table->word[i],
						     memory_order_acquire);

		if (fam_sessions_phase(word) == FAM_SESSIONS_LIVE &&
		    fam_sessions_id(word, i) != own && !shares(fam, s) &&
		    !(rung && get32(&s->peer)))
			return false;
	}
	return true;
}

bool fam_park_reached(struct fam *fam)
{
	struct fam_parked *p = fam->parked;
	uint64_t changes = atomic_load_explicit(&fam->sessions->table->changes,
						memory_order_acquire);
	uint64_t known = atomic_load_explicit(&p->reach, memory_order_acquire);

	if (known >> 1 != (changes & UINT64_MAX >> 1)) {
		known = changes << 1 | all_reach(fam);
		atomic_store_explicit(&p->reach, known, memory_order_release);
	}
	return known & 1;
}
