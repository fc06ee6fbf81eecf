// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ivshmem.h"

static uint16_t ids[64];
static uint32_t news[IVSHMEM_NEWS_MAX];
static struct ivshmem_client client;

static struct ivshmem_world world_of(unsigned int vectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ids[i] = (uint16_t)(i * 3);
	return (struct ivshmem_world){
		.vectors = vectors, .ids = ids, .count = count, .news = news};
}

static void add_news(struct ivshmem_world *w, enum ivshmem_news what,
		     uint16_t id)
{
	news[w->news_count++ % IVSHMEM_NEWS_MAX] = (uint32_t)what << 16 | id;
	w->told = w->news_count;
}

/* The next message must be this one. */
static void next(struct ivshmem_stream *s, const struct ivshmem_world *w,
		 int64_t value, enum ivshmem_fd fd)
{
	struct ivshmem_message m;

	assert_true(ivshmem_peek(s, w, &m));
	assert_int_equal(m.value, value);
	assert_int_equal(m.fd, fd);
	if (fd == IVSHMEM_FD_EVENT)
		assert_int_equal(m.id, (uint16_t)value);
	ivshmem_advance(s, w);
}

static void silent(struct ivshmem_stream *s, const struct ivshmem_world *w)
{
	struct ivshmem_message m;

	assert_false(ivshmem_peek(s, w, &m));
	assert_int_equal(ivshmem_backlog(s, w), 0);
}

static void modern_order(void **state)
{
	struct ivshmem_world w = world_of(2, 3); /* 0, 3 and 6 */
	struct ivshmem_stream s;

	(void)state;
	ivshmem_start(&s, &w, IVSHMEM_MODERN, 3, NULL);
	assert_int_equal(ivshmem_backlog(&s, &w), 9);
	next(&s, &w, 0, IVSHMEM_FD_NONE); /* version */
	next(&s, &w, 3, IVSHMEM_FD_NONE);
	next(&s, &w, -1, IVSHMEM_FD_MEMORY);
	next(&s, &w, 0, IVSHMEM_FD_EVENT);
	next(&s, &w, 0, IVSHMEM_FD_EVENT);
	assert_int_equal(ivshmem_backlog(&s, &w), 4);
	next(&s, &w, 6, IVSHMEM_FD_EVENT);
	next(&s, &w, 6, IVSHMEM_FD_EVENT);
	assert_false(ivshmem_setup_done(&s));
	next(&s, &w, 3, IVSHMEM_FD_EVENT);
	next(&s, &w, 3, IVSHMEM_FD_EVENT);
	assert_true(ivshmem_setup_done(&s));
	silent(&s, &w);
}

static void legacy_has_no_version(void **state)
{
	struct ivshmem_world w = world_of(1, 2);
	struct ivshmem_stream s;

	(void)state;
	ivshmem_start(&s, &w, IVSHMEM_LEGACY, 3, NULL);
	next(&s, &w, 3, IVSHMEM_FD_NONE);
	next(&s, &w, -1, IVSHMEM_FD_MEMORY);
	next(&s, &w, 0, IVSHMEM_FD_EVENT);
	next(&s, &w, 3, IVSHMEM_FD_EVENT);
	silent(&s, &w);
}

static void qemu_hears_of_new_ids_once_and_never_of_a_leave(void **state)
{
	struct ivshmem_world w = world_of(2, 2);
	struct ivshmem_stream s;

	(void)state;
	ivshmem_start(&s, &w, IVSHMEM_LEGACY, 3, NULL);
	for (int i = 0; i < 6; i++) {
		struct ivshmem_message m;

		assert_true(ivshmem_peek(&s, &w, &m));
		ivshmem_advance(&s, &w);
	}
	silent(&s, &w);
	add_news(&w, IVSHMEM_NEWS_LEFT, 0);
	add_news(&w, IVSHMEM_NEWS_ATTACHED, 0);
	silent(&s, &w);
	ids[w.count++] = 77;
	add_news(&w, IVSHMEM_NEWS_CREATED, 77);
	assert_int_equal(ivshmem_backlog(&s, &w), 2);
	next(&s, &w, 77, IVSHMEM_FD_EVENT);
	assert_int_equal(ivshmem_backlog(&s, &w), 1);
	next(&s, &w, 77, IVSHMEM_FD_EVENT);
	silent(&s, &w);
}

