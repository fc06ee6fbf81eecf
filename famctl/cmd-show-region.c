// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>

#include "cmd.h"
#include "fabric.h"
#include "regions.h"

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for FABRIC in DIR only", &dir},
	{0}};

static const struct out_field fields[] = {
	{"name", "name", OUT_TEXT},
	{"bytes", "size", OUT_SIZE},
	{"space", "space", OUT_SIZE},
	{"at", "offset", OUT_TEXT},
	{"type_name", "type", OUT_TEXT},
	{"mode", "mode", OUT_TEXT},
	{"owner", "owner", OUT_TEXT},
	{"group", "group", OUT_TEXT},
	{"node", "created on", OUT_TEXT},
	{"created_ns", "created", OUT_TIME},
	{"changed_ns", "changed", OUT_TIME},
	{"serial", "serial", OUT_TEXT},
	{"generation", "generation", OUT_TEXT},
	{"readers", "readers", OUT_TEXT},
	{"writers", "writers", OUT_TEXT},
	{"exclusive", "exclusive", OUT_YESNO},
	{0}};

static const struct out_field opening_fields[] = {
	{"access", "ACCESS", OUT_TEXT},
	{"peer", "PEER", OUT_TEXT},
	{"node", "NODE", OUT_TEXT},
	{"pid", "PID", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},
	{"program", "PROGRAM", OUT_TEXT},
	{0}};

static void print(const struct globals *globals, json_t *region)
{
	json_t *openings = json_incref(json_object_get(region, "openings"));

	out_object(globals->json, fields, region);
	if (!globals->json && json_array_size(openings)) {
		putchar('\n');
		out_table(false, opening_fields, json_incref(openings));
	}
	json_decref(openings);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric fabric;
	json_t *region;
	int ret;

	if (argc != 2) {
		err_set(err, -EINVAL,
			"show-region takes a fabric and a region's name");
		return err_hint(err, "famctl list-regions FABRIC lists them");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret == 0)
		ret = regions_find(&fabric, argv[1], &region, err);
	if (ret == 0)
		print(globals, region);
	return ret;
}

const struct command cmd_show_region = {
	.name = "show-region",
	.args = "FABRIC NAME",
	.summary = "show all about one region, and who has it open",
	.options = options,
	.run = run,
};
