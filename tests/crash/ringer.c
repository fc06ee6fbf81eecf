// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Pushes to a durable ring, or pops from it, and says what is certain by lines to
 * the recorded disk; see ring-message.h.
 *
 * usage: fam-ringer make FABRIC
 *	fam-ringer push FABRIC MARKS P COUNT	as producer P; COUNT 0: until it is full
 *	fam-ringer pop FABRIC MARKS		until SIGTERM
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/ring.h>

#include "marks.h"
#include "ring-message.h"

#define BURST 11

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void say(int marks, const char *what, uint64_t producer, uint64_t number)
{
	marks_say(marks, "%s %" PRIu64 " %" PRIu64 "\n", what, producer,
		  number);
}

/* The one before may not be known to be dead yet. */
static struct fam_ring *open_ring(struct fam *fam, bool make, unsigned int role)
{
	const struct fam_ring_config config = {FAM_RING_MPSC, FAM_RING_DURABLE,
					       RINGER_SLOTS,
					       sizeof(struct ring_message)};
	struct fam_ring *ring = NULL;
	int r;

	do {
		r = fam_ring_open(fam, RINGER_NAME, make ? &config : NULL, role,
				  &ring);
		if (r == -EBUSY)
			usleep(10000);
	} while (r == -EBUSY && !stop);
	if (r < 0)
		errx(1, "cannot open the ring: %s", fam_strerror(r));
	return ring;
}

/* @count 0: until it is full, which nobody may make an end of. */
static void push(struct fam_ring *ring, int marks, uint64_t producer,
		 uint64_t count)
{
	struct ring_message m[BURST];
	uint64_t random = producer, done = 0;

	while ((!count || done < count) && !stop) {
		uint64_t n = 1 + record_random(&random) % BURST;
		int r;

		if (count && n > count - done)
			n = count - done;
		for (uint64_t i = 0; i < n; i++)
			m[i] = ring_message(producer, done + i);
		r = count ? fam_ring_push_wait(ring, m, (unsigned int)n, -1)
			  : fam_ring_push(ring, m, (unsigned int)n);
		if (r < 0)
			errx(1, "cannot push: %s", fam_strerror(r));
		if (r == 0)
			break;
		done += (uint64_t)r;
		say(marks, "push", producer, done);
	}
}

static void say_all(int marks, const char *what, const uint64_t *number)
{
	for (unsigned int p = 0; p < RINGER_PRODUCERS; p++) {
		if (number[p])
			say(marks, what, p, number[p]);
	}
}

static void pop(struct fam_ring *ring, int marks)
{
	struct ring_message m[RINGER_SLOTS];
	uint64_t seen[RINGER_PRODUCERS] = {0}, random = 1;

	while (!stop) {
		unsigned int n = 1 + (unsigned int)(record_random(&random) %
						    RINGER_SLOTS);
		int r = fam_ring_peek(ring, m, n, 200);

		if (r == -ETIMEDOUT || r == -EINTR)
			continue;
		if (r < 0)
			errx(1, "cannot peek: %s", fam_strerror(r));
		for (int i = 0; i < r; i++) {
			if (!ring_message_is_whole(&m[i]))
				errx(1, "a message is torn");
			seen[m[i].producer] = m[i].number + 1;
		}
		say_all(marks, "will", seen);
		r = fam_ring_release(ring);
		if (r < 0)
			errx(1, "cannot release: %s", fam_strerror(r));
		say_all(marks, "done", seen);
		memset(seen, 0, sizeof(seen));
	}
}

int main(int argc, char **argv)
{
	const struct sigaction act = {.sa_handler = on_signal};
	bool make = argc == 3 && strcmp(argv[1], "make") == 0;
	bool pushes = argc == 6 && strcmp(argv[1], "push") == 0;
	struct fam_ring *ring;
	struct fam *fam;
	int marks, r;

	if (!make && !pushes && (argc != 4 || strcmp(argv[1], "pop") != 0))
		errx(2, "usage: fam-ringer make FABRIC | push FABRIC MARKS P "
			"COUNT | pop FABRIC MARKS");
	sigaction(SIGTERM, &act, NULL);
	r = fam_open(&fam, argv[2], 0);
	if (r < 0)
		errx(1, "cannot open the fabric: %s", fam_strerror(r));
	ring = open_ring(fam, make, pushes ? FAM_RING_PUSH : FAM_RING_POP);
	marks = make ? -1 : marks_open(argv[3]);
	if (pushes)
		push(ring, marks, strtoull(argv[4], NULL, 10),
		     strtoull(argv[5], NULL, 10));
	else if (!make)
		pop(ring, marks);
	fam_ring_close(ring);
	fam_close(fam);
	return 0;
}
