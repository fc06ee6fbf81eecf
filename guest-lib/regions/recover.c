// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * All entries, read anew; and what a crash has left of them.
 *
 * A death leaves what it did half: a torn copy, which has a whole one beside it;
 * what the dead were making. A power cut leaves of each entry the last durable
 * change or a later one, but of several entries any of them: two may have one name
 * or one place then. The one with the lower stamp was destroyed, or was to make
 * room, by a change that did not reach the disk.
 */
#include <string.h>

#include "fam-persist.h"
#include "fam-region.h"
#include "opening.h"

struct reread {
	struct fam *fam;
	struct fam_regions *r;
	enum fam_reread why;
	struct fam_bits used; /* those that are, or were */
	struct fam_bits drop; /* these are to be freed */
	bool waits;	      /* copies that waited were written over */
};

static int allocate(struct fam *fam, struct reread *all)
{
	struct fam_regions *r = all->r;
	size_t words = r->places.entries / 64;
	uint64_t *bits;
	int error;

	fam_regions_forget(r);
	bits = calloc(8 * words, sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	r->loose.word = bits;
	r->moved.word = bits + words;
	r->lost.word = bits + 2 * words;
	all->used.word = bits + 3 * words;
	all->drop.word = bits + 4 * words;
	r->awaited.word = bits + 5 * words;
	r->undone.word = bits + 6 * words;
	r->found.word = bits + 7 * words;
	error = fam_index_new(fam->data_offset, fam->data_bytes,
			      r->places.entries, &r->index);
	if (error < 0)
		fam_regions_forget(r);
	return error;
}

/* --- copies --------------------------------------------------------------------- */

static void store(struct reread *all, uint32_t i, struct fam_region_both *both,
		  unsigned int copy, const struct fam_region_entry *entry)
{
	fam_regions_store(all->r, copy, i, entry);
	fam_regions_read(all->fam, all->r, i, both);
}

/*
 * A copy that waited for a change that a power cut has undone must not be there
 * when a later change of that entry looks like the one it waited for.
 */
static void end_waiting(struct reread *all, uint32_t i,
			struct fam_region_both *both)
{
	static const struct fam_region_entry none;

	for (unsigned int c = 0; c < FAM_REGIONS_COPIES; c++) {
		if (both->is[c] != FAM_COPY_WAITS)
			continue;
		all->waits = true;
		store(all, i, both, c,
		      both->last < 0 ? &none : &both->copy[both->last]);
	}
}

/* What others have seen must not be lost with who was writing over it. */
static void go_on(struct reread *all)
{
	struct fam_regions_live *live = fam_regions_live(all->r);
	struct fam_regions_over over;
	struct fam_region_both both;

	if (!fam_word_peek(&live->over))
		return;
	/* After a power cut it may be of any time before. */
	if (all->why != FAM_REREAD_BOOT &&
	    fam_regions_over(all->fam, all->r, &over)) {
		fam_regions_read(all->fam, all->r, over.index, &both);
		if (both.is[over.copy] == FAM_COPY_BAD)
			store(all, over.index, &both, over.copy, &over.entry);
	}
	fam_word_poke(&live->over, 0);
}

/* The first change of all was torn; after a power cut nothing else tells. */
static bool is_first(const struct reread *all, uint32_t i,
		     const struct fam_region_both *both)
{
	return both->last < 0 && both->unused &&
	       (all->why == FAM_REREAD_BOOT ||
		!fam_word_peek(&fam_regions_seen(all->r, i)->generation));
}

/*
 * A torn copy is one that was being written: the other one is on the disk, or
 * there was none.
 */
static void mend(struct reread *all, uint32_t i, struct fam_region_both *both)
{
	static const struct fam_region_entry none;
	unsigned int other;
	int last = both->last;

	if (is_first(all, i, both)) {
		for (unsigned int c = 0; c < FAM_REGIONS_COPIES; c++) {
			if (both->is[c] == FAM_COPY_BAD)
				store(all, i, both, c, &none);
		}
		return;
	}
	/* What has lost the place of its own gets it back by a settle. */
	if (last < 0 || (both->copy[last].generation & 1) != (unsigned int)last)
		return;
	other = !last;
	if (both->is[other] == FAM_COPY_BAD)
		store(all, i, both, other, &both->copy[last]);
}

/* --- two that cannot be together -------------------------------------------------- */

static bool are_rivals(const struct fam_region_entry *a,
		       const struct fam_region_entry *b)
{
	return (a->name[0] && strcmp(a->name, b->name) == 0) ||
	       (a->offset < b->offset + b->space &&
		b->offset < a->offset + a->space);
}

/* Only the later one is put into the index. */
static int put_in(struct reread *all, uint32_t i,
		  const struct fam_region_entry *entry)
{
	struct fam_regions *r = all->r;
	struct fam_region_entry other;
	uint32_t rival = i;
	int error;

	while ((error = fam_regions_index(all->fam, r, i, entry,
					  fam_bits_has(&r->loose, i),
					  &rival)) == -EEXIST) {
		if (fam_regions_entry(all->fam, r, rival, &other) < 0 ||
		    !are_rivals(entry, &other)) {
			/* Nobody's fault: it is there, but cannot be found. */
			fam_bits_put(&r->lost, i, true);
			return 0;
		}
		if (other.state == FAM_REGION_FREE) {
			/* Its space was held back, and is another one's by now. */
			error = fam_index_set(r->index, rival, &other, NULL);
			if (error < 0)
				return error;
			continue;
		}
		if (entry->stamp < other.stamp ||
		    (entry->stamp == other.stamp && i < rival)) {
			fam_bits_put(&all->drop, i, true);
			return 0;
		}
		fam_bits_put(&all->drop, rival, true);
		error = fam_index_set(r->index, rival, NULL, NULL);
		if (error < 0)
			return error;
	}
	return error == -EINVAL ? 0 : error;
}

bool fam_region_is_made(struct fam *fam, const struct fam_region_entry *entry)
{
	return entry->boot == fam_regions_boot(fam) &&
	       fam_park_lives(fam, entry->holder);
}

static bool is_in_the_making(const struct fam_region_entry *entry)
{
	return entry->state == FAM_REGION_MAKING ||
	       entry->state == FAM_REGION_TRIMMING;
}

static int read_one(struct reread *all, uint32_t i)
{
	const struct fam_region_entry *entry;
	struct fam_region_both both;

	fam_regions_read(all->fam, all->r, i, &both);
	end_waiting(all, i, &both);
	if (all->why != FAM_REREAD_PLAIN)
		mend(all, i, &both);
	fam_regions_note(all->r, i, &both);
	if (both.last < 0)
		return 0;
	fam_bits_put(&all->used, i, true);
	fam_bits_put(&all->r->found, i,
		     fam_region_is_loose(&both) &&
			     (all->why == FAM_REREAD_BOOT ||
			      !fam_regions_boot(all->fam)));
	entry = &both.copy[both.last];
	if (all->why == FAM_REREAD_PLAIN || !is_in_the_making(entry) ||
	    fam_region_is_made(all->fam, entry))
		return put_in(all, i, entry);
	/* It was to have what nobody had: it is in nobody's way. */
	fam_bits_put(&all->drop, i, true);
	return 0;
}

/* What is said to be unused is looked at: it may be said wrongly. */
static bool is_unused(const struct fam_regions *r, uint32_t i)
{
	return !fam_word_peek(&fam_regions_seen(r, i)->generation) &&
	       !fam_word_peek(fam_regions_copy(r, 0, i)) &&
	       !fam_word_peek(fam_regions_copy(r, 1, i));
}

/* In a node holes cannot be seen: most that were never used are passed over. */
static int read_all(struct reread *all)
{
	struct fam_regions *r = all->r;
	struct fam_regions_walk walk = {0};
	bool trusts = all->why == FAM_REREAD_PLAIN &&
		      all->fam->source.via != FAM_VIA_FILE;
	uint32_t i, entries = r->places.entries;
	int error = 0;

	while (error == 0 &&
	       (i = fam_regions_next(all->fam, r, &walk)) < entries) {
		if (!trusts || !is_unused(r, i))
			error = read_one(all, i);
	}
	return error;
}

/* --- freeing ------------------------------------------------------------------------ */

int fam_regions_free(struct fam *fam, struct fam_regions *r, uint32_t i)
{
	struct fam_region_change change = {.index = i};
	int error = fam_regions_entry(fam, r, i, &change.entry);

	if (error < 0)
		return error;
	if (is_in_the_making(&change.entry))
		/* What was stored there, or punched, is not on the disk. */
		fam_word_set(&fam_regions_live(r)->loose,
			     FAM_LOOSE_STORES | FAM_LOOSE_HOLES);
	else
		change.entry.offset = change.entry.space = 0;
	fam_region_clear(&change.entry);
	return fam_regions_change(fam, r, &change, 1, false);
}

static int drop_all(struct reread *all)
{
	uint32_t entries = all->r->places.entries;
	int error = 0;

	for (uint32_t i = fam_bits_next(&all->drop, 0, entries);
	     error == 0 && i < entries;
	     i = fam_bits_next(&all->drop, i + 1, entries))
		error = fam_regions_free(all->fam, all->r, i);
	return error;
}

static int sweep_one(struct fam *fam, struct fam_regions *r, uint32_t i)
{
	struct fam_region_entry entry;
	struct fam_index_entry known;
	int error;

	fam_index_get(r->index, i, &known);
	if (known.state != FAM_REGION_MAKING &&
	    known.state != FAM_REGION_TRIMMING)
		return 0; /* what is held, too, looks like one */
	error = fam_regions_entry(fam, r, i, &entry);
	if (error < 0)
		return 0;
	if (!is_in_the_making(&entry) || fam_region_is_made(fam, &entry))
		return 0;
	error = fam_regions_free(fam, r, i);
	return error < 0 ? error : 1;
}

int fam_regions_sweep(struct fam *fam, struct fam_regions *r)
{
	int swept = 0;

	for (uint32_t i = 0; i < r->places.entries; i++) {
		int one = sweep_one(fam, r, i);

		if (one < 0)
			return one;
		swept += one;
	}
	return swept;
}

/* --- what is derived, in the fabric ---------------------------------------------------- */

static void write_if_new(fam_word *word, uint64_t value)
{
	if (fam_word_peek(word) != value)
		fam_word_poke(word, value);
}

/* Of those that were never used: what may be there of before a power cut. */
static void clear_seen(struct reread *all)
{
	struct fam_regions *r = all->r;
	uint64_t at = r->places.seen, until;
	const uint64_t end =
		r->places.seen +
		r->places.entries * sizeof(struct fam_regions_seen);

	while ((at = fam_regions_data(all->fam, r, at, &until)) < end) {
		uint32_t i = (uint32_t)((at - r->places.seen) /
					sizeof(struct fam_regions_seen));

		for (; i < r->places.entries && at < until; i++) {
			if (!fam_bits_has(&all->used, i))
				write_if_new(
					&fam_regions_seen(r, i)->generation, 0);
			at += sizeof(struct fam_regions_seen);
		}
		at = until;
	}
}

static void write_seen(struct reread *all)
{
	uint32_t entries = all->r->places.entries;
	struct fam_index_entry known;

	for (uint32_t i = fam_bits_next(&all->used, 0, entries); i < entries;
	     i = fam_bits_next(&all->used, i + 1, entries)) {
		fam_index_get(all->r->index, i, &known);
		write_if_new(&fam_regions_seen(all->r, i)->generation,
			     known.generation);
	}
	clear_seen(all);
}

static void write_live(struct reread *all)
{
	struct fam_regions_live *live = fam_regions_live(all->r);

	if (all->why == FAM_REREAD_BOOT) {
		/*
		 * Not what is in memory now: a node may have been at work before
		 * anybody knew of this start of the host.
		 */
		fam_word_poke(&live->loose,
			      all->used.count
				      ? FAM_LOOSE_STORES | FAM_LOOSE_HOLES
				      : 0);
		fam_word_poke(&live->stamp, all->r->stamp);
		fam_word_poke(&live->serial, all->r->serial);
	} else {
		fam_word_set(&live->loose, FAM_LOOSE_STORES | FAM_LOOSE_HOLES);
	}
}

/* All copies, of which most are clean: a matter of what is dirty. */
static int persist_copies(struct fam *fam, const struct fam_regions *r)
{
	const struct fam_range range = {
		r->offset + r->places.copy[0],
		r->places.end - r->places.copy[0],
	};
	int error = fam_regions_persist(fam, r, &range, 1);

	return error == -EOPNOTSUPP ? 0 : error;
}

static int clear_up(struct reread *all)
{
	int error = all->waits ? persist_copies(all->fam, all->r) : 0;

	if (error == 0)
		error = drop_all(all);
	if (error < 0 || all->why == FAM_REREAD_PLAIN)
		return error;
	write_live(all);
	write_seen(all);
	fam_region_opens_recount(all->fam, all->r);
	return 0;
}

int fam_regions_reread(struct fam *fam, struct fam_regions *r,
		       enum fam_reread why)
{
	struct fam_regions_live *live = fam_regions_live(r);
	struct reread all = {.fam = fam, .r = r, .why = why};
	int error = allocate(fam, &all);

	if (error < 0)
		return error;
	r->changes = fam_word_peek(&live->changes);
	go_on(&all);
	error = read_all(&all);
	if (error == 0)
		error = clear_up(&all);
	if (error < 0)
		return error;
	/* Others are to forget what they remember of before. */
	if (why != FAM_REREAD_PLAIN || all.drop.count || all.waits)
		fam_word_poke(&live->epoch, fam_word_peek(&live->epoch) + 1);
	r->epoch = fam_word_peek(&live->epoch);
	fam_word_put(&live->boot, fam_regions_boot(fam));
	/* Where there is no way to the disk, it waits for who has one. */
	if (why == FAM_REREAD_BOOT && r->loose.count)
		(void)fam_regions_settle(fam, r);
	return 0;
}
