// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "node.h"
#include "out.h"

static const struct opt options[] = {{0}};

static const struct out_field fields[] = {
	{"name", "NAME", OUT_TEXT},	  {"state", "STATE", OUT_TEXT},
	{"vcpus", "VCPUS", OUT_TEXT},	  {"memory", "MEMORY", OUT_SIZE},
	{"fabrics", "FABRICS", OUT_LIST}, {0}};

static void add_fabrics(json_t *row, const struct node_meta *meta)
{
	json_t *names = json_array(), *attachments = json_array();

	for (size_t i = 0; i < meta->count; i++) {
		const struct node_fabric *f = &meta->fabric[i];

		json_array_append_new(names, json_string(f->name));
		json_array_append_new(
			attachments,
			json_pack("{s:s,s:s?,s:s,s:I,s:s,s:s,s:i}", "name",
				  f->name, "uuid", f->uuid[0] ? f->uuid : NULL,
				  "path", f->path, "size", (json_int_t)f->size,
				  "transport", f->transport, "device",
				  f->device, "vectors", (int)f->vectors));
	}
	json_object_set_new(row, "fabrics", names);
	json_object_set_new(row, "attachments", attachments);
}

static int add_row(const struct virt_node *node, void *rows, struct err *err)
{
	json_t *row = json_pack(
		"{s:s,s:s,s:s,s:b,s:i,s:I,s:s}", "name", node->name, "uuid",
		node->uuid, "state", node->state, "active", node->active,
		"vcpus", (int)node->vcpus, "memory", (json_int_t)node->memory,
		"flush", domxml_flush(node->meta.flush));

	(void)err;
	add_fabrics(row, &node->meta);
	if (node->damage[0]) {
		json_object_set_new(row, "damage", json_string(node->damage));
		out_warn("node '%s': %s", node->name, node->damage);
	}
	json_array_append_new(rows, row);
	return 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_virt_ struct virt *virt = NULL;
	json_t *rows;
	int ret;

	if (argc > 0)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[0]);
	ret = virt_open(&virt, globals->connect, err);
	if (ret < 0)
		return ret;
	rows = json_array();
	ret = virt_each_node(virt, add_row, rows, err);
	if (ret < 0)
		json_decref(rows);
	else
		out_table(globals->json, fields, rows);
	return ret;
}

const struct command cmd_list_nodes = {
	.name = "list-nodes",
	.args = "",
	.summary = "show the nodes and their fabrics",
	.options = options,
	.run = run,
};
