// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who makes a transaction is killed at each step (fault-heap.h). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fault-heap.h"

/* Commits if all went well. */
static int end(struct fam_tx *tx, int r)
{
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int set_words(struct heap_stage *s, struct fam_tx *tx, unsigned int from,
		     uint64_t value)
{
	int r = 0;

	for (unsigned int i = from; r == 0 && i < from + 4; i++)
		r = fam_tx_set_word(tx, heap_word(s, i), value + i);
	return r;
}

/* --- changes of what there is --------------------------------------------------------- */

static int call_words(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	return r ? r : end(tx, set_words(s, tx, 0, 100 * (call + 1)));
}

/* A range that is no whole words, and one of several sectors. */
static int call_ranges(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	void *copy;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	(void)call;
	if (r)
		return r;
	r = fam_tx_add(tx, s->root->slot[0] + 21, 50, &copy);
	if (r == 0)
		memset(copy, 'x', 50);
	if (r == 0)
		r = fam_tx_add(tx, s->root->slot[1] + 300, 3000, &copy);
	if (r == 0)
		memset(copy, 'y', 3000);
	return end(tx, r);
}

static int call_locked(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	for (unsigned int i = 0; r == 0 && i < 2; i++)
		r = fam_tx_lock(tx, &s->root->mutex[i], -1);
	if (r == 0)
		r = fam_tx_set_word(tx, heap_word(s, 6),
				    s->root->word[6] + call + 1);
	return end(tx, r);
}

/* What is there is what is in the other region, too. */
static int call_region(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	void *copy;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	r = fam_tx_add_region(tx, s->region, s->memory + 8, 100, &copy);
	if (r == 0)
		memset(copy, 'r' + (int)call, 100);
	if (r == 0)
		r = set_words(s, tx, 3, call + 1);
	return end(tx, r);
}

/* Each fills a good part of a journal, so that it begins anew: checkpoints. */
static int call_round(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	void *copy;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	r = fam_tx_add(tx, s->root->slot[1] + 16, 4900, &copy);
	if (r == 0)
		memset(copy, 'a' + (int)call, 4900);
	if (r == 0)
		r = fam_tx_set_word(tx, heap_word(s, 7), call + 1);
	return end(tx, r);
}

static const struct heap_case words = {
	.name = "set words", .calls = 2, .call = call_words};
static const struct heap_case ranges = {
	.name = "add ranges", .calls = 1, .call = call_ranges};
static const struct heap_case locked = {
	.name = "with locks", .calls = 2, .call = call_locked};
static const struct heap_case region = {
	.name = "another region, too", .calls = 2, .call = call_region};
static const struct heap_case rounds = {
	.name = "round and round", .calls = 6, .call = call_round};

/* --- allocations ------------------------------------------------------------------------ */

/* A new one in place of an old one, and words. */
static int call_replace(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {120, 4000, 6000};
	struct fam_tx *tx;
	void *copy;
	fam_off off;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	r = fam_tx_alloc(tx, bytes[call], 0, &off, &copy);
	if (r == 0)
		memcpy(copy, heap_blob(bytes[call], call), bytes[call]);
	if (r == 0)
		r = fam_tx_free(tx, s->root->slot[call]);
	if (r == 0)
		r = fam_tx_set_word(tx, heap_slot(s, call), off);
	if (r == 0)
		r = set_words(s, tx, 8, call + 1);
	return end(tx, r);
}

/* What it allocates it also frees. */
static int call_idle(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	fam_off off[2];
	int r = fam_tx_begin(s->heap, NULL, &tx);

	(void)call;
	if (r)
		return r;
	r = fam_tx_alloc(tx, 700, FAM_HEAP_ZERO, &off[0], NULL);
	if (r == 0)
		r = fam_tx_alloc(tx, 70000, 0, &off[1], NULL);
	for (unsigned int i = 0; r == 0 && i < 2; i++)
		r = fam_tx_free(tx, off[i]);
	if (r == 0)
		r = set_words(s, tx, 2, 50);
	return end(tx, r);
}

static int call_zeros(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	fam_off off;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	(void)call;
	if (r)
		return r;
	for (unsigned int i = 8; r == 0 && i < 11; i++) {
		r = fam_tx_alloc(tx, 600, FAM_HEAP_ZERO, &off, NULL);
		if (r == 0)
			r = fam_tx_set_word(tx, heap_slot(s, i), off);
	}
	return end(tx, r);
}

static const struct heap_case replace = {
	.name = "replace objects", .calls = 3, .call = call_replace};
static const struct heap_case idle = {
	.name = "allocate and free", .calls = 1, .call = call_idle};
static const struct heap_case zeros = {
	.name = "allocate zeros", .calls = 1, .call = call_zeros};

/* --- parts, and what is not to be ---------------------------------------------------------- */

static int call_nested(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx, *part;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	r = set_words(s, tx, 0, 9);
	for (unsigned int i = 0; r == 0 && i < 2; i++) {
		r = fam_tx_begin(s->heap, tx, &part);
		if (r == 0)
			r = end(part, set_words(s, part, 4 + 4 * i, call));
	}
	return end(tx, r);
}

static int call_abort(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	fam_off off;
	void *copy;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	(void)call;
	if (r)
		return r;
	r = fam_tx_lock(tx, &s->root->mutex[1], -1);
	if (r == 0)
		r = fam_tx_alloc(tx, 100, 0, &off, NULL);
	/* filled in in its place, which is nobody's then */
	if (r == 0)
		r = fam_tx_alloc(tx, 9000, 0, &off, &copy);
	if (r == 0)
		memset(copy, 'z', 9000);
	if (r == 0)
		r = fam_tx_free(tx, s->root->slot[2]);
	if (r == 0)
		r = set_words(s, tx, 0, 77);
	fam_tx_abort(tx);
	return r;
}

static int call_canceled(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx, *part;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	(void)call;
	if (r)
		return r;
	r = set_words(s, tx, 0, 9);
	if (r == 0)
		r = fam_tx_begin(s->heap, tx, &part);
	if (r)
		return end(tx, r);
	fam_tx_abort(part);
	r = fam_tx_commit(tx);
	return r == -ECANCELED ? 0 : r ? r : -EILSEQ;
}

/* Two at once, of one thread. */
static int call_two(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx[2];
	int r = fam_tx_begin(s->heap, NULL, &tx[0]), r2;

	(void)call;
	if (r)
		return r;
	r = fam_tx_begin(s->heap, NULL, &tx[1]);
	if (r)
		return end(tx[0], r);
	r = set_words(s, tx[0], 0, 30);
	r2 = end(tx[1], 0); /* empty */
	r = end(tx[0], r);
	return r ? r : r2;
}

/* Plain stores, short and long; and all that was committed before. */
static int call_persist(struct heap_stage *s, unsigned int call)
{
	if (call == 2)
		return fam_heap_settle(s->heap);
	return call == 0 ? fam_heap_persist(s->heap, s->root->slot[12], 64)
			 : fam_heap_persist(s->heap, s->root->slot[1], 5000);
}

static const struct heap_case persist = {
	.name = "persist, settle", .calls = 3, .call = call_persist};
static const struct heap_case nested = {
	.name = "parts", .calls = 1, .call = call_nested};
static const struct heap_case aborted = {
	.name = "abort", .calls = 1, .call = call_abort};
static const struct heap_case canceled = {
	.name = "abort of a part", .calls = 1, .call = call_canceled};
static const struct heap_case two = {
	.name = "two at once", .calls = 1, .call = call_two};

/* --- all of them ------------------------------------------------------------------------- */

#define TEST(case_)                          \
	static void case_##_it(void **state) \
	{                                    \
		(void)state;                 \
		heap_case_run(&(case_));     \
	}

TEST(words)
TEST(ranges)
TEST(locked)
TEST(region)
TEST(rounds)
TEST(replace)
TEST(idle)
TEST(zeros)
TEST(persist)
TEST(nested)
TEST(aborted)
TEST(canceled)
TEST(two)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_it),   cmocka_unit_test(ranges_it),
		cmocka_unit_test(locked_it),  cmocka_unit_test(region_it),
		cmocka_unit_test(rounds_it),  cmocka_unit_test(replace_it),
		cmocka_unit_test(idle_it),    cmocka_unit_test(zeros_it),
		cmocka_unit_test(persist_it), cmocka_unit_test(nested_it),
		cmocka_unit_test(aborted_it), cmocka_unit_test(canceled_it),
		cmocka_unit_test(two_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
