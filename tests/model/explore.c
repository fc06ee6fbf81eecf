// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * All orders, one run after the other: each goes as the one before to the last
 * point where there was still something else to try, and ends where it comes to
 * a state that was seen before. The state is a hash of 64 bits: the chance to
 * take two for one is 10^-6 with 6 million of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

static struct frame {
	unsigned int count, pick;
	struct action action[ACTIONS_MAX];
} frame[STEPS_MAX];

/* --- states that were seen ------------------------------------------------------- */

static struct {
	uint64_t *slot; /* 0: empty */
	size_t size, used;
} seen;

static bool insert(uint64_t *slot, size_t size, uint64_t hash)
{
	size_t at = hash & (size - 1);

	while (slot[at] && slot[at] != hash)
		at = (at + 1) & (size - 1);
	if (slot[at])
		return false;
	slot[at] = hash;
	return true;
}

static void grow(void)
{
	size_t i, size = seen.size ? seen.size * 2 : 1 << 16;
	uint64_t *slot = calloc(size, sizeof(*slot));

	if (!slot) {
		fprintf(stderr, "out of memory for states\n");
		abort();
	}
	for (i = 0; i < seen.size; i++)
		if (seen.slot[i])
			insert(slot, size, seen.slot[i]);
	free(seen.slot);
	seen.slot = slot;
	seen.size = size;
}

static void forget_all(void)
{
	free(seen.slot);
	memset(&seen, 0, sizeof(seen));
}

static bool is_new(uint64_t hash)
{
	if (seen.used * 2 >= seen.size)
		grow();
	hash += hash == 0;
	if (!insert(seen.slot, seen.size, hash))
		return false;
	seen.used++;
	return true;
}

/* --- one run ----------------------------------------------------------------------- */

/* Return: frames that are in use */
static unsigned int run_once(const struct model *model, unsigned int depth)
{
	unsigned int at, limit = model->steps ? model->steps : 2000;

	run_begin(model);
	for (at = 0; at < depth && !run.failed; at++)
		perform(frame[at].action[frame[at].pick]);
	for (; !run.failed && !run.again; at++) {
		struct frame *f = &frame[at];

		if (at >= limit || at >= STEPS_MAX) {
			run_fail("it does not end in %u steps", limit);
			break;
		}
		f->pick = 0;
		f->count = actions(f->action);
		if (run.failed)
			break;
		if (f->count == 0) {
			run_finish();
			break;
		}
		if (f->count > 1 && !is_new(run_hash()))
			break;
		perform(f->action[0]);
	}
	return at;
}

/* To the last point where something else can be tried. */
static unsigned int go_back(unsigned int depth)
{
	while (depth && ++frame[depth - 1].pick >= frame[depth - 1].count)
		depth--;
	return depth;
}

void model_explore(const struct model *model, struct model_result *out)
{
	unsigned int depth = 0;

	*out = (struct model_result){0};
	memory_forget_changes();
	do {
		depth = run_once(model, depth);
		out->runs++;
		out->steps += run.steps;
		out->looks += run.looks;
		if (run.steps > out->longest)
			out->longest = run.steps;
		if (run.failed)
			break;
		depth = run.again ? 0 : go_back(depth);
		if (run.again)
			forget_all();
	} while (depth || run.again);
	out->states = seen.used;
	out->failed = run.failed;
	memcpy(out->why, run.why, sizeof(out->why));
	forget_all();
}
