/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_DIRECTORY_H
#define FAM_DIRECTORY_H

/*
 * Behind fam/object.h. What an attachment knows of the directory of its fabric,
 * and the steps that are made under the directory's lock. What the lock protects
 * is whole at every moment: each step ends with one word. So there is nothing
 * to repair when its owner has died, but all is checked then, as after a new
 * start of the host.
 */
#include <fam-objects.h>

#include "fam-park.h"
#include "internal.h"

struct fam_object {
	struct fam_object *next;
	struct fam *fam;
	uint64_t holder; /* whose record it is: this session's, or a lost one */
	uint64_t serial;
	uint32_t refs;
	uint32_t record; /* among those of who has what open */
	void *memory;
	uint64_t bytes;
};

struct fam_directory {
	pthread_mutex_t lock; /* of this process: who maps, and the list */
	struct fam_object *list;
	_Atomic(char *) area;	/* NULL: not mapped yet */
	uint64_t offset, bytes; /* of the area, in the fabric */
	struct fam_objects_places places;
};

/* An entry, copied and checked. */
struct fam_found {
	uint32_t index;
	uint64_t word;
	struct fam_objects_entry entry;
};

static inline uint64_t fam_objects_state(uint64_t word)
{
	return word & FAM_OBJECTS_STATE;
}

static inline struct fam_objects_header *
fam_directory_header(const struct fam_directory *d)
{
	return (void *)d->area;
}

static inline fam_word *fam_directory_word(const struct fam_directory *d,
					   uint32_t index)
{
	return (fam_word *)(void *)(d->area + d->places.word) + index;
}

static inline struct fam_objects_entry *
fam_directory_entry(const struct fam_directory *d, uint32_t index)
{
	return (struct fam_objects_entry *)(void *)(d->area + d->places.entry) +
	       index;
}

static inline struct fam_objects_open *
fam_directory_open(const struct fam_directory *d, uint32_t record)
{
	return (struct fam_objects_open *)(void *)(d->area + d->places.open) +
	       record;
}

/** fam_directory_memory() - of an entry that was found */
static inline void *fam_directory_memory(const struct fam_directory *d,
					 const struct fam_objects_entry *entry)
{
	return d->area + (entry->offset - d->offset);
}

/* --- names and types: name.c ------------------------------------------------ */

/** fam_name_character() - bytes of the printable one at @text; 0: it is none */
unsigned int fam_name_character(const char *text);

/** fam_object_name_check() - 0; -EINVAL; -ENAMETOOLONG */
int fam_object_name_check(const char *name);

/** fam_object_type_bytes() - what a type needs; 0: as much as it is given */
uint64_t fam_object_type_bytes(uint32_t type);

/** fam_object_hash() - of a name */
uint64_t fam_object_hash(const char *name);

/** fam_object_ready_word() - the word of a whole object */
uint64_t fam_object_ready_word(const char *name, uint64_t serial);

/** fam_object_may_be() - does a word of a whole object fit the hash of a name? */
static inline bool fam_object_may_be(uint64_t word, uint64_t hash)
{
	return (word ^ hash) >> 40 == 0;
}

/* --- the directory as a whole: directory.c ----------------------------------- */

/**
 * fam_directory_lock() - map it, lock it, check it if that is due
 *
 * Return: 0; -EOPNOTSUPP there are no objects; -EBADMSG; as fam_mutex_lock()
 */
int fam_directory_lock(struct fam *fam, struct fam_directory **out);
void fam_directory_unlock(struct fam *fam, struct fam_directory *d);

/** fam_directory_boot() - of the host, as the table of sessions says */
uint64_t fam_directory_boot(struct fam *fam);

/** fam_directory_load() - copy an entry and check it; false: it is no good */
bool fam_directory_load(const struct fam_directory *d, uint32_t index,
			struct fam_objects_entry *out);

/** fam_directory_counts() - the same, and does the word belong to it? */
bool fam_directory_counts(const struct fam_directory *d, uint32_t index,
			  uint64_t word, struct fam_objects_entry *out);

/**
 * fam_directory_find() - an object that is whole, or being made or mended
 *
 * What its dead maker left is freed, what its dead mender left is READY again.
 * Under the lock. Return: 0; -ENOENT
 */
