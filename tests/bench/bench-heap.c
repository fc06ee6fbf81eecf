// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Allocation and transactions, of libfam and of libpmemobj, in files in the same
 * directory: 64 B and 4 KiB allocated, published and freed; four ranges of 64 B
 * changed in one transaction. Without the disk (a fabric of durability "guest"; and
 * PMEM_IS_PMEM_FORCE=1), and with it (durability "host"; PMEM_IS_PMEM_FORCE=0). By
 * 1, 2 and 4 processes; those of libpmemobj, which has a pool for itself, are
 * threads of one.
 *
 *	bench-heap [DIR [ROUNDS [PART]]]
 *
 * All kinds take turns in each round, and who comes first changes. Needs 512 MiB in
 * DIR (/var/tmp). PART: only kinds whose name has it. Figures: time of an operation
 * as one worker sees it, the median of the rounds, the lowest and the highest; CPU
 * time of one, median; then what libfam takes of what libpmemobj does.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpmemobj.h>

#include <fam/fam.h>
#include <fam/heap.h>
#include <fam/region.h>
#include <fam/tx.h>

#include "bench.h"
#include "lib/superblocks.h"
#include "util/clock.h"

#define KIB	    UINT64_C(1024)
#define MIB	    (UINT64_C(1) << 20)
#define FILE_BYTES  (128 * MIB)
#define HEAP_BYTES  (64 * MIB)
#define WORKERS_MAX 4
#define SLOTS	    256
#define AREA	    (64 * KIB)
#define RANGES	    4
#define RANGE	    64
#define ROUNDS_MAX  31

enum maker { FAM, OBJ, MAKERS };
enum medium { MEMORY, DISK, MEDIA };

static const struct medium_is {
	const char *name, *force;
	uint32_t durability;
	unsigned int batch; /* operations between two looks at the clock */
	uint64_t turn_ns;
} media[MEDIA] = {
	{"without the disk", "1", FAM_DURABILITY_GUEST, SLOTS, 250000000},
	{"with the disk", "0", FAM_DURABILITY_HOST, 8, 400000000},
};

static const struct deed {
	const char *name;
	uint64_t bytes; /* to allocate; 0: a transaction */
} deeds[] = {
	{"64 B alloc+free", 64},
	{"4 KiB alloc+free", 4 * KIB},
	{"tx of 4 x 64 B", 0},
};
#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static const unsigned int crowds[] = {1, 2, 4};
#define CROWDS (sizeof(crowds) / sizeof(crowds[0]))

/* What a turn's processes share. */
static struct turn {
	_Atomic unsigned int ready;
	_Atomic bool go;
	struct {
		uint64_t ops, ns, cpu;
	} result[WORKERS_MAX];
} * turn;

static const char *dir = "/var/tmp", *part = "";
static char stem[4096];

static void must_obj(const char *what, bool good)
{
	if (!good)
		fail(what, pmemobj_errormsg());
}

static void path_of(char out[4200], enum maker maker, enum medium medium)
{
	snprintf(out, 4200, "%s.%d%d", stem, (int)maker, (int)medium);
}

/* Where the ranges of a transaction are: far apart, elsewhere each time. */
static uint64_t range_at(unsigned int k, unsigned int i)
{
	const uint64_t room = AREA / RANGES;

	return k * room + (uint64_t)i * 7 % (room / RANGE) * RANGE;
}

/* --- libfam ------------------------------------------------------------------------- */

struct fam_root {
	FAM_PTR(char) slot[WORKERS_MAX][SLOTS];
	FAM_PTR(char) area[WORKERS_MAX];
};

static struct fam *fam;
static struct fam_heap *heap;
static fam_off fam_root_at;

static void fam_begin(const char *path)
{
	must("attach", fam_open(&fam, path, 0));
	must("open the heap",
	     fam_heap_open(fam, "bench", FAM_REGION_WRITE, &heap));
	must("find the root", fam_heap_root(heap, 0, &fam_root_at));
}

static void fam_allocs(unsigned int worker, uint64_t bytes, unsigned int n)
{
	const fam_off at =
		fam_root_at + offsetof(struct fam_root, slot[worker]);

	for (unsigned int i = 0; i < n; i++)
		must("allocate",
		     fam_heap_alloc(heap, at + i * 8, bytes, 0, NULL));
	for (unsigned int i = 0; i < n; i++)
		must("free", fam_heap_free(heap, at + i * 8));
}

static void fam_changes(unsigned int worker, unsigned int n)
{
	const struct fam_root *root =
		fam_heap_at(heap, fam_root_at, sizeof(*root));
	const fam_off area = root->area[worker].off;

	for (unsigned int i = 0; i < n; i++) {
		struct fam_tx *tx;

		must("begin", fam_tx_begin(heap, NULL, &tx));
		for (unsigned int k = 0; k < RANGES; k++) {
			void *copy;

			must("add", fam_tx_add(tx, area + range_at(k, i), RANGE,
					       &copy));
			memset(copy, (int)i, RANGE);
		}
		must("commit", fam_tx_commit(tx));
	}
}

