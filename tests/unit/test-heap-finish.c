// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What somebody dead has done of a change, and not counted: others may have gone on
 * from there, and on persistent memory it may not have left the CPU's caches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/persist.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-stage.h"

#define BYTES  (UINT64_C(4) << 20)
#define BLOCKS 16  /* of 4096 bytes, in a chunk */
#define LAST   10  /* that is freed last */
#define OTHER  100 /* number of the word of the next ones */
#define KINDS  ((BYTES / CHUNK) * sizeof(fam_word))

/* --- what a role does at a step ------------------------------------------------------ */

void __real_fam_hint_given(struct fam_heap *of, const struct fam_change *c);
void __wrap_fam_hint_given(struct fam_heap *of, const struct fam_change *c);
int __real_fam_blocks_give(struct fam_heap *of, const struct fam_change *c);
int __wrap_fam_blocks_give(struct fam_heap *of, const struct fam_change *c);
void __real_fam_flush(struct fam *of, const void *addr, size_t len);
void __wrap_fam_flush(struct fam *of, const void *addr, size_t len);

static const char *step = ""; /* where it stays or dies */
static bool flushed[KINDS];   /* bytes of the kinds, since it was cleared */
static uint64_t given_bits;   /* flushes of bitmaps, since then */

static bool comes(const char *what)
{
	if (strcmp(step, what) != 0)
		return false;
	step = "";
	return true;
}

void __wrap_fam_hint_given(struct fam_heap *of, const struct fam_change *c)
{
	__real_fam_hint_given(of, c);
	if (comes("stays behind giving"))
		_exit(stay());
}

int __wrap_fam_blocks_give(struct fam_heap *of, const struct fam_change *c)
{
	if (comes("stays before giving"))
		_exit(stay());
	return __real_fam_blocks_give(of, c);
}

/* What it was about is stored, and not on its way. */
void __wrap_fam_flush(struct fam *of, const void *addr, size_t len)
{
	uint64_t off;

	if (heap) {
		off = (uint64_t)((const char *)addr - heap->base);
		if (off >= heap->at.kind && off < heap->at.bits) {
			off -= heap->at.kind;
			if (comes("dies flushing a kind"))
				raise(SIGKILL);
			for (size_t i = 0; i < len && off + i < KINDS; i++)
				flushed[off + i] = true;
		} else if (off >= heap->at.bits && off < heap->at.chunk) {
			if (comes("dies flushing a bit"))
				raise(SIGKILL);
			given_bits++;
		}
	}
	__real_fam_flush(of, addr, len);
}

/* --- in processes of their own --------------------------------------------------------- */

static void open_here(struct fam *by)
{
	fam = by;
	heap = heap_open(by, WRITE);
	assert_int_equal(fam_heap_root(heap, WORDS * 8, &root), 0);
}

static int frees(struct fam *own, const char *arg)
{
	fam_off off;

	open_here(own);
	off = named(LAST);
	step = arg;
	return fam_heap_release(heap, off) ? ROLE_END : 0;
}

static int allocates(struct fam *own, const char *arg)
{
	open_here(own);
	step = arg;
	return fam_heap_alloc(heap, word_at(OTHER), 3 * CHUNK, 0, NULL)
		       ? ROLE_END
		       : 0;
}

static const struct role roles[] = {
	{"frees", frees},
	{"allocates", allocates},
	{NULL, NULL},
};

/* --- in the test ---------------------------------------------------------------------------- */

static int finish_set_up(void **state)
{
	if (set_up(state))
		return -1;
	step = "";
	heap_make(BYTES);
	return fam_heap_root(heap, WORDS * 8, &root);
}

static int finish_tear_down(void **state)
{
	fam_heap_close(heap);
	heap = NULL;
	return tear_down(state);
}

static uint64_t chunk_of(fam_off off)
{
	return (off - heap->at.chunk) / CHUNK;
}

/* One block is left in a chunk, and its name in a word. */
static fam_off fill_a_chunk(void)
{
	fam_off off[BLOCKS];

	for (unsigned int i = 0; i < BLOCKS; i++) {
		off[i] = alloc(4096);
		assert_int_equal(chunk_of(off[i]), chunk_of(off[0]));
		assert_int_equal(usable_of(off[i]), 4096);
	}
	for (unsigned int i = 0; i < BLOCKS; i++) {
		if (i != LAST)
			assert_int_equal(fam_heap_release(heap, off[i]), 0);
	}
	*(fam_off *)fam_heap_at(heap, word_at(LAST), 8) = off[LAST];
	return off[LAST];
}

static bool is_in_flight(void)
{
	bool any = false;

	for (uint32_t i = 0; i < heap->at.journals; i++)
		any |= fam_word_get(&fam_heap_slot(heap, i)->inflight) != 0;
	return any;
}

static void dead(unsigned int i)
{
	die(i);
	assert_true(await(fam_heap_recover(heap) >= 0 && !is_in_flight()));
}

/* 32 bytes each, until the block with that number in the chunk is taken. */
static fam_off take_small(uint64_t chunk, uint32_t bit)
{
	fam_off off = 0;

	while (off != fam_chunk_offset(heap, chunk) + bit * 32) {
		off = alloc(32);
		assert_int_equal(chunk_of(off), chunk);
	}
	return off;
}

/* The bit is that of another block by now. */
static void what_was_freed_and_cut_anew_is_left_alone(void **state)
{
	fam_off last = fill_a_chunk(), off;

	(void)state;
	enter(0, "frees", "stays behind giving");
	assert_true(is_ready(0));
	off = take_small(chunk_of(last), LAST);
	dead(0);
	assert_int_equal(usable_of(off), 32);
}

