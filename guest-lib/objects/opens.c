// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who has which object open. A record is its session's, and is void when that
 * ends: nobody has to clear up.
 */
#include "fam-directory.h"

/* Those of a session lie together, so that it need not look far. */
static uint32_t home(const struct fam_directory *d, uint64_t holder)
{
	return fam_holder_slot(holder) * FAM_OBJECTS_OPENS % d->places.opens;
}

static bool is_free(struct fam *fam, uint64_t holder, bool dead_too)
{
	return !holder || (dead_too && !fam_park_lives(fam, holder));
}

/* The record comes to say whose it is last: until then it is nobody's. */
static bool take(struct fam *fam, struct fam_objects_open *o, bool dead_too,
		 uint64_t holder, uint64_t serial)
{
	uint64_t was = fam_word_get(&o->holder);

	if (!is_free(fam, was, dead_too) ||
	    (was && !fam_word_step(&o->holder, was, 0)))
		return false;
	fam_word_put(&o->serial, serial);
	return fam_word_step(&o->holder, 0, holder);
}

int fam_opens_add(struct fam *fam, const struct fam_directory *d,
		  uint64_t holder, uint64_t serial, uint32_t *record)
{
	uint32_t count = d->places.opens, first = home(d, holder);

	for (uint32_t i = 0; i < 2 * count; i++) {
		uint32_t at = (first + i) % count;

		if (take(fam, fam_directory_open(d, at), i >= count, holder,
			 serial)) {
			*record = at;
			return 0;
		}
	}
	return -EMFILE;
}

void fam_opens_drop(const struct fam_directory *d, uint64_t holder,
		    uint32_t record)
{
	fam_word *word = &fam_directory_open(d, record)->holder;

	if (!fam_word_step(word, holder, 0))
		/* or it was taken from one who is taken for dead */
		(void)fam_word_step(word, holder | FAM_OBJECTS_SOUND, 0);
}

void fam_opens_sound(const struct fam_directory *d, uint64_t holder,
		     uint32_t record)
{
	/* it is, or is lost */
	(void)fam_word_step(&fam_directory_open(d, record)->holder, holder,
			    holder | FAM_OBJECTS_SOUND);
}

uint32_t fam_opens_count(struct fam *fam, const struct fam_directory *d,
			 uint64_t serial)
{
	uint32_t count = 0;

	for (uint32_t i = fam_directory_opened(d, 0); i < d->places.opens;
	     i = fam_directory_opened(d, i + 1)) {
		const struct fam_objects_open *o = fam_directory_open(d, i);
		uint64_t holder = fam_word_get(&o->holder);

		if (holder && fam_word_peek(&o->serial) == serial &&
		    fam_park_lives(fam, holder))
			count++;
	}
	return count;
}

uint64_t fam_opens_witness(struct fam *fam, const struct fam_directory *d,
			   uint64_t serial)
{
	for (uint32_t i = fam_directory_opened(d, 0); i < d->places.opens;
	     i = fam_directory_opened(d, i + 1)) {
		const struct fam_objects_open *o = fam_directory_open(d, i);
		uint64_t holder = fam_word_get(&o->holder);

		if (holder & FAM_OBJECTS_SOUND &&
		    fam_word_peek(&o->serial) == serial &&
		    fam_park_lives(fam, holder))
			return fam_holder_of(holder);
	}
	return 0;
}
