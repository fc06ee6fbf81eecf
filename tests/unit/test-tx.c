// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-stage.h"

#define SMALL (UINT64_C(4) << 20)

static void heap_gone(void)
{
	fam_heap_close(heap);
	heap = NULL;
	remove_it("heap");
}

static uint64_t *words; /* the root object's */

static int tx_set_up(void **state)
{
	const struct fam_heap_want want = {
		.bytes = SMALL,
		.journals = 4,
		.journal_bytes = 16384,
	};

	if (set_up(state))
		return -1;
	assert_int_equal(fam_heap_create(fam, "heap", &want, &heap), 0);
	assert_int_equal(fam_heap_root(heap, WORDS * 8, &root), 0);
	words = fam_heap_at(heap, root, WORDS * 8);
	return 0;
}

static int tx_tear_down(void **state)
{
	heap_gone();
	return tear_down(state);
}

static struct fam_tx *begin(struct fam_heap *in)
{
	struct fam_tx *tx = NULL;

	assert_int_equal(fam_tx_begin(in, NULL, &tx), 0);
	return tx;
}

static void commit(struct fam_tx *tx)
{
	assert_int_equal(fam_tx_commit(tx), 0);
}

static void set(struct fam_tx *tx, unsigned int i, uint64_t value)
{
	assert_int_equal(fam_tx_set_word(tx, word_at(i), value), 0);
}

static void set_alone(unsigned int i, uint64_t value)
{
	struct fam_tx *tx = begin(heap);

	set(tx, i, value);
	commit(tx);
}

static uint64_t word_in(struct fam_tx *tx, unsigned int i)
{
	const uint64_t *word = fam_tx_at(tx, word_at(i), 8);

	assert_non_null(word);
	return *word;
}

/* --- all or nothing ----------------------------------------------------------------- */

static void test_nobody_sees_a_change_before_the_commit(void **state)
{
	struct fam_tx *tx = begin(heap);

	(void)state;
	set(tx, 0, 11);
	set(tx, 100, 12);
	assert_int_equal(words[0], 0);
	assert_int_equal(words[100], 0);
	assert_int_equal(word_in(tx, 0), 11);
	assert_int_equal(word_in(tx, 1), 0);
	commit(tx);
	assert_int_equal(words[0], 11);
	assert_int_equal(words[100], 12);
}

static void test_an_abort_leaves_nothing(void **state)
{
	uint64_t used = stat_of(heap).used;
	struct fam_tx *tx = begin(heap);
	fam_off off;

	(void)state;
	set(tx, 0, 11);
	assert_int_equal(fam_tx_alloc(tx, 100, 0, &off, NULL), 0);
	fam_tx_abort(tx);
	assert_int_equal(words[0], 0);
	assert_int_equal(stat_of(heap).used, used);
	fam_tx_abort(NULL);
}

static void test_nothing_can_be_committed(void **state)
{
	uint64_t stamp = stat_of(heap).stamp;

	(void)state;
	commit(begin(heap));
	assert_int_equal(stat_of(heap).stamp, stamp);
}

static void test_what_is_in_a_range_has_its_copy(void **state)
{
	struct fam_tx *tx = begin(heap);
	char *all, *part;

	(void)state;
	assert_int_equal(fam_tx_add(tx, root + 5, 100, (void **)&all), 0);
	assert_int_equal((uintptr_t)all % 16, (root + 5) % 16);
	assert_int_equal(fam_tx_add(tx, root + 50, 55, (void **)&part), 0);
	assert_ptr_equal(part, all + 45);
	assert_ptr_equal(fam_tx_at(tx, root + 104, 1), all + 99);
	assert_ptr_equal(fam_tx_at(tx, root + 104, 2),
			 fam_heap_at(heap, root + 104, 2));
	part = NULL;
	assert_int_equal(fam_tx_add(tx, root + 104, 2, (void **)&part),
			 -EEXIST);
	assert_int_equal(fam_tx_add(tx, root, 6, (void **)&part), -EEXIST);
	assert_int_equal(fam_tx_add(tx, root, 200, (void **)&part), -EEXIST);
	assert_null(part);
	assert_int_equal(fam_tx_add(tx, root + 105, 2, (void **)&part), 0);
	assert_int_equal(fam_tx_add(tx, root, 5, (void **)&part), 0);
	memset(all, 'x', 100);
	commit(tx);
	assert_true(is_filled((char *)words + 5, 100, 'x'));
	assert_int_equal(((char *)words)[4], 0);
	assert_int_equal(((char *)words)[105], 0);
}

