/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_REGION_TOOL_H
#define FAM_REGION_TOOL_H

/* What the commands of named regions share. */

#include "fam-tool.h"

/**
 * regions_look() - attach to a fabric with regions, unseen and read-only
 *
 * Return: EXIT_DONE, fam_close() and finish_output() are to follow; or an exit
 * status after a message
 */
int regions_look(const struct options *options, struct fam **out);

/**
 * regions_damaged() - say that the directory is
 * @begun: the elements of an array in an object were printed as JSON, which is
 *	ended here
 *
 * Return: exit status
 */
int regions_damaged(const struct options *options, bool begun);

/** regions_change() - the same, with a session: peer_close() is to follow */
int regions_change(const struct options *options, struct fam **out);

/**
 * regions_use() - the same, to read what is in a region
 *
 * With a session, in which it is not destroyed meanwhile, where there can be one.
 */
int regions_use(const struct options *options, struct fam **out);

/** say_no_regions() - there can be none in this fabric; EXIT_FAILED */
int say_no_regions(const struct options *options);

/**
 * say_region_failure() - "fam: cannot VERB region 'NAME': cause", and a hint
 * @fam: what it was tried with: tells who has it open, and what is free
 *
 * Return: the exit status that belongs to it
 */
int say_region_failure(const struct options *options, struct fam *fam,
		       const char *verb, const char *name, int error);

/** region_patiently() - of -EBUSY: may it be a dead one, is it worth a try? */
#define region_patiently(r, waited) ((r) == -EBUSY && peer_patience(waited))

/** region_flags() - NO_SYNC and NO_ZERO, as the options say */
uint32_t region_flags(const struct options *options);

/** region_mode() - of octal digits; EXIT_DONE, or EXIT_USAGE after a message */
int region_mode(const char *text, uint32_t *out);

/** region_size() - of a word; EXIT_DONE, or EXIT_USAGE after a message */
int region_size(const char *text, uint64_t *out);

/** region_tell() - with --json: print the region as it is now; EXIT_DONE */
int region_tell(const struct options *options, struct fam *fam,
		const char *name);

/** An exit status; with --json, an element of an array was printed, or an error. */
typedef int region_action(const struct options *options, struct fam *fam,
			  const char *name, const void *arg);

/** region_words() - do it with each name; the first exit status but EXIT_DONE */
int region_words(const struct options *options, struct fam *fam,
		 char *const *names, region_action *action, const void *arg);

/** region_json() - print the object of a region */
void region_json(const struct fam_region_info *info);

/** mode_text() - "rw-r-----" */
#define MODE_TEXT 10
const char *mode_text(uint32_t mode, char out[MODE_TEXT]);

/* --- fam-region-ls.c ------------------------------------------------------------ */

/** What stands in a list: a region, or all whose names begin with one part. */
struct region_item {
	const struct fam_region_info
		*region; /* NULL: a part, which ends in '/' */
	char name[FAM_REGION_NAME_MAX];
	size_t parent; /* bytes of the name that all items share */
	uint64_t regions, bytes, space;
};

/**
 * regions_level() - one level of the names, or with --recursive all below
 * @word: NULL, a name, or the first parts of names, with or without a '/'
 *
 * Return: 0, or a negative errno: -ENOENT nothing has such a name
 */
int regions_level(const struct options *options, struct fam *fam,
		  const char *word,
		  void (*show)(const struct region_item *item, void *arg),
		  void *arg);

#endif
