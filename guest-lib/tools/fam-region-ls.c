// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-region-tool.h"

/* Names of regions, shown as those of files are: level by level. */

struct level {
	bool all; /* not by parts: each region by itself */
	size_t parent;
	void (*show)(const struct region_item *item, void *arg);
	void *arg;
	/* The part of which some regions were seen; regions 0: none. */
	struct region_item part;
	uint64_t shown;
};

static void show_part(struct level *level)
{
	if (level->part.regions) {
		level->show(&level->part, level->arg);
		level->shown++;
	}
	level->part.regions = 0;
}

static void show_region(struct level *level, const struct fam_region_info *info)
{
	struct region_item item = {
		.region = info,
		.parent = level->parent,
		.regions = 1,
		.bytes = info->bytes,
		.space = info->space,
	};

	memcpy(item.name, info->name, sizeof(item.name));
	level->show(&item, level->arg);
	level->shown++;
}

/* They come in the order of their names: those of a part one after the other. */
static int visit(const struct fam_region_info *info, void *arg)
{
	struct level *level = arg;
	struct region_item *part = &level->part;
	const char *slash = strchr(info->name + level->parent, '/');
	size_t bytes = slash ? (size_t)(slash - info->name) + 1 : 0;

	if (part->regions && (!slash || strlen(part->name) != bytes ||
			      memcmp(part->name, info->name, bytes) != 0))
		show_part(level);
	if (level->all || !slash) {
		show_region(level, info);
		return 0;
	}
	if (part->regions == 0) {
		*part = (struct region_item){.parent = level->parent};
		memcpy(part->name, info->name, bytes);
	}
	part->regions++;
	part->bytes += info->bytes;
	part->space += info->space;
	return 0;
}

/*
 * The word as the beginning of names, with a '/' at its end; and the region that
 * has it as its name. 0, or a negative errno.
 */
static int read_word(const struct options *options, struct fam *fam,
		     struct level *level, const char *word, char *prefix)
{
	size_t bytes = strlen(word);
	bool slash = bytes && word[bytes - 1] == '/';
	struct fam_region_info info = {0};
	int r;

