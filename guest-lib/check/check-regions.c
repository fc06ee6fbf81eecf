// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The entries of the directory of regions.
 *
 * Of a damaged copy its checksum tells; what was in it the other copy does. Only
 * if that one was older is something lost, and `seen` tells whether it was.
 */
#include <stdlib.h>
#include <string.h>

#include "fam-check.h"
#include "regions/opening.h"
#include "sync/fam-sync.h"

/* Torn by who is at it just now: tried again this often, at once. */
#define TRIES 8

static uint64_t copy_offset(const struct fam_regions *r, unsigned int copy,
			    uint32_t index)
{
	return r->offset + r->places.copy[copy] +
	       (uint64_t)index * sizeof(struct fam_region_entry);
}

/* --- one entry -------------------------------------------------------------------- */

static const char *why_bad(const struct fam *fam,
			   const struct fam_region_entry *copy, uint32_t index)
{
	struct fam_region_entry sealed = *copy;

	if (copy->magic != FAM_REGION_ENTRY_MAGIC)
		return "it has no magic";
	fam_region_seal(&sealed, fam->sb.uuid, index);
	return sealed.crc32c == copy->crc32c ? "a field of it makes no sense"
					     : "its checksum is wrong";
}

/* The name in a copy that is bad, if it reads like one: a hint, no more. */
static const char *guess_name(struct fam_region_both *both)
{
	for (unsigned int i = 0; i < FAM_REGIONS_COPIES; i++) {
		char *name = both->copy[i].name;

		name[FAM_REGION_NAME_MAX - 1] = '\0';
		if (both->is[i] == FAM_COPY_BAD &&
		    fam_region_name_check(name) == 0)
			return name;
	}
	return NULL;
}

/* No copy counts, and one at least is bad. */
static void report_lost(struct fam_checker *c,
			const struct fam_check_regions *d, uint32_t index,
			struct fam_region_both *both)
{
	bool both_bad =
		both->is[0] == FAM_COPY_BAD && both->is[1] == FAM_COPY_BAD;
	bool used = both_bad ||
		    (!d->unsettled &&
		     fam_word_peek(&fam_regions_seen(d->r, index)->generation));
	unsigned int bad = both->is[0] == FAM_COPY_BAD ? 0 : 1;
	struct fam_check_problem *p;
	const char *name = guess_name(both);
	enum fam_check_level level = used	    ? FAM_CHECK_LOSS
				     : d->unsettled ? FAM_CHECK_NOTE
						    : FAM_CHECK_DAMAGE;

	p = fam_check_found(c, level, copy_offset(d->r, bad, index),
			    sizeof(struct fam_region_entry));
	d->generations[index] = FAM_CHECK_UNKNOWN;
	snprintf(p->part, sizeof(p->part), "region entry %u", index);
	if (!used)
		snprintf(p->text, sizeof(p->text),
			 "it was never used, and copy %u is not empty", bad);
	else if (name)
		snprintf(p->text, sizeof(p->text),
			 "no copy is whole: what region it was is lost "
			 "(perhaps '%.90s')",
			 name);
	else
		snprintf(p->text, sizeof(p->text),
			 "no copy is whole: what region it was is lost");
}

/*
 * The other copy serves; but it may be of before the last change.
 * Return: it is
 */
static bool report_bad(struct fam_checker *c, const struct fam_check_regions *d,
		       uint32_t index, const struct fam_region_both *both)
{
	unsigned int bad = !both->last;
	uint64_t seen =
		fam_word_get(&fam_regions_seen(d->r, index)->generation);
	bool lost = !d->unsettled && both->copy[bad].generation == seen &&
		    seen > both->copy[both->last].generation;
	struct fam_check_problem *p = fam_check_found(
		c,
		lost	       ? FAM_CHECK_LOSS
		: d->unsettled ? FAM_CHECK_NOTE
			       : FAM_CHECK_DAMAGE,
		copy_offset(d->r, bad, index), sizeof(both->copy[bad]));

	snprintf(p->part, sizeof(p->part), "region entry %u, copy %u", index,
		 bad);
	snprintf(p->text, sizeof(p->text), "%s; %s",
		 why_bad(c->fam, &both->copy[bad], index),
		 lost ? "the other one is of before the last change, which is "
			"lost"
		      : "the other one serves");
	return lost;
}

