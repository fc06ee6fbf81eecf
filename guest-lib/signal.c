// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Values by doorbells alone. All that a ring tells is which vector it came to;
 * it may come late, as one with others of its vector, and behind a later one of
 * another vector. So one ring is on its way at a time, and the next is another
 * one than the last:
 *
 *	vector 0	answer to a beginning
 *	vector 1, 2	answers to bits, in turn
 *	vector 3	a value begins
 *	vector 4, 5, 6	a bit
 *
 * Of the vectors 4 to 6 one is the last that was rung, or 6 if the value has
 * just begun. A bit rings the one behind it, or the one behind that: 0 or 1 of
 * the two others, going round. 32 bits, the highest first, are followed by a
 * check of 8.
 *
 * The beginning alone is rung again until it is answered, as the other end may
 * not have been there. So it may come, and its answer too, when the value has
 * long gone on; neither can be taken for a bit or the answer to one:
 *
 *	A beginning before the first bit is answered once more. The sender may
 *	have an old answer and be one ring ahead, at the first bit: whoever has
 *	answered has begun, and takes that.
 *	Behind a bit it is an old one and changes nothing, unless nothing else
 *	comes for a while: then the other end has begun anew, which goes on
 *	ringing.
 */
#include <errno.h>
#include <stdlib.h>

#include <fam/signal.h>

#include "fam-bells.h"

#define ANSWERS	 3 /* vectors 0 to 2 */
#define BEGIN	 3
#define BIT	 4 /* the first of BITS */
#define BITS	 3
#define LENGTH	 40   /* bits of a value with its check */
#define AGAIN_MS 50   /* until the beginning is rung again; */
#define LATER_MS 800  /* it doubles up to this */
#define STALE_MS 200  /* so long after a bit a beginning is an old one */
#define CHECK	 0x07 /* x^8 + x^2 + x + 1 */

struct fam_signal {
	struct fam *fam;
	unsigned int peer, vector;
	bool yields; /* to the other end, if both send */

	/* What is being received. */
	bool begun;	   /* its beginning is there, not answered */
	unsigned int bits; /* so many of it */
	unsigned int last; /* vector, from BIT; BITS: there is no value */
	uint64_t value;
	int64_t moved; /* ms: when the last of them came */
};

