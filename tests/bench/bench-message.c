// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The round trip of a 64-byte message between two processes: over two channels,
 * over two lines of the same memory (no checks, no queue, no protection against
 * a death), over two pipes and over a Unix socket.
 *
 * usage: bench-message [DIRECTORY]
 *
 * A fabric file is made in DIRECTORY (/dev/shm). Ways take turns, BATCH round
 * trips each; times are of one round trip. In "raw" both sides copy the message
 * into a line, number and all, and look at the number; "raw, 72" has room for 64
 * bytes beside the number, as a channel does, and so takes a second line. 48 bytes
 * fit into one line with the header of a channel. Those that are polled need a CPU
 * for each process.
 *
 * exit status 1: the polled channel's median, or its best round, is above the
 * target against "raw".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "sparse.h"

#define SIZE	   (UINT64_C(64) << 20)
#define AREA	   (UINT64_C(1) << 20)
#define BYTES	   64
#define LESS	   48
#define BATCH	   1000
#define ROUNDS	   301
#define TARGET	   1.2
#define TIMEOUT_MS 60000

/* A message and its number, which is 0 in the other direction. */
struct line {
	_Atomic uint64_t number;
	char rest[BYTES - 8];
	char more[64]; /* "raw, 72" */
};

/* In the fabric: [0] to the child, [1] from it. */
struct area {
	struct line one[2] __attribute__((aligned(4096)));
	struct line two[2] __attribute__((aligned(4096)));
	char channels[6][128 << 10] __attribute__((aligned(4096)));
};

static struct area *area;
static struct fam_channel *to[3], *from[3]; /* polled, not polled, polled */
static int out[2], in[2];		    /* pipes, socket */
static char message[BYTES];

/* --- the ways: send a message, wait for one ------------------------------------- */

static void line_send(struct line *line, uint64_t number)
{
	memcpy(line->rest, message, sizeof(line->rest));
	atomic_store_explicit(&line->number, number, memory_order_release);
}

static void line_receive(struct line *line, uint64_t number)
{
	while (atomic_load_explicit(&line->number, memory_order_acquire) !=
	       number)
		;
	memcpy(message, line->rest, sizeof(line->rest));
}

static void raw_ping(int way, int child, uint64_t number)
{
	(void)way;
	if (!child)
		line_send(&area->one[0], number);
	line_receive(&area->one[!child], number);
	if (child)
		line_send(&area->one[1], number);
}

static void two_send(struct line *line, uint64_t number)
{
	memcpy(line->rest, message, BYTES);
	atomic_store_explicit(&line->number, number, memory_order_release);
}

static void two_receive(struct line *line, uint64_t number)
{
	while (atomic_load_explicit(&line->number, memory_order_acquire) !=
	       number)
		;
	memcpy(message, line->rest, BYTES);
}

static void two_ping(int way, int child, uint64_t number)
{
	(void)way;
	if (!child)
		two_send(&area->two[0], number);
	two_receive(&area->two[!child], number);
	if (child)
		two_send(&area->two[1], number);
}

static void channel_receive(int way, uint64_t wanted)
{
	uint64_t bytes;

	must("receive", fam_channel_receive(from[way], message, BYTES,
					    TIMEOUT_MS, &bytes));
	if (bytes != wanted)
		fail("receive", fam_strerror(-EBADMSG));
}

static void ping(int way, int child, uint64_t bytes)
{
	if (child)
		channel_receive(way, bytes);
	must("send", fam_channel_send(to[way], message, bytes, TIMEOUT_MS));
	if (!child)
		channel_receive(way, bytes);
}

static void channel_ping(int way, int child, uint64_t number)
{
	(void)number;
	ping(way, child, BYTES);
}

static void channel_less(int way, int child, uint64_t number)
{
	(void)number;
	ping(way, child, LESS);
}

static void file_ping(int way, int child, uint64_t number)
{
	(void)number;
	if (child && read(in[way], message, BYTES) != BYTES)
		fail("read", fam_strerror(-errno));
	if (write(out[way], message, BYTES) != BYTES)
		fail("write", fam_strerror(-errno));
	if (!child && read(in[way], message, BYTES) != BYTES)
		fail("read", fam_strerror(-errno));
}

