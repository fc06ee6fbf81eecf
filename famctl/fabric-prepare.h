/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_PREPARE_H
#define FAMCTL_FABRIC_PREPARE_H

#include "fabric.h"
#include "util/err.h"

/**
 * fabric_prepare() - write an existing fabric to the disk, as it is
 * @dry_run: only look whether it could be done
 *
 * Afterwards every place of the file is on the disk and noted as used, and what
 * of it is in the page cache is there in small pieces. The content is the same
 * at every moment, whatever cuts this short. Shows a progress bar.
 *
 * Nobody else may use the file. Who opens it meanwhile waits for a moment, and
 * this waits until he is done.
 * Return: 0; -EBUSY it is in use; -EOPNOTSUPP it lies in memory, or where
 * nothing tells whether it is in use; -ENOSPC; -EIO, and the fabric is marked;
 * -EINTR
 */
int fabric_prepare(const struct fabric *fabric, bool dry_run, struct err *err);

#endif
