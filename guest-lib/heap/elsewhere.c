// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Changes in other regions, which others have left: after a death, or a power cut.
 *
 * While it is stored the directory is locked, so that the region stays where it is.
 */
#include <sys/mman.h>

#include "heap/fam-heap.h"
#include "heap/heap-store.h"
#include "regions/opening.h"

static int find(struct fam *fam, const struct fam_regions *r, uint64_t serial,
		struct fam_region_entry *out)
{
	struct fam_regions_walk walk = {0};
	uint32_t i;

	while ((i = fam_regions_next(fam, r, &walk)) < r->places.entries) {
		if (fam_regions_load(fam, r, i, out) == 0 &&
		    out->serial == serial)
			return 0;
	}
	return -ENOENT;
}

static int put(struct fam_heap *heap, const struct fam_region_entry *entry,
	       const struct fam_step_of *step, bool stores)
{
	struct fam *fam = heap->fam;
	uint64_t at = step->change.offset, length = step->change.length;
	struct fam_pages pages;
	int error;

	/* It was made smaller, and that is lost with it. */
	if (!length || at > entry->bytes || length > entry->bytes - at)
		return 0;
	error = fam_source_map_pages(&fam->source, entry->offset + at, length,
				     &pages);
	if (error < 0)
		return error;
	if (stores)
		fam_heap_copy((void *)pages.start, step->data, length);
	if (fam->persist->cpu)
		fam_flush(fam, (void *)pages.start, length);
	munmap(pages.base, pages.bytes);
	return fam_persist_range(fam, entry->offset + at, length);
}

int fam_change_elsewhere(struct fam_heap *heap, const struct fam_step_of *step,
			 bool stores)
{
	struct fam_region_entry entry;
	struct fam_regions *r;
	int error;

	do {
		error = fam_regions_lock(heap->fam, &r);
	} while (error == -EINTR);
	if (error < 0)
		return error;
	error = find(heap->fam, r, step->serial, &entry);
	/* It was destroyed, and its content with it. */
	error = error < 0 ? 0 : put(heap, &entry, step, stores);
	fam_regions_unlock(heap->fam, r);
	return error;
}
