// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric-mark.h"
#include "fabric.h"
#include "util/cleanup.h"
#include "util/clock.h"

static const char *dir;
static bool all;

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, NULL, "all fabrics of the fabric directories",
	 &all},
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{0}};

struct targets {
	struct fabric *fabric;
	size_t count;
	struct err first; /* failure: what the command ends with */
};

/* One that fails must not keep the others from being durable. */
static void go_on(struct targets *targets, const struct err *problem)
{
	if (targets->first.code == 0)
		targets->first = *problem;
	else
		out_error(false, problem, 0);
}

static int add(struct targets *targets, const struct fabric *fabric,
	       struct err *err)
{
	struct fabric *grown = reallocarray(targets->fabric, targets->count + 1,
					    sizeof(*grown));

	if (!grown)
		return err_set(err, -ENOMEM, "out of memory");
	targets->fabric = grown;
	grown[targets->count++] = *fabric;
	return 0;
}

/* A user who says "all" does not mean what others keep for themselves. */
static bool left_out(const struct fabric *fabric)
{
	return !dir && geteuid() != 0 && fabric->stat.st_ino != 0 &&
	       fabric->stat.st_uid != geteuid();
}

static int add_path(const char *path, void *arg, struct err *err)
{
	struct targets *targets = arg;
	struct fabric fabric;
	struct err problem = {0};

	if (fabric_open(path, NULL, &fabric, &problem) == 0)
		return add(targets, &fabric, err);
	if (left_out(&fabric))
		out_note("left out: %s", problem.text);
	else
		go_on(targets, &problem);
	return 0;
}

/* All names are found before the first one is synced, so that a typing error
 * costs none. */
static int find(int argc, char **argv, struct targets *targets, struct err *err)
{
	struct fabric fabric;
	int ret;

	if (all)
		return fabric_each(dir, add_path, targets, err);
	for (int i = 0; i < argc; i++) {
		ret = fabric_open(argv[i], dir, &fabric, err);
		if (ret == 0)
			ret = add(targets, &fabric, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static json_t *result(const struct fabric *fabric, uint64_t took_ns)
{
	json_t *row = json_object();

	json_object_set_new(row, "name", out_json_text(fabric->name));
	json_object_set_new(row, "path", out_json_text(fabric->path));
	json_object_set_new(row, "duration_ns",
			    json_integer((json_int_t)took_ns));
	return row;
}

/* What was dropped when a write-back failed, a good sync does not bring back. */
static int check_mark(const struct fabric *fabric, struct err *err)
{
	struct fabric_mark mark;
	int ret = fabric_mark_read(fabric, &mark, err);

	if (ret < 0 || !mark.error)
		return ret;
	err_set(err, -EIO,
		"%s earlier, and stores may be lost that no sync brings back",
		fabric_mark_text(mark.error));
	return err_hint(err,
			"once the data are checked: famctl clear-errors %s",
			fabric->path);
}

/* Nobody else is told of this failure by the kernel: the mark tells them. */
static void leave_mark(const struct fabric *fabric)
{
	struct err why;

	if (!fabric_has_mailbox(fabric))
		return;
	if (fabric_mark_set(fabric, -EIO, &why) == 0)
		out_note("fabric '%s' is marked: nothing becomes durable "
			 "before famctl clear-errors %s",
			 fabric->name, fabric->path);
	else
		out_warn("nodes are not told that stores to fabric '%s' may be "
			 "lost: %s",
			 fabric->name, why.text);
}

static int make_durable(const struct fabric *fabric, bool dry_run,
			struct err *err)
{
	int ret = check_mark(fabric, err);

	if (ret < 0 || dry_run)
		return ret;
	ret = fabric_sync(fabric, err);
	if (fabric_mark_is_due(ret))
		leave_mark(fabric);
	return ret == 0 ? check_mark(fabric, err) : ret;
}

static int sync_one(const struct globals *globals, const struct fabric *fabric,
		    json_t *rows, struct err *err)
{
	uint64_t before = clock_ns(), took;
	int ret = make_durable(fabric, globals->dry_run, err);

	if (ret < 0)
		return err_prefix(err, "fabric '%s' is not durable",
				  fabric->name);
	took = clock_ns() - before;
	json_array_append_new(rows, result(fabric, took));
	if (globals->json)
		return 0;
	if (globals->dry_run)
		printf("would sync fabric '%s': %s\n", fabric->name,
		       fabric->path);
	else
		printf("fabric '%s' is durable: synced in %.1f ms\n",
		       fabric->name, (double)took / 1e6);
	return 0;
}

static void sync_them(const struct globals *globals, struct targets *targets)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < targets->count; i++) {
		struct err problem = {0};

		if (sync_one(globals, &targets->fabric[i], rows, &problem) < 0)
			go_on(targets, &problem);
	}
	if (targets->first.code == 0 && globals->json)
		out_table(true, NULL, json_incref(rows));
	else if (json_array_size(rows) > 0)
		*globals->done = json_incref(rows);
	json_decref(rows);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct targets targets = {0};
	int ret;

	if (all == (argc > 0)) {
		err_set(err, -EINVAL, "sync-fabric takes names, or --all");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	ret = find(argc, argv, &targets, err);
	if (ret == 0)
		sync_them(globals, &targets);
	if (ret == 0 && targets.first.code < 0) {
		*err = targets.first;
		ret = err->code;
	}
	free(targets.fabric);
	return ret;
}

const struct command cmd_sync_fabric = {
	.name = "sync-fabric",
	.args = "NAME...",
	.summary = "make every store to a fabric durable",
	.options = options,
	.run = run,
};
