// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domxml-internal.h"
#include "domxml-tree.h"
#include "qemu-args.h"

#define QEMU_XMLNS DOMXML_QEMU_XMLNS

static void add_meta(xmlNode *node, const struct node_spec *spec, size_t index,
		     const char *device)
{
	const struct fabric *fabric = &spec->fabrics[index];
	xmlNode *entry = tree_add(node, node->ns, "fabric");
	const char *transport = qemu_args_transport(spec->transport);
	char uuid[FAM_UUID_TEXT] = "", size[24], vectors[16];

	if (fabric->formatted)
		fam_uuid_format(fabric->sb.uuid, uuid);
	snprintf(size, sizeof(size), "%" PRIu64, fabric->size);
	tree_attr(entry, "name", fabric->name);
	tree_attr(entry, "uuid", uuid);
	tree_attr(entry, "path", fabric->path);
	tree_attr(entry, "size", size);
	snprintf(vectors, sizeof(vectors), "%u",
		 spec->vectors ? spec->vectors : 1);
	tree_attr(entry, "transport", transport);
	tree_attr(entry, "device", device);
	tree_attr(entry, "vectors",
		  qemu_args_served(transport) ? vectors : NULL);
	tree_attr(entry, "access",
		  spec->read_only[index] ? DOMXML_READ_ONLY : NULL);
}

void domxml_add_arguments(xmlNode *domain, const struct qemu_args *args)
{
	xmlNs *qemu = tree_ns(domain, QEMU_XMLNS, "qemu");
	xmlNode *commandline = tree_child_ns(domain, QEMU_XMLNS, "commandline");

	if (!commandline)
		commandline = tree_add(domain, qemu, "commandline");
	for (size_t i = 0; i < args->count; i++)
		tree_attr(tree_add(commandline, qemu, "arg"), "value",
			  args->arg[i]);
}

static int add_arguments(xmlNode *domain, const struct node_spec *spec,
			 const char *machine, size_t index, char device[16],
			 struct err *err)
{
	struct qemu_args args;
	int ret = qemu_args_fabric(spec, machine, index, &args, err);

	if (ret == 0) {
		domxml_add_arguments(domain, &args);
		memcpy(device, args.device, sizeof(args.device));
	}
	qemu_args_free(&args);
	return ret;
}

static int add_fabric(xmlNode *domain, xmlNode *meta,
		      const struct node_spec *spec, const char *machine,
		      size_t index, struct err *err)
{
	char device[16];
	int ret = spec->transport == TRANSPORT_DOORBELL
			  ? domxml_add_shmem(domain, spec, machine, index,
					     device, err)
			  : add_arguments(domain, spec, machine, index, device,
					  err);

	if (ret == 0)
		add_meta(meta, spec, index, device);
	return ret;
}

/* Is this the value of a raw argument made by qemu_args_fabric()? */
static bool is_our_value(const xmlChar *value)
{
	const char *id = value ? strstr((const char *)value, ",id=fam") : NULL;

	if (!id)
		return false;
	id += strlen(",id=fam");
	id += strspn(id, "mrpcw");
	return strspn(id, "0123456789") > 0;
}

static void drop_arguments(xmlNode *domain)
{
	xmlNode *commandline = tree_child_ns(domain, QEMU_XMLNS, "commandline");
	xmlNode *option = tree_child_ns(commandline, QEMU_XMLNS, "arg");
	xmlNode *value, *next;

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
	if (commandline && !xmlFirstElementChild(commandline))
		tree_remove(commandline);
}

void domxml_drop_fabrics(xmlNode *domain)
{
	xmlNode *old = tree_child_ns(tree_child(domain, "metadata"), NODE_XMLNS,
				     "node");
	xmlNode *entry = tree_child_ns(old, NODE_XMLNS, "fabric");

	if (!old)
		return;
	domxml_drop_windows(domain, old);
	for (; entry; entry = tree_next_ns(entry, NODE_XMLNS, "fabric")) {
		_cleanup_xmlchar_ xmlChar *name = tree_get(entry, "name");

		if (name)
			domxml_drop_shmem(domain, (const char *)name);
	}
	tree_remove(old);
	drop_arguments(domain);
}

int domxml_set_fabrics(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err)
{
	xmlNode *metadata = tree_need(domain, "metadata", domxml_order);
	xmlNs *fam;
	xmlNode *meta;
	size_t i;
	int ret = 0;

	if (!tree_ns(domain, QEMU_XMLNS, "qemu"))
		return err_set(err, -EINVAL,
			       "the template uses the prefix 'qemu' for "
			       "something else than " QEMU_XMLNS);
	meta = tree_add(metadata, NULL, "node");
	fam = tree_ns(meta, NODE_XMLNS, "fam");
	if (!fam)
		return err_set(err, -EINVAL,
			       "the template uses the prefix 'fam' for "
			       "something else than " NODE_XMLNS);
	xmlSetNs(meta, fam);
	tree_attr(meta, "bundle", spec->bundle);
	if (spec->flush != NODE_FLUSH_MAILBOX)
		tree_attr(meta, "flush", domxml_flush(spec->flush));
	for (i = 0; i < spec->fabric_count && ret == 0; i++)
		ret = add_fabric(domain, meta, spec, machine, i, err);
	if (ret == 0 && spec->flush == NODE_FLUSH_WINDOW)
		ret = domxml_add_windows(domain, spec, machine, err);
	return ret;
}
