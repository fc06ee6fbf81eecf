// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "fabric.h"
#include "regions.h"

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for FABRIC in DIR only", &dir},
	{0}};

static const struct out_field fields[] = {{"rights", "RIGHTS", OUT_TEXT},
					  {"owner", "OWNER", OUT_TEXT},
					  {"bytes", "SIZE", OUT_SIZE},
					  {"space", "SPACE", OUT_SIZE},
					  {"at", "OFFSET", OUT_TEXT},
					  {"users", "OPEN", OUT_TEXT},
					  {"changed_ns", "CHANGED", OUT_TIME},
					  {"name", "NAME", OUT_TEXT},
					  {0}};

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric fabric;
	json_t *rows = NULL;
	int ret;

	if (argc < 1 || argc > 2) {
		err_set(err, -EINVAL,
			"list-regions takes a fabric, and perhaps how names "
			"begin");
		return err_hint(err, "famctl list-fabrics lists fabrics");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	ret = regions_list(&fabric, argc > 1 ? argv[1] : NULL, &rows, err);
	/* What can still be read is shown beside the failure. */
	if (ret == 0 || (!globals->json && json_array_size(rows)))
		out_table(globals->json, fields, json_incref(rows));
	json_decref(rows);
	return ret;
}

const struct command cmd_list_regions = {
	.name = "list-regions",
	.args = "FABRIC [PREFIX]",
	.summary = "list the regions of a fabric",
	.options = options,
	.run = run,
};
