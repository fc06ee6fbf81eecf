// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* An append log as one program sees it. */
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

static uint64_t append(struct fam_tx *tx, uint64_t bytes)
{
	static char data[MIB];
	uint64_t number = 0, first, last;

	assert_int_equal(fam_log_range(records, &first, &last), 0);
	fill_bytes(data, bytes, bytes);
	assert_int_equal(fam_log_append(records, tx, data, bytes, &number), 0);
	return number;
}

/* Its length, if it is as it was appended; or what else happens. */
static int64_t length(uint64_t number)
{
	static char data[MIB];
	uint64_t bytes;
	int r = fam_log_read(records, number, data, sizeof(data), &bytes);

	if (r < 0)
		return r;
	assert_true(are_bytes(data, bytes, bytes));
	return (int64_t)bytes;
}

static void range_is(uint64_t from, uint64_t to)
{
	uint64_t first = 77, last = 77;

	assert_int_equal(fam_log_range(records, &first, &last), 0);
	assert_int_equal(first, from);
	assert_int_equal(last, to);
}

static void records_have_numbers_in_order(void **state)
{
	char data[4] = "....";
	uint64_t bytes = 0;

	(void)state;
	range_is(1, 0);
	assert_int_equal(length(0), -ESRCH);
	assert_int_equal(length(1), -ENOENT);
	assert_int_equal(append(NULL, 10), 1);
	assert_int_equal(append(NULL, 0), 2);
	assert_int_equal(append(NULL, 2000), 3);
	assert_int_equal(append(NULL, MIB), 4);
	range_is(1, 4);
	assert_int_equal(length(3), 2000);
	assert_int_equal(length(1), 10);
	assert_int_equal(length(4), MIB);
	assert_int_equal(length(2), 0);
	assert_int_equal(length(5), -ENOENT);
	assert_int_equal(fam_log_read(records, 3, data, 2, &bytes), -ERANGE);
	assert_int_equal(bytes, 2000);
	assert_true(are_bytes(data, 2, 2000));
	assert_memory_equal(data + 2, "..", 2);
	assert_int_equal(fam_log_read(records, 2, NULL, 0, NULL), 0);
	assert_int_equal(fam_log_read(records, 1, NULL, 0, NULL), -ERANGE);
	assert_int_equal(fam_log_append(records, NULL, data,
					FAM_LOG_RECORD_MAX + 1, NULL),
			 -E2BIG);
	assert_int_equal(fam_log_append(records, NULL, data, 12 * MIB, &bytes),
			 -ENOSPC);
	assert_int_equal(bytes, 2000);
	assert_int_equal(fam_log_append(records, NULL, data, 4, NULL), 0);
	range_is(1, 5);
	only(heap, 0, log_off);
}

static void what_is_cut_off_is_free(void **state)
{
	(void)state;
	assert_int_equal(fam_log_cut(records, 5), 0);
	range_is(1, 0);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(append(NULL, i % 10 ? i % 300 : 1025 + i), i);
	only(heap, 0, log_off);
	assert_int_equal(fam_log_cut(records, 0), 0);
	assert_int_equal(fam_log_cut(records, 1), 0);
	range_is(1, 1000);
	assert_int_equal(length(999), 99);
	for (uint64_t i = 2; i < 1000; i += i % 3 ? 1 : 97) {
		assert_int_equal(fam_log_cut(records, i), 0);
		range_is(i, 1000);
		assert_int_equal(length(i - 1), -ESRCH);
		assert_int_equal(length(i), i % 10 ? i % 300 : 1025 + i);
		only(heap, 0, log_off);
	}
	assert_int_equal(fam_log_cut(records, 1001), 0);
	range_is(1001, 1000);
	only(heap, 0, log_off);
	assert_int_equal(append(NULL, 5), 1001);
	assert_int_equal(length(1001), 5);
	assert_int_equal(fam_log_cut(records, UINT64_MAX), 0);
	range_is(1002, 1001);
	only(heap, 0, log_off);
	assert_int_equal(fam_log_destroy(records, 0), 0);
	only(heap, 0, 0);
}

