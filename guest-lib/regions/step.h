/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_STEP_H
#define FAM_STEP_H

/* One entry of a change that is being made: change.c, order.c. */
#include "fam-region.h"

struct fam_step {
	uint32_t index;
	struct fam_region_both both; /* what is there */
	struct fam_region_entry was; /* what counts of it; all zero: nothing */
	unsigned int place;
	/* Content of a region that is there, which may not be on the disk. */
	bool owes;
	struct fam_region_entry to;
};

/** fam_step_waits() - what is there waits for another change, not durable yet */
bool fam_step_waits(const struct fam_step *step);

/** fam_step_takes_space() - more than it has */
bool fam_step_takes_space(const struct fam_step *step);

/**
 * fam_steps_must_settle() - must what is loose be durable before?
 * @durable: so is to be the change, and taken back if it cannot
 */
bool fam_steps_must_settle(struct fam *fam, struct fam_regions *r,
			   const struct fam_step *steps, unsigned int count,
			   bool durable);

#endif
