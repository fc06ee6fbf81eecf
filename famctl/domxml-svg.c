// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/chvalid.h>

#include "domxml-svg.h"
#include "domxml-tree.h"
#include "util/cleanup.h"

#define SVG_NS "http://www.w3.org/2000/svg"

struct svg {
	xmlDoc *doc;
	xmlNode *root;
	xmlNs *ns;
};

static void number(xmlNode *node, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6g", value);
	tree_attr(node, name, text);
}

/* A name in a fabric may hold what no XML can, such as U+FFFE. */
static void put_text(xmlNode *node, const char *text)
{
	size_t len = strlen(text);
	_cleanup_free_ char *clean = malloc(3 * len + 1);
	size_t used = 0;

	if (!clean)
		abort();
	while (*text) {
		int n = 4;
		int c = xmlGetUTF8Char((const unsigned char *)text, &n);

		if (c < 0 || !xmlIsCharQ((unsigned int)c)) {
			memcpy(clean + used, "\xef\xbf\xbd", 3);
			used += 3;
			text += c < 0 ? 1 : n;
			continue;
		}
		memcpy(clean + used, text, (size_t)n);
		used += (size_t)n;
		text += n;
	}
	clean[used] = '\0';
	tree_text(node, clean);
}

static xmlNode *element(struct svg *svg, xmlNode *parent, const char *name)
{
	return tree_add(parent, svg->ns, name);
}

struct svg *svg_new(double width, double height, const char *title)
{
	struct svg *svg = calloc(1, sizeof(*svg));
	char box[80];

	if (!svg)
		abort();
	svg->doc = xmlNewDoc((const xmlChar *)"1.0");
	if (svg->doc)
		svg->root = xmlNewDocNode(svg->doc, NULL,
					  (const xmlChar *)"svg", NULL);
	if (!svg->root)
		abort();
	xmlDocSetRootElement(svg->doc, svg->root);
	svg->ns = xmlNewNs(svg->root, (const xmlChar *)SVG_NS, NULL);
	xmlSetNs(svg->root, svg->ns);
	snprintf(box, sizeof(box), "0 0 %.6g %.6g", width, height);
	tree_attr(svg->root, "viewBox", box);
	number(svg->root, "width", width);
	number(svg->root, "height", height);
	put_text(element(svg, svg->root, "title"), title);
	svg_box(svg, &(struct svg_box){.width = width,
				       .height = height,
				       .fill = "#ffffff"});
	return svg;
}

void svg_free(struct svg *svg)
{
	xmlFreeDoc(svg->doc);
	free(svg);
}

void svg_box(struct svg *svg, const struct svg_box *box)
{
	xmlNode *rect = element(svg, svg->root, "rect");

	number(rect, "x", box->x);
	number(rect, "y", box->y);
	number(rect, "width", box->width);
	number(rect, "height", box->height);
	tree_attr(rect, "fill", box->fill);
	if (box->stroke) {
		tree_attr(rect, "stroke", box->stroke);
		tree_attr(rect, "stroke-width", "0.75");
	}
	if (box->title)
		put_text(element(svg, rect, "title"), box->title);
}

void svg_text(struct svg *svg, const struct svg_text *how, const char *text)
{
	xmlNode *node = element(svg, svg->root, "text");

	number(node, "x", how->x);
	number(node, "y", how->y);
	number(node, "font-size", how->size);
	tree_attr(node, "font-family", how->family);
	tree_attr(node, "fill", how->fill);
	if (strcmp(how->anchor, "start") != 0)
		tree_attr(node, "text-anchor", how->anchor);
	/* What lies below it is to be found by the pointer. */
	tree_attr(node, "pointer-events", "none");
	put_text(node, text);
}

char *svg_print(struct svg *svg)
{
	return tree_print(svg->doc);
}
