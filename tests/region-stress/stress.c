// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Regions under stress: fam-region-stress JOB [OPTION...] FABRIC
 *
 *	run		workers here, some of which are killed; then check
 *	work		one worker
 *	check		when all have ended: is everything as it should be?
 *	scribble	write over the directory
 *
 *	--seed N	of all that is random; default 1
 *	--seconds N	for so long; default 10
 *	--processes N	run: so many workers; default 4
 *	--kill-ms N	run: one of them is killed each N ms or less; 0: none
 *	--id N		work: its number, of which there is one at a time
 *	--model FILE	work: what it left; its successor is to find that
 *	--no-sync	nothing is made durable
 *	--hostile	somebody scribbles: nothing breaks or hangs, no more
 *
 * Exit: 0 all is well; 1 it is not; 2 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define PROCESSES_MAX 64
#define END_MAX	      90 /* seconds that a worker may take to end */

static struct want want = {
	.seed = 1, .seconds = 10, .processes = 4, .kill_ms = 150};

void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fam-region-stress %d: ", getpid());
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* --- workers ---------------------------------------------------------------------- */

static struct crew {
	pid_t pid[PROCESSES_MAX];
	char dir[64]; /* of their models */
	const char *self;
	time_t until;
	uint64_t random;
	unsigned int kills;
} crew;

static void model_path(unsigned int id, char out[96])
{
	snprintf(out, 96, "%s/%u", crew.dir, id);
}

static void exec_worker(unsigned int id)
{
	char number[16], seed[24], seconds[16], model[96];
	time_t left = crew.until - time(NULL);
	const char *argv[] = {crew.self, "work", "--id",      number,
			      "--seed",	 seed,	 "--seconds", seconds,
			      "--model", model,	 want.fabric, NULL,
			      NULL,	 NULL};
	int n = 11;

	snprintf(number, sizeof(number), "%u", id);
	snprintf(seed, sizeof(seed), "%llu",
		 (unsigned long long)(next_random(&crew.random) >> 1));
	snprintf(seconds, sizeof(seconds), "%d", left > 0 ? (int)left : 0);
	model_path(id, model);
	if (want.no_sync)
		argv[n++] = "--no-sync";
	if (want.hostile)
		argv[n++] = "--hostile";
	execv("/proc/self/exe", (char *const *)argv);
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

static void fire_all(void)
{
	for (unsigned int i = 0; i < want.processes; i++) {
		if (crew.pid[i] > 0)
			kill(crew.pid[i], SIGKILL);
	}
}

static void remove_models(void)
{
	char path[96];

	for (unsigned int i = 0; i < want.processes; i++) {
		model_path(i, path);
		unlink(path);
	}
	rmdir(crew.dir);
}

/* One that has ended by itself must have ended well. */
static void judge_end(unsigned int id, int status, bool killed)
{
	if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	crew.pid[id] = 0;
	fire_all();
	remove_models();
	if (WIFSIGNALED(status))
		fail("worker %u: %s", id, strsignal(WTERMSIG(status)));
	fail("worker %u ended with %d", id, WEXITSTATUS(status));
}

static void look_after(void)
{
	int status;

	for (unsigned int i = 0; i < want.processes; i++) {
		if (crew.pid[i] <= 0 ||
		    waitpid(crew.pid[i], &status, WNOHANG) != crew.pid[i])
			continue;
		judge_end(i, status, false);
		crew.pid[i] = 0;
	}
}

static void kill_one(void)
{
	unsigned int id =
		(unsigned int)(next_random(&crew.random) % want.processes);
	int status;

	if (crew.pid[id] <= 0)
		return;
	kill(crew.pid[id], SIGKILL);
	waitpid(crew.pid[id], &status, 0);
	judge_end(id, status, true);
	crew.kills++;
	hire(id);
}

static void nap(unsigned int ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

static void await_all(void)
{
	time_t until = crew.until + END_MAX;

	for (unsigned int left = 1; left;) {
		left = 0;
		look_after();
		for (unsigned int i = 0; i < want.processes; i++)
			left += crew.pid[i] > 0;
		if (left && time(NULL) > until) {
			fire_all();
			remove_models();
			fail("%u workers do not end", left);
		}
		nap(10);
	}
}

static int run(const char *self)
{
	crew.self = self;
	crew.random = want.seed * 2654435761u + 1;
	crew.until = time(NULL) + want.seconds;
	snprintf(crew.dir, sizeof(crew.dir), "/tmp/fam-region-stress-XXXXXX");
	if (!mkdtemp(crew.dir))
		fail("%s: %s", crew.dir, strerror(errno));
	for (unsigned int i = 0; i < want.processes; i++)
		hire(i);
	while (time(NULL) < crew.until) {
		nap(want.kill_ms
			    ? 1 + (unsigned int)(next_random(&crew.random) %
						 want.kill_ms)
			    : 100);
		look_after();
		if (want.kill_ms)
			kill_one();
	}
	await_all();
	remove_models();
	printf("# %u workers killed\n", crew.kills);
	return judge_run(&want);
}

/* --- words -------------------------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: fam-region-stress run|work|check|scribble [OPTION...] "
	      "FABRIC\n",
	      stderr);
	return 2;
}

static bool take_option(int letter)
{
	unsigned long long n = optarg ? strtoull(optarg, NULL, 10) : 0;

	switch (letter) {
	case 's':
		want.seed = n;
		break;
	case 't':
		want.seconds = (unsigned int)n;
		break;
	case 'p':
		want.processes = (unsigned int)n;
		break;
	case 'k':
		want.kill_ms = (unsigned int)n;
		break;
	case 'i':
		want.id = (unsigned int)n;
		break;
	case 'm':
		want.model = optarg;
		break;
	case 'n':
		want.no_sync = true;
		break;
	case 'h':
		want.hostile = true;
		break;
	default:
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", 1, NULL, 's'},
						{"seconds", 1, NULL, 't'},
						{"processes", 1, NULL, 'p'},
						{"kill-ms", 1, NULL, 'k'},
						{"id", 1, NULL, 'i'},
						{"model", 1, NULL, 'm'},
						{"no-sync", 0, NULL, 'n'},
						{"hostile", 0, NULL, 'h'},
						{0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take_option(letter))
			return usage();
	}
	if (optind + 2 != argc || !want.processes ||
	    want.processes > PROCESSES_MAX)
		return usage();
	want.fabric = argv[optind + 1];
	if (strcmp(argv[optind], "run") == 0)
		return run(argv[0]);
	if (strcmp(argv[optind], "work") == 0)
		return worker_run(&want);
	if (strcmp(argv[optind], "check") == 0)
		return judge_run(&want);
	if (strcmp(argv[optind], "scribble") == 0)
		return scribble_run(&want);
	return usage();
}
