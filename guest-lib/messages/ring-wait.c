// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Waiting for a ring. Who waits sets a flag, tries once more, and sleeps at the
 * flag's word; who changed the ring looks at the flag behind a fence, and wakes
 * all: with the flag cleared, nobody may be left asleep.
 */
#include "ring-format.h"

#define NAP_FIRST_NS INT64_C(50000)
#define NAP_LAST_NS  INT64_C(10000000)
#define SPINS	     64 /* that came to nothing, in one call */

void fam_ring_wake(struct fam *fam, fam_word *waiting)
{
	uint64_t was = fam_word_get(waiting);

	/* The count makes that whoever is about to sleep does not. */
	if ((was & FAM_RING_WAITING) &&
	    fam_word_swap(waiting, &was, was + 2 - FAM_RING_WAITING))
		fam_unpark(fam, waiting, UINT32_MAX);
}

int fam_ring_nap(int64_t *ns, struct fam_deadline deadline)
{
	struct timespec nap = {0};
	int64_t left;

	*ns = *ns ? *ns + *ns / 4 : NAP_FIRST_NS;
	if (*ns > NAP_LAST_NS)
		*ns = NAP_LAST_NS;
	nap.tv_nsec = (long)*ns;
	if (deadline.at >= 0) {
		left = deadline.at - fam_now_ns();
		if (left <= 0)
			return -ETIMEDOUT;
		if (left < *ns)
			nap.tv_nsec = (long)left;
	}
	return nanosleep(&nap, NULL) < 0 ? -errno : 0;
}

/* One try: a push, a pop or a peek. */
struct
try {
	int (*call)(struct fam_ring * ring, void *messages, unsigned int count);
	const fam_word *(*on)(struct fam_ring * ring, uint64_t * value);
	fam_word *waiting;
	void *messages;
	unsigned int count;
};

static int once(struct fam_ring *ring, const struct try *t)
{
	return t->call(ring, t->messages, t->count);
}

static int sleep_once(struct fam_ring *ring, const struct try *t, int64_t *nap,
		      struct fam_deadline deadline)
{
	uint64_t flag;
	int r;

	/* There is time to look closely. */
	ring->idle |= FAM_RING_IDLE - 1;
	if (ring->config.flags & FAM_RING_POLLED)
		return fam_ring_nap(nap, deadline);
	flag = fam_word_set(t->waiting, FAM_RING_WAITING) | FAM_RING_WAITING;
	r = once(ring, t);
	if (r)
		return r;
	return fam_park(ring->fam, t->waiting, flag, deadline);
}

static bool is_over(struct fam_deadline deadline)
{
	return deadline.at == 0 ||
	       (deadline.at > 0 && fam_now_ns() >= deadline.at);
}

static int until_done(struct fam_ring *ring, const struct try *t,
		      struct fam_deadline deadline)
{
	const fam_word *on;
	int64_t nap = 0;
	uint64_t value;
	int r;

	for (unsigned int i = 0;; i++) {
		on = t->on(ring, &value);
		r = once(ring, t);
		if (r)
			return r;
		if (is_over(deadline))
			return -ETIMEDOUT;
		if (i < SPINS && fam_park_spin(ring->fam, on, value))
			continue;
		r = sleep_once(ring, t, &nap, deadline);
		if (r)
			return r;
	}
}

static int push_once(struct fam_ring *ring, void *messages, unsigned int count)
{
	return fam_ring_push(ring, messages, count);
}

int fam_ring_push_wait(struct fam_ring *ring, const void *messages,
		       unsigned int count, int timeout_ms)
{
	struct fam_deadline deadline = fam_deadline(timeout_ms);
	struct try t = {push_once, ring->ops->push_on, &ring->head->wait_push,
			(void *)messages, count};
	int r;

	if (count > INT_MAX)
		return -EINVAL;
	while (t.count) {
		r = until_done(ring, &t, deadline);
		if (r < 0)
			return t.count < count ? (int)(count - t.count) : r;
		t.count -= (unsigned int)r;
		t.messages = (char *)t.messages + (size_t)r * ring->bytes;
	}
	return (int)count;
}

int fam_ring_pop_wait(struct fam_ring *ring, void *messages, unsigned int count,
		      int timeout_ms)
{
	const struct try t = {fam_ring_pop, ring->ops->pop_on,
			      &ring->head->wait_pop, messages, count};

	return count ? until_done(ring, &t, fam_deadline(timeout_ms)) : 0;
}

int fam_ring_peek(struct fam_ring *ring, void *messages, unsigned int count,
		  int timeout_ms)
{
	const struct try t = {fam_ring_peek_once, ring->ops->pop_on,
			      &ring->head->wait_pop, messages, count};

	return count ? until_done(ring, &t, fam_deadline(timeout_ms)) : 0;
}
