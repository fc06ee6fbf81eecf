// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-region-tool.h"

/* Commands that change the directory of regions, and nothing in the regions. */

static int end_change(const struct options *options, struct fam *fam,
		      const char *name, int status)
{
	if (status == EXIT_DONE)
		status = region_tell(options, fam, name);
	if (status == EXIT_DONE && options->json)
		putchar('\n');
	return peer_close(fam, status);
}

/* What is below this is the library's to give. */
#define USER_TYPES 0x10000

static int read_want(const struct options *options,
		     struct fam_region_want *want)
{
	*want = (struct fam_region_want){
		.type = (uint32_t)options->type,
		.flags = region_flags(options),
	};
	if (options->type > UINT32_MAX ||
	    (options->type && options->type < USER_TYPES))
		return say_usage("'%" PRIu64
				 "' is not a type: 0, or %d to %" PRIu32,
				 options->type, USER_TYPES, UINT32_MAX);
	if (region_size(options->words[0], &want->bytes))
		return EXIT_USAGE;
	if (options->mode && region_mode(options->mode, &want->mode))
		return EXIT_USAGE;
	if (options->mode && want->mode == 0)
		return say_usage("a region of mode 0 is of no use: "
				 "see 'fam chmod'");
	return EXIT_DONE;
}

int cmd_create(const struct options *options)
{
	struct fam_region_want want;
	struct fam *fam = NULL;
	int r, status = read_want(options, &want);

	if (status == EXIT_DONE)
		status = regions_change(options, &fam);
	if (status)
		return status;
	r = fam_region_create(fam, options->operand, &want, NULL);
	if (r < 0)
		status = say_region_failure(options, fam, "create",
					    options->operand, r);
	return end_change(options, fam, options->operand, status);
}

int cmd_mv(const struct options *options)
{
	const char *from = options->operand, *to = options->words[0];
	uint32_t flags = region_flags(options) |
			 (options->replace ? FAM_REGION_REPLACE : 0);
	unsigned int waited = 0;
	struct fam *fam = NULL;
	int r, status = regions_change(options, &fam);

	if (status)
		return status;
	do {
		r = fam_region_rename(fam, from, to, flags);
	} while (region_patiently(r, &waited));
	/* Of the two names, the one that it is about. */
	if (r == -EEXIST || r == -EBUSY)
		status = say_region_failure(options, fam, "replace", to, r);
	else if (r < 0)
		status = say_region_failure(options, fam, "rename", from, r);
	return end_change(options, fam, to, status);
}

/* --- rm ------------------------------------------------------------------------- */

static int destroy_patiently(struct fam *fam, const char *name, uint32_t flags)
{
	unsigned int waited = 0;
	int r;

	do {
		r = fam_region_destroy(fam, name, flags);
	} while (region_patiently(r, &waited));
	return r;
}

struct sweep {
	const struct options *options;
	struct fam *fam;
	uint64_t removed;
	int status;
};

static int sweep_one(const struct fam_region_info *info, void *arg)
{
	struct sweep *sweep = arg;
	int r = destroy_patiently(sweep->fam, info->name, FAM_REGION_NO_SYNC);

	/* Somebody else removes them, too. */
	if (r < 0 && r != -ENOENT)
		sweep->status = say_region_failure(sweep->options, sweep->fam,
						   "remove", info->name, r);
	sweep->removed += r == 0;
	/* What goes for one of them need not for the next one. */
	return r < 0 && r != -EBUSY && r != -EACCES && r != -ENOENT;
}

static int say_not_durable(const struct sweep *sweep, const char *name,
			   int error)
{
	/* They are gone, for all to see. */
	return say_region_failure(sweep->options, sweep->fam,
				  "make durable the removal of", name, error);
}

/* The one of this name, and all below it: durable together. */
static int remove_all(struct sweep *sweep, const char *name)
{
	char prefix[FAM_REGION_NAME_MAX + 1];
	size_t bytes = strlen(name);
	struct fam_region_info info;
	int r;

	if (bytes >= FAM_REGION_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(prefix, name, bytes + 1);
	if (bytes && prefix[bytes - 1] == '/')
		prefix[--bytes] = '\0';
	r = fam_region_find(sweep->fam, prefix, &info, sizeof(info));
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && !name[bytes])
		r = sweep_one(&info, sweep);
	memcpy(prefix + bytes, "/", 2);
	if (r <= 0)
		r = fam_region_each(sweep->fam, prefix, sweep_one, sweep);
	if (r < 0)
		return r;
	return sweep->removed || sweep->status ? 0 : -ENOENT;
}

