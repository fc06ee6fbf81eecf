// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric.h"
#include "util/size.h"

static struct {
	const char *path, *dir, *mode, *group, *durability, *objects, *regions;
	bool sparse, prepare, raw;
} o;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "directory of the file DIR/NAME.fam",
	 &o.dir},
	{"path", 'p', OPT_STRING, "FILE", "the file itself", &o.path},
	{"prepare", 0, OPT_FLAG, NULL,
	 "write zeros: later commits cost one disk flush", &o.prepare},
	{"sparse", 0, OPT_FLAG, NULL,
	 "reserve no space: a full disk will kill nodes", &o.sparse},
	{"raw", 0, OPT_FLAG, NULL, "no format: every byte is yours", &o.raw},
	{"mode", 0, OPT_STRING, "MODE",
	 "octal mode of the file (root: 0660, others: 0600)", &o.mode},
	{"group", 0, OPT_STRING, "GROUP",
	 "group of the file (root: that of libvirt's QEMU)", &o.group},
	{"durability", 0, OPT_STRING, "host|guest",
	 "what a durable store survives (host)", &o.durability},
	{"objects", 0, OPT_STRING, "SIZE",
	 "room for named objects; 0: none (a sixteenth)", &o.objects},
	{"regions", 0, OPT_STRING, "COUNT",
	 "how many regions it can have; 0: none (960 to 31296)", &o.regions},
	{0}};

static int not_a_size(const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (text[0] == '-')
		err_set(err, -EINVAL, "size '%.40s' is negative", text);
	else if (len == 0)
		err_set(err, -EINVAL, "the size is empty");
	else
		err_set(err, -EINVAL, "'%.40s' is not a size", text);
	if (len > 2 && len < 20 && strchr("kKmMgGtT", text[len - 2]) &&
	    (text[len - 1] == 'B' || text[len - 1] == 'b'))
		return err_hint(err, "sizes count in powers of 1024: '%.*siB'",
				(int)len - 1, text);
	return err_hint(err, "digits and K, M, G or T, such as 16G; also KiB, "
			     "MiB, GiB, TiB");
}

static int read_size(const char *text, uint64_t *size, struct err *err)
{
	int ret = size_parse(text, size);

	if (ret == -ERANGE) {
		err_set(err, -EINVAL,
			"size '%.40s' is above the limit of 16TiB", text);
		return err_hint(err, "use 16TiB or less");
	}
	if (ret < 0)
		return not_a_size(text, err);
	return fabric_check_size(*size, o.raw, err);
}

/* What is for objects and for regions if nobody says otherwise. */
static struct fam_superblock usual(const struct fabric_spec *spec)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {0};
	struct fam_superblock sb;

	(void)fam_superblock_init(&sb, spec->size, "x", uuid, 0,
				  FAM_DURABILITY_HOST);
	return sb;
}

/* --objects, or the default. */
static int read_objects(struct fabric_spec *spec, uint64_t *objects,
			struct err *err)
{
	if (!o.objects)
		return 0;
	/* what is too large to be a size is too large for any fabric, too */
	if (size_parse(o.objects, objects) < 0) {
		err_set(err, -EINVAL, "--objects: '%.40s' is not a size",
			o.objects);
		return err_hint(err, "digits and a unit, such as 64MiB; 0 for "
				     "none");
	}
	spec->objects = objects;
	return fabric_check_objects(spec->size,
				    o.regions ? 0 : usual(spec).regions_bytes,
				    *objects, err);
}

/* --regions, or the default. */
static int read_regions(struct fabric_spec *spec, uint64_t *bytes,
			struct err *err)
{
	uint64_t count, objects;
	char *end;

	if (!o.regions)
		return 0;
	errno = 0;
	count = strtoull(o.regions, &end, 10);
	if (o.regions[0] < '0' || o.regions[0] > '9' || *end || errno)
		return err_set(err, -EINVAL,
			       "--regions: '%.40s' is not a number", o.regions);
	spec->regions = bytes;
	objects = spec->objects ? *spec->objects : usual(spec).objects_bytes;
	return fabric_check_regions(spec->size, objects, count, bytes, err);
}

/* --path FILE without NAME: the file's name is the fabric's. */
static int name_from_path(char name[FAM_LABEL_BYTES], struct err *err)
{
	const char *slash = strrchr(o.path, '/');
	const char *base = slash ? slash + 1 : o.path;
	size_t len = strlen(base);

	if (!len) {
		err_set(err, access(o.path, F_OK) == 0 ? -EEXIST : -EINVAL,
			"'%.200s' names a directory, not a file", o.path);
		return err_hint(err, "--dir '%.200s' puts the fabric into it",
				o.path);
	}
	if (fabric_has_suffix(base))
		len -= strlen(FABRIC_SUFFIX);
	snprintf(name, FAM_LABEL_BYTES, "%.*s", (int)len, base);
	if (len < FAM_LABEL_BYTES && fam_label_check(name) == 0)
		return 0;
	err_set(err, -EINVAL, "'%.100s' cannot be a fabric's name", base);
	return err_hint(err, "give a name too: famctl create-fabric SIZE NAME "
			     "--path FILE");
}

static int choose_name(int argc, char **argv, char name[FAM_LABEL_BYTES],
		       struct err *err)
{
	const char *typed = argc > 1 ? argv[1] : FABRIC_DEFAULT_NAME;
	int ret;

