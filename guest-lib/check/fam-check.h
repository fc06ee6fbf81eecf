/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHECK_INTERNAL_H
#define FAM_CHECK_INTERNAL_H

/*
 * Behind fam/check.h: one look at all structures. What is found is kept until
 * it was looked at again, or made good; only then is anybody told.
 *
 *	check.c			looks, looks again, has it repaired, tells
 *	check-headers.c		superblocks, mailbox, sessions, parking
 *	check-regions.c		entries of the directory of regions
 *	check-live.c		the rest of that directory, and its repair
 *	check-rivals.c		two that take the same space, or have one name
 *	check-objects.c		the directory of named objects
 *	check-mend.c		a byte of an object's entry, by its checksum
 *	check-heaps.h		heaps, each in a region
 *
 * Whatever lies in the fabric may be nonsense, and may change at any moment:
 * what is judged is private copies.
 */
#include <fam-sessions.h>
#include <fam/check.h>

#include "internal.h"
#include "objects/fam-directory.h"
#include "regions/fam-region.h"

struct fam_checker {
	struct fam *fam;
	const struct fam_sessions *table; /* NULL: there is none */
	struct fam_check_summary sum;
	struct fam_check_problem *problem; /* what this look has found */
	size_t count, room;
	bool no_memory;
	struct fam_check_problem scratch; /* in the place of what has none */
	/* What is to be repaired. */
	const struct fam_check_problem *found;
	size_t found_count;
	/* This session, too, uses a heap: what is found may be its own doing. */
	bool in_use;
	/* The lock of the directory of regions, at the look before. */
	uint64_t lock, changes;
};

/**
 * fam_check_found() - a problem, to be filled in with part and text
 *
 * Return: never NULL
 */
struct fam_check_problem *fam_check_found(struct fam_checker *c,
					  enum fam_check_level level,
					  uint64_t offset, uint64_t bytes);

/**
 * fam_check_is_due() - will whoever comes next clear up after a crash?
 * @boot: of the host, at which all was checked last
 * @lock: over it
 *
 * Then torn copies, and what is half done, are what the crash has left.
 */
bool fam_check_is_due(const struct fam_checker *c, uint64_t boot,
		      const struct fam_mutex *lock);

/** fam_check_lives() - the session in a holder word */
bool fam_check_lives(const struct fam_checker *c, uint64_t holder);

/** fam_check_boot() - of the host, as the table of sessions says */
uint64_t fam_check_boot(const struct fam_checker *c);

/** fam_repair_is_due() - was anything found there? */
bool fam_repair_is_due(const struct fam_checker *c, uint64_t offset,
		       uint64_t bytes);

/**
 * fam_repair_persist() - fam_persist()
 *
 * Where there is no disk, nothing of the fabric is on it: that is no failure.
 */
int fam_repair_persist(struct fam *fam, const void *addr, size_t len);

/* --- headers: check-headers.c ---------------------------------------------- */

int fam_check_superblocks(struct fam_checker *c);
int fam_check_mailbox(struct fam_checker *c);
int fam_check_sessions(struct fam_checker *c);
int fam_check_parking(struct fam_checker *c);
int fam_repair_superblocks(struct fam_checker *c);
int fam_repair_mailbox(struct fam_checker *c);
int fam_repair_sessions(struct fam_checker *c);
int fam_repair_parking(struct fam_checker *c);

/* --- regions: check-regions.c, check-live.c ---------------------------------- */

#define FAM_CHECK_UNKNOWN UINT64_MAX

/* One look at the directory of regions. */
struct fam_check_regions {
	const struct fam_regions *r;
	bool unsettled; /* somebody is at it, or a crash was not cleared up */
	uint64_t stamp, serial; /* the highest there are */
	uint32_t loose;
	uint32_t *opens;       /* records of each entry */
	uint64_t *serials;     /* of each entry; 0: it is nobody's */
	uint64_t *generations; /* the same; or FAM_CHECK_UNKNOWN */
	struct fam_check_piece *piece;
	size_t pieces;
};

/** fam_check_is_unused() - both copies of an entry are zeros, as most are */
bool fam_check_is_unused(const struct fam_regions *r, uint32_t index);

int fam_check_regions(struct fam_checker *c);
int fam_repair_regions(struct fam_checker *c);

/** fam_check_live() - live page, seen and records, after the entries */
void fam_check_live(struct fam_checker *c, struct fam_check_regions *d);

/* --- rivals: check-rivals.c --------------------------------------------------- */

struct fam_check_piece {
	uint64_t offset, bytes;
	uint64_t age;  /* the one with the higher one stays */
	uint64_t hash; /* of its name; 0: it has none */
	uint32_t index;
};

struct fam_check_rivals {
	struct fam_checker *c;
	struct fam_check_piece *piece;
	size_t count;
	enum fam_check_level level;
	const char *kind;  /* "region entry" */
	uint64_t at, step; /* where entry 0 lies, and how long each is */
	bool (*same_name)(const struct fam_check_rivals *r, uint32_t a,
			  uint32_t b);
	const void *arg;
};

/** fam_check_rivals() - report those that cannot be there together */
void fam_check_rivals(const struct fam_check_rivals *r);

/* --- objects: check-objects.c ----------------------------------------------------- */

int fam_check_objects(struct fam_checker *c);
int fam_repair_objects(struct fam_checker *c);

/* --- heaps: check-heaps.c ------------------------------------------------------- */

int fam_check_heaps(struct fam_checker *c);
int fam_repair_heaps(struct fam_checker *c);

/* --- mending: check-mend.c --------------------------------------------------------- */

/**
 * fam_check_mend() - undo the change of one byte of an object's entry
 * @word: of the object, READY
 *
 * What fits the checksum with one byte changed is right only if name and serial
 * fit the word.
 * Return: was there such a byte? Then @entry is as it was
 */
bool fam_check_mend(struct fam_objects_entry *entry, uint64_t word);

/** fam_check_one_byte() - is that all two words differ in? */
static inline bool fam_check_one_byte(uint64_t difference)
{
	return difference &&
	       !(difference &
		 ~(UINT64_C(0xff) << __builtin_ctzll(difference) / 8 * 8));
}

#endif
