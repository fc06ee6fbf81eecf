// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Programs of the host that commit at the same time, each by an attachment of
 * its own: do they share the disk? And one beside a program that stores 100 MB/s
 * elsewhere in the fabric: does it pay for that?
 *
 *	bench-writers [DIR [ROUNDS]]
 *
 * In turns: one writer, four, one beside the storing program; a second each.
 * Needs 300 MiB in DIR (/var/tmp). Figures: commits/s of all, their latencies,
 * and CPU time of all processes per commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "lib/superblocks.h"
#include "util/clock.h"

#define MIB	    (UINT64_C(1) << 20)
#define FABRIC	    (256 * MIB)
#define AREA	    MIB
#define PAGE	    4096
#define WRITERS_MAX 4
#define SAMPLES	    100000
#define TURN_NS	    UINT64_C(1000000000)
#define STORED_AT   (128 * MIB) /* the first byte of the other's half */
#define STORED_RATE (100 * MIB) /* bytes in a second */

/* What the writers of a turn share. */
struct turn {
	_Atomic unsigned int ready;
	atomic_bool go;
	_Atomic uint32_t samples;
	uint32_t tenths[SAMPLES]; /* of a microsecond */
};

static const struct kind {
	const char *name;
	unsigned int writers;
	bool beside;
} kinds[] = {
	{"1 writer", 1, false},
	{"4 writers", 4, false},
	{"1 beside 100 MB/s", 1, true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* All turns of a kind. */
struct sum {
	uint32_t *tenths;
	size_t count, turns;
	double cpu;
};

static char file[4096];

static void fail(const char *what, const char *cause)
{
	fprintf(stderr, "bench-writers: cannot %s '%s': %s\n", what, file,
		cause);
	exit(1);
}

static char *attach(struct fam **fam, uint64_t offset, uint64_t len)
{
	void *memory = NULL;
	int r = fam_open(fam, file, 0);

	if (r == 0)
		r = fam_map(*fam, offset, len, &memory);
	if (r < 0)
		fail("map", fam_strerror(r));
	return memory;
}

static void wait_go(struct turn *turn)
{
	atomic_fetch_add(&turn->ready, 1);
	while (!atomic_load(&turn->go))
		usleep(100);
}

static void write_area(struct turn *turn, unsigned int number)
{
	struct fam *fam;
	char *area = attach(&fam, number * AREA, AREA);
	uint64_t end, began;

	wait_go(turn);
	end = clock_ns() + TURN_NS;
	for (unsigned int i = 0; (began = clock_ns()) < end; i++) {
		char *at = area + (uint64_t)i * 7 % (AREA / PAGE) * PAGE;
		uint32_t sample;
		int r;

		memset(at, (int)(i & 0x7f) + 1, 64);
		r = fam_persist(fam, at, 64);
		if (r < 0)
			fail("commit to", fam_strerror(r));
		sample = atomic_fetch_add(&turn->samples, 1);
		if (sample < SAMPLES)
			turn->tenths[sample] =
				(uint32_t)((clock_ns() - began) / 100);
	}
	fam_close(fam);
	_exit(0);
}

/* Pages at random, in small steps so that the rate is even. */
static void store_elsewhere(struct turn *turn)
{
	const unsigned int step = 64;
	struct fam *fam;
	char *half = attach(&fam, STORED_AT, FABRIC / 2 - 2 * MIB);
	uint64_t next;

	wait_go(turn);
	next = clock_ns();
	for (;;) {
		for (unsigned int i = 0; i < step; i++)
			half[(uint64_t)rand() % (FABRIC / 2 / PAGE - 512) *
			     PAGE]++;
		next += UINT64_C(1000000000) * step * PAGE / STORED_RATE;
		while (clock_ns() < next)
			usleep(200);
	}
}

static pid_t start(void (*run)(struct turn *turn, unsigned int number),
		   struct turn *turn, unsigned int number)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork for", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(turn, number);
	_exit(0);
}

static void run_other(struct turn *turn, unsigned int number)
{
	(void)number;
	store_elsewhere(turn);
}

static double cpu_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static void take_turn(const struct kind *kind, struct turn *turn,
		      struct sum *sum)
{
	pid_t pid[WRITERS_MAX], other = 0;
	unsigned int all = kind->writers + kind->beside;
	uint32_t n;

	memset(turn, 0, sizeof(*turn));
	for (unsigned int i = 0; i < kind->writers; i++)
		pid[i] = start(write_area, turn, i);
	if (kind->beside)
		other = start(run_other, turn, 0);
	while (atomic_load(&turn->ready) < all)
		usleep(1000);
	atomic_store(&turn->go, true);
	for (unsigned int i = 0; i < kind->writers; i++) {
		struct rusage usage;
		int status;

		if (wait4(pid[i], &status, 0, &usage) < 0 || status)
			fail("commit to", "a writer failed");
		sum->cpu += cpu_of(&usage);
	}
	if (other) {
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	n = atomic_load(&turn->samples);
	if (n == 0)
		fail("commit to", "no commit was done in a second");
	if (n > SAMPLES)
		n = SAMPLES;
	sum->tenths = realloc(sum->tenths, (sum->count + n) * sizeof(uint32_t));
	if (!sum->tenths)
		fail("keep figures of", "no memory");
	memcpy(sum->tenths + sum->count, turn->tenths, n * sizeof(uint32_t));
	sum->count += n;
	sum->turns++;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct sum *sum, unsigned int percent)
{
	size_t index = sum->count * percent / 100;

	return sum->tenths ? sum->tenths[index] / 10.0 : 0;
}

static void report(struct sum sums[KINDS])
{
	printf("%-20s %10s %10s %10s %10s\n", "", "commits/s", "median us",
	       "p99 us", "CPU us");
	for (size_t k = 0; k < KINDS && sums[k].tenths; k++) {
		qsort(sums[k].tenths, sums[k].count, sizeof(uint32_t), compare);
		printf("%-20s %10.0f %10.1f %10.1f %10.1f\n", kinds[k].name,
		       (double)sums[k].count / (double)sums[k].turns,
		       percentile(&sums[k], 50), percentile(&sums[k], 99),
		       sums[k].cpu / (double)sums[k].count);
	}
	printf("4 writers commit %.2f x as often as 1; beside 100 MB/s the "
	       "median is %.2f x\n",
	       (double)sums[1].count / (double)sums[0].count,
	       percentile(&sums[2], 50) / percentile(&sums[0], 50));
}

/* As famctl create-fabric --prepare makes it. */
static void make_fabric(const char *dir)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1};
	static const char zeros[PAGE];
	struct fam_superblock sb;
	int fd;

	snprintf(file, sizeof(file), "%s/fam-bench-%d.fam", dir, (int)getpid());
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, (off_t)FABRIC) < 0)
		fail("make", strerror(errno));
	for (uint64_t at = 0; at < FABRIC; at += PAGE)
		if (pwrite(fd, zeros, PAGE, (off_t)at) != PAGE)
			fail("write to", strerror(errno));
	if (fam_superblock_init(&sb, FABRIC, "bench", uuid, 1,
				FAM_DURABILITY_HOST) < 0 ||
	    superblocks_write(fd, &sb) < 0)
		fail("format", "it cannot be written");
	if (fsync(fd) < 0)
		fail("sync", strerror(errno));
	close(fd);
}

static void remove_fabric(void)
{
	unlink(file);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	struct sum sums[KINDS] = {0};
	struct turn *turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (turn == MAP_FAILED)
		fail("share", strerror(errno));
	make_fabric(argc > 1 ? argv[1] : "/var/tmp");
	atexit(remove_fabric);
	sync();
	for (int round = 0; round < rounds; round++)
		for (size_t k = 0; k < KINDS; k++)
			take_turn(&kinds[k], turn, &sums[k]);
	report(sums);
	return fflush(stdout) == 0 ? 0 : 1;
}
