// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "cmd.h"
#include "node-confine.h"
#include "node-create.h"
#include "node.h"
#include "qemu-args.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/size.h"

#define NOT_GIVEN      UINT64_MAX
#define DEFAULT_PREFIX "node"
#define DEFAULT_MEMORY (512 * MiB)
#define COUNT_MAX      1000
#define VCPUS_MAX      255 /* more need an interrupt remapping device */
#define DISKS_MAX      26

static struct {
	struct opt_list fabrics, disks;
	const char *kernel, *initrd, *append, *bundle_dir, *network, *machine,
		*virt_type, *emulator, *qemu_version, *transport, *template,
		*output, *apparmor;
	uint64_t count, memory, vcpus, vectors;
	bool bundle, define, start;
	enum confine confine;
} opts = {.count = NOT_GIVEN,
	  .memory = NOT_GIVEN,
	  .vcpus = NOT_GIVEN,
	  .vectors = NOT_GIVEN};

static const struct opt options[] = {
	{"fabric", 'f', OPT_LIST, "FABRIC",
	 "name or path of a fabric to attach (fabric0); repeatable",
	 &opts.fabrics},
	{"count", 'n', OPT_NUMBER, "N", "N nodes PREFIX01, PREFIX02, ...",
	 &opts.count},
	{"memory", 'm', OPT_SIZE, "SIZE", "memory of the node's own (512M)",
	 &opts.memory},
	{"vcpus", 0, OPT_NUMBER, "N", "processors (1)", &opts.vcpus},
	{"kernel", 0, OPT_STRING, "FILE", "boot this kernel", &opts.kernel},
	{"initrd", 0, OPT_STRING, "FILE", "initramfs of that kernel",
	 &opts.initrd},
	{"append", 0, OPT_STRING, "TEXT", "kernel command line", &opts.append},
	{"disk", 0, OPT_LIST, "FILE",
	 "disk image, raw or qcow2; repeatable; the first one is booted",
	 &opts.disks},
	{"bundle", 0, OPT_FLAG, NULL,
	 "boot the bundle (without --kernel and --disk the default)",
	 &opts.bundle},
	{"bundle-dir", 0, OPT_STRING, "DIR",
	 "bundle to use instead of the default one", &opts.bundle_dir},
	{"network", 0, OPT_STRING, "NETWORK",
	 "none, user, or a network of libvirt (none)", &opts.network},
	{"machine", 0, OPT_STRING, "MACHINE",
	 "q35, pc, or a versioned name (q35)", &opts.machine},
	{"virt-type", 0, OPT_STRING, "TYPE",
	 "kvm, qemu, or auto: found by trying (auto)", &opts.virt_type},
	{"emulator", 0, OPT_STRING, "PATH", "QEMU to run the node",
	 &opts.emulator},
	{"qemu-version", 0, OPT_STRING, "X.Y",
	 "take the emulator for this version, do not ask it",
	 &opts.qemu_version},
	{"transport", 0, OPT_STRING, "WAY",
	 "auto, plain, x-memdev, legacy, or doorbell (auto)", &opts.transport},
	{"vectors", 0, OPT_NUMBER, "N",
	 "interrupts, for doorbell and legacy, 1 to 256 (1)", &opts.vectors},
	{"apparmor", 0, OPT_STRING, "WAY",
	 "QEMU under AppArmor: auto, confined, or off (auto)", &opts.apparmor},
	{"template", 0, OPT_STRING, "FILE", "domain XML to start from",
	 &opts.template},
	{"define", 'd', OPT_FLAG, NULL, "define the node in libvirt",
	 &opts.define},
	{"start", 's', OPT_FLAG, NULL, "define it and start it", &opts.start},
	{"output", 'o', OPT_STRING, "DIR", "write DIR/NAME.xml", &opts.output},
	{0}};

/* All a plan points to, so that it can be released in one place. */
struct work {
	struct node_plan plan;
	struct emulator emulator;
	struct fabric fabric[NODE_FABRICS_MAX];
	struct node_disk disk[DISKS_MAX];
	char disk_path[DISKS_MAX][PATH_MAX];
	struct bundle bundle;
	char kernel[PATH_MAX], initrd[PATH_MAX], bundle_dir[PATH_MAX];
	char run_dir[PATH_MAX];
};

static void cleanup_work(struct work **work)
{
	struct node_plan *plan;

	if (!*work)
		return;
	plan = &(*work)->plan;
	for (size_t i = 0; plan->name && i < plan->count; i++)
		free(plan->name[i]);
	free(plan->name);
	free(*work);
}
#define _cleanup_work_ __attribute__((cleanup(cleanup_work)))

