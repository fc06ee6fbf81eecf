// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A heap in the eyes of cuts, and mistakes that must be found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/fam-heap.h"

#include "story.h"

#define RECENT 16 /* events */

/* Sectors on the tape: the same in each story. */
static struct {
	uint32_t header, journal, lane, kind, chunk, end;
} place;
static bool no_order;

void journals_at(const struct fam_heap *heap, const struct tape *tape)
{
	uint32_t first =
		(uint32_t)((heap->offset - tape->offset) / TAPE_SECTOR);

	place.header = first;
	place.journal = first + (uint32_t)(heap->at.journal / TAPE_SECTOR);
	place.lane = first + (uint32_t)(heap->at.lane / TAPE_SECTOR);
	place.kind = first + (uint32_t)(heap->at.kind / TAPE_SECTOR);
	place.chunk = first + (uint32_t)(heap->at.chunk / TAPE_SECTOR);
	place.end = first + (uint32_t)(heap->at.end / TAPE_SECTOR);
}

static bool is_journal(uint32_t s)
{
	return s >= place.journal && s < place.lane;
}

/* Hints and holders: whatever is there, it is made anew. */
static bool matters(const struct cut *c, uint32_t s)
{
	(void)c;
	return s < place.lane || s >= place.kind;
}

static bool counts(const struct cut *c, uint32_t s)
{
	return matters(c, s) &&
	       (is_journal(s) || c->event - c->last[s] <= RECENT);
}

static bool forgets(const struct cut *c, const struct tape_event *e)
{
	switch (c->mistake) {
	case HEAPS_NO_RECORD:
		return is_journal(e->first);
	case HEAPS_NO_PLACES:
		return e->first < place.chunk &&
		       e->first + e->count >= place.end;
	case HEAPS_NO_FRESH:
		return e->first >= place.chunk && e->first < place.end;
	default:
		return false;
	}
}

static const char *part_of(uint32_t s)
{
	if (s < place.header || s >= place.end)
		return "elsewhere";
	if (s < place.journal)
		return "header, slots, state";
	if (s < place.lane)
		return "journal";
	if (s < place.kind)
		return "hint, holder";
	return s < place.chunk ? "kind, bits" : "chunk";
}

static void print(const struct cut *c, uint32_t s)
{
	if (c->low[s] != c->high[s])
		printf("#   sector %#" PRIx64 ", %s: version %u of [%u, %u]\n",
		       (uint64_t)(s - place.header) * TAPE_SECTOR, part_of(s),
		       c->chosen[s], c->low[s], c->high[s]);
}

const struct cut_kind journals_kind = {
	.counts = counts,
	.matters = matters,
	.forgets = forgets,
	.print = print,
};

/* --- mistakes while a story is told ------------------------------------------------------- */

static const struct fam_heap *looker;

static uint64_t hide(const void *word, uint64_t value)
{
	for (uint32_t i = 0; looker && i < looker->at.journals; i++) {
		if (word == &fam_heap_slot(looker, i)->inflight)
			return 0;
	}
	return value;
}

void journals_forget_inflight(const struct fam_heap *heap)
{
	looker = heap;
	tape_lie(heap ? hide : NULL);
}

void journals_forget_order(bool forget)
{
	no_order = forget;
}

void __real_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *, const void *));
void __wrap_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *, const void *));

/* What a restart sorts is its records. */
void __wrap_qsort(void *base, size_t count, size_t size,
		  int (*compare)(const void *, const void *))
{
	if (!no_order)
		__real_qsort(base, count, size, compare);
}
