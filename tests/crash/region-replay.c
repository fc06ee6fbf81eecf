// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Cuts the power of a recorded disk again and again, and looks each time what
 * regions are in it: all that was made, renamed or destroyed for certain is so,
 * what was under way has happened or has not, and all of them are whole.
 *
 * usage: fam-region-replay [OPTION...] DIR	of fam-disk
 * The options are those of moments.h.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam/check.h>
#include <fam/fam.h>
#include <fam/region.h>

#include "moments.h"
#include "region-line.h"

/* Of one name, as the tape tells. */
struct progress {
	uint64_t version, bytes; /* for certain */
	uint64_t next, next_bytes;
};

/* What moments.h is told, and what to say of it. */
struct story {
	struct progress progress[REGION_USERS][REGION_NAMES];
};

/* --- the tape ---------------------------------------------------------------------- */

static void hear(void *arg, const char *line)
{
	struct story *r = arg;
	char what[8];
	uint64_t user, name, version, bytes;
	struct progress *p;

	if (sscanf(line, "%7s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   what, &user, &name, &version, &bytes) != 5 ||
	    user >= REGION_USERS || name >= REGION_NAMES)
		errx(2, "a strange line: %s", line);
	p = &r->progress[user][name];
	p->next = version;
	p->next_bytes = bytes;
	if (strcmp(what, "did") == 0) {
		p->version = version;
		p->bytes = bytes;
	}
}

/* --- the regions ------------------------------------------------------------------- */

/* Is the region of this version, whole? */
static bool is_version(struct fam_region *region, uint64_t user, uint64_t name,
		       uint64_t version, uint64_t bytes)
{
	static uint64_t want[REGION_MAX / 8 + 1];
	struct fam_region_info info;
	void *memory;

	if (bytes == 0 || fam_region_stat(region, &info, sizeof(info)) < 0 ||
	    info.bytes != bytes || fam_region_map(region, 0, 0, &memory) < 0)
		return false;
	region_fill(want, bytes, user, name, version);
	return memcmp(memory, want, bytes) == 0;
}

/* What must be there and is not, or must not be there. */
static uint64_t judge(const struct story *r, uint64_t *acks, struct fam *fam,
		      uint64_t user, uint64_t name)
{
	const struct progress *p = &r->progress[user][name];
	struct fam_region *region;
	char text[REGION_TEXT];
	bool good;
	int ret = fam_region_open(fam, region_text(text, user, name),
				  FAM_REGION_READ, &region);

	*acks += p->bytes != 0;
	if (ret == -ENOENT) {
		good = p->bytes == 0 || p->next_bytes == 0;
	} else if (ret < 0) {
		good = false;
	} else {
		good = is_version(region, user, name, p->version, p->bytes) ||
		       is_version(region, user, name, p->next, p->next_bytes);
		fam_region_close(region);
	}
	if (!good)
		printf("wrong: '%s', version %" PRIu64 " of %" PRIu64
		       " bytes or %" PRIu64 " of %" PRIu64 ": %s\n",
		       text, p->version, p->bytes, p->next, p->next_bytes,
		       ret < 0 ? fam_strerror(ret) : "another one");
	return !good;
}

struct sum {
	uint64_t taken;
	uint32_t regions;
};

static int add(const struct fam_region_info *info, void *arg)
{
	struct sum *sum = arg;

	sum->taken += info->space;
	sum->regions++;
	return 0;
}

static int problem(const struct fam_check_problem *p, void *arg)
{
	(void)arg;
	if (p->level == FAM_CHECK_NOTE)
		return 0;
	printf("wrong: check: %s: %s\n", p->part, p->text);
	return 1;
}

/* All of it is accounted for, and of use from now on. */
static bool is_exact(struct fam *fam)
{
	const struct fam_region_want want = {.bytes = 4096};
	struct fam_check_summary summary;
	struct fam_region_space space;
	struct sum sum = {0};

	if (fam_region_create(fam, "next", &want, NULL) == 0 &&
	    fam_region_each(fam, NULL, add, &sum) == 0 &&
	    fam_region_space(fam, &space, sizeof(space)) == 0 &&
	    space.taken == sum.taken && space.regions == sum.regions &&
	    space.free == space.bytes - sum.taken &&
	    fam_check(fam, 0, problem, NULL, &summary) == 0)
		return true;
	printf("wrong: space is lost\n");
	return false;
}

static int check_regions(void *arg, struct fam *fam, uint64_t *acks,
			 uint64_t *wrong)
{
	struct story *r = arg;
	/* Recovery comes first. */
	int ret = fam_region_sync(fam);

	if (ret < 0)
		return ret;
	for (uint64_t user = 0; user < REGION_USERS; user++) {
		for (uint64_t name = 0; name < REGION_NAMES; name++)
			*wrong += judge(r, acks, fam, user, name);
	}
	*wrong += !is_exact(fam);
	return 0;
}

int main(int argc, char **argv)
{
	static struct story story;
	const struct moments_judge judge = {
		.program = "fam-region-replay",
		.hear = hear,
		.check = check_regions,
		.arg = &story,
	};

	return moments_main(argc, argv, &judge);
}
