// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regions/index-parts.h"

#define GRAIN FAM_REGIONS_GRAIN
#define LARGE FAM_REGIONS_LARGE
#define DATA  (UINT64_C(2) << 20) /* where the data begins */

/* Against a model that is too simple to be wrong. */

static void make_region(struct fam_region_entry *entry, const char *name,
			uint64_t offset, uint64_t space)
{
	*entry = (struct fam_region_entry){
		.generation = 3,
		.stamp = 7,
		.serial = 11,
		.state = FAM_REGION_READY,
		.offset = offset,
		.space = space,
		.bytes = space,
	};
	snprintf(entry->name, sizeof(entry->name), "%s", name);
}

#define PAGES	(8 * 512 + 77)
#define ENTRIES 192

struct model {
	struct fam_index *index;
	uint64_t random;
	int owner[PAGES]; /* entry, or -1 */
	struct fam_region_entry entry[ENTRIES];
};

static uint32_t random_below(struct model *m, uint32_t below)
{
	m->random = m->random * UINT64_C(6364136223846793005) + 1442695041;
	return (uint32_t)(m->random >> 33) % below;
}

static uint64_t offset_of(uint32_t page)
{
	return DATA + page * GRAIN;
}

static void model_clear(struct model *m, uint32_t i)
{
	for (int p = 0; p < PAGES; p++) {
		if (m->owner[p] == (int)i)
			m->owner[p] = -1;
	}
	memset(&m->entry[i], 0, sizeof(m->entry[i]));
}

/* Who takes one of these pages, or has the name; -1: nobody. */
static bool is_rival(const struct model *m, uint32_t i,
		     const struct fam_region_entry *e, uint32_t other)
{
	const struct fam_region_entry *o = &m->entry[other];

	if (other == i || o->state == FAM_REGION_FREE)
		return false;
	if (e->name[0] && strcmp(e->name, o->name) == 0)
		return true;
	return e->offset < o->offset + o->space &&
	       o->offset < e->offset + e->space && e->space && o->space;
}

static void set_both(struct model *m, uint32_t i,
		     const struct fam_region_entry *e)
{
	uint32_t first = (uint32_t)((e->offset - DATA) / GRAIN);
	bool any = false;
	uint32_t rival = 0;
	int r = fam_index_set(m->index, i, e, &rival);

	model_clear(m, i);
	for (uint32_t other = 0; other < ENTRIES; other++)
		any = any || is_rival(m, i, e, other);
	if (e->state == FAM_REGION_FREE)
		any = false;
	assert_int_equal(r, any ? -EEXIST : 0);
	if (any) {
		assert_true(is_rival(m, i, e, rival));
		return;
	}
	m->entry[i] = *e;
	for (uint32_t p = 0; p < e->space / GRAIN; p++) {
		if (e->state != FAM_REGION_FREE)
			m->owner[first + p] = (int)i;
	}
}

static uint32_t free_pages_from(const struct model *m, uint32_t page)
{
	uint32_t n = 0;

	while (page + n < PAGES && m->owner[page + n] == -1)
		n++;
	return n;
}

static bool could_be_placed(const struct model *m, uint32_t pages)
{
	uint32_t step = pages >= 512 ? 512 : 1;

	for (uint32_t p = 0; p < PAGES; p += step) {
		if (free_pages_from(m, p) >= pages)
			return true;
	}
	return false;
}

/* Where something of a random size, often large, is to go by the index. */
static void place_random(struct model *m, struct fam_region_entry *e)
{
	uint32_t pages = 1 + random_below(m, random_below(m, 4) ? 40 : 1300);
	uint64_t place = fam_index_place(m->index, pages * GRAIN);

	e->space = pages * GRAIN;
	e->offset = place;
	assert_int_equal(place != 0, could_be_placed(m, pages));
	if (!place) {
		e->space = 0;
		e->offset = DATA;
		return;
	}
	assert_int_equal(place % GRAIN, 0);
	if (e->space >= LARGE)
		assert_int_equal(place % LARGE, 0);
	assert_true(free_pages_from(m, (uint32_t)((place - DATA) / GRAIN)) >=
		    pages);
	assert_true(fam_index_is_free(m->index, place, e->space));
}

static void step(struct model *m)
{
	uint32_t i = random_below(m, ENTRIES), pages;
	struct fam_region_entry e;
	char name[16];

	snprintf(name, sizeof(name), "n%u", random_below(m, 2 * ENTRIES));
	make_region(&e, name, DATA, 0);
	switch (random_below(m, 8)) {
	case 0: /* anywhere: most often in the way */
		pages = 1 + random_below(m, 600);
		e.offset = offset_of(random_below(m, PAGES - pages + 1));
		e.space = pages * GRAIN;
		break;
	case 1:
	case 2:
	case 3:
		e.state = FAM_REGION_FREE;
		e.flags = random_below(m, 2) ? FAM_REGION_TRIM : 0;
		break;
	case 4: /* the same piece in another state, or another name */
		if (m->entry[i].state)
			e = m->entry[i];
		e.state = 1 + random_below(m, 3);
		break;
	default:
		place_random(m, &e);
	}
	e.bytes = e.space ? e.space - random_below(m, GRAIN) : 0;
	set_both(m, i, &e);
}

