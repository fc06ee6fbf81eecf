// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who allocates, frees, or opens a heap is killed at each step (fault-heap.h). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fault-heap.h"

#define KIB UINT64_C(1024)

/* --- allocating ------------------------------------------------------------------ */

static int call_alloc(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {1, 100, 100, 4096, 30000};

	(void)call;
	/* each frees what the one before has put there */
	if (s->root->slot[13])
		return fam_heap_free(s->heap, heap_slot(s, 13));
	return fam_heap_alloc(s->heap, heap_slot(s, 13), bytes[call], 0, NULL);
}

static int call_span(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_heap_alloc(s->heap, heap_slot(s, 13), 150 * KIB, 0, NULL);
}

static int call_zalloc(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {600, 40 * KIB};

	return fam_heap_alloc(s->heap, heap_slot(s, 8 + call), bytes[call],
			      FAM_HEAP_ZERO, NULL);
}

static int call_aligned(struct heap_stage *s, unsigned int call)
{
	return fam_heap_aligned(s->heap, heap_slot(s, 13 + call), 100,
				call ? 4096 : 64, 0, NULL);
}

/* Found by enumeration only. */
static int call_unpublished(struct heap_stage *s, unsigned int call)
{
	if (call == 1)
		return fam_heap_release(s->heap, *heap_kept());
	return fam_heap_alloc(s->heap, 0, 200, 0, heap_kept());
}

static int call_put(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {40, 2000, 7000};

	return heap_put_blob(s, 4 + call, bytes[call], call);
}

static int call_put_span(struct heap_stage *s, unsigned int call)
{
	return heap_put_blob(s, 4 + call, 90 * KIB, call);
}

static const struct heap_case alloc = {
	.name = "alloc and free", .calls = 5, .call = call_alloc};
static const struct heap_case span = {
	.name = "alloc a span", .calls = 1, .call = call_span};
static const struct heap_case zalloc = {
	.name = "alloc zeros", .calls = 2, .call = call_zalloc};
static const struct heap_case aligned = {
	.name = "aligned", .calls = 2, .call = call_aligned};
static const struct heap_case put = {
	.name = "put", .calls = 3, .call = call_put};
static const struct heap_case put_span = {
	.name = "put a span", .calls = 1, .call = call_put_span};

/* --- freeing, another size ---------------------------------------------------------- */

static int call_free(struct heap_stage *s, unsigned int call)
{
	/* the last one of its chunk, one of several, a span, nothing */
	static const unsigned int slot[] = {1, 0, 2, 7};

	return fam_heap_free(s->heap, heap_slot(s, slot[call]));
}

static int call_realloc(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {110, 112, 3000, 80 * KIB, 120 * KIB};

	return fam_heap_realloc(s->heap, heap_slot(s, 0), bytes[call], NULL);
}

static int call_shrink(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {70 * KIB, 20 * KIB, 0};

	return fam_heap_realloc(s->heap, heap_slot(s, call == 0 ? 2 : 14),
				bytes[call], NULL);
}

static int call_first(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_heap_realloc(s->heap, heap_slot(s, 14), 500, NULL);
}

static void put_span_there(struct heap_stage *s)
{
	assert_int_equal(
		fam_heap_alloc(s->heap, heap_slot(s, 14), 200 * KIB, 0, NULL),
		0);
}

static const struct heap_case unpublished = {.name = "alloc nowhere, release",
					     .calls = 2,
					     .call = call_unpublished,
					     .loose = true};
static const struct heap_case free_it = {
	.name = "free", .calls = 4, .call = call_free};
static const struct heap_case grow = {
	.name = "realloc to more", .calls = 5, .call = call_realloc};
static const struct heap_case shrink = {.name = "realloc to less, to nothing",
					.calls = 3,
					.call = call_shrink,
					.prepare = put_span_there};
static const struct heap_case first = {
	.name = "realloc of nothing", .calls = 1, .call = call_first};

/* --- no space ------------------------------------------------------------------------- */

/* All of it is full, and one place is used again. */
static void fill_up(struct heap_stage *s)
{
	struct fam_heap_stat stat;
	uint64_t i;

	assert_int_equal(fam_heap_stat(s->heap, &stat, sizeof(stat)), 0);
	assert_int_equal(fam_heap_alloc(s->heap, heap_slot(s, 13), stat.largest,
					0, NULL),
			 0);
	for (i = 0;
	     fam_heap_alloc(s->heap, heap_slot(s, 14), 40 * KIB, 0, NULL) == 0;
	     i++)
		;
	assert_int_equal(i, 0);
}

