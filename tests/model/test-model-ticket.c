// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Ticket locks in every order of their steps. With two places only, so that
 * looking through all of them is not most of what there is to see, and that there
 * may be none for who comes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/lock.h>

#include "section.h"

#undef FAM_TICKET_WAITERS
#define FAM_TICKET_WAITERS 2
#include "sync/ticket-turn.c"

#include "sync/ticket.c"

static struct {
	/* As much of a struct fam_ticket as is used. */
	uint64_t ticket[TICKET_PLACES + FAM_TICKET_WAITERS];
	struct section section;
} shared;

static struct fam_ticket *lock(void)
{
	return (struct fam_ticket *)(void *)shared.ticket;
}

/* --- what threads do -------------------------------------------------------------- */

static void once(unsigned int n, int timeout_ms)
{
	struct fam *fam = model_fam(n);
	int r = fam_ticket_lock(fam, lock(), timeout_ms);

	if (r == -ESTALE) {
		model_expect(model_lost(n));
		return;
	}
	if (r == -ETIMEDOUT && timeout_ms >= 0)
		return;
	model_expect(r == 0 || r == -EOWNERDEAD);
	section_enter(&shared.section, n, r);
	if (r == -EOWNERDEAD) {
		section_repair(&shared.section);
		r = fam_ticket_consistent(fam, lock());
		model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
	}
	section_leave(&shared.section, n);
	r = fam_ticket_unlock(fam, lock());
	model_expect(r == 0 || (r == -ESTALE && model_lost(n)));
}

static void lock_once(unsigned int n)
{
	once(n, -1);
}

static void lock_twice(unsigned int n)
{
	once(n, -1);
	model_forget(1);
	once(n, -1);
}

/* The first one waits, the others give up after some time. */
static void lock_timed(unsigned int n)
{
	once(n, n ? 100 : -1);
}

/* The first one waits, the others do not. */
static void lock_tried(unsigned int n)
{
	once(n, n ? 0 : -1);
}

/* One more, whom nothing may keep out. */
static void all_is_well(void)
{
	struct fam *fam = model_fam(MODEL_THREADS);
	int r = fam_ticket_lock(fam, lock(), 0);

	model_expect(r == 0 || (r == -EOWNERDEAD && model_any_lost()));
	section_enter(&shared.section, MODEL_THREADS, r);
	model_expect(fam_ticket_unlock(fam, lock()) == 0);
	/* Alone, the first one waits as long as need be. */
	model_expect(fam_word_peek(&shared.section.count) >= 1 ||
		     model_any_lost());
	model_expect(fam_word_peek(&shared.section.count) <= 4);
}

/* --- the models -------------------------------------------------------------------- */

#define LOCKING(name_, threads_, thread_)                          \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_), .end = all_is_well

static const struct model two_twice = {LOCKING("two lock twice", 2, lock_twice),
				       .preemptions = 3};
static const struct model reordered = {LOCKING("two lock", 2, lock_once),
				       .tso = true, .preemptions = 4};
static const struct model three = {LOCKING("three lock", 3, lock_once),
				   .preemptions = 2};
static const struct model dying = {LOCKING("two lock, one dies", 2, lock_once),
				   .deaths = 1, .preemptions = 3};
/* The third one comes to the same place as the first one. */
static const struct model three_dying = {
	LOCKING("three lock, one dies", 3, lock_once), .deaths = 1, .mortal = 3,
	.preemptions = 1};
static const struct model zombie = {
	LOCKING("two lock, one is taken for dead", 2, lock_once), .zombies = 1,
	.preemptions = 3};
static const struct model timed = {
	LOCKING("one does not wait for long", 2, lock_timed), .timeouts = 1,
	.preemptions = 3};
static const struct model timed_three = {
	LOCKING("two do not wait for long", 3, lock_timed), .timeouts = 1,
	.preemptions = 1};
static const struct model tried = {LOCKING("one does not wait", 2, lock_tried),
				   .preemptions = 3};
static const struct model woken = {
	LOCKING("they wake for no reason", 2, lock_once), .spurious = 1,
	.preemptions = 3};

static const struct model *const all[] = {
	&two_twice, &reordered, &three,	      &dying, &three_dying,
	&zombie,    &timed,	&timed_three, &tried, &woken,
};

static void ticket_locks_hold(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		model_check(all[i]);
}

/* Of one session: their places are told apart by their tickets alone. */
static const struct model threads = {
	LOCKING("two threads lock twice", 2, lock_twice), .one_session = true,
	.preemptions = 3};
