// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xmlsave.h>

#include "domxml-tree.h"
#include "util/cleanup.h"

static void *must(void *p)
{
	if (!p) {
		fputs("famctl: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static xmlParserCtxt *new_parser(void)
{
	return must(xmlNewParserCtxt());
}

/* Puts the parser's complaint, one line of it, into @err. */
static int parse_error(xmlParserCtxt *parser, const char *what, struct err *err)
{
	const xmlError *error = xmlCtxtGetLastError(parser);
	const char *message = error && error->message ? error->message : "";

	err_set(err, -EINVAL, "%s is not XML: line %d: %.*s", what,
		error ? error->line : 0, (int)strcspn(message, "\n"), message);
	return err->code;
}

static int check_root(const xmlDoc *doc, const char *root, const char *what,
		      struct err *err)
{
	const xmlNode *node = xmlDocGetRootElement(doc);

	if (xmlGetIntSubset(doc))
		return err_set(err, -EINVAL, "%s has a DOCTYPE", what);
	if (!node || node->ns || strcmp((const char *)node->name, root) != 0)
		return err_set(err, -EINVAL,
			       "%s is not a libvirt %s: its root is <%s>", what,
			       root, node ? (char *)node->name : "");
	return 0;
}

int tree_parse(const char *text, size_t len, const char *root, const char *what,
	       xmlDoc **out, struct err *err)
{
	int options = XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR |
		      XML_PARSE_NOWARNING;
	_cleanup_doc_ xmlDoc *doc = NULL;
	xmlParserCtxt *parser;
	int ret = 0;

	if (len == 0 || len > INT_MAX)
		return err_set(err, -EINVAL, "%s is not XML: it is %s", what,
			       len ? "too long" : "empty");
	parser = new_parser();
	doc = xmlCtxtReadMemory(parser, text, (int)len, NULL, NULL, options);
	if (!doc)
		ret = parse_error(parser, what, err);
	xmlFreeParserCtxt(parser);
	if (ret == 0)
		ret = check_root(doc, root, what, err);
	if (ret == 0)
		*out = take(doc);
	return ret;
}

static bool is_element(const xmlNode *node, const char *href, const char *name)
{
	if (node->type != XML_ELEMENT_NODE ||
	    strcmp((const char *)node->name, name) != 0)
		return false;
	if (!href || !node->ns)
		return !href && !node->ns;
	return node->ns->href && !strcmp((const char *)node->ns->href, href);
}

static xmlNode *find(xmlNode *node, const char *href, const char *name)
{
	for (; node; node = node->next) {
		if (is_element(node, href, name))
			return node;
	}
	return NULL;
}

xmlNode *tree_child(const xmlNode *parent, const char *name)
{
	return parent ? find(parent->children, NULL, name) : NULL;
}

xmlNode *tree_next(const xmlNode *node, const char *name)
{
	return find(node->next, NULL, name);
}

xmlNode *tree_child_ns(const xmlNode *parent, const char *href,
		       const char *name)
{
	return parent ? find(parent->children, href, name) : NULL;
}

xmlNode *tree_next_ns(const xmlNode *node, const char *href, const char *name)
{
	return find(node->next, href, name);
}

xmlNode *tree_add(xmlNode *parent, xmlNs *ns, const char *name)
{
	xmlNode *node = must(
		xmlNewDocNode(parent->doc, ns, (const xmlChar *)name, NULL));

	return must(xmlAddChild(parent, node));
}

/* The first child of @parent that comes after @name in @order, or NULL. */
static xmlNode *follower(const xmlNode *parent, const char *name,
			 const char *const *order)
{
	xmlNode *node;
	size_t i, own = 0;

	while (order[own] && strcmp(order[own], name) != 0)
		own++;
	for (node = parent->children; node; node = node->next) {
		for (i = own; order[i]; i++) {
			if (i > own && is_element(node, NULL, order[i]))
				return node;
		}
	}
	return NULL;
}

xmlNode *tree_insert(xmlNode *parent, const char *name,
		     const char *const *order)
{
	xmlNode *next = follower(parent, name, order);
	xmlNode *node = tree_add(parent, NULL, name);

	if (next) {
		xmlUnlinkNode(node);
		must(xmlAddPrevSibling(next, node));
	}
	return node;
}

xmlNode *tree_need(xmlNode *parent, const char *name, const char *const *order)
{
	xmlNode *node = tree_child(parent, name);

	return node ? node : tree_insert(parent, name, order);
}

void tree_text(xmlNode *node, const char *text)
{
	while (node->children)
		tree_remove(node->children);
	must(xmlAddChild(node, must(xmlNewText((const xmlChar *)text))));
}

void tree_attr(xmlNode *node, const char *name, const char *value)
{
	if (value)
		must(xmlSetProp(node, (const xmlChar *)name,
				(const xmlChar *)value));
	else
		xmlUnsetProp(node, (const xmlChar *)name);
}

xmlChar *tree_get(const xmlNode *node, const char *name)
{
	return node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
}

void tree_remove(xmlNode *node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

void tree_drop(xmlNode *parent, const char *name)
{
	xmlNode *node;

	while ((node = tree_child(parent, name)))
		tree_remove(node);
}

xmlNs *tree_ns(xmlNode *node, const char *href, const char *prefix)
{
	xmlNs *ns = xmlSearchNsByHref(node->doc, node, (const xmlChar *)href);

	return ns ? ns
		  : xmlNewNs(node, (const xmlChar *)href,
			     (const xmlChar *)prefix);
}

int tree_check_text(const char *text, const char *what, struct err *err)
{
	const char *p;

	for (p = text; *p; p++) {
		if ((unsigned char)*p < ' ')
			return err_set(err, -EINVAL,
				       "%s has a control character in it",
				       what);
	}
	if (!xmlCheckUTF8((const unsigned char *)text))
		return err_set(err, -EINVAL, "%s is not UTF-8 text", what);
	return 0;
}

char *tree_print(xmlDoc *doc)
{
	xmlBuffer *buffer = must(xmlBufferCreate());
	xmlSaveCtxt *save = must(xmlSaveToBuffer(
		buffer, "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL));
	char *text = NULL;

	xmlSaveTree(save, xmlDocGetRootElement(doc));
	xmlSaveClose(save);
	if (asprintf(&text, "%s\n", (const char *)xmlBufferContent(buffer)) < 0)
		must(NULL);
	xmlBufferFree(buffer);
	return text;
}
