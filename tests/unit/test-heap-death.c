// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who dies in the middle of a transaction, or stands still there, and who goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "fam-session.h"
#include "heap/fam-heap.h"

#include "region-stage.h"

#define HEAP_BYTES (2 * MIB)
#define JOURNALS   4
#define CHUNK	   UINT64_C(65536)
#define WORDS	   4

struct root {
	uint64_t word[WORDS];
	fam_off slot[WORDS];
	struct fam_mutex mutex;
};

/* --- what a role does at a step ------------------------------------------------------ */

int __real_fam_heap_apply(const struct fam_tx *tx, fam_word *applied);
int __wrap_fam_heap_apply(const struct fam_tx *tx, fam_word *applied);
int __real_fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			       uint64_t bytes);
int __wrap_fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			       uint64_t bytes);
void __real_fam_hints_renew(struct fam_heap *heap);
void __wrap_fam_hints_renew(struct fam_heap *heap);

static const char *step = ""; /* where it does that, and what */

static bool comes(const char *what)
{
	if (strcmp(step, what) != 0)
		return false;
	step = "";
	return true;
}

/* Its record is whole and durable, and nothing of it is in its place. */
int __wrap_fam_heap_apply(const struct fam_tx *tx, fam_word *applied)
{
	int r;

	if (comes("dies before"))
		raise(SIGKILL);
	if (comes("stays before"))
		_exit(stay());
	r = __real_fam_heap_apply(tx, applied);
	if (comes("dies behind"))
		raise(SIGKILL);
	return r;
}

/* As one of a node that is paused: all of it stands still. */
int __wrap_fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			       uint64_t bytes)
{
	int r = __real_fam_heap_write_back(heap, off, bytes);

	/* a record, not what it refers to */
	if (off >= heap->at.journal && off < heap->at.lane && comes("pauses")) {
		if (ready())
			_exit(ROLE_END);
		raise(SIGSTOP);
	}
	return r;
}

void __wrap_fam_hints_renew(struct fam_heap *heap)
{
	if (comes("dies restarting"))
		raise(SIGKILL);
	__real_fam_hints_renew(heap);
}

/* --- in processes of their own --------------------------------------------------------- */

struct opened {
	struct fam_heap *heap;
	struct root *root;
	fam_off at;
};

static int open_heap(struct fam *by, struct opened *o)
{
	int r = fam_heap_open(by, "h", FAM_REGION_WRITE, &o->heap);

	if (r == 0)
		r = fam_heap_root(o->heap, sizeof(*o->root), &o->at);
	if (r == 0)
		o->root = fam_heap_at(o->heap, o->at, sizeof(*o->root));
	return r;
}

/* All words are one more, and there is an object in each slot. */
static int change_all(const struct opened *o, struct fam_tx *tx)
{
	int r = fam_tx_lock(tx, &o->root->mutex, -1);
	fam_off off = 0;

	for (unsigned int i = 0; r == 0 && i < WORDS; i++) {
		r = fam_tx_set_word(tx, o->at + 8 * i, o->root->word[i] + 1);
		if (r == 0)
			r = fam_tx_alloc(tx, 100, FAM_HEAP_ZERO, &off, NULL);
		if (r == 0 && o->root->slot[i])
			r = fam_tx_free(tx, o->root->slot[i]);
		if (r == 0)
			r = fam_tx_set_word(
				tx, o->at + offsetof(struct root, slot) + 8 * i,
				off);
	}
	return r;
}

static int change_once(const struct opened *o)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(o->heap, NULL, &tx);

	if (r)
		return r;
	r = change_all(o, tx);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

/* Commits, and does at that step what the argument says. */
static int commits(struct fam *own, const char *arg)
{
	struct opened o;
	int r = open_heap(own, &o);

	if (r)
		return -r;
	step = arg;
	r = change_once(&o);
	fam_heap_close(o.heap);
	return -r;
}

/* Has begun as many as there can be, and dies. */
static int begins(struct fam *own, const char *arg)
{
	struct opened o;
	struct fam_tx *tx[JOURNALS];
	int r = open_heap(own, &o);

	for (unsigned int i = 0; r == 0 && i < JOURNALS; i++)
		r = fam_tx_begin(o.heap, NULL, &tx[i]);
	if (r == 0)
		r = change_all(&o, tx[0]);
	if (r)
		return -r;
	if (strcmp(arg, "dies") == 0)
		raise(SIGKILL);
	return stay();
}

/* Has taken all there is, and says nothing of it in a record that is whole. */
static int takes_all(struct fam *own, const char *arg)
{
	struct opened o;
	struct fam_tx *tx;
	fam_off off;
	int r = open_heap(own, &o);

	(void)arg;
	if (r == 0)
		r = fam_tx_begin(o.heap, NULL, &tx);
	while (r == 0)
		r = fam_tx_alloc(tx, CHUNK, 0, &off, NULL);
	return r == -ENOSPC ? stay() : -r;
}

