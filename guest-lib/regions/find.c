// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Finding regions by name, with and without the directory's lock. */
#include <string.h>

#include "opening.h"

#define NAP_NS 1000000
/*
 * So much may be read in vain. To ask where the next hole begins can take longer:
 * the kernel goes through all pages it has until there, far behind the area.
 */
#define STRIDE	    (UINT64_C(256) << 10)
#define LOOKS	    16 /* at what changes all the time */
#define NAME_WORD   (offsetof(struct fam_region_entry, name) / 8)
#define NAME_WORDS  (FAM_REGION_NAME_MAX / 8)
#define ENTRY_BYTES sizeof(struct fam_region_entry)

/* --- what may be there -------------------------------------------------------------- */

uint64_t fam_regions_data(const struct fam *fam, const struct fam_regions *r,
			  uint64_t at, uint64_t *until)
{
	off_t data;

	if (at >= r->bytes)
		return r->bytes;
	*until = r->bytes;
	if (fam->source.via != FAM_VIA_FILE)
		return at;
	data = lseek(fam->source.fd, (off_t)(r->offset + at), SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? r->bytes : at;
	if ((uint64_t)data >= r->offset + r->bytes)
		return r->bytes;
	at = (uint64_t)data - r->offset;
	if (r->bytes - at > STRIDE)
		*until = at + STRIDE;
	return at;
}

/* The next of one copy, from @from on. */
static uint32_t next_of(const struct fam *fam, const struct fam_regions *r,
			struct fam_regions_walk *walk, unsigned int copy)
{
	uint64_t at = r->places.copy[copy] + walk->next * ENTRY_BYTES;
	uint64_t *begin = &walk->begin[copy], *end = &walk->end[copy];

	if (at >= *end)
		*begin = fam_regions_data(fam, r, at, end);
	if (at < *begin)
		at = *begin;
	at = (at - r->places.copy[copy]) / ENTRY_BYTES;
	return at < r->places.entries ? (uint32_t)at : r->places.entries;
}

uint32_t fam_regions_next(const struct fam *fam, const struct fam_regions *r,
			  struct fam_regions_walk *walk)
{
	uint32_t first = r->places.entries;

	if (walk->next >= first)
		return first;
	for (unsigned int i = 0; i < FAM_REGIONS_COPIES; i++) {
		uint32_t n = next_of(fam, r, walk, i);

		first = n < first ? n : first;
	}
	walk->next = first + 1;
	return first;
}

/* --- without the lock ------------------------------------------------------------------ */

/* In the fabric, so that most are told by one word. Both are zero-padded. */
static bool copy_has_name(const struct fam_regions *r, unsigned int copy,
			  uint32_t i, const uint64_t name[NAME_WORDS])
{
	const fam_word *word = fam_regions_copy(r, copy, i) + NAME_WORD;

	for (unsigned int n = 0; n < NAME_WORDS; n++) {
		if (fam_word_peek(&word[n]) != name[n])
			return false;
		if (!(name[n] >> 56))
			break;
	}
	return true;
}

static int search_once(struct fam *fam, const struct fam_regions *r,
		       const uint64_t name[NAME_WORDS],
		       struct fam_region_found *out)
{
	struct fam_regions_walk walk = {0};
	int bad = -ENOENT;
	uint32_t i;

	while ((i = fam_regions_next(fam, r, &walk)) < r->places.entries) {
		int error;

		if (!copy_has_name(r, 0, i, name) &&
		    !copy_has_name(r, 1, i, name))
			continue;
		error = fam_regions_load(fam, r, i, &out->entry);
		out->index = i;
		if (error == 0 && !strcmp(out->entry.name, (const char *)name))
			return 0;
		if (error == -EBADMSG)
			bad = error;
	}
	return bad;
}

/*
 * Who puts one region in place of another changes two entries, one behind and
 * one before us, perhaps: so it is not there only if it was not twice and
 * nothing was changed meanwhile. Nobody is waited for: after so many looks, it
 * was not there at one of them.
 */
int fam_region_search(struct fam *fam, const struct fam_regions *r,
		      const char *name, struct fam_region_found *out)
{
	const fam_word *changes = &fam_regions_live(r)->changes;
	uint64_t words[NAME_WORDS] = {0};
	uint64_t before = fam_word_get(changes);
	int result = -ENOENT;

	memcpy(words, name, strlen(name));
	for (int i = 0, same = 0; i < LOOKS && same < 2; i++) {
		uint64_t now;

		result = search_once(fam, r, words, out);
		if (result == 0)
			return 0;
		now = fam_word_get(changes);
		same = now == before ? same + 1 : 0;
		before = now;
	}
	return result;
}

int fam_region_find(struct fam *fam, const char *name,
		    struct fam_region_info *out, size_t size)
{
	struct fam_region_found found;
	struct fam_regions *r;
	int error = fam_region_name_check(name);

	if (error == 0)
		error = fam_regions_map(fam, &r);
	if (error == 0)
		error = fam_region_search(fam, r, name, &found);
	if (error == 0)
		error = fam_region_describe(fam, r, &found, out, size);
	return error;
}

/* --- with it ------------------------------------------------------------------------------ */

int fam_region_nap(void)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};

	return nanosleep(&pause, NULL) < 0 ? -EINTR : 0;
}

int fam_region_lock_found(struct fam *fam, const char *name,
			  struct fam_regions **out,
			  struct fam_region_found *found)
{
	int error;

	for (;;) {
		error = fam_regions_lock(fam, out);
		if (error < 0)
			return error;
		error = fam_regions_lookup(fam, *out, name, found);
		if (error == -ENOENT)
			return error;
		if (error == 0 && found->entry.state == FAM_REGION_READY)
			return 0;
		fam_regions_unlock(fam, *out);
		if (error == 0)
			error = fam_region_nap();
		if (error < 0)
			return error;
	}
}