/* The words, before anything is looked at. */
static int check_options(int argc, struct err *err)
{
	bool many = opts.count != NOT_GIVEN;

	if (argc > 1)
		return err_set(err, -EINVAL, "more than one name is given");
	if (argc == 0 && !many) {
		err_set(err, -EINVAL, "no node is named");
		return err_hint(err, "famctl create-node NAME, or --count N");
	}
	if (many && (opts.count < 1 || opts.count > COUNT_MAX))
		return err_set(err, -EINVAL, "--count: use 1 to %d", COUNT_MAX);
	if (opts.output && (opts.define || opts.start))
		return err_set(err, -EINVAL,
			       "--output does not go with --define or --start");
	if (many && !opts.output && !opts.define && !opts.start) {
		err_set(err, -EINVAL, "--count needs a place for the nodes");
		return err_hint(err, "add --output DIR, --define or --start");
	}
	if (opts.kernel && (opts.bundle || opts.bundle_dir))
		return err_set(err, -EINVAL,
			       "--kernel does not go with --bundle");
	if (opts.initrd && !opts.kernel)
		return err_set(err, -EINVAL, "--initrd needs --kernel");
	if (opts.fabrics.count > NODE_FABRICS_MAX)
		return err_set(err, -EINVAL, "more than %d fabrics are given",
			       NODE_FABRICS_MAX);
	if (opts.disks.count > DISKS_MAX)
		return err_set(err, -EINVAL, "more than %d disks are given",
			       DISKS_MAX);
	return 0;
}

static int check_numbers(struct err *err)
{
	if (opts.vcpus != NOT_GIVEN &&
	    (opts.vcpus < 1 || opts.vcpus > VCPUS_MAX))
		return err_set(err, -EINVAL, "--vcpus: use 1 to %d", VCPUS_MAX);
	if (opts.vectors != NOT_GIVEN &&
	    (opts.vectors < 1 || opts.vectors > SERVERS_VECTORS_MAX))
		return err_set(err, -EINVAL, "--vectors: use 1 to %d",
			       SERVERS_VECTORS_MAX);
	if (opts.memory == NOT_GIVEN)
		return 0;
	if (opts.memory < MiB || opts.memory % MiB || opts.memory > 16 * TiB) {
		err_set(err, -EINVAL,
			"--memory: %" PRIu64 " bytes are not a whole number "
			"of MiB from 1 MiB to 16 TiB",
			opts.memory);
		return err_hint(err, "write it as 512M or 2G");
	}
	return 0;
}

