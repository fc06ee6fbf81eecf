/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HASH_PRIVATE_H
#define FAM_HASH_PRIVATE_H

/*
 * What the parts of the hash map share. fam-containers.h has what lies in the heap.
 *
 * Locks, in a transaction to its end: that of the key's stripe, waited for; and then
 * those of growing, which are only tried.
 */
#include <fam-containers.h>
#include <fam/hash.h>

#include "containers/view.h"

struct fam_hash {
	struct fam_heap *heap;
	fam_off off;
	struct fam_hash_header *header;
	struct fam_hash_locks *locks;
	fam_off locks_off;
	uint64_t seed[2];
	/* Under @grow: how often not to look for room that was not there. */
	uint64_t skip, skips;
};

struct fam_hash_key {
	const void *data;
	uint32_t bytes;
	uint64_t hash;
};

/* --- hash-walk.c: chains ------------------------------------------------------- */

/* Along a bucket's entries. What it has of an entry is a copy. */
struct fam_hash_walk {
	struct fam_view view;
	fam_off link;  /* of the word that names the entry */
	fam_off entry; /* 0: before the first one, or behind the last */
	struct fam_hash_entry head;
	fam_off mark; /* an entry passed: who meets it again goes round */
	uint64_t steps, until; /* since it was set; when it is set anew */
};

/** fam_hash_key_make() - 0; -EINVAL; -E2BIG */
int fam_hash_key_make(const struct fam_hash *hash, const void *data,
		      uint32_t bytes, struct fam_hash_key *out);

/** fam_hash_stripe() - its lock; of a hash, or of a bucket */
struct fam_mutex *fam_hash_stripe(const struct fam_hash *hash, uint64_t of);

/** fam_hash_count_off() - where a stripe's count is */
fam_off fam_hash_count_off(const struct fam_hash *hash, uint64_t of);

/** fam_hash_buckets() - how many there are; 0; -EBADMSG */
int fam_hash_buckets(const struct fam_hash *hash, struct fam_view view,
		     uint64_t *out);

/** fam_hash_bucket_at() - where a bucket's word is; 0; -EBADMSG */
int fam_hash_bucket_at(const struct fam_hash *hash, struct fam_view view,
		       uint64_t bucket, fam_off *out);

/** fam_hash_walk_begin() - before the first entry of a bucket */
void fam_hash_walk_begin(struct fam_hash_walk *walk, struct fam_view view,
			 fam_off bucket);

/**
 * fam_hash_walk_next() - the next entry
 *
 * Return: 1; 0 there is none; -EBADMSG it is damaged, or the chain is a ring
 */
int fam_hash_walk_next(struct fam_hash_walk *walk);

/**
 * fam_hash_find() - a key, under the lock of its stripe
 * @first: where its bucket's word is; may be NULL
 *
 * Return: 1 @walk is there; 0 there is none; -EBADMSG
 */
int fam_hash_find(const struct fam_hash *hash, struct fam_view view,
		  const struct fam_hash_key *key, struct fam_hash_walk *walk,
		  fam_off *first);

/** fam_hash_key_off(), fam_hash_value_off() - of the entry @walk is at */
static inline fam_off fam_hash_key_off(const struct fam_hash_walk *walk)
{
	return walk->entry + sizeof(walk->head);
}

static inline fam_off fam_hash_value_off(const struct fam_hash_walk *walk)
{
	return fam_hash_key_off(walk) + walk->head.key_bytes;
}

/* --- hash-grow.c --------------------------------------------------------------- */

/**
 * fam_hash_grow() - divide a bucket or some, if a stripe is full
 * @of: a hash of the stripe
 *
 * Or a part of that, if it is a long one. If it cannot be done, it is not, and @tx
 * says nothing of it.
 */
void fam_hash_grow(struct fam_hash *hash, struct fam_tx *tx,
		   const struct fam_tx *outer, uint64_t of);

#endif