static const struct model zombie_of_three = {
	LOCKING("three lock, one is taken for dead", 3, lock_once),
	.zombies = 1, .mortal = 3, .preemptions = 1};

/*
 * Who is taken for dead in the middle of a step, and makes it when somebody else
 * has his place: that needs one who comes to the same place, again.
 */
static void lock_by_turns(unsigned int n)
{
	if (n == 1)
		return;
	once(n, n ? -1 : 100);
	if (n == 0)
		return;
	model_forget(1);
	once(n, -1);
}

/* The first ticket's owner gave up; one before him died. */
static void begin_marked(void)
{
	fam_word_poke(fam_sync_words(&shared.ticket[TICKET_NEXT]), 1);
	fam_word_poke(fam_sync_words(&shared.ticket[TICKET_SERVING]),
		      TICKET_MARK);
	fam_word_poke(&shared.section.damaged, 1);
}

static const struct model late = {
	LOCKING("one is taken for dead, one comes to its place", 3,
		lock_by_turns),
	.begin = begin_marked, .zombies = 1, .mortal = 1, .preemptions = 2};
static const struct model late_timed = {
	LOCKING("one is taken for dead when it gives up", 3, lock_by_turns),
	.begin = begin_marked,
	.zombies = 1,
	.mortal = 1,
	.timeouts = 1,
	.preemptions = 1};

/* The one who tries moves the lock on when it has been moved on for long. */
static void lock_often(unsigned int n)
{
	if (n) {
		once(n, 0);
		return;
	}
	for (unsigned int i = 1; i <= 3; i++) {
		once(n, -1);
		model_forget(i);
	}
}

static const struct model often = {
	LOCKING("one locks three times, one tries", 2, lock_often),
	.preemptions = 3};

/* Two others clear up behind a dead one, and one of them has his place then. */
static void lock_behind(unsigned int n)
{
	if (n)
		once(n, -1);
}

static void leave_dead(enum place_state state)
{
	/* Nobody has this token. */
	uint64_t dead = fam_holder(UINT64_C(0xdead) << 16);

	fam_word_poke(fam_sync_words(&shared.ticket[TICKET_NEXT]), 1);
	fam_word_poke(fam_sync_words(&shared.ticket[TICKET_PLACES]),
		      ticket_place_word(dead, state, 0));
}

static void begin_drawing(void)
{
	leave_dead(PLACE_DRAWS);
}

static void begin_in(void)
{
	leave_dead(PLACE_IN);
	fam_word_poke(&shared.section.damaged, 1);
}

static const struct model behind_one_drawing = {
	LOCKING("two come behind one that died when it came", 3, lock_behind),
	.begin = begin_drawing, .preemptions = 2};
static const struct model behind_one_in = {
	LOCKING("two come behind one that died with it", 3, lock_behind),
	.begin = begin_in, .preemptions = 2};

static void late_steps_do_no_harm(void **state)
{
	(void)state;
	model_check(&late);
	model_check(&late_timed);
	model_check(&often);
	model_check(&behind_one_drawing);
	model_check(&behind_one_in);
}

static void threads_of_a_session_are_as_others(void **state)
{
	(void)state;
	model_check(&threads);
	model_check(&zombie_of_three);
}

static void lock_rarely(unsigned int n)
{
	if (n) {
		section_enter(&shared.section, n, 0);
		section_leave(&shared.section, n);
	} else {
		once(n, -1);
	}
}

static const struct model unlocked = {
	LOCKING("one does not lock", 2, lock_rarely)};

static void who_does_not_lock_is_found(void **state)
{
	(void)state;
	model_check_failing(&unlocked, "model_lost");
}

static const struct model *const most[] = {
	&tried, &often, &behind_one_drawing, &behind_one_in, &late_timed,
	&late,	NULL};

static const char *const spare[] = {
	"enter:store.1 who holds it is for -EDEADLK and -EPERM",
	"enter:store.2 a hint where to look first",
	"bury:swap.1 late it moves on to where it was; told of once more",
	"nap:park.1 it ends by itself",
	NULL,
};

static void no_step_of_a_ticket_lock_is_idle(void **state)
{
	(void)state;
	model_check_mutants(most, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticket_locks_hold),
		cmocka_unit_test(late_steps_do_no_harm),
		cmocka_unit_test(threads_of_a_session_are_as_others),
		cmocka_unit_test(who_does_not_lock_is_found),
		cmocka_unit_test(no_step_of_a_ticket_lock_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
