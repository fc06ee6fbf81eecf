// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Locks of the fabric beside robust process-shared mutexes of pthreads in the
 * same file: bench-lock [ROUNDS] [OPERATIONS]
 *
 * Each round measures all kinds, one after the other: by one thread alone, by
 * two processes, by two threads of one process. What is locked is one addition,
 * and there is nothing between two locks. Time is that of an operation, of
 * whichever thread; CPU is that of all threads together.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

/* What cmocka gives the tests. */
#define assert_true(x)	       ((x) ? (void)0 : abort())
#define assert_int_equal(a, b) assert_true((a) == (b))
#include "unit/fabric-file.h"

#define ROUNDS_MAX 101
#define WORKERS	   2
#define WINDOW	   (64 * 1024)

struct field {
	pthread_mutex_t pthread __attribute__((aligned(64)));
	struct fam_mutex mutex;
	struct fam_spin spin;
	struct fam_ticket ticket;
	struct fam_rwlock rwlock;
	uint64_t count __attribute__((aligned(64)));
	uint64_t ready, go; /* workers that are, rounds begun */
};

static int pthread_take(struct fam *fam, struct field *f)
{
	(void)fam;
	return pthread_mutex_lock(&f->pthread);
}

static int pthread_drop(struct fam *fam, struct field *f)
{
	(void)fam;
	return pthread_mutex_unlock(&f->pthread);
}

static int mutex_take(struct fam *fam, struct field *f)
{
	return fam_mutex_lock(fam, &f->mutex, -1);
}

static int mutex_drop(struct fam *fam, struct field *f)
{
	return fam_mutex_unlock(fam, &f->mutex);
}

static int spin_take(struct fam *fam, struct field *f)
{
	return fam_spin_lock(fam, &f->spin, -1);
}

static int spin_drop(struct fam *fam, struct field *f)
{
	return fam_spin_unlock(fam, &f->spin);
}

static int ticket_take(struct fam *fam, struct field *f)
{
	return fam_ticket_lock(fam, &f->ticket, -1);
}

static int ticket_drop(struct fam *fam, struct field *f)
{
	return fam_ticket_unlock(fam, &f->ticket);
}

static int write_take(struct fam *fam, struct field *f)
{
	return fam_rwlock_write(fam, &f->rwlock, -1);
}

static int write_drop(struct fam *fam, struct field *f)
{
	return fam_rwlock_unlock_write(fam, &f->rwlock);
}

static int read_take(struct fam *fam, struct field *f)
{
	return fam_rwlock_read(fam, &f->rwlock, -1);
}

static int read_drop(struct fam *fam, struct field *f)
{
	return fam_rwlock_unlock_read(fam, &f->rwlock);
}

static const struct {
	const char *name;
	int (*take)(struct fam *fam, struct field *f);
	int (*drop)(struct fam *fam, struct field *f);
} kinds[] = {
	{"pthread robust", pthread_take, pthread_drop},
	{"fam_mutex", mutex_take, mutex_drop},
	{"fam_spin", spin_take, spin_drop},
	{"fam_ticket", ticket_take, ticket_drop},
	{"fam_rwlock write", write_take, write_drop},
	{"fam_rwlock read", read_take, read_drop},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* --- workers: processes of their own ---------------------------------------------- */

struct order {
	unsigned int kind, threads, parties;
	uint64_t operations; /* of each thread */
	uint64_t round;
};

struct result {
	int64_t began, ended, cpu; /* ns */
};

struct job {
	struct fam *fam;
	struct field *field;
	struct order order;
	struct result result;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* All begin together. */
static void meet(struct field *f, const struct order *o)
{
	if (__atomic_add_fetch(&f->ready, 1, __ATOMIC_SEQ_CST) == o->parties) {
		__atomic_store_n(&f->ready, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&f->go, o->round, __ATOMIC_SEQ_CST);
	}
	while (__atomic_load_n(&f->go, __ATOMIC_SEQ_CST) != o->round)
		sched_yield();
}

static void *work(void *arg)
{
	struct job *j = arg;
	struct field *f = j->field;
	int64_t cpu;

	meet(f, &j->order);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	j->result.began = clock_ns(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < j->order.operations; i++) {
		if (kinds[j->order.kind].take(j->fam, f))
			abort();
		*(volatile uint64_t *)&f->count += 1;
		if (kinds[j->order.kind].drop(j->fam, f))
			abort();
	}
	j->result.ended = clock_ns(CLOCK_MONOTONIC);
	j->result.cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	return NULL;
}

static struct result obey(struct fam *fam, struct field *field,
			  const struct order *order)
{
	struct job job[WORKERS];
	pthread_t thread[WORKERS];
	struct result all;

	for (unsigned int i = 0; i < order->threads; i++) {
		job[i] = (struct job){fam, field, *order, {0}};
		if (pthread_create(&thread[i], NULL, work, &job[i]))
			die("pthread_create");
	}
	for (unsigned int i = 0; i < order->threads; i++) {
		pthread_join(thread[i], NULL);
		if (i == 0)
			all = job[0].result;
		if (job[i].result.began < all.began)
			all.began = job[i].result.began;
		if (job[i].result.ended > all.ended)
			all.ended = job[i].result.ended;
		all.cpu += i ? job[i].result.cpu : 0;
	}
	return all;
}

static void serve(const char *path, int from, int to)
{
	struct order order;
	struct result result;
	struct fam *fam;
	void *field;

	if (fam_open(&fam, path, 0) < 0 || fam_map(fam, 0, WINDOW, &field) < 0)
		die(path);
	while (read(from, &order, sizeof(order)) == sizeof(order)) {
		result = obey(fam, field, &order);
		if (write(to, &result, sizeof(result)) != sizeof(result))
			die("write");
	}
	fam_close(fam);
	exit(0);
}

/* --- the measurement ----------------------------------------------------------------- */

static struct {
	int to, from;
	pid_t pid;
} worker[WORKERS];

static void hire(const char *path)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		int to[2], from[2];

		if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
			die("pipe");
		worker[i].pid = fork();
		if (worker[i].pid == 0) {
			for (unsigned int k = 0; k < i; k++)
				close(worker[k].to);
			close(to[1]);
			serve(path, to[0], from[1]);
		}
		close(to[0]);
		close(from[1]);
		worker[i].to = to[1];
		worker[i].from = from[0];
	}
}

