// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What threads share: the steps that read and change it, and its hash. */
#include <string.h>

#include "engine.h"

#define OUTSIDE_MAX 512

/* Words that were written to outside of the model's memory. */
static struct outside {
	fam_word *word;
	uint64_t initial;
} outside[OUTSIDE_MAX];
static unsigned int outsides;

struct model_site *sites;
struct model_site *mutant;

static uint64_t read_word(const fam_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void write_word(fam_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

bool memory_is_shared(const void *p)
{
	uintptr_t start = (uintptr_t)run.model->memory;

	return (uintptr_t)p >= start && (uintptr_t)p - start < run.model->bytes;
}

/* As it was before the first run. */
static void note_outside(fam_word *word)
{
	unsigned int i;

	if (memory_is_shared(word))
		return;
	for (i = 0; i < outsides; i++)
		if (outside[i].word == word)
			return;
	if (outsides < OUTSIDE_MAX)
		outside[outsides++] = (struct outside){word, read_word(word)};
	else
		run_fail("too many words outside of the model's memory");
}

/* --- what is never changed -------------------------------------------------- */

#define CHANGED_MAX 8192 /* a power of two */

/*
 * Words that were changed in any run so far. To read another one is no step, as
 * it makes no difference when that is done. If one of these is changed after
 * all, all runs are made anew.
 */
static const fam_word *changed[CHANGED_MAX];
static unsigned int changed_count;

static const fam_word **changed_slot(const fam_word *word)
{
	size_t at = mix(1, (uintptr_t)word) % CHANGED_MAX;

	while (changed[at] && changed[at] != word)
		at = (at + 1) % CHANGED_MAX;
	return &changed[at];
}

void memory_forget_changes(void)
{
	memset(changed, 0, sizeof(changed));
	changed_count = 0;
}

static void note_change(const fam_word *word)
{
	const fam_word **slot = changed_slot(word);

	if (*slot || !run.begun)
		return;
	if (++changed_count > CHANGED_MAX / 2)
		run_fail("too many words are changed");
	else
		*slot = word;
	run.again = true;
}

void memory_note_copy(const void *to, size_t len)
{
	uintptr_t at = (uintptr_t)to & ~(uintptr_t)7;

	for (; at < (uintptr_t)to + len; at += 8)
		note_change((const fam_word *)at);
}

/* --- words -------------------------------------------------------------------- */

void memory_begin(const struct model *model)
{
	unsigned int i;

	for (i = 0; i < outsides; i++)
		write_word(outside[i].word, outside[i].initial);
	outsides = 0;
	memset(model->memory, 0, model->bytes);
}

uint64_t memory_hash(void)
{
	const uint64_t *word = run.model->memory;
	size_t i, count = run.model->bytes / 8;
	uint64_t hash = 0;

	for (i = 0; i < count; i++)
		hash = mix(hash, word[i]);
	/* In no order: which came first does not matter. */
	for (i = 0; i < outsides; i++)
		hash += mix(mix(1, (uintptr_t)outside[i].word),
			    read_word(outside[i].word)) -
			mix(mix(1, (uintptr_t)outside[i].word),
			    outside[i].initial);
	return hash;
}

void memory_write(fam_word *word, uint64_t value)
{
	note_outside(word);
	if (read_word(word) != value) {
		note_change(word);
		run.version++;
	}
	write_word(word, value);
}

void memory_drain(unsigned int n)
{
	struct thread *t = &run.thread[n];
	struct stored first = t->stored[0];

	memmove(t->stored, t->stored + 1, --t->stores * sizeof(first));
	t->stored[t->stores] = (struct stored){0};
	memory_write(first.word, first.value);
}

void memory_drain_all(unsigned int n)
{
	while (run.thread[n].stores)
		memory_drain(n);
}

uint64_t memory_value(const fam_word *word)
{
	const struct thread *t = &run.thread[run.running];
	unsigned int i;

	if (run.running != NOBODY)
		for (i = t->stores; i-- > 0;)
			if (t->stored[i].word == word)
				return t->stored[i].value;
	return read_word(word);
}

void remember(uint64_t what)
{
	struct thread *t = &run.thread[run.running];

	if (run.running != NOBODY)
		t->history = mix(t->history, what);
}

bool next_step(struct model_site *site)
{
	unsigned int n = run.running;

	if (site && !site->known) {
		site->known = true;
		site->next = sites;
		sites = site;
	}
	if (n == NOBODY)
		return false;
	if (run.atomic)
		return true;
	/* Where it has come to: no step of its own need come before this. */
	run.thread[n].site = site;
	remember((uintptr_t)site);
	coroutine_yield(n);
	return true;
}

/* What orders everything: nothing of what it has stored is held back. */
static void settle(void)
{
	if (run.running != NOBODY)
		memory_drain_all(run.running);
}

uint64_t model_load(const fam_word *word, struct model_site *site)
{
	uint64_t value;

	if (!*changed_slot(word) && run.running != NOBODY)
		return read_word(word);
	next_step(site);
	value = memory_value(word);
	remember(value);
	trace_step(site, word, value, value);
	return value;
}

void model_store(fam_word *word, uint64_t value, struct model_site *site)
{
	struct thread *t = &run.thread[run.running];
	bool in_thread = next_step(site);

	remember(1);
	if (mutant == site && mutant)
		return;
	trace_step(site, word, memory_value(word), value);
	if (!in_thread || !run.model->tso) {
		memory_write(word, value);
		return;
	}
	if (t->stores == STORES_MAX)
		memory_drain(run.running);
	note_change(word);
	t->stored[t->stores++] = (struct stored){word, value};
}

bool model_swap(fam_word *word, uint64_t *was, uint64_t value,
		struct model_site *site)
{
	uint64_t now;

	next_step(site);
	settle();
	now = read_word(word);
	remember(now);
	trace_step(site, word, now, now == *was ? value : now);
	if (now != *was) {
		*was = now;
		return false;
	}
	if (mutant == site && mutant) {
		next_step(site);
		trace_step(site, word, read_word(word), value);
	}
	memory_write(word, value);
	return true;
}

uint64_t model_change(fam_word *word, uint64_t n, struct model_site *site)
{
	uint64_t was, now;

	next_step(site);
	settle();
	was = read_word(word);
	remember(was);
	now = site->op == MODEL_ADD   ? was + n
	      : site->op == MODEL_SET ? was | n
				      : was & ~n;
	trace_step(site, word, was, now);
	if (mutant == site && mutant) {
		next_step(site);
		trace_step(site, word, read_word(word), now);
	}
	memory_write(word, now);
	return was;
}

void model_fence(struct model_site *site)
{
	/* Without store buffers it is no step: there is nothing to order. */
	if (!run.model->tso || (mutant == site && mutant))
		return;
	next_step(site);
	remember(1);
	trace_step(site, NULL, 0, 0);
	settle();
}

void model_pause(struct model_site *site)
{
	struct thread *t = &run.thread[run.running];

	if (run.running == NOBODY) {
		model_fail("it would wait for somebody, and all have ended");
		return;
	}
	t->status = PAUSED;
	next_step(site);
	t->status = READY;
	t->seen = run.version;
	remember(1);
}
