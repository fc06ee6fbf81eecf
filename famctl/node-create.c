// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bundle.h"
#include "hold.h"
#include "node-access.h"
#include "node-create.h"
#include "node.h"
#include "out.h"
#include "qemu-args.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/fdio.h"

/* A node between its XML and its place in libvirt or on the disk. */
struct made {
	char *xml;
	size_t len; /* of @xml */
	char *file;
	bool defined, started;
};

struct create {
	const struct node_plan *plan;
	struct made *made;	       /* one for each name of the plan */
	struct virt *virt;	       /* NULL: libvirt is not needed */
	bool served[NODE_FABRICS_MAX]; /* we started its server */
};

static void create_done(struct create *create)
{
	for (size_t i = 0; create->made && i < create->plan->count; i++) {
		free(create->made[i].xml);
		free(create->made[i].file);
	}
	free(create->made);
	if (create->virt)
		virt_close(create->virt);
}

/* "BUNDLE'S fam.node=NAME USER'S", or the user's alone. */
static int command_line(const struct node_plan *plan, const char *name,
			char **out)
{
	const char *user = plan->append ? plan->append : "";

	*out = NULL;
	if (!plan->bundle && !plan->append)
		return 0;
	if (!plan->bundle)
		return (*out = strdup(user)) ? 0 : -ENOMEM;
	return asprintf(out, "%s fam.node=%s%s%s", BUNDLE_APPEND, name,
			*user ? " " : "", user) < 0
		       ? -ENOMEM
		       : 0;
}

static int build(struct create *create, struct err *err)
{
	const struct node_plan *plan = create->plan;
	int ret = 0;

	for (size_t i = 0; i < plan->count && ret == 0; i++) {
		_cleanup_free_ char *append = NULL;
		struct node_spec spec = plan->spec;

		if (command_line(plan, plan->name[i], &append) < 0)
			return err_sys(err, ENOMEM, "node");
		spec.name = plan->name[i];
		spec.append = append;
		ret = domxml_build(&spec, &create->made[i].xml, err);
		if (ret < 0)
			err_prefix(err, "cannot create node '%s'", spec.name);
		else
			create->made[i].len = strlen(create->made[i].xml);
	}
	return ret;
}

/* What libvirt hands over it makes readable; the way there it does not. */
static int check_access(struct create *create, struct err *err)
{
	const struct node_spec *spec = &create->plan->spec;
	bool served = qemu_args_served(qemu_args_transport(spec->transport));
	int ret = 0;

	for (size_t i = 0; i < spec->fabric_count && ret == 0 && !served; i++)
		ret = node_access_check(create->virt, spec->fabrics[i].path,
					true, err);
	for (size_t i = 0; i < spec->disk_count && ret == 0; i++)
		ret = node_access_check(create->virt, spec->disks[i].path,
					false, err);
	if (ret == 0 && spec->kernel)
		ret = node_access_check(create->virt, spec->kernel, false, err);
	if (ret == 0 && spec->initrd)
		ret = node_access_check(create->virt, spec->initrd, false, err);
	return ret < 0 ? err_prefix(err, "cannot create node '%s'",
				    create->plan->name[0])
		       : 0;
}

static int check_signals(struct err *err)
{
	return hold_interrupted() ? err_set(err, -EINTR, "interrupted") : 0;
}

static int define_one(struct create *create, size_t i, struct err *err)
{
	struct made *made = &create->made[i];
	const char *name = create->plan->name[i];
	int ret = virt_define(create->virt, name, made->xml, err);

	made->defined = ret == 0;
	if (ret == 0 && create->plan->start) {
		ret = virt_start(create->virt, name, err);
		made->started = ret == 0;
	}
	if (ret == 0)
		ret = check_signals(err);
	return ret;
}

static int write_one(struct create *create, size_t i, struct err *err)
{
	struct made *made = &create->made[i];
	_cleanup_close_ int fd = -1;
	char *path = NULL;
	int ret;

	if (asprintf(&path, "%s/%s.xml", create->plan->output,
		     create->plan->name[i]) < 0)
		return err_sys(err, ENOMEM, "node");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		ret = err_sys(err, errno, "'%s'", path);
		free(path);
		return ret;
	}
	made->file = path;
	ret = fdio_write(fd, made->xml, made->len);
	if (ret < 0)
		return err_sys(err, -ret, "'%s'", path);
	return check_signals(err);
}

