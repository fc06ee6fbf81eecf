// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Hash maps: made, opened, counted. */
#include "containers/fam-hash.h"

#include <sys/random.h>

/* Who chooses keys must not know it; who can read the heap may. */
static void make_seed(uint64_t seed[2])
{
	struct timespec now;

	if (getrandom(seed, 16, GRND_NONBLOCK) == 16)
		return;
	/* Early in the start of a machine. */
	clock_gettime(CLOCK_REALTIME, &now);
	seed[0] = (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 32;
	seed[1] = (uint64_t)getpid();
}

static int make(struct fam_tx *tx, fam_off dest, fam_off *out)
{
	struct fam_hash_header header = {
		.magic = FAM_HASH_MAGIC,
		.version = FAM_HASH_VERSION,
		.buckets = FAM_HASH_STRIPES,
	};
	fam_off off, locks, segment;
	void *copy;
	int r = fam_tx_alloc(tx, sizeof(struct fam_hash_locks), FAM_HEAP_ZERO,
			     &locks, NULL);

	if (r < 0)
		return r;
	r = fam_tx_alloc(tx, fam_hash_segment_bytes(0), FAM_HEAP_ZERO, &segment,
			 NULL);
	if (r < 0)
		goto no_segment;
	r = fam_tx_alloc(tx, sizeof(header), 0, &off, &copy);
	if (r < 0)
		goto no_header;
	/* Last: who finds it finds all of it. */
	if (dest)
		r = fam_tx_set_word(tx, dest, off);
	if (r < 0)
		goto no_dest;
	make_seed(header.seed);
	header.locks = locks;
	header.segment[0] = segment;
	/* The copy is aligned to less than the place. */
	memcpy(copy, &header, sizeof(header));
	*out = off;
	return 0;
no_dest:
	(void)fam_tx_free(tx, off);
no_header:
	(void)fam_tx_free(tx, segment);
no_segment:
	(void)fam_tx_free(tx, locks);
	return r;
}

int fam_hash_create(struct fam_heap *heap, struct fam_tx *tx, fam_off dest,
		    fam_off *out)
{
	return fam_part_make(heap, tx, dest, make, out);
}

int fam_hash_open(struct fam_heap *heap, fam_off off, struct fam_hash **out)
{
	struct fam_hash_header *header, copy;
	struct fam_hash *hash;
	void *at;
	int r = fam_part_object(heap, off, sizeof(*header), &at);

	if (r < 0)
		return r;
	header = at;
	/* None of these changes. */
	memcpy(&copy, header, offsetof(struct fam_hash_header, buckets));
	if (copy.magic != FAM_HASH_MAGIC)
		return -EMEDIUMTYPE;
	if (copy.version != FAM_HASH_VERSION)
		return -EPROTONOSUPPORT;
	if (fam_part_object(heap, copy.locks, sizeof(*hash->locks), &at) < 0)
		return -EBADMSG;
	hash = calloc(1, sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	hash->heap = heap;
	hash->off = off;
	hash->header = header;
	hash->locks = at;
	hash->locks_off = copy.locks;
	memcpy(hash->seed, copy.seed, sizeof(hash->seed));
	*out = hash;
	return 0;
}

void fam_hash_close(struct fam_hash *hash)
{
	free(hash);
}

uint64_t fam_hash_count(struct fam_hash *hash)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < FAM_HASH_STRIPES; i++)
		sum += fam_word_get((fam_word *)&hash->header->count[i]);
	return sum;
}
