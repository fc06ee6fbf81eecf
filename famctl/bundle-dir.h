/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_BUNDLE_DIR_H
#define FAMCTL_BUNDLE_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/* The directory of a bundle: locked, and its files replaced together. */
struct bundle_dir {
	const char *path; /* absolute, the caller's */
	int fd;		  /* -1: not open */
	size_t had;	  /* how much of the path was there before; paths.h */
};

/** bundle_dir_open() - open it as it is; fd stays -1 if it does not exist */
int bundle_dir_open(struct bundle_dir *dir, const char *path, struct err *err);

/**
 * bundle_dir_begin() - make it if need be, open it, and lock it
 *
 * One at a time: the lock goes with the descriptor, so nothing is left of it.
 * Return: 0; -EBUSY others had it for too long; -EINTR a signal waits
 */
int bundle_dir_begin(struct bundle_dir *dir, const char *path, struct err *err);

/** bundle_dir_end() - close it; @keep false: remove what begin made */
void bundle_dir_end(struct bundle_dir *dir, bool keep);

/** bundle_dir_refuse() - -EEXIST if a file of another is in our way */
int bundle_dir_refuse(const struct bundle_dir *dir, struct err *err);

/* One file and what writes it; @arg is bundle_dir_replace()'s. */
struct bundle_part {
	const char *name;
	int (*write)(void *arg, int fd, struct err *err);
};
#define BUNDLE_PARTS_MAX 4

/**
 * bundle_dir_replace() - write files and put them in place, in that order
 *
 * All are complete and on the disk before the first is put in place, and have
 * no name until then, so nothing is left of them. A name may come twice.
 * Return: 0; -EINTR a signal waits, nothing was replaced
 */
int bundle_dir_replace(const struct bundle_dir *dir,
		       const struct bundle_part *parts, size_t count, void *arg,
		       struct err *err);

#endif
