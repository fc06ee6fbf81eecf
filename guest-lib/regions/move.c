// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Moving a region that does not fit any more where it is. */
#include <string.h>
#include <sys/mman.h>

#include "opening.h"

#define BLOCK	    4096
#define CHUNK_BYTES (UINT64_C(4) << 20) /* while the session lives */

/* --- nobody maps it here --------------------------------------------------------- */

int fam_region_still(struct fam_region *region, uint64_t from)
{
	struct fam_regions *r = region->fam->regions;
	const struct fam_region *other;
	int result = 0;

	pthread_mutex_lock(&r->lock);
	for (other = r->list; other && result == 0; other = other->next) {
		if (other->serial != region->serial)
			continue;
		if (other->moving)
			result = 1;
		else if (fam_map_reaches(region->fam, other, from))
			result = -EBUSY;
	}
	if (result == 0) {
		region->moving = true;
		r->moving++;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

void fam_region_unstill(struct fam_region *region)
{
	struct fam_regions *r = region->fam->regions;

	pthread_mutex_lock(&r->lock);
	region->moving = false;
	r->moving--;
	pthread_mutex_unlock(&r->lock);
}

/* --- its content -------------------------------------------------------------------- */

/* What is the same already is left alone: a sparse file stays one. */
static void copy_pages(struct fam *fam, char *to, const char *from, size_t len)
{
	for (size_t done = 0; done < len; done += BLOCK) {
		size_t n = len - done < BLOCK ? len - done : BLOCK;

		if (memcmp(to + done, from + done, n) != 0)
			fam_memcpy_nodrain(fam, to + done, from + done, n);
		else if (fam->persist->cpu)
			fam_flush(fam, to + done, n);
	}
}

static int copy_chunk(struct fam *fam, uint64_t to, uint64_t from,
		      uint64_t bytes)
{
	struct fam_pages target, source;
	int r = fam_source_map_pages(&fam->source, to, bytes, &target);

	if (r < 0)
		return r;
	r = fam_source_map_pages(&fam->source, from, bytes, &source);
	if (r == 0) {
		copy_pages(fam, (char *)target.start, (char *)source.start,
			   (size_t)bytes);
		munmap(source.base, source.bytes);
	}
	munmap(target.base, target.bytes);
	return r;
}

static int copy(struct fam *fam, uint64_t to, uint64_t from, uint64_t bytes)
{
	int r = fam_source_recheck(&fam->source);

	for (uint64_t done = 0; r == 0 && done < bytes; done += CHUNK_BYTES) {
		uint64_t n =
			bytes - done < CHUNK_BYTES ? bytes - done : CHUNK_BYTES;

		/* Who has lost the session has lost the space. */
		r = fam_park_self(fam)
			    ? copy_chunk(fam, to + done, from + done, n)
			    : fam_park_why(fam);
	}
	fam_drain(fam);
	return r;
}

/*
 * What was durable at the old place must be so at the new one before anybody can
 * store anything else at the old one.
 */
static int fill(struct fam *fam, const struct fam_region_found *taken,
		const struct fam_region_entry *old, uint32_t flags,
		bool durable)
{
	uint64_t to = taken->entry.offset, from = old->bytes;
	bool stored;
	int r = copy(fam, to, old->offset, old->bytes);

	if (r == 0 && durable)
		r = fam_region_persist(fam, to, old->bytes);
	if (r == 0 && !(flags & FAM_REGION_NO_ZERO))
		r = fam_region_zero(fam, to + from, taken->entry.space - from,
				    durable, &stored);
	return r;
}

/* --- its entry ------------------------------------------------------------------------ */

/* Under the lock: it is at the new place, and the old one is free. */
static int swap(struct fam_region *region, struct fam_regions *r,
		const struct fam_region_found *taken,
		const struct fam_region_entry *old, bool durable)
{
	struct fam_region_change changes[FAM_REGIONS_CHANGES] = {0};
	struct fam_region_found now;
	struct fam_region_users users;
	struct fam *fam = region->fam;
	int error = fam_region_get(fam, r, region, &now);

	if (error < 0)
		return error;
	if (now.entry.offset != old->offset || now.entry.bytes != old->bytes)
		return -EAGAIN;
	fam_region_users(fam, r, region->index, region->serial, &users);
	if (users.others)
		return -EBUSY;
	changes[0].index = region->index;
	changes[0].entry = now.entry;
	changes[0].entry.offset = taken->entry.offset;
	changes[0].entry.space = taken->entry.space;
	changes[0].entry.bytes = taken->entry.bytes;
	changes[0].entry.changed_ns = fam_region_now();
	changes[1].index = taken->index;
	changes[1].entry = taken->entry;
	changes[1].entry.offset = old->offset;
	changes[1].entry.space = old->space;
	fam_region_free_entry(&changes[1].entry, true);
	return fam_regions_change(fam, r, changes, 2, durable);
}

/* If the directory cannot be read: to be alone with the record. */
static void unmark(struct fam_region *region)
{
	struct fam_regions *r = region->fam->regions;
	int error;

	if (pthread_mutex_lock(&r->gate) != 0)
		return;
	error = fam_mutex_lock(region->fam, &fam_regions_live(r)->lock, -1);
	if (error < 0 && error != -EOWNERDEAD) {
		pthread_mutex_unlock(&r->gate);
		return;
	}
	fam_region_mark(r, region, false);
	fam_regions_unlock(region->fam, r);
}

/* As far as it can be: what is not is the session's until that ends. */
static void undo(struct fam_region *region,
		 const struct fam_region_found *taken)
{
	struct fam_regions *r;
	int error;

	do {
		error = fam_regions_lock(region->fam, &r);
	} while (error == -EINTR);
	if (error < 0) {
		unmark(region);
		return;
	}
	fam_region_mark(r, region, false);
	fam_region_drop(region->fam, r, taken);
	fam_regions_unlock(region->fam, r);
}

/* Writers are kept away by the record; readers that have come are found. */
static int copy_and_swap(struct fam_region *region,
			 const struct fam_region_found *taken,
			 const struct fam_region_entry *old, uint32_t flags)
{
	struct fam *fam = region->fam;
	bool durable = !(flags & FAM_REGION_NO_SYNC) ||
		       fam->persist->way != FAM_PERSIST_NONE;
	int error = fill(fam, taken, old, flags, durable), locked;
	struct fam_regions *r;

	locked = fam_region_retake(fam, taken, &r);
	if (locked < 0) {
		undo(region, taken);
		return locked;
	}
	fam_region_mark(r, region, false);
	if (error == 0)
		error = swap(region, r, taken, old, durable);
	if (error < 0)
		fam_region_drop(fam, r, taken);
	fam_regions_unlock(fam, r);
	return error;
}

static int begin(struct fam_region *region, struct fam_regions *r,
		 const struct fam_region_found *found, uint64_t bytes,
		 struct fam_region_found *taken)
{
	struct fam_region_entry entry = {
		.bytes = bytes,
		.space = fam_region_space_for(bytes),
	};
	struct fam_region_users users;
	int error;

	fam_region_users(region->fam, r, region->index, region->serial, &users);
	if (users.others)
		return -EBUSY;
	error = fam_region_still(region, found->entry.offset);
	if (error)
		return error;
	error = fam_region_take(region->fam, r, &entry, taken);
	if (error < 0)
		fam_region_unstill(region);
	else
		fam_region_mark(r, region, true);
	return error;
}

int fam_region_move(struct fam_region *region, struct fam_regions *r,
		    const struct fam_region_found *found, uint64_t bytes,
		    uint32_t flags)
{
	struct fam_region_found taken;
	int error = begin(region, r, found, bytes, &taken);

	fam_regions_unlock(region->fam, r);
	if (error)
		return error;
	error = copy_and_swap(region, &taken, &found->entry, flags);
	fam_region_unstill(region);
	return error;
}
