// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "node.h"
#include "out.h"

#define TIMEOUT_MAX 86400

static bool all, force, dry_run;
static uint64_t timeout = 30;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "every node that is running", &all},
	{"timeout", 't', OPT_NUMBER, "SECONDS",
	 "how long to wait for the guest (30)", &timeout},
	{"force", 0, OPT_FLAG, NULL, "switch off at once, as by the power cord",
	 &force},
	{0}};

static int stop(struct virt *virt, const struct virt_node *node, json_t *row,
		struct err *err)
{
	int ret = 0;

	node_tell(row, node->active ? "stopped" : "none");
	if (!node->active) {
		if (!all)
			out_note("node '%s' is not running", node->name);
		return 0;
	}
	if (!dry_run)
		ret = virt_stop(virt, node->name, (unsigned int)timeout, force,
				err);
	if (ret == 0)
		out_note("node '%s' %s", node->name,
			 dry_run ? "would be stopped" : "stopped");
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	const struct node_job job = {"stop", all, stop};

	if (timeout > TIMEOUT_MAX)
		return err_set(err, -EINVAL, "--timeout: use 0 to %d",
			       TIMEOUT_MAX);
	dry_run = globals->dry_run;
	return node_run_job(globals, argc, argv, &job, err);
}

const struct command cmd_stop_node = {
	.name = "stop-node",
	.args = "NAME... | --all",
	.summary = "shut nodes down",
	.options = options,
	.run = run,
};
