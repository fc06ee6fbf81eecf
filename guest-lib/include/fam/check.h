/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHECK_H
#define FAM_CHECK_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define FAM_CHECK_REPAIR 0x1u

enum fam_check_level {
	FAM_CHECK_NOTE =
		0, /* what a crash may leave, and is made good in use */
	FAM_CHECK_DAMAGE = 1, /* nothing is lost: a second copy is whole */
	FAM_CHECK_LOSS = 2,   /* something cannot be told any more */
};

/** Something that is not as it should be. */
struct fam_check_problem {
	uint64_t offset; /* in the fabric */
	uint64_t bytes;
	uint32_t level;	   /* enum fam_check_level */
	uint32_t repaired; /* 1: it is as it should be now */
	char part[64];	   /* what lies there: "entry 12, copy 1" */
	char text[192];	   /* what is wrong with it */
};

/** What was looked at. */
struct fam_check_summary {
	uint64_t notes, damages, losses, repaired;
	uint64_t regions;     /* whole ones */
	uint64_t taken, free; /* bytes of data */
	uint64_t objects;
	uint64_t heaps;	       /* whole ones */
	uint64_t heap_objects; /* allocated in them */
};

/**
 * fam_check() - look at every structure of a formatted fabric
 * @flags: FAM_CHECK_REPAIR needs a session: damaged copies are written anew from
 *	the other one, what a crash has left is taken away, and all of that is
 *	durable when it returns
 * @visit: called for each problem; a value other than 0 ends it and is returned
 *
 * While others use the fabric: what they change meanwhile is looked at again
 * before it is called a problem. Without FAM_CHECK_REPAIR nothing is stored and
 * nobody is waited for. The contents of regions and objects are not looked at, but
 * what a heap keeps of itself is.
 *
 * Return: 0, whatever was found; the value of @visit; -EMEDIUMTYPE a raw fabric;
 *	-EINVAL unknown flags; -ENODATA no memory; with FAM_CHECK_REPAIR the errors
 *	of fam_persist() (but where there is no disk, that is none), after @visit
 *	was called; -EROFS, -ESTALE, -EUSERS
 * Since:    0.1
 */
int fam_check(struct fam *fam, unsigned int flags,
	      int (*visit)(const struct fam_check_problem *problem, void *arg),
	      void *arg, struct fam_check_summary *out);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
