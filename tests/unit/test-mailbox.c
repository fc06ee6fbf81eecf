// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The server's side of the mailbox, against the client's side. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mailbox.h"

#define EPOCH  UINT64_C(0x1234567812345678)
#define LIMIT  (UINT64_C(64) << 20)
#define TOKEN  UINT64_C(0xabcdef0000000000)
#define OTHER  UINT64_C(0x7654321000000000)
#define MINUTE 60000u

static struct mailbox m;
static struct mailbox_pass pass;
static struct fam_mailbox *box;

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	m.box = box = aligned_alloc(4096, sizeof(*box));
	m.limit = LIMIT;
	if (!box)
		return -1;
	/* what an earlier life or a power cut left */
	memset(box, 0x5a, sizeof(*box));
	mailbox_reset(&m, EPOCH);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(box);
	return 0;
}

static unsigned int claim(uint64_t token)
{
	int slot = fam_mailbox_claim(box, token);

	assert_true(slot >= 0);
	return (unsigned int)slot;
}

static void post(unsigned int slot, uint64_t token, uint64_t number,
		 uint64_t offset, uint64_t length)
{
	struct fam_range range = {offset, length};

	fam_mailbox_post(box, slot, token, number, &range);
}

static enum fam_mailbox_view look(unsigned int slot, uint64_t token,
				  uint64_t posted)
{
	uint64_t done = 0;

	return fam_mailbox_look(box, slot, token, EPOCH, posted, &done);
}

static int fault_of(unsigned int slot, uint64_t token)
{
	return (int)(atomic_load(&box->slot[slot].fault) - token);
}

static void a_new_life_clears_all(void **state)
{
	(void)state;
	assert_true(fam_mailbox_is_served(box));
	assert_int_equal(box->flags, FAM_MAILBOX_CAN_RING);
	assert_int_equal(box->peer, 0);
	assert_int_equal(box->vector, 0);
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		for (size_t w = 0; w < FAM_MAILBOX_SLOT_BYTES / 8; w++)
			assert_int_equal(((uint64_t *)&box->slot[i])[w], 0);
	assert_false(mailbox_collect(&m, 0, &pass));
	/* who waits since before the last failure finds it by its time */
	assert_int_equal(box->failed_ns, UINT64_C(0x5a5a5a5a5a5a5a5a));
	mailbox_end(&m);
	assert_false(fam_mailbox_is_served(box));
}

static void requests_are_taken_and_answered(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	post(a, TOKEN, 1, LIMIT - 4096, 4096);
	post(b, OTHER, 0, 12345, 0);
	box->slot[b].peer = 7;
	assert_true(mailbox_collect(&m, 0, &pass));
	assert_int_equal(pass.requests, 3);
	assert_int_equal(pass.ranges, 2); /* one asks only for an answer */
	assert_int_equal(pass.answers, 2);
	assert_int_equal(pass.range[1].offset, LIMIT - 4096);
	assert_int_equal(pass.range[1].length, 4096);
	assert_int_equal(pass.answer[0].bytes, 4160);
	assert_int_equal(pass.answer[1].peer, 7);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_WAIT);
	/* what comes during the write-back is not answered by it */
	post(a, TOKEN, 2, 0, 64);
	mailbox_publish(&m, &pass);
	assert_int_equal(look(a, TOKEN, 2), FAM_MAILBOX_DONE);
	assert_int_equal(look(a, TOKEN, 3), FAM_MAILBOX_WAIT);
	assert_int_equal(look(b, OTHER, 1), FAM_MAILBOX_DONE);
	assert_true(mailbox_collect(&m, 0, &pass));
	assert_int_equal(pass.requests, 1);
	mailbox_publish(&m, &pass);
	assert_int_equal(look(a, TOKEN, 3), FAM_MAILBOX_DONE);
	assert_false(mailbox_collect(&m, 0, &pass));
}

static void a_kick_again_asks_for_nothing_twice(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	assert_true(mailbox_collect(&m, 0, &pass));
	fam_mailbox_kick(box, a, TOKEN, 1);
	assert_false(mailbox_collect(&m, 0, &pass));
	/* nor does a late one that takes the tail back */
	fam_mailbox_kick(box, a, TOKEN, 0);
	assert_false(mailbox_collect(&m, 0, &pass));
}

static void the_ring_goes_round(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	for (uint64_t n = 0; n < 1000; n += 25) {
		for (uint64_t i = 0; i < 25; i++)
			post(a, TOKEN, n + i, (n + i) * 4096, 1);
		assert_true(mailbox_collect(&m, 0, &pass));
		assert_int_equal(pass.requests, 25);
		assert_int_equal(pass.range[24].offset, (n + 24) * 4096);
		mailbox_publish(&m, &pass);
		assert_int_equal(look(a, TOKEN, n + 25), FAM_MAILBOX_DONE);
	}
}

/* One bad request behind a good one: the good one counts, then a fault. */
static void expect_fault(int code)
{
	unsigned int a = 0;

	assert_true(mailbox_collect(&m, 0, &pass));
	assert_int_equal(pass.faults, 1);
	mailbox_publish(&m, &pass);
	assert_int_equal(fault_of(a, TOKEN), code);
	/* once */
	fam_mailbox_kick(box, a, TOKEN, 3);
	assert_false(mailbox_collect(&m, 0, &pass));
	/* who takes the slot next has nothing to do with it */
	box->slot[a].owner = 0;
	assert_int_equal(claim(OTHER), a);
	post(a, OTHER, 0, 0, 64);
	assert_true(mailbox_collect(&m, 0, &pass));
	mailbox_publish(&m, &pass);
	assert_int_equal(look(a, OTHER, 1), FAM_MAILBOX_DONE);
	assert_int_equal(look(a, OTHER, 2), FAM_MAILBOX_WAIT);
}

