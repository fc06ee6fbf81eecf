// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Mapping regions: their own pages, and no others, with no more rights. */
#include "opening.h"

static bool is_moving(const struct fam_regions *r, uint64_t serial)
{
	const struct fam_region *region;

	if (!r->moving)
		return false;
	for (region = r->list; region; region = region->next) {
		if (region->moving && region->serial == serial)
			return true;
	}
	return false;
}

/* Which piece of the fabric it is. */
static int locate(const struct fam_region *region, uint64_t offset,
		  uint64_t length, struct fam_piece *out)
{
	struct fam_region_entry entry;
	int error = fam_region_peek(region, &entry);

	if (error < 0)
		return error;
	if (offset >= entry.bytes || length > entry.bytes - offset)
		return -ERANGE;
	out->offset = entry.offset + offset;
	out->length = length ? length : entry.bytes - offset;
	out->writable = region->writable;
	return 0;
}

/*
 * What users store is no more on the disk than zeros that were not made durable:
 * who makes a durable region there later must know.
 */
static void note_stores(const struct fam_regions *r)
{
	fam_word *loose = &fam_regions_live(r)->loose;

	if (!(fam_word_peek(loose) & FAM_LOOSE_STORES))
		fam_word_set(loose, FAM_LOOSE_STORES);
}

int fam_region_map(struct fam_region *region, uint64_t offset, uint64_t length,
		   void **out)
{
	struct fam_regions *r = region->fam->regions;
	struct fam_piece piece;
	int error;

	/* Where it is stays so until the map is known to who moves regions. */
	pthread_mutex_lock(&r->lock);
	while (is_moving(r, region->serial)) {
		pthread_mutex_unlock(&r->lock);
		error = fam_region_nap();
		if (error < 0)
			return error;
		pthread_mutex_lock(&r->lock);
	}
	error = locate(region, offset, length, &piece);
	if (error == 0 && piece.writable)
		note_stores(r);
	if (error == 0)
		error = fam_map_guarded(region->fam, region, &piece, out);
	pthread_mutex_unlock(&r->lock);
	return error;
}

int fam_region_unmap(struct fam_region *region, void *addr)
{
	return fam_unmap_guarded(region->fam, region, addr);
}
