// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings in every order of their steps: each message comes once, those of one
 * producer in their order, and none is lost but what the dead had in hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <fam/ring.h>

#include "model.h"

#define SLOTS 2
#define EACH  4 /* messages of one producer at most */

/* Of a ring of 2 slots of 8 bytes; the words come first. */
static struct {
	uint64_t ring[1200];
	fam_word pushed[MODEL_THREADS]; /* how many returned, by thread */
	fam_word popped[EACH * MODEL_THREADS]; /* how often, by message */
	fam_word last[MODEL_THREADS];	       /* message of a producer */
} shared __attribute__((aligned(64)));

static struct fam_ring_config config;

/* Not what is looked at here. */
uint32_t fam_crc32c(uint32_t crc, const void *data, size_t len)
{
	(void)data;
	return crc + (uint32_t)len;
}

int fam_persist(struct fam *fam, const void *addr, size_t len)
{
	(void)fam;
	(void)addr;
	(void)len;
	return 0;
}

static struct fam_ring *port[MODEL_THREADS + 2];
static unsigned int consumers;

static void open_port(unsigned int n, unsigned int role)
{
	model_expect(fam_ring_at(model_fam(n), shared.ring, sizeof(shared.ring),
				 role, &port[n]) == 0);
}

/* Nobody comes late: opening is a step for each port there may be. */
static void make(unsigned int producers, unsigned int n_consumers)
{
	consumers = n_consumers;
	model_expect(fam_ring_size(&config) <= sizeof(shared.ring));
	model_expect(fam_ring_make(model_fam(MODEL_THREADS), shared.ring,
				   &config) == 0);
	for (unsigned int n = 0; n < producers; n++)
		open_port(n, FAM_RING_PUSH);
	for (unsigned int n = 0; n < consumers; n++)
		open_port(producers + n, FAM_RING_POP);
}

/* Messages: EACH * thread and those that follow. */
static void push_some(unsigned int n, unsigned int count)
{
	const uint64_t first = (uint64_t)EACH * n;
	const uint64_t m[EACH] = {first, first + 1, first + 2, first + 3};
	int r = fam_ring_push_wait(port[n], m, count, -1);

	if (r > 0)
		fam_word_put(&shared.pushed[n], (uint64_t)r);
	else
		model_expect(model_lost(n));
}

static void note(uint64_t message)
{
	uint64_t producer = message / EACH, number = message % EACH + 1;

	model_expect(message < EACH * MODEL_THREADS);
	if (message >= EACH * MODEL_THREADS)
		return;
	model_expect(fam_word_add(&shared.popped[message], 1) == 0);
	if (consumers > 1) /* who is first to say so is not who was first */
		return;
	model_expect(fam_word_get(&shared.last[producer]) < number);
	fam_word_put(&shared.last[producer], number);
}

static void pop_some(unsigned int n, unsigned int wanted)
{
	uint64_t m[2];

	while (wanted) {
		int r = fam_ring_pop_wait(port[n], m, wanted, -1);

		if (r < 0) {
			model_expect(model_lost(n));
			return;
		}
		for (int i = 0; i < r; i++)
			note(m[i]);
		wanted -= (unsigned int)r;
	}
}

/* What is left comes out, and the ring is of use. */
static void drain(unsigned int consumer)
{
	struct fam_ring *ring = port[consumer], *push = port[0];
	uint64_t m[2] = {0};
	int r, vain = 0;

	if (model_lost(consumer))
		model_expect(fam_ring_at(model_fam(MODEL_THREADS), shared.ring,
					 sizeof(shared.ring), FAM_RING_POP,
					 &ring) == 0);
	while (vain < 2) {
		r = fam_ring_pop(ring, m, 2);
		model_expect(r >= 0);
		for (int i = 0; i < r; i++)
			note(m[i]);
		vain += r <= 0;
	}
	if (config.kind != FAM_RING_SPSC || model_lost(0))
		model_expect(fam_ring_at(model_fam(MODEL_THREADS + 1),
					 shared.ring, sizeof(shared.ring),
					 FAM_RING_PUSH, &push) == 0);
	model_expect(fam_ring_push(push, m, 2) == 2);
	model_expect(fam_ring_pop(ring, m, 2) == 2);
}

/* Messages that were pushed for certain, and did not come. */
static unsigned int missing(unsigned int producers)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < producers; i++) {
		uint64_t pushed = fam_word_get(&shared.pushed[i]);

		for (unsigned int k = 0; k < pushed; k++)
			n += fam_word_get(&shared.popped[EACH * i + k]) == 0;
	}
	return n;
}

/* --- one producer, one consumer --------------------------------------------------- */

static void begin_pair(void)
{
	make(1, 1);
}

