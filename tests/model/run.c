// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* One run of a model: its beginning, its end, and what the code in it may ask. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "world.h"

#include "fam-park.h"

struct run run;

static void body(unsigned int n)
{
	fam_park_number = n + 1;
	run.model->thread(n);
	memory_drain_all(n);
	run.thread[n].status = DONE;
	for (;;)
		coroutine_yield(n);
}

static void nobodys_begin(unsigned int n)
{
	if (run.model->begin)
		run.model->begin();
	coroutine_yield(n);
}

static void nobodys_end(unsigned int n)
{
	if (run.model->end)
		run.model->end();
	coroutine_yield(n);
}

static void uninterrupted(void (*what)(unsigned int n))
{
	run.running = NOBODY;
	coroutine_start(NOBODY, what);
	coroutine_resume(NOBODY);
}

/* MODEL_DEPTH=N: so many preemptions more; all: any number of them. */
static void allow_preemptions(void)
{
	const char *depth = getenv("MODEL_DEPTH");

	run.bounded = run.left.preemptions > 0;
	if (depth && strcmp(depth, "all") == 0)
		run.bounded = false;
	else if (depth)
		run.left.preemptions += (unsigned int)atoi(depth);
}

void run_begin(const struct model *model)
{
	unsigned int n;

	memory_begin(model);
	run = (struct run){.model = model,
			   .version = 1,
			   .clock = INT64_C(1000000000),
			   .current = NOBODY,
			   .running = NOBODY};
	run.left = (struct budget){
		.preemptions = model->preemptions,
		.deaths = model->deaths,
		.zombies = model->zombies,
		.timeouts = model->timeouts,
		.signals = model->signals,
		.leaps = model->leaps,
		.spurious = model->spurious,
	};
	allow_preemptions();
	for (n = 0; n < MODEL_THREADS; n++)
		run.thread[n].session = model->one_session ? 0 : n;
	trace_begin();
	world_begin();
	uninterrupted(nobodys_begin);
	for (n = 0; n < model->threads; n++)
		coroutine_start(n, body);
	run.begun = true;
}

void run_finish(void)
{
	run.atomic = 0;
	run.begun = false;
	uninterrupted(nobodys_end);
}

static void fail(const char *format, va_list args)
{
	if (!run.failed)
		vsnprintf(run.why, sizeof(run.why), format, args);
	run.failed = true;
}

void run_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(format, args);
	va_end(args);
}

void model_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(format, args);
	va_end(args);
	for (;;)
		coroutine_yield(run.running);
}

static uint64_t hash_thread(const struct thread *t, uint64_t hash)
{
	unsigned int i;

	hash = mix(hash, t->history);
	hash = mix(hash, (uint64_t)t->status | (t->seen != run.version) << 8 |
				 (uint64_t)t->stores << 16 |
				 (uint64_t)(uint32_t)t->result << 32);
	hash = mix(hash, (uintptr_t)t->key);
	for (i = 0; i < t->stores; i++)
		hash = mix(mix(hash, (uintptr_t)t->stored[i].word),
			   t->stored[i].value);
	return hash;
}

static uint64_t hash_budget(const struct budget *b, uint64_t hash)
{
	hash = mix(hash, (uint64_t)b->preemptions | (uint64_t)b->deaths << 16 |
				 (uint64_t)b->zombies << 24 |
				 (uint64_t)b->leaps << 32);
	return mix(hash, (uint64_t)b->timeouts | (uint64_t)b->signals << 16 |
				 (uint64_t)b->spurious << 32);
}

uint64_t run_hash(void)
{
	uint64_t hash = hash_budget(&run.left, memory_hash());
	unsigned int n;

	for (n = 0; n < run.model->threads; n++)
		hash = hash_thread(&run.thread[n], hash);
	for (n = 0; n < run.parked; n++)
		hash = mix(hash, run.queue[n]);
	hash = mix(hash, (uint64_t)run.clock);
	hash = mix(hash, run.killed | run.told << 8 |
				 (uint64_t)(run.looked == run.version) << 16);
	/* Who ran last may go on for nothing, and be killed. */
	if (run.bounded || run.left.deaths)
		hash = mix(hash, run.current);
	return hash;
}

unsigned int model_self(void)
{
	return run.running;
}

bool model_killed(unsigned int n)
{
	return model_note(run.killed >> run.thread[n].session & 1);
}

bool model_lost(unsigned int n)
{
	return model_note((run.killed | run.told) >> run.thread[n].session & 1);
}

bool model_any_lost(void)
{
	return model_note(run.killed | run.told);
}

void model_forget(uint64_t point)
{
	run.thread[run.running].history = mix(0, point);
}

bool model_note(uint64_t value)
{
	remember(value);
	return value;
}

void model_atomically(bool begin)
{
	static struct model_site site = {
		MODEL_LOAD, __LINE__, "model_atomically",
		__FILE__,   NULL,     false};

	if (begin && !run.atomic)
		next_step(&site);
	run.atomic += begin ? 1 : -1u;
}
