// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

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

/* Of what EINVAL stands for, only a name comes from the command line. */
static const char *cause_of(int error)
{
	return error == -EINVAL ? "malformed name" : fam_strerror(error);
}

int say_failure(const struct options *options, const char *verb, int error)
{
	int status = exit_status_of(error);
	char text[4400];

	if (options->fabric)
		snprintf(text, sizeof(text), "cannot %s fabric '%s': %s", verb,
			 options->fabric, cause_of(error));
	else
		snprintf(text, sizeof(text), "cannot %s the fabric: %s", verb,
			 cause_of(error));
	fprintf(stderr, "fam: %s\n", text);
	if (fam_errhint(error))
		fprintf(stderr, "hint: %s\n", fam_errhint(error));
	if (options->json) {
		printf("{\"error\": ");
		json_error(stdout, text, error);
		printf("}\n");
	}
	return status;
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

/* Length of the UTF-8 sequence at @p; 0 if it is none. */
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

void json_text(FILE *f, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	putc('"', f);
	while (*p) {
		size_t len = utf8_length(p);

		if (len == 0)
			fputs("\\ufffd", f); /* file names may be any bytes */
		else if (*p < 0x20)
			fprintf(f, "\\u%04x", *p);
		else
			fprintf(f, "%s%.*s",
				*p == '"' || *p == '\\' ? "\\" : "", (int)len,
				(const char *)p);
		p += len ? len : 1;
	}
	putc('"', f);
}

void json_error(FILE *f, const char *message, int error)
{
	fputs("{\"message\": ", f);
	json_text(f, message);
	if (fam_errhint(error)) {
		fputs(", \"hint\": ", f);
		json_text(f, fam_errhint(error));
	}
	fprintf(f, ", \"exit_status\": %d}", exit_status_of(error));
}

int finish_output(int status)
{
	bool lost = ferror(stdout);

	if (fclose(stdout) != 0 || lost)
		return say_system("cannot write standard output",
				  errno ? errno : EIO);
	return status;
}
