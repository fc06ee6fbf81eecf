// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "fabric-durability.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
#include "virt.h"

static bool all, force;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "every server that is running", &all},
	{"force", 0, OPT_FLAG, NULL, "although nodes are attached", &force},
	{0}};

struct job {
	const struct globals *globals;
	int first; /* failure */
};

/* Running nodes whose programs ask this server to make their stores durable. */
struct committers {
	const char *path; /* of the fabric */
	char names[512];
	size_t used;
};

static int add_committer(const struct virt_node *node, void *arg,
			 struct err *err)
{
	struct committers *c = arg;

	(void)err;
	if (!node->active || node->meta.flush != NODE_FLUSH_MAILBOX)
		return 0;
	for (size_t i = 0; i < node->meta.count; i++) {
		const struct node_fabric *f = &node->meta.fabric[i];

		if (strcmp(f->path, c->path) == 0 && !f->read_only &&
		    c->used < sizeof(c->names))
			c->used += (size_t)snprintf(
				c->names + c->used, sizeof(c->names) - c->used,
				"%s%s", c->used ? "," : "", node->name);
	}
	return 0;
}

/* libvirt may not be there; then what is said of nodes is nothing. */
static void find_committers(const char *connect, const char *path,
			    struct committers *out)
{
	_cleanup_virt_ struct virt *virt = NULL;
	struct fabric fabric;
	struct err ignored;

	*out = (struct committers){.path = path};
	if (!*path || fabric_probe(path, &fabric, &ignored) < 0 ||
	    !fabric_committed(&fabric))
		return;
	if (virt_open(&virt, connect, &ignored) == 0)
		(void)virt_each_node(virt, add_committer, out, &ignored);
}

static void tell_nodes(const struct globals *globals,
		       const struct servers_info *info)
{
	struct committers nodes;

	if (info->state != SERVERS_RUNNING)
		return;
	if (info->status.attached)
		out_note("its nodes keep the memory and their doorbells, but "
			 "must be restarted to attach again");
	find_committers(globals->connect, info->status.path, &nodes);
	if (nodes.used)
		out_note("fam_persist fails in running nodes (%s) until a "
			 "server is back: famctl start-server %s",
			 nodes.names, info->status.path);
}

static int stop(const struct globals *globals, const struct servers_info *info,
		struct err *err)
{
	bool dry_run = globals->dry_run;
	int ret = 0;

	if (info->state == SERVERS_NONE || info->state == SERVERS_STALE) {
		if (!all)
			out_note("no server runs for fabric '%s'", info->name);
		return 0;
	}
	if (!dry_run)
		ret = servers_stop(info, force, err);
	if (ret < 0)
		return err_prefix(err, "cannot stop the server of fabric '%s'",
				  info->name);
	out_note("server of fabric '%s' %s", info->name,
		 dry_run ? "would be stopped" : "stopped");
	tell_nodes(globals, info);
	return 0;
}

/* Goes on after a failure: the first one is returned, others are printed. */
static int stop_one(const struct servers_info *info, void *arg, struct err *err)
{
	struct job *job = arg;
	struct err now = {0};
	int ret = stop(job->globals, info, &now);

	if (ret < 0 && job->first < 0)
		out_error(false, &now, 0);
	if (ret < 0 && job->first == 0) {
		job->first = ret;
		*err = now;
	}
	return 0;
}

/* Nothing is there and never was: the name is wrong. */
static int check_known(const char *operand, const struct servers_info *info,
		       struct err *err)
{
	struct fabric fabric;

	if (info->state != SERVERS_NONE)
		return 0;
	return fabric_open(operand, NULL, &fabric, err);
}

/* A path, or a file of another name, means that and no other one's server. */
static int check_meant(const char *operand, const struct servers_info *info,
		       struct err *err)
{
	struct fabric fabric;
	struct err ignored;

	if (info->state != SERVERS_RUNNING ||
	    (!strchr(operand, '/') && strcmp(operand, info->name) == 0) ||
	    fabric_open(operand, NULL, &fabric, &ignored) < 0 ||
	    strcmp(fabric.path, info->status.path) == 0)
		return 0;
	err_set(err, -EBUSY,
		"cannot stop the server of fabric '%s': the one of this name "
		"that runs serves '%s'",
		operand, info->status.path);
	return err_hint(err, "famctl stop-server %s", info->name);
}

static int stop_named(const struct globals *globals, const char *operand,
		      struct err *err)
{
	struct servers_info info = {0};
	char name[FAM_LABEL_BYTES];
	int ret = servers_name(operand, name, err);

	if (ret == 0)
		ret = servers_look(name, &info, err);
	if (ret == 0)
		ret = check_known(operand, &info, err);
	if (ret == 0)
		ret = check_meant(operand, &info, err);
	return ret < 0 ? ret : stop(globals, &info, err);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct job job = {.globals = globals};
	int ret;

	if (argc > 1)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[1]);
	if (all && argc)
		return err_set(err, -EINVAL,
			       "both a fabric and --all are given");
	if (!all)
		return stop_named(globals, argc ? argv[0] : FABRIC_DEFAULT_NAME,
				  err);
	ret = servers_each(stop_one, &job, err);
	return ret < 0 ? ret : job.first;
}

const struct command cmd_stop_server = {
	.name = "stop-server",
	.args = "[FABRIC] | --all",
	.summary = "end the server of a fabric",
	.options = options,
	.run = run,
};
