// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Messages through a channel: as they are meant to go. test-channel-end.c has
 * what happens when an end closes, dies, or is another one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message-peer.h"

#define COUNT 20000

static int peer_do(struct fam *fam, void *memory, char what)
{
	(void)fam;
	(void)memory;
	return what ? -ENOSYS : 0;
}

struct pair {
	struct fam_channel *to, *from;
};

static struct pair make(struct world *w, uint64_t bytes, uint32_t flags)
{
	const struct fam_channel_config config = {.bytes = bytes,
						  .flags = flags};
	struct pair p;

	assert_int_equal(fam_channel_make(w->fam[0], w->memory[0], &config), 0);
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM,
					FAM_CHANNEL_SEND, &p.to),
			 0);
	/*
	 * By the same addresses: that a store through one mapping is ordered
	 * before a load through another one, the thread sanitizer cannot see.
	 */
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM,
					FAM_CHANNEL_RECEIVE, &p.from),
			 0);
	return p;
}

static void part(struct pair *p)
{
	fam_channel_close(p->to);
	fam_channel_close(p->from);
}

static void test_message_arrives_as_it_was_sent(void **state)
{
	struct pair p = make(*state, 4096, 0);
	char out[100], in[100] = "";
	uint64_t bytes;

	memset(out, 'x', sizeof(out));
	for (size_t n = 0; n <= sizeof(out); n++) {
		assert_int_equal(fam_channel_send(p.to, out, n, 0), 0);
		assert_int_equal(
			fam_channel_receive(p.from, in, sizeof(in), 0, &bytes),
			0);
		assert_int_equal(bytes, n);
		assert_memory_equal(in, out, n);
	}
	part(&p);
}

static void test_reserved_place_is_where_it_is_read(void **state)
{
	struct pair p = make(*state, 4096, FAM_CHANNEL_ONE);
	const void *there;
	uint64_t bytes;
	void *here;

	assert_int_equal(fam_channel_reserve(p.to, 100, 0, &here), 0);
	assert_int_equal((uintptr_t)here % 16, 0);
	assert_int_equal(fam_channel_peek(p.from, 0, &there, &bytes), -EAGAIN);
	memcpy(here, "hello", 5);
	assert_int_equal(fam_channel_commit(p.to, 5), 0);
	for (int i = 0; i < 2; i++) { /* peeking does not take */
		assert_int_equal(fam_channel_peek(p.from, 0, &there, &bytes),
				 0);
		assert_int_equal(bytes, 5);
		assert_memory_equal(there, "hello", 5);
	}
	assert_int_equal(fam_channel_release(p.from), 0);
	assert_int_equal(fam_channel_peek(p.from, 0, &there, &bytes), -EAGAIN);
	part(&p);
}

static void test_cancelled_message_does_not_arrive(void **state)
{
	struct pair p = make(*state, 4096, 0);
	char in[8];
	uint64_t bytes;
	void *here;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(fam_channel_reserve(p.to, 500, 0, &here), 0);
		fam_channel_cancel(p.to);
		assert_int_equal(fam_channel_send(p.to, "b", 1, 0), 0);
		assert_int_equal(fam_channel_receive(p.from, in, 8, 0, &bytes),
				 0);
		assert_int_equal(bytes, 1);
	}
	part(&p);
}

static void test_full_channel_takes_no_more(void **state)
{
	struct pair p = make(*state, 4096, 0);
	char out[48] = {0}, in[48];
	uint64_t bytes;

	for (int i = 0; i < 4096 / 64; i++)
		assert_int_equal(fam_channel_send(p.to, out, 48, 0), 0);
	assert_int_equal(fam_channel_send(p.to, out, 48, 0), -EAGAIN);
	assert_int_equal(fam_channel_send(p.to, out, 48, 5), -ETIMEDOUT);
	assert_int_equal(fam_channel_receive(p.from, in, 48, 0, &bytes), 0);
	assert_int_equal(fam_channel_send(p.to, out, 48, 0), 0);
	part(&p);
}

static void test_room_that_is_too_small_leaves_the_message(void **state)
{
	struct pair p = make(*state, 4096, 0);
	uint64_t bytes = 0;
	char in[8];

	assert_int_equal(fam_channel_send(p.to, "12345678", 8, 0), 0);
	assert_int_equal(fam_channel_receive(p.from, in, 7, 0, &bytes),
			 -EMSGSIZE);
	assert_int_equal(bytes, 8);
	assert_int_equal(fam_channel_receive(p.from, in, 8, 0, &bytes), 0);
	assert_memory_equal(in, "12345678", 8);
	part(&p);
}

static void test_longest_message_is_a_quarter(void **state)
{
	struct pair p = make(*state, 4096, 0);
	char out[1025] = "", in[1025];
	uint64_t bytes;
	void *here;

	assert_int_equal(fam_channel_max(p.to), 1024);
	assert_int_equal(fam_channel_send(p.to, out, 1025, 0), -EMSGSIZE);
	for (int i = 0; i < 50; i++) { /* at each place it may come to lie */
		assert_int_equal(fam_channel_send(p.to, out, 10, 0), 0);
		assert_int_equal(fam_channel_send(p.to, out, 1024, 0), 0);
		for (int j = 0; j < 2; j++)
			assert_int_equal(fam_channel_receive(p.from, in, 1024,
							     0, &bytes),
					 0);
		assert_int_equal(bytes, 1024);
	}
	assert_int_equal(fam_channel_reserve(p.to, 100, 0, &here), 0);
	assert_int_equal(fam_channel_commit(p.to, 113), -EMSGSIZE);
	assert_int_equal(fam_channel_reserve(p.to, 100, 0, &here), -EBUSY);
	assert_int_equal(fam_channel_commit(p.to, 100), 0);
	assert_int_equal(fam_channel_commit(p.to, 0), -EINVAL);
	part(&p);
}