	if (bytes >= FAM_REGION_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(prefix, word, bytes + 1);
	if (slash)
		prefix[--bytes] = '\0';
	r = fam_region_find(fam, prefix, &info, sizeof(info));
	if (r < 0 && r != -ENOENT)
		return r;
	memcpy(prefix + bytes, "/", 2);
	if (r < 0 || slash)
		return 0;
	level->parent = 0;
	show_region(level, &info);
	/* Of files it would be one or the other; here it can be both. */
	if (!options->recursive)
		prefix[0] = '\0';
	return 0;
}

int regions_level(const struct options *options, struct fam *fam,
		  const char *word,
		  void (*show)(const struct region_item *item, void *arg),
		  void *arg)
{
	char prefix[FAM_REGION_NAME_MAX + 1] = "";
	struct level level = {
		.all = options->recursive,
		.show = show,
		.arg = arg,
	};
	int r;

	if (word) {
		r = read_word(options, fam, &level, word, prefix);
		if (r < 0 || !prefix[0])
			return r;
	}
	level.parent = strlen(prefix);
	r = fam_region_each(fam, prefix[0] ? prefix : NULL, visit, &level);
	if (r < 0)
		return r;
	show_part(&level);
	return word && level.shown == 0 ? -ENOENT : 0;
}

/* --- ls -----------------------------------------------------------------------
 */

struct list {
	const struct options *options;
	bool begun;
};

static void show_name(const struct options *options,
		      const struct region_item *item)
{
	/* With all below, whole names: other commands take them. */
	size_t from = options->recursive ? 0 : item->parent;

	text_print(stdout, item->name + from, strlen(item->name + from));
	putchar('\n');
}

static void show_long(const struct region_item *item)
{
	char mode[MODE_TEXT] = "-", owner[24] = "-", size[SIZE_TEXT_MAX];
	char date[DATE_TEXT] = "-";

	if (item->region) {
		mode_text(item->region->mode, mode);
		snprintf(owner, sizeof(owner), "%" PRIu32 ":%" PRIu32,
			 item->region->uid, item->region->gid);
		date_text(item->region->changed_ns, date);
	}
	printf("%-9s %-10s %-10s %-19s ", mode, owner,
	       size_text(item->bytes, size), date);
}

static void show_json(struct list *list, const struct region_item *item)
{
	printf("%s", list->begun ? ", " : "");
	if (item->region) {
		region_json(item->region);
		return;
	}
	printf("{\"part\": ");
	json_text(stdout, item->name);
	printf(", \"regions\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"space\": %" PRIu64 "}",
	       item->regions, item->bytes, item->space);
}

static void list_item(const struct region_item *item, void *arg)
{
	struct list *list = arg;
	const struct options *options = list->options;

	if (!list->begun && options->json)
		printf("{\"regions\": [");
	else if (!list->begun && options->details)
		printf("%-9s %-10s %-10s %-19s %s\n", "MODE", "OWNER", "SIZE",
		       "CHANGED", "NAME");
	if (options->json)
		show_json(list, item);
	else if (options->details)
		show_long(item);
	list->begun = true;
	if (!options->json)
		show_name(options, item);
}

/* Of the words of a list that may be left out. */
static int say_list_failure(const struct options *options, struct fam *fam,
			    bool begun, int error)
{
	static const char hint[] = "'fam ls -r' shows what there is";
	char text[FAM_REGION_NAME_MAX + 128];

	if (error == -EBADMSG || (begun && options->json))
		return regions_damaged(options, begun);
	if (!options->operand)
		return say_failure(options, "list the regions of", error);
	if (error != -ENOENT)
		return say_region_failure(options, fam, "list",
					  options->operand, error);
	snprintf(text, sizeof(text),
		 "there is no region '%s', and none whose name begins so",
		 options->operand);
	return say(options, text, hint, EXIT_NO_FABRIC);
}

int cmd_ls(const struct options *options)
{
	struct list list = {.options = options};
	struct fam *fam = NULL;
	int r, status = regions_look(options, &fam);

	if (status)
		return status;
	r = regions_level(options, fam, options->operand, list_item, &list);
	if (r < 0)
		status = say_list_failure(options, fam, list.begun, r);
	else if (options->json)
		printf("%s]}\n", list.begun ? "" : "{\"regions\": [");
	fam_close(fam);
	return finish_output(status);
}

/* --- du -----------------------------------------------------------------------
 */

struct usage {
	const struct options *options;
	bool begun;
	uint64_t regions, bytes, space;
};

static void usage_line(uint64_t space, uint64_t bytes, uint64_t regions,
		       const char *name)
{
	char of_space[SIZE_TEXT_MAX], of_bytes[SIZE_TEXT_MAX];

	printf("%-10s %-10s %-8" PRIu64 " ", size_text(space, of_space),
	       size_text(bytes, of_bytes), regions);
	text_print(stdout, name, strlen(name));
	putchar('\n');
}

/* Once, and not before it is known that nothing is wrong. */
static void begin_usage(struct usage *usage)
{
	if (usage->begun)
		return;
	usage->begun = true;
	if (usage->options->json)
		printf("{\"parts\": [");
	else
		printf("%-10s %-10s %-8s %s\n", "SPACE", "SIZE", "REGIONS",
		       "NAME");
}

static void add_usage(const struct region_item *item, void *arg)
{
	struct usage *usage = arg;

	begin_usage(usage);
	if (!usage->options->json) {
		usage_line(item->space, item->bytes, item->regions, item->name);
	} else {
		printf("%s{\"name\": ", usage->regions ? ", " : "");
		json_text(stdout, item->name);
		printf(", \"regions\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"space\": %" PRIu64 "}",
		       item->regions, item->bytes, item->space);
	}
	usage->regions += item->regions;
	usage->bytes += item->bytes;
	usage->space += item->space;
}

static void end_usage(struct usage *usage)
{
	begin_usage(usage);
	if (usage->options->json)
		printf("], \"regions\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"space\": %" PRIu64 "}\n",
		       usage->regions, usage->bytes, usage->space);
	else
		usage_line(usage->space, usage->bytes, usage->regions, "(all)");
}

int cmd_du(const struct options *options)
{
	struct usage usage = {.options = options};
	struct fam *fam = NULL;
	int r, status = regions_look(options, &fam);

	if (status)
		return status;
	r = regions_level(options, fam, options->operand, add_usage, &usage);
	if (r < 0)
		status = say_list_failure(options, fam, usage.begun, r);
	else
		end_usage(&usage);
	fam_close(fam);
	return finish_output(status);
}
