/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_REGION_LINE_H
#define TESTS_CRASH_REGION_LINE_H

/*
 * What programs do with regions while their disk is recorded, and the lines that
 * say so on the tape. Program P has the names "P/0" to "P/7"; what stands there
 * has a version, which rises:
 *
 *	will P N V B	name N is about to be of version V, B bytes; 0: gone
 *	did P N V B	it is, for certain
 */
#include <inttypes.h>
#include <stdio.h>

#include "record.h"

#define REGION_USERS 8
#define REGION_NAMES 8
#define REGION_TEXT  32
#define REGION_MAX   40000

static inline const char *region_text(char text[REGION_TEXT], uint64_t user,
				      uint64_t name)
{
	snprintf(text, REGION_TEXT, "%" PRIu64 "/%" PRIu64, user, name);
	return text;
}

/* Every byte of it, from whom it is and which version. */
static inline void region_fill(uint64_t *word, uint64_t bytes, uint64_t user,
			       uint64_t name, uint64_t version)
{
	uint64_t random = user << 48 ^ name << 40 ^ version;

	for (uint64_t i = 0; i < bytes / 8; i++)
		word[i] = record_random(&random);
}

#endif
