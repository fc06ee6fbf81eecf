// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What goes on in the directory of regions, held against its entries, and the
 * repair of all of it.
 *
 * Of the live page only what would do harm is looked at: the counts from which
 * new stamps and serials are drawn. All else there is volatile, and whatever is
 * in it costs a reader time at most.
 */
#include <inttypes.h>
#include <string.h>

#include "fam-check.h"
#include "regions/opening.h"

/* How far a count may be ahead of the entries: some of those were used anew. */
#define AHEAD_MAX (UINT64_C(1) << 32)

/* --- looking ----------------------------------------------------------------------- */

static enum fam_check_level level_of(const struct fam_check_regions *d)
{
	return d->unsettled ? FAM_CHECK_NOTE : FAM_CHECK_DAMAGE;
}

static bool count_is_good(uint64_t count, uint64_t highest)
{
	return count >= highest && count - highest <= AHEAD_MAX;
}

static void check_count(struct fam_checker *c,
			const struct fam_check_regions *d, const char *name,
			const fam_word *count, uint64_t highest)
{
	struct fam_check_problem *p;

	/* Whoever clears up after the crash raises it. */
	if (d->unsettled || count_is_good(fam_word_get(count), highest))
		return;
	p = fam_check_found(
		c, FAM_CHECK_DAMAGE,
		d->r->offset + (uint64_t)((const char *)count -
					  (const char *)fam_regions_live(d->r)),
		sizeof(*count));
	snprintf(p->part, sizeof(p->part), "region directory, %s", name);
	snprintf(p->text, sizeof(p->text),
		 "it does not fit the entries, which tell what it should be");
}

static void check_seen(struct fam_checker *c, const struct fam_check_regions *d,
		       uint32_t index)
{
	const struct fam_regions_seen *seen = fam_regions_seen(d->r, index);
	uint64_t generation = d->generations[index];
	struct fam_check_problem *p;
	uint64_t changed = fam_word_get(&seen->generation);
	uint64_t opens = fam_word_get(&seen->opens);
	bool same = generation == FAM_CHECK_UNKNOWN || changed == generation;

	if (same && opens == d->opens[index])
		return;
	p = fam_check_found(c, level_of(d),
			    d->r->offset + d->r->places.seen +
				    (uint64_t)index * sizeof(*seen),
			    sizeof(*seen));
	snprintf(p->part, sizeof(p->part), "region seen %u", index);
	/* With the numbers: what others change is another problem each time. */
	if (same)
		snprintf(p->text, sizeof(p->text),
			 "the region is open %u times, and it says %" PRIu64,
			 d->opens[index], opens);
	else
		snprintf(p->text, sizeof(p->text),
			 "the entry is its version %" PRIu64
			 ", and it says %" PRIu64,
			 generation, changed);
}

/* Why a record is none of a region that is there; NULL: it is. */
static const char *judge_record(const struct fam_checker *c,
				struct fam_check_regions *d, uint64_t holder,
				uint64_t what)
{
	uint32_t index = (uint32_t)(what >> 12) & 0xfffff;
	uint64_t serial = what >> 32;

	if (index >= d->r->places.entries ||
	    fam_regions_open_value(holder, serial, index) != what)
		return "its checksum is wrong";
	d->opens[index]++;
	if (!fam_check_lives(c, holder))
		return "it was left by a session that has died";
	if ((uint32_t)d->serials[index] != serial)
		return "its region is not there";
	return NULL;
}

static void check_record(struct fam_checker *c, struct fam_check_regions *d,
			 uint32_t i)
{
	const struct fam_regions_open *o = fam_regions_open_at(d->r, i);
	uint64_t holder = fam_word_get(&o->holder);
	bool dead = !fam_check_lives(c, holder);
	struct fam_check_problem *p;
	const char *wrong;

	if (!holder)
		return;
	wrong = judge_record(c, d, holder, fam_word_get(&o->what));
	if (!wrong)
		return;
	p = fam_check_found(c, dead ? FAM_CHECK_NOTE : level_of(d),
			    d->r->offset + d->r->places.open +
				    (uint64_t)i * sizeof(*o),
			    sizeof(*o));
	snprintf(p->part, sizeof(p->part), "region open record %u", i);
	snprintf(p->text, sizeof(p->text), "%s", wrong);
}

void fam_check_live(struct fam_checker *c, struct fam_check_regions *d)
{
	const struct fam_regions_live *live = fam_regions_live(d->r);

	for (uint32_t i = 0; i < d->r->places.opens; i++)
		check_record(c, d, i);
	check_count(c, d, "stamp", &live->stamp, d->stamp);
	check_count(c, d, "serial", &live->serial, d->serial);
	for (uint32_t i = 0; !d->unsettled && i < d->r->places.entries; i++)
		check_seen(c, d, i);
}

/* --- repairing ------------------------------------------------------------------------ */

/* The copy that is to be written anew from the one that counts; -1: none is. */
static int spoilt_copy(const struct fam_region_both *both)
{
	int last = both->last, other = !last;

	if (both->is[other] == FAM_COPY_BAD)
		/*
		 * The place of its own: what is left was made of it when it was
		 * on the disk. Else it may not be there yet, and settling it is
		 * what writes the other one.
		 */
		return (both->copy[last].generation & 1) == (uint64_t)last
			       ? -1
			       : other;
	return both->is[other] == FAM_COPY_GOOD &&
			       both->copy[0].generation ==
				       both->copy[1].generation &&
			       memcmp(&both->copy[0], &both->copy[1],
				      sizeof(both->copy[0])) != 0
		       ? other
		       : -1;
}

