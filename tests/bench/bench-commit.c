// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * How long a durable commit takes, by several ways in turn: a round does COUNT
 * commits by each way, then the next round. For nodes and for the host.
 *
 *	bench-commit ROUNDS COUNT WAY:BYTES:PATH...
 *
 *	fam	store into the fabric PATH ("" the only one), fam_persist()
 *	file	pwrite() to the file PATH, fdatasync()
 *	dsync	pwrite() of aligned 4 KiB to the device PATH, O_DIRECT, O_DSYNC
 *	map	store into the mapped file PATH, fdatasync()
 *
 * Each commit goes to another page of the first MiB. Prints a line for each way
 * and round: "WAY BYTES CPU_US LATENCY...", CPU time of this process in a commit
 * and all latencies in tenths of a microsecond; at last "clock SECONDS", what
 * this machine's clock counted meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "bench.h"

#define AREA   (UINT64_C(1) << 20)
#define PAGE   4096
#define WAYS   8
#define COUNTS 100000

struct way {
	const char *name, *path;
	size_t bytes;
	int (*commit)(struct way *way, uint64_t offset);
	struct fam *fam;
	char *memory; /* the first AREA bytes, or a page to write from */
	int fd;
};

static void fail_at(const char *what, const char *path, const char *cause)
{
	fprintf(stderr, "bench-commit: cannot %s '%s': %s\n", what, path,
		cause);
	exit(1);
}

/* Another content each time, so that nothing can be left out. */
static void fill(char *to, size_t bytes)
{
	static int byte;

	memset(to, ++byte & 0x7f, bytes);
}

static int commit_fam(struct way *w, uint64_t offset)
{
	fill(w->memory + offset, w->bytes);
	return fam_persist(w->fam, w->memory + offset, w->bytes);
}

static int commit_map(struct way *w, uint64_t offset)
{
	fill(w->memory + offset, w->bytes);
	return fdatasync(w->fd) < 0 ? -errno : 0;
}

static int commit_file(struct way *w, uint64_t offset)
{
	fill(w->memory, w->bytes);
	if (pwrite(w->fd, w->memory, w->bytes, (off_t)offset) < 0 ||
	    fdatasync(w->fd) < 0)
		return -errno;
	return 0;
}

static int commit_dsync(struct way *w, uint64_t offset)
{
	fill(w->memory, PAGE);
	return pwrite(w->fd, w->memory, PAGE, (off_t)offset) < 0 ? -errno : 0;
}

static void open_fam(struct way *w)
{
	int r = fam_open(&w->fam, w->path, 0);

	if (r == 0)
		r = fam_map(w->fam, 0, AREA, (void **)&w->memory);
	if (r < 0)
		fail_at("open fabric", w->path, fam_strerror(r));
}

static void open_fd(struct way *w, int flags)
{
	w->fd = open(w->path, O_RDWR | O_CLOEXEC | flags);
	if (w->fd < 0)
		fail_at("open", w->path, strerror(errno));
}

static void open_way(struct way *w)
{
	if (strcmp(w->name, "fam") == 0) {
		w->commit = commit_fam;
		open_fam(w);
		return;
	}
	w->commit = strcmp(w->name, "file") == 0    ? commit_file
		    : strcmp(w->name, "dsync") == 0 ? commit_dsync
		    : strcmp(w->name, "map") == 0   ? commit_map
						    : NULL;
	if (!w->commit)
		fail_at("commit by", w->name, "no such way");
	open_fd(w, w->commit == commit_dsync ? O_DIRECT | O_DSYNC : 0);
	w->memory = w->commit == commit_map
			    ? mmap(NULL, AREA, PROT_READ | PROT_WRITE,
				   MAP_SHARED, w->fd, 0)
			    : aligned_alloc(PAGE, PAGE);
	if (!w->memory || w->memory == MAP_FAILED)
		fail_at("map", w->path, strerror(errno));
}

/* "WAY:BYTES:PATH" */
static void parse_way(char *text, struct way *w)
{
	char *bytes = strchr(text, ':');
	char *path = bytes ? strchr(bytes + 1, ':') : NULL;

	if (!path)
		fail_at("read", text, "not WAY:BYTES:PATH");
	*bytes++ = *path++ = '\0';
	w->name = text;
	w->path = path;
	w->bytes = strtoul(bytes, NULL, 10);
	if (w->bytes == 0 || w->bytes > PAGE)
		fail_at("commit", bytes, "1 to 4096 bytes");
	open_way(w);
}

static void run_round(struct way *w, unsigned int count, uint32_t *tenths)
{
	uint64_t cpu = cpu_ns();

	for (unsigned int i = 0; i < count; i++) {
		uint64_t offset = (uint64_t)i * 7 % (AREA / PAGE) * PAGE;
		uint64_t began = time_ns(CLOCK_MONOTONIC);
		int r = w->commit(w, offset);

		if (r < 0)
			fail_at("commit to", w->path, fam_strerror(r));
		tenths[i] =
			(uint32_t)((time_ns(CLOCK_MONOTONIC) - began) / 100);
	}
	cpu = cpu_ns() - cpu;
	printf("%s %zu %.1f", w->name, w->bytes, (double)cpu / count / 1000);
	for (unsigned int i = 0; i < count; i++)
		printf(" %" PRIu32, tenths[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static uint32_t tenths[COUNTS];
	static struct way ways[WAYS];
	uint64_t began;
	int rounds, count, n = argc - 3;

	if (n < 1 || n > WAYS || (rounds = atoi(argv[1])) < 1 ||
	    (count = atoi(argv[2])) < 1 || count > COUNTS) {
		fputs("usage: bench-commit ROUNDS COUNT WAY:BYTES:PATH...\n",
		      stderr);
		return 2;
	}
	for (int i = 0; i < n; i++)
		parse_way(argv[3 + i], &ways[i]);
	began = time_ns(CLOCK_MONOTONIC);
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < n; i++)
			run_round(&ways[i], (unsigned int)count, tenths);
	printf("clock %.6f\n",
	       (double)(time_ns(CLOCK_MONOTONIC) - began) / 1e9);
	for (int i = 0; i < n; i++)
		fam_close(ways[i].fam);
	return fflush(stdout) == 0 ? 0 : 1;
}