static void test_what_is_outside_is_refused(void **state)
{
	const uint64_t end = heap->at.end;
	struct fam_tx *tx = begin(heap);
	void *copy = NULL;

	(void)state;
	assert_int_equal(fam_tx_add(tx, 0, 8, &copy), -EINVAL);
	assert_int_equal(fam_tx_add(tx, heap->at.state + 512, 8, &copy),
			 -EINVAL);
	assert_int_equal(fam_tx_add(tx, end - 8, 16, &copy), -EINVAL);
	assert_int_equal(fam_tx_add(tx, end, 1, &copy), -EINVAL);
	assert_int_equal(fam_tx_add(tx, root, 0, &copy), -EINVAL);
	assert_int_equal(fam_tx_add(tx, root, UINT64_MAX, &copy), -EINVAL);
	assert_int_equal(fam_tx_set_word(tx, root + 4, 1), -EINVAL);
	assert_null(copy);
	assert_null(fam_tx_at(tx, end, 8));
	assert_null(fam_tx_at(tx, 8, 8));
	fam_tx_abort(tx);
}

/* In an order that no tree likes; and each is found again. */
static void test_many_ranges(void **state)
{
	struct fam_tx *tx = begin(heap);
	unsigned int i;

	(void)state;
	for (i = 0; i < 200; i++)
		set(tx, i * 37 % 200 * 2, i);
	for (i = 0; i < 200; i++) {
		assert_int_equal(word_in(tx, i * 37 % 200 * 2), i);
		assert_int_equal(word_in(tx, i * 2 + 1), 0);
	}
	commit(tx);
	for (i = 0; i < 200; i++)
		assert_int_equal(words[i * 37 % 200 * 2], i);
}

static void test_a_full_record_is_told_and_can_go_on(void **state)
{
	struct fam_tx *tx = begin(heap);
	unsigned int i = 0;
	void *copy = NULL;
	int r;

	(void)state;
	while ((r = fam_tx_set_word(tx, word_at(2 * i), i + 1)) == 0)
		i++;
	assert_int_equal(r, -E2BIG);
	assert_in_range(i, 8192 / 32 - 2, 8192 / 32);
	assert_int_equal(fam_tx_add(tx, root + 16384, 8192, &copy), -E2BIG);
	assert_int_equal(fam_tx_add(tx, root + 16384, UINT64_C(1) << 33, &copy),
			 -EINVAL);
	assert_null(copy);
	commit(tx);
	while (i--)
		assert_int_equal(words[2 * i], i + 1);
}

static void test_many_commits_begin_journals_anew(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3000; i++)
		set_alone(i % 7, i);
	for (unsigned int i = 2993; i < 3000; i++)
		assert_int_equal(words[i % 7], i);
	assert_true(stat_of(heap).checkpoint > 1000);
}

/* --- parts ---------------------------------------------------------------------------- */

static void test_parts_are_committed_with_the_outermost(void **state)
{
	struct fam_tx *tx = begin(heap), *part = NULL;

	(void)state;
	set(tx, 0, 1);
	assert_int_equal(fam_tx_begin(heap, tx, &part), 0);
	set(part, 1, 2);
	assert_int_equal(word_in(part, 0), 1);
	commit(part);
	assert_int_equal(words[1], 0);
	commit(tx);
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 2);
}

static void test_an_aborted_part_cancels_all(void **state)
{
	struct fam_tx *tx = begin(heap), *part = NULL, *other = NULL;

	(void)state;
	set(tx, 0, 1);
	assert_int_equal(fam_tx_begin(heap, tx, &part), 0);
	fam_tx_abort(part);
	assert_int_equal(fam_tx_begin(heap, tx, &other), -ECANCELED);
	assert_null(other);
	assert_int_equal(fam_tx_commit(tx), -ECANCELED);
	assert_int_equal(words[0], 0);
	set_alone(0, 5);
	assert_int_equal(words[0], 5);
}

/* --- allocating ------------------------------------------------------------------------- */

