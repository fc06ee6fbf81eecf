// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Values through doorbells, between two attachments to one file. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/session.h>
#include <fam/signal.h>

#include "fabric-file.h"

#define SOON_MS 20000
#define VECTOR	7
#define BEGIN	(VECTOR + 3)

struct end {
	struct fam *fam;
	struct fam_signal *line;
	unsigned int self;
};

struct pair {
	struct workdir work;
	struct end end[2]; /* the first one has the lower ID */
};

static struct fam *open_lasting(void)
{
	struct fam *fam = NULL;

	assert_int_equal(fam_open(&fam, "f1", 0), 0);
	assert_int_equal(fam_session_set(fam, NULL, 60000), 0);
	return fam;
}

static int open_line(struct pair *pair, int i)
{
	return fam_signal_open(&pair->end[i].line, pair->end[i].fam,
			       pair->end[1 - i].self, VECTOR);
}

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct pair *pair = calloc(1, sizeof(*pair));
	struct fam *a, *b;

	*state = pair;
	assert_int_equal(workdir_make(&pair->work, base ? base : "/tmp"), 0);
	fabric_make(&pair->work, "f1", 1, NULL);
	a = open_lasting();
	b = open_lasting();
	pair->end[0].fam = fam_peer_self(a) < fam_peer_self(b) ? a : b;
	pair->end[1].fam = pair->end[0].fam == a ? b : a;
	for (int i = 0; i < 2; i++)
		pair->end[i].self =
			(unsigned int)fam_peer_self(pair->end[i].fam);
	for (int i = 0; i < 2; i++)
		assert_int_equal(open_line(pair, i), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 2; i++) {
		fam_signal_close(pair->end[i].line);
		fam_close(pair->end[i].fam);
	}
	assert_int_equal(workdir_remove(&pair->work), 0);
	free(pair);
	return 0;
}

struct task {
	struct end *end;
	uint32_t value;
	int timeout_ms, result, times;
	pthread_t thread;
};

static void *send_all(void *arg)
{
	struct task *t = arg;

	for (int i = 0; i < t->times && t->result == 0; i++)
		t->result = fam_signal_send(
			t->end->line, t->value + (uint32_t)i, t->timeout_ms);
	return NULL;
}

static void begin_sending(struct task *t)
{
	t->times += t->times == 0;
	pthread_create(&t->thread, NULL, send_all, t);
}

static int end_sending(struct task *t)
{
	pthread_join(t->thread, NULL);
	return t->result;
}

static void receive(struct end *end, uint32_t wanted)
{
	uint32_t value = ~wanted;

	assert_int_equal(fam_signal_recv(end->line, &value, SOON_MS), 0);
	assert_int_equal(value, wanted);
}

static void pass(struct pair *pair, int from, uint32_t value)
{
	struct task t = {&pair->end[from], value, SOON_MS, 0, 0, 0};

	begin_sending(&t);
	receive(&pair->end[1 - from], value);
	assert_int_equal(end_sending(&t), 0);
}

static void values_arrive_both_ways(void **state)
{
	static const uint32_t values[] = {0,	      1,	  UINT32_MAX,
					  0x80000000, 0x55555555, 0xaaaaaaaa,
					  0xdeadbeef, 0x00ffff00, 12345678};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		pass(*state, 0, values[i]);
		pass(*state, 1, values[i]);
	}
}

static void a_stream_arrives_whole_and_in_order(void **state)
{
	struct pair *pair = *state;
	struct task t = {&pair->end[0], 1000, -1, 0, 200, 0};

	begin_sending(&t);
	for (uint32_t i = 0; i < 200; i++)
		receive(&pair->end[1], 1000 + i);
	assert_int_equal(end_sending(&t), 0);
}

static void nobody_there_is_no_answer(void **state)
{
	struct pair *pair = *state;
	uint32_t value = 5;

	assert_int_equal(fam_signal_recv(pair->end[0].line, &value, 30),
			 -ETIMEDOUT);
	assert_int_equal(value, 5);
	assert_int_equal(fam_signal_send(pair->end[0].line, 1, 30), -ETIMEDOUT);
	/* What was begun is no value; the next one is. */
	assert_int_equal(fam_signal_recv(pair->end[1].line, &value, 30),
			 -ETIMEDOUT);
	pass(pair, 0, 2);
}

