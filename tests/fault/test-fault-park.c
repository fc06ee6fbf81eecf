// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who sleeps, or wakes others, is killed at each step: nobody else sleeps on. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include <fam/wait.h>

#include "fam-park.h"
#include "fault.h"

#define WAIT_MS 20000

/* In memory that all map. */
struct shared {
	fam_word value; /* slept at while it is 0 */
	fam_word other; /* and at this one, by others */
};

static struct shared *shared_of(struct fault *f)
{
	return f->memory;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int sleep_at(struct fam *fam, fam_word *word)
{
	const struct fam_deadline until = fam_deadline(WAIT_MS);

	while (fam_word_get(word) == 0) {
		int r = fam_park(fam, word, 0, until);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- a sleeper of the test's own ------------------------------------------------------- */

static struct sleeper {
	pthread_t thread;
	struct fam *fam;
	fam_word *word;
	int result;
	int64_t woken; /* ms */
} sleeper;

static void *sleep_there(void *arg)
{
	struct sleeper *s = arg;

	s->result = sleep_at(s->fam, s->word);
	s->woken = now_ms();
	return NULL;
}

static unsigned int places_with(struct fam *fam, uint64_t state)
{
	const struct fam_parking *table = fam->parked->table;
	unsigned int count = 0;

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		uint64_t word =
			fam_word_get(&table->place[i / FAM_PARKING_PLACES]
						  [i % FAM_PARKING_PLACES]
							  .word);

		count += word && (!state || (word & FAM_HOLDER_FLAGS) == state);
	}
	return count;
}

static void begin_to_sleep(struct fault *f)
{
	int64_t until = now_ms() + WAIT_MS;

	sleeper = (struct sleeper){.fam = f->fam, .word = &shared_of(f)->value};
	assert_int_equal(
		pthread_create(&sleeper.thread, NULL, sleep_there, &sleeper),
		0);
	while (places_with(f->fam, FAM_PARKING_WAITING) == 0 &&
	       now_ms() < until)
		fault_breathe();
}

/* --- who sleeps is killed ----------------------------------------------------------------- */

static int sleep_a_while(struct fault *f)
{
	int r;

	fault_arm(f);
	r = sleep_at(f->fam, &shared_of(f)->value);
	fault_disarm(f);
	return r != 0;
}

static void wake_when_it_sleeps(struct fault *f)
{
	fault_await_sleep(f);
	fam_word_put(&shared_of(f)->value, 1);
	fam_unpark(f->fam, &shared_of(f)->value, 1);
}

/*
 * Its place is free when its death has been cleared up behind, but for one that
 * it had just claimed: who needs it finds that. Nobody who comes later notices.
 */
static void nothing_is_left(struct fault *f)
{
	int64_t until = now_ms() + WAIT_MS;

	if (f->killed)
		fault_await_death(f);
	while (places_with(f->fam, 0) > f->killed && now_ms() < until)
		fault_breathe();
	assert_true(places_with(f->fam, 0) <= f->killed);
	assert_int_equal(places_with(f->fam, FAM_PARKING_WAITING), 0);
	fam_word_put(&shared_of(f)->value, 0);
	begin_to_sleep(f);
	fam_word_put(&shared_of(f)->value, 1);
	/* None, if it looks around at this moment: then it sees the word. */
	assert_true(fam_unpark(f->fam, &shared_of(f)->value, 1) <= 1);
	pthread_join(sleeper.thread, NULL);
	assert_int_equal(sleeper.result, 0);
}

static void while_it_sleeps(void **state)
{
	static const struct fault_case what = {"sleep", .child = sleep_a_while,
					       .meanwhile = wake_when_it_sleeps,
					       .after = nothing_is_left};

	(void)state;
	fault_each(&what);
}

/* --- who wakes is killed -------------------------------------------------------------------- */

static int wake_all(struct fault *f)
{
	fault_arm(f);
	fam_word_put(&shared_of(f)->value, 1);
	fam_unpark(f->fam, &shared_of(f)->value, 2);
	fault_disarm(f);
	return 0;
}

/* Within a second of the death, at the latest; if it had come to change it. */
static void the_sleeper_wakes(struct fault *f)
{
	int64_t known;

	if (f->killed)
		fault_await_death(f);
	known = now_ms();
	if (fam_word_get(&shared_of(f)->value) == 0) {
		fam_word_put(&shared_of(f)->value, 1);
		fam_unpark(f->fam, &shared_of(f)->value, 1);
	}
	pthread_join(sleeper.thread, NULL);
	assert_int_equal(sleeper.result, 0);
	assert_true(sleeper.woken - known < 1000);
	assert_int_equal(places_with(f->fam, FAM_PARKING_WAITING), 0);
}

static void while_it_wakes(void **state)
{
	static const struct fault_case what = {"wake", .child = wake_all,
					       .before = begin_to_sleep,
					       .after = the_sleeper_wakes};

	(void)state;
	fault_each(&what);
}

/* --- the one that was woken is killed --------------------------------------------------------- */

/*
 * The child sleeps first, then the test: one is woken. If the child dies before
 * it is back, the test is woken in its place.
 */
static void one_is_woken(struct fault *f)
{
	fault_await_sleep(f);
	begin_to_sleep(f);
	fam_word_put(&shared_of(f)->value, 1);
	fam_unpark(f->fam, &shared_of(f)->value, 1);
}

static void another_one_is_woken(struct fault *f)
{
	if (!f->killed)
		fam_unpark(f->fam, &shared_of(f)->value, 1);
	the_sleeper_wakes(f);
}

static void when_it_was_woken(void **state)
{
	static const struct fault_case what = {"woken", .child = sleep_a_while,
					       .meanwhile = one_is_woken,
					       .after = another_one_is_woken};

	(void)state;
	fault_each(&what);
}

/* --- the harness itself ------------------------------------------------------------------------ */

#define STEPS 7

static int seven_steps(struct fault *f)
{
	fault_arm(f);
	for (int i = 0; i < STEPS; i++)
		fam_word_add(&shared_of(f)->value, 1);
	fault_disarm(f);
	return 0;
}

/* It dies before the step, not behind it. */
static void count_steps(struct fault *f)
{
	assert_int_equal(fam_word_get(&shared_of(f)->value), f->step - 1);
	assert_true(f->killed == (f->step <= STEPS));
}

static void each_step_is_one(void **state)
{
	static const struct fault_case what = {"count", .child = seven_steps,
					       .after = count_steps};

	(void)state;
	assert_int_equal(fault_each(&what), STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_is_one),
		cmocka_unit_test(while_it_sleeps),
		cmocka_unit_test(while_it_wakes),
		cmocka_unit_test(when_it_was_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
