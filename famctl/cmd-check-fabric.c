// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <fam/check.h>
#include <fam/error.h>

#include "cmd.h"
#include "fabric.h"
#include "regions.h"
#include "util/cleanup.h"
#include "util/size.h"

static const char *dir;
static bool repair;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{"repair", 0, OPT_FLAG, NULL, "make good what can be", &repair},
	{0}};

static const struct out_field fields[] = {{"offset", "OFFSET", OUT_TEXT},
					  {"bytes", "BYTES", OUT_TEXT},
					  {"level", "LEVEL", OUT_TEXT},
					  {"repaired", "REPAIRED", OUT_YESNO},
					  {"part", "PART", OUT_TEXT},
					  {"text", "PROBLEM", OUT_TEXT},
					  {0}};

/* What was found, as it is told. */
struct report {
	json_t *problems;
	uint64_t count[FAM_CHECK_LOSS + 1]; /* of each level */
	uint64_t repaired;
	uint64_t left; /* damages and losses that are there still */
	struct fam_check_summary sum;
};

static void add_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static const char *const levels[] = {
	[FAM_CHECK_NOTE] = "note",
	[FAM_CHECK_DAMAGE] = "damage",
	[FAM_CHECK_LOSS] = "loss",
};

static int add_problem(const struct fam_check_problem *problem, void *arg)
{
	struct report *report = arg;
	json_t *row = json_object();

	add_number(row, "offset", problem->offset);
	add_number(row, "bytes", problem->bytes);
	json_object_set_new(row, "level", json_string(levels[problem->level]));
	json_object_set_new(row, "repaired", json_boolean(problem->repaired));
	json_object_set_new(row, "part", out_json_text(problem->part));
	json_object_set_new(row, "text", out_json_text(problem->text));
	json_array_append_new(report->problems, row);
	report->count[problem->level]++;
	report->repaired += problem->repaired;
	if (problem->level != FAM_CHECK_NOTE && !problem->repaired)
		report->left++;
	return 0;
}

/* --- checking -------------------------------------------------------------------- */

static void fam_closep(struct fam **fam)
{
	fam_close(*fam);
}

static int explain(const struct fabric *fabric, int error, struct err *err)
{
	int code = regions_code(error);

	err_set(err, code, "cannot %s fabric '%s': %s",
		repair ? "repair" : "check", fabric->name, fam_strerror(error));
	if (repair && (error == -EACCES || error == -EROFS))
		return err_hint(err, "without --repair it is only looked at");
	return code;
}

static int check(const struct globals *globals, const struct fabric *fabric,
		 struct report *report, struct err *err)
{
	__attribute__((cleanup(fam_closep))) struct fam *fam = NULL;
	bool store = repair && !globals->dry_run;
	int ret = fam_open(&fam, fabric->path, store ? 0 : FAM_OPEN_RDONLY);

	if (ret == 0)
		ret = fam_check(fam, store ? FAM_CHECK_REPAIR : 0, add_problem,
				report, &report->sum);
	return ret < 0 ? explain(fabric, ret, err) : 0;
}

/* --- telling ---------------------------------------------------------------------- */

