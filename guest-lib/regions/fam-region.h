/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_REGION_INTERNAL_H
#define FAM_REGION_INTERNAL_H

/*
 * Behind fam/region.h. fam-regions.h tells what lies in the fabric, and why no
 * crash can tear it. Layers, each using only those above it:
 *
 *	name.c, entry.c, fam-index.h	pure computing; load.c: without the lock
 *	directory.c	the area, the lock, what changed meanwhile
 *	recover.c	reading all of it, and what a crash has left
 *	settle.c	making entries durable
 *	change.c	writing them, taking that back; order.c: what comes before
 *	opens.c		who has what open
 *	zero.c, space.c	filling with zeros, trimming
 *	create.c, region.c, resize.c, rename.c, each.c, map.c	the calls
 *
 * Readers without the lock copy an entry's two copies and take the one that
 * counts; as a writer never touches both at once, they try again if none does.
 */
#include <fam-mailbox.h>
#include <fam-regions.h>
#include <fam-trim.h>

#include "fam-index.h"
#include "fam-park.h"
#include "internal.h"

/* A set of entries. */
struct fam_bits {
	uint64_t *word;
	uint32_t count;
};

static inline bool fam_bits_has(const struct fam_bits *bits, uint32_t i)
{
	return bits->word[i / 64] >> i % 64 & 1;
}

static inline void fam_bits_put(struct fam_bits *bits, uint32_t i, bool in)
{
	if (fam_bits_has(bits, i) == in)
		return;
	bits->word[i / 64] ^= UINT64_C(1) << i % 64;
	bits->count += in ? 1 : UINT32_MAX;
}

/** fam_bits_next() - the first one from @i on; @entries if there is none */
static inline uint32_t fam_bits_next(const struct fam_bits *bits, uint32_t i,
				     uint32_t entries)
{
	if (bits->count == 0)
		return entries;
	while (i < entries) {
		uint64_t word = bits->word[i / 64] >> i % 64;

		if (word)
			return i + (uint32_t)__builtin_ctzll(word);
		i = (i / 64 + 1) * 64;
	}
	return entries;
}

struct fam_regions {
	pthread_mutex_t
		lock; /* of this process: mapping, list; under the mutex */
	/*
	 * Also of this process, held with the directory's: should a session be
	 * lost meanwhile, another thread has the directory's, but not this one,
	 * and what stands below is not touched by two. Before all other locks.
	 */
	pthread_mutex_t gate;
	_Atomic(char *) area;	/* NULL: not mapped yet */
	uint64_t offset, bytes; /* of the area, in the fabric */
	struct fam_regions_places places;
	struct fam_region *list; /* openings of this attachment */
	uint32_t moving;	 /* how many of them are being moved */
	/* fam_now_ns() until when nobody waits for a writer: it was in vain. */
	_Atomic int64_t hurried;
	/* For those without a session of their own. */
	_Atomic(struct fam_sessions *) sessions;

	/* Only while the directory's mutex is held: */
	struct fam_index *index; /* NULL: nothing read yet */
	uint64_t epoch,
		changes; /* of struct fam_regions_live, as in the index */
	uint64_t stamp, serial; /* the highest ones of all entries */
	/*
	 * Entries whose last change is not known to be on the disk: those whose
	 * two copies differ. Those of them that were renamed or moved, or became
	 * smaller, by that change: what they gave up is not free on the disk. And
	 * those of which no copy is good: what they take is not known.
	 */
	struct fam_bits loose, moved, lost;
	/* Those that a loose one waits for (@after_), or did before a settle. */
	struct fam_bits awaited;
	/* Those whose last change was taken back: the disk may have it still. */
	struct fam_bits undone;
	/* Those that were loose when all was read, by whom nobody knows. */
	struct fam_bits found;
};

static inline struct fam_regions_live *
fam_regions_live(const struct fam_regions *r)
{
	return (void *)(r->area + r->places.live);
}

static inline struct fam_regions_seen *
fam_regions_seen(const struct fam_regions *r, uint32_t i)
{
	return (struct fam_regions_seen *)(void *)(r->area + r->places.seen) +
	       i;
}

static inline struct fam_regions_open *
fam_regions_open_at(const struct fam_regions *r, uint32_t record)
{
	return (struct fam_regions_open *)(void *)(r->area + r->places.open) +
	       record;
}

/** fam_regions_copy() - the words of copy 0 or 1 of an entry, in the fabric */
static inline fam_word *fam_regions_copy(const struct fam_regions *r,
					 unsigned int copy, uint32_t i)
{
	return (fam_word *)(void *)(r->area + r->places.copy[copy] +
				    i * sizeof(struct fam_region_entry));
}

/* --- names: name.c ------------------------------------------------------------- */

