// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "index-parts.h"

/*
 * An AVL tree of what is taken, by offset; every node knows what is free behind
 * it and the most that is free behind any node below it. It is balanced by rule,
 * not by chance: whoever chooses the offsets cannot make it slow, and a million
 * entries are 29 levels at most, so recursion is no risk.
 */

#define LARGE ((uint32_t)(FAM_REGIONS_LARGE / FAM_REGIONS_GRAIN))

/* Of so many pieces that are large enough, the smallest is taken. */
#define CANDIDATES 4

static uint32_t max3(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t most = a > b ? a : b;

	return most > c ? most : c;
}

static uint32_t end_of(const struct index_node *node)
{
	return node->offset + node->space;
}

uint32_t index_tree_aligned(const struct index_node *node)
{
	uint64_t aligned = ((uint64_t)end_of(node) + LARGE - 1) & ~(LARGE - 1);

	/* Behind the end of what 32 bits count there is no room anyway. */
	return aligned <= UINT32_MAX ? (uint32_t)aligned : UINT32_MAX;
}

/* What the gap of a node can hold of a large piece. */
static uint32_t room_of(const struct index_node *node)
{
	uint32_t aligned = index_tree_aligned(node);
	uint32_t end = end_of(node) + node->gap;

	return end > aligned ? end - aligned : 0;
}

static void pull(struct fam_index *ix, uint32_t n)
{
	struct index_node *node = &ix->nodes[n];
	const struct index_node *l = &ix->nodes[node->left];
	const struct index_node *r = &ix->nodes[node->right];

	node->height = 1 + (l->height > r->height ? l->height : r->height);
	node->max_gap = max3(node->gap, l->max_gap, r->max_gap);
	node->max_room = max3(room_of(node), l->max_room, r->max_room);
}

static uint32_t rotate_right(struct fam_index *ix, uint32_t n)
{
	uint32_t top = ix->nodes[n].left;

	ix->nodes[n].left = ix->nodes[top].right;
	ix->nodes[top].right = n;
	pull(ix, n);
	pull(ix, top);
	return top;
}

static uint32_t rotate_left(struct fam_index *ix, uint32_t n)
{
	uint32_t top = ix->nodes[n].right;

	ix->nodes[n].right = ix->nodes[top].left;
	ix->nodes[top].left = n;
	pull(ix, n);
	pull(ix, top);
	return top;
}

/* How much higher the left side of a node is. */
static int lean(const struct fam_index *ix, uint32_t n)
{
	const struct index_node *node = &ix->nodes[n];

	return ix->nodes[node->left].height - ix->nodes[node->right].height;
}

/* Return: what stands in the place of @n from now on. */
static uint32_t balance(struct fam_index *ix, uint32_t n)
{
	struct index_node *node = &ix->nodes[n];
	int by = lean(ix, n);

	if (by > 1) {
		if (lean(ix, node->left) < 0)
			node->left = rotate_left(ix, node->left);
		return rotate_right(ix, n);
	}
	if (by < -1) {
		if (lean(ix, node->right) > 0)
			node->right = rotate_right(ix, node->right);
		return rotate_left(ix, n);
	}
	pull(ix, n);
	return n;
}

static void set_gap(struct fam_index *ix, uint32_t n, uint32_t gap)
{
	ix->sums.pieces -= ix->nodes[n].gap != 0;
	ix->sums.pieces += gap != 0;
	ix->nodes[n].gap = gap;
}

void index_tree_start(struct fam_index *ix)
{
	struct index_node *edge = &ix->nodes[INDEX_EDGE];

	edge->offset = ix->start;
	edge->where = INDEX_TREE;
	set_gap(ix, INDEX_EDGE, ix->end - ix->start);
	pull(ix, INDEX_EDGE);
	ix->root = INDEX_EDGE;
}

uint32_t index_tree_at(const struct fam_index *ix, uint32_t offset)
{
	uint32_t n = ix->root, last = INDEX_EDGE;

	while (n) {
		if (ix->nodes[n].offset <= offset) {
			last = n;
			n = ix->nodes[n].right;
		} else {
			n = ix->nodes[n].left;
		}
	}
	return last;
}

/* The first node behind an offset; there is one. */
static uint32_t behind(const struct fam_index *ix, uint32_t offset)
{
	uint32_t n = ix->root, first = 0;

	while (n) {
		if (ix->nodes[n].offset > offset) {
			first = n;
			n = ix->nodes[n].left;
		} else {
			n = ix->nodes[n].right;
		}
	}
	return first;
}

static uint32_t insert(struct fam_index *ix, uint32_t n, uint32_t new)
{
	struct index_node *node = &ix->nodes[n];

	if (!n) {
		pull(ix, new);
		return new;
	}
	if (node->offset <= ix->nodes[new].offset)
		node->right = insert(ix, node->right, new);
	else
		node->left = insert(ix, node->left, new);
	return balance(ix, n);
}

