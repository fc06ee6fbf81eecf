// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who sleeps, in the order in which they came: for both kinds of parking. */
#include <errno.h>

#include "engine.h"

static void leave_queue(unsigned int at)
{
	unsigned int i;

	for (i = at; i + 1 < run.parked; i++)
		run.queue[i] = run.queue[i + 1];
	run.queue[--run.parked] = 0;
}

static void let_go(unsigned int n, int result)
{
	struct thread *t = &run.thread[n];

	t->result = result;
	if (t->status == PARKED)
		t->status = READY;
}

unsigned int park_wake(const fam_word *key, unsigned int count)
{
	unsigned int i = 0, woken = 0;

	while (i < run.parked && woken < count) {
		unsigned int n = run.queue[i];

		if (run.thread[n].key != key) {
			i++;
			continue;
		}
		leave_queue(i);
		let_go(n, 0);
		woken++;
	}
	return woken;
}

void park_end(unsigned int n, int result)
{
	unsigned int i;

	for (i = 0; i < run.parked; i++)
		if (run.queue[i] == n) {
			leave_queue(i);
			let_go(n, result);
			return;
		}
}

/* What the dead did not use any more is for the next one; all look. */
void park_told(unsigned int session)
{
	unsigned int n;

	if (run.model->no_news)
		return;
	for (n = 0; n < run.model->threads; n++)
		park_end(n, run.thread[n].session == session ? -ESTALE : 0);
	for (n = 0; n < run.model->threads; n++)
		if (run.thread[n].session == session)
			run.thread[n].key = NULL;
}

int park_sleep(const fam_word *key, int64_t until)
{
	struct thread *t = &run.thread[run.running];

	t->key = key;
	t->until = until;
	t->status = PARKED;
	run.queue[run.parked++] = run.running;
	coroutine_yield(run.running);
	t->key = NULL;
	remember((uint64_t)t->result);
	return t->result;
}
