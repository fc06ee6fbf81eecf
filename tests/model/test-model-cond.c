// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Condition variables, with their mutexes, in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "model.h"

static struct {
	struct fam_mutex mutex;
	struct fam_cond cond;
	fam_word items, taken, turn; /* under the mutex */
} shared;

/* Return: it is held; false: the session was lost, or it was not had */
static bool held(unsigned int n, int r)
{
	if (r == -EOWNERDEAD) {
		model_expect(model_any_lost());
		r = fam_mutex_consistent(model_fam(n), &shared.mutex);
	}
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
	return r == 0;
}

static void unlock(unsigned int n)
{
	int r = fam_mutex_unlock(model_fam(n), &shared.mutex);

	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

/* Plain steps, as a program does it under a mutex. */
static void add(fam_word *word, uint64_t n)
{
	fam_word_poke(word, fam_word_peek(word) + n);
}

static void take(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r;

	if (!held(n, fam_mutex_lock(fam, &shared.mutex, -1)))
		return;
	while (fam_word_peek(&shared.items) == 0) {
		r = fam_cond_wait(fam, &shared.cond, &shared.mutex, timeout_ms);
		/* Whatever it is, the mutex is held. */
		if (r == -ETIMEDOUT || r == -EINTR) {
			model_expect(timeout_ms >= 0);
			unlock(n);
			return;
		}
		if (!held(n, r))
			return;
	}
	add(&shared.items, (uint64_t)-1);
	add(&shared.taken, 1);
	unlock(n);
}

/* The signal is sent behind the mutex, as is allowed. */
static void make(unsigned int n)
{
	struct fam *fam = model_fam(n);
	int r;

	if (!held(n, fam_mutex_lock(fam, &shared.mutex, -1)))
		return;
	add(&shared.items, 1);
	unlock(n);
	r = fam_cond_signal(fam, &shared.cond);
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void one_takes(unsigned int n)
{
	if (n == 0)
		take(n, -1);
	else
		make(n);
}

/* Two wait, and one makes an item for each. */
static void two_take(unsigned int n)
{
	if (n < 2) {
		take(n, -1);
		return;
	}
	make(n);
	model_forget(1);
	make(n);
}

static void one_gives_up(unsigned int n)
{
	if (n < 2) {
		take(n, n ? 100 : -1);
		return;
	}
	make(n);
	model_forget(1);
	make(n);
}

/* Two in turn, each telling all. */
static void in_turn(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (!held(n, fam_mutex_lock(fam, &shared.mutex, -1)))
		return;
	while (fam_word_peek(&shared.turn) != n)
		model_expect(fam_cond_wait(fam, &shared.cond, &shared.mutex,
					   -1) == 0);
	add(&shared.turn, 1);
	model_expect(fam_cond_broadcast(fam, &shared.cond) == 0);
	unlock(n);
}

static void end_none_left(void)
{
	if (!model_any_lost())
		model_expect(fam_word_peek(&shared.items) == 0 &&
			     fam_word_peek(&shared.taken) == 2);
}

static void end_one_taken(void)
{
	model_expect(fam_word_peek(&shared.taken) == 1 || model_any_lost());
	model_expect(fam_word_peek(&shared.taken) <= 1);
}

static void end_one_or_other(void)
{
	model_expect(fam_word_peek(&shared.items) +
			     fam_word_peek(&shared.taken) ==
		     2);
}

static void end_in_turn(void)
{
	model_expect(fam_word_peek(&shared.turn) == 3);
}

#define CONDITION(name_, thread_, end_)                   \
	.name = (name_), .threads = 3, .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = (end_)

static const struct model signals = {
	CONDITION("two take, one makes", two_take, end_none_left),
	.preemptions = 2};
static const struct model broadcasts = {
	CONDITION("three in turn", in_turn, end_in_turn), .preemptions = 2};
static const struct model woken = {
	CONDITION("they wake for no reason", in_turn, end_in_turn),
	.spurious = 1, .preemptions = 1};
static const struct model dying = {
	CONDITION("one takes, two make, and one dies", one_takes,
		  end_one_taken),
	.deaths = 1, .preemptions = 1};
static const struct model zombie = {
	CONDITION("one takes, two make, and one is taken for dead", one_takes,
		  end_one_taken),
	.zombies = 1, .preemptions = 1};
static const struct model impatient = {
	CONDITION("one gives up", one_gives_up, end_one_or_other),
	.timeouts = 2, .preemptions = 1};

static void conditions_hold(void **state)
{
	(void)state;
	model_check(&signals);
	model_check(&broadcasts);
	model_check(&woken);
	model_check(&dying);
	model_check(&zombie);
	model_check(&impatient);
}

static const struct model *const most[] = {&signals, &broadcasts, NULL};

static const char *const spare[] = {
	"fam_lock_finish:store.1 is looked at in the model of mutexes",
	"fam_lock_sleep:swap.1 likewise",
	"let_go:swap.1 likewise",
	"fam_lock_wake:store.1 likewise",
	"fam_lock_let_go:store.1 likewise",
	"fam_lock_grab:store.1 likewise",
	"add_signal:add.1 of two at once, either is seen by who slept before",
	NULL,
};

static void no_step_of_a_condition_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_hold),
		cmocka_unit_test(no_step_of_a_condition_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
