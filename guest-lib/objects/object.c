// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Opening and closing named objects. */
#include <string.h>

#include "fam-directory.h"

#define NAP_NS 2000000

/* What one pass under the directory's lock has come to. */
enum next {
	OPENED, /* all is done */
	MAKE,	/* reserved for us: fill it in */
	MEND,	/* ours alone until it is mended */
	WAIT,	/* somebody makes or mends it */
	NAP,	/* it may be sound: look whether who says so lives */
};

struct opening {
	struct fam *fam;
	struct fam_directory *d;
	const char *name;
	const struct fam_object_want *want;
	uint64_t self; /* holder word */
	struct fam_found found;
	struct fam_object *object; /* what becomes of it */
	/* Who says that it is sound, and how its lease was when we looked. */
	uint64_t witness, beat;
};

/* --- what this attachment has open ------------------------------------------------ */

static struct fam_object *list_find(const struct opening *o)
{
	struct fam_object *object;

	for (object = o->d->list; object; object = object->next) {
		if (object->serial == o->found.entry.serial &&
		    object->holder == o->self)
			return object;
	}
	return NULL;
}

static int list_add(struct opening *o)
{
	struct fam_object *object = calloc(1, sizeof(*object));
	int r;

	if (!object)
		return -ENOMEM;
	object->fam = o->fam;
	object->holder = o->self;
	object->serial = o->found.entry.serial;
	object->refs = 1;
	object->memory = fam_directory_memory(o->d, &o->found.entry);
	object->bytes = o->found.entry.bytes;
	r = fam_opens_add(o->fam, o->d, o->self, object->serial,
			  &object->record);
	if (r < 0) {
		free(object);
		return r;
	}
	object->next = o->d->list;
	o->d->list = object;
	o->object = object;
	return 0;
}

/* Under the directory's lock: so nobody can remove it before this is done. */
static int list_open(struct opening *o)
{
	int r = 0;

	pthread_mutex_lock(&o->d->lock);
	o->object = list_find(o);
	if (o->object)
		o->object->refs++;
	else
		r = list_add(o);
	pthread_mutex_unlock(&o->d->lock);
	return r;
}

static void list_remove(struct fam_directory *d, struct fam_object *object)
{
	struct fam_object **at = &d->list;

	while (*at && *at != object)
		at = &(*at)->next;
	if (*at)
		*at = object->next;
}

void fam_object_close(struct fam_object *object)
{
	struct fam_directory *d;
	bool last;

	if (!object)
		return;
	d = object->fam->objects;
	pthread_mutex_lock(&d->lock);
	last = --object->refs == 0;
	if (last) {
		list_remove(d, object);
		/* Not its parent's, in a child of fork(2); the dead have none. */
		if (fam_park_self(object->fam) == object->holder)
			fam_opens_drop(d, object->holder, object->record);
	}
	pthread_mutex_unlock(&d->lock);
	if (last)
		free(object);
}

void *fam_object_memory(const struct fam_object *object)
{
	return object->memory;
}

uint64_t fam_object_bytes(const struct fam_object *object)
{
	return object->bytes;
}

/* --- a pass under the lock --------------------------------------------------------- */

static int reserve(struct opening *o, enum next *next)
{
	const struct fam_object_want *want = o->want;
	struct fam_objects_entry entry = {.type = want->type,
					  .bytes = want->bytes};
	int r;

	if (!(want->flags & FAM_OBJECT_CREATE))
		return -ENOENT;
	if (!entry.bytes)
		entry.bytes = fam_object_type_bytes(want->type);
	strcpy(entry.name, o->name); /* its length was checked */
	atomic_init(&entry.boot, fam_directory_boot(o->fam));
	if (want->flags & FAM_OBJECT_DURABLE)
		atomic_init(&entry.flags, FAM_OBJECTS_DURABLE);
	r = fam_space_reserve(o->fam, o->d, &entry, &o->found);
	if (r < 0)
		return r;
	r = list_open(o);
	if (r < 0) {
		(void)fam_word_step(fam_directory_word(o->d, o->found.index),
				    o->found.word, 0);
		return r;
	}
	*next = MAKE;
	return 0;
}

static bool is_current(struct opening *o)
{
	return fam_word_peek(&o->found.entry.boot) ==
	       fam_directory_boot(o->fam);
}

/*
 * Somebody has it open who says that it is sound, though the host seems to be
 * another one since: either the host did not know its own start before, or that
 * session was there before a power cut, and nobody has declared it dead yet.
 * Only if its lease was renewed meanwhile it lives.
 */
static bool is_proven(struct opening *o, uint64_t witness)
{
	const struct fam_sessions *table = fam_session_table(o->fam);
	uint64_t beat =
		atomic_load(&table->slot[fam_holder_slot(witness)].beat);
	bool proven = witness == o->self ||
		      (witness == o->witness && beat != o->beat);

	if (witness != o->witness)
		o->beat = beat;
	o->witness = witness;
	return proven;
}

