// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fam-kv.h"

/* fam kv import: lines KEY<TAB>VALUE, many in a transaction. */

#define KV_BATCH   50 /* lines in a transaction, if not given */
#define BATCH_MOST 10000

struct import {
	struct kv kv;
	uint64_t line;	 /* that was read last */
	uint64_t stored; /* pairs that are durable */
	uint64_t transactions;
	size_t count, batch;
	struct kv_change
		*change; /* of lines that were read; their keys are freed */
};

/* --- a line ----------------------------------------------------------------------- */

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* What stands behind a '\'; how many bytes of text it takes, 0: nothing known */
static size_t escape(const char *p, size_t left, char *out)
{
	static const char letters[] = "\\tnr", bytes[] = "\\\t\n\r";
	const char *at;
	int high, low;

	if (left == 0 || !*p)
		return 0;
	at = strchr(letters, *p);
	if (at) {
		*out = bytes[at - letters];
		return 1;
	}
	high = *p == 'x' && left >= 3 ? digit(p[1]) : -1;
	low = high >= 0 ? digit(p[2]) : -1;
	if (low < 0)
		return 0;
	*out = (char)(high * 16 + low);
	return 3;
}

/* In its own place: it only gets shorter. Return: its length; -1 */
static ssize_t unescape(char *text, size_t len)
{
	size_t to = 0;

	for (size_t at = 0; at < len; to++) {
		size_t n;

		if (text[at] != '\\') {
			text[to] = text[at++];
			continue;
		}
		n = escape(text + at + 1, len - at - 1, &text[to]);
		if (n == 0)
			return -1;
		at += 1 + n;
	}
	return (ssize_t)to;
}

static int say_line(const struct import *import, const char *what)
{
	static const char hint[] = "a line is KEY, a tab, and VALUE; in both, "
				   "\\t, \\n, \\r, \\\\ and \\xHH are escapes";
	char text[256];

	snprintf(text, sizeof(text),
		 "line %" PRIu64 " %s; %" PRIu64 " before it are stored",
		 import->line, what, import->stored);
	return say(import->kv.options, text, hint, EXIT_FAILED);
}

/* Of a line without its end, which belongs to @out then. NULL, or what is wrong. */
static const char *parse_line(char *line, size_t len, struct kv_change *out)
{
	char *tab = memchr(line, '\t', len);
	ssize_t key, value;

	if (!tab)
		return "has no tab";
	key = unescape(line, (size_t)(tab - line));
	value = unescape(tab + 1, len - (size_t)(tab - line) - 1);
	if (key < 0 || value < 0)
		return "has a '\\' that is no escape";
	if (key == 0 || key > FAM_HASH_KEY_MAX)
		return "has a key that is empty or too long";
	if ((uint64_t)value > FAM_HASH_VALUE_MAX)
		return "has a value longer than 1 GiB";
	*out = (struct kv_change){
		.kind = KV_PUT,
		.key_bytes = (uint32_t)key,
		.key = line,
		.value = tab + 1,
		.bytes = (uint64_t)value,
	};
	return NULL;
}

/* --- batches ---------------------------------------------------------------------- */

/* What is too long for one transaction goes in two; and what fits is stored. */
static int apply(struct import *import, size_t from, size_t count)
{
	int r = kv_apply(&import->kv, &import->change[from], count, NULL);

	if ((r == -E2BIG || r == -ENOSPC) && count > 1) {
		r = apply(import, from, count / 2);
		return r ? r
			 : apply(import, from + count / 2, count - count / 2);
	}
	if (r < 0)
		return r;
	import->stored += count;
	import->transactions++;
	if (import->kv.options->ack) {
		printf("%" PRIu64 "\n", import->stored);
		fflush(stdout);
	}
	return 0;
}

static void forget(struct import *import)
{
	for (size_t i = 0; i < import->count; i++)
		free((void *)import->change[i].key);
	import->count = 0;
}

static int store_batch(struct import *import)
{
	int r = import->count ? apply(import, 0, import->count) : 0;
	char verb[96];

	forget(import);
	if (r == 0)
		return EXIT_DONE;
	snprintf(verb, sizeof(verb), "store more than %" PRIu64 " lines in",
		 import->stored);
	return say_store_failure(&import->kv, verb, r);
}

/* 1: there is one; 0: the end; or a negative errno */
static int read_line(char **line, size_t *len)
{
	size_t room = 0;
	ssize_t n;
	int error;

	*line = NULL;
	errno = 0;
	n = getline(line, &room, stdin);
	error = errno;
	if (n < 0 || !*line) {
		free(*line);
		*line = NULL;
		return ferror(stdin) && error > 0 ? -error : 0;
	}
	if (n && (*line)[n - 1] == '\n')
		n--;
	*len = (size_t)n;
	return 1;
}

/* Those before a wrong one are stored. */
static int import_line(struct import *import, char *line, size_t len)
{
	const char *wrong =
		parse_line(line, len, &import->change[import->count]);
	int status;

	import->line++;
	if (!wrong)
		return ++import->count < import->batch ? EXIT_DONE
						       : store_batch(import);
	free(line);
	status = store_batch(import);
	return status ? status : say_line(import, wrong);
}

static int import_lines(struct import *import)
{
	int status = EXIT_DONE;
	char *line;
	size_t len = 0;
	int r = 0;

	while (status == EXIT_DONE && !peer_stopped()) {
		r = read_line(&line, &len);
		if (r <= 0 || !line)
			break;
		status = import_line(import, line, len);
	}
	if (peer_stopped())
		return EXIT_FAILED;
	if (r < 0)
		return say_system("cannot read standard input", -r);
	return status ? status : store_batch(import);
}

static int tell_import(const struct import *import)
{
	if (import->kv.options->json)
		printf("{\"pairs\": %" PRIu64 ", \"transactions\": %" PRIu64
		       "}\n",
		       import->stored, import->transactions);
	else if (!import->kv.options->ack)
		printf("%" PRIu64 " pair%s stored in %" PRIu64
		       " transaction%s\n",
		       import->stored, import->stored == 1 ? "" : "s",
		       import->transactions,
		       import->transactions == 1 ? "" : "s");
	return EXIT_DONE;
}

int kv_import(const struct options *options, char **words)
{
	struct import import = {
		.batch = options->batch ? options->batch : KV_BATCH,
	};
	int status;

	(void)words;
	if (options->batch > BATCH_MOST)
		return say_usage("'%" PRIu64
				 "' lines in a transaction: 1 to %d",
				 options->batch, BATCH_MOST);
	if (options->ack && options->json)
		return say_usage("'--ack' and '--json' exclude each other");
	import.change = calloc(import.batch, sizeof(*import.change));
	if (!import.change)
		return say_system("cannot import", ENOMEM);
	status = kv_open(options, true, &import.kv);
	if (status == EXIT_DONE) {
		status = import_lines(&import);
		forget(&import);
		if (status == EXIT_DONE)
			status = tell_import(&import);
		status = kv_close(&import.kv, status);
	}
	free(import.change);
	return status;
}
