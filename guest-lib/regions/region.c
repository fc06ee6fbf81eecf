// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Opening and closing regions. */
#include <string.h>

#include "opening.h"

#define OPEN_FLAGS (FAM_REGION_READ | FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE)

int fam_region_open_flags(uint32_t flags)
{
	return flags && !(flags & ~OPEN_FLAGS) ? 0 : -EINVAL;
}

/* --- an opening ------------------------------------------------------------------ */

static struct fam_region *opening_new(struct fam *fam,
				      const struct fam_region_found *found,
				      uint32_t flags)
{
	struct fam_region *region = calloc(1, sizeof(*region));

	if (!region)
		return NULL;
	region->fam = fam;
	region->serial = found->entry.serial;
	region->index = found->index;
	region->record = FAM_REGION_NO_RECORD;
	region->writable = flags & (FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE);
	region->exclusive = flags & FAM_REGION_EXCLUSIVE;
	return region;
}

static void list_add(struct fam_regions *r, struct fam_region *region)
{
	pthread_mutex_lock(&r->lock);
	region->next = r->list;
	region->before = &r->list;
	if (r->list)
		r->list->before = &region->next;
	r->list = region;
	pthread_mutex_unlock(&r->lock);
}

static void list_remove(struct fam_regions *r, struct fam_region *region)
{
	pthread_mutex_lock(&r->lock);
	*region->before = region->next;
	if (region->next)
		region->next->before = region->before;
	pthread_mutex_unlock(&r->lock);
}

/* What is added to the holder's word. */
static uint64_t record_flags(uint32_t flags)
{
	uint64_t out = 0;

	if (flags & (FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE))
		out |= FAM_REGIONS_OPEN_WRITE;
	if (flags & FAM_REGION_EXCLUSIVE)
		out |= FAM_REGIONS_OPEN_EXCLUSIVE;
	return out;
}

int fam_region_link(struct fam *fam, struct fam_regions *r,
		    const struct fam_region_found *found, uint32_t flags,
		    struct fam_region **out)
{
	uint64_t self = fam_park_self(fam);
	struct fam_region *region;
	int error;

	if (!self)
		return fam_park_why(fam);
	region = opening_new(fam, found, flags);
	if (!region)
		return -ENOMEM;
	region->holder = self | record_flags(flags);
	error = fam_region_opens_add(fam, r, region->holder, region->index,
				     region->serial, &region->record);
	if (error < 0) {
		free(region);
		return error;
	}
	list_add(r, region);
	*out = region;
	return 0;
}

void fam_region_mark(struct fam_regions *r, struct fam_region *region,
		     bool exclusive)
{
	struct fam_regions_open *open = fam_regions_open_at(r, region->record);
	uint64_t holder =
		region->holder & ~(uint64_t)FAM_REGIONS_OPEN_EXCLUSIVE;

	if (exclusive || region->exclusive)
		holder |= FAM_REGIONS_OPEN_EXCLUSIVE;
	/* It is taken away from those only who have lost their session. */
	if (holder == region->holder ||
	    fam_word_peek(&open->holder) != region->holder)
		return;
	fam_word_put(&open->what, fam_regions_open_value(holder, region->serial,
							 region->index));
	fam_word_put(&open->holder, holder);
	region->holder = holder;
}

void fam_region_unlink(struct fam_regions *r, struct fam_region *region)
{
	list_remove(r, region);
	fam_region_opens_drop(r, region->holder, region->index, region->record);
	free(region);
}

/* Records of who has what open end with the session. */
void fam_region_forget(struct fam_regions *r)
{
	while (r->list) {
		struct fam_region *next = r->list->next;

		free(r->list);
		r->list = next;
	}
}

int fam_region_get(struct fam *fam, struct fam_regions *r,
		   const struct fam_region *region,
		   struct fam_region_found *out)
{
	int error = fam_regions_entry(fam, r, region->index, &out->entry);

	if (error < 0)
		return error;
	out->index = region->index;
	return out->entry.state == FAM_REGION_READY &&
			       out->entry.serial == region->serial
		       ? 0
		       : -ENOENT;
}

