// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What fam_check() says of heaps: of what is broken, what a crash leaves, and the dead. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fabric-file.h"

#include "check-file.h"
#include "heap-hurt.h"

#include "heap-check.h"

#define CHURN_MS 400

/* One problem and no more, with that in its part and its text. */
static void assert_told(enum fam_check_level level, const char *part,
			const char *text)
{
	check(0);
	check_file_found(&t.file, 1);
	if (!strstr(t.file.problem[0].part, part) ||
	    !strstr(t.file.problem[0].text, text))
		check_file_tell(&t.file);
	assert_non_null(strstr(t.file.problem[0].part, part));
	assert_non_null(strstr(t.file.problem[0].text, text));
	assert_int_equal(t.file.problem[0].level, level);
}

/* --- what it says of a whole one ----------------------------------------------------- */

static void a_whole_heap_has_no_problems_and_is_counted(void **state)
{
	struct fam_heap *heap;

	(void)state;
	check_file_is_clean(&t.file);
	assert_int_equal(t.file.sum.heaps, 1);
	assert_int_equal(t.file.sum.heap_objects, THINGS + 1);
	heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);
	check_file_is_clean(&t.file);
	fam_heap_close(heap);
	check_file_is_clean(&t.file);
	assert_whole();
}

static void it_stores_nothing_and_needs_no_session(void **state)
{
	struct fam *looker = NULL;

	(void)state;
	heap_hurt_kind(&t, t.at.count - 1)[0] = 0x77;
	memcpy(image, t.base, t.at.chunk);
	assert_int_equal(fam_open(&looker, t.file.path, FAM_OPEN_RDONLY), 0);
	assert_int_equal(check_file_check(&t.file, looker, 0), 0);
	check_file_found(&t.file, 1);
	fam_close(looker);
	assert_memory_equal(image, t.base, t.at.chunk);
}

static void regions_of_that_type_without_a_heap_are_no_problem(void **state)
{
	const struct fam_region_want small = {.bytes = 5000,
					      .type = FAM_REGION_HEAP},
				     empty = {.bytes = 2 * MIB,
					      .type = FAM_REGION_HEAP};

	(void)state;
	assert_int_equal(fam_region_create(t.file.fam, "s", &small, NULL), 0);
	assert_int_equal(fam_region_create(t.file.fam, "e", &empty, NULL), 0);
	check_file_is_clean(&t.file);
	assert_int_equal(t.file.sum.heaps, 1);
}

/* --- headers -------------------------------------------------------------------------- */

static void a_header_is_written_anew_from_the_other(void **state)
{
	(void)state;
	for (unsigned int copy = 0; copy < 2; copy++) {
		t.base[copy * FAM_HEAP_PAGE + 20] ^= 1;
		assert_told(FAM_CHECK_DAMAGE, copy ? "copy 1" : "copy 0",
			    "the other one serves");
		assert_mended();
		assert_memory_equal(t.base + copy * FAM_HEAP_PAGE,
				    image + copy * FAM_HEAP_PAGE, 64);
	}
}

static void without_a_header_all_of_it_is_lost(void **state)
{
	struct fam_heap *heap = NULL;

	(void)state;
	t.base[20] ^= 1;
	t.base[FAM_HEAP_PAGE + 30] ^= 1;
	assert_told(FAM_CHECK_LOSS, "header", "cannot be opened");
	check(FAM_CHECK_REPAIR);
	assert_int_equal(t.file.sum.losses, 1);
	assert_int_equal(t.file.sum.repaired, 0);
	assert_int_equal(t.file.sum.heaps, 0);
	assert_int_equal(
		fam_heap_open(t.file.fam, HEAP_NAME, FAM_REGION_WRITE, &heap),
		-EBADMSG);
}

static void headers_that_were_zeroed_are_a_loss(void **state)
{
	(void)state;
	memset(t.base, 0, 64);
	memset(t.base + FAM_HEAP_PAGE, 0, 64);
	assert_told(FAM_CHECK_LOSS, "header", "no copy is there");
}

static void the_copy_of_a_heap_is_a_note(void **state)
{
	const struct fam_region_want want = {.bytes = HEAP_BYTES,
					     .type = FAM_REGION_HEAP};
	struct fam_region_info info;

	(void)state;
	assert_int_equal(fam_region_create(t.file.fam, "copy", &want, NULL), 0);
	assert_int_equal(
		fam_region_find(t.file.fam, "copy", &info, sizeof(info)), 0);
	memcpy(t.file.bytes + info.offset, t.base, HEAP_BYTES);
	assert_told(FAM_CHECK_NOTE, "heap 'copy', header", "none itself");
	assert_int_equal(t.file.sum.heaps, 1);
}

