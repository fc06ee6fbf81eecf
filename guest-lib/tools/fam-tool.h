/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TOOL_H
#define FAM_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <fam/fam.h>

/* Documented in fam(1), EXIT STATUS; the same numbers as famctl's. */
enum exit_status {
	EXIT_DONE = 0,	    /* done */
	EXIT_FAILED = 1,    /* failed for another reason than these: */
	EXIT_USAGE = 2,	    /* wrong words on the command line */
	EXIT_NO_FABRIC = 3, /* no such fabric */
	EXIT_EXISTS = 4,    /* a fabric where none must be, or one in use */
	EXIT_NO_SERVER = 5, /* the server is out of reach */
};

/* At most this much is mapped at once: page tables are memory of the node. */
#define WINDOW_BYTES (UINT64_C(64) << 20)

/* All options of all commands; which fits which is in fam-opt.c. */
struct options {
	const char *fabric;  /* NULL: the only one there is */
	const char *operand; /* behind the command, if it takes one */
	bool raw, json, persist, write, check, watch, help, version;
	bool has_length, has_timeout;
	uint64_t offset, length, seed, vector, timeout, count;
};

enum command_bit {
	CMD_INFO = 1,
	CMD_LIST = 2,
	CMD_WRITE = 4,
	CMD_READ = 8,
	CMD_VERIFY = 16,
	CMD_HELP = 32,
	CMD_PEERS = 64,
	CMD_RING = 128,
	CMD_WAIT = 256,
	CMD_PERSIST = 512,
	CMD_ALL = 1023,
};

struct command {
	const char *name;
	enum command_bit bit;
	const char *args;
	const char *summary;
	const char *operand; /* what must stand behind it; NULL: nothing */
	int (*run)(const struct options *options); /* an exit status */
};

int cmd_info(const struct options *options);
int cmd_list(const struct options *options);
int cmd_read(const struct options *options);
int cmd_write(const struct options *options);
int cmd_persist(const struct options *options);
int cmd_verify(const struct options *options);
int cmd_peers(const struct options *options);
int cmd_ring(const struct options *options);
int cmd_wait(const struct options *options);

/* --- fam-opt.c ------------------------------------------------------------ */

/**
 * opt_parse() - options before and behind the command's name
 * @used: which options were given, for opt_misfit()
 *
 * Return: the number of operands, moved to the front of @argv; -1 after a
 * message about a wrong one
 */
int opt_parse(int argc, char **argv, struct options *out, unsigned int *used);

/** opt_misfit() - name of an option that does not fit the command, or NULL */
const char *opt_misfit(unsigned int used, enum command_bit command);

/** parse_number() - a whole decimal number; -EINVAL, -ERANGE */
int parse_number(const char *text, uint64_t *out);

/** opt_print() - the help lines of all options */
void opt_print(void);

/* --- fam-out.c ------------------------------------------------------------ */

/** say_usage() - "fam: ..." and where help is, on stderr; EXIT_USAGE */
int say_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * say_failure() - "fam: cannot VERB fabric 'x': cause" and the next step
 * @error: negative errno of a libfam call
 *
 * Return: the exit status that belongs to it
 */
int say_failure(const struct options *options, const char *verb, int error);

/** say_system() - "fam: WHAT: cause" for a failed system call; EXIT_FAILED */
int say_system(const char *what, int errnum);

/* What a page that cannot be supplied means; a signal handler prints it. */
#define MEMORY_GONE                                                            \
	"the memory behind the fabric is gone: its disk is full, or its file " \
	"was truncated"

/** exit_status_of() - of a libfam error */
int exit_status_of(int error);

/** size_text() - "16 GiB", "1.5 MiB", "512 B": for people */
#define SIZE_TEXT_MAX 32
const char *size_text(uint64_t bytes, char out[SIZE_TEXT_MAX]);

/** json_text() - print a JSON string of any bytes */
void json_text(FILE *f, const char *text);

/** json_error() - print {"message": ..., "hint": ..., "exit_status": ...} */
void json_error(FILE *f, const char *message, int error);

/** finish_output() - close stdout; EXIT_FAILED with a message if it was lost */
int finish_output(int status);

/* --- fam-io.c ------------------------------------------------------------- */

/* A piece of a fabric that a command goes through window by window. */
struct span {
	struct fam *fam;
	uint64_t offset, end; /* of the data; offset moves on */
};

/**
 * span_open() - open the fabric and check --offset and --length against it
 * @flags: FAM_OPEN_RDONLY or 0
 * @verb: for the message
 *
 * Return: EXIT_DONE, the caller closes span->fam; else an exit status
 */
int span_open(const struct options *options, unsigned int flags,
	      const char *verb, struct span *out);

/** span_map() - map the next window at span->offset; *len is 0 at the end */
int span_map(const struct span *span, void **window, size_t *len);

#endif
