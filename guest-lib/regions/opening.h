/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_OPENING_H
#define FAM_OPENING_H

/* What the calls of fam/region.h share: openings, rights, finding by name. */

#include "fam-region.h"

/* Of struct fam_regions_live.loose. */
#define FAM_LOOSE_STORES UINT64_C(1) /* in data: zeros, or what users stored */
#define FAM_LOOSE_HOLES	 UINT64_C(2) /* what was punched, or zeroed as a whole */

#define FAM_REGION_NO_RECORD UINT32_MAX

struct fam_region {
	/* Of the attachment; under fam_regions.lock. */
	struct fam_region *next, **before;
	struct fam *fam;
	uint64_t holder; /* with flags; 0: without a session */
	uint64_t serial;
	uint32_t index, record;
	bool writable, exclusive;
	bool moving; /* nothing may be mapped now; under fam_regions.lock */
};

/* --- openings: region.c -------------------------------------------------------- */

/**
 * fam_region_link() - an opening of what was found
 * @flags: as for fam_region_open(), which they were checked for
 *
 * Under the directory's lock: it is recorded, so nobody else destroys it.
 * Return: 0; -EMFILE; -ENOMEM
 */
int fam_region_link(struct fam *fam, struct fam_regions *r,
		    const struct fam_region_found *found, uint32_t flags,
		    struct fam_region **out);

/** fam_region_mark() - keep writers away, or no more; under the lock */
void fam_region_mark(struct fam_regions *r, struct fam_region *region,
		     bool exclusive);

/** fam_region_unlink() - take that back, still under the lock */
void fam_region_unlink(struct fam_regions *r, struct fam_region *region);

/** fam_region_forget() - all openings, as the attachment ends */
void fam_region_forget(struct fam_regions *r);

/**
 * fam_region_get() - the entry of an opening
 *
 * Under the directory's lock. Return: 0; -ENOENT; -EBADMSG
 */
int fam_region_get(struct fam *fam, struct fam_regions *r,
		   const struct fam_region *region,
		   struct fam_region_found *out);

/**
 * fam_region_peek() - the same without the lock
 *
 * Return: 0; -ENOENT; -EBADMSG; -ESTALE the session is lost, so it may be any
 */
int fam_region_peek(const struct fam_region *region,
		    struct fam_region_entry *out);

/** fam_region_open_flags() - are they good for opening? 0; -EINVAL */
int fam_region_open_flags(uint32_t flags);

/* --- finding and waiting: find.c ------------------------------------------------ */

/**
 * fam_region_lock_found() - lock the directory, and find a region in it
 *
 * While somebody who lives is making it, waits for him.
 * Return: 0: locked; -ENOENT: locked, too; else it is not; -EINTR
 */
int fam_region_lock_found(struct fam *fam, const char *name,
			  struct fam_regions **out,
			  struct fam_region_found *found);

/** fam_region_nap() - until somebody else may have done it; 0; -EINTR */
int fam_region_nap(void);

/** fam_region_search() - by name, without the lock; 0; -ENOENT; -EBADMSG */
int fam_region_search(struct fam *fam, const struct fam_regions *r,
		      const char *name, struct fam_region_found *out);

/**
 * fam_regions_data() - where in the area there may be something but zeros
 * @at: from there on
 * @until: and up to where
 *
 * On the host the holes of the file are passed over, and not read.
 * Return: how many bytes behind the start of the area; its size: nowhere
 */
uint64_t fam_regions_data(const struct fam *fam, const struct fam_regions *r,
			  uint64_t at, uint64_t *until);

/* To visit the entries that may have been used, those of a sparse file quickly. */
struct fam_regions_walk {
	uint32_t next; /* begin with zeros */
	/* Of each copy: there may be something. */
	uint64_t begin[FAM_REGIONS_COPIES], end[FAM_REGIONS_COPIES];
};

