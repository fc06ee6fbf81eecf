// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Channels in every order of their steps: what was committed comes once and in
 * its sender's order, nobody waits for ever, and what became of a sender is told
 * once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include <fam/channel.h>
#include <fam/object.h>

#include "model.h"

#define LONG 1008 /* bytes: with its header, a quarter of a channel */

static struct {
	uint64_t channel[1024];
	fam_word sent[MODEL_THREADS]; /* by each: committed for certain */
	fam_word got[MODEL_THREADS];  /* of each */
	fam_word deaths, closed;      /* that were told */
} shared __attribute__((aligned(64)));

static struct fam_channel *channel[MODEL_THREADS + 2];
static unsigned int senders; /* the next thread receives */

/* No chance in here. */
ssize_t getrandom(void *buffer, size_t bytes, unsigned int flags)
{
	memset(buffer, (int)flags, bytes);
	return (ssize_t)bytes;
}

/* None has a name. */
void fam_object_close(struct fam_object *object)
{
	model_expect(!object);
}

static int open_end(unsigned int n, unsigned int end)
{
	return fam_channel_at(model_fam(n), shared.channel,
			      sizeof(shared.channel), end, &channel[n]);
}

/* 16 * its number and its sender are all that is in it. */
static int send_one(unsigned int n)
{
	uint64_t number = fam_word_peek(&shared.sent[n]);
	void *here;
	int r = fam_channel_reserve(channel[n], LONG, -1, &here);

	if (r == 0) {
		fam_word_poke(here, number * 16 + n);
		r = fam_channel_commit(channel[n], LONG);
	}
	if (r == 0)
		fam_word_poke(&shared.sent[n], number + 1);
	return r;
}

static int receive_one(unsigned int n, int timeout_ms)
{
	const void *there;
	uint64_t bytes, word;
	int r = fam_channel_peek(channel[n], timeout_ms, &there, &bytes);

	if (r < 0)
		return r;
	word = fam_word_peek(there);
	model_expect(bytes == LONG && word % 16 < senders);
	r = fam_channel_release(channel[n]);
	if (r == 0)
		model_expect(fam_word_add(&shared.got[word % 16], 1) ==
			     word / 16);
	return r;
}

static void begin(unsigned int count, uint32_t flags, unsigned int before)
{
	const struct fam_channel_config config = {.bytes = 4096,
						  .flags = flags};

	senders = count;
	model_expect(fam_channel_make(model_fam(MODEL_THREADS), shared.channel,
				      &config) == 0);
	for (unsigned int n = 0; n < count; n++)
		model_expect(open_end(n, FAM_CHANNEL_SEND) == 0);
	model_expect(open_end(count, FAM_CHANNEL_RECEIVE) == 0);
	while (before--)
		model_expect(send_one(0) == 0);
}

static void begin_one(void)
{
	begin(1, FAM_CHANNEL_ONE, 3);
}

static void begin_short(void)
{
	begin(1, FAM_CHANNEL_ONE, 0);
}

static void begin_several(void)
{
	begin(2, 0, 0);
}

/* Until it has heard of the end of all. */
static void receive_all(unsigned int n)
{
	int r;

	do {
		r = receive_one(n, -1);
		if (r == -ECONNRESET)
			fam_word_add(&shared.deaths, 1);
		if (r == -ECONNRESET && senders > 1)
			r = 0;
	} while (r == 0);
	if (r == -ESHUTDOWN)
		fam_word_add(&shared.closed, 1);
	else
		model_expect(r == -ECONNRESET || model_lost(n));
}

static void send_some(unsigned int n, unsigned int count)
{
	int r = 0;

	while (r == 0 && count--)
		r = send_one(n);
	model_expect(r == 0 || model_lost(n) ||
		     (r == -EPIPE && model_lost(senders)));
	fam_channel_close(channel[n]);
}

static void one(unsigned int n)
{
	if (n == senders)
		receive_all(n);
	else
		send_some(n, 2);
}

static void short_one(unsigned int n)
{
	if (n == senders)
		receive_all(n);
	else
		send_some(n, 1);
}

static void several(unsigned int n)
{
	if (n == senders)
		receive_all(n);
	else
		send_some(n, 1);
}

/* The receiver, or the next one, has all: one more of the dead at most. */
static void end(void)
{
	unsigned int n = senders;

	if (model_lost(n)) {
		n = MODEL_THREADS;
		model_expect(open_end(n, FAM_CHANNEL_RECEIVE) == 0);
		for (int i = 0; i < 8; i++) /* some are told of the ends */
			receive_one(n, 0);
	}
	for (unsigned int i = 0; i < senders; i++) {
		uint64_t sent = fam_word_peek(&shared.sent[i]);
		uint64_t got = fam_word_peek(&shared.got[i]);

		model_expect(got == sent ||
			     (model_lost(i) && got == sent + 1) ||
			     model_lost(senders));
	}
	model_expect(fam_word_peek(&shared.deaths) <= 1);
	model_expect(fam_word_peek(&shared.deaths) == 0 || model_any_lost());
	model_expect(fam_word_peek(&shared.closed) == 1 || model_any_lost());
}

