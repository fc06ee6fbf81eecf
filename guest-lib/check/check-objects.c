// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The directory of named objects. An object is a word and an entry; each of them
 * tells enough of the other one that a single changed byte in either is found,
 * and undone.
 */
#include <stdlib.h>
#include <string.h>

#include "fam-check.h"

/* What is to be done about an entry's word. */
enum verdict {
	WHOLE,	     /* nothing; it is an object, or will be one */
	FREE,	     /* nothing; it is none */
	HALF,	     /* who made or mended it has died */
	WORD_SPOILT, /* the entry tells what the word is */
	ZERO_SPOILT, /* it was 0 */
	BODY_SPOILT, /* a byte of the entry is another, and can be told */
	LOST,
};

/* One object, copied. */
struct object {
	uint32_t index;
	uint64_t word;
	uint64_t right; /* WORD_SPOILT: what it should be */
	enum verdict verdict;
	struct fam_objects_entry entry; /* as it should be */
};

/* --- the directory of an attachment ------------------------------------------------- */

/* Without its lock, and without a session: mapped for this look alone. */
static int map(struct fam *fam, struct fam_directory *d)
{
	void *area;
	int r;

	d->offset = fam->objects->offset;
	d->bytes = fam->objects->bytes;
	d->places = fam->objects->places;
	r = fam_map_area(fam, d->offset, d->places.memory, &area);
	if (r < 0)
		return r;
	d->area = area;
	return 0;
}

static uint64_t word_offset(const struct fam_directory *d, uint32_t index)
{
	return d->offset + d->places.word + (uint64_t)index * sizeof(fam_word);
}

static uint64_t entry_offset(const struct fam_directory *d, uint32_t index)
{
	return d->offset + d->places.entry +
	       (uint64_t)index * sizeof(struct fam_objects_entry);
}

/* --- one object ------------------------------------------------------------------------ */

static bool is_empty(const struct fam_objects_entry *entry)
{
	static const struct fam_objects_entry empty;

	return memcmp(entry, &empty,
		      offsetof(struct fam_objects_entry, boot)) == 0;
}

/* Of an entry whose checksum is right. */
static enum verdict judge_word(const struct fam_checker *c, struct object *o)
{
	uint64_t state = fam_objects_state(o->word);

	o->right = fam_object_ready_word(o->entry.name, o->entry.serial);
	if (o->word == o->right)
		return WHOLE;
	if (fam_check_one_byte(o->word ^ o->right))
		return WORD_SPOILT;
	if (state == FAM_OBJECTS_MAKING || state == FAM_OBJECTS_MENDING) {
		if (fam_check_lives(c, o->word))
			return WHOLE;
		return fam_check_one_byte(o->word) ? ZERO_SPOILT : HALF;
	}
	return fam_check_one_byte(o->word) ? ZERO_SPOILT : LOST;
}

static enum verdict judge_spoilt(const struct fam_checker *c, struct object *o)
{
	uint64_t state = fam_objects_state(o->word);

	/* Who makes one and lives may not have come further. */
	if (state == FAM_OBJECTS_MAKING)
		return fam_check_lives(c, o->word)   ? FREE
		       : fam_check_one_byte(o->word) ? ZERO_SPOILT
						     : HALF;
	if (state == FAM_OBJECTS_READY && fam_check_mend(&o->entry, o->word))
		return BODY_SPOILT;
	return fam_check_one_byte(o->word) || is_empty(&o->entry) ? ZERO_SPOILT
								  : LOST;
}

static void judge(const struct fam_checker *c, const struct fam_directory *d,
		  uint32_t index, struct object *o)
{
	*o = (struct object){
		.index = index,
		.word = fam_word_get(fam_directory_word(d, index)),
	};
	o->verdict = !o->word ? FREE
		     : fam_directory_load(d, index, &o->entry)
			     ? judge_word(c, o)
			     : judge_spoilt(c, o);
}

