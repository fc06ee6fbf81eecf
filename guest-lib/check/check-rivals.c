// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Those that cannot be there together: one space, or one name. */
#include <stdlib.h>

#include "fam-check.h"

static int by_offset(const void *a, const void *b)
{
	const struct fam_check_piece *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int by_hash(const void *a, const void *b)
{
	const struct fam_check_piece *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Whoever changed last did so after the other one was gone. */
static void report(const struct fam_check_rivals *r,
		   const struct fam_check_piece *a,
		   const struct fam_check_piece *b, const char *what)
{
	const struct fam_check_piece *gone = a->age < b->age ? a : b;
	const struct fam_check_piece *stays = gone == a ? b : a;
	struct fam_check_problem *p = fam_check_found(
		r->c, r->level, r->at + r->step * gone->index, r->step);

	snprintf(p->part, sizeof(p->part), "%s %u, %s", r->kind, gone->index,
		 what);
	snprintf(p->text, sizeof(p->text), "%s %u has the same, and is later",
		 r->kind, stays->index);
}

static uint64_t end_of(const struct fam_check_piece *p)
{
	return p->offset + p->bytes;
}

static void find_overlaps(const struct fam_check_rivals *r)
{
	const struct fam_check_piece *last = NULL;

	qsort(r->piece, r->count, sizeof(*r->piece), by_offset);
	for (size_t i = 0; i < r->count; i++) {
		const struct fam_check_piece *p = &r->piece[i];

		if (!p->bytes)
			continue;
		if (last && p->offset < end_of(last))
			report(r, last, p, "space");
		if (!last || end_of(p) > end_of(last))
			last = p;
	}
}

static void find_namesakes(const struct fam_check_rivals *r)
{
	qsort(r->piece, r->count, sizeof(*r->piece), by_hash);
	for (size_t i = 1; i < r->count; i++) {
		const struct fam_check_piece *a = &r->piece[i - 1],
					     *b = &r->piece[i];

		if (a->hash && a->hash == b->hash &&
		    r->same_name(r, a->index, b->index))
			report(r, a, b, "name");
	}
}

void fam_check_rivals(const struct fam_check_rivals *r)
{
	if (r->count < 2)
		return;
	find_overlaps(r);
	find_namesakes(r);
}
