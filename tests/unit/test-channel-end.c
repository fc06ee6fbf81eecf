// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What one end of a channel hears of the others: who closed, who died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message-peer.h"

static struct fam_channel *peer_end;

/* S, R: open an end. a-d: send that. r: reserve. t: take one. x: close. */
static int peer_do(struct fam *fam, void *memory, char what)
{
	uint64_t bytes;
	void *here;
	char in[8];

	switch (what) {
	case 'S':
	case 'R':
		return fam_channel_at(fam, memory, ROOM,
				      what == 'S' ? FAM_CHANNEL_SEND
						  : FAM_CHANNEL_RECEIVE,
				      &peer_end);
	case 'r':
		return fam_channel_reserve(peer_end, 100, 0, &here);
	case 't':
		return fam_channel_receive(peer_end, in, 8, SOON_MS, &bytes);
	case 'x':
		fam_channel_close(peer_end);
		return 0;
	default:
		return fam_channel_send(peer_end, &what, 1, SOON_MS);
	}
}

static void make(struct world *w, uint32_t flags)
{
	const struct fam_channel_config config = {.bytes = 4096,
						  .flags = flags};

	assert_int_equal(fam_channel_make(w->fam[0], w->memory[0], &config), 0);
}

static struct fam_channel *open_end(struct world *w, unsigned int end)
{
	struct fam_channel *c;

	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM, end, &c),
			 0);
	return c;
}

/* The letter that comes next, or what comes instead. */
static int next(struct fam_channel *from, int timeout_ms)
{
	uint64_t bytes = 0;
	char in[8];
	int r = fam_channel_receive(from, in, sizeof(in), timeout_ms, &bytes);

	if (r < 0)
		return r;
	assert_int_equal(bytes, 1);
	return in[0];
}

static void test_closing_is_told_after_all_was_received(void **state)
{
	struct world *w = *state;
	struct fam_channel *from;
	struct peer peer;

	for (uint32_t flags = 0; flags < 4; flags++) {
		make(w, flags);
		from = open_end(w, FAM_CHANNEL_RECEIVE);
		peer = peer_start(w, "Sabx");
		assert_int_equal(next(from, 0), 'a');
		assert_int_equal(next(from, 0), 'b');
		assert_int_equal(next(from, 0), -ESHUTDOWN);
		assert_int_equal(next(from, SOON_MS), -ESHUTDOWN);
		peer_leave(&peer);
		peer = peer_start(w, "Sc");
		assert_int_equal(next(from, SOON_MS), 'c');
		assert_int_equal(next(from, 0), -EAGAIN);
		peer_leave(&peer); /* its session ends, it has not closed */
		assert_int_equal(next(from, SOON_MS), -ECONNRESET);
		fam_channel_close(from);
	}
}

static void test_new_receiver_waits_for_a_new_sender(void **state)
{
	struct world *w = *state;
	struct fam_channel *from;
	struct peer peer;

	make(w, 0);
	from = open_end(w, FAM_CHANNEL_RECEIVE);
	peer = peer_start(w, "Sx");
	assert_int_equal(next(from, 0), -ESHUTDOWN);
	fam_channel_close(from);
	from = open_end(w, FAM_CHANNEL_RECEIVE);
	assert_int_equal(next(from, 0), -EAGAIN);
	assert_int_equal(next(from, 10), -ETIMEDOUT);
	peer_leave(&peer);
	fam_channel_close(from);
}

static void test_death_is_told_once_after_all_was_received(void **state)
{
	struct world *w = *state;
	struct fam_channel *from;
	struct peer peer;

	for (uint32_t flags = 0; flags < 4; flags++) {
		make(w, flags);
		from = open_end(w, FAM_CHANNEL_RECEIVE);
		peer = peer_start(w, "Sab");
		peer_kill(&peer);
		assert_int_equal(next(from, SOON_MS), 'a');
		assert_int_equal(next(from, SOON_MS), 'b');
		assert_int_equal(next(from, SOON_MS), -ECONNRESET);
		assert_int_equal(next(from, 0), -EAGAIN);
		fam_channel_close(from);
	}
}

