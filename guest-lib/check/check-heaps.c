// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Regions that are heaps: the copies of their headers, what goes on, the state. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check-heaps.h"
#include "regions/opening.h"

#define NAME_TOLD 28 /* bytes; in a longer one's place its entry is told */

struct fam_check_problem *fam_check_heap_found(struct fam_check_heap *h,
					       enum fam_check_level level,
					       uint64_t at, uint64_t bytes)
{
	struct fam_check_problem *p =
		fam_check_found(h->c, level, h->entry.offset + at, bytes);

	if (strlen(h->entry.name) <= NAME_TOLD)
		snprintf(p->part, sizeof(p->part), "heap '%.28s'",
			 h->entry.name);
	else
		snprintf(p->part, sizeof(p->part), "heap in region entry %u",
			 h->index);
	return p;
}

void fam_check_part(struct fam_check_problem *p, const char *format, ...)
{
	size_t used = strlen(p->part);
	va_list args;

	snprintf(p->part + used, sizeof(p->part) - used, ", ");
	used = strlen(p->part);
	va_start(args, format);
	vsnprintf(p->part + used, sizeof(p->part) - used, format, args);
	va_end(args);
}

static void tell(struct fam_check_heap *h, enum fam_check_level level,
		 const struct fam_range *place, const char *part,
		 const char *text)
{
	struct fam_check_problem *p =
		fam_check_heap_found(h, level, place->offset, place->length);

	fam_check_part(p, "%s", part);
	snprintf(p->text, sizeof(p->text), "%s", text);
}

/* --- which there are -------------------------------------------------------------- */

bool fam_check_heaps_next(struct fam_checker *c, uint32_t index,
			  struct fam_check_heap *out)
{
	const struct fam_regions *r = c->fam->regions;
	struct fam_regions_walk walk = {.next = index};
	uint32_t i;

	while ((i = fam_regions_next(c->fam, r, &walk)) < r->places.entries) {
		*out = (struct fam_check_heap){.c = c, .index = i};
		if (fam_regions_load(c->fam, r, i, &out->entry) == 0 &&
		    out->entry.type == FAM_REGION_HEAP)
			return true;
	}
	return false;
}

int fam_check_heap_map(struct fam_check_heap *h, uint64_t bytes)
{
	void *memory;
	int r = fam_map_area(h->c->fam, h->entry.offset, bytes, &memory);

	if (r < 0)
		return r;
	h->view.fam = h->c->fam;
	h->view.sessions = (struct fam_sessions *)h->c->table;
	h->view.base = memory;
	h->view.offset = h->entry.offset;
	h->view.serial = h->entry.serial;
	return 0;
}

void fam_check_heap_unmap(struct fam_check_heap *h)
{
	fam_unmap(h->c->fam, h->view.base);
	h->view.base = NULL;
}

/* --- the header ---------------------------------------------------------------------- */

bool fam_check_heap_is_empty(const struct fam_check_heap *h, unsigned int copy)
{
	static const struct fam_heap_header empty;

	return memcmp(h->view.base + copy * FAM_HEAP_PAGE, &empty,
		      sizeof(empty)) == 0;
}

static void tell_copy(struct fam_check_heap *h, enum fam_check_level level,
		      unsigned int copy, const char *text)
{
	const struct fam_range place = {copy * FAM_HEAP_PAGE,
					sizeof(struct fam_heap_header)};

	tell(h, level, &place, copy ? "header, copy 1" : "header, copy 0",
	     text);
}

/* Why it cannot be opened, nor looked at. */
static void tell_unopened(struct fam_check_heap *h, int why)
{
	uint64_t stamp = fam_word_get(
		&((struct fam_heap_live *)(h->view.base + 2 * FAM_HEAP_PAGE))
			 ->stamp);

	if (why == -EMEDIUMTYPE)
		tell_copy(h, FAM_CHECK_NOTE, 0,
			  "it is the copy of a heap, and none itself");
	else if (why == -EPROTONOSUPPORT)
		tell_copy(h, FAM_CHECK_NOTE, 0, "it is of a later release");
	else if (why != -ENODATA)
		tell_copy(h, FAM_CHECK_LOSS, 0,
			  "no copy is whole: the heap cannot be opened");
	else if (stamp)
		tell_copy(h, FAM_CHECK_LOSS, 0,
			  "no copy is there, though it was in use: whoever "
			  "opens it makes it anew");
}