/* --- one is taken for dead, and goes on ------------------------------------------- */

#define FILLS 16 /* a channel, of messages like this */

struct wide {
	uint64_t number;
	uint64_t rest[28];
	uint64_t again;
};

static int send_wide(unsigned int n)
{
	uint64_t number = fam_word_peek(&shared.sent[0]);
	const struct wide m = {.number = number, .again = number};
	int r = fam_channel_send(channel[n], &m, sizeof(m), 0);

	if (r == 0)
		fam_word_poke(&shared.sent[0], number + 1);
	else
		model_expect(r == -EAGAIN || model_lost(n) ||
			     (r == -EPIPE && model_lost(1)));
	return r;
}

/* What is said to have come is whole, and comes to nobody else. */
static int receive_wide(unsigned int n)
{
	struct wide m;
	uint64_t bytes;
	int r = fam_channel_receive(channel[n], &m, sizeof(m), 0, &bytes);

	/*
	 * But for the last store of one who was taken for dead right before it,
	 * which gives away what the next one is reading.
	 */
	if (r == 0 && n == 2 && m.number != m.again)
		return r;
	if (r == 0) {
		model_expect(bytes == sizeof(m) && m.number == m.again);
		model_expect(m.number < FILLS + 2);
		model_expect(!(fam_word_set(&shared.got[0], 1u << m.number) >>
				       m.number &
			       1));
	}
	return r;
}

static void begin_full(void)
{
	begin(1, 0, 0);
	for (int i = 0; i < FILLS; i++)
		model_expect(send_wide(0) == 0);
}

/* A sender, a receiver, and one who takes over when that is lost. */
static void take_over(unsigned int n)
{
	if (n == 0)
		send_wide(0);
	else if (n == 1 || open_end(2, FAM_CHANNEL_RECEIVE) == 0)
		receive_wide(n);
}

static void end_take_over(void)
{
	uint64_t got = fam_word_peek(&shared.got[0]);

	/* In their order; who is lost may take along what it was about to have. */
	model_expect(got == 0 || got == 1 || got == 3 || model_lost(1));
}

static void begin_lost_sender(void)
{
	begin(1, 0, 0);
}

static void lost_sender(unsigned int n)
{
	if (n == 0)
		send_wide(0);
	else
		for (int i = 0; i < 2; i++)
			receive_wide(1);
}

static void end_lost_sender(void)
{
	if (model_lost(1))
		return;
	for (int i = 0; i < 4; i++)
		receive_wide(1);
	if (fam_word_peek(&shared.sent[0]) == 1)
		model_expect(fam_word_peek(&shared.got[0]) == 1);
}

#define CHANNEL(name_, threads_, begin_, thread_)                        \
	.name = (name_), .threads = (threads_), .memory = &shared,       \
	.bytes = sizeof(shared), .begin = (begin_), .thread = (thread_), \
	.end = end

static const struct model pair = {CHANNEL("one sends", 2, begin_one, one),
				  .preemptions = 1, .tso = true};
static const struct model mortal_pair = {
	CHANNEL("one sends, one dies", 2, begin_short, short_one),
	.preemptions = 1, .deaths = 1};
static const struct model three = {
	CHANNEL("two send", 3, begin_several, several), .preemptions = 1};
static const struct model mortal_three = {
	CHANNEL("two send, one dies", 3, begin_several, several),
	.preemptions = 1, .deaths = 1, .mortal = 3};

static const struct model lost_receiver = {
	.name = "a receiver is taken for dead",
	.threads = 3,
	.memory = &shared,
	.bytes = sizeof(shared),
	.begin = begin_full,
	.thread = take_over,
	.end = end_take_over,
	.preemptions = 1,
	.zombies = 1};
static const struct model sender_lost = {.name = "a sender is taken for dead",
					 .threads = 2,
					 .memory = &shared,
					 .bytes = sizeof(shared),
					 .begin = begin_lost_sender,
					 .thread = lost_sender,
					 .end = end_lost_sender,
					 .preemptions = 2,
					 .zombies = 1};

static void who_is_taken_for_dead_is_told(void **state)
{
	(void)state;
	model_check(&lost_receiver);
	model_check(&sender_lost);
}

static void a_sender_and_a_receiver(void **state)
{
	(void)state;
	model_check(&pair);
}

static void one_of_them_dies(void **state)
{
	(void)state;
	model_check(&mortal_pair);
}

static void two_senders(void **state)
{
	(void)state;
	model_check(&three);
}

static void a_sender_of_two_dies(void **state)
{
	(void)state;
	model_check(&mortal_three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_and_a_receiver),
		cmocka_unit_test(one_of_them_dies),
		cmocka_unit_test(who_is_taken_for_dead_is_told),
		cmocka_unit_test(two_senders),
		cmocka_unit_test(a_sender_of_two_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