/** fam_region_name_check() - 0; -EINVAL; -ENAMETOOLONG */
int fam_region_name_check(const char *name);

/** fam_region_text_is_good() - UTF-8, no control characters; may be empty */
bool fam_region_text_is_good(const char *text);

/* --- entries: entry.c ------------------------------------------------------------ */

/** fam_region_seal() - fill in magic and checksum; @uuid of the fabric */
void fam_region_seal(struct fam_region_entry *entry,
		     const uint8_t uuid[FAM_UUID_BYTES], uint32_t index);

/**
 * fam_region_clear() - make a private copy that of a free entry
 *
 * Its space, if any, keeps the mark that blocks may be given back.
 */
void fam_region_clear(struct fam_region_entry *entry);

/* Numbers that rise have so much room left that none ever comes round to 0. */
#define FAM_REGION_RISING_MAX (UINT64_C(1) << 62)

/** fam_region_is_good() - is every field within its range? Not the checksum */
bool fam_region_is_good(const struct fam *fam,
			const struct fam_region_entry *entry, uint32_t index);

/** fam_region_is_inside() - is the space of one that of another, or less? */
bool fam_region_is_inside(const struct fam_region_entry *inner,
			  const struct fam_region_entry *outer);

enum fam_region_copy {			/* what one copy is */
		       FAM_COPY_UNUSED, /* all zero */
		       FAM_COPY_GOOD,
		       FAM_COPY_BAD, /* torn, or damaged */
		       /* Whole, but what it was to happen with has not happened. */
		       FAM_COPY_WAITS,
};

/**
 * fam_region_copy_check() - of a private copy
 *
 * Good: checksum, and every field within its range; its space in the data.
 */
enum fam_region_copy fam_region_copy_check(const struct fam *fam,
					   const struct fam_region_entry *copy,
					   uint32_t index);

/** What both copies of an entry say. */
struct fam_region_both {
	struct fam_region_entry copy[FAM_REGIONS_COPIES];
	enum fam_region_copy is[FAM_REGIONS_COPIES];
	int last; /* the one that counts, 0 or 1; -1: none does */
	/*
	 * @last is -1, and so it was before: never used. The other copy may be
	 * torn, by the first change there ever was.
	 */
	bool unused;
};

/**
 * fam_regions_read() - copy both, check them, choose
 *
 * The @after_ entries of what is chosen are looked at, eight deep: a copy that
 * waits for a change that did not happen does not count. With or without the
 * lock.
 */
void fam_regions_read(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, struct fam_region_both *out);

/** fam_region_is_loose() - the change that counts may not be on the disk */
bool fam_region_is_loose(const struct fam_region_both *both);

/** fam_region_is_undone() - a change was taken back, which may be on the disk */
bool fam_region_is_undone(const struct fam_region_both *both);

/** fam_region_place() - the copy that the next change is to be written into */
unsigned int fam_region_place(const struct fam_region_both *both);

/** fam_region_next() - generation of that change; @generation of what counts */
uint64_t fam_region_next(uint64_t generation, unsigned int place);

/** fam_regions_store() - write one copy, as it is; under the lock */
void fam_regions_store(const struct fam_regions *r, unsigned int copy,
		       uint32_t index, const struct fam_region_entry *entry);

/** fam_regions_store_over() - the same over the copy that counts */
void fam_regions_store_over(const struct fam_regions *r, unsigned int copy,
			    uint32_t index,
			    const struct fam_region_entry *entry);

/** A copy that was being written over when its writer died. */
struct fam_regions_over {
	uint32_t index;
	unsigned int copy;
	struct fam_region_entry entry;
};

/** fam_regions_over() - is there one, and is what it was to be whole? */
bool fam_regions_over(struct fam *fam, const struct fam_regions *r,
		      struct fam_regions_over *out);

/**
 * fam_regions_load() - the entry as it is, for those without the lock
 *
 * Tries again while somebody writes it.
 * Return: 0; -ENOENT free or never used, MAKING or TRIMMING too; -EBADMSG
 */
int fam_regions_load(struct fam *fam, const struct fam_regions *r,
		     uint32_t index, struct fam_region_entry *out);

/* --- the directory: directory.c --------------------------------------------------- */

/** fam_regions_open(), _close() - for fam_open(); 0, also if there are none */
int fam_regions_open(struct fam *fam);
void fam_regions_close(struct fam *fam);

/**
 * fam_regions_map() - have the area
 *
 * Return: 0; -EOPNOTSUPP there is none; as fam_map()
 */
int fam_regions_map(struct fam *fam, struct fam_regions **out);

/**
 * fam_regions_lock() - and know all entries as they are
 *
 * After a death of who had it, and at the first time after a start of the host,
 * what was left half done is taken away: what the dead were making, of two that
 * overlap or have one name that with the lower stamp.
 * Return: 0; -EBADMSG; -ENOMEM; as fam_regions_map(), fam_mutex_lock();
 * -EROFS
 */
