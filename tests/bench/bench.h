/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef BENCH_H
#define BENCH_H

/* What most benchmarks need. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <fam/fam.h>

/* "bench-x: cannot WHAT: CAUSE", and the end of this process */
__attribute__((noreturn)) static inline void fail(const char *what,
						  const char *cause)
{
	fprintf(stderr, "%s: cannot %s: %s\n", program_invocation_short_name,
		what, cause);
	exit(2);
}

/* @r: what libfam returned */
static inline void must(const char *what, int64_t r)
{
	if (r < 0)
		fail(what, fam_strerror((int)r));
}

static inline uint64_t time_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* CPU time of this process. */
static inline uint64_t cpu_ns(void)
{
	return time_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* For qsort() of doubles. */
static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#endif
