// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What rings of all kinds do while nobody dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <cmocka.h>

#include "ring-place.h"

#define BOTH (FAM_RING_PUSH | FAM_RING_POP)

static const uint32_t kinds[] = {FAM_RING_SPSC, FAM_RING_MPSC, FAM_RING_MPMC};

/* Message @i of some size: its bytes follow from it. */
static void write_message(uint8_t *to, uint32_t bytes, uint32_t i)
{
	for (uint32_t k = 0; k < bytes; k++)
		to[k] = (uint8_t)(i * 31 + k * 7 + (i >> 8));
}

static void push_some(struct fam_ring *ring, uint32_t bytes, uint32_t first,
		      unsigned int n, int want)
{
	uint8_t *m = malloc((size_t)n * bytes);

	for (uint32_t i = 0; i < n; i++)
		write_message(m + (size_t)i * bytes, bytes, first + i);
	assert_int_equal(fam_ring_push(ring, m, n), want);
	free(m);
}

static void pop_some(struct fam_ring *ring, uint32_t bytes, uint32_t first,
		     unsigned int n, int want)
{
	uint8_t *m = malloc((size_t)n * bytes), *one = malloc(bytes);

	assert_int_equal(fam_ring_pop(ring, m, n), want);
	for (int i = 0; i < want; i++) {
		write_message(one, bytes, first + (uint32_t)i);
		assert_memory_equal(m + (size_t)i * bytes, one, bytes);
	}
	free(m);
	free(one);
}

/* All bursts at all places of the ring, which is full and empty in turn. */
static void go_round(struct place *p, uint32_t kind, uint32_t bytes)
{
	struct fam_ring *ring;
	uint32_t at = 0;

	ring_make(p, kind, FAM_RING_POLLED, 16, bytes);
	ring = ring_open(p, BOTH);
	for (unsigned int burst = 1; burst <= 20; burst++) {
		int fits = burst < 16 ? (int)burst : 16;

		for (int i = 0; i < 17; i++) {
			push_some(ring, bytes, at, burst, fits);
			assert_int_equal(fam_ring_count(ring), fits);
			pop_some(ring, bytes, at, 20, fits);
			pop_some(ring, bytes, 0, 1, 0);
			at += (uint32_t)fits;
		}
	}
	fam_ring_close(ring);
}

static void messages_come_in_order_and_once(void **state)
{
	static const uint32_t sizes[] = {1, 7, 8, 64, 100, 4096};

	for (size_t k = 0; k < 3; k++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			go_round(*state, kinds[k], sizes[i]);
	}
}

static void a_burst_may_be_larger_than_one_step(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		struct fam_ring *ring;

		ring_make(*state, kinds[k], 0, 1024, 8);
		ring = ring_open(*state, BOTH);
		push_some(ring, 8, 0, 1000, 1000);
		push_some(ring, 8, 1000, 100, 24);
		for (uint32_t got = 0; got < 1024;) {
			uint64_t m[1024];
			int n = fam_ring_pop(ring, m, 1024);

			assert_true(n > 0);
			got += (uint32_t)n;
		}
		assert_int_equal(fam_ring_count(ring), 0);
		fam_ring_close(ring);
	}
}

static void what_is_asked_must_be_valid(void **state)
{
	static const struct fam_ring_config bad[] = {
		{0, 0, 16, 8},
		{4, 0, 16, 8},
		{FAM_RING_SPSC, 4, 16, 8},
		{FAM_RING_SPSC, 0, 1, 8},
		{FAM_RING_SPSC, 0, 24, 8},
		{FAM_RING_SPSC, 0, FAM_RING_SLOTS_MAX * 2, 8},
		{FAM_RING_SPSC, 0, 16, 0},
		{FAM_RING_SPSC, 0, 16, FAM_RING_SLOT_MAX + 1},
		{FAM_RING_MPMC, FAM_RING_DURABLE, 16, 8},
	};
	const struct fam_ring_config good = {FAM_RING_MPMC, 0, 16, 8};
	struct place *p = *state;
	struct fam_ring *ring;
	uint64_t outside[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_ring_size(&bad[i]), 0);
		assert_int_equal(fam_ring_make(p->fam, p->memory, &bad[i]),
				 -EINVAL);
	}
	assert_int_equal(fam_ring_make(p->fam, (char *)p->memory + 8, &good),
			 -EINVAL);
	assert_int_equal(
		fam_ring_make(p->fam,
			      (void *)(((uintptr_t)outside + 63) / 64 * 64),
			      &good),
		-EFAULT);
	assert_int_equal(fam_ring_make(p->fam, p->memory, &good), 0);
	assert_int_equal(fam_ring_at(p->fam, p->memory, 8 * MIB, 0, &ring),
			 -EINVAL);
	assert_int_equal(fam_ring_at(p->fam, p->memory,
				     fam_ring_size(&good) - 1, BOTH, &ring),
			 -EBADMSG);
	assert_int_equal(
		fam_ring_at(p->fam, (char *)p->memory + 64, 4096, BOTH, &ring),
		-EBADMSG);
}

