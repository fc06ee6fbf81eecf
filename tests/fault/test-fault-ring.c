// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who opens a ring, pushes, pops, waits, or gives back its port is killed at
 * each step. The ring goes on: what was pushed is popped in order and once, at
 * most what the dead one had in its hands is lost, and all slots are of use.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fam/ring.h>

#include "fam-persist.h"
#include "fault.h"

#define SLOTS	8
#define WAIT_MS 20000
#define OTHERS	100 /* numbers from here on are the test's */

/* What the child has done for certain: behind the ring. */
struct diary {
	volatile uint64_t done;	     /* pushed, or popped */
	volatile uint64_t in_hand;   /* what a call is about, at most */
	volatile uint64_t popped[8]; /* returned */
};

static struct fam_ring_config config;

static struct diary *diary(const struct fault *f)
{
	return (void *)((char *)f->memory + FAULT_BYTES / 2);
}

/* The fabric lies in memory; a disk that is never cut off is as good. */
static int is_durable(struct fam *fam, struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	return 0;
}

static int was_durable(struct fam *fam, const struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	return 0;
}

static int never_failed(struct fam *fam)
{
	(void)fam;
	return 0;
}

static const struct fam_persist_ops disk = {
	.way = FAM_PERSIST_DRAIN,
	.cpu = true,
	.post = is_durable,
	.wait = was_durable,
	.failed = never_failed,
};

static int open_port(struct fault *f, unsigned int role, struct fam_ring **ring)
{
	f->fam->persist = &disk;
	return fam_ring_at(f->fam, f->memory, FAULT_BYTES / 2, role, ring);
}

static void make(struct fault *f)
{
	f->fam->persist = &disk;
	assert_int_equal(fam_ring_make(f->fam, f->memory, &config), 0);
}

static struct fam_ring *port(struct fault *f, unsigned int role)
{
	struct fam_ring *ring = NULL;

	assert_int_equal(
		fam_ring_at(f->fam, f->memory, FAULT_BYTES / 2, role, &ring),
		0);
	return ring;
}

/* --- what is killed ------------------------------------------------------------- */

static bool push_noted(struct fault *f, struct fam_ring *ring, uint64_t first,
		       unsigned int n)
{
	uint64_t m[4];

	for (unsigned int i = 0; i < n; i++)
		m[i] = first + i;
	if (fam_ring_push_wait(ring, m, n, WAIT_MS) != (int)n)
		return false;
	diary(f)->done = first + n - 1;
	return true;
}

static int push_five(struct fault *f)
{
	struct fam_ring *ring;
	bool well;

	fault_arm(f);
	if (open_port(f, FAM_RING_PUSH, &ring) < 0)
		return 1;
	well = push_noted(f, ring, 1, 1) && push_noted(f, ring, 2, 3) &&
	       push_noted(f, ring, 5, 1);
	fam_ring_close(ring);
	fault_disarm(f);
	return !well;
}

static int take(struct fam_ring *ring, uint64_t *m, unsigned int n)
{
	int r;

	if (!(config.flags & FAM_RING_DURABLE))
		return fam_ring_pop_wait(ring, m, n, WAIT_MS);
	r = fam_ring_peek(ring, m, n, WAIT_MS);
	if (r > 0 && fam_ring_release(ring) < 0)
		return -EIO;
	return r;
}

static bool pop_noted(struct fault *f, struct fam_ring *ring, unsigned int n)
{
	struct diary *d = diary(f);
	uint64_t m[4];
	int r;

	d->in_hand = n;
	r = take(ring, m, n);
	for (int i = 0; i < r; i++) {
		d->popped[d->done] = m[i];
		d->done = d->done + 1;
		d->in_hand = d->in_hand - 1;
	}
	return r > 0;
}

static int pop_four(struct fault *f)
{
	struct fam_ring *ring;
	bool well;

	fault_arm(f);
	if (open_port(f, FAM_RING_POP, &ring) < 0)
		return 1;
	well = pop_noted(f, ring, 1);
	while (well && diary(f)->done < 4)
		well = pop_noted(f, ring, (unsigned int)(4 - diary(f)->done));
	fam_ring_close(ring);
	fault_disarm(f);
	return !well;
}

/* --- what is left ---------------------------------------------------------------- */

static unsigned int take_all(struct fam_ring *ring, uint64_t *m)
{
	unsigned int n = 0;
	int r;

	for (int vain = 0; vain < 2;) {
		r = config.flags & FAM_RING_DURABLE
			    ? fam_ring_peek(ring, m + n, SLOTS, 0)
			    : fam_ring_pop(ring, m + n, SLOTS);
		if (r == -ETIMEDOUT)
			r = 0;
		assert_true(r >= 0);
		n += (unsigned int)r;
		vain += r == 0;
	}
	if (config.flags & FAM_RING_DURABLE)
		assert_int_equal(fam_ring_release(ring), 0);
	return n;
}

/* Ring after ring, so that each slot and each port is seen. */
static void is_of_use(struct fam_ring *push, struct fam_ring *pop)
{
	uint64_t m[2 * SLOTS], got[4 * SLOTS];

	for (uint64_t i = 0; i < 2 * SLOTS; i++)
		m[i] = OTHERS + i;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(fam_ring_push(push, m, 2 * SLOTS), SLOTS);
		assert_int_equal(take_all(pop, got), SLOTS);
		assert_memory_equal(got, m, SLOTS * sizeof(m[0]));
	}
}

