/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TRIM_H
#define FAM_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include <fam/layout.h>

/*
 * Giving the blocks of free space back to the file system, which the host's
 * programs and the server do alike. Shared with famctl and tm-server, not
 * installed.
 */

enum fam_trim {
	FAM_TRIM_PUNCH, /* give blocks back: the file has holes then */
	FAM_TRIM_KEEP,	/* they read as zeros, and the space stays reserved */
};

struct fam_trim_want {
	enum fam_trim how;
	bool all; /* whatever is free; else what regions had that are gone */
	const _Atomic bool *stop; /* true: end soon; NULL: nobody asks for it */
};

/**
 * fam_trim_file() - attach to a fabric's file on the host, trim, detach
 * @path: with a '/'
 * @uuid: of the fabric that is meant
 * @trimmed: bytes; after a failure, too
 *
 * Others use the fabric meanwhile. Return: 0; -ESTALE it is another fabric;
 * -EOPNOTSUPP it has no regions, or its file system cannot; -ECANCELED @stop; as
 * fam_open() and fam_region_create()
 */
int fam_trim_file(const char *path, const uint8_t uuid[FAM_UUID_BYTES],
		  const struct fam_trim_want *want, uint64_t *trimmed);

#endif
