/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAP_TOOL_H
#define FAM_HEAP_TOOL_H

/* What the commands of heaps and of the store in one share. */

#include <fam/heap.h>

#include "fam-region-tool.h"

/** Something a command does: the first word behind its name. */
struct action {
	const char *name;
	int least, most;     /* words that stand behind it, */
	const char *operand; /* which are these; NULL: none */
	const char *
		options; /* that fit it, of those that are not for all: "a b" */
	int (*run)(const struct options *options, char **words);
};

/** action_run() - the one that options->operand names; an exit status */
int action_run(const struct options *options, const struct action *actions,
	       size_t count, const char *command);

/**
 * heap_create() - fam_heap_create(), as --mode and so on say
 * @bytes: 0: 64 MiB, or half of what is free if that is less
 */
int heap_create(const struct options *options, struct fam *fam,
		const char *name, uint64_t bytes, struct fam_heap **out);

/** heap_check_want() - do the options make sense? EXIT_DONE; EXIT_USAGE */
int heap_check_want(const struct options *options, uint64_t bytes);

/**
 * say_heap_failure() - "fam: cannot VERB heap 'NAME': cause", and a hint
 * @creating: what is not free is missing in the fabric, not in the heap
 *
 * Return: the exit status that belongs to it
 */
int say_heap_failure(const struct options *options, struct fam *fam,
		     const char *verb, const char *name, int error,
		     bool creating);

/** heap_failure() - what goes wrong in a heap, for messages of one's own */
struct failure heap_failure(int error);

#endif
