// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What is taken and what is free, without the lock. */
#include <string.h>

#include "opening.h"

static void index_free(struct fam_index **index)
{
	fam_index_free(*index);
}

#define _cleanup_index_ __attribute__((cleanup(index_free)))

/*
 * What is taken goes into an index of its own. While others change regions, what
 * is read may not fit together: then one of two is left out.
 */
static int add_taken(struct fam *fam, const struct fam_regions *r,
		     struct fam_index *index, struct fam_region_space *out)
{
	struct fam_regions_walk walk = {0};
	struct fam_region_both both;
	uint32_t i, rival;

	while ((i = fam_regions_next(fam, r, &walk)) < r->places.entries) {
		int error = 0;

		fam_regions_read(fam, r, i, &both);
		if (both.last < 0)
			continue;
		out->loose +=
			both.is[!both.last] != FAM_COPY_GOOD ||
			both.copy[0].generation != both.copy[1].generation;
		if (both.copy[both.last].state != FAM_REGION_FREE)
			error = fam_index_set(index, i, &both.copy[both.last],
					      &rival);
		if (error == -ENOMEM)
			return error;
	}
	return 0;
}

/* Marks of what was taken again since are worth nothing. */
static void add_marks(struct fam *fam, const struct fam_regions *r,
		      const struct fam_index *index,
		      struct fam_region_space *out)
{
	struct fam_regions_walk walk = {0};
	struct fam_region_both both;
	uint32_t i;

	while ((i = fam_regions_next(fam, r, &walk)) < r->places.entries) {
		const struct fam_region_entry *entry;

		fam_regions_read(fam, r, i, &both);
		entry = &both.copy[both.last < 0 ? 0 : both.last];
		if (both.last >= 0 && entry->state == FAM_REGION_FREE &&
		    entry->flags & FAM_REGION_TRIM &&
		    fam_index_is_free(index, entry->offset, entry->space))
			out->trim += entry->space;
	}
}

static int look(struct fam *fam, const struct fam_regions *r,
		struct fam_region_space *out)
{
	_cleanup_index_ struct fam_index *index = NULL;
	struct fam_index_sums sums;
	int error = fam_index_new(fam->data_offset, fam->data_bytes,
				  r->places.entries, &index);

	if (error == 0)
		error = add_taken(fam, r, index, out);
	if (error < 0)
		return error;
	add_marks(fam, r, index, out);
	fam_index_sums(index, &sums);
	out->bytes = fam->data_bytes;
	out->taken = sums.taken;
	out->asked = sums.asked;
	out->free = out->bytes - sums.taken;
	out->largest = sums.largest;
	out->pieces = sums.pieces;
	out->regions = sums.regions;
	out->room = r->places.entries;
	/* Two marks may lie on the same piece. */
	if (out->trim > out->free)
		out->trim = out->free;
	return 0;
}

int fam_region_space(struct fam *fam, struct fam_region_space *out, size_t size)
{
	struct fam_region_space full = {0};
	size_t known = size < sizeof(full) ? size : sizeof(full);
	struct fam_regions *r;
	int error = size ? fam_regions_map(fam, &r) : -EINVAL;

	if (error == 0)
		error = look(fam, r, &full);
	if (error < 0)
		return error;
	memcpy(out, &full, known);
	memset((char *)out + known, 0, size - known);
	return 0;
}
