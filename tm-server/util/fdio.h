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

#endif