static bool are_same(const struct fam_region_both *both)
{
	return memcmp(&both->copy[0], &both->copy[1], sizeof(both->copy[0])) ==
	       0;
}

static void compare_both(struct fam_checker *c, struct fam_check_regions *d,
			 uint32_t index, const struct fam_region_both *both)
{
	unsigned int other = !both->last;
	struct fam_check_problem *p;

	if (are_same(both))
		return;
	d->loose++;
	if (both->is[other] != FAM_COPY_GOOD ||
	    both->copy[0].generation != both->copy[1].generation)
		return;
	p = fam_check_found(c, FAM_CHECK_DAMAGE,
			    copy_offset(d->r, other, index),
			    sizeof(both->copy[0]));
	snprintf(p->part, sizeof(p->part), "region entry %u, copy %u", index,
		 other);
	snprintf(p->text, sizeof(p->text),
		 "it differs from the other one, which is of the same "
		 "generation");
}

static bool takes_space(const struct fam_region_entry *e)
{
	return e->state != FAM_REGION_FREE;
}

static void check_maker(struct fam_checker *c,
			const struct fam_check_regions *d, uint32_t index,
			const struct fam_region_entry *e)
{
	struct fam_check_problem *p;

	if ((e->state != FAM_REGION_MAKING &&
	     e->state != FAM_REGION_TRIMMING) ||
	    (e->boot == fam_check_boot(c) && fam_check_lives(c, e->holder)))
		return;
	p = fam_check_found(c, FAM_CHECK_NOTE, copy_offset(d->r, 0, index),
			    sizeof(*e));
	snprintf(p->part, sizeof(p->part), "region entry %u, state", index);
	snprintf(p->text, sizeof(p->text),
		 "who was %s has died: its space is free",
		 e->state == FAM_REGION_MAKING ? "making it" : "trimming it");
}

static void note_entry(struct fam_checker *c, struct fam_check_regions *d,
		       uint32_t index, const struct fam_region_entry *e)
{
	d->generations[index] = e->generation;
	if (e->stamp > d->stamp)
		d->stamp = e->stamp;
	if (e->serial > d->serial)
		d->serial = e->serial;
	if (!takes_space(e))
		return;
	if (e->state == FAM_REGION_READY) {
		d->serials[index] = e->serial;
		c->sum.regions++;
	}
	c->sum.taken += e->space;
	d->piece[d->pieces++] = (struct fam_check_piece){
		.offset = e->offset,
		.bytes = e->space,
		.age = e->stamp,
		.hash = e->name[0] ? fam_object_hash(e->name) : 0,
		.index = index,
	};
	check_maker(c, d, index, e);
}

bool fam_check_is_unused(const struct fam_regions *r, uint32_t index)
{
	static const struct fam_region_entry empty;

	for (unsigned int i = 0; i < FAM_REGIONS_COPIES; i++) {
		const void *copy = fam_regions_copy(r, i, index);

		if (memcmp(copy, &empty, sizeof(empty)) != 0)
			return false;
	}
	return true;
}

/* Changed while it was read: the next try sees it whole. */
static void read_entry(struct fam *fam, const struct fam_check_regions *d,
		       uint32_t index, struct fam_region_both *both)
{
	for (int i = 0; i < TRIES; i++) {
		fam_regions_read(fam, d->r, index, both);
		if (both->is[0] != FAM_COPY_BAD && both->is[1] != FAM_COPY_BAD)
			return;
		fam_word_pause();
	}
}

static void check_entry(struct fam_checker *c, struct fam_check_regions *d,
			uint32_t index)
{
	struct fam_region_both both;
	bool lost = false;

	if (fam_check_is_unused(d->r, index))
		return;
	read_entry(c->fam, d, index, &both);
	if (both.last < 0) {
		if (both.is[0] == FAM_COPY_BAD || both.is[1] == FAM_COPY_BAD)
			report_lost(c, d, index, &both);
		return;
	}
	if (both.is[!both.last] == FAM_COPY_BAD)
		lost = report_bad(c, d, index, &both);
	else
		compare_both(c, d, index, &both);
	note_entry(c, d, index, &both.copy[both.last]);
	if (lost)
		d->generations[index] = FAM_CHECK_UNKNOWN;
}

