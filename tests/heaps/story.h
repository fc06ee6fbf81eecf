/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_STORY_H
#define HEAPS_STORY_H

/*
 * What three attachments do with one heap, one step after the other, on a tape; and
 * what may be there when the power goes, by what they were told.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "tape.h"
#include "world.h"

#define STORY_DATA   (UINT64_C(1280) << 10) /* of the data, recorded */
#define STORY_SELDOM 16
#define STORY_STEPS  128
#define STORY_ACTORS 3
#define STORY_DEAD   64
#define STORY_WAYS   12 /* that the heap may be in at a moment */

/* From a moment on the heap is as one of these. */
struct story_era {
	uint64_t at;
	unsigned int ways;
	struct model *way[STORY_WAYS];
};

struct story {
	struct tape tape;
	char path[64];
	bool containers; /* it begins with a map and a log */
	bool lenient;	 /* steps that make no sense are left out */
	int mistake;	 /* of what is done */
	struct fam *fam[STORY_ACTORS];
	struct world world[STORY_ACTORS];
	struct fam *dead[STORY_DEAD];
	unsigned int deaths;
	const struct step *step[STORY_STEPS]; /* that were done */
	unsigned int steps;
	uint32_t id;
	struct story_era *era;
	unsigned int eras;
	struct model now;
	/* What the disk may have instead of @now: calls that failed. */
	struct model doubt[4];
	unsigned int doubts;
	uint64_t most; /* stores of a step */
	char why[512]; /* it failed; empty: it has not */
	/* Of the step that goes on. */
	uint64_t stores;
	const struct step *going;
	bool nested_done;
	uint32_t nested_id;
	jmp_buf death;
};

/** story_run() - do all that on a new fabric; 0, or -1 and @why */
int story_run(struct story *s, const struct step *steps);
void story_free(struct story *s);

/** story_fail() - a reason, the first one counts; -1 */
int story_fail(struct story *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void story_print(const struct story *s);

/** story_era() - what may be there at a moment; NULL: it was being made */
const struct story_era *story_era(const struct story *s, uint64_t at);

/** story_fabric() - a new one */
void story_fabric(char path[64]);

/** story_attach() - with a start of the host of its own */
int story_attach(const char *path, uint64_t boot, struct fam **out);

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

/** judge_twice() - the power goes once more while it is recovered, and behind */
int judge_twice(struct judge *j, struct cut *cut, uint64_t at);

/* --- journals.c --------------------------------------------------------------- */

enum {
	HEAPS_NO_RECORD = TAPE_OTHER, /* records are not made durable */
	HEAPS_NO_PLACES,   /* nor what checkpoints say is in its place */
	HEAPS_NO_FRESH,	   /* nor what is filled in place */
	HEAPS_NO_INFLIGHT, /* checkpoints wait for nobody */
	HEAPS_NO_ORDER,	   /* records are applied as they are found */
};

extern const struct cut_kind journals_kind;

/** journals_at() - where the heap lies on the tape */
void journals_at(const struct fam_heap *heap, const struct tape *tape);

/** journals_forget_inflight() - to this one no slot has anything in flight; NULL */
void journals_forget_inflight(const struct fam_heap *heap);

/** journals_forget_order() - a restart applies records as it finds them */
void journals_forget_order(bool forget);

#endif
