/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_SPACE_H
#define FAMCTL_FABRIC_SPACE_H

#include <stdint.h>

#include "util/err.h"

/* The space of a new fabric's file. All return 0 or a negative errno. */

/** fabric_space_check() - -ENOSPC if @size bytes are not free in @dir */
int fabric_space_check(int dirfd, const char *dir, uint64_t size,
		       struct err *err);

/**
 * fabric_space_reserve() - give the empty file its size and all its space
 *
 * Return: 0; -EOPNOTSUPP the file system cannot; -EINTR a signal waits
 */
int fabric_space_reserve(int fd, uint64_t size, struct err *err);

/** fabric_space_sparse() - give the empty file its size and no space */
int fabric_space_sparse(int fd, uint64_t size, struct err *err);

/**
 * fabric_space_zero() - write zeros over the whole file, to the disk
 *
 * Shows a progress bar. Return: 0; -EINTR a signal waits (see hold.h)
 */
int fabric_space_zero(int fd, uint64_t size, const char *label,
		      struct err *err);

#endif
