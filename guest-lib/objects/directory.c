// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The directory of objects: its place, its lock, its entries. */
#include <string.h>

#include "fam-directory.h"

#define SUM_BEGIN offsetof(struct fam_objects_entry, type)
#define SUM_END	  offsetof(struct fam_objects_entry, boot)

/* --- an attachment's ---------------------------------------------------------- */

static bool has_objects(const struct fam *fam)
{
	return fam->formatted && fam->source.fd >= 0 &&
	       fam->sb.feature_compat & FAM_COMPAT_OBJECTS &&
	       fam->sb.objects_bytes;
}

int fam_objects_open(struct fam *fam)
{
	struct fam_directory *d;

	if (!has_objects(fam))
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	d->offset = fam->sb.objects_offset;
	d->bytes = fam->sb.objects_bytes;
	d->places = fam_objects_places(d->bytes);
	fam->objects = d;
	return 0;
}

/* Records of who has what open end with the session. */
void fam_objects_close(struct fam *fam)
{
	struct fam_directory *d = fam->objects;

	if (!d)
		return;
	while (d->list) {
		struct fam_object *next = d->list->next;

		free(d->list);
		d->list = next;
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
	fam->objects = NULL;
}

/* The whole area, once: what is not touched costs page tables at most. */
static int map(struct fam *fam, struct fam_directory *d)
{
	void *area;
	int r = 0;

	if (d->area)
		return 0;
	pthread_mutex_lock(&d->lock);
	if (!d->area) {
		r = fam_map_area(fam, d->offset, d->bytes, &area);
		if (r == 0)
			d->area = area;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

uint64_t fam_directory_boot(struct fam *fam)
{
	const struct fam_sessions *table = fam_session_table(fam);

	return table ? fam_word_get(&table->boot) : 0;
}

/* Was it held by one who died, or was the host started anew since? */
static int check(struct fam *fam, struct fam_directory *d, bool died)
{
	struct fam_objects_header *h = fam_directory_header(d);
	uint64_t boot = fam_directory_boot(fam);
	int r = 0;

	if (h->version)
		return -EBADMSG;
	if (!died && fam_word_get(&h->boot) == boot)
		return 0;
	r = fam_space_scrub(fam, d);
	if (r < 0)
		return r;
	if (fam_word_peek(&h->boot) != boot)
		fam_word_put(&h->boot, boot);
	if (!died)
		return 0;
	/*
	 * What the dead has removed must not come back after a power cut, with
	 * what others are to store in its place. If there is no way to the disk,
	 * nothing was durable.
	 */
	(void)fam_object_word_persist(fam, d);
	return fam_mutex_consistent(fam, &h->lock);
}

int fam_directory_lock(struct fam *fam, struct fam_directory **out)
{
	struct fam_directory *d = fam->objects;
	int r, checked;

	if (!d)
		return -EOPNOTSUPP;
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	r = map(fam, d);
	if (r < 0)
		return r;
	r = fam_mutex_lock(fam, &fam_directory_header(d)->lock, -1);
	if (r < 0 && r != -EOWNERDEAD)
		return r;
	checked = check(fam, d, r == -EOWNERDEAD);
	if (checked < 0) {
		fam_directory_unlock(fam, d);
		return checked;
	}
	*out = d;
	return 0;
}

void fam_directory_unlock(struct fam *fam, struct fam_directory *d)
{
	/* Who has lost it meanwhile finds out by the next word he steps. */
	(void)fam_mutex_unlock(fam, &fam_directory_header(d)->lock);
}

/* --- what is not free ------------------------------------------------------------ */

static bool is_zero(const fam_word *word)
{
	return atomic_load_explicit(word, memory_order_acquire) == 0;
}

uint32_t fam_directory_used(const struct fam_directory *d, uint32_t from)
{
	while (from < d->places.entries && is_zero(fam_directory_word(d, from)))
		from++;
	return from;
}

uint32_t fam_directory_opened(const struct fam_directory *d, uint32_t from)
{
	while (from < d->places.opens &&
	       is_zero(&fam_directory_open(d, from)->holder))
		from++;
	return from;
}

/* --- an entry ------------------------------------------------------------------- */

uint32_t fam_directory_seal(const struct fam_objects_entry *entry)
{
	return fam_crc32c(0, (const char *)entry + SUM_BEGIN,
			  SUM_END - SUM_BEGIN);
}

bool fam_directory_name_is_stored(const char name[FAM_OBJECT_NAME_MAX])
{
	const char *end = memchr(name, '\0', FAM_OBJECT_NAME_MAX);

	if (!end || fam_object_name_check(name) < 0)
		return false;
	for (; end < name + FAM_OBJECT_NAME_MAX; end++) {
		if (*end)
			return false;
	}
	return true;
}

/* In the area, behind the directory. */
static bool place_is_good(const struct fam_directory *d,
			  const struct fam_objects_entry *entry)
{
	uint64_t at = entry->offset - d->offset;

	return entry->offset % FAM_OBJECTS_GRAIN == 0 &&
	       entry->offset >= d->offset && at >= d->places.memory &&
	       at < d->bytes && entry->bytes > 0 &&
	       entry->bytes <= d->bytes - at;
}

bool fam_directory_load(const struct fam_directory *d, uint32_t index,
			struct fam_objects_entry *out)
{
	memcpy(out, fam_directory_entry(d, index), sizeof(*out));
	return out->crc32c == fam_directory_seal(out) && out->serial &&
	       out->type && place_is_good(d, out) &&
	       out->bytes >= fam_object_type_bytes(out->type) &&
	       fam_directory_name_is_stored(out->name);
}

uint64_t fam_directory_settle(struct fam *fam, const struct fam_directory *d,
			      uint32_t index, uint64_t word)
{
	struct fam_objects_entry entry;
	uint64_t state = fam_objects_state(word), to = 0;

	if (state == FAM_OBJECTS_READY ||
	    (fam_holder_of(word) && fam_park_lives(fam, word)))
		return word;
	if (state == FAM_OBJECTS_MENDING &&
	    fam_directory_load(d, index, &entry))
		to = fam_object_ready_word(entry.name, entry.serial);
	if (!fam_word_step(fam_directory_word(d, index), word, to))
		return fam_word_get(fam_directory_word(d, index));
	fam_unpark(fam, fam_directory_word(d, index), UINT32_MAX);
	return to;
}

bool fam_directory_counts(const struct fam_directory *d, uint32_t index,
			  uint64_t word, struct fam_objects_entry *out)
{
	return fam_directory_load(d, index, out) &&
	       (fam_objects_state(word) != FAM_OBJECTS_READY ||
		word == fam_object_ready_word(out->name, out->serial));
}

static bool is_it(struct fam *fam, const struct fam_directory *d,
		  const char *name, uint64_t hash, struct fam_found *found)
{
	if (fam_objects_state(found->word) == FAM_OBJECTS_READY &&
	    !fam_object_may_be(found->word, hash))
		return false;
	found->word = fam_directory_settle(fam, d, found->index, found->word);
	return found->word &&
	       fam_directory_counts(d, found->index, found->word,
				    &found->entry) &&
	       strcmp(found->entry.name, name) == 0;
}

int fam_directory_find(struct fam *fam, const struct fam_directory *d,
		       const char *name, struct fam_found *out)
{
	uint64_t hash = fam_object_hash(name);

	for (uint32_t i = fam_directory_used(d, 0); i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		out->index = i;
		out->word = fam_word_get(fam_directory_word(d, i));
		if (out->word && is_it(fam, d, name, hash, out))
			return 0;
	}
	return -ENOENT;
}