/* --- what is broken ------------------------------------------------------------------- */

static uint64_t find_span(uint32_t chunks)
{
	uint64_t i = 0;

	for (;; i++) {
		i = heap_hurt_find(&t, FAM_CHUNK_SPAN, i);
		assert_true(i < t.at.count);
		if (fam_chunk_count(*heap_hurt_kind(&t, i)) >= chunks)
			return i;
	}
}

static void a_span_is_told_by_its_chunks(void **state)
{
	const uint64_t span = find_span(2);
	fam_word *kind = heap_hurt_kind(&t, span);
	const uint64_t right = *kind, more = kind[1];
	const uint64_t wrong[] = {
		fam_chunk_word(FAM_CHUNK_SPAN, 0, 1),
		fam_chunk_word(FAM_CHUNK_SPAN, 0, 0),
		fam_chunk_word(FAM_CHUNK_SPAN, 0, UINT32_MAX),
		fam_chunk_word(FAM_CHUNK_SPAN, 7, fam_chunk_count(right)),
		fam_chunk_word(FAM_CHUNK_BLOCKS, 0, fam_chunk_count(right)),
		fam_chunk_word(9, 0, fam_chunk_count(right)),
		fam_chunk_word(FAM_CHUNK_MORE, 0, 0),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		*kind = wrong[i];
		repair();
		assert_int_equal(t.file.problems, 1);
		assert_int_equal(*kind, right);
		assert_whole();
	}
	for (uint64_t bad = 0; bad < 20; bad++) {
		kind[1] = bad == FAM_CHUNK_MORE ? 77 : bad;
		repair();
		assert_int_equal(kind[1], more);
		assert_whole();
	}
	check_file_is_clean(&t.file);
}

/* It is longer than what there is of it: nobody else's chunk becomes a part of it. */
static void a_span_does_not_take_what_is_anothers(void **state)
{
	const uint64_t span = find_span(2);
	fam_word *kind = heap_hurt_kind(&t, span);
	const uint64_t right = *kind;
	const uint32_t chunks = fam_chunk_count(right);

	(void)state;
	for (uint32_t n = chunks + 1; n <= t.at.count - span; n++) {
		*kind = fam_chunk_word(FAM_CHUNK_SPAN, 0, n);
		repair();
		assert_true(t.file.problems >= 1);
		assert_whole();
		put_back();
	}
}

/* Of a class that has a number, and not the root's. */
static uint64_t find_blocks(void)
{
	uint64_t root =
		(heap_hurt_state(&t)->root - t.at.chunk) / FAM_HEAP_CHUNK;
	uint64_t i = 0;

	for (;; i++) {
		i = heap_hurt_find(&t, FAM_CHUNK_BLOCKS, i);
		assert_true(i < t.at.count);
		if (i != root && fam_chunk_class(*heap_hurt_kind(&t, i)))
			return i;
	}
}

static void blocks_of_a_kind_that_is_lost_stay_allocated(void **state)
{
	uint64_t chunk = find_blocks();
	fam_word *kind = heap_hurt_kind(&t, chunk);
	const uint64_t right = *kind;

	(void)state;
	*kind = right ^ 1;
	assert_mended();
	assert_int_equal(*kind, right);
	*kind = right | 0xabcd0000;
	assert_told(FAM_CHECK_DAMAGE, "chunk", "its kind is wrong");
	assert_mended();
	assert_int_equal(*kind, right);
	*kind = fam_chunk_word(FAM_CHUNK_BLOCKS, 200, 0);
	assert_told(FAM_CHECK_LOSS, "chunk", "of what size");
	*kind = 0;
	assert_told(FAM_CHECK_LOSS, "chunk", "it is free, but");
	repair();
	assert_int_equal(fam_chunk_kind(*kind), FAM_CHUNK_BLOCKS);
	check_file_is_clean(&t.file);
}

