// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tape.h"

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* --- time --------------------------------------------------------------------------- */

static uint32_t place_of(const struct cut *c, uint32_t s)
{
	return c->kind->place ? c->kind->place(c, s) : s;
}

static void stored(struct cut *c, uint32_t s)
{
	s = place_of(c, s);
	if (c->low[s] == c->high[s])
		c->loose[c->looses++] = s;
	c->last[s] = c->event;
	c->high[s]++;
}

static void made_durable(struct cut *c, const struct tape_event *e)
{
	uint64_t posted = c->mistake == TAPE_LATE_PERSIST ? e->at : e->posted;

	if (c->mistake == TAPE_NO_PERSIST ||
	    (c->kind->forgets && c->kind->forgets(c, e)))
		return;
	for (uint32_t i = 0; i < e->count; i++) {
		uint32_t s = place_of(c, e->first + i);
		const struct tape_version *v = c->sector[s].version;

		while (c->low[s] < c->high[s] && v[c->low[s] + 1].at <= posted)
			c->low[s]++;
	}
}

/* A mistake: what was to be durable is so at the end of the operation only. */
static void end_operation(struct cut *c)
{
	for (unsigned int i = 0; i < c->delayed; i++)
		made_durable(c, &c->delay[i]);
	c->delayed = 0;
}

static void happen(struct cut *c, const struct tape_event *e)
{
	if (e->posted && c->mistake == TAPE_LATE_PERSIST &&
	    c->delayed < sizeof(c->delay) / sizeof(c->delay[0])) {
		c->delay[c->delayed] = *e;
		c->delay[c->delayed++].at = UINT64_MAX;
	} else if (e->posted) {
		made_durable(c, e);
	} else if (e->count) {
		stored(c, e->first);
	} else {
		end_operation(c);
	}
}

/* --- which ways there are --------------------------------------------------------------- */

/* Versions that differ in more than where they are torn. */
static void find_choices(struct cut *c, struct cut_choice *choice)
{
	uint32_t s = choice->sector, low = c->low[s], high = c->high[s];
	unsigned int n = 0;

	choice->version[n++] = low;
	choice->version[n++] = high;
	if (high - low > 1)
		choice->version[n++] = low + (high - low) / 2;
	for (uint32_t v = high - 1; v > low && n < CUT_CHOICES; v--) {
		if (!c->kind->is_whole ||
		    c->kind->is_whole(c, s, c->sector[s].version[v].bytes))
			choice->version[n++] = v;
	}
	choice->count = n;
}

static void find_ways(struct cut *c)
{
	uint32_t kept = 0;

	c->choices = 0;
	c->ways = 1;
	for (uint32_t i = 0; i < c->looses; i++) {
		uint32_t s = c->loose[i];

		if (c->low[s] == c->high[s])
			continue;
		c->loose[kept++] = s;
		if (c->choices == CUT_OPEN ||
		    (c->kind->counts && !c->kind->counts(c, s)))
			continue;
		c->choice[c->choices].sector = s;
		find_choices(c, &c->choice[c->choices]);
		if (c->ways < UINT32_MAX)
			c->ways *= c->choice[c->choices].count;
		c->choices++;
	}
	c->looses = kept;
}

void cut_at(struct cut *c, uint64_t at)
{
	const struct tape *t = c->tape;

	while (c->event < t->events && t->event[c->event].at <= at)
		happen(c, &t->event[c->event++]);
	find_ways(c);
}

/* --- what is left -------------------------------------------------------------------------- */

static uint8_t *at_sector(struct cut *c, uint32_t s)
{
	return c->image + (size_t)s * TAPE_SECTOR;
}

static void take(struct cut *c, uint32_t s, uint32_t version)
{
	c->chosen[s] = version;
	if (c->shown[s] == version)
		return;
	c->shown[s] = version;
	memcpy(at_sector(c, s), c->sector[s].version[version].bytes,
	       TAPE_SECTOR);
}

/* One of them, most often the first or the last. */
static uint32_t any_version(struct cut *c, uint32_t s)
{
	uint64_t random = tape_random(&c->random);
	uint32_t low = c->low[s], high = c->high[s];

	switch (random % 3) {
	case 0:
		return low;
	case 1:
		return high;
	default:
		return low + (uint32_t)((random >> 8) % (high - low + 1));
	}
}

