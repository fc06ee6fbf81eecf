/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_STATE_H
#define TM_SERVER_STATE_H

#include <stddef.h>

#include "slot.h"
#include "util/err.h"

/*
 * What the next life of a server must know when this one is killed: which IDs
 * were given, because nodes that still run have them, and which nodes they
 * belong to. A small text file beside the socket, replaced by rename. It means
 * nothing after a reboot of the host, so it is never synced to a disk.
 */

/*
 * A write-back to the disk has failed and nobody has cleared that since. It is
 * of one file: another one that gets its name has not failed.
 */
struct state_mark {
	int failed; /* negative errno; 0: none */
	int64_t at; /* seconds since 1970 */
	uint64_t inode;
	int64_t born_ns; /* since 1970; 0: the file system does not know */
};

/**
 * state_parse() - read the text of a state file into an empty table
 * @text: @len bytes and a NUL behind them
 * @boot: what the file must have been written under; else it means nothing
 *
 * Return: 0; -ESTALE of another boot: ignored; -EBADMSG damaged: the table may
 * be half filled
 */
int state_parse(char *text, size_t len, const char *boot, struct slots *slots,
		struct state_mark *mark);

/** state_load() - a missing file is a first life; Return: 0; -EBADMSG; ... */
int state_load(const char *path, struct slots *slots, struct state_mark *mark,
	       struct err *err);

/**
 * state_save() - remember this table
 * @next: lowest ID the next life may give
 */
int state_save(const char *path, const struct slots *slots, uint32_t next,
	       const struct state_mark *mark);

#endif
