// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <poll.h>
#include <sched.h>

#include "fam-persist.h"

/*
 * Busy for about as long as an answer takes, because a nap is longer than a
 * disk flush; not longer than this, because the processor that is kept busy may
 * be the one the server needs. On a slow disk it is of no use.
 */
#define SPIN_NS_MAX   400000
#define SPIN_NS_MIN   50000
#define NAP_NS_MIN    20000
#define NAP_NS_MAX    1000000
#define TURNS_A_CLOCK 8 /* looks for each time the clock is read */

static int64_t spin_for(int64_t usual)
{
	if (usual > SPIN_NS_MAX || 2 * usual < SPIN_NS_MIN)
		return SPIN_NS_MIN;
	return 2 * usual < SPIN_NS_MAX ? 2 * usual : SPIN_NS_MAX;
}

void fam_vigil_begin(struct fam_vigil *vigil, const struct fam_ask *ask,
		     int64_t usual)
{
	*vigil = (struct fam_vigil){
		.ask = ask,
		.now = ask->began,
		.moved = ask->began,
		.spin_until = ask->began + spin_for(usual),
		.nap_ns = NAP_NS_MIN,
	};
}

static bool has_moved(struct fam_vigil *vigil, const struct fam_pulse *pulse)
{
	const struct fam_pulse *last = &vigil->pulse;

	if (pulse->done == last->done && pulse->beat == last->beat &&
	    pulse->epoch == last->epoch)
		return false;
	vigil->pulse = *pulse;
	return true;
}

static int nap(struct fam_vigil *vigil)
{
	int64_t left = vigil->ask->until - vigil->now;
	struct timespec nap = {0, vigil->nap_ns < left ? vigil->nap_ns : left};

	/*
	 * Not nanosleep(): without fine timers, as in a node, a signal comes
	 * with the end of the nap, of which that tells only the latter.
	 */
	if (ppoll(NULL, 0, &nap, NULL) < 0 && vigil->ask->interruptible)
		return -EINTR;
	if (vigil->nap_ns < NAP_NS_MAX)
		vigil->nap_ns *= 2;
	return 0;
}

int fam_vigil_pause(struct fam_vigil *vigil, const struct fam_pulse *pulse)
{
	bool spins = vigil->now < vigil->spin_until;

	if (!spins || ++vigil->turns % TURNS_A_CLOCK == 0)
		vigil->now = fam_now_ns();
	if (has_moved(vigil, pulse))
		vigil->moved = vigil->now;
	if (vigil->now >= vigil->ask->until)
		return -ETIMEDOUT;
	if (spins)
		sched_yield();
	else
		return nap(vigil);
	return 0;
}
