// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Classes, blocks, and claims of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap-image.h"

/* --- classes ------------------------------------------------------------------------- */

static void test_a_class_is_the_smallest_that_does(void **state)
{
	(void)state;
	for (uint64_t bytes = 1; bytes <= FAM_HEAP_MAX_BLOCK; bytes++) {
		const unsigned int class = fam_class_for(bytes, 16);

		assert_true(class < FAM_HEAP_CLASSES);
		assert_true(fam_class_bytes(class) >= bytes);
		assert_true(class == 0 || fam_class_bytes(class - 1) < bytes);
	}
	assert_int_equal(fam_class_for(FAM_HEAP_MAX_BLOCK + 1, 16),
			 FAM_HEAP_CLASSES);
	assert_int_equal(fam_class_for(UINT64_MAX, 16), FAM_HEAP_CLASSES);
}

static void test_classes_fit_their_bitmap_and_their_alignment(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FAM_HEAP_CLASSES; i++) {
		const uint32_t bytes = fam_class_bytes(i);

		assert_int_equal(bytes % 16, 0);
		assert_true(fam_class_blocks(i) <= FAM_HEAP_BITS_WORDS * 64);
		assert_true(fam_class_blocks(i) * (uint64_t)bytes <= CHUNK);
		assert_true(i == 0 || bytes > fam_class_bytes(i - 1));
	}
	for (uint64_t align = 16; align <= FAM_HEAP_PAGE; align *= 2) {
		for (uint64_t bytes = 1; bytes <= FAM_HEAP_MAX_BLOCK;
		     bytes += 7) {
			const unsigned int class = fam_class_for(bytes, align);

			assert_true(class < FAM_HEAP_CLASSES);
			assert_int_equal(fam_class_bytes(class) % align, 0);
			assert_true(fam_class_bytes(class) >= bytes);
		}
	}
}

/* A quarter up to 12 KiB, a half up to 32 KiB, as the manual has it. */
static void test_rounding_up_is_bounded(void **state)
{
	(void)state;
	for (unsigned int i = 2; i < FAM_HEAP_CLASSES; i++) {
		const uint32_t bytes = fam_class_bytes(i);
		const uint32_t before = fam_class_bytes(i - 1);

		if (bytes <= 64)
			assert_true(bytes - before <= 16);
		else if (bytes <= 12288)
			assert_true((bytes - before) * 4 <= before + 3);
		else
			assert_true((bytes - before) * 2 <= before + 256);
	}
}

/* --- blocks ---------------------------------------------------------------------------- */

static void test_only_the_beginnings_of_blocks_are_found(void **state)
{
	struct fam_block found;
	fam_off off;

	(void)state;
	begin(4 * MIB);
	off = take(&heap[0], 100);
	for (fam_off other = off - 200; other < off + 200; other++) {
		assert_int_equal(fam_block_find(&heap[0], other, &found),
				 other == off ? 0 : -EINVAL);
	}
	assert_int_equal(fam_block_find(&heap[0], 0, &found), -EINVAL);
	assert_int_equal(fam_block_find(&heap[0], heap[0].at.end, &found),
			 -EINVAL);
	assert_int_equal(fam_block_find(&heap[0], UINT64_MAX, &found), -EINVAL);
	end();
}

static void test_what_a_record_says_can_be_said_again(void **state)
{
	struct fam_claim claimed;
	struct fam_change change;
	struct fam_block found;

	(void)state;
	begin(4 * MIB);
	claimed = claim(&heap[0], 200);
	for (unsigned int i = 0; i < 3; i++)
		apply_take(&heap[0], &claimed.block);
	fam_claim_end(&heap[0], &claimed);
	change = change_of(&claimed.block, false);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fam_blocks_give(&heap[0], &change), 0);
		fam_hint_given(&heap[0], &change);
	}
	assert_int_equal(fam_block_find(&heap[0], change.offset, &found),
			 -EINVAL);
	end();
}

