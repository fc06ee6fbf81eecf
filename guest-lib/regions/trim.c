// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Giving the blocks of free space back. Some pieces are taken under the lock, then
 * their blocks are dropped without it, and the holes made durable once for all of
 * them; then they are free again. What the dead had taken, others free as what is
 * to be trimmed.
 */
#include <string.h>

#include "opening.h"
#include "trim-parts.h"

/*
 * Taken at once: a commit of the disk for each piece would be slow where there
 * are many, and whoever needs the space now has to wait.
 */
#define PIECES	    64
#define BATCH_BYTES (UINT64_C(256) << 20)
#define LOCK_MS	    250 /* until it is asked whether to stop */

struct piece {
	uint32_t index;
	uint64_t generation; /* of its entry, while it is ours */
	uint64_t offset, bytes;
	uint64_t end; /* of what is to be trimmed; all of it at a time or not */
	int error;
};

struct trim {
	struct fam *fam;
	const struct fam_trim_want *want;
	/* Up to this change, all but those made here are on the disk. */
	uint64_t settled;
	bool any; /* @settled tells something */
	uint64_t trimmed;
	uint64_t room; /* bytes that may be taken still */
	unsigned int count;
	struct piece piece[PIECES];
};

static bool is_stopped(const struct trim *t)
{
	return t->want->stop && *t->want->stop;
}

/* What is taken when it stops is swept like that of the dead. */
static int lock(struct trim *t, struct fam_regions **r)
{
	int timeout_ms = t->want->stop ? LOCK_MS : -1, error;

	do {
		error = fam_regions_lock_within(t->fam, timeout_ms, r);
	} while (error == -ETIMEDOUT && !is_stopped(t));
	return error == -ETIMEDOUT ? -ECANCELED : error;
}

static bool is_full(const struct trim *t)
{
	return t->room == 0 || t->count == PIECES;
}

static uint64_t changes_of(const struct fam_regions *r)
{
	return fam_word_peek(&fam_regions_live(r)->changes);
}

/*
 * A region that is gone, but not on the disk, may be there again after a power
 * cut; then it must have its content. Where there is no disk, nothing is there.
 */
static int settle(struct trim *t, struct fam_regions *r)
{
	int error = 0;

	if (t->any && t->settled == changes_of(r))
		return 0;
	if (r->loose.count)
		error = fam_regions_settle(t->fam, r);
	if (error < 0 && !t->fam->source.in_memory)
		return error;
	t->any = true;
	t->settled = changes_of(r);
	return 0;
}

static int change(struct trim *t, struct fam_regions *r,
		  const struct fam_region_change *change)
{
	bool quiet = t->any && t->settled == changes_of(r);
	int error = fam_regions_change(t->fam, r, change, 1, false);

	if (quiet)
		t->settled = changes_of(r);
	return error;
}

/* As it is, without a mark, and of no space. */
static int get_free(struct trim *t, struct fam_regions *r, uint32_t index,
		    struct fam_region_change *out)
{
	int error = fam_regions_entry(t->fam, r, index, &out->entry);

	if (error < 0)
		return error;
	out->index = index;
	fam_region_clear(&out->entry);
	out->entry.flags = 0;
	out->entry.offset = 0;
	out->entry.space = 0;
	return 0;
}

static void put_mark(struct fam_region_entry *entry, uint64_t from,
		     uint64_t end)
{
	if (from == end)
		return;
	entry->flags = FAM_REGION_TRIM;
	entry->offset = from;
	entry->space = end - from;
}

/* @end: of what is to be trimmed with the same entry after that piece. */
static int take(struct trim *t, struct fam_regions *r, struct piece *piece)
{
	struct fam_region_change to;
	struct fam_index_entry now;
	int error = get_free(t, r, piece->index, &to);

	if (error < 0)
		return error;
	to.entry.state = FAM_REGION_TRIMMING;
	to.entry.offset = piece->offset;
	to.entry.space = piece->bytes;
	to.entry.holder = fam_park_self(t->fam);
	if (!to.entry.holder)
		return fam_park_why(t->fam);
	to.entry.boot = fam_regions_boot(t->fam);
	error = change(t, r, &to);
	if (error < 0)
		return error;
	fam_index_get(r->index, piece->index, &now);
	piece->generation = now.generation;
	piece->error = -ECANCELED;
	t->room -= piece->bytes;
	t->piece[t->count++] = *piece;
	return 0;
}

