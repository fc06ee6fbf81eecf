// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The directory of regions: its place, its lock, what others changed meanwhile. */
#include <string.h>

#include "opening.h"

/* --- an attachment's ---------------------------------------------------------- */

static bool has_regions(const struct fam *fam)
{
	return fam->formatted && fam->source.fd >= 0 &&
	       fam->sb.feature_compat & FAM_COMPAT_REGIONS &&
	       fam_regions_fit(fam->sb.regions_bytes);
}

/* A thread that has the lock gets -EDEADLK, as from the lock itself. */
static void gate_init(pthread_mutex_t *gate)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(gate, &attr);
	pthread_mutexattr_destroy(&attr);
}

int fam_regions_open(struct fam *fam)
{
	struct fam_regions *r;

	if (!has_regions(fam))
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	gate_init(&r->gate);
	r->offset = fam->sb.regions_offset;
	r->bytes = fam->sb.regions_bytes;
	r->places = fam_regions_places(fam_regions_fit(r->bytes));
	fam->regions = r;
	return 0;
}

void fam_regions_forget(struct fam_regions *r)
{
	fam_index_free(r->index);
	r->index = NULL;
	/* One piece of memory for all of them. */
	free(r->loose.word);
	r->loose = r->moved = r->lost = (struct fam_bits){0};
	r->awaited = r->undone = r->found = (struct fam_bits){0};
	r->stamp = r->serial = 0;
}

void fam_regions_close(struct fam *fam)
{
	struct fam_regions *r = fam->regions;

	if (!r)
		return;
	fam_region_forget(r);
	fam_regions_forget(r);
	pthread_mutex_destroy(&r->gate);
	pthread_mutex_destroy(&r->lock);
	free(r);
	fam->regions = NULL;
}

/* Who has no session has not mapped their table: read-only, or unseen. */
static void map_sessions(struct fam *fam, struct fam_regions *r)
{
	void *pages;

	if (!fam_session_table(fam) && !r->sessions &&
	    fam_map_area(fam, fam->sb.sessions_offset, fam->sb.sessions_bytes,
			 &pages) == 0)
		r->sessions = pages;
}

const struct fam_sessions *fam_regions_sessions(struct fam *fam)
{
	const struct fam_sessions *table = fam_session_table(fam);

	return table ? table : fam->regions->sessions;
}

/* The whole area, once: what is not touched costs page tables at most. */
int fam_regions_map(struct fam *fam, struct fam_regions **out)
{
	struct fam_regions *r = fam->regions;
	void *area;
	int error = 0;

	if (!r)
		return -EOPNOTSUPP;
	if (!r->area) {
		pthread_mutex_lock(&r->lock);
		if (!r->area) {
			map_sessions(fam, r);
			error = fam_map_area(fam, r->offset, r->bytes, &area);
			if (error == 0)
				r->area = area;
		}
		pthread_mutex_unlock(&r->lock);
	}
	if (error == 0)
		*out = r;
	return error;
}

/* --- one entry ------------------------------------------------------------------ */

/* Is it still there, without a name or some space that it has on the disk? */
bool fam_region_has_moved(const struct fam_region_both *both)
{
	const struct fam_region_entry *now, *was;

	if (!fam_region_is_loose(both) ||
	    both->is[!both->last] != FAM_COPY_GOOD)
		return false;
	now = &both->copy[both->last];
	was = &both->copy[!both->last];
	return now->state == FAM_REGION_READY &&
	       was->state == FAM_REGION_READY && now->serial == was->serial &&
	       (strcmp(now->name, was->name) != 0 ||
		!fam_region_is_inside(was, now));
}

static void raise_to(uint64_t *highest, uint64_t number)
{
	if (*highest < number)
		*highest = number;
}

/* A torn copy without another one: that of the first change, or there was one. */
static bool is_lost(const struct fam_regions *r, uint32_t index,
		    const struct fam_region_both *both)
{
	if (both->last >= 0)
		return false;
	return !both->unused ||
	       ((both->is[0] == FAM_COPY_BAD || both->is[1] == FAM_COPY_BAD) &&
		fam_word_peek(&fam_regions_seen(r, index)->generation));
}

/* All that is forgotten when nothing is loose any more. */
static void note_others(struct fam_regions *r, uint32_t index,
			const struct fam_region_entry *entry, bool undone)
{
	if (undone)
		fam_bits_put(&r->undone, index, true);
	if (!entry->after_stamp)
		return;
	fam_bits_put(&r->awaited, entry->after_index, true);
	if (undone)
		fam_bits_put(&r->undone, entry->after_index, true);
}

