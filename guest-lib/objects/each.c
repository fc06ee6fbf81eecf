// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* All named objects, and the removal of one. */
#include <string.h>

#include "fam-directory.h"

/* --- removal ---------------------------------------------------------------------- */

static int remove_found(struct fam *fam, const struct fam_directory *d,
			const struct fam_found *found)
{
	if (fam_objects_state(found->word) != FAM_OBJECTS_READY ||
	    fam_opens_count(fam, d, found->entry.serial) > 0)
		return -EBUSY;
	if (!fam_park_self(fam) ||
	    !fam_word_step(fam_directory_word(d, found->index), found->word, 0))
		return -ESTALE;
	/* Its space is given away only when it cannot come back. */
	if (fam_word_peek(&found->entry.flags) & FAM_OBJECTS_DURABLE)
		return fam_object_word_persist(fam, d);
	return 0;
}

int fam_object_remove(struct fam *fam, const char *name)
{
	struct fam_directory *d = NULL;
	struct fam_found found;
	int r = fam_object_name_check(name);

	if (r == 0)
		r = fam_directory_lock(fam, &d);
	if (r)
		return r;
	r = fam_directory_find(fam, d, name, &found);
	if (r == 0)
		r = remove_found(fam, d, &found);
	fam_directory_unlock(fam, d);
	return r;
}

/* --- all of them -------------------------------------------------------------------- */

struct listing {
	struct fam_object_info *info;
	size_t count;
};

static int by_serial(const void *a, const void *b)
{
	const struct fam_object_info *x = a, *y = b;

	return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static int by_name(const void *a, const void *b)
{
	const struct fam_object_info *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void describe(const struct fam_objects_entry *entry,
		     struct fam_object_info *info)
{
	memcpy(info->name, entry->name, sizeof(info->name));
	info->type = entry->type;
	info->bytes = entry->bytes;
	info->offset = entry->offset;
	info->made_ns = entry->made_ns;
	info->serial = entry->serial;
}

static bool is_listed(const struct fam_directory *d, uint32_t index,
		      struct fam_objects_entry *entry)
{
	uint64_t word = fam_word_get(fam_directory_word(d, index));
	uint64_t state = fam_objects_state(word);

	if (state != FAM_OBJECTS_READY && state != FAM_OBJECTS_MENDING)
		return false;
	return fam_directory_counts(d, index, word, entry);
}

static void count_users(struct fam *fam, const struct fam_directory *d,
			const struct listing *l)
{
	for (uint32_t i = fam_directory_opened(d, 0); i < d->places.opens;
	     i = fam_directory_opened(d, i + 1)) {
		const struct fam_objects_open *o = fam_directory_open(d, i);
		uint64_t holder = fam_word_get(&o->holder);
		struct fam_object_info key = {.serial = fam_word_peek(
						      &o->serial)},
				       *info;

		if (!holder || !fam_park_lives(fam, holder))
			continue;
		info = bsearch(&key, l->info, l->count, sizeof(key), by_serial);
		if (info)
			info->users++;
	}
}

static int collect(struct fam *fam, struct listing *l)
{
	struct fam_objects_entry entry;
	struct fam_directory *d;
	int r = fam_directory_lock(fam, &d);

	if (r < 0)
		return r;
	l->info = calloc(d->places.entries, sizeof(*l->info));
	for (uint32_t i = fam_directory_used(d, 0);
	     l->info && i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		if (is_listed(d, i, &entry))
			describe(&entry, &l->info[l->count++]);
	}
	if (l->info) {
		qsort(l->info, l->count, sizeof(*l->info), by_serial);
		count_users(fam, d, l);
	}
	fam_directory_unlock(fam, d);
	return l->info ? 0 : -ENOMEM;
}

int fam_object_each(struct fam *fam,
		    int (*visit)(const struct fam_object_info *info, void *arg),
		    void *arg)
{
	struct listing l = {0};
	int r = collect(fam, &l);

	if (r == 0)
		qsort(l.info, l.count, sizeof(*l.info), by_name);
	for (size_t i = 0; r == 0 && i < l.count; i++)
		r = visit(&l.info[i], arg);
	free(l.info);
	return r;
}
