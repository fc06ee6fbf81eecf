// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Parties in nodes and on the host count in the same words of a fabric.
 *
 * usage: fam-adders FABRIC check		are atomics atomic here?
 *	fam-adders FABRIC reset			begin anew
 *	fam-adders FABRIC join PARTIES COUNT	when all are there, count COUNT times
 *	fam-adders FABRIC sums PARTIES COUNT	when all are done: nothing lost?
 *
 * FABRIC may be "". Exit status: 0 yes or done; 1 no, or something was lost; 2
 * anything else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fam/atomic.h>
#include <fam/fam.h>

#define PATIENCE 120 /* seconds until the others must have come, or be done */
#define LINE	 __attribute__((aligned(64)))

struct board {
	uint64_t arrived LINE, done;
	uint64_t add LINE;
	uint64_t cas LINE;
	uint32_t word LINE;
	struct fam_u128 pair LINE; /* hi: 3 for each one in lo */
};

static int give_up(const char *what, int error)
{
	fprintf(stderr, "fam-adders: %s: %s\n", what, fam_strerror(error));
	return 2;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool wait_for(const uint64_t *word, uint64_t value)
{
	const struct timespec moment = {.tv_nsec = 500000};
	double deadline = seconds() + PATIENCE;

	while (fam_atomic64_load(word, FAM_ORDER_ACQUIRE) < value) {
		if (seconds() > deadline)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

static void count_once(struct board *b)
{
	uint64_t old = fam_atomic64_load(&b->cas, FAM_ORDER_RELAXED);
	struct fam_u128 pair = fam_atomic128_load(&b->pair, FAM_ORDER_RELAXED);

	fam_atomic64_fetch_add(&b->add, 1, FAM_ORDER_RELAXED);
	while (!fam_atomic64_cas(&b->cas, &old, old + 1, FAM_ORDER_RELAXED))
		;
	fam_atomic32_fetch_add(&b->word, 1, FAM_ORDER_RELAXED);
	while (!fam_atomic128_cas(&b->pair, &pair,
				  fam_u128_make(pair.lo + 1, pair.hi + 3),
				  FAM_ORDER_RELAXED))
		;
}

static int join(struct board *b, uint64_t parties, uint64_t count)
{
	double start;

	fam_atomic64_fetch_add(&b->arrived, 1, FAM_ORDER_ACQ_REL);
	if (!wait_for(&b->arrived, parties))
		return give_up("the others did not come", -ETIMEDOUT);
	start = seconds();
	for (uint64_t i = 0; i < count; i++)
		count_once(b);
	printf("%" PRIu64 " times in %.2f s\n", count, seconds() - start);
	fam_atomic64_fetch_add(&b->done, 1, FAM_ORDER_RELEASE);
	return 0;
}

static bool is(const char *what, uint64_t got, uint64_t want)
{
	printf("%s: %" PRIu64 " of %" PRIu64 ", lost %" PRId64 "\n", what, got,
	       want, (int64_t)(want - got));
	return got == want;
}

static int sums(struct board *b, uint64_t parties, uint64_t count)
{
	uint64_t want = parties * count;
	struct fam_u128 pair;
	bool fine;

	if (!wait_for(&b->done, parties))
		return give_up("the others did not finish", -ETIMEDOUT);
	pair = fam_atomic128_load(&b->pair, FAM_ORDER_SEQ_CST);
	fine = is("64 bits, add", b->add, want);
	fine &= is("64 bits, cas", b->cas, want);
	fine &= is("32 bits, add", b->word, (uint32_t)want);
	fine &= is("128 bits, low", pair.lo, want);
	fine &= is("128 bits, high", pair.hi, 3 * want);
	return !fine;
}

static int check(struct fam *fam)
{
	char why[FAM_ATOMIC_WHY];
	int r = fam_atomic_check(fam, why);

	printf("%s: %s\n", r ? strerrorname_np(-r) : "yes", why);
	return r != 0;
}

static int run(struct fam *fam, int argc, char **argv)
{
	uint64_t parties = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t count = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	void *window;
	int r;

	if (strcmp(argv[2], "check") == 0)
		return check(fam);
	r = fam_map(fam, 0, sizeof(struct board), &window);
	if (r < 0)
		return give_up("map", r);
	if (strcmp(argv[2], "reset") == 0) {
		memset(window, 0, sizeof(struct board));
		return 0;
	}
	if (strcmp(argv[2], "join") == 0)
		return join(window, parties, count);
	return strcmp(argv[2], "sums") == 0 ? sums(window, parties, count) : 2;
}

int main(int argc, char **argv)
{
	struct fam *fam;
	int r;

	if (argc < 3)
		return 2;
	r = fam_open(&fam, argv[1], 0);
	if (r < 0)
		return give_up("open", r);
	r = run(fam, argc, argv);
	fam_close(fam);
	return r;
}
