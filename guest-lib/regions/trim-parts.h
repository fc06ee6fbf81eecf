/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TRIM_PARTS_H
#define FAM_TRIM_PARTS_H

/* Between trim.c and trim-blocks.c, which asks the file system. */

#include "fam-region.h"

/**
 * trim_blocks_find() - the first piece that has blocks, written or reserved
 * @offset: from there on; where it begins
 *
 * A hint, as others use the file. Where the file system does not tell, all has.
 * Return: its length, in whole pages, not beyond that of @end; 0: there is none
 */
uint64_t trim_blocks_find(int fd, uint64_t *offset, uint64_t end);

/**
 * trim_blocks_drop() - as long as the session lives
 *
 * When it is lost, others may have the piece. Return: 0; -EOPNOTSUPP the file
 * system cannot; -EINTR; -ESTALE the session is lost; ...
 */
int trim_blocks_drop(struct fam *fam, enum fam_trim how, uint64_t offset,
		     uint64_t bytes);

#endif
