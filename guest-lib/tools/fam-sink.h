/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SINK_H
#define FAM_SINK_H

/*
 * A file that is written: it gets its name when it is whole. Until then it has a
 * hidden one beside that, and is removed if nothing comes of it.
 */

#include "fam-tool.h"

struct sink {
	const struct options *options;
	int fd;
	const char *file;	  /* NULL: standard output */
	char temporary[PATH_MAX]; /* "": written in place, no regular file */
};

/**
 * sink_open() - EXIT_DONE, or an exit status after a message
 * @file: NULL is standard output; an existing one needs --force
 *
 * sink_close() is to follow in either case.
 */
int sink_open(struct sink *sink, const struct options *options,
	      const char *file);

/** sink_write() - all of it; 0 or an errno, EINTR if a signal asks to end */
int sink_write(struct sink *sink, const uint8_t *data, size_t bytes);

/** sink_write_sparse() - the same; zeros may become holes: see sink_end() */
int sink_write_sparse(struct sink *sink, const uint8_t *data, size_t bytes);

/** sink_end() - so many bytes were written in all; 0 or an errno */
int sink_end(struct sink *sink, uint64_t bytes);

/** sink_commit() - give the file its name; 0 or an errno */
int sink_commit(struct sink *sink);

/** sink_close() - and remove what was not committed */
void sink_close(struct sink *sink);

/** say_sink_failure() - of an errno; an exit status */
int say_sink_failure(const struct sink *sink, int error);

#endif