/* Commits and is killed, with journals and chunks that it would use again. */
static int used(struct fam *own, const char *arg)
{
	struct opened o;
	int r = open_heap(own, &o);

	(void)arg;
	if (r == 0)
		r = change_once(&o);
	return r ? -r : raise(SIGKILL);
}

static int opens(struct fam *own, const char *arg)
{
	struct opened o;

	step = arg;
	return -open_heap(own, &o);
}

/* Its session was lost while it stood still: it has another one, and goes on. */
static int comes_back(struct fam *own, const char *arg)
{
	struct opened o;
	int r = open_heap(own, &o);

	step = arg;
	if (r == 0)
		r = change_once(&o);
	if (r != -ESTALE)
		return r ? -r : ROLE_END;
	fam_heap_close(o.heap);
	r = fam_session_rejoin(own);
	if (r == 0)
		r = open_heap(own, &o);
	if (r == 0)
		r = change_once(&o);
	if (r == 0)
		fam_heap_close(o.heap);
	return -r;
}

static const struct role roles[] = {
	{"commits", commits}, {"begins", begins}, {"takes-all", takes_all},
	{"used", used},	      {"opens", opens},	  {"comes-back", comes_back},
	{NULL, NULL},
};

/* --- in the test ---------------------------------------------------------------------------- */

static struct opened here;

static int set_up_heap(void **state)
{
	const struct fam_heap_want want = {.bytes = HEAP_BYTES,
					   .journals = JOURNALS,
					   .journal_bytes = 16384};

	if (set_up(state) || fam_heap_create(fam, "h", &want, &here.heap) < 0)
		return -1;
	fam_heap_close(here.heap);
	if (open_heap(fam, &here) < 0)
		return -1;
	return change_once(&here);
}

static int tear_down_heap(void **state)
{
	fam_heap_close(here.heap);
	here.heap = NULL;
	return tear_down(state);
}

static int count(fam_off off, uint64_t usable, void *arg)
{
	(void)off;
	(void)usable;
	++*(uint64_t *)arg;
	return 0;
}

/* All of one commit or nothing, and nothing else is allocated. */
static void all_are(uint64_t value)
{
	uint64_t objects = 0, usable;

	for (unsigned int i = 0; i < WORDS; i++) {
		assert_int_equal(here.root->word[i], value);
		assert_int_equal(
			fam_heap_usable(here.heap, here.root->slot[i], &usable),
			0);
	}
	assert_int_equal(fam_heap_each(here.heap, count, &objects), 0);
	assert_int_equal(objects, 1 + WORDS);
}

static void all_can_begin(void)
{
	struct fam_tx *tx[JOURNALS];

	for (unsigned int i = 0; i < JOURNALS; i++)
		assert_int_equal(fam_tx_begin(here.heap, NULL, &tx[i]), 0);
	for (unsigned int i = 0; i < JOURNALS; i++)
		fam_tx_abort(tx[i]);
}

static void killed(unsigned int i)
{
	assert_int_equal(leave(i), 128 + SIGKILL);
}

/* --- who dies --------------------------------------------------------------------------------- */

static void what_was_not_committed_never_was(void **state)
{
	(void)state;
	enter(0, "begins", "dies");
	killed(0);
	all_are(1);
	/* and its journals and its lock can be had */
	all_can_begin();
	assert_int_equal(change_once(&here), 0);
	all_are(2);
}

static void what_was_committed_is_finished(void **state)
{
	(void)state;
	enter(0, "commits", "dies before");
	killed(0);
	assert_true(await(fam_heap_recover(here.heap) > 0));
	all_are(2);
	assert_int_equal(fam_heap_recover(here.heap), 0);
	assert_int_equal(change_once(&here), 0);
	all_are(3);
}

static void what_is_in_its_places_is_not_done_again(void **state)
{
	(void)state;
	enter(0, "commits", "dies behind");
	killed(0);
	assert_true(await(fam_heap_recover(here.heap) > 0));
	all_are(2);
	assert_int_equal(change_once(&here), 0);
	all_are(3);
}

/* Without a call for that. */
static void who_gets_its_lock_finds_it_finished(void **state)
{
	struct fam_tx *tx;

	(void)state;
	assert_int_equal(fam_tx_begin(here.heap, NULL, &tx), 0);
	enter(0, "commits", "dies before");
	killed(0);
	assert_int_equal(fam_tx_lock(tx, &here.root->mutex, -1), 0);
	all_are(2);
	fam_tx_abort(tx);
}

static void who_gets_its_lock_by_himself_asks_for_it(void **state)
{
	(void)state;
	enter(0, "commits", "dies before");
	killed(0);
	assert_int_equal(fam_mutex_lock(fam, &here.root->mutex, -1),
			 -EOWNERDEAD);
	assert_true(fam_heap_recover(here.heap) >= 0);
	all_are(2);
	assert_int_equal(fam_mutex_consistent(fam, &here.root->mutex), 0);
	assert_int_equal(fam_mutex_unlock(fam, &here.root->mutex), 0);
}

