// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-region-tool.h"

static void print_users(const struct fam_region_info *info)
{
	printf("  open:       ");
	if (info->readers + info->writers == 0)
		puts("no");
	else
		printf("%" PRIu32 " to read, %" PRIu32 " to write%s\n",
		       info->readers, info->writers,
		       info->exclusive ? ", alone" : "");
}

static void print_type(uint32_t type)
{
	if (type == FAM_REGION_PLAIN)
		puts("  type:       bytes");
	else if (type == FAM_REGION_HEAP)
		puts("  type:       heap");
	else
		printf("  type:       %" PRIu32 "\n", type);
}

static void print_region(const struct fam_region_info *info)
{
	char size[SIZE_TEXT_MAX], space[SIZE_TEXT_MAX], mode[MODE_TEXT];
	char date[DATE_TEXT];

	text_print(stdout, info->name, strlen(info->name));
	printf("\n  size:       %s (%" PRIu64 " bytes)\n",
	       size_text(info->bytes, size), info->bytes);
	printf("  space:      %s at offset %" PRIu64 " of the fabric\n",
	       size_text(info->space, space), info->offset);
	printf("  mode:       %s (%04" PRIo32 ")\n",
	       mode_text(info->mode, mode), info->mode);
	printf("  owner:      %" PRIu32 ":%" PRIu32 "\n", info->uid, info->gid);
	print_type(info->type);
	print_users(info);
	printf("  created:    %s on ", date_text(info->created_ns, date));
	text_print(stdout, info->node, strlen(info->node));
	printf("\n  changed:    %s, generation %" PRIu64 "\n",
	       date_text(info->changed_ns, date), info->generation);
	printf("  serial:     %" PRIu64 "\n", info->serial);
}

static int stat_one(const struct options *options, struct fam *fam,
		    const char *name, const void *arg)
{
	struct fam_region_info info = {0};
	int r = fam_region_find(fam, name, &info, sizeof(info));

	(void)arg;
	if (r < 0)
		return say_region_failure(options, fam, "look at", name, r);
	if (options->json)
		region_json(&info);
	else
		print_region(&info);
	return EXIT_DONE;
}

int cmd_stat(const struct options *options)
{
	struct fam *fam = NULL;
	int status = regions_look(options, &fam);

	if (status)
		return status;
	status = region_words(options, fam, options->words - 1, stat_one, NULL);
	fam_close(fam);
	return finish_output(status);
}

/* --- df ----------------------------------------------------------------------- */

static void print_space(const struct fam_region_space *space)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX];
	char d[SIZE_TEXT_MAX];

	printf("%-10s %-10s %-10s %-10s %-10s %s\n", "SIZE", "TAKEN", "FREE",
	       "LARGEST", "REGIONS", "ROOM");
	printf("%-10s %-10s %-10s %-10s %-10" PRIu32 " %" PRIu32 "\n",
	       size_text(space->bytes, a), size_text(space->taken, b),
	       size_text(space->free, c), size_text(space->largest, d),
	       space->regions, space->room);
}

static void print_space_json(const struct fam_region_space *space)
{
	printf("{\"bytes\": %" PRIu64 ", \"taken\": %" PRIu64
	       ", \"asked\": %" PRIu64 ", \"free\": %" PRIu64
	       ", \"largest\": %" PRIu64 ", \"pieces\": %" PRIu64
	       ", \"trim\": %" PRIu64 ", \"regions\": %" PRIu32
	       ", \"room\": %" PRIu32 ", \"loose\": %" PRIu32 "}\n",
	       space->bytes, space->taken, space->asked, space->free,
	       space->largest, space->pieces, space->trim, space->regions,
	       space->room, space->loose);
}

int cmd_df(const struct options *options)
{
	struct fam_region_space space = {0};
	struct fam *fam = NULL;
	int r, status = regions_look(options, &fam);

	if (status)
		return status;
	r = fam_region_space(fam, &space, sizeof(space));
	if (r < 0)
		status = say_failure(options, "look at the regions of", r);
	else if (options->json)
		print_space_json(&space);
	else
		print_space(&space);
	fam_close(fam);
	return finish_output(status);
}
