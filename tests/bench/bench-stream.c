// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A gigabyte from a private buffer of one process to one of another, through a
 * stream, beside two baselines through the same memory, a piece at a time. "raw":
 * two processes copy in and out with memcpy(3) and two counters, without any
 * check: the best that two copies can do, and what the target is about. "memcpy":
 * one process copies each piece in and out again, half of its time; nothing goes
 * from one CPU's cache to the other's there, so no transfer is as quick.
 *
 * usage: bench-stream [DIRECTORY [MIB [ROUNDS]]]
 *
 * A fabric file is made in DIRECTORY (/dev/shm). Ways take turns. Both polled
 * ones need a CPU for each process.
 *
 * exit status 1: neither the best nor the median round of the polled stream
 * reaches 90 % of "raw".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "sparse.h"

#define SIZE	   (UINT64_C(64) << 20)
#define AREA	   (UINT64_C(16) << 20)
#define RING	   (UINT64_C(1) << 20)
#define PIECE	   (UINT64_C(128) << 10)
#define BUFFER	   (UINT64_C(16) << 20) /* private; used over and over */
#define ROUNDS_MAX 1000
#define TARGET	   0.9
#define TIMEOUT_MS 60000

/* In the fabric. */
struct area {
	_Atomic uint64_t head __attribute__((aligned(64)));
	_Atomic uint64_t tail __attribute__((aligned(64)));
	char ring[RING] __attribute__((aligned(4096)));
	char stream[3][RING + 8192] __attribute__((aligned(4096)));
};

static struct area *area;
static char *buffer;
static struct fam_stream *data[2]; /* polled, not polled */
static struct fam_stream *done;	   /* back: all was received */
static uint64_t total = UINT64_C(1) << 30;
static int rounds = 9;

/* --- the ways ------------------------------------------------------------------------- */

static void copy_alone(int way, bool writes)
{
	(void)way;
	for (uint64_t at = 0; writes && at < total; at += PIECE) {
		memcpy(area->ring + at % RING, buffer + at % BUFFER, PIECE);
		memcpy(buffer + at % BUFFER, area->ring + at % RING, PIECE);
	}
}

static void wait_raw(_Atomic uint64_t *word, uint64_t least)
{
	while (atomic_load_explicit(word, memory_order_acquire) < least)
		;
}

/* Counts on from round to round. */
static void copy_raw(int way, bool writes)
{
	static uint64_t at;
	uint64_t end = at + total;

	(void)way;
	for (; at < end; at += PIECE) {
		char *piece = area->ring + at % RING;

		if (writes) {
			wait_raw(&area->tail,
				 at < RING ? 0 : at - RING + PIECE);
			memcpy(piece, buffer + at % BUFFER, PIECE);
			atomic_store_explicit(&area->head, at + PIECE,
					      memory_order_release);
		} else {
			wait_raw(&area->head, at + PIECE);
			memcpy(buffer + at % BUFFER, piece, PIECE);
			atomic_store_explicit(&area->tail, at + PIECE,
					      memory_order_release);
		}
	}
}

static void copy_stream(int way, bool writes)
{
	size_t n;

	for (uint64_t at = 0; at < total; at += BUFFER) {
		if (writes)
			must("write", fam_stream_write(data[way], buffer,
						       BUFFER, TIMEOUT_MS, &n));
		else
			must("read",
			     fam_stream_read_all(data[way], buffer, BUFFER,
						 TIMEOUT_MS, &n));
	}
}

static struct way {
	const char *name;
	void (*copy)(int way, bool writes);
	int number;
	double copies; /* of all bytes, one after the other */
	double s[ROUNDS_MAX];
} ways[] = {
	{.name = "memcpy", .copy = copy_alone, .copies = 2},
	{.name = "raw", .copy = copy_raw, .copies = 1},
	{.name = "stream, polled", .copy = copy_stream, 0, .copies = 1},
	{.name = "stream", .copy = copy_stream, 1, .copies = 1},
};
enum { MEMCPY, RAW, POLLED, STREAM, WAYS };

/* --- both processes --------------------------------------------------------------------- */

