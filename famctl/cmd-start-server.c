// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
#include "virt.h"

#define NOT_GIVEN UINT64_MAX

static uint64_t vectors = NOT_GIVEN;

static const struct opt options[] = {{"vectors", 'n', OPT_NUMBER, "N",
				      "interrupts of each peer, 1 to 256 (2)",
				      &vectors},
				     {0}};

/*
 * The group libvirt runs QEMU as; without libvirt the server knows a good one.
 * Others than root run QEMU as themselves.
 */
static gid_t qemu_group(const char *connect)
{
	_cleanup_virt_ struct virt *virt = NULL;
	unsigned int uid, gid;
	struct err ignored;

	if (geteuid() != 0 || virt_open(&virt, connect, &ignored) < 0 ||
	    virt_qemu_identity(virt, &uid, &gid, &ignored) < 0)
		return (gid_t)-1;
	return gid;
}

static json_t *describe(const struct fabric *fabric,
			const struct servers_info *info, bool started)
{
	return json_pack("{s:o,s:o,s:s,s:i,s:i,s:b}", "name",
			 out_json_text(fabric->name), "path",
			 out_json_text(fabric->path), "socket", info->socket,
			 "pid", (int)info->status.pid, "vectors",
			 (int)info->status.vectors, "started", started);
}

static void report(const struct globals *globals, const struct fabric *fabric,
		   const struct servers_info *info, int started)
{
	if (globals->dry_run && started)
		out_note("server of fabric '%s' would be started",
			 fabric->name);
	else if (started)
		out_note("server of fabric '%s' started: pid %u, socket '%s'",
			 fabric->name, info->status.pid, info->socket);
	else
		out_note("server of fabric '%s' is running already: pid %u",
			 fabric->name, info->status.pid);
	if (globals->json && !(globals->dry_run && started))
		out_object(true, NULL, describe(fabric, info, started));
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	const char *name = argc ? argv[0] : FABRIC_DEFAULT_NAME;
	struct servers_spec spec = {.dry_run = globals->dry_run};
	struct servers_info info;
	struct fabric fabric;
	int ret;

	if (argc > 1)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[1]);
	if (vectors != NOT_GIVEN &&
	    (vectors < 1 || vectors > SERVERS_VECTORS_MAX))
		return err_set(err, -EINVAL, "--vectors: use 1 to %d",
			       SERVERS_VECTORS_MAX);
	ret = fabric_open(name, NULL, &fabric, err);
	if (ret < 0)
		return ret;
	spec.fabric = &fabric;
	spec.vectors = vectors == NOT_GIVEN ? 0 : (unsigned int)vectors;
	spec.group = qemu_group(globals->connect);
	ret = servers_start(&spec, &info, err);
	if (ret < 0)
		return err_prefix(err, "cannot start the server of fabric '%s'",
				  fabric.name);
	report(globals, &fabric, &info, ret);
	return 0;
}

const struct command cmd_start_server = {
	.name = "start-server",
	.args = "[FABRIC]",
	.summary = "serve a fabric to its nodes",
	.options = options,
	.run = run,
};
