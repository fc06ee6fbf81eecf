// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "hold.h"
#include "node-access.h"
#include "node-create.h"
#include "node.h"
#include "out.h"
#include "qemu-args.h"
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

static int check_boot(struct create *create, struct err *err)
{
	const struct node_spec *spec = &create->plan->spec;
	const char *file[] = {spec->kernel, spec->initrd};
	int ret = 0;

	for (size_t i = 0; i < 2 && ret == 0; i++) {
		/* A bundle that is not there yet is looked at once it is. */
		if (file[i] &&
		    !(create->plan->bundle && access(file[i], F_OK) < 0))
			ret = node_access_check(create->virt, file[i],
						NODE_ACCESS_GIVEN, err);
	}
	return ret;
}

/* What libvirt hands over it makes readable; the way there it does not. */
static int check_access(struct create *create, struct err *err)
{
	const struct node_spec *spec = &create->plan->spec;
	bool opens = qemu_args_opens(qemu_args_transport(spec->transport),
				     spec->flush);
	int ret = 0;

	for (size_t i = 0; i < spec->fabric_count && ret == 0 && opens; i++)
		ret = node_access_check(create->virt, spec->fabrics[i].path,
					node_access_fabric(spec->read_only[i]),
					err);
	for (size_t i = 0; i < spec->disk_count && ret == 0; i++)
		ret = node_access_check(create->virt, spec->disks[i].path,
					NODE_ACCESS_GIVEN, err);
	if (ret == 0)
		ret = check_boot(create, err);
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
	int ret = virt_define(create->virt, create->plan->name[i], made->xml,
			      err);

	made->defined = ret == 0;
	return ret == 0 ? check_signals(err) : ret;
}

static int start_one(struct create *create, size_t i, struct err *err)
{
	int ret = virt_start(create->virt, create->plan->name[i], err);

	create->made[i].started = ret == 0;
	return ret == 0 ? check_signals(err) : ret;
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
	bool served = qemu_args_served(qemu_args_transport(spec->transport));
	int ret = 0;

	if (!create->plan->start)
		return 0;
	for (size_t i = 0; i < spec->fabric_count && ret >= 0; i++) {
		const struct fabric *fabric = &spec->fabrics[i];

		/* The node makes nothing durable, and has no session. */
		if (spec->read_only[i])
			continue;
		fabric_note_boot(fabric);
		ret = served ? node_serve(create->virt, fabric, spec->vectors,
					  false, err)
			     : node_serve_flush(create->virt, fabric,
						spec->flush, false);
		create->served[i] = ret == 1;
	}
	return ret < 0 ? err_prefix(err, "cannot create node '%s'",
				    create->plan->name[0])
		       : 0;
}

static void undo_servers(const struct create *create)
{
	const struct node_spec *spec = &create->plan->spec;

	for (size_t i = 0; i < spec->fabric_count; i++) {
		if (create->served[i])
			node_unserve(spec->fabrics[i].name);
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

static int each(struct create *create,
		int (*step)(struct create *create, size_t i, struct err *err),
		struct err *err)
{
	const struct node_plan *plan = create->plan;
	int ret = 0;

	for (size_t i = 0; i < plan->count && ret == 0; i++) {
		ret = step(create, i, err);
		if (ret < 0)
			err_prefix(err, "cannot create node '%s'",
				   plan->name[i]);
	}
	return ret;
}

static int need_bundle(struct create *create, struct err *err)
{
	const struct node_plan *plan = create->plan;
	struct bundle bundle;
	int ret;

	if (!plan->bundle)
		return 0;
	ret = bundle_need(plan->bundle_dir, &bundle, err);
	if (ret == 0 && create->virt)
		ret = check_boot(create, err);
	if (ret == 0)
		ret = check_signals(err);
	return ret < 0 ? err_prefix(err, "cannot create node '%s'",
				    plan->name[0])
		       : 0;
}

/* The bundle, which stays, is made when nothing but QEMU itself can refuse. */
static int carry_out(struct create *create, struct err *err)
{
	const struct node_plan *plan = create->plan;
	int ret = each(create, plan->define ? define_one : write_one, err);

	if (ret == 0)
		ret = serve(create, err);
	if (ret == 0)
		ret = need_bundle(create, err);
	return ret == 0 && plan->start ? each(create, start_one, err) : ret;
}

static char *json_text(const struct create *create)
{
	json_t *rows = json_array();
	char *text;

	for (size_t i = 0; i < create->plan->count; i++) {
		const struct made *made = &create->made[i];
		json_t *file =
			made->file ? out_json_text(made->file) : json_null();

		json_array_append_new(
			rows, json_pack("{s:s,s:b,s:b,s:o,s:s}", "name",
					create->plan->name[i], "defined",
					made->defined, "started", made->started,
					"file", file, "xml", made->xml));
	}
	text = json_dumps(rows, JSON_INDENT(2));
	json_decref(rows);
	return text;
}

/* No more at once than fits a pipe that has room: a signal is not kept waiting.
 */
static int print(const char *text, size_t left, struct err *err)
{
	int ret = 0;

	while (left > 0 && ret == 0) {
		size_t now = left < PIPE_BUF ? left : PIPE_BUF;

		if (!hold_wait_writable(STDOUT_FILENO))
			return err_set(err, -EINTR, "interrupted");
		fwrite(text, 1, now, stdout);
		ret = out_finish(err);
		text += now;
		left -= now;
	}
	return ret;
}

static void note(const struct made *made, const char *name)
{
	if (made->file)
		out_note("node '%s' written to '%s'", name, made->file);
	else
		out_note("node '%s' %s", name,
			 made->started ? "defined and started" : "defined");
}

static int tell_json(const struct create *create, struct err *err)
{
	_cleanup_free_ char *text = json_text(create);
	int ret = text ? print(text, strlen(text), err)
		       : err_sys(err, ENOMEM, "nodes");

	return ret == 0 ? print("\n", 1, err) : ret;
}

static int tell(const struct create *create, bool json, struct err *err)
{
	int ret = json ? tell_json(create, err) : 0;

	for (size_t i = 0; i < create->plan->count && ret == 0; i++) {
		const struct made *made = &create->made[i];

		if (made->defined || made->file)
			note(made, create->plan->name[i]);
		else if (!json)
			ret = print(made->xml, made->len, err);
	}
	return ret;
}

static int connect(struct create *create, const struct globals *globals,
		   struct err *err)
{
	int ret = virt_open(&create->virt, globals->connect, err);

	return ret == 0 ? check_access(create, err) : ret;
}

/* What is begun is either finished, and told, or undone. */
static int make(struct create *create, bool json, struct err *err)
{
	struct hold hold;
	int ret;

	hold_begin(&hold);
	ret = carry_out(create, err);
	if (ret == 0)
		ret = tell(create, json, err);
	if (ret < 0)
		undo(create);
	hold_end(&hold);
	return ret;
}

int node_create(const struct node_plan *plan, const struct globals *globals,
		struct err *err)
{
	struct create create = {.plan = plan};
	bool dry = globals->dry_run;
	int ret;

	create.made = calloc(plan->count, sizeof(*create.made));
	if (!create.made)
		return err_sys(err, ENOMEM, "nodes");
	ret = build(&create, err);
	if (ret == 0 && plan->define && !dry)
		ret = connect(&create, globals, err);
	if (ret == 0 && !dry && (plan->define || plan->output)) {
		ret = make(&create, globals->json, err);
	} else if (ret == 0) {
		ret = dry ? 0 : need_bundle(&create, err);
		if (ret == 0)
			ret = tell(&create, globals->json, err);
	}
	create_done(&create);
	return ret;
}