static void test_what_is_allocated_is_there_with_the_commit(void **state)
{
	struct fam_tx *tx = begin(heap);
	fam_off off = 0, zero = 0, large = 0, empty = 0;
	char *copy = NULL, *place = NULL, *zeros = NULL;
	uint64_t usable;

	(void)state;
	assert_int_equal(fam_tx_alloc(tx, 100, 0, &off, (void **)&copy), 0);
	memset(copy, 'a', 100);
	assert_int_equal(
		fam_tx_alloc(tx, 200, FAM_HEAP_ZERO, &zero, (void **)&zeros),
		0);
	zeros[7] = 'z';
	assert_int_equal(fam_tx_alloc(tx, 100000, 0, &large, (void **)&place),
			 0);
	assert_ptr_equal(place, fam_heap_at(heap, large, 100000));
	memset(place, 'b', 100000);
	assert_int_equal(fam_tx_alloc(tx, 3000, FAM_HEAP_ZERO, &empty, NULL),
			 0);
	assert_int_equal(fam_heap_usable(heap, off, &usable), -EINVAL);
	set(tx, 0, off);
	commit(tx);
	assert_int_equal(usable_of(off), 112);
	assert_true(is_filled(fam_heap_at(heap, off, 100), 100, 'a'));
	assert_true(is_filled(fam_heap_at(heap, large, 100000), 100000, 'b'));
	assert_true(is_filled(fam_heap_at(heap, empty, 3000), 3000, 0));
	zeros = fam_heap_at(heap, zero, 200);
	assert_int_equal(zeros[7], 'z');
	zeros[7] = 0;
	assert_true(is_filled(zeros, 200, 0));
	assert_int_equal(words[0], off);
}

static void test_what_is_new_is_changed_in_its_copy(void **state)
{
	struct fam_tx *tx = begin(heap);
	char *copy = NULL, *again = NULL, *place = NULL;
	fam_off off, large;

	(void)state;
	assert_int_equal(fam_tx_alloc(tx, 100, 0, &off, (void **)&copy), 0);
	assert_int_equal(fam_tx_add(tx, off + 10, 20, (void **)&again), 0);
	assert_ptr_equal(again, copy + 10);
	assert_int_equal(fam_tx_alloc(tx, 100000, FAM_HEAP_ZERO, &large, NULL),
			 0);
	assert_int_equal(fam_tx_add(tx, large + 50000, 50000, (void **)&place),
			 0);
	assert_ptr_equal(place, fam_heap_at(heap, large + 50000, 50000));
	fam_tx_abort(tx);
}

static void test_wrong_wants_are_refused(void **state)
{
	struct fam_tx *tx = begin(heap);
	fam_off off = 1;

	(void)state;
	assert_int_equal(fam_tx_alloc(tx, 0, 0, &off, NULL), -EINVAL);
	assert_int_equal(fam_tx_alloc(tx, 8, 2, &off, NULL), -EINVAL);
	assert_int_equal(fam_tx_alloc(tx, SMALL, 0, &off, NULL), -ENOSPC);
	assert_int_equal(off, 1);
	assert_int_equal(fam_tx_free(tx, root + 16), -EINVAL);
	assert_int_equal(fam_tx_free(tx, 0), -EINVAL);
	commit(tx);
}

static void test_freed_with_the_commit(void **state)
{
	uint64_t used = stat_of(heap).used;
	fam_off off = alloc(500), large = alloc(200000);
	struct fam_tx *tx = begin(heap);
	void *copy;

	(void)state;
	assert_int_equal(fam_tx_free(tx, off), 0);
	assert_int_equal(fam_tx_free(tx, off), -EINVAL);
	assert_int_equal(fam_tx_free(tx, large), 0);
	assert_int_equal(fam_tx_free(tx, large), -EINVAL);
	assert_int_equal(fam_tx_add(tx, off, 8, &copy), -EINVAL);
	assert_true(usable_of(off) >= 500);
	commit(tx);
	assert_int_equal(stat_of(heap).used, used);
}

static void test_what_was_just_allocated_can_be_freed(void **state)
{
	uint64_t used = stat_of(heap).used;
	struct fam_tx *tx = begin(heap);
	fam_off off, other, large;
	void *copy;

	(void)state;
	assert_int_equal(fam_tx_alloc(tx, 64, 0, &off, &copy), 0);
	memset(copy, 'x', 64);
	assert_int_equal(fam_tx_alloc(tx, 100000, 0, &large, &copy), 0);
	assert_int_equal(fam_tx_free(tx, off), 0);
	assert_int_equal(fam_tx_free(tx, off), -EINVAL);
	assert_int_equal(fam_tx_free(tx, large), 0);
	assert_int_equal(fam_tx_alloc(tx, 64, 0, &other, NULL), 0);
	assert_int_not_equal(other, off);
	assert_int_equal(fam_tx_free(tx, other), 0);
	set(tx, 3, 33);
	commit(tx);
	assert_int_equal(words[3], 33);
	assert_int_equal(stat_of(heap).used, used);
}