static void check_copies(struct fam_check_heap *h, unsigned int damaged)
{
	bool differ = memcmp(h->view.base, h->view.base + FAM_HEAP_PAGE,
			     sizeof(struct fam_heap_header)) != 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (damaged & 1u << i)
			tell_copy(h, FAM_CHECK_DAMAGE, i,
				  "it is damaged; the other one serves");
		else if (fam_check_heap_is_empty(h, i))
			tell_copy(h, FAM_CHECK_NOTE, i,
				  "it was not written when the heap was made");
		else if (i == 1 && !damaged && differ &&
			 !fam_check_heap_is_empty(h, 0))
			tell_copy(h, FAM_CHECK_DAMAGE, i,
				  "it differs from the other one, which "
				  "serves");
	}
}

/* Return: 1: it can be looked at */
static int check_header(struct fam_check_heap *h)
{
	struct fam_heap_header header;
	unsigned int damaged = 0;
	int r = fam_check_heap_map(h, FAM_CHECK_HEAP_HEAD);

	if (r < 0)
		return r;
	r = fam_heap_header(h->c->fam, h->view.base, h->entry.bytes,
			    h->entry.serial, &header, &damaged);
	if (r == 0 && (header.bytes > h->entry.bytes ||
		       !fam_heap_places(header.bytes, header.journals,
					header.journal_bytes, &h->view.at)))
		r = -EBADMSG;
	if (r < 0)
		tell_unopened(h, r);
	else
		check_copies(h, damaged);
	fam_check_heap_unmap(h);
	h->view.bytes = header.bytes;
	return r == 0;
}

/* --- the state ---------------------------------------------------------------------- */

static struct fam_range place_of(const struct fam_check_heap *h,
				 const fam_word *word)
{
	return (struct fam_range){(uint64_t)((const char *)word - h->view.base),
				  sizeof(*word)};
}

/* After a start of the host there is nothing else to hold it against. */
static void check_last_point(struct fam_check_heap *h)
{
	const struct fam_range place =
		place_of(h, &fam_heap_state(&h->view)->checkpoint);

	if (h->checkpoint > h->highest &&
	    h->checkpoint - h->highest > FAM_CHECK_STAMPS_AHEAD)
		tell(h, FAM_CHECK_LOSS, &place, "checkpoint",
		     "it is far ahead of all that was done: what was done last "
		     "may be missing");
}

static void check_points(struct fam_check_heap *h)
{
	const struct fam_heap_live *live = fam_heap_live(&h->view);
	uint64_t stamp = fam_word_get(&live->stamp);
	const struct fam_range at_point =
		place_of(h, &fam_heap_state(&h->view)->checkpoint);
	const struct fam_range at_stamp = place_of(h, &live->stamp);
	const struct fam_range at_durable = place_of(h, &live->checkpointed);

	if (stamp < h->highest || stamp - h->highest > FAM_CHECK_STAMPS_AHEAD)
		tell(h, FAM_CHECK_DAMAGE, &at_stamp, "stamp",
		     "it does not fit the records, which tell what it should "
		     "be");
	else if (h->checkpoint > stamp)
		tell(h, FAM_CHECK_DAMAGE, &at_point, "checkpoint",
		     "it is ahead of the last transaction");
	else if (h->durable > h->checkpoint)
		tell(h, FAM_CHECK_DAMAGE, &at_durable, "checkpoint",
		     "the one on the disk is ahead of it");
	else if (h->durable < h->checkpoint)
		tell(h, FAM_CHECK_NOTE, &at_point, "checkpoint",
		     "it is not known to be on the disk");
}

