// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Makes, replaces and destroys regions, durably, and says what is certain by
 * lines to the recorded disk; see region-line.h.
 *
 * usage: fam-region-user FABRIC MARKS P FIRST COUNT
 *	as program P, versions from FIRST on
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/region.h>

#include "marks.h"
#include "region-line.h"

struct user {
	struct fam *fam;
	int marks;
	uint64_t number, random;
	uint64_t there[REGION_NAMES]; /* bytes of it, or 0 */
};

static void say(const struct user *u, const char *what, uint64_t name,
		uint64_t version, uint64_t bytes)
{
	marks_say(u->marks,
		  "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", what,
		  u->number, name, version, bytes);
}

static void expect(int r, const char *what)
{
	if (r < 0)
		errx(1, "cannot %s: %s", what, fam_strerror(r));
}

/* What one that was killed has left under way. */
static void clear_up(const struct user *u, const char *name)
{
	int r;

	do {
		r = fam_region_destroy(u->fam, name, 0);
	} while (r == -EBUSY && usleep(10000) == 0);
	if (r != -ENOENT)
		expect(r, "destroy what was left");
}

static void make(struct user *u, uint64_t name, uint64_t version)
{
	const struct fam_region_want want = {
		.bytes = 8 + record_random(&u->random) % REGION_MAX / 8 * 8,
		.flags = FAM_REGION_WRITE |
			 (record_random(&u->random) % 2 ? FAM_REGION_NO_SYNC
							: 0),
	};
	char text[REGION_TEXT], fresh[REGION_TEXT];
	struct fam_region *region;
	void *memory;

	region_text(text, u->number, name);
	snprintf(fresh, sizeof(fresh), "%" PRIu64 "/new", u->number);
	clear_up(u, fresh);
	expect(fam_region_create(u->fam, fresh, &want, &region), "create");
	expect(fam_region_map(region, 0, 0, &memory), "map");
	region_fill(memory, want.bytes, u->number, name, version);
	expect(fam_persist(u->fam, memory, want.bytes), "persist");
	fam_region_close(region);
	say(u, "will", name, version, want.bytes);
	expect(fam_region_rename(u->fam, fresh, text, FAM_REGION_REPLACE),
	       "rename");
	say(u, "did", name, version, want.bytes);
	u->there[name] = want.bytes;
}

static void destroy(struct user *u, uint64_t name, uint64_t version)
{
	char text[REGION_TEXT];
	int r;

	region_text(text, u->number, name);
	say(u, "will", name, version, 0);
	r = fam_region_destroy(u->fam, text, 0);
	/* The one before may have done that, and died. */
	if (r != -ENOENT)
		expect(r, "destroy");
	say(u, "did", name, version, 0);
	u->there[name] = 0;
}

int main(int argc, char **argv)
{
	struct user u = {0};
	uint64_t first, count;

	if (argc != 6)
		errx(2, "usage: fam-region-user FABRIC MARKS P FIRST COUNT");
	expect(fam_open(&u.fam, argv[1], 0), "open the fabric");
	u.marks = marks_open(argv[2]);
	u.number = strtoull(argv[3], NULL, 10);
	first = strtoull(argv[4], NULL, 10);
	count = strtoull(argv[5], NULL, 10);
	u.random = u.number << 32 | first;
	for (uint64_t v = first; v < first + count; v++) {
		uint64_t name = record_random(&u.random) % REGION_NAMES;

		if (u.there[name] && record_random(&u.random) % 3 == 0)
			destroy(&u, name, v);
		else
			make(&u, name, v);
	}
	fam_close(u.fam);
	return 0;
}
