// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Streams of bytes, and what their ends hear of each other. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message-peer.h"

#define MANY (UINT64_C(4) << 20) /* more than fits into any stream here */

static struct fam_stream *peer_end;

/* W, R: open an end. w: write 3 bytes "abc". t: read one. x: close. */
static int peer_do(struct fam *fam, void *memory, char what)
{
	size_t n;
	char in;

	switch (what) {
	case 'W':
	case 'R':
		return fam_stream_at(fam, memory, ROOM,
				     what == 'W' ? FAM_STREAM_WRITE
						 : FAM_STREAM_READ,
				     &peer_end);
	case 'w':
		return fam_stream_write(peer_end, "abc", 3, SOON_MS, &n);
	case 't':
		return fam_stream_read(peer_end, &in, 1, SOON_MS, &n);
	case 'x':
		fam_stream_close(peer_end);
		return 0;
	default:
		return -ENOSYS;
	}
}

static void make(struct world *w, uint64_t bytes, uint32_t flags)
{
	const struct fam_stream_config config = {.bytes = bytes,
						 .flags = flags};

	assert_int_equal(fam_stream_make(w->fam[0], w->memory[0], &config), 0);
}

static struct fam_stream *open_end(struct world *w, unsigned int end)
{
	struct fam_stream *s;

	assert_int_equal(fam_stream_at(w->fam[0], w->memory[0], ROOM, end, &s),
			 0);
	return s;
}

/* Reads what is there, as text, or what comes instead. */
static const char *next(struct fam_stream *from, int timeout_ms)
{
	static char text[64];
	size_t n;
	int r = fam_stream_read(from, text, sizeof(text) - 1, timeout_ms, &n);

	switch (r) {
	case 0:
		text[n] = '\0';
		return text;
	case -ESHUTDOWN:
		return "closed";
	case -ECONNRESET:
		return "died";
	default:
		return r == -EAGAIN ? "nothing" : "error";
	}
}

static int write_text(struct fam_stream *to, const char *text)
{
	size_t n;

	return fam_stream_write(to, text, strlen(text), 0, &n);
}

/* --- bytes --------------------------------------------------------------------------- */

static void test_bytes_come_in_order(void **state)
{
	struct world *w = *state;
	struct fam_stream *to, *from;
	char out[100], in[100];
	size_t n;

	make(w, 4096, 0);
	to = open_end(w, FAM_STREAM_WRITE);
	from = open_end(w, FAM_STREAM_READ);
	for (int i = 0; i < 1000; i++) {
		memset(out, i, sizeof(out));
		assert_int_equal(fam_stream_write(to, out, 100, 0, &n), 0);
		assert_int_equal(n, 100);
		assert_int_equal(fam_stream_read_all(from, in, 100, 0, &n), 0);
		assert_memory_equal(in, out, 100);
	}
	assert_string_equal(next(from, 0), "nothing");
	fam_stream_close(to);
	fam_stream_close(from);
}

static void test_full_stream_tells_how_much_went(void **state)
{
	struct world *w = *state;
	struct fam_stream *to;
	char out[5000] = {0};
	size_t n = 0;

	make(w, 4096, 0);
	to = open_end(w, FAM_STREAM_WRITE);
	assert_int_equal(fam_stream_write(to, out, 5000, 5, &n), -ETIMEDOUT);
	assert_int_equal(n, 4096);
	assert_int_equal(fam_stream_write(to, out, 1, 0, &n), -EAGAIN);
	assert_int_equal(n, 0);
	fam_stream_close(to);
}

