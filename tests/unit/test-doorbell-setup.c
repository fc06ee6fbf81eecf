// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The set-up of a host program by servers that are wrong in every way: each
 * refusal has its code, and no descriptor stays.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include <fam-rings.h>

#include "fabric-file.h"
#include "fake-server.h"
#include "fam-server.h"

/* What comes with a message. */
enum gift {
	NONE,
	MEM, /* 1 MiB */
	MEM_NONE,
	MEM_ODD,
	MEM_SMALL,
	MEM_EMPTY,
	MEM_RDONLY,
	PIPE,
	SOCKET,
	PATH,
	BELL_OK,
	BELL_BLOCKS,
	EPOLL,
	GIFTS
};

struct step {
	int64_t value;
	enum gift gift;
};

#define BELLS(id)                    \
	{BELL(id, 0), BELL_OK},      \
	{                            \
		BELL(id, 1), BELL_OK \
	}

static const struct step valid[] = {
	{FAM_WIRE_HELLO, NONE},
	{SELF(5), NONE},
	{VECTORS(2), NONE},
	{FAM_WIRE_MEMORY, MEM},
	BELLS(0),
	BELLS(3),
	BELLS(5),
	{ATTACHED(3), NONE},
	{READY, NONE},
};

#define STEPS	 (sizeof(valid) / sizeof(valid[0]))
#define SELF_AT	 1
#define COUNT_AT 2
#define MEM_AT	 3
#define BELL_AT	 4
#define OWN_AT	 8
#define THERE_AT 10
#define READY_AT 11

static const struct fam_server_patience patience = {10000, 20000};

static int gifts[GIFTS];

static int make_rdonly(void)
{
	char path[64];
	int made = fake_memory(MIB), fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", made);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	close(made);
	return fd;
}

static int make_gifts(void **state)
{
	int pair[2];

	(void)state;
	gifts[NONE] = -1;
	gifts[MEM] = fake_memory(MIB);
	gifts[MEM_NONE] = fake_memory(FAM_WIRE_NONE_BYTES);
	gifts[MEM_ODD] = fake_memory(MIB + 4096);
	gifts[MEM_SMALL] = fake_memory(MIB / 2);
	gifts[MEM_EMPTY] = fake_memory(0);
	gifts[MEM_RDONLY] = make_rdonly();
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	gifts[PIPE] = pair[1];
	close(pair[0]);
	gifts[SOCKET] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	gifts[PATH] = open("/", O_PATH | O_CLOEXEC);
	gifts[BELL_OK] = fake_bell();
	gifts[BELL_BLOCKS] = eventfd(0, EFD_CLOEXEC);
	gifts[EPOLL] = epoll_create1(EPOLL_CLOEXEC);
	return 0;
}

static int close_gifts(void **state)
{
	(void)state;
	for (size_t i = 1; i < GIFTS; i++)
		close(gifts[i]);
	return 0;
}

/* What the library makes of what was sent into the other end of @sock. */
static int attach(int sock, bool writable)
{
	struct fam_source source = {.fd = -1};
	struct fam_server *server;
	int r = fam_server_setup(sock, &patience, &server);

	if (r < 0)
		return r;
	r = fam_server_take_memory(server, writable, true, &source);
	if (r == 0)
		fam_source_close(&source);
	fam_server_close(server);
	return r;
}

static void socket_pair(int pair[2])
{
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

/* The answer to a script; the server's side ends behind it. */
static int answer(const struct step *steps, size_t count, bool writable)
{
	size_t before = open_descriptors();
	int pair[2], r;

	socket_pair(pair);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fake_send(pair[0], steps[i].value,
					   gifts[steps[i].gift]),
				 0);
	close(pair[0]);
	r = attach(pair[1], writable);
	assert_int_equal(open_descriptors(), before);
	return r;
}

/* The valid script with one step replaced. */
static int answer_with(size_t at, int64_t value, enum gift gift)
{
	struct step steps[STEPS];

	memcpy(steps, valid, sizeof(valid));
	steps[at] = (struct step){value, gift};
	return answer(steps, STEPS, true);
}

/* The valid script with one step more. */
static int answer_and(size_t before, int64_t value, enum gift gift)
{
	struct step steps[STEPS + 1];

	memcpy(steps, valid, before * sizeof(valid[0]));
	steps[before] = (struct step){value, gift};
	memcpy(steps + before + 1, valid + before,
	       (STEPS - before) * sizeof(valid[0]));
	return answer(steps, STEPS + 1, true);
}