static struct fam *open_fabric(const char *path)
{
	struct fam *fam;
	void *memory;

	must("open the fabric", fam_open(&fam, path, 0));
	must("map", fam_map(fam, 0, AREA, &memory));
	area = memory;
	return fam;
}

static struct fam_stream *open_end(struct fam *fam, int i, bool writes)
{
	struct fam_stream *end;

	must("open a stream",
	     fam_stream_at(fam, area->stream[i], sizeof(area->stream[i]),
			   writes ? FAM_STREAM_WRITE : FAM_STREAM_READ, &end));
	return end;
}

static void prepare(const char *path, bool writes)
{
	struct fam *fam = open_fabric(path);

	for (int i = 0; i < 2; i++)
		data[i] = open_end(fam, i, writes);
	done = open_end(fam, 2, !writes);
	buffer = aligned_alloc(4096, BUFFER + 4096);
	if (!buffer)
		fail("have a buffer", fam_strerror(-ENOMEM));
	memset(buffer, writes, BUFFER);
}

static void run(bool writes)
{
	size_t n;
	char c = 0;

	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < WAYS; i++) {
			uint64_t began = time_ns(CLOCK_MONOTONIC);

			ways[i].copy(ways[i].number, writes);
			if (writes)
				must("hear of the end",
				     fam_stream_read(done, &c, 1, TIMEOUT_MS,
						     &n));
			else
				must("tell of the end",
				     fam_stream_write(done, &c, 1, TIMEOUT_MS,
						      &n));
			ways[i].s[round] =
				(double)(time_ns(CLOCK_MONOTONIC) - began) /
				1e9 / ways[i].copies;
		}
	}
}

static int child_main(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare(path, false);
	run(false);
	return buffer[0] == 1 && buffer[BUFFER - 1] == 1 ? 0 : 1;
}

/* --- the parent ---------------------------------------------------------------------------- */

/* The last thing before the fork: no thread is lost by it. */
static void make_streams(void)
{
	struct fam *fam = open_fabric(made);

	memset(area, 0, sizeof(*area));
	for (int i = 0; i < 3; i++) {
		const struct fam_stream_config config = {
			.bytes = RING,
			.flags = i == 1 ? 0 : FAM_STREAM_POLLED,
		};

		must("make a stream",
		     fam_stream_make(fam, area->stream[i], &config));
	}
	fam_close(fam);
}

static double rate(double s)
{
	return (double)total / s / 1e9;
}

static void report(const struct way *way)
{
	const double *base = ways[RAW].s;

	printf("%-16s %10.2f %10.2f %10.2f %10.2f\n", way->name,
	       rate(way->s[0]), rate(way->s[rounds / 2]), base[0] / way->s[0],
	       base[rounds / 2] / way->s[rounds / 2]);
}

int main(int argc, char **argv)
{
	const double *polled = ways[POLLED].s, *base = ways[RAW].s;
	int status;
	pid_t pid;

	if (argc > 2)
		total = strtoull(argv[2], NULL, 10) / 16 * BUFFER;
	if (argc > 3)
		rounds = atoi(argv[3]);
	if (!total || rounds < 1 || rounds > ROUNDS_MAX)
		fail("do so much", fam_strerror(-EINVAL));
	make_fabric(argc > 1 ? argv[1] : "/dev/shm", SIZE);
	make_streams();
	pid = fork();
	if (pid == 0)
		_exit(child_main(made));
	prepare(made, true);
	run(true);
	if (waitpid(pid, &status, 0) < 0 || status)
		fail("run the other process", fam_strerror(-ECHILD));
	for (int i = 0; i < WAYS; i++)
		qsort(ways[i].s, (size_t)rounds, sizeof(double), by_value);
	printf("%-16s %10s %10s %10s %10s\n", "way", "best GB/s", "median GB/s",
	       "of best", "of median");
	for (int i = 0; i < WAYS; i++)
		report(&ways[i]);
	printf("target %.2f\n", TARGET);
	return base[0] / polled[0] < TARGET &&
	       base[rounds / 2] / polled[rounds / 2] < TARGET;
}
