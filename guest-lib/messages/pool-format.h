/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_POOL_FORMAT_H
#define FAM_POOL_FORMAT_H

/*
 * How a pool lies in the fabric, and what an opening knows. Behind fam/pool.h.
 *
 * The owner's word of a buffer is the truth, changed by compare-and-swap only.
 * A bit for each buffer tells where to look for a free one: it is set behind
 * the word becoming 0, and cleared before somebody tries to have it. Who dies
 * in between leaves a free buffer without its bit: after each death, whoever
 * finds no free buffer looks at all words.
 *
 * What is in a cache is its owner's, for now: who finds nothing else takes it
 * from there. An owner finds out by the word, as each step is a compare-and-swap.
 */
#include <string.h>

#include <fam-holder.h>
#include <fam-sessions.h>
#include <fam/object.h>
#include <fam/pool.h>

#include "fam-park.h"
#include "internal.h"
#include "ring-format.h" /* waking */

#define FAM_POOL_MAGIC UINT64_C(0x314c4f4f504d4146) /* "FAMPOOL1" */
#define FAM_POOL_CACHE 32

/* Words of buffers: 0 is free; a holder owns it. */
#define FAM_POOL_CACHED UINT64_C(1) /* with a holder: in the cache of one */
#define FAM_POOL_SENT	UINT64_C(2) /* without: on its way */

struct fam_pool_head {
	uint64_t magic;
	uint32_t buffers, bytes, cache;
	uint32_t crc32c; /* of this line, this being 0 */
	uint64_t reserved0[5];
	fam_word waiting; /* as in rings */
	uint64_t reserved1[7];
};

_Static_assert(offsetof(struct fam_pool_head, waiting) == 64, "format");
_Static_assert(sizeof(struct fam_pool_head) == 128, "format");

struct fam_pool {
	struct fam *fam;
	struct fam_pool_head *head;
	fam_word *owner; /* of each buffer */
	fam_word *hint;	 /* bits */
	uint8_t *memory;
	uint64_t self;
	size_t stride;
	struct fam_pool_config config;
	struct fam_object *object; /* NULL: it has no name */
	uint64_t changes; /* of sessions, when all words were looked at */
	uint32_t at;	  /* word of hints to begin with */
	uint32_t next;	  /* buffer to look at, when there is no hint */
	uint32_t words;	  /* of hints */
	uint32_t cached;
	uint32_t cache[];
};

static inline bool fam_pool_lost(const struct fam_pool *pool)
{
	return fam_park_self(pool->fam) != pool->self;
}

/* --- pool-take.c -------------------------------------------------------------- */

/** fam_pool_drop() - free a buffer whose word is @was; did this call do it? */
bool fam_pool_drop(struct fam_pool *pool, uint32_t buffer, uint64_t was);

/** fam_pool_spill() - keep @keep buffers in the cache, free the others */
void fam_pool_spill(struct fam_pool *pool, uint32_t keep);

#endif
