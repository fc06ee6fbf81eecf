/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

/* The world around the code in a model: sessions, time, and the C library. */

#include <fam-sessions.h>

extern struct fam_sessions world_table;

/** world_begin() - everybody lives, nothing is allocated */
void world_begin(void);

/** world_bury() - a session is dead by its word */
void world_bury(unsigned int session);

#endif