static void a_valid_setup_is_taken(void **state)
{
	(void)state;
	assert_int_equal(answer(valid, STEPS, true), 0);
	assert_int_equal(answer(valid, STEPS, false), 0);
	assert_int_equal(answer_with(MEM_AT, FAM_WIRE_MEMORY, MEM_NONE), 0);
}

static void a_wrong_greeting_is_refused(void **state)
{
	(void)state;
	assert_int_equal(answer_with(0, 0, NONE), -EPROTO); /* QEMU's socket */
	assert_int_equal(answer_with(0, FAM_WIRE_HELLO + 1, NONE), -EPROTO);
	assert_int_equal(answer_with(0, FAM_WIRE_HELLO, BELL_OK), -EPROTO);
	assert_int_equal(answer_with(0, FAM_WIRE_HELLO, MEM), -EPROTO);
	assert_int_equal(answer_and(1, FAM_WIRE_HELLO, NONE), -EPROTO);
}

static void ids_and_vectors_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_int_equal(answer_with(SELF_AT, SELF(0), NONE), -EPROTO);
	assert_int_equal(answer_with(SELF_AT, SELF(65536 + 5), NONE), -EPROTO);
	assert_int_equal(answer_with(SELF_AT, -1, NONE), -EPROTO);
	assert_int_equal(answer_with(SELF_AT, INT64_MIN, NONE), -EPROTO);
	assert_int_equal(answer_and(COUNT_AT, SELF(5), NONE), -EPROTO);
	assert_int_equal(answer_with(COUNT_AT, VECTORS(0), NONE), -EPROTO);
	assert_int_equal(answer_with(COUNT_AT, VECTORS(257), NONE), -EPROTO);
	assert_int_equal(answer_and(MEM_AT, VECTORS(2), NONE), -EPROTO);
	assert_int_equal(answer_and(SELF_AT, VECTORS(2), NONE), -EPROTO);
	assert_int_equal(answer_and(COUNT_AT, KIND(6, 0), NONE), -EPROTO);
	assert_int_equal(answer_and(COUNT_AT, 3, NONE), -EPROTO);
}

static void memory_that_is_none_is_refused(void **state)
{
	static const enum gift wrong[] = {NONE,	     MEM_ODD, MEM_SMALL,
					  MEM_EMPTY, PIPE,    SOCKET,
					  PATH,	     BELL_OK, EPOLL};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(answer_with(MEM_AT, FAM_WIRE_MEMORY, wrong[i]),
				 -EPROTO);
	assert_int_equal(answer_and(BELL_AT, FAM_WIRE_MEMORY, MEM), -EPROTO);
	assert_int_equal(answer_and(COUNT_AT, FAM_WIRE_MEMORY, MEM), -EPROTO);
	assert_int_equal(answer_and(MEM_AT, -2, MEM), -EPROTO);
}

static void read_only_memory_serves_readers(void **state)
{
	struct step steps[STEPS];

	(void)state;
	memcpy(steps, valid, sizeof(valid));
	steps[MEM_AT].gift = MEM_RDONLY;
	assert_int_equal(answer(steps, STEPS, true), -EACCES);
	assert_int_equal(answer(steps, STEPS, false), 0);
}

/*
 * QEMU takes O_NONBLOCK off all it receives, and the flag is everybody's. Such a
 * doorbell is one, and is not read or written in a way that waits.
 */
static void a_doorbell_may_have_been_made_to_block(void **state)
{
	uint64_t most = UINT64_MAX - 1, count = 0;
	int fd = gifts[BELL_BLOCKS];

	(void)state;
	alarm(10);
	assert_int_equal(answer_with(BELL_AT, BELL(0, 0), BELL_BLOCKS), 0);
	assert_int_equal(fam_rings_take(fd, &count), -EAGAIN);
	assert_int_equal(write(fd, &most, sizeof(most)), 8);
	assert_int_equal(fam_rings_add(fd, 1), 0);
	assert_int_equal(fam_rings_take(fd, &count), 0);
	assert_int_equal(count, most);
	alarm(0);
}

/* A write to one of these would block, fail, or be a signal. */
static void doorbells_that_are_no_eventfds_are_refused(void **state)
{
	static const enum gift wrong[] = {MEM, PIPE, SOCKET, PATH, EPOLL};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(answer_with(BELL_AT, BELL(0, 0), wrong[i]),
				 -EPROTO);
	assert_int_equal(answer_with(BELL_AT, BELL(0, 0), NONE), -EPROTO);
}

