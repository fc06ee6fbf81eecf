/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FUZZ_ATTACHED_H
#define FUZZ_ATTACHED_H

/* An attachment with a session in a table in memory, and without a keeper. */
#include <stdlib.h>

#include "fam-bells.h"
#include "fam-session.h"

static inline unsigned int own_slot(const struct fam *fam)
{
	return fam_session_slot_of(fam->sessions->id) % FAM_SESSIONS_SLOTS;
}

static inline void attach_to(struct fam *fam, struct fam_sessions *table,
			     int64_t now)
{
	fam->source.fd = -1;
	fam->source.via = FAM_VIA_FILE;
	fam->sessions = fam_membership_new();
	if (fam_bells_open(fam, false) < 0 || !fam->sessions)
		abort();
	fam->sessions->table = table;
	fam->sessions->looked = now;
	if (fam_session_squeeze_in(fam) < 0 ||
	    fam_session_know_all(fam->sessions) < 0)
		abort();
}

static inline void tear_down(struct fam *fam)
{
	fam_membership_free(fam->sessions);
	fam_bells_close(fam);
}

#endif
