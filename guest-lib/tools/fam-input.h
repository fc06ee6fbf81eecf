/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_INPUT_H
#define FAM_INPUT_H

/*
 * A file, or a pipe, that is read into a fabric. The kernel copies from there to
 * here: it finds an error where a store of ours would end in a signal, because
 * the memory cannot be had. So what is read ahead is kept in a file, too.
 */

#include <sys/types.h>

#include "fam-tool.h"

struct input {
	const struct options *options;
	const char *file; /* "-": standard input */
	int fd, ahead;	  /* the file itself; what was read ahead of it */
	uint64_t ahead_bytes;
	/* errno of what failed. EINTR: a signal asks to end; EFAULT: the memory */
	int error;
};

/** input_open() - EXIT_DONE, or an exit status; input_close() in either case */
int input_open(struct input *input, const struct options *options,
	       const char *file);
void input_close(struct input *input);

/** input_expects() - bytes that will come; 0: nobody knows */
uint64_t input_expects(const struct input *input);

/**
 * input_peek() - read ahead, when all that was is used up
 *
 * Return: how much there is, less than @bytes at the end; or a negative errno
 */
int64_t input_peek(struct input *input, uint64_t bytes);

/** input_read() - what comes next; 0 at the end; a negative errno */
ssize_t input_read(struct input *input, void *out, size_t bytes);

/** say_input_failure() - of input->error, not EFAULT; EXIT_FAILED */
int say_input_failure(const struct input *input);

#endif
