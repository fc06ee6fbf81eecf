// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "node-plan.h"
#include "node.h"
#include "out.h"
#include "qemu-args.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/size.h"

#define DEFAULT_PREFIX "node"
#define DEFAULT_MEMORY (512 * MiB)

/* All a plan points to, so that it can be released in one place. */
struct node_work {
	struct node_plan plan; /* first: see node_plan_free() */
	const struct node_wish *wish;
	struct emulator emulator;
	struct fabric fabric[NODE_FABRICS_MAX];
	char typed[NODE_FABRICS_MAX][PATH_MAX]; /* without ":ro" */
	struct node_disk disk[NODE_DISKS_MAX];
	char disk_path[NODE_DISKS_MAX][PATH_MAX];
	struct bundle bundle;
	char kernel[PATH_MAX], initrd[PATH_MAX], bundle_dir[PATH_MAX];
	char run_dir[PATH_MAX];
};
static int set_names(struct node_work *work, const char *typed, struct err *err)
{
	struct node_plan *plan = &work->plan;
	bool many = work->wish->count != NODE_NOT_GIVEN;
	const char *base = typed ? typed : DEFAULT_PREFIX;
	size_t count = many ? (size_t)work->wish->count : 1;
	int width = count > 999 ? 4 : count > 99 ? 3 : 2, ret = 0;

	plan->name = calloc(count, sizeof(*plan->name));
	if (!plan->name)
		return err_sys(err, ENOMEM, "nodes");
	for (; plan->count < count && ret == 0; plan->count++) {
		char **name = &plan->name[plan->count];

		if (!many)
			*name = strdup(base);
		else if (asprintf(name, "%s%0*zu", base, width,
				  plan->count + 1) < 0)
			*name = NULL;
		ret = *name ? node_check_name(*name, err)
			    : err_sys(err, ENOMEM, "nodes");
	}
	return ret;
}

/* Where the servers' sockets are, and how many doorbells there. */
static int set_server(struct node_work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	uint64_t vectors = work->wish->vectors;

	if (!qemu_args_served(qemu_args_transport(spec->transport))) {
		if (vectors == NODE_NOT_GIVEN)
			return 0;
		err_set(err, -EINVAL,
			"--vectors: by transport '%s' there are "
			"no interrupts",
			qemu_args_transport(spec->transport));
		return err_hint(err, "add --transport doorbell");
	}
	if (vectors != NODE_NOT_GIVEN)
		spec->vectors = (unsigned int)vectors;
	spec->run_dir = work->run_dir;
	return servers_dir(work->run_dir, err);
}

static int set_transport(struct node_work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	const char *word =
		work->wish->transport ? work->wish->transport : "auto";
	enum transport t = TRANSPORT_AUTO;

	while (t <= TRANSPORT_LAST && strcmp(word, qemu_args_transport(t)) != 0)
		t++;
	if (t > TRANSPORT_LAST) {
		err_set(err, -EINVAL, "--transport: there is no '%s'", word);
		return err_hint(err, "use auto, plain, x-memdev, legacy or "
				     "doorbell");
	}
	spec->transport = t ? t : emulator_transport(spec->emulator);
	return set_server(work, err);
}

static void set_virt_type(struct node_work *work)
{
	struct node_spec *spec = &work->plan.spec;
	const char *type = work->wish->virt_type;

	if (type && strcmp(type, "auto") != 0) {
		spec->kvm = !strcmp(type, "kvm");
		return;
	}
	/* Its version was typed, and this is not the host it is for. */
	if (access(spec->emulator->path, X_OK) < 0) {
		out_note("emulator '%s' is not here to try KVM with, so the "
			 "node is of type qemu; see --virt-type",
			 spec->emulator->path);
		return;
	}
	spec->kvm = emulator_runs_kvm(spec->emulator);
	if (!spec->kvm && access("/dev/kvm", R_OK | W_OK) == 0)
		out_note("KVM is of no use on this host, so QEMU will emulate "
			 "the processor; --virt-type qemu spares this test");
}

static int set_emulator(struct node_work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	const struct node_wish *wish = work->wish;
	int ret = emulator_probe(wish->emulator, wish->qemu_version,
				 &work->emulator, err);

	spec->emulator = &work->emulator;
	return ret == 0 ? set_transport(work, err) : ret;
}

