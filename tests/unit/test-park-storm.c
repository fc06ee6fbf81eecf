// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings of threads in several processes pass on a turn, each wake-up being
 * needed, while processes are killed and begun anew. Linked with
 * --wrap=fam_futex_wait: nobody looks by himself, so that a ring stands still
 * for good where one wake-up is lost. PARK_STORM is how many there are to be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/wait.h>

#include "fabric-file.h"
#include "fam-park.h"
#include "member.h"
#include "sync/park-futex.h"

#define PROCESSES 4
#define RINGS	  3
#define PASSES	  40000
#define KILLS	  12
#define LONG_NS	  INT64_C(900000000)

/* Dijkstra's ring: all that is known stands here, so anybody may die. */
static struct board {
	_Atomic uint64_t stop;
	struct {
		uint64_t state[PROCESSES];
	} ring[RINGS];
	uint64_t baton; /* one word for all of them */
} * board;

int __real_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared);
int __wrap_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared);

int __wrap_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared)
{
	int r = 0;

	(void)ns;
	while (r == 0 && fam_word_get(at) == value)
		r = __real_fam_futex_wait(at, value, LONG_NS, shared);
	return r;
}

static uint64_t get(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void put(struct fam *fam, uint64_t *word, uint64_t value,
		unsigned int count)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	fam_word_wake(fam, word, count);
}

/* --- one of the processes ------------------------------------------------------ */

struct runner {
	pthread_t thread;
	struct fam *fam;
	unsigned int ring, place;
};

static void run_ring(const struct runner *r)
{
	uint64_t *state = board->ring[r->ring].state;
	unsigned int before = (r->place + PROCESSES - 1) % PROCESSES;
	bool first = r->place == 0;

	while (!board->stop) {
		uint64_t other = get(&state[before]);
		uint64_t own = get(&state[r->place]);

		if ((other == own) == first)
			put(r->fam, &state[r->place], first ? own + 1 : other,
			    1);
		else
			fam_word_wait(r->fam, &state[before], other, -1);
	}
}

static void run_baton(const struct runner *r)
{
	while (!board->stop) {
		uint64_t now = get(&board->baton);

		if (now % PROCESSES == r->place)
			put(r->fam, &board->baton, now + 1, UINT32_MAX);
		else
			fam_word_wait(r->fam, &board->baton, now, -1);
	}
}

static void *run(void *arg)
{
	const struct runner *r = arg;

	if (r->ring < RINGS)
		run_ring(r);
	else
		run_baton(r);
	return NULL;
}

static int map_board(struct fam **fam, const char *path)
{
	void *data;
	int r = fam_open(fam, path, 0);

	if (r == 0)
		r = fam_map(*fam, 0, sizeof(*board), &data);
	if (r == 0)
		board = data;
	return r;
}

/* "storm PATH PLACE SPINS" */
static int storm_main(char **argv)
{
	struct runner runner[RINGS + 1];
	struct fam *fam;

	if (map_board(&fam, argv[2]) < 0)
		return 1;
	/* Who spins seldom sleeps. */
	fam->parked->spins = *argv[4] == '1';
	for (unsigned int i = 0; i <= RINGS; i++) {
		runner[i] =
			(struct runner){.fam = fam,
					.ring = i,
					.place = (unsigned int)atoi(argv[3])};
		if (pthread_create(&runner[i].thread, NULL, run, &runner[i]))
			return 1;
	}
	for (unsigned int i = 0; i <= RINGS; i++)
		pthread_join(runner[i].thread, NULL);
	fam_close(fam);
	return 0;
}

/* --- the test ------------------------------------------------------------------- */

static struct workdir work;
static const char *path;
static struct fam *fam;
static pid_t pid[PROCESSES];

static int set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "storm", 1, NULL));
	return map_board(&fam, path);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		if (pid[i]) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	}
	fam_close(fam);
	free((char *)path);
	return workdir_remove(&work);
}

static void start(unsigned int place, bool spins)
{
	char number[16];
	char *argv[] = {"storm", "storm",	    (char *)path,
			number,	 spins ? "1" : "0", NULL};

	snprintf(number, sizeof(number), "%u", place);
	assert_int_equal(posix_spawn(&pid[place], "/proc/self/exe", NULL, NULL,
				     argv, environ),
			 0);
}

/* How often each ring was passed on. */
static uint64_t passes(unsigned int ring)
{
	return ring < RINGS ? get(&board->ring[ring].state[0]) * PROCESSES
			    : get(&board->baton);
}

/* All rings move, until they have come so far. */
static void await_all(uint64_t count)
{
	for (unsigned int i = 0; i <= RINGS; i++) {
		uint64_t last = UINT64_MAX;

		while (passes(i) < count) {
			assert_int_not_equal(passes(i), last);
			last = passes(i);
			assert_true(await(passes(i) != last));
		}
	}
}

static void no_wake_up_is_lost_whoever_dies(void **state)
{
	const char *wanted = getenv("PARK_STORM");
	uint64_t count = wanted ? strtoull(wanted, NULL, 10) : PASSES;
	unsigned int seed = (unsigned int)fam_now_ns();
	int kills = (int)(KILLS * (1 + count / PASSES / 4));

	(void)state;
	print_message("seed %u\n", seed);
	for (unsigned int i = 0; i < PROCESSES; i++)
		start(i, i % 2);
	for (int i = 1; i <= kills; i++) {
		unsigned int who = (unsigned int)rand_r(&seed) % PROCESSES;

		await_all(count / (RINGS + 1) * (uint64_t)i / (uint64_t)kills);
		kill(pid[who], SIGKILL);
		waitpid(pid[who], NULL, 0);
		start(who, rand_r(&seed) % 2);
	}
	await_all(count / (RINGS + 1));
}

/* Again and again: one may have looked at `stop` before, and wait behind it. */
static void shake(void)
{
	for (unsigned int i = 0; i < RINGS; i++) {
		for (unsigned int j = 0; j < PROCESSES; j++) {
			uint64_t *state = &board->ring[i].state[j];

			put(fam, state, get(state) + 1000, UINT32_MAX);
		}
	}
	put(fam, &board->baton, get(&board->baton) + 1000, UINT32_MAX);
}

static bool is_left(unsigned int place)
{
	return fam_word_get(&fam->parked->table->place[place / 64][place % 64]
				     .word) == 0;
}

static void all_end_and_leave_nothing(void **state)
{
	(void)state;
	board->stop = 1;
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_true(await(
			(shake(), waitpid(pid[i], &status, WNOHANG) != 0)));
		pid[i] = 0;
		assert_int_equal(status, 0);
	}
	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++)
		assert_true(await(is_left(i)));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost_whoever_dies),
		cmocka_unit_test(all_end_and_leave_nothing),
	};

	if (argc == 5 && strcmp(argv[1], "storm") == 0)
		return storm_main(argv);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
