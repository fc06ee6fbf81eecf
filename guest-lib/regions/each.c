// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Describing regions, one or all, without the lock. */
#include <string.h>

#include "opening.h"

#define LOOKS 4 /* at what changes all the time */

/* --- one ----------------------------------------------------------------------------- */

static void describe(const struct fam_region_entry *entry,
		     const struct fam_region_users *users,
		     struct fam_region_info *out, size_t size)
{
	struct fam_region_info full = {
		.bytes = entry->bytes,
		.space = entry->space,
		.offset = entry->offset,
		.serial = entry->serial,
		.generation = entry->generation,
		.created_ns = entry->created_ns,
		.changed_ns = entry->changed_ns,
		.uid = entry->uid,
		.gid = entry->gid,
		.mode = entry->mode,
		.type = entry->type,
		.readers = users->readers,
		.writers = users->writers,
		.exclusive = users->exclusive != 0,
	};
	size_t known = size < sizeof(full) ? size : sizeof(full);

	memcpy(full.name, entry->name, sizeof(full.name));
	memcpy(full.node, entry->node, sizeof(full.node));
	memcpy(out, &full, known);
	memset((char *)out + known, 0, size - known);
}

int fam_region_describe(struct fam *fam, const struct fam_regions *r,
			const struct fam_region_found *found,
			struct fam_region_info *out, size_t size)
{
	struct fam_region_users users;

	if (size == 0)
		return -EINVAL;
	fam_region_users(fam, r, found->index, found->entry.serial, &users);
	describe(&found->entry, &users, out, size);
	return 0;
}

/* --- all ----------------------------------------------------------------------------- */

struct listing {
	size_t count, room;
	struct fam_region_listed *listed;
	bool bad; /* some could not be told */
};

static void listing_free(const struct listing *l)
{
	free(l->listed);
}

#define _cleanup_listing_ __attribute__((cleanup(listing_free)))

static int listing_room(struct listing *l)
{
	size_t room = l->room ? l->room * 2 : 64;
	void *more;

	if (l->count < l->room)
		return 0;
	more = realloc(l->listed, room * sizeof(*l->listed));
	if (!more)
		return -ENOMEM;
	l->listed = more;
	l->room = room;
	return 0;
}

static int collect_once(struct fam *fam, const struct fam_regions *r,
			const char *prefix, struct listing *l)
{
	struct fam_regions_walk walk = {0};
	size_t length = strlen(prefix);
	uint32_t i;

	l->count = 0;
	l->bad = false;
	while ((i = fam_regions_next(fam, r, &walk)) < r->places.entries) {
		struct fam_region_found *found;
		int error = listing_room(l);

		if (error < 0)
			return error;
		found = &l->listed[l->count].found;
		error = fam_regions_load(fam, r, i, &found->entry);
		l->bad |= error == -EBADMSG;
		if (error < 0 ||
		    strncmp(found->entry.name, prefix, length) != 0)
			continue;
		found->index = i;
		l->count++;
	}
	return 0;
}

/* By name; of two that have one name, one has just taken the other's place. */
static int compare(const void *a, const void *b)
{
	const struct fam_region_entry *x, *y;
	int order;

	x = &((const struct fam_region_listed *)a)->found.entry;
	y = &((const struct fam_region_listed *)b)->found.entry;
	order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->stamp < y->stamp ? 1 : -1;
}

static int collect(struct fam *fam, const struct fam_regions *r,
		   const char *prefix, struct listing *l)
{
	const fam_word *changes = &fam_regions_live(r)->changes;
	uint64_t before = fam_word_get(changes), now;
	int error = 0;

	for (int i = 0; error == 0 && i < LOOKS; i++) {
		error = collect_once(fam, r, prefix, l);
		now = fam_word_get(changes);
		if (now == before)
			break;
		before = now;
	}
	if (error < 0 || !l->count)
		return error;
	fam_region_users_all(fam, r, l->listed, l->count);
	qsort(l->listed, l->count, sizeof(*l->listed), compare);
	return 0;
}

static int visit_all(const struct listing *l,
		     int (*visit)(const struct fam_region_info *info,
				  void *arg),
		     void *arg)
{
	const char *last = "";
	int result = 0;

	for (size_t i = 0; i < l->count && result == 0; i++) {
		const struct fam_region_listed *one = &l->listed[i];
		const struct fam_region_entry *entry = &one->found.entry;
		struct fam_region_info info;

		if (strcmp(entry->name, last) == 0)
			continue;
		last = entry->name;
		describe(entry, &one->users, &info, sizeof(info));
		result = visit(&info, arg);
	}
	return result;
}

int fam_region_each(struct fam *fam, const char *prefix,
		    int (*visit)(const struct fam_region_info *info, void *arg),
		    void *arg)
{
	_cleanup_listing_ struct listing l = {0};
	struct fam_regions *r;
	int result = fam_regions_map(fam, &r);

	if (result == 0)
		result = collect(fam, r, prefix ? prefix : "", &l);
	if (result == 0)
		result = visit_all(&l, visit, arg);
	return result == 0 && l.bad ? -EBADMSG : result;
}