static int check_twice(const struct fabric *a, const struct fabric *b,
		       const char *typed, bool served, struct err *err)
{
	if (!strcmp(a->path, b->path))
		return err_set(err, -EINVAL, "fabric '%s' is given twice",
			       typed);
	if (a->stat.st_dev == b->stat.st_dev &&
	    a->stat.st_ino == b->stat.st_ino)
		return err_set(err, -EINVAL, "'%s' and '%s' are the same file",
			       a->path, b->path);
	if (!served || strcmp(a->name, b->name) != 0)
		return 0;
	err_set(err, -EINVAL,
		"'%s' and '%s' are both called '%s', and a server is found by "
		"its fabric's name",
		a->path, b->path, b->name);
	return err_hint(err, "use --transport plain");
}

/*
 * "NAME:ro" the node cannot change it; ":rw" it can, as without, for a file whose
 * own name ends in either. @out: NAME.
 */
static int read_typed(const char *typed, char out[PATH_MAX], bool *read_only,
		      struct err *err)
{
	size_t len = strlen(typed);
	const char *end = len < 3 ? "" : typed + len - 3;

	*read_only = strcmp(end, ":ro") == 0;
	if (*read_only || strcmp(end, ":rw") == 0)
		len -= 3;
	if (len == 0)
		return err_set(err, -EINVAL, "--fabric: '%s' names none",
			       typed);
	if (len >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "fabric '%.20s...'", typed);
	memcpy(out, typed, len);
	out[len] = '\0';
	return 0;
}

static int set_fabric(struct node_work *work, const char *typed, size_t i,
		      struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	bool served = qemu_args_served(qemu_args_transport(spec->transport));
	char *name = work->typed[i];
	int ret = read_typed(typed, name, &spec->read_only[i], err);

	if (ret == 0)
		ret = fabric_open(name, NULL, &work->fabric[i], err);
	for (size_t j = 0; j < i && ret == 0; j++)
		ret = check_twice(&work->fabric[j], &work->fabric[i], name,
				  served, err);
	return ret;
}

/* Elsewhere libfam finds out, and tells its program. */
static void note_raw(const struct node_spec *spec)
{
	for (size_t i = 0; i < spec->fabric_count; i++) {
		if (spec->read_only[i] && !spec->fabrics[i].formatted)
			out_note("fabric '%s' is raw: programs in the node are "
				 "not told that what they store there is lost",
				 spec->fabrics[i].name);
	}
}

/* Asked only if it matters: starting an old emulator for it takes a moment. */
static int check_readers(const struct node_spec *spec, struct err *err)
{
	size_t i = 0;
	int ret;

	while (i < spec->fabric_count && !spec->read_only[i])
		i++;
	if (i == spec->fabric_count)
		return 0;
	ret = qemu_args_check(spec, i, err);
	if (ret == 0)
		ret = emulator_maps_read_only(spec->emulator, err);
	if (ret)
		return ret < 0 ? ret : 0;
	err_set(err, -EINVAL, "QEMU %d.%d cannot attach fabric '%s' read-only",
		spec->emulator->major, spec->emulator->minor,
		spec->fabrics[i].name);
	return err_hint(err, "use QEMU 6.0 or newer, or leave ':ro' away");
}

static int set_fabrics(struct node_work *work, struct err *err)
{
	static const char *standard[] = {FABRIC_DEFAULT_NAME};
	struct opt_list names = work->wish->fabrics.count
					? work->wish->fabrics
					: (struct opt_list){standard, 1};
	int ret = 0;

	work->plan.spec.fabrics = work->fabric;
	work->plan.spec.fabric_count = names.count;
	for (size_t i = 0; i < names.count && ret == 0; i++)
		ret = set_fabric(work, names.item[i], i, err);
	if (ret == 0)
		ret = check_readers(&work->plan.spec, err);
	if (ret == 0)
		note_raw(&work->plan.spec);
	return ret;
}

/* Not asked for: as the server that runs has, which cannot have others. */
static void set_vectors(struct node_work *work)
{
	struct node_spec *spec = &work->plan.spec;
	struct servers_info info;
	struct err ignored;

	if (spec->vectors ||
	    !qemu_args_served(qemu_args_transport(spec->transport)))
		return;
	spec->vectors = SERVERS_VECTORS_DEFAULT;
	for (size_t i = 0; i < spec->fabric_count; i++) {
		const struct fabric *fabric = &work->fabric[i];

		if (servers_look(fabric->name, &info, &ignored) < 0 ||
		    info.state != SERVERS_RUNNING ||
		    strcmp(info.status.path, fabric->path) != 0)
			continue;
		spec->vectors = info.status.vectors;
		return;
	}
}

