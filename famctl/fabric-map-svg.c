// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The picture as SVG: the whole fabric on one bar, then each part at a scale of
 * its own, in rows. What is too narrow to be seen is drawn together with its
 * neighbours; whatever is drawn tells what it is when the pointer rests on it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "domxml-svg.h"
#include "fabric-map.h"
#include "out.h"
#include "util/cleanup.h"
#include "util/size.h"

#define WIDTH	 1200.0
#define MARGIN	 28.0
#define LEFT	 150.0 /* of the bars: offsets stand before them */
#define BAR	 (WIDTH - MARGIN - LEFT)
#define ROW	 30.0
#define ROW_STEP 36.0
#define HEADING	 46.0
#define NARROW	 2.5 /* what is less wide is drawn with its neighbours */
#define ROWS_MAX 24
#define INK	 "#1f2933"
#define PALE	 "#66727f"
#define MANY	 "#8492a6"

struct drawing {
	struct svg *svg;
	double y;
};

static const char *const fills[MAP_KINDS] = {
	[MAP_FREE] = "#f1f4f8",	      [MAP_UNUSED] = "#fafafa",
	[MAP_SUPERBLOCK] = "#c0392b", [MAP_MAILBOX] = "#e59866",
	[MAP_SESSIONS] = "#f7dc6f",   [MAP_PARKING] = "#d2b4de",
	[MAP_DIRECTORY] = "#aeb6bf",  [MAP_REGION] = "#7fb3d5",
	[MAP_OBJECT] = "#a3d9b1",
};

/* Neighbours are told apart by their colours, which do not depend on names. */
static const char *fill_of(const struct map_piece *p, size_t i)
{
	static const char *const regions[] = {
		"#7fb3d5", "#f5b7b1", "#a9dfbf", "#f9e79f",
		"#d2b4de", "#a3e4d7", "#edbb99",
	};

	if (p->kind == MAP_REGION)
		return regions[i % 7];
	return fills[p->kind];
}

static unsigned int rows_of(const struct map_part *part)
{
	size_t rows;

	if (part->kind == MAP_MAILBOX)
		return 1;
	if (part->kind != MAP_REGION)
		return part->count > 24 ? 3 : 1;
	rows = 2 + part->count / 12;
	return rows < ROWS_MAX ? (unsigned int)rows : ROWS_MAX;
}

static double height_of(const struct map *map)
{
	double height = 200.0;

	for (size_t i = 0; i < map->parts; i++)
		height += HEADING + rows_of(&map->part[i]) * ROW_STEP;
	return height;
}

/* --- words ------------------------------------------------------------------------ */

static void write_text(struct drawing *d, double x, double y, double size,
		       const char *text)
{
	const struct svg_text how = {x, y, size, "sans-serif", INK, "start"};

	svg_text(d->svg, &how, text);
}

static void write_offset(struct drawing *d, double y, uint64_t offset)
{
	const struct svg_text how = {LEFT - 10,	  y,	12,
				     "monospace", PALE, "end"};
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, offset);
	svg_text(d->svg, &how, text);
}

/* The beginning of a name that has room, as whole characters; or nothing. */
static void write_name(struct drawing *d, const struct svg_box *box,
		       const char *name)
{
	size_t room = box->width < 26 ? 0 : (size_t)((box->width - 10) / 7.6);
	size_t bytes = 0, chars = 0;
	char text[1024];

	while (name[bytes] && chars < room && bytes < sizeof(text) - 8) {
		bytes++;
		while (((unsigned char)name[bytes] & 0xc0) == 0x80)
			bytes++;
		chars++;
	}
	if (!room || bytes > sizeof(text) - 8)
		return;
	/* a character for the dots */
	while (name[bytes] && bytes &&
	       ((unsigned char)name[--bytes] & 0xc0) == 0x80)
		;
	snprintf(text, sizeof(text), "%.*s%s", (int)bytes, name,
		 name[bytes] ? "…" : "");
	write_text(d, box->x + 5, box->y + ROW / 2 + 4.5, 12.5, text);
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "-";
}