/* After a power cut the chunk may be on the disk as what it became later. */
static void test_a_record_says_what_a_chunk_is_whatever_it_was(void **state)
{
	const uint64_t blocks = fam_chunk_word(FAM_CHUNK_BLOCKS, 5, 0);
	struct fam_change take_it, give_it;
	struct fam_claim claimed;
	uint64_t chunk;

	(void)state;
	begin(4 * MIB);
	claimed = claim(&heap[0], fam_class_bytes(5));
	chunk = claimed.block.chunk;
	take_it = change_of(&claimed.block, true);
	give_it = change_of(&claimed.block, false);
	fam_word_put(fam_heap_kind(&heap[0], chunk),
		     fam_chunk_word(FAM_CHUNK_SPAN, 0, 1));
	assert_int_equal(fam_blocks_take(&heap[0], &take_it), 0);
	assert_int_equal(kind_of(chunk), blocks);
	assert_int_equal(fam_word_get(fam_heap_bits(&heap[0], chunk)), 1);
	fam_word_put(fam_heap_kind(&heap[0], chunk),
		     fam_chunk_word(FAM_CHUNK_MORE, 0, 0));
	assert_int_equal(fam_blocks_give(&heap[0], &give_it), 0);
	assert_int_equal(fam_word_get(fam_heap_bits(&heap[0], chunk)), 0);
	assert_int_equal(fam_chunk_kind(kind_of(chunk)), FAM_CHUNK_MORE);
	fam_word_put(fam_heap_kind(&heap[0], chunk), blocks);
	fam_claim_end(&heap[0], &claimed);
	end();
}

static void test_records_that_make_no_sense_change_nothing(void **state)
{
	const struct fam_change bad[] = {
		{FAM_CHANGE_TAKE, FAM_HEAP_CLASSES, 0, 0},
		{FAM_CHANGE_TAKE, 0xffff, 0, 0},
		{FAM_CHANGE_TAKE, 0, 0, 8},
		{FAM_CHANGE_TAKE, 3, 0, CHUNK - 16}, /* behind the last block */
		{FAM_CHANGE_TAKE, 0, 0, UINT64_MAX},
		{FAM_CHANGE_TAKE, 0, 0, UINT64_C(1) << 40},
		{FAM_CHANGE_SPAN, 0, 0, 0},
		{FAM_CHANGE_SPAN, 0, 1, 4096},
		{FAM_CHANGE_SPAN, 0, UINT32_MAX, 0},
	};
	uint64_t tables;
	void *was;

	(void)state;
	begin(4 * MIB);
	tables = heap[0].at.chunk - heap[0].at.kind;
	was = malloc(tables);
	memcpy(was, heap[0].base + heap[0].at.kind, tables);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fam_change change = bad[i];

		if (change.offset < UINT64_C(1) << 40)
			change.offset += heap[0].at.chunk;
		assert_int_equal(fam_blocks_take(&heap[0], &change), -EBADMSG);
		change.kind = change.kind == FAM_CHANGE_SPAN ? FAM_CHANGE_UNSPAN
							     : FAM_CHANGE_GIVE;
		assert_int_equal(fam_blocks_give(&heap[0], &change), -EBADMSG);
		fam_hint_given(&heap[0], &change);
	}
	assert_memory_equal(heap[0].base + heap[0].at.kind, was, tables);
	free(was);
	end();
}

/* --- runs --------------------------------------------------------------------------------- */

static void test_claims_are_of_different_blocks(void **state)
{
	static struct fam_claim claimed[3000];
	unsigned char *seen;

	(void)state;
	begin(4 * MIB);
	seen = calloc(1, 4 * MIB);
	for (unsigned int i = 0; i < 3000; i++) {
		claimed[i] = claim(&heap[i % 2], 64);
		assert_int_equal(seen[claimed[i].block.off], 0);
		seen[claimed[i].block.off] = 1;
		assert_int_equal(claimed[i].block.off % 64, 0);
	}
	for (unsigned int i = 0; i < 3000; i++)
		fam_claim_end(&heap[i % 2], &claimed[i]);
	free(seen);
	fam_runs_spare(&heap[0]);
	fam_runs_spare(&heap[1]);
	assert_all_free();
	end();
}

