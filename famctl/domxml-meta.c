// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domxml-internal.h"
#include "domxml-tree.h"
#include "qemu-args.h"
#include "util/size.h"

/* The decimal digits of @text and nothing else. */
static int read_size(const char *text, uint64_t *out)
{
	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	return size_parse(text, out);
}

static bool is_pci_path(const char *text)
{
	return *text && !text[strspn(text, "0123456789abcdef:./")];
}

static bool is_transport(const char *text)
{
	enum transport t;

	for (t = TRANSPORT_PLAIN; t <= TRANSPORT_LAST; t++) {
		if (!strcmp(text, qemu_args_transport(t)))
			return true;
	}
	return false;
}

const char *domxml_flush(enum node_flush flush)
{
	switch (flush) {
	case NODE_FLUSH_MAILBOX:
		break;
	case NODE_FLUSH_WINDOW:
		return "window";
	case NODE_FLUSH_NONE:
		return "none";
	}
	return "mailbox";
}

/* Copies an attribute; false if it is absent or too long. */
static bool copy_attr(const xmlNode *node, const char *name, char *out,
		      size_t len)
{
	_cleanup_xmlchar_ xmlChar *value = tree_get(node, name);

	if (!value || strlen((const char *)value) >= len)
		return false;
	memcpy(out, value, strlen((const char *)value) + 1);
	return true;
}

/* The attribute may be absent: of no meaning, or of a node made before it. */
static bool read_vectors(const xmlNode *node, struct node_fabric *out)
{
	char text[8];

	out->vectors = qemu_args_served(out->transport) ? 1 : 0;
	if (!out->vectors || !xmlHasProp(node, (const xmlChar *)"vectors"))
		return true;
	if (!copy_attr(node, "vectors", text, sizeof(text)) || !*text ||
	    text[strspn(text, "0123456789")])
		return false;
	out->vectors = (unsigned int)strtoul(text, NULL, 10);
	return out->vectors >= 1 && out->vectors <= SERVERS_VECTORS_MAX;
}

/* Absent: the node may do both. Read-only is only what QEMU opens by itself. */
static bool read_access(const xmlNode *node, struct node_fabric *out)
{
	char text[8];

	out->read_only = xmlHasProp(node, (const xmlChar *)"access");
	return !out->read_only ||
	       (!qemu_args_served(out->transport) &&
		copy_attr(node, "access", text, sizeof(text)) &&
		!strcmp(text, DOMXML_READ_ONLY));
}

/* NULL, or the attribute which is wrong: anybody may have edited them. */
static const char *read_fabric(const xmlNode *node, struct node_fabric *out)
{
	uint8_t uuid[FAM_UUID_BYTES];
	char size[24];

	if (!copy_attr(node, "name", out->name, sizeof(out->name)) ||
	    fam_label_check(out->name) < 0)
		return "name";
	if (!copy_attr(node, "uuid", out->uuid, sizeof(out->uuid)) ||
	    (out->uuid[0] && fam_uuid_parse(out->uuid, uuid) < 0))
		return "uuid";
	if (!copy_attr(node, "path", out->path, sizeof(out->path)) ||
	    out->path[0] != '/')
		return "path";
	if (!copy_attr(node, "size", size, sizeof(size)) ||
	    read_size(size, &out->size) < 0)
		return "size";
	if (!copy_attr(node, "transport", out->transport,
		       sizeof(out->transport)) ||
	    !is_transport(out->transport))
		return "transport";
	if (!copy_attr(node, "device", out->device, sizeof(out->device)) ||
	    !is_pci_path(out->device))
		return "device";
	if (!read_vectors(node, out))
		return "vectors";
	if (!read_access(node, out))
		return "access";
	return NULL;
}

/* Absent: of a node made before there was a choice, or the usual one. */
static bool read_flush(const xmlNode *node, enum node_flush *out)
{
	_cleanup_xmlchar_ xmlChar *word = tree_get(node, "flush");

	*out = NODE_FLUSH_MAILBOX;
	while (word && strcmp((const char *)word, domxml_flush(*out)) != 0) {
		if (*out == NODE_FLUSH_LAST)
			return false;
		(*out)++;
	}
	return true;
}

static int read_node(const xmlNode *node, struct node_meta *out,
		     struct err *err)
{
	const xmlNode *entry = tree_child_ns(node, NODE_XMLNS, "fabric");
	const char *wrong;

