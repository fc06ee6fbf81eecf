// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A sender and a receiver that are killed at each step, from the opening to the
 * closing of their end: what was committed arrives in order and once, the other
 * side is told once, and whoever comes next goes on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fam/channel.h>
#include <fam/stream.h>

#include "fault.h"

#define MESSAGES 4
#define WORDS	 80 /* of a message: six fill a channel */
#define WAIT_MS	 20000

/* What the child has done for certain: behind what is tested. */
struct diary {
	volatile uint64_t done; /* sent, or received */
};

static uint32_t flags;

static struct diary *diary(const struct fault *f)
{
	return (void *)((char *)f->memory + FAULT_BYTES / 2);
}

static int open_channel(struct fault *f, unsigned int end,
			struct fam_channel **out)
{
	return fam_channel_at(f->fam, f->memory, FAULT_BYTES / 2, end, out);
}

/* Until the death of who had it is known. */
static struct fam_channel *channel(struct fault *f, unsigned int end)
{
	struct fam_channel *c = NULL;
	int r;

	while ((r = open_channel(f, end, &c)) == -EBUSY)
		fault_breathe();
	assert_int_equal(r, 0);
	return c;
}

static void make_channel(struct fault *f)
{
	const struct fam_channel_config config = {.bytes = 4096,
						  .flags = flags};

	assert_int_equal(fam_channel_make(f->fam, f->memory, &config), 0);
}

static int send_number(struct fam_channel *to, uint64_t number)
{
	uint64_t message[WORDS] = {number};

	return fam_channel_send(to, message, sizeof(message), WAIT_MS);
}

/* Its number, or what comes instead. */
static int64_t next_number(struct fam_channel *from)
{
	uint64_t message[WORDS], bytes;
	int r = fam_channel_receive(from, message, sizeof(message), WAIT_MS,
				    &bytes);

	if (r < 0)
		return r;
	assert_int_equal(bytes, sizeof(message));
	return (int64_t)message[0];
}

/* So far along that there will be a piece to be skipped at the ring's end. */
static void make_used_channel(struct fault *f)
{
	struct fam_channel *to, *from;

	make_channel(f);
	to = channel(f, FAM_CHANNEL_SEND);
	from = channel(f, FAM_CHANNEL_RECEIVE);
	for (uint64_t n = 1; n < 4; n++) {
		assert_int_equal(send_number(to, n), 0);
		assert_int_equal(next_number(from), n);
	}
	fam_channel_close(to);
	assert_int_equal(next_number(from), -ESHUTDOWN);
	fam_channel_close(from);
}

/* --- a sender ------------------------------------------------------------------------ */

static int send_all(struct fault *f)
{
	struct fam_channel *to;
	void *here;
	int r;

	fault_arm(f);
	r = open_channel(f, FAM_CHANNEL_SEND, &to);
	for (uint64_t n = 1; r == 0 && n <= MESSAGES; n++) {
		r = send_number(to, n);
		if (r == 0)
			diary(f)->done = n;
	}
	if (r == 0)
		r = fam_channel_reserve(to, 8, 0, &here);
	if (r == 0)
		fam_channel_close(to);
	fault_disarm(f);
	return r != 0;
}

/* In order and once: all that was sent for certain, and one more at most. */
static int64_t receive_numbers(struct fault *f, struct fam_channel *from)
{
	int64_t number, expected = 1;

	while ((number = next_number(from)) > 0 && number <= MESSAGES)
		assert_int_equal(number, expected++);
	assert_in_range(expected - 1, diary(f)->done, diary(f)->done + 1);
	return number;
}

static void next_sender_goes_on(struct fault *f)
{
	struct fam_channel *from = channel(f, FAM_CHANNEL_RECEIVE), *to;
	int64_t number, told = 0;

	fault_await_death(f);
	to = channel(f, FAM_CHANNEL_SEND);
	assert_int_equal(send_number(to, 100), 0);
	number = receive_numbers(f, from);
	if (number < 0) {
		assert_true(number == -ECONNRESET || number == -ESHUTDOWN);
		told = number;
		number = next_number(from);
	}
	assert_int_equal(number, 100);
	/* One only: of several senders it is told when nothing else is left. */
	if (flags & FAM_CHANNEL_ONE && diary(f)->done)
		assert_int_not_equal(told, 0);
	fam_channel_close(to);
	number = next_number(from);
	if (number == -ECONNRESET) {
		assert_int_equal(told, 0);
		number = next_number(from);
	}
	assert_int_equal(number, -ESHUTDOWN);
	fam_channel_close(from);
}

static const struct fault_case sender = {"sender", .child = send_all,
					 .before = make_channel,
					 .after = next_sender_goes_on};

/* --- a receiver ---------------------------------------------------------------------- */

