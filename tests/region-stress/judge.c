// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * When all have ended: the check finds no damage, before and after it has taken
 * away what the dead left; no two regions overlap; what is taken and what is free
 * are the whole data; each region holds what it should.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam/check.h>

#include "stress.h"

struct found {
	struct fam_region_info *info;
	size_t count, room;
};

struct told {
	const struct want *want;
	unsigned int notes, bad;
	bool repairs;
};

static int tell(const struct fam_check_problem *p, void *arg)
{
	struct told *t = arg;

	if (p->level == FAM_CHECK_NOTE) {
		t->notes++;
		return 0;
	}
	t->bad += !t->repairs || !p->repaired;
	if (!t->want->hostile || (t->repairs && !p->repaired))
		fprintf(stderr, "# %s: %s%s\n", p->part, p->text,
			p->repaired ? " (repaired)" : "");
	return 0;
}

static void check(struct fam *fam, const struct want *want, unsigned int flags,
		  struct fam_check_summary *sum)
{
	struct told t = {want, 0, 0, flags & FAM_CHECK_REPAIR};
	int r = fam_check(fam, flags, tell, &t, sum);

	if (r < 0)
		fail("check: %s", fam_strerror(r));
	if (t.bad && !(want->hostile && !flags))
		fail("check: %u problems", t.bad);
}

static int add(const struct fam_region_info *info, void *arg)
{
	struct found *f = arg;

	if (f->count == f->room) {
		f->room = f->room ? f->room * 2 : 1024;
		f->info = reallocarray(f->info, f->room, sizeof(*f->info));
		if (!f->info)
			abort();
	}
	f->info[f->count++] = *info;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct fam_region_info *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What all regions take; they do not overlap. */
static uint64_t sum_up(struct found *f)
{
	uint64_t taken = 0;

	if (f->count)
		qsort(f->info, f->count, sizeof(*f->info), by_offset);
	for (size_t i = 0; i < f->count; i++) {
		const struct fam_region_info *a = &f->info[i];

		taken += a->space;
		if (a->bytes > a->space)
			fail("'%s' is larger than its space", a->name);
		if (i + 1 < f->count && a->offset + a->space > a[1].offset)
			fail("'%s' and '%s' overlap", a->name, a[1].name);
	}
	return taken;
}

static void look_into(struct fam *fam, const struct fam_region_info *info)
{
	struct fam_region *region = NULL;
	uint64_t random = info->serial | 1, at;
	void *map = NULL;
	int r = fam_region_open(fam, info->name, FAM_REGION_READ, &region);

	if (r == 0 && info->bytes)
		r = fam_region_map(region, 0, 0, &map);
	if (r < 0)
		fail("'%s' cannot be read: %s", info->name, fam_strerror(r));
	if (info->bytes) {
		at = pattern_bad(map, info->bytes, info->serial, &random);
		if (at != UINT64_MAX)
			fail("'%s', serial %" PRIu64 ": byte %" PRIu64
			     " is of something else",
			     info->name, info->serial, at);
	}
	fam_region_close(region);
}

static void compare(struct fam *fam, struct found *f,
		    const struct fam_check_summary *sum)
{
	uint64_t taken = sum_up(f);
	struct fam_region_space space;
	int r = fam_region_space(fam, &space, sizeof(space));

	if (r < 0)
		fail("space: %s", fam_strerror(r));
	if (space.taken + space.free != space.bytes ||
	    sum->taken + sum->free != space.bytes)
		fail("taken and free are not all: %" PRIu64 " + %" PRIu64
		     ", %" PRIu64 " + %" PRIu64 " of %" PRIu64,
		     space.taken, space.free, sum->taken, sum->free,
		     space.bytes);
	if (space.taken != taken || sum->taken != taken)
		fail("regions take %" PRIu64 " bytes; %" PRIu64 " and %" PRIu64
		     " are told",
		     taken, space.taken, sum->taken);
	if (space.regions != f->count || sum->regions != f->count)
		fail("%zu regions; %u and %" PRIu64 " are told", f->count,
		     space.regions, sum->regions);
	printf("# %zu regions in %" PRIu64 " bytes, %" PRIu64
	       " free in %" PRIu64 " pieces\n",
	       f->count, taken, space.free, space.pieces);
}

int judge_run(const struct want *want)
{
	struct fam_check_summary sum;
	struct found f = {0};
	struct fam *fam;
	int r = fam_open(&fam, want->fabric, 0);

	if (r < 0)
		fail("open '%s': %s", want->fabric, fam_strerror(r));
	check(fam, want, 0, &sum);
	printf("# before repair: %" PRIu64 " notes, %" PRIu64
	       " damages, %" PRIu64 " losses\n",
	       sum.notes, sum.damages, sum.losses);
	check(fam, want, FAM_CHECK_REPAIR, &sum);
	check(fam, &(struct want){.fabric = want->fabric}, 0, &sum);
	r = fam_region_each(fam, NULL, add, &f);
	if (r < 0)
		fail("list: %s", fam_strerror(r));
	compare(fam, &f, &sum);
	for (size_t i = 0; i < f.count && !want->hostile; i++)
		look_into(fam, &f.info[i]);
	free(f.info);
	fam_close(fam);
	return 0;
}
