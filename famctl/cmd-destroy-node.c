// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <sys/stat.h>

#include "cmd.h"
#include "node.h"
#include "out.h"

static bool all, force, dry_run;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "every node", &all},
	{"force", 0, OPT_FLAG, NULL, "switch off what is running first",
	 &force},
	{0}};

/* Its user has no need to look for what somebody has removed. */
static bool is_gone(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static void report(const struct virt_node *node, json_t *row)
{
	json_t *fabrics = json_array();

	out_note("node '%s' %s; its disks are kept", node->name,
		 dry_run ? "would be destroyed" : "destroyed");
	for (size_t i = 0; i < node->meta.count; i++) {
		const struct node_fabric *f = &node->meta.fabric[i];
		bool gone = is_gone(f->path);

		out_note("fabric '%s' is %s: %s", f->name,
			 gone ? "not there" : "kept", f->path);
		json_array_append_new(
			fabrics,
			json_pack("{s:s,s:o,s:b}", "name", f->name, "path",
				  out_json_text(f->path), "kept", !gone));
	}
	node_tell(row, "destroyed");
	json_object_set_new(row, "fabrics", fabrics);
}

static int destroy(struct virt *virt, const struct virt_node *node, json_t *row,
		   struct err *err)
{
	int ret = 0;

	if (node->active && !force) {
		err_set(err, -EBUSY, "it is %s", node->state);
		return err_hint(err,
				"stop it first: famctl stop-node %s; or "
				"add --force",
				node->name);
	}
	if (node->active && !dry_run)
		ret = virt_stop(virt, node->name, 0, true, err);
	if (ret == 0 && !dry_run)
		ret = virt_undefine(virt, node->name, err);
	if (ret == 0)
		report(node, row);
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	const struct node_job job = {"destroy", all, destroy};

	dry_run = globals->dry_run;
	return node_run_job(globals, argc, argv, &job, err);
}

const struct command cmd_destroy_node = {
	.name = "destroy-node",
	.args = "NAME... | --all",
	.summary = "forget nodes; fabrics and disks stay",
	.options = options,
	.run = run,
};
