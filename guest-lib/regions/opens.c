// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who has which region open. A record is its session's, and is void when that
 * ends. Those of an entry begin at the place that belongs to it, and go on behind
 * it where that is taken: so few are looked at, as long as few have it open.
 */
#include <stdlib.h>
#include <string.h>

#include "opening.h"

#define WHAT_SUM   UINT64_C(0xfff)
#define WHAT_INDEX 12
#define WHAT_SHIFT 32

_Static_assert(FAM_REGIONS_MAX <= 1u << (WHAT_SHIFT - WHAT_INDEX), "fits");

uint64_t fam_regions_open_value(uint64_t holder, uint64_t serial,
				uint32_t index)
{
	uint64_t words[] = {holder, serial << WHAT_SHIFT |
					    (uint64_t)index << WHAT_INDEX};

	return words[1] | (fam_crc32c(0, words, sizeof(words)) & WHAT_SUM);
}

static uint32_t index_of(uint64_t what)
{
	return (uint32_t)what >> WHAT_INDEX;
}

/* A record as it was read; one that is torn or damaged is nobody's. */
struct record {
	uint64_t holder; /* 0: free */
	uint64_t what;
};

static struct record record_read(const struct fam_regions *r, uint32_t n)
{
	const struct fam_regions_open *open = fam_regions_open_at(r, n);
	struct record record = {.holder = fam_word_get(&open->holder)};

	record.what = fam_word_peek(&open->what);
	if (fam_regions_open_value(record.holder, record.what >> WHAT_SHIFT,
				   index_of(record.what)) != record.what ||
	    index_of(record.what) >= r->places.entries)
		record.holder = 0;
	return record;
}

/* The n-th from the place of an entry on, if it is of that one. */
static struct record record_at(const struct fam_regions *r, uint32_t index,
			       uint32_t n)
{
	uint64_t first = (uint64_t)index * FAM_REGIONS_OPENS;
	struct record record =
		record_read(r, (uint32_t)((first + n) % r->places.opens));

	if (index_of(record.what) != index)
		record.holder = 0;
	return record;
}

/* --- counting -------------------------------------------------------------------- */

bool fam_regions_lives(struct fam *fam, uint64_t holder)
{
	const struct fam_sessions *table = fam_regions_sessions(fam);

	return holder && table && fam_holder_lives(table, holder);
}

static void count(struct fam_region_users *users, uint64_t holder,
		  uint64_t self)
{
	if (holder & FAM_REGIONS_OPEN_EXCLUSIVE)
		users->exclusive++;
	if (holder & (FAM_REGIONS_OPEN_WRITE | FAM_REGIONS_OPEN_EXCLUSIVE))
		users->writers++;
	else
		users->readers++;
	if (fam_holder_of(holder) != self)
		users->others++;
}

void fam_region_users(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, uint64_t serial,
		      struct fam_region_users *out)
{
	uint64_t left = fam_word_get(&fam_regions_seen(r, index)->opens);
	uint64_t self = fam_park_self(fam);

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; left && i < r->places.opens; i++) {
		struct record record = record_at(r, index, i);

		left -= record.holder != 0;
		if (record.what >> WHAT_SHIFT == (uint32_t)serial &&
		    fam_regions_lives(fam, record.holder))
			count(out, record.holder, self);
	}
}

/* --- telling ----------------------------------------------------------------------- */

/* Return: false: it has ended, or there is no table of sessions */
static bool opener_of(struct fam *fam, uint64_t holder,
		      struct fam_region_opener *out)
{
	const struct fam_sessions *table = fam_regions_sessions(fam);
	unsigned int slot = fam_holder_slot(holder);

	if (!fam_regions_lives(fam, holder))
		return false;
	out->session = fam_sessions_id(fam_word_get(&table->word[slot]), slot);
	out->flags = holder & FAM_REGIONS_OPEN_WRITE ? FAM_REGION_WRITE
						     : FAM_REGION_READ;
	if (holder & FAM_REGIONS_OPEN_EXCLUSIVE)
		out->flags |= FAM_REGION_EXCLUSIVE;
	return true;
}

int fam_region_openers(struct fam *fam, const char *name,
		       int (*visit)(const struct fam_region_opener *opener,
				    void *arg),
		       void *arg)
{
	struct fam_region_found found = {0};
	struct fam_regions *r = NULL;
	uint64_t left;
	int result = fam_region_name_check(name);

	if (result == 0)
		result = fam_regions_map(fam, &r);
	if (result == 0)
		result = fam_region_search(fam, r, name, &found);
	if (result)
		return result;
	left = fam_word_get(&fam_regions_seen(r, found.index)->opens);
	for (uint32_t i = 0; left && result == 0 && i < r->places.opens; i++) {
		struct record record = record_at(r, found.index, i);
		struct fam_region_opener opener;

		left -= record.holder != 0;
		if (record.what >> WHAT_SHIFT == (uint32_t)found.entry.serial &&
		    opener_of(fam, record.holder, &opener))
			result = visit(&opener, arg);
	}
	return result;
}

/* --- changing --------------------------------------------------------------------- */

