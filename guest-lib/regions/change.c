// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Changing entries. Whatever a power cut leaves of the stores made here, and in
 * whatever order: of each entry that was on the disk a whole copy is there, the
 * last durable one or a later one.
 */
#include <string.h>

#include "step.h"

/* --- numbers ------------------------------------------------------------------ */

/* Above all that was read, whatever somebody may have written there. */
static uint64_t next(fam_word *word, uint64_t *highest)
{
	uint64_t last = fam_word_peek(word);

	if (last > *highest && last < FAM_REGION_RISING_MAX / 2)
		*highest = last;
	fam_word_poke(word, ++*highest);
	return *highest;
}

uint64_t fam_regions_serial(struct fam_regions *r)
{
	return next(&fam_regions_live(r)->serial, &r->serial);
}

void fam_regions_tell(struct fam_regions *r, uint32_t index,
		      uint64_t generation)
{
	struct fam_regions_live *live = fam_regions_live(r);
	uint64_t n = fam_word_peek(&live->changes);

	fam_word_poke(&fam_regions_seen(r, index)->generation, generation);
	fam_word_poke(&live->ring[n % FAM_REGIONS_RING], index);
	fam_word_put(&live->changes, n + 1);
	if (r->changes == n)
		r->changes = n + 1;
}

/* --- one entry of a change --------------------------------------------------------- */

/* Which change of another entry one waits for. */
struct after {
	uint32_t index;
	uint64_t stamp; /* 0: none */
};

static void look(struct fam *fam, const struct fam_regions *r,
		 struct fam_step *step)
{
	fam_regions_read(fam, r, step->index, &step->both);
	step->was = step->both.last < 0 ? (struct fam_region_entry){0}
					: step->both.copy[step->both.last];
	step->owes = fam_region_has_new_space(&step->both);
}

static uint64_t last_generation(const struct fam_regions *r,
				const struct fam_step *step)
{
	uint64_t seen;

	if (step->both.last >= 0)
		return step->was.generation;
	/* Damaged, or never used. */
	seen = fam_word_peek(&fam_regions_seen(r, step->index)->generation);
	return seen < FAM_REGION_RISING_MAX / 2 ? seen : 0;
}

/*
 * Fill in what the caller does not know. @stamp: 0: a new one. What is not on the disk yet and waits
 * for another change goes on doing so.
 */
static int prepare(struct fam *fam, struct fam_regions *r,
		   struct fam_step *step, uint64_t stamp,
		   const struct after *after)
{
	struct fam_region_entry *to = &step->to;

	step->place = fam_region_place(&step->both);
	to->generation = fam_region_next(last_generation(r, step), step->place);
	to->stamp =
		stamp ? stamp : next(&fam_regions_live(r)->stamp, &r->stamp);
	to->after_index = after->index;
	to->after_stamp = after->stamp;
	if (!after->stamp && fam_step_waits(step)) {
		to->after_index = step->was.after_index;
		to->after_stamp = step->was.after_stamp;
	}
	if (!fam_region_is_good(fam, to, step->index))
		return -EINVAL;
	fam_region_seal(to, fam->sb.uuid, step->index);
	return 0;
}

static void write_out(struct fam_regions *r, struct fam_step *step)
{
	if (step->both.last == (int)step->place)
		fam_regions_store_over(r, step->place, step->index, &step->to);
	else
		fam_regions_store(r, step->place, step->index, &step->to);
	step->both.copy[step->place] = step->to;
	step->both.is[step->place] = FAM_COPY_GOOD;
	step->both.last = (int)step->place;
	fam_regions_note(r, step->index, &step->both);
	fam_regions_tell(r, step->index, step->to.generation);
	if (step->to.flags & FAM_REGION_TRIM)
		fam_word_add(&fam_regions_live(r)->freed, 1);
}

/* --- in the index ------------------------------------------------------------------- */

static void take_out(struct fam_regions *r, const struct fam_step *steps,
		     unsigned int count)
{

	for (unsigned int n = 0; n < count; n++)
		(void)fam_index_set(r->index, steps[n].index, NULL, NULL);
}

/* What becomes free first: the other one may be to have its place. */
static int put_in(struct fam *fam, struct fam_regions *r,
		  const struct fam_step *steps, unsigned int count)
{
	int error = 0;

	take_out(r, steps, count);
	for (unsigned int n = 0; error == 0 && n < count; n++) {
		if (steps[n].to.state == FAM_REGION_FREE)
			error = fam_regions_index(fam, r, steps[n].index,
						  &steps[n].to, true, NULL);
	}
	for (unsigned int n = 0; error == 0 && n < count; n++) {
		if (steps[n].to.state != FAM_REGION_FREE)
			error = fam_regions_index(fam, r, steps[n].index,
						  &steps[n].to, true, NULL);
	}
	return error;
}