static void check_root(struct fam_check_heap *h)
{
	const struct fam_heap_state *state = fam_heap_state(&h->view);
	const struct fam_range place = {place_of(h, &state->root).offset, 16};
	uint64_t root = fam_word_get(&state->root);
	uint64_t bytes = fam_word_get(&state->root_bytes);
	struct fam_block block;

	if (!root && !bytes)
		return;
	if (!root || fam_block_find(&h->view, root, &block) < 0)
		tell(h, fam_check_heap_level(h, FAM_CHECK_LOSS), &place,
		     "root object", "it is not there");
	else if (!bytes || bytes > block.bytes)
		tell(h, fam_check_heap_level(h, FAM_CHECK_DAMAGE), &place,
		     "root object",
		     "it is said to be longer than what is allocated");
}

static void check_holders(struct fam_check_heap *h)
{
	const struct fam_heap *heap = &h->view;
	const struct fam_range place = {heap->at.holder, heap->at.count * 8};

	for (uint64_t i = fam_check_chunk_next(heap, 0); i < heap->at.count;
	     i = fam_check_chunk_next(heap, i + 1)) {
		uint64_t holder = fam_word_get(fam_heap_holder(heap, i));

		if (holder && !fam_check_lives(h->c, holder)) {
			tell(h, FAM_CHECK_NOTE, &place, "chunks",
			     "some are held by sessions that have died: "
			     "whoever needs them takes them");
			return;
		}
	}
}

static void tell_due(struct fam_check_heap *h)
{
	const struct fam_range place = {h->view.at.journal,
					h->view.at.journals *
						h->view.at.journal_bytes};

	tell(h, FAM_CHECK_NOTE, &place, "journals",
	     "transactions of before the last start of the host are to be "
	     "finished by whoever opens it");
}

static int check_inside(struct fam_check_heap *h)
{
	const struct fam_heap_live *live = fam_heap_live(&h->view);
	int r;

	h->due = fam_check_is_due(h->c, fam_word_get(&live->boot), &live->lock);
	/* what others raise later is read later: checkpoint.c raises it last */
	h->durable = fam_word_get(&live->checkpointed);
	h->checkpoint = fam_word_get(&fam_heap_state(&h->view)->checkpoint);
	r = fam_check_heap_journals(h);
	if (r < 0)
		return r;
	if (h->due) {
		check_last_point(h);
		if (h->pending)
			tell_due(h);
	} else {
		check_points(h);
		check_holders(h);
	}
	fam_check_heap_chunks(h);
	check_root(h);
	return 0;
}

static int check_heap(struct fam_check_heap *h)
{
	int r;

	if (h->entry.bytes < FAM_HEAP_MIN)
		return 0; /* that none can be made in */
	r = check_header(h);
	if (r <= 0)
		return r;
	r = fam_check_heap_map(h, h->view.at.chunk);
	if (r < 0)
		return r;
	r = check_inside(h);
	fam_check_heap_unmap(h);
	h->c->sum.heaps++;
	h->c->sum.heap_objects += h->objects;
	return r;
}

int fam_check_heaps(struct fam_checker *c)
{
	struct fam_check_heap h = {.c = c};
	struct fam_regions *regions;
	uint32_t index = 0;
	int r = fam_regions_map(c->fam, &regions);

	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	for (; r == 0 && fam_check_heaps_next(c, index, &h);
	     index = h.index + 1)
		r = check_heap(&h);
	return r;
}

int fam_repair_heaps(struct fam_checker *c)
{
	struct fam_check_heap h = {.c = c};
	struct fam_regions *regions;
	uint32_t index = 0;
	int first = fam_regions_map(c->fam, &regions);

	if (first < 0)
		return first == -EOPNOTSUPP ? 0 : first;
	for (; fam_check_heaps_next(c, index, &h); index = h.index + 1) {
		int r = 0;

		if (h.entry.bytes >= FAM_HEAP_MIN &&
		    fam_repair_is_due(c, h.entry.offset, h.entry.bytes))
			r = fam_repair_heap(&h);
		/* What others keep for themselves stays as it was told. */
		if (first == 0 && r != -EBUSY && r != -EACCES)
			first = r;
	}
	return first;
}