static void compare_gaps(const struct model *m,
			 const struct fam_index_sums *sums)
{
	uint64_t at = 0, offset, bytes, largest = 0, pieces = 0;
	uint32_t page = 0;

	for (; fam_index_gap(m->index, at, &offset, &bytes);
	     at = offset + bytes) {
		while (m->owner[page] != -1)
			page++;
		assert_int_equal(offset, offset_of(page));
		assert_int_equal(bytes, free_pages_from(m, page) * GRAIN);
		page += (uint32_t)(bytes / GRAIN);
		largest = bytes > largest ? bytes : largest;
		pieces++;
	}
	while (page < PAGES)
		assert_int_not_equal(m->owner[page++], -1);
	assert_int_equal(sums->largest, largest);
	assert_int_equal(sums->pieces, pieces);
}

/* The tree below a node is sound, balanced, and knows its gaps; its height. */
static int check_tree(const struct fam_index *ix, uint32_t n, uint32_t *last)
{
	const struct index_node *node = &ix->nodes[n];
	const struct index_node *l = &ix->nodes[node->left];
	const struct index_node *r = &ix->nodes[node->right];
	uint64_t from = (uint64_t)node->offset + node->space, aligned;
	int left, right;

	if (!n)
		return 0;
	left = check_tree(ix, node->left, last);
	assert_true(node->offset >= *last);
	*last = node->offset + node->space;
	right = check_tree(ix, node->right, last);
	assert_in_range(left - right + 1, 0, 2);
	assert_int_equal(node->height, 1 + (left > right ? left : right));
	assert_true(node->max_gap >= node->gap && node->max_gap >= l->max_gap &&
		    node->max_gap >= r->max_gap);
	assert_true(node->max_gap == node->gap || node->max_gap == l->max_gap ||
		    node->max_gap == r->max_gap);
	aligned = (from + 511) / 512 * 512;
	aligned = aligned < from + node->gap ? from + node->gap - aligned : 0;
	aligned = aligned > l->max_room ? aligned : l->max_room;
	aligned = aligned > r->max_room ? aligned : r->max_room;
	assert_int_equal(node->max_room, aligned);
	return node->height;
}

static void compare(struct model *m)
{
	uint64_t taken = 0, trimming = 0, asked = 0, regions = 0;
	struct fam_index_sums sums;
	uint32_t last = 0;

	(void)check_tree(m->index, m->index->root, &last);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		const struct fam_region_entry *e = &m->entry[i];

		if (e->state == FAM_REGION_FREE)
			continue;
		taken += e->space;
		if (e->state == FAM_REGION_TRIMMING)
			trimming += e->space;
		asked += e->state == FAM_REGION_READY ? e->bytes : 0;
		regions += e->state == FAM_REGION_READY;
		if (e->name[0])
			assert_int_equal(fam_index_find(m->index, e->name), i);
	}
	fam_index_sums(m->index, &sums);
	assert_int_equal(sums.taken, taken);
	assert_int_equal(sums.trimming, trimming);
	assert_int_equal(sums.asked, asked);
	assert_int_equal(sums.regions, regions);
	compare_gaps(m, &sums);
}

static void compare_questions(struct model *m)
{
	uint32_t page = random_below(m, PAGES);
	uint32_t pages = 1 + random_below(m, PAGES - page);
	uint32_t run = free_pages_from(m, page);
	uint64_t offset = offset_of(page), found, bytes;

	assert_int_equal(fam_index_is_free(m->index, offset, pages * GRAIN),
			 pages <= run);
	if (run) {
		assert_true(fam_index_is_free(m->index, offset, run * GRAIN));
		assert_false(fam_index_is_free(m->index, offset,
					       run * GRAIN + GRAIN));
		assert_true(fam_index_gap(m->index,
					  offset + random_below(m, GRAIN),
					  &found, &bytes));
		assert_true(found <= offset);
		assert_int_equal(found + bytes, offset + run * GRAIN);
	}
}

static void compare_slot(struct model *m)
{
	uint32_t slot = fam_index_slot(m->index), unmarked = 0, all = 0;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		all += m->entry[i].state == FAM_REGION_FREE;
		unmarked += m->entry[i].state == FAM_REGION_FREE &&
			    !(m->entry[i].flags & FAM_REGION_TRIM);
	}
	if (!all) {
		assert_int_equal(slot, FAM_INDEX_NONE);
		return;
	}
	assert_in_range(slot, 0, ENTRIES - 1);
	assert_int_equal(m->entry[slot].state, FAM_REGION_FREE);
	if (unmarked)
		assert_int_equal(m->entry[slot].flags & FAM_REGION_TRIM, 0);
}

static void run_model(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->random = seed;
	assert_int_equal(fam_index_new(DATA, PAGES * GRAIN, ENTRIES, &m->index),
			 0);
	for (int p = 0; p < PAGES; p++)
		m->owner[p] = -1;
	for (int n = 0; n < 3000; n++) {
		step(m);
		compare_questions(m);
		compare_slot(m);
		if (n % 8 == 0)
			compare(m);
	}
	fam_index_free(m->index);
	free(m);
}

static void it_is_as_a_simple_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run_model(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_as_a_simple_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
