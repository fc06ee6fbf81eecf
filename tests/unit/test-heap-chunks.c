// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Chunks: all taken, in a row, of the dead, and in memory that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "heap-image.h"

/* --- the heap is full ------------------------------------------------------------------- */

static void test_a_full_heap_loses_nothing(void **state)
{
	static const uint64_t sizes[] = {32, 100, 4096, 30000, 65536, 200000};
	static fam_off off[200000];

	(void)state;
	begin(4 * MIB);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned int n = 0;

		while ((off[n] = try_take(&heap[0], sizes[i])) != 0)
			n++;
		/* What is larger than wanted was used before giving up. */
		assert_int_equal(
			free_chunks(),
			sizes[i] <= 65536
				? 0
				: heap[0].at.count -
					  n * ((sizes[i] + CHUNK - 1) / CHUNK));
		while (n--)
			give(&heap[n % 2], off[n]);
		fam_runs_spare(&heap[0]);
		assert_all_free();
	}
	/* And once more what it has to be the whole heap for. */
	give(&heap[0], take(&heap[0], heap[0].at.count * CHUNK));
	assert_all_free();
	assert_int_equal(try_take(&heap[0], heap[0].at.count * CHUNK + 1), 0);
	end();
}

static void test_before_nothing_something_larger_is_taken(void **state)
{
	struct fam_claim claimed;
	fam_off large = 0, last = 0;

	(void)state;
	begin(4 * MIB);
	for (fam_off off; (off = try_take(&heap[0], 32768)) != 0; last = off)
		large = last;
	give(&heap[0], large);
	assert_int_equal(fam_claim_take(&heap[0], 64, 16, &claimed), 0);
	assert_int_equal(claimed.block.bytes, 32768);
	assert_int_equal(claimed.block.off, large);
	fam_claim_end(&heap[0], &claimed);
	/* But it lies where it was asked to. */
	give(&heap[0], last);
	assert_int_equal(fam_claim_take(&heap[0], 64, 4096, &claimed), 0);
	assert_int_equal(claimed.block.off % 4096, 0);
	fam_claim_end(&heap[0], &claimed);
	end();
}

/* A chunk that is kept, but in which nothing is, does not keep others from it. */
static void test_what_is_kept_empty_is_given_up_for_others(void **state)
{
	fam_off off[16];

	(void)state;
	begin(16 * MIB);
	for (unsigned int i = 0; i < 16; i++)
		off[i] = take(&heap[0], 32 << i % 11);
	for (unsigned int i = 0; i < 16; i++)
		give(&heap[0], off[i]);
	assert_true(free_chunks() < heap[0].at.count);
	give(&heap[0], take(&heap[0], heap[0].at.count * CHUNK));
	end();
}

/* --- spans --------------------------------------------------------------------------------- */

static void test_spans_are_found_between_others(void **state)
{
	uint64_t count;
	fam_off off[64] = {0}, hole;

	(void)state;
	begin(4 * MIB);
	count = heap[0].at.count;
	for (uint64_t i = 0; i < count; i++)
		off[i] = take(&heap[0], CHUNK);
	/* From the upper end on. */
	assert_int_equal(chunk_at(off[0]), count - 1);
	assert_int_equal(try_take(&heap[0], CHUNK), 0);
	for (uint64_t i = 9; i < 12; i++)
		give(&heap[0], off[i]);
	assert_int_equal(try_take(&heap[0], 4 * CHUNK), 0);
	hole = take(&heap[0], 3 * CHUNK - 5);
	assert_int_equal(hole, off[11]);
	assert_int_equal(fam_chunk_count(kind_of(chunk_at(hole))), 3);
	assert_int_equal(kind_of(chunk_at(hole) + 2),
			 fam_chunk_word(FAM_CHUNK_MORE, 0, 0));
	give(&heap[0], hole);
	assert_int_equal(free_chunks(), 3);
	end();
}

