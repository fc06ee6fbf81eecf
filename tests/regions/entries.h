/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef REGIONS_ENTRIES_H
#define REGIONS_ENTRIES_H

#include "tape.h"

enum {
	REGIONS_ONE_COPY = TAPE_OTHER, /* both copies lie in one place */
	REGIONS_NO_AFTER,	       /* no entry comes after another */
};

/* Ways of the entries of the directory; the data count, too. */
extern const struct cut_kind entries_kind;

#endif
