// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "node-confine.h"
#include "node-create.h"
#include "node-plan.h"
#include "qemu-args.h"
#include "servers.h"
#include "util/size.h"

#define COUNT_MAX 1000
#define VCPUS_MAX 255 /* more need an interrupt remapping device */

static struct node_wish opts = {.count = NODE_NOT_GIVEN,
				.memory = NODE_NOT_GIVEN,
				.vcpus = NODE_NOT_GIVEN,
				.vectors = NODE_NOT_GIVEN};

static const struct opt options[] = {
	{"fabric", 'f', OPT_LIST, "FABRIC",
	 "name or path of a fabric to attach (fabric0), with ':ro' behind it "
	 "read-only; repeatable",
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
	 "interrupts, for doorbell and legacy, 1 to 256 (2)", &opts.vectors},
	{"flush", 0, OPT_STRING, "WAY",
	 "to the host's disk: mailbox, window, or none (mailbox)", &opts.flush},
	{"apparmor", 0, OPT_STRING, "WAY",
	 "QEMU under AppArmor: auto, confined, or off (auto)", &opts.apparmor},
	{"template", 0, OPT_STRING, "FILE", "domain XML to start from",
	 &opts.template},
	{"define", 'd', OPT_FLAG, NULL, "define the node in libvirt",
	 &opts.define},
	{"start", 's', OPT_FLAG, NULL, "define it and start it", &opts.start},
	{"output", 'o', OPT_STRING, "DIR", "write DIR/NAME.xml", &opts.output},
	{0}};

/* The words, before anything is looked at. */
static int check_options(int argc, struct err *err)
{
	bool many = opts.count != NODE_NOT_GIVEN;

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
	if (opts.disks.count > NODE_DISKS_MAX)
		return err_set(err, -EINVAL, "more than %d disks are given",
			       NODE_DISKS_MAX);
	return 0;
}

static int check_numbers(struct err *err)
{
	if (opts.vcpus != NODE_NOT_GIVEN &&
	    (opts.vcpus < 1 || opts.vcpus > VCPUS_MAX))
		return err_set(err, -EINVAL, "--vcpus: use 1 to %d", VCPUS_MAX);
	if (opts.vectors != NODE_NOT_GIVEN &&
	    (opts.vectors < 1 || opts.vectors > SERVERS_VECTORS_MAX))
		return err_set(err, -EINVAL, "--vectors: use 1 to %d",
			       SERVERS_VECTORS_MAX);
	if (opts.memory == NODE_NOT_GIVEN)
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

static int check_flush(struct err *err)
{
	enum node_flush *flush = &opts.flush_way;

	for (; opts.flush && *flush <= NODE_FLUSH_LAST; (*flush)++) {
		if (!strcmp(opts.flush, domxml_flush(*flush)))
			return 0;
	}
	if (!opts.flush)
		return 0;
	err_set(err, -EINVAL, "--flush: there is no '%s'", opts.flush);
	return err_hint(err, "use mailbox, window or none");
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
	if (check_flush(err) < 0)
		return err->code;
	if (opts.apparmor &&
	    node_confine_word(opts.apparmor, &opts.confine, err) < 0)
		return err->code;
	return opts.machine ? qemu_args_machine(opts.machine, err) : 0;
}

static bool is_empty(const struct opt *o)
{
	const struct opt_list *list = o->target;
	const char *const *text = o->target;

	if (o->kind == OPT_STRING)
		return *text && !**text;
	for (size_t i = 0; o->kind == OPT_LIST && i < list->count; i++) {
		if (!*list->item[i])
			return true;
	}
	return false;
}

/* As from a variable that is not set. A command line may well be empty. */
static int check_empty(struct err *err)
{
	for (const struct opt *o = options; o->name; o++) {
		if (o->target != &opts.append && is_empty(o))
			return err_set(err, -EINVAL, "--%s is empty", o->name);
	}
	return 0;
}

static int check_all(int argc, struct err *err)
{
	int ret = check_empty(err);

	if (ret == 0)
		ret = check_options(argc, err);
	if (ret == 0)
		ret = check_numbers(err);
	return ret == 0 ? check_words(err) : ret;
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

/* How a window is said to the libvirt the node is for: as far as known here. */
static void set_windows(struct node_plan *plan, const struct globals *globals)
{
	_cleanup_virt_ struct virt *virt = NULL;
	struct err err;

	if (plan->spec.flush != NODE_FLUSH_WINDOW)
		return;
	/* Out of reach, libvirt will say so itself, later. */
	if (plan->define && !globals->dry_run &&
	    virt_open(&virt, globals->connect, &err) < 0)
		virt = NULL;
	plan->spec.raw_windows = !virt_takes_windows(virt);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_node_plan_ struct node_plan *plan = NULL;
	int ret = check_all(argc, err);

	if (ret == 0)
		ret = node_plan(&opts, argc ? argv[0] : NULL, &plan, err);
	if (ret == 0)
		set_windows(plan, globals);
	/* After all that decides what QEMU opens. */
	if (ret == 0)
		ret = set_confinement(plan, globals, err);
	return ret == 0 ? node_create(plan, globals, err) : ret;
}

const struct command cmd_create_node = {
	.name = "create-node",
	.args = "NAME | --count N [PREFIX]",
	.summary = "make a virtual machine with fabrics attached",
	.options = options,
	.run = run,
};
