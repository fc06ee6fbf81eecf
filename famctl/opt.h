/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_OPT_H
#define FAMCTL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* The values of a repeatable option, in the order typed. */
struct opt_list {
	const char **item;
	size_t count;
};

enum opt_kind {
	OPT_FLAG,   /* bool */
	OPT_STRING, /* const char *: points into argv */
	OPT_SIZE,   /* uint64_t, bytes: size_parse() */
	OPT_NUMBER, /* uint64_t, decimal */
	OPT_LIST,   /* struct opt_list: repeatable */
};

/*
 * One option. The table drives parsing, --help, completion and the check of
 * the manual page, so an option exists in one place only.
 */
struct opt {
	const char *name; /* long name without dashes; NULL ends the table */
	char letter;	  /* short form or 0 */
	enum opt_kind kind;
	const char
		*value; /* name of the value in help, "DIR"; NULL for a flag */
	const char *help; /* one line */
	void *target; /* where the value goes, its type as in enum opt_kind */
};

/**
 * opt_parse() - set the targets and move the operands to the front of @argv
 * @tables: NULL-ended list of tables, e.g. the command's and the global one
 * @argc: in: words in @argv; out: operands left
 *
 * Accepts --name VALUE, --name=VALUE, -lVALUE, -l VALUE; "--" ends the options;
 * a unique beginning of a name is NOT accepted. An option that is not a list
 * and stands twice is an error.
 * Return: 0; -EINVAL with @err naming the word and the hint
 */
int opt_parse(const struct opt *const *tables, int *argc, char **argv,
	      struct err *err);

/** opt_print() - the help text of a table, a line an option, on stdout */
void opt_print(const struct opt *table);

#endif
