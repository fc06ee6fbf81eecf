// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Which bytes what came later has touched.
 *
 * Pieces that overlap as they please are cut, once all are known, into such that do
 * not, each with the highest number of those that had it.
 */
#include <string.h>

#include "heap/fam-heap.h"
#include "internal.h"

int fam_later_add(struct fam_later *later, uint64_t off, uint64_t bytes,
		  uint64_t number)
{
	size_t room = later->room ? later->room * 2 : 64;
	struct fam_later_piece *more;

	if (later->count == later->room) {
		more = reallocarray(later->piece, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		later->piece = more;
		later->room = room;
	}
	if (bytes)
		later->piece[later->count++] =
			(struct fam_later_piece){off, off + bytes, number};
	return 0;
}

void fam_later_free(struct fam_later *later)
{
	free(later->piece);
	*later = (struct fam_later){0};
}

/* --- cutting ------------------------------------------------------------------------ */

static int by_start(const void *a, const void *b)
{
	const struct fam_later_piece *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

/* Those that have begun and not been passed yet; the highest number first. */
struct heap {
	struct fam_later_piece *piece;
	size_t count;
};

static void heap_put(struct heap *h, struct fam_later_piece p)
{
	size_t i = h->count++;

	for (; i && h->piece[(i - 1) / 2].number < p.number; i = (i - 1) / 2)
		h->piece[i] = h->piece[(i - 1) / 2];
	h->piece[i] = p;
}

static void heap_drop(struct heap *h)
{
	struct fam_later_piece p = h->piece[--h->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < h->count) {
		if (child + 1 < h->count &&
		    h->piece[child + 1].number > h->piece[child].number)
			child++;
		if (h->piece[child].number <= p.number)
			break;
		h->piece[i] = h->piece[child];
		i = child;
	}
	h->piece[i] = p;
}

struct cutting {
	const struct fam_later_piece *in;
	size_t left; /* of @in */
	struct heap open;
	struct fam_later_piece *out;
	size_t count;
};

static void put_out(struct cutting *c, uint64_t off, uint64_t end,
		    uint64_t number)
{
	struct fam_later_piece *last = c->count ? &c->out[c->count - 1] : NULL;

	if (last && last->end == off && last->number == number)
		last->end = end;
	else
		c->out[c->count++] = (struct fam_later_piece){off, end, number};
}

/* From @at on, up to where something begins or ends. Return: there */
static uint64_t cut_one(struct cutting *c, uint64_t at)
{
	uint64_t end;

	for (; c->left && c->in->off <= at; c->in++, c->left--)
		heap_put(&c->open, *c->in);
	while (c->open.count && c->open.piece[0].end <= at)
		heap_drop(&c->open);
	if (!c->open.count)
		return c->left ? c->in->off : UINT64_MAX;
	end = c->open.piece[0].end;
	if (c->left && c->in->off < end)
		end = c->in->off;
	put_out(c, at, end, c->open.piece[0].number);
	return end;
}

int fam_later_sort(struct fam_later *later)
{
	struct cutting c = {.in = later->piece, .left = later->count};
	uint64_t at = 0;

	later->sorted = true;
	if (!later->count)
		return 0;
	/* Each one begins, and each one ends, at most one piece. */
	c.out = calloc(2 * later->count, sizeof(*c.out));
	c.open.piece = calloc(later->count, sizeof(*c.open.piece));
	if (!c.out || !c.open.piece) {
		free(c.out);
		free(c.open.piece);
		return -ENOMEM;
	}
	qsort(later->piece, later->count, sizeof(*later->piece), by_start);
	while (at != UINT64_MAX)
		at = cut_one(&c, at);
	free(c.open.piece);
	free(later->piece);
	later->piece = c.out;
	later->room = 2 * later->count;
	later->count = c.count;
	return 0;
}

/* --- asking -------------------------------------------------------------------------- */

/* The first piece that ends behind @off. */
static size_t find(const struct fam_later *later, uint64_t off)
{
	size_t low = 0, high = later->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (later->piece[middle].end <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t fam_later_next(const struct fam_later *later, uint64_t off,
			uint64_t *end, uint64_t number)
{
	for (size_t i = find(later, off); i < later->count && off < *end; i++) {
		const struct fam_later_piece *p = &later->piece[i];

		if (p->number <= number)
			continue;
		if (p->off > off) {
			*end = p->off < *end ? p->off : *end;
			break;
		}
		off = p->end;
	}
	return off < *end ? off : *end;
}
