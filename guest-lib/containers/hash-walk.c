// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Along the chain of a bucket, of which nothing is believed.
 *
 * What a transaction has changed it has copies of, piece by piece: the word that
 * names the next entry, or a value. Each is read as the piece it is changed as, or
 * the copy would be missed.
 */
#include "containers/fam-hash.h"

#include "containers/siphash.h"

int fam_hash_key_make(const struct fam_hash *hash, const void *data,
		      uint32_t bytes, struct fam_hash_key *out)
{
	if (!bytes)
		return -EINVAL;
	if (bytes > FAM_HASH_KEY_MAX)
		return -E2BIG;
	out->data = data;
	out->bytes = bytes;
	out->hash = fam_siphash(hash->seed, data, bytes);
	return 0;
}

struct fam_mutex *fam_hash_stripe(const struct fam_hash *hash, uint64_t of)
{
	return &hash->locks->stripe[of % FAM_HASH_STRIPES];
}

fam_off fam_hash_count_off(const struct fam_hash *hash, uint64_t of)
{
	return hash->off + offsetof(struct fam_hash_header, count) +
	       of % FAM_HASH_STRIPES * 8;
}

int fam_hash_buckets(const struct fam_hash *hash, struct fam_view view,
		     uint64_t *out)
{
	uint64_t n;
	int r = fam_view_word(
		view, hash->off + offsetof(struct fam_hash_header, buckets),
		&n);

	if (r < 0)
		return r;
	/* More than would fit: who goes through them all would never end. */
	if (n < FAM_HASH_STRIPES || n > FAM_HASH_BUCKETS_MAX ||
	    n > hash->heap->bytes / sizeof(fam_hash_bucket))
		return -EBADMSG;
	*out = n;
	return 0;
}

int fam_hash_bucket_at(const struct fam_hash *hash, struct fam_view view,
		       uint64_t bucket, fam_off *out)
{
	fam_off segment;
	uint64_t index;
	unsigned int s = fam_hash_segment_of(bucket, &index);
	int r = fam_view_word(
		view,
		hash->off + offsetof(struct fam_hash_header, segment) + s * 8,
		&segment);

	if (r < 0)
		return r;
	if (!segment ||
	    !fam_heap_at(view.heap, segment, fam_hash_segment_bytes(s)))
		return -EBADMSG;
	*out = segment + index * sizeof(fam_hash_bucket);
	return 0;
}

void fam_hash_walk_begin(struct fam_hash_walk *walk, struct fam_view view,
			 fam_off bucket)
{
	*walk = (struct fam_hash_walk){
		.view = view, .link = bucket, .until = 1};
}

/* Its head, but for @next, which is a piece of its own. */
static int read_head(struct fam_hash_walk *walk, fam_off entry)
{
	const size_t from = offsetof(struct fam_hash_entry, hash);
	struct fam_hash_entry *head = &walk->head;
	int r = fam_view_word(walk->view, entry, &head->next);

	if (r == 0)
		r = fam_view_copy(walk->view, entry + from, &head->hash,
				  sizeof(*head) - from);
	if (r < 0)
		return r;
	if (!head->key_bytes || head->key_bytes > FAM_HASH_KEY_MAX ||
	    head->value_bytes > FAM_HASH_VALUE_MAX)
		return -EBADMSG;
	return fam_heap_at(walk->view.heap, entry,
			   sizeof(*head) + head->key_bytes + head->value_bytes)
		       ? 0
		       : -EBADMSG;
}

/* As R. P. Brent finds a ring: within three times its length. */
static bool goes_round(struct fam_hash_walk *walk)
{
	if (walk->entry == walk->mark)
		return true;
	if (++walk->steps == walk->until) {
		walk->mark = walk->entry;
		walk->steps = 0;
		walk->until *= 2;
	}
	return false;
}

int fam_hash_walk_next(struct fam_hash_walk *walk)
{
	fam_off link = walk->link, entry;
	int r;

	if (walk->entry)
		link = walk->entry + offsetof(struct fam_hash_entry, next);
	r = fam_view_word(walk->view, link, &entry);
	if (r < 0)
		return r;
	walk->link = link;
	walk->entry = entry;
	if (!entry)
		return 0;
	r = read_head(walk, entry);
	if (r < 0)
		return r;
	return goes_round(walk) ? -EBADMSG : 1;
}

/* 1; 0; -EBADMSG */
static int is_key(const struct fam_hash_walk *walk,
		  const struct fam_hash_key *key)
{
	const void *data;

	if (walk->head.hash != key->hash || walk->head.key_bytes != key->bytes)
		return 0;
	data = fam_view_at(walk->view, fam_hash_key_off(walk), key->bytes);
	if (!data)
		return -EBADMSG;
	return memcmp(data, key->data, key->bytes) == 0;
}

int fam_hash_find(const struct fam_hash *hash, struct fam_view view,
		  const struct fam_hash_key *key, struct fam_hash_walk *walk,
		  fam_off *first)
{
	fam_off bucket;
	uint64_t n;
	int r = fam_hash_buckets(hash, view, &n);

	if (r == 0)
		r = fam_hash_bucket_at(
			hash, view, fam_hash_bucket_of(key->hash, n), &bucket);
	if (r < 0)
		return r;
	if (first)
		*first = bucket;
	fam_hash_walk_begin(walk, view, bucket);
	while ((r = fam_hash_walk_next(walk)) > 0) {
		r = is_key(walk, key);
		if (r)
			return r;
	}
	return r;
}