static void take_lowest(struct cut *c)
{
	for (uint32_t s = 0; s < c->tape->sectors; s++) {
		if (c->sector[s].count > 1)
			take(c, s, c->low[s]);
	}
}

static void take_any(struct cut *c)
{
	uint64_t how = tape_random(&c->random) % 4;

	take_lowest(c);
	for (uint32_t i = 0; i < c->looses; i++) {
		uint32_t s = c->loose[i];

		if (how == 0)
			take(c, s, c->high[s]);
		else if (how > 1)
			take(c, s, any_version(c, s));
	}
}

void cut_image(struct cut *c, uint64_t way)
{
	take_any(c);
	for (unsigned int i = 0; i < c->choices; i++) {
		struct cut_choice *choice = &c->choice[i];

		take(c, choice->sector, choice->version[way % choice->count]);
		way /= choice->count;
	}
}

/* Words are on the disk which were stored behind others that are not. */
static void tear(struct cut *c, uint32_t s)
{
	const struct tape_version *v = c->sector[s].version;
	uint32_t from = any_version(c, s), to = any_version(c, s);
	uint8_t *sector = at_sector(c, s);

	take(c, s, from);
	c->shown[s] = UINT32_MAX;
	for (unsigned int word = 0; word < TAPE_SECTOR / 8; word++) {
		if (tape_random(&c->random) % 2)
			memcpy(sector + word * 8, v[to].bytes + word * 8, 8);
	}
}

void cut_torn(struct cut *c)
{
	take_lowest(c);
	for (uint32_t i = 0; i < c->looses; i++) {
		uint32_t s = c->loose[i];

		if (tape_random(&c->random) % 4)
			take(c, s, any_version(c, s));
		else
			tear(c, s);
	}
}

uint64_t cut_hash(const struct cut *c)
{
	const struct tape *t = c->tape;
	uint64_t hash = 1;

	for (uint32_t s = 0; s < t->sectors; s++) {
		if (c->sector[s].count > 1 &&
		    (!c->kind->matters || c->kind->matters(c, s)))
			hash = (hash ^ s ^ (uint64_t)c->chosen[s] << 32) *
			       UINT64_C(0x9e3779b97f4a7c15);
	}
	return hash;
}

void cut_print(const struct cut *c)
{
	const struct tape *t = c->tape;

	for (uint32_t s = 0; s < t->sectors; s++) {
		if (c->sector[s].count > 1 && c->kind->print)
			c->kind->print(c, s);
	}
}

/* --- from begin to end --------------------------------------------------------------------- */

void cut_begin(struct cut *c, const struct tape *t, const struct cut_kind *kind,
	       int mistake, uint64_t seed)
{
	size_t bytes = t->data_bytes + t->area_bytes;

	*c = (struct cut){
		.tape = t, .kind = kind, .mistake = mistake, .random = seed};
	memcpy(c->uuid, t->uuid, sizeof(c->uuid));
	c->low = must(calloc(t->sectors, sizeof(*c->low)));
	c->high = must(calloc(t->sectors, sizeof(*c->high)));
	c->last = must(calloc(t->sectors, sizeof(*c->last)));
	c->chosen = must(calloc(t->sectors, sizeof(*c->chosen)));
	c->shown = must(calloc(t->sectors, sizeof(*c->shown)));
	c->loose = must(calloc(t->sectors, sizeof(*c->loose)));
	c->image = must(calloc(1, bytes));
	c->sector = must(calloc(t->sectors, sizeof(*c->sector)));
	c->own = must(calloc(t->sectors, sizeof(void *)));
	memcpy(c->sector, t->sector, t->sectors * sizeof(*c->sector));
	if (kind->begin)
		kind->begin(c);
	for (uint32_t s = 0; s < t->sectors; s++)
		memcpy(at_sector(c, s), c->sector[s].version[0].bytes,
		       TAPE_SECTOR);
}

void cut_end(struct cut *c)
{
	for (uint32_t s = 0; s < c->tape->sectors; s++)
		free(c->own[s]);
	free(c->own);
	free(c->sector);
	free(c->image);
	free(c->loose);
	free(c->chosen);
	free(c->shown);
	free(c->high);
	free(c->last);
	free(c->low);
}
