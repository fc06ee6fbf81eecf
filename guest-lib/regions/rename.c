// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Other names, other rights, and the end of a region. */
#include <string.h>

#include "opening.h"

#define MODE_MAX 0777u
#define SAME	 UINT32_MAX

/* Who has no session can change nothing; a lock would say so less well. */
static int may_change(struct fam *fam)
{
	if (!fam->regions)
		return -EOPNOTSUPP;
	return fam->source.writable ? 0 : -EROFS;
}

/* Under the lock: may it be removed? */
static int may_remove(struct fam *fam, const struct fam_regions *r,
		      const struct fam_region_found *found)
{
	struct fam_region_users users;
	int error = fam_region_owns(&found->entry);

	if (error < 0)
		return error;
	fam_region_users(fam, r, found->index, found->entry.serial, &users);
	return users.readers || users.writers ? -EBUSY : 0;
}

/* --- destroy ----------------------------------------------------------------------- */

static int destroy(struct fam *fam, struct fam_regions *r,
		   const struct fam_region_found *found, bool durable)
{
	struct fam_region_change change = {.index = found->index,
					   .entry = found->entry};
	int error = may_remove(fam, r, found);

	if (error < 0)
		return error;
	fam_region_free_entry(&change.entry, true);
	return fam_regions_change(fam, r, &change, 1, durable);
}

/* With the lock, if it returns 0. */
static int lock_one(struct fam *fam, const char *name, struct fam_regions **out,
		    struct fam_region_found *found)
{
	int error = fam_region_name_check(name);

	if (error == 0)
		error = may_change(fam);
	if (error == 0)
		error = fam_region_lock_found(fam, name, out, found);
	if (error == -ENOENT)
		fam_regions_unlock(fam, *out);
	return error;
}

int fam_region_destroy(struct fam *fam, const char *name, uint32_t flags)
{
	struct fam_region_found found = {0};
	struct fam_regions *r = NULL;
	int error;

	if (flags & ~FAM_REGION_NO_SYNC)
		return -EINVAL;
	error = lock_one(fam, name, &r, &found);
	if (error < 0)
		return error;
	error = destroy(fam, r, &found, !(flags & FAM_REGION_NO_SYNC));
	fam_regions_unlock(fam, r);
	return error;
}

/* --- rename ------------------------------------------------------------------------- */

struct renaming {
	struct fam *fam;
	struct fam_regions *r;
	const char *from, *to;
	uint32_t flags;
	struct fam_region_found found;
};

/* Under the lock; @other has the name now, if it is not NULL. */
static int rename_to(struct renaming *n, const struct fam_region_found *other)
{
	struct fam_region_change changes[FAM_REGIONS_CHANGES] = {0};
	struct fam_region_entry *entry = &changes[0].entry;

	changes[0].index = n->found.index;
	*entry = n->found.entry;
	entry->changed_ns = fam_region_now();
	memset(entry->name, 0, sizeof(entry->name));
	memcpy(entry->name, n->to, strlen(n->to));
	if (other) {
		changes[1].index = other->index;
		changes[1].entry = other->entry;
		fam_region_free_entry(&changes[1].entry, true);
	}
	return fam_regions_change(n->fam, n->r, changes, other ? 2 : 1,
				  !(n->flags & FAM_REGION_NO_SYNC));
}

static int replace(struct renaming *n, const struct fam_region_found *other)
{
	int error;

	if (other->index == n->found.index)
		return n->flags & FAM_REGION_NO_SYNC
			       ? 0
			       : fam_regions_settle(n->fam, n->r);
	if (!(n->flags & FAM_REGION_REPLACE))
		return -EEXIST;
	error = may_remove(n->fam, n->r, other);
	return error < 0 ? error : rename_to(n, other);
}

/* Under the lock. -EAGAIN: somebody is making the other one */
static int rename_found(struct renaming *n)
{
	struct fam_region_found other;
	int error = fam_region_owns(&n->found.entry);

	if (error < 0)
		return error;
	error = fam_regions_lookup(n->fam, n->r, n->to, &other);
	if (error == -ENOENT)
		return rename_to(n, NULL);
	if (error < 0)
		return error;
	return other.entry.state == FAM_REGION_READY ? replace(n, &other)
						     : -EAGAIN;
}

static int rename_once(struct renaming *n)
{
	int error = fam_region_lock_found(n->fam, n->from, &n->r, &n->found);

	if (error < 0 && error != -ENOENT)
		return error;
	if (error == 0)
		error = rename_found(n);
	fam_regions_unlock(n->fam, n->r);
	return error;
}

int fam_region_rename(struct fam *fam, const char *from, const char *to,
		      uint32_t flags)
{
	struct renaming n = {
		.fam = fam, .from = from, .to = to, .flags = flags};
	int error = fam_region_name_check(from);

	if (flags & ~(FAM_REGION_NO_SYNC | FAM_REGION_REPLACE))
		return -EINVAL;
	if (error == 0)
		error = fam_region_name_check(to);
	if (error == 0)
		error = may_change(fam);
	while (error == 0) {
		error = rename_once(&n);
		if (error != -EAGAIN)
			return error;
		error = fam_region_nap();
	}
	return error;
}

/* --- owner and mode -------------------------------------------------------------------- */

/* As with files: who owns it may give it to a group he is in. */
static int may_set(const struct fam_region_entry *entry,
		   const struct fam_region_rights *rights)
{
	int error = fam_region_owns(entry);

	if (error < 0 || geteuid() == 0)
		return error;
	if (rights->uid != SAME && rights->uid != entry->uid)
		return -EPERM;
	if (rights->gid != SAME && rights->gid != entry->gid &&
	    !fam_region_in_group(rights->gid))
		return -EPERM;
	return 0;
}

static int set(struct fam *fam, struct fam_regions *r,
	       const struct fam_region_found *found,
	       const struct fam_region_rights *rights, bool durable)
{
	struct fam_region_change change = {.index = found->index,
					   .entry = found->entry};
	int error = may_set(&found->entry, rights);

	if (error < 0)
		return error;
	if (rights->mode != SAME)
		change.entry.mode = rights->mode;
	if (rights->uid != SAME)
		change.entry.uid = rights->uid;
	if (rights->gid != SAME)
		change.entry.gid = rights->gid;
	change.entry.changed_ns = fam_region_now();
	return fam_regions_change(fam, r, &change, 1, durable);
}

int fam_region_set(struct fam *fam, const char *name,
		   const struct fam_region_rights *rights, uint32_t flags)
{
	struct fam_region_found found = {0};
	struct fam_regions *r = NULL;
	int error;

	if (flags & ~FAM_REGION_NO_SYNC ||
	    (rights->mode != SAME && rights->mode > MODE_MAX))
		return -EINVAL;
	error = lock_one(fam, name, &r, &found);
	if (error < 0)
		return error;
	error = set(fam, r, &found, rights, !(flags & FAM_REGION_NO_SYNC));
	fam_regions_unlock(fam, r);
	return error;
}

int fam_region_sync(struct fam *fam)
{
	struct fam_regions *r = NULL;
	int error = may_change(fam);

	if (error == 0)
		error = fam_regions_lock(fam, &r);
	if (error < 0)
		return error;
	error = fam_regions_settle(fam, r);
	fam_regions_unlock(fam, r);
	return error;
}
