// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "bundle.h"
#include "cmd.h"
#include "node.h"
#include "out.h"

static bool all, dry_run;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "every node that is not running", &all},
	{0}};

/* The bundle it boots, which may be gone or out of date. */
static int need_bundle(const char *dir, struct err *err)
{
	struct bundle bundle;

	if (!*dir)
		return 0;
	return dry_run ? bundle_find(dir, &bundle, err)
		       : bundle_need(dir, &bundle, err);
}

static int start(struct virt *virt, const struct virt_node *node, json_t *row,
		 struct err *err)
{
	int ret;

	node_tell(row, node->active ? "none" : "started");
	if (node->active && all)
		return 0;
	if (node->active)
		return err_set(err, -EBUSY, "it is %s already", node->state);
	if (node->damage[0])
		return err_set(err, -EBADMSG, "%s", node->damage);
	ret = node_check_start(virt, &node->meta, err);
	if (ret == 0)
		ret = need_bundle(node->meta.bundle, err);
	if (ret == 0)
		ret = node_serve_all(virt, &node->meta, dry_run, err);
	if (ret == 0 && !dry_run)
		ret = virt_start(virt, node->name, err);
	if (ret == 0)
		out_note("node '%s' %s", node->name,
			 dry_run ? "would be started" : "started");
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	const struct node_job job = {"start", all, start};

	dry_run = globals->dry_run;
	return node_run_job(globals, argc, argv, &job, err);
}

const struct command cmd_start_node = {
	.name = "start-node",
	.args = "NAME... | --all",
	.summary = "switch nodes on",
	.options = options,
	.run = run,
};
