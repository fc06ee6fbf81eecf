// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings, pools, channels and streams with names, after the host was started anew:
 * closed before that, or open and with words of sessions that a power cut ended.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/channel.h>
#include <fam/pool.h>
#include <fam/ring.h>
#include <fam/session.h>
#include <fam/stream.h>

#include "fabric-file.h"
#include "object-file.h"

#define LEASE_MS 500
#define BOTH	 (FAM_RING_PUSH | FAM_RING_POP)

static struct object_file file;
static struct fam *fam, *later; /* before, and after a power cut */
static char cut_path[1024];

static const struct fam_ring_config plain = {FAM_RING_SPSC, 0, 8, 8};
static const struct fam_ring_config durable = {FAM_RING_MPSC, FAM_RING_DURABLE,
					       8, 8};
static const struct fam_pool_config buffers = {8, 64, 4, 0};
static const struct fam_channel_config letters = {4096, FAM_CHANNEL_ONE, 0};
static const struct fam_stream_config bytes = {4096, 0, 0};

static int set_up(void **state)
{
	int r = object_file_set_up(&file, "/var/tmp");

	(void)state;
	fam = file.fam;
	later = NULL;
	if (r == 0)
		r = fam_session_set(fam, NULL, LEASE_MS);
	/* What is made now is of a start that is over when others open it. */
	object_file_reboot(&file);
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	fam_close(later);
	if (later && unlink(cut_path))
		return -1;
	return object_file_tear_down(&file);
}

/* A copy of the file as it is at this moment, with all who have it open. */
static struct fam *cut_power(void)
{
	char piece[65536];
	int to, from = open(file.path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	snprintf(cut_path, sizeof(cut_path), "%s.cut", file.path);
	to = open(cut_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, piece, sizeof(piece))) > 0)
		assert_int_equal(write(to, piece, (size_t)n), n);
	close(from);
	close(to);
	assert_int_equal(fam_open(&later, cut_path, 0), 0);
	return later;
}

/* With nobody there. */
static struct fam *reboot(void)
{
	object_file_reboot(&file);
	return fam;
}

/* --- rings -------------------------------------------------------------------------- */

static struct fam_ring *open_ring(struct fam *by, const char *name,
				  const struct fam_ring_config *config)
{
	struct fam_ring *ring = NULL;

	assert_int_equal(fam_ring_open(by, name, config, BOTH, &ring), 0);
	return ring;
}

static void push(struct fam_ring *ring, uint64_t first, unsigned int count)
{
	for (uint64_t m = first; m < first + count; m++)
		assert_int_equal(fam_ring_push(ring, &m, 1), 1);
}

static void ring_is_new(struct fam *by)
{
	struct fam_ring_config config;
	struct fam_ring *ring = open_ring(by, "ring", NULL);
	uint64_t m[8];

	fam_ring_get_config(ring, &config);
	assert_memory_equal(&config, &plain, sizeof(config));
	assert_int_equal(fam_ring_pop(ring, m, 8), 0);
	push(ring, 50, 8);
	fam_ring_close(ring);
	/* Once for each start. */
	ring = open_ring(by, "ring", NULL);
	assert_int_equal(fam_ring_pop(ring, m, 8), 8);
	assert_int_equal(m[0], 50);
	fam_ring_close(ring);
}

static void a_ring_begins_anew(void **state)
{
	struct fam_ring *ring = open_ring(fam, "ring", &plain);

	(void)state;
	push(ring, 1, 5);
	ring_is_new(cut_power());
	fam_ring_close(ring);
	ring_is_new(reboot());
}

static void peek(struct fam_ring *ring, uint64_t first, int count)
{
	uint64_t m[8] = {0};

	assert_int_equal(fam_ring_peek(ring, m, 8, 0), count);
	for (int i = 0; i < count; i++)
		assert_int_equal(m[i], first + (uint64_t)i);
}

