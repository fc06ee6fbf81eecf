/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_STRESS_WORKER_H
#define TESTS_HEAP_STRESS_WORKER_H

/*
 * A worker. What is its own nobody else changes: what that is to be is kept in a
 * file, with what is being done, so that its successor can tell after a kill
 * whether anything is lost or half done.
 */
#include <errno.h>
#include <stdatomic.h>

#include "stress.h"

#define ITEMS_MAX 4

enum kind { SLOT, KEY, RECORD };

/* What a slot or a key holds; @bytes 0: nothing. Seed 0: zeros. */
struct thing {
	uint64_t bytes, seed; /* as the blob has it */
	uint64_t valid;	      /* so many of them are there */
	uint64_t have;	      /* so many were asked for */
};

struct item {
	enum kind kind;
	uint64_t index;
	struct thing to;
};

enum deed {
	PUT,
	FREE,
	REPLACE,
	REALLOC,
	REWRITE,
	ZEROS,
	SWAP,
	SET_KEY,
	REMOVE_KEY,
	APPEND,
	SEVERAL,
	SHARE,
	TRANSFER,
	COMMON_KEY,
	CUT,
	DEEDS,
};

struct model {
	uint64_t magic;
	struct thing slot[OWN_SLOTS], key[OWN_KEYS];
	uint64_t appended;
	struct {
		_Atomic uint64_t count;
		struct item item[ITEMS_MAX];
	} now;
	uint64_t session; /* of who had it last */
	uint64_t done[DEEDS], lives, again;
};

struct worker {
	struct stress s;
	struct model *model;
};

/* --- what it has: model.c ------------------------------------------------------------- */

struct model *model_open(const char *path);

/** await_end() - until the death of who had it before is known to all */
void await_end(struct worker *w);

/** reconcile() - after a kill, or a lost session: nothing is half done */
void reconcile(struct worker *w);

/** begin() - these are changed now, all or none; finish() - what was told */
void begin(struct worker *w, const struct item *items, unsigned int count);
void finish(struct worker *w, enum deed deed, int r);

/** own_key() - the name of a key; its length */
uint32_t own_key(unsigned int id, uint64_t i, char out[32]);

/** thing_of() - a new one, of so many bytes */
struct thing thing_of(struct worker *w, uint64_t bytes);

/** tx_end() - commit if all went well, else abort */
int tx_end(struct fam_tx *tx, int r);

/* --- what it does ------------------------------------------------------------------------ */

/** change_own() - deeds.c */
void change_own(struct worker *w);

/** change_shared() - what all have: common.c */
void change_shared(struct worker *w);

/** append_own() - a record, and the count of them; part of @tx */
int append_own(struct worker *w, struct fam_tx *tx);

uint64_t dice(struct worker *w, uint64_t sides);
uint64_t any_size(struct worker *w);

#endif
