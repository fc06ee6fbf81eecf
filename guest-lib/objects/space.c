// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What is taken and what is free. The entries are all there is to know it from,
 * so that nothing else can be out of step with them after a crash.
 */
#include <string.h>

#include "fam-directory.h"

/* Whole pages begin on one, so that making one durable writes no more. */
static uint64_t alignment(uint64_t bytes)
{
	return bytes < FAM_OBJECTS_PAGE ? FAM_OBJECTS_GRAIN : FAM_OBJECTS_PAGE;
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

int fam_space_taken(const struct fam_directory *d, struct fam_extent **out)
{
	struct fam_extent *list = calloc(d->places.entries, sizeof(*list));
	struct fam_objects_entry entry;
	int count = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = fam_directory_used(d, 0); i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		uint64_t word = fam_word_get(fam_directory_word(d, i));

		if (!word || !fam_directory_counts(d, i, word, &entry))
			continue;
		list[count++] = (struct fam_extent){
			.offset = entry.offset,
			.bytes = entry.bytes,
			.serial = entry.serial,
			.word = word,
			.hash = fam_object_hash(entry.name),
			.index = i,
		};
	}
	*out = list;
	return count;
}

static int by_offset(const void *a, const void *b)
{
	const struct fam_extent *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest place that is large enough; 0: there is none. */
static uint64_t first_fit(const struct fam_directory *d,
			  const struct fam_extent *list, int count,
			  uint64_t bytes)
{
	uint64_t align = alignment(bytes), end = d->offset + d->bytes;
	uint64_t at = round_up(d->offset + d->places.memory, align);

	for (int i = 0; i < count; i++) {
		uint64_t behind = list[i].offset + list[i].bytes;

		if (at < list[i].offset && bytes <= list[i].offset - at)
			return at;
		if (behind > at)
			at = round_up(behind, align);
	}
	return at < end && bytes <= end - at ? at : 0;
}

/* --- what does not count ---------------------------------------------------------- */

/* What its session was making is not there yet, and in nobody's way. */
static void drop(struct fam *fam, const struct fam_directory *d,
		 const struct fam_extent *e)
{
	if (fam_word_step(fam_directory_word(d, e->index), e->word, 0))
		fam_unpark(fam, fam_directory_word(d, e->index), UINT32_MAX);
}

static void drop_the_damaged(struct fam *fam, const struct fam_directory *d)
{
	struct fam_objects_entry entry;

	for (uint32_t i = fam_directory_used(d, 0); i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		uint64_t word = fam_word_get(fam_directory_word(d, i));

		if (word)
			word = fam_directory_settle(fam, d, i, word);
		/* Who makes one and lives may not have come further. */
		if (word && fam_objects_state(word) != FAM_OBJECTS_MAKING &&
		    !fam_directory_counts(d, i, word, &entry))
			drop(fam, d,
			     &(struct fam_extent){.word = word, .index = i});
	}
}

/*
 * In the order of their places. Where two overlap the earlier one was removed
 * before the later one was made, which is all a power cut has left to know it by.
 */
static void drop_the_overlapped(struct fam *fam, const struct fam_directory *d,
				const struct fam_extent *list, int count)
{
	const struct fam_extent *last = NULL;

	for (int i = 0; i < count; i++) {
		const struct fam_extent *e = &list[i];

		if (!last || e->offset >= last->offset + last->bytes) {
			last = e;
		} else if (e->serial > last->serial) {
			drop(fam, d, last);
			last = e;
		} else {
			drop(fam, d, e);
		}
	}
}

/* By name, or nearly so; the last one first. */
static int by_hash(const void *a, const void *b)
{
	const struct fam_extent *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->serial < y->serial ? 1 : x->serial > y->serial ? -1 : 0;
}

static bool same_name(const struct fam_directory *d, uint32_t a, uint32_t b)
{
	struct fam_objects_entry x, y;

	return fam_directory_load(d, a, &x) && fam_directory_load(d, b, &y) &&
	       strcmp(x.name, y.name) == 0;
}

static void drop_the_doubled(struct fam *fam, const struct fam_directory *d,
			     const struct fam_extent *list, int count)
{
	for (int i = 1; i < count; i++) {
		if (list[i].hash == list[i - 1].hash &&
		    same_name(d, list[i].index, list[i - 1].index))
			drop(fam, d, &list[i]);
	}
}

static void raise_serial(const struct fam_directory *d,
			 const struct fam_extent *list, int count)
{
	fam_word *serial = &fam_directory_header(d)->serial;

	for (int i = 0; i < count; i++) {
		if (list[i].serial > fam_word_peek(serial))
			fam_word_put(serial, list[i].serial);
	}
}

int fam_space_scrub(struct fam *fam, const struct fam_directory *d)
{
	_cleanup_free_ struct fam_extent *list = NULL;
	int count;

	drop_the_damaged(fam, d);
	count = fam_space_taken(d, &list);
	if (count < 0)
		return count;
	raise_serial(d, list, count);
	qsort(list, (size_t)count, sizeof(*list), by_offset);
	drop_the_overlapped(fam, d, list, count);
	qsort(list, (size_t)count, sizeof(*list), by_hash);
	drop_the_doubled(fam, d, list, count);
	return 0;
}

/* --- a new one ----------------------------------------------------------------------- */

static int find_space(const struct fam_directory *d, uint64_t bytes,
		      uint64_t *offset)
{
	_cleanup_free_ struct fam_extent *list = NULL;
	int count = fam_space_taken(d, &list);

	if (count < 0)
		return count;
	qsort(list, (size_t)count, sizeof(*list), by_offset);
	*offset = first_fit(d, list, count, bytes);
	return *offset ? 0 : -ENOSPC;
}

static int find_entry(const struct fam_directory *d, uint32_t *index)
{
	for (uint32_t i = 0; i < d->places.entries; i++) {
		if (!fam_word_get(fam_directory_word(d, i))) {
			*index = i;
			return 0;
		}
	}
	return -EMFILE;
}

static int find_both(const struct fam_directory *d,
		     struct fam_objects_entry *entry, uint32_t *index)
{
	int r = find_entry(d, index);

	return r < 0 ? r : find_space(d, entry->bytes, &entry->offset);
}

static uint64_t date_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The serial is of this one alone, also if others write nonsense there. */
static uint64_t next_serial(const struct fam_directory *d)
{
	uint64_t serial = fam_word_add(&fam_directory_header(d)->serial, 1) + 1;

	return serial ? serial : 1;
}

/* The name comes last: who dies before that leaves what counts for nothing. */
static void fill_in(const struct fam_directory *d, struct fam_objects_entry *e,
		    uint32_t index)
{
	e->serial = next_serial(d);
	e->made_ns = date_ns();
	e->crc32c = fam_directory_seal(e);
	memcpy(fam_directory_entry(d, index), e, sizeof(*e));
}

int fam_space_reserve(struct fam *fam, const struct fam_directory *d,
		      struct fam_objects_entry *entry, struct fam_found *out)
{
	uint32_t index = 0;
	uint64_t self;
	int r = find_both(d, entry, &index);

	if (r == -EMFILE || r == -ENOSPC) {
		r = fam_space_scrub(fam, d);
		if (r == 0)
			r = find_both(d, entry, &index);
	}
	if (r < 0)
		return r;
	self = fam_park_self(fam) | FAM_OBJECTS_MAKING;
	if (!fam_holder_of(self) ||
	    !fam_word_step(fam_directory_word(d, index), 0, self))
		return -ESTALE;
	fill_in(d, entry, index);
	out->index = index;
	out->word = self;
	out->entry = *entry;
	return 0;
}
