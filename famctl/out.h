/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_OUT_H
#define FAMCTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "util/err.h"

/*
 * What a command shows is a JSON value; with --json it is printed as it is,
 * without, as a table (array of objects) or a list of "key: value" lines
 * (object). So text and JSON cannot say different things.
 */
enum out_format {
	OUT_TEXT,  /* as it is; numbers in decimal */
	OUT_SIZE,  /* bytes: "16 GiB" */
	OUT_YESNO, /* boolean */
	OUT_LIST,  /* array of strings: joined by commas */
	OUT_TIME,  /* nanoseconds since 1970: local date and time */
	OUT_AGE,   /* the same: how long ago */
	OUT_LASTS, /* microseconds: "140 us", "2.5 ms" */
	OUT_LEASE, /* milliseconds, exact: "250 ms", "2 s" */
};

/* One column or line; a key absent from the object shows as "-". */
struct out_field {
	const char *key;   /* JSON key; NULL ends the table */
	const char *title; /* "SIZE" or "size" */
	enum out_format format;
};

/** out_table() - print an array of objects; steals @rows */
void out_table(bool json, const struct out_field *fields, json_t *rows);

/** out_object() - print one object; steals @object */
void out_object(bool json, const struct out_field *fields, json_t *object);

/**
 * out_harmful() - does a character of text turn a terminal against its reader?
 *
 * Controls, and marks that break the line or turn the direction of what follows.
 * Tables show them as '?', and JSON as "\u202e".
 * Return: its bytes; 0: it does not
 */
size_t out_harmful(const char *text);

/** out_json_text() - a JSON string; each byte of text not in UTF-8 becomes '?' */
json_t *out_json_text(const char *text);

/** out_error() - "famctl: text" and "hint: ..." on stderr, {"error":{}} if
 * @json */
void out_error(bool json, const struct err *err, int exit_status);

/**
 * out_failure() - the same for the error a command ends with
 * @done: what it had done before; NULL: nothing is told. Stolen
 */
void out_failure(bool json, const struct err *err, int exit_status,
		 json_t *done);

/** out_note() - "famctl: ..." on stderr: what a person should know */
void out_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** out_warn() - "famctl: warning: ..." on stderr */
void out_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A progress bar on stderr: a terminal only, shown after half a second. */
struct out_progress {
	const char *label;
	uint64_t total;
	uint64_t started_ns;
	uint64_t shown_ns;
	bool terminal;
};

void out_progress_begin(struct out_progress *p, const char *label,
			uint64_t total);
void out_progress_update(struct out_progress *p, uint64_t done);
void out_progress_end(struct out_progress *p);

/** out_finish() - flush stdout; -EIO if anything could not be written */
int out_finish(struct err *err);

#endif
