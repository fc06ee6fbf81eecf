// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/size.h"

#define CELL_MAX	4200	  /* a path and some more */
#define PROGRESS_QUIET	500000000 /* ns before the bar appears */
#define PROGRESS_PERIOD 100000000 /* ns between two drawings */
#define PROGRESS_WIDTH	40

static void make_harmless(char *text)
{
	char *to = text;

	while (*text) {
		size_t n = out_harmful(text);

		*to++ = n ? '?' : *text;
		text += n ? n : 1;
	}
	*to = '\0';
}

static void format_list(const json_t *list, char *out, size_t len)
{
	const char *comma = "";
	size_t used = 0;

	snprintf(out, len, "-");
	for (size_t i = 0; i < json_array_size(list) && used < len; i++) {
		const json_t *item = json_array_get(list, i);

		used += (size_t)snprintf(out + used, len - used, "%s%s", comma,
					 json_string_value(item));
		comma = ",";
	}
}

static void format_time(json_int_t ns, char *out, size_t len)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(out, len, "%Y-%m-%d %H:%M:%S %z", &tm);
}

/* The two largest units that are not zero: "2d 3h", "4min 5s". */
static void format_age(json_int_t ns, char *out, size_t len)
{
	static const struct {
		const char *unit;
		long long seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
	long long age = (long long)time(NULL) - ns / 1000000000;
	size_t u = 0;

	/* The clock may have been set back. */
	if (age < 0)
		age = 0;
	while (u < 3 && age < units[u].seconds)
		u++;
	if (u == 3)
		snprintf(out, len, "%llds", age);
	else
		snprintf(out, len, "%lld%s %lld%s", age / units[u].seconds,
			 units[u].unit,
			 age % units[u].seconds / units[u + 1].seconds,
			 units[u + 1].unit);
}

static void format_lasts(json_int_t us, char *out, size_t len)
{
	if (us < 1000)
		snprintf(out, len, "%" JSON_INTEGER_FORMAT " us", us);
	else if (us < 10000000)
		snprintf(out, len, "%.1f ms", (double)us / 1e3);
	else
		snprintf(out, len, "%.1f s", (double)us / 1e6);
}

static void format_lease(json_int_t ms, char *out, size_t len)
{
	bool whole = ms % 1000 == 0;

	snprintf(out, len, "%" JSON_INTEGER_FORMAT " %s",
		 whole ? ms / 1000 : ms, whole ? "s" : "ms");
}

static void format_text(const json_t *value, char *out, size_t len)
{
	if (json_is_string(value))
		snprintf(out, len, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(out, len, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
	else if (json_is_real(value))
		snprintf(out, len, "%.3f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(out, len, "%s", json_is_true(value) ? "yes" : "no");
	else
		snprintf(out, len, "-");
}

static void format_cell(const struct out_field *field, const json_t *object,
			char *out, size_t len)
{
	const json_t *value = json_object_get(object, field->key);
	char size[SIZE_TEXT_MAX];

	if (!value || json_is_null(value))
		snprintf(out, len, "-");
	else if (field->format == OUT_SIZE)
		snprintf(
			out, len, "%s",
			size_format((uint64_t)json_integer_value(value), size));
	else if (field->format == OUT_LIST)
		format_list(value, out, len);
	else if (field->format == OUT_TIME)
		format_time(json_integer_value(value), out, len);
	else if (field->format == OUT_AGE)
		format_age(json_integer_value(value), out, len);
	else if (field->format == OUT_LASTS)
		format_lasts(json_integer_value(value), out, len);
	else if (field->format == OUT_LEASE)
		format_lease(json_integer_value(value), out, len);
	else
		format_text(value, out, len);
	make_harmless(out);
}

/* What is harmful begins with DEL here: those below it are escaped already. */
static size_t print_escaped(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = *p < 0x7f ? 0 : out_harmful(text);
	unsigned int c = *p;

	if (n > 1)
		c = (c & 0x1f) << 6 | (p[1] & 0x3f);
	if (n > 2)
		c = (c & 0x3ff) << 6 | (p[2] & 0x3f);
	if (n)
		printf("\\u%04x", c);
	return n;
}

/* A failed write shows in ferror(stdout): out_finish() reports it. */
static void print_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

	if (!text)
		abort();
	for (const char *p = text; *p;) {
		size_t n = print_escaped(p);

		if (!n)
			putchar(*p);
		p += n ? n : 1;
	}
	putchar('\n');
	free(text);
}

static size_t column_width(const struct out_field *field, const json_t *rows)
{
	size_t width = strlen(field->title);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		char cell[CELL_MAX];

		format_cell(field, json_array_get(rows, i), cell, sizeof(cell));
		if (strlen(cell) > width)
			width = strlen(cell);
	}
	return width;
}

/* The last column is not padded: no trailing blanks. */
static void print_cell(const struct out_field *field, const char *text,
		       size_t width)
{
	if (field[1].key)
		printf("%-*s  ", (int)width, text);
	else
		printf("%s\n", text);
}

static void print_rows(const struct out_field *fields, const json_t *rows)
{
	size_t width[16] = {0};
	size_t columns = 0;

	for (; fields[columns].key && columns < 16; columns++)
		width[columns] = column_width(&fields[columns], rows);
	for (size_t c = 0; c < columns; c++)
		print_cell(&fields[c], fields[c].title, width[c]);
	for (size_t r = 0; r < json_array_size(rows); r++) {
		for (size_t c = 0; c < columns; c++) {
			char cell[CELL_MAX];

			format_cell(&fields[c], json_array_get(rows, r), cell,
				    sizeof(cell));
			print_cell(&fields[c], cell, width[c]);
		}
	}
}

void out_table(bool json, const struct out_field *fields, json_t *rows)
{
	if (json)
		print_json(rows);
	else
		print_rows(fields, rows);
	json_decref(rows);
}

static void print_lines(const struct out_field *fields, const json_t *object)
{
	size_t width = 0;

	for (const struct out_field *f = fields; f->key; f++) {
		if (strlen(f->title) > width)
			width = strlen(f->title);
	}
	for (const struct out_field *f = fields; f->key; f++) {
		char cell[CELL_MAX];

		if (!json_object_get(object, f->key))
			continue;
		format_cell(f, object, cell, sizeof(cell));
		printf("%s:%*s %s\n", f->title, (int)(width - strlen(f->title)),
		       "", cell);
	}
}

void out_object(bool json, const struct out_field *fields, json_t *object)
{
	if (json)
		print_json(object);
	else
		print_lines(fields, object);
	json_decref(object);
}

/* FAMCTL_COLOR=always|never|auto; NO_COLOR (any value) turns colour off. */
static bool use_color(void)
{
	const char *wish = getenv("FAMCTL_COLOR");

	if (wish && strcmp(wish, "always") == 0)
		return true;
	if (getenv("NO_COLOR") || (wish && strcmp(wish, "never") == 0))
		return false;
	return isatty(STDERR_FILENO);
}

static void print_error(const struct err *err, int exit_status, json_t *done)
{
	json_t *hint = err->hint[0] ? out_json_text(err->hint) : NULL;
	json_t *doc = json_pack("{s:{s:o,s:o*,s:i},s:o*}", "error", "message",
				out_json_text(err->text), "hint", hint,
				"exit_status", exit_status, "done", done);

	print_json(doc);
	json_decref(doc);
}

void out_failure(bool json, const struct err *err, int exit_status,
		 json_t *done)
{
	const char *on = use_color() ? "\033[1;31m" : "";
	const char *off = *on ? "\033[0m" : "";

	fprintf(stderr, "%sfamctl:%s %s\n", on, off, err->text);
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	if (json)
		print_error(err, exit_status, done);
	else
		json_decref(done);
}

void out_error(bool json, const struct err *err, int exit_status)
{
	out_failure(json, err, exit_status, NULL);
}

void out_note(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "famctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void out_warn(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "famctl: warning: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void out_progress_begin(struct out_progress *p, const char *label,
			uint64_t total)
{
	*p = (struct out_progress){
		.label = label,
		.total = total,
		.started_ns = clock_ns(),
		.terminal = isatty(STDERR_FILENO),
	};
}

static void draw(const struct out_progress *p, uint64_t done)
{
	int percent = p->total ? (int)(done * 100.0 / (double)p->total) : 100;
	int filled = percent * PROGRESS_WIDTH / 100;
	char bar[PROGRESS_WIDTH + 1];
	char have[SIZE_TEXT_MAX], want[SIZE_TEXT_MAX];

	memset(bar, ' ', PROGRESS_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[PROGRESS_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3d%% %s of %s\033[K", p->label, bar,
		percent, size_format(done, have), size_format(p->total, want));
	fflush(stderr);
}

void out_progress_update(struct out_progress *p, uint64_t done)
{
	uint64_t now;

	if (!p->terminal)
		return;
	now = clock_ns();
	if (now - p->started_ns < PROGRESS_QUIET ||
	    now - p->shown_ns < PROGRESS_PERIOD)
		return;
	p->shown_ns = now;
	draw(p, done);
}

void out_progress_end(struct out_progress *p)
{
	if (p->shown_ns)
		fprintf(stderr, "\r\033[K");
	p->shown_ns = 0;
}

int out_finish(struct err *err)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err_sys(err, errno ? errno : EIO, "cannot write the output");
}
