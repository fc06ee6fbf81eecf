// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What is cut off a log is free, wherever a transaction of that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container-stage.h"

static fam_off log_off;
static struct fam_log *records;

static int log_set_up(void **state)
{
	return heap_set_up(state) || fam_log_create(heap, NULL, 0, &log_off) ||
	       fam_log_open(heap, log_off, &records);
}

static int log_tear_down(void **state)
{
	fam_log_close(records);
	return heap_tear_down(state);
}

static void range_is(uint64_t from, uint64_t to)
{
	uint64_t first = 77, last = 77;

	assert_int_equal(fam_log_range(records, &first, &last), 0);
	assert_int_equal(first, from);
	assert_int_equal(last, to);
}

/* Does the first segment have a record that is not cut off? */
static bool head_is_used(struct fam_heap *in, fam_off off)
{
	const struct fam_log_header *header =
		fam_heap_at(in, off, sizeof(*header));
	const struct fam_log_segment *segment, *behind;

	if (!header->head)
		return true;
	segment = fam_heap_at(in, header->head, sizeof(*segment));
	if (!segment->next)
		return header->cut < header->last;
	behind = fam_heap_at(in, segment->next, sizeof(*behind));
	return header->cut + 1 < behind->first;
}

/* @near of @count lie in a segment, the others are objects of their own. */
static void append_some(struct fam_log *log, unsigned int near,
			unsigned int count)
{
	static const char data[2000];

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(fam_log_append(log, NULL, data,
						i < near ? 8 : sizeof(data),
						NULL),
				 0);
}

/*
 * Wherever it is that a journal is full: be it with the last record, and the segment
 * is still to be freed. With a record behind that one, or none.
 */
static void all_of_it_is_freed_whatever_fits_a_journal(void **state)
{
	struct fam_log *log;
	fam_off off;

	(void)state;
	assert_int_equal(fam_log_destroy(records, 0), 0);
	for (unsigned int i = 0; i < 64; i++) {
		const unsigned int far = i / 2 + 485, stays = i % 2;

		assert_int_equal(fam_log_create(heap, NULL, 0, &off), 0);
		assert_int_equal(fam_log_open(heap, off, &log), 0);
		/* Two segments of 254. */
		append_some(log, 508 > far ? 508 - far : 0, 508);
		append_some(log, 0, stays);
		assert_int_equal(fam_log_cut(log, 509), 0);
		assert_true(head_is_used(heap, off));
		only(heap, 0, off);
		append_some(log, 1, 2);
		only(heap, 0, off);
		assert_int_equal(fam_log_destroy(log, 0), 0);
		fam_log_close(log);
		only(heap, 0, 0);
		/* All of them at once. */
		assert_int_equal(fam_log_create(heap, NULL, 0, &off), 0);
		assert_int_equal(fam_log_open(heap, off, &log), 0);
		append_some(log, stays, far);
		assert_int_equal(fam_log_destroy(log, 0), 0);
		fam_log_close(log);
		only(heap, 0, 0);
	}
}

/* As who has died between two transactions of a cut leaves it: all records first. */
static void leave_off(uint64_t cut)
{
	struct fam_log_header *header =
		fam_heap_at(heap, log_off, sizeof(*header));

	header->cut = cut;
	assert_false(head_is_used(heap, log_off));
}

static void what_was_left_is_freed_by_the_next_one(void **state)
{
	char data[8];

	(void)state;
	append_some(records, 254, 300);
	leave_off(254);
	assert_int_equal(fam_log_cut(records, 255), 0);
	assert_true(head_is_used(heap, log_off));
	only(heap, 0, log_off);
	range_is(255, 300);
	/* The last segment, with nothing behind it; somebody may append there. */
	assert_int_equal(fam_log_cut(records, 300), 0);
	append_some(records, 10, 10);
	assert_int_equal(fam_log_cut(records, 301), 0);
	leave_off(310);
	assert_int_equal(fam_log_append(records, NULL, "hello", 6, NULL), 0);
	range_is(311, 311);
	assert_int_equal(fam_log_read(records, 311, data, sizeof(data), NULL),
			 0);
	assert_string_equal(data, "hello");
	assert_int_equal(fam_log_cut(records, UINT64_MAX), 0);
	only(heap, 0, log_off);
	/* Nothing there, and nothing to be done. */
	assert_int_equal(fam_log_cut(records, UINT64_MAX), 0);
	append_some(records, 1, 1);
	leave_off(312);
	assert_int_equal(fam_log_destroy(records, 0), 0);
	only(heap, 0, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, log_set_up, log_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_is_freed_whatever_fits_a_journal),
		TEST(what_was_left_is_freed_by_the_next_one),
	};

	/* As short as they can be. */
	journal_bytes = 16384;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
