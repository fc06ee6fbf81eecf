// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What one entry gives up another one may take at once. Should the disk get the
 * second change only, both have it then, and recovery frees the one with the lower
 * stamp: right if that was destroyed, wrong if it was renamed or moved. So the
 * second change waits until the first one is durable, in that case only.
 */
#include <string.h>

#include "step.h"

#define MOVED_MAX 64 /* then they are made durable, not searched */

bool fam_step_waits(const struct fam_step *step)
{
	return fam_region_is_loose(&step->both) && step->was.after_stamp;
}

static bool is_named_anew(const struct fam_step *step)
{
	return step->to.name[0] && strcmp(step->to.name, step->was.name) != 0;
}

bool fam_step_takes_space(const struct fam_step *step)
{
	return step->to.state != FAM_REGION_FREE &&
	       (step->was.state == FAM_REGION_FREE ||
		!fam_region_is_inside(&step->to, &step->was));
}

static bool overlap(const struct fam_region_entry *a,
		    const struct fam_region_entry *b)
{
	return a->offset < b->offset + b->space &&
	       b->offset < a->offset + a->space;
}

/* Does it take what a region that moved has on the disk still? */
static bool takes_from(const struct fam_step *step, bool name, bool space,
		       const struct fam_region_entry *durable)
{
	return (name && strcmp(step->to.name, durable->name) == 0) ||
	       (space && overlap(&step->to, durable));
}

static bool takes_from_moved(struct fam *fam, struct fam_regions *r,
			     const struct fam_step *step)
{
	uint32_t all = r->places.entries;
	bool name = is_named_anew(step), space = fam_step_takes_space(step);
	struct fam_region_both both;

	if (r->moved.count == 0 || (!name && !space))
		return false;
	if (r->moved.count > MOVED_MAX)
		return true;
	for (uint32_t i = fam_bits_next(&r->moved, 0, all); i < all;
	     i = fam_bits_next(&r->moved, i + 1, all)) {
		fam_regions_read(fam, r, i, &both);
		fam_regions_note(r, i, &both);
		if (i != step->index && fam_region_has_moved(&both) &&
		    takes_from(step, name, space, &both.copy[!both.last]))
			return true;
	}
	return false;
}

static bool gives_up(const struct fam_step *step, bool *name, bool *space)
{
	const struct fam_region_entry *to = &step->to, *was = &step->was;

	if (to->state != FAM_REGION_READY || was->state != FAM_REGION_READY)
		return false;
	*name = strcmp(to->name, was->name) != 0;
	*space = !fam_region_is_inside(was, to);
	return *name || *space;
}

/* Is it a region that is on the disk, as it was before some other change? */
static bool rests_on_disk(const struct fam_step *step)
{
	const struct fam_region_entry *on = &step->both.copy[!step->both.last];

	return fam_region_is_loose(&step->both) &&
	       step->both.is[!step->both.last] == FAM_COPY_GOOD &&
	       on->state == FAM_REGION_READY && on->serial == step->was.serial;
}

/*
 * Does a region give up what it got since it was on the disk? The disk may have
 * that as well, and nobody remembers it. Or what it had when another change was
 * made with it, which may reach the disk or not?
 */
static bool moves_again(const struct fam_regions *r,
			const struct fam_step *step)
{
	const struct fam_region_entry *was = &step->was, *on;
	bool name, space;

	if (!fam_region_is_loose(&step->both) || !gives_up(step, &name, &space))
		return false;
	if (fam_bits_has(&r->awaited, step->index))
		return true;
	on = &step->both.copy[!step->both.last];
	return rests_on_disk(step) &&
	       ((name && strcmp(on->name, was->name) != 0) ||
		(space && !fam_region_is_inside(was, on)));
}

/*
 * Is it destroyed that another one made room for, which is not durable? That one
 * could come back alone. One that is replaced itself leaves its name to another.
 */
static bool ends_awaited(const struct fam_regions *r,
			 const struct fam_step *step, unsigned int count)
{
	return count == 1 && step->to.state != FAM_REGION_READY &&
	       fam_region_is_loose(&step->both) &&
	       fam_bits_has(&r->awaited, step->index);
}

/*
 * Should the disk fail, it can be told that a change was taken back if that was
 * made from what is on the disk.
 */
static bool may_be_undone(const struct fam_step *step, unsigned int count)
{
	bool name, space;

	return rests_on_disk(step) &&
	       (count > 1 || is_named_anew(step) ||
		fam_step_takes_space(step) || gives_up(step, &name, &space));
}

/* What was taken back has been somewhere, and may be there after a power cut. */
static bool meets_undone(const struct fam_regions *r,
			 const struct fam_step *step)
{
	return r->undone.count &&
	       (fam_bits_has(&r->undone, step->index) || is_named_anew(step) ||
		fam_step_takes_space(step));
}

/*
 * After a start of the host, or where nobody knows when that was, a change that
 * looked as if it was not on the disk may have come from there, and be the only
 * whole copy.
 */
static bool may_be_on_disk(const struct fam_regions *r,
			   const struct fam_step *step)
{
	return fam_region_is_loose(&step->both) &&
	       fam_bits_has(&r->found, step->index);
}

bool fam_steps_must_settle(struct fam *fam, struct fam_regions *r,
			   const struct fam_step *steps, unsigned int count,
			   bool durable)
{
	if (fam->persist->way == FAM_PERSIST_NONE)
		return false;
	for (unsigned int n = 0; n < count; n++) {
		const struct fam_step *step = &steps[n];

		if ((count > 1 && fam_step_waits(step)) ||
		    moves_again(r, step) ||
		    (durable && may_be_undone(step, count)) ||
		    ends_awaited(r, step, count) || meets_undone(r, step) ||
		    may_be_on_disk(r, step) || takes_from_moved(fam, r, step))
			return true;
	}
	return false;
}