/* What blocks need and what spans need do not cut up each other's space. */
static void test_blocks_and_spans_come_from_both_ends(void **state)
{
	fam_off block, span;

	(void)state;
	begin(64 * MIB);
	block = take(&heap[0], 1000);
	span = take(&heap[0], MIB);
	assert_int_equal(chunk_at(block), 0);
	assert_int_equal(chunk_at(span) + 16, heap[0].at.count);
	end();
}

/* --- death ----------------------------------------------------------------------------------- */

static void test_what_the_dead_held_is_used_again(void **state)
{
	struct fam_claim of_dead, span;
	fam_off off;

	(void)state;
	begin(16 * MIB);
	off = take(&heap[0], 64);
	of_dead = claim(&heap[0], 64);
	span = claim(&heap[0], 5 * CHUNK);
	die(0);
	/* Its room is used before the heap grows; its claims were nothing. */
	assert_int_equal(take(&heap[1], 64), of_dead.block.off);
	assert_true(recoveries > 0);
	assert_int_equal(chunk_at(off), chunk_at(of_dead.block.off));
	for (unsigned int i = 0; i < span.block.chunks; i++)
		assert_int_equal(holder_of(span.block.chunk + i), 0);
	assert_int_equal(free_chunks(), heap[0].at.count - 1);
	lost = &heap[0];
	fam_claim_end(&heap[0], &of_dead);
	fam_claim_end(&heap[0], &span);
	end();
}

/* As long as what it has begun is not finished, nobody knows what is free there. */
static void test_of_the_dead_nothing_is_taken_before_recovery(void **state)
{
	struct fam_claim claimed, other;

	(void)state;
	begin(4 * MIB);
	claimed = claim(&heap[0], 64);
	die(0);
	recovery = -EIO;
	other = claim(&heap[1], 64);
	assert_int_not_equal(other.block.chunk, claimed.block.chunk);
	assert_int_equal(holder_of(claimed.block.chunk), heap[0].me);
	fam_claim_end(&heap[1], &other);
	lost = &heap[0];
	fam_claim_end(&heap[0], &claimed);
	end();
}

/* Others may have it by then, or will ask who had it. */
static void test_a_lost_session_leaves_chunks_alone(void **state)
{
	uint64_t chunk;

	(void)state;
	begin(16 * MIB);
	chunk = chunk_at(take(&heap[0], 64));
	lost = &heap[0];
	fam_arenas_close(&heap[0]);
	assert_int_equal(holder_of(chunk), heap[0].me);
	end();
}

/* --- hostile memory ----------------------------------------------------------------------------- */

static void test_hints_that_lie_are_put_right(void **state)
{
	fam_off off;

	(void)state;
	begin(4 * MIB);
	off = take(&heap[1], 200000);
	for (unsigned int lie = 0; lie < 256; lie++) {
		fam_off block, span;

		memset(heap[0].base + heap[0].at.lane, (int)lie,
		       heap[0].at.count);
		block = take(&heap[0], 48);
		span = take(&heap[0], 3 * CHUNK);
		assert_true(chunk_at(block) != chunk_at(off));
		assert_true(chunk_at(span) + 3 <= chunk_at(off) ||
			    chunk_at(span) >= chunk_at(off) + 4);
		give(&heap[0], block);
		give(&heap[0], span);
		fam_space_look(&heap[0]);
	}
	give(&heap[1], off);
	assert_all_free();
	end();
}

static void test_nonsense_in_the_tables_ends(void **state)
{
	unsigned int seed = 1;

	(void)state;
	begin(4 * MIB);
	for (unsigned int round = 0; round < 200; round++) {
		const struct fam_heap_places *at = &heap[0].at;
		struct fam_block found;

		for (uint64_t i = at->lane; i < at->chunk; i++)
			heap[0].base[i] = (char)(rand_r(&seed) >> 8);
		for (uint64_t i = 0; i < 50; i++) {
			struct fam_claim claimed;
			const uint64_t bytes =
				1 + (uint64_t)rand_r(&seed) % 200000;

			if (fam_claim_take(&heap[1], bytes, 16, &claimed) < 0)
				continue;
			assert_true(fam_heap_holds(&heap[1], claimed.block.off,
						   claimed.block.bytes));
			fam_claim_end(&heap[1], &claimed);
		}
		for (fam_off off = at->chunk; off < at->end; off += 1040) {
			if (fam_block_find(&heap[0], off, &found) == 0)
				assert_true(fam_heap_holds(&heap[0], found.off,
							   found.bytes));
		}
	}
	end();
}

