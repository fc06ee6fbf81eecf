// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Making a region: its space is taken, filled without the lock, then it is there. */
#include <string.h>

#include "fam-session.h"
#include "opening.h"

#define OPEN_FLAGS   (FAM_REGION_READ | FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE)
#define MODE_DEFAULT 0600u
#define MODE_MAX     0777u
#define TYPE_USER    0x10000u

_Static_assert(FAM_REGION_NODE_MAX == FAM_SESSIONS_NAME, "names of nodes fit");

static int check_want(const struct fam_region_want *want,
		      struct fam_region **out)
{
	const uint32_t known =
		OPEN_FLAGS | FAM_REGION_NO_SYNC | FAM_REGION_NO_ZERO;

	if (want->flags & ~known || want->mode > MODE_MAX ||
	    (want->type > FAM_REGION_HEAP && want->type < TYPE_USER))
		return -EINVAL;
	if (want->flags & OPEN_FLAGS && !out)
		return -EINVAL;
	return fam_region_space_for(want->bytes) ? 0 : -ENOSPC;
}

static void fill_in(const struct fam *fam, const char *name,
		    const struct fam_region_want *want,
		    struct fam_region_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->space = fam_region_space_for(want->bytes);
	entry->bytes = want->bytes;
	entry->uid = geteuid();
	entry->gid = getegid();
	entry->mode = want->mode ? want->mode : MODE_DEFAULT;
	entry->type = want->type;
	memcpy(entry->name, name, strlen(name));
	memcpy(entry->node, fam->sessions->node_name,
	       strnlen(fam->sessions->node_name, FAM_REGION_NODE_MAX - 1));
}

static int take_once(struct fam *fam, const char *name,
		     const struct fam_region_entry *entry,
		     struct fam_region_found *taken)
{
	struct fam_regions *r;
	int error = fam_region_lock_found(fam, name, &r, taken);

	if (error < 0 && error != -ENOENT)
		return error;
	error = error == 0 ? -EEXIST : fam_region_take(fam, r, entry, taken);
	fam_regions_unlock(fam, r);
	return error;
}

static int take(struct fam *fam, const char *name,
		const struct fam_region_want *want,
		struct fam_region_found *taken)
{
	struct fam_region_entry entry;
	int64_t began = fam_now_ns();
	int error = fam_session_check(fam);

	if (error < 0)
		return fam->source.writable ? error : -EROFS;
	fill_in(fam, name, want, &entry);
	for (;;) {
		error = take_once(fam, name, &entry, taken);
		if (error != -EAGAIN)
			return error;
		error = fam_region_again(began);
		if (error < 0)
			return error;
	}
}

/* Under the lock. An opening is recorded before, as nobody may come between. */
static int publish(struct fam *fam, struct fam_regions *r,
		   const struct fam_region_found *taken, uint32_t flags,
		   struct fam_region **out)
{
	struct fam_region_change change = {.index = taken->index,
					   .entry = taken->entry};
	struct fam_region *region = NULL;
	int error = 0;

	change.entry.state = FAM_REGION_READY;
	change.entry.holder = 0;
	change.entry.boot = 0;
	if (flags & OPEN_FLAGS)
		error = fam_region_link(fam, r, taken, flags, &region);
	if (error == 0)
		error = fam_regions_change(fam, r, &change, 1,
					   !(flags & FAM_REGION_NO_SYNC));
	if (error == 0 && region)
		*out = region;
	else if (region)
		fam_region_unlink(r, region);
	return error;
}

static int fill(struct fam *fam, const struct fam_region_found *taken,
		uint32_t flags)
{
	bool stored;

	if (flags & FAM_REGION_NO_ZERO)
		return 0;
	return fam_region_zero(fam, taken->entry.offset, taken->entry.space,
			       !(flags & FAM_REGION_NO_SYNC), &stored);
}

static int finish(struct fam *fam, const struct fam_region_found *taken,
		  uint32_t flags, struct fam_region **out)
{
	struct fam_regions *r;
	int error = fill(fam, taken, flags);

	if (error < 0) {
		fam_region_lock_drop(fam, taken);
		return error;
	}
	error = fam_region_retake(fam, taken, &r);
	if (error < 0)
		return error;
	error = publish(fam, r, taken, flags, out);
	if (error < 0)
		fam_region_drop(fam, r, taken);
	fam_regions_unlock(fam, r);
	return error;
}

int fam_region_create(struct fam *fam, const char *name,
		      const struct fam_region_want *want,
		      struct fam_region **out)
{
	struct fam_region_found taken = {0};
	int error = check_want(want, out);

	if (error == 0)
		error = fam_region_name_check(name);
	if (error == 0 && !fam->regions)
		error = -EOPNOTSUPP;
	if (error == 0)
		error = take(fam, name, want, &taken);
	return error < 0 ? error : finish(fam, &taken, want->flags, out);
}