static void test_reservation_of_the_dead_is_passed_over(void **state)
{
	struct world *w = *state;
	struct fam_channel *from, *to;
	struct peer peer;

	make(w, 0);
	from = open_end(w, FAM_CHANNEL_RECEIVE);
	to = open_end(w, FAM_CHANNEL_SEND);
	for (int i = 0; i < 20; i++) {
		peer = peer_start(w, "Sar");
		assert_int_equal(fam_channel_send(to, "z", 1, 0), 0);
		assert_int_equal(next(from, 0), 'a');
		assert_int_equal(next(from, 0), -EAGAIN); /* it lives */
		peer_kill(&peer);
		assert_int_equal(next(from, SOON_MS), 'z');
		assert_int_equal(next(from, SOON_MS), -ECONNRESET);
		assert_int_equal(next(from, 0), -EAGAIN);
	}
	fam_channel_close(to);
	fam_channel_close(from);
}

static void test_next_sender_takes_over_from_the_dead(void **state)
{
	struct world *w = *state;
	struct fam_channel *from, *to = NULL;
	struct peer peer;
	int r;

	for (uint32_t polled = 0; polled < 3; polled += 2) {
		make(w, FAM_CHANNEL_ONE | polled);
		peer = peer_start(w, "Sabr");
		assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM,
						FAM_CHANNEL_SEND, &to),
				 -EBUSY);
		peer_kill(&peer);
		do { /* until its death is known */
			r = fam_channel_at(w->fam[0], w->memory[0], ROOM,
					   FAM_CHANNEL_SEND, &to);
		} while (r == -EBUSY);
		assert_int_equal(r, 0);
		assert_int_equal(fam_channel_send(to, "c", 1, 0), 0);
		from = open_end(w, FAM_CHANNEL_RECEIVE);
		assert_int_equal(next(from, 0), 'a');
		assert_int_equal(next(from, 0), 'b');
		assert_int_equal(next(from, 0), -ECONNRESET);
		assert_int_equal(next(from, 0), 'c');
		assert_int_equal(next(from, 0), -EAGAIN);
		fam_channel_close(from);
		fam_channel_close(to);
	}
}

static void test_closing_is_told_between_two_senders(void **state)
{
	struct world *w = *state;
	struct fam_channel *from, *to;
	struct peer peer;

	make(w, FAM_CHANNEL_ONE);
	peer = peer_start(w, "Sax");
	to = open_end(w, FAM_CHANNEL_SEND);
	from = open_end(w, FAM_CHANNEL_RECEIVE);
	assert_int_equal(fam_channel_send(to, "b", 1, 0), 0);
	assert_int_equal(next(from, 0), 'a');
	assert_int_equal(next(from, 0), -ESHUTDOWN);
	assert_int_equal(next(from, 0), 'b');
	assert_int_equal(next(from, 0), -EAGAIN);
	peer_leave(&peer);
	fam_channel_close(to);
	fam_channel_close(from);
}

static void test_sender_is_told_that_the_receiver_is_gone(void **state)
{
	struct world *w = *state;
	struct fam_channel *to;
	struct peer peer;
	int r;

	make(w, 0);
	to = open_end(w, FAM_CHANNEL_SEND);
	assert_int_equal(fam_channel_send(to, "a", 1, 0), 0);
	peer = peer_start(w, "Rtx");
	assert_int_equal(fam_channel_send(to, "b", 1, 0), -EPIPE);
	peer_leave(&peer);
	peer = peer_start(w, "R");
	assert_int_equal(fam_channel_send(to, "c", 1, 0), 0);
	peer_kill(&peer);
	do { /* until its death is known */
		r = fam_channel_send(to, "d", 1, 0);
	} while (r == 0 || r == -EAGAIN);
	assert_int_equal(r, -EPIPE);
	fam_channel_close(to);
	/* Who comes later has lost nobody. */
	to = open_end(w, FAM_CHANNEL_SEND);
	r = fam_channel_send(to, "e", 1, 0);
	assert_true(r == 0 || r == -EAGAIN);
	fam_channel_close(to);
}

static void test_sender_that_sleeps_is_told(void **state)
{
	struct world *w = *state;
	struct fam_channel *to;
	struct peer peer;
	int r;

	for (uint32_t flags = 0; flags < 4; flags++) {
		make(w, flags);
		peer = peer_start(w, "R");
		to = open_end(w, FAM_CHANNEL_SEND);
		do {
			r = fam_channel_send(to, "a", 1, 0);
		} while (r == 0);
		assert_int_equal(r, -EAGAIN);
		kill(peer.pid, SIGKILL);
		assert_int_equal(fam_channel_send(to, "a", 1, SOON_MS), -EPIPE);
		peer_kill(&peer);
		fam_channel_close(to);
	}
}

