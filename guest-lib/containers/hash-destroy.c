// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Freeing a map: its pairs, in as many transactions as it takes, each of which
 * leaves a map that has fewer; and in the last one what it is made of.
 */
#include "containers/fam-hash.h"

#define BATCH 1024 /* entries, in one transaction */

struct clear {
	struct fam_hash *hash;
	struct fam_view view;
	uint64_t bucket; /* those before it are empty */
	unsigned int freed;
};

/* 1: empty; 0: what has gone into the transaction is consistent; ... */
static int clear_bucket(struct clear *clear, uint64_t *count)
{
	struct fam_hash_walk walk;
	uint64_t *link;
	fam_off at;
	int r = fam_hash_bucket_at(clear->hash, clear->view, clear->bucket,
				   &at);

	if (r < 0)
		return r;
	fam_hash_walk_begin(&walk, clear->view, at);
	r = fam_hash_walk_next(&walk);
	if (r <= 0)
		return r < 0 ? r : 1;
	r = 0;
	link = fam_part_word(clear->view.tx, at, &r);
	while (r >= 0 && clear->freed < BATCH) {
		fam_off next = walk.head.next;

		r = fam_tx_free(clear->view.tx, walk.entry);
		if (r < 0)
			return r == -EINVAL ? -EBADMSG : r;
		clear->freed++;
		*link = next;
		--*count;
		if (!next)
			return 1;
		r = fam_hash_walk_next(&walk);
	}
	return r < 0 ? r : 0;
}

/* 1: all of a stripe is empty */
static int clear_some(struct clear *clear)
{
	struct fam_hash *hash = clear->hash;
	uint64_t n = 0, *count;
	int r = fam_part_lock(clear->view.tx, NULL,
			      fam_hash_stripe(hash, clear->bucket));

	if (r == 0)
		r = fam_hash_buckets(hash, clear->view, &n);
	count = fam_part_word(clear->view.tx,
			      fam_hash_count_off(hash, clear->bucket), &r);
	if (r < 0)
		return r;
	for (; clear->bucket < n; clear->bucket += FAM_HASH_STRIPES) {
		r = clear_bucket(clear, count);
		if (r <= 0)
			return r;
	}
	return 1;
}

static int clear_stripe(struct fam_hash *hash, uint64_t stripe)
{
	struct clear clear = {
		.hash = hash, .view = {.heap = hash->heap}, .bucket = stripe};
	int done = 0, r;

	while (!done) {
		r = fam_tx_begin(hash->heap, NULL, &clear.view.tx);
		if (r < 0)
			return r;
		clear.freed = 0;
		done = clear_some(&clear);
		/* The journal is full: go on in the next one. */
		if (done == -E2BIG && clear.freed)
			done = 0;
		r = fam_part_end(clear.view.tx, NULL, done < 0 ? done : 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* No lock is taken, since it would be freed with the rest. */
static int free_frame(struct fam_hash *hash, struct fam_tx *tx, fam_off dest)
{
	const struct fam_view view = {hash->heap, tx};
	const fam_off first =
		hash->off + offsetof(struct fam_hash_header, segment);
	fam_off segment;
	int r = dest ? fam_tx_set_word(tx, dest, 0) : 0;

	for (unsigned int i = 0; i < FAM_HASH_SEGMENTS && r == 0; i++) {
		r = fam_view_word(view, first + i * 8, &segment);
		if (r == 0 && segment)
			r = fam_tx_free(tx, segment);
	}
	if (r == 0)
		r = fam_tx_free(tx, hash->locks_off);
	if (r == 0)
		r = fam_tx_free(tx, hash->off);
	return r == -EINVAL ? -EBADMSG : r;
}

int fam_hash_destroy(struct fam_hash *hash, fam_off dest)
{
	const struct fam_view view = {.heap = hash->heap};
	struct fam_tx *tx = NULL;
	uint64_t is = hash->off;
	int r = dest ? fam_view_word(view, dest, &is) : 0;

	if (r < 0 || is != hash->off)
		return -EINVAL;
	for (uint64_t i = 0; i < FAM_HASH_STRIPES && r == 0; i++)
		r = clear_stripe(hash, i);
	if (r == 0)
		r = fam_tx_begin(hash->heap, NULL, &tx);
	if (r < 0)
		return r;
	return fam_part_end(tx, NULL, free_frame(hash, tx, dest));
}
