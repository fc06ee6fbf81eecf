// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <sched.h>

#include "channel-end.h"

/*
 * Ends of what is polled look all the time at first: with the other one on a
 * CPU of its own, that is how messages travel in less than a microsecond. Two
 * ends that share a CPU let each other go on. Then naps of an eighth of the time
 * waited, so that a message comes late by that at most.
 */
#define LOOKS	 200
#define YIELD_NS 20000
#define NAP_NS	 200000
#define NAP_MIN	 50000
#define NAP_MAX	 10000000

static bool changes(const fam_word *word, uint64_t seen)
{
	for (int i = 0; i < LOOKS; i++) {
		if (fam_word_get(word) != seen)
			return true;
		fam_word_pause();
	}
	return false;
}

static int nap(int64_t ns)
{
	struct timespec pause;

	if (ns < NAP_MIN)
		ns = NAP_MIN;
	if (ns > NAP_MAX)
		ns = NAP_MAX;
	pause = (struct timespec){.tv_nsec = ns};
	return nanosleep(&pause, NULL) < 0 ? -errno : 0;
}

static int poll_step(struct channel_wait *wait, const fam_word *word,
		     uint64_t seen)
{
	int64_t now, waited, left;

	if (changes(word, seen))
		return 0;
	now = fam_now_ns();
	if (!wait->began)
		wait->began = now;
	waited = now - wait->began;
	left = wait->deadline.at < 0 ? INT64_MAX : wait->deadline.at - now;
	if (left <= 0)
		return -ETIMEDOUT;
	if (waited >= NAP_NS)
		return nap(waited / 8 < left ? waited / 8 : left);
	if (waited >= YIELD_NS)
		sched_yield();
	return 0;
}

/*
 * First spin; then say that one will sleep, and look once more; then sleep. Each
 * is a step, so that it is the caller who looks, at all there is to look at.
 */
int channel_wait_for(struct channel_end *end, struct channel_wait *wait,
		     const fam_word *word, uint64_t seen)
{
	fam_word *bell = end->sends ? &end->space->room : &end->space->news;
	uint64_t armed = wait->armed;

	if (wait->deadline.at == 0)
		return -EAGAIN;
	if (end->flags & CHANNEL_POLLED)
		return poll_step(wait, word, seen);
	if (!wait->spun) {
		wait->spun = true;
		if (fam_park_spin(end->fam, word, seen))
			return 0;
	}
	if (!armed) {
		wait->armed = fam_word_set(bell, 1) | 1;
		return 0;
	}
	wait->armed = 0;
	return fam_park(end->fam, bell, armed, wait->deadline);
}

void channel_wait_ring(struct channel_end *end)
{
	fam_word *bell = end->sends ? &end->space->news : &end->space->room;
	uint64_t was = fam_word_peek(bell);

	/* Odd is somebody sleeps: one more, and it is even and another one. */
	if ((was & 1) && fam_word_swap(bell, &was, was + 1))
		fam_unpark(end->fam, bell, UINT_MAX);
}
