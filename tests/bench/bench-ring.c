// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Messages of 64 bytes from one process to another, through rings of libfam and
 * of DPDK, which lie in the same fabric. All ways take turns, ROUNDS times; the
 * consumer checks what it gets.
 *
 *	bench-ring [-m MESSAGES] [-r ROUNDS] [DIRECTORY]
 *
 * Prints for each way, in nanoseconds a message: least, median, and CPU time of
 * both processes; then what libfam's median is of DPDK's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <fam/fam.h>
#include <fam/ring.h>

#include "bench.h"
#include "lib/superblocks.h"

#define FABRIC_BYTES (UINT64_C(32) << 20)
#define SLOTS	     1024
#define BURST_MAX    32
#define ROUNDS_MAX   101
#define FOREIGN	     (UINT64_C(1) << 20) /* where DPDK's ring lies */

struct message {
	uint64_t word[8];
};

enum maker { FAM, DPDK };

struct way {
	const char *name;
	enum maker maker;
	unsigned int kind, flags, burst;
};

static const struct way ways[] = {
	{"fam  spsc 1", FAM, FAM_RING_SPSC, FAM_RING_POLLED, 1},
	{"dpdk spsc 1", DPDK, FAM_RING_SPSC, 0, 1},
	{"fam  spsc 32", FAM, FAM_RING_SPSC, FAM_RING_POLLED, 32},
	{"dpdk spsc 32", DPDK, FAM_RING_SPSC, 0, 32},
	{"fam  mpmc 1", FAM, FAM_RING_MPMC, FAM_RING_POLLED, 1},
	{"dpdk mpmc 1", DPDK, FAM_RING_MPMC, 0, 1},
	{"fam  mpmc 32", FAM, FAM_RING_MPMC, FAM_RING_POLLED, 32},
	{"dpdk mpmc 32", DPDK, FAM_RING_MPMC, 0, 32},
	{"fam  spsc 1 that is told", FAM, FAM_RING_SPSC, 0, 1},
	{"fam  mpmc 1 that is told", FAM, FAM_RING_MPMC, 0, 1},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static struct fam *fam;
static uint8_t *memory;
static uint64_t messages = 2000000;
static unsigned int rounds = 9;
static char dir[4096], path[4200];
static pid_t main_process;
static struct shared {
	_Atomic int ready;
	_Atomic uint64_t cpu_ns;
} * shared;

/* The other side needs this one's CPU if there is one only. */
static void rest(unsigned int *idle)
{
	if (++*idle % 4096 == 0)
		sched_yield();
	else
		rte_pause();
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		sched_setaffinity(0, sizeof(set), &set);
}

/* --- one side of a way ------------------------------------------------------- */

struct end {
	const struct way *way;
	struct fam_ring *ring;
	struct rte_ring *foreign;
};

static unsigned int push(const struct end *end, const struct message *from,
			 unsigned int n)
{
	int r;

	if (end->way->maker == DPDK)
		return rte_ring_enqueue_burst_elem(end->foreign, from,
						   sizeof(*from), n, NULL);
	r = fam_ring_push(end->ring, from, n);
	must("push", r);
	return (unsigned int)r;
}

static unsigned int pop(const struct end *end, struct message *to,
			unsigned int n)
{
	int r;

	if (end->way->maker == DPDK)
		return rte_ring_dequeue_burst_elem(end->foreign, to,
						   sizeof(*to), n, NULL);
	r = fam_ring_pop(end->ring, to, n);
	must("pop", r);
	return (unsigned int)r;
}

static void produce(const struct end *end)
{
	struct message burst[BURST_MAX] = {0};
	unsigned int n, done, idle = 0, want = end->way->burst;

	for (uint64_t sent = 0; sent < messages; sent += want) {
		for (n = 0; n < want; n++) {
			burst[n].word[0] = sent + n;
			burst[n].word[7] = ~(sent + n);
		}
		done = push(end, burst, want);
		while (done < want) {
			rest(&idle);
			done += push(end, burst + done, want - done);
		}
	}
}

static void consume(const struct end *end)
{
	struct message burst[BURST_MAX];
	unsigned int n, idle = 0;
	uint64_t got = 0;

	while (got < messages) {
		n = pop(end, burst, end->way->burst);
		if (n == 0)
			rest(&idle);
		for (unsigned int i = 0; i < n; i++, got++) {
			if (burst[i].word[0] != got || burst[i].word[7] != ~got)
				fail(end->way->name,
				     "a message came twice, or none");
		}
	}
}

static void open_end(struct end *end, unsigned int role)
{
	struct fam_ring_config config = {end->way->kind, end->way->flags, SLOTS,
					 sizeof(struct message)};

	if (end->way->maker == FAM)
		must("open", fam_ring_at(fam, memory, fam_ring_size(&config),
					 role, &end->ring));
	end->foreign = (struct rte_ring *)(memory + FOREIGN);
}

static void make(const struct way *way)
{
	struct fam_ring_config config = {way->kind, way->flags, SLOTS,
					 sizeof(struct message)};
	unsigned int single = RING_F_SP_ENQ | RING_F_SC_DEQ;

	if (way->maker == FAM)
		must("make", fam_ring_make(fam, memory, &config));
	else
		must("init",
		     rte_ring_init((struct rte_ring *)(memory + FOREIGN),
				   "bench", SLOTS,
				   way->kind == FAM_RING_SPSC ? single : 0));
}

static void consumer(const struct way *way)
{
	struct end end = {.way = way};
	uint64_t cpu;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	must("open", fam_open(&fam, path, 0));
	must("map", fam_map(fam, 0, 0, (void **)&memory));
	open_end(&end, FAM_RING_POP);
	cpu = cpu_ns();
	atomic_store(&shared->ready, 1);
	consume(&end);
	atomic_store(&shared->cpu_ns, cpu_ns() - cpu);
	fam_ring_close(end.ring);
	fam_close(fam);
	exit(0);
}

struct figure {
	double wall[ROUNDS_MAX], cpu[ROUNDS_MAX];
};

static void run(const struct way *way, unsigned int round, struct figure *out)
{
	struct end end = {.way = way};
	uint64_t start, cpu, wall;
	int status = -1;
	pid_t child;

	make(way);
	open_end(&end, FAM_RING_PUSH);
	atomic_store(&shared->ready, 0);
	child = fork();
	if (child == 0)
		consumer(way);
	while (!atomic_load(&shared->ready)) {
		if (waitpid(child, &status, WNOHANG) != 0)
			exit(1);
		sched_yield();
	}
	start = time_ns(CLOCK_MONOTONIC);
	cpu = cpu_ns();
	produce(&end);
	if (waitpid(child, &status, 0) < 0 || status != 0)
		exit(1);
	wall = time_ns(CLOCK_MONOTONIC) - start;
	cpu = cpu_ns() - cpu;
	out->wall[round] = (double)wall / (double)messages;
	out->cpu[round] = (double)(cpu + shared->cpu_ns) / (double)messages;
	fam_ring_close(end.ring);
}

static void report(struct figure *figures)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct figure *f = &figures[i];

		qsort(f->wall, rounds, sizeof(f->wall[0]), by_value);
		qsort(f->cpu, rounds, sizeof(f->cpu[0]), by_value);
		printf("%-26s %7.1f %7.1f %7.1f", ways[i].name, f->wall[0],
		       f->wall[rounds / 2], f->cpu[rounds / 2]);
		if (ways[i].maker == DPDK)
			printf("   fam takes %.2f of it (least %.2f)",
			       f[-1].wall[rounds / 2] / f->wall[rounds / 2],
			       f[-1].wall[0] / f->wall[0]);
		printf("\n");
	}
}