static int tell_removed(const struct options *options, const char *name,
			uint64_t removed)
{
	if (!options->json)
		return EXIT_DONE;
	printf("{\"name\": ");
	json_text(stdout, name);
	printf(", \"removed\": %" PRIu64 "}", removed);
	return EXIT_DONE;
}

static int remove_below(const struct options *options, struct fam *fam,
			const char *name)
{
	struct sweep sweep = {.options = options, .fam = fam};
	int r = remove_all(&sweep, name);

	if (r < 0)
		return say_region_failure(options, fam, "remove", name, r);
	if (sweep.removed && !options->no_sync) {
		r = fam_region_sync(fam);
		if (r < 0)
			return say_not_durable(&sweep, name, r);
	}
	return sweep.status ? sweep.status
			    : tell_removed(options, name, sweep.removed);
}

static int remove_word(const struct options *options, struct fam *fam,
		       const char *name, const void *arg)
{
	int r;

	(void)arg;
	if (options->recursive)
		return remove_below(options, fam, name);
	r = destroy_patiently(fam, name, region_flags(options));
	if (r < 0)
		return say_region_failure(options, fam, "remove", name, r);
	return tell_removed(options, name, 1);
}

int cmd_rm(const struct options *options)
{
	struct fam *fam = NULL;
	int status = regions_change(options, &fam);

	if (status)
		return status;
	status = region_words(options, fam, options->words - 1, remove_word,
			      NULL);
	return peer_close(fam, status);
}

/* --- resize ---------------------------------------------------------------------- */

static int resize(const struct options *options, struct fam *fam,
		  uint64_t bytes)
{
	struct fam_region *region = NULL;
	unsigned int waited = 0;
	int r = fam_region_open(fam, options->operand, FAM_REGION_WRITE,
				&region);

	if (r < 0)
		return r;
	do {
		r = fam_region_resize(region, bytes, region_flags(options));
	} while (region_patiently(r, &waited));
	/* Its own opening is not the reason. */
	fam_region_close(region);
	return r;
}

int cmd_resize(const struct options *options)
{
	struct fam *fam = NULL;
	uint64_t bytes;
	int r, status = region_size(options->words[0], &bytes);

	if (status == EXIT_DONE)
		status = regions_change(options, &fam);
	if (status)
		return status;
	r = resize(options, fam, bytes);
	if (r < 0)
		status = say_region_failure(options, fam, "resize",
					    options->operand, r);
	return end_change(options, fam, options->operand, status);
}

/* --- rights --------------------------------------------------------------------- */

static int set_one(const struct options *options, struct fam *fam,
		   const char *name, const void *rights)
{
	int r = fam_region_set(fam, name, rights, region_flags(options));

	if (r < 0)
		return say_region_failure(options, fam, "change the rights of",
					  name, r);
	return region_tell(options, fam, name);
}

/* From the first word on; the names are in the others. */
static int set_all(const struct options *options,
		   const struct fam_region_rights *rights)
{
	struct fam *fam = NULL;
	int status = regions_change(options, &fam);

	if (status)
		return status;
	status = region_words(options, fam, options->words, set_one, rights);
	return peer_close(fam, status);
}

int cmd_chmod(const struct options *options)
{
	struct fam_region_rights rights = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

	if (region_mode(options->operand, &rights.mode))
		return EXIT_USAGE;
	return set_all(options, &rights);
}

/* "7", "7:8" or ":8"; UINT32_MAX means nobody. */
static int read_owner(const char *text, struct fam_region_rights *rights)
{
	char word[32];
	char *group;
	uint64_t uid = UINT32_MAX, gid = UINT32_MAX;

	snprintf(word, sizeof(word), "%s", text);
	group = strchr(word, ':');
	if (group)
		*group++ = '\0';
	if (strlen(text) >= sizeof(word) || (!group && !word[0]) ||
	    (word[0] && (parse_number(word, &uid) < 0 || uid >= UINT32_MAX)) ||
	    (group && (parse_number(group, &gid) < 0 || gid >= UINT32_MAX)))
		return say_usage("'%s' is not an owner: numbers, as USER, "
				 "USER:GROUP or :GROUP",
				 text);
	rights->uid = (uint32_t)uid;
	rights->gid = (uint32_t)gid;
	return EXIT_DONE;
}

int cmd_chown(const struct options *options)
{
	struct fam_region_rights rights = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

	if (read_owner(options->operand, &rights))
		return EXIT_USAGE;
	return set_all(options, &rights);
}
