/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_RECORD_H
#define TESTS_CRASH_RECORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * What writers leave in the fabric, so that it can be judged after a crash.
 *
 * Each writer has an area of its own, with slots. A slot has two places, written
 * in turn: what was acknowledged is never written over before the next one is.
 * So whatever a crash does to the place being written, the other one must hold
 * a whole record, with at least the acknowledged sequence number.
 *
 * The stride is no divisor of a page: records share pages and lie across their
 * boundaries, as a program's data do.
 */
#define RECORD_SLOTS  256
#define RECORD_STRIDE 4160
#define RECORD_MIN    64
#define RECORD_MAX    4096
#define RECORD_AREA   ((uint64_t)RECORD_SLOTS * 2 * RECORD_STRIDE)
#define RECORD_MAGIC  UINT64_C(0x21524f4345524d41)

struct record {
	uint64_t magic;
	uint32_t length; /* bytes with this head */
	uint32_t crc;	 /* fam_crc32c() of all, this being 0 */
	uint32_t area, slot;
	uint64_t sequence; /* rises in an area, from 1 */
	uint8_t data[RECORD_MAX - 32];
};

/** record_place() - where it is, counted from the area's begin; @place 0 or 1 */
static inline size_t record_place(uint32_t slot, unsigned int place)
{
	return ((size_t)slot * 2 + place) * RECORD_STRIDE;
}

/** record_random() - the next of a series of numbers; @state is the seed */
uint64_t record_random(uint64_t *state);

/** record_fill() - make a record whose length and content follow from @random */
void record_fill(struct record *r, uint32_t area, uint32_t slot,
		 uint64_t sequence, uint64_t *random);

/**
 * record_check() - the sequence number of the record in a place
 *
 * Return: 0 if there is no whole one of this area and slot
 */
uint64_t record_check(const void *place, uint32_t area, uint32_t slot);

#endif
