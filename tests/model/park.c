// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Parking as it is promised in fam-park.h, and no better: a futex whose waiters
 * are woken in order; a dead one that was woken passes that on.
 */
#include "engine.h"
#include "world.h"

#include "fam-park.h"

static bool is_dead(unsigned int session)
{
	return run.told >> session & 1;
}

/* --- what the library calls ---------------------------------------------------------- */

__thread uint32_t fam_park_number;

uint32_t fam_park_new_number(void)
{
	return run.running + 1;
}

int fam_park_why(struct fam *fam)
{
	(void)fam;
	return -ESTALE;
}

bool fam_park_lives(struct fam *fam, uint64_t holder)
{
	(void)fam;
	return fam_holder_slot(holder) < FAMS &&
	       fam_holder_lives(&world_table, holder);
}

/* It is of no use to spin where somebody else runs only when this one waits. */
bool fam_park_spin(struct fam *fam, const fam_word *word, uint64_t value)
{
	(void)fam;
	return fam_word_get(word) != value;
}

int model_park(struct fam *fam, const fam_word *word, uint64_t value,
	       struct fam_deadline deadline, struct model_site *site);
unsigned int model_unpark(struct fam *fam, const fam_word *word,
			  unsigned int count, struct model_site *site);

int model_park(struct fam *fam, const fam_word *word, uint64_t value,
	       struct fam_deadline deadline, struct model_site *site)
{
	bool blind = mutant == site && mutant;

	next_step(site);
	if (run.running == NOBODY)
		model_fail("it would wait for somebody, and all have ended");
	memory_drain_all(run.running);
	trace_step(site, word, memory_value(word), value);
	remember(memory_value(word) != value);
	if (is_dead((unsigned int)fam_session_slot(fam)))
		return -ESTALE;
	if (memory_value(word) != value && !blind)
		return 0;
	if (deadline.at == 0 || (deadline.at > 0 && deadline.at <= run.clock))
		return -ETIMEDOUT;
	return park_sleep(word, deadline.at);
}

unsigned int model_unpark(struct fam *fam, const fam_word *word,
			  unsigned int count, struct model_site *site)
{
	unsigned int woken;

	(void)fam;
	next_step(site);
	if (run.running != NOBODY)
		memory_drain_all(run.running);
	woken = mutant == site && mutant ? 0 : park_wake(word, count);
	remember(woken);
	trace_step(site, word, memory_value(word), woken);
	return woken;
}

/* From where there are no sites: a function pointer, say. */
int fam_park(struct fam *fam, const fam_word *word, uint64_t value,
	     struct fam_deadline deadline)
{
	return model_park(fam, word, value, deadline, MODEL_SITE_(MODEL_PARK));
}

unsigned int fam_unpark(struct fam *fam, const fam_word *word,
			unsigned int count)
{
	return model_unpark(fam, word, count, MODEL_SITE_(MODEL_UNPARK));
}
