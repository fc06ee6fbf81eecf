// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Keys put and removed. All that can fail in a transaction is done first, and then
 * the copies it has given are changed: if something fails, what it has says what is
 * there anyway, and a caller's transaction goes on as if nothing had been.
 */
#include "containers/fam-hash.h"
#include "heap/heap-store.h"

/* A value of the same length up to this is written over, which is no copy less safe. */
#define IN_PLACE_MAX 4096

struct pair {
	struct fam_hash_key key;
	const void *value;
	uint64_t bytes;
};

static void fill(void *copy, const struct pair *pair, fam_off next)
{
	/* As struct fam_hash_entry has it. */
	const uint64_t head[] = {next, pair->key.hash, pair->key.bytes,
				 pair->bytes};
	char *to = copy;

	_Static_assert(sizeof(head) == sizeof(struct fam_hash_entry), "format");
	fam_heap_copy(to, head, sizeof(head));
	to += sizeof(head);
	fam_heap_copy(to, pair->key.data, pair->key.bytes);
	if (pair->bytes)
		fam_heap_copy(to + pair->key.bytes, pair->value, pair->bytes);
}

static int make_entry(struct fam_tx *tx, const struct pair *pair, fam_off *off,
		      void **copy)
{
	return fam_tx_alloc(tx,
			    sizeof(struct fam_hash_entry) + pair->key.bytes +
				    pair->bytes,
			    0, off, copy);
}

/* At the front of its bucket. */
static int put_new(struct fam_hash *hash, struct fam_tx *tx,
		   const struct pair *pair, fam_off bucket)
{
	uint64_t *link, *count;
	void *copy;
	fam_off off;
	int r = make_entry(tx, pair, &off, &copy);

	if (r < 0)
		return r;
	link = fam_part_word(tx, bucket, &r);
	count = fam_part_word(tx, fam_hash_count_off(hash, pair->key.hash), &r);
	if (r < 0) {
		(void)fam_tx_free(tx, off);
		return r;
	}
	fill(copy, pair, *link);
	*link = off;
	++*count;
	return 0;
}

/* In the place of the one that has the key. */
static int put_instead(struct fam_tx *tx, const struct pair *pair,
		       const struct fam_hash_walk *old)
{
	uint64_t *link;
	void *copy;
	fam_off off;
	int r = make_entry(tx, pair, &off, &copy);

	if (r < 0)
		return r;
	link = fam_part_word(tx, old->link, &r);
	if (r == 0)
		r = fam_tx_free(tx, old->entry);
	if (r < 0) {
		(void)fam_tx_free(tx, off);
		/* What has the key is not allocated. */
		return r == -EINVAL ? -EBADMSG : r;
	}
	fill(copy, pair, old->head.next);
	*link = off;
	return 0;
}

static int put_over(struct fam_tx *tx, const struct pair *pair,
		    const struct fam_hash_walk *old)
{
	return pair->bytes ? fam_tx_set(tx, fam_hash_value_off(old),
					pair->value, pair->bytes)
			   : 0;
}

/* 1: there is one key more */
static int put(struct fam_hash *hash, struct fam_tx *tx,
	       const struct pair *pair)
{
	const struct fam_view view = {hash->heap, tx};
	struct fam_hash_walk walk;
	fam_off bucket = 0;
	int r = fam_hash_find(hash, view, &pair->key, &walk, &bucket);

	if (r < 0)
		return r;
	if (r == 0) {
		r = put_new(hash, tx, pair, bucket);
		return r < 0 ? r : 1;
	}
	if (walk.head.value_bytes == pair->bytes && pair->bytes <= IN_PLACE_MAX)
		return put_over(tx, pair, &walk);
	return put_instead(tx, pair, &walk);
}

int fam_hash_put(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		 uint32_t key_bytes, const void *value, uint64_t bytes)
{
	struct pair pair = {.value = value, .bytes = bytes};
	struct fam_tx *part = NULL;
	int r = fam_hash_key_make(hash, key, key_bytes, &pair.key);

	if (r == 0 && bytes > FAM_HASH_VALUE_MAX)
		r = -E2BIG;
	if (r == 0)
		r = fam_part_begin(hash->heap, tx, &part);
	if (r < 0)
		return r;
	r = fam_part_lock(part, tx, fam_hash_stripe(hash, pair.key.hash));
	if (r == 0)
		r = put(hash, part, &pair);
	if (r > 0)
		fam_hash_grow(hash, part, tx, pair.key.hash);
	return fam_part_end(part, tx, r > 0 ? 0 : r);
}

static int take_out(struct fam_hash *hash, struct fam_tx *tx,
		    const struct fam_hash_walk *walk)
{
	uint64_t *link, *count;
	int r = 0;

	link = fam_part_word(tx, walk->link, &r);
	count = fam_part_word(tx, fam_hash_count_off(hash, walk->head.hash),
			      &r);
	if (r == 0)
		r = fam_tx_free(tx, walk->entry);
	if (r < 0)
		return r == -EINVAL ? -EBADMSG : r;
	*link = walk->head.next;
	--*count;
	return 0;
}

int fam_hash_remove(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		    uint32_t key_bytes)
{
	struct fam_view view = {.heap = hash->heap};
	struct fam_hash_walk walk;
	struct fam_hash_key k;
	int r = fam_hash_key_make(hash, key, key_bytes, &k);

	if (r == 0)
		r = fam_part_begin(hash->heap, tx, &view.tx);
	if (r < 0)
		return r;
	r = fam_part_lock(view.tx, tx, fam_hash_stripe(hash, k.hash));
	if (r == 0) {
		r = fam_hash_find(hash, view, &k, &walk, NULL);
		r = r > 0   ? take_out(hash, view.tx, &walk)
		    : r < 0 ? r
			    : -ENOENT;
	}
	return fam_part_end(view.tx, tx, r);
}
