// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Parties in nodes and on the host that wait in words of one fabric.
 *
 * usage: fam-parkers FABRIC reset		begin anew
 *	fam-parkers FABRIC echo			answer until told to end
 *	fam-parkers FABRIC ping COUNT PAUSE	ask COUNT times, PAUSE us apart
 *	fam-parkers FABRIC end			have the answering one end
 *	fam-parkers FABRIC pair COUNT PAUSE	the same with a thread of its own
 *	fam-parkers FABRIC idle MS		wait for what never happens
 *	fam-parkers FABRIC relay ME ALL COUNT	hand a baton round, COUNT times
 *
 * FABRIC may be "". Times are in microseconds, CPU in thousandths of the time
 * that passed. Who was not told in time found out by a look of its own: "late".
 * Exit status: 0 done; 1 a wait took too long; 2 anything else.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fam/atomic.h>
#include <fam/fam.h>
#include <fam/wait.h>

#define PATIENCE_MS 120000
#define LATE_NS	    INT64_C(150000000)
#define COUNT_MAX   1000000
#define END	    UINT64_MAX

struct board {
	uint64_t ask, answer;
	uint64_t never;
	uint64_t baton;
};

static int give_up(const char *what, int error)
{
	fprintf(stderr, "fam-parkers: %s: %s\n", what, fam_strerror(error));
	return 2;
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t get(const uint64_t *word)
{
	return fam_atomic64_load(word, FAM_ORDER_ACQUIRE);
}

static void put(struct fam *fam, uint64_t *word, uint64_t value)
{
	fam_atomic64_store(word, value, FAM_ORDER_RELEASE);
	fam_word_wake(fam, word, 1);
}

/* Where a machine is very busy, others take who stands still for dead. */
static int go_on(struct fam *fam)
{
	struct fam_session_event event = {0};

	while (fam_session_event(fam, &event) == 0 &&
	       event.change != FAM_SESSION_LOST)
		;
	fprintf(stderr, "fam-parkers: lost its session, reason %d\n",
		(int)event.reason);
	return fam_session_rejoin(fam);
}

/* Until it is something else. 0; -ETIMEDOUT: it did not for very long */
static int wait_until_not(struct fam *fam, const uint64_t *word, uint64_t value)
{
	int r = 0;

	while (r == 0 && get(word) == value) {
		r = fam_word_wait(fam, word, value, PATIENCE_MS);
		if (r == -ESTALE)
			r = go_on(fam);
	}
	return r;
}

/* --- figures -------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double us(int64_t ns)
{
	return (double)ns / 1e3;
}

static void print_times(int64_t *ns, unsigned long count)
{
	unsigned long late = 0, last = count - 1;

	for (unsigned long i = 0; i < count; i++)
		late += ns[i] > LATE_NS;
	qsort(ns, count, sizeof(*ns), compare);
	printf("rounds %lu min %.1f median %.1f p99 %.1f max %.1f late %lu\n",
	       count, us(ns[0]), us(ns[last / 2]), us(ns[last - count / 100]),
	       us(ns[last]), late);
}

static void print_cpu(int64_t cpu, int64_t passed)
{
	printf("cpu %.1f\n", (double)cpu * 1000 / (double)passed);
}

/* --- commands --------------------------------------------------------------------- */

static int reset(struct board *board)
{
	memset(board, 0, sizeof(*board));
	return 0;
}

static int echo(struct fam *fam, struct board *board)
{
	uint64_t seen = 0;
	int r;

	for (;;) {
		r = wait_until_not(fam, &board->ask, seen);
		if (r < 0)
			return give_up("nobody asks", r);
		seen = get(&board->ask);
		if (seen == END)
			return 0;
		put(fam, &board->answer, seen);
	}
}

static void pause_for(unsigned long usec)
{
	const struct timespec t = {.tv_sec = (time_t)(usec / 1000000),
				   .tv_nsec = (long)(usec % 1000000) * 1000};

	if (usec)
		nanosleep(&t, NULL);
}

static int ping(struct fam *fam, struct board *board, unsigned long count,
		unsigned long usec)
{
	int64_t *ns = calloc(count, sizeof(*ns));
	uint64_t first = get(&board->answer);
	int r = ns ? 0 : -ENOMEM;

	for (unsigned long i = 0; i < count && r == 0; i++) {
		uint64_t last = get(&board->answer);
		int64_t began;

		pause_for(usec);
		began = read_clock(CLOCK_MONOTONIC);
		put(fam, &board->ask, first + i + 1);
		r = wait_until_not(fam, &board->answer, last);
		ns[i] = read_clock(CLOCK_MONOTONIC) - began;
	}
	if (r == 0)
		print_times(ns, count);
	free(ns);
	return r < 0 ? give_up("nobody answers", r) : 0;
}

struct answerer {
	struct fam *fam;
	struct board *board;
};

static void *echo_in_thread(void *arg)
{
	struct answerer *a = arg;

	echo(a->fam, a->board);
	return NULL;
}

static int pair(struct fam *fam, struct board *board, unsigned long count,
		unsigned long usec)
{
	struct answerer a = {fam, board};
	pthread_t thread;
	int r;

	reset(board);
	r = pthread_create(&thread, NULL, echo_in_thread, &a);
	if (r > 0)
		return give_up("no thread", -r);
	r = ping(fam, board, count, usec);
	put(fam, &board->ask, END);
	pthread_join(thread, NULL);
	return r;
}

static int idle(struct fam *fam, struct board *board, int ms)
{
	int64_t began = read_clock(CLOCK_MONOTONIC);
	int64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	int64_t until = began + ms * INT64_C(1000000);
	int r = 0;

	/* Others come and go meanwhile: whose end wakes all who wait. */
	while ((r == 0 || r == -ETIMEDOUT) &&
	       read_clock(CLOCK_MONOTONIC) < until)
		r = fam_word_wait(
			fam, &board->never, 0,
			(int)((until - read_clock(CLOCK_MONOTONIC)) / 1000000));
	if (r != -ETIMEDOUT && r < 0)
		return give_up("no wait", r);
	print_cpu(read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu,
		  read_clock(CLOCK_MONOTONIC) - began);
	return 0;
}

/*
 * The baton is a count; whose turn it is tells its remainder. Each wakes all,
 * since he does not know where the one sleeps that is meant.
 */
static int relay(struct fam *fam, struct board *board, uint64_t me,
		 uint64_t all, uint64_t count)
{
	uint64_t late = 0, now;
	int r = 0;

	while (r == 0 && (now = get(&board->baton)) < count * all) {
		int64_t began = read_clock(CLOCK_MONOTONIC);

		if (now % all == me) {
			fam_atomic64_store(&board->baton, now + 1,
					   FAM_ORDER_RELEASE);
			fam_word_wake(fam, &board->baton, UINT32_MAX);
			continue;
		}
		r = wait_until_not(fam, &board->baton, now);
		late += read_clock(CLOCK_MONOTONIC) - began > LATE_NS;
	}
	if (r < 0)
		return give_up("the baton is lost", r);
	printf("late %" PRIu64 "\n", late);
	return 0;
}

/* --- the command line --------------------------------------------------------------- */

static unsigned long number(char **argv, int argc, int i)
{
	return i < argc ? strtoul(argv[i], NULL, 10) : 0;
}

static int obey(struct fam *fam, struct board *board, int argc, char **argv)
{
	const char *what = argv[2];
	unsigned long a = number(argv, argc, 3), b = number(argv, argc, 4),
		      c = number(argv, argc, 5);

	if (strcmp(what, "reset") == 0)
		return reset(board);
	if (strcmp(what, "echo") == 0)
		return echo(fam, board);
	if (strcmp(what, "end") == 0) {
		put(fam, &board->ask, END);
		return 0;
	}
	if (strcmp(what, "ping") == 0 && a && a <= COUNT_MAX)
		return ping(fam, board, a, b);
	if (strcmp(what, "pair") == 0 && a && a <= COUNT_MAX)
		return pair(fam, board, a, b);
	if (strcmp(what, "idle") == 0 && a)
		return idle(fam, board, (int)a);
	if (strcmp(what, "relay") == 0 && b && c)
		return relay(fam, board, a, b, c);
	fprintf(stderr, "fam-parkers: cannot do '%s'\n", what);
	return 2;
}

int main(int argc, char **argv)
{
	struct fam *fam;
	void *data;
	int r;

	if (argc < 3)
		return give_up("usage", -EINVAL);
	r = fam_open(&fam, *argv[1] ? argv[1] : NULL, 0);
	if (r < 0)
		return give_up("cannot attach", r);
	r = fam_map(fam, 0, sizeof(struct board), &data);
	if (r < 0)
		return give_up("cannot map", r);
	r = obey(fam, data, argc, argv);
	fam_close(fam);
	return r;
}