static void make_fabric(void)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {1};
	struct fam_superblock sb;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)FABRIC_BYTES) < 0)
		must("make the fabric", -errno);
	must("format", fam_superblock_init(&sb, FABRIC_BYTES, "ring", uuid, 1,
					   FAM_DURABILITY_HOST));
	must("make the fabric", superblocks_write(fd, &sb));
	close(fd);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "m:r:")) != -1) {
		if (c == 'm')
			messages = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (unsigned int)strtoul(optarg, NULL, 10);
		else
			exit(2);
	}
	messages = (messages + BURST_MAX - 1) / BURST_MAX * BURST_MAX;
	if (messages == 0 || rounds == 0 || rounds > ROUNDS_MAX)
		exit(2);
}

static void remove_fabric(void)
{
	if (getpid() != main_process)
		return;
	unlink(path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	static struct figure figures[WAYS];

	options(argc, argv);
	snprintf(dir, sizeof(dir), "%s/fam-ring-XXXXXX",
		 optind < argc ? argv[optind] : "/dev/shm");
	if (!mkdtemp(dir))
		must("use the directory", -errno);
	snprintf(path, sizeof(path), "%s/ring.fam", dir);
	main_process = getpid();
	atexit(remove_fabric);
	make_fabric();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must("open", fam_open(&fam, path, 0));
	must("map", fam_map(fam, 0, 0, (void **)&memory));
	pin(0);
	for (unsigned int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < WAYS; i++)
			run(&ways[i], round, &figures[i]);
	}
	printf("%-26s %7s %7s %7s\n", "ns a message", "least", "median", "CPU");
	report(figures);
	fam_close(fam);
	return 0;
}
