// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* The one state of this module: set once, before anything is logged. */
static const char *log_program = "tm-server";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_max = level;
}

/* A text from outside (a node's name) must not start lines of its own. */
static void tame(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* One write per line, so that lines of several processes do not mix. */
static void put(const char *cause, const char *fmt, va_list ap)
{
	char text[1024], line[1200];
	int len;

	vsnprintf(text, sizeof(text), fmt, ap);
	tame(text);
	len = snprintf(line, sizeof(line), "%s: %s%s%s\n", log_program, text,
		       cause ? ": " : "", cause ? cause : "");
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	/* nobody could be told of a failure */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	put(NULL, fmt, ap);
	va_end(ap);
	errno = saved;
}

void log_line_errno(enum log_level level, int errnum, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	put(strerror(errnum), fmt, ap);
	va_end(ap);
	errno = saved;
}