/* The servers which nodes to be started now are to find. */
static int serve(struct create *create, struct err *err)
{
	const struct node_spec *spec = &create->plan->spec;
	int ret = 0;

	if (!create->plan->start ||
	    !qemu_args_served(qemu_args_transport(spec->transport)))
		return 0;
	for (size_t i = 0; i < spec->fabric_count && ret >= 0; i++) {
		ret = node_serve(create->virt, &spec->fabrics[i], spec->vectors,
				 false, err);
		create->served[i] = ret == 1;
	}
	return ret < 0 ? err_prefix(err, "cannot create node '%s'",
				    create->plan->name[0])
		       : 0;
}

/*
 * Unless somebody else attached to it meanwhile. It may need a moment to see
 * that the nodes stopped just now have gone.
 */
static void stop_server(const char *name)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	struct servers_info info;
	struct err err;
	int ret;

	for (int left = 40; left > 0; left--) {
		ret = servers_look(name, &info, &err);
		if (ret < 0 || info.state != SERVERS_RUNNING ||
		    !info.status.attached)
			break;
		nanosleep(&pause, NULL);
	}
	if (ret == 0 && info.state == SERVERS_RUNNING)
		ret = servers_stop(&info, false, &err);
	if (ret < 0)
		out_warn("the server of fabric '%s' still runs: %s", name,
			 err.text);
}

static void undo_servers(const struct create *create)
{
	const struct node_spec *spec = &create->plan->spec;

	for (size_t i = 0; i < spec->fabric_count; i++) {
		if (create->served[i])
			stop_server(spec->fabrics[i].name);
	}
}

/* What cannot be undone is named: the first error is the one reported. */
static void undo(struct create *create)
{
	for (size_t i = 0; i < create->plan->count; i++) {
		const struct made *made = &create->made[i];
		const char *name = create->plan->name[i];
		struct err err;

		if (made->started &&
		    virt_stop(create->virt, name, 0, true, &err) < 0)
			out_warn("node '%s' is still running: %s", name,
				 err.text);
		else if (made->defined &&
			 virt_undefine(create->virt, name, &err) < 0)
			out_warn("node '%s' is still defined: %s", name,
				 err.text);
		if (made->file && unlink(made->file) < 0)
			out_warn("'%s' is left behind: %s", made->file,
				 strerror(errno));
	}
	undo_servers(create);
}

static int carry_out(struct create *create, struct err *err)
{
	const struct node_plan *plan = create->plan;
	int ret = 0;

	for (size_t i = 0; i < plan->count && ret == 0; i++) {
		ret = plan->define ? define_one(create, i, err)
				   : write_one(create, i, err);
		if (ret < 0)
			err_prefix(err, "cannot create node '%s'",
				   plan->name[i]);
	}
	return ret;
}

static const char *verb(const struct made *made)
{
	if (made->started)
		return "defined and started";
	return made->defined ? "defined" : "written";
}

static void report_json(const struct create *create)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < create->plan->count; i++) {
		const struct made *made = &create->made[i];

		json_array_append_new(
			rows, json_pack("{s:s,s:b,s:b,s:s?,s:s}", "name",
					create->plan->name[i], "defined",
					made->defined, "started", made->started,
					"file", made->file, "xml", made->xml));
	}
	out_table(true, NULL, rows);
}

static void report(const struct create *create, const struct globals *globals)
{
	for (size_t i = 0; i < create->plan->count; i++) {
		const struct made *made = &create->made[i];

		if (made->defined)
			out_note("node '%s' %s", create->plan->name[i],
				 verb(made));
		else if (made->file)
			out_note("node '%s' written to '%s'",
				 create->plan->name[i], made->file);
		else if (!globals->json)
			fputs(made->xml, stdout);
	}
	if (globals->json)
		report_json(create);
}

static int connect(struct create *create, const struct globals *globals,
		   struct err *err)
{
	int ret = virt_open(&create->virt, globals->connect, err);

	return ret == 0 ? check_access(create, err) : ret;
}

int node_create(const struct node_plan *plan, const struct globals *globals,
		struct err *err)
{
	struct create create = {.plan = plan};
	struct hold hold;
	bool print = globals->dry_run || (!plan->define && !plan->output);
	int ret;

	create.made = calloc(plan->count, sizeof(*create.made));
	if (!create.made)
		return err_sys(err, ENOMEM, "nodes");
	ret = build(&create, err);
	if (ret == 0 && plan->define && !globals->dry_run)
		ret = connect(&create, globals, err);
	if (ret == 0 && !print) {
		/* What is begun is either finished or undone. */
		hold_begin(&hold);
		ret = serve(&create, err);
		if (ret == 0)
			ret = carry_out(&create, err);
		if (ret < 0)
			undo(&create);
		hold_end(&hold);
	}
	if (ret == 0)
		report(&create, globals);
	create_done(&create);
	return ret;
}
