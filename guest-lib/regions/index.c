// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index-parts.h"

#define GRAIN FAM_REGIONS_GRAIN

static uint64_t in_bytes(uint32_t grains)
{
	return grains * GRAIN;
}

/* Of a fabric of the greatest size, 32 bits count all grains but the last. */
static uint32_t in_grains(uint64_t bytes)
{
	uint64_t grains = bytes / GRAIN;

	return grains < UINT32_MAX ? (uint32_t)grains : UINT32_MAX;
}

static int allocate(struct fam_index *ix)
{
	size_t nodes = (size_t)ix->entries + INDEX_FIRST;

	/* Memory nobody has looked at yet costs nothing. */
	ix->nodes = calloc(nodes, sizeof(*ix->nodes));
	ix->memos = calloc(nodes, sizeof(*ix->memos));
	if (!ix->nodes || !ix->memos)
		return -ENOMEM;
	return index_names_start(ix);
}

int fam_index_new(uint64_t data_offset, uint64_t data_bytes, uint32_t entries,
		  struct fam_index **out)
{
	struct fam_index *ix = calloc(1, sizeof(*ix));
	uint64_t end = data_offset + data_bytes;
	uint64_t start = data_offset + GRAIN - 1;

	if (!ix)
		return -ENOMEM;
	ix->entries = entries < FAM_REGIONS_MAX ? entries : FAM_REGIONS_MAX;
	ix->start = in_grains(start < data_offset ? UINT64_MAX : start);
	ix->end = in_grains(end < data_offset ? UINT64_MAX : end);
	if (ix->end < ix->start)
		ix->end = ix->start;
	if (allocate(ix) < 0) {
		fam_index_free(ix);
		return -ENOMEM;
	}
	index_tree_start(ix);
	*out = ix;
	return 0;
}

void fam_index_free(struct fam_index *ix)
{
	if (!ix)
		return;
	free(ix->nodes);
	free(ix->memos);
	free(ix->buckets);
	free(ix);
}

/* --- the two lists of what is free -------------------------------------------- */

static uint32_t *list_of(struct fam_index *ix, uint8_t where)
{
	return where == INDEX_MARKED ? &ix->marked : &ix->plain;
}

/* The last one freed is the first one taken: its pages are at hand. */
static void list_add(struct fam_index *ix, uint32_t n, uint8_t where)
{
	uint32_t *first = list_of(ix, where);
	struct index_node *node = &ix->nodes[n];

	node->where = where;
	node->left = 0;
	node->right = *first;
	if (*first)
		ix->nodes[*first].left = n;
	*first = n;
}

static void list_remove(struct fam_index *ix, uint32_t n)
{
	const struct index_node *node = &ix->nodes[n];

	if (node->left)
		ix->nodes[node->left].right = node->right;
	else
		*list_of(ix, node->where) = node->right;
	if (node->right)
		ix->nodes[node->right].left = node->left;
}

/* --- one entry ------------------------------------------------------------------ */

/* Taken by entries of all kinds; what regions were asked for by those READY. */
static void count(struct fam_index *ix, uint32_t n, uint64_t by)
{
	const struct index_node *node = &ix->nodes[n];

	ix->sums.taken += by * in_bytes(node->space);
	if (node->state == FAM_REGION_TRIMMING)
		ix->sums.trimming += by * in_bytes(node->space);
	if (node->state != FAM_REGION_READY)
		return;
	ix->sums.asked += by * ix->memos[n].bytes;
	ix->sums.regions += (uint32_t)by;
}

/* Not in the tree, in a list or among the names any more. */
static void detach(struct fam_index *ix, uint32_t n)
{
	struct index_node *node = &ix->nodes[n];

	if (node->where == INDEX_PLAIN || node->where == INDEX_MARKED)
		list_remove(ix, n);
	if (node->where == INDEX_TREE)
		index_tree_remove(ix, n);
	if (node->where == INDEX_TREE || node->where == INDEX_EMPTY) {
		count(ix, n, (uint64_t)-1);
		index_names_remove(ix, n);
	}
	*node = (struct index_node){.where = INDEX_EMPTY};
	while (ix->fresh < ix->entries &&
	       ix->nodes[ix->fresh + INDEX_FIRST].where != INDEX_FRESH)
		ix->fresh++;
}

static bool in_data(const struct fam_index *ix, uint64_t offset, uint64_t bytes)
{
	return offset >= in_bytes(ix->start) && offset <= in_bytes(ix->end) &&
	       bytes <= in_bytes(ix->end) - offset;
}

static bool is_placed_well(const struct fam_index *ix,
			   const struct fam_region_entry *entry)
{
	return entry->offset % GRAIN == 0 && entry->space % GRAIN == 0 &&
	       in_data(ix, entry->offset, entry->space);
}

/* A free one keeps what it says of its space only if that can be. */
static void attach_free(struct fam_index *ix, uint32_t n,
			const struct fam_region_entry *entry)
{
	struct index_node *node = &ix->nodes[n];
	bool placed = entry && entry->state == FAM_REGION_FREE &&
		      is_placed_well(ix, entry);

	if (placed) {
		node->offset = in_grains(entry->offset);
		node->space = in_grains(entry->space);
		node->flags = entry->flags & FAM_REGION_TRIM;
	}
	list_add(ix, n,
		 node->flags & FAM_REGION_TRIM ? INDEX_MARKED : INDEX_PLAIN);
}