/** fam_regions_next() - Return: an entry; or how many there are */
uint32_t fam_regions_next(const struct fam *fam, const struct fam_regions *r,
			  struct fam_regions_walk *walk);

/* --- rights: rights.c ------------------------------------------------------------ */

/** fam_region_may() - open it like that? 0; -EACCES */
int fam_region_may(const struct fam_region_entry *entry, uint32_t flags);

/** fam_region_owns() - 0; -EACCES neither the owner nor uid 0 */
int fam_region_owns(const struct fam_region_entry *entry);

/** fam_region_in_group() - is the process in a group? */
bool fam_region_in_group(uint32_t gid);

/** fam_region_shares() - with openings that there are? 0; -EBUSY */
int fam_region_shares(const struct fam_region_users *users, uint32_t flags);

/* --- space that is being filled: take.c -------------------------------------------- */

#define FAM_REGION_PATIENCE_NS INT64_C(5000000000) /* with who trims */

/** fam_region_space_for() - what so many bytes take; 0: more than there can be */
uint64_t fam_region_space_for(uint64_t bytes);

/** fam_region_now() - nanoseconds since 1970-01-01 UTC */
uint64_t fam_region_now(void);

/**
 * fam_region_free_entry() - is free from now on; its serial stays
 * @trim: what it took holds blocks still
 */
void fam_region_free_entry(struct fam_region_entry *entry, bool trim);

/**
 * fam_region_take() - make a piece of data ours, MAKING
 * @entry: what it is to become, with its space. @offset: there, 0: anywhere.
 *	State, serial, holder, boot and times are filled in here
 *
 * Under the lock. What the dead have left is freed if that is needed.
 * Return: 0; -ENOSPC; -EMFILE; -EAGAIN it may be there when somebody has trimmed
 * it: unlock, nap, and begin anew
 */
int fam_region_take(struct fam *fam, struct fam_regions *r,
		    const struct fam_region_entry *entry,
		    struct fam_region_found *out);

/** fam_region_again() - after that: 0; -ENOSPC that was too long; -EINTR */
int fam_region_again(int64_t began);

/** fam_region_retake() - lock, and it is ours still; 0; -ESTALE; ...: not locked */
int fam_region_retake(struct fam *fam, const struct fam_region_found *taken,
		      struct fam_regions **out);

/** fam_region_drop() - give it back, if it is ours still; under the lock */
void fam_region_drop(struct fam *fam, struct fam_regions *r,
		     const struct fam_region_found *taken);

/** fam_region_lock_drop() - the same, with its own lock */
void fam_region_lock_drop(struct fam *fam,
			  const struct fam_region_found *taken);

/* --- contents: zero.c ------------------------------------------------------------- */

/** fam_region_persist() - a piece of data of any length, which has no time limit */
int fam_region_persist(struct fam *fam, uint64_t offset, uint64_t bytes);

/* --- moving: move.c ------------------------------------------------------------------ */

/**
 * fam_region_still() - nothing of a region can be mapped here until that is ended
 * @from: offset in the fabric, in the region
 *
 * Return: 0; -EBUSY it is mapped, from there on; 1 another thread does the same:
 * begin anew later
 */
int fam_region_still(struct fam_region *region, uint64_t from);
void fam_region_unstill(struct fam_region *region);

/**
 * fam_region_move() - make an open region larger, at another place
 * @found: as it is
 * @want: how many bytes
 *
 * Locked before, but not after. Return: 0; -EAGAIN, 1: begin anew; -EBUSY; ...
 */
int fam_region_move(struct fam_region *region, struct fam_regions *r,
		    const struct fam_region_found *found, uint64_t bytes,
		    uint32_t flags);

/* --- describing: each.c ------------------------------------------------------------ */

/** fam_region_describe() - as much as the caller knows of the structure */
int fam_region_describe(struct fam *fam, const struct fam_regions *r,
			const struct fam_region_found *found,
			struct fam_region_info *out, size_t size);

#endif
