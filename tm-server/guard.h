/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_GUARD_H
#define TM_SERVER_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Parts of the fabric in the server's address space, in place of which there
 * may at any moment be nothing: somebody cuts the file, or its file system
 * shuts down. Touching them would kill the server then. Instead anonymous
 * memory takes the place of the whole part, whatever was going on goes on
 * there, and guard_is_lost() tells.
 *
 * Mapping and unmapping are one thread's; a part is unmapped when nobody
 * touches it any more.
 */
#define GUARD_MAX 4

/**
 * guard_map() - map @bytes of a file, a multiple of the page size
 *
 * Return: 0; -EBUSY there are GUARD_MAX already; ...
 */
int guard_map(void **out, int fd, uint64_t offset, size_t bytes);

/** guard_is_lost() - is it memory of nobody else by now? */
bool guard_is_lost(const void *part);

/** guard_map_again() - back to the file; Return: 0 or a negative errno */
int guard_map_again(void *part, int fd, uint64_t offset);

/** guard_unmap() - NULL is allowed */
void guard_unmap(void *part);

#endif