static void an_append_is_part_of_a_transaction(void **state)
{
	struct fam_tx *tx;
	fam_off word;

	(void)state;
	assert_int_equal(fam_heap_alloc(heap, 0, 64, FAM_HEAP_ZERO, &word), 0);
	for (int commits = 0; commits < 2; commits++) {
		assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
		for (uint64_t i = 1; i <= 40; i++)
			assert_int_equal(append(tx, i * 37), i);
		assert_int_equal(fam_tx_set_word(tx, word, 40), 0);
		range_is(1, 0);
		/* It is locked, by this thread. */
		assert_int_equal(length(1), -EDEADLK);
		if (commits)
			assert_int_equal(fam_tx_commit(tx), 0);
		else
			fam_tx_abort(tx);
		range_is(1, commits ? 40 : 0);
	}
	for (uint64_t i = 1; i <= 40; i++)
		assert_int_equal(length(i), i * 37);
	assert_int_equal(fam_heap_release(heap, word), 0);
	only(heap, 0, log_off);
}

/* A call that fails leaves the transaction as it was. */
static void what_does_not_fit_a_journal_is_not_half_done(void **state)
{
	struct fam_heap *small = heap_make("small", MIB, 16384);
	struct fam_log *log;
	struct fam_tx *tx;
	char data[1100];
	uint64_t last = 0, first, number, bytes;
	fam_off off;
	int r;

	(void)state;
	assert_int_equal(fam_log_create(small, NULL, 0, &off), 0);
	assert_int_equal(fam_log_open(small, off, &log), 0);
	for (uint64_t round = 0; round < 60; round++) {
		assert_int_equal(fam_tx_begin(small, NULL, &tx), 0);
		for (r = 0; r == 0;) {
			bytes = (last * 71 + round * 173) % sizeof(data);
			fill_bytes(data, bytes, last + 1);
			r = fam_log_append(log, tx, data, bytes, &number);
			last += r == 0;
		}
		assert_int_equal(r, -E2BIG);
		assert_int_equal(fam_tx_commit(tx), 0);
		assert_int_equal(fam_log_range(log, &first, &number), 0);
		assert_int_equal(number, last);
		for (number = first; number <= last; number++) {
			assert_int_equal(fam_log_read(log, number, data,
						      sizeof(data), &bytes),
					 0);
			assert_true(are_bytes(data, bytes, number));
		}
		only(small, 0, off);
		/* In more than one transaction. */
		if (round % 20 == 19)
			assert_int_equal(fam_log_cut(log, last), 0);
		only(small, 0, off);
	}
	assert_int_equal(fam_log_destroy(log, 0), 0);
	fam_log_close(log);
	only(small, 0, 0);
	fam_heap_close(small);
}

/* Anywhere in many, by ways of all lengths. */
static void each_is_found_from_anywhere(void **state)
{
	uint64_t seed = 11, cut = 0;
	const uint64_t many = 40000;

	(void)state;
	for (uint64_t i = 1; i <= many; i++) {
		assert_int_equal(append(NULL, i % 200), i);
		/* While there are few, and later. */
		if (chance(&seed) % 500 == 0) {
			cut += chance(&seed) % (i - cut);
			assert_int_equal(fam_log_cut(records, cut + 1), 0);
		}
	}
	for (int i = 0; i < 5000; i++) {
		uint64_t n = cut + 1 + chance(&seed) % (many - cut);

		assert_int_equal(length(n), n % 200);
	}
	only(heap, 0, log_off);
}

struct heard {
	uint64_t next, stop;
};

static int tell(uint64_t number, const void *data, uint64_t bytes, void *arg)
{
	struct heard *heard = arg;

	assert_int_equal(number, heard->next++);
	assert_true(are_bytes(data, bytes, bytes));
	/* May call anything; what is new is not heard. */
	assert_int_equal(append(NULL, 3) > number, 1);
	return number == heard->stop ? 5 : 0;
}

