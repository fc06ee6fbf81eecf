/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TOOL_H
#define FAM_TOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <fam/fam.h>
#include <fam/region.h>
#include <fam/session.h>

/* Documented in fam(1), EXIT STATUS; the same numbers as famctl's. */
enum exit_status {
	EXIT_DONE = 0,	     /* done */
	EXIT_FAILED = 1,     /* failed for another reason than these: */
	EXIT_USAGE = 2,	     /* wrong words on the command line */
	EXIT_NO_FABRIC = 3,  /* no such fabric or peer */
	EXIT_EXISTS = 4,     /* a fabric where none must be, or one in use */
	EXIT_NO_SERVER = 5,  /* the server is out of reach */
	EXIT_OTHER_SIDE = 6, /* the other side died or gave up, or an owner */
	EXIT_NO_KEY = 7,     /* the store has no such key */
};

/* At most this much is mapped at once: page tables are memory of the node. */
#define WINDOW_BYTES (UINT64_C(64) << 20)

/* All options of all commands; which fits which is in fam-opt.c. */
struct options {
	const char *fabric;  /* NULL: the only one there is */
	const char *operand; /* behind the command, if it takes one */
	char **words;	     /* behind that; ends with NULL */
	const char *name;    /* to be known by; NULL: that of the program */
	const char *remove;  /* name of an object */
	const char *region;  /* whose bytes are read, written, ... */
	const char *mode;    /* of a new region, in octal digits */
	bool raw, json, persist, write, check, watch, any, help, version;
	bool force, try, repair;
	bool replace, recursive, details, no_sync, no_zero;
	const char *heap; /* the store's; NULL: KV_HEAP */
	bool follow, ack, no_log;
	bool has_length, has_timeout, has_vector, has_wait, has_size;
	bool has_count, has_from;
	uint64_t offset, length, seed, vector, timeout, count, wait, size;
	uint64_t type, from;
	uint64_t bytes, batch, journals, journal_bytes; /* 0: not given */
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
	CMD_LOCK = 2048,
	CMD_OBJECTS = 4096,
	CMD_SEND = 8192,
	CMD_RECV = 16384,
	CMD_CHAT = 32768,
	CMD_BENCH = 65536,
	CMD_LS = 131072,
	CMD_CREATE = 262144,
	CMD_RM = 524288,
	CMD_MV = 1048576,
	CMD_STAT = 2097152,
	CMD_PUT = 4194304,
	CMD_GET = 8388608,
	CMD_CHMOD = 16777216,
	CMD_CHOWN = 33554432,
	CMD_RESIZE = 67108864,
	CMD_DU = 134217728,
	CMD_DF = 268435456,
	CMD_KV = 536870912,
	CMD_HEAP = 1073741824,
	CMD_ALL = 2147483647,
};

struct command {
	const char *name;
	enum command_bit bit;
	const char *args;
	const char *summary;
	int least, most;     /* words that stand behind it, */
	const char *operand; /* which are these; NULL: none */
	int (*run)(const struct options *options); /* an exit status */
};

#define WORDS_ANY INT_MAX

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
int cmd_lock(const struct options *options);
int cmd_objects(const struct options *options);
int cmd_send(const struct options *options);
int cmd_recv(const struct options *options);
int cmd_chat(const struct options *options);
int cmd_bench(const struct options *options);
int cmd_ls(const struct options *options);
int cmd_create(const struct options *options);
int cmd_rm(const struct options *options);
int cmd_mv(const struct options *options);
int cmd_stat(const struct options *options);
int cmd_put(const struct options *options);
int cmd_get(const struct options *options);
int cmd_chmod(const struct options *options);
int cmd_chown(const struct options *options);
int cmd_resize(const struct options *options);
int cmd_du(const struct options *options);
int cmd_df(const struct options *options);
int cmd_kv(const struct options *options);
int cmd_heap(const struct options *options);

/* --- fam-opt.c ------------------------------------------------------------ */

/**
 * opt_parse() - options before and behind the command's name
 * @used: which options were given, for opt_misfit()
 *
 * Return: the number of operands, moved to the front of @argv; -1 after a
 * message about a wrong one
 */
int opt_parse(int argc, char **argv, struct options *out, uint64_t *used);

/** opt_misfit() - name of an option that does not fit the command, or NULL */
const char *opt_misfit(uint64_t used, enum command_bit command);

/** parse_number() - a whole decimal number; -EINVAL, -ERANGE */
int parse_number(const char *text, uint64_t *out);

