/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_SYNC_H
#define TM_SERVER_SYNC_H

#include <fam-mailbox.h>

#include "util/err.h"

/*
 * Making ranges of the fabric's file durable: the only place that syncs it.
 *
 * A ranged msync(2) writes these pages and no others; a fdatasync(2) writes all
 * that anybody dirtied, but costs one disk flush for any number of ranges. The
 * file is mapped without access for the sake of msync(), so that no mistake of
 * the server's can touch what is in it.
 */
struct syncer;

struct sync_result {
	uint64_t us; /* how long it took */
	bool ranged; /* no fdatasync() was needed */
};

/**
 * sync_open() - get ready to sync a file
 * @fd: stays the caller's, open as long as the syncer
 * @size: bytes of it
 *
 * Return: 0; -EOPNOTSUPP the file system is in memory: nothing on it is
 * durable; -ENOMEM. Without address space for the mapping it works all the
 * same, with fdatasync() alone
 */
int sync_open(struct syncer **out, int fd, uint64_t size, struct err *err);

/**
 * sync_ranges() - return when all ranges are on the disk
 * @ranges: inside the file, any order and overlap; rearranged
 *
 * One thread at a time. A failure is not to be retried: the kernel may have
 * dropped the pages, and a second try succeeds without them.
 * Return: 0; -EIO or what the kernel gave; -ENODATA the file was truncated;
 * -ESTALE it was removed
 */
int sync_ranges(struct syncer *syncer, struct fam_range *ranges, size_t count,
		struct sync_result *result);

/**
 * sync_distrust() - may pages that look clean be missing on the disk?
 *
 * The kernel tells of a failed write-back once, and takes the pages for written
 * from then on. If the program that was told is dead, nobody knows. While this
 * is on, all that is asked for is made dirty first, and so is written again.
 * Any thread.
 */
void sync_distrust(struct syncer *syncer, bool on);

/**
 * sync_renew() - do not tell of failures that somebody was told of before
 *
 * Each open file is told of each failure; from now on it is another open file.
 * If there can be none, an old failure may be told late. Any thread.
 */
void sync_renew(struct syncer *syncer);

/** sync_close() - NULL is allowed */
void sync_close(struct syncer *syncer);

#endif