static void test_in_place(void **state)
{
	struct world *w = *state;
	struct fam_stream *to, *from;
	const void *there;
	size_t room, n;
	void *here;

	make(w, 4096, 0);
	to = open_end(w, FAM_STREAM_WRITE);
	from = open_end(w, FAM_STREAM_READ);
	assert_int_equal(fam_stream_reserve(to, 0, &here, &room), 0);
	assert_int_equal(room, 4096);
	memcpy(here, "hello", 5);
	assert_int_equal(fam_stream_commit(to, 4097), -EINVAL);
	assert_int_equal(fam_stream_commit(to, 5), 0);
	assert_int_equal(fam_stream_peek(from, 0, &there, &n), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(there, "hello", 5);
	assert_int_equal(fam_stream_release(from, 6), -EINVAL);
	assert_int_equal(fam_stream_release(from, 2), 0);
	assert_string_equal(next(from, 0), "llo");
	assert_int_equal(fam_stream_reserve(from, 0, &here, &room), -EPERM);
	assert_int_equal(fam_stream_peek(to, 0, &there, &n), -EPERM);
	fam_stream_close(to);
	fam_stream_close(from);
}

struct job {
	struct fam_stream *to;
	int result;
};

static void *write_all(void *arg)
{
	struct job *job = arg;
	size_t n, done = 0;
	char *data = malloc(MANY);

	for (uint64_t i = 0; i < MANY; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	/* In pieces of all kinds. */
	for (size_t piece = 1; job->result == 0 && done < MANY; piece += 977) {
		size_t want = piece < MANY - done ? piece : MANY - done;

		job->result = fam_stream_write(job->to, data + done, want,
					       SOON_MS, &n);
		done += n;
	}
	free(data);
	return NULL;
}

static void run(struct world *w, uint64_t bytes, uint32_t flags)
{
	struct job job = {0};
	struct fam_stream *from;
	uint64_t got = 0;
	pthread_t thread;
	char in[30000];
	size_t n;

	make(w, bytes, flags);
	job.to = open_end(w, FAM_STREAM_WRITE);
	from = open_end(w, FAM_STREAM_READ);
	assert_int_equal(pthread_create(&thread, NULL, write_all, &job), 0);
	while (got < MANY) {
		assert_int_equal(
			fam_stream_read(from, in, 1 + got % 30000, SOON_MS, &n),
			0);
		for (size_t i = 0; i < n; i++, got++)
			assert_true(in[i] == (char)(got * 2654435761u >> 13));
	}
	pthread_join(thread, NULL);
	assert_int_equal(job.result, 0);
	assert_string_equal(next(from, 0), "nothing");
	fam_stream_close(job.to);
	fam_stream_close(from);
}

static void test_more_than_fits_at_once(void **state)
{
	run(*state, 4096, 0);
	run(*state, 512 << 10, 0);
}

static void test_more_than_fits_at_once_polled(void **state)
{
	run(*state, 4096, FAM_STREAM_POLLED);
	run(*state, 512 << 10, FAM_STREAM_POLLED);
}

/* --- ends ---------------------------------------------------------------------------- */

static void test_closing_and_death_are_told_behind_the_bytes(void **state)
{
	struct world *w = *state;
	struct fam_stream *from;
	struct peer peer;

	for (uint32_t flags = 0; flags < 2; flags++) {
		make(w, 4096, flags);
		from = open_end(w, FAM_STREAM_READ);
		peer = peer_start(w, "Wwx");
		assert_string_equal(next(from, 0), "abc");
		assert_string_equal(next(from, SOON_MS), "closed");
		assert_string_equal(next(from, SOON_MS), "closed");
		peer_leave(&peer);
		peer = peer_start(w, "Ww");
		peer_kill(&peer);
		assert_string_equal(next(from, SOON_MS), "abc");
		assert_string_equal(next(from, SOON_MS), "died");
		assert_string_equal(next(from, 0), "nothing");
		fam_stream_close(from);
	}
}

static void test_bytes_of_two_writers_are_told_apart(void **state)
{
	struct world *w = *state;
	struct fam_stream *from, *to;
	struct peer peer;

	make(w, 4096, 0);
	peer = peer_start(w, "Wwx");
	to = open_end(w, FAM_STREAM_WRITE);
	assert_int_equal(write_text(to, "def"), 0);
	from = open_end(w, FAM_STREAM_READ);
	assert_string_equal(next(from, 0), "abc");
	assert_string_equal(next(from, 0), "closed");
	assert_string_equal(next(from, 0), "def");
	assert_string_equal(next(from, 0), "nothing");
	fam_stream_close(to);
	fam_stream_close(from);
	peer_leave(&peer);
}

static void test_no_third_writer_before_somebody_read(void **state)
{
	struct world *w = *state;
	struct fam_stream *from, *to;

	make(w, 4096, 0);
	for (int i = 0; i < 2; i++) {
		to = open_end(w, FAM_STREAM_WRITE);
		assert_int_equal(write_text(to, i ? "two" : "one"), 0);
		fam_stream_close(to);
	}
	assert_int_equal(fam_stream_at(w->fam[0], w->memory[0], ROOM,
				       FAM_STREAM_WRITE, &to),
			 -EBUSY);
	from = open_end(w, FAM_STREAM_READ);
	assert_string_equal(next(from, 0), "one");
	assert_string_equal(next(from, 0), "closed");
	to = open_end(w, FAM_STREAM_WRITE);
	assert_int_equal(write_text(to, "three"), 0);
	assert_string_equal(next(from, 0), "two");
	assert_string_equal(next(from, 0), "closed");
	assert_string_equal(next(from, 0), "three");
	fam_stream_close(to);
	fam_stream_close(from);
}

static void test_writer_is_told_that_the_reader_is_gone(void **state)
{
	struct world *w = *state;
	char out[5000] = {0};
	struct fam_stream *to;
	struct peer peer;
	size_t n;

	for (uint32_t flags = 0; flags < 2; flags++) {
		make(w, 4096, flags);
		to = open_end(w, FAM_STREAM_WRITE);
		peer = peer_start(w, "R");
		kill(peer.pid, SIGKILL);
		assert_int_equal(fam_stream_write(to, out, 5000, SOON_MS, &n),
				 -EPIPE);
		peer_kill(&peer);
		fam_stream_close(to);
	}
}

static void test_next_reader_goes_on(void **state)
{
	struct world *w = *state;
	struct fam_stream *to, *from = NULL;
	struct peer peer;
	int r;

	make(w, 4096, 0);
	to = open_end(w, FAM_STREAM_WRITE);
	assert_int_equal(write_text(to, "abcdef"), 0);
	peer = peer_start(w, "Rt");
	peer_kill(&peer);
	do { /* until its death is known */
		r = fam_stream_at(w->fam[0], w->memory[0], ROOM,
				  FAM_STREAM_READ, &from);
	} while (r == -EBUSY);
	assert_int_equal(r, 0);
	assert_string_equal(next(from, 0), "bcdef");
	fam_stream_close(to);
	fam_stream_close(from);
}

static void test_who_lost_its_session_writes_no_more(void **state)
{
	struct world *w = *state;
	struct fam_stream *to;

	make(w, 4096, 0);
	to = open_end(w, FAM_STREAM_WRITE);
	assert_int_equal(write_text(to, "a"), 0);
	world_declare_dead(w, w->fam[0]);
	assert_int_equal(write_text(to, "b"), -ESTALE);
	assert_int_equal(fam_stream_commit(to, 0), -ESTALE);
	assert_int_equal(fam_stream_at(w->fam[0], w->memory[0], ROOM,
				       FAM_STREAM_READ, &to),
			 -ESTALE);
	fam_stream_close(to);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
		TEST(test_bytes_come_in_order),
		TEST(test_full_stream_tells_how_much_went),
		TEST(test_in_place),
		TEST(test_more_than_fits_at_once),
		TEST(test_more_than_fits_at_once_polled),
		TEST(test_closing_and_death_are_told_behind_the_bytes),
		TEST(test_bytes_of_two_writers_are_told_apart),
		TEST(test_no_third_writer_before_somebody_read),
		TEST(test_writer_is_told_that_the_reader_is_gone),
		TEST(test_next_reader_goes_on),
		TEST(test_who_lost_its_session_writes_no_more),
	};

	if (argc > 1 && strcmp(argv[1], "peer") == 0)
		return peer_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
