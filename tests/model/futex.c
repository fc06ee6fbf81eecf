// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What the library's parking stands on, in one kernel: a futex, and nothing. */
#include "engine.h"
#include "world.h"

#include "sync/park.h"

#define LOOK_NS (FAM_PARK_LOOK_MS * INT64_C(1000000))

/* Not to look at the word, or to wake nobody, can be tried with these. */
static struct model_site waiting = {MODEL_PARK,	    __LINE__, "fam_futex_wait",
				    "park-futex.c", NULL,     false};
static struct model_site waking = {MODEL_UNPARK,   __LINE__, "fam_futex_wake",
				   "park-futex.c", NULL,     false};

int fam_futex_wait(const fam_word *word, uint64_t value, int64_t ns,
		   bool shared)
{
	bool is_blind = mutant == &waiting;
	int r;

	(void)shared;
	next_step(&waiting);
	memory_drain_all(run.running);
	remember(memory_value(word) != value);
	trace_step(&waiting, word, memory_value(word), value);
	if ((uint32_t)memory_value(word) != (uint32_t)value && !is_blind)
		return 0;
	r = park_sleep(word, ns < LOOK_NS ? run.clock + ns : -1);
	return r == -EINTR ? r : 0;
}

void fam_futex_wake(const fam_word *word, bool shared)
{
	(void)shared;
	next_step(&waking);
	memory_drain_all(run.running);
	remember(1);
	trace_step(&waking, word, memory_value(word), memory_value(word));
	if (mutant != &waking)
		park_wake(word, MODEL_THREADS);
}

bool fam_futex_shares(const fam_word *word)
{
	(void)word;
	return true;
}

bool fam_park_reached(struct fam *fam)
{
	(void)fam;
	return true;
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

void fam_bells_tell(struct fam *fam, uint32_t peer)
{
	(void)fam;
	(void)peer;
	model_fail("nobody here is reached by a doorbell");
}

int fam_bells_library_fd(struct fam *fam)
{
	(void)fam;
	return 0; /* there is one: so nobody looks for want of it */
}
