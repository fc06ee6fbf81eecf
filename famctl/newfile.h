/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NEWFILE_H
#define FAMCTL_NEWFILE_H

#include <limits.h>
#include <stdbool.h>

#include "util/err.h"

/*
 * A file that appears under its name when it is complete, or not at all. Until
 * then it has no name (O_TMPFILE), so that even SIGKILL leaves nothing, or on
 * file systems without that a hidden one beside its later name.
 */
struct newfile {
	int dirfd;		 /* the caller's */
	int fd;			 /* read and write, mode 0600 at first */
	const char *base;	 /* its name in the end */
	char temp[NAME_MAX + 1]; /* hidden name; "": none */
	bool published;
};

/** newfile_open() - begin; @dir is for messages; fields above are set here */
int newfile_open(struct newfile *file, int dirfd, const char *dir,
		 const char *base, struct err *err);

/**
 * newfile_publish() - give the file its name, durably
 *
 * The content must have been synced before. Return: 0; -EEXIST the name is
 * taken: nothing is ever replaced
 */
int newfile_publish(struct newfile *file, struct err *err);

/** newfile_close() - @keep false: undo; removes it, published or not */
void newfile_close(struct newfile *file, bool keep);

#endif