static int give_back(struct trim *t, struct fam_regions *r,
		     const struct piece *piece)
{
	struct fam_region_change to;
	struct fam_index_entry now;
	int error;

	/* The session may have been lost, and others saw to it. */
	fam_index_get(r->index, piece->index, &now);
	if (now.state != FAM_REGION_TRIMMING ||
	    now.generation != piece->generation)
		return 0;
	error = get_free(t, r, piece->index, &to);
	if (error < 0)
		return error;
	put_mark(&to.entry, piece->offset + (piece->error ? 0 : piece->bytes),
		 piece->end);
	return change(t, r, &to);
}

/* --- without the lock ----------------------------------------------------------- */

/* Returns the first failure; what was dropped is durable. */
static int drop_blocks(struct trim *t)
{
	struct fam_source *source = &t->fam->source;
	const struct piece *done = NULL;
	int error = fam_source_recheck(source);

	for (unsigned int i = 0; error == 0 && i < t->count; i++) {
		struct piece *piece = &t->piece[i];

		error = trim_blocks_drop(t->fam, t->want->how, piece->offset,
					 piece->bytes);
		piece->error = error;
		if (error == 0)
			done = piece;
	}
	if (!done || source->in_memory)
		return error;
	/*
	 * File systems keep one journal for all holes of a file, and a sync of
	 * any part of it waits for that. With persistent memory, fam_persist()
	 * does not ask the file system.
	 */
	if (source->dax ? fdatasync(source->fd)
			: fam_persist_range(t->fam, done->offset,
					    FAM_REGIONS_GRAIN))
		(void)fam_word_set(&fam_regions_live(t->fam->regions)->loose,
				   FAM_LOOSE_HOLES);
	return error;
}

/* What was taken, dropped, and given back. */
static int work(struct trim *t)
{
	struct fam_regions *r;
	int error = drop_blocks(t);
	int locked = lock(t, &r);

	for (unsigned int i = 0; i < t->count; i++) {
		const struct piece *piece = &t->piece[i];
		int given = locked == 0 ? give_back(t, r, piece) : 0;

		if (piece->error == 0)
			t->trimmed += piece->bytes;
		if (error == 0)
			error = given;
	}
	if (locked == 0)
		fam_regions_unlock(t->fam, r);
	return error < 0 ? error : locked;
}

static void begin(struct trim *t)
{
	t->room = BATCH_BYTES;
	t->count = 0;
}

/* --- what regions had that are gone ----------------------------------------------- */

/* The part of a mark that is free, up to what may be taken; 0: none is. */
static uint64_t free_part(const struct trim *t, const struct fam_regions *r,
			  uint64_t *offset, uint64_t end)
{
	uint64_t from = *offset, at, bytes;

	if (!fam_index_gap(r->index, from, &at, &bytes) || at >= end)
		return 0;
	bytes += at;
	from = at > from ? at : from;
	bytes = (bytes < end ? bytes : end) - from;
	*offset = from;
	return bytes < t->room ? bytes : t->room;
}

static int take_marked(struct trim *t, struct fam_regions *r, uint32_t i)
{
	struct fam_index_entry known;
	struct fam_region_change to;
	struct piece piece = {.index = i};
	int error;

	fam_index_get(r->index, i, &known);
	piece.offset = known.offset;
	piece.end = known.offset + known.space;
	piece.bytes = free_part(t, r, &piece.offset, piece.end);
	if (piece.bytes)
		return take(t, r, &piece);
	/* All of it is somebody's again. */
	error = get_free(t, r, i, &to);
	return error < 0 ? error : change(t, r, &to);
}

static bool is_marked(const struct fam_regions *r, uint32_t i)
{
	struct fam_index_entry known;

	fam_index_get(r->index, i, &known);
	return known.state == FAM_REGION_FREE && known.flags & FAM_REGION_TRIM;
}

