// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* An entry as it is, for those who have not got the lock. */
#include "fam-region.h"

#define SPINS	 200
#define NAPS	 200 /* a tenth of a second: a writer may not be run */
#define NAP_NS	 500000
#define HURRY_NS INT64_C(1000000000)

static bool holder_lives(struct fam *fam, uint64_t holder)
{
	const struct fam_sessions *table = fam_regions_sessions(fam);

	return fam_holder_of(holder) &&
	       (!table || fam_holder_lives(table, holder));
}

/* Somebody may be writing: what was read is older than what was there before. */
static bool is_behind(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, const struct fam_region_both *both)
{
	uint64_t seen = fam_word_get(&fam_regions_seen(r, index)->generation);

	if (both->last >= 0 ? both->copy[both->last].generation >= seen
			    : both->unused && !seen)
		return false;
	return holder_lives(
		fam,
		fam_word_get((const fam_word *)fam_regions_live(r)->lock.word));
}

static void await(unsigned int turn)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};

	if (turn < SPINS)
		fam_word_pause();
	else
		nanosleep(&nap, NULL);
}

/*
 * What nobody writes any more is not waited for. What somebody has scribbled may
 * look as if it was being written, all of it: so who has waited once for nothing
 * does not do so again for a while.
 */
static void await_writer(struct fam *fam, const struct fam_regions *r,
			 uint32_t index, struct fam_region_both *both)
{
	_Atomic int64_t *hurried = &fam->regions->hurried;

	if (!is_behind(fam, r, index, both) || fam_now_ns() < *hurried)
		return;
	for (unsigned int turn = 0; turn < SPINS + NAPS; turn++) {
		await(turn);
		fam_regions_read(fam, r, index, both);
		if (!is_behind(fam, r, index, both))
			return;
	}
	*hurried = fam_now_ns() + HURRY_NS;
}

/* Whoever was writing is dead: what it was to be it will be, if that is known. */
static void finish(struct fam *fam, const struct fam_regions *r, uint32_t index,
		   struct fam_region_both *both)
{
	struct fam_regions_over over;

	if (both->is[0] != FAM_COPY_BAD && both->is[1] != FAM_COPY_BAD)
		return;
	if (!fam_regions_over(fam, r, &over) || over.index != index ||
	    both->is[over.copy] != FAM_COPY_BAD)
		return;
	both->copy[over.copy] = over.entry;
	both->last = (int)over.copy;
}

int fam_regions_load(struct fam *fam, const struct fam_regions *r,
		     uint32_t index, struct fam_region_entry *out)
{
	struct fam_region_both both;

	fam_regions_read(fam, r, index, &both);
	await_writer(fam, r, index, &both);
	finish(fam, r, index, &both);
	if (both.last < 0)
		return both.unused ? -ENOENT : -EBADMSG;
	if (both.copy[both.last].state != FAM_REGION_READY)
		return -ENOENT;
	*out = both.copy[both.last];
	return 0;
}