static void fam_batch(unsigned int worker, const struct deed *deed,
		      unsigned int n)
{
	if (deed->bytes)
		fam_allocs(worker, deed->bytes, n);
	else
		fam_changes(worker, n);
}

static void fam_make(const char *path)
{
	const struct fam_heap_want want = {.bytes = HEAP_BYTES};

	must("attach", fam_open(&fam, path, 0));
	must("make a heap", fam_heap_create(fam, "bench", &want, &heap));
	must("make the root",
	     fam_heap_root(heap, sizeof(struct fam_root), &fam_root_at));
	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		must("allocate",
		     fam_heap_alloc(heap,
				    fam_root_at +
					    offsetof(struct fam_root, area[i]),
				    AREA, FAM_HEAP_ZERO, NULL));
	fam_heap_close(heap);
	fam_close(fam);
}

/* --- libpmemobj ----------------------------------------------------------------------- */

struct obj_root {
	PMEMoid slot[WORKERS_MAX][SLOTS];
	PMEMoid area[WORKERS_MAX];
};

static PMEMobjpool *pool;
static struct obj_root *obj_root;

static void obj_find_root(void)
{
	PMEMoid oid = pmemobj_root(pool, sizeof(struct obj_root));

	must_obj("find the root", !OID_IS_NULL(oid));
	obj_root = pmemobj_direct(oid);
}

static void obj_begin(const char *path)
{
	pool = pmemobj_open(path, "bench");
	must_obj("open the pool", pool != NULL);
	obj_find_root();
}

/* What POBJ_ALLOC() and POBJ_FREE() are, without the type. */
static void obj_allocs(unsigned int worker, uint64_t bytes, unsigned int n)
{
	PMEMoid *slot = obj_root->slot[worker];

	for (unsigned int i = 0; i < n; i++)
		must_obj("allocate", pmemobj_alloc(pool, &slot[i], bytes, 1,
						   NULL, NULL) == 0);
	for (unsigned int i = 0; i < n; i++)
		pmemobj_free(&slot[i]);
}

static void obj_changes(unsigned int worker, unsigned int n)
{
	const PMEMoid area = obj_root->area[worker];
	char *memory = pmemobj_direct(area);

	for (unsigned int i = 0; i < n; i++) {
		must_obj("begin", pmemobj_tx_begin(pool, NULL, TX_PARAM_NONE,
						   TX_PARAM_NONE) == 0);
		for (unsigned int k = 0; k < RANGES; k++) {
			const uint64_t at = range_at(k, i);

			must_obj("add",
				 pmemobj_tx_add_range(area, at, RANGE) == 0);
			memset(memory + at, (int)i, RANGE);
		}
		pmemobj_tx_commit();
		must_obj("commit", pmemobj_tx_end() == 0);
	}
}

static void obj_batch(unsigned int worker, const struct deed *deed,
		      unsigned int n)
{
	if (deed->bytes)
		obj_allocs(worker, deed->bytes, n);
	else
		obj_changes(worker, n);
}

static void obj_make(const char *path)
{
	pool = pmemobj_create(path, "bench", 0, 0600);
	must_obj("make a pool", pool != NULL);
	obj_find_root();
	for (unsigned int i = 0; i < WORKERS_MAX; i++)
		must_obj("allocate", pmemobj_zalloc(pool, &obj_root->area[i],
						    AREA, 2) == 0);
	pmemobj_close(pool);
}

/* --- a worker --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*begin)(const char *path);
	void (*batch)(unsigned int worker, const struct deed *deed,
		      unsigned int n);
	bool is_alone; /* workers are threads of one process */
} makers[MAKERS] = {
	{"libfam", fam_begin, fam_batch, false},
	{"libpmemobj", obj_begin, obj_batch, true},
};

/* What a process is told to do. */
static struct job {
	enum maker maker;
	enum medium medium;
	const struct deed *deed;
	unsigned int first, workers;
} job;

static uint64_t own_cpu_ns(void)
{
	return time_ns(makers[job.maker].is_alone ? CLOCK_THREAD_CPUTIME_ID
						  : CLOCK_PROCESS_CPUTIME_ID);
}

