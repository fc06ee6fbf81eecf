// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The picture for a terminal. Each part is drawn at a scale of its own, in cells
 * of a power of two of bytes. A letter stands for a piece with a line of its own
 * in the table; only the largest ones that fill cells have one, so that a fabric
 * of thousands of regions still is a page.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "fabric-map.h"
#include "out.h"
#include "util/cleanup.h"
#include "util/size.h"

#define KEYS	   52	/* a-z A-Z */
#define GAPS_MAX   20	/* free pieces with a line of their own */
#define CELL_SMALL 4096 /* bytes */

/* How full a cell is; the first one is for nothing, the last one for all. */
static const char *const shades[2][5] = {{".", "-", "=", "%", "#"},
					 {"·", "░", "▒", "▓", "█"}};

struct sheet {
	const struct map_part *part;
	FILE *to;
	unsigned int width, digits; /* of an offset */
	bool utf8;
	uint64_t cell;
	unsigned int columns; /* cells in a row */
	char *key;	      /* of each piece; 0: it has none */
	bool *own;	      /* a line of its own */
};

/* --- who gets a letter ------------------------------------------------------------------ */

static char fixed_key(enum map_kind kind)
{
	switch (kind) {
	case MAP_SUPERBLOCK:
		return 'S';
	case MAP_MAILBOX:
		return 'M';
	case MAP_SESSIONS:
		return 'T';
	case MAP_PARKING:
		return 'P';
	default:
		return 0;
	}
}

static bool is_empty(const struct map_piece *p)
{
	return p->kind == MAP_FREE || p->kind == MAP_UNUSED;
}

static uint64_t overlap(const struct map_piece *p, uint64_t from, uint64_t to)
{
	uint64_t end = p->offset + p->bytes;

	from = from > p->offset ? from : p->offset;
	to = to < end ? to : end;
	return from < to ? to - from : 0;
}

/* Is there a cell of which it is the better part? */
static bool fills_cell(const struct sheet *s, const struct map_piece *p)
{
	uint64_t into = (p->offset - s->part->offset) % s->cell;
	uint64_t first = p->offset - into;

	return p->bytes >= s->cell ||
	       overlap(p, first, first + s->cell) * 2 >= s->cell ||
	       overlap(p, first + s->cell, first + 2 * s->cell) * 2 >= s->cell;
}

struct reference {
	const struct map_piece *piece;
};

static int by_size(const void *a, const void *b)
{
	const struct map_piece *x = ((const struct reference *)a)->piece;
	const struct map_piece *y = ((const struct reference *)b)->piece;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->offset < y->offset ? -1 : 1;
}

/* The @max largest ones that fill a cell get lines of their own. */
static void choose(struct sheet *s, bool empty, size_t max)
{
	const struct map_part *part = s->part;
	struct reference *large;
	size_t count = 0;

	large = calloc(part->count, sizeof(*large));
	if (!large)
		abort();
	for (size_t i = 0; i < part->count; i++) {
		const struct map_piece *p = &part->piece[i];

		if (is_empty(p) == empty && !fixed_key(p->kind) &&
		    fills_cell(s, p))
			large[count++].piece = p;
	}
	qsort(large, count, sizeof(*large), by_size);
	for (size_t i = 0; i < count && i < max; i++)
		s->own[large[i].piece - part->piece] = true;
	free(large);
}

static void give_keys(struct sheet *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t next = 0;

	choose(s, false, KEYS);
	choose(s, true, GAPS_MAX);
	for (size_t i = 0; i < s->part->count; i++) {
		const struct map_piece *p = &s->part->piece[i];

		s->key[i] = fixed_key(p->kind);
		if (s->key[i])
			s->own[i] = true;
		else if (s->own[i] && !is_empty(p))
			s->key[i] = letters[next++];
	}
}

/* --- the cells ------------------------------------------------------------------------------- */