static void *open_and_receive(void *arg)
{
	struct pair *pair = arg;

	usleep(120000); /* the other end has rung more than once by then */
	fam_signal_close(pair->end[1].line);
	assert_int_equal(open_line(pair, 1), 0);
	receive(&pair->end[1], 77);
	return NULL;
}

static void an_end_may_open_later(void **state)
{
	struct pair *pair = *state;
	pthread_t thread;

	pthread_create(&thread, NULL, open_and_receive, pair);
	assert_int_equal(fam_signal_send(pair->end[0].line, 77, SOON_MS), 0);
	pthread_join(thread, NULL);
	pass(pair, 0, 78);
	pass(pair, 1, 79);
}

static void of_two_that_send_the_lower_comes_first(void **state)
{
	struct pair *pair = *state;
	struct task t = {&pair->end[0], 10, SOON_MS, 0, 0, 0};
	int r;

	begin_sending(&t);
	do
		r = fam_signal_send(pair->end[1].line, 20, 1);
	while (r == -ETIMEDOUT);
	assert_int_equal(r, -EBUSY);
	assert_int_equal(fam_signal_send(pair->end[1].line, 20, SOON_MS),
			 -EBUSY);
	receive(&pair->end[1], 10);
	assert_int_equal(end_sending(&t), 0);
	/* And now the other way: the old beginning is not in the way. */
	pass(pair, 1, 20);
	pass(pair, 0, 11);
}

/* Its own rings, at the vectors of the other: what is no value is none. */
static void what_breaks_off_is_no_value(void **state)
{
	struct pair *pair = *state;
	struct end *to = &pair->end[1];
	uint32_t value = 5;

	for (unsigned int bits = 0; bits < 5; bits++) {
		fam_doorbell_ring(pair->end[0].fam, to->self, BEGIN);
		assert_int_equal(fam_signal_recv(to->line, &value, 0),
				 -ETIMEDOUT);
		for (unsigned int i = 0; i < bits; i++) {
			fam_doorbell_ring(pair->end[0].fam, to->self,
					  BEGIN + 1 + i % 2);
			assert_int_equal(fam_signal_recv(to->line, &value, 0),
					 -ETIMEDOUT);
		}
		/* One more that was not looked at. */
		if (bits > 0)
			fam_doorbell_ring(pair->end[0].fam, to->self,
					  BEGIN + 3);
		pass(pair, 0, 100 + bits);
	}
	assert_int_equal(value, 5);
}

/* Steps of the first bits of 0x00000000 and of the check of it, 0xff. */
static unsigned int step_sum(unsigned int bits)
{
	return bits + (bits > 32 ? bits - 32 : 0);
}

/* A beginning that was overtaken by bits, as other vectors may be faster. */
static void an_old_beginning_changes_nothing(void **state)
{
	struct pair *pair = *state;
	struct end *to = &pair->end[1];
	uint32_t value = 5;
	int r = -ETIMEDOUT;

	fam_doorbell_ring(pair->end[0].fam, to->self, BEGIN);
	assert_int_equal(fam_signal_recv(to->line, &value, 0), -ETIMEDOUT);
	for (unsigned int i = 1; i <= 40; i++) {
		assert_int_equal(r, -ETIMEDOUT);
		fam_doorbell_ring(pair->end[0].fam, to->self,
				  BEGIN + 1 + (2 + step_sum(i)) % 3);
		fam_doorbell_ring(pair->end[0].fam, to->self, BEGIN);
		r = fam_signal_recv(to->line, &value, 0);
	}
	assert_int_equal(r, 0);
	assert_int_equal(value, 0);
}

/* The answer to an old beginning: the sender is ahead by the first bit. */
static void the_first_bit_may_overtake_the_beginning(void **state)
{
	struct pair *pair = *state;
	struct end *from = &pair->end[0], *to = &pair->end[1];
	struct task t = {from, 0xc0ffee, SOON_MS, 0, 0, 0};
	uint32_t value = 5;

	fam_doorbell_ring(from->fam, to->self, BEGIN);
	assert_int_equal(fam_signal_recv(to->line, &value, 0), -ETIMEDOUT);
	/* The sender has taken that away; here it comes once more. */
	begin_sending(&t);
	fam_doorbell_ring(to->fam, from->self, VECTOR);
	receive(to, 0xc0ffee);
	assert_int_equal(end_sending(&t), 0);
	pass(pair, 0, 4);
}