/* IDs made while a peer is still in its set-up come after it, once. */
static void ids_made_during_a_setup(void **state)
{
	struct ivshmem_world w = world_of(1, 2);
	struct ivshmem_stream s;

	(void)state;
	ivshmem_start(&s, &w, IVSHMEM_MODERN, 3, NULL);
	next(&s, &w, 0, IVSHMEM_FD_NONE);
	ids[w.count++] = 9;
	next(&s, &w, 3, IVSHMEM_FD_NONE);
	next(&s, &w, -1, IVSHMEM_FD_MEMORY);
	next(&s, &w, 0, IVSHMEM_FD_EVENT);
	ids[w.count++] = 10;
	next(&s, &w, 3, IVSHMEM_FD_EVENT);
	next(&s, &w, 9, IVSHMEM_FD_EVENT);
	next(&s, &w, 10, IVSHMEM_FD_EVENT);
	silent(&s, &w);
}

#define HOST(kind, value) ((int64_t)(kind) << 32 | (value))

static void host_order(void **state)
{
	static uint8_t present[IVSHMEM_IDS / 8];
	struct ivshmem_world w = world_of(2, 3);
	struct ivshmem_stream s;
	struct ivshmem_message m;

	(void)state;
	memset(present, 0, sizeof(present));
	present[0] = 1 << 3 | 1 << 6; /* itself and 6; 0 is not */
	add_news(&w, IVSHMEM_NEWS_ATTACHED, 3);
	w.told = 0;
	ivshmem_start(&s, &w, IVSHMEM_HOST, 3, present);
	next(&s, &w, HOST(IVSHMEM_HOST_MAGIC, 1), IVSHMEM_FD_NONE);
	next(&s, &w, HOST(IVSHMEM_HOST_SELF, 3), IVSHMEM_FD_NONE);
	next(&s, &w, HOST(IVSHMEM_HOST_VECTORS, 2), IVSHMEM_FD_NONE);
	next(&s, &w, -1, IVSHMEM_FD_MEMORY);
	next(&s, &w, 0, IVSHMEM_FD_EVENT);
	next(&s, &w, 1 << 16, IVSHMEM_FD_EVENT);
	next(&s, &w, 6, IVSHMEM_FD_EVENT);
	next(&s, &w, 1 << 16 | 6, IVSHMEM_FD_EVENT);
	next(&s, &w, 3, IVSHMEM_FD_EVENT);
	next(&s, &w, 1 << 16 | 3, IVSHMEM_FD_EVENT);
	next(&s, &w, HOST(IVSHMEM_HOST_ATTACHED, 6), IVSHMEM_FD_NONE);
	/* not ready before the others were told of it */
	assert_false(ivshmem_peek(&s, &w, &m));
	assert_int_equal(ivshmem_backlog(&s, &w), 1);
	w.told = w.news_count;
	next(&s, &w, HOST(IVSHMEM_HOST_READY, 0), IVSHMEM_FD_NONE);
	silent(&s, &w);
}

static void host_hears_of_everything_once(void **state)
{
	struct ivshmem_world w = world_of(2, 2);
	struct ivshmem_stream s = {
		.dialect = IVSHMEM_HOST, .phase = IVSHMEM_SEND_NEWS, .id = 3};

	(void)state;
	add_news(&w, IVSHMEM_NEWS_CREATED, 9);
	add_news(&w, IVSHMEM_NEWS_ATTACHED, 9);
	add_news(&w, IVSHMEM_NEWS_LEFT, 9);
	assert_int_equal(ivshmem_backlog(&s, &w), 4);
	next(&s, &w, 9, IVSHMEM_FD_EVENT);
	next(&s, &w, 1 << 16 | 9, IVSHMEM_FD_EVENT);
	next(&s, &w, HOST(IVSHMEM_HOST_ATTACHED, 9), IVSHMEM_FD_NONE);
	next(&s, &w, HOST(IVSHMEM_HOST_LEFT, 9), IVSHMEM_FD_NONE);
	silent(&s, &w);
}

