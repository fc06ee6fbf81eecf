/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAULT_HEAP_H
#define FAULT_HEAP_H

/*
 * Who changes a heap is killed at each step. What the heap holds then must be what
 * it held when one of the calls returned, or what it holds after the next one:
 * learnt from a run without a death. Nothing is lost with the dead, all can be had
 * by others.
 *
 *	static int call_alloc(struct heap_stage *s, unsigned int call)
 *	{
 *		return fam_heap_alloc(s->heap, heap_slot(s, 4), 100, 0, NULL);
 *	}
 *
 *	static const struct heap_case alloc = {
 *		.name = "alloc", .calls = 1, .call = call_alloc,
 *	};
 *	...
 *	heap_case_run(&alloc);
 */
#include <stdbool.h>
#include <stdint.h>

#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/tx.h>

#include "fault.h"

#define HEAP_BYTES (UINT64_C(2) << 20)
#define JOURNALS   4 /* of 16 KiB */
#define SLOTS	   16
#define CALLS_MAX  24
#define TAG	   UINT64_C(0x7461672d66616d21) /* begins what says its length */

/* What all is found from. */
struct heap_root {
	/*
	 * 0 to 7: blobs, of what heap_blob() makes. 8 to 11: zeros. 12 to 14:
	 * anything. 15: of who does not die.
	 */
	fam_off slot[SLOTS];
	uint64_t word[SLOTS]; /* the last one: as slot 15 */
	fam_off hash, log, hash2, log2;
	struct fam_mutex mutex[2];
};

/* Who uses it: the one that dies, or the test. */
struct heap_stage {
	struct fault *f;
	struct fam_heap *heap;
	struct heap_root *root;
	fam_off root_off;
	struct fam_hash *hash;
	struct fam_log *log;
	struct fam_region *region; /* "r", another one; and a map of it */
	char *memory;
};

struct heap_case {
	const char *name;
	/* How many steps of a sequence there are; each is a call that counts. */
	unsigned int calls;
	int (*call)(struct heap_stage *s, unsigned int call);
	void (*prepare)(struct heap_stage *s); /* before; or NULL */
	/* It needs several transactions: what is there may be between two. */
	bool loose;
	/* The steps of opening it, and of closing it, count as well. */
	bool opens;
	/* Whether somebody else works beside it. */
	bool alone;
	/* The host was started anew before. */
	bool reboot;
	bool containers; /* there are a map and a log */
};

/** heap_case_run() - a cmocka test; deaths of the heir, too */
void heap_case_run(const struct heap_case *what);

/** heap_slot() - the place of a slot */
fam_off heap_slot(const struct heap_stage *s, unsigned int i);
fam_off heap_word(const struct heap_stage *s, unsigned int i);

/** heap_blob() - @bytes that say their length; 16 at least */
void *heap_blob(uint64_t bytes, uint64_t seed);

/** heap_put_blob() - into a slot; 0; ... */
int heap_put_blob(struct heap_stage *s, unsigned int slot, uint64_t bytes,
		  uint64_t seed);

/** heap_put_pair() - a key and a value by number; @bytes of value */
int heap_put_pair(struct heap_stage *s, struct fam_tx *tx, unsigned int key,
		  uint64_t bytes, unsigned int seed);

/** heap_kept() - memory that outlives the death: an offset, ... */
uint64_t *heap_kept(void);

#endif