/* What may lie there is given to nobody else. */
static void a_class_that_is_another_keeps_the_chunk(void **state)
{
	uint64_t chunk = find_blocks();
	fam_word *kind = heap_hurt_kind(&t, chunk);
	fam_word *bits = heap_hurt_bits(&t, chunk);

	(void)state;
	*kind = fam_chunk_word(FAM_CHUNK_BLOCKS, FAM_HEAP_CLASSES - 1, 0);
	for (unsigned int i = 0; i < 8; i++)
		bits[i] = 0x11;
	assert_told(FAM_CHECK_LOSS, "chunk", "its kind was another");
	repair();
	check_file_is_clean(&t.file);
	assert_int_equal(bits[0], 3); /* both blocks of 32 KiB */
	assert_int_equal(bits[1], 0);
}

static void many_broken_chunks_are_told_by_a_few(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < t.at.count; i++) {
		memset((void *)heap_hurt_bits(&t, i), 0xff, 256);
		*heap_hurt_kind(&t, i) = 0x7777;
	}
	check(0);
	assert_true(t.file.problems >= 4 && t.file.problems <= t.at.count + 8);
	check(FAM_CHECK_REPAIR);
}

static void the_root_object_keeps_its_block(void **state)
{
	const uint64_t root = heap_hurt_state(&t)->root;
	struct fam_block block;
	struct fam_heap *heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);
	fam_word *bits;

	(void)state;
	assert_int_equal(fam_block_find(heap, root, &block), 0);
	fam_heap_close(heap);
	bits = heap_hurt_bits(&t, block.chunk);
	bits[block.bit / 64] &= ~(UINT64_C(1) << block.bit % 64);
	assert_told(FAM_CHECK_LOSS, "root object", "it is not there");
	assert_mended();
}

static void a_root_that_is_not_there_is_a_loss(void **state)
{
	struct fam_heap_state *s = heap_hurt_state(&t);
	const uint64_t root = s->root, bytes = s->root_bytes;

	(void)state;
	s->root += 16;
	assert_told(FAM_CHECK_LOSS, "root object", "it is not there");
	s->root = UINT64_MAX - 7;
	assert_told(FAM_CHECK_LOSS, "root object", "it is not there");
	s->root = root;
	s->root_bytes = UINT64_C(1) << 40;
	assert_told(FAM_CHECK_DAMAGE, "root object", "longer");
	assert_mended();
	assert_true(s->root_bytes >= bytes && s->root_bytes < 2 * bytes);
}

/* --- after a power cut ------------------------------------------------------------------ */

/* Commits that are only in a journal, of which nothing is in its place. */
static void commit_some(unsigned int count)
{
	struct fam_heap *heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(fam_heap_alloc(heap, 0, 100, 0, NULL), 0);
	fam_heap_close(heap);
}

static uint32_t busiest(void)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < t.at.journals; i++) {
		if (heap_hurt_slot(&t, i)->last >
		    heap_hurt_slot(&t, best)->last)
			best = i;
	}
	return best;
}

/* Where record @n of the last @of in a journal begins. */
static uint64_t last_records(uint32_t journal, uint64_t *out, unsigned int of)
{
	const char *base = heap_hurt_journal(&t, journal);
	uint64_t tail = heap_hurt_slot(&t, journal)->tail, count = 0;

	for (uint64_t at = 0; at < tail;) {
		const struct fam_record *r = (const void *)(base + at);

		out[count++ % of] = at;
		at += (r->bytes + 63) / 64 * 64;
	}
	return count;
}

static void what_a_power_cut_left_is_a_note(void **state)
{
	(void)state;
	commit_some(5);
	heap_hurt_reboot(&t);
	assert_told(FAM_CHECK_NOTE, "journals", "to be finished");
	repair();
	check_file_is_clean(&t.file);
	assert_int_equal(t.file.sum.heap_objects, THINGS + 1 + 5);
}

static void a_record_that_is_spoilt_is_a_loss(void **state)
{
	uint64_t at[3], count;
	uint32_t journal;

	(void)state;
	commit_some(5);
	journal = busiest();
	count = last_records(journal, at, 3);
	assert_true(count >= 3);
	heap_hurt_journal(&t, journal)[at[(count - 2) % 3] + 40] ^= 4;
	/* While the host goes on all of it is in its place. */
	assert_told(FAM_CHECK_DAMAGE, "writer", "does not end where");
	heap_hurt_reboot(&t);
	check(0);
	assert_int_equal(t.file.sum.losses, 1);
	check(FAM_CHECK_REPAIR);
	assert_int_equal(t.file.sum.losses, 1);
	assert_int_equal(t.file.sum.repaired, t.file.problems);
	check_file_is_clean(&t.file);
}

