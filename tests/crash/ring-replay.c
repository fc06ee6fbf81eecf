// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Cuts the power of a recorded disk again and again, and looks each time what the
 * durable ring in it has: all that was pushed for certain and not about to be
 * released, in its producer's order and once, and nothing that was released for
 * certain.
 *
 * usage: fam-ring-replay [OPTION...] DIR	of fam-disk
 * The options are those of moments.h.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam/fam.h>
#include <fam/ring.h>

#include "moments.h"
#include "ring-message.h"

/* Of one producer: messages below these, as the tape tells. */
struct progress {
	uint64_t pushed, will, done;
};

/* What moments.h is told, and what to say of it. */
struct story {
	struct progress progress[RINGER_PRODUCERS];
};

/* --- the tape ---------------------------------------------------------------------- */

static void rise(uint64_t *to, uint64_t number)
{
	if (number > *to)
		*to = number;
}

static void hear(void *arg, const char *line)
{
	struct story *r = arg;
	char what[8];
	uint64_t producer, number;
	struct progress *p;

	if (sscanf(line, "%7s %" SCNu64 " %" SCNu64, what, &producer,
		   &number) != 3 ||
	    producer >= RINGER_PRODUCERS)
		errx(2, "a strange line: %s", line);
	p = &r->progress[producer];
	rise(strcmp(what, "push") == 0	 ? &p->pushed
	     : strcmp(what, "will") == 0 ? &p->will
					 : &p->done,
	     number);
}

/* --- the ring ---------------------------------------------------------------------- */

/* What must be there and is not; messages that must not be there count, too. */
static uint64_t judge(const struct story *r, uint64_t *acks,
		      const struct ring_message *m, int count)
{
	uint64_t next[RINGER_PRODUCERS], wrong = 0;
	bool begun[RINGER_PRODUCERS] = {0};

	for (unsigned int p = 0; p < RINGER_PRODUCERS; p++)
		next[p] = r->progress[p].done;
	for (int i = 0; i < count; i++) {
		const struct progress *p;
		uint64_t producer = m[i].producer, number = m[i].number;

		if (!ring_message_is_whole(&m[i])) {
			printf("torn: message %d\n", i);
			return wrong + 1;
		}
		p = &r->progress[producer];
		/* What was about to be released may be gone. */
		if (!begun[producer] && number > next[producer])
			next[producer] = number < p->will ? number : p->will;
		begun[producer] = true;
		if (number < next[producer] ||
		    (number > next[producer] && next[producer] < p->pushed)) {
			printf("wrong: producer %" PRIu64 ": %" PRIu64
			       " in the place of %" PRIu64 "\n",
			       producer, number, next[producer]);
			wrong++;
		}
		next[producer] = number + 1;
	}
	for (unsigned int p = 0; p < RINGER_PRODUCERS; p++) {
		const struct progress *was = &r->progress[p];

		if (!begun[p])
			next[p] = was->will;
		*acks += was->pushed -
			 (was->will < was->pushed ? was->will : was->pushed);
		if (next[p] >= was->pushed)
			continue;
		printf("lost: producer %u from %" PRIu64 " to %" PRIu64 "\n", p,
		       next[p], was->pushed);
		wrong += was->pushed - next[p];
	}
	return wrong;
}

/* It is of use, from now on. */
static bool goes_on(struct fam_ring *ring)
{
	struct ring_message m = ring_message(0, 12345), back = {0};

	return fam_ring_release(ring) == 0 && fam_ring_push(ring, &m, 1) == 1 &&
	       fam_ring_peek(ring, &back, 1, 0) == 1 &&
	       memcmp(&m, &back, sizeof(m)) == 0 && fam_ring_release(ring) == 0;
}

static int check_ring(void *arg, struct fam *fam, uint64_t *acks,
		      uint64_t *wrong)
{
	struct story *r = arg;
	struct ring_message m[RINGER_SLOTS];
	struct fam_ring *ring;
	int n, ret = fam_ring_open(fam, RINGER_NAME, NULL,
				   FAM_RING_PUSH | FAM_RING_POP, &ring);

	if (ret < 0)
		return ret;
	n = fam_ring_peek(ring, m, RINGER_SLOTS, 0);
	if (n < 0 && n != -ETIMEDOUT) {
		ret = n;
	} else {
		*wrong = judge(r, acks, m, n < 0 ? 0 : n);
		if (!goes_on(ring)) {
			printf("wrong: it does not go on\n");
			++*wrong;
		}
	}
	fam_ring_close(ring);
	return ret;
}

int main(int argc, char **argv)
{
	static struct story story;
	const struct moments_judge judge = {
		.program = "fam-ring-replay",
		.hear = hear,
		.check = check_ring,
		.arg = &story,
	};

	return moments_main(argc, argv, &judge);
}