/** parse_size() - bytes, or with a unit; -EINVAL, -ERANGE */
int parse_size(const char *text, uint64_t *out);

/** opt_names() - print the options of a command, one in a line */
void opt_names(enum command_bit command);

/** opt_print() - the help lines of the options of some commands: CMD_ALL, ... */
void opt_print(uint64_t commands);

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

/**
 * say_object_failure() - of a named object: "fam: cannot use KIND 'NAME': cause"
 * @kind: "stream", "mutex", ...
 *
 * Return: the exit status that belongs to it
 */
int say_object_failure(const struct options *options, const char *kind,
		       const char *name, int error);

/** say_no_objects() - there can be none in this fabric; EXIT_FAILED */
int say_no_objects(const struct options *options);

/** say_text() - "fam: TEXT", harmlessly, and a hint, which may be NULL */
void say_text(const char *text, const char *hint);

/** say() - the same, and on stdout too if --json was given; @status */
int say(const struct options *options, const char *text, const char *hint,
	int status);

/** Why something cannot be done, and what to do then. */
struct failure {
	int error, status;
	const char *cause, *hint;
};

/** failure_of() - as a table has it, or else fam_strerror() */
struct failure failure_of(int error, const struct failure *table, size_t count);

/** say_system() - "fam: WHAT: cause" for a failed system call; EXIT_FAILED */
int say_system(const char *what, int errnum);

/* What a page that cannot be supplied means; a signal handler prints it. */
#define MEMORY_GONE                                                         \
	"the memory behind the fabric is gone: its disk is full, its file " \
	"was truncated, or its device was taken away"

/** fabric_cause() - fam_strerror() of what can go wrong with a fabric */
const char *fabric_cause(int error);

/** exit_status_of() - of a libfam error */
int exit_status_of(int error);

/** size_text() - "16 GiB", "1.5 MiB", "512 B": for people */
#define SIZE_TEXT_MAX 32
const char *size_text(uint64_t bytes, char out[SIZE_TEXT_MAX]);

/** date_text() - nanoseconds since 1970, in the time zone of who asks */
#define DATE_TEXT 32
const char *date_text(uint64_t ns, char out[DATE_TEXT]);

/**
 * text_print() - print what somebody else wrote, harmlessly
 *
 * Whatever is not UTF-8, and what moves or turns other text on a terminal, comes
 * out as "?".
 */
void text_print(FILE *f, const char *text, size_t len);

/** text_step() - bytes of the character at @text; 0: it is harmful, or none */
size_t text_step(const char *text, size_t left);

/** json_text() - print a JSON string of any bytes */
void json_text(FILE *f, const char *text);

/** json_bytes() - the same, with NULs in it; false: it is not UTF-8, and is lost */
bool json_bytes(FILE *f, const char *text, size_t len);

/** json_error() - print {"message": ..., "hint": ..., "exit_status": ...} */
void json_error(FILE *f, const char *message, const char *hint, int status);

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

/** objects_open() - the same, for commands that need named objects */
int objects_open(const struct options *options, struct fam **out);

/** peer_catch_signals() - as peer_open() does it */
void peer_catch_signals(void);

/** peer_raise() - end by the signal, if one came */
void peer_raise(void);

/** peer_stopped() - has a signal asked the program to end? */
bool peer_stopped(void);

/**
 * peer_patience() - wait a moment, and again, up to a lease
 * @waited_ms: 0 at first
 *
 * Who seems to use something may be dead, with nobody there to notice.
 * Return: is it worth another try?
 */
bool peer_patience(unsigned int *waited_ms);

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

/* A piece of a fabric, or of a region, that a command goes through. */
struct span {
	const struct options *options;
	struct fam *fam;
	struct fam_region *region; /* NULL: all data of the fabric */
	uint64_t offset, end;	   /* of the data; offset moves on */
};

/**
 * span_open() - open it, and check --offset and --length against it
 * @flags: FAM_OPEN_RDONLY or 0
 * @verb: for the message
 *
 * Return: EXIT_DONE, span_close() is to follow; else an exit status
 */
int span_open(const struct options *options, unsigned int flags,
	      const char *verb, struct span *out);

/** span_close() - and end by the signal, if one came; @status */
int span_close(struct span *span, int status);

/** span_map() - map the next window at span->offset; *len is 0 at the end */
int span_map(const struct span *span, void **window, size_t *len);
void span_unmap(const struct span *span, void *window);

/** say_span_failure() - as say_failure(), of the fabric or the region */
int say_span_failure(const struct span *span, const char *verb, int error);

#endif
