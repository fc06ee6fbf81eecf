// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>

#include "bundle.h"
#include "cmd.h"

static struct bundle_spec spec;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR",
	 "where to put it (default: bundle in the fabric directory)",
	 &spec.dir},
	{"kernel", 'k', OPT_STRING, "FILE",
	 "Linux kernel to boot (default: the newest one found)", &spec.kernel},
	{"modules", 0, OPT_STRING, "DIR",
	 "the kernel's modules (default: lib/modules/VERSION), or 'none'",
	 &spec.modules},
	{"add", 'a', OPT_LIST, "FILE[:PATH]",
	 "add a program with its libraries, or a file; may be repeated",
	 &spec.add},
	{0},
};

static const struct out_field fields[] = {
	{"kernel", "kernel", OUT_TEXT},
	{"initrd", "initrd", OUT_TEXT},
	{0},
};

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct bundle bundle;
	json_t *object;
	int ret;

	if (argc > 0)
		return err_set(err, -EINVAL, "unexpected word '%s'", argv[0]);
	if (spec.dir && !*spec.dir)
		return err_set(err, -EINVAL, "--dir is empty");
	ret = globals->dry_run ? bundle_check(&spec, &bundle, err)
			       : bundle_make(&spec, &bundle, err);
	if (ret < 0)
		return ret;
	object = json_pack("{s:s, s:s}", "kernel", bundle.kernel, "initrd",
			   bundle.initrd);
	out_object(globals->json, fields, object);
	return 0;
}

const struct command cmd_make_bundle = {
	.name = "make-bundle",
	.args = "",
	.summary = "make the small guest that nodes boot by default",
	.options = options,
	.run = run,
};