/* What stands in the cell that begins at @from; *@at: the first piece in it. */
static const char *cell_text(const struct sheet *s, uint64_t from, size_t *at,
			     char key[2])
{
	const struct map_part *part = s->part;
	uint64_t end = part->offset + part->bytes, taken = 0, bytes;
	uint64_t to = end - from < s->cell ? end : from + s->cell;
	unsigned int shade;

	while (part->piece[*at].offset + part->piece[*at].bytes <= from)
		++*at;
	for (size_t i = *at; i < part->count && part->piece[i].offset < to;
	     i++) {
		const struct map_piece *p = &part->piece[i];

		bytes = is_empty(p) ? 0 : overlap(p, from, to);
		taken += bytes;
		if (bytes && s->key[i] &&
		    (fixed_key(p->kind) || bytes * 2 >= to - from)) {
			key[0] = s->key[i];
			key[1] = '\0';
			return key;
		}
	}
	bytes = to - from;
	shade = taken == 0		? 0
		: taken == bytes	? 4
		: taken < bytes / 3	? 1
		: taken < bytes / 3 * 2 ? 2
					: 3;
	return shades[s->utf8][shade];
}

static void print_offset(const struct sheet *s, uint64_t offset)
{
	fprintf(s->to, "%0*" PRIx64, (int)s->digits, offset);
}

static void print_cells(const struct sheet *s)
{
	uint64_t from = s->part->offset, end = from + s->part->bytes;
	size_t at = 0;
	char key[2];

	while (from < end) {
		print_offset(s, from);
		fputs("  ", s->to);
		for (unsigned int i = 0; i < s->columns && from < end; i++) {
			fputs(cell_text(s, from, &at, key), s->to);
			from += s->cell;
		}
		putc('\n', s->to);
	}
}

/* --- the table -------------------------------------------------------------------------------- */

