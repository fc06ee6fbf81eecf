// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What can happen next in a run, and making it happen. */
#include <errno.h>

#include "engine.h"
#include "world.h"

/* What happens in a run that the model did not ask for, if all are stuck. */
#define LEAP_NS	     INT64_C(10000000)
#define LOOK_NS	     INT64_C(250000000)
#define LEAP_LONG_NS INT64_C(1000000000000)

struct list {
	struct action *action;
	unsigned int count;
};

static void add(struct list *list, enum act act, unsigned int who)
{
	if (list->count < ACTIONS_MAX)
		list->action[list->count++] = (struct action){
			.act = (uint8_t)act, .who = (uint8_t)who};
}

static bool can_run(unsigned int n)
{
	const struct thread *t = &run.thread[n];

	return t->status == READY ||
	       (t->status == PAUSED && t->seen != run.version);
}

static bool has_ended(unsigned int n)
{
	return run.thread[n].status == DONE || run.thread[n].status == KILLED;
}

static bool lives(unsigned int session)
{
	return !((run.killed | run.told) >> session & 1);
}

static void add_run(struct list *list, unsigned int n)
{
	unsigned int now = run.current;
	bool preempts =
		now != NOBODY && now != n && run.thread[now].status == READY;

	if (!can_run(n) ||
	    (run.bounded && preempts && run.left.preemptions == 0))
		return;
	add(list, RUN, n);
	list->action[list->count - 1].preempts = preempts;
}

static void add_runs(struct list *list)
{
	unsigned int n;

	if (run.current != NOBODY)
		add_run(list, run.current);
	for (n = 0; n < run.model->threads; n++)
		if (n != run.current)
			add_run(list, n);
}

static void add_drains(struct list *list)
{
	unsigned int n;

	for (n = 0; n < run.model->threads; n++)
		if (run.thread[n].stores)
			add(list, DRAIN, n);
}

static bool is_mortal(unsigned int session)
{
	return !run.model->mortal || run.model->mortal >> session & 1;
}

/*
 * To be killed later is as good as right behind its own last step: nobody can
 * tell the difference.
 */
static void add_death(struct list *list)
{
	unsigned int session;

	if (run.left.deaths == 0 || run.current == NOBODY ||
	    has_ended(run.current))
		return;
	session = run.thread[run.current].session;
	if (lives(session) && is_mortal(session))
		add(list, KILL, session);
}

/* Of who was killed: that comes by itself. */
static void add_news(struct list *list)
{
	unsigned int s;

	for (s = 0; s < MODEL_THREADS; s++)
		if ((run.killed & ~run.told) >> s & 1)
			add(list, TELL, s);
}

static void add_zombies(struct list *list)
{
	unsigned int n, s, seen = 0;

	for (n = 0; n < run.model->threads && run.left.zombies; n++) {
		s = run.thread[n].session;
		if (!has_ended(n) && lives(s) && is_mortal(s) &&
		    !(seen >> s & 1))
			add(list, TELL, s);
		seen |= 1u << s;
	}
}

static void add_wakes(struct list *list, enum act act, unsigned int left,
		      bool timed)
{
	unsigned int n;

	for (n = 0; n < run.model->threads && left; n++)
		if (run.thread[n].status == PARKED &&
		    (!timed || run.thread[n].until > 0))
			add(list, act, n);
}

/* Nobody can go on and no news are under way: time passes, or all is over. */
static void add_when_stuck(struct list *list)
{
	unsigned int n, waits = 0, naps = 0, before = list->count;

	for (n = 0; n < run.model->threads; n++) {
		waits += run.thread[n].status == PARKED;
		naps += run.thread[n].status == PAUSED;
	}
	if (waits && run.told && !run.model->no_news &&
	    run.looked != run.version)
		add(list, LOOK, 0);
	add_wakes(list, TIMEOUT, 1, true);
	if (naps && (run.model->timeouts || run.model->leaps))
		add(list, LEAP, 1);
	if (list->count == before)
		run_fail("%u sleep and %u spin or nap for ever", waits, naps);
}

unsigned int actions(struct action out[ACTIONS_MAX])
{
	struct list list = {.action = out};
	unsigned int n, ended = 0;

	for (n = 0; n < run.model->threads; n++)
		ended += has_ended(n);
	if (ended == run.model->threads) {
		add_news(&list);
		return list.count;
	}
	add_runs(&list);
	add_drains(&list);
	add_news(&list);
	if (list.count == 0) {
		add_when_stuck(&list);
	} else {
		add_wakes(&list, TIMEOUT, run.left.timeouts, true);
		if (run.left.leaps)
			add(&list, LEAP, 0);
	}
	add_death(&list);
	add_zombies(&list);
	add_wakes(&list, SIGNAL, run.left.signals, false);
	add_wakes(&list, SPURIOUS, run.left.spurious, false);
	return list.count;
}

/* --- making it happen --------------------------------------------------------- */

static void run_thread(struct action a)
{
	run.current = a.who;
	run.left.preemptions -= a.preempts && run.bounded;
	if (!can_run(a.who)) {
		run_fail("the model is not deterministic");
		return;
	}
	run.running = a.who;
	coroutine_resume(a.who);
	run.running = NOBODY;
}

static void kill_session(unsigned int session)
{
	unsigned int n;

	run.killed |= 1u << session;
	run.left.deaths--;
	run.current = NOBODY;
	for (n = 0; n < run.model->threads; n++)
		if (run.thread[n].session == session && !has_ended(n))
			run.thread[n].status = KILLED;
}

/* Long before that is known, all that the dead one had stored is seen. */
static void tell(unsigned int session)
{
	unsigned int n;

	if (run.killed >> session & 1) {
		for (n = 0; n < run.model->threads; n++)
			if (run.thread[n].session == session)
				memory_drain_all(n);
	} else {
		run.left.zombies--;
	}
	run.told |= 1u << session;
	world_bury(session);
	park_told(session);
}

static void time_out(unsigned int n)
{
	if (run.left.timeouts)
		run.left.timeouts--;
	if (run.clock < run.thread[n].until)
		run.clock = run.thread[n].until;
	run.version++;
	park_end(n, -ETIMEDOUT);
}

static void leap(bool is_long)
{
	if (!is_long)
		run.left.leaps--;
	run.clock += is_long ? LEAP_LONG_NS : LEAP_NS;
	run.version++;
}

static void look(void)
{
	unsigned int n;

	run.clock += LOOK_NS;
	run.looked = ++run.version;
	run.looks++;
	for (n = 0; n < run.model->threads; n++)
		if (run.thread[n].status == PARKED)
			park_end(n, 0);
}

void perform(struct action a)
{
	run.steps++;
	if (a.act != RUN)
		trace_action(a);
	switch ((enum act)a.act) {
	case RUN:
		run_thread(a);
		break;
	case DRAIN:
		memory_drain(a.who);
		break;
	case KILL:
		kill_session(a.who);
		break;
	case TELL:
		tell(a.who);
		break;
	case TIMEOUT:
		time_out(a.who);
		break;
	case SIGNAL:
		run.left.signals--;
		park_end(a.who, -EINTR);
		break;
	case SPURIOUS:
		run.left.spurious--;
		park_end(a.who, 0);
		break;
	case LEAP:
		leap(a.who != 0);
		break;
	case LOOK:
		look();
		break;
	}
}