static int receive_all(struct fault *f)
{
	struct fam_channel *from;
	int r;

	fault_arm(f);
	r = open_channel(f, FAM_CHANNEL_RECEIVE, &from);
	for (uint64_t n = 1; r == 0 && n < MESSAGES; n++) {
		r = next_number(from) == (int64_t)n ? 0 : -EIO;
		if (r == 0)
			diary(f)->done = n;
	}
	if (r == 0)
		fam_channel_close(from);
	fault_disarm(f);
	return r != 0;
}

static void fill(struct fault *f)
{
	struct fam_channel *to;

	make_used_channel(f);
	to = channel(f, FAM_CHANNEL_SEND);
	for (uint64_t n = 1; n <= MESSAGES; n++)
		assert_int_equal(send_number(to, n), 0);
	fam_channel_close(to);
}

static void next_receiver_goes_on(struct fault *f)
{
	struct fam_channel *to = channel(f, FAM_CHANNEL_SEND);
	struct fam_channel *from = channel(f, FAM_CHANNEL_RECEIVE);
	int64_t number = next_number(from), first = number;

	if (number == -ESHUTDOWN) /* of who had filled it */
		first = number = next_number(from);
	/* One may have been received which was not written down. */
	assert_in_range(first, diary(f)->done + 1, diary(f)->done + 2);
	for (; number != MESSAGES; number = next_number(from))
		assert_int_equal(number, first++);
	assert_int_equal(send_number(to, 100), 0);
	number = next_number(from);
	if (number == -ESHUTDOWN)
		number = next_number(from);
	assert_int_equal(number, 100);
	fam_channel_close(to);
	fam_channel_close(from);
}

static const struct fault_case receiver = {"receiver", .child = receive_all,
					   .before = fill,
					   .after = next_receiver_goes_on};

/* --- a writer of a stream -------------------------------------------------------------- */

static int open_stream(struct fault *f, unsigned int end,
		       struct fam_stream **out)
{
	return fam_stream_at(f->fam, f->memory, FAULT_BYTES / 2, end, out);
}

static struct fam_stream *stream(struct fault *f, unsigned int end)
{
	struct fam_stream *s = NULL;
	int r;

	while ((r = open_stream(f, end, &s)) == -EBUSY)
		fault_breathe();
	assert_int_equal(r, 0);
	return s;
}

static void make_stream(struct fault *f)
{
	const struct fam_stream_config config = {
		.bytes = 4096, .flags = flags ? FAM_STREAM_POLLED : 0};

	assert_int_equal(fam_stream_make(f->fam, f->memory, &config), 0);
}

static int write_all(struct fault *f)
{
	struct fam_stream *to;
	size_t n;
	int r;

	fault_arm(f);
	r = open_stream(f, FAM_STREAM_WRITE, &to);
	for (int i = 1; r == 0 && i <= MESSAGES; i++) {
		r = fam_stream_write(to, &(char){(char)i}, 1, WAIT_MS, &n);
		if (r == 0)
			diary(f)->done = (uint64_t)i;
	}
	if (r == 0)
		fam_stream_close(to);
	fault_disarm(f);
	return r != 0;
}

static int next_byte(struct fam_stream *from)
{
	size_t n;
	char c;
	int r = fam_stream_read(from, &c, 1, WAIT_MS, &n);

	return r < 0 ? r : c;
}

static void next_writer_is_told_apart(struct fault *f)
{
	struct fam_stream *from = stream(f, FAM_STREAM_READ), *to;
	int byte, expected = 1;
	size_t n;

	fault_await_death(f);
	to = stream(f, FAM_STREAM_WRITE);
	assert_int_equal(fam_stream_write(to, "x", 1, 0, &n), 0);
	while ((byte = next_byte(from)) > 0 && byte <= MESSAGES)
		assert_int_equal(byte, expected++);
	assert_in_range(expected - 1, diary(f)->done, diary(f)->done + 1);
	if (byte != 'x' || expected > 1) {
		assert_true(byte == -ECONNRESET || byte == -ESHUTDOWN);
		byte = next_byte(from);
	}
	assert_int_equal(byte, 'x');
	fam_stream_close(to);
	assert_int_equal(next_byte(from), -ESHUTDOWN);
	fam_stream_close(from);
}

static const struct fault_case writer = {"writer", .child = write_all,
					 .before = make_stream,
					 .after = next_writer_is_told_apart};

/* --------------------------------------------------------------------------------------- */

static void test_sender_of_one(void **state)
{
	(void)state;
	flags = FAM_CHANNEL_ONE;
	assert_in_range(fault_each(&sender), 30, 1000);
}

static void test_sender_of_several(void **state)
{
	(void)state;
	flags = 0;
	assert_in_range(fault_each(&sender), 30, 1000);
}

static void test_receiver(void **state)
{
	(void)state;
	flags = 0;
	assert_in_range(fault_each(&receiver), 20, 1000);
}

static void test_writer_of_a_stream(void **state)
{
	(void)state;
	flags = 0;
	assert_in_range(fault_each(&writer), 20, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender_of_one),
		cmocka_unit_test(test_sender_of_several),
		cmocka_unit_test(test_receiver),
		cmocka_unit_test(test_writer_of_a_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
