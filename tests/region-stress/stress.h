/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_REGION_STRESS_H
#define TESTS_REGION_STRESS_H

/* Regions under stress: what the parts of fam-region-stress know of each other. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fam/fam.h>
#include <fam/region.h>

struct want {
	const char *fabric, *model;
	uint64_t seed;
	unsigned int seconds, processes, kill_ms, id;
	bool no_sync; /* nothing is made durable: there may be no way to the disk */
	bool hostile; /* somebody scribbles: whatever is told, nothing breaks */
};

/** fail() - says what is wrong, and ends the process with 1 */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** next_random() - xorshift64* */
uint64_t next_random(uint64_t *state);

/* --- what regions hold: pattern.c ------------------------------------------------- */

/*
 * Each byte of a region is 0, or what its position and the serial of the region
 * make of it. So whoever dies in the middle of writing leaves it right, and what
 * belongs to another region, or to one that was here before, shows.
 */
void pattern_fill(void *at, uint64_t bytes, uint64_t serial, uint64_t *state);
/** pattern_bad() - offset of a byte that cannot be; UINT64_MAX: none */
uint64_t pattern_bad(const void *at, uint64_t bytes, uint64_t serial,
		     uint64_t *state);
/** zeros_bad() - offset of a byte that is not 0 from @from on; UINT64_MAX: none */
uint64_t zeros_bad(const void *at, uint64_t from, uint64_t bytes,
		   uint64_t *state);

/* --- the jobs ------------------------------------------------------------------------- */

/** worker_run() - change regions at random for a while; worker.c */
int worker_run(const struct want *want);
/** judge_run() - when all have ended: is everything as it should be? judge.c */
int judge_run(const struct want *want);
/** scribble_run() - write over the directory for a while; scribble.c */
int scribble_run(const struct want *want);

#endif
