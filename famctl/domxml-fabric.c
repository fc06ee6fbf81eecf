// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domxml-internal.h"
#include "domxml-tree.h"
#include "qemu-args.h"

#define QEMU_XMLNS "http://libvirt.org/schemas/domain/qemu/1.0"

static void add_meta(xmlNode *node, const struct node_spec *spec,
		     const struct fabric *fabric, const char *device)
{
	xmlNode *entry = tree_add(node, node->ns, "fabric");
	char uuid[FAM_UUID_TEXT] = "", size[24];

	if (fabric->formatted)
		fam_uuid_format(fabric->sb.uuid, uuid);
	snprintf(size, sizeof(size), "%" PRIu64, fabric->size);
	tree_attr(entry, "name", fabric->name);
	tree_attr(entry, "uuid", uuid);
	tree_attr(entry, "path", fabric->path);
	tree_attr(entry, "size", size);
	tree_attr(entry, "transport", qemu_args_transport(spec->transport));
	tree_attr(entry, "device", device);
}

static int add_fabric(xmlNode *meta, xmlNode *commandline,
		      const struct node_spec *spec, const char *machine,
		      size_t index, struct err *err)
{
	struct qemu_args args;
	size_t i;
	int ret = qemu_args_fabric(spec, machine, index, &args, err);

	for (i = 0; i < args.count && ret == 0; i++)
		tree_attr(tree_add(commandline, commandline->ns, "arg"),
			  "value", args.arg[i]);
	if (ret == 0)
		add_meta(meta, spec, &spec->fabrics[index], args.device);
	qemu_args_free(&args);
	return ret;
}

/* Is this the value of a raw argument made by qemu_args_fabric()? */
static bool is_our_value(const xmlChar *value)
{
	const char *id = value ? strstr((const char *)value, ",id=fam") : NULL;

	if (!id)
		return false;
	id += strlen(",id=fam");
	id += strspn(id, "mrpc");
	return strspn(id, "0123456789") > 0;
}

/*
 * A template may be what libvirt shows of one of our nodes. Its fabrics are
 * not the new node's.
 */
static void drop_old_fabrics(xmlNode *metadata, xmlNode *commandline)
{
	xmlNode *old = tree_child_ns(metadata, NODE_XMLNS, "node");
	xmlNode *option = tree_child_ns(commandline, QEMU_XMLNS, "arg");
	xmlNode *value, *next;

	if (!old)
		return;
	tree_remove(old);
	for (; option; option = next) {
		_cleanup_xmlchar_ xmlChar *text = NULL;

		next = value = tree_next_ns(option, QEMU_XMLNS, "arg");
		text = tree_get(value, "value");
		if (!is_our_value(text))
			continue;
		next = tree_next_ns(value, QEMU_XMLNS, "arg");
		tree_remove(value);
		tree_remove(option);
	}
}

int domxml_set_fabrics(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err)
{
	xmlNode *metadata = tree_need(domain, "metadata", domxml_order);
	xmlNode *commandline = tree_child_ns(domain, QEMU_XMLNS, "commandline");
	xmlNs *qemu = tree_ns(domain, QEMU_XMLNS, "qemu"), *fam;
	xmlNode *meta;
	size_t i;
	int ret = 0;

	if (!qemu)
		return err_set(err, -EINVAL,
			       "the template uses the prefix 'qemu' for "
			       "something else than " QEMU_XMLNS);
	drop_old_fabrics(metadata, commandline);
	if (!commandline)
		commandline = tree_add(domain, qemu, "commandline");
	meta = tree_add(metadata, NULL, "node");
	fam = tree_ns(meta, NODE_XMLNS, "fam");
	if (!fam)
		return err_set(err, -EINVAL,
			       "the template uses the prefix 'fam' for "
			       "something else than " NODE_XMLNS);
	xmlSetNs(meta, fam);
	tree_attr(meta, "bundle", spec->bundle);
	for (i = 0; i < spec->fabric_count && ret == 0; i++)
		ret = add_fabric(meta, commandline, spec, machine, i, err);
	return ret;
}
