// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"

static bool all, force;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "every server that is running", &all},
	{"force", 0, OPT_FLAG, NULL, "although nodes are attached", &force},
	{0}};

struct job {
	const struct globals *globals;
	int first; /* failure */
};

static int stop(const struct servers_info *info, bool dry_run, struct err *err)
{
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
	if (info->state == SERVERS_RUNNING && info->status.attached)
		out_note("its nodes keep the memory and their doorbells, but "
			 "must be restarted to attach again");
	return 0;
}

/* Goes on after a failure: the first one is returned, others are printed. */
static int stop_one(const struct servers_info *info, void *arg, struct err *err)
{
	struct job *job = arg;
	struct err now = {0};
	int ret = stop(info, job->globals->dry_run, &now);

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

static int stop_named(const char *operand, bool dry_run, struct err *err)
{
	struct servers_info info = {0};
	char name[FAM_LABEL_BYTES];
	int ret = servers_name(operand, name, err);

	if (ret == 0)
		ret = servers_look(name, &info, err);
	if (ret == 0)
		ret = check_known(operand, &info, err);
	return ret < 0 ? ret : stop(&info, dry_run, err);
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
		return stop_named(argc ? argv[0] : FABRIC_DEFAULT_NAME,
				  globals->dry_run, err);
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
