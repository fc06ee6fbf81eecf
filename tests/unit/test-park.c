// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Threads and processes of one machine that wait for words of a fabric. Linked
 * with --wrap=fam_futex_wait: who sleeps looks at nothing by himself, so that
 * only a wake-up ends a wait.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/wait.h>

#include "fabric-file.h"
#include "fam-park.h"
#include "fam-session.h"
#include "member.h"
#include "sync/park-futex.h"

#define PATIENT 600000
#define THREADS 8
#define LONG_NS INT64_C(900000000)

static struct workdir work;
static const char *path;
static struct fam *fam;
static uint64_t *word;	       /* in the fabric */
static _Atomic bool sleepless; /* looks are made as they are in earnest */

int __real_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared);
int __wrap_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared);

int __wrap_fam_futex_wait(const fam_word *at, uint64_t value, int64_t ns,
			  bool shared)
{
	int64_t until = fam_now_ns() + DEADLINE_MS * INT64_C(1000000);
	int r = 0;

	if (sleepless)
		return __real_fam_futex_wait(at, value, ns, shared);
	while (r == 0 && fam_word_get(at) == value && fam_now_ns() < until)
		r = __real_fam_futex_wait(at, value, LONG_NS, shared);
	return r;
}

static int set_up(void **state)
{
	void *data;

	(void)state;
	sleepless = false;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "parking", 1, NULL));
	if (fam_open(&fam, path, 0) < 0 || fam_map(fam, 0, 4096, &data) < 0)
		return -1;
	word = data;
	return fam_session_set(fam, NULL, PATIENT);
}

static int tear_down(void **state)
{
	(void)state;
	fam_close(fam);
	free((char *)path);
	return workdir_remove(&work);
}

static struct fam_parking *table(void)
{
	return fam->parked->table;
}

/* Places in a state. */
static unsigned int places(unsigned int state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		uint64_t now =
			fam_word_get(&table()->place[i / 64][i % 64].word);

		n += (now & FAM_HOLDER_FLAGS) == state;
	}
	return n;
}

/* Everything is as if nobody had ever waited. */
static void expect_empty(void)
{
	assert_int_equal(places(0), FAM_PARKING_TOTAL);
	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++) {
		assert_int_equal(table()->group[i].used, 0);
		assert_int_equal(table()->group[i].spilled, 0);
	}
}

/* --- a thread that waits ------------------------------------------------------ */

struct waiter {
	pthread_t thread;
	struct fam *fam;
	uint64_t *word, value;
	int timeout_ms, result;
	bool loops; /* until the word has changed, as programs do */
	_Atomic bool done;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	do {
		w->result =
			fam_word_wait(w->fam, w->word, w->value, w->timeout_ms);
	} while (w->loops && w->result == 0 &&
		 __atomic_load_n(w->word, __ATOMIC_SEQ_CST) == w->value);
	w->done = true;
	return NULL;
}

static void waiter_make(struct waiter *w, struct fam *who, uint64_t *at,
			bool loops)
{
	unsigned int before = places(FAM_PARKING_WAITING);

	*w = (struct waiter){.fam = who,
			     .word = at,
			     .loops = loops,
			     .value = __atomic_load_n(at, __ATOMIC_SEQ_CST),
			     .timeout_ms = -1};
	assert_int_equal(pthread_create(&w->thread, NULL, wait_in_thread, w),
			 0);
	assert_true(await(places(FAM_PARKING_WAITING) == before + 1));
}

/* It waits for what is there to change, and sleeps already. */
static void waiter_start(struct waiter *w, struct fam *who, uint64_t *at)
{
	waiter_make(w, who, at, false);
}

static int waiter_end(struct waiter *w)
{
	assert_true(await(w->done));
	pthread_join(w->thread, NULL);
	return w->result;
}

static void change(uint64_t *at)
{
	__atomic_fetch_add(at, 1, __ATOMIC_SEQ_CST);
}

/* --- what there is to say of one wait ------------------------------------------ */

static void a_wait_ends_at_once_if_the_word_is_another(void **state)
{
	(void)state;
	*word = 5;
	assert_int_equal(fam_word_wait(fam, word, 4, -1), 0);
	assert_int_equal(fam_word_wait(fam, word, 4, 0), 0);
	expect_empty();
}

static void a_wait_ends_in_time(void **state)
{
	int64_t began = clock_now_ms();

	(void)state;
	sleepless = true;
	assert_int_equal(fam_word_wait(fam, word, 0, 0), -ETIMEDOUT);
	assert_int_equal(fam_word_wait(fam, word, 0, 30), -ETIMEDOUT);
	assert_in_range(clock_now_ms() - began, 29, DEADLINE_MS);
	/* longer than one look */
	began = clock_now_ms();
	assert_int_equal(fam_word_wait(fam, word, 0, 600), -ETIMEDOUT);
	assert_in_range(clock_now_ms() - began, 599, DEADLINE_MS);
	expect_empty();
}

