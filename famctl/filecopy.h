/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FILECOPY_H
#define FAMCTL_FILECOPY_H

#include <stdint.h>

#include "util/err.h"

/*
 * Copying a file whose length was told before its content: one that changes
 * its length meanwhile is an error. In pieces, because a large one takes longer
 * than a signal may wait.
 */

/** filecopy_open() - open a regular file, never waiting as on a pipe; its fd */
int filecopy_open(const char *source, uint64_t *len, struct err *err);

/**
 * filecopy() - write @len bytes of @from, from its beginning on, to @to
 *
 * Return: 0; -ENODATA it is shorter; -EBUSY longer; -EINTR a signal waits (see
 * hold.h)
 */
int filecopy(int from, int to, uint64_t len, struct err *err);

#endif
