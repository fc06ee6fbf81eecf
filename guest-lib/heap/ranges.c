// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Ranges of a transaction, of which none overlaps another: a tree ordered by where
 * they begin, and balanced by chance.
 */
#include <string.h>

#include "heap/fam-heap.h"
#include "internal.h"

static bool is_before(const struct fam_tx_range *a,
		      const struct fam_tx_range *b)
{
	return a->serial < b->serial ||
	       (a->serial == b->serial && a->off < b->off);
}

/* Whose is higher stands above: as good as random, and known by the number. */
static uint32_t rank(uint32_t i)
{
	i *= UINT32_C(0x9e3779b1);
	i ^= i >> 15;
	return i * UINT32_C(0x85ebca6b);
}

static bool overlaps(const struct fam_tx_range *a, const struct fam_tx_range *b)
{
	return a->serial == b->serial && a->off < b->off + b->bytes &&
	       b->off < a->off + a->bytes;
}

int fam_tx_range_find(const struct fam_tx_ranges *ranges,
		      const struct fam_tx_range *what,
		      struct fam_tx_range **out)
{
	struct fam_tx_range *before = NULL, *behind = NULL, *r;
	uint32_t i = ranges->root;

	while (i) {
		r = &ranges->range[i];
		if (is_before(what, r)) {
			behind = r;
			i = r->left;
		} else {
			before = r;
			i = r->right;
		}
	}
	if (before && overlaps(before, what)) {
		*out = before;
		return what->off + what->bytes <= before->off + before->bytes
			       ? 0
			       : -EEXIST;
	}
	return behind && overlaps(behind, what) ? -EEXIST : -ENOENT;
}

int fam_tx_range_room(struct fam_tx_ranges *ranges)
{
	uint32_t room = ranges->room ? ranges->room * 2 : 16;
	struct fam_tx_range *more;

	if (ranges->count + 1 < ranges->room)
		return 0;
	more = reallocarray(ranges->range, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	ranges->range = more;
	ranges->room = room;
	return 0;
}

void fam_tx_range_add(struct fam_tx_ranges *ranges,
		      const struct fam_tx_range *what)
{
	uint32_t number = ++ranges->count, i;
	struct fam_tx_range *r = ranges->range, *added = &r[number];
	uint32_t *link = &ranges->root, *left = &added->left,
		 *right = &added->right;

	*added = *what;
	while (*link && rank(*link) >= rank(number))
		link = is_before(what, &r[*link]) ? &r[*link].left
						  : &r[*link].right;
	/* What stood here is parted into those before it and those behind. */
	i = *link;
	*link = number;
	while (i) {
		if (is_before(&r[i], what)) {
			*left = i;
			left = &r[i].right;
			i = *left;
		} else {
			*right = i;
			right = &r[i].left;
			i = *right;
		}
	}
	*left = 0;
	*right = 0;
}
