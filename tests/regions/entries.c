// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Entries of the directory, in the eyes of cuts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "regions/fam-region.h"

#include "entries.h"

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* --- entries ------------------------------------------------------------------------ */

static struct fam_regions_places places(const struct cut *c)
{
	return fam_regions_places(fam_regions_fit(c->tape->area_bytes));
}

static uint32_t first_entry(const struct cut *c, unsigned int copy)
{
	return (uint32_t)((c->tape->data_bytes + places(c).copy[copy]) /
			  TAPE_SECTOR);
}

static bool is_entry(const struct cut *c, uint32_t s)
{
	return s >= first_entry(c, 0) &&
	       s < first_entry(c, 1) + places(c).entries;
}

static uint32_t index_of(const struct cut *c, uint32_t s)
{
	uint32_t first = first_entry(c, 0), second = first_entry(c, 1);

	return s < second ? s - first : s - second;
}

static bool is_whole(const struct cut *c, uint32_t s, const uint8_t *bytes)
{
	struct fam_region_entry entry, sealed;

	memcpy(&entry, bytes, sizeof(entry));
	sealed = entry;
	fam_region_seal(&sealed, c->uuid, index_of(c, s));
	return entry.magic == sealed.magic && entry.crc32c == sealed.crc32c;
}

/* --- mistakes ---------------------------------------------------------------------- */

/* With REGIONS_ONE_COPY both copies of an entry are one sector. */
static uint32_t place_of(const struct cut *c, uint32_t s)
{
	if (c->mistake != REGIONS_ONE_COPY || !is_entry(c, s))
		return s;
	return first_entry(c, 0) + index_of(c, s);
}

static int by_time(const void *a, const void *b)
{
	const struct tape_version *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static void merge_copies(struct cut *c)
{
	uint32_t entries = places(c).entries;

	for (uint32_t i = 0; i < entries; i++) {
		struct tape_sector *one = &c->sector[first_entry(c, 0) + i];
		struct tape_sector *two = one + entries;
		uint32_t count = one->count + two->count - 1;
		struct tape_version *all;

		if (two->count == 1)
			continue;
		all = must(calloc(count, sizeof(*all)));
		memcpy(all, one->version, one->count * sizeof(*all));
		memcpy(all + one->count, two->version + 1,
		       (two->count - 1) * sizeof(*all));
		qsort(all, count, sizeof(*all), by_time);
		c->own[first_entry(c, 0) + i] = all;
		one->version = all;
		one->count = count;
		two->count = 1;
	}
}

/* A mistake: an entry counts, whatever another one is. */
static void forget_after(const struct cut *c, uint32_t s, uint8_t *bytes)
{
	struct fam_region_entry entry;

	if (!is_whole(c, s, bytes))
		return;
	memcpy(&entry, bytes, sizeof(entry));
	entry.after_stamp = entry.after_index = 0;
	fam_region_seal(&entry, c->uuid, index_of(c, s));
	memcpy(bytes, &entry, sizeof(entry));
}

static void forget_all_after(struct cut *c)
{
	for (uint32_t s = first_entry(c, 0); is_entry(c, s); s++) {
		struct tape_sector *sector = &c->sector[s];

		if (sector->count == 1)
			continue;
		c->own[s] = must(calloc(sector->count, sizeof(**c->own)));
		memcpy(c->own[s], sector->version,
		       sector->count * sizeof(**c->own));
		sector->version = c->own[s];
		for (uint32_t v = 0; v < sector->count; v++)
			forget_after(c, s, sector->version[v].bytes);
	}
}

static const char *state_of(const struct fam_region_entry *e)
{
	static const char *const states[] = {"free", "ready", "making",
					     "trimming"};

	return e->state < 4 ? states[e->state] : "?";
}

static void print_entry(const struct cut *c, uint32_t s)
{
	const uint8_t *bytes = c->image + (size_t)s * TAPE_SECTOR;
	struct fam_region_entry e;

	if (!is_entry(c, s))
		return;
	memcpy(&e, bytes, sizeof(e));
	printf("#   entry %u, copy %d, version %u of [%u, %u]: ",
	       index_of(c, s), s >= first_entry(c, 1), c->chosen[s], c->low[s],
	       c->high[s]);
	if (!is_whole(c, s, bytes))
		printf(c->chosen[s] ? "torn\n" : "unused\n");
	else
		printf("'%s' %s, generation %" PRIu64 ", stamp %" PRIu64
		       ", serial %" PRIu64 ", at %#" PRIx64 ", %" PRIu64
		       " of %" PRIu64 ", after %u:%" PRIu64 "\n",
		       e.name, state_of(&e), e.generation, e.stamp, e.serial,
		       e.offset, e.bytes, e.space, e.after_index,
		       e.after_stamp);
}

/* --- what cuts ask ---------------------------------------------------------------------- */

static bool matters(const struct cut *c, uint32_t s)
{
	return is_entry(c, s) || s < c->tape->data_bytes / TAPE_SECTOR;
}

static void begin(struct cut *c)
{
	if (c->mistake == REGIONS_ONE_COPY)
		merge_copies(c);
	if (c->mistake == REGIONS_NO_AFTER)
		forget_all_after(c);
}

const struct cut_kind entries_kind = {
	.counts = is_entry,
	.is_whole = is_whole,
	.matters = matters,
	.place = place_of,
	.begin = begin,
	.print = print_entry,
};