/* --- several at once ----------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS	4000
#define KEPT	64

static _Atomic unsigned char *owned; /* by offset / 16 */

static void mark(fam_off off, bool taken)
{
	assert_int_equal(atomic_exchange(&owned[off / 16], taken), !taken);
}

/* Two threads in one session, one in each of the others. */
static void *work(void *arg)
{
	const unsigned int number = (unsigned int)(uintptr_t)arg;
	struct fam_heap *by = &heap[number % ACTORS];
	unsigned int seed = number;
	fam_off kept[KEPT] = {0};

	for (unsigned int i = 0; i < ROUNDS; i++) {
		fam_off *at = &kept[rand_r(&seed) % KEPT];
		const uint64_t bytes = UINT64_C(1) << rand_r(&seed) % 18;
		struct fam_claim claimed = {0};
		struct fam_block block = {0};
		struct fam_change change;

		if (*at) {
			assert_int_equal(fam_block_find(by, *at, &block), 0);
			change = change_of(&block, false);
			mark(*at, false);
			assert_int_equal(fam_blocks_give(by, &change), 0);
			fam_hint_given(by, &change);
			*at = 0;
		} else if (fam_claim_take(by, bytes, 16, &claimed) == 0) {
			if (rand_r(&seed) % 4) {
				mark(claimed.block.off, true);
				apply_take(by, &claimed.block);
				*at = claimed.block.off;
			}
			fam_claim_end(by, &claimed);
		}
	}
	for (unsigned int i = 0; i < KEPT; i++) {
		if (kept[i]) {
			mark(kept[i], false);
			give(by, kept[i]);
		}
	}
	return NULL;
}

static void test_threads_and_sessions_share_a_heap(void **state)
{
	const uint64_t bytes = 8 * MIB;
	pthread_t thread[THREADS];

	(void)state;
	begin(bytes);
	owned = calloc(bytes / 16, 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, work, (void *)i), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned int i = 0; i < ACTORS; i++)
		fam_runs_spare(&heap[i]);
	/* Nothing was lost, not even from sight. */
	assert_all_free();
	free((void *)owned);
	end();
}

/* --- large ----------------------------------------------------------------------------------------- */

static void test_a_large_heap_is_searched_quickly(void **state)
{
	fam_off off;

	(void)state;
	begin(16 * GIB);
	off = take(&heap[0], 15 * GIB);
	assert_int_equal(chunk_at(off) + 15 * GIB / CHUNK, heap[0].at.count);
	assert_true(take(&heap[0], 64) < off);
	for (unsigned int i = 0; i < 1000; i++)
		take(&heap[1], 32768);
	give(&heap[1], off);
	assert_int_equal(fam_hint(&heap[0], heap[0].at.count - 1),
			 FAM_LANE_FREE);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_heap_loses_nothing),
		cmocka_unit_test(test_before_nothing_something_larger_is_taken),
		cmocka_unit_test(
			test_what_is_kept_empty_is_given_up_for_others),
		cmocka_unit_test(test_spans_are_found_between_others),
		cmocka_unit_test(test_blocks_and_spans_come_from_both_ends),
		cmocka_unit_test(test_what_the_dead_held_is_used_again),
		cmocka_unit_test(
			test_of_the_dead_nothing_is_taken_before_recovery),
		cmocka_unit_test(test_a_lost_session_leaves_chunks_alone),
		cmocka_unit_test(test_hints_that_lie_are_put_right),
		cmocka_unit_test(test_nonsense_in_the_tables_ends),
		cmocka_unit_test(test_threads_and_sessions_share_a_heap),
		cmocka_unit_test(test_a_large_heap_is_searched_quickly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