/* The end that comes first breaks a value off; no part of it is left. */
static void who_yields_amid_a_value_is_not_in_the_way(void **state)
{
	struct pair *pair = *state;
	struct end *first = &pair->end[0];
	uint32_t value = 5;

	fam_doorbell_ring(pair->end[1].fam, first->self, BEGIN);
	fam_doorbell_ring(pair->end[1].fam, first->self, BEGIN + 1);
	assert_int_equal(fam_signal_recv(first->line, &value, 0), -ETIMEDOUT);
	fam_doorbell_ring(pair->end[1].fam, first->self, BEGIN + 2);
	pass(pair, 0, 30);
	assert_int_equal(fam_signal_recv(first->line, &value, 0), -ETIMEDOUT);
	/* Nor was anything answered that nobody sends. */
	assert_int_equal(
		fam_doorbell_wait(pair->end[1].fam, VECTOR + 1, 0, NULL),
		-ETIMEDOUT);
	assert_int_equal(value, 5);
	pass(pair, 1, 31);
}

static void a_wrong_check_is_told(void **state)
{
	struct pair *pair = *state;
	struct end *to = &pair->end[1];
	uint32_t value = 5;
	int r = -ETIMEDOUT;

	fam_doorbell_ring(pair->end[0].fam, to->self, BEGIN);
	assert_int_equal(fam_signal_recv(to->line, &value, 0), -ETIMEDOUT);
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(r, -ETIMEDOUT);
		fam_doorbell_ring(pair->end[0].fam, to->self,
				  BEGIN + 1 + i % 3);
		r = fam_signal_recv(to->line, &value, 0);
	}
	assert_int_equal(r, -EPROTO);
	assert_int_equal(value, 5);
	pass(pair, 0, 3);
}

/* Each ring three times and more: rings that come again change nothing. */
static void rings_that_come_again_change_nothing(void **state)
{
	struct pair *pair = *state;
	struct end *to = &pair->end[1];
	uint32_t value = 0;
	/* 0x00000000, and the check of it: the bits go round one by one. */
	const uint8_t check = 0xff;
	unsigned int last = 2;
	int r = -ETIMEDOUT;

	fam_doorbell_ring(pair->end[0].fam, to->self, BEGIN);
	for (int i = 39; i >= 0; i--) {
		assert_int_equal(r, -ETIMEDOUT);
		last = (last + 1 + (i < 8 && check >> i & 1)) % 3;
		for (int again = 0; again < 3; again++) {
			fam_doorbell_ring(pair->end[0].fam, to->self,
					  BEGIN + 1 + last);
			if (r == -ETIMEDOUT)
				r = fam_signal_recv(to->line, &value, 0);
		}
	}
	assert_int_equal(r, 0);
	assert_int_equal(value, 0);
}

static void lines_need_vectors_and_doorbells(void **state)
{
	struct pair *pair = *state;
	struct fam_signal *line = NULL;
	struct fam *fam;

	assert_int_equal(fam_signal_open(&line, pair->end[0].fam, 1, 26),
			 -ERANGE);
	assert_int_equal(
		fam_signal_open(&line, pair->end[0].fam, 1, UINT32_MAX),
		-ERANGE);
	assert_int_equal(fam_signal_open(&line, pair->end[0].fam, 1, 25), 0);
	assert_int_equal(fam_signal_send(line, 1, 0), -ENOENT);
	fam_signal_close(line);
	line = NULL;
	assert_int_equal(fam_open(&fam, "f1", FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_signal_open(&line, fam, 1, 0), -EOPNOTSUPP);
	assert_null(line);
	fam_close(fam);
	fam_signal_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_arrive_both_ways),
		TEST(a_stream_arrives_whole_and_in_order),
		TEST(nobody_there_is_no_answer),
		TEST(an_end_may_open_later),
		TEST(of_two_that_send_the_lower_comes_first),
		TEST(what_breaks_off_is_no_value),
		TEST(an_old_beginning_changes_nothing),
		TEST(the_first_bit_may_overtake_the_beginning),
		TEST(who_yields_amid_a_value_is_not_in_the_way),
		TEST(a_wrong_check_is_told),
		TEST(rings_that_come_again_change_nothing),
		TEST(lines_need_vectors_and_doorbells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