/* From @first on; all are released then, and one more goes in. */
static void durable_has(struct fam *by, uint64_t first, int count)
{
	struct fam_ring *ring = open_ring(by, "durable", NULL);

	peek(ring, first, count);
	assert_int_equal(fam_ring_release(ring), 0);
	push(ring, 90, 1);
	fam_ring_close(ring);
	ring = open_ring(by, "durable", NULL);
	peek(ring, 90, 1);
	fam_ring_close(ring);
}

static void a_durable_ring_has_what_was_not_released(void **state)
{
	struct fam_ring *ring = open_ring(fam, "durable", &durable);
	uint64_t m[8];

	(void)state;
	push(ring, 1, 6);
	assert_int_equal(fam_ring_peek(ring, m, 4, 0), 4);
	assert_int_equal(fam_ring_release(ring), 0);
	push(ring, 7, 4);
	/* Seen, and not released. */
	assert_int_equal(fam_ring_peek(ring, m, 3, 0), 3);
	durable_has(cut_power(), 5, 6);
	fam_ring_close(ring);
	durable_has(reboot(), 5, 6);
	durable_has(reboot(), 90, 1);
}

/* --- pools ---------------------------------------------------------------------------- */

static void pool_is_whole(struct fam *by)
{
	struct fam_pool *pool = NULL;
	struct fam_pool_count count;
	uint32_t buffer, seen = 0;

	assert_int_equal(fam_pool_open(by, "pool", NULL, &pool), 0);
	assert_int_equal(fam_pool_count(pool, &count), 0);
	assert_int_equal(count.free, buffers.buffers);
	for (unsigned int i = 0; i < buffers.buffers; i++) {
		assert_int_equal(fam_pool_take(pool, 0, &buffer), 0);
		seen |= 1u << buffer;
	}
	assert_int_equal(seen, 0xff);
	assert_int_equal(fam_pool_take(pool, 0, &buffer), -EAGAIN);
	fam_pool_close(pool);
}

static void all_buffers_of_a_pool_are_free(void **state)
{
	struct fam_pool *pool = NULL;
	uint32_t buffer;

	(void)state;
	assert_int_equal(fam_pool_open(fam, "pool", &buffers, &pool), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(fam_pool_take(pool, 0, &buffer), 0);
		if (i % 2)
			assert_int_equal(fam_pool_send(pool, buffer), 0);
	}
	pool_is_whole(cut_power());
	fam_pool_close(pool);
	pool_is_whole(reboot());
}

/* --- channels, streams ---------------------------------------------------------------- */

static void channel_is_new(struct fam *by)
{
	struct fam_channel *to = NULL, *from = NULL;
	char text[8];
	uint64_t n;

	assert_int_equal(
		fam_channel_open(by, "channel", NULL, FAM_CHANNEL_SEND, &to),
		0);
	assert_int_equal(fam_channel_open(by, "channel", NULL,
					  FAM_CHANNEL_RECEIVE, &from),
			 0);
	/* Nor is it told of who was there before. */
	assert_int_equal(fam_channel_receive(from, text, 8, 0, &n), -EAGAIN);
	assert_int_equal(fam_channel_send(to, "new", 4, 0), 0);
	assert_int_equal(fam_channel_receive(from, text, 8, 0, &n), 0);
	assert_string_equal(text, "new");
	fam_channel_close(to);
	assert_int_equal(fam_channel_receive(from, text, 8, 0, &n), -ESHUTDOWN);
	fam_channel_close(from);
}

static void a_channel_is_empty(void **state)
{
	struct fam_channel *to = NULL, *from = NULL;
	void *place;

	(void)state;
	assert_int_equal(fam_channel_open(fam, "channel", &letters,
					  FAM_CHANNEL_SEND, &to),
			 0);
	assert_int_equal(fam_channel_open(fam, "channel", NULL,
					  FAM_CHANNEL_RECEIVE, &from),
			 0);
	assert_int_equal(fam_channel_send(to, "old", 4, 0), 0);
	assert_int_equal(fam_channel_reserve(to, 100, 0, &place), 0);
	channel_is_new(cut_power());
	fam_channel_close(to);
	fam_channel_close(from);
	channel_is_new(reboot());
}