int fam_regions_lock(struct fam *fam, struct fam_regions **out);

/** fam_regions_lock_within() - that waits for others so long, then -ETIMEDOUT */
int fam_regions_lock_within(struct fam *fam, int timeout_ms,
			    struct fam_regions **out);
void fam_regions_unlock(struct fam *fam, struct fam_regions *r);

/**
 * fam_regions_refresh() - read an entry anew, and remember what it is; under the
 * lock
 * @rival: as of fam_index_set()
 *
 * Return: 0; -EEXIST, -ENOMEM: it is free in the index
 */
int fam_regions_refresh(struct fam *fam, struct fam_regions *r, uint32_t index,
			uint32_t *rival);

/**
 * fam_regions_index() - fam_index_set() of what an entry says
 * @loose: is it? What is free then stands there as if it was TRIMMING: nobody may
 *	have it before that is durable
 */
int fam_regions_index(struct fam *fam, struct fam_regions *r, uint32_t index,
		      const struct fam_region_entry *entry, bool loose,
		      uint32_t *rival);

/** fam_regions_settled() - an entry is not loose, or no more; under the lock */
void fam_regions_settled(struct fam_regions *r, uint32_t index,
			 const struct fam_region_both *both);

/** fam_regions_note() - the same of what was read: all but the index */
void fam_regions_note(struct fam_regions *r, uint32_t index,
		      const struct fam_region_both *both);

/** fam_region_has_moved() - as fam_regions.moved */
bool fam_region_has_moved(const struct fam_region_both *both);

/** fam_regions_forget() - what is remembered: all is read anew next time */
void fam_regions_forget(struct fam_regions *r);

/** An entry that was found, and a copy of it. */
struct fam_region_found {
	uint32_t index;
	struct fam_region_entry entry;
};

/**
 * fam_regions_lookup() - by name, under the lock: READY, or MAKING by one who lives
 *
 * What the dead were making is freed on the way. Return: 0; -ENOENT; -EBADMSG
 */
int fam_regions_lookup(struct fam *fam, struct fam_regions *r, const char *name,
		       struct fam_region_found *out);

/** fam_regions_entry() - by index, under the lock; all zero if never used */
int fam_regions_entry(struct fam *fam, struct fam_regions *r, uint32_t index,
		      struct fam_region_entry *out);

/* --- all of it: recover.c ------------------------------------------------------------ */

enum fam_reread {
	FAM_REREAD_PLAIN, /* nobody has died */
	FAM_REREAD_DEATH, /* who had the lock did */
	FAM_REREAD_BOOT,  /* all did, and so did the host */
};

/** fam_regions_reread() - read all entries anew, clear up; under the lock */
int fam_regions_reread(struct fam *fam, struct fam_regions *r,
		       enum fam_reread why);

/** fam_region_is_made() - MAKING, TRIMMING: does who does it live? */
bool fam_region_is_made(struct fam *fam, const struct fam_region_entry *entry);

/**
 * fam_regions_free() - free what the dead were making or trimming in an entry,
 * or an entry whose space a rival took; not durable
 *
 * Under the lock. Return: as fam_regions_change()
 */
int fam_regions_free(struct fam *fam, struct fam_regions *r, uint32_t index);

/**
 * fam_regions_sweep() - free what the dead were making or trimming
 *
 * Under the lock; looks at all entries in the index: when there is no space.
 * Return: how many there were; as fam_regions_change()
 */
int fam_regions_sweep(struct fam *fam, struct fam_regions *r);

/* --- changing: change.c ------------------------------------------------------------- */

/**
 * struct fam_region_change - an entry as it is to be
 *
 * The caller fills in what it wants, beginning with what it is; generation,
 * stamp, magic, checksum and @after_ are filled in here. A new region gets its
 * serial from fam_regions_serial().
 */
struct fam_region_change {
	uint32_t index;
	struct fam_region_entry entry;
};

#define FAM_REGIONS_CHANGES 2

/**
 * fam_regions_change() - change one entry, or two at once
 * @changes: the second one happens only if the first one has
 * @durable: make it so, and all that is loose; else it becomes loose
 *
 * Under the lock, which is held while the disk is waited for: nobody may write
 * the same copy meanwhile. What is FREE with FAM_REGION_TRIM from now on counts
 * in @freed. Now and then it waits for the disk without @durable: if the name or
 * the space was given up by a region that was renamed or moved, and that is not
 * durable yet.
 * Return: 0; errors of fam_persist(): all is as it was before; -EINVAL an entry
 * would not be good; -EEXIST it does not go together with another one; -EBADMSG
 * it takes space, and an entry is damaged of which nobody knows what it takes;
 * -ESTALE, -ENOMEM
 */
