// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The heap of the fabric, made by whoever comes first. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "stress.h"

#define HEAP_BYTES (UINT64_C(24) << 20)
#define JOURNALS   8

static int open_heap(struct stress *s)
{
	const struct fam_heap_want want = {
		.bytes = s->want->bytes ? s->want->bytes : HEAP_BYTES,
		.mode = 0666,
		.journals = JOURNALS,
		.journal_bytes = 64 << 10,
	};
	int r = CALL(fam_heap_create(s->fam, HEAP_NAME, &want, &s->heap));

	if (r == -EEXIST)
		r = CALL(fam_heap_open(s->fam, HEAP_NAME, FAM_REGION_WRITE,
				       &s->heap));
	return r;
}

/* One of all makes them; who has died on the way has made nothing. */
static int make_containers(struct stress *s)
{
	const fam_off hash = s->at + offsetof(struct stress_root, hash);
	struct fam_tx *tx;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r < 0)
		return r;
	r = fam_tx_lock(tx, &s->root->bank_lock, -1);
	if (r == 0 && s->root->magic != ROOT_MAGIC) {
		r = fam_hash_create(s->heap, tx, hash, NULL);
		if (r == 0)
			r = fam_log_create(s->heap, tx, hash + 8, NULL);
		if (r == 0)
			r = fam_tx_set_word(tx, s->at, ROOT_MAGIC);
	}
	if (r == 0)
		return CALL(fam_tx_commit(tx));
	fam_tx_abort(tx);
	return r;
}

static int open_parts(struct stress *s)
{
	int r = open_heap(s);

	if (r == 0)
		r = CALL(fam_heap_root(s->heap, sizeof(*s->root), &s->at));
	if (r < 0)
		return r;
	s->root = fam_heap_at(s->heap, s->at, sizeof(*s->root));
	if (s->root->magic != ROOT_MAGIC)
		r = make_containers(s);
	if (r == 0)
		r = CALL(fam_hash_open(s->heap, s->root->hash, &s->hash));
	if (r == 0)
		r = CALL(fam_log_open(s->heap, s->root->log, &s->log));
	return r;
}

static void close_parts(struct stress *s)
{
	fam_hash_close(s->hash);
	fam_log_close(s->log);
	fam_heap_close(s->heap);
	s->hash = NULL;
	s->log = NULL;
	s->heap = NULL;
}

int stress_open(struct stress *s, const struct want *want)
{
	int r;

	s->want = want;
	r = CALL(fam_open(&s->fam, want->fabric, 0));
	if (r < 0)
		return r;
	(void)fam_session_set(s->fam, "heap-stress",
			      want->lease_ms ? want->lease_ms : 10000);
	return open_parts(s);
}

void stress_close(struct stress *s)
{
	close_parts(s);
	fam_close(s->fam);
	s->fam = NULL;
}

/* The session may be lost again on the way. */
int stress_again(struct stress *s)
{
	int r = -ESTALE;

	for (int tries = 0; tries < 10 && r == -ESTALE; tries++) {
		close_parts(s);
		r = fam_session_rejoin(s->fam);
		if (r == 0)
			r = open_parts(s);
	}
	return r;
}

fam_off own_slot(const struct stress *s, unsigned int id, uint64_t i)
{
	return s->at + offsetof(struct stress_root, own) +
	       id * sizeof(struct stress_own) +
	       offsetof(struct stress_own, slot) + 8 * i;
}

void look_shared(const struct stress *s, uint64_t i)
{
	fam_off off = s->root->shared[i];
	uint64_t usable = 0;
	int r;

	if (!off)
		return;
	r = fam_heap_usable(s->heap, off, &usable);
	if (r < 0)
		fail("shared slot %" PRIu64
		     ": nothing is allocated at %" PRIu64,
		     i, off);
	if (!blob_whole(fam_heap_at(s->heap, off, usable), usable))
		fail("shared slot %" PRIu64 ": %" PRIu64 " bytes at %" PRIu64
		     " are not whole",
		     i, usable, off);
}
