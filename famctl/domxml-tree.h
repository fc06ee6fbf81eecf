/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_DOMXML_TREE_H
#define FAMCTL_DOMXML_TREE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "util/err.h"

/*
 * XML trees in short words, for the domxml files only. Elements are ours to
 * find by their plain name: libvirt's have no namespace. Lack of memory ends
 * the program.
 */

static inline void cleanup_doc(xmlDoc **doc)
{
	if (*doc)
		xmlFreeDoc(*doc);
}
#define _cleanup_doc_ __attribute__((cleanup(cleanup_doc)))

static inline void cleanup_xmlchar(xmlChar **text)
{
	if (*text)
		xmlFree(*text);
}
#define _cleanup_xmlchar_ __attribute__((cleanup(cleanup_xmlchar)))

/**
 * tree_parse() - parse a document whose root is <@root>
 * @what: for the message: "template 'x.xml'"
 *
 * Nothing outside @text is ever read, and a DOCTYPE is refused, so that no
 * entity can grow. Return: 0; -EINVAL
 */
int tree_parse(const char *text, size_t len, const char *root, const char *what,
	       xmlDoc **out, struct err *err);

/** tree_child() - first child element @name, or NULL; @parent may be NULL */
xmlNode *tree_child(const xmlNode *parent, const char *name);

/** tree_next() - next sibling element @name, or NULL */
xmlNode *tree_next(const xmlNode *node, const char *name);

/** tree_child_ns() - first child element @name of namespace @href, or NULL */
xmlNode *tree_child_ns(const xmlNode *parent, const char *href,
		       const char *name);

/** tree_next_ns() - next sibling element @name of namespace @href, or NULL */
xmlNode *tree_next_ns(const xmlNode *node, const char *href, const char *name);

/** tree_add() - new last child element; @ns may be NULL */
xmlNode *tree_add(xmlNode *parent, xmlNs *ns, const char *name);

/**
 * tree_insert() - new child element at its place
 * @order: NULL-ended names: it is put before the first of those children which
 *	follow it there; else it becomes the last one
 */
xmlNode *tree_insert(xmlNode *parent, const char *name,
		     const char *const *order);

/** tree_need() - the child element @name, inserted if there is none */
xmlNode *tree_need(xmlNode *parent, const char *name, const char *const *order);

/** tree_text() - replace the content by text, taken literally */
void tree_text(xmlNode *node, const char *text);

/** tree_attr() - set an attribute; NULL removes it */
void tree_attr(xmlNode *node, const char *name, const char *value);

/** tree_get() - value of an attribute, to be freed, or NULL; @node may be NULL
 */
xmlChar *tree_get(const xmlNode *node, const char *name);

/** tree_drop() - remove all child elements @name */
void tree_drop(xmlNode *parent, const char *name);

/** tree_remove() - remove one node */
void tree_remove(xmlNode *node);

/** tree_ns() - the namespace @href on @node, declared as @prefix if it is not
 */
xmlNs *tree_ns(xmlNode *node, const char *href, const char *prefix);

/** tree_check_text() - can XML hold this? 0, or -EINVAL naming @what */
int tree_check_text(const char *text, const char *what, struct err *err);

/** tree_print() - malloc'd text of the root element, indented */
char *tree_print(xmlDoc *doc);

#endif
