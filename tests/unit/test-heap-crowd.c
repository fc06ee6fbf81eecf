// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Many threads and processes in one heap, of which some are killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "heap-stage.h"

#define SLOTS	 64 /* words of each worker */
#define WORKERS	 6
#define MAX_DATA 90000

/* What an object holds tells all of it. */
struct content {
	uint64_t bytes, seed;
	uint8_t data[MAX_DATA];
};
#define HEAD offsetof(struct content, data)

static uint8_t byte_of(uint64_t seed, uint64_t i)
{
	return (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

static uint64_t size_of(unsigned int *seed)
{
	const unsigned int kind = (unsigned int)rand_r(seed) % 100;
	const uint64_t most = kind < 80 ? 400 : kind < 97 ? 9000 : MAX_DATA;

	return 1 + (uint64_t)rand_r(seed) % most;
}

static bool is_whole(struct fam_heap *in, fam_off off)
{
	const struct content *c = fam_heap_at(in, off, HEAD);
	uint64_t usable;

	if (!c || fam_heap_usable(in, off, &usable) < 0 ||
	    c->bytes > MAX_DATA || HEAD + c->bytes > usable)
		return false;
	for (uint64_t i = 0; i < c->bytes; i++) {
		if (c->data[i] != byte_of(c->seed, i))
			return false;
	}
	return true;
}

/* --- workers ---------------------------------------------------------------------- */

struct worker {
	struct fam_heap *heap;
	fam_off words; /* of its own */
	unsigned int seed, rounds;
	struct content content;
	uint64_t known[SLOTS]; /* seed of what is there; 0: nothing */
	pthread_t thread;
	int result;
};

static int put(struct worker *w, unsigned int at)
{
	const fam_off dest = w->words + at * sizeof(fam_off);

	w->content.bytes = size_of(&w->seed);
	w->content.seed = (uint64_t)rand_r(&w->seed) + 1;
	for (uint64_t i = 0; i < w->content.bytes; i++)
		w->content.data[i] = byte_of(w->content.seed, i);
	w->known[at] = w->content.seed;
	return fam_heap_put(w->heap, dest, &w->content, HEAD + w->content.bytes,
			    NULL);
}

/* What it says stays true whatever its size is. */
static int resize(struct worker *w, unsigned int at)
{
	const fam_off dest = w->words + at * sizeof(fam_off);
	const struct content *c;
	fam_off off;
	int r;

	off = *(fam_off *)fam_heap_at(w->heap, dest, 8);
	c = fam_heap_at(w->heap, off, HEAD);
	r = fam_heap_realloc(w->heap, dest,
			     HEAD + c->bytes + (uint64_t)rand_r(&w->seed) % 900,
			     NULL);
	return r == -ENOSPC ? 0 : r;
}

static int step(struct worker *w)
{
	const unsigned int at = (unsigned int)rand_r(&w->seed) % SLOTS;
	const fam_off dest = w->words + at * sizeof(fam_off);
	const fam_off off = *(fam_off *)fam_heap_at(w->heap, dest, 8);
	const struct content *c;
	int r;

	if (!w->known[at] != !off)
		return -EPROTO;
	if (!off) {
		r = put(w, at);
		if (r == -ENOSPC)
			w->known[at] = 0;
		return r == -ENOSPC ? 0 : r;
	}
	c = fam_heap_at(w->heap, off, HEAD);
	if (!is_whole(w->heap, off) || c->seed != w->known[at])
		return -EPROTO;
	if (rand_r(&w->seed) % 4 == 0)
		return resize(w, at);
	w->known[at] = 0;
	return fam_heap_free(w->heap, dest);
}

static void *labour(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; w->result == 0 && i < w->rounds; i++)
		w->result = step(w);
	return NULL;
}

static struct worker *worker_new(struct fam_heap *in, unsigned int number,
				 unsigned int seed, unsigned int rounds)
{
	struct worker *w = calloc(1, sizeof(*w));

	w->heap = in;
	w->words = root + number * SLOTS * sizeof(fam_off);
	w->seed = seed * 100 + number;
	w->rounds = rounds;
	return w;
}

/* --- a judge ------------------------------------------------------------------------- */

static uint64_t found[WORKERS * SLOTS + 1];
static unsigned int founds;

static int note(fam_off off, uint64_t usable, void *arg)
{
	(void)usable;
	(void)arg;
	if (off != root) {
		assert_true(founds < WORKERS * SLOTS);
		found[founds++] = off;
	}
	return 0;
}

static bool was_found(fam_off off)
{
	for (unsigned int i = 0; i < founds; i++) {
		if (found[i] != off)
			continue;
		found[i] = 0; /* nothing is named twice */
		return true;
	}
	return false;
}

/* Each object is named by one word, and each word names a whole object. */
static void assert_exact(void)
{
	unsigned int n = 0;

	founds = 0;
	assert_int_equal(fam_heap_each(heap, note, NULL), 0);
	for (unsigned int i = 0; i < WORKERS * SLOTS; i++) {
		if (!named(i))
			continue;
		assert_true(was_found(named(i)));
		assert_true(is_whole(heap, named(i)));
		n++;
	}
	assert_int_equal(n, founds);
}

/* Nobody keeps anything: all but the root's chunk can be had in one piece. */
static void assert_no_loss(void)
{
	const uint64_t rest = stat_of(heap).space - CHUNK;

	for (unsigned int i = 0; i < WORKERS * SLOTS; i++)
		assert_int_equal(fam_heap_free(heap, word_at(i)), 0);
	assert_int_equal(objects(), 1);
	assert_true(
		await(fam_heap_alloc(heap, word_at(0), rest, 0, NULL) == 0));
	assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
}

static void begin(uint64_t bytes)
{
	heap_make(bytes);
	assert_int_equal(fam_heap_root(heap, WORDS * sizeof(fam_off), &root),
			 0);
}

/* --- threads --------------------------------------------------------------------------- */

static void run_threads(struct fam_heap *const *in, unsigned int openings,
			unsigned int rounds)
{
	struct worker *w[WORKERS];

	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i] = worker_new(in[i % openings], i, 1, rounds);
		assert_int_equal(
			pthread_create(&w[i]->thread, NULL, labour, w[i]), 0);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(w[i]->thread, NULL);
		assert_int_equal(w[i]->result, 0);
		free(w[i]);
	}
	assert_exact();
}

