/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_UTIL_FDIO_H
#define FAM_UTIL_FDIO_H

#include <stddef.h>
#include <stdint.h>

/*
 * All of them finish the whole transfer across short counts and EINTR and
 * return 0 or a negative errno.
 */

/** fdio_write() - write all of @len bytes at the file position */
int fdio_write(int fd, const void *data, size_t len);

/** fdio_pwrite() - write all of @len bytes at @offset */
int fdio_pwrite(int fd, const void *data, size_t len, uint64_t offset);

/** fdio_pread() - read exactly @len bytes at @offset; -ENODATA at end of file */
int fdio_pread(int fd, void *data, size_t len, uint64_t offset);

/**
 * fdio_read_file() - read a whole small file into memory
 * @max: bytes; a larger file is refused with -EFBIG
 * @out: malloc'd, NUL-terminated for convenience, the caller frees it
 */
int fdio_read_file(const char *path, size_t max, char **out, size_t *len);

/**
 * fdio_guard_standard() - keep files of ours away from descriptors 0, 1 and 2
 *
 * A program started with one of them closed would get it for the next file it
 * opens, and write its messages into that. Each one that is missing becomes a
 * /dev/null which cannot be used for its purpose, so that reading or writing
 * still fails with EBADF. To be called before anything is opened.
 */
void fdio_guard_standard(void);

#endif