/* --- locks --------------------------------------------------------------------------------- */

static struct fam_mutex *mutex_at(unsigned int i)
{
	return (struct fam_mutex *)(words + 1024 + 8 * i);
}

static void test_locks_are_held_to_the_outermost_end(void **state)
{
	struct fam_tx *tx = begin(heap), *part = NULL;
	struct fam *other = attach(0);
	struct fam_heap *same = heap_open(other, WRITE);
	uint64_t *there = fam_heap_at(same, root, 8);
	struct fam_mutex *mutex = (struct fam_mutex *)(there + 1024);

	(void)state;
	assert_int_equal(fam_tx_begin(heap, tx, &part), 0);
	assert_int_equal(fam_tx_lock(part, mutex_at(0), -1), 0);
	assert_int_equal(fam_tx_lock(tx, mutex_at(0), -1), 0);
	commit(part);
	assert_int_equal(fam_mutex_lock(other, mutex, 0), -ETIMEDOUT);
	commit(tx);
	assert_int_equal(fam_mutex_lock(other, mutex, 0), 0);
	tx = begin(heap);
	assert_int_equal(fam_tx_lock(tx, mutex_at(0), 0), -ETIMEDOUT);
	fam_tx_abort(tx);
	assert_int_equal(fam_mutex_unlock(other, mutex), 0);
	tx = begin(heap);
	assert_int_equal(fam_tx_lock(tx, mutex_at(0), 0), 0);
	fam_tx_abort(tx);
	assert_int_equal(fam_mutex_lock(other, mutex, 0), 0);
	fam_heap_close(same);
	fam_close(other);
}

static void test_so_many_locks_and_no_more(void **state)
{
	struct fam_tx *tx = begin(heap);
	fam_off off = alloc((FAM_TX_LOCKS + 1) * sizeof(struct fam_mutex));
	struct fam_mutex *mutex = fam_heap_at(heap, off, 64);

	(void)state;
	memset(mutex, 0, (FAM_TX_LOCKS + 1) * sizeof(*mutex));
	for (unsigned int i = 0; i < FAM_TX_LOCKS; i++)
		assert_int_equal(fam_tx_lock(tx, &mutex[i], 0), 0);
	assert_int_equal(fam_tx_lock(tx, &mutex[FAM_TX_LOCKS], 0), -E2BIG);
	assert_int_equal(fam_tx_lock(tx, &mutex[7], 0), 0);
	fam_tx_abort(tx);
	for (unsigned int i = 0; i < FAM_TX_LOCKS; i++)
		assert_int_equal(fam_mutex_lock(fam, &mutex[i], 0), 0);
}

/* Locks, and dies. */
static int play_hold(struct fam *own, const char *arg)
{
	struct fam_heap *its = NULL;
	struct fam_tx *tx;
	fam_off at;
	uint64_t *its_words;

	(void)arg;
	if (fam_heap_open(own, "heap", WRITE, &its) < 0 ||
	    fam_heap_root(its, 0, &at) < 0 || fam_tx_begin(its, NULL, &tx) < 0)
		return ROLE_END;
	its_words = fam_heap_at(its, at, WORDS * 8);
	if (fam_tx_set_word(tx, at + 8, 77) < 0 ||
	    fam_tx_lock(tx, (struct fam_mutex *)(its_words + 1024), -1) < 0)
		return ROLE_END;
	return stay();
}

static void test_the_lock_of_a_dead_one_is_got_whole(void **state)
{
	struct fam_tx *tx;

	(void)state;
	enter(0, "hold", "");
	assert_true(is_ready(0));
	die(0);
	tx = begin(heap);
	assert_int_equal(fam_tx_lock(tx, mutex_at(0), 60000), 0);
	assert_int_equal(words[1], 0);
	commit(tx);
	assert_int_equal(fam_mutex_lock(fam, mutex_at(0), 0), 0);
	assert_int_equal(fam_mutex_unlock(fam, mutex_at(0)), 0);
}

/* --- journals -------------------------------------------------------------------------------- */

static void *begin_late(void *arg)
{
	struct fam_tx **tx = arg;

	*tx = begin(heap);
	return NULL;
}