static int take_space(struct fam_index *ix, uint32_t n,
		      const struct fam_region_entry *entry, uint32_t *rival)
{
	struct index_node *node = &ix->nodes[n];
	int r = 0;

	if (!is_placed_well(ix, entry))
		return -EINVAL;
	node->offset = in_grains(entry->offset);
	node->space = in_grains(entry->space);
	if (node->space)
		r = index_tree_add(ix, n, rival);
	if (r < 0)
		return r;
	node->where = node->space ? INDEX_TREE : INDEX_EMPTY;
	node->state = (uint8_t)entry->state;
	node->flags = (uint8_t)entry->flags;
	return 0;
}

static int attach(struct fam_index *ix, uint32_t n,
		  const struct fam_region_entry *entry, uint32_t *rival)
{
	uint64_t hash = index_names_hash(ix, entry->name);
	int r;

	*rival = entry->name[0] ? index_names_find(ix, hash) : 0;
	if (*rival)
		return -EEXIST;
	r = take_space(ix, n, entry, rival);
	if (r < 0)
		return r;
	if (entry->name[0])
		index_names_add(ix, n, hash);
	count(ix, n, 1);
	return 0;
}

static void remember(struct fam_index *ix, uint32_t n,
		     const struct fam_region_entry *entry)
{
	struct index_memo *memo = &ix->memos[n];

	memo->generation = entry ? entry->generation : 0;
	memo->stamp = entry ? entry->stamp : 0;
	memo->serial = entry ? entry->serial : 0;
	memo->bytes = entry ? entry->bytes : 0;
}

int fam_index_set(struct fam_index *ix, uint32_t i,
		  const struct fam_region_entry *entry, uint32_t *rival)
{
	uint32_t n = i + INDEX_FIRST, other = 0;
	int r = 0;

	if (i >= ix->entries)
		return -EINVAL;
	if (!entry && ix->nodes[n].where == INDEX_FRESH)
		return 0;
	detach(ix, n);
	remember(ix, n, entry);
	if (entry && entry->state != FAM_REGION_FREE) {
		r = attach(ix, n, entry, &other);
		if (r == 0)
			return 0;
		ix->nodes[n] = (struct index_node){.where = INDEX_EMPTY};
	}
	attach_free(ix, n, entry);
	if (r == -EEXIST && rival)
		*rival = other - INDEX_FIRST;
	return r;
}

void fam_index_get(const struct fam_index *ix, uint32_t i,
		   struct fam_index_entry *out)
{
	const struct index_node *node;
	const struct index_memo *memo;

	memset(out, 0, sizeof(*out));
	if (i >= ix->entries)
		return;
	node = &ix->nodes[i + INDEX_FIRST];
	memo = &ix->memos[i + INDEX_FIRST];
	out->generation = memo->generation;
	out->stamp = memo->stamp;
	out->serial = memo->serial;
	out->bytes = memo->bytes;
	out->offset = in_bytes(node->offset);
	out->space = in_bytes(node->space);
	out->state = node->state;
	out->flags = node->flags;
}

/* --- questions ------------------------------------------------------------------- */

uint32_t fam_index_find(const struct fam_index *ix, const char *name)
{
	uint32_t n = index_names_find(ix, index_names_hash(ix, name));

	return n ? n - INDEX_FIRST : FAM_INDEX_NONE;
}

uint32_t fam_index_slot(const struct fam_index *ix)
{
	if (ix->plain)
		return ix->plain - INDEX_FIRST;
	if (ix->fresh < ix->entries)
		return ix->fresh;
	return ix->marked ? ix->marked - INDEX_FIRST : FAM_INDEX_NONE;
}

uint64_t fam_index_place(const struct fam_index *ix, uint64_t space)
{
	bool large = space >= FAM_REGIONS_LARGE;
	const struct index_node *node;
	uint32_t grains, n;

	if (space > in_bytes(ix->end - ix->start))
		return 0;
	grains = in_grains(space + GRAIN - 1);
	if (grains == 0)
		return in_bytes(ix->start);
	n = index_tree_fit(ix, grains, large);
	if (!n)
		return 0;
	node = &ix->nodes[n];
	if (large)
		return in_bytes(index_tree_aligned(node));
	return in_bytes(node->offset + node->space + node->gap - grains);
}

bool fam_index_is_free(const struct fam_index *ix, uint64_t offset,
		       uint64_t bytes)
{
	const struct index_node *node;
	uint64_t from;

	if (!in_data(ix, offset, bytes))
		return false;
	node = &ix->nodes[index_tree_at(ix, in_grains(offset))];
	from = in_bytes(node->offset + node->space);
	return offset >= from && bytes <= from + in_bytes(node->gap) - offset;
}

bool fam_index_gap(const struct fam_index *ix, uint64_t from, uint64_t *offset,
		   uint64_t *bytes)
{
	const struct index_node *node;
	uint32_t n;

	if (from >= in_bytes(ix->end))
		return false;
	n = index_tree_at(ix, in_grains(from));
	node = &ix->nodes[n];
	if (!node->gap ||
	    from >= in_bytes(node->offset + node->space + node->gap))
		n = index_tree_next_gap(ix, in_grains(from));
	if (!n)
		return false;
	node = &ix->nodes[n];
	*offset = in_bytes(node->offset + node->space);
	*bytes = in_bytes(node->gap);
	return true;
}

void fam_index_sums(const struct fam_index *ix, struct fam_index_sums *out)
{
	*out = ix->sums;
	out->largest = in_bytes(ix->nodes[ix->root].max_gap);
}
