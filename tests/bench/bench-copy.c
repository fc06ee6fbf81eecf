// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam_memcpy_persist() in a fabric of durability "guest" beside libpmem's
 * pmem_memcpy_persist() and a plain memcpy(3), which makes nothing survive, on
 * the same memory.
 *
 * usage: bench-copy [FABRIC...]
 *
 * FABRIC is a name for fam_open(); without one, fabric files are made in
 * /dev/shm and /var/tmp. A round copies a batch in each of the ways, forwards
 * and backwards in turn. "again" copies to the same places over and over,
 * "onward" to places not touched for long; "off" is the distance of destination
 * from the start of a cache line. Times are of one copy: the median of all
 * batches, the batch that 99 % do not exceed, and the CPU's time.
 *
 * exit status 1: at 64 bytes, 4 KiB or 2 MiB and offset 0, fam is slower than
 * libpmem by more than the target allows. Meant for a real CPU: to an emulated
 * one the checks of the range, 100 ns, are as much work as to copy 64 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpmem.h>

#include <fam/fam.h>

#include "bench.h"
#include "lib/superblocks.h"

#define AREA	   (UINT64_C(62) << 20)
#define SIZE	   (UINT64_C(64) << 20)
#define LINE	   UINT64_C(64)
#define TARGET	   0.95
#define ROUNDS	   301
#define BATCH_NS   50000 /* a batch lasts about so long, or is one copy */
#define BYTE_NS	   0.06	 /* a guess, for that */
#define COPY_NS	   130.0
#define SOURCE_MAX (UINT64_C(2) << 20)
#define OTHER	   (4 << 20) /* more than the cache of a core holds */

static char other[OTHER];

struct way {
	const char *name;
	void (*copy)(struct fam *fam, void *to, const void *from, size_t len);
	double batch_ns[ROUNDS], cpu_ns;
	size_t next; /* "onward": where it goes on */
};

struct test {
	size_t bytes, off, batch;
	bool onward;
};

static void fail_at(const char *what, const char *name, int r)
{
	fprintf(stderr, "bench-copy: cannot %s '%s': %s\n", what, name,
		fam_strerror(r));
	exit(2);
}

static void copy_fam(struct fam *fam, void *to, const void *from, size_t len)
{
	int r = fam_memcpy_persist(fam, to, from, len);

	if (r < 0)
		fail_at("copy into", "the fabric", r);
}

static void copy_libpmem(struct fam *fam, void *to, const void *from,
			 size_t len)
{
	(void)fam;
	pmem_memcpy_persist(to, from, len);
}

static void copy_plain(struct fam *fam, void *to, const void *from, size_t len)
{
	(void)fam;
	memcpy(to, from, len);
}

enum { FAM, LIBPMEM, PLAIN, WAYS };
static struct way ways[WAYS] = {
	[FAM] = {.name = "fam", .copy = copy_fam},
	[LIBPMEM] = {.name = "libpmem", .copy = copy_libpmem},
	[PLAIN] = {.name = "memcpy", .copy = copy_plain},
};

static size_t stride_of(const struct test *test)
{
	return (test->bytes + test->off + LINE - 1) / LINE * LINE;
}

static void batch(struct fam *fam, char *area, const char *source,
		  const struct test *test, struct way *way)
{
	size_t stride = stride_of(test);
	size_t at = test->onward ? way->next : 0;

	for (size_t i = 0; i < test->batch; i++) {
		if (at + stride > AREA)
			at = 0;
		way->copy(fam, area + at + test->off, source, test->bytes);
		at += stride;
	}
	way->next = at;
}

