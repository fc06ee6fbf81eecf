// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A start of the host, after which the first one, or the disk, fails half way: what
 * the next one finds in memory need not be on the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam-mailbox.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-words.h"

#define SECTOR 512

/* --- what was made durable ------------------------------------------------------------ */

int __real_fam_persist_range(struct fam *of, uint64_t offset, size_t len);
int __wrap_fam_persist_range(struct fam *of, uint64_t offset, size_t len);
int __real_fam_persist_ranges(struct fam *of, const struct fam_range *ranges,
			      size_t count);
int __wrap_fam_persist_ranges(struct fam *of, const struct fam_range *ranges,
			      size_t count);
static uint64_t watched;     /* from the start of the fabric */
static unsigned int durable; /* how often that was */
static uint64_t fails = 0;   /* a place that fails once; 0: none */
static int fails_in = -1;    /* from the next but so many all do; -1: none */
static bool once;	     /* ... only the next of them does */
static bool failed;	     /* one has */

static bool covers(const struct fam_range *range, uint64_t at)
{
	return at >= range->offset && at - range->offset < range->length;
}

static bool is_to_fail(const struct fam_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!fails || !covers(&ranges[i], fails))
			continue;
		fails = 0;
		return true;
	}
	if (fails_in > 0) {
		fails_in--;
		return false;
	}
	if (fails_in < 0)
		return false;
	failed = true;
	if (once)
		fails_in = -1;
	return true;
}

static int watch(const struct fam_range *ranges, size_t count)
{
	if (is_to_fail(ranges, count))
		return -ETIMEDOUT;
	for (size_t i = 0; i < count; i++)
		durable += covers(&ranges[i], watched);
	return 0;
}

int __wrap_fam_persist_range(struct fam *of, uint64_t offset, size_t len)
{
	const struct fam_range range = {offset, len};
	int r = watch(&range, 1);

	return r < 0 ? r : __real_fam_persist_range(of, offset, len);
}

int __wrap_fam_persist_ranges(struct fam *of, const struct fam_range *ranges,
			      size_t count)
{
	int r = watch(ranges, count);

	return r < 0 ? r : __real_fam_persist_ranges(of, ranges, count);
}

/* --- in the test --------------------------------------------------------------------------- */

static int restart_set_up(void **state)
{
	fails = watched = 0;
	fails_in = -1;
	return words_set_up(state);
}

static int restart_tear_down(void **state)
{
	fails = 0;
	fails_in = -1;
	return words_tear_down(state);
}

static int try_open_heap(void)
{
	return fam_heap_open(fam, "heap", WRITE, &heap);
}

static void open_again(void)
{
	assert_int_equal(try_open_heap(), 0);
	find_words();
}

/* --- a disk that fails ------------------------------------------------------------------------ */

/* Else journals begin anew, and what is old is applied after the next power cut. */
static void a_checkpoint_is_durable_behind_a_restart(void **state)
{
	uint64_t at = heap->offset + heap->at.state;

	(void)state;
	set_alone(0, 5);
	close_before_a_start();
	fails = watched = at;
	assert_int_equal(try_open_heap(), -ETIMEDOUT);
	durable = 0;
	open_again();
	assert_true(durable > 0);
	assert_int_equal(words[0], 5);
	assert_int_equal(stat_of(heap).checkpoint, stat_of(heap).stamp);
}

static void both_headers_are_durable_behind_a_restart(void **state)
{
	uint64_t at;

	(void)state;
	for (unsigned int copy = 0; copy < 2; copy++) {
		at = close_before_a_start() + copy * PAGE;
		fails = watched = at;
		durable = 0;
		assert_int_equal(try_open_heap(), -ETIMEDOUT);
		assert_int_equal(durable, 0);
		open_again();
		assert_true(durable > 0);
	}
}