static void the_last_record_that_is_torn_is_a_note(void **state)
{
	uint64_t at[1];
	uint32_t journal;

	(void)state;
	commit_some(5);
	journal = busiest();
	(void)last_records(journal, at, 1);
	heap_hurt_journal(&t, journal)[at[0] + 40] ^= 4;
	heap_hurt_reboot(&t);
	check(0);
	assert_int_equal(t.file.sum.losses + t.file.sum.damages, 0);
	assert_int_equal(t.file.sum.notes, 2);
	repair();
	check_file_is_clean(&t.file);
}

static void a_spoilt_record_is_not_needed_after_the_repair(void **state)
{
	uint64_t at[3];
	uint32_t journal;
	struct fam_heap *heap;

	(void)state;
	commit_some(5);
	journal = busiest();
	(void)last_records(journal, at, 3);
	heap_hurt_journal(&t, journal)[at[0] + 40] ^= 4;
	repair();
	check_file_is_clean(&t.file);
	heap_hurt_reboot(&t);
	heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);
	assert_true(heap_hurt_is_whole(&t, heap));
	assert_int_equal(t.others, 1 + 5);
	fam_heap_close(heap);
}

static void a_checkpoint_that_never_was_is_a_loss_after_a_cut(void **state)
{
	(void)state;
	heap_hurt_state(&t)->checkpoint = UINT64_C(1) << 60;
	heap_hurt_reboot(&t);
	assert_told(FAM_CHECK_LOSS, "checkpoint", "far ahead");
	repair();
	check_file_is_clean(&t.file);
	commit_some(3);
	heap_hurt_reboot(&t);
	use_it(true);
	check_file_is_clean(&t.file);
	assert_int_equal(t.file.sum.heap_objects, THINGS + 1 + 3);
}

/* --- the dead ------------------------------------------------------------------------------ */

#define DEAD UINT64_C(0x1234567890000000) /* in a holder word */

static void what_the_dead_hold_is_a_note(void **state)
{
	uint64_t chunk = find_blocks();
	fam_word *holder = (fam_word *)(void *)(t.base + t.at.holder) + chunk;

	(void)state;
	*holder = DEAD;
	assert_told(FAM_CHECK_NOTE, "chunks", "sessions that have died");
	assert_mended();
	assert_int_equal(*holder, 0);
	heap_hurt_slot(&t, 2)->holder = DEAD;
	assert_told(FAM_CHECK_NOTE, "journal 2, writer", "has died");
	assert_mended();
	assert_int_equal(heap_hurt_slot(&t, 2)->holder, 0);
}

/* As it was when its record was durable, and nothing of it applied. */
static void die_in_the_last_record(uint32_t journal)
{
	struct fam_heap_slot *slot = heap_hurt_slot(&t, journal);
	const struct fam_record *record;
	const struct fam_change *take;
	fam_word *bits;
	uint64_t at[1] = {0}, in, bit;

	assert_true(last_records(journal, at, 1) > 0);
	record = (const void *)(heap_hurt_journal(&t, journal) + at[0]);
	take = (const void *)(record + 1);
	assert_int_equal(take->kind, FAM_CHANGE_TAKE);
	in = take->offset - t.at.chunk;
	bits = heap_hurt_bits(&t, in / FAM_HEAP_CHUNK);
	bit = in % FAM_HEAP_CHUNK / fam_class_bytes(take->class);
	assert_true(bits[bit / 64] >> bit % 64 & 1);
	bits[bit / 64] &= ~(UINT64_C(1) << bit % 64);
	slot->tail = at[0];
	slot->last = record->stamp - 1;
	slot->applied = 0;
	slot->inflight = record->stamp;
	slot->holder = DEAD;
}

static void what_the_dead_have_begun_is_a_note_and_finished(void **state)
{
	uint32_t journal;

	(void)state;
	commit_some(5);
	journal = busiest();
	die_in_the_last_record(journal);
	check(0);
	assert_int_equal(t.file.sum.damages + t.file.sum.losses, 0);
	assert_int_equal(t.file.sum.heap_objects, THINGS + 1 + 4);
	repair();
	assert_true(t.file.problems >= 1);
	check_file_is_clean(&t.file);
	assert_int_equal(t.file.sum.heap_objects, THINGS + 1 + 5);
	assert_int_equal(heap_hurt_slot(&t, journal)->inflight, 0);
}

/* --- others -------------------------------------------------------------------------------- */

static _Atomic bool stop;

