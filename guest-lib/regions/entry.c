// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* One entry: is a copy of it good, and which of the two counts? */
#include <string.h>

#include "fam-region.h"

#define WORDS (sizeof(struct fam_region_entry) / sizeof(fam_word))
#define DEPTH 8	 /* of changes that wait for one another */
#define READS 64 /* of entries that they wait for, in all */

/* --- checksum ------------------------------------------------------------------- */

static uint32_t checksum(const struct fam_region_entry *entry,
			 const uint8_t uuid[FAM_UUID_BYTES], uint32_t index)
{
	struct fam_region_entry copy = *entry;
	uint32_t crc;

	copy.crc32c = 0;
	crc = fam_crc32c(0, uuid, FAM_UUID_BYTES);
	crc = fam_crc32c(crc, &index, sizeof(index));
	return fam_crc32c(crc, &copy, sizeof(copy));
}

void fam_region_seal(struct fam_region_entry *entry,
		     const uint8_t uuid[FAM_UUID_BYTES], uint32_t index)
{
	entry->magic = FAM_REGION_ENTRY_MAGIC;
	entry->crc32c = checksum(entry, uuid, index);
}

void fam_region_clear(struct fam_region_entry *entry)
{
	const struct fam_region_entry was = *entry;

	*entry = (struct fam_region_entry){
		.generation = was.generation,
		.stamp = was.stamp,
		.serial = was.serial,
		.flags = was.space ? FAM_REGION_TRIM : 0,
		.offset = was.offset,
		.space = was.space,
		.changed_ns = was.changed_ns,
		.after_stamp = was.after_stamp,
		.after_index = was.after_index,
	};
}

/* --- fields ----------------------------------------------------------------------- */

static bool is_zero(const void *memory, size_t bytes)
{
	const uint8_t *byte = memory;

	return bytes == 0 ||
	       (byte[0] == 0 && memcmp(byte, byte + 1, bytes - 1) == 0);
}

static bool rises(uint64_t number)
{
	return number > 0 && number < FAM_REGION_RISING_MAX;
}

static bool numbers_are_good(const struct fam_region_entry *e)
{
	return rises(e->generation) && rises(e->stamp) &&
	       e->serial < FAM_REGION_RISING_MAX &&
	       (e->serial > 0 || e->state != FAM_REGION_READY);
}

/* Free ones need have none; all others take at least one page. */
static bool space_is_good(const struct fam *fam,
			  const struct fam_region_entry *e)
{
	uint64_t at = e->offset - fam->data_offset;

	if (e->space == 0)
		return e->state == FAM_REGION_FREE && e->offset == 0 &&
		       e->bytes == 0;
	return e->offset % FAM_REGIONS_GRAIN == 0 &&
	       e->space % FAM_REGIONS_GRAIN == 0 &&
	       e->offset >= fam->data_offset && at < fam->data_bytes &&
	       e->space <= fam->data_bytes - at && e->bytes <= e->space;
}

/* Only what is being done has somebody who does it. */
static bool state_is_good(const struct fam_region_entry *e)
{
	switch (e->state) {
	case FAM_REGION_FREE:
		return (e->flags & ~FAM_REGION_TRIM) == 0 && !e->holder &&
		       !e->boot;
	case FAM_REGION_READY:
		return e->flags == 0 && !e->holder && !e->boot;
	case FAM_REGION_MAKING:
	case FAM_REGION_TRIMMING:
		return e->flags == 0 && e->holder &&
		       e->holder == fam_holder_of(e->holder);
	default:
		return false;
	}
}

static bool text_is_stored(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	return length < room && is_zero(text + length, room - length) &&
	       fam_region_text_is_good(text);
}

static bool name_is_good(const struct fam_region_entry *e)
{
	if (!text_is_stored(e->name, sizeof(e->name)))
		return false;
	if (e->state == FAM_REGION_READY)
		return fam_region_name_check(e->name) == 0;
	return !e->name[0] || (e->state == FAM_REGION_MAKING &&
			       fam_region_name_check(e->name) == 0);
}

