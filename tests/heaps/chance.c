// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Stories of chance. */
#include <errno.h>

#include "chance.h"
#include "story.h"

/* What a story is made of: most of it works. */
static struct step any_step(uint64_t x, struct step *parts)
{
	static const enum deed likely[] = {
		DEED_PUT,    DEED_PUT,	   DEED_PUT,	DEED_ALLOC,
		DEED_ZALLOC, DEED_FREE,	   DEED_FREE,	DEED_FREE,
		DEED_FREE,   DEED_REALLOC, DEED_LOOSE,	DEED_RELEASE,
		DEED_FILL,   DEED_RAW,	   DEED_SETTLE, DEED_REOPEN,
		DEED_TX,     DEED_TX,	   DEED_TX,	DEED_TX,
		DEED_TX,     DEED_HPUT,	   DEED_HPUT,	DEED_HREMOVE,
		DEED_APPEND, DEED_CUT};
	static const uint32_t sizes[] = {64,   104,  400,   1000,
					 3000, 5000, 12000, 70000};
	struct step step = {
		.deed = likely[x % (sizeof(likely) / sizeof(likely[0]))],
		.at = (uint16_t)((x >> 8) % MODEL_SLOTS),
		.bytes = sizes[(x >> 16) % 8],
		.actor = (uint8_t)((x >> 24) % STORY_ACTORS),
		.count = (uint16_t)(1 + (x >> 28) % 2),
		.aborts = (x >> 32) % 8 == 0,
		.nests = (x >> 36) % 4 == 0,
		.error = (x >> 40) % 24 == 0 ? -EIO : 0,
		.well = (uint16_t)((x >> 46) % 3),
		.dies = (x >> 50) % 16 == 0 ? (uint16_t)(1 + (x >> 54) % 60)
					    : 0,
	};

	if (step.error)
		step.dies = 0;
	if (step.deed == DEED_TX)
		step.part = parts;
	if (step.deed >= DEED_HPUT && step.bytes > 12000)
		step.bytes = 200;
	return step;
}

static void any_parts(struct step *parts, uint64_t *random)
{
	static const enum deed likely[] = {
		DEED_WORD,   DEED_WORD,	 DEED_WORDS,  DEED_INTO, DEED_TALLOC,
		DEED_TALLOC, DEED_TFREE, DEED_REMOTE, DEED_HPUT, DEED_APPEND};
	static const uint32_t sizes[] = {64, 104, 400, 1000, 1400, 5000};
	unsigned int n = 1 + (unsigned int)(tape_random(random) % 3);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t x = tape_random(random);

		parts[i] = (struct step){
			.deed = likely[x % 10],
			.at = (uint16_t)((x >> 8) % MODEL_SLOTS),
			.bytes = sizes[(x >> 16) % 6],
			.count = (uint16_t)(1 + (x >> 20) % 8),
			.fills = (x >> 28) % 2,
		};
		if (parts[i].deed == DEED_REMOTE)
			parts[i].at %= MODEL_REMOTE;
		if (parts[i].deed >= DEED_HPUT)
			parts[i].bytes %= 500;
	}
	parts[n].deed = DEED_END;
}

void chance_steps(struct step *steps, unsigned int count,
		  struct step (*parts)[MODEL_PARTS], uint64_t *random)
{
	for (unsigned int i = 0; i < count; i++) {
		any_parts(parts[i], random);
		steps[i] = any_step(tape_random(random), parts[i]);
	}
	steps[count].deed = DEED_END;
}