static void doorbells_out_of_order_are_refused(void **state)
{
	(void)state;
	assert_int_equal(answer_with(BELL_AT, BELL(0, 1), BELL_OK), -EPROTO);
	assert_int_equal(answer_with(BELL_AT + 1, BELL(0, 0), BELL_OK),
			 -EPROTO);
	assert_int_equal(answer_with(BELL_AT + 1, BELL(0, 2), BELL_OK),
			 -EPROTO);
	assert_int_equal(answer_and(BELL_AT + 2, BELL(0, 2), BELL_OK), -EPROTO);
	assert_int_equal(answer_with(BELL_AT, KIND(1, 0), BELL_OK), -EPROTO);
	assert_int_equal(answer_and(MEM_AT, BELL(0, 0), BELL_OK), -EPROTO);
	assert_int_equal(answer_and(READY_AT, BELL(9, 1), BELL_OK), -EPROTO);
}

static void presence_of_the_unknown_is_refused(void **state)
{
	(void)state;
	assert_int_equal(answer_with(THERE_AT, ATTACHED(4), NONE), -EPROTO);
	assert_int_equal(answer_with(THERE_AT, ATTACHED(5), NONE), -EPROTO);
	assert_int_equal(answer_with(THERE_AT, LEFT(3), NONE), -EPROTO);
	assert_int_equal(answer_and(READY_AT, ATTACHED(3), NONE), -EPROTO);
	assert_int_equal(answer_and(READY_AT, LEFT(3), NONE), -EPROTO);
	assert_int_equal(answer_and(BELL_AT + 3, ATTACHED(3), NONE), -EPROTO);
}

static void an_early_end_of_the_setup_is_refused(void **state)
{
	(void)state;
	for (size_t i = 1; i <= OWN_AT + 1; i++)
		assert_int_equal(answer_and(i, READY, NONE), -EPROTO);
	assert_int_equal(answer_with(READY_AT, KIND(FAM_WIRE_READY, 1), NONE),
			 -EPROTO);
}

/* All bytes of the valid script in pieces of @piece, up to @end. */
static void send_pieces(int sock, size_t piece, size_t end)
{
	for (size_t i = 0; i < STEPS; i++) {
		uint64_t wire = htole64((uint64_t)valid[i].value);
		const uint8_t *bytes = (const uint8_t *)&wire;

		for (size_t at = 0; at < 8; at += piece) {
			size_t left = end - (8 * i + at), n = 8 - at;

			if (8 * i + at >= end)
				return;
			n = n < piece ? n : piece;
			n = n < left ? n : left;
			fake_send_part(sock, bytes + at, n,
				       &gifts[valid[i].gift],
				       at == 0 && valid[i].gift != NONE);
		}
	}
}

static void split_messages_are_put_together(void **state)
{
	size_t before = open_descriptors();

	(void)state;
	for (size_t piece = 1; piece < 8; piece++) {
		int pair[2];

		socket_pair(pair);
		send_pieces(pair[0], piece, 8 * STEPS);
		assert_int_equal(attach(pair[1], true), 0);
		close(pair[0]);
	}
	assert_int_equal(open_descriptors(), before);
}

static void a_server_that_dies_half_way_is_told(void **state)
{
	size_t before = open_descriptors();

	(void)state;
	for (size_t end = 0; end < 8 * STEPS; end++) {
		int pair[2];

		socket_pair(pair);
		send_pieces(pair[0], 8, end);
		close(pair[0]);
		assert_int_equal(attach(pair[1], true), -ECONNRESET);
		assert_int_equal(open_descriptors(), before);
	}
}

