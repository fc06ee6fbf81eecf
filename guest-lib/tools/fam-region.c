// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-region-tool.h"

/* What the commands of regions share: attaching, words, and what went wrong. */

int say_no_regions(const struct options *options)
{
	static const char hint[] =
		"famctl create-fabric leaves room for them, but with --raw or "
		"--regions 0; earlier releases did not";
	char fabric[FABRIC_TEXT], text[FABRIC_TEXT + 32];

	snprintf(text, sizeof(text), "%s has no regions",
		 fabric_text(options, fabric));
	return say(options, text, hint, EXIT_FAILED);
}

int regions_damaged(const struct options *options, bool begun)
{
	static const char hint[] =
		"on the host, 'famctl check-fabric' tells more; fabrics of a "
		"later release need that one's fam";
	char fabric[FABRIC_TEXT], text[FABRIC_TEXT + 64];

	snprintf(text, sizeof(text),
		 "the directory of regions of %s is damaged",
		 fabric_text(options, fabric));
	if (!begun || !options->json)
		return say(options, text, hint, EXIT_FAILED);
	say_text(text, hint);
	printf("], \"error\": ");
	json_error(stdout, text, hint, EXIT_FAILED);
	printf("}\n");
	return EXIT_FAILED;
}

/* Are there regions at all? Later, -EOPNOTSUPP is about the way to the disk. */
static int check_regions(const struct options *options, struct fam *fam)
{
	struct fam_region_info info;
	int r = fam_region_find(fam, "x", &info, sizeof(info));

	if (r == 0 || r == -ENOENT)
		return EXIT_DONE;
	fam_close(fam);
	if (r == -EOPNOTSUPP)
		return say_no_regions(options);
	if (r == -EBADMSG)
		return regions_damaged(options, false);
	return say_failure(options, "look at the regions of", r);
}

static int attach(const struct options *options, unsigned int flags,
		  struct fam **out)
{
	int r = fam_open(out, options->fabric, flags);

	if (r == -EMEDIUMTYPE)
		return say_no_regions(options);
	if (r < 0)
		return say_failure(options, "attach to", r);
	return check_regions(options, *out);
}

int regions_look(const struct options *options, struct fam **out)
{
	return attach(options, FAM_OPEN_RDONLY | FAM_OPEN_NO_SESSION, out);
}

int regions_change(const struct options *options, struct fam **out)
{
	int status = attach(options, 0, out);

	if (status == EXIT_DONE)
		peer_catch_signals();
	return status;
}

int regions_use(const struct options *options, struct fam **out)
{
	int r = fam_open(out, options->fabric, 0);

	if (r == 0 && fam_session_check(*out) == 0) {
		peer_catch_signals();
		return check_regions(options, *out);
	}
	if (r == 0)
		fam_close(*out);
	r = regions_look(options, out);
	if (r == EXIT_DONE)
		peer_catch_signals();
	return r;
}

uint32_t region_flags(const struct options *options)
{
	return (options->no_sync ? FAM_REGION_NO_SYNC : 0) |
	       (options->no_zero ? FAM_REGION_NO_ZERO : 0);
}

int region_mode(const char *text, uint32_t *out)
{
	uint32_t mode = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '7' && mode <= 0777; p++)
		mode = mode << 3 | (uint32_t)(*p - '0');
	if (p == text || *p || mode > 0777)
		return say_usage("'%s' is not a mode: octal digits, 0 to 777",
				 text);
	*out = mode;
	return EXIT_DONE;
}

int region_size(const char *text, uint64_t *out)
{
	if (parse_size(text, out) < 0)
		return say_usage("'%s' is not a size", text);
	return EXIT_DONE;
}

const char *mode_text(uint32_t mode, char out[MODE_TEXT])
{
	static const char letters[] = "rwxrwxrwx";

	for (int i = 0; i < 9; i++)
		out[i] = mode & 0400u >> i ? letters[i] : '-';
	out[9] = '\0';
	return out;
}

void region_json(const struct fam_region_info *info)
{
	printf("{\"name\": ");
	json_text(stdout, info->name);
	printf(", \"bytes\": %" PRIu64 ", \"space\": %" PRIu64
	       ", \"offset\": %" PRIu64 ", \"serial\": %" PRIu64
	       ", \"generation\": %" PRIu64 ", \"created_ns\": %" PRIu64
	       ", \"changed_ns\": %" PRIu64 ", \"uid\": %" PRIu32
	       ", \"gid\": %" PRIu32 ", \"mode\": \"%04" PRIo32
	       "\", \"type\": %" PRIu32,
	       info->bytes, info->space, info->offset, info->serial,
	       info->generation, info->created_ns, info->changed_ns, info->uid,
	       info->gid, info->mode, info->type);
	printf(", \"readers\": %" PRIu32 ", \"writers\": %" PRIu32
	       ", \"exclusive\": %s, \"node\": ",
	       info->readers, info->writers,
	       info->exclusive ? "true" : "false");
	json_text(stdout, info->node);
	putchar('}');
}

int region_tell(const struct options *options, struct fam *fam,
		const char *name)
{
	struct fam_region_info info = {0};

	/* Somebody may have removed it meanwhile: it was done nevertheless. */
	if (options->json &&
	    fam_region_find(fam, name, &info, sizeof(info)) == 0)
		region_json(&info);
	else if (options->json)
		printf("null");
	return EXIT_DONE;
}

int region_words(const struct options *options, struct fam *fam,
		 char *const *names, region_action *action, const void *arg)
{
	int status = EXIT_DONE;

	if (options->json)
		putchar('[');
	for (size_t i = 0; names[i] && !peer_stopped(); i++) {
		int one;

		if (options->json && i)
			printf(", ");
		one = action(options, fam, names[i], arg);
		status = status ? status : one;
	}
	if (options->json)
		printf("]\n");
	return status;
}