/* Up to a batch of them, from entry @next on. */
static int take_all_marked(struct trim *t, struct fam_regions *r,
			   uint32_t *next)
{
	uint32_t i = *next;
	int error = settle(t, r);

	for (; error == 0 && i < r->places.entries && !is_full(t); i++) {
		if (is_marked(r, i))
			error = take_marked(t, r, i);
	}
	*next = i;
	return error;
}

/* The first of those taken of which there is more to do. */
static uint32_t unfinished(const struct trim *t, uint32_t next)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct piece *piece = &t->piece[i];

		if (piece->offset + piece->bytes < piece->end)
			return piece->index < next ? piece->index : next;
	}
	return next;
}

static int trim_marked(struct trim *t)
{
	struct fam_regions *r;
	uint32_t next = 0;
	int error = 0, done;

	/* Somebody may free space as fast as it is trimmed: there is an end. */
	while (error == 0 && t->trimmed <= t->fam->data_bytes) {
		if (is_stopped(t))
			return -ECANCELED;
		begin(t);
		error = lock(t, &r);
		if (error < 0)
			return error;
		error = take_all_marked(t, r, &next);
		fam_regions_unlock(t->fam, r);
		done = t->count ? work(t) : 0;
		error = error < 0 ? error : done;
		if (next == r->places.entries && unfinished(t, next) == next)
			break;
		/* What was freed in parts is asked for once it is on the disk. */
		t->any = t->any && unfinished(t, next) == next;
		next = unfinished(t, next);
	}
	return error;
}

/* --- whatever is free --------------------------------------------------------------- */

/* Free pieces between @at and @end; behind the last one looked at. */
static int take_gaps(struct trim *t, struct fam_regions *r, uint64_t *at,
		     uint64_t end)
{
	int error = settle(t, r);

	while (error == 0 && *at < end && !is_full(t)) {
		struct piece piece = {.offset = *at};

		piece.bytes = free_part(t, r, &piece.offset, end);
		if (piece.bytes == 0) {
			*at = end;
			break;
		}
		piece.end = piece.offset + piece.bytes;
		piece.index = fam_index_slot(r->index);
		if (piece.index == FAM_INDEX_NONE)
			return t->count ? 0 : -EMFILE;
		error = take(t, r, &piece);
		*at = piece.end;
	}
	return error;
}

/* Only where there are blocks: most of a sparse fabric has none. */
static int trim_all(struct trim *t)
{
	uint64_t at = t->fam->data_offset;
	const uint64_t end = at + t->fam->data_bytes;
	struct fam_regions *r;
	uint64_t bytes;
	int error = 0, done;

	while (error == 0) {
		bytes = trim_blocks_find(t->fam->source.fd, &at, end);
		if (bytes == 0)
			break;
		if (is_stopped(t))
			return -ECANCELED;
		begin(t);
		error = lock(t, &r);
		if (error < 0)
			return error;
		error = take_gaps(t, r, &at, at + bytes);
		fam_regions_unlock(t->fam, r);
		done = t->count ? work(t) : 0;
		error = error < 0 ? error : done;
	}
	return error;
}

/* What others had taken, to fill it or to trim it, and died. */
static int sweep(struct trim *t)
{
	struct fam_regions *r;
	int error = lock(t, &r);

	if (error < 0)
		return error;
	error = fam_regions_sweep(t->fam, r);
	fam_regions_unlock(t->fam, r);
	return error < 0 ? error : 0;
}

int fam_regions_trim(struct fam *fam, const struct fam_trim_want *want,
		     uint64_t *trimmed)
{
	struct trim *t;
	int error;

	*trimmed = 0;
	if (!fam->regions || fam->source.via != FAM_VIA_FILE)
		return -EOPNOTSUPP;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->fam = fam;
	t->want = want;
	error = sweep(t);
	if (error == 0)
		error = trim_marked(t);
	if (error == 0 && want->all)
		error = trim_all(t);
	*trimmed = t->trimmed;
	free(t);
	return error;
}