static void opens_add(const struct fam_regions *r, uint32_t index, int by)
{
	fam_word *opens = &fam_regions_seen(r, index)->opens;
	uint64_t now = fam_word_peek(opens);

	/* Others may have written anything there. */
	if (by > 0 || now)
		fam_word_put(opens, now + (uint64_t)by);
}

/* Free, or left by a session that has ended. */
static bool take(struct fam *fam, const struct fam_regions *r, uint32_t n)
{
	struct fam_regions_open *open = fam_regions_open_at(r, n);
	struct record record = record_read(r, n);

	if (record.holder && fam_park_lives(fam, record.holder))
		return false;
	fam_word_put(&open->holder, 0);
	if (record.holder)
		opens_add(r, index_of(record.what), -1);
	return true;
}

int fam_region_opens_add(struct fam *fam, struct fam_regions *r,
			 uint64_t holder, uint32_t index, uint64_t serial,
			 uint32_t *record)
{
	uint32_t first = index * FAM_REGIONS_OPENS;

	for (uint32_t i = 0; i < r->places.opens; i++) {
		uint32_t n = (first + i) % r->places.opens;
		struct fam_regions_open *open = fam_regions_open_at(r, n);

		if (!take(fam, r, n))
			continue;
		/* Whoever finds it must count it: so that comes first. */
		opens_add(r, index, 1);
		fam_word_put(&open->what,
			     fam_regions_open_value(holder, serial, index));
		fam_word_put(&open->holder, holder);
		*record = n;
		return 0;
	}
	return -EMFILE;
}

void fam_region_opens_drop(struct fam_regions *r, uint64_t holder,
			   uint32_t index, uint32_t record)
{
	/* Or it was taken from one who was taken for dead. */
	if (fam_word_step(&fam_regions_open_at(r, record)->holder, holder, 0))
		opens_add(r, index, -1);
}

/* --- all of them --------------------------------------------------------------------- */

struct walk {
	struct fam *fam;
	const struct fam_regions *r;
	void (*visit)(const struct walk *w, uint32_t n);
	/* Of count_one() alone. */
	struct fam_region_listed *listed;
	size_t count;
	uint64_t self;
};

/* In a table of 16 bytes each; where the file has holes, there is nothing. */
static void walk(const struct walk *w, uint64_t table, uint32_t count)
{
	const uint64_t each = sizeof(struct fam_regions_open);
	uint64_t end = table + count * each, at = table, until = 0;

	while (at < end &&
	       (at = fam_regions_data(w->fam, w->r, at, &until)) < end) {
		until = until < end ? until : end;
		for (; at < until; at += each)
			w->visit(w, (uint32_t)((at - table) / each));
	}
}

_Static_assert(sizeof(struct fam_regions_seen) ==
		       sizeof(struct fam_regions_open),
	       "one walk serves both");

static int compare_index(const void *key, const void *element)
{
	uint32_t index = *(const uint32_t *)key;
	const struct fam_region_listed *listed = element;

	return index < listed->found.index   ? -1
	       : index > listed->found.index ? 1
					     : 0;
}

static void count_one(const struct walk *w, uint32_t n)
{
	struct fam_region_listed *listed;
	struct record record;
	uint32_t index;

	if (!fam_word_peek(&fam_regions_open_at(w->r, n)->holder))
		return;
	record = record_read(w->r, n);
	index = index_of(record.what);
	if (!record.holder || !fam_regions_lives(w->fam, record.holder))
		return;
	listed = bsearch(&index, w->listed, w->count, sizeof(*listed),
			 compare_index);
	if (listed &&
	    record.what >> WHAT_SHIFT == (uint32_t)listed->found.entry.serial)
		count(&listed->users, record.holder, w->self);
}

/* How many there are is what anybody may have written: it bounds nothing. */
void fam_region_users_all(struct fam *fam, const struct fam_regions *r,
			  struct fam_region_listed *listed, size_t count)
{
	const struct walk w = {
		.fam = fam,
		.r = r,
		.visit = count_one,
		.listed = listed,
		.count = count,
		.self = fam_park_self(fam),
	};
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		uint32_t index = listed[i].found.index;

		listed[i].users = (struct fam_region_users){0};
		any |= fam_word_get(&fam_regions_seen(r, index)->opens) != 0;
	}
	if (any)
		walk(&w, r->places.open, r->places.opens);
}

/* --- all anew ------------------------------------------------------------------------ */

static void recount_one(const struct walk *w, uint32_t n)
{
	struct fam_regions_open *open = fam_regions_open_at(w->r, n);
	struct record record;

	if (!fam_word_peek(&open->holder))
		return;
	record = record_read(w->r, n);
	if (fam_regions_lives(w->fam, record.holder))
		opens_add(w->r, index_of(record.what), 1);
	else
		fam_word_put(&open->holder, 0);
}

static void recount_none(const struct walk *w, uint32_t i)
{
	fam_word *opens = &fam_regions_seen(w->r, i)->opens;

	if (fam_word_peek(opens))
		fam_word_put(opens, 0);
}

void fam_region_opens_recount(struct fam *fam, struct fam_regions *r)
{
	struct walk w = {.fam = fam, .r = r, .visit = recount_none};

	walk(&w, r->places.seen, r->places.entries);
	w.visit = recount_one;
	walk(&w, r->places.open, r->places.opens);
}