void fam_regions_note(struct fam_regions *r, uint32_t index,
		      const struct fam_region_both *both)
{
	for (unsigned int c = 0; c < FAM_REGIONS_COPIES; c++) {
		if (both->is[c] != FAM_COPY_GOOD &&
		    both->is[c] != FAM_COPY_WAITS)
			continue;
		raise_to(&r->stamp, both->copy[c].stamp);
		raise_to(&r->serial, both->copy[c].serial);
	}
	fam_bits_put(&r->loose, index, fam_region_is_loose(both));
	if (fam_region_is_loose(both))
		note_others(r, index, &both->copy[both->last],
			    fam_region_is_undone(both));
	fam_bits_put(&r->moved, index, fam_region_has_moved(both));
	fam_bits_put(&r->lost, index, is_lost(r, index, both));
}

/*
 * What is free, but not on the disk, is held back: a power cut could bring back
 * who had it, and then it must be as it was. What another one has by now, only the
 * mark is left of.
 */
int fam_regions_index(struct fam *fam, struct fam_regions *r, uint32_t index,
		      const struct fam_region_entry *entry, bool loose,
		      uint32_t *rival)
{
	struct fam_region_entry held = *entry;
	int error;

	if (entry->state != FAM_REGION_FREE || entry->space == 0 || !loose ||
	    fam->source.in_memory)
		return fam_index_set(r->index, index, entry, rival);
	held.state = FAM_REGION_TRIMMING;
	error = fam_index_set(r->index, index, &held, NULL);
	return error == -EEXIST ? fam_index_set(r->index, index, entry, rival)
				: error;
}

void fam_regions_settled(struct fam_regions *r, uint32_t index,
			 const struct fam_region_both *both)
{
	fam_regions_note(r, index, both);
	if (both->last >= 0 && both->copy[both->last].state == FAM_REGION_FREE)
		/* takes nothing, so there is nothing to fail */
		(void)fam_index_set(r->index, index, &both->copy[both->last],
				    NULL);
}

int fam_regions_refresh(struct fam *fam, struct fam_regions *r, uint32_t index,
			uint32_t *rival)
{
	struct fam_region_both both;

	fam_regions_read(fam, r, index, &both);
	fam_regions_note(r, index, &both);
	if (both.last < 0)
		return fam_index_set(r->index, index, NULL, rival);
	return fam_regions_index(fam, r, index, &both.copy[both.last],
				 fam_region_is_loose(&both), rival);
}

/* --- what others changed -------------------------------------------------------- */

/* Which entries are to be read anew: those of the last changes, one by one. */
struct news {
	uint32_t count;
	uint32_t index[FAM_REGIONS_RING];
};

static bool in_ring(const struct fam_regions *r, uint64_t until,
		    struct news *news)
{
	const struct fam_regions_live *live = fam_regions_live(r);
	uint64_t count = until - r->changes;

	if (count > FAM_REGIONS_RING)
		return false;
	for (uint64_t n = r->changes; n != until; n++) {
		uint64_t i = fam_word_peek(&live->ring[n % FAM_REGIONS_RING]);

		if (i >= r->places.entries)
			return false;
		news->index[news->count++] = (uint32_t)i;
	}
	return true;
}

/*
 * All are taken out before the first one is put in: what one of them has now,
 * another one may have had before.
 */
static int apply(struct fam *fam, struct fam_regions *r,
		 const struct news *news)
{
	int error = 0;

	for (uint32_t n = 0; n < news->count; n++)
		(void)fam_index_set(r->index, news->index[n], NULL, NULL);
	for (uint32_t n = 0; error == 0 && n < news->count; n++)
		error = fam_regions_refresh(fam, r, news->index[n], NULL);
	return error;
}

static bool is_old(const struct fam_regions *r, uint32_t i)
{
	struct fam_index_entry known;

	fam_index_get(r->index, i, &known);
	return known.generation !=
	       fam_word_peek(&fam_regions_seen(r, i)->generation);
}

/* More than the ring tells: those whose generation is another, all at once. */
static int compare(struct fam *fam, struct fam_regions *r)
{
	int error = 0;
	struct fam_bits old = {
		.word = calloc(r->places.entries / 64, sizeof(uint64_t))};

	if (!old.word)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->places.entries; i++) {
		if (!is_old(r, i))
			continue;
		fam_bits_put(&old, i, true);
		(void)fam_index_set(r->index, i, NULL, NULL);
	}
	for (uint32_t i = 0; error == 0; i++) {
		i = fam_bits_next(&old, i, r->places.entries);
		if (i == r->places.entries)
			break;
		error = fam_regions_refresh(fam, r, i, NULL);
	}
	free(old.word);
	return error;
}

