/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef REGIONS_VERDICT_H
#define REGIONS_VERDICT_H

/* Is what a power cut has left as a story allows it? */
#include "story.h"

#define FOUND (STORY_REGIONS + 8)

/* What is found in one image. */
struct found {
	struct judge *judge;
	struct fam *fam;
	uint64_t at;   /* when the power went */
	uint64_t sure; /* all that had ended by then is there */
	struct fam_region_info info[FOUND];
	unsigned int count;
	uint64_t fits[STORY_REGIONS]; /* states of each, bits */
};

/* --- judge.c ------------------------------------------------------------------- */

/** judge_write() - build an image; what was never stored to stays a hole, or
 * @all is written */
void judge_write(struct judge *j, const struct cut *cut, bool all);

/** judge_open() - the host is started anew; 0, or -1 and the story's @why */
int judge_open(struct judge *j, struct fam **out);

/** judge_collect() - visit of fam_region_each() into a struct found */
int judge_collect(const struct fam_region_info *info, void *arg);

/* --- verdict.c ----------------------------------------------------------------- */

/** verdict_sure() - all that had ended by then is there at @at */
uint64_t verdict_sure(const struct story *s, uint64_t at);

/** verdict() - of all that was found; 0, or -1 and the story's @why */
int verdict(struct found *f);

#endif