static int set_disks(struct node_work *work, struct err *err)
{
	const struct opt_list *disks = &work->wish->disks;
	int ret = 0;

	work->plan.spec.disks = work->disk;
	work->plan.spec.disk_count = disks->count;
	for (size_t i = 0; i < disks->count && ret == 0; i++) {
		work->disk[i].path = work->disk_path[i];
		ret = node_find_disk(disks->item[i], work->disk_path[i],
				     &work->disk[i].qcow2, err);
	}
	return ret;
}

/* 1 the bundle is to be booted; 0 something else is. */
static int want_bundle(const struct node_wish *wish, struct err *err)
{
	int ret;

	if (wish->bundle || wish->bundle_dir)
		return 1;
	if (wish->kernel || wish->disks.count)
		return 0;
	ret = domxml_template_boots(wish->template, err);
	return ret < 0 ? ret : !ret;
}

/* Where it is: node_create() makes it, when all else is known to be well. */
static int set_bundle(struct node_work *work, struct err *err)
{
	struct node_plan *plan = &work->plan;
	int ret = bundle_find(work->wish->bundle_dir, &work->bundle, err);

	plan->bundle = true;
	plan->bundle_dir = work->wish->bundle_dir;
	plan->spec.kernel = work->bundle.kernel;
	plan->spec.initrd = work->bundle.initrd;
	memcpy(work->bundle_dir, work->bundle.kernel, PATH_MAX);
	plan->spec.bundle = dirname(work->bundle_dir);
	return ret;
}

static int set_boot(struct node_work *work, struct err *err)
{
	const struct node_wish *wish = work->wish;
	struct node_spec *spec = &work->plan.spec;
	int ret = want_bundle(wish, err);

	if (ret < 0)
		return ret;
	work->plan.append = wish->append;
	if (ret)
		return set_bundle(work, err);
	if (wish->append && !wish->kernel)
		return err_set(err, -EINVAL,
			       "--append needs --kernel or "
			       "--bundle");
	if (!wish->kernel)
		return 0;
	spec->kernel = work->kernel;
	ret = node_find_file("kernel", wish->kernel, work->kernel, err);
	if (ret < 0 || !wish->initrd)
		return ret;
	spec->initrd = work->initrd;
	return node_find_file("initrd", wish->initrd, work->initrd, err);
}

/* A template's own values count more than our defaults. */
static void set_sizes(const struct node_wish *wish, struct node_spec *spec)
{
	bool own = wish->template != NULL;

	spec->template = wish->template;
	spec->machine = wish->machine;
	spec->network = wish->network;
	spec->flush = wish->flush_way;
	spec->memory = own ? 0 : DEFAULT_MEMORY;
	spec->vcpus = own ? 0 : 1;
	if (wish->memory != NODE_NOT_GIVEN)
		spec->memory = wish->memory;
	if (wish->vcpus != NODE_NOT_GIVEN)
		spec->vcpus = (unsigned int)wish->vcpus;
}

static int gather(struct node_work *work, const char *name, struct err *err)
{
	const struct node_wish *wish = work->wish;
	struct node_plan *plan = &work->plan;
	int ret = set_names(work, name, err);

	if (ret < 0)
		return ret;
	plan->define = wish->define || wish->start;
	plan->start = wish->start;
	plan->output = wish->output;
	set_sizes(wish, &plan->spec);
	ret = set_emulator(work, err);
	if (ret == 0)
		ret = set_fabrics(work, err);
	if (ret == 0)
		set_vectors(work);
	if (ret == 0)
		ret = set_disks(work, err);
	if (ret == 0)
		ret = set_boot(work, err);
	/* Last: it may take three seconds. */
	if (ret == 0)
		set_virt_type(work);
	if (ret < 0)
		err_prefix(err, "cannot create node '%s'", plan->name[0]);
	return ret;
}

int node_plan(const struct node_wish *wish, const char *name,
	      struct node_plan **out, struct err *err)
{
	struct node_work *work = calloc(1, sizeof(*work));
	int ret;

	if (!work)
		return err_sys(err, ENOMEM, "node");
	work->wish = wish;
	ret = gather(work, name, err);
	if (ret < 0)
		node_plan_free(&work->plan);
	else
		*out = &work->plan;
	return ret;
}

/* The plan is the first member of what calloc() gave us. */
void node_plan_free(struct node_plan *plan)
{
	for (size_t i = 0; plan->name && i < plan->count; i++)
		free(plan->name[i]);
	free(plan->name);
	free(plan);
}
