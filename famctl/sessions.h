/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_SESSIONS_H
#define FAMCTL_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include <fam-sessions.h>

#include "fabric.h"
#include "util/err.h"

/* What the table of sessions in a fabric's file says of one of them. */
enum sessions_state {
	SESSIONS_LIVE,	  /* it was seen to live, or had no time to show it */
	SESSIONS_SILENT,  /* not declared dead, but does not renew its lease */
	SESSIONS_DEAD,	  /* what it left behind is not cleared up yet */
	SESSIONS_JOINING, /* about to be one */
};

struct sessions_one {
	uint64_t id;	      /* what programs know it by */
	uint32_t peer;	      /* what it is rung by, of a server or without */
	uint32_t from_server; /* the same if it is a server's, else 0 */
	enum sessions_state state;
	struct fam_sessions_copy said; /* printable, in range; else untrue */
};

struct sessions {
	size_t count;
	struct sessions_one one[FAM_SESSIONS_SLOTS];
};

/**
 * sessions_read() - who is attached, by the fabric's file alone
 * @out: to be freed; by peer
 *
 * Reads the table for at most 0.75 seconds, until all have shown that they
 * live. It is never mapped: who cuts the file then does no harm.
 * Return: 0; -EOPNOTSUPP it is raw, or older than sessions; -EACCES; ...
 */
int sessions_read(const struct fabric *fabric, struct sessions **out,
		  struct err *err);

#endif