static void host_far_behind_is_lost(void **state)
{
	struct ivshmem_world w = world_of(1, 1);
	struct ivshmem_stream s = {
		.dialect = IVSHMEM_HOST, .phase = IVSHMEM_SEND_NEWS, .id = 3};
	struct ivshmem_message m;

	(void)state;
	for (int i = 0; i < IVSHMEM_NEWS_MAX; i++)
		add_news(&w, IVSHMEM_NEWS_LEFT, 9);
	assert_false(ivshmem_lost(&s, &w));
	add_news(&w, IVSHMEM_NEWS_LEFT, 9);
	assert_true(ivshmem_lost(&s, &w));
	assert_false(ivshmem_peek(&s, &w, &m));
	s.dialect = IVSHMEM_MODERN;
	assert_false(ivshmem_lost(&s, &w));
}

static void bytes_are_little_endian(void **state)
{
	static const uint8_t minus_one[8] = {255, 255, 255, 255,
					     255, 255, 255, 255};
	static const uint8_t number[8] = {0x02, 0x01, 0, 0, 0, 0, 0, 0};
	uint8_t out[8];

	(void)state;
	ivshmem_encode(IVSHMEM_MODERN, -1, out);
	assert_memory_equal(out, minus_one, 8);
	ivshmem_encode(IVSHMEM_MODERN, 0x0102, out);
	assert_memory_equal(out, number, 8);
	ivshmem_encode(IVSHMEM_LEGACY, 0x0102, out);
	assert_int_equal(ivshmem_decode(IVSHMEM_LEGACY, out), 0x0102);
	assert_int_equal(ivshmem_decode(IVSHMEM_MODERN, minus_one), -1);
}

/* Whatever one side sends, the other understands, in every dialect. */
static void both_sides_agree(void **state)
{
	static uint8_t present[IVSHMEM_IDS / 8];

	(void)state;
	present[0] = 1 << 6;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		struct ivshmem_world w = world_of(3, 5);
		struct ivshmem_receipt r;
		struct ivshmem_message m;
		struct ivshmem_stream s;

		memset(&client, 0, sizeof(client));
		client.dialect = (enum ivshmem_dialect)d;
		ivshmem_start(&s, &w, client.dialect, 3, present);
		while (ivshmem_peek(&s, &w, &m)) {
			assert_int_equal(
				ivshmem_receive(&client, m.value,
						m.fd != IVSHMEM_FD_NONE, &r),
				0);
			ivshmem_advance(&s, &w);
		}
		assert_int_equal(client.id, 3);
		assert_true(client.mapped);
		for (int i = 0; i < 5; i++)
			assert_int_equal(client.seen[ids[i]], 3);
		assert_int_equal(client.ready, d == IVSHMEM_HOST);
	}
}

static void refused(int64_t value, bool has_fd)
{
	struct ivshmem_receipt r;

	assert_int_equal(ivshmem_receive(&client, value, has_fd, &r), -EPROTO);
}

static void accepted(int64_t value, bool has_fd, enum ivshmem_event event)
{
	struct ivshmem_receipt r;

	assert_int_equal(ivshmem_receive(&client, value, has_fd, &r), 0);
	assert_int_equal(r.event, event);
}

