// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Making regions larger and smaller. */
#include <string.h>

#include "opening.h"

#define AGAIN 1 /* somebody else was at it */

struct resizing {
	struct fam *fam;
	struct fam_region *region;
	struct fam_regions *r;
	struct fam_region_found found; /* as it is */
	uint64_t bytes, space;	       /* as it is to be */
	uint32_t flags;
	bool durable;
};

/* What was behind its end in its last page is not what was added. */
static int zero_tail(struct resizing *z)
{
	const struct fam_region_entry *entry = &z->found.entry;
	uint64_t end = z->bytes < entry->space ? z->bytes : entry->space;
	bool stored;

	if (end <= entry->bytes || z->flags & FAM_REGION_NO_ZERO)
		return 0;
	return fam_region_zero(z->fam, entry->offset + entry->bytes,
			       end - entry->bytes, z->durable, &stored);
}

/* The entry, as it is to be at its place. */
static void resized(const struct resizing *z, struct fam_region_change *out)
{
	out->index = z->found.index;
	out->entry = z->found.entry;
	out->entry.bytes = z->bytes;
	out->entry.space = z->space;
	out->entry.changed_ns = fam_region_now();
}

/* --- smaller --------------------------------------------------------------------- */

/*
 * A free entry remembers what is to be given back, if there is one that does not
 * do so for something else. Return: how many changes there are
 */
static unsigned int add_mark(const struct resizing *z,
			     struct fam_region_change changes[2])
{
	const struct fam_region_entry *old = &z->found.entry;
	struct fam_region_change *mark = &changes[1];
	struct fam_index_entry known;

	mark->index = fam_index_slot(z->r->index);
	if (z->space == old->space || mark->index == FAM_INDEX_NONE)
		return 1;
	fam_index_get(z->r->index, mark->index, &known);
	if (known.flags & FAM_REGION_TRIM ||
	    fam_regions_entry(z->fam, z->r, mark->index, &mark->entry) < 0)
		return 1;
	if (!mark->entry.serial)
		mark->entry.serial = fam_regions_serial(z->r);
	mark->entry.offset = old->offset + z->space;
	mark->entry.space = old->space - z->space;
	fam_region_free_entry(&mark->entry, true);
	return 2;
}

/* Under the lock. */
static int shrink(struct resizing *z)
{
	struct fam_region_change changes[FAM_REGIONS_CHANGES];
	struct fam_region_users users;
	int error;

	fam_region_users(z->fam, z->r, z->found.index, z->found.entry.serial,
			 &users);
	if (users.others)
		return -EBUSY;
	error = fam_region_still(z->region, z->found.entry.offset + z->bytes);
	if (error)
		return error;
	resized(z, &changes[0]);
	error = fam_regions_change(z->fam, z->r, changes, add_mark(z, changes),
				   z->durable);
	fam_region_unstill(z->region);
	return error;
}

/* --- larger, where it is ------------------------------------------------------------ */

/* Under the lock. */
static int grow_in_page(struct resizing *z)
{
	struct fam_region_change change;
	int error = zero_tail(z);

	resized(z, &change);
	return error < 0 ? error
			 : fam_regions_change(z->fam, z->r, &change, 1,
					      z->durable);
}

/* Under the lock: both change at once. */
static int join(struct resizing *z, const struct fam_region_found *taken)
{
	struct fam_region_change changes[FAM_REGIONS_CHANGES];
	struct fam_region_entry old = z->found.entry;
	int error = fam_region_get(z->fam, z->r, z->region, &z->found);

	if (error < 0)
		return error;
	if (z->found.entry.offset != old.offset ||
	    z->found.entry.space != old.space ||
	    z->bytes < z->found.entry.bytes)
		return AGAIN;
	error = zero_tail(z);
	if (error < 0)
		return error;
	resized(z, &changes[0]);
	changes[1].index = taken->index;
	changes[1].entry = taken->entry;
	fam_region_free_entry(&changes[1].entry, false);
	return fam_regions_change(z->fam, z->r, changes, 2, z->durable);
}

