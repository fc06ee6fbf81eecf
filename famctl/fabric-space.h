/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_SPACE_H
#define FAMCTL_FABRIC_SPACE_H

#include <stdint.h>

#include "util/err.h"
#include "util/size.h"

/* The space of a fabric's file. All return 0 or a negative errno. */

/** fabric_space_check() - -ENOSPC if @size bytes are not free in @dir */
int fabric_space_check(int dirfd, const char *dir, uint64_t size,
		       struct err *err);

/**
 * fabric_space_reserve() - give the empty file its size and all its space
 *
 * Return: 0; -EOPNOTSUPP the file system cannot; -EINTR a signal waits
 */
int fabric_space_reserve(int fd, uint64_t size, struct err *err);

/** fabric_space_sparse() - give the empty file its size, but space for the
 * first @reserve bytes only */
int fabric_space_sparse(int fd, uint64_t size, uint64_t reserve,
			struct err *err);

#define SPACE_BATCH_BYTES (8 * MiB) /* handed to the disk at once */

/*
 * Host kernels with large folios cache a file in pieces as large as the write
 * calls that made it, and later write such a piece to the disk for a commit of
 * 64 bytes. What was written 4 KiB at a time keeps commits at 4 KiB.
 */
#define SPACE_PIECE_BYTES 4096

/**
 * fabric_space_write() - write in pieces that keep later commits small
 * @data: NULL: zeros
 * @len: multiple of 4 KiB
 */
int fabric_space_write(int fd, const char *data, uint64_t offset, uint64_t len,
		       struct err *err);

/**
 * fabric_space_pace() - start writing a batch, and wait for an older one
 *
 * So the progress is the disk's, the last sync is short and memory is not
 * filled. Only pacing: what makes it durable is the fdatasync() at the end. But
 * an error must be taken here, since it is told once.
 */
int fabric_space_pace(int fd, uint64_t offset, struct err *err);

/**
 * fabric_space_zero() - write zeros over the whole file, to the disk
 *
 * Shows a progress bar. Return: 0; -EINTR a signal waits (see hold.h)
 */
int fabric_space_zero(int fd, uint64_t size, const char *label,
		      struct err *err);

#endif