int fam_regions_change(struct fam *fam, struct fam_regions *r,
		       const struct fam_region_change *changes,
		       unsigned int count, bool durable);

/**
 * fam_region_has_new_space() - is a loose entry that of a region with space which
 * it does not have on the disk? What it holds there may not be on the disk either
 */
bool fam_region_has_new_space(const struct fam_region_both *both);

/** fam_regions_tell() - others that an entry has changed; under the lock */
void fam_regions_tell(struct fam_regions *r, uint32_t index,
		      uint64_t generation);

/** fam_regions_settle_but() - @trusted: entries whose content is durable */
int fam_regions_settle_but(struct fam *fam, struct fam_regions *r,
			   const uint32_t *trusted, unsigned int count);

/** fam_regions_settle() - make durable all that is loose; under the lock */
int fam_regions_settle(struct fam *fam, struct fam_regions *r);

/**
 * fam_regions_persist() - make pieces of the area durable
 * @ranges: from the start of the fabric
 */
int fam_regions_persist(struct fam *fam, const struct fam_regions *r,
			const struct fam_range *ranges, size_t count);

/** fam_regions_serial() - a new one; under the lock */
uint64_t fam_regions_serial(struct fam_regions *r);

/** fam_regions_sessions() - their table, once the area is mapped; NULL: none */
const struct fam_sessions *fam_regions_sessions(struct fam *fam);

/** fam_regions_boot() - start of the host, as the table of sessions says */
uint64_t fam_regions_boot(struct fam *fam);

/* --- who has what open: opens.c -------------------------------------------------------- */

/** fam_regions_open_value() - the word `what` of a record */
uint64_t fam_regions_open_value(uint64_t holder, uint64_t serial,
				uint32_t index);

/** fam_regions_lives() - fam_park_lives(), also for those without a session */
bool fam_regions_lives(struct fam *fam, uint64_t holder);

/** Openings of a region, of sessions that live. */
struct fam_region_users {
	uint32_t readers, writers, exclusive;
	uint32_t others; /* of all these, those of other sessions */
};

/**
 * fam_region_users() - with or without the lock; without it, as good as can be
 */
void fam_region_users(struct fam *fam, const struct fam_regions *r,
		      uint32_t index, uint64_t serial,
		      struct fam_region_users *out);

/** One of many regions, and who has it open. */
struct fam_region_listed {
	struct fam_region_found found;
	struct fam_region_users users;
};

/**
 * fam_region_users_all() - the same of many, by one look at each record
 * @listed: by rising index
 */
void fam_region_users_all(struct fam *fam, const struct fam_regions *r,
			  struct fam_region_listed *listed, size_t count);

/** fam_region_opens_add() - under the lock; 0; -EMFILE */
int fam_region_opens_add(struct fam *fam, struct fam_regions *r,
			 uint64_t holder, uint32_t index, uint64_t serial,
			 uint32_t *record);

/** fam_region_opens_drop() - under the lock */
void fam_region_opens_drop(struct fam_regions *r, uint64_t holder,
			   uint32_t index, uint32_t record);

/** fam_region_opens_recount() - after a death or a start: all of @seen.opens */
void fam_region_opens_recount(struct fam *fam, struct fam_regions *r);

/* --- contents: zero.c ---------------------------------------------------------------- */

/**
 * fam_region_zero() - fill a piece of data that nobody else uses with zeros
 * @durable: they are so when it returns 0, unless none had to be stored
 * @stored: whether any had to be
 *
 * Without the lock. Stores only where there is something else: a sparse file
 * stays one. Large pieces on the host by fallocate(2), which keeps space that is
 * reserved. Ends with -ESTALE when the session is lost: others may have it then.
 */
int fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
		    bool durable, bool *stored);

/** fam_region_persist_holes() - what fam_persist() leaves out on such memory */
int fam_region_persist_holes(struct fam *fam);

/* --- giving back: trim.c -------------------------------------------------------------- */

/**
 * fam_regions_trim() - give the blocks of free space back to the file system
 * @trimmed: bytes; filled in after a failure, too
 *
 * Programs of the host only. Some pieces at a time are taken (TRIMMING), so nobody
 * gets them meanwhile; others may be created in the rest. What was freed is made
 * durable before, so that a region which a power cut brings back has its content,
 * and the holes are before they are free again.
 * Return: 0; -EOPNOTSUPP not a file of the host, or its file system cannot;
 * -EMFILE no entry is free to take pieces with; -ECANCELED; as fam_regions_lock()
 * and fam_regions_settle()
 */
int fam_regions_trim(struct fam *fam, const struct fam_trim_want *want,
		     uint64_t *trimmed);

#endif