static int set_names(struct node_plan *plan, int argc, char **argv,
		     struct err *err)
{
	bool many = opts.count != NOT_GIVEN;
	const char *base = argc ? argv[0] : DEFAULT_PREFIX;
	size_t count = many ? (size_t)opts.count : 1;
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
static int set_server(struct work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;

	if (!qemu_args_served(qemu_args_transport(spec->transport))) {
		if (opts.vectors == NOT_GIVEN)
			return 0;
		err_set(err, -EINVAL,
			"--vectors: by transport '%s' there are "
			"no interrupts",
			qemu_args_transport(spec->transport));
		return err_hint(err, "add --transport doorbell");
	}
	spec->vectors =
		opts.vectors == NOT_GIVEN ? 1 : (unsigned int)opts.vectors;
	spec->run_dir = work->run_dir;
	return servers_dir(work->run_dir, err);
}

static int set_transport(struct work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	const char *wish = opts.transport ? opts.transport : "auto";
	enum transport t = TRANSPORT_AUTO;

	while (t <= TRANSPORT_LAST && strcmp(wish, qemu_args_transport(t)) != 0)
		t++;
	if (t > TRANSPORT_LAST) {
		err_set(err, -EINVAL, "--transport: there is no '%s'", wish);
		return err_hint(err, "use auto, plain, x-memdev, legacy or "
				     "doorbell");
	}
	spec->transport = t ? t : emulator_transport(spec->emulator);
	return set_server(work, err);
}

/* The words of options which know a few only, found wrong before any work. */
static int check_words(struct err *err)
{
	const char *type = opts.virt_type;

	if (type && strcmp(type, "auto") != 0 && strcmp(type, "kvm") != 0 &&
	    strcmp(type, "qemu") != 0) {
		err_set(err, -EINVAL, "--virt-type: there is no '%s'", type);
		return err_hint(err, "use kvm, qemu or auto");
	}
	if (opts.apparmor &&
	    node_confine_word(opts.apparmor, &opts.confine, err) < 0)
		return err->code;
	return opts.machine ? qemu_args_machine(opts.machine, err) : 0;
}

static void set_virt_type(struct node_spec *spec)
{
	if (opts.virt_type && strcmp(opts.virt_type, "auto") != 0) {
		spec->kvm = !strcmp(opts.virt_type, "kvm");
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

static int set_emulator(struct work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	int ret = emulator_probe(opts.emulator, opts.qemu_version,
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
	if (!served || strcmp(a->name, b->name) != 0)
		return 0;
	err_set(err, -EINVAL,
		"'%s' and '%s' are both called '%s', and a server is found by "
		"its fabric's name",
		a->path, b->path, b->name);
	return err_hint(err, "use --transport plain");
}

static int set_fabrics(struct work *work, struct err *err)
{
	static const char *standard[] = {FABRIC_DEFAULT_NAME};
	struct opt_list names = opts.fabrics.count
					? opts.fabrics
					: (struct opt_list){standard, 1};

	bool served = qemu_args_served(
		qemu_args_transport(work->plan.spec.transport));

	work->plan.spec.fabrics = work->fabric;
	work->plan.spec.fabric_count = names.count;
	for (size_t i = 0; i < names.count; i++) {
		int ret =
			fabric_open(names.item[i], NULL, &work->fabric[i], err);

		if (ret < 0)
			return ret;
		for (size_t j = 0; j < i; j++) {
			ret = check_twice(&work->fabric[j], &work->fabric[i],
					  names.item[i], served, err);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

static int set_disks(struct work *work, struct err *err)
{
	int ret = 0;

	work->plan.spec.disks = work->disk;
	work->plan.spec.disk_count = opts.disks.count;
	for (size_t i = 0; i < opts.disks.count && ret == 0; i++) {
		work->disk[i].path = work->disk_path[i];
		ret = node_find_disk(opts.disks.item[i], work->disk_path[i],
				     &work->disk[i].qcow2, err);
	}
	return ret;
}

/* 1 the bundle is to be booted; 0 something else is. */
static int want_bundle(struct err *err)
{
	int ret;

	if (opts.bundle || opts.bundle_dir)
		return 1;
	if (opts.kernel || opts.disks.count)
		return 0;
	ret = domxml_template_boots(opts.template, err);
	return ret < 0 ? ret : !ret;
}

static int set_boot(struct work *work, struct err *err)
{
	struct node_spec *spec = &work->plan.spec;
	int ret = want_bundle(err);

	if (ret < 0)
		return ret;
	work->plan.bundle = ret;
	work->plan.append = opts.append;
	if (work->plan.bundle) {
		ret = bundle_need(opts.bundle_dir, &work->bundle, err);
		spec->kernel = work->bundle.kernel;
		spec->initrd = work->bundle.initrd;
		memcpy(work->bundle_dir, work->bundle.kernel, PATH_MAX);
		spec->bundle = dirname(work->bundle_dir);
		return ret;
	}
	if (opts.append && !opts.kernel)
		return err_set(err, -EINVAL,
			       "--append needs --kernel or "
			       "--bundle");
	if (!opts.kernel)
		return 0;
	spec->kernel = work->kernel;
	ret = node_find_file("kernel", opts.kernel, work->kernel, err);
	if (ret < 0 || !opts.initrd)
		return ret;
	spec->initrd = work->initrd;
	return node_find_file("initrd", opts.initrd, work->initrd, err);
}

/* A template's own values count more than our defaults. */
static void set_sizes(struct node_spec *spec)
{
	bool own = opts.template != NULL;

	spec->template = opts.template;
	spec->machine = opts.machine;
	spec->network = opts.network;
	spec->memory = own ? 0 : DEFAULT_MEMORY;
	spec->vcpus = own ? 0 : 1;
	if (opts.memory != NOT_GIVEN)
		spec->memory = opts.memory;
	if (opts.vcpus != NOT_GIVEN)
		spec->vcpus = (unsigned int)opts.vcpus;
}

static int gather(struct work *work, int argc, char **argv, struct err *err)
{
	struct node_plan *plan = &work->plan;
	int ret = check_options(argc, err);

	if (ret == 0)
		ret = check_numbers(err);
	if (ret == 0)
		ret = check_words(err);
	if (ret == 0)
		ret = set_names(plan, argc, argv, err);
	if (ret < 0)
		return ret;
	plan->define = opts.define || opts.start;
	plan->start = opts.start;
	plan->output = opts.output;
	set_sizes(&plan->spec);
	ret = set_emulator(work, err);
	if (ret == 0)
		ret = set_fabrics(work, err);
	if (ret == 0)
		ret = set_disks(work, err);
	if (ret == 0)
		ret = set_boot(work, err);
	/* Last: it may take three seconds. */
	if (ret == 0)
		set_virt_type(&plan->spec);
	if (ret < 0)
		err_prefix(err, "cannot create node '%s'", plan->name[0]);
	return ret;
}

static int set_confinement(struct node_plan *plan,
			   const struct globals *globals, struct err *err)
{
	bool ask = plan->define && !globals->dry_run;
	int ret = node_confine(&plan->spec, opts.confine, globals->connect, ask,
			       err);

	return ret < 0 ? err_prefix(err, "cannot create node '%s'",
				    plan->name[0])
		       : 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_work_ struct work *work = calloc(1, sizeof(*work));
	int ret;

	if (!work)
		return err_sys(err, ENOMEM, "node");
	ret = gather(work, argc, argv, err);
	/* After all that decides what QEMU opens. */
	if (ret == 0)
		ret = set_confinement(&work->plan, globals, err);
	return ret == 0 ? node_create(&work->plan, globals, err) : ret;
}

const struct command cmd_create_node = {
	.name = "create-node",
	.args = "NAME | --count N [PREFIX]",
	.summary = "make a virtual machine with fabrics attached",
	.options = options,
	.run = run,
};