/* The same state of the caches before each: its own, or that of a stranger. */
static void measure(struct fam *fam, char *area, const char *source,
		    const struct test *test, struct way *way, double *batch_ns)
{
	double cpu, wall;

	if (test->onward)
		memset(other, 3, sizeof(other));
	else
		batch(fam, area, source, test, way);
	cpu = (double)time_ns(CLOCK_THREAD_CPUTIME_ID);
	wall = (double)time_ns(CLOCK_MONOTONIC);
	batch(fam, area, source, test, way);
	*batch_ns =
		((double)time_ns(CLOCK_MONOTONIC) - wall) / (double)test->batch;
	way->cpu_ns += (double)time_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static void report(const struct test *test, const struct way *way, double ratio)
{
	printf("%-8s %8zu %4zu %-6s %12.1f %12.1f %12.1f", way->name,
	       test->bytes, test->off, test->onward ? "onward" : "again",
	       way->batch_ns[ROUNDS / 2], way->batch_ns[ROUNDS * 99 / 100],
	       way->cpu_ns / (double)(test->batch * ROUNDS));
	if (ratio > 0)
		printf(" %6.2f", ratio);
	putchar('\n');
}

/* Returns libpmem's median by fam's: above 1, fam is the faster one. */
static double run(struct fam *fam, char *area, const char *source,
		  const struct test *test)
{
	double ratio;

	for (uint64_t i = 0; i < WAYS; i++) {
		ways[i].cpu_ns = 0;
		/* Far apart, so that none follows close behind another. */
		ways[i].next = AREA / WAYS * i / LINE * LINE;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < WAYS; i++) {
			struct way *way = &ways[round % 2 ? WAYS - 1 - i : i];

			measure(fam, area, source, test, way,
				&way->batch_ns[round]);
		}
	}
	for (int i = 0; i < WAYS; i++)
		qsort(ways[i].batch_ns, ROUNDS, sizeof(double), by_value);
	ratio = ways[LIBPMEM].batch_ns[ROUNDS / 2] /
		ways[FAM].batch_ns[ROUNDS / 2];
	report(test, &ways[FAM], ratio);
	report(test, &ways[LIBPMEM], 0);
	report(test, &ways[PLAIN], 0);
	return ratio;
}

static bool is_judged(const struct test *test)
{
	return test->off == 0 && (test->bytes == 64 || test->bytes == 4096 ||
				  test->bytes == SOURCE_MAX);
}

/* Returns how many of the judged ones miss the target. */
static int run_all(struct fam *fam, char *area, const char *source)
{
	static const size_t sizes[] = {8,   64,	  192,	 256,
				       512, 4096, 65536, SOURCE_MAX};
	int missed = 0;

	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct test test = {
			.bytes = sizes[i / 4],
			.off = i % 2 * 8,
			.onward = i / 2 % 2,
		};
		double ratio, guess = COPY_NS + (double)test.bytes * BYTE_NS;

		test.batch = (size_t)(BATCH_NS / guess) + 1;
		ratio = run(fam, area, source, &test);
		missed += is_judged(&test) && ratio < TARGET;
	}
	return missed;
}

static char made[64]; /* the fabric file to be removed */

static void remove_made(void)
{
	unlink(made);
}

static int bench(const char *name)
{
	struct fam_info info;
	char *source;
	struct fam *fam;
	void *area;
	int r, missed;

	r = fam_open(&fam, name, 0);
	if (r < 0)
		fail_at("open", name, r);
	r = fam_get_info(fam, &info, sizeof(info));
	if (r < 0)
		fail_at("describe", name, r);
	if (info.persist != FAM_PERSIST_DRAIN) {
		fprintf(stderr,
			"bench-copy: '%s' is no fabric of durability guest\n",
			name);
		exit(2);
	}
	r = fam_map(fam, 0, AREA, &area);
	if (r < 0)
		fail_at("map", name, r);
	remove_made(); /* however this ends */
	source = aligned_alloc(4096, SOURCE_MAX);
	if (!source)
		fail_at("copy into", name, -ENOMEM);
	memset(source, 1, SOURCE_MAX);
	memset(area, 2, AREA);
	printf("\n%s, %s\n%-8s %8s %4s %-6s %12s %12s %12s %6s\n", info.path,
	       info.device, "way", "bytes", "off", "places", "median ns",
	       "p99 ns", "cpu ns", "ratio");
	missed = run_all(fam, area, source);
	free(source);
	fam_close(fam);
	return missed;
}

/* A sparse fabric file: its pages come when they are first touched. */
static void make_fabric(const char *path)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {1, 0xfa};
	struct fam_superblock sb;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)SIZE) < 0)
		fail_at("make", path, -errno);
	if (fam_superblock_init(&sb, SIZE, "bench", uuid, 1,
				FAM_DURABILITY_GUEST) < 0 ||
	    superblocks_write(fd, &sb) < 0)
		fail_at("format", path, -EIO);
	close(fd);
}

static int bench_in(const char *dir)
{
	snprintf(made, sizeof(made), "%s/bench-copy-%d.fam", dir, getpid());
	make_fabric(made);
	return bench(made);
}

int main(int argc, char **argv)
{
	int missed = 0;

	atexit(remove_made);
	for (int i = 1; i < argc; i++)
		missed += bench(argv[i]);
	if (argc == 1)
		missed = bench_in("/dev/shm") + bench_in("/var/tmp");
	printf("\n%d of the judged ratios below the target %.2f\n", missed,
	       TARGET);
	return missed ? 1 : 0;
}