static void cannot_make_one(bool only_once)
{
	const struct fam_heap_want want = {.bytes = HEAP_BYTES};
	struct fam_heap *made = NULL;
	unsigned int n = 0;
	int r;

	do {
		failed = false;
		once = only_once;
		fails_in = (int)n++;
		r = fam_heap_create(fam, "another", &want, &made);
		fails_in = -1;
		assert_int_equal(r, failed ? -ETIMEDOUT : 0);
		if (failed)
			assert_int_equal(try_find(fam, "another"), -ENOENT);
		assert_true(n < 100);
	} while (failed);
	assert_true(n > 2);
	fam_heap_close(made);
	remove_it("another");
}

/* Whatever of it fails, so that it can be tried again. */
static void who_cannot_make_one_leaves_nothing(void **state)
{
	(void)state;
	cannot_make_one(true);
	cannot_make_one(false);
}

/* --- what is torn --------------------------------------------------------------------------------- */

/* All but the journals and the header, as the disk may have it. */
static char *places_now(void)
{
	uint64_t bytes = heap->at.end - heap->at.kind;
	char *p = malloc(PAGE + bytes);

	assert_non_null(p);
	memcpy(p, heap->base + heap->at.state, PAGE);
	memcpy(p + PAGE, heap->base + heap->at.kind, bytes);
	return p;
}

static void places_back(char *p)
{
	memcpy(heap->base + heap->at.state, p, PAGE);
	memcpy(heap->base + heap->at.kind, p + PAGE,
	       heap->at.end - heap->at.kind);
	free(p);
}

/* Two places, and so long that it takes several sectors. */
static void fill(struct fam_tx *tx)
{
	char long_one[1600];

	memset(long_one, 'l', sizeof(long_one));
	set_in(tx, 0, 100);
	set_in(tx, 10, 100);
	assert_int_equal(
		fam_tx_set(tx, word_at(20), long_one, sizeof(long_one)), 0);
}

/*
 * The header of a record that was torn, and the rest of the same that was tried again,
 * would be whole, with a stamp that another record has by now.
 */
static void what_is_torn_is_not_made_whole_later(void **state)
{
	static char then[4096], first[SECTOR];
	char *places = places_now(), *journal;
	struct fam_tx *tx = begin();
	uint64_t off;

	(void)state;
	assert_int_equal(tx->mark.tail, 0);
	journal = (char *)tx->record;
	memcpy(then, journal, sizeof(then));
	fill(tx);
	assert_int_equal(fam_tx_commit(tx), 0);
	memcpy(journal + SECTOR, then + SECTOR, sizeof(then) - SECTOR);
	places_back(places);
	off = (uint64_t)(journal - heap->base);
	power_cut();
	assert_int_equal(words[10], 0);
	places = places_now();
	/* as the disk has it, whatever is stored there from now on */
	memcpy(first, heap->base + off, SECTOR);
	tx = begin();
	journal = (char *)tx->record;
	assert_int_equal((uint64_t)(journal - heap->base), off);
	set_alone(5, 1);
	set_alone(0, 7);
	fill(tx);
	assert_int_equal(fam_tx_commit(tx), 0);
	memcpy(journal, first, SECTOR);
	places_back(places);
	power_cut();
	assert_int_equal(words[0], 7);
	assert_int_equal(words[10], 0);
}

/* In memory it is zero by then. */
static void what_is_torn_is_gone_from_the_disk(void **state)
{
	uint64_t at = heap->offset + heap->at.journal;

	(void)state;
	for (unsigned int i = 0; i < HEAP_JOURNALS; i++, at += 65536) {
		char *first = fam_heap_journal(heap, i);

		memset(first, 0, 64);
		((struct fam_record *)first)->magic = FAM_RECORD_MAGIC;
		((struct fam_record *)first)->crc32c = 1;
		close_before_a_start();
		fails = watched = at;
		assert_int_equal(try_open_heap(), -ETIMEDOUT);
		durable = 0;
		open_again();
		assert_true(durable > 0);
		assert_int_equal(
			((struct fam_record *)fam_heap_journal(heap, i))->magic,
			0);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, restart_set_up, restart_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_checkpoint_is_durable_behind_a_restart),
		TEST(both_headers_are_durable_behind_a_restart),
		TEST(who_cannot_make_one_leaves_nothing),
		TEST(what_is_torn_is_not_made_whole_later),
		TEST(what_is_torn_is_gone_from_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
