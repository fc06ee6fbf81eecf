// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who stood still in a restart for longer than his lease harms nobody when he goes on;
 * nor does a child of fork(2), who has the heap, but not the session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/fam-heap.h"
#include "internal.h"

#include "heap-words.h"

/* --- what a role does at a step -------------------------------------------------------- */

int __real_fam_heap_write_all(const struct fam_heap *of);
int __wrap_fam_heap_write_all(const struct fam_heap *of);
void __real_fam_hints_renew(struct fam_heap *of);
void __wrap_fam_hints_renew(struct fam_heap *of);
int __real_fam_blocks_take(struct fam_heap *of, const struct fam_change *c);
int __wrap_fam_blocks_take(struct fam_heap *of, const struct fam_change *c);

static const char *step = ""; /* where it stands still */

/* As one of a node that is paused: all of it stands still. */
static void pauses(const char *what)
{
	if (strcmp(step, what) != 0)
		return;
	step = "";
	if (ready())
		_exit(ROLE_END);
	raise(SIGSTOP);
}

int __wrap_fam_heap_write_all(const struct fam_heap *of)
{
	int r = __real_fam_heap_write_all(of);

	pauses("behind all places");
	return r;
}

void __wrap_fam_hints_renew(struct fam_heap *of)
{
	pauses("before the hints");
	__real_fam_hints_renew(of);
	pauses("behind the hints");
}

int __wrap_fam_blocks_take(struct fam_heap *of, const struct fam_change *c)
{
	int r = __real_fam_blocks_take(of, c);

	pauses("in a record");
	return r;
}

static int opens(struct fam *own, const char *arg)
{
	struct fam_heap *opened;

	step = arg;
	return -fam_heap_open(own, "heap", WRITE, &opened);
}

static const struct role roles[] = {{"opens", opens}, {NULL, NULL}};

/* --- in the test ---------------------------------------------------------------------- */

static void open_again(void)
{
	heap = heap_open(fam, WRITE);
	find_words();
}

/* --- who stands still ------------------------------------------------------------------------------ */

/* His session is lost: this one begins it all again. */
static void another_pauses(const char *where)
{
	set_alone(0, 5);
	assert_int_equal(fam_heap_alloc(heap, word_at(1), 100, 0, NULL), 0);
	set_alone(0, 6);
	close_before_a_start();
	enter(0, "opens", where);
	assert_true(is_ready(0));
	open_again();
	assert_int_equal(words[0], 6);
}

static void who_goes_on_harms_nobody(const char *where)
{
	uint64_t checkpoint, stamp;
	struct fam_tx *tx;
	uint32_t slot;

	another_pauses(where);
	assert_int_equal(fam_heap_free(heap, word_at(1)), 0);
	for (unsigned int i = 0; i < 20; i++)
		set_alone(0, 10 + i);
	assert_int_equal(fam_heap_settle(heap), 0);
	set_alone(2, 1);
	tx = begin();
	slot = tx->slot;
	checkpoint = stat_of(heap).checkpoint;
	stamp = stat_of(heap).stamp;
	kill(cast[0], SIGCONT);
	assert_int_equal(leave(0), ESTALE);
	assert_int_equal(words[0], 29);
	assert_int_equal(words[1], 0);
	assert_int_equal(objects(), 1);
	assert_int_equal(fam_word_get(&fam_heap_state(heap)->checkpoint),
			 checkpoint);
	assert_true(fam_word_get(&fam_heap_live(heap)->checkpointed) >=
		    checkpoint);
	assert_int_equal(fam_word_get(&fam_heap_live(heap)->stamp), stamp);
	assert_int_equal(fam_word_get(&fam_heap_slot(heap, slot)->holder),
			 heap->me);
	set_in(tx, 3, 1);
	assert_int_equal(fam_tx_commit(tx), 0);
	set_alone(0, 30);
	power_cut();
	assert_int_equal(words[0], 30);
	assert_int_equal(words[3], 1);
}

static void who_pauses_in_a_record_harms_nobody(void **state)
{
	(void)state;
	who_goes_on_harms_nobody("in a record");
}

static void who_pauses_before_the_checkpoint_harms_nobody(void **state)
{
	(void)state;
	who_goes_on_harms_nobody("behind all places");
}

static void who_pauses_before_the_hints_harms_nobody(void **state)
{
	(void)state;
	who_goes_on_harms_nobody("before the hints");
}

static void who_pauses_behind_the_hints_harms_nobody(void **state)
{
	(void)state;
	who_goes_on_harms_nobody("behind the hints");
}

/* --- a child of fork() ------------------------------------------------------------------------------- */

static void a_child_leaves_its_parents_journal_alone(void **state)
{
	struct fam_tx *tx = begin(), *other = NULL;
	int status = 0;
	pid_t child;

	(void)state;
	set_in(tx, 0, 1);
	child = fork();
	if (child == 0) {
		fam_tx_abort(tx);
		_exit(fam_tx_begin(heap, NULL, &other) == 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(fam_word_get(&fam_heap_slot(heap, tx->slot)->holder),
			 heap->me);
	assert_int_equal(fam_tx_commit(tx), 0);
	assert_int_equal(words[0], 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, words_set_up, words_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(who_pauses_in_a_record_harms_nobody),
		TEST(who_pauses_before_the_checkpoint_harms_nobody),
		TEST(who_pauses_before_the_hints_harms_nobody),
		TEST(who_pauses_behind_the_hints_harms_nobody),
		TEST(a_child_leaves_its_parents_journal_alone),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
