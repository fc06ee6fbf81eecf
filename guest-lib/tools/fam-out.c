// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "fam-tool.h"

int say_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("fam: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nhint: 'fam help' lists commands and options\n", stderr);
	return EXIT_USAGE;
}

int exit_status_of(int error)
{
	switch (error) {
	case -EINVAL:
		return EXIT_USAGE;
	case -ENOENT:
	case -ENODEV:
		return EXIT_NO_FABRIC;
	case -EEXIST:
	case -EBUSY:
	case -ETXTBSY:
		return EXIT_EXISTS;
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ENOTCONN:
	case -ETIMEDOUT:
		return EXIT_NO_SERVER;
	default:
		return EXIT_FAILED;
	}
}

const char *fabric_cause(int error)
{
	switch (error) {
	case -EINVAL: /* only a name comes from the command line */
		return "malformed name";
	case -ENOENT:
		return "no fabric has this name";
	case -EMEDIUMTYPE:
		return "not a formatted fabric";
	case -EEXIST:
		return "this is a formatted fabric and cannot be opened raw";
	case -EBADMSG:
		return "both copies of the superblock are damaged";
	case -EBUSY:
		return "a driver in this machine holds the device's memory";
	case -EOPNOTSUPP:
		return "no way to the host's disk from here, or no doorbells "
		       "or sessions";
	default:
		return fam_strerror(error);
	}
}

void say_text(const char *text, const char *hint)
{
	fprintf(stderr, "fam: ");
	text_print(stderr, text, strlen(text));
	if (hint && *hint)
		fprintf(stderr, "\nhint: %s", hint);
	fputc('\n', stderr);
}

int say(const struct options *options, const char *text, const char *hint,
	int status)
{
	say_text(text, hint);
	if (!options->json)
		return status;
	printf("{\"error\": ");
	json_error(stdout, text, hint && *hint ? hint : NULL, status);
	printf("}\n");
	return status;
}

struct failure failure_of(int error, const struct failure *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].error == error)
			return table[i];
	}
	return (struct failure){error, exit_status_of(error),
				fam_strerror(error), fam_errhint(error)};
}

/* A file is only looked for under a name with a '/' in it. */
static struct failure fabric_failure(const char *name, int error)
{
	struct failure failure = {error, exit_status_of(error),
				  fabric_cause(error), fam_errhint(error)};

	if (error != -ENOENT || !name)
		return failure;
	if (strchr(name, '/'))
		failure.cause = "there is no such file";
	else if (access(name, F_OK) == 0)
		failure.hint = "for the file that is here, put './' before it";
	return failure;
}

int say_failure(const struct options *options, const char *verb, int error)
{
	const struct failure failure = fabric_failure(options->fabric, error);
	char text[4400];

	if (options->fabric)
		snprintf(text, sizeof(text), "cannot %s fabric '%s': %s", verb,
			 options->fabric, failure.cause);
	else
		snprintf(text, sizeof(text), "cannot %s the fabric: %s", verb,
			 failure.cause);
	return say(options, text, failure.hint, failure.status);
}

/* Named objects have failures of their own, with words of their own. */
static const struct failure object_failures[] = {
	{-ENOENT, EXIT_NO_FABRIC, "there is none",
	 "'fam objects' shows what there is"},
	{-EMEDIUMTYPE, EXIT_EXISTS, "it is an object of another kind",
	 "'fam objects' shows what it is; take another name"},
	{-EINVAL, EXIT_USAGE, "malformed name",
	 "a name is 1 to 95 bytes of UTF-8 without control characters, and "
	 "does not begin or end with '/'"},
	{-ENAMETOOLONG, EXIT_USAGE, "the name is too long",
	 "a name has up to 95 bytes"},
	{-EBUSY, EXIT_EXISTS, "somebody uses it", "'fam peers' shows who"},
	{-ENOSPC, EXIT_FAILED, "there is no room for it in the fabric",
	 "'fam objects' shows what takes it, and 'fam objects --remove NAME' "
	 "gives it back"},
	{-EMFILE, EXIT_FAILED, "there is no room for one more",
	 "'fam objects' shows what there is"},
	{-EBADMSG, EXIT_FAILED, "it is damaged: somebody wrote over it",
	 "'fam objects --remove NAME' removes it"},
	{-EUSERS, EXIT_FAILED,
	 "more programs are attached than there is room for",
	 "'fam peers' shows them; end some"},
	{-ETIMEDOUT, EXIT_FAILED, "the others stood still for too long",
	 "'fam peers' shows who is there"},
};

int say_no_objects(const struct options *options)
{
	static const char hint[] =
		"famctl create-fabric leaves room for them, but with --raw or "
		"--objects 0; earlier releases did not";
	char fabric[FABRIC_TEXT], text[FABRIC_TEXT + 32];

	snprintf(text, sizeof(text), "%s has no named objects",
		 fabric_text(options, fabric));
	return say(options, text, hint, EXIT_FAILED);
}

