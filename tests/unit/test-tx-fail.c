// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A disk that fails: what was not made durable has not happened, nor will it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-stage.h"

#define BYTES (UINT64_C(4) << 20)

static _Atomic int fails_in = -1; /* so many more do; -1: all do */
static _Atomic bool failed;	  /* one has */
static uint64_t *words;

int __real_fam_persist_range(struct fam *of, uint64_t offset, size_t len);
int __wrap_fam_persist_range(struct fam *of, uint64_t offset, size_t len);

int __wrap_fam_persist_range(struct fam *of, uint64_t offset, size_t len)
{
	if (fails_in == 0) {
		failed = true;
		return -EIO;
	}
	if (fails_in > 0)
		fails_in--;
	return __real_fam_persist_range(of, offset, len);
}

static int fail_set_up(void **state)
{
	const struct fam_heap_want want = {
		.bytes = BYTES,
		.journals = 4,
		.journal_bytes = 16384,
	};

	fails_in = -1;
	if (set_up(state))
		return -1;
	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
	assert_int_equal(fam_heap_root(heap, WORDS * 8, &root), 0);
	words = fam_heap_at(heap, root, WORDS * 8);
	return 0;
}

static int fail_tear_down(void **state)
{
	fails_in = -1;
	fam_heap_close(heap);
	heap = NULL;
	remove_it("heap");
	return tear_down(state);
}

static void reboot(void)
{
	struct fam_heap *old = heap;

	fam_word_add(&fam_session_table(fam)->boot, 1);
	heap = heap_open(fam, WRITE);
	words = fam_heap_at(heap, root, WORDS * 8);
	fam_heap_close(old);
}

static int try_set(unsigned int i, uint64_t value)
{
	struct fam_tx *tx = NULL;
	int r = fam_tx_begin(heap, NULL, &tx);

	if (r < 0)
		return r;
	r = fam_tx_set_word(tx, word_at(i), value);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static void lose_session(struct fam *of)
{
	struct fam_sessions *table = fam_session_table(fam);
	struct fam_session self;
	unsigned int slot;

	assert_int_equal(fam_session_self(of, &self), 0);
	slot = self.id & 0x3ff;
	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_EXPIRED));
}

static unsigned int doubts(void)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < heap->at.journals; i++)
		count += fam_word_get(&fam_heap_slot(heap, i)->doubt) != 0;
	return count;
}

static void test_a_failed_commit_changes_nothing(void **state)
{
	uint64_t used = stat_of(heap).used;

	(void)state;
	assert_int_equal(try_set(0, 1), 0);
	fails_in = 0;
	assert_int_equal(try_set(0, 2), -EIO);
	assert_int_equal(words[0], 1);
	assert_int_equal(fam_heap_alloc(heap, word_at(1), 100, 0, NULL), -EIO);
	assert_int_equal(words[1], 0);
	fails_in = -1;
	assert_int_equal(stat_of(heap).used, used);
	assert_int_equal(try_set(0, 3), 0);
	assert_int_equal(words[0], 3);
	assert_int_equal(doubts(), 0);
}

/* The disk may have it: that is settled before anything else gets there. */
static void test_what_is_in_doubt_is_settled_first(void **state)
{
	struct fam_tx *one = NULL, *two = NULL;

	(void)state;
	assert_int_equal(fam_tx_begin(heap, NULL, &one), 0);
	assert_int_equal(fam_tx_begin(heap, NULL, &two), 0);
	assert_int_equal(fam_tx_set_word(one, word_at(0), 1), 0);
	assert_int_equal(fam_tx_set_word(two, word_at(0), 2), 0);
	fails_in = 0;
	assert_int_equal(fam_tx_commit(one), -EIO);
	assert_int_equal(doubts(), 1);
	/* Its own record is not tried before. */
	assert_int_equal(fam_tx_commit(two), -EIO);
	assert_int_equal(doubts(), 1);
	fails_in = -1;
	assert_int_equal(try_set(1, 5), 0);
	assert_int_equal(doubts(), 0);
	reboot();
	assert_int_equal(words[0], 0);
	assert_int_equal(words[1], 5);
}

static void test_doubts_of_others_are_settled_too(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *mine = heap, *same = heap_open(other, WRITE);

	(void)state;
	fails_in = 0;
	heap = same;
	assert_int_equal(try_set(0, 1), -EIO);
	heap = mine;
	assert_int_equal(try_set(0, 2), -EIO);
	fails_in = -1;
	assert_int_equal(try_set(0, 3), 0);
	assert_int_equal(doubts(), 0);
	heap = same;
	assert_int_equal(try_set(0, 4), 0);
	heap = mine;
	assert_int_equal(words[0], 4);
	fam_heap_close(same);
	fam_close(other);
}

