/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_WORLD_H
#define HEAPS_WORLD_H

/* A heap as an attachment has it: steps done there, and compared with a model. */
#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/region.h>

#include "model.h"

#define WORLD_HEAP_BYTES    (UINT64_C(1) << 20)
#define WORLD_JOURNALS	    4
#define WORLD_JOURNAL_BYTES 16384

struct world {
	struct fam *fam;
	struct fam_heap *heap;
	struct fam_hash *hash; /* NULL: this story has none */
	struct fam_log *log;
	struct fam_region *region; /* the other one */
	uint64_t *remote;
	fam_off root;
	char why[256]; /* it is not as it should be */
};

/** world_make() - heap, root and so on; 0; ... */
int world_make(struct fam *fam, bool containers);

/** world_open(), world_close() - what was made; @fam stays */
int world_open(struct world *w, struct fam *fam);
void world_close(struct world *w);

/**
 * world_do() - a step
 * @now: the model before it
 * @loose: where an object is that nothing names
 */
int world_do(struct world *w, const struct model *now, const struct step *step,
	     uint32_t id, fam_off *loose);

/**
 * world_is() - is all as a model says? Else @why
 * @alone: containers are destroyed on the way, so that what is allocated can be
 *	counted
 */
bool world_is(struct world *w, const struct model *m, bool alone);

/** world_goes_on() - can the heap be used, and is nothing lost by it? */
bool world_goes_on(struct world *w);

#endif