/* Each would keep a journal and a chunk for itself. */
static void nothing_is_used_up_by_the_dead(void **state)
{
	uint64_t value = here.root->word[0];

	(void)state;
	for (unsigned int i = 0; i < 3 * JOURNALS; i++) {
		enter(0, "used", "");
		killed(0);
		all_are(++value);
	}
	all_can_begin();
}

static uint64_t spans_of(struct fam_heap *heap)
{
	uint64_t spans = 0;

	while (fam_heap_alloc(heap, 0, CHUNK, 0, NULL) == 0)
		spans++;
	return spans;
}

static void space_that_a_dead_one_took_can_be_had(void **state)
{
	struct fam_heap_stat stat;

	(void)state;
	enter(0, "takes-all", "");
	assert_true(is_ready(0));
	assert_int_equal(fam_heap_alloc(here.heap, 0, CHUNK, 0, NULL), -ENOSPC);
	assert_int_equal(fam_heap_stat(here.heap, &stat, sizeof(stat)), 0);
	die(0);
	assert_true(await(fam_heap_alloc(here.heap, 0, CHUNK, 0, NULL) == 0));
	assert_int_equal(1 + spans_of(here.heap), stat.free / CHUNK);
}

/* --- who lives, and is in the middle of it --------------------------------------------------- */

static struct fam_heap *shared;
static atomic_bool over, settles, late;
static atomic_int settled;

static void *settle(void *arg)
{
	settles = true;
	settled = fam_heap_settle(shared);
	late = over;
	return arg;
}

/* What it has begun may not be forgotten: who waits for that finishes it. */
static void a_checkpoint_waits_until_it_is_dead(void **state)
{
	pthread_t thread;

	(void)state;
	enter(0, "commits", "stays before");
	assert_true(is_ready(0));
	all_are(1);
	shared = here.heap;
	over = settles = false;
	assert_int_equal(pthread_create(&thread, NULL, settle, NULL), 0);
	assert_true(await(settles));
	for (unsigned int i = 0; i < 20; i++)
		breathe();
	over = true;
	die(0);
	pthread_join(thread, NULL);
	assert_int_equal(settled, 0);
	assert_true(late);
	all_are(2);
}

/* --- who stands still for longer than its lease --------------------------------------------------- */

static void await_loss(void)
{
	struct fam_tx *tx;

	/* Whoever has the lock now has been told that its owner is dead. */
	assert_int_equal(fam_tx_begin(here.heap, NULL, &tx), 0);
	assert_int_equal(fam_tx_lock(tx, &here.root->mutex, -1), 0);
	fam_tx_abort(tx);
}

/* Its record was whole: it is there, and others have gone on from there. */
static void who_was_paused_does_not_store_what_is_old(void **state)
{
	(void)state;
	enter(0, "commits", "pauses");
	assert_true(is_ready(0));
	await_loss();
	all_are(2);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(change_once(&here), 0);
	all_are(52);
	kill(cast[0], SIGCONT);
	assert_int_equal(leave(0), ESTALE);
	all_are(52);
	assert_int_equal(change_once(&here), 0);
	all_are(53);
	all_can_begin();
}

static void who_was_paused_comes_back(void **state)
{
	(void)state;
	enter(0, "comes-back", "pauses");
	assert_true(is_ready(0));
	await_loss();
	assert_int_equal(change_once(&here), 0);
	all_are(3);
	kill(cast[0], SIGCONT);
	assert_int_equal(leave(0), 0);
	all_are(4);
}

/* --- after a start of the host ----------------------------------------------------------------------- */

static void who_dies_after_a_start_leaves_that_to_others(void **state)
{
	struct fam_sessions *table = fam_session_table(fam);
	uint64_t boot = atomic_load(&table->boot);

	(void)state;
	assert_int_equal(change_once(&here), 0);
	fam_heap_close(here.heap);
	/* as if it had been in use before that only */
	here.heap = NULL;
	assert_int_equal(open_heap(fam, &here), 0);
	fam_word_put(&fam_heap_live(here.heap)->boot, boot - 1);
	fam_heap_close(here.heap);
	here.heap = NULL;
	enter(0, "opens", "dies restarting");
	killed(0);
	assert_int_equal(open_heap(fam, &here), 0);
	assert_int_equal(fam_word_get(&fam_heap_live(here.heap)->boot), boot);
	all_are(2);
	assert_int_equal(change_once(&here), 0);
	all_are(3);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up_heap, tear_down_heap)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_not_committed_never_was),
		TEST(what_was_committed_is_finished),
		TEST(what_is_in_its_places_is_not_done_again),
		TEST(who_gets_its_lock_finds_it_finished),
		TEST(who_gets_its_lock_by_himself_asks_for_it),
		TEST(nothing_is_used_up_by_the_dead),
		TEST(space_that_a_dead_one_took_can_be_had),
		TEST(a_checkpoint_waits_until_it_is_dead),
		TEST(who_was_paused_does_not_store_what_is_old),
		TEST(who_was_paused_comes_back),
		TEST(who_dies_after_a_start_leaves_that_to_others),
	};

	STAGE_MAIN(argc, argv, roles);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