int fam_region_peek(const struct fam_region *region,
		    struct fam_region_entry *out)
{
	struct fam *fam = region->fam;
	int error;

	if (region->holder &&
	    fam_park_self(fam) != fam_holder_of(region->holder))
		return -ESTALE;
	error = fam_regions_load(fam, fam->regions, region->index, out);
	if (error == 0 && out->serial != region->serial)
		error = -ENOENT;
	return error;
}

/* --- opening ------------------------------------------------------------------------ */

/* Read-only, or unseen: nobody is told, and nobody asked. */
static int open_unseen(struct fam *fam, const char *name, uint32_t flags,
		       struct fam_region **out)
{
	struct fam_region_found found = {0};
	struct fam_region *region;
	struct fam_regions *r;
	int error = fam_regions_map(fam, &r);

	if (error == 0 && flags != FAM_REGION_READ)
		error = fam->source.writable ? fam_park_why(fam) : -EROFS;
	if (error == 0)
		error = fam_region_search(fam, r, name, &found);
	if (error == 0)
		error = fam_region_may(&found.entry, flags);
	if (error < 0)
		return error;
	region = opening_new(fam, &found, flags);
	if (!region)
		return -ENOMEM;
	list_add(r, region);
	*out = region;
	return 0;
}

/* Under the lock. */
static int open_found(struct fam *fam, struct fam_regions *r,
		      const struct fam_region_found *found, uint32_t flags,
		      struct fam_region **out)
{
	struct fam_region_users users;
	int error = fam_region_may(&found->entry, flags);

	if (error < 0)
		return error;
	if (flags & (FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE)) {
		fam_region_users(fam, r, found->index, found->entry.serial,
				 &users);
		error = fam_region_shares(&users, flags);
	}
	return error < 0 ? error : fam_region_link(fam, r, found, flags, out);
}

static int open_seen(struct fam *fam, const char *name, uint32_t flags,
		     struct fam_region **out)
{
	struct fam_region_found found = {0};
	struct fam_regions *r;
	int error = fam_region_lock_found(fam, name, &r, &found);

	if (error < 0 && error != -ENOENT)
		return error;
	if (error == 0)
		error = open_found(fam, r, &found, flags, out);
	fam_regions_unlock(fam, r);
	return error;
}

int fam_region_open(struct fam *fam, const char *name, uint32_t flags,
		    struct fam_region **out)
{
	int error = fam_region_open_flags(flags);

	if (error == 0)
		error = fam_region_name_check(name);
	if (error < 0)
		return error;
	return fam->sessions ? open_seen(fam, name, flags, out)
			     : open_unseen(fam, name, flags, out);
}

/* --- closing -------------------------------------------------------------------------- */

/* Not its parent's, in a child of fork(2); the dead have none. */
static bool has_record(const struct fam_region *region)
{
	return region->record != FAM_REGION_NO_RECORD &&
	       fam_park_self(region->fam) == fam_holder_of(region->holder);
}

static void record_drop(struct fam *fam, const struct fam_region *region)
{
	struct fam_regions *r;
	int error;

	do {
		error = fam_regions_lock(fam, &r);
	} while (error == -EINTR);
	if (error == 0) {
		fam_region_opens_drop(r, region->holder, region->index,
				      region->record);
		fam_regions_unlock(fam, r);
		return;
	}
	/* It is not counted right then, which costs others some looks. */
	r = fam->regions;
	(void)fam_word_step(&fam_regions_open_at(r, region->record)->holder,
			    region->holder, 0);
}

void fam_region_close(struct fam_region *region)
{
	if (!region)
		return;
	fam_unmap_all(region->fam, region);
	list_remove(region->fam->regions, region);
	if (has_record(region))
		record_drop(region->fam, region);
	free(region);
}

int fam_region_stat(struct fam_region *region, struct fam_region_info *out,
		    size_t size)
{
	struct fam_region_found found = {.index = region->index};
	int error = fam_region_peek(region, &found.entry);

	return error < 0
		       ? error
		       : fam_region_describe(region->fam, region->fam->regions,
					     &found, out, size);
}