static void test_next_receiver_goes_on_where_the_dead_was(void **state)
{
	struct world *w = *state;
	struct fam_channel *from, *to;
	struct peer peer;
	int r;

	make(w, 0);
	to = open_end(w, FAM_CHANNEL_SEND);
	for (const char *p = "abc"; *p; p++)
		assert_int_equal(fam_channel_send(to, p, 1, 0), 0);
	peer = peer_start(w, "Rt");
	assert_int_equal(fam_channel_at(w->fam[0], w->memory[0], ROOM,
					FAM_CHANNEL_RECEIVE, &from),
			 -EBUSY);
	peer_kill(&peer);
	do { /* until its death is known */
		r = fam_channel_at(w->fam[0], w->memory[0], ROOM,
				   FAM_CHANNEL_RECEIVE, &from);
	} while (r == -EBUSY);
	assert_int_equal(r, 0);
	assert_int_equal(next(from, 0), 'b');
	assert_int_equal(fam_channel_send(to, "d", 1, 0), 0);
	assert_int_equal(next(from, 0), 'c');
	assert_int_equal(next(from, 0), 'd');
	fam_channel_close(to);
	fam_channel_close(from);
}

static void test_no_more_senders_than_there_is_room_for(void **state)
{
	struct world *w = *state;
	struct fam_channel *to[64];
	int n = 0, r;

	make(w, 0);
	while ((r = fam_channel_at(w->fam[0], w->memory[0], ROOM,
				   FAM_CHANNEL_SEND, &to[n])) == 0)
		n++;
	assert_int_equal(r, -EMFILE);
	assert_int_equal(n, FAM_CHANNEL_SENDERS);
	fam_channel_close(to[7]);
	to[7] = open_end(w, FAM_CHANNEL_SEND);
	while (n)
		fam_channel_close(to[--n]);
}

static void test_who_lost_its_session_sends_no_more(void **state)
{
	struct world *w = *state;
	struct fam_channel *from, *to;
	uint64_t bytes;
	void *here;

	make(w, 0);
	assert_int_equal(fam_channel_at(w->fam[1], w->memory[1], ROOM,
					FAM_CHANNEL_RECEIVE, &from),
			 0);
	to = open_end(w, FAM_CHANNEL_SEND);
	assert_int_equal(fam_channel_send(to, "a", 1, 0), 0);
	assert_int_equal(fam_channel_reserve(to, 1, 0, &here), 0);
	world_declare_dead(w, w->fam[0]);
	assert_int_equal(fam_channel_commit(to, 1), -ESTALE);
	assert_int_equal(fam_channel_send(to, "b", 1, 0), -ESTALE);
	assert_int_equal(next(from, SOON_MS), 'a');
	assert_int_equal(next(from, SOON_MS), -ECONNRESET);
	/* A new session does not make an old end good again. */
	assert_int_equal(fam_session_rejoin(w->fam[0]), 0);
	assert_int_equal(fam_channel_send(to, "c", 1, 0), -ESTALE);
	fam_channel_close(to);
	world_declare_dead(w, w->fam[1]);
	assert_int_equal(fam_channel_receive(from, &bytes, 8, 0, &bytes),
			 -ESTALE);
	fam_channel_close(from);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
		TEST(test_closing_is_told_after_all_was_received),
		TEST(test_new_receiver_waits_for_a_new_sender),
		TEST(test_death_is_told_once_after_all_was_received),
		TEST(test_reservation_of_the_dead_is_passed_over),
		TEST(test_next_sender_takes_over_from_the_dead),
		TEST(test_closing_is_told_between_two_senders),
		TEST(test_sender_is_told_that_the_receiver_is_gone),
		TEST(test_sender_that_sleeps_is_told),
		TEST(test_next_receiver_goes_on_where_the_dead_was),
		TEST(test_no_more_senders_than_there_is_room_for),
		TEST(test_who_lost_its_session_sends_no_more),
	};

	if (argc > 1 && strcmp(argv[1], "peer") == 0)
		return peer_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