static void pair(unsigned int n)
{
	if (n == 0)
		push_some(0, 2);
	else
		pop_some(1, 2);
}

/* More than there are slots. */
static void round_and_round(unsigned int n)
{
	if (n == 0)
		push_some(0, 4);
	else
		pop_some(1, 4);
}

/* Whatever there is, twice; the rest is found in the end. */
static void look(unsigned int n)
{
	uint64_t m[2];

	for (int i = 0; i < 2; i++) {
		int r = fam_ring_pop(port[n], m, 2);

		model_expect(r >= 0 || model_lost(n));
		for (int k = 0; k < r; k++)
			note(m[k]);
	}
}

static void mortal_pair(unsigned int n)
{
	if (n == 0)
		push_some(0, 2);
	else
		look(1);
}

/* At most what a consumer that was lost had taken. */
static void end_pair(void)
{
	drain(1);
	model_expect(missing(1) <= (model_lost(1) ? 2 : 0));
}

/* --- two producers, one consumer ---------------------------------------------------- */

static void begin_three(void)
{
	make(2, 1);
}

static void three(unsigned int n)
{
	if (n < 2)
		push_some(n, 1);
	else
		pop_some(2, 1);
}

static void mortal_three(unsigned int n)
{
	if (n < 2)
		push_some(n, 1);
	else
		look(2);
}

static void end_three(void)
{
	drain(2);
	model_expect(missing(2) <= (model_lost(2) ? 2 : 0));
}

/* --- one producer, two consumers ----------------------------------------------------- */

static void begin_two_consumers(void)
{
	make(1, 2);
}

static void two_consumers(unsigned int n)
{
	if (n == 0)
		push_some(0, 2);
	else
		pop_some(n, 1);
}

static void mortal_consumers(unsigned int n)
{
	if (n == 0)
		push_some(0, 2);
	else
		look(n);
}

static void end_two_consumers(void)
{
	if (model_lost(1) && model_lost(2))
		return;
	drain(model_lost(1) ? 2 : 1);
	model_expect(missing(1) <= (model_any_lost() ? 2 : 0));
}

/* --- one of a pair is taken for dead, and goes on --------------------------------- */

/* Of two words, so that half of one can be seen. */
struct wide {
	uint64_t number, again;
};

static void push_wide(unsigned int n, unsigned int count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct wide m = {(uint64_t)EACH * n + i,
				       (uint64_t)EACH * n + i};
		int r = fam_ring_push(port[n], &m, 1);

		model_expect(r >= 0 || (r == -ESTALE && model_lost(n)));
		if (r != 1)
			return;
		fam_word_put(&shared.pushed[n], i + 1);
	}
}

/* What it says it got is whole, and nobody else's. */
static int pop_wide(struct fam_ring *ring, unsigned int n)
{
	struct wide m = {0};
	int r = fam_ring_pop(ring, &m, 1);

	model_expect(r >= 0 || (r == -ESTALE && model_lost(n)));
	if (r == 1) {
		model_expect(m.number == m.again);
		note(m.number);
	}
	return r;
}

static void begin_wide_pair(void)
{
	make(1, 1);
}

/* The ring is full when the first one was pushed, or the second one. */
static void wide_pair(unsigned int n)
{
	if (n == 0)
		push_wide(0, 3);
	else
		pop_wide(port[1], 1);
}

/* The one that the lost one took, and perhaps has, may come again. */
static void end_wide_pair(void)
{
	struct fam_ring *ring = port[1];
	unsigned int n = model_lost(1) ? MODEL_THREADS : 1;

	if (model_lost(1))
		model_expect(fam_ring_at(model_fam(n), shared.ring,
					 sizeof(shared.ring), FAM_RING_POP,
					 &ring) == 0);
	for (int vain = 0; vain < 2;)
		vain += pop_wide(ring, n) <= 0;
	model_expect(missing(1) <= (model_lost(1) ? 1 : 0));
}

/* --- the tests ------------------------------------------------------------------------ */

#define BASE .memory = &shared, .bytes = sizeof(shared)

static void check(uint32_t kind, const struct model *model)
{
	config = (struct fam_ring_config){kind, 0, SLOTS, 8};
	model_check(model);
}

static const struct model a_pair = {.name = "a pair",
				    BASE,
				    .threads = 2,
				    .begin = begin_pair,
				    .thread = pair,
				    .end = end_pair,
				    .preemptions = 3,
				    .tso = true};

static const struct model a_pair_goes_round = {.name = "a pair goes round",
					       BASE,
					       .threads = 2,
					       .begin = begin_pair,
					       .thread = round_and_round,
					       .end = end_pair,
					       .preemptions = 2,
					       .tso = true};

