// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Growing by linear hashing: one bucket is divided in two, with the put that made
 * it necessary. What can fail comes first, as in hash-change.c.
 *
 * Who grows holds @grow, and the stripe of what is divided: nobody else reads or
 * changes that. Who has the lock of another stripe finds his buckets at the same
 * places, whether he sees @buckets before or after.
 *
 * A chain can be as long as you like, if somebody has had the lock of its stripe
 * while others put: no record might hold all its words. Entries are in no order, so
 * one put brings a part of them into one, those that stay before those that go, and
 * a later one goes on from there. In the end it takes some words to divide it.
 */
#include "containers/fam-hash.h"

#define SPLITS	   4  /* at once: of many who put, few come to grow */
#define WORDS	   64 /* that one put changes for it */
#define WORDS_PART 16 /* in a caller's transaction: the room is his */
/* Two ends, the new bucket, how many buckets; a segment, and that it is allocated. */
#define WORDS_LAST 6
#define SKIPS_MIN  64

struct split {
	struct fam_hash *hash;
	struct fam_view view;
	uint64_t buckets; /* before */
	fam_off segment;  /* made for the new one; 0: none */
	fam_off old;	  /* where the word of the old one is */
	fam_off first;	  /* entry of those that go; 0: none */
	struct {
		uint64_t *copy;
		uint64_t value;
	} word[WORDS];
	unsigned int words, most;
};

static fam_off field(const struct fam_hash *hash, size_t offset)
{
	return hash->off + offset;
}

/* @value is what the word at @off is to be; it is not changed yet. */
static int change(struct split *split, fam_off off, uint64_t value)
{
	uint64_t *copy;
	int r = split->words == WORDS ? -E2BIG : 0;

	copy = fam_part_word(split->view.tx, off, &r);
	if (r < 0)
		return r;
	split->word[split->words].copy = copy;
	split->word[split->words++].value = value;
	return 0;
}

/* A word of a chain, only if it is not so. */
static int direct(struct split *split, fam_off off, uint64_t value)
{
	uint64_t is;
	int r = fam_view_word(split->view, off, &is);

	return r < 0 || is == value ? r : change(split, off, value);
}

/* Those that stay end at @stay, those that go at @go; @rest was not looked at. */
static int link_ends(struct split *split, fam_off stay, fam_off go,
		     fam_off rest)
{
	int r = direct(split, stay, rest && split->first ? split->first : rest);

	return r < 0 || !split->first ? r : direct(split, go, rest);
}

/* One chain of those that stay, one of those that go. 1: all; 0: a part of them */
static int divide(struct split *split)
{
	fam_off end[2] = {split->old, 0};
	struct fam_hash_walk walk;
	int r;

	fam_hash_walk_begin(&walk, split->view, split->old);
	while ((r = fam_hash_walk_next(&walk)) > 0 &&
	       split->words + WORDS_LAST < split->most) {
		bool goes = fam_hash_bucket_of(walk.head.hash,
					       split->buckets + 1) ==
			    split->buckets;

		if (!goes || split->first)
			r = direct(split, end[goes], walk.entry);
		else
			split->first = walk.entry;
		if (r < 0)
			return r;
		end[goes] = walk.entry;
	}
	if (r < 0)
		return r;
	r = link_ends(split, end[0], end[1], walk.entry);
	return r < 0 ? r : !walk.entry;
}

/*
 * Where there is no room for a segment all of the heap is looked at. So that not each
 * put does that, more and more of them do not try, but no more than there are buckets:
 * when there is room, chains are about one entry longer than they need be.
 */
static void skip_some(struct split *split)
{
	struct fam_hash *hash = split->hash;
	uint64_t skips = hash->skips ? 2 * hash->skips : SKIPS_MIN;

	hash->skips = skips < split->buckets ? skips : split->buckets;
	hash->skip = hash->skips;
}