static int follow(struct fam *fam, struct fam_regions *r)
{
	uint64_t until = fam_word_get(&fam_regions_live(r)->changes);
	struct news news = {0};
	int error;

	if (until == r->changes)
		return 0;
	error = in_ring(r, until, &news) ? apply(fam, r, &news)
					 : compare(fam, r);
	r->changes = until;
	/* Two at one place: what a crash leaves, or somebody scribbles. */
	return error == -EEXIST ? fam_regions_reread(fam, r, FAM_REREAD_PLAIN)
				: error;
}

uint64_t fam_regions_boot(struct fam *fam)
{
	const struct fam_sessions *table = fam_session_table(fam);

	return table ? fam_word_get(&table->boot) : 0;
}

static int update(struct fam *fam, struct fam_regions *r, bool died)
{
	struct fam_regions_live *live = fam_regions_live(r);
	int error;

	if (fam_word_peek(&live->boot) != fam_regions_boot(fam))
		error = fam_regions_reread(fam, r, FAM_REREAD_BOOT);
	else if (died)
		error = fam_regions_reread(fam, r, FAM_REREAD_DEATH);
	else if (!r->index || fam_word_peek(&live->epoch) != r->epoch)
		error = fam_regions_reread(fam, r, FAM_REREAD_PLAIN);
	else
		error = follow(fam, r);
	if (error < 0)
		fam_regions_forget(r);
	return error == 0 && died ? fam_mutex_consistent(fam, &live->lock)
				  : error;
}

/* --- the lock ------------------------------------------------------------------- */

static int lock(struct fam *fam, struct fam_regions *r, int timeout_ms)
{
	int error = fam_mutex_lock(fam, &fam_regions_live(r)->lock, timeout_ms);

	if (error < 0 && error != -EOWNERDEAD)
		return error;
	error = update(fam, r, error == -EOWNERDEAD);
	if (error < 0)
		(void)fam_mutex_unlock(fam, &fam_regions_live(r)->lock);
	return error;
}

int fam_regions_lock_within(struct fam *fam, int timeout_ms,
			    struct fam_regions **out)
{
	struct fam_regions *r = fam->regions;
	int error;

	if (!r)
		return -EOPNOTSUPP;
	if (!fam->source.writable)
		return -EROFS;
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	error = fam_regions_map(fam, &r);
	if (error < 0)
		return error;
	error = -pthread_mutex_lock(&r->gate);
	if (error < 0)
		return error;
	error = lock(fam, r, timeout_ms);
	if (error < 0)
		pthread_mutex_unlock(&r->gate);
	else
		*out = r;
	return error;
}

int fam_regions_lock(struct fam *fam, struct fam_regions **out)
{
	return fam_regions_lock_within(fam, -1, out);
}

void fam_regions_unlock(struct fam *fam, struct fam_regions *r)
{
	/* Who has lost it meanwhile has stored nothing since he knows. */
	(void)fam_mutex_unlock(fam, &fam_regions_live(r)->lock);
	pthread_mutex_unlock(&r->gate);
}

/* --- looking ---------------------------------------------------------------------- */

int fam_regions_entry(struct fam *fam, struct fam_regions *r, uint32_t index,
		      struct fam_region_entry *out)
{
	struct fam_region_both both;

	if (index >= r->places.entries)
		return -EINVAL;
	fam_regions_read(fam, r, index, &both);
	if (both.last < 0 && !both.unused)
		return -EBADMSG;
	*out = both.last < 0 ? (struct fam_region_entry){0}
			     : both.copy[both.last];
	return 0;
}

int fam_regions_lookup(struct fam *fam, struct fam_regions *r, const char *name,
		       struct fam_region_found *out)
{
	struct fam_region_found found = {fam_index_find(r->index, name), {0}};
	int error;

	if (found.index == FAM_INDEX_NONE)
		return -ENOENT;
	error = fam_regions_entry(fam, r, found.index, &found.entry);
	if (error < 0)
		return error;
	if (strcmp(found.entry.name, name) != 0)
		return -ENOENT;
	if (found.entry.state == FAM_REGION_MAKING &&
	    !fam_region_is_made(fam, &found.entry)) {
		error = fam_regions_free(fam, r, found.index);
		return error < 0 ? error : -ENOENT;
	}
	*out = found;
	return 0;
}
