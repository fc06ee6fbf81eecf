// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Making durable whatever is loose: first the content that entries promise, then
 * the entries. Then their other copies are made the same, so that the next change
 * leaves alone what is on the disk.
 */
#include "fam-persist.h"
#include "fam-region.h"

#define GAP    (UINT64_C(64) << 10) /* between runs that are written as one */
#define RUNS   8		    /* of each copy, at most */
#define PIECES 16

/* What is to be written, in bytes from the start of the area, in their order. */
struct runs {
	size_t count;
	struct fam_range range[RUNS];
};

static void runs_add(struct runs *runs, uint64_t offset)
{
	const uint64_t bytes = sizeof(struct fam_region_entry);
	struct fam_range *last =
		runs->count ? &runs->range[runs->count - 1] : NULL;

	if (!last ||
	    (offset - last->offset - last->length > GAP && runs->count < RUNS))
		runs->range[runs->count++] = (struct fam_range){offset, bytes};
	else
		last->length = offset + bytes - last->offset;
}

/*
 * If the place of its own was damaged, what counts is the copy that was made of
 * it, in the place where the next change would go. So it is made anew.
 */
static void bring_home(struct fam *fam, struct fam_regions *r, uint32_t i,
		       struct fam_region_both *both)
{
	unsigned int last = (unsigned int)both->last, home = !last;
	struct fam_region_entry *to = &both->copy[home];

	if ((both->copy[last].generation & 1) == last)
		return;
	*to = both->copy[last];
	to->generation = fam_region_next(to->generation, home);
	fam_region_seal(to, fam->sb.uuid, i);
	fam_regions_store(r, home, i, to);
	fam_regions_tell(r, i, to->generation);
	both->last = (int)home;
}

/* What is to be on the disk: entries, and before them what they promise. */
struct settling {
	const uint32_t *trusted; /* entries whose content is there already */
	unsigned int trusted_count;
	struct runs runs[FAM_REGIONS_COPIES];
	size_t pieces;
	struct fam_range piece[PIECES];
};

static bool is_trusted(const struct settling *s, uint32_t i)
{
	for (unsigned int n = 0; n < s->trusted_count; n++) {
		if (s->trusted[n] == i)
			return true;
	}
	return false;
}

/* Space that it does not have on the disk was filled with zeros, or moved into. */
bool fam_region_has_new_space(const struct fam_region_both *both)
{
	const struct fam_region_entry *now, *on;

	if (!fam_region_is_loose(both))
		return false;
	now = &both->copy[both->last];
	on = &both->copy[!both->last];
	return now->state == FAM_REGION_READY &&
	       (both->is[!both->last] != FAM_COPY_GOOD ||
		on->state != FAM_REGION_READY || on->serial != now->serial ||
		!fam_region_is_inside(now, on));
}

static void add_content(const struct fam *fam, struct settling *s,
			const struct fam_region_entry *entry)
{
	struct fam_range *all = s->piece;
	uint64_t end;

	if (s->pieces == PIECES)
		s->pieces = fam_ranges_merge(all, PIECES, FAM_REGIONS_GRAIN,
					     fam->sb.size);
	if (s->pieces == PIECES) {
		end = all[PIECES - 1].offset + all[PIECES - 1].length;
		all[0].length = end - all[0].offset;
		s->pieces = 1;
	}
	all[s->pieces++] = (struct fam_range){entry->offset, entry->space};
}

static void collect_one(struct fam *fam, struct fam_regions *r,
			struct settling *s, uint32_t i)
{
	struct fam_region_both both;

	fam_regions_read(fam, r, i, &both);
	if (fam_region_is_loose(&both)) {
		bring_home(fam, r, i, &both);
		if (fam_region_has_new_space(&both) && !is_trusted(s, i))
			add_content(fam, s, &both.copy[both.last]);
		runs_add(&s->runs[both.last],
			 r->offset + r->places.copy[both.last] +
				 i * sizeof(struct fam_region_entry));
	} else {
		fam_regions_settled(r, i, &both);
	}
}

static void collect(struct fam *fam, struct fam_regions *r, struct settling *s)
{
	uint32_t all = r->places.entries;

	for (uint32_t i = fam_bits_next(&r->loose, 0, all); i < all;
	     i = fam_bits_next(&r->loose, i + 1, all))
		collect_one(fam, r, s, i);
}

int fam_regions_persist(struct fam *fam, const struct fam_regions *r,
			const struct fam_range *ranges, size_t count)
{
	for (size_t i = 0; fam->persist->cpu && i < count; i++)
		fam_flush(fam, r->area + (ranges[i].offset - r->offset),
			  ranges[i].length);
	return fam_persist_ranges(fam, ranges, count);
}

static int persist(struct fam *fam, const struct fam_regions *r,
		   const struct settling *s)
{
	struct fam_range all[FAM_REGIONS_COPIES * RUNS];
	bool loose = fam_word_peek(&fam_regions_live(r)->loose);
	size_t n = 0;
	int error = 0;

	for (unsigned int c = 0; c < FAM_REGIONS_COPIES; c++) {
		for (size_t i = 0; i < s->runs[c].count; i++)
			all[n++] = s->runs[c].range[i];
	}
	if (loose && s->pieces)
		error = fam_persist_ranges(fam, s->piece, s->pieces);
	if (error == 0 && loose && s->pieces)
		error = fam_region_persist_holes(fam);
	if (error == 0 && n)
		error = fam_regions_persist(fam, r, all, n);
	return error;
}

static void clear(struct fam_bits *bits, uint32_t entries)
{
	for (uint32_t i = fam_bits_next(bits, 0, entries); i < entries;
	     i = fam_bits_next(bits, i + 1, entries))
		fam_bits_put(bits, i, false);
}

/* What is on the disk now is what the next change must leave alone. */
static void mirror(struct fam *fam, struct fam_regions *r)
{
	uint32_t all = r->places.entries;
	struct fam_region_both both;

	for (uint32_t i = fam_bits_next(&r->loose, 0, all); i < all;
	     i = fam_bits_next(&r->loose, i + 1, all)) {
		fam_regions_read(fam, r, i, &both);
		if (fam_region_is_loose(&both)) {
			fam_regions_store(r, !both.last, i,
					  &both.copy[both.last]);
			both.copy[!both.last] = both.copy[both.last];
			both.is[!both.last] = FAM_COPY_GOOD;
		}
		fam_regions_settled(r, i, &both);
	}
	/* Nothing is loose now, so nothing waits, or may come back. */
	clear(&r->awaited, all);
	clear(&r->undone, all);
	clear(&r->found, all);
}

int fam_regions_settle_but(struct fam *fam, struct fam_regions *r,
			   const uint32_t *trusted, unsigned int count)
{
	struct settling s = {.trusted = trusted, .trusted_count = count};
	int error;

	if (r->loose.count == 0)
		return 0;
	collect(fam, r, &s);
	error = persist(fam, r, &s);
	if (error < 0)
		return error;
	/* That took long: is the lock still ours? */
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	mirror(fam, r);
	return 0;
}

int fam_regions_settle(struct fam *fam, struct fam_regions *r)
{
	return fam_regions_settle_but(fam, r, NULL, 0);
}
