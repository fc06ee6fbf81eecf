// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Named regions: how long it takes to create, open and destroy one, without
 * durability and with it, beside one plain commit of the host; to list 10,000; to
 * use a fabric for the first time, of 16 TiB and of 64 MiB; and how that goes when
 * several processes do it at once.
 *
 *	bench-region [DIR [ROUNDS]]
 *
 * All kinds take turns in each round. Needs 300 MiB in DIR (/var/tmp). Figures:
 * median and 99th percentile of all calls, the lowest and the highest median of a
 * round, and CPU time of a call.
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
#include <fam/region.h>

#include "bench.h"
#include "lib/superblocks.h"
#include "util/clock.h"

#define KIB	   UINT64_C(1024)
#define MIB	   (UINT64_C(1) << 20)
#define TIB	   (UINT64_C(1) << 40)
#define FABRIC	   (256 * MIB)
#define PAGE	   4096
#define BESIDE	   1000	 /* regions that are there already */
#define LISTED	   10000 /* regions that are listed */
#define PLAIN	   10
#define CALLS_MAX  200 /* of each kind in each round */
#define ROUNDS_MAX 31
#define CROWD_MAX  4
#define CROWD_NS   UINT64_C(1000000000)

static const char *dir = "/var/tmp";
static char file[4096];

/* --- fabrics ---------------------------------------------------------------------- */

static int format(int fd, uint64_t size)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1};
	struct fam_superblock sb;
	int r = fam_superblock_init(&sb, size, "bench", uuid, 1,
				    FAM_DURABILITY_HOST);

	if (r == 0 && size == FABRIC)
		r = fam_superblock_set_regions(&sb, 16 * MIB);
	return r < 0 ? r : superblocks_write(fd, &sb);
}

/* As famctl create-fabric --prepare makes it: a commit is one flush. */
static void make_prepared(void)
{
	static const char zeros[PAGE];
	int fd;

	snprintf(file, sizeof(file), "%s/fam-bench-%d.fam", dir, getpid());
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, (off_t)FABRIC) < 0)
		fail("make a fabric", strerror(errno));
	for (uint64_t at = 0; at < FABRIC; at += PAGE) {
		if (pwrite(fd, zeros, PAGE, (off_t)at) != PAGE)
			fail("write", strerror(errno));
	}
	must("format", format(fd, FABRIC));
	if (fsync(fd) < 0)
		fail("sync", strerror(errno));
	close(fd);
}

