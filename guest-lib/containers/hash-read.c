// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Looking at keys: one, or all of them. */
#include "containers/fam-hash.h"

/* --- one --------------------------------------------------------------------------- */

struct want {
	void *value;
	uint64_t room;
	uint64_t *bytes;
};

/* Under the lock of its stripe. */
static int get(const struct fam_hash *hash, struct fam_view view,
	       const struct fam_hash_key *key, const struct want *want)
{
	struct fam_hash_walk walk;
	int r = fam_hash_find(hash, view, key, &walk, NULL);
	const void *from;
	uint64_t bytes;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	bytes = walk.head.value_bytes;
	/* All of it, as it is changed. */
	from = fam_view_at(view, fam_hash_value_off(&walk), bytes);
	if (!from)
		return -EBADMSG;
	if (bytes && want->room)
		memcpy(want->value, from,
		       bytes < want->room ? bytes : want->room);
	if (want->bytes)
		*want->bytes = bytes;
	return bytes > want->room ? -ERANGE : 0;
}

int fam_hash_get(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		 uint32_t key_bytes, void *value, uint64_t room,
		 uint64_t *bytes)
{
	const struct want want = {value, room, bytes};
	struct fam_view view = {hash->heap, tx};
	struct fam_mutex *stripe;
	struct fam_hash_key k;
	int r = fam_hash_key_make(hash, key, key_bytes, &k);

	if (r == 0 && tx)
		r = fam_part_begin(hash->heap, tx, &view.tx);
	if (r < 0)
		return r;
	stripe = fam_hash_stripe(hash, k.hash);
	r = tx ? fam_part_lock(tx, tx, stripe)
	       : fam_view_lock(hash->heap, stripe);
	if (r < 0)
		return r;
	r = get(hash, view, &k, &want);
	if (!tx)
		fam_view_unlock(hash->heap, stripe);
	return r;
}

/* --- all --------------------------------------------------------------------------- */

/*
 * Bucket by bucket of those there are in the beginning, each with all that have
 * come out of it since: an entry belongs to one of them, whatever else becomes of
 * it. Copies of one are made under its lock, and told without.
 */
struct all {
	struct fam_hash *hash;
	uint64_t buckets; /* in the beginning */
	char *copy; /* struct pair, key and value, each at a multiple of 16 */
	uint64_t bytes, room;
};

struct pair {
	uint64_t key_bytes, value_bytes;
};

static uint64_t up(uint64_t bytes)
{
	return (bytes + 15) & ~UINT64_C(15);
}

static int more_room(struct all *all, uint64_t bytes)
{
	uint64_t room = all->bytes + bytes;
	char *copy;

	if (room <= all->room)
		return 0;
	/* One entry told again and again, by who means harm. */
	if (room > 2 * all->hash->heap->bytes)
		return -EBADMSG;
	room = room < 2 * all->room ? 2 * all->room : room;
	copy = realloc(all->copy, room);
	if (!copy)
		return -ENOMEM;
	all->copy = copy;
	all->room = room;
	return 0;
}

static int copy_pair(struct all *all, const struct fam_hash_walk *walk)
{
	const struct pair pair = {walk->head.key_bytes, walk->head.value_bytes};
	const uint64_t key = up(pair.key_bytes), value = up(pair.value_bytes);
	int r = more_room(all, sizeof(pair) + key + value);
	char *to = all->copy + all->bytes;

	if (r < 0)
		return r;
	memcpy(to, &pair, sizeof(pair));
	to += sizeof(pair);
	r = fam_view_copy(walk->view, fam_hash_key_off(walk), to,
			  pair.key_bytes);
	if (r == 0)
		r = fam_view_copy(walk->view, fam_hash_value_off(walk),
				  to + key, pair.value_bytes);
	if (r == 0)
		all->bytes += sizeof(pair) + key + value;
	return r;
}

static int copy_bucket(struct all *all, uint64_t bucket, uint64_t origin)
{
	const struct fam_view view = {.heap = all->hash->heap};
	struct fam_hash_walk walk;
	fam_off at;
	int r = fam_hash_bucket_at(all->hash, view, bucket, &at);

	if (r < 0)
		return r;
	fam_hash_walk_begin(&walk, view, at);
	while ((r = fam_hash_walk_next(&walk)) > 0) {
		/* In a chain that is damaged others may be. */
		if (fam_hash_bucket_of(walk.head.hash, all->buckets) != origin)
			continue;
		r = copy_pair(all, &walk);
		if (r < 0)
			return r;
	}
	return r;
}

static int copy_all(struct all *all, uint64_t origin)
{
	const struct fam_view view = {.heap = all->hash->heap};
	uint64_t index, now, step;
	int r = fam_hash_buckets(all->hash, view, &now);

	if (r < 0)
		return r;
	(void)fam_hash_segment_of(all->buckets, &index);
	step = all->buckets -
	       index; /* a power of two, as of any that comes later */
	all->bytes = 0;
	for (uint64_t b = origin; b < now && r == 0; b += step) {
		if (fam_hash_bucket_of(b, all->buckets) == origin)
			r = copy_bucket(all, b, origin);
	}
	return r;
}

static int copy_locked(struct all *all, uint64_t origin)
{
	struct fam_mutex *stripe = fam_hash_stripe(all->hash, origin);
	int r = fam_view_lock(all->hash->heap, stripe);

	if (r < 0)
		return r;
	r = copy_all(all, origin);
	fam_view_unlock(all->hash->heap, stripe);
	return r;
}

int fam_hash_each(struct fam_hash *hash,
		  int (*visit)(const void *key, uint32_t key_bytes,
			       const void *value, uint64_t bytes, void *arg),
		  void *arg)
{
	const struct fam_view view = {.heap = hash->heap};
	struct all all = {.hash = hash};
	int r = fam_hash_buckets(hash, view, &all.buckets);

	for (uint64_t b = 0; b < all.buckets && r == 0; b++) {
		r = copy_locked(&all, b);
		for (uint64_t at = 0; at < all.bytes && r == 0;) {
			struct pair pair;
			const char *key = all.copy + at + sizeof(pair);

			memcpy(&pair, all.copy + at, sizeof(pair));
			r = visit(key, (uint32_t)pair.key_bytes,
				  key + up(pair.key_bytes), pair.value_bytes,
				  arg);
			at += sizeof(pair) + up(pair.key_bytes) +
			      up(pair.value_bytes);
		}
	}
	free(all.copy);
	return r;
}
