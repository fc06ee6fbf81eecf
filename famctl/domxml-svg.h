/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_DOMXML_SVG_H
#define FAMCTL_DOMXML_SVG_H

/*
 * A picture as SVG: boxes and lines of text, with what shows when the pointer
 * rests on them. Lengths are in the picture's own units. Text is UTF-8; what XML
 * cannot hold becomes U+FFFD. Lack of memory ends the program.
 */
struct svg;

struct svg_box {
	double x, y, width, height;
	const char *fill;   /* "#rrggbb" */
	const char *stroke; /* NULL: none */
	const char *title;  /* NULL: none */
};

struct svg_text {
	double x, y;
	double size;
	const char *family; /* "monospace" */
	const char *fill;
	const char *anchor; /* "start", "middle", "end" */
};

/** svg_new() - an empty picture, white, with a title; svg_free() ends it */
struct svg *svg_new(double width, double height, const char *title);
void svg_free(struct svg *svg);

void svg_box(struct svg *svg, const struct svg_box *box);
void svg_text(struct svg *svg, const struct svg_text *how, const char *text);

/** svg_print() - the document; malloc'd */
char *svg_print(struct svg *svg);

#endif