/* What is told when the pointer rests on it. */
static char *describe(const struct map_piece *p)
{
	char bytes[SIZE_TEXT_MAX], *text;
	int n;

	size_format(p->bytes, bytes);
	if (p->kind == MAP_REGION)
		n = asprintf(&text,
			     "%s\n%s at 0x%" PRIx64
			     "\nmode %s, owner %s\ntype %s, from node %s",
			     p->name, bytes, p->offset,
			     text_of(p->json, "mode"),
			     text_of(p->json, "owner"),
			     text_of(p->json, "type_name"),
			     text_of(p->json, "node"));
	else if (p->kind == MAP_OBJECT)
		n = asprintf(&text, "%s\n%s at 0x%" PRIx64 "\n%s", p->name,
			     bytes, p->offset, text_of(p->json, "type"));
	else
		n = asprintf(&text, "%s\n%s at 0x%" PRIx64, p->name, bytes,
			     p->offset);
	if (n < 0)
		abort();
	return text;
}

/* --- bars --------------------------------------------------------------------------- */

/* A row of a part: what it shows, and how many bytes fit. */
struct row {
	const struct map_part *part;
	uint64_t from, to;
	double y, scale; /* units for a byte */
};

static bool is_empty(const struct map_piece *p)
{
	return p->kind == MAP_FREE || p->kind == MAP_UNUSED;
}

static void clip(const struct row *row, const struct map_piece *p,
		 struct svg_box *box)
{
	uint64_t end = p->offset + p->bytes;
	uint64_t from = p->offset > row->from ? p->offset : row->from;
	uint64_t to = end < row->to ? end : row->to;

	box->x = LEFT + (double)(from - row->from) * row->scale;
	box->y = row->y;
	box->width = (double)(to - from) * row->scale;
	box->height = ROW;
}

static void draw_one(struct drawing *d, const struct row *row, size_t i)
{
	const struct map_piece *p = &row->part->piece[i];
	_cleanup_free_ char *title = describe(p);
	struct svg_box box = {.fill = fill_of(p, i),
			      .stroke = is_empty(p) ? "#d5dbe3" : "#ffffff",
			      .title = title};

	clip(row, p, &box);
	svg_box(d->svg, &box);
	if (!is_empty(p))
		write_name(d, &box, p->name);
}

/* Narrow ones that follow each other from piece @i on; how many they are. */
static size_t draw_narrow(struct drawing *d, const struct row *row, size_t i)
{
	const struct map_part *part = row->part;
	struct svg_box all, box;
	size_t n = 0, taken = 0;
	uint64_t bytes = 0;
	char title[128], size[SIZE_TEXT_MAX];

	clip(row, &part->piece[i], &all);
	for (; i + n < part->count && part->piece[i + n].offset < row->to;
	     n++) {
		const struct map_piece *p = &part->piece[i + n];

		clip(row, p, &box);
		if (box.width >= NARROW)
			break;
		all.width = box.x + box.width - all.x;
		taken += !is_empty(p);
		bytes += is_empty(p) ? 0 : p->bytes;
	}
	if (n < 2) {
		draw_one(d, row, i);
		return 1;
	}
	snprintf(title, sizeof(title),
		 "%zu that are too small to be drawn: %s\n%zu free pieces",
		 taken, size_format(bytes, size), n - taken);
	all.fill = MANY;
	all.stroke = NULL;
	all.title = title;
	svg_box(d->svg, &all);
	return n;
}

/* @i: the first piece that reaches into it; the first one of the next row */
static size_t draw_row(struct drawing *d, const struct row *row, size_t i)
{
	const struct map_part *part = row->part;
	struct svg_box box;

	write_offset(d, row->y + ROW / 2 + 4, row->from);
	while (i < part->count && part->piece[i].offset < row->to) {
		clip(row, &part->piece[i], &box);
		if (box.width >= NARROW) {
			draw_one(d, row, i);
			i++;
		} else {
			i += draw_narrow(d, row, i);
		}
	}
	/* The last one may go on in the next row. */
	if (i && part->piece[i - 1].offset + part->piece[i - 1].bytes > row->to)
		i--;
	return i;
}