static void ranges_outside_are_faults(void **state)
{
	static const struct fam_range bad[] = {
		{LIMIT, 1},	 {LIMIT - 4096, 4097},	    {0, LIMIT + 1},
		{UINT64_MAX, 2}, {4096, UINT64_MAX - 4095}, /* its end is 0 */
		{LIMIT + 1, 0},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		unsigned int a = claim(TOKEN);

		post(a, TOKEN, 0, 4096, 4096);
		fam_mailbox_post(box, a, TOKEN, 1, &bad[i]);
		expect_fault(EINVAL);
		/* the good one was asked for, and answered before */
		tear_down(state);
		set_up(state);
	}
}

static void a_wrong_seal_is_a_fault(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	post(a, TOKEN, 1, 0, 64);
	box->slot[a].ring[1].length = 128;
	expect_fault(EBADMSG);
	assert_int_equal(atomic_load(&box->slot[a].done) - OTHER, 1);
}

static void more_than_a_ring_is_a_fault(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	fam_mailbox_kick(box, a, TOKEN, FAM_MAILBOX_RING + 1);
	expect_fault(EPROTO);
}

static void tails_of_others_mean_nothing(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	fam_mailbox_kick(box, a, OTHER, 1);
	assert_false(mailbox_collect(&m, 0, &pass));
	fam_mailbox_kick(box, a, TOKEN, 1);
	assert_true(mailbox_collect(&m, 0, &pass));
}

/* A slot given away while a pass with it is on the disk. */
static void an_answer_for_who_left_is_none_for_who_came(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	assert_true(mailbox_collect(&m, 0, &pass));
	box->slot[a].owner = 0;
	assert_int_equal(claim(OTHER), a);
	post(a, OTHER, 0, 0, 64);
	mailbox_publish(&m, &pass);
	assert_int_equal(look(a, OTHER, 1), FAM_MAILBOX_WAIT);
}

static void refused_passes_are_not_answered(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	assert_true(mailbox_collect(&m, 0, &pass));
	mailbox_refuse(&m, &pass);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_WAIT);
	box->failed = -EIO;
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	/* and not in a later life either */
	mailbox_reset(&m, EPOCH + 1);
	assert_false(mailbox_collect(&m, 0, &pass));
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	box->failed = 0;
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_LOST);
}

/* Everybody posts all he can, all the time: nobody waits for long. */
static void passes_are_short_and_nobody_starves(void **state)
{
	static uint64_t token[FAM_MAILBOX_SLOTS], posted[FAM_MAILBOX_SLOTS];
	unsigned int passes = 0, served = 0;

	(void)state;
	for (uint64_t i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		token[i] = (i + 1) << 40;
		assert_int_equal(claim(token[i]), i);
	}
	assert_int_equal(fam_mailbox_claim(box, TOKEN), -1);
	while (served < FAM_MAILBOX_SLOTS) {
		for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++)
			for (; posted[i] < m.seat[i].taken + FAM_MAILBOX_RING;
			     posted[i]++)
				post(i, token[i], posted[i], i * 4096, 64);
		assert_true(mailbox_collect(&m, 0, &pass));
		assert_true(pass.requests <= MAILBOX_PASS_MAX);
		mailbox_publish(&m, &pass);
		served += (unsigned int)pass.answers;
		assert_true(++passes <= FAM_MAILBOX_SLOTS / 16 + 1);
	}
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		assert_true(m.seat[i].taken >= FAM_MAILBOX_RING);
}

static void idle_slots_are_taken_back(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);
	uint32_t clients, waiting;

	(void)state;
	mailbox_sweep(&m, 5 * MINUTE);
	post(b, OTHER, 0, 0, 64);
	assert_true(mailbox_collect(&m, 14 * MINUTE, &pass));
	mailbox_sweep(&m, 14 * MINUTE + 59999);
	assert_int_equal(atomic_load(&box->slot[a].owner), TOKEN);
	mailbox_sweep(&m, 15 * MINUTE);
	assert_int_equal(atomic_load(&box->slot[a].owner), 0);
	assert_int_equal(atomic_load(&box->slot[b].owner), OTHER);
	mailbox_survey(box, &clients, &waiting);
	assert_int_equal(clients, 1);
	assert_int_equal(waiting, 1);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_LOST);
}

static void a_header_written_over_is_put_back(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	post(a, TOKEN, 0, 0, 64);
	memset(box, 0xff, 80);
	mailbox_repair(&m);
	assert_true(fam_mailbox_is_served(box));
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_WAIT);
	assert_true(mailbox_collect(&m, 0, &pass));
}

static void bits_without_a_slot_mean_nothing(void **state)
{
	(void)state;
	for (int w = 0; w < 16; w++)
		box->pending[w] = UINT64_MAX;
	assert_false(mailbox_collect(&m, 0, &pass));
	for (int w = 0; w < FAM_MAILBOX_WORDS; w++)
		assert_int_equal(m.due[w] | box->pending[w], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_life_clears_all),
		TEST(requests_are_taken_and_answered),
		TEST(a_kick_again_asks_for_nothing_twice),
		TEST(the_ring_goes_round),
		TEST(ranges_outside_are_faults),
		TEST(a_wrong_seal_is_a_fault),
		TEST(more_than_a_ring_is_a_fault),
		TEST(tails_of_others_mean_nothing),
		TEST(an_answer_for_who_left_is_none_for_who_came),
		TEST(refused_passes_are_not_answered),
		TEST(passes_are_short_and_nobody_starves),
		TEST(idle_slots_are_taken_back),
		TEST(a_header_written_over_is_put_back),
		TEST(bits_without_a_slot_mean_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