static void *work(void *arg)
{
	const unsigned int number = *(const unsigned int *)arg;
	const struct medium_is *m = &media[job.medium];
	uint64_t began, cpu, ops = 0;

	/* Untimed: pages and caches. */
	makers[job.maker].batch(number, job.deed, m->batch);
	atomic_fetch_add(&turn->ready, 1);
	while (!atomic_load(&turn->go))
		usleep(100);
	began = clock_ns();
	cpu = own_cpu_ns();
	do {
		makers[job.maker].batch(number, job.deed, m->batch);
		ops += m->batch;
	} while (clock_ns() - began < m->turn_ns);
	turn->result[number].ns = clock_ns() - began;
	turn->result[number].cpu = own_cpu_ns() - cpu;
	turn->result[number].ops = ops;
	return NULL;
}

/* bench-heap --work FD STEM MAKER MEDIUM DEED FIRST WORKERS */
static int run_job(char **argv)
{
	unsigned int number[WORKERS_MAX];
	pthread_t thread[WORKERS_MAX];
	char path[4200];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED,
		    atoi(argv[0]), 0);
	if (turn == MAP_FAILED)
		fail("share", strerror(errno));
	snprintf(stem, sizeof(stem), "%s", argv[1]);
	job.maker = (enum maker)atoi(argv[2]);
	job.medium = (enum medium)atoi(argv[3]);
	job.deed = &deeds[atoi(argv[4])];
	job.first = (unsigned int)atoi(argv[5]);
	job.workers = (unsigned int)atoi(argv[6]);
	path_of(path, job.maker, job.medium);
	makers[job.maker].begin(path);
	for (unsigned int i = 0; i < job.workers; i++) {
		number[i] = job.first + i;
		if (pthread_create(&thread[i], NULL, work, &number[i]))
			fail("start", "no thread");
	}
	for (unsigned int i = 0; i < job.workers; i++)
		pthread_join(thread[i], NULL);
	/* Ends as a program that does not clean up: both must bear that. */
	if (!makers[job.maker].is_alone) {
		fam_heap_close(heap);
		fam_close(fam);
	} else {
		pmemobj_close(pool);
	}
	return 0;
}

/* --- turns ---------------------------------------------------------------------------------- */

/* libpmem looks at its variable once, when it is loaded. */
static pid_t start(int fd, const struct job *j)
{
	char word[6][16];
	char *argv[] = {"bench-heap", "--work", word[0], stem,	  word[1],
			word[2],      word[3],	word[4], word[5], NULL};
	pid_t pid;

	snprintf(word[0], sizeof(word[0]), "%d", fd);
	snprintf(word[1], sizeof(word[1]), "%d", (int)j->maker);
	snprintf(word[2], sizeof(word[2]), "%d", (int)j->medium);
	snprintf(word[3], sizeof(word[3]), "%d", (int)(j->deed - deeds));
	snprintf(word[4], sizeof(word[4]), "%u", j->first);
	snprintf(word[5], sizeof(word[5]), "%u", j->workers);
	pid = fork();
	if (pid < 0)
		fail("fork", strerror(errno));
	if (pid > 0)
		return pid;
	setenv("PMEM_IS_PMEM_FORCE", media[j->medium].force, 1);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static void await_all(pid_t *pid, unsigned int processes, unsigned int workers)
{
	int status;

	while (atomic_load(&turn->ready) < workers) {
		if (waitpid(-1, &status, WNOHANG) != 0)
			fail("measure", "a worker failed");
		usleep(1000);
	}
	atomic_store(&turn->go, true);
	for (unsigned int i = 0; i < processes; i++) {
		if (waitpid(pid[i], &status, 0) < 0 || status)
			fail("measure", "a worker failed");
	}
}

struct figure {
	double ns[ROUNDS_MAX], cpu[ROUNDS_MAX];
};

static void take_turn(int fd, enum maker maker, enum medium medium,
		      const struct deed *deed, unsigned int workers,
		      struct figure *out, int round)
{
	struct job j = {maker, medium, deed, 0, workers};
	unsigned int processes = makers[maker].is_alone ? 1 : workers;
	pid_t pid[WORKERS_MAX];
	double rate = 0, cpu = 0, ops = 0;

	memset(turn, 0, sizeof(*turn));
	j.workers = workers / processes;
	for (unsigned int i = 0; i < processes; i++) {
		j.first = i;
		pid[i] = start(fd, &j);
	}
	await_all(pid, processes, workers);
	for (unsigned int i = 0; i < workers; i++) {
		ops += (double)turn->result[i].ops;
		cpu += (double)turn->result[i].cpu;
		rate += (double)turn->result[i].ops /
			(double)turn->result[i].ns;
	}
	out->ns[round] = workers / rate;
	out->cpu[round] = cpu / ops;
}

/* --- figures --------------------------------------------------------------------------------- */

static struct figure figures[MEDIA][DEEDS][CROWDS][MAKERS];

static void report_kind(struct figure figure[MAKERS], const char *name,
			int rounds)
{
	double ns[MAKERS], cpu[MAKERS];

	printf("%-22s", name);
	for (int m = 0; m < MAKERS; m++) {
		struct figure *f = &figure[m];

		qsort(f->ns, (size_t)rounds, sizeof(f->ns[0]), by_value);
		qsort(f->cpu, (size_t)rounds, sizeof(f->cpu[0]), by_value);
		ns[m] = f->ns[rounds / 2];
		cpu[m] = f->cpu[rounds / 2];
		printf(" %9.0f %9.0f-%-9.0f %7.0f", ns[m], f->ns[0],
		       f->ns[rounds - 1], cpu[m]);
	}
	printf("   %5.2f %5.2f\n", ns[FAM] / ns[OBJ], cpu[FAM] / cpu[OBJ]);
}

static bool is_wanted(enum medium medium, size_t deed, size_t crowd,
		      char name[64])
{
	char all[128];

	snprintf(name, 64, "%s, %u", deeds[deed].name, crowds[crowd]);
	snprintf(all, sizeof(all), "%s: %s", media[medium].name, name);
	return strstr(all, part) != NULL;
}

static void report(int rounds)
{
	char name[64];

	for (int m = 0; m < MEDIA; m++) {
		printf("%-22s %37s %37s   fam / obj\n"
		       "%-22s %9s %19s %7s %9s %19s %7s   %5s %5s\n",
		       media[m].name, makers[FAM].name, makers[OBJ].name,
		       "workers", "ns", "rounds", "CPU ns", "ns", "rounds",
		       "CPU ns", "time", "CPU");
		for (size_t d = 0; d < DEEDS; d++) {
			for (size_t c = 0; c < CROWDS; c++) {
				if (is_wanted((enum medium)m, d, c, name))
					report_kind(figures[m][d][c], name,
						    rounds);
			}
		}
	}
}

static void measure_round(int fd, enum medium medium, int round)
{
	char name[64];

	for (size_t d = 0; d < DEEDS; d++) {
		for (size_t c = 0; c < CROWDS; c++) {
			if (!is_wanted(medium, d, c, name))
				continue;
			for (int k = 0; k < MAKERS; k++) {
				int m = (k + round) % MAKERS;

				take_turn(fd, (enum maker)m, medium, &deeds[d],
					  crowds[c], &figures[medium][d][c][m],
					  round);
			}
		}
	}
}

/* --- files -------------------------------------------------------------------------------------- */

static int make_zeros(const char *path)
{
	static const char zeros[64 * KIB];
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("make a file", strerror(errno));
	for (uint64_t at = 0; at < FILE_BYTES; at += sizeof(zeros)) {
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)at) < 0)
			fail("write", strerror(errno));
	}
	return fd;
}