static void put_back(struct fam *fam, struct fam_regions *r,
		     const struct fam_step *steps, unsigned int count)
{
	int error = 0;

	take_out(r, steps, count);
	for (unsigned int n = 0; error == 0 && n < count; n++) {
		if (steps[n].both.last >= 0)
			error = fam_regions_index(
				fam, r, steps[n].index, &steps[n].was,
				fam_region_is_loose(&steps[n].both), NULL);
	}
	/* Not even enough memory for that: all is read anew next time. */
	if (error < 0)
		r->epoch--;
}

/* --- the change ------------------------------------------------------------------------ */

static int prepare_all(struct fam *fam, struct fam_regions *r,
		       struct fam_step *steps, unsigned int count)
{
	struct after after = {0};
	int error = 0;

	if (r->stamp >= FAM_REGION_RISING_MAX - 2 * FAM_REGIONS_CHANGES)
		return -EBADMSG;
	for (unsigned int n = 0; error == 0 && n < count; n++) {
		if (r->lost.count && fam_step_takes_space(&steps[n]))
			return -EBADMSG;
		error = prepare(fam, r, &steps[n], 0, &after);
		after = (struct after){steps[n].index, steps[n].to.stamp};
	}
	return error;
}

/*
 * What was before, with the stamp it had: so it comes after nothing that comes
 * after what is taken back, which may be on the disk. If the disk gets one of two
 * only, either both have happened or none has: the first one without the other one
 * has its name or its place, and a higher stamp; the second one waits in vain.
 *
 * That the second one waits for any change of the first one tells others which two
 * there are: before one of them is changed again, all this is made durable.
 */
static void undo(struct fam *fam, struct fam_regions *r, struct fam_step *steps,
		 unsigned int count)
{
	if (!fam_park_self(fam))
		return; /* another one has the lock now, and has seen to it */
	for (unsigned int n = count; n-- > 0;) {
		struct fam_step *step = &steps[n];
		uint64_t serial = step->to.serial, stamp = step->was.stamp;
		struct after after = {0};

		step->to = step->was;
		if (step->to.serial == 0)
			step->to.serial = serial;
		look(fam, r, step);
		if (count > 1)
			step->was.after_stamp = 0;
		if (n > 0 && stamp > 1)
			after = (struct after){steps[0].index, 1};
		/* It was good before. */
		(void)prepare(fam, r, step, stamp, &after);
	}
	(void)put_in(fam, r, steps, count);
	for (unsigned int n = count; n-- > 0;)
		write_out(r, &steps[n]);
}

static int look_at_all(struct fam *fam, struct fam_regions *r,
		       const struct fam_region_change *changes,
		       struct fam_step *steps, unsigned int count)
{
	for (unsigned int n = 0; n < count; n++) {
		if (changes[n].index >= r->places.entries)
			return -EINVAL;
		steps[n].index = changes[n].index;
		steps[n].to = changes[n].entry;
		look(fam, r, &steps[n]);
		fam_regions_note(r, steps[n].index, &steps[n].both);
	}
	return 0;
}

static int start(struct fam *fam, struct fam_regions *r,
		 const struct fam_region_change *changes,
		 struct fam_step *steps, unsigned int count, bool durable)
{
	int error = look_at_all(fam, r, changes, steps, count);

	if (error < 0 || !fam_steps_must_settle(fam, r, steps, count, durable))
		return error;
	error = fam_regions_settle(fam, r);
	return error < 0 ? error : look_at_all(fam, r, changes, steps, count);
}

/* What the caller has filled with zeros, or moved, is durable already. */
static int make_durable(struct fam *fam, struct fam_regions *r,
			const struct fam_step *steps, unsigned int count)
{
	uint32_t trusted[FAM_REGIONS_CHANGES];
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (!steps[i].owes)
			trusted[n++] = steps[i].index;
	}
	return fam_regions_settle_but(fam, r, trusted, n);
}

int fam_regions_change(struct fam *fam, struct fam_regions *r,
		       const struct fam_region_change *changes,
		       unsigned int count, bool durable)
{
	struct fam_step steps[FAM_REGIONS_CHANGES];
	int error;

	if (count == 0 || count > FAM_REGIONS_CHANGES)
		return -EINVAL;
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	error = start(fam, r, changes, steps, count, durable);
	if (error == 0)
		error = prepare_all(fam, r, steps, count);
	if (error < 0)
		return error;
	error = put_in(fam, r, steps, count);
	if (error < 0) {
		put_back(fam, r, steps, count);
		return error;
	}
	for (unsigned int n = 0; n < count; n++)
		write_out(r, &steps[n]);
	if (!durable)
		return 0;
	error = make_durable(fam, r, steps, count);
	if (error < 0)
		undo(fam, r, steps, count);
	return error;
}
