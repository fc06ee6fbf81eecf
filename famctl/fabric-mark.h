/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_MARK_H
#define FAMCTL_FABRIC_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "fabric.h"
#include "util/err.h"

/*
 * The mark of a failed write-back, which a formatted fabric has in the header
 * of its flush mailbox. While it is there nothing that is asked for becomes
 * durable: the kernel may have dropped what it could not write, and a second
 * try would succeed without that. It stays until an operator takes it away.
 */
struct fabric_mark {
	int error;	/* 0: there is none; else the negative errno */
	uint64_t at_ns; /* since 1970; 0: unknown */
};

/** fabric_has_mailbox() - has it a place for a mark, and a flush mailbox? */
bool fabric_has_mailbox(const struct fabric *fabric);

/** fabric_has_epoch() - has a server begun to serve it, and not ended well? */
bool fabric_has_epoch(const struct fabric *fabric);

/**
 * fabric_mark_read() - is there a mark in the file?
 *
 * What a server on a file system in memory leaves, that it has no disk, is
 * none. Anybody may have written anything there: what is no errno is EIO.
 * Return: 0; -EIO; -ENODATA the file is cut short; ...
 */
int fabric_mark_read(const struct fabric *fabric, struct fabric_mark *out,
		     struct err *err);

/** fabric_mark_set() - leave a mark, unless there is one */
int fabric_mark_set(const struct fabric *fabric, int error, struct err *err);

/**
 * fabric_mark_clear() - take it away, without syncing that
 *
 * Return: 0; -EBUSY a server serves the file; ...
 */
int fabric_mark_clear(const struct fabric *fabric, struct err *err);

/** fabric_mark_is_due() - is it one by which the kernel tells of lost stores? */
bool fabric_mark_is_due(int error);

/** fabric_mark_word() - "EIO" */
const char *fabric_mark_word(int error, char out[16]);

/** fabric_mark_text() - what happened, as part of a sentence */
const char *fabric_mark_text(int error);

#endif
