// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Locks under stress: fam-lock-stress [OPTION...] FABRIC
 *
 *	--kind KIND	mutex, spin, ticket, rwlock
 *	--name NAME	in a named object of the fabric, or
 *	--at OFFSET	in its data; default 0
 *	--begin COUNT	begin anew, so many steps for all together; else join in
 *	--processes N	N processes on this machine; default 1
 *	--threads N	N threads in each of them; default 1
 *	--kills N	kill one of the processes N times, and have another begin
 *	--check		do nothing but tell what became of it
 *
 * Several of them, on several machines, work on the same steps; the one with
 * --begin is to be first. Exit: 0 all is well; 1 it is not; 2 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"

#define PROCESSES_MAX 64
#define THREADS_MAX   64
#define KILL_MS	      60 /* between two kills, at most */

static struct {
	const struct lock_kind *kind;
	const char *name, *fabric;
	uint64_t at, begin;
	unsigned int processes, threads, kills;
	bool check;
} want = {&lock_kinds[0], .processes = 1, .threads = 1};

struct place {
	struct fam *fam;
	struct fam_object *object;
	struct arena *arena;
};

static int complain(const char *what, int r)
{
	fprintf(stderr, "fam-lock-stress: %s: %s\n", what, fam_strerror(r));
	return r;
}

static int find(struct place *p)
{
	const struct fam_object_want object = {FAM_OBJECT_MEMORY,
					       FAM_OBJECT_CREATE,
					       sizeof(struct arena),
					       NULL,
					       NULL,
					       NULL};
	void *memory = NULL;
	int r;

	if (!want.name) {
		r = fam_map(p->fam, want.at, sizeof(struct arena), &memory);
	} else {
		r = fam_object_open(p->fam, want.name, &object, &p->object);
		if (r == 0)
			memory = fam_object_memory(p->object);
	}
	p->arena = memory;
	return r;
}

static int come(struct place *p)
{
	int r;

	*p = (struct place){0};
	r = fam_open(&p->fam, want.fabric, 0);
	if (r < 0)
		return complain(want.fabric, r);
	r = fam_session_check(p->fam);
	if (r == 0)
		r = find(p);
	if (r < 0) {
		fam_close(p->fam);
		return complain(want.fabric, r);
	}
	return 0;
}

static void go(struct place *p)
{
	fam_object_close(p->object);
	fam_close(p->fam);
}

/* --- work --------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct place *p = arg;
	struct arena_worker worker;
	int r;

	arena_join(&worker, p->fam, p->arena, want.kind);
	r = arena_work(&worker);
	if (r < 0)
		complain(want.kind->name, r);
	return (void *)(intptr_t)r;
}

/* In a process of its own. */
static int work(void)
{
	pthread_t thread[THREADS_MAX];
	struct place p;
	void *result;
	int failed = 0;

	if (come(&p) < 0)
		return 1;
	for (unsigned int i = 0; i < want.threads; i++)
		pthread_create(&thread[i], NULL, run, &p);
	for (unsigned int i = 0; i < want.threads; i++) {
		pthread_join(thread[i], &result);
		failed |= result != NULL;
	}
	go(&p);
	return failed;
}

static pid_t begin_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(work());
	return pid;
}

/* A random time has passed, or it has ended. Return: has it? */
static bool await_end(pid_t pid, int ms)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0),
			   .events = POLLIN};
	bool ended = poll(&p, 1, ms) > 0;

	close(p.fd);
	return ended;
}

static bool has_failed(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static int work_all(void)
{
	pid_t pid[PROCESSES_MAX];
	bool failed = false;

	for (unsigned int i = 0; i < want.processes; i++)
		pid[i] = begin_one();
	for (unsigned int k = 0; k < want.kills; k++) {
		unsigned int victim = (unsigned int)rand() % want.processes;

		if (await_end(pid[victim], rand() % KILL_MS))
			break;
		kill(pid[victim], SIGKILL);
		waitpid(pid[victim], NULL, 0);
		pid[victim] = begin_one();
	}
	for (unsigned int i = 0; i < want.processes; i++)
		failed |= has_failed(pid[i]);
	return failed;
}

/* --- the whole ------------------------------------------------------------------ */

static int begin(void)
{
	struct place p;

	if (come(&p) < 0)
		return 1;
	arena_begin(p.arena, want.begin);
	go(&p);
	return 0;
}

static int check(double seconds)
{
	struct place p;
	int r;

	if (come(&p) < 0)
		return 1;
	r = arena_check(p.arena, want.kind->name);
	if (seconds > 0)
		printf("seconds=%.2f\n", seconds);
	go(&p);
	return r < 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int usage(void)
{
	fprintf(stderr, "usage: fam-lock-stress [--kind KIND] "
			"[--name NAME | --at OFFSET] [--begin COUNT] "
			"[--processes N] [--threads N] [--kills N] [--check] "
			"FABRIC\n");
	return 2;
}

static bool parse_one(int option, const char *text)
{
	char none[] = "", *end = none;
	uint64_t number = text ? strtoull(text, &end, 0) : 0;

	switch (option) {
	case 'k':
		want.kind = text ? lock_kind_find(text) : NULL;
		return want.kind != NULL;
	case 'n':
		want.name = text;
		return true;
	case 'c':
		want.check = true;
		return true;
	case 'a':
		want.at = number;
		break;
	case 'b':
		want.begin = number;
		break;
	case 'p':
		want.processes = (unsigned int)number;
		break;
	case 't':
		want.threads = (unsigned int)number;
		break;
	case 'K':
		want.kills = (unsigned int)number;
		break;
	default:
		return false;
	}
	return *end == '\0';
}

static bool parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"kind", 1, NULL, 'k'},	     {"name", 1, NULL, 'n'},
		{"at", 1, NULL, 'a'},	     {"begin", 1, NULL, 'b'},
		{"processes", 1, NULL, 'p'}, {"threads", 1, NULL, 't'},
		{"kills", 1, NULL, 'K'},     {"check", 0, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!parse_one(option, optarg))
			return false;
	}
	want.fabric = argv[optind];
	return optind == argc - 1 && want.processes >= 1 &&
	       want.processes <= PROCESSES_MAX && want.threads >= 1 &&
	       want.threads <= THREADS_MAX;
}

int main(int argc, char **argv)
{
	double began = now();
	int failed;

	if (!parse(argc, argv))
		return usage();
	srand((unsigned int)getpid());
	if (want.check)
		return check(0);
	if (want.begin && begin())
		return 1;
	failed = work_all();
	return check(now() - began) || failed;
}