static void test_dropped_claims_are_free_again(void **state)
{
	struct fam_claim claimed;
	fam_off first;

	(void)state;
	begin(4 * MIB);
	claimed = claim(&heap[0], 64);
	first = claimed.block.off;
	fam_claim_end(&heap[0], &claimed);
	assert_int_equal(take(&heap[0], 64), first);
	claimed = claim(&heap[0], MIB);
	assert_int_equal(claimed.block.chunks, 16);
	fam_claim_end(&heap[0], &claimed);
	assert_int_equal(free_chunks(), heap[0].at.count - 1);
	end();
}

/* The run stays with its claims when another one has taken its place. */
static void test_a_full_run_is_let_go_with_its_last_claim(void **state)
{
	struct fam_claim claimed[3];
	uint64_t chunk;

	(void)state;
	begin(16 * MIB);
	for (unsigned int i = 0; i < 3; i++)
		claimed[i] = claim(&heap[0], 32768);
	chunk = claimed[0].block.chunk;
	assert_int_equal(claimed[1].block.chunk, chunk);
	assert_int_not_equal(claimed[2].block.chunk, chunk);
	assert_int_equal(holder_of(chunk), heap[0].me);
	fam_claim_end(&heap[0], &claimed[1]);
	assert_int_equal(holder_of(chunk), heap[0].me);
	apply_take(&heap[0], &claimed[0].block);
	fam_claim_end(&heap[0], &claimed[0]);
	assert_int_equal(holder_of(chunk), 0);
	assert_int_equal(fam_hint(&heap[0], chunk), FAM_HEAP_CLASSES);
	/* So somebody else finds its room before what is free. */
	assert_int_equal(chunk_at(take(&heap[1], 32768)), chunk);
	fam_claim_end(&heap[0], &claimed[2]);
	end();
}

static void test_what_others_free_in_a_run_is_used_again(void **state)
{
	fam_off off[1024], again;

	(void)state;
	begin(16 * MIB);
	for (unsigned int i = 0; i < 1024; i++)
		off[i] = take(&heap[0], 64);
	for (unsigned int i = 0; i < 1024; i++) {
		assert_int_equal(chunk_at(off[i]), chunk_at(off[0]));
		if (i % 2)
			give(&heap[1], off[i]);
	}
	for (unsigned int i = 0; i < 512; i++) {
		again = take(&heap[0], 64);
		assert_int_equal(chunk_at(again), chunk_at(off[0]));
	}
	assert_int_equal(free_chunks(), heap[0].at.count - 1);
	end();
}

static void test_an_empty_chunk_becomes_free(void **state)
{
	fam_off off[4];

	(void)state;
	begin(16 * MIB);
	for (unsigned int i = 0; i < 4; i++)
		off[i] = take(&heap[0], 32768);
	/* The second run is held; the first one was full. */
	for (unsigned int i = 0; i < 4; i++)
		give(&heap[1], off[i]);
	assert_int_equal(kind_of(chunk_at(off[0])), FAM_CHUNK_FREE);
	assert_int_equal(fam_hint(&heap[0], chunk_at(off[0])), FAM_LANE_FREE);
	assert_int_equal(holder_of(chunk_at(off[3])), heap[0].me);
	fam_arenas_close(&heap[0]);
	assert_all_free();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_class_is_the_smallest_that_does),
		cmocka_unit_test(
			test_classes_fit_their_bitmap_and_their_alignment),
		cmocka_unit_test(test_rounding_up_is_bounded),
		cmocka_unit_test(test_only_the_beginnings_of_blocks_are_found),
		cmocka_unit_test(test_what_a_record_says_can_be_said_again),
		cmocka_unit_test(
			test_a_record_says_what_a_chunk_is_whatever_it_was),
		cmocka_unit_test(
			test_records_that_make_no_sense_change_nothing),
		cmocka_unit_test(test_claims_are_of_different_blocks),
		cmocka_unit_test(test_dropped_claims_are_free_again),
		cmocka_unit_test(test_a_full_run_is_let_go_with_its_last_claim),
		cmocka_unit_test(test_what_others_free_in_a_run_is_used_again),
		cmocka_unit_test(test_an_empty_chunk_becomes_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
