// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * How to make scattered pages of a file durable: the ways that tm-server/sync.c
 * chooses from, beside what it chooses. Idle, then while another process
 * dirties the file; a block of each way, then the next round.
 *
 * usage: bench-sync [DIRECTORY [ROUNDS]]
 *
 * Prints the median and the 99th of 100 in microseconds, and the CPU time of
 * this process; what the kernel's own threads need is not in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "sync.h"
#include "util/clock.h"
#include "util/size.h"

#define FILE_BYTES  (256 * MiB)
#define PAGE	    4096
#define RUNS_MAX    32
#define BLOCK	    10 /* syncs of one way before it is the next one's turn */
#define ROUNDS_MAX  1000
#define HELPERS	    3
#define DIRTY_RATE  100 /* bytes in a microsecond: MB/s */
#define DIRTY_AHEAD (64 * MiB)

static char path[4096];
static int fd = -1;
static char *memory;
static struct syncer *syncer;
static struct fam_range run[RUNS_MAX];
static unsigned int runs;

static void die(const char *what)
{
	fprintf(stderr, "bench-sync: cannot %s: %s\n", what, strerror(errno));
	unlink(path);
	exit(1);
}

static void on_signal(int number)
{
	unlink(path);
	_exit(128 + number);
}

static uint64_t random_page(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % (FILE_BYTES / PAGE) * PAGE;
}

static void sync_one(unsigned int i)
{
	if (msync(memory + run[i].offset, run[i].length, MS_SYNC) < 0)
		die("msync");
}

static void by_server(void)
{
	struct sync_result result;

	errno = -sync_ranges(syncer, run, runs, &result);
	if (errno)
		die("sync");
}

static void by_msync(void)
{
	for (unsigned int i = 0; i < runs; i++)
		sync_one(i);
}

static void by_started(void)
{
	for (unsigned int i = 0; i < runs; i++)
		sync_file_range(fd, (off_t)run[i].offset, (off_t)run[i].length,
				SYNC_FILE_RANGE_WRITE);
	by_msync();
}

static void by_fdatasync(void)
{
	if (fdatasync(fd) < 0)
		die("fdatasync");
}

static sem_t begin, end;
static atomic_uint next;

static void take_runs(void)
{
	unsigned int i;

	while ((i = atomic_fetch_add(&next, 1)) < runs)
		sync_one(i);
}

static void *help(void *arg)
{
	for (;;) {
		while (sem_wait(&begin) < 0)
			continue;
		take_runs();
		sem_post(&end);
	}
	return arg;
}

static void by_threads(void)
{
	unsigned int helpers = runs - 1 < HELPERS ? runs - 1 : HELPERS;

	atomic_store(&next, 0);
	for (unsigned int i = 0; i < helpers; i++)
		sem_post(&begin);
	take_runs();
	for (unsigned int i = 0; i < helpers; i++)
		while (sem_wait(&end) < 0)
			continue;
}

static struct way {
	const char *name;
	void (*sync)(void);
	uint64_t took[ROUNDS_MAX * BLOCK], cpu;
} ways[] = {{.name = "tm-server", .sync = by_server},
	    {.name = "msync each", .sync = by_msync},
	    {.name = "started first", .sync = by_started},
	    {.name = "in threads", .sync = by_threads},
	    {.name = "fdatasync", .sync = by_fdatasync}};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void dirty_pages(void)
{
	for (unsigned int i = 0; i < runs; i++) {
		run[i] = (struct fam_range){random_page(), PAGE};
		memory[run[i].offset]++;
	}
}

static void run_block(struct way *way, unsigned int round)
{
	for (unsigned int i = 0; i < BLOCK; i++) {
		uint64_t cpu, began;
		unsigned int wanted = runs;

		dirty_pages();
		cpu = cpu_ns();
		began = clock_ns();
		way->sync();
		way->took[round * BLOCK + i] = clock_ns() - began;
		way->cpu += cpu_ns() - cpu;
		runs = wanted;
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_way(struct way *way, unsigned int count)
{
	const uint64_t *median = &way->took[count / 2];
	const uint64_t *p99 = &way->took[count * 99 / 100];
	char cell[64];

	qsort(way->took, count, sizeof(way->took[0]), compare);
	snprintf(cell, sizeof(cell), "%.0f %.0f (%.0f)", (double)*median / 1e3,
		 (double)*p99 / 1e3, (double)way->cpu / count / 1e3);
	printf(" %20s", cell);
	way->cpu = 0;
}

static void measure(const char *when, unsigned int rounds)
{
	printf("%-6s", when);
	for (size_t i = 0; i < WAYS; i++)
		printf(" %20s", ways[i].name);
	putchar('\n');
	for (runs = 1; runs <= RUNS_MAX; runs *= 2) {
		for (unsigned int round = 0; round < rounds; round++)
			for (size_t i = 0; i < WAYS; i++)
				run_block(&ways[i], round);
		printf("%6u", runs);
		for (size_t i = 0; i < WAYS; i++)
			print_way(&ways[i], rounds * BLOCK);
		putchar('\n');
		fflush(stdout);
	}
}

/* Written 4 KiB at a time, as by famctl prepare-fabric. */
static void make_file(const char *dir)
{
	static const char zeros[PAGE];
	struct err err;

	snprintf(path, sizeof(path), "%s/fam-bench-sync.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || fallocate(fd, 0, 0, FILE_BYTES) < 0)
		die("make a file");
	for (off_t at = 0; at < (off_t)FILE_BYTES; at += PAGE)
		if (pwrite(fd, zeros, PAGE, at) != PAGE)
			die("write the file");
	memory = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	if (memory == MAP_FAILED || fsync(fd) < 0)
		die("map the file");
	if (sync_open(&syncer, fd, FILE_BYTES, &err) < 0) {
		fprintf(stderr, "bench-sync: %s\n", err.text);
		unlink(path);
		exit(1);
	}
}

/* Another node: random pages, at an even rate. */
static void dirty_for_ever(int ready)
{
	uint64_t began = clock_ns(), bytes = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		uint64_t due = began + bytes * 1000 / DIRTY_RATE;
		struct timespec pause = {0, 100000};

		memory[random_page() + PAGE / 2]++;
		bytes += PAGE;
		if (bytes == DIRTY_AHEAD && write(ready, "r", 1) != 1)
			_exit(1);
		while (clock_ns() < due)
			nanosleep(&pause, NULL);
	}
}

static pid_t start_dirtier(void)
{
	int ready[2];
	char byte;
	pid_t pid = -1;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0)
		dirty_for_ever(ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("dirty the file");
	close(ready[0]);
	return pid;
}

static void start_helpers(void)
{
	sem_init(&begin, 0, 0);
	sem_init(&end, 0, 0);
	for (int i = 0; i < HELPERS; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, help, NULL);
		if (errno)
			die("start a thread");
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 20;
	pid_t dirtier;

	if (argc > 3 || rounds < 1 || rounds > ROUNDS_MAX) {
		fputs("usage: bench-sync [DIRECTORY [ROUNDS]]\n", stderr);
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, on_signal);
	make_file(argc > 1 ? argv[1] : "/var/tmp");
	start_helpers();
	printf("scattered pages made durable: median, p99 us (CPU us)\n");
	measure("idle", rounds);
	dirtier = start_dirtier();
	measure("busy", rounds);
	kill(dirtier, SIGKILL);
	waitpid(dirtier, NULL, 0);
	sync_close(syncer);
	return unlink(path) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
