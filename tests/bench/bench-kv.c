// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Puts into a hash map in a fabric, each durable when it returns: how many a second
 * 1, 2, 4 and 8 processes get done, of the map alone, and with a record of an append
 * log in the same transaction; beside plain commits of the host, one at a time.
 *
 *	bench-kv [DIR [ROUNDS]]
 *
 * All kinds take turns in each round. Needs 128 MiB in DIR (/var/tmp). Figures: puts
 * a second, the median of the rounds, the lowest and the highest; time of a put,
 * median and 99th percentile of all; CPU time of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/region.h>
#include <fam/tx.h>

#include "bench.h"
#include "lib/superblocks.h"
#include "util/clock.h"

#define MIB	    (UINT64_C(1) << 20)
#define FABRIC	    (128 * MIB)
#define HEAP	    (64 * MIB)
#define KEYS	    20000
#define VALUE	    100
#define LOG_KEPT    10000
#define TURN_NS	    UINT64_C(1000000000)
#define SAMPLES	    (1u << 17)
#define WRITERS_MAX 8
#define ROUNDS_MAX  31

enum deed { PLAIN, PUT, PUT_LOG };

static const struct kind {
	const char *name;
	enum deed deed;
	unsigned int writers;
} kinds[] = {
	{"plain 4 KiB + fdatasync", PLAIN, 1},
	{"put, 1 writer", PUT, 1},
	{"put, 2 writers", PUT, 2},
	{"put, 4 writers", PUT, 4},
	{"put, 8 writers", PUT, 8},
	{"put and log, 1 writer", PUT_LOG, 1},
	{"put and log, 2 writers", PUT_LOG, 2},
	{"put and log, 4 writers", PUT_LOG, 4},
	{"put and log, 8 writers", PUT_LOG, 8},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct turn {
	_Atomic unsigned int ready;
	_Atomic bool go;
	_Atomic uint32_t samples;
	_Atomic uint64_t cpu_ns;
	uint32_t tenths[SAMPLES]; /* of a microsecond */
} * turn;

static struct sum {
	uint32_t *tenths;
	size_t count;
	uint64_t cpu_ns;
	double rate[ROUNDS_MAX];
} sums[KINDS];

struct root {
	FAM_PTR(char) hash;
	FAM_PTR(char) log;
};

static char file[4096];
static pid_t main_process;

/* --- a writer --------------------------------------------------------------------- */

static struct writer {
	unsigned int number, next;
	int plain;
	struct fam *fam;
	struct fam_heap *heap;
	struct fam_hash *hash;
	struct fam_log *log;
} w;

static void begin(void)
{
	struct root *root;
	fam_off at;

	must("attach", fam_open(&w.fam, file, 0));
	must("open the heap",
	     fam_heap_open(w.fam, "kv", FAM_REGION_WRITE, &w.heap));
	must("find the root", fam_heap_root(w.heap, 0, &at));
	root = fam_heap_at(w.heap, at, sizeof(*root));
	must("open the map", fam_hash_open(w.heap, root->hash.off, &w.hash));
	must("open the log", fam_log_open(w.heap, root->log.off, &w.log));
}

static void end(void)
{
	fam_log_close(w.log);
	fam_hash_close(w.hash);
	fam_heap_close(w.heap);
	fam_close(w.fam);
}

static void plain(void)
{
	static char page[4096];

	memset(page, (int)w.next, sizeof(page));
	if (pwrite(w.plain, page, sizeof(page), 0) < 0 ||
	    fdatasync(w.plain) < 0)
		fail("commit", strerror(errno));
}

static void put(const char *key, const char *value)
{
	must("put", fam_hash_put(w.hash, NULL, key, (uint32_t)strlen(key),
				 value, VALUE));
}

static void put_and_log(const char *key, const char *value)
{
	struct fam_tx *tx;

	must("begin", fam_tx_begin(w.heap, NULL, &tx));
	must("put", fam_hash_put(w.hash, tx, key, (uint32_t)strlen(key), value,
				 VALUE));
	must("append", fam_log_append(w.log, tx, value, VALUE, NULL));
	must("commit", fam_tx_commit(tx));
}

static void do_once(enum deed deed)
{
	char key[32], value[VALUE];

	w.next++;
	snprintf(key, sizeof(key), "key %u",
		 (w.next * 2654435761u + w.number * 40503u) % KEYS);
	memset(value, (int)(w.next & 0x7f), sizeof(value));
	if (deed == PLAIN)
		plain();
	else if (deed == PUT)
		put(key, value);
	else
		put_and_log(key, value);
}

static void keep_sample(uint64_t ns)
{
	uint32_t n = atomic_fetch_add(&turn->samples, 1);

	if (n < SAMPLES)
		turn->tenths[n] = (uint32_t)(ns / 100);
}

static void write_for_a_turn(const struct kind *kind, unsigned int number)
{
	uint64_t began, stop, cpu;

	w.number = number;
	/* Not the same keys in each round. */
	w.next = (unsigned int)clock_ns();
	if (kind->deed != PLAIN)
		begin();
	do_once(kind->deed);
	atomic_fetch_add(&turn->ready, 1);
	while (!atomic_load(&turn->go))
		usleep(100);
	cpu = cpu_ns();
	stop = clock_ns() + TURN_NS;
	while ((began = clock_ns()) < stop) {
		do_once(kind->deed);
		keep_sample(clock_ns() - began);
	}
	atomic_fetch_add(&turn->cpu_ns, cpu_ns() - cpu);
	if (kind->deed != PLAIN)
		end();
	_exit(0);
}

/* --- turns ------------------------------------------------------------------------- */

static pid_t start(const struct kind *kind, unsigned int number)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail("fork", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_for_a_turn(kind, number);
	}
	return pid;
}