static void format(int fd, uint32_t durability)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1};
	struct fam_superblock sb;

	must("format", fam_superblock_init(&sb, FILE_BYTES, "bench", uuid, 1,
					   durability));
	must("format", fam_superblock_set_regions(&sb, MIB));
	must("format", superblocks_write(fd, &sb));
}

/* All blocks are written: then neither changes the file system's data later on. */
static void make_files(enum medium medium)
{
	char path[4200];

	for (int m = 0; m < MAKERS; m++) {
		int fd;

		path_of(path, (enum maker)m, medium);
		fd = make_zeros(path);
		if (m == FAM)
			format(fd, media[medium].durability);
		if (fsync(fd) < 0)
			fail("sync", strerror(errno));
		close(fd);
		if (m == FAM)
			fam_make(path);
		else
			obj_make(path);
	}
}

static void remove_files(void)
{
	char path[4200];

	for (int i = 0; i < MAKERS * MEDIA; i++) {
		path_of(path, (enum maker)(i % MAKERS),
			(enum medium)(i / MAKERS));
		unlink(path);
	}
}

int main(int argc, char **argv)
{
	int fd, rounds = argc > 2 ? atoi(argv[2]) : 5;

	if (argc == 9 && strcmp(argv[1], "--work") == 0)
		return run_job(argv + 2);
	dir = argc > 1 ? argv[1] : dir;
	part = argc > 3 ? argv[3] : part;
	if (rounds < 1 || rounds > ROUNDS_MAX)
		fail("measure so", "1 to 31 rounds");
	snprintf(stem, sizeof(stem), "%s/fam-bench-heap-%d", dir, getpid());
	fd = memfd_create("bench-heap", 0);
	if (fd < 0 || ftruncate(fd, sizeof(*turn)) < 0)
		fail("share", strerror(errno));
	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (turn == MAP_FAILED)
		fail("share", strerror(errno));
	atexit(remove_files);
	for (int m = 0; m < MEDIA; m++)
		make_files((enum medium)m);
	for (int round = 0; round < rounds; round++) {
		for (int m = 0; m < MEDIA; m++)
			measure_round(fd, (enum medium)m, round);
	}
	report(rounds);
	return fflush(stdout) == 0 ? 0 : 1;
}
