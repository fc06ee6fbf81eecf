/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef REGIONS_STORY_H
#define REGIONS_STORY_H

/*
 * What two or three attachments do with regions, one call after the other, on a
 * tape; and what must be there when the power goes, by what they were told.
 */
#include <stdbool.h>
#include <stdint.h>

#include <fam/fam.h>
#include <fam/region.h>

#include "entries.h"
#include "tape.h"

#define STORY_DATA (UINT64_C(256) << 10) /* of the data, recorded */

#define STORY_STEPS   128
#define STORY_REGIONS 160
#define STORY_STATES  64 /* of a region */
#define STORY_ACTORS  3

enum story_deed {
	STORY_END,
	STORY_CREATE,
	STORY_DESTROY,
	STORY_RENAME,
	STORY_REPLACE,
	STORY_SET,
	STORY_RESIZE,
	STORY_FILL, /* store to all of it, durably */
	STORY_SYNC,
};

struct story_step {
	/* While a new region is filled with zeros this happens, by another. */
	const struct story_step *meanwhile;
	enum story_deed deed;
	uint32_t bytes; /* CREATE, RESIZE: a multiple of 8 */
	int error;	/* the disk fails with it */
	char a, b;	/* names are of one letter; of SET the mode is by @b */
	bool no_sync;
	uint8_t actor;
};

/* A region was like this from some moment of [begin, end] on. */
struct story_state {
	uint64_t begin, end;
	unsigned int step;
	bool there;
	char name;
	uint64_t bytes;
	uint32_t mode;
};

struct story_region {
	uint64_t serial;
	struct story_state state[STORY_STATES];
	unsigned int states;
	/* When all of it was filled, durably, and how much; 0: never. */
	struct {
		uint64_t begin, end, bytes;
	} fill[STORY_STATES];
	unsigned int fills;
};

/* A region took the name of another, which went in the same step. */
struct story_swap {
	unsigned int taker, taken;	      /* regions */
	unsigned int taker_state, gone_state; /* of them, from then on */
	bool undone; /* the disk failed: it is as before, from the next one on */
};

struct story_promise {
	uint64_t begin, end; /* a durable call that returned 0 */
	unsigned int step;
};

struct story {
	const struct story_step *step[STORY_STEPS];
	unsigned int steps;
	struct story_region region[STORY_REGIONS];
	unsigned int regions;
	struct story_swap swap[STORY_STEPS];
	unsigned int swaps;
	struct story_promise promise[STORY_STEPS];
	unsigned int promises;
	bool lenient; /* a step may fail: names are what they are */
	struct fam *fam[STORY_ACTORS];
	struct tape tape;
	char path[64];
	char why[512]; /* it failed; empty: it has not */
};

/** story_run() - do all that on a new fabric; 0, or -1 and @why */
int story_run(struct story *s, const struct story_step *steps);
void story_free(struct story *s);

/** story_fail() - a reason, the first one counts; -1 */
int story_fail(struct story *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** story_print() - as it can be written down again */
void story_print(const struct story *s);

/** story_byte() - what a region is filled with: not 0, not what was before */
uint64_t story_word(uint64_t serial, uint64_t at);
#define STORY_BEFORE UINT64_C(0xaaaaaaaaaaaaaaaa)

/** story_fabric() - a new one; its data end with what was there before */
void story_fabric(char path[64]);

/** story_boot() - the start of the host, as the table of sessions has it */
void story_boot(struct fam *fam, uint64_t boot);

/* --- judge.c ---------------------------------------------------------------- */

/* A host that is started anew, again and again, on what a cut has left. */
struct judge {
	struct story *story;
	char path[64];
	int fd;
	uint8_t *memory;
	uint64_t images; /* that were looked at */
};

void judge_begin(struct judge *j, struct story *s);
void judge_end(struct judge *j);

/** judge_image() - the power went at a moment; 0, or -1 and the story's @why */
int judge_image(struct judge *j, const struct cut *cut, uint64_t at);

/* --- twice.c ------------------------------------------------------------------ */

/** judge_twice() - the power goes once more while it is recovered, and behind */
int judge_twice(struct judge *j, struct cut *cut, uint64_t at);

#endif
