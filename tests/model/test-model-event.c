// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Events in every order of their steps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/sync.h>

#include "model.h"

static struct {
	struct fam_event event;
	fam_word passed;
} shared;

/* Waits without end, and lets the next one pass. */
static void pass_baton(unsigned int n)
{
	struct fam *fam = model_fam(n);

	model_expect(fam_event_wait(fam, &shared.event, -1) == 0);
	fam_word_add(&shared.passed, 1);
	model_expect(fam_event_pulse(fam, &shared.event) == 0);
}

static void begin_baton(void)
{
	model_expect(fam_event_pulse(model_fam(MODEL_THREADS), &shared.event) ==
		     0);
}

/* There was one baton all the time. */
static void end_baton(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);

	model_expect(fam_word_peek(&shared.passed) == 3);
	model_expect(fam_event_wait(fam, &shared.event, 0) == 0);
	model_expect(fam_event_wait(fam, &shared.event, 0) == -ETIMEDOUT);
}

/* The last one pulses once, the others do not wait for ever. */
static void pulse_once(unsigned int n)
{
	struct fam *fam = model_fam(n);
	int r;

	if (n == 2) {
		r = fam_event_pulse(fam, &shared.event);
		model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
		return;
	}
	r = fam_event_wait(fam, &shared.event, 100);
	if (r == 0)
		fam_word_add(&shared.passed, 1);
	else
		model_expect(r == -ETIMEDOUT || r == -EINTR ||
			     (r == -ESTALE && model_lost(n)));
}

/* It let one pass, or will; who died may have had it. */
static void end_pulse(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	uint64_t passed = fam_word_peek(&shared.passed);

	if (fam_event_wait(fam, &shared.event, 0) == 0)
		passed++;
	model_expect(passed <= 1);
	model_expect(passed == 1 || model_any_lost());
	model_expect(fam_event_wait(fam, &shared.event, 0) == -ETIMEDOUT);
}

/* Two set it, so that one is left who does; it is reset in between. */
static void set_for_one(unsigned int n)
{
	struct fam *fam = model_fam(n);
	int r;

	if (n == 0)
		r = fam_event_wait(fam, &shared.event, -1);
	else
		r = fam_event_set(fam, &shared.event);
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void end_set(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);

	model_expect(fam_event_wait(fam, &shared.event, 0) == 0);
	model_expect(fam_event_reset(fam, &shared.event) == 1);
	model_expect(fam_event_wait(fam, &shared.event, 0) == -ETIMEDOUT);
}

/* All that can be done to it without waiting, at the same time. */
static void change(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0)
		model_expect(fam_event_set(fam, &shared.event) == 0);
	else
		model_expect(fam_event_pulse(fam, &shared.event) == 0);
}

static void end_change(void)
{
	/* Set, and pulsed. */
	model_expect(shared.event.word[0] == 3);
}

static void pulse_or_reset(unsigned int n)
{
	struct fam *fam = model_fam(n);

	if (n == 0)
		model_expect(fam_event_pulse(fam, &shared.event) == 0);
	else if (fam_event_reset(fam, &shared.event))
		fam_word_add(&shared.passed, 1);
}

/* One pulse, which one of them has taken away, or nobody yet. */
static void end_reset(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	uint64_t taken = fam_word_peek(&shared.passed);

	if (fam_event_reset(fam, &shared.event))
		taken++;
	model_expect(taken == 1);
}

#define EVENTS(name_, thread_, end_)                      \
	.name = (name_), .threads = 3, .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = (end_)

static const struct model baton = {
	EVENTS("three pass one pulse on", pass_baton, end_baton),
	.begin = begin_baton, .tso = true};
static const struct model baton_woken = {
	EVENTS("they wake for no reason", pass_baton, end_baton),
	.begin = begin_baton, .spurious = 1};
static const struct model pulse = {
	EVENTS("a pulse for one of two", pulse_once, end_pulse), .timeouts = 2};
static const struct model interrupted = {
	EVENTS("a signal comes as well", pulse_once, end_pulse), .timeouts = 1,
	.signals = 1};
static const struct model pulse_dying = {
	EVENTS("a pulse, and one dies", pulse_once, end_pulse), .timeouts = 2,
	.deaths = 1};
static const struct model pulse_zombie = {
	EVENTS("a pulse, and one is taken for dead", pulse_once, end_pulse),
	.timeouts = 2, .zombies = 1};
static const struct model set_dying = {
	EVENTS("two set it, and one dies", set_for_one, end_set), .deaths = 1};

static const struct model changed = {
	EVENTS("set and pulsed", change, end_change)};
static const struct model reset = {
	EVENTS("reset by two, pulsed by one", pulse_or_reset, end_reset)};

static void events_hold(void **state)
{
	(void)state;
	model_check(&baton);
	model_check(&baton_woken);
	model_check(&pulse);
	model_check(&interrupted);
	model_check(&pulse_dying);
	model_check(&pulse_zombie);
	model_check(&set_dying);
	model_check(&changed);
	model_check(&reset);
}

static const struct model *const most[] = {
	&baton, &pulse, &interrupted, &set_dying, &changed, &reset, NULL};

static void no_step_of_an_event_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_hold),
		cmocka_unit_test(no_step_of_an_event_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
