/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PARKING_H
#define FAM_PARKING_H

/*
 * Where threads that sleep until a word changes are written down: the futex of
 * a fabric. ../FORMAT.md describes it. Not installed.
 *
 * A place belongs to the thread whose session stands in its word; all of its
 * steps are made by compare-and-swap from exactly that word:
 *
 *	0 -> CLAIMED -> WAITING -> WOKEN -> 0
 *	                       \--> CLAIMED -> 0
 *
 * Who finds the session of a place dead frees it; if it was WOKEN, it first
 * wakes the next one for the same key, since the dead may not have used what it
 * was woken for. To be woken means nothing but to look again.
 */

#include <fam-holder.h>
#include <fam/layout.h>

#define FAM_PARKING_GROUPS 64
#define FAM_PARKING_PLACES 64 /* of a group: a bit of a word each */
#define FAM_PARKING_TOTAL  (FAM_PARKING_GROUPS * FAM_PARKING_PLACES)

enum fam_parking_state { /* in the flags of a place's holder word */
			 FAM_PARKING_CLAIMED = 1,
			 FAM_PARKING_WAITING = 2,
			 FAM_PARKING_WOKEN = 3,
};

struct fam_parking_place { /* a cache line */
	fam_word word;	   /* fam_holder() of the session | state; 0: free */
	fam_word key;	   /* offset in the fabric of the word waited for */
	fam_word order;	   /* who has the lowest is woken first */
	fam_word node; /* whose programs wake it by futex(2), as in the table of
			  sessions; 0: only its own process does */
	uint64_t reserved[4];
};

struct fam_parking_group { /* a cache line */
	fam_word used;	   /* a hint: place b may not be free */
	fam_word spilled;  /* how many went on to the next one, at least */
	fam_word order;	   /* counts arrivals of those who come here first */
	uint64_t reserved[5];
};

struct fam_parking {
	struct fam_parking_group group[FAM_PARKING_GROUPS];
	struct fam_parking_place place[FAM_PARKING_GROUPS][FAM_PARKING_PLACES];
};

#ifndef __cplusplus
_Static_assert(offsetof(struct fam_parking_place, key) == 8, "format");
_Static_assert(offsetof(struct fam_parking_place, order) == 16, "format");
_Static_assert(offsetof(struct fam_parking_place, node) == 24, "format");
_Static_assert(sizeof(struct fam_parking_place) == 64, "format");
_Static_assert(offsetof(struct fam_parking_group, spilled) == 8, "format");
_Static_assert(offsetof(struct fam_parking_group, order) == 16, "format");
_Static_assert(sizeof(struct fam_parking_group) == 64, "format");
_Static_assert(offsetof(struct fam_parking, place) == 4096, "format");
_Static_assert(sizeof(struct fam_parking) == FAM_PARKING_BYTES, "format");
#endif

#endif