static const struct model one_of_a_pair_dies = {.name = "one of a pair dies",
						BASE,
						.threads = 2,
						.begin = begin_pair,
						.thread = mortal_pair,
						.end = end_pair,
						.preemptions = 2,
						.deaths = 1};

static void a_pair_of_one_producer_and_one_consumer(void **state)
{
	(void)state;
	check(FAM_RING_SPSC, &a_pair);
	check(FAM_RING_MPMC, &a_pair);
	check(FAM_RING_SPSC, &a_pair_goes_round);
	check(FAM_RING_MPMC, &a_pair_goes_round);
}

static void one_of_them_dies(void **state)
{
	(void)state;
	check(FAM_RING_SPSC, &one_of_a_pair_dies);
	check(FAM_RING_MPMC, &one_of_a_pair_dies);
}

static const struct model one_is_taken_for_dead = {
	.name = "one of a pair is taken for dead",
	BASE,
	.threads = 2,
	.begin = begin_wide_pair,
	.thread = wide_pair,
	.end = end_wide_pair,
	.preemptions = 2,
	.zombies = 1};

static void who_is_taken_for_dead_is_told(void **state)
{
	(void)state;
	config = (struct fam_ring_config){FAM_RING_SPSC, 0, SLOTS, 16};
	model_check(&one_is_taken_for_dead);
	config.kind = FAM_RING_MPMC;
	model_check(&one_is_taken_for_dead);
	config = (struct fam_ring_config){FAM_RING_MPSC, FAM_RING_POLLED, SLOTS,
					  16};
	model_check(&one_is_taken_for_dead);
}

static const struct model three_run = {.name = "two producers",
				       BASE,
				       .threads = 3,
				       .begin = begin_three,
				       .thread = three,
				       .end = end_three,
				       .preemptions = 2};

static const struct model one_of_three_dies = {
	.name = "two producers, one dies",
	BASE,
	.threads = 3,
	.begin = begin_three,
	.thread = mortal_three,
	.end = end_three,
	.preemptions = 2,
	.deaths = 1,
	.mortal = 1 | 4}; /* producers are alike */

static void two_producers(void **state)
{
	(void)state;
	check(FAM_RING_MPMC, &three_run);
	check(FAM_RING_MPMC, &one_of_three_dies);
}

static const struct model consumers_share = {.name = "two consumers",
					     BASE,
					     .threads = 3,
					     .begin = begin_two_consumers,
					     .thread = two_consumers,
					     .end = end_two_consumers,
					     .preemptions = 2};

static const struct model one_of_the_consumers_dies = {
	.name = "two consumers, one dies",
	BASE,
	.threads = 3,
	.begin = begin_two_consumers,
	.thread = mortal_consumers,
	.end = end_two_consumers,
	.preemptions = 2,
	.deaths = 1,
	.mortal = 1 | 2}; /* consumers are alike */

static void two_consumers_share(void **state)
{
	(void)state;
	check(FAM_RING_MPMC, &consumers_share);
	check(FAM_RING_MPMC, &one_of_the_consumers_dies);
}

static void it_would_be_seen(void **state)
{
	static const char *const spare[] = {
		"occupy:set.1 opening is not interrupted here",
		"occupy:set.2 as above",
		"occupy:store.1 as above",
		"occupy:store.2 as above",
		"occupy:swap.1 as above",
		"lock:swap.1 as above",
		"fam_ring_claim:swap.1 as above",
		"fam_ring_wake:swap.1 who set the flag meanwhile is woken, too",
		"sleep_once:set.1 who cleared it did so behind a change",
		"push_burst:store.1 what it was about is filled by then",
		"fam_ring_take_head:store.2 one more that dies is needed",
		"take_tail:store.1 found if missing; in vain: too deep",
		NULL};
	static const struct model *const pairs[] = {&a_pair, &a_pair_goes_round,
						    NULL};
	static const struct model *const all[] = {&a_pair,
						  &one_of_a_pair_dies,
						  &three_run,
						  &one_of_three_dies,
						  &consumers_share,
						  &one_of_the_consumers_dies,
						  NULL};

	(void)state;
	config = (struct fam_ring_config){FAM_RING_SPSC, 0, SLOTS, 8};
	model_check_mutants(pairs, spare);
	config = (struct fam_ring_config){FAM_RING_MPMC, 0, SLOTS, 8};
	model_check_mutants(all, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_would_be_seen),
		cmocka_unit_test(a_pair_of_one_producer_and_one_consumer),
		cmocka_unit_test(one_of_them_dies),
		cmocka_unit_test(who_is_taken_for_dead_is_told),
		cmocka_unit_test(two_producers),
		cmocka_unit_test(two_consumers_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