	if (argc < 2 && o.path)
		return name_from_path(name, err);
	if (strchr(typed, '/')) {
		err_set(err, -EINVAL, "fabric name '%.200s' contains a slash",
			typed);
		return err_hint(err,
				"--path FILE puts the file where you like");
	}
	ret = fabric_check_name(typed, err);
	if (ret == 0)
		snprintf(name, FAM_LABEL_BYTES, "%s", typed);
	return ret;
}

static int choose_durability(enum fam_durability *out, struct err *err)
{
	*out = FAM_DURABILITY_HOST;
	if (!o.durability || strcmp(o.durability, "host") == 0)
		return 0;
	*out = FAM_DURABILITY_GUEST;
	if (strcmp(o.durability, "guest") == 0)
		return 0;
	err_set(err, -EINVAL, "durability '%.40s' is unknown", o.durability);
	return err_hint(err, "host (survives a power cut) or guest (survives a "
			     "crash of the node)");
}

static int check_together(int argc, struct err *err)
{
	if (argc < 1) {
		err_set(err, -EINVAL, "the size is missing");
		return err_hint(err, "famctl create-fabric 16G");
	}
	if (argc > 2) {
		err_set(err, -EINVAL,
			"too many words: create-fabric takes a "
			"size and a name");
		return err_hint(err, "famctl create-fabric 16G NAME");
	}
	if (o.path && o.dir)
		return err_set(err, -EINVAL,
			       "--path and --dir exclude each other");
	if (o.sparse && o.prepare)
		return err_set(err, -EINVAL,
			       "--sparse and --prepare exclude each other");
	if (o.raw && o.durability)
		return err_set(
			err, -EINVAL,
			"a raw fabric has no place to note --durability");
	if (o.raw && o.objects)
		return err_set(err, -EINVAL,
			       "a raw fabric has no place for --objects");
	if (o.raw && o.regions)
		return err_set(err, -EINVAL,
			       "a raw fabric has no place for --regions");
	if (o.raw && o.path && !fabric_has_suffix(o.path)) {
		err_set(err, -EINVAL,
			"a raw fabric is known by its file's "
			"name only, which must end in '.fam'");
		return err_hint(err, "--path '%.200s.fam'", o.path);
	}
	return 0;
}

/* What the pointers of struct fabric_spec point to. */
struct areas {
	uint64_t objects, regions;
};

static int read_words(int argc, char **argv, char name[FAM_LABEL_BYTES],
		      struct fabric_spec *spec, struct areas *areas,
		      struct err *err)
{
	int ret = check_together(argc, err);

	if (ret == 0)
		ret = read_size(argv[0], &spec->size, err);
	if (ret == 0)
		ret = read_objects(spec, &areas->objects, err);
	if (ret == 0)
		ret = read_regions(spec, &areas->regions, err);
	if (ret == 0)
		ret = choose_name(argc, argv, name, err);
	if (ret == 0)
		ret = choose_durability(&spec->durability, err);
	if (ret < 0)
		return err_prefix(err, "cannot create a fabric");
	spec->name = name;
	return 0;
}

static const char *how(const struct fabric_spec *spec)
{
	if (spec->sparse)
		return "no space reserved for data";
	return spec->prepare ? "all space reserved and zeroed"
			     : "all space reserved";
}

/* The shortest words create-node finds the fabric by. */
static void print_next_step(const struct fabric *fabric)
{
	printf("next: famctl create-node node01");
	if (o.path || o.dir)
		printf(" --fabric '%s'", fabric->path);
	else if (strcmp(fabric->name, FABRIC_DEFAULT_NAME) != 0)
		printf(" --fabric %s", fabric->name);
	printf(" > node01.xml\n");
}

static void print_text(const struct fabric_spec *spec,
		       const struct fabric *fabric)
{
	char size[SIZE_TEXT_MAX];

	printf("%s fabric '%s': %s, %s, %s: %s\n",
	       spec->dry_run ? "would create" : "created", fabric->name,
	       size_format(fabric->size, size),
	       fabric->formatted ? "formatted" : "raw", how(spec),
	       fabric->path);
	if (!spec->dry_run)
		print_next_step(fabric);
}

struct telling {
	const struct globals *globals;
	const struct fabric_spec *spec;
};

static int tell(const struct fabric *fabric, void *arg, struct err *err)
{
	const struct telling *telling = arg;

	if (telling->globals->json)
		out_object(true, NULL, fabric_json(fabric));
	else
		print_text(telling->spec, fabric);
	return out_finish(err);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric_spec spec = {.dir = o.dir,
				   .path = o.path,
				   .sparse = o.sparse,
				   .prepare = o.prepare,
				   .raw = o.raw,
				   .mode = o.mode,
				   .group = o.group,
				   .dry_run = globals->dry_run,
				   .tell = tell};
	struct telling telling = {.globals = globals, .spec = &spec};
	char name[FAM_LABEL_BYTES];
	struct fabric fabric;
	struct areas areas;
	int ret = read_words(argc, argv, name, &spec, &areas, err);

	if (ret < 0)
		return ret;
	if (spec.sparse)
		out_warn("a sparse fabric reserves no space: if the disk fills "
			 "up, SIGBUS kills the nodes that use it");
	spec.tell_arg = &telling;
	return fabric_create(&spec, &fabric, err);
}

const struct command cmd_create_fabric = {
	.name = "create-fabric",
	.args = "SIZE [NAME]",
	.summary = "make a fabric: shared memory in a file",
	.options = options,
	.run = run,
};
