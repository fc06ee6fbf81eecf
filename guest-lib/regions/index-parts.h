/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_INDEX_PARTS_H
#define FAM_INDEX_PARTS_H

/*
 * Between index.c, index-tree.c and index-names.c. Numbers of nodes are those of
 * entries and two more: node 0 is none, all zero and never changed; node 1 stands
 * before the data, takes nothing and is never removed, so that every free piece
 * has one it follows.
 *
 * Space is counted in grains: those of the largest fabric fit into 32 bits.
 */
#include "fam-index.h"

#define INDEX_EDGE  1u
#define INDEX_FIRST 2u /* node of entry 0 */

/* Where a node is. Memory of zeros is an index of fresh ones. */
enum index_where {
	INDEX_FRESH = 0, /* free, never spoken of; from fam_index.fresh on */
	INDEX_PLAIN,	 /* free, in the list of those */
	INDEX_MARKED, /* free, with FAM_REGION_TRIM; in a list of their own */
	INDEX_TREE,   /* takes space */
	INDEX_EMPTY,  /* not free, of no space */
};

/* What is looked at all the time: two nodes fill a line of the cache. */
struct index_node {
	uint32_t offset, space;
	uint32_t left, right; /* of the tree; of a list: before, behind */
	/* Tree: what is free behind it, up to the next one. */
	uint32_t gap;
	/* The most in it and below it: of gaps, and of what could be large. */
	uint32_t max_gap, max_room;
	uint8_t height, where, state, flags;
};

struct index_memo {
	uint64_t generation, stamp, serial, bytes;
	uint64_t hash;	/* of its name */
	uint32_t next;	/* node with the same bucket */
	uint32_t named; /* it is in one */
};

struct fam_index {
	uint32_t entries;
	uint32_t start, end; /* of the data */
	uint32_t root;
	uint32_t plain, marked; /* the first of each list, or 0 */
	uint32_t fresh;		/* entries before it are not fresh */
	uint32_t mask;		/* of buckets */
	uint64_t key[2];	/* of the hash */
	struct index_node *nodes;
	struct index_memo *memos; /* by node */
	uint32_t *buckets;
	struct fam_index_sums sums;
};

/* --- what is taken, by offset: index-tree.c ---------------------------------------- */

/** index_tree_start() - all is free */
void index_tree_start(struct fam_index *ix);

/**
 * index_tree_add() - a node takes its space; not 0, and inside the data
 * @rival: of -EEXIST: a node it overlaps
 */
int index_tree_add(struct fam_index *ix, uint32_t node, uint32_t *rival);

void index_tree_remove(struct fam_index *ix, uint32_t node);

/** index_tree_at() - the last node that begins at @offset or before */
uint32_t index_tree_at(const struct fam_index *ix, uint32_t offset);

/** index_tree_next_gap() - the first node behind @offset with a gap; or 0 */
uint32_t index_tree_next_gap(const struct fam_index *ix, uint32_t offset);

/**
 * index_tree_fit() - a node whose gap can hold @space; or 0
 * @large: from the lower end, and aligned to FAM_REGIONS_LARGE
 */
uint32_t index_tree_fit(const struct fam_index *ix, uint32_t space, bool large);

/** index_tree_aligned() - where in the gap of a node a large piece begins */
uint32_t index_tree_aligned(const struct index_node *node);

/* --- names: index-names.c ------------------------------------------------------------ */

/** index_names_start() - 0; -ENOMEM */
int index_names_start(struct fam_index *ix);

/** index_names_hash() - of a name, up to its NUL or FAM_REGION_NAME_MAX bytes */
uint64_t index_names_hash(const struct fam_index *ix, const char *name);

/** index_names_find() - the node whose name has a hash, or 0 */
uint32_t index_names_find(const struct fam_index *ix, uint64_t hash);

void index_names_add(struct fam_index *ix, uint32_t node, uint64_t hash);
void index_names_remove(struct fam_index *ix, uint32_t node);

#endif