static struct fam_ring *mine; /* the other side's port of the test */

static void open_consumer(struct fault *f)
{
	make(f);
	mine = port(f, FAM_RING_POP);
}

static void all_pushed_are_there(struct fault *f)
{
	uint64_t got[4 * SLOTS], before = 0;
	struct fam_ring *push;
	unsigned int n, own = 0;

	if (f->killed)
		fault_await_death(f);
	push = port(f, FAM_RING_PUSH);
	n = take_all(mine, got);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(got[i] > before && got[i] <= 5);
		own += got[i] <= diary(f)->done;
		before = got[i];
	}
	assert_int_equal(own, diary(f)->done);
	is_of_use(push, mine);
	fam_ring_close(push);
	fam_ring_close(mine);
}

static void open_producer(struct fault *f)
{
	const uint64_t m[6] = {1, 2, 3, 4, 5, 6};

	make(f);
	mine = port(f, FAM_RING_PUSH);
	assert_int_equal(fam_ring_push(mine, m, 6), 6);
}

/* In order, and none that the dead one had got; a durable ring gives the rest. */
static void the_rest_is_there(struct fault *f)
{
	const struct diary *d = diary(f);
	uint64_t got[4 * SLOTS], before = 0, done = d->done;
	struct fam_ring *pop;
	unsigned int n;

	if (f->killed)
		fault_await_death(f);
	pop = port(f, FAM_RING_POP);
	n = take_all(pop, got);
	for (uint64_t i = 0; i < done; i++)
		assert_int_equal(d->popped[i], i + 1);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(got[i] > before && got[i] <= 6);
		assert_true(got[i] > done);
		before = got[i];
	}
	assert_int_equal(before, 6);
	assert_true(n + done <= 6 && n + done + d->in_hand >= 6);
	is_of_use(mine, pop);
	fam_ring_close(pop);
	fam_ring_close(mine);
}

/* --- waiting ---------------------------------------------------------------------- */

static void open_empty(struct fault *f)
{
	make(f);
	mine = port(f, FAM_RING_PUSH);
}

static void push_meanwhile(struct fault *f)
{
	const uint64_t m[6] = {1, 2, 3, 4, 5, 6};

	for (int i = 0; i < 3 && !fault_ended(f); i++)
		fault_breathe();
	for (int i = 0; i < 6; i++)
		assert_int_equal(fam_ring_push(mine, &m[i], 1), 1);
}

static void fill(struct fault *f)
{
	const uint64_t m[SLOTS] = {OTHERS, OTHERS, OTHERS, OTHERS,
				   OTHERS, OTHERS, OTHERS, OTHERS};
	struct fam_ring *push;

	open_consumer(f);
	push = port(f, FAM_RING_PUSH);
	assert_int_equal(fam_ring_push(push, m, SLOTS), SLOTS);
	fam_ring_close(push);
}

static void pop_meanwhile(struct fault *f)
{
	uint64_t got;

	for (int i = 0; i < 3 && !fault_ended(f); i++)
		fault_breathe();
	for (int i = 0; i < SLOTS; i++) {
		if (config.flags & FAM_RING_DURABLE) {
			assert_int_equal(fam_ring_peek(mine, &got, 1, 0), 1);
			assert_int_equal(fam_ring_release(mine), 0);
		} else {
			assert_int_equal(fam_ring_pop(mine, &got, 1), 1);
		}
		assert_int_equal(got, OTHERS);
	}
}

/* --- in each kind of ring ---------------------------------------------------------- */

/* MPSC rings are MPMC rings that one consumer opens. */
static const struct fam_ring_config kinds[] = {
	{FAM_RING_MPMC, 0, SLOTS, 8},
	{FAM_RING_SPSC, FAM_RING_DURABLE, SLOTS, 8},
	{FAM_RING_SPSC, 0, SLOTS, 8},
	{FAM_RING_MPMC, FAM_RING_POLLED, SLOTS, 8},
};

static void killed_at_every_step(const struct fault_case *what, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		config = kinds[i];
		print_message("# kind %u, flags %u\n", config.kind,
			      config.flags);
		fault_each(what);
	}
}

static void while_it_pushes(void **state)
{
	static const struct fault_case what = {"push", .child = push_five,
					       .before = open_consumer,
					       .after = all_pushed_are_there};

	(void)state;
	killed_at_every_step(&what, 4);
}

static void while_it_pops(void **state)
{
	static const struct fault_case what = {"pop", .child = pop_four,
					       .before = open_producer,
					       .after = the_rest_is_there};

	(void)state;
	killed_at_every_step(&what, 3);
}

static void while_it_waits_for_messages(void **state)
{
	static const struct fault_case what = {
		"wait for messages", .child = pop_four, .before = open_empty,
		.meanwhile = push_meanwhile, .after = the_rest_is_there};

	(void)state;
	killed_at_every_step(&what, 2);
}

static void while_it_waits_for_room(void **state)
{
	static const struct fault_case what = {
		"wait for room", .child = push_five, .before = fill,
		.meanwhile = pop_meanwhile, .after = all_pushed_are_there};

	(void)state;
	killed_at_every_step(&what, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_pushes),
		cmocka_unit_test(while_it_pops),
		cmocka_unit_test(while_it_waits_for_messages),
		cmocka_unit_test(while_it_waits_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