static struct way {
	const char *name;
	void (*ping)(int way, int child, uint64_t number);
	int number;
	double ns[ROUNDS];
} ways[] = {
	{.name = "raw", .ping = raw_ping},
	{.name = "raw, 72", .ping = two_ping},
	{.name = "channel, polled", .ping = channel_ping, .number = 0},
	{.name = "polled, 48", .ping = channel_less, .number = 2},
	{.name = "channel", .ping = channel_ping, .number = 1},
	{.name = "pipes", .ping = file_ping, .number = 0},
	{.name = "Unix socket", .ping = file_ping, .number = 1},
};
enum { RAW, RAW2, POLLED, WAYS = sizeof(ways) / sizeof(ways[0]) };

/* --- both processes ---------------------------------------------------------------- */

static struct fam *open_fabric(const char *path)
{
	struct fam *fam;
	void *memory;

	must("open the fabric", fam_open(&fam, path, 0));
	must("map", fam_map(fam, 0, AREA, &memory));
	area = memory;
	return fam;
}

static void open_channels(struct fam *fam, int child)
{
	for (int i = 0; i < 6; i++) {
		int sends = i % 2 == child;

		must("open a channel",
		     fam_channel_at(
			     fam, area->channels[i], sizeof(area->channels[i]),
			     sends ? FAM_CHANNEL_SEND : FAM_CHANNEL_RECEIVE,
			     sends ? &to[i / 2] : &from[i / 2]));
	}
}

static void run(int child)
{
	uint64_t number = 1;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < WAYS; i++) {
			uint64_t began = time_ns(CLOCK_MONOTONIC);

			for (int n = 0; n < BATCH; n++)
				ways[i].ping(ways[i].number, child, number++);
			ways[i].ns[round] =
				(double)(time_ns(CLOCK_MONOTONIC) - began) /
				BATCH;
		}
	}
}

static int child_main(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_channels(open_fabric(path), 1);
	run(1);
	return 0;
}

/* --- the parent ---------------------------------------------------------------------- */

/* The last thing before the fork: no thread is lost by it. */
static void make_channels(void)
{
	struct fam *fam = open_fabric(made);

	memset(area, 0, sizeof(*area));
	for (int i = 0; i < 6; i++) {
		const struct fam_channel_config config = {
			.bytes = 64 << 10,
			.flags = FAM_CHANNEL_ONE |
				 (i / 2 != 1 ? FAM_CHANNEL_POLLED : 0),
		};

		must("make a channel",
		     fam_channel_make(fam, area->channels[i], &config));
	}
	fam_close(fam);
}

static pid_t start_child(void)
{
	int a[2], b[2], s[2];
	pid_t pid;

	if (pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
		fail("make a pipe", fam_strerror(-errno));
	pid = fork();
	if (pid < 0)
		fail("fork", fam_strerror(-errno));
	out[0] = pid ? a[1] : b[1];
	in[0] = pid ? b[0] : a[0];
	out[1] = in[1] = pid ? s[0] : s[1];
	if (pid == 0)
		_exit(child_main(made));
	return pid;
}

static void report(const struct way *way)
{
	printf("%-16s %10.0f %10.0f %10.0f %8.2f %8.2f\n", way->name,
	       way->ns[0], way->ns[ROUNDS / 2], way->ns[ROUNDS * 99 / 100],
	       way->ns[0] / ways[RAW].ns[0],
	       way->ns[ROUNDS / 2] / ways[RAW].ns[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
	double median;
	int status;
	pid_t pid;

	make_fabric(argc > 1 ? argv[1] : "/dev/shm", SIZE);
	make_channels();
	pid = start_child();
	open_channels(open_fabric(made), 0);
	run(0);
	if (waitpid(pid, &status, 0) < 0 || status)
		fail("run the other process", fam_strerror(-ECHILD));
	for (int i = 0; i < WAYS; i++)
		qsort(ways[i].ns, ROUNDS, sizeof(double), by_value);
	printf("%-16s %10s %10s %10s %8s %8s\n", "way", "min ns", "median ns",
	       "p99 ns", "of min", "of med");
	for (int i = 0; i < WAYS; i++)
		report(&ways[i]);
	median = ways[POLLED].ns[ROUNDS / 2] / ways[RAW].ns[ROUNDS / 2];
	printf("target %.2f\n", TARGET);
	return median > TARGET || ways[POLLED].ns[0] / ways[RAW].ns[0] > TARGET;
}