static int call_full(struct heap_stage *s, unsigned int call)
{
	int r;

	if (call == 1)
		return fam_heap_free(s->heap, heap_slot(s, 2));
	r = fam_heap_alloc(s->heap, heap_slot(s, 14), 40 * KIB, 0, NULL);
	return call == 0 && r == -ENOSPC ? 0 : r;
}

static const struct heap_case full = {.name = "a full heap",
				      .calls = 3,
				      .call = call_full,
				      .prepare = fill_up,
				      .alone = true};

/* --- opening ----------------------------------------------------------------------------- */

/* With what is in several journals. */
static void change_much(struct heap_stage *s)
{
	struct fam_tx *tx[3];

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fam_tx_begin(s->heap, NULL, &tx[i]), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fam_tx_set_word(tx[i], heap_word(s, 5), i + 1),
				 0);
		assert_int_equal(fam_tx_set_word(tx[i], heap_word(s, i), 7), 0);
		assert_int_equal(fam_tx_commit(tx[i]), 0);
	}
	assert_int_equal(heap_put_blob(s, 5, 300, 9), 0);
}

static int call_nothing(struct heap_stage *s, unsigned int call)
{
	(void)s;
	(void)call;
	return 0;
}

static int call_create(struct heap_stage *s, unsigned int call)
{
	const struct fam_heap_want want = {.bytes = 1 << 20};
	struct fam_heap *heap;
	int r = fam_heap_create(s->f->fam, "n", &want, &heap);

	(void)call;
	if (r == 0)
		fam_heap_close(heap);
	return r;
}

static void make_other(struct heap_stage *s)
{
	assert_int_equal(call_create(s, 0), 0);
}

static int call_root(struct heap_stage *s, unsigned int call)
{
	struct fam_heap *heap;
	fam_off root;
	int r = fam_heap_open(s->f->fam, "n", FAM_REGION_WRITE, &heap);

	(void)call;
	if (r < 0)
		return r;
	r = fam_heap_root(heap, 1000, &root);
	fam_heap_close(heap);
	return r;
}

static const struct heap_case open_close = {.name = "open and close",
					    .calls = 1,
					    .call = call_nothing,
					    .opens = true};
static const struct heap_case use_close = {
	.name = "use and close", .calls = 3, .call = call_put, .opens = true};
static const struct heap_case restart = {.name = "open after a start",
					 .calls = 1,
					 .call = call_nothing,
					 .opens = true,
					 .reboot = true,
					 .prepare = change_much};
static const struct heap_case create = {
	.name = "create", .calls = 1, .call = call_create, .alone = true};
static const struct heap_case root = {.name = "make the root",
				      .calls = 1,
				      .call = call_root,
				      .prepare = make_other,
				      .alone = true};

/* --- all of them ------------------------------------------------------------------------- */

#define TEST(case_)                          \
	static void case_##_it(void **state) \
	{                                    \
		(void)state;                 \
		heap_case_run(&(case_));     \
	}

TEST(alloc)
TEST(span)
TEST(zalloc)
TEST(aligned)
TEST(put)
TEST(put_span)
TEST(unpublished)
TEST(free_it)
TEST(grow)
TEST(shrink)
TEST(first)
TEST(full)
TEST(open_close)
TEST(use_close)
TEST(restart)
TEST(create)
TEST(root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc_it),
		cmocka_unit_test(span_it),
		cmocka_unit_test(zalloc_it),
		cmocka_unit_test(aligned_it),
		cmocka_unit_test(put_it),
		cmocka_unit_test(put_span_it),
		cmocka_unit_test(unpublished_it),
		cmocka_unit_test(free_it_it),
		cmocka_unit_test(grow_it),
		cmocka_unit_test(shrink_it),
		cmocka_unit_test(first_it),
		cmocka_unit_test(full_it),
		cmocka_unit_test(open_close_it),
		cmocka_unit_test(use_close_it),
		cmocka_unit_test(restart_it),
		cmocka_unit_test(create_it),
		cmocka_unit_test(root_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
