// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Workers here, some of which are killed, or stand still for longer than a lease. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define END_MAX	     120 /* seconds that a worker may take to end */
#define STOP_LEASE   500 /* ms; of workers that are stopped */
#define STOPPED_MS   (3 * STOP_LEASE)
#define STOP_TRIES   200
#define MODEL_LENGTH 96

static struct crew {
	const struct want *want;
	pid_t pid[WORKERS];
	char dir[64]; /* of their models */
	const char *self;
	time_t until;
	uint64_t random;
	unsigned int kills, stops;
} crew;

static void nap(unsigned int ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

static void model_path(unsigned int id, char out[MODEL_LENGTH])
{
	snprintf(out, MODEL_LENGTH, "%s/%u", crew.dir, id);
}

static void exec_worker(unsigned int id)
{
	char number[16], seed[24], seconds[16], lease[16], model[MODEL_LENGTH];
	time_t left = crew.until - time(NULL);
	char *argv[] = {(char *)crew.self,
			"work",
			"--id",
			number,
			"--seed",
			seed,
			"--seconds",
			seconds,
			"--lease-ms",
			lease,
			"--model",
			model,
			(char *)crew.want->fabric,
			NULL};

	snprintf(number, sizeof(number), "%u", id);
	snprintf(seed, sizeof(seed), "%llu",
		 (unsigned long long)(next_random(&crew.random) >> 1));
	snprintf(seconds, sizeof(seconds), "%d", left > 0 ? (int)left : 0);
	snprintf(lease, sizeof(lease), "%d",
		 crew.want->stop_ms ? STOP_LEASE : 10000);
	model_path(id, model);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static void hire(unsigned int id)
{
	/* the successor is to throw other dice */
	(void)next_random(&crew.random);
	fflush(NULL);
	crew.pid[id] = fork();
	if (crew.pid[id] < 0)
		fail("fork: %s", strerror(errno));
	if (crew.pid[id] == 0)
		exec_worker(id);
}

static void remove_models(void)
{
	char path[MODEL_LENGTH];

	for (unsigned int i = 0; i < crew.want->processes; i++) {
		model_path(i, path);
		unlink(path);
	}
	rmdir(crew.dir);
}

static void give_up(void)
{
	for (unsigned int i = 0; i < crew.want->processes; i++) {
		if (crew.pid[i] > 0)
			kill(crew.pid[i], SIGKILL);
	}
	remove_models();
}

/* One that has ended by itself must have ended well. */
static void judge_end(unsigned int id, int status, bool killed)
{
	crew.pid[id] = 0;
	if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	give_up();
	if (WIFSIGNALED(status))
		fail("worker %u: %s", id, strsignal(WTERMSIG(status)));
	fail("worker %u ended with %d", id, WEXITSTATUS(status));
}

static unsigned int look_after(void)
{
	unsigned int left = 0;
	int status;

	for (unsigned int i = 0; i < crew.want->processes; i++) {
		if (crew.pid[i] > 0 &&
		    waitpid(crew.pid[i], &status, WNOHANG) == crew.pid[i])
			judge_end(i, status, false);
		left += crew.pid[i] > 0;
	}
	return left;
}

static void kill_one(unsigned int id)
{
	int status;

	if (crew.pid[id] <= 0)
		return;
	kill(crew.pid[id], SIGKILL);
	waitpid(crew.pid[id], &status, 0);
	judge_end(id, status, true);
	crew.kills++;
	hire(id);
}

/* --- standing still ------------------------------------------------------------------ */

static bool read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * In a call of the kernel, as when it waits for the disk or a lock? Who stands
 * still while it stores to the fabric, for longer than its lease, goes on with
 * that when it is continued: nothing can keep it from that (fam/lock.h).
 */
static bool is_in_kernel(pid_t pid)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		if (!read_line(path, line, sizeof(line)))
			return false;
	} while (!strstr(line, ") T") && !strstr(line, ") Z"));
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	return read_line(path, line, sizeof(line)) && line[0] >= '0' &&
	       line[0] <= '9';
}

static void stop_one(unsigned int id)
{
	pid_t pid = crew.pid[id];

	for (int tries = 0; pid > 0 && tries < STOP_TRIES; tries++) {
		kill(pid, SIGSTOP);
		if (is_in_kernel(pid)) {
			nap(STOPPED_MS);
			crew.stops++;
			tries = STOP_TRIES;
		}
		kill(pid, SIGCONT);
		nap(1);
	}
}

/* --- all of it ------------------------------------------------------------------------- */

static void disturb(void)
{
	unsigned int most = crew.want->kill_ms	 ? crew.want->kill_ms
			    : crew.want->stop_ms ? crew.want->stop_ms
						 : 100;
	unsigned int id;

	nap(1 + (unsigned int)(next_random(&crew.random) % most));
	id = (unsigned int)(next_random(&crew.random) % crew.want->processes);
	look_after();
	if (crew.want->stop_ms && next_random(&crew.random) % 2)
		stop_one(id);
	else if (crew.want->kill_ms)
		kill_one(id);
}

static void await_all(void)
{
	time_t until = crew.until + END_MAX;

	while (look_after()) {
		if (time(NULL) > until) {
			give_up();
			fail("workers do not end");
		}
		nap(10);
	}
}

/* Each once more, for no time: it looks whether all is there. */
static void look_once_more(void)
{
	for (unsigned int i = 0; i < crew.want->processes; i++)
		hire(i);
	await_all();
}

int crew_run(const struct want *want, const char *self)
{
	crew.want = want;
	crew.self = self;
	crew.random = want->seed * 2654435761u + 1;
	crew.until = time(NULL) + want->seconds;
	snprintf(crew.dir, sizeof(crew.dir), "/tmp/fam-heap-stress-XXXXXX");
	if (!mkdtemp(crew.dir))
		fail("%s: %s", crew.dir, strerror(errno));
	for (unsigned int i = 0; i < want->processes; i++)
		hire(i);
	while (time(NULL) < crew.until)
		disturb();
	await_all();
	look_once_more();
	remove_models();
	printf("# %u workers killed, %u stopped\n", crew.kills, crew.stops);
	return judge_run(want);
}