int say_object_failure(const struct options *options, const char *kind,
		       const char *name, int error)
{
	const struct failure failure = failure_of(
		error, object_failures,
		sizeof(object_failures) / sizeof(object_failures[0]));
	char text[FABRIC_TEXT];

	if (error == -ESTALE)
		return say_lost(options);
	if (error == -EOPNOTSUPP)
		return say_no_objects(options);
	snprintf(text, sizeof(text), "cannot use %s '%s': %s", kind, name,
		 failure.cause);
	return say(options, text, failure.hint, failure.status);
}

int say_system(const char *what, int errnum)
{
	/* The kernel could not reach the window it was to copy from or to. */
	const char *cause = errnum == EFAULT ? MEMORY_GONE : strerror(errnum);

	fprintf(stderr, "fam: %s: %s\n", what, cause);
	return EXIT_FAILED;
}

const char *size_text(uint64_t bytes, char out[SIZE_TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned int unit = 0;
	uint64_t tenths = 0;

	for (; bytes >= 1024 && unit < 4; unit++) {
		tenths = bytes % 1024 * 10 / 1024;
		bytes /= 1024;
	}
	if (tenths)
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s",
			 bytes, tenths, units[unit]);
	else
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 " %s", bytes,
			 units[unit]);
	return out;
}

const char *date_text(uint64_t ns, char out[DATE_TEXT])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    strftime(out, DATE_TEXT, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strcpy(out, "-");
	return out;
}

/* Length of the UTF-8 sequence at @p, four bytes; 0 if it is none. */
static size_t utf8_length(const unsigned char *p)
{
	size_t len = *p < 0x80	 ? 1
		     : *p < 0xc2 ? 0
		     : *p < 0xe0 ? 2
		     : *p < 0xf0 ? 3
		     : *p < 0xf5 ? 4
				 : 0;

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, and beyond the last code point. */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* Controls, and marks that turn the direction of what follows. */
static bool is_harmful(const unsigned char *p, size_t len)
{
	if (len == 1)
		return *p < 0x20 || *p == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3 || p[0] != 0xe2)
		return false;
	/* U+200E, U+200F; U+2028 to U+202E; U+2066 to U+2069. */
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f ||
				 (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

void text_print(FILE *f, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		unsigned char p[4] = {0};
		size_t left = len - at, n;

		memcpy(p, text + at, left < 4 ? left : 4);
		n = utf8_length(p);
		if (n == 0 || n > left || is_harmful(p, n))
			putc('?', f);
		else
			fwrite(text + at, 1, n, f);
		at += n ? n : 1;
	}
}

size_t text_step(const char *text, size_t left)
{
	unsigned char p[4] = {0};
	size_t n;

	memcpy(p, text, left < 4 ? left : 4);
	n = utf8_length(p);
	return n > left || is_harmful(p, n) ? 0 : n;
}

/* Of a character that is harmful. */
static unsigned int code_point(const unsigned char *p, size_t len)
{
	if (len == 1)
		return *p;
	if (len == 2)
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

bool json_bytes(FILE *f, const char *text, size_t len)
{
	bool whole = true;

	putc('"', f);
	for (size_t at = 0; at < len;) {
		unsigned char p[4] = {0};
		size_t left = len - at, n;

		memcpy(p, text + at, left < 4 ? left : 4);
		n = utf8_length(p);
		if (n == 0 || n > left) {
			fputs("\\ufffd", f); /* file names may be any bytes */
			whole = false;
			n = 1;
		} else if (is_harmful(p, n)) {
			fprintf(f, "\\u%04x", code_point(p, n));
		} else {
			fprintf(f, "%s%.*s",
				*p == '"' || *p == '\\' ? "\\" : "", (int)n,
				(const char *)p);
		}
		at += n;
	}
	putc('"', f);
	return whole;
}

void json_text(FILE *f, const char *text)
{
	json_bytes(f, text, strlen(text));
}

void json_error(FILE *f, const char *message, const char *hint, int status)
{
	fputs("{\"message\": ", f);
	json_text(f, message);
	if (hint) {
		fputs(", \"hint\": ", f);
		json_text(f, hint);
	}
	fprintf(f, ", \"exit_status\": %d}", status);
}

/* A write that failed long ago has left no reason, but nobody reads: that shows. */
static int why_lost(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) > 0 && p.revents & POLLERR ? EPIPE : EIO;
}

int finish_output(int status)
{
	bool lost = ferror(stdout);
	int reason = lost ? why_lost() : 0;

	errno = 0;
	if (fclose(stdout) != 0 || lost)
		return say_system("cannot write standard output",
				  errno ? errno : reason);
	return status;
}