static void they_are_told_in_order(void **state)
{
	struct heard heard = {.next = 1};

	(void)state;
	assert_int_equal(fam_log_each(records, 1, tell, &heard), 0);
	for (uint64_t i = 1; i <= 450; i++)
		assert_int_equal(append(NULL, i % 7 ? i : 70000), i);
	assert_int_equal(fam_log_each(records, 0, tell, &heard), 0);
	assert_int_equal(heard.next, 451);
	range_is(1, 900);
	heard = (struct heard){.next = 100, .stop = 200};
	assert_int_equal(fam_log_each(records, 100, tell, &heard), 5);
	heard = (struct heard){.next = 1002};
	assert_int_equal(fam_log_each(records, 1002, tell, &heard), 0);
	assert_int_equal(fam_log_each(records, UINT64_MAX, tell, &heard), 0);
	assert_int_equal(heard.next, 1002);
}

static int no_more(uint64_t number, const void *data, uint64_t bytes, void *arg)
{
	uint64_t *last = arg;

	(void)data;
	(void)bytes;
	assert_true(number > *last);
	if (!*last)
		assert_int_equal(fam_log_cut(records, 1501), 0);
	/* Copies that were made before are heard; nothing else that is gone. */
	assert_true(number <= 256 || number > 1500);
	*last = number;
	return 0;
}

static void what_is_cut_off_meanwhile_is_left_out(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t i = 1; i <= 2000; i++)
		append(NULL, 20);
	assert_int_equal(fam_log_each(records, 0, no_more, &last), 0);
	assert_int_equal(last, 2000);
}

static void it_is_found_by_where_it_was_published(void **state)
{
	struct fam_log_header *header;
	struct fam_log *other = NULL;
	fam_off *root;
	fam_off off;

	(void)state;
	assert_int_equal(fam_heap_root(heap, 64, &off), 0);
	root = fam_heap_at(heap, off, 64);
	assert_int_equal(fam_log_create(heap, NULL, off, NULL), 0);
	assert_int_equal(fam_log_open(heap, *root, &other), 0);
	assert_int_equal(fam_log_append(other, NULL, "x", 1, NULL), 0);
	range_is(1, 0);
	assert_int_equal(fam_log_destroy(other, off + 8), -EINVAL);
	assert_int_equal(fam_log_destroy(other, off), 0);
	fam_log_close(other);
	fam_log_close(NULL);
	other = NULL;
	assert_int_equal(*root, 0);
	assert_int_equal(fam_log_open(heap, off, &other), -EMEDIUMTYPE);
	assert_int_equal(fam_log_open(heap, 0, &other), -EMEDIUMTYPE);
	header = fam_heap_at(heap, log_off, sizeof(*header));
	header->version++;
	assert_int_equal(fam_log_open(heap, log_off, &other), -EPROTONOSUPPORT);
	header->version--;
	assert_null(other);
	assert_int_equal(fam_heap_release(heap, off), 0);
	only(heap, 0, log_off);
}

static void who_may_only_read_is_told_so(void **state)
{
	struct fam_heap *own;
	struct fam_log *log;
	uint64_t first, last;

	(void)state;
	append(NULL, 10);
	assert_int_equal(fam_heap_open(fam, "heap", READ, &own), 0);
	assert_int_equal(fam_log_open(own, log_off, &log), 0);
	assert_int_equal(fam_log_range(log, &first, &last), 0);
	assert_int_equal(last, 1);
	assert_int_equal(fam_log_read(log, 1, NULL, 0, NULL), -EROFS);
	assert_int_equal(fam_log_append(log, NULL, "x", 1, NULL), -EROFS);
	assert_int_equal(fam_log_cut(log, 2), -EROFS);
	fam_log_close(log);
	fam_heap_close(own);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, log_set_up, log_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(records_have_numbers_in_order),
		TEST(what_is_cut_off_is_free),
		TEST(an_append_is_part_of_a_transaction),
		TEST(what_does_not_fit_a_journal_is_not_half_done),
		TEST(each_is_found_from_anywhere),
		TEST(they_are_told_in_order),
		TEST(what_is_cut_off_meanwhile_is_left_out),
		TEST(it_is_found_by_where_it_was_published),
		TEST(who_may_only_read_is_told_so),
	};

	journal_bytes = MIB / 8;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