/* 0; -EFBIG the file system has no such files */
static int make_sparse(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		fail("make a fabric", strerror(errno));
	if (ftruncate(fd, (off_t)size) < 0)
		r = -errno;
	if (r == 0)
		r = format(fd, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

static void remove_fabric(void)
{
	unlink(file);
}

/* --- figures ------------------------------------------------------------------------ */

struct figures {
	uint32_t *tenths; /* of a microsecond */
	size_t count;
	uint32_t low, high; /* medians of rounds */
	uint64_t cpu;	    /* ns of all calls */
};

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* One round of a kind; sorts its samples. */
static void keep(struct figures *f, uint32_t *tenths, size_t count,
		 uint64_t cpu)
{
	uint32_t median;

	qsort(tenths, count, sizeof(*tenths), compare);
	median = tenths[count / 2];
	f->low = f->count && f->low < median ? f->low : median;
	f->high = f->high > median ? f->high : median;
	f->tenths =
		reallocarray(f->tenths, f->count + count, sizeof(*f->tenths));
	if (!f->tenths)
		fail("keep figures", "no memory");
	memcpy(f->tenths + f->count, tenths, count * sizeof(*tenths));
	f->count += count;
	f->cpu += cpu;
}

static double at_percent(const struct figures *f, unsigned int percent)
{
	size_t i = f->count * percent / 100;

	return f->tenths ? f->tenths[i] / 10.0 : 0;
}

static double print(const char *name, struct figures *f)
{
	if (f->tenths)
		qsort(f->tenths, f->count, sizeof(*f->tenths), compare);
	printf("%-34s %10.1f %10.1f %9.1f-%-9.1f %8.1f\n", name,
	       at_percent(f, 50), at_percent(f, 99), f->low / 10.0,
	       f->high / 10.0, (double)f->cpu / (double)f->count / 1e3);
	return at_percent(f, 50);
}

static void print_head(const char *title)
{
	printf("%-34s %10s %10s %19s %8s\n", title, "median us", "p99 us",
	       "rounds' medians  ", "CPU us");
}

/* --- one process ---------------------------------------------------------------------- */

enum call { CREATE, OPEN, DESTROY, CALLS };
static const char *const call_names[CALLS] = {"create", "open", "destroy"};

static const struct kind {
	const char *name;
	uint64_t bytes;
	uint32_t flags;
	bool dirty; /* its space holds what is to be overwritten by zeros */
	unsigned int calls;
} kinds[] = {
	{"4 KiB", 4 * KIB, FAM_REGION_NO_SYNC, false, 200},
	{"4 KiB used before", 4 * KIB, FAM_REGION_NO_SYNC, true, 200},
	{"4 MiB", 4 * MIB, FAM_REGION_NO_SYNC, false, 30},
	{"4 MiB used before", 4 * MIB, FAM_REGION_NO_SYNC, true, 30},
	{"4 KiB durable", 4 * KIB, 0, false, 20},
	{"4 MiB durable", 4 * MIB, 0, false, 10},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct figures seen[KINDS][CALLS], plain;

static const char *name_of(unsigned int i)
{
	static char name[48];

	snprintf(name, sizeof(name), "bench/%u", i);
	return name;
}

/* Stores into each page, untimed: the next one there has to clear it. */
static void soil(struct fam_region *region, uint64_t bytes)
{
	void *map;

	must("map", fam_region_map(region, 0, 0, &map));
	for (uint64_t at = 0; at < bytes; at += PAGE)
		((volatile char *)map)[at] = 1;
}

static void open_once(struct fam *fam, const struct kind *kind, unsigned int i)
{
	struct fam_region *region;

	must("open",
	     fam_region_open(fam, name_of(i),
			     kind->dirty ? FAM_REGION_WRITE : FAM_REGION_READ,
			     &region));
	if (kind->dirty)
		soil(region, kind->bytes);
	fam_region_close(region);
}

static void call_once(struct fam *fam, const struct kind *kind, enum call call,
		      unsigned int i)
{
	const struct fam_region_want want = {.bytes = kind->bytes,
					     .flags = kind->flags};

	switch (call) {
	case CREATE:
		must("create", fam_region_create(fam, name_of(i), &want, NULL));
		break;
	case OPEN:
		open_once(fam, kind, i);
		break;
	default:
		must("destroy",
		     fam_region_destroy(fam, name_of(i), kind->flags));
		break;
	}
}

static void measure(struct fam *fam, size_t k, enum call call)
{
	uint32_t tenths[CALLS_MAX];
	uint64_t cpu = cpu_ns();

	for (unsigned int i = 0; i < kinds[k].calls; i++) {
		uint64_t began = clock_ns();

		call_once(fam, &kinds[k], call, i);
		tenths[i] = (uint32_t)((clock_ns() - began) / 100);
	}
	keep(&seen[k][call], tenths, kinds[k].calls, cpu_ns() - cpu);
}

/* So that the next kind finds zeros, and nothing that is to be made durable. */
static void clean_up(struct fam *fam, const struct kind *kind)
{
	for (unsigned int i = 0; kind->dirty && i < kind->calls; i++)
		call_once(fam, kind, CREATE, i);
	for (unsigned int i = 0; kind->dirty && i < kind->calls; i++)
		call_once(fam, kind, DESTROY, i);
	must("sync", fam_region_sync(fam));
}

/* What a durable change cannot be quicker than. */
static void measure_plain(int fd)
{
	uint32_t tenths[PLAIN];
	uint64_t cpu = cpu_ns();
	char entry[512];

	for (unsigned int i = 0; i < PLAIN; i++) {
		uint64_t began = clock_ns();

		memset(entry, (int)i + 1, sizeof(entry));
		if (pwrite(fd, entry, sizeof(entry), 8192) < 0 ||
		    fdatasync(fd) < 0)
			fail("commit", strerror(errno));
		tenths[i] = (uint32_t)((clock_ns() - began) / 100);
	}
	keep(&plain, tenths, PLAIN, cpu_ns() - cpu);
}

static int open_plain(void)
{
	static const char zeros[64 * KIB];
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s.plain", file);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, zeros, sizeof(zeros), 0) < 0 || fsync(fd) < 0)
		fail("make a file", strerror(errno));
	unlink(path);
	return fd;
}

static void bench_calls(struct fam *fam, int rounds)
{
	int fd = open_plain();
	char name[64];
	double commit;

	for (int round = 0; round < rounds; round++) {
		for (size_t k = 0; k < KINDS; k++) {
			for (unsigned int c = 0; c < CALLS; c++)
				measure(fam, k, (enum call)c);
			clean_up(fam, &kinds[k]);
			measure_plain(fd);
		}
	}
	close(fd);
	print_head("one process");
	commit = print("plain 512 B + fdatasync", &plain);
	for (size_t k = 0; k < KINDS; k++) {
		for (unsigned int c = 0; c < CALLS; c++) {
			double us;

			/* the time of the soiling is not that of the opening */
			if (c == OPEN && kinds[k].dirty)
				continue;
			snprintf(name, sizeof(name), "%s %s", call_names[c],
				 kinds[k].name);
			us = print(name, &seen[k][c]);
			if (!kinds[k].flags && c != OPEN)
				printf("  = %.2f plain commits\n", us / commit);
		}
	}
}

/* --- many ------------------------------------------------------------------------------- */

static int count(const struct fam_region_info *info, void *arg)
{
	(void)info;
	++*(unsigned int *)arg;
	return 0;
}

static void create_many(struct fam *fam, const char *what, unsigned int n)
{
	const struct fam_region_want want = {.bytes = 4 * KIB,
					     .flags = FAM_REGION_NO_SYNC};
	char name[48];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", what, i);
		must("create", fam_region_create(fam, name, &want, NULL));
	}
}

/* By an attachment that has listed before, and by one that has not. */
static void bench_list(struct fam *fam, int rounds)
{
	struct figures again = {0}, first = {0};

	create_many(fam, "many", LISTED - BESIDE);
	for (int round = 0; round < rounds * 3; round++) {
		uint64_t began, cpu = cpu_ns();
		unsigned int n = 0;
		struct fam *other;
		uint32_t tenths;

		began = clock_ns();
		must("list", fam_region_each(fam, NULL, count, &n));
		tenths = (uint32_t)((clock_ns() - began) / 100);
		keep(&again, &tenths, 1, cpu_ns() - cpu);
		must("attach", fam_open(&other, file, FAM_OPEN_RDONLY));
		cpu = cpu_ns();
		began = clock_ns();
		must("list", fam_region_each(other, NULL, count, &n));
		tenths = (uint32_t)((clock_ns() - began) / 100);
		keep(&first, &tenths, 1, cpu_ns() - cpu);
		fam_close(other);
		if (n != 2 * LISTED)
			fail("list", "some are missing");
	}
	print_head("10,000 regions");
	print("list", &again);
	print("list, for the first time", &first);
	free(again.tenths);
	free(first.tenths);
}

/* --- the first use ------------------------------------------------------------------------ */

static void use_first(const char *path, struct figures *f)
{
	const struct fam_region_want want = {.bytes = 4 * KIB,
					     .flags = FAM_REGION_NO_SYNC |
						      FAM_REGION_WRITE};
	uint64_t cpu = cpu_ns(), began = clock_ns();
	struct fam_region *region;
	struct fam *fam;
	uint32_t tenths;
	void *map;

	must("attach", fam_open(&fam, path, 0));
	must("create", fam_region_create(fam, "first", &want, &region));
	must("map", fam_region_map(region, 0, 0, &map));
	*(volatile char *)map = 1;
	tenths = (uint32_t)((clock_ns() - began) / 100);
	keep(f, &tenths, 1, cpu_ns() - cpu);
	fam_close(fam);
}

/* ext4 has no files of 16 TiB, only of a block less. */
static void bench_first(int rounds)
{
	struct figures small = {0}, large = {0};
	char path[2][4200], name[64];
	uint64_t size = 16 * TIB;
	double ratio;

	snprintf(path[0], sizeof(path[0]), "%s.small", file);
	snprintf(path[1], sizeof(path[1]), "%s.large", file);
	while (make_sparse(path[1], size) == -EFBIG)
		size /= 2;
	for (int round = 0; round < rounds * 3; round++) {
		must("make", make_sparse(path[0], 64 * MIB));
		must("make", make_sparse(path[1], size));
		use_first(path[0], &small);
		use_first(path[1], &large);
	}
	unlink(path[0]);
	unlink(path[1]);
	print_head("attach, create, store; sparse");
	ratio = 1 / print("64 MiB", &small);
	snprintf(name, sizeof(name), "%" PRIu64 " TiB", size / TIB);
	ratio *= print(name, &large);
	printf("  = %.2f x\n", ratio);
	free(small.tenths);
	free(large.tenths);
}

/* --- several processes ---------------------------------------------------------------------- */

struct crowd {
	_Atomic unsigned int ready;
	_Atomic bool go;
	_Atomic uint64_t pairs;
};

static void create_and_destroy(struct crowd *crowd, unsigned int number)
{
	const struct fam_region_want want = {.bytes = 4 * KIB,
					     .flags = FAM_REGION_NO_SYNC};
	char name[48];
	struct fam *fam;
	uint64_t end;

	must("attach", fam_open(&fam, file, 0));
	snprintf(name, sizeof(name), "crowd/%u", number);
	atomic_fetch_add(&crowd->ready, 1);
	while (!atomic_load(&crowd->go))
		usleep(100);
	end = clock_ns() + CROWD_NS;
	while (clock_ns() < end) {
		must("create", fam_region_create(fam, name, &want, NULL));
		must("destroy",
		     fam_region_destroy(fam, name, FAM_REGION_NO_SYNC));
		atomic_fetch_add(&crowd->pairs, 1);
	}
	fam_close(fam);
	_exit(0);
}

static double cpu_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static void take_turn(struct crowd *crowd, unsigned int processes, double *rate,
		      double *cpu)
{
	pid_t pid[CROWD_MAX];

	memset(crowd, 0, sizeof(*crowd));
	fflush(NULL);
	*cpu = 0;
	for (unsigned int i = 0; i < processes; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			create_and_destroy(crowd, i);
		}
	}
	while (atomic_load(&crowd->ready) < processes)
		usleep(1000);
	atomic_store(&crowd->go, true);
	for (unsigned int i = 0; i < processes; i++) {
		struct rusage usage;
		int status;

		if (wait4(pid[i], &status, 0, &usage) < 0 || status)
			fail("create", "a process failed");
		*cpu += cpu_of(&usage);
	}
	*rate = (double)atomic_load(&crowd->pairs) * 1e9 / (double)CROWD_NS;
	*cpu /= (double)atomic_load(&crowd->pairs);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bench_crowd(int rounds)
{
	static const unsigned int sizes[] = {1, 2, 4};
	double rate[3][ROUNDS_MAX], cpu[3][ROUNDS_MAX];
	struct crowd *crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (crowd == MAP_FAILED)
		fail("share", strerror(errno));
	for (int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < 3; i++)
			take_turn(crowd, sizes[i], &rate[i][round],
				  &cpu[i][round]);
	}
	printf("%-34s %10s %21s %8s\n", "create and destroy 4 KiB", "pairs/s",
	       "lowest-highest    ", "CPU us");
	for (unsigned int i = 0; i < 3; i++) {
		qsort(rate[i], (size_t)rounds, sizeof(double), compare_double);
		qsort(cpu[i], (size_t)rounds, sizeof(double), compare_double);
		printf("%u process%-25s %10.0f %10.0f-%-10.0f %8.1f\n",
		       sizes[i], sizes[i] == 1 ? "" : "es", rate[i][rounds / 2],
		       rate[i][0], rate[i][rounds - 1], cpu[i][rounds / 2]);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 7;
	struct fam *fam;

	dir = argc > 1 ? argv[1] : dir;
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	make_prepared();
	atexit(remove_fabric);
	sync();
	must("attach", fam_open(&fam, file, 0));
	create_many(fam, "beside", BESIDE);
	bench_calls(fam, rounds);
	bench_list(fam, rounds);
	bench_first(rounds);
	bench_crowd(rounds);
	fam_close(fam);
	return fflush(stdout) == 0 ? 0 : 1;
}