/* On the disk at once: the next change is written over the one that was whole. */
static int write_copy(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, unsigned int copy,
		      const struct fam_region_entry *entry)
{
	fam_regions_store(r, copy, index, entry);
	return fam_repair_persist(fam, fam_regions_copy(r, copy, index),
				  sizeof(*entry));
}

/* The entries that were spoilt; none: @end is 0. */
struct spoilt {
	uint32_t begin, end;
};

static void add_spoilt(struct spoilt *s, uint32_t index)
{
	if (s->end == 0)
		s->begin = index;
	s->end = index + 1;
}

/* From the copy that counts; if none does, it was never used, from now on. */
static int repair_entry(struct fam *fam, const struct fam_regions *r,
			uint32_t index, struct spoilt *spoilt)
{
	static const struct fam_region_entry empty;
	struct fam_region_both both;
	int copy, error = 0;

	if (fam_check_is_unused(r, index))
		return 0;
	fam_regions_read(fam, r, index, &both);
	if (both.is[0] == FAM_COPY_BAD || both.is[1] == FAM_COPY_BAD)
		add_spoilt(spoilt, index);
	if (both.last >= 0) {
		copy = spoilt_copy(&both);
		return copy < 0 ? 0
				: write_copy(fam, r, index, (unsigned int)copy,
					     &both.copy[both.last]);
	}
	for (unsigned int i = 0; error == 0 && i < FAM_REGIONS_COPIES; i++) {
		if (both.is[0] == FAM_COPY_BAD || both.is[1] == FAM_COPY_BAD)
			error = write_copy(fam, r, index, i, &empty);
	}
	return error;
}

static bool is_there(struct fam *fam, struct fam_regions *r, uint32_t index,
		     uint32_t serial)
{
	struct fam_region_entry entry;

	return index < r->places.entries &&
	       fam_regions_entry(fam, r, index, &entry) == 0 &&
	       entry.state == FAM_REGION_READY &&
	       (uint32_t)entry.serial == serial;
}

/* Only sessions that live keep theirs, of regions that are there. */
static void repair_record(struct fam *fam, struct fam_regions *r, uint32_t i)
{
	struct fam_regions_open *o = fam_regions_open_at(r, i);
	uint64_t holder = fam_word_get(&o->holder),
		 what = fam_word_get(&o->what);
	uint32_t index = (uint32_t)(what >> 12) & 0xfffff;

	if (holder &&
	    (!fam_park_lives(fam, holder) ||
	     !is_there(fam, r, index, (uint32_t)(what >> 32)) ||
	     fam_regions_open_value(holder, what >> 32, index) != what))
		fam_word_put(&o->holder, 0);
}

/* Counts that have lost their way are drawn from the entries again. */
static void repair_counts(const struct fam_regions *r)
{
	struct fam_regions_live *live = fam_regions_live(r);

	if (!count_is_good(fam_word_get(&live->stamp), r->stamp))
		fam_word_put(&live->stamp, r->stamp);
	if (!count_is_good(fam_word_get(&live->serial), r->serial))
		fam_word_put(&live->serial, r->serial);
}

static int settle(struct fam *fam, struct fam_regions *r,
		  const struct spoilt *spoilt)
{
	int error = fam_regions_settle(fam, r);

	if (error == -EOPNOTSUPP && fam->source.in_memory)
		error = 0;
	/* Nothing is loose, so whatever is there may be on the disk. */
	for (unsigned int c = 0;
	     error == 0 && spoilt->end && c < FAM_REGIONS_COPIES; c++)
		error = fam_repair_persist(
			fam, fam_regions_copy(r, c, spoilt->begin),
			(spoilt->end - spoilt->begin) *
				sizeof(struct fam_region_entry));
	return error;
}

static int repair_locked(struct fam *fam, struct fam_regions *r)
{
	struct fam_regions_walk walk = {0};
	struct spoilt spoilt = {0};
	int error = 0;
	uint32_t i;

	while (error == 0 &&
	       (i = fam_regions_next(fam, r, &walk)) < r->places.entries)
		error = repair_entry(fam, r, i, &spoilt);
	if (error < 0)
		return error;
	for (i = 0; i < r->places.opens; i++)
		repair_record(fam, r, i);
	/* As after the death of who had the lock: it clears up what is left. */
	error = fam_regions_reread(fam, r, FAM_REREAD_DEATH);
	if (error < 0)
		return error;
	repair_counts(r);
	return settle(fam, r, &spoilt);
}

int fam_repair_regions(struct fam_checker *c)
{
	struct fam *fam = c->fam;
	struct fam_regions *r = fam->regions;
	int error;

	if (!r || !fam_repair_is_due(c, r->offset, r->bytes))
		return 0;
	error = fam_regions_lock(fam, &r);
	if (error < 0)
		return error;
	error = repair_locked(fam, r);
	fam_regions_unlock(fam, r);
	return error;
}