/* As one sees it who looks at the kind when it is the old one once more. */
static void what_was_cut_twice_is_left_alone(void **state)
{
	fam_off last = fill_a_chunk(), off;
	uint64_t kind, then;
	fam_word *word;

	(void)state;
	word = fam_heap_kind(heap, chunk_of(last));
	then = fam_word_get(word);
	enter(0, "frees", "stays behind giving");
	assert_true(is_ready(0));
	off = take_small(chunk_of(last), LAST);
	kind = fam_word_get(word);
	assert_int_not_equal(kind, then);
	fam_word_put(word, then);
	dead(0);
	fam_word_put(word, kind);
	assert_int_equal(usable_of(off), 32);
}

static void what_was_freed_and_taken_again_is_left_alone(void **state)
{
	fam_off last = fill_a_chunk(), off = 0;

	(void)state;
	enter(0, "frees", "stays behind giving");
	assert_true(is_ready(0));
	while (off != last)
		off = alloc(4096);
	dead(0);
	assert_int_equal(usable_of(last), 4096);
}

static void what_was_not_freed_yet_is(void **state)
{
	fam_off last = fill_a_chunk();
	uint64_t count = objects(), free = stat_of(heap).free;

	(void)state;
	enter(0, "frees", "stays before giving");
	assert_true(is_ready(0));
	/* others go on with the chunk meanwhile */
	assert_int_equal(chunk_of(alloc(4096)), chunk_of(last));
	assert_int_equal(usable_of(last), 4096);
	dead(0);
	assert_int_equal(fam_heap_release(heap, last), -EINVAL);
	assert_int_equal(objects(), count);
	assert_true(stat_of(heap).free <= free);
}

/* --- what was stored, and not flushed --------------------------------------------------------- */

static void forget_flushes(void)
{
	memset(flushed, 0, sizeof(flushed));
	given_bits = 0;
}

static void finish(void)
{
	assert_int_equal(leave(0), 128 + SIGKILL);
	forget_flushes();
	assert_true(await(fam_heap_recover(heap) > 0));
}

static void are_flushed(uint64_t chunk, uint64_t count)
{
	for (uint64_t i = 8 * chunk; i < 8 * (chunk + count); i++)
		assert_true(flushed[i]);
}

static void a_span_is_on_its_way(void **state)
{
	(void)state;
	enter(0, "allocates", "dies flushing a kind");
	finish();
	assert_int_equal(usable_of(named(OTHER)), 3 * CHUNK);
	are_flushed(chunk_of(named(OTHER)), 3);
}

static void a_span_that_is_free_is_on_its_way(void **state)
{
	fam_off span = alloc(3 * CHUNK);

	(void)state;
	*(fam_off *)fam_heap_at(heap, word_at(LAST), 8) = span;
	enter(0, "frees", "dies flushing a kind");
	finish();
	assert_int_equal(fam_heap_release(heap, span), -EINVAL);
	are_flushed(chunk_of(span), 3);
}

static void a_block_that_is_free_is_on_its_way(void **state)
{
	fam_off last = fill_a_chunk();

	(void)state;
	enter(0, "frees", "dies flushing a bit");
	finish();
	assert_int_equal(fam_heap_release(heap, last), -EINVAL);
	assert_true(given_bits > 0);
}

/* In no record: who finds it cut does not know whether that is durable. */
static void what_was_cut_is_on_its_way(void **state)
{
	const unsigned int class = fam_class_for(1000, 1);
	const uint64_t chunk = heap->at.count - 1;

	(void)state;
	fam_word_put(fam_heap_kind(heap, chunk),
		     fam_chunk_word(FAM_CHUNK_BLOCKS, class, 0));
	fam_hint_set(heap, chunk, class + 1);
	forget_flushes();
	assert_int_equal(chunk_of(alloc(1000)), chunk);
	are_flushed(chunk, 1);
}

/* Who was about it has died, and the next one finds it as it is to be. */
static void what_a_restart_stores_is_on_its_way(void **state)
{
	struct fam_sessions *table = fam_session_table(fam);
	fam_off span;

	(void)state;
	span = alloc(3 * CHUNK);
	fam_word_put(&fam_heap_live(heap)->boot, atomic_load(&table->boot) - 1);
	fam_heap_close(heap);
	heap = NULL;
	forget_flushes();
	/* all of it is as if he had done it, but for the flushes */
	heap = heap_open(fam, WRITE);
	forget_flushes();
	fam_word_put(&fam_heap_state(heap)->checkpoint, 0);
	fam_word_put(&fam_heap_live(heap)->boot, atomic_load(&table->boot) - 1);
	assert_int_equal(fam_heap_restart(heap), 0);
	are_flushed(chunk_of(span), 3);
	assert_true(given_bits > 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, finish_set_up, finish_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_freed_and_cut_anew_is_left_alone),
		TEST(what_was_cut_twice_is_left_alone),
		TEST(what_was_freed_and_taken_again_is_left_alone),
		TEST(what_was_not_freed_yet_is),
		TEST(a_span_is_on_its_way),
		TEST(a_span_that_is_free_is_on_its_way),
		TEST(a_block_that_is_free_is_on_its_way),
		TEST(what_was_cut_is_on_its_way),
		TEST(what_a_restart_stores_is_on_its_way),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
