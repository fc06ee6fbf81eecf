// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A call that is a transaction, or a part of one. */
#include "containers/view.h"

int fam_part_begin(struct fam_heap *heap, struct fam_tx *outer,
		   struct fam_tx **out)
{
	if (!outer)
		return fam_tx_begin(heap, NULL, out);
	if (outer->heap != heap)
		return -EINVAL;
	if (outer->canceled)
		return -ECANCELED;
	*out = outer;
	return 0;
}

int fam_part_end(struct fam_tx *tx, const struct fam_tx *outer, int r)
{
	if (outer)
		return r;
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

int fam_part_make(struct fam_heap *heap, struct fam_tx *outer, fam_off dest,
		  int (*make)(struct fam_tx *tx, fam_off dest, fam_off *out),
		  fam_off *out)
{
	struct fam_tx *part;
	fam_off off = 0;
	int r = fam_part_begin(heap, outer, &part);

	if (r < 0)
		return r;
	r = fam_part_end(part, outer, make(part, dest, &off));
	if (r == 0 && out)
		*out = off;
	return r;
}

int fam_part_lock(struct fam_tx *tx, const struct fam_tx *outer,
		  struct fam_mutex *mutex)
{
	int ms = FAM_PART_ALONE_MS, r;

	if (outer)
		ms = FAM_PART_MS + (int)(fam_now_ns() % FAM_PART_MORE_MS);
	r = fam_tx_lock(tx, mutex, ms);
	return r == -ETIMEDOUT ? -EDEADLK : r;
}

/* What its last owner has left is finished before anybody looks at it. */
static int repair(struct fam_heap *heap, struct fam_mutex *mutex)
{
	int r = fam_heap_recover(heap);

	if (r >= 0)
		return fam_mutex_consistent(heap->fam, mutex);
	/* Not consistent: the next one is told as well. */
	fam_view_unlock(heap, mutex);
	return r;
}

int fam_view_lock(struct fam_heap *heap, struct fam_mutex *mutex)
{
	int r = fam_heap_may(heap);

	if (r < 0)
		return r;
	r = fam_mutex_lock(heap->fam, mutex, FAM_PART_ALONE_MS);
	if (r == -ETIMEDOUT)
		return -EDEADLK;
	return r == -EOWNERDEAD ? repair(heap, mutex) : r;
}

void fam_view_unlock(struct fam_heap *heap, struct fam_mutex *mutex)
{
	/* If the session was lost, it is others' already. */
	(void)fam_mutex_unlock(heap->fam, mutex);
}

int fam_part_object(struct fam_heap *heap, fam_off off, uint64_t bytes,
		    void **out)
{
	uint64_t usable;
	void *at = off % bytes ? NULL : fam_heap_at(heap, off, bytes);

	if (!at || fam_heap_usable(heap, off, &usable) < 0 || usable < bytes)
		return -EMEDIUMTYPE;
	*out = at;
	return 0;
}