/* The segment of the new bucket. */
static int make_segment(struct split *split, unsigned int s)
{
	struct fam_hash *hash = split->hash;
	int r = fam_tx_alloc(split->view.tx, fam_hash_segment_bytes(s), 0,
			     &split->segment, NULL);

	if (r == -ENOSPC)
		skip_some(split);
	if (r < 0)
		return r;
	hash->skips = 0;
	return change(
		split,
		field(hash, offsetof(struct fam_hash_header, segment) + s * 8),
		split->segment);
}

/* The chain is parted, with what is changed so far. */
static int add_bucket(struct split *split)
{
	struct fam_hash *hash = split->hash;
	const uint64_t n = split->buckets;
	uint64_t index;
	unsigned int s = fam_hash_segment_of(n, &index);
	fam_off new = 0;
	int r = index ? fam_hash_bucket_at(hash, split->view, n, &new)
		      : make_segment(split, s);

	if (split->segment)
		new = split->segment;
	/* Whatever is there. */
	if (r == 0)
		r = change(split, new, split->first);
	/* Behind what it makes reachable. */
	return r < 0 ? r
		     : change(split,
			      field(hash,
				    offsetof(struct fam_hash_header, buckets)),
			      n + 1);
}

/* 1: there is one bucket more; 0: it is nearer to that */
static int prepare(struct split *split)
{
	uint64_t index;
	int r;

	(void)fam_hash_segment_of(split->buckets, &index);
	if (!index && split->hash->skip) {
		split->hash->skip--;
		return -ENOSPC;
	}
	r = fam_hash_bucket_at(split->hash, split->view, index, &split->old);
	if (r == 0)
		r = divide(split);
	if (r <= 0)
		return r;
	r = add_bucket(split);
	return r < 0 ? r : 1;
}

/* How many words can be changed. */
static unsigned int words_of(const struct fam_tx *tx,
			     const struct fam_tx *outer)
{
	const uint64_t room = (tx->limit - tx->bytes) /
			      fam_change_bytes(FAM_CHANGE_DATA, 8, 8);
	const unsigned int most = outer ? WORDS_PART : WORDS;

	return room < most ? (unsigned int)room : most;
}

/* 1: there is one bucket more; 0: a part of that was done */
static int split_one(struct fam_hash *hash, struct fam_tx *tx, uint64_t buckets,
		     unsigned int *most)
{
	struct split split = {
		.hash = hash,
		.view = {hash->heap, tx},
		.buckets = buckets,
		.most = *most,
	};
	int r = fam_tx_lock(tx, fam_hash_stripe(hash, buckets), 0);

	if (r == 0)
		r = prepare(&split);
	if (r < 0) {
		if (split.segment)
			(void)fam_tx_free(tx, split.segment);
		return r;
	}
	for (unsigned int i = 0; i < split.words; i++)
		*split.word[i].copy = split.word[i].value;
	*most -= split.words;
	return r;
}

/*
 * By the number of entries of one stripe, which all have as many buckets: 1 in each
 * is full, and 2 for a caller's transaction, which should not keep locks of others.
 */
static int is_full(const struct fam_hash *hash, struct fam_view view,
		   const struct fam_tx *outer, uint64_t of, uint64_t *buckets)
{
	uint64_t count;
	int r = fam_view_word(view, fam_hash_count_off(hash, of), &count);

	if (r == 0)
		r = fam_hash_buckets(hash, view, buckets);
	if (r < 0 || *buckets == FAM_HASH_BUCKETS_MAX)
		return 0;
	return count > *buckets / FAM_HASH_STRIPES * (outer ? 2 : 1);
}

void fam_hash_grow(struct fam_hash *hash, struct fam_tx *tx,
		   const struct fam_tx *outer, uint64_t of)
{
	const struct fam_view view = {hash->heap, tx};
	unsigned int most = words_of(tx, outer);
	uint64_t buckets;

	if (!is_full(hash, view, outer, of, &buckets) ||
	    fam_tx_lock(tx, &hash->header->grow, 0) < 0)
		return;
	for (int i = 0; i < SPLITS && most > WORDS_LAST; i++) {
		/* Read anew under the lock. */
		if (!is_full(hash, view, outer, of, &buckets) ||
		    split_one(hash, tx, buckets, &most) <= 0)
			return;
	}
}