/* --- all of them --------------------------------------------------------------------- */

static bool same_name(const struct fam_check_rivals *r, uint32_t a, uint32_t b)
{
	const struct fam_check_regions *d = r->arg;
	struct fam_region_both x, y;

	fam_regions_read(r->c->fam, d->r, a, &x);
	fam_regions_read(r->c->fam, d->r, b, &y);
	return x.last >= 0 && y.last >= 0 &&
	       memcmp(x.copy[x.last].name, y.copy[y.last].name,
		      FAM_REGION_NAME_MAX) == 0;
}

static void check_rivals(struct fam_checker *c, struct fam_check_regions *d)
{
	const struct fam_check_rivals rivals = {
		.c = c,
		.piece = d->piece,
		.count = d->pieces,
		.level = d->unsettled ? FAM_CHECK_NOTE : FAM_CHECK_LOSS,
		.kind = "region entry",
		.at = copy_offset(d->r, 0, 0),
		.step = sizeof(struct fam_region_entry),
		.same_name = same_name,
		.arg = d,
	};

	fam_check_rivals(&rivals);
}

static void report_loose(struct fam_checker *c,
			 const struct fam_check_regions *d)
{
	struct fam_check_problem *p;

	if (!d->loose)
		return;
	p = fam_check_found(c, FAM_CHECK_NOTE, d->r->offset, d->r->places.end);
	snprintf(p->part, sizeof(p->part), "region directory");
	snprintf(p->text, sizeof(p->text),
		 "%u %s changed and not known to be on the disk", d->loose,
		 d->loose == 1 ? "entry is" : "entries are");
}

/*
 * Who holds the lock for longer than between two looks may stand still in the
 * middle of a change.
 */
static bool somebody_stands(struct fam_checker *c,
			    const struct fam_regions_live *live)
{
	uint64_t lock = fam_word_get(
		(const fam_word *)&live->lock.word[FAM_LOCK_STATE]);
	uint64_t changes = fam_word_get(&live->changes);
	bool same = fam_holder_of(lock) == fam_holder_of(c->lock) &&
		    changes == c->changes;

	c->lock = lock;
	c->changes = changes;
	return same && fam_check_lives(c, lock);
}

static int get_memory(struct fam_check_regions *d)
{
	uint32_t n = d->r->places.entries;

	d->opens = calloc(n, sizeof(*d->opens));
	d->serials = calloc(n, sizeof(*d->serials));
	d->generations = calloc(n, sizeof(*d->generations));
	d->piece = calloc(n, sizeof(*d->piece));
	return d->opens && d->serials && d->generations && d->piece ? 0
								    : -ENOMEM;
}

static void free_memory(const struct fam_check_regions *d)
{
	free(d->opens);
	free(d->serials);
	free(d->generations);
	free(d->piece);
}

static void check_all(struct fam_checker *c, struct fam_check_regions *d)
{
	const struct fam_regions_live *live = fam_regions_live(d->r);
	struct fam_regions_walk walk = {0};
	uint32_t i;

	d->unsettled =
		somebody_stands(c, live) ||
		fam_check_is_due(c, fam_word_get(&live->boot), &live->lock);
	while ((i = fam_regions_next(c->fam, d->r, &walk)) <
	       d->r->places.entries)
		check_entry(c, d, i);
	report_loose(c, d);
	fam_check_live(c, d);
	check_rivals(c, d);
}

int fam_check_regions(struct fam_checker *c)
{
	struct fam_check_regions d = {0};
	struct fam_regions *r;
	int error = fam_regions_map(c->fam, &r);

	c->sum.free = c->fam->data_bytes;
	if (error == -EOPNOTSUPP)
		return 0;
	if (error < 0)
		return error;
	d.r = r;
	error = get_memory(&d);
	if (error == 0)
		check_all(c, &d);
	free_memory(&d);
	c->sum.free = c->fam->data_bytes - c->sum.taken;
	return error;
}