static void keep(struct sum *sum, int round)
{
	uint32_t n = atomic_load(&turn->samples);

	sum->rate[round] = (double)n * 1e9 / (double)TURN_NS;
	n = n < SAMPLES ? n : SAMPLES;
	sum->tenths = reallocarray(sum->tenths, sum->count + n + 1,
				   sizeof(*sum->tenths));
	if (!sum->tenths)
		fail("keep figures", "no memory");
	memcpy(sum->tenths + sum->count, turn->tenths, n * sizeof(uint32_t));
	sum->count += n;
	sum->cpu_ns += atomic_load(&turn->cpu_ns);
}

static void take_turn(const struct kind *kind, struct sum *sum, int round)
{
	pid_t pid[WRITERS_MAX];
	int status;

	atomic_store(&turn->ready, 0);
	atomic_store(&turn->go, false);
	atomic_store(&turn->samples, 0);
	atomic_store(&turn->cpu_ns, 0);
	for (unsigned int i = 0; i < kind->writers; i++)
		pid[i] = start(kind, i);
	while (atomic_load(&turn->ready) < kind->writers) {
		if (waitpid(-1, &status, WNOHANG) != 0)
			fail("measure", "a writer failed");
		usleep(1000);
	}
	atomic_store(&turn->go, true);
	for (unsigned int i = 0; i < kind->writers; i++) {
		if (waitpid(pid[i], &status, 0) < 0 || status)
			fail("measure", "a writer failed");
	}
	keep(sum, round);
}

/* Untimed: the log is not to fill the heap. */
static void cut_log(void)
{
	uint64_t first, last;

	begin();
	must("look at the log", fam_log_range(w.log, &first, &last));
	if (last > LOG_KEPT)
		must("cut the log", fam_log_cut(w.log, last - LOG_KEPT));
	end();
}

/* --- figures ------------------------------------------------------------------------ */

static int by_tenths(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int by_rate(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at_percent(const struct sum *s, unsigned int percent)
{
	const size_t i = s->count * percent / 100;

	return s->tenths[i] / 10.0;
}

static void report(int rounds)
{
	double one = 0;

	printf("%-26s %8s %15s %10s %10s %8s\n", "", "a second", "rounds",
	       "median us", "p99 us", "CPU us");
	for (size_t k = 0; k < KINDS; k++) {
		struct sum *s = &sums[k];
		double rate;

		qsort(s->tenths, s->count, sizeof(uint32_t), by_tenths);
		qsort(s->rate, (size_t)rounds, sizeof(double), by_rate);
		rate = s->rate[rounds / 2];
		one = kinds[k].writers == 1 ? rate : one;
		printf("%-26s %8.0f %7.0f-%-7.0f %10.1f %10.1f %8.1f",
		       kinds[k].name, rate, s->rate[0], s->rate[rounds - 1],
		       at_percent(s, 50), at_percent(s, 99),
		       (double)s->cpu_ns / (double)s->count / 1e3);
		if (kinds[k].writers > 1)
			printf("   %.2f x one", rate / one);
		printf("\n");
	}
}

/* --- the fabric ----------------------------------------------------------------------- */

/* As famctl create-fabric --prepare makes it. */
static void make_fabric(void)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1};
	static const char zeros[65536];
	struct fam_superblock sb;
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("make a file", strerror(errno));
	for (uint64_t at = 0; at < FABRIC; at += sizeof(zeros)) {
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)at) < 0)
			fail("write", strerror(errno));
	}
	must("format", fam_superblock_init(&sb, FABRIC, "bench", uuid, 1,
					   FAM_DURABILITY_HOST));
	must("format", fam_superblock_set_regions(&sb, MIB));
	must("format", superblocks_write(fd, &sb));
	if (fsync(fd) < 0)
		fail("sync", strerror(errno));
	close(fd);
}

static void make_store(void)
{
	const struct fam_heap_want want = {.bytes = HEAP};
	fam_off at;

	must("attach", fam_open(&w.fam, file, 0));
	must("make a heap", fam_heap_create(w.fam, "kv", &want, &w.heap));
	must("make the root", fam_heap_root(w.heap, sizeof(struct root), &at));
	must("make a map",
	     fam_hash_create(w.heap, NULL, at + offsetof(struct root, hash),
			     NULL));
	must("make a log",
	     fam_log_create(w.heap, NULL, at + offsetof(struct root, log),
			    NULL));
	fam_heap_close(w.heap);
	fam_close(w.fam);
}

static int open_plain(void)
{
	static const char zeros[65536];
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s.plain", file);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, zeros, sizeof(zeros), 0) < 0 || fsync(fd) < 0)
		fail("make a file", strerror(errno));
	unlink(path);
	return fd;
}

static void remove_file(void)
{
	if (getpid() == main_process)
		unlink(file);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 5;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		fail("measure so", "1 to 31 rounds");
	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED)
		fail("share", strerror(errno));
	main_process = getpid();
	snprintf(file, sizeof(file), "%s/fam-bench-kv-%d.fam",
		 argc > 1 ? argv[1] : "/var/tmp", main_process);
	atexit(remove_file);
	make_fabric();
	make_store();
	w.plain = open_plain();
	for (int round = 0; round < rounds; round++) {
		for (size_t k = 0; k < KINDS; k++) {
			take_turn(&kinds[k], &sums[k], round);
			cut_log();
		}
	}
	report(rounds);
	return fflush(stdout) == 0 ? 0 : 1;
}
