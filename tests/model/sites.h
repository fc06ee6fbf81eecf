/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef MODEL_SITES_H
#define MODEL_SITES_H

/* Included before all else of a model: each call of these is a site, too. */

#include "fam-park.h"
#include "sync/fam-sync.h"

/* Each spin is as good as the next one where time does not pass. */
#undef FAM_LOCK_ROUNDS
#define FAM_LOCK_ROUNDS 1

int model_park(struct fam *fam, const fam_word *word, uint64_t value,
	       struct fam_deadline deadline, struct model_site *site);
unsigned int model_unpark(struct fam *fam, const fam_word *word,
			  unsigned int count, struct model_site *site);

#define fam_park(fam, word, value, deadline) \
	model_park(fam, word, value, deadline, MODEL_SITE_(MODEL_PARK))
#define fam_unpark(fam, word, count) \
	model_unpark(fam, word, count, MODEL_SITE_(MODEL_UNPARK))

#endif