/* The next character: its bytes, and its columns, or -1 if it cannot be shown. */
static size_t next_character(const struct sheet *s, const char *text, int *wide)
{
	mbstate_t state = {0};
	size_t n = 1;
	wchar_t c;

	*wide = -1;
	if (out_harmful(text))
		return out_harmful(text);
	if (s->utf8) {
		n = mbrtowc(&c, text, strlen(text), &state);
		*wide = n && n <= strlen(text) ? wcwidth(c) : -1;
		return n && n <= strlen(text) ? n : 1;
	}
	*wide = *text >= ' ' && *text <= '~' ? 1 : -1;
	while (((unsigned char)*text & 0x80) &&
	       ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Text that goes on a line; what does not is cut, and marked so. */
static void print_fitting(const struct sheet *s, const char *text,
			  unsigned int room)
{
	while (*text) {
		int wide;
		size_t n = next_character(s, text, &wide);
		unsigned int cells = wide < 0 ? 1 : (unsigned int)wide;

		if (cells + (text[n] ? 1 : 0) > room) {
			fputs(s->utf8 ? "…" : "~", s->to);
			return;
		}
		if (wide < 0)
			putc('?', s->to);
		else
			fwrite(text, 1, n, s->to);
		text += n;
		room -= cells;
	}
}

static void print_line(const struct sheet *s, const char *key,
		       const struct map_piece *p, const char *text)
{
	const unsigned int before = 2 + s->digits + 2 + 10 + 2;
	char size[SIZE_TEXT_MAX];

	fprintf(s->to, "%s ", key);
	print_offset(s, p->offset);
	/* too narrow for a column: what is to be read counts */
	if (s->width >= before + 8)
		fprintf(s->to, "  %10s  ", size_format(p->bytes, size));
	else
		fprintf(s->to, " %s\n  ", size_format(p->bytes, size));
	print_fitting(s, text,
		      s->width >= before + 8 ? s->width - before
					     : s->width - 2);
	putc('\n', s->to);
}

static const char *plural(enum map_kind kind, size_t count)
{
	if (kind == MAP_OBJECT)
		return count == 1 ? "object" : "objects";
	return count == 1 ? "region" : "regions";
}

/* What has no line of its own, from piece @i on; how many they are. */
static size_t print_group(const struct sheet *s, size_t i)
{
	const struct map_piece *first = &s->part->piece[i];
	struct map_piece all = *first;
	size_t taken = 0, gaps = 0, n = 0;
	enum map_kind kind = MAP_REGION;
	char text[80];

	all.bytes = 0;
	for (; i + n < s->part->count && !s->own[i + n]; n++) {
		const struct map_piece *p = &s->part->piece[i + n];

		all.bytes += p->bytes;
		gaps += is_empty(p);
		taken += !is_empty(p);
		kind = is_empty(p) ? kind : p->kind;
	}
	if (n == 1) {
		print_line(s, is_empty(first) ? shades[s->utf8][0] : " ", first,
			   first->name);
		return n;
	}
	snprintf(text, sizeof(text), "%zu %s, %zu free piece%s", taken,
		 plural(kind, taken), gaps, gaps == 1 ? "" : "s");
	if (!gaps)
		*strchr(text, ',') = '\0';
	print_line(s, shades[s->utf8][2], &all, text);
	return n;
}

static void print_table(const struct sheet *s)
{
	size_t i = 0;

	while (i < s->part->count) {
		const struct map_piece *p = &s->part->piece[i];
		const char key[2] = {s->key[i] ? s->key[i] : ' ', '\0'};

		if (s->own[i]) {
			print_line(s, is_empty(p) ? shades[s->utf8][0] : key, p,
				   p->name);
			i++;
		} else {
			i += print_group(s, i);
		}
	}
}

/* --- the sheet ------------------------------------------------------------------------------ */

/* The smallest power of two of bytes with which the part fits into its rows. */
static void scale(struct sheet *s)
{
	unsigned int room = s->width - s->digits - 2, rows = 16;

	if (s->part->kind == MAP_MAILBOX)
		rows = 1;
	else if (s->part->kind != MAP_REGION)
		rows = 4;
	for (s->columns = 1; s->columns * 2 <= room;)
		s->columns *= 2;
	s->cell = CELL_SMALL;
	while (s->part->bytes > s->cell * s->columns * rows)
		s->cell *= 2;
}

static void print_part(const struct map_part *part, struct sheet *s)
{
	char bytes[SIZE_TEXT_MAX], cell[SIZE_TEXT_MAX], text[160];

	if (!part->count)
		return;
	s->part = part;
	scale(s);
	s->key = calloc(part->count, sizeof(*s->key));
	s->own = calloc(part->count, sizeof(*s->own));
	if (!s->key || !s->own)
		abort();
	give_keys(s);
	snprintf(text, sizeof(text), "%s: %s, a cell is %s", part->name,
		 size_format(part->bytes, bytes), size_format(s->cell, cell));
	putc('\n', s->to);
	print_fitting(s, text, s->width);
	putc('\n', s->to);
	print_cells(s);
	print_table(s);
	free(s->key);
	free(s->own);
}

static void print_legend(const struct sheet *s)
{
	const char *const *shade = shades[s->utf8];
	char text[160];

	putc('\n', s->to);
	snprintf(text, sizeof(text), "%s  free", shade[0]);
	print_fitting(s, text, s->width);
	snprintf(text, sizeof(text), "%s%s%s%s  taken by what has no letter",
		 shade[1], shade[2], shade[3], shade[4]);
	putc('\n', s->to);
	print_fitting(s, text, s->width);
	putc('\n', s->to);
}

/* On one line, or each clause on its own. */
static void print_summary(const struct sheet *s, char *text)
{
	bool fits = strlen(text) <= s->width;
	char *next;

	for (; text; text = next) {
		next = fits ? NULL : strstr(text, "; ");
		if (next) {
			*next = '\0';
			next += 2;
		}
		print_fitting(s, text, s->width);
		putc('\n', s->to);
	}
}

void map_print(const struct map *map, FILE *to, unsigned int width, bool utf8)
{
	_cleanup_free_ char *summary = map_summary(map);
	struct sheet s = {.to = to, .width = width, .utf8 = utf8};
	char digits[24];

	s.digits = (unsigned int)snprintf(digits, sizeof(digits), "%" PRIx64,
					  map->fabric->size - 1);
	print_summary(&s, summary);
	for (size_t i = 0; i < map->parts; i++)
		print_part(&map->part[i], &s);
	print_legend(&s);
}
