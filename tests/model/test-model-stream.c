// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Streams in every order of their steps: bytes come in their order, nobody waits
 * for ever, and what became of a writer is told once, where its bytes end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include <fam/object.h>
#include <fam/stream.h>

#include "model.h"

#define BYTES 4096
#define PIECE (BYTES / 4 / 8) /* words that are written at once */

static struct {
	uint64_t stream[(4096 + BYTES) / 8];
	fam_word written[MODEL_THREADS]; /* words, for certain */
	fam_word read[MODEL_THREADS];	 /* of each writer */
	fam_word ended[MODEL_THREADS];	 /* how often that was told */
	fam_word current;		 /* who wrote what comes now */
} shared __attribute__((aligned(64)));

static struct fam_stream *stream[MODEL_THREADS + 2];

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
	return fam_stream_at(model_fam(n), shared.stream, sizeof(shared.stream),
			     end, &stream[n]);
}

static void begin(void)
{
	const struct fam_stream_config config = {.bytes = BYTES};

	model_expect(fam_stream_make(model_fam(MODEL_THREADS), shared.stream,
				     &config) == 0);
	model_expect(open_end(0, FAM_STREAM_WRITE) == 0);
	model_expect(open_end(1, FAM_STREAM_READ) == 0);
}

/* Words tell who wrote them, and which one each is. */
static void write_words(unsigned int n, uint64_t count)
{
	uint64_t words[4 * PIECE], first = fam_word_peek(&shared.written[n]);
	size_t done = 0;
	int r;

	for (uint64_t i = 0; i < count; i++)
		words[i] = (first + i) << 8 | n;
	r = fam_stream_write(stream[n], words, count * 8, -1, &done);
	model_expect(r == 0 || model_lost(n) || (r == -EPIPE && model_lost(1)));
	fam_word_put(&shared.written[n], first + done / 8);
}

static void write_last(unsigned int n, uint64_t count)
{
	write_words(n, count);
	fam_stream_close(stream[n]);
}

static void begin_full(void)
{
	begin();
	write_words(0, 4 * PIECE);
}

static void check_words(const uint64_t *words, size_t count)
{
	uint64_t writer = words[0] & 0xff, next;

	model_expect(writer < MODEL_THREADS);
	/* But for the last store of one who was just taken for dead. */
	if (fam_word_peek(&shared.current) != writer &&
	    !model_lost((unsigned int)writer))
		model_fail("words of a writer after those of another one");
	next = fam_word_peek(&shared.read[writer]);
	for (size_t i = 0; i < count; i++)
		model_expect(words[i] == ((next + i) << 8 | writer));
	fam_word_poke(&shared.read[writer], next + count);
}

/* Until it has heard of @ends of them. */
static void read_all(unsigned int n, int timeout_ms, unsigned int ends)
{
	uint64_t words[2 * PIECE];
	size_t bytes;
	int r;

	while (ends) {
		r = fam_stream_read(stream[n], words, sizeof(words), timeout_ms,
				    &bytes);
		if (r == 0) {
			model_expect(bytes % 8 == 0);
			check_words(words, bytes / 8);
			continue;
		}
		if (r != -ESHUTDOWN && r != -ECONNRESET) {
			model_expect(model_lost(n) || r == -EAGAIN);
			return;
		}
		fam_word_add(&shared.ended[fam_word_peek(&shared.current)], 1);
		/* The next one there may be. */
		fam_word_poke(&shared.current, 2);
		ends--;
	}
}

static void pair(unsigned int n)
{
	if (n == 0)
		write_last(0, PIECE);
	else
		read_all(1, -1, 1);
}

/* No closing wakes who was not woken by the bytes. */
static void open_pair(unsigned int n)
{
	uint64_t word;
	size_t bytes;

	if (n == 0) {
		write_words(0, 1);
		return;
	}
	model_expect(fam_stream_read(stream[1], &word, 8, -1, &bytes) == 0);
	model_expect(bytes == 8);
	check_words(&word, 1);
}

/* Nor does it wake who waits for room. */
static void open_full_pair(unsigned int n)
{
	uint64_t words[PIECE];
	size_t bytes;

	if (n == 0) {
		write_words(0, PIECE);
		return;
	}
	model_expect(fam_stream_read(stream[1], words, sizeof(words), -1,
				     &bytes) == 0);
	check_words(words, bytes / 8);
}

