// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>

#include "cmd.h"
#include "fabric-prepare.h"
#include "fabric.h"
#include "util/clock.h"
#include "util/size.h"

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{0}};

static void tell(const struct globals *globals, const struct fabric *fabric,
		 uint64_t took_ns)
{
	char size[SIZE_TEXT_MAX];
	json_t *row;

	if (!globals->json) {
		printf("%s fabric '%s' (%s)",
		       globals->dry_run ? "would prepare" : "prepared",
		       fabric->name, size_format(fabric->size, size));
		if (!globals->dry_run)
			printf(" in %.1f s", (double)took_ns / 1e9);
		printf(": %s\n", fabric->path);
		return;
	}
	row = fabric_json(fabric);
	json_object_set_new(row, "duration_ns",
			    json_integer((json_int_t)took_ns));
	out_object(true, NULL, row);
}

static int prepare(const struct globals *globals, const struct fabric *fabric,
		   struct err *err)
{
	uint64_t began = clock_ns(), took;
	struct fabric now;
	int ret = fabric_prepare(fabric, globals->dry_run, err);

	if (ret < 0)
		return ret;
	took = globals->dry_run ? 0 : clock_ns() - began;
	/* It may have space now that it had not before. */
	ret = fabric_probe(fabric->path, &now, err);
	if (ret == 0)
		tell(globals, &now, took);
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric fabric;
	int ret;

	if (argc != 1) {
		err_set(err, -EINVAL, "prepare-fabric takes one name");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	ret = prepare(globals, &fabric, err);
	if (ret < 0)
		return err_prefix(err, "cannot prepare fabric '%.200s'",
				  fabric.name);
	return 0;
}

const struct command cmd_prepare_fabric = {
	.name = "prepare-fabric",
	.args = "NAME",
	.summary = "write a fabric to the disk: commits cost one flush then",
	.options = options,
	.run = run,
};
