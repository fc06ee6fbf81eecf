// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Waiting to be rung: asleep at eventfds where rings become interrupts, else by
 * looking at the soft bells, first busy, then after growing naps.
 */
#include <poll.h>

#include <fam/session.h>

#include "fam-bells.h"
#include "fam-server.h"

#define SPIN_NS	   INT64_C(20000)
#define NAP_MIN_NS INT64_C(50000)
#define NAP_MAX_NS INT64_C(10000000)
#define NAP_SHARE  8 /* of the time that it has waited already */

struct wait {
	struct fam *fam;
	const struct fam_bells_range *range;
	bool looks;    /* nothing wakes it */
	int64_t until; /* when it has to end; -1: never */
	int64_t begun;
	/* What there is and no more: a program may have few descriptors. */
	nfds_t count;
	struct pollfd *server, *device; /* in it, or NULL */
	struct pollfd poll[FAM_BELLS_MAX + 2];
};

static struct pollfd *poll_too(struct wait *w, int fd, short events)
{
	struct pollfd *p = &w->poll[w->count];

	if (fd < 0)
		return NULL;
	*p = (struct pollfd){.fd = fd, .events = events};
	w->count++;
	return p;
}

static void begin(struct wait *w, int timeout_ms)
{
	const struct fam_bells_range *range = w->range;
	struct fam_bells *bells = w->fam->bells;
	int64_t now = fam_now_ns();

	w->looks = !fam_bells_interrupts(w->fam);
	w->until = timeout_ms < 0 ? -1 : now + timeout_ms * INT64_C(1000000);
	w->begun = now;
	for (unsigned int i = 0; i < range->count; i++)
		poll_too(w, bells->fd[range->first + i], POLLIN);
	if (w->fam->server)
		w->server = poll_too(w, w->fam->server->wire.sock, POLLIN);
	/* Its end is all that is to be heard there. */
	w->device = poll_too(w, bells->device, 0);
	bells->waiters++;
	bells->waits++;
	if (!w->looks && !bells->bridging && fam_bells_soft_ringers(w->fam))
		fam_session_wake(w->fam);
}

/* What the server tells is read; no more if that makes no sense any more. */
static void hear(struct wait *w)
{
	if (!fam_bells_hear(w->fam))
		w->server->fd = -1;
}

static int poll_for(struct wait *w, int64_t ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};

	if (ppoll(w->poll, w->count, ns < 0 ? NULL : &t, NULL) < 0)
		return -errno;
	if (w->device && w->device->revents)
		return -ENODEV;
	if (w->server && w->server->revents)
		hear(w);
	return 0;
}

/*
 * Naps grow with the time waited: what comes is late by a share of it at most,
 * and who waits for long hardly uses the CPU.
 */
static int64_t nap_after(int64_t waited)
{
	int64_t ns = waited / NAP_SHARE;

	if (ns < NAP_MIN_NS)
		return NAP_MIN_NS;
	return ns < NAP_MAX_NS ? ns : NAP_MAX_NS;
}

/* Until something may have come, or @left ns have passed; -1: for ever. */
static int pause_for(struct wait *w, int64_t left)
{
	int64_t waited, nap;

	if (left == 0 || !w->looks)
		return poll_for(w, left);
	waited = fam_now_ns() - w->begun;
	if (waited < SPIN_NS)
		return 0;
	nap = nap_after(waited);
	return poll_for(w, left < 0 || nap < left ? nap : left);
}

/* Rings of an own vector, taken; 0: none, or somebody else took them. */
static uint64_t take(struct fam *fam, unsigned int vector)
{
	uint64_t soft = fam_bells_soft_take(fam, vector), rings = 0;
	int fd = fam->bells->fd[vector];

	if (fd >= 0 && fam_rings_take(fd, &rings) < 0)
		rings = 0;
	return rings + soft < soft ? UINT64_MAX : rings + soft;
}

static uint64_t take_any(const struct wait *w, unsigned int *vector)
{
	const struct fam_bells_range *range = w->range;

	for (unsigned int i = 0; i < range->count; i++) {
		unsigned int at =
			range->first + (range->start + i) % range->count;
		uint64_t rings = take(w->fam, at);

		if (rings) {
			*vector = at;
			return rings;
		}
	}
	return 0;
}

static int wait_for(struct wait *w, unsigned int *vector, uint64_t *rings)
{
	int64_t left = 0; /* first it only looks */

	for (;;) {
		int r = pause_for(w, left);

		if (r < 0)
			return r;
		*rings = take_any(w, vector);
		if (*rings)
			return 0;
		if (w->looks)
			r = fam_session_check(w->fam);
		if (r < 0)
			return r;
		left = w->until < 0 ? -1 : w->until - fam_now_ns();
		if (w->until >= 0 && left <= 0)
			return -ETIMEDOUT;
	}
}

int fam_bells_wait(struct fam *fam, const struct fam_bells_range *range,
		   int timeout_ms, unsigned int *vector, uint64_t *count)
{
	struct wait w = {.fam = fam, .range = range};
	uint64_t rings;
	int r;

	begin(&w, timeout_ms);
	r = wait_for(&w, vector, &rings);
	fam->bells->waiters--;
	if (r == 0 && count)
		*count = rings;
	return r;
}