static void end_open(void)
{
	model_expect(fam_word_peek(&shared.written[0]) >= 1);
}

static void short_pair(unsigned int n)
{
	if (n == 0)
		write_last(0, 1);
	else
		read_all(1, -1, 1);
}

/* The second one comes when the first one is gone, or not at all. */
static void one_after_the_other(unsigned int n)
{
	if (n == 0)
		write_last(0, 1);
	else if (n == 1)
		read_all(1, -1, 1);
	else if (open_end(2, FAM_STREAM_WRITE) == 0)
		write_last(2, 1);
}

/* All of it comes, of the dead perhaps more than they know. */
static void end(void)
{
	/* Nobody knows what a lost reader has read. */
	if (model_lost(1)) {
		model_expect(open_end(MODEL_THREADS, FAM_STREAM_READ) == 0);
		return;
	}
	read_all(1, 0, 1);
	for (unsigned int i = 0; i < 3; i += 2) {
		uint64_t written = fam_word_peek(&shared.written[i]);
		uint64_t had = fam_word_peek(&shared.read[i]);

		model_expect(had == written ||
			     (model_lost(i) && had > written));
	}
	model_expect(fam_word_peek(&shared.ended[0]) == 1);
}

#define STREAM(name_, threads_, begin_, thread_)                         \
	.name = (name_), .threads = (threads_), .memory = &shared,       \
	.bytes = sizeof(shared), .begin = (begin_), .thread = (thread_), \
	.end = end

static const struct model whole = {
	STREAM("a stream that is full", 2, begin_full, pair), .preemptions = 2,
	.tso = true};
static const struct model unclosed = {.name = "a stream that nobody closes",
				      .threads = 2,
				      .memory = &shared,
				      .bytes = sizeof(shared),
				      .begin = begin,
				      .thread = open_pair,
				      .end = end_open,
				      .preemptions = 2,
				      .tso = true};
static const struct model unclosed_full = {
	.name = "a full stream that nobody closes",
	.threads = 2,
	.memory = &shared,
	.bytes = sizeof(shared),
	.begin = begin_full,
	.thread = open_full_pair,
	.end = end_open,
	.preemptions = 2,
	.tso = true};
static const struct model mortal = {
	STREAM("one writes, one reads, one dies", 2, begin, short_pair),
	.preemptions = 2, .deaths = 1};
static const struct model zombie = {
	STREAM("one writes, one reads, one is taken for dead", 2, begin,
	       short_pair),
	.preemptions = 2, .zombies = 1};
static const struct model turns = {
	STREAM("one writes after the other", 3, begin, one_after_the_other),
	.preemptions = 2};
static const struct model mortal_turns = {
	STREAM("one writes after the other, one dies", 3, begin,
	       one_after_the_other),
	.preemptions = 1, .deaths = 1};

static void bytes_come_in_their_order(void **state)
{
	(void)state;
	model_check(&whole);
	model_check(&unclosed);
	model_check(&unclosed_full);
}

static void one_of_them_dies(void **state)
{
	(void)state;
	model_check(&mortal);
	model_check(&zombie);
}

static void writers_come_in_turn(void **state)
{
	(void)state;
	model_check(&turns);
	model_check(&mortal_turns);
}

static void it_would_be_seen(void **state)
{
	static const struct model *const all[] = {&unclosed, &unclosed_full,
						  NULL};
	static const char *const spare[] = {
		"write_shape:store.1 making is not interrupted here",
		"write_shape:store.3 as above",
		"write_shape:store.4 as above",
		"take_slot:swap.1 opening is not interrupted here",
		"take_sender:store.1 as above",
		"take_sender:store.2 as above",
		"clear_taking:swap.1 as above",
		"take_receiver:swap.1 as above",
		"channel_wait_ring:swap.1 who set it meanwhile is woken, too",
		"channel_wait_for:set.1 who cleared it did so behind a change",
		NULL};

	(void)state;
	model_check_mutants(all, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_in_their_order),
		cmocka_unit_test(one_of_them_dies),
		cmocka_unit_test(writers_come_in_turn),
		cmocka_unit_test(it_would_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