static void a_damaged_head_is_refused(void **state)
{
	struct place *p = *state;
	struct fam_ring *ring = NULL;
	uint8_t *memory = p->memory;

	for (int i = 0; i < 40; i++) {
		ring_make(p, FAM_RING_MPMC, 0, 16, 8);
		memory[i] ^= 0x10;
		assert_int_equal(
			fam_ring_at(p->fam, memory, 8 * MIB, BOTH, &ring),
			-EBADMSG);
	}
	assert_null(ring);
}

static void a_single_role_is_had_once(void **state)
{
	static const unsigned int single[] = {BOTH, FAM_RING_POP, 0};
	struct place *p = *state;

	for (size_t k = 0; k < 3; k++) {
		for (unsigned int role = 1; role <= 2; role++) {
			int want = single[k] & role ? -EBUSY : 0;
			struct fam_ring *one, *two = NULL;

			ring_make(p, kinds[k], 0, 16, 8);
			one = ring_open(p, role);
			assert_int_equal(fam_ring_at(p->fam, p->memory, 8 * MIB,
						     role, &two),
					 want);
			fam_ring_close(two);
			fam_ring_close(one);
			fam_ring_close(ring_open(p, role));
		}
	}
}

static void a_port_does_what_it_was_opened_for(void **state)
{
	struct fam_ring *push, *pop;
	uint64_t m = 1;

	ring_make(*state, FAM_RING_SPSC, 0, 16, 8);
	push = ring_open(*state, FAM_RING_PUSH);
	pop = ring_open(*state, FAM_RING_POP);
	assert_int_equal(fam_ring_pop(push, &m, 1), -EPERM);
	assert_int_equal(fam_ring_push(pop, &m, 1), -EPERM);
	assert_int_equal(fam_ring_push_wait(pop, &m, 1, 0), -EPERM);
	assert_int_equal(fam_ring_peek(push, &m, 1, 0), -EPERM);
	assert_int_equal(fam_ring_peek(pop, &m, 1, 0), -EOPNOTSUPP);
	assert_int_equal(fam_ring_release(pop), -EOPNOTSUPP);
	fam_ring_close(push);
	fam_ring_close(pop);
}

static void there_are_so_many_ports(void **state)
{
	struct place *p = *state;
	struct fam_ring *ring[FAM_RING_PORTS], *more = NULL;

	ring_make(p, FAM_RING_MPMC, 0, 16, 8);
	for (int i = 0; i < FAM_RING_PORTS; i++)
		ring[i] = ring_open(p, BOTH);
	assert_int_equal(fam_ring_at(p->fam, p->memory, 8 * MIB, BOTH, &more),
			 -EMFILE);
	fam_ring_close(ring[30]);
	ring[30] = ring_open(p, BOTH);
	push_some(ring[30], 8, 5, 3, 3);
	pop_some(ring[61], 8, 5, 3, 3);
	for (int i = 0; i < FAM_RING_PORTS; i++)
		fam_ring_close(ring[i]);
}

/* A new port goes on where the one before has ended. */
static void ports_come_and_go(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		ring_make(*state, kinds[k], 0, 8, 8);
		for (uint32_t i = 0; i < 100; i++) {
			struct fam_ring *push = ring_open(*state, 1);
			struct fam_ring *pop = ring_open(*state, 2);

			push_some(push, 8, i, 1, 1);
			pop_some(pop, 8, i, 2, 1);
			fam_ring_close(pop);
			fam_ring_close(push);
		}
	}
}

/* --- waiting ------------------------------------------------------------------ */

struct task {
	struct fam_ring *ring;
	int result, timeout_ms;
	unsigned int count;
	uint64_t message[64];
};

static void *pop_late(void *arg)
{
	struct task *t = arg;

	t->result =
		fam_ring_pop_wait(t->ring, t->message, t->count, t->timeout_ms);
	return NULL;
}

static void *push_late(void *arg)
{
	struct task *t = arg;

	t->result = fam_ring_push_wait(t->ring, t->message, t->count,
				       t->timeout_ms);
	return NULL;
}

