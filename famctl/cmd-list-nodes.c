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

/* For people a fabric is called as on the command line of create-node. */
static json_t *shown_name(const struct node_fabric *f, bool json)
{
	return f->read_only && !json ? json_sprintf("%s:ro", f->name)
				     : json_string(f->name);
}

static void add_fabrics(json_t *row, const struct node_meta *meta, bool json)
{
	json_t *names = json_array(), *attachments = json_array();

	for (size_t i = 0; i < meta->count; i++) {
		const struct node_fabric *f = &meta->fabric[i];

		json_array_append_new(names, shown_name(f, json));
		json_array_append_new(
			attachments,
			json_pack("{s:s,s:s?,s:s,s:I,s:s,s:s,s:i,s:b}", "name",
				  f->name, "uuid", f->uuid[0] ? f->uuid : NULL,
				  "path", f->path, "size", (json_int_t)f->size,
				  "transport", f->transport, "device",
				  f->device, "vectors", (int)f->vectors,
				  "read_only", f->read_only));
	}
	json_object_set_new(row, "fabrics", names);
	json_object_set_new(row, "attachments", attachments);
}

struct listing {
	json_t *rows;
	bool json; /* for programs */
};

static int add_row(const struct virt_node *node, void *arg, struct err *err)
{
	const struct listing *listing = arg;
	json_t *row = json_pack(
		"{s:s,s:s,s:s,s:b,s:i,s:I,s:s}", "name", node->name, "uuid",
		node->uuid, "state", node->state, "active", node->active,
		"vcpus", (int)node->vcpus, "memory", (json_int_t)node->memory,
		"flush", domxml_flush(node->meta.flush));

	(void)err;
	add_fabrics(row, &node->meta, listing->json);
	if (node->damage[0]) {
		json_object_set_new(row, "damage", json_string(node->damage));
		out_warn("node '%s': %s", node->name, node->damage);
	}
	json_array_append_new(listing->rows, row);
	return 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_virt_ struct virt *virt = NULL;
	struct listing listing = {.json = globals->json};
	int ret;

	if (argc > 0)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[0]);
	ret = virt_open(&virt, globals->connect, err);
	if (ret < 0)
		return ret;
	listing.rows = json_array();
	ret = virt_each_node(virt, add_row, &listing, err);
	if (ret < 0)
		json_decref(listing.rows);
	else
		out_table(globals->json, fields, listing.rows);
	return ret;
}

const struct command cmd_list_nodes = {
	.name = "list-nodes",
	.args = "",
	.summary = "show the nodes and their fabrics",
	.options = options,
	.run = run,
};