static bool after_is_good(const struct fam *fam,
			  const struct fam_region_entry *e, uint32_t index)
{
	uint32_t entries = fam_regions_fit(fam->sb.regions_bytes);

	if (e->after_stamp == 0)
		return e->after_index == 0;
	return e->after_stamp < FAM_REGION_RISING_MAX &&
	       e->after_stamp < e->stamp && e->after_index < entries &&
	       e->after_index != index;
}

bool fam_region_is_good(const struct fam *fam,
			const struct fam_region_entry *entry, uint32_t index)
{
	return numbers_are_good(entry) && space_is_good(fam, entry) &&
	       state_is_good(entry) && name_is_good(entry) &&
	       after_is_good(fam, entry, index) && entry->mode <= 0777 &&
	       entry->reserved0 == 0 &&
	       is_zero(entry->reserved1, sizeof(entry->reserved1)) &&
	       text_is_stored(entry->node, sizeof(entry->node));
}

bool fam_region_is_inside(const struct fam_region_entry *inner,
			  const struct fam_region_entry *outer)
{
	return inner->offset >= outer->offset &&
	       inner->offset + inner->space <= outer->offset + outer->space;
}

enum fam_region_copy fam_region_copy_check(const struct fam *fam,
					   const struct fam_region_entry *copy,
					   uint32_t index)
{
	if (copy->magic != FAM_REGION_ENTRY_MAGIC)
		return is_zero(copy, sizeof(*copy)) ? FAM_COPY_UNUSED
						    : FAM_COPY_BAD;
	if (copy->crc32c != checksum(copy, fam->sb.uuid, index))
		return FAM_COPY_BAD;
	return fam_region_is_good(fam, copy, index) ? FAM_COPY_GOOD
						    : FAM_COPY_BAD;
}

/* --- in the fabric ------------------------------------------------------------------ */

/*
 * Was the directory recovered since the host was started? Where no program of the
 * host has said which start this is, nothing was made durable either.
 */
static bool is_of_this_start(struct fam *fam, const struct fam_regions *r)
{
	const struct fam_sessions *table = fam_regions_sessions(fam);

	return table && fam_word_get(&table->boot) ==
				fam_word_peek(&fam_regions_live(r)->boot);
}

static void copy_out(const fam_word *from, struct fam_region_entry *to)
{
	uint64_t words[WORDS];

	for (size_t i = 0; i < WORDS; i++)
		words[i] = fam_word_peek(&from[i]);
	memcpy(to, words, sizeof(*to));
}

/*
 * Never two copies half written at one time, and of two entries that change at once
 * the first one first, for those who read without the lock, or after a death.
 */
static void copy_in(const struct fam_region_entry *from, fam_word *to)
{
	uint64_t words[WORDS];

	memcpy(words, from, sizeof(words));
	fam_word_fence();
	for (size_t i = 0; i < WORDS; i++)
		fam_word_poke(&to[i], words[i]);
	fam_word_fence();
}

void fam_regions_store(const struct fam_regions *r, unsigned int copy,
		       uint32_t index, const struct fam_region_entry *entry)
{
	copy_in(entry, fam_regions_copy(r, copy, index));
}

#define OVER_ONE  (UINT64_C(1) << 63)
#define OVER_COPY 32

void fam_regions_store_over(const struct fam_regions *r, unsigned int copy,
			    uint32_t index,
			    const struct fam_region_entry *entry)
{
	struct fam_regions_live *live = fam_regions_live(r);

	copy_in(entry, live->over_entry);
	fam_word_poke(&live->over,
		      OVER_ONE | (uint64_t)copy << OVER_COPY | index);
	copy_in(entry, fam_regions_copy(r, copy, index));
	fam_word_poke(&live->over, 0);
}

bool fam_regions_over(struct fam *fam, const struct fam_regions *r,
		      struct fam_regions_over *out)
{
	struct fam_regions_live *live = fam_regions_live(r);
	uint64_t over = fam_word_get(&live->over);

	/* That of a time before says nothing. */
	if (!is_of_this_start(fam, r))
		return false;
	out->index = (uint32_t)over;
	out->copy = over >> OVER_COPY & 1;
	if (!(over & OVER_ONE) || out->index >= r->places.entries)
		return false;
	copy_out(live->over_entry, &out->entry);
	return fam_region_copy_check(fam, &out->entry, out->index) ==
	       FAM_COPY_GOOD;
}

/* --- which copy counts ---------------------------------------------------------------- */