static void test_threads_of_one_opening(void **state)
{
	(void)state;
	begin(12 * MIB);
	run_threads(&heap, 1, 1500);
	assert_no_loss();
}

static void test_threads_of_several_sessions(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *in[3];

	(void)state;
	begin(12 * MIB);
	in[0] = heap;
	in[1] = heap_open(fam, WRITE);
	in[2] = heap_open(other, WRITE);
	run_threads(in, 3, 1500);
	fam_heap_close(in[1]);
	fam_heap_close(in[2]);
	fam_close(other);
	assert_no_loss();
}

/* So little room that calls fail all the time. */
static void test_threads_in_a_heap_that_is_full(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *in[2];

	(void)state;
	begin(1536 * 1024);
	in[0] = heap;
	in[1] = heap_open(other, WRITE);
	run_threads(in, 2, 600);
	fam_heap_close(in[1]);
	fam_close(other);
	assert_no_loss();
}

/* --- processes ----------------------------------------------------------------------------- */

/* Whose words they are: who has them after a death finishes first what was begun. */
static int own_words(struct fam *own, unsigned int number)
{
	struct fam_mutex *mutex = fam_heap_at(
		heap, word_at(WORKERS * SLOTS + number * 8), sizeof(*mutex));
	int r = fam_mutex_lock(own, mutex, -1);

	if (r == -EOWNERDEAD)
		r = fam_heap_recover(heap);
	return r < 0 ? r : fam_mutex_consistent(own, mutex);
}

/* "NUMBER:SEED:ROUNDS"; 0 rounds: until it is killed. */
static int works(struct fam *own, const char *arg)
{
	unsigned int number, seed, rounds;
	struct worker *w;
	int r;

	if (sscanf(arg, "%u:%u:%u", &number, &seed, &rounds) != 3 ||
	    fam_heap_open(own, "heap", WRITE, &heap) < 0 ||
	    fam_heap_root(heap, 0, &root) < 0 || own_words(own, number) < 0)
		return ROLE_END;
	w = worker_new(heap, number, seed, rounds ? rounds : UINT32_MAX);
	for (unsigned int i = 0; i < SLOTS; i++) {
		const fam_off off = named(number * SLOTS + i);

		if (off)
			w->known[i] =
				((struct content *)fam_heap_at(heap, off, HEAD))
					->seed;
	}
	if (ready())
		return ROLE_END;
	labour(w);
	r = -w->result;
	free(w);
	fam_heap_close(heap);
	return r;
}

