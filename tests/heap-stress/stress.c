// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A heap under stress: fam-heap-stress JOB [OPTION...] FABRIC
 *
 *	run		workers here, some of which are killed or stopped; then check
 *	init		make the heap
 *	work		one worker; makes the heap if there is none
 *	check		when all have ended: is everything exact? Takes it apart
 *	leak		allocate what nothing leads to: the check tells it
 *
 *	--seed N	of all that is random; default 1
 *	--seconds N	for so long; default 10
 *	--bytes N	init, work, run: of the heap; default 24 MiB
 *	--processes N	run: so many workers; default 4
 *	--kill-ms N	run: one of them is killed each N ms or less; 0: none
 *	--stop-ms N	run: one of them stands still for longer than its lease
 *	--lease-ms N	work: of its session
 *	--id N		work: its number, of which there is one at a time
 *	--model FILE	work: what it left; its successor is to find that
 *
 * FABRIC may be '': the one there is. Exit: 0 all is well; 1 it is not; 2 usage.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

static struct want want = {
	.seed = 1, .seconds = 10, .processes = 4, .kill_ms = 150};

void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fam-heap-stress %d: ", getpid());
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int usage(void)
{
	fputs("usage: fam-heap-stress run|init|work|check|leak [OPTION...] "
	      "FABRIC\n",
	      stderr);
	return 2;
}

static int init_run(void)
{
	struct stress s = {0};
	int r = stress_open(&s, &want);

	if (r < 0)
		fail("'%s': %s", want.fabric, fam_strerror(r));
	stress_close(&s);
	return 0;
}

static int leak_run(void)
{
	struct stress s = {0};
	int r = stress_open(&s, &want);

	if (r == 0)
		r = fam_heap_alloc(s.heap, 0, 100, 0, NULL);
	if (r < 0)
		fail("'%s': %s", want.fabric, fam_strerror(r));
	stress_close(&s);
	return 0;
}

static unsigned int *number_of(int letter)
{
	switch (letter) {
	case 't':
		return &want.seconds;
	case 'p':
		return &want.processes;
	case 'k':
		return &want.kill_ms;
	case 'o':
		return &want.stop_ms;
	case 'l':
		return &want.lease_ms;
	default:
		return &want.id;
	}
}

static bool take_option(int letter)
{
	unsigned long long n = optarg ? strtoull(optarg, NULL, 10) : 0;

	if (letter == '?')
		return false;
	if (letter == 's')
		want.seed = n;
	else if (letter == 'b')
		want.bytes = n;
	else if (letter == 'm')
		want.model = optarg;
	else
		*number_of(letter) = (unsigned int)n;
	return true;
}

static int do_job(const char *job, const char *self)
{
	if (strcmp(job, "run") == 0)
		return crew_run(&want, self);
	if (strcmp(job, "init") == 0)
		return init_run();
	if (strcmp(job, "work") == 0)
		return worker_run(&want);
	if (strcmp(job, "check") == 0)
		return judge_run(&want);
	if (strcmp(job, "leak") == 0)
		return leak_run();
	return usage();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'},	   {"seconds", 1, NULL, 't'},
		{"bytes", 1, NULL, 'b'},   {"processes", 1, NULL, 'p'},
		{"kill-ms", 1, NULL, 'k'}, {"stop-ms", 1, NULL, 'o'},
		{"id", 1, NULL, 'i'},	   {"lease-ms", 1, NULL, 'l'},
		{"model", 1, NULL, 'm'},   {0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take_option(letter))
			return usage();
	}
	if (optind + 2 != argc || !want.processes || want.processes > WORKERS ||
	    want.id >= WORKERS)
		return usage();
	want.fabric = argv[optind + 1];
	return do_job(argv[optind], argv[0]);
}
