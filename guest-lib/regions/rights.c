// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who may do what with a region: as with files, by effective user and group. */
#include "opening.h"

#define MAY_READ  4u
#define MAY_WRITE 2u

bool fam_region_in_group(uint32_t gid)
{
	_cleanup_free_ gid_t *groups = NULL;
	int count;

	if (getegid() == gid)
		return true;
	count = getgroups(0, NULL);
	if (count <= 0)
		return false;
	groups = calloc((size_t)count, sizeof(*groups));
	count = groups ? getgroups(count, groups) : 0;
	for (int i = 0; i < count; i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

/* The first of the three that is his counts, also if it allows less. */
static uint32_t bits_of(const struct fam_region_entry *entry)
{
	if (geteuid() == entry->uid)
		return entry->mode >> 6;
	if (fam_region_in_group(entry->gid))
		return entry->mode >> 3;
	return entry->mode;
}

int fam_region_may(const struct fam_region_entry *entry, uint32_t flags)
{
	uint32_t wanted = MAY_READ;

	if (flags & (FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE))
		wanted |= MAY_WRITE;
	if (geteuid() == 0 || (bits_of(entry) & wanted) == wanted)
		return 0;
	return -EACCES;
}

int fam_region_owns(const struct fam_region_entry *entry)
{
	uint32_t uid = geteuid();

	return uid == 0 || uid == entry->uid ? 0 : -EACCES;
}

int fam_region_shares(const struct fam_region_users *users, uint32_t flags)
{
	if (flags & FAM_REGION_EXCLUSIVE && users->writers)
		return -EBUSY;
	if (flags & FAM_REGION_WRITE && users->exclusive)
		return -EBUSY;
	return 0;
}