int fam_directory_find(struct fam *fam, const struct fam_directory *d,
		       const char *name, struct fam_found *out);

/**
 * fam_directory_used() - the next entry whose word is not 0, from one on
 *
 * What is free is passed over as one step: nobody can tell how far a look at it
 * has come. Return: its index; or how many entries there are
 */
uint32_t fam_directory_used(const struct fam_directory *d, uint32_t from);

/** fam_directory_opened() - the same for records */
uint32_t fam_directory_opened(const struct fam_directory *d, uint32_t from);

/** fam_directory_name_is_stored() - one that an object can have, and zeros */
bool fam_directory_name_is_stored(const char name[FAM_OBJECT_NAME_MAX]);

/** fam_directory_seal() - the checksum of an entry */
uint32_t fam_directory_seal(const struct fam_objects_entry *entry);

/**
 * fam_directory_settle() - take what a dead maker or mender left out of its way
 *
 * Return: its word from now on; 0: the entry is free
 */
uint64_t fam_directory_settle(struct fam *fam, const struct fam_directory *d,
			      uint32_t index, uint64_t word);

/* --- what is taken, and what is free: space.c --------------------------------- */

struct fam_extent {
	uint64_t offset, bytes, serial, word, hash;
	uint32_t index;
};

/**
 * fam_space_taken() - what the entries take, in no order
 * @out: to be freed
 *
 * Under the lock. Return: how many; -ENOMEM
 */
int fam_space_taken(const struct fam_directory *d, struct fam_extent **out);

/**
 * fam_space_scrub() - free all that does not count
 *
 * Under the lock: wrong checksums, what the dead were making, of those that
 * overlap or have one name all but the last. Return: 0; -ENOMEM
 */
int fam_space_scrub(struct fam *fam, const struct fam_directory *d);

/**
 * fam_space_reserve() - an entry being MADE by the caller's session
 * @entry: its type, bytes, name, boot, flags; the rest is filled in
 *
 * Under the lock. Return: 0; -ENOSPC; -EMFILE; -ENOMEM; -ESTALE
 */
int fam_space_reserve(struct fam *fam, const struct fam_directory *d,
		      struct fam_objects_entry *entry, struct fam_found *out);

/* --- who has what open: opens.c ------------------------------------------------ */

/** fam_opens_add() - under the lock; 0; -EMFILE no record is free */
int fam_opens_add(struct fam *fam, const struct fam_directory *d,
		  uint64_t holder, uint64_t serial, uint32_t *record);

/** fam_opens_drop() - with or without the lock */
void fam_opens_drop(const struct fam_directory *d, uint64_t holder,
		    uint32_t record);

/** fam_opens_sound() - the object of a record was made or mended by now */
void fam_opens_sound(const struct fam_directory *d, uint64_t holder,
		     uint32_t record);

/** fam_opens_count() - sessions that live and have it open; under the lock */
uint32_t fam_opens_count(struct fam *fam, const struct fam_directory *d,
			 uint64_t serial);

/**
 * fam_opens_witness() - one that lives and knows an object to be sound
 *
 * Under the lock. Return: its holder word, without flags; 0: there is none
 */
uint64_t fam_opens_witness(struct fam *fam, const struct fam_directory *d,
			   uint64_t serial);

/* --- one object: make.c --------------------------------------------------------- */

/**
 * fam_object_make() - fill in what was reserved; without the lock
 *
 * Return: 0, the object is READY; else it is gone
 */
int fam_object_make(struct fam *fam, const struct fam_directory *d,
		    const struct fam_object_want *want,
		    const struct fam_found *made);

/** fam_object_mend() - what is MENDING by the caller's session; the same */
int fam_object_mend(struct fam *fam, const struct fam_directory *d,
		    const struct fam_object_want *want,
		    const struct fam_found *found);

/** fam_object_harden() - make durable an object that is READY */
int fam_object_harden(struct fam *fam, const struct fam_directory *d,
		      const struct fam_found *found);

/** fam_object_word_persist() - all words of the directory */
int fam_object_word_persist(struct fam *fam, const struct fam_directory *d);

#endif