static void test_what_the_dead_doubted_is_settled(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *mine = heap, *same = heap_open(other, WRITE);

	(void)state;
	fails_in = 0;
	heap = same;
	assert_int_equal(try_set(0, 1), -EIO);
	heap = mine;
	/* Without a farewell to the heap. */
	lose_session(other);
	assert_int_equal(fam_heap_recover(heap), -EIO);
	fails_in = -1;
	assert_true(fam_heap_recover(heap) >= 1);
	assert_int_equal(doubts(), 0);
	assert_int_equal(words[0], 0);
	fam_heap_close(same);
	fam_close(other);
}

/* At each of the persists of a commit with content in place, and of checkpoints. */
static void test_each_persist_fails_once(void **state)
{
	(void)state;
	failed = true;
	for (int n = 0; failed; n++) {
		fam_off off = 0;
		uint64_t was = words[0];
		int r;

		fails_in = n;
		failed = false;
		r = fam_heap_alloc(heap, word_at(0), 100000, FAM_HEAP_ZERO,
				   &off);
		fails_in = -1;
		assert_int_equal(r, failed ? -EIO : 0);
		assert_int_equal(words[0], failed ? was : off);
	}
	assert_int_equal(fam_heap_free(heap, word_at(0)), 0);
	assert_int_equal(objects(), 1);
}

static void test_a_checkpoint_that_fails_is_none(void **state)
{
	int r = 0;

	(void)state;
	for (unsigned int i = 0; r == 0 && i < 1000; i++) {
		assert_int_equal(try_set(0, i), 0);
		fails_in = 1;
		r = try_set(1, i);
		if (r == 0)
			assert_int_equal(fails_in, 0);
		fails_in = -1;
	}
	assert_int_equal(r, -EIO);
	assert_int_equal(try_set(2, 7), 0);
	assert_int_equal(words[2], 7);
	fails_in = 0;
	assert_int_equal(fam_heap_settle(heap), -EIO);
	fails_in = -1;
	assert_int_equal(fam_heap_settle(heap), 0);
	assert_int_equal(stat_of(heap).checkpoint, stat_of(heap).stamp);
}

/* It is committed: that its places elsewhere fail is for later. */
static void test_elsewhere_is_durable_later(void **state)
{
	struct fam_region *region = make(fam, "other", PAGE, WRITE);
	char *map = map_it(region, 0, 0);
	struct fam_tx *tx = NULL;
	void *copy;

	(void)state;
	assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
	assert_int_equal(fam_tx_add_region(tx, region, map, 8, &copy), 0);
	memset(copy, 'x', 8);
	fails_in = 1;
	assert_int_equal(fam_tx_commit(tx), 0);
	assert_int_equal(map[0], 'x');
	map[0] = 'y';
	assert_int_equal(fam_heap_settle(heap), -EIO);
	fails_in = -1;
	assert_int_equal(fam_heap_settle(heap), 0);
	/* It was made durable, not stored again. */
	assert_int_equal(map[0], 'y');
	fam_region_close(region);
	remove_it("other");
}

static void test_a_restart_that_fails_is_done_again(void **state)
{
	(void)state;
	failed = true;
	assert_int_equal(try_set(0, 1), 0);
	fam_heap_close(heap);
	fam_word_add(&fam_session_table(fam)->boot, 1);
	for (int n = 0; failed; n++) {
		struct fam_heap *opened = NULL;

		int r;

		fails_in = n;
		failed = false;
		r = fam_heap_open(fam, "heap", WRITE, &opened);
		assert_int_equal(r, failed ? -EIO : 0);
		fails_in = -1;
		heap = opened;
		assert_true(n < 100);
	}
	words = fam_heap_at(heap, root, 8);
	assert_int_equal(words[0], 1);
}

#define test(name) \
	cmocka_unit_test_setup_teardown(name, fail_set_up, fail_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_a_failed_commit_changes_nothing),
		test(test_what_is_in_doubt_is_settled_first),
		test(test_doubts_of_others_are_settled_too),
		test(test_what_the_dead_doubted_is_settled),
		test(test_each_persist_fails_once),
		test(test_a_checkpoint_that_fails_is_none),
		test(test_elsewhere_is_durable_later),
		test(test_a_restart_that_fails_is_done_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