static void test_each_end_does_its_own_part(void **state)
{
	struct pair p = make(*state, 4096, 0);
	const void *there;
	uint64_t bytes;
	void *here;

	assert_int_equal(fam_channel_reserve(p.from, 1, 0, &here), -EPERM);
	assert_int_equal(fam_channel_peek(p.to, 0, &there, &bytes), -EPERM);
	assert_int_equal(fam_channel_release(p.from), -EINVAL);
	assert_int_equal(fam_channel_release(p.to), -EINVAL);
	part(&p);
}

static void test_shape_is_checked(void **state)
{
	struct world *w = *state;
	struct fam_channel *c = NULL;
	struct fam_channel_config bad[] = {
		{.bytes = 2048},
		{.bytes = 4097},
		{.bytes = 1ull << 32},
		{.bytes = 4096, .flags = 4},
		{.bytes = 4096, .reserved = 1},
	};
	const struct fam_channel_config good = {.bytes = 4096};
	static char elsewhere[8192] __attribute__((aligned(64)));

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_channel_size(&bad[i]), 0);
		assert_int_equal(
			fam_channel_make(w->fam[0], w->memory[0], &bad[i]),
			-EINVAL);
	}
	assert_int_equal(fam_channel_make(w->fam[0], elsewhere, &good),
			 -EFAULT);
	assert_int_equal(
		fam_channel_make(w->fam[0], (char *)w->memory[0] + 8, &good),
		-EINVAL);
	assert_int_equal(fam_channel_make(w->fam[0], w->memory[0], &good), 0);
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0],
					fam_channel_size(&good) - 1,
					FAM_CHANNEL_SEND, &c),
			 -EBADMSG);
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM, 3, &c),
			 -EINVAL);
	memset(w->memory[0], 0, 64);
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM,
					FAM_CHANNEL_SEND, &c),
			 -EBADMSG);
	assert_null(c);
}

/* --- both ends at work ------------------------------------------------------------ */

struct job {
	struct fam_channel *to;
	uint64_t who;
	int result;
};

/* Number n of a sender: as long as n says, its bytes are those of n. */
static size_t fill(uint64_t message[40], uint64_t who, uint64_t n)
{
	size_t words = 2 + n * 7 % 37;

	message[0] = who;
	for (size_t i = 1; i < words; i++)
		message[i] = n;
	return words * 8;
}

static void *send_all(void *arg)
{
	struct job *job = arg;
	uint64_t message[40];

	for (uint64_t n = 0; n < COUNT && job->result == 0; n++) {
		size_t bytes = fill(message, job->who, n);

		job->result =
			fam_channel_send(job->to, message, bytes, SOON_MS);
	}
	return NULL;
}

/* In the order of each sender, whole, once. */
static void receive_all(struct fam_channel *from, unsigned int senders)
{
	uint64_t message[40], expected[40], next[8] = {0}, bytes;

	for (uint64_t n = 0; n < (uint64_t)COUNT * senders; n++) {
		assert_int_equal(fam_channel_receive(from, message,
						     sizeof(message), SOON_MS,
						     &bytes),
				 0);
		assert_true(message[0] < senders);
		assert_int_equal(
			bytes, fill(expected, message[0], next[message[0]]++));
		assert_memory_equal(message, expected, bytes);
	}
}

static void run(struct world *w, uint32_t flags, unsigned int senders)
{
	struct pair p = make(w, 4096, flags);
	struct job job[8] = {{.to = p.to}};
	pthread_t thread[8];

	for (unsigned int i = 0; i < senders; i++) {
		job[i].who = i;
		if (i)
			assert_int_equal(fam_channel_at(w->fam[0], w->memory[0],
							ROOM, FAM_CHANNEL_SEND,
							&job[i].to),
					 0);
		assert_int_equal(
			pthread_create(&thread[i], NULL, send_all, &job[i]), 0);
	}
	receive_all(p.from, senders);
	for (unsigned int i = 0; i < senders; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(job[i].result, 0);
		fam_channel_close(job[i].to);
	}
	fam_channel_close(p.from);
}

static void test_one_sender_that_is_faster_than_the_receiver(void **state)
{
	run(*state, FAM_CHANNEL_ONE, 1);
}

static void test_one_sender_polled(void **state)
{
	run(*state, FAM_CHANNEL_ONE | FAM_CHANNEL_POLLED, 1);
}

static void test_four_senders(void **state)
{
	run(*state, 0, 4);
}

static void test_four_senders_polled(void **state)
{
	run(*state, FAM_CHANNEL_POLLED, 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
		TEST(test_message_arrives_as_it_was_sent),
		TEST(test_reserved_place_is_where_it_is_read),
		TEST(test_cancelled_message_does_not_arrive),
		TEST(test_full_channel_takes_no_more),
		TEST(test_room_that_is_too_small_leaves_the_message),
		TEST(test_longest_message_is_a_quarter),
		TEST(test_each_end_does_its_own_part),
		TEST(test_shape_is_checked),
		TEST(test_one_sender_that_is_faster_than_the_receiver),
		TEST(test_one_sender_polled),
		TEST(test_four_senders),
		TEST(test_four_senders_polled),
	};

	if (argc > 1 && strcmp(argv[1], "peer") == 0)
		return peer_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