static void modern_client_refuses_a_bad_server(void **state)
{
	(void)state;
	memset(&client, 0, sizeof(client));
	refused(1, false); /* another version */
	refused(-1, true); /* memory before the ID */
	refused(5, true);  /* doorbell before the memory */
	accepted(0, false, IVSHMEM_EVENT_VERSION);
	refused(-1, false); /* an ID out of range */
	refused(65536, false);
	accepted(7, false, IVSHMEM_EVENT_SELF);
	refused(-1, false);
	accepted(-1, true, IVSHMEM_EVENT_MEMORY);
	refused(-1, true); /* a second one */
	refused(-5, true);
	refused(65536, true);
	refused(3, false); /* leaves, but never came */
	for (int i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		accepted(3, true, IVSHMEM_EVENT_DOORBELL);
	refused(3, true); /* one too many */
	accepted(3, false, IVSHMEM_EVENT_LEFT);
	refused(3, false); /* twice */
	refused(7, false); /* itself */
}

static void host_client_refuses_a_bad_server(void **state)
{
	(void)state;
	memset(&client, 0, sizeof(client));
	client.dialect = IVSHMEM_HOST;
	refused(0, false); /* QEMU's socket */
	accepted(HOST(IVSHMEM_HOST_MAGIC, 1), false, IVSHMEM_EVENT_VERSION);
	refused(HOST(IVSHMEM_HOST_MAGIC, 1), false);
	refused(HOST(IVSHMEM_HOST_VECTORS, 2), false); /* before the ID */
	accepted(HOST(IVSHMEM_HOST_SELF, 4), false, IVSHMEM_EVENT_SELF);
	refused(HOST(IVSHMEM_HOST_SELF, 5), false);
	refused(HOST(IVSHMEM_HOST_SELF, 1 << 16), false);
	refused(-1, true); /* before the vectors */
	refused(HOST(IVSHMEM_HOST_VECTORS, 0), false);
	refused(HOST(IVSHMEM_HOST_VECTORS, 257), false);
	accepted(HOST(IVSHMEM_HOST_VECTORS, 2), false, IVSHMEM_EVENT_VECTORS);
	accepted(-1, true, IVSHMEM_EVENT_MEMORY);
	refused(1 << 16 | 9, true);		     /* vector 1 before 0 */
	refused(HOST(IVSHMEM_HOST_READY, 0), false); /* no own doorbells */
	accepted(9, true, IVSHMEM_EVENT_DOORBELL);
	refused(HOST(IVSHMEM_HOST_ATTACHED, 9), false); /* incomplete */
	accepted(1 << 16 | 9, true, IVSHMEM_EVENT_DOORBELL);
	refused(2 << 16 | 9, true); /* more than there are */
	refused(HOST(IVSHMEM_HOST_LEFT, 9), false);
	accepted(HOST(IVSHMEM_HOST_ATTACHED, 9), false, IVSHMEM_EVENT_ATTACHED);
	refused(HOST(IVSHMEM_HOST_ATTACHED, 9), false);
	accepted(4, true, IVSHMEM_EVENT_DOORBELL);
	accepted(1 << 16 | 4, true, IVSHMEM_EVENT_DOORBELL);
	refused(HOST(IVSHMEM_HOST_READY, 1), false);
	accepted(HOST(IVSHMEM_HOST_READY, 0), false, IVSHMEM_EVENT_READY);
	refused(HOST(IVSHMEM_HOST_READY, 0), false);
	accepted(HOST(IVSHMEM_HOST_LEFT, 9), false, IVSHMEM_EVENT_LEFT);
	refused(HOST(6, 0), false); /* unknown kind */
	refused(INT64_MIN, false);
	refused(INT64_MAX, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modern_order),
		cmocka_unit_test(legacy_has_no_version),
		cmocka_unit_test(
			qemu_hears_of_new_ids_once_and_never_of_a_leave),
		cmocka_unit_test(ids_made_during_a_setup),
		cmocka_unit_test(host_order),
		cmocka_unit_test(host_hears_of_everything_once),
		cmocka_unit_test(host_far_behind_is_lost),
		cmocka_unit_test(bytes_are_little_endian),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(modern_client_refuses_a_bad_server),
		cmocka_unit_test(host_client_refuses_a_bad_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