static void stream_is_new(struct fam *by)
{
	struct fam_stream *to = NULL, *from = NULL;
	char text[8];
	size_t n;

	assert_int_equal(
		fam_stream_open(by, "stream", NULL, FAM_STREAM_WRITE, &to), 0);
	assert_int_equal(
		fam_stream_open(by, "stream", NULL, FAM_STREAM_READ, &from), 0);
	assert_int_equal(fam_stream_read(from, text, 8, 0, &n), -EAGAIN);
	assert_int_equal(fam_stream_write(to, "new", 4, 0, &n), 0);
	assert_int_equal(fam_stream_read(from, text, 8, 0, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(text, "new");
	fam_stream_close(to);
	assert_int_equal(fam_stream_read(from, text, 8, 0, &n), -ESHUTDOWN);
	fam_stream_close(from);
}

static void a_stream_is_empty(void **state)
{
	struct fam_stream *to = NULL;
	size_t n;

	(void)state;
	assert_int_equal(
		fam_stream_open(fam, "stream", &bytes, FAM_STREAM_WRITE, &to),
		0);
	assert_int_equal(fam_stream_write(to, "old", 4, 0, &n), 0);
	stream_is_new(cut_power());
	fam_stream_close(to);
	stream_is_new(reboot());
}

/* --- what a power cut has torn ---------------------------------------------------------- */

/* Its first bytes never reached the disk. */
static void tear(const char *name)
{
	int index = object_file_find(&file, name);

	assert_true(index >= 0);
	memset(file.area + object_file_entry(&file, (uint32_t)index)->offset -
		       OBJECTS_OFFSET,
	       0, 64);
}

static int reopen(int kind, bool with)
{
	struct fam_ring *ring = NULL;
	struct fam_pool *pool = NULL;
	struct fam_channel *channel = NULL;
	struct fam_stream *stream = NULL;
	int r = -1;

	if (kind == 0)
		r = fam_ring_open(fam, "0", with ? &plain : NULL, BOTH, &ring);
	else if (kind == 1)
		r = fam_pool_open(fam, "1", with ? &buffers : NULL, &pool);
	else if (kind == 2)
		r = fam_channel_open(fam, "2", with ? &letters : NULL,
				     FAM_CHANNEL_SEND, &channel);
	else if (kind == 3)
		r = fam_stream_open(fam, "3", with ? &bytes : NULL,
				    FAM_STREAM_WRITE, &stream);
	else
		r = fam_ring_open(fam, "4", with ? &durable : NULL, BOTH,
				  &ring);
	fam_ring_close(ring);
	fam_pool_close(pool);
	fam_channel_close(channel);
	fam_stream_close(stream);
	return r;
}

/* Who knows what it was like makes it anew, but for what was durable. */
static void what_is_torn_is_made_anew_or_refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < 5; kind++) {
		const char name[] = {(char)('0' + kind), '\0'};

		assert_int_equal(reopen(kind, true), 0);
		reboot();
		tear(name);
		assert_int_equal(reopen(kind, false), -EBADMSG);
		assert_int_equal(reopen(kind, true), kind < 4 ? 0 : -EBADMSG);
		assert_int_equal(reopen(kind, false), kind < 4 ? 0 : -EBADMSG);
		/* Nobody is left who has it open. */
		assert_int_equal(fam_object_remove(fam, name), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_ring_begins_anew),
		TEST(a_durable_ring_has_what_was_not_released),
		TEST(all_buffers_of_a_pool_are_free),
		TEST(a_channel_is_empty),
		TEST(a_stream_is_empty),
		TEST(what_is_torn_is_made_anew_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