static json_t *describe(const struct fabric *fabric,
			const struct report *report)
{
	const struct fam_check_summary *sum = &report->sum;
	json_t *object = json_object();

	json_object_set_new(object, "name", out_json_text(fabric->name));
	json_object_set_new(object, "path", out_json_text(fabric->path));
	json_object_set_new(
		object, "clean",
		json_boolean(!report->left && !report->count[FAM_CHECK_LOSS]));
	add_number(object, "notes", report->count[FAM_CHECK_NOTE]);
	add_number(object, "damages", report->count[FAM_CHECK_DAMAGE]);
	add_number(object, "losses", report->count[FAM_CHECK_LOSS]);
	add_number(object, "repaired", report->repaired);
	add_number(object, "regions", sum->regions);
	add_number(object, "taken", sum->taken);
	add_number(object, "free", sum->free);
	add_number(object, "objects", sum->objects);
	add_number(object, "heaps", sum->heaps);
	add_number(object, "heap_objects", sum->heap_objects);
	json_object_set(object, "problems", report->problems);
	return object;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_summary(const struct fabric *fabric,
			  const struct fam_check_summary *sum)
{
	char taken[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX];

	printf("fabric '%s': %" PRIu64 " region%s, %s taken, %s free; %" PRIu64
	       " object%s",
	       fabric->name, sum->regions, plural(sum->regions),
	       size_format(sum->taken, taken),
	       size_format(sum->free, available), sum->objects,
	       plural(sum->objects));
	if (sum->heaps)
		printf("; %" PRIu64 " heap%s with %" PRIu64 " object%s",
		       sum->heaps, plural(sum->heaps), sum->heap_objects,
		       plural(sum->heap_objects));
	printf("\n");
}

static void print_text(const struct fabric *fabric, const struct report *report)
{
	const uint64_t *count = report->count;
	json_t *row;
	size_t i;

	json_array_foreach(report->problems, i, row)
	{
		char text[32];

		snprintf(text, sizeof(text), "0x%" PRIx64,
			 (uint64_t)json_integer_value(
				 json_object_get(row, "offset")));
		json_object_set_new(row, "offset", json_string(text));
	}
	if (json_array_size(report->problems))
		out_table(false, fields, json_incref(report->problems));
	print_summary(fabric, &report->sum);
	if (json_array_size(report->problems) == 0)
		printf("no problem was found\n");
	else
		printf("%" PRIu64 " damage%s, %" PRIu64 " loss%s, %" PRIu64
		       " note%s; %" PRIu64 " of these repaired\n",
		       count[FAM_CHECK_DAMAGE], plural(count[FAM_CHECK_DAMAGE]),
		       count[FAM_CHECK_LOSS],
		       count[FAM_CHECK_LOSS] == 1 ? "" : "es",
		       count[FAM_CHECK_NOTE], plural(count[FAM_CHECK_NOTE]),
		       report->repaired);
}

static int judge(const struct globals *globals, const struct fabric *fabric,
		 const struct report *report, struct err *err)
{
	uint64_t lost = report->count[FAM_CHECK_LOSS];

	if (report->left) {
		err_set(err, -EUCLEAN, "fabric '%s' %s %" PRIu64 " problem%s",
			fabric->name, repair ? "still has" : "has",
			report->left, plural(report->left));
		if (repair && !globals->dry_run)
			return -EUCLEAN;
		return err_hint(err, "famctl check-fabric --repair '%s'",
				fabric->path);
	}
	if (lost) {
		err_set(err, -EUCLEAN,
			"fabric '%s' is repaired, but %" PRIu64
			" thing%s in it cannot be told any more",
			fabric->name, lost, plural(lost));
		return err_hint(err, "what is marked 'loss' is to be brought "
				     "back from elsewhere");
	}
	return 0;
}

static int show(const struct globals *globals, const struct fabric *fabric,
		const struct report *report, struct err *err)
{
	int ret = judge(globals, fabric, report, err);

	if (!globals->json)
		print_text(fabric, report);
	else if (ret < 0)
		*globals->done = describe(fabric, report);
	else
		out_object(true, NULL, describe(fabric, report));
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct report report = {0};
	struct fabric fabric;
	int ret;

	if (argc != 1) {
		err_set(err, -EINVAL, "check-fabric takes one name");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	if (!fabric.formatted)
		return err_set(err, -EMEDIUMTYPE,
			       "fabric '%s' is raw: all of it is the user's, "
			       "and nothing to be checked",
			       fabric.name);
	report.problems = json_array();
	ret = check(globals, &fabric, &report, err);
	if (ret == 0)
		ret = show(globals, &fabric, &report, err);
	json_decref(report.problems);
	return ret;
}

const struct command cmd_check_fabric = {
	.name = "check-fabric",
	.args = "NAME",
	.summary = "look for damage in a fabric's structures, and repair it",
	.options = options,
	.run = run,
};