static void enter_worker(unsigned int i, unsigned int seed, unsigned int rounds)
{
	char arg[64];

	snprintf(arg, sizeof(arg), "%u:%u:%u", i, seed, rounds);
	enter(i, "works", arg);
}

static void test_processes(void **state)
{
	(void)state;
	begin(12 * MIB);
	for (unsigned int i = 0; i < CAST; i++)
		enter_worker(i, 2, 1500);
	for (unsigned int i = 0; i < CAST; i++)
		assert_int_equal(leave(i), 0);
	assert_exact();
	assert_no_loss();
}

static void kill_one(unsigned int i, unsigned int *seed)
{
	const struct timespec a_moment = {
		.tv_nsec = 1000L * (rand_r(seed) % 4000),
	};

	assert_true(is_ready(i));
	nanosleep(&a_moment, NULL);
	die(i);
}

/*
 * Whoever is killed had allocated, and published, each object or not; the others go
 * on; who comes after him finds all that he has left.
 */
static void kill_some(unsigned int rounds)
{
	unsigned int seed = 11;

	begin(12 * MIB);
	for (unsigned int i = 0; i < 2; i++)
		enter_worker(i, 3, 0);
	for (unsigned int round = 0; round < rounds; round++) {
		enter_worker(2, round + 10, 0);
		enter_worker(3, round + 10, 0);
		kill_one(2, &seed);
		kill_one(3, &seed);
	}
	for (unsigned int i = 0; i < 2; i++)
		kill_one(i, &seed);
	/* What they had begun is finished as soon as it is known that they died. */
	for (unsigned int i = 0; i < CAST; i++)
		assert_int_equal(own_words(fam, i), 0);
	assert_exact();
	assert_no_loss();
}

static void test_processes_that_are_killed(void **state)
{
	(void)state;
	kill_some(25);
}

/* Most of them while they wait for the disk. */
static void test_processes_that_are_killed_at_a_disk(void **state)
{
	(void)state;
	kill_some(8);
}

/* Of a transaction that was not committed nothing is left, nor of what it kept. */
static int begins(struct fam *own, const char *arg)
{
	struct fam_tx *tx;
	fam_off off;
	void *copy;

	(void)arg;
	if (fam_heap_open(own, "heap", WRITE, &heap) < 0 ||
	    fam_heap_root(heap, 0, &root) < 0 ||
	    fam_tx_begin(heap, NULL, &tx) < 0)
		return ROLE_END;
	for (uint64_t bytes = 16; bytes < MIB; bytes *= 2) {
		if (fam_tx_alloc(tx, bytes, 0, &off,
				 bytes < 2048 ? &copy : NULL) < 0)
			return ROLE_END;
	}
	return stay();
}

static void test_claims_of_the_dead_are_free(void **state)
{
	(void)state;
	begin(8 * MIB);
	enter(0, "begins", "");
	assert_true(is_ready(0));
	assert_int_equal(fam_heap_alloc(heap, word_at(0),
					stat_of(heap).space - CHUNK, 0, NULL),
			 -ENOSPC);
	die(0);
	assert_no_loss();
	assert_int_equal(stat_of(heap).writers, 0);
}

static int heap_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

static int set_up_at_a_disk(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	return stage_open(base ? base : "/var/tmp", NULL);
}

#define HEAP_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, heap_tear_down)

int main(int argc, char **argv)
{
	const struct role roles[] = {
		{"works", works},
		{"begins", begins},
		{0},
	};
	const struct CMUnitTest tests[] = {
		HEAP_TEST(test_threads_of_one_opening),
		HEAP_TEST(test_threads_of_several_sessions),
		HEAP_TEST(test_threads_in_a_heap_that_is_full),
		HEAP_TEST(test_processes),
		HEAP_TEST(test_processes_that_are_killed),
		cmocka_unit_test_setup_teardown(
			test_processes_that_are_killed_at_a_disk,
			set_up_at_a_disk, heap_tear_down),
		HEAP_TEST(test_claims_of_the_dead_are_free),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