/* Rounded up, so that rows begin at offsets that can be remembered. */
static uint64_t bytes_of_row(const struct map_part *part, unsigned int rows)
{
	uint64_t each = (part->bytes + rows - 1) / rows, grain = 4096;

	while (grain * 64 < each)
		grain *= 2;
	return (each + grain - 1) / grain * grain;
}

static void draw_part(struct drawing *d, const struct map_part *part)
{
	unsigned int rows = rows_of(part);
	uint64_t end = part->offset + part->bytes;
	uint64_t each = bytes_of_row(part, rows);
	char size[SIZE_TEXT_MAX], text[160];
	size_t i = 0;

	snprintf(text, sizeof(text), "%s: %s", part->name,
		 size_format(part->bytes, size));
	write_text(d, MARGIN, d->y + 26, 15, text);
	d->y += HEADING - 10;
	for (unsigned int r = 0; r < rows; r++) {
		struct row row = {part, part->offset + r * each, end, d->y,
				  BAR / (double)each};

		if (row.from + each < end)
			row.to = row.from + each;
		if (row.from < end)
			i = draw_row(d, &row, i);
		d->y += ROW_STEP;
	}
	d->y += 10;
}

/* --- all of it ------------------------------------------------------------------------ */

/* To scale, so that one sees how little the rest takes beside the data. */
static void draw_whole(struct drawing *d, const struct map *map)
{
	double scale = BAR / (double)map->fabric->size;
	char title[128], size[SIZE_TEXT_MAX];

	write_text(d, MARGIN, d->y + 20, 15, "whole fabric");
	for (size_t i = 0; i < map->parts; i++) {
		const struct map_part *part = &map->part[i];
		struct svg_box box = {
			.x = LEFT + (double)part->offset * scale,
			.y = d->y,
			.width = (double)part->bytes * scale,
			.height = ROW,
			.fill = fills[part->kind],
			.title = title,
		};

		snprintf(title, sizeof(title), "%s: %s at 0x%" PRIx64,
			 part->name, size_format(part->bytes, size),
			 part->offset);
		svg_box(d->svg, &box);
		write_name(d, &box, part->name);
	}
	d->y += ROW_STEP + 6;
}

static void draw_legend(struct drawing *d)
{
	static const struct {
		const char *fill, *text;
	} entries[] = {
		{"#c0392b", "superblock"}, {"#e59866", "mailbox"},
		{"#f7dc6f", "sessions"},   {"#d2b4de", "parking"},
		{"#aeb6bf", "directory"},  {"#7fb3d5", "region"},
		{"#a3d9b1", "object"},	   {"#f1f4f8", "free"},
		{MANY, "many small ones"},
	};
	double x = MARGIN;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const struct svg_box box = {.x = x,
					    .y = d->y,
					    .width = 16,
					    .height = 16,
					    .fill = entries[i].fill,
					    .stroke = "#d5dbe3"};

		svg_box(d->svg, &box);
		write_text(d, x + 22, d->y + 13, 13, entries[i].text);
		x += 118;
	}
}

char *map_svg(const struct map *map)
{
	_cleanup_free_ char *summary = map_summary(map), *title = NULL;
	struct drawing d = {.y = 84};
	char *text;

	if (asprintf(&title, "fabric '%s'", map->fabric->name) < 0)
		abort();
	d.svg = svg_new(WIDTH, height_of(map), title);
	write_text(&d, MARGIN, 40, 22, map->fabric->name);
	write_text(&d, MARGIN, 64, 13.5,
		   strchr(summary, ':') ? strchr(summary, ':') + 2 : summary);
	draw_whole(&d, map);
	for (size_t i = 0; i < map->parts; i++)
		draw_part(&d, &map->part[i]);
	d.y += 14;
	draw_legend(&d);
	text = svg_print(d.svg);
	svg_free(d.svg);
	return text;
}