static void a_consumer_sleeps_until_there_is_one(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		for (uint32_t flags = 0; flags < 2; flags++) {
			struct task t = {.count = 4, .timeout_ms = DEADLINE_MS};
			struct fam_ring *push;
			pthread_t thread;

			ring_make(*state, kinds[k], flags, 8, 8);
			push = ring_open(*state, 1);
			t.ring = ring_open(*state, 2);
			pthread_create(&thread, NULL, pop_late, &t);
			breathe();
			push_some(push, 8, 3, 1, 1);
			pthread_join(thread, NULL);
			assert_int_equal(t.result, 1);
			fam_ring_close(push);
			fam_ring_close(t.ring);
		}
	}
}

static void a_producer_sleeps_until_there_is_room(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		for (uint32_t flags = 0; flags < 2; flags++) {
			struct task t = {.count = 64,
					 .timeout_ms = DEADLINE_MS};
			struct fam_ring *pop;
			uint64_t m[64], next = 0;
			pthread_t thread;

			ring_make(*state, kinds[k], flags, 8, 8);
			pop = ring_open(*state, 2);
			t.ring = ring_open(*state, 1);
			for (uint64_t i = 0; i < 64; i++)
				t.message[i] = i;
			pthread_create(&thread, NULL, push_late, &t);
			while (next < 64) {
				int n = fam_ring_pop_wait(pop, m, 3,
							  DEADLINE_MS);

				assert_true(n > 0 && n <= 3);
				for (int i = 0; i < n; i++)
					assert_int_equal(m[i], next++);
			}
			pthread_join(thread, NULL);
			assert_int_equal(t.result, 64);
			fam_ring_close(pop);
			fam_ring_close(t.ring);
		}
	}
}

static void waits_end(void **state)
{
	for (size_t k = 0; k < 3; k++) {
		for (uint32_t flags = 0; flags < 2; flags++) {
			struct fam_ring *ring;
			int64_t start = clock_now_ms();
			uint64_t m[10] = {0};

			ring_make(*state, kinds[k], flags, 8, 8);
			ring = ring_open(*state, BOTH);
			assert_int_equal(fam_ring_pop_wait(ring, m, 1, 0),
					 -ETIMEDOUT);
			assert_int_equal(fam_ring_pop_wait(ring, m, 1, 30),
					 -ETIMEDOUT);
			assert_true(clock_now_ms() - start >= 30);
			assert_int_equal(fam_ring_push_wait(ring, m, 10, 30),
					 8);
			assert_int_equal(fam_ring_push_wait(ring, m, 1, 30),
					 -ETIMEDOUT);
			assert_int_equal(fam_ring_pop_wait(ring, m, 0, -1), 0);
			fam_ring_close(ring);
		}
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void a_signal_ends_a_wait(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}, was;
	struct itimerval soon = {{0, 20000}, {0, 20000}}, never = {0};

	sigaction(SIGALRM, &action, &was);
	for (uint32_t flags = 0; flags < 2; flags++) {
		struct fam_ring *ring;
		uint64_t m;

		ring_make(*state, FAM_RING_MPMC, flags, 8, 8);
		ring = ring_open(*state, BOTH);
		setitimer(ITIMER_REAL, &soon, NULL);
		assert_int_equal(fam_ring_pop_wait(ring, &m, 1, -1), -EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		fam_ring_close(ring);
	}
	sigaction(SIGALRM, &was, NULL);
}

/* --- by name ------------------------------------------------------------------- */

static void a_ring_is_found_by_its_name(void **state)
{
	const struct fam_ring_config config = {FAM_RING_MPSC, 0, 64, 24};
	struct place *p = *state;
	struct fam_ring_config found;
	struct fam_ring *push, *pop;

	assert_int_equal(fam_ring_open(p->fam, "a/ring", NULL, 1, &push),
			 -ENOENT);
	assert_int_equal(fam_ring_open(p->fam, "a/ring", &config, 1, &push), 0);
	assert_int_equal(fam_ring_open(p->fam, "a/ring", NULL, 2, &pop), 0);
	fam_ring_get_config(pop, &found);
	assert_memory_equal(&found, &config, sizeof(config));
	push_some(push, 24, 1, 5, 5);
	pop_some(pop, 24, 1, 9, 5);
	fam_ring_close(push);
	fam_ring_close(pop);
	fam_ring_close(NULL);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(messages_come_in_order_and_once),
		TEST(a_burst_may_be_larger_than_one_step),
		TEST(what_is_asked_must_be_valid),
		TEST(a_damaged_head_is_refused),
		TEST(a_single_role_is_had_once),
		TEST(a_port_does_what_it_was_opened_for),
		TEST(there_are_so_many_ports),
		TEST(ports_come_and_go),
		TEST(a_consumer_sleeps_until_there_is_one),
		TEST(a_producer_sleeps_until_there_is_room),
		TEST(waits_end),
		TEST(a_signal_ends_a_wait),
		TEST(a_ring_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