/* Until @deadline, as fam_doorbell_wait() takes it; -1: there is none. */
static int left_of(int64_t deadline)
{
	int64_t left = deadline - fam_now_ms();

	if (deadline < 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : fam_now_ms() + timeout_ms;
}

static int ring(const struct fam_signal *line, unsigned int vector)
{
	return fam_doorbell_ring(line->fam, line->peer, line->vector + vector);
}

/* Some vectors of a line; @start: which is looked at first. */
static struct fam_bells_range vectors_of(const struct fam_signal *line,
					 unsigned int first, unsigned int count,
					 unsigned int start)
{
	return (struct fam_bells_range){
		.first = line->vector + first,
		.count = count,
		.start = start,
	};
}

static int wait_ring(const struct fam_signal *line,
		     const struct fam_bells_range *range, int timeout_ms,
		     unsigned int *rung)
{
	unsigned int vector;
	int r = fam_bells_wait(line->fam, range, timeout_ms, &vector, NULL);

	if (r == 0)
		*rung = vector - line->vector;
	return r;
}

/* Throws away what came to some vectors. */
static int drain(const struct fam_signal *line, unsigned int first,
		 unsigned int count)
{
	const struct fam_bells_range range = vectors_of(line, first, count, 0);
	unsigned int rung;
	int r = 0;

	while (r == 0)
		r = wait_ring(line, &range, 0, &rung);
	return r == -ETIMEDOUT ? 0 : r;
}

static uint8_t check_of(uint32_t value)
{
	uint64_t rest = (uint64_t)value << 8;

	for (int i = 39; i >= 8; i--) {
		if (rest >> i & 1)
			rest ^= (UINT64_C(0x100) | CHECK) << (i - 8);
	}
	/* Not 0 for 0: a line that stands still is no value. */
	return (uint8_t)(rest ^ 0xff);
}

int fam_signal_open(struct fam_signal **out, struct fam *fam, unsigned int peer,
		    unsigned int vector)
{
	int vectors = fam_doorbell_vectors(fam), self = fam_peer_self(fam), r;
	struct fam_signal *line;

	if (vectors < 0 || self < 0)
		return vectors < 0 ? vectors : self;
	if (vector > (unsigned int)vectors ||
	    FAM_SIGNAL_VECTORS > (unsigned int)vectors - vector)
		return -ERANGE;
	line = calloc(1, sizeof(*line));
	if (!line)
		return -ENOMEM;
	line->fam = fam;
	line->peer = peer;
	line->vector = vector;
	line->yields = (unsigned int)self > peer;
	line->last = BITS;
	/* Who is not interrupted may have fewer to be rung at. */
	r = fam_doorbell_wait(fam, vector + FAM_SIGNAL_VECTORS - 1, 0, NULL);
	if (r == 0 || r == -ETIMEDOUT)
		r = drain(line, 0, FAM_SIGNAL_VECTORS);
	if (r < 0) {
		free(line);
		return r;
	}
	*out = line;
	return 0;
}

void fam_signal_close(struct fam_signal *line)
{
	free(line);
}

/* --- sending ---------------------------------------------------------------- */

/* To the bit with this number, from 1 on. */
static unsigned int answer_to(unsigned int bit)
{
	return 1 + bit % 2;
}

/* Waits for an answer of one kind; of another, it is an old one. */
static int wait_answer(struct fam_signal *line, unsigned int kind,
		       int64_t deadline)
{
	const struct fam_bells_range range =
		vectors_of(line, 0, line->yields ? ANSWERS + 1 : ANSWERS, 0);
	unsigned int rung = 0;

	for (;;) {
		int r = wait_ring(line, &range, left_of(deadline), &rung);

		if (r < 0)
			return r;
		if (rung == kind)
			return 0;
		if (rung == BEGIN) {
			line->begun = true;
			return -EBUSY;
		}
	}
}

static int64_t sooner(int64_t deadline, int64_t other)
{
	return deadline < 0 || other < deadline ? other : deadline;
}

static int send_begin(struct fam_signal *line, int64_t deadline)
{
	int pause = AGAIN_MS;
	int r;

	for (;;) {
		r = ring(line, BEGIN);
		if (r < 0)
			return r;
		r = wait_answer(line, 0,
				sooner(deadline, fam_now_ms() + pause));
		if (r != -ETIMEDOUT || left_of(deadline) == 0)
			return r;
		pause = pause < LATER_MS ? pause * 2 : LATER_MS;
	}
}

/*
 * What the other end was sending it has given up, as it receives. Nothing of
 * that is to be taken for a value later.
 */
static int forget(struct fam_signal *line)
{
	line->begun = false;
	line->last = BITS;
	return drain(line, BEGIN, 1 + BITS);
}

static int send_bits(struct fam_signal *line, uint64_t bits, int64_t deadline)
{
	unsigned int last = BITS - 1;
	int r = 0;

	for (unsigned int i = 1; i <= LENGTH && r == 0; i++) {
		last = (last + 1 + (bits >> (LENGTH - i) & 1)) % BITS;
		/* Behind the last one, the other end may begin a value. */
		if (i == LENGTH)
			r = forget(line);
		/* Of the kind to come there is none under way. */
		if (r == 0)
			r = drain(line, answer_to(i), 1);
		if (r == 0)
			r = ring(line, BIT + last);
		if (r == 0)
			r = wait_answer(line, answer_to(i), deadline);
	}
	return r;
}

int fam_signal_send(struct fam_signal *line, uint32_t value, int timeout_ms)
{
	int64_t deadline = deadline_of(timeout_ms);
	uint64_t bits = (uint64_t)value << 8 | check_of(value);
	int r;

	/* Its value comes first, or has come in part. */
	if (line->yields && (line->begun || line->last != BITS))
		return -EBUSY;
	r = drain(line, 0, ANSWERS);
	if (r == 0)
		r = send_begin(line, deadline);
	return r < 0 ? r : send_bits(line, bits, deadline);
}

/* --- receiving -------------------------------------------------------------- */

/* Is there a part of a value? */
static bool is_amid(const struct fam_signal *line)
{
	return line->last != BITS && line->bits;
}

/* Amid a value: the rest of it never comes, but a bit may still be there. */
static int begin_value(struct fam_signal *line)
{
	int r = 0;

	if (is_amid(line) && fam_now_ms() - line->moved < STALE_MS)
		return 0;
	if (is_amid(line))
		r = drain(line, BIT, BITS);
	line->begun = false;
	line->bits = 0;
	line->value = 0;
	line->last = BITS - 1;
	return r < 0 ? r : ring(line, 0);
}

static int end_value(struct fam_signal *line, uint32_t *value)
{
	uint32_t whole = (uint32_t)(line->value >> 8);
	int r;

	line->last = BITS;
	if (check_of(whole) != (uint8_t)line->value)
		return -EPROTO;
	r = ring(line, answer_to(LENGTH));
	if (r < 0)
		return r;
	*value = whole;
	return 1;
}

/* 1: the value is complete; 0: there is more to come. */
static int take_bit(struct fam_signal *line, unsigned int at, uint32_t *value)
{
	/* Nothing has begun, or it is the last one once more. */
	if (line->last == BITS || at == line->last)
		return 0;
	line->value = line->value << 1 | ((at + BITS - line->last) % BITS - 1);
	line->last = at;
	line->bits++;
	line->moved = fam_now_ms();
	if (line->bits == LENGTH)
		return end_value(line, value);
	return ring(line, answer_to(line->bits));
}

/* Once there is a value, its bits come before an old beginning. */
static int wait_part(const struct fam_signal *line, int64_t deadline,
		     unsigned int *rung)
{
	const struct fam_bells_range range = vectors_of(
		line, BEGIN, 1 + BITS, line->last == BITS ? 0 : BIT - BEGIN);

	return wait_ring(line, &range, left_of(deadline), rung);
}

int fam_signal_recv(struct fam_signal *line, uint32_t *value, int timeout_ms)
{
	int64_t deadline = deadline_of(timeout_ms);
	unsigned int vector = 0;
	int r = line->begun ? begin_value(line) : 0;

	while (r == 0) {
		r = wait_part(line, deadline, &vector);
		if (r == 0 && vector == BEGIN)
			r = begin_value(line);
		else if (r == 0)
			r = take_bit(line, vector - BIT, value);
	}
	return r < 0 ? r : 0;
}