	if (xmlHasProp(node, (const xmlChar *)"bundle") &&
	    (!copy_attr(node, "bundle", out->bundle, sizeof(out->bundle)) ||
	     out->bundle[0] != '/'))
		return err_set(err, -EBADMSG,
			       "its metadata are damaged: 'bundle'");
	if (!read_flush(node, &out->flush))
		return err_set(err, -EBADMSG,
			       "its metadata are damaged: 'flush'");
	for (; entry; entry = tree_next_ns(entry, NODE_XMLNS, "fabric")) {
		if (out->count == NODE_FABRICS_MAX)
			return err_set(err, -EBADMSG,
				       "its metadata name more than %d fabrics",
				       NODE_FABRICS_MAX);
		wrong = read_fabric(entry, &out->fabric[out->count]);
		if (wrong)
			return err_set(err, -EBADMSG,
				       "its metadata are damaged: '%s' of "
				       "fabric %zu",
				       wrong, out->count + 1);
		out->count++;
	}
	return 1;
}

/* Does it say "none", or give a profile of its own? */
static bool has_seclabel(const xmlNode *domain)
{
	const xmlNode *label = tree_child(domain, "seclabel");

	for (; label; label = tree_next(label, "seclabel")) {
		_cleanup_xmlchar_ xmlChar *type = tree_get(label, "type");
		_cleanup_xmlchar_ xmlChar *model = tree_get(label, "model");

		if (model && strcmp((const char *)model, "apparmor") != 0)
			continue;
		if (type && strcmp((const char *)type, "dynamic") != 0)
			return true;
	}
	return false;
}

/* Else they are raw arguments. */
static bool has_windows(const xmlNode *domain)
{
	const xmlNode *node =
		tree_child(tree_child(domain, "devices"), "memory");

	for (; node; node = tree_next(node, "memory")) {
		_cleanup_xmlchar_ xmlChar *model = tree_get(node, "model");

		if (model && !strcmp((const char *)model, "virtio-pmem"))
			return true;
	}
	return false;
}

int domxml_meta(const char *xml, struct node_meta *out, struct err *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	const xmlNode *domain, *node;
	int ret =
		tree_parse(xml, strlen(xml), "domain", "the domain", &doc, err);

	out->count = 0;
	out->bundle[0] = '\0';
	out->flush = NODE_FLUSH_MAILBOX;
	out->raw_windows = false;
	if (ret < 0)
		return err->code = -EBADMSG;
	domain = xmlDocGetRootElement(doc);
	out->seclabel = has_seclabel(domain);
	node = tree_child_ns(tree_child(domain, "metadata"), NODE_XMLNS,
			     "node");
	ret = node ? read_node(node, out, err) : 0;
	out->raw_windows = ret == 1 && out->flush == NODE_FLUSH_WINDOW &&
			   !has_windows(domain);
	return ret;
}

/* "+64055:+107", as libvirt writes numeric owners. */
static bool read_owner(const char *text, unsigned int *uid, unsigned int *gid)
{
	char end;

	return sscanf(text, "+%9u:+%9u%c", uid, gid, &end) == 2;
}

static bool read_dac(const xmlNode *secmodel, unsigned int *uid,
		     unsigned int *gid)
{
	const xmlNode *label = tree_child(secmodel, "baselabel");
	const xmlNode *model = tree_child(secmodel, "model");
	_cleanup_xmlchar_ xmlChar *name = NULL, *text = NULL;

	if (!model || !label)
		return false;
	name = xmlNodeGetContent(model);
	text = xmlNodeGetContent(label);
	return name && text && !strcmp((const char *)name, "dac") &&
	       read_owner((const char *)text, uid, gid);
}

int domxml_qemu_identity(const char *capabilities, unsigned int *uid,
			 unsigned int *gid, struct err *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	const xmlNode *model;
	int ret = tree_parse(capabilities, strlen(capabilities), "capabilities",
			     "libvirt's answer", &doc, err);

	if (ret < 0)
		return err->code = -ENOTSUP;
	model = tree_child(tree_child(xmlDocGetRootElement(doc), "host"),
			   "secmodel");
	for (; model; model = tree_next(model, "secmodel")) {
		if (read_dac(model, uid, gid))
			return 0;
	}
	return err_set(err, -ENOTSUP,
		       "libvirt does not say as whom it runs QEMU");
}

bool domxml_secmodel(const char *capabilities, const char *model)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	const xmlNode *node;
	struct err err;

	if (tree_parse(capabilities, strlen(capabilities), "capabilities",
		       "libvirt's answer", &doc, &err) < 0)
		return false;
	node = tree_child(tree_child(xmlDocGetRootElement(doc), "host"),
			  "secmodel");
	for (; node; node = tree_next(node, "secmodel")) {
		const xmlNode *name = tree_child(node, "model");
		_cleanup_xmlchar_ xmlChar *text =
			name ? xmlNodeGetContent(name) : NULL;

		if (text && !strcmp((const char *)text, model))
			return true;
	}
	return false;
}
