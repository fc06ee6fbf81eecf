/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FUZZ_NEW_FABRIC_H
#define FUZZ_NEW_FABRIC_H

/* A new fabric in a file, for those who scribble over all inputs' one. */

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/layout.h>

#include "lib/superblocks.h"
#include "must.h"

/* @id: the first byte of its uuid; @sb: what its superblocks say */
static inline void fabric_make(int fd, uint64_t bytes, uint8_t id,
			       struct fam_superblock *sb)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {id};

	must(ftruncate(fd, (off_t)bytes) == 0);
	must(fam_superblock_init(sb, bytes, "fuzz", uuid, 1,
				 FAM_DURABILITY_GUEST) == 0);
	must(superblocks_write(fd, sb) == 0);
}

static inline void *fabric_map(int fd, uint64_t offset, uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)offset);

	must(p != MAP_FAILED);
	return p;
}

#endif
