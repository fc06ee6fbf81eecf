/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_REWRITE_H
#define FAMCTL_FABRIC_REWRITE_H

#include "fabric.h"
#include "util/err.h"

/**
 * fabric_rewrite() - write all that is in memory of a fabric to the disk again
 * @rewritten: bytes
 * @fd: set to an open file of it, for fabric_rewrite_check(); or a negative errno
 *
 * After a failed write-back the kernel takes pages for written that were not:
 * they look right as long as they are in memory, and no sync writes them. Here
 * each page that is in memory is made dirty, without changing it, also while
 * others store to it, and then all is synced. What is no longer in memory is
 * what is on the disk.
 * Return: 0 all of it is on the disk; -EIO or why that is not so; -EINTR
 */
int fabric_rewrite(const struct fabric *fabric, uint64_t *rewritten, int *fd,
		   struct err *err);

/**
 * fabric_rewrite_check() - has anything failed since fabric_rewrite()?
 * @fd: of that
 *
 * Whoever takes a mark away may take away one that was set just now, by somebody
 * who alone was told of another failure; but of that this file is told, too.
 */
int fabric_rewrite_check(int fd, struct err *err);

#endif