static void test_who_finds_no_journal_waits_for_one(void **state)
{
	struct fam_tx *tx[4], *late = NULL;
	pthread_t thread;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		tx[i] = begin(heap);
	assert_int_equal(fam_slot_take(heap), -EBUSY);
	assert_int_equal(pthread_create(&thread, NULL, begin_late, &late), 0);
	set(tx[2], 9, 9);
	commit(tx[2]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	set(late, 10, 10);
	commit(late);
	for (unsigned int i = 0; i < 4; i++) {
		if (i != 2)
			fam_tx_abort(tx[i]);
	}
	assert_int_equal(words[9], 9);
	assert_int_equal(words[10], 10);
}

/* What somebody keeps for later is not kept from who needs it now. */
static void test_idle_journals_are_for_all(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *same = heap_open(other, WRITE);
	struct fam_tx *tx[4];

	(void)state;
	for (unsigned int n = 0; n < 3; n++) {
		struct fam_heap *by = n % 2 ? same : heap;

		for (unsigned int i = 0; i < 4; i++)
			tx[i] = begin(by);
		for (unsigned int i = 0; i < 4; i++) {
			set(tx[i], i, n * 10 + i);
			commit(tx[i]);
		}
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(words[i], 20 + i);
	assert_int_equal(stat_of(heap).writers, 0);
	fam_heap_close(same);
	fam_close(other);
}

static void test_who_lost_its_session_is_told(void **state)
{
	struct fam *other = attach(0);
	struct fam_heap *same = heap_open(other, WRITE);
	struct fam_sessions *table = fam_session_table(fam);
	struct fam_tx *tx = begin(same), *late = begin(same), *none = NULL;
	struct fam_session self;
	unsigned int slot;

	(void)state;
	set(tx, 1, 1);
	assert_int_equal(fam_session_self(other, &self), 0);
	slot = self.id & 0x3ff;
	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_EXPIRED));
	assert_int_equal(fam_tx_commit(tx), -ESTALE);
	assert_int_equal(fam_tx_begin(same, NULL, &none), -ESTALE);
	assert_int_equal(fam_heap_recover(same), -ESTALE);
	fam_tx_abort(late);
	assert_null(none);
	assert_int_equal(words[1], 0);
	assert_in_range(fam_heap_recover(heap), 0, 4);
	set_alone(1, 2);
	fam_heap_close(same);
	fam_close(other);
}

/* --- threads ---------------------------------------------------------------------------------- */

#define ROUNDS	300
#define THREADS 6 /* more than there are journals */

static void *count_up(void *arg)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct fam_tx *tx = begin(heap);
		uint64_t *copy = NULL;

		(void)arg;
		assert_int_equal(fam_tx_lock(tx, mutex_at(0), -1), 0);
		assert_int_equal(fam_tx_add(tx, root, 16, (void **)&copy), 0);
		assert_int_equal(copy[0], copy[1]);
		copy[0]++;
		copy[1]++;
		if (i % 5 == 4)
			fam_tx_abort(tx);
		else
			commit(tx);
	}
	return NULL;
}

static void test_threads_lose_nothing(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, count_up, NULL), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(words[0], THREADS * ROUNDS * 4 / 5);
	assert_int_equal(words[1], words[0]);
}

static const struct role roles[] = {{"hold", play_hold}, {NULL, NULL}};

#define test(name) \
	cmocka_unit_test_setup_teardown(name, tx_set_up, tx_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(test_nobody_sees_a_change_before_the_commit),
		test(test_an_abort_leaves_nothing),
		test(test_nothing_can_be_committed),
		test(test_what_is_in_a_range_has_its_copy),
		test(test_what_is_outside_is_refused),
		test(test_many_ranges),
		test(test_a_full_record_is_told_and_can_go_on),
		test(test_many_commits_begin_journals_anew),
		test(test_parts_are_committed_with_the_outermost),
		test(test_an_aborted_part_cancels_all),
		test(test_what_is_allocated_is_there_with_the_commit),
		test(test_what_is_new_is_changed_in_its_copy),
		test(test_wrong_wants_are_refused),
		test(test_freed_with_the_commit),
		test(test_what_was_just_allocated_can_be_freed),
		test(test_locks_are_held_to_the_outermost_end),
		test(test_so_many_locks_and_no_more),
		test(test_the_lock_of_a_dead_one_is_got_whole),
		test(test_who_finds_no_journal_waits_for_one),
		test(test_idle_journals_are_for_all),
		test(test_who_lost_its_session_is_told),
		test(test_threads_lose_nothing),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