static int begin_to_mend(struct opening *o, enum next *next)
{
	uint64_t mending = o->self | FAM_OBJECTS_MENDING;
	int r = list_open(o);

	if (r < 0)
		return r;
	if (!fam_word_step(fam_directory_word(o->d, o->found.index),
			   o->found.word, mending)) {
		fam_object_close(o->object);
		return -ESTALE;
	}
	o->found.word = mending;
	*next = MEND;
	return 0;
}

static int open_sound(struct opening *o, enum next *next)
{
	int r = list_open(o);

	if (r < 0)
		return r;
	fam_opens_sound(o->d, o->self, o->object->record);
	*next = OPENED;
	return 0;
}

static int open_ready(struct opening *o, enum next *next)
{
	uint64_t witness;

	if (is_current(o))
		return open_sound(o, next);
	/* It may be torn, which is for others to mend. */
	if (!o->want->mend) {
		*next = OPENED;
		return list_open(o);
	}
	witness = fam_opens_witness(o->fam, o->d, o->found.entry.serial);
	if (!witness)
		return begin_to_mend(o, next);
	if (!is_proven(o, witness)) {
		*next = NAP;
		return 0;
	}
	fam_word_put(&fam_directory_entry(o->d, o->found.index)->boot,
		     fam_directory_boot(o->fam));
	return open_sound(o, next);
}

static int pass(struct opening *o, enum next *next)
{
	const struct fam_object_want *want = o->want;
	int r = fam_directory_find(o->fam, o->d, o->name, &o->found);

	if (r == -ENOENT)
		return reserve(o, next);
	if (r < 0)
		return r;
	if (fam_objects_state(o->found.word) != FAM_OBJECTS_READY) {
		*next = WAIT;
		return 0;
	}
	if (want->flags & FAM_OBJECT_EXCLUSIVE)
		return -EEXIST;
	if (want->type != FAM_OBJECT_ANY && want->type != o->found.entry.type)
		return -EMEDIUMTYPE;
	return open_ready(o, next);
}

static int locked_pass(struct opening *o, enum next *next)
{
	int r = fam_directory_lock(o->fam, &o->d);

	if (r < 0)
		return r;
	o->self = fam_park_self(o->fam);
	r = o->self ? pass(o, next) : fam_park_why(o->fam);
	fam_directory_unlock(o->fam, o->d);
	return r;
}

/* --- what is done without it --------------------------------------------------------- */

static int nap(void)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};

	return nanosleep(&pause, NULL) < 0 ? -EINTR : 0;
}

/* What was reserved or begun is ended; a failure closes it again. */
static int finish(struct opening *o, enum next next)
{
	int r = 0;

	if (next == MAKE)
		r = fam_object_make(o->fam, o->d, o->want, &o->found);
	else if (next == MEND)
		r = fam_object_mend(o->fam, o->d, o->want, &o->found);
	if (r == 0 && next != OPENED)
		fam_opens_sound(o->d, o->self, o->object->record);
	if (r == 0 && o->want->flags & FAM_OBJECT_DURABLE)
		r = fam_object_harden(o->fam, o->d, &o->found);
	if (r)
		fam_object_close(o->object);
	return r;
}

static int open_it(struct opening *o)
{
	enum next next = OPENED;
	int r;

	for (;;) {
		r = locked_pass(o, &next);
		if (r < 0)
			return r;
		if (next == WAIT)
			r = fam_park(o->fam,
				     fam_directory_word(o->d, o->found.index),
				     o->found.word, fam_deadline(-1));
		else if (next == NAP)
			r = nap();
		else
			return finish(o, next);
		if (r < 0)
			return r;
	}
}

static int check_want(const struct fam_object_want *want)
{
	const unsigned int known =
		FAM_OBJECT_CREATE | FAM_OBJECT_EXCLUSIVE | FAM_OBJECT_DURABLE;
	uint64_t least = fam_object_type_bytes(want->type);

	if (want->flags & ~known)
		return -EINVAL;
	if (!(want->flags & FAM_OBJECT_CREATE))
		return want->flags ? -EINVAL : 0;
	if (want->type == FAM_OBJECT_ANY || want->type > FAM_OBJECT_POOL)
		return -EINVAL;
	return want->bytes < least ? (want->bytes ? -EINVAL : 0)
				   : (want->bytes ? 0 : -EINVAL);
}

int fam_object_open(struct fam *fam, const char *name,
		    const struct fam_object_want *want, struct fam_object **out)
{
	struct opening o = {.fam = fam, .name = name, .want = want};
	int r = fam_object_name_check(name);

	if (r == 0)
		r = check_want(want);
	if (r == 0)
		r = open_it(&o);
	if (r)
		return r;
	*out = o.object;
	return 0;
}
