// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-tool.h"

/* The name comes last: it may be long, and have blanks. */
static int print_object(const struct fam_object_info *info, void *arg)
{
	char size[SIZE_TEXT_MAX], date[DATE_TEXT];

	(void)arg;
	printf("%-8s %-10s %-5" PRIu32 " %-19s ",
	       fam_object_type_name(info->type), size_text(info->bytes, size),
	       info->users, date_text(info->made_ns, date));
	text_print(stdout, info->name, strlen(info->name));
	putchar('\n');
	return 0;
}

static int print_json(const struct fam_object_info *info, void *arg)
{
	bool *more = arg;

	printf("%s{\"name\": ", *more ? ", " : "");
	json_text(stdout, info->name);
	printf(", \"type\": \"%s\", \"bytes\": %" PRIu64
	       ", \"offset\": %" PRIu64 ", \"users\": %" PRIu32
	       ", \"made_ns\": %" PRIu64 ", \"serial\": %" PRIu64 "}",
	       fam_object_type_name(info->type), info->bytes, info->offset,
	       info->users, info->made_ns, info->serial);
	*more = true;
	return 0;
}

/* Nothing is printed before it is known that there are objects. */
static int is_there(const struct fam_object_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 1;
}

static int say_list_failure(const struct options *options, int error)
{
	return error == -EOPNOTSUPP
		       ? say_no_objects(options)
		       : say_peer_failure(options, "list the objects of",
					  error);
}

static int list(const struct options *options, struct fam *fam)
{
	bool more = false;
	int r = fam_object_each(fam, is_there, NULL);

	if (r < 0)
		return say_list_failure(options, r);
	if (options->json)
		printf("{\"objects\": [");
	else
		printf("%-8s %-10s %-5s %-19s %s\n", "TYPE", "SIZE", "USERS",
		       "MADE", "NAME");
	r = fam_object_each(fam, options->json ? print_json : print_object,
			    &more);
	if (r < 0)
		return say_list_failure(options, r);
	if (options->json)
		printf("]}\n");
	return EXIT_DONE;
}

static int remove_patiently(struct fam *fam, const char *name)
{
	unsigned int waited = 0;
	int r;

	do {
		r = fam_object_remove(fam, name);
	} while (r == -EBUSY && peer_patience(&waited));
	return r;
}

static int remove_one(const struct options *options, struct fam *fam)
{
	int r = remove_patiently(fam, options->remove);

	if (r < 0)
		return say_object_failure(options, "object", options->remove,
					  r);
	return EXIT_DONE;
}

int cmd_objects(const struct options *options)
{
	struct fam *fam = NULL;
	int status;

	if (options->json && options->remove)
		return say_usage("'--json' and '--remove' exclude each other");
	status = objects_open(options, &fam);
	if (status)
		return status;
	status =
		options->remove ? remove_one(options, fam) : list(options, fam);
	return peer_close(fam, status);
}