/* With an attachment of its own, or that of who looks. */
static void *churn(void *arg)
{
	struct fam *fam = arg;
	struct fam_heap *heap;
	fam_off off[16] = {0};
	unsigned int n = 0;

	if (!arg)
		assert_int_equal(fam_open(&fam, t.file.path, 0), 0);
	heap = heap_hurt_open(fam, FAM_REGION_WRITE);
	for (; !stop; n++) {
		uint64_t bytes = n % 7 ? 32u << n % 9 : 65000 + n % 3 * 50000;

		if (off[n % 16])
			assert_int_equal(fam_heap_release(heap, off[n % 16]),
					 0);
		off[n % 16] = 0;
		(void)fam_heap_alloc(heap, 0, bytes, 0, &off[n % 16]);
	}
	for (n = 0; n < 16; n++) {
		if (off[n])
			assert_int_equal(fam_heap_release(heap, off[n]), 0);
	}
	fam_heap_close(heap);
	if (!arg)
		fam_close(fam);
	return NULL;
}

static void look_for_a_while(unsigned int flags)
{
	int64_t until = fam_now_ms() + CHURN_MS;

	while (fam_now_ms() < until) {
		check(flags);
		if (t.file.sum.damages || t.file.sum.losses)
			check_file_tell(&t.file);
		assert_int_equal(t.file.sum.damages, 0);
		assert_int_equal(t.file.sum.losses, 0);
	}
}

static void what_others_are_changing_is_no_damage(void **state)
{
	pthread_t thread[2];

	(void)state;
	stop = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, churn, i ? t.file.fam : NULL);
	look_for_a_while(0);
	look_for_a_while(FAM_CHECK_REPAIR);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	check_file_is_clean(&t.file);
	assert_whole();
}

static void what_its_own_threads_change_is_no_damage(void **state)
{
	pthread_t thread;

	(void)state;
	stop = false;
	pthread_create(&thread, NULL, churn, t.file.fam);
	look_for_a_while(0);
	stop = true;
	pthread_join(thread, NULL);
	check_file_is_clean(&t.file);
}

/* Nor is what they have taken from under them by the repair of something else. */
static void it_is_repaired_under_those_who_use_it(void **state)
{
	uint64_t span = find_span(2), right = *heap_hurt_kind(&t, span);
	int64_t until;
	pthread_t thread;

	(void)state;
	stop = false;
	pthread_create(&thread, NULL, churn, NULL);
	until = fam_now_ms() + CHURN_MS;
	while (fam_now_ms() < until) {
		*heap_hurt_kind(&t, span) = 0x4242;
		check(FAM_CHECK_REPAIR);
		assert_int_equal(*heap_hurt_kind(&t, span), right);
	}
	stop = true;
	pthread_join(thread, NULL);
	check_file_is_clean(&t.file);
	assert_whole();
}

int main(void)
{
#define ON_IT(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)
	const struct CMUnitTest tests[] = {
		ON_IT(a_whole_heap_has_no_problems_and_is_counted),
		ON_IT(it_stores_nothing_and_needs_no_session),
		ON_IT(regions_of_that_type_without_a_heap_are_no_problem),
		ON_IT(a_header_is_written_anew_from_the_other),
		ON_IT(without_a_header_all_of_it_is_lost),
		ON_IT(headers_that_were_zeroed_are_a_loss),
		ON_IT(the_copy_of_a_heap_is_a_note),
		ON_IT(a_span_is_told_by_its_chunks),
		ON_IT(a_span_does_not_take_what_is_anothers),
		ON_IT(blocks_of_a_kind_that_is_lost_stay_allocated),
		ON_IT(a_class_that_is_another_keeps_the_chunk),
		ON_IT(many_broken_chunks_are_told_by_a_few),
		ON_IT(the_root_object_keeps_its_block),
		ON_IT(a_root_that_is_not_there_is_a_loss),
		ON_IT(what_a_power_cut_left_is_a_note),
		ON_IT(a_record_that_is_spoilt_is_a_loss),
		ON_IT(the_last_record_that_is_torn_is_a_note),
		ON_IT(a_spoilt_record_is_not_needed_after_the_repair),
		ON_IT(a_checkpoint_that_never_was_is_a_loss_after_a_cut),
		ON_IT(what_the_dead_hold_is_a_note),
		ON_IT(what_the_dead_have_begun_is_a_note_and_finished),
		ON_IT(what_others_are_changing_is_no_damage),
		ON_IT(what_its_own_threads_change_is_no_damage),
		ON_IT(it_is_repaired_under_those_who_use_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
