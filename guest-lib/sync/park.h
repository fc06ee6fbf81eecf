/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PARK_INTERNAL_H
#define FAM_PARK_INTERNAL_H

/* What the parts of parking know of each other. */
#include "fam-bells.h"
#include "fam-park.h"
#include "fam-session.h"
#include "park-futex.h"
#include "park-place.h"

/** fam_park_lot() - the attachment has a parking and a table of sessions */
struct fam_lot fam_park_lot(struct fam *fam);

/** fam_park_reached() - can each session that lives wake the caller's threads? */
bool fam_park_reached(struct fam *fam);

/**
 * fam_park_slice() - fam_park(), but for
 *
 * Return: 1 nothing has happened for FAM_PARK_LOOK_MS; as fam_park()
 */
int fam_park_slice(struct fam *fam, const fam_word *word, uint64_t value,
		   struct fam_deadline deadline);

#endif
