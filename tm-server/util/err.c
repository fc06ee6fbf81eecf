// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

/*
 * Callers quote the old text in the new one, so that is formatted aside before
 * it replaces the old. What does not fit is cut.
 */
static void replace(struct err *err, const char *fmt, va_list ap,
		    const char *tail)
{
	char text[sizeof(err->text)];
	size_t len;

	vsnprintf(text, sizeof(text), fmt, ap);
	len = strlen(text);
	if (tail)
		snprintf(text + len, sizeof(text) - len, ": %s", tail);
	memcpy(err->text, text, sizeof(text));
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	replace(err, fmt, ap, NULL);
	va_end(ap);
	err->code = code;
	err->hint[0] = '\0';
	return code;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	/* strerror() would share a buffer between threads. */
	const char *cause = strerrordesc_np(errnum);
	char number[32];
	va_list ap;

	snprintf(number, sizeof(number), "error %d", errnum);
	va_start(ap, fmt);
	replace(err, fmt, ap, cause ? cause : number);
	va_end(ap);
	err->code = errnum == EINVAL || errnum == ENOTCONN ? -EIO : -errnum;
	err->hint[0] = '\0';
	return err->code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char rest[sizeof(err->text)];
	va_list ap;

	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	replace(err, fmt, ap, rest);
	va_end(ap);
	return err->code;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (err->hint[0])
		return err->code;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return err->code;
}