static int fill_and_join(struct resizing *z,
			 const struct fam_region_found *taken)
{
	bool stored;
	int error = 0, locked;

	if (!(z->flags & FAM_REGION_NO_ZERO))
		error = fam_region_zero(z->fam, taken->entry.offset,
					taken->entry.space, z->durable,
					&stored);
	locked = fam_region_retake(z->fam, taken, &z->r);
	if (locked < 0)
		return locked;
	if (error == 0)
		error = join(z, taken);
	if (error)
		fam_region_drop(z->fam, z->r, taken);
	fam_regions_unlock(z->fam, z->r);
	return error;
}

/* Locked before, but not after. */
static int grow_in_place(struct resizing *z)
{
	const struct fam_region_entry *entry = &z->found.entry;
	struct fam_region_entry behind = {
		.offset = entry->offset + entry->space,
		.space = z->space - entry->space,
	};
	struct fam_region_found taken;
	int error = fam_region_take(z->fam, z->r, &behind, &taken);

	fam_regions_unlock(z->fam, z->r);
	return error < 0 ? error : fill_and_join(z, &taken);
}

static bool is_free_behind(const struct resizing *z)
{
	const struct fam_region_entry *entry = &z->found.entry;

	return fam_index_is_free(z->r->index, entry->offset + entry->space,
				 z->space - entry->space);
}

/*
 * Large ones begin where large pages do, also if they have become so. What was
 * given up, and is not free on the disk, is free as soon as that is durable.
 */
static bool fits_here(const struct resizing *z)
{
	struct fam_index_sums sums;

	if (z->space >= FAM_REGIONS_LARGE &&
	    z->found.entry.offset % FAM_REGIONS_LARGE)
		return false;
	if (is_free_behind(z))
		return true;
	fam_index_sums(z->r->index, &sums);
	return sums.trimming && z->r->loose.count &&
	       fam_regions_settle(z->fam, z->r) == 0 && is_free_behind(z);
}

/* --- all of them ---------------------------------------------------------------------- */

/* Under the lock, and it stays locked. */
static int resize_in_space(struct resizing *z)
{
	if (z->bytes > z->found.entry.bytes)
		return grow_in_page(z);
	if (z->bytes < z->found.entry.bytes)
		return shrink(z);
	return z->durable ? fam_regions_settle(z->fam, z->r) : 0;
}

static int resize_once(struct resizing *z)
{
	int error = fam_regions_lock(z->fam, &z->r);

	if (error < 0)
		return error;
	error = fam_region_get(z->fam, z->r, z->region, &z->found);
	/* It does not know of it, and would be cut off. */
	if (error == 0 && z->found.entry.type == FAM_REGION_HEAP &&
	    z->bytes != z->found.entry.bytes)
		error = -EMEDIUMTYPE;
	if (error == 0 && z->space > z->found.entry.space) {
		if (fits_here(z))
			return grow_in_place(z);
		return fam_region_move(z->region, z->r, &z->found, z->bytes,
				       z->flags);
	}
	if (error == 0)
		error = resize_in_space(z);
	fam_regions_unlock(z->fam, z->r);
	return error;
}

int fam_region_resize(struct fam_region *region, uint64_t bytes, uint32_t flags)
{
	struct resizing z = {
		.fam = region->fam,
		.region = region,
		.bytes = bytes,
		.space = fam_region_space_for(bytes),
		.flags = flags,
		.durable = !(flags & FAM_REGION_NO_SYNC),
	};
	int64_t began = fam_now_ns();
	int error;

	if (flags & ~(FAM_REGION_NO_SYNC | FAM_REGION_NO_ZERO))
		return -EINVAL;
	if (!z.fam->source.writable)
		return -EROFS;
	if (!region->writable)
		return -EACCES;
	if (!z.space)
		return -ENOSPC;
	do {
		error = resize_once(&z);
		if (error == AGAIN || error == -EAGAIN) {
			int nap = fam_region_again(began);

			error = nap < 0 ? nap : AGAIN;
		}
	} while (error == AGAIN);
	return error;
}
