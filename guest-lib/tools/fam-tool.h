/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TOOL_H
#define FAM_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <fam/fam.h>
#include <fam/session.h>

/* Documented in fam(1), EXIT STATUS; the same numbers as famctl's. */
enum exit_status {
	EXIT_DONE = 0,	    /* done */
	EXIT_FAILED = 1,    /* failed for another reason than these: */
	EXIT_USAGE = 2,	    /* wrong words on the command line */
	EXIT_NO_FABRIC = 3, /* no such fabric or peer */
	EXIT_EXISTS = 4,    /* a fabric where none must be, or one in use */
	EXIT_NO_SERVER = 5, /* the server is out of reach */
};

/* At most this much is mapped at once: page tables are memory of the node. */
#define WINDOW_BYTES (UINT64_C(64) << 20)

/* All options of all commands; which fits which is in fam-opt.c. */
struct options {
	const char *fabric;  /* NULL: the only one there is */
	const char *operand; /* behind the command, if it takes one */
	const char *name;    /* to be known by; NULL: that of the program */
	bool raw, json, persist, write, check, watch, any, help, version;
	bool has_length, has_timeout, has_vector;
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
	CMD_PING = 1024,
	CMD_ALL = 2047,
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
int cmd_ping(const struct options *options);
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
#define MEMORY_GONE                                                         \
	"the memory behind the fabric is gone: its disk is full, its file " \
	"was truncated, or its device was taken away"

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

/* --- fam-peer.c ----------------------------------------------------------- */

#define TIMEOUT_MAX_S 2000000 /* about 23 days: milliseconds fit an int */
#define PEER_TEXT     (2 * FAM_SESSION_NAME_MAX) /* NODE/PROGRAM */
#define FABRIC_TEXT   4200

/**
 * peer_open() - attach, with a session where there can be one
 *
 * From then on SIGINT, SIGTERM and SIGHUP end waits with -EINTR: the session is
 * to leave, not to be found dead.
 * Return: EXIT_DONE, or the exit status after a message
 */
int peer_open(const struct options *options, struct fam **out);

/** peer_stopped() - has a signal asked the program to end? */
bool peer_stopped(void);

/** peer_close() - detach, finish_output(), and end by the signal, if one came */
int peer_close(struct fam *fam, int status);

/** fabric_text() - "fabric 'NAME'", or "the fabric" */
const char *fabric_text(const struct options *options, char out[FABRIC_TEXT]);

/** say_no_sessions() - so there are no names, nor answers; EXIT_FAILED */
int say_no_sessions(const struct options *options);

/** say_lost() - the session was declared dead; EXIT_FAILED */
int say_lost(const struct options *options);

/** say_peer_failure() - as say_failure(), of an attachment that was there */
int say_peer_failure(const struct options *options, const char *verb,
		     int error);

/** say_no_peer() - nobody has this ID or name; EXIT_NO_FABRIC */
int say_no_peer(const struct options *options, const char *peer);

/* --- fam-sessions.c ------------------------------------------------------- */

struct row {
	unsigned int peer;
	bool there;		    /* another one, and it can be rung */
	struct fam_session session; /* id 0: the peer has none */
};

/* The other peers and their sessions, by ID. All zero: empty. */
struct roster {
	size_t count, sessions;
	struct row *rows;
	int self; /* the own ID */
};

/** roster_read() - 0 or a negative errno; roster_free() in either case */
int roster_read(struct fam *fam, struct roster *out);
void roster_free(struct roster *roster);

/** roster_each() - visit each other peer, once; as fam_peer_each() */
int roster_each(const struct roster *roster,
		int (*visit)(unsigned int peer, void *arg), void *arg);

/** session_name_fits() - will fam_session_set() take it? */
bool session_name_fits(const char *name);

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