static void read_both(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, struct fam_region_both *out)
{
	for (unsigned int c = 0; c < FAM_REGIONS_COPIES; c++) {
		copy_out(fam_regions_copy(r, c, index), &out->copy[c]);
		out->is[c] = fam_region_copy_check(fam, &out->copy[c], index);
	}
}

static bool is_mirrored(const struct fam_region_both *both)
{
	return both->is[0] == FAM_COPY_GOOD && both->is[1] == FAM_COPY_GOOD &&
	       both->copy[0].generation == both->copy[1].generation;
}

/* How far it is looked: both copies of each may wait, and all others wrote. */
struct search {
	unsigned int depth, reads; /* that are left */
};

/* Did the change happen that a copy waits for? As a power cut has left it. */
static bool is_met(struct fam *fam, const struct fam_regions *r,
		   const struct fam_region_entry *copy, struct search *search)
{
	struct fam_region_both on;
	bool met = false;

	if (copy->after_stamp == 0)
		return true;
	if (search->depth == 0 || search->reads == 0)
		return false;
	search->reads--;
	read_both(fam, r, copy->after_index, &on);
	/* Lost: what waited for it must not be lost with it. */
	if (on.is[0] == FAM_COPY_BAD && on.is[1] == FAM_COPY_BAD)
		return true;
	search->depth--;
	for (unsigned int c = 0; c < FAM_REGIONS_COPIES && !met; c++) {
		met = on.is[c] == FAM_COPY_GOOD &&
		      on.copy[c].stamp >= copy->after_stamp &&
		      (is_mirrored(&on) || is_met(fam, r, &on.copy[c], search));
	}
	search->depth++;
	return met;
}

static bool counts(struct fam *fam, const struct fam_regions *r,
		   struct fam_region_both *both, unsigned int c)
{
	struct search search = {.depth = DEPTH, .reads = READS};

	if (both->is[c] != FAM_COPY_GOOD)
		return false;
	/* Where no power was cut, the change was made before the copy was. */
	if (both->copy[c].after_stamp == 0 || is_of_this_start(fam, r) ||
	    is_met(fam, r, &both->copy[c], &search))
		return true;
	both->is[c] = FAM_COPY_WAITS;
	return false;
}

/* The later one first. What was mirrored did not wait in vain. */
static int choose(struct fam *fam, const struct fam_regions *r,
		  struct fam_region_both *both)
{
	unsigned int first;

	if (is_mirrored(both))
		return both->copy[0].generation & 1;
	first = both->is[0] != FAM_COPY_GOOD ||
		(both->is[1] == FAM_COPY_GOOD &&
		 both->copy[1].generation > both->copy[0].generation);
	if (counts(fam, r, both, first))
		return (int)first;
	return counts(fam, r, both, !first) ? (int)!first : -1;
}

void fam_regions_read(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, struct fam_region_both *out)
{
	read_both(fam, r, index, out);
	out->last = choose(fam, r, out);
	out->unused = out->last < 0 && (out->is[0] == FAM_COPY_UNUSED ||
					out->is[1] == FAM_COPY_UNUSED);
}

bool fam_region_is_loose(const struct fam_region_both *both)
{
	return both->last >= 0 && !is_mirrored(both);
}

bool fam_region_is_undone(const struct fam_region_both *both)
{
	return fam_region_is_loose(both) && both->is[0] == FAM_COPY_GOOD &&
	       both->is[1] == FAM_COPY_GOOD &&
	       both->copy[0].stamp == both->copy[1].stamp;
}

/*
 * The one that is not known to be the last on the disk: a damaged one; else, of
 * two that are the same, the one that was made so; else the newer one again.
 */
unsigned int fam_region_place(const struct fam_region_both *both)
{
	unsigned int last, other;

	if (both->last < 0)
		return 1;
	last = (unsigned int)both->last;
	other = !last;
	if (both->is[other] == FAM_COPY_BAD ||
	    both->is[other] == FAM_COPY_WAITS)
		return other;
	if (is_mirrored(both))
		return !(both->copy[last].generation & 1);
	return last;
}

uint64_t fam_region_next(uint64_t generation, unsigned int place)
{
	generation++;
	return generation + ((generation & 1) != place);
}