/* What it is called in a report; and is it worth one? */
static const char *describe(enum verdict verdict, bool unsettled,
			    enum fam_check_level *level)
{
	*level = unsettled ? FAM_CHECK_NOTE : FAM_CHECK_DAMAGE;
	switch (verdict) {
	case HALF:
		*level = FAM_CHECK_NOTE;
		return "who made or mended it has died";
	case WORD_SPOILT:
		*level = FAM_CHECK_DAMAGE;
		return "its word has a wrong byte; the entry tells it";
	case ZERO_SPOILT:
		return "its word is of no object, and is not 0";
	case BODY_SPOILT:
		*level = FAM_CHECK_DAMAGE;
		return "a byte of its entry is wrong; the checksum tells it";
	case LOST:
		if (!unsettled)
			*level = FAM_CHECK_LOSS;
		return "word and entry do not belong together: it is lost";
	default:
		return NULL;
	}
}

static void report(struct fam_checker *c, const struct fam_directory *d,
		   const struct object *o, bool unsettled)
{
	enum fam_check_level level;
	const char *text = describe(o->verdict, unsettled, &level);
	bool body = o->verdict == BODY_SPOILT || o->verdict == LOST;
	struct fam_check_problem *p;

	if (!text)
		return;
	p = fam_check_found(c, level,
			    body ? entry_offset(d, o->index)
				 : word_offset(d, o->index),
			    body ? sizeof(o->entry) : sizeof(o->word));
	snprintf(p->part, sizeof(p->part), "object %u", o->index);
	/* What was loaded has a name that is text. */
	if (o->verdict == WORD_SPOILT || o->verdict == BODY_SPOILT)
		snprintf(p->text, sizeof(p->text), "'%.95s': %s", o->entry.name,
			 text);
	else
		snprintf(p->text, sizeof(p->text), "%s", text);
}

/* --- all of them -------------------------------------------------------------------------- */

/* Does everything else look like the version that is known? */
static bool is_known_otherwise(const struct fam_checker *c,
			       const struct fam_directory *d)
{
	for (uint32_t i = fam_directory_used(d, 0); i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		struct object o;

		judge(c, d, i, &o);
		if (o.verdict == LOST)
			return false;
	}
	return true;
}

/* Return: is it a directory to go on with? */
static bool check_version(struct fam_checker *c, const struct fam_directory *d)
{
	struct fam_check_problem *p;
	bool known;

	if (!fam_directory_header(d)->version)
		return true;
	known = is_known_otherwise(c, d);
	p = fam_check_found(c, known ? FAM_CHECK_DAMAGE : FAM_CHECK_LOSS,
			    d->offset,
			    sizeof(fam_directory_header(d)->version));
	snprintf(p->part, sizeof(p->part), "object directory, version");
	snprintf(p->text, sizeof(p->text), "%s",
		 known ? "it is not 0, and all else is as in version 0"
		       : "it is not known: damaged, or of a later release");
	return known;
}

static void check_serial(struct fam_checker *c, const struct fam_directory *d,
			 uint64_t highest, bool unsettled)
{
	const struct fam_objects_header *h = fam_directory_header(d);
	struct fam_check_problem *p;

	if (unsettled || fam_word_get(&h->serial) >= highest)
		return;
	p = fam_check_found(c, FAM_CHECK_DAMAGE,
			    d->offset +
				    offsetof(struct fam_objects_header, serial),
			    sizeof(h->serial));
	snprintf(p->part, sizeof(p->part), "object directory, serial");
	snprintf(p->text, sizeof(p->text),
		 "it does not fit the entries, which tell what it should be");
}

static bool same_name(const struct fam_check_rivals *r, uint32_t a, uint32_t b)
{
	struct fam_objects_entry x, y;

	return fam_directory_load(r->arg, a, &x) &&
	       fam_directory_load(r->arg, b, &y) && strcmp(x.name, y.name) == 0;
}

static bool is_object(const struct object *o)
{
	return o->verdict == WHOLE || o->verdict == WORD_SPOILT ||
	       o->verdict == BODY_SPOILT;
}