/* Several descriptors with one message, in one piece or in two. */
static void a_second_descriptor_is_refused(void **state)
{
	const uint8_t bytes[8] = {0};
	size_t before = open_descriptors();

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		const int fds[3] = {gifts[BELL_OK], gifts[BELL_OK], gifts[MEM]};
		int pair[2];

		socket_pair(pair);
		send_pieces(pair[0], 8, 8 * BELL_AT);
		if (way == 0)
			fake_send_part(pair[0], bytes, 8, fds, 3);
		fake_send_part(pair[0], bytes, 4, fds, 1);
		fake_send_part(pair[0], bytes, 4, fds, 1);
		close(pair[0]);
		assert_int_equal(attach(pair[1], true), -EPROTO);
		assert_int_equal(open_descriptors(), before);
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void a_silent_server_is_given_up(void **state)
{
	const struct fam_server_patience short_one = {50, 10000};
	size_t before = open_descriptors();

	(void)state;
	for (size_t end = 0; end < 8 * STEPS; end += 11) {
		struct fam_server *server;
		uint64_t start = now_ms();
		int pair[2];

		socket_pair(pair);
		send_pieces(pair[0], 8, end);
		assert_int_equal(fam_server_setup(pair[1], &short_one, &server),
				 -ETIMEDOUT);
		assert_in_range(now_ms() - start, 50, 9000);
		close(pair[0]);
	}
	assert_int_equal(open_descriptors(), before);
}

/* A valid script, a byte now and then, until the other side has enough. */
static void *dribble_run(void *arg)
{
	int sock = *(int *)arg, r = 0;

	for (size_t i = 0; i < 8 * STEPS && r == 0; i++) {
		uint64_t wire = htole64((uint64_t)valid[i / 8].value);

		usleep(50000);
		r = fake_send_part(sock, (const uint8_t *)&wire + i % 8, 1,
				   &gifts[valid[i / 8].gift],
				   i % 8 == 0 && valid[i / 8].gift != NONE);
	}
	return NULL;
}

/* Never silent for long, but never done. */
static void a_dribbling_server_is_given_up(void **state)
{
	const struct fam_server_patience short_one = {10000, 300};
	struct fam_server *server;
	pthread_t thread;
	int pair[2];

	(void)state;
	socket_pair(pair);
	assert_int_equal(pthread_create(&thread, NULL, dribble_run, &pair[0]),
			 0);
	assert_int_equal(fam_server_setup(pair[1], &short_one, &server),
			 -ETIMEDOUT);
	pthread_join(thread, NULL);
	close(pair[0]);
}

#define CROWD	      300
#define CROWD_VECTORS 64

static void *crowd_run(void *arg)
{
	int sock = *(int *)arg;

	fake_send(sock, FAM_WIRE_HELLO, -1);
	fake_send(sock, SELF(CROWD), -1);
	fake_send(sock, VECTORS(CROWD_VECTORS), -1);
	fake_send(sock, FAM_WIRE_MEMORY, gifts[MEM]);
	for (int i = 0; i < CROWD * CROWD_VECTORS; i++)
		fake_send(sock, BELL(1 + i / CROWD_VECTORS, i % CROWD_VECTORS),
			  gifts[BELL_OK]);
	for (int id = 1; id < CROWD; id++)
		fake_send(sock, ATTACHED(id), -1);
	fake_send(sock, READY, -1);
	return NULL;
}

/* Under a limit of so many descriptors. */
static int crowd_answer(rlim_t limit_to)
{
	struct rlimit old, limit;
	pthread_t thread;
	int pair[2], r;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = limit_to;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -EPERM;
	socket_pair(pair);
	pthread_create(&thread, NULL, crowd_run, &pair[0]);
	r = attach(pair[1], true);
	pthread_join(thread, NULL);
	close(pair[0]);
	setrlimit(RLIMIT_NOFILE, &old);
	return r;
}

static void three_hundred_peers_with_64_vectors_are_taken(void **state)
{
	size_t before = open_descriptors();
	int r = crowd_answer((rlim_t)CROWD * CROWD_VECTORS + 100);

	(void)state;
	if (r == -EPERM)
		skip(); /* the hard limit of descriptors is too low */
	assert_int_equal(r, 0);
	assert_int_equal(open_descriptors(), before);
}

static void too_few_descriptors_are_told(void **state)
{
	size_t before = open_descriptors();

	(void)state;
	assert_int_equal(crowd_answer(500), -EMFILE);
	assert_int_equal(crowd_answer(before + 1), -EMFILE);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_setup_is_taken),
		cmocka_unit_test(a_wrong_greeting_is_refused),
		cmocka_unit_test(ids_and_vectors_out_of_range_are_refused),
		cmocka_unit_test(memory_that_is_none_is_refused),
		cmocka_unit_test(read_only_memory_serves_readers),
		cmocka_unit_test(a_doorbell_may_have_been_made_to_block),
		cmocka_unit_test(doorbells_that_are_no_eventfds_are_refused),
		cmocka_unit_test(doorbells_out_of_order_are_refused),
		cmocka_unit_test(presence_of_the_unknown_is_refused),
		cmocka_unit_test(an_early_end_of_the_setup_is_refused),
		cmocka_unit_test(split_messages_are_put_together),
		cmocka_unit_test(a_server_that_dies_half_way_is_told),
		cmocka_unit_test(a_second_descriptor_is_refused),
		cmocka_unit_test(a_silent_server_is_given_up),
		cmocka_unit_test(a_dribbling_server_is_given_up),
		cmocka_unit_test(three_hundred_peers_with_64_vectors_are_taken),
		cmocka_unit_test(too_few_descriptors_are_told),
	};

	return cmocka_run_group_tests(tests, make_gifts, close_gifts);
}