int index_tree_add(struct fam_index *ix, uint32_t new, uint32_t *rival)
{
	struct index_node *node = &ix->nodes[new];
	uint32_t before = index_tree_at(ix, node->offset);
	uint32_t free_from = end_of(&ix->nodes[before]);
	uint32_t free_end = free_from + ix->nodes[before].gap;

	if (node->offset < free_from || end_of(node) > free_end) {
		*rival = node->offset < free_from ? before
						  : behind(ix, node->offset);
		return -EEXIST;
	}
	node->left = 0;
	node->right = 0;
	node->gap = 0;
	set_gap(ix, new, free_end - end_of(node));
	/* It is above the new one in the tree: seen on the way back. */
	set_gap(ix, before, node->offset - free_from);
	ix->root = insert(ix, ix->root, new);
	return 0;
}

/* The last node before one that is in the tree. */
static uint32_t before(const struct fam_index *ix, uint32_t old)
{
	uint32_t n = ix->root, last = INDEX_EDGE;

	while (n) {
		if (n != old && ix->nodes[n].offset <= ix->nodes[old].offset) {
			last = n;
			n = ix->nodes[n].right;
		} else {
			n = ix->nodes[n].left;
		}
	}
	return last;
}

/* Take the last node out from below @n. */
static uint32_t take_last(struct fam_index *ix, uint32_t n, uint32_t *last)
{
	struct index_node *node = &ix->nodes[n];

	if (!node->right) {
		*last = n;
		return node->left;
	}
	node->right = take_last(ix, node->right, last);
	return balance(ix, n);
}

static uint32_t take(struct fam_index *ix, uint32_t n, uint32_t old)
{
	struct index_node *node = &ix->nodes[n];
	uint32_t left, last;

	if (n == old) {
		if (!node->left)
			return node->right;
		left = take_last(ix, node->left, &last);
		ix->nodes[last].left = left;
		ix->nodes[last].right = node->right;
		return balance(ix, last);
	}
	if (node->offset <= ix->nodes[old].offset)
		node->right = take(ix, node->right, old);
	else
		node->left = take(ix, node->left, old);
	return balance(ix, n);
}

void index_tree_remove(struct fam_index *ix, uint32_t old)
{
	const struct index_node *node = &ix->nodes[old];
	uint32_t last = before(ix, old);
	uint32_t gap = ix->nodes[last].gap + node->space + node->gap;

	/* It is above the old one, or takes its place: seen on the way back. */
	set_gap(ix, last, gap);
	set_gap(ix, old, 0);
	ix->root = take(ix, ix->root, old);
}

/* Below @n; only the way along @offset can be in vain. */
static uint32_t gap_behind(const struct fam_index *ix, uint32_t n,
			   uint32_t offset)
{
	const struct index_node *node = &ix->nodes[n];
	uint32_t found;

	if (node->max_gap == 0)
		return 0;
	if (node->offset <= offset)
		return gap_behind(ix, node->right, offset);
	found = gap_behind(ix, node->left, offset);
	if (found)
		return found;
	return node->gap ? n : gap_behind(ix, node->right, offset);
}

uint32_t index_tree_next_gap(const struct fam_index *ix, uint32_t offset)
{
	return gap_behind(ix, ix->root, offset);
}

struct fit {
	const struct fam_index *ix;
	uint32_t space;
	bool large;
	unsigned int left;   /* candidates to look at still */
	uint32_t best, over; /* the node, and what would remain of its gap */
};

static void consider(struct fit *fit, uint32_t n, uint32_t can_hold)
{
	uint32_t over;

	if (can_hold < fit->space)
		return;
	over = fit->ix->nodes[n].gap - fit->space;
	if (!fit->best || over < fit->over) {
		fit->best = n;
		fit->over = over;
	}
	fit->left = over == 0 ? 0 : fit->left - 1;
}

/* Large ones in order of offsets, small ones the other way round. */
static void search(struct fit *fit, uint32_t n)
{
	const struct index_node *node = &fit->ix->nodes[n];
	uint32_t most = fit->large ? node->max_room : node->max_gap;

	if (fit->left == 0 || most < fit->space)
		return;
	search(fit, fit->large ? node->left : node->right);
	if (fit->left)
		consider(fit, n, fit->large ? room_of(node) : node->gap);
	search(fit, fit->large ? node->right : node->left);
}

uint32_t index_tree_fit(const struct fam_index *ix, uint32_t space, bool large)
{
	struct fit fit = {
		.ix = ix,
		.space = space,
		.large = large,
		.left = CANDIDATES,
	};

	search(&fit, ix->root);
	return fit.best;
}
