// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

uint64_t dice(struct worker *w, uint64_t sides)
{
	return next_random(&w->s.random) % sides;
}

/* Mostly small, some large enough for chunks of their own. */
uint64_t any_size(struct worker *w)
{
	switch (dice(w, 32)) {
	case 0:
		return 60000 + dice(w, 140000);
	case 1:
	case 2:
		return 1000 + dice(w, 40000);
	case 3:
	case 4:
	case 5:
		return 200 + dice(w, 6000);
	default:
		return BLOB_MIN + dice(w, 400);
	}
}

/* --- looking around -------------------------------------------------------------------- */

struct walk {
	fam_off last;
	uint64_t count;
};

static int see(fam_off off, uint64_t usable, void *arg)
{
	struct walk *walk = arg;

	if (off <= walk->last || !usable)
		fail("enumerated: %" PRIu64 " behind %" PRIu64, off,
		     walk->last);
	walk->last = off + usable - 1;
	walk->count++;
	return 0;
}

static void look_around(struct worker *w)
{
	struct walk walk = {0};
	struct fam_heap_stat stat;
	int r = CALL(fam_heap_each(w->s.heap, see, &walk));

	if (r < 0)
		fail("each: %s", fam_strerror(r));
	r = fam_heap_stat(w->s.heap, &stat, sizeof(stat));
	if (r < 0 || stat.used > stat.space || !walk.count)
		fail("stat: %d, %" PRIu64 " of %" PRIu64 " used", r, stat.used,
		     stat.space);
}

static void step(struct worker *w)
{
	switch (dice(w, 64)) {
	case 0:
		reconcile(w);
		break;
	case 1:
		look_around(w);
		break;
	default:
		if (dice(w, 3))
			change_own(w);
		else
			change_shared(w);
		break;
	}
}

/* --- all of it ---------------------------------------------------------------------------- */

static void report(const struct worker *w, time_t took)
{
	const struct model *m = w->model;
	uint64_t slots = 0, keys = m->done[SET_KEY] + m->done[REMOVE_KEY];

	for (unsigned int i = PUT; i <= SWAP; i++)
		slots += m->done[i];
	printf("# worker %u: %" PRIu64 " slots, %" PRIu64 " keys, %" PRIu64
	       " records, %" PRIu64 " of several, %" PRIu64 " shared, %" PRIu64
	       " transfers, %" PRIu64 " lives, %" PRIu64
	       " sessions lost, %d of %u s%s\n",
	       w->s.want->id, slots, keys, m->done[APPEND], m->done[SEVERAL],
	       m->done[SHARE], m->done[TRANSFER], m->lives, m->again, (int)took,
	       w->s.want->seconds, ended ? ", asked to end" : "");
}

int worker_run(const struct want *want)
{
	time_t began = time(NULL);
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
	struct worker w = {.model = model_open(want->model)};
	int r;

	sigaction(SIGTERM, &action, NULL);
	w.s.random = want->seed * 2654435761u + want->id + 1 +
		     (uint64_t)getpid() * 40503u;
	r = stress_open(&w.s, want);
	if (r == -ESTALE)
		r = stress_again(&w.s);
	if (r < 0)
		fail("'%s': %s", want->fabric, fam_strerror(r));
	w.model->lives++;
	await_end(&w);
	reconcile(&w);
	while (!ended && time(NULL) < began + want->seconds)
		step(&w);
	report(&w, time(NULL) - began);
	alarm(CALL_MAX);
	stress_close(&w.s);
	return 0;
}