static void wrong_words_are_refused(void **state)
{
	uint64_t elsewhere = 0;

	(void)state;
	assert_int_equal(fam_word_wait(fam, (void *)((char *)word + 4), 0, 0),
			 -EINVAL);
	assert_int_equal(fam_word_wake(fam, (void *)((char *)word + 4), 1),
			 -EINVAL);
	assert_int_equal(fam_word_wait(fam, &elsewhere, 0, 0), -EFAULT);
	assert_int_equal(fam_word_wake(fam, &elsewhere, 1), -EFAULT);
}

static void without_a_session_there_are_no_waits(void **state)
{
	struct fam *other;
	void *data;

	(void)state;
	assert_int_equal(fam_open(&other, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_map(other, 0, 4096, &data), 0);
	assert_int_equal(fam_word_wait(other, data, 0, 0), -EOPNOTSUPP);
	assert_int_equal(fam_word_wake(other, data, 1), -EOPNOTSUPP);
	assert_int_equal(fam_park_self(other), 0);
	assert_int_equal(fam_park_why(other), -EOPNOTSUPP);
	fam_close(other);
}

static void drop_parking(struct fam_superblock *sb)
{
	sb->feature_compat &= ~(FAM_COMPAT_OBJECTS | FAM_COMPAT_REGIONS);
	sb->regions_offset = sb->regions_bytes = 0;
	sb->data_bytes = sb->size - sb->data_offset;
	sb->parking_offset = sb->parking_bytes = 0;
	sb->objects_offset = sb->objects_bytes = 0;
}

static void an_older_fabric_has_no_parking(void **state)
{
	struct fam *old;
	void *data;

	(void)state;
	assert_int_equal(
		fam_open(&old, fabric_make(&work, "old", 2, drop_parking), 0),
		0);
	assert_int_equal(fam_map(old, 0, 4096, &data), 0);
	assert_int_equal(fam_session_check(old), 0);
	assert_int_equal(fam_word_wait(old, data, 0, 0), -EOPNOTSUPP);
	assert_int_equal(fam_word_wake(old, data, 1), -EOPNOTSUPP);
	assert_int_equal(fam_park_why(old), -EOPNOTSUPP);
	fam_close(old);
}

/* --- who is woken ---------------------------------------------------------------- */

static void who_came_first_is_woken_first(void **state)
{
	struct waiter w[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		waiter_start(&w[i], fam, word);
	change(word);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(fam_word_wake(fam, word, 1), 1);
		assert_int_equal(waiter_end(&w[i]), 0);
		for (int j = i + 1; j < THREADS; j++)
			assert_false(w[j].done);
	}
	assert_int_equal(fam_word_wake(fam, word, 1), 0);
	expect_empty();
}

static void as_many_are_woken_as_are_wanted(void **state)
{
	struct waiter w[THREADS], other;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		waiter_start(&w[i], fam, word);
	waiter_start(&other, fam, word + 1);
	assert_int_equal(fam_word_wake(fam, word, 0), 0);
	change(word);
	assert_int_equal(fam_word_wake(fam, word, 3), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(waiter_end(&w[i]), 0);
	assert_int_equal(fam_word_wake(fam, word, UINT_MAX), THREADS - 3);
	for (int i = 3; i < THREADS; i++)
		assert_int_equal(waiter_end(&w[i]), 0);
	assert_false(other.done);
	change(word + 1);
	assert_int_equal(fam_word_wake(fam, word + 1, UINT_MAX), 1);
	assert_int_equal(waiter_end(&other), 0);
	expect_empty();
}

static void attachments_of_a_process_wake_each_other(void **state)
{
	struct waiter w;
	struct fam *other;
	void *data;

	(void)state;
	assert_int_equal(fam_open(&other, path, 0), 0);
	assert_int_equal(fam_map(other, 0, 4096, &data), 0);
	waiter_start(&w, other, data);
	change(word);
	assert_int_equal(fam_word_wake(fam, word, 1), 1);
	assert_int_equal(waiter_end(&w), 0);
	fam_close(other);
	expect_empty();
}

/* --- waits that are cut short ---------------------------------------------------- */

static void handle(int signal)
{
	(void)signal;
}

static void a_signal_handler_ends_a_wait(void **state)
{
	const struct sigaction act = {.sa_handler = handle,
				      .sa_flags = SA_RESTART};
	struct waiter w;

	(void)state;
	sigaction(SIGUSR1, &act, NULL);
	waiter_start(&w, fam, word);
	assert_true(await(w.done || (pthread_kill(w.thread, SIGUSR1), false)));
	assert_int_equal(waiter_end(&w), -EINTR);
	expect_empty();
}

static void lose_session(struct fam *who)
{
	struct fam_sessions *t = fam_session_table(who);
	unsigned int slot = fam_session_slot_of(who->sessions->id);

	assert_true(fam_sessions_kill(t, slot,
				      fam_session_live_word(who->sessions->id),
				      FAM_SESSION_EXPIRED));
}

static void who_loses_its_session_waits_no_more(void **state)
{
	struct waiter w;
	struct fam *other;
	void *data;

	(void)state;
	assert_int_equal(fam_open(&other, path, 0), 0);
	assert_int_equal(fam_map(other, 0, 4096, &data), 0);
	waiter_start(&w, other, data);
	assert_int_not_equal(fam_park_self(other), 0);
	lose_session(other);
	assert_int_equal(fam_park_self(other), 0);
	assert_int_equal(fam_park_why(other), -ESTALE);
	waiter_end(&w);
	assert_int_equal(fam_word_wait(other, data, 0, -1), -ESTALE);
	assert_int_equal(fam_session_rejoin(other), 0);
	assert_int_not_equal(fam_park_self(other), 0);
	/* The loss may be told only now: it wakes all who wait, too. */
	waiter_make(&w, other, data, true);
	change(word);
	assert_in_range(fam_word_wake(fam, word, 1), 0, 1);
	assert_int_equal(waiter_end(&w), 0);
	fam_close(other);
	expect_empty();
}

static void a_death_wakes_all_who_wait(void **state)
{
	struct member m = {0};
	struct waiter w;

	(void)state;
	member_start(&m, path, PATIENT);
	waiter_start(&w, fam, word);
	kill(m.pid, SIGKILL);
	assert_int_equal(waiter_end(&w), 0);
	assert_int_equal(*word, 0);
	member_reap(&m);
	expect_empty();
}

/* When the keeper looked last; 0: not since the last change. */
static int64_t looked(void)
{
	struct fam_membership *m = fam->sessions;
	int64_t at;

	pthread_mutex_lock(&m->lock);
	at = m->changes == atomic_load(&m->table->changes) ? m->looked : 0;
	pthread_mutex_unlock(&m->lock);
	return at;
}

static void who_comes_wakes_nobody(void **state)
{
	struct member m = {0};
	struct waiter w;
	int64_t first = 0;

	(void)state;
	waiter_start(&w, fam, word);
	member_start(&m, path, PATIENT);
	/* The second one begins when all is done because of the first one. */
	assert_true(await((first = looked()) != 0));
	assert_true(await(looked() > first));
	assert_false(w.done);
	assert_int_equal(places(FAM_PARKING_WAITING), 1);
	change(word);
	assert_int_equal(fam_word_wake(fam, word, 1), 1);
	assert_int_equal(waiter_end(&w), 0);
	member_tear_down(&m);
	expect_empty();
}

/* It died before it had set the hint. */
static void what_a_dead_one_has_claimed_is_freed(void **state)
{
	uint64_t dead = fam_holder(UINT64_C(0xdead) << 16 | 1000);

	(void)state;
	fam_word_poke(&table()->place[3][5].word, dead | FAM_PARKING_CLAIMED);
	fam_park_clear_up(fam, dead);
	expect_empty();
}

/* --- fork(2) ---------------------------------------------------------------------- */

static int be_a_child(void)
{
	if (fam_park_self(fam) != 0 || fam_park_why(fam) != -ESTALE ||
	    fam_word_wait(fam, word, 0, -1) != -ESTALE)
		return 1;
	fam_close(fam);
	return 0;
}

static void a_child_has_no_session_to_wait_with(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(be_a_child());
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_not_equal(fam_park_self(fam), 0);
}

/* --- spinning ---------------------------------------------------------------------- */

static void spins_in_vain_become_shorter(void **state)
{
	int64_t first = fam->parked->spin_ns;

	(void)state;
	if (!fam->parked->spins)
		skip();
	assert_int_equal(first, FAM_PARK_SPIN_NS);
	assert_false(fam_park_spin(fam, (fam_word *)word, 0));
	assert_int_equal(fam->parked->spin_ns, first / 2);
	for (int i = 0; i < 100; i++)
		assert_false(fam_park_spin(fam, (fam_word *)word, 0));
	assert_in_range(fam->parked->spin_ns, 1, first / 10);
	assert_true(fam_park_spin(fam, (fam_word *)word, 1));
}

static void threads_have_numbers(void **state)
{
	(void)state;
	assert_int_not_equal(fam_park_thread(), 0);
	assert_int_equal(fam_park_thread(), fam_park_thread());
	assert_true(fam_park_thread() <= INT32_MAX);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(a_wait_ends_at_once_if_the_word_is_another),
		test(a_wait_ends_in_time),
		test(wrong_words_are_refused),
		test(without_a_session_there_are_no_waits),
		test(an_older_fabric_has_no_parking),
		test(who_came_first_is_woken_first),
		test(as_many_are_woken_as_are_wanted),
		test(attachments_of_a_process_wake_each_other),
		test(a_signal_handler_ends_a_wait),
		test(who_loses_its_session_waits_no_more),
		test(a_death_wakes_all_who_wait),
		test(who_comes_wakes_nobody),
		test(what_a_dead_one_has_claimed_is_freed),
		test(a_child_has_no_session_to_wait_with),
		test(spins_in_vain_become_shorter),
		test(threads_have_numbers),
	};

	if (argc == 4 && strcmp(argv[1], "member") == 0)
		return member_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