static void dismiss(void)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		close(worker[i].to);
		waitpid(worker[i].pid, NULL, 0);
	}
}

enum way { ALONE, PROCESSES, THREADS, WAYS };

static const char *const way_name[WAYS] = {"one thread", "two processes",
					   "two threads"};

struct sample {
	double ns, cpu; /* of an operation */
};

static struct sample measure(enum way way, unsigned int kind, uint64_t count)
{
	static uint64_t round;
	unsigned int processes = way == PROCESSES ? 2 : 1;
	struct order order = {kind, way == THREADS ? 2 : 1,
			      way == ALONE ? 1 : 2, count, ++round};
	struct result all = {INT64_MAX, 0, 0}, one;

	for (unsigned int i = 0; i < processes; i++) {
		if (write(worker[i].to, &order, sizeof(order)) < 0)
			die("write");
	}
	for (unsigned int i = 0; i < processes; i++) {
		if (read(worker[i].from, &one, sizeof(one)) != sizeof(one))
			die("a worker has died");
		if (one.began < all.began)
			all.began = one.began;
		if (one.ended > all.ended)
			all.ended = one.ended;
		all.cpu += one.cpu;
	}
	count *= order.parties;
	return (struct sample){(double)(all.ended - all.began) / (double)count,
			       (double)all.cpu / (double)count};
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static struct sample seen[WAYS][KINDS][ROUNDS_MAX];

static void print(enum way way, unsigned int rounds)
{
	double base = 0;

	printf("%s:\n  %-18s %10s %10s %10s %8s\n", way_name[way], "", "min ns",
	       "median ns", "CPU ns", "ratio");
	for (unsigned int k = 0; k < KINDS; k++) {
		double ns[ROUNDS_MAX], cpu[ROUNDS_MAX], mid;

		for (unsigned int i = 0; i < rounds; i++) {
			ns[i] = seen[way][k][i].ns;
			cpu[i] = seen[way][k][i].cpu;
		}
		mid = median(ns, rounds);
		base = k ? base : mid;
		printf("  %-18s %10.1f %10.1f %10.1f %8.2f\n", kinds[k].name,
		       ns[0], mid, median(cpu, rounds), mid / base);
	}
}

static void prepare(const char *path)
{
	pthread_mutexattr_t attr;
	struct field *field;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	field = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     FAM_DATA_OFFSET);
	if (field == MAP_FAILED)
		die(path);
	close(fd);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&field->pthread, &attr);
	munmap(field, WINDOW);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 11;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 500000;
	struct workdir work;
	char *path;

	if (rounds < 1 || rounds > ROUNDS_MAX || workdir_make(&work, "/tmp"))
		return 2;
	path = strdup(fabric_make(&work, "bench", 1, NULL));
	prepare(path);
	hire(path);
	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int w = 0; w < WAYS; w++) {
			for (unsigned int k = 0; k < KINDS; k++)
				seen[w][k][i] = measure((enum way)w, k, count);
		}
	}
	for (unsigned int w = 0; w < WAYS; w++)
		print((enum way)w, rounds);
	dismiss();
	free(path);
	return workdir_remove(&work);
}