static int check_entries(struct fam_checker *c, const struct fam_directory *d,
			 bool unsettled)
{
	_cleanup_free_ struct fam_check_piece *piece =
		calloc(d->places.entries, sizeof(*piece));
	struct fam_check_rivals rivals = {
		.c = c,
		.piece = piece,
		.level = unsettled ? FAM_CHECK_NOTE : FAM_CHECK_LOSS,
		.kind = "object",
		.at = entry_offset(d, 0),
		.step = sizeof(struct fam_objects_entry),
		.same_name = same_name,
		.arg = d,
	};
	uint64_t highest = 0;

	if (!piece)
		return -ENOMEM;
	for (uint32_t i = fam_directory_used(d, 0); i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		struct object o;

		judge(c, d, i, &o);
		report(c, d, &o, unsettled);
		if (!is_object(&o))
			continue;
		piece[rivals.count++] = (struct fam_check_piece){
			.offset = o.entry.offset,
			.bytes = o.entry.bytes,
			.age = o.entry.serial,
			.hash = fam_object_hash(o.entry.name),
			.index = i,
		};
		if (o.entry.serial > highest)
			highest = o.entry.serial;
	}
	c->sum.objects = rivals.count;
	check_serial(c, d, highest, unsettled);
	fam_check_rivals(&rivals);
	return 0;
}

int fam_check_objects(struct fam_checker *c)
{
	struct fam_directory d;
	struct fam_objects_header *h;
	int r;

	if (!c->fam->objects)
		return 0;
	r = map(c->fam, &d);
	if (r < 0)
		return r;
	h = fam_directory_header(&d);
	if (check_version(c, &d))
		r = check_entries(
			c, &d,
			fam_check_is_due(c, fam_word_get(&h->boot), &h->lock));
	fam_unmap(c->fam, d.area);
	return r;
}

/* --- repairing ------------------------------------------------------------------------------- */

static void repair_object(struct fam *fam, const struct fam_directory *d,
			  const struct object *o)
{
	fam_word *word = fam_directory_word(d, o->index);

	if (o->verdict == WORD_SPOILT) {
		(void)fam_word_step(word, o->word, o->right);
	} else if (o->verdict == ZERO_SPOILT || o->verdict == LOST) {
		(void)fam_word_step(word, o->word, 0);
	} else if (o->verdict == BODY_SPOILT) {
		memcpy(fam_directory_entry(d, o->index), &o->entry,
		       offsetof(struct fam_objects_entry, boot));
		return;
	} else {
		return;
	}
	fam_unpark(fam, word, UINT32_MAX);
}

/*
 * Before anybody, this call included, clears up as after a crash: that would
 * free what can be mended.
 */
static int mend_all(struct fam_checker *c, const struct fam_directory *d)
{
	struct fam_objects_header *h = fam_directory_header(d);
	int r = fam_mutex_lock(c->fam, &h->lock, -1);

	if (r < 0 && r != -EOWNERDEAD)
		return r;
	if (h->version && is_known_otherwise(c, d))
		h->version = 0;
	for (uint32_t i = fam_directory_used(d, 0);
	     !h->version && i < d->places.entries;
	     i = fam_directory_used(d, i + 1)) {
		struct object o;

		judge(c, d, i, &o);
		repair_object(c->fam, d, &o);
	}
	/* A mark that an owner has died stays: the next one clears up. */
	return fam_mutex_unlock(c->fam, &h->lock);
}

int fam_repair_objects(struct fam_checker *c)
{
	struct fam_directory view, *d = NULL;
	bool known;
	int r;

	if (!c->fam->objects)
		return 0;
	r = map(c->fam, &view);
	if (r < 0)
		return r;
	if (!fam_repair_is_due(c, view.offset, view.places.memory)) {
		fam_unmap(c->fam, view.area);
		return 0;
	}
	r = mend_all(c, &view);
	known = !fam_directory_header(&view)->version;
	fam_unmap(c->fam, view.area);
	if (r < 0 || !known)
		return r;
	r = fam_directory_lock(c->fam, &d);
	if (r < 0)
		return r;
	r = fam_space_scrub(c->fam, d);
	if (r == 0)
		r = fam_repair_persist(c->fam, d->area, d->places.memory);
	fam_directory_unlock(c->fam, d);
	return r;
}
