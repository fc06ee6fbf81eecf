// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Space that is being filled: whoever takes it is named in the entry, so that
 * others leave it alone while he lives, and have it back when he is dead.
 */
#include <string.h>

#include "opening.h"

uint64_t fam_region_space_for(uint64_t bytes)
{
	const uint64_t grain = FAM_REGIONS_GRAIN;

	if (bytes > FAM_SIZE_MAX)
		return 0;
	return bytes ? (bytes + grain - 1) / grain * grain : grain;
}

uint64_t fam_region_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fam_region_free_entry(struct fam_region_entry *entry, bool trim)
{
	if (!trim) {
		entry->offset = 0;
		entry->space = 0;
	}
	fam_region_clear(entry);
}

/* --- taking -------------------------------------------------------------------------- */

static int find_room(const struct fam_regions *r,
		     const struct fam_region_entry *entry, uint32_t *index,
		     uint64_t *offset)
{
	*index = fam_index_slot(r->index);
	*offset = entry->offset;
	if (!entry->offset)
		*offset = fam_index_place(r->index, entry->space);
	else if (!fam_index_is_free(r->index, entry->offset, entry->space))
		*offset = 0;
	if (!*offset)
		return -ENOSPC;
	return *index == FAM_INDEX_NONE ? -EMFILE : 0;
}

/*
 * What was given up, but is not free on the disk, is held back: it is free as soon
 * as that is durable. A file in memory keeps nothing, durable or not.
 */
static int settle(struct fam *fam, struct fam_regions *r)
{
	int error = r->loose.count ? fam_regions_settle(fam, r) : 0;

	return fam->source.in_memory ? 0 : error;
}

/* What the dead were making, or giving back. */
static int sweep(struct fam *fam, struct fam_regions *r)
{
	int swept = fam_regions_sweep(fam, r);

	/* What they stored, or punched, is not on the disk. */
	if (swept > 0)
		fam_word_set(&fam_regions_live(r)->loose,
			     FAM_LOOSE_STORES | FAM_LOOSE_HOLES);
	return swept < 0 ? swept : 0;
}

static bool is_trimming(const struct fam_regions *r)
{
	struct fam_index_sums sums;

	fam_index_sums(r->index, &sums);
	return sums.trimming > 0;
}

static int find_any_room(struct fam *fam, struct fam_regions *r,
			 const struct fam_region_entry *entry, uint32_t *index,
			 uint64_t *offset)
{
	int (*const help[])(struct fam *, struct fam_regions *) = {settle,
								   sweep};
	int error = find_room(r, entry, index, offset);

	for (size_t i = 0; error < 0 && i < 2; i++) {
		int helped = help[i](fam, r);

		if (helped < 0)
			return helped;
		error = find_room(r, entry, index, offset);
	}
	return error < 0 && is_trimming(r) ? -EAGAIN : error;
}

int fam_region_take(struct fam *fam, struct fam_regions *r,
		    const struct fam_region_entry *entry,
		    struct fam_region_found *out)
{
	struct fam_region_change change = {.entry = *entry};
	struct fam_region_entry *e = &change.entry;
	int error = find_any_room(fam, r, entry, &change.index, &e->offset);

	if (error < 0)
		return error;
	e->holder = fam_park_self(fam);
	if (!e->holder)
		return fam_park_why(fam);
	e->state = FAM_REGION_MAKING;
	e->boot = fam_regions_boot(fam);
	e->serial = fam_regions_serial(r);
	e->created_ns = fam_region_now();
	e->changed_ns = e->created_ns;
	error = fam_regions_change(fam, r, &change, 1, false);
	if (error < 0)
		return error;
	out->index = change.index;
	out->entry = change.entry;
	return 0;
}

int fam_region_again(int64_t began)
{
	if (fam_now_ns() - began > FAM_REGION_PATIENCE_NS)
		return -ENOSPC;
	return fam_region_nap();
}

/* --- giving back ----------------------------------------------------------------------- */

static int look(struct fam *fam, struct fam_regions *r,
		const struct fam_region_found *taken,
		struct fam_region_entry *now)
{
	int error = fam_regions_entry(fam, r, taken->index, now);

	if (error < 0)
		return error;
	return now->state == FAM_REGION_MAKING &&
			       now->serial == taken->entry.serial &&
			       now->holder == taken->entry.holder
		       ? 0
		       : -ESTALE;
}

int fam_region_retake(struct fam *fam, const struct fam_region_found *taken,
		      struct fam_regions **out)
{
	struct fam_region_entry now;
	int error;

	do {
		error = fam_regions_lock(fam, out);
	} while (error == -EINTR);
	if (error < 0)
		return error;
	error = look(fam, *out, taken, &now);
	if (error < 0)
		fam_regions_unlock(fam, *out);
	return error;
}

/* If it cannot be written, others free it when this session has ended. */
void fam_region_drop(struct fam *fam, struct fam_regions *r,
		     const struct fam_region_found *taken)
{
	struct fam_region_change change = {.index = taken->index};

	if (look(fam, r, taken, &change.entry) < 0)
		return;
	fam_region_free_entry(&change.entry, true);
	(void)fam_regions_change(fam, r, &change, 1, false);
}

void fam_region_lock_drop(struct fam *fam, const struct fam_region_found *taken)
{
	struct fam_regions *r;

	if (fam_region_retake(fam, taken, &r) < 0)
		return;
	fam_region_drop(fam, r, taken);
	fam_regions_unlock(fam, r);
}
