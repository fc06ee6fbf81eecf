// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>

#include <fam-trim.h>
#include <fam/error.h>

#include "cmd.h"
#include "fabric.h"
#include "regions.h"
#include "util/clock.h"
#include "util/size.h"

static const char *dir;
static bool punch;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{"punch", 0, OPT_FLAG, NULL,
	 "give blocks back also where all space was reserved", &punch},
	{0}};

struct trimmed {
	bool keep; /* the fabric's space stays reserved */
	uint64_t bytes, given_back, took_ns;
};

static int lacks_regions(const struct fabric *fabric, struct err *err)
{
	if (!fabric->formatted)
		return err_set(err, -EOPNOTSUPP,
			       "it is raw: nobody knows what is free");
	err_set(err, -EOPNOTSUPP, "it has no room for regions");
	return err_hint(err, "all of it is data, used or not");
}

static int failed(const struct fabric *fabric, bool keep, int ret,
		  struct err *err)
{
	switch (ret) {
	case -EOPNOTSUPP:
		err_set(err, ret, "the file system cannot %s",
			keep ? "zero blocks that stay reserved"
			     : "punch holes");
		return keep ? err_hint(err, "--punch gives the blocks back")
			    : ret;
	case -EBADMSG:
		err_set(err, ret, "its directory of regions is damaged");
		return err_hint(err, "famctl check-fabric '%s' tells where",
				fabric->path);
	case -EMFILE:
		err_set(err, ret, "no entry of its directory is free");
		return err_hint(err, "destroy a region first");
	default:
		return err_set(err, regions_code(ret), "%s", fam_strerror(ret));
	}
}

/* Where space is reserved, a full disk must not take it from the nodes. */
static int trim(const struct fabric *fabric, bool dry_run, struct trimmed *out,
		struct err *err)
{
	bool reserved = fabric->allocated >= fabric->size;
	struct fam_trim_want want = {
		.how = reserved && !punch ? FAM_TRIM_KEEP : FAM_TRIM_PUNCH,
		.all = !reserved || punch,
	};
	uint64_t began = clock_ns();
	struct fabric now;
	int ret;

	*out = (struct trimmed){.keep = want.how == FAM_TRIM_KEEP};
	if (!fabric->formatted ||
	    !(fabric->sb.feature_compat & FAM_COMPAT_REGIONS) ||
	    !fabric->sb.regions_bytes)
		return lacks_regions(fabric, err);
	if (dry_run)
		return 0;
	ret = fam_trim_file(fabric->path, fabric->sb.uuid, &want, &out->bytes);
	if (ret < 0)
		return failed(fabric, out->keep, ret, err);
	out->took_ns = clock_ns() - began;
	ret = fabric_probe(fabric->path, &now, err);
	/* Nodes may have taken more meanwhile. */
	if (ret == 0 && now.allocated < fabric->allocated)
		out->given_back = fabric->allocated - now.allocated;
	return ret;
}

static void tell_json(const struct fabric *fabric, const struct trimmed *t)
{
	json_t *row = json_object();

	json_object_set_new(row, "name", out_json_text(fabric->name));
	json_object_set_new(row, "path", out_json_text(fabric->path));
	json_object_set_new(row, "keeps_reserved", json_boolean(t->keep));
	json_object_set_new(row, "trimmed", json_integer((json_int_t)t->bytes));
	json_object_set_new(row, "given_back",
			    json_integer((json_int_t)t->given_back));
	json_object_set_new(row, "duration_ns",
			    json_integer((json_int_t)t->took_ns));
	out_object(true, NULL, row);
}

static void tell(const struct globals *globals, const struct fabric *fabric,
		 const struct trimmed *t)
{
	char size[SIZE_TEXT_MAX];

	if (globals->json) {
		tell_json(fabric, t);
		return;
	}
	if (globals->dry_run) {
		printf("would trim fabric '%s': %s\n", fabric->name,
		       t->keep ? "its free space stays reserved"
			       : "its free space is given back");
		return;
	}
	printf("trimmed fabric '%s': ", fabric->name);
	if (t->keep)
		printf("%s are zeros again and stay reserved\n",
		       size_format(t->bytes, size));
	else
		printf("%s given back\n", size_format(t->given_back, size));
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric fabric;
	struct trimmed trimmed;
	int ret;

	if (argc != 1) {
		err_set(err, -EINVAL, "trim-fabric takes one name");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	ret = trim(&fabric, globals->dry_run, &trimmed, err);
	if (ret < 0)
		return err_prefix(err, "cannot trim fabric '%.200s'",
				  fabric.name);
	tell(globals, &fabric, &trimmed);
	return 0;
}

const struct command cmd_trim_fabric = {
	.name = "trim-fabric",
	.args = "NAME",
	.summary = "give the blocks of free space back to the file system",
	.options = options,
	.run = run,
};
