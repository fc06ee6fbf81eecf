// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What happened in the last run, for people. */
#include <inttypes.h>
#include <stdio.h>

#include "engine.h"
#include "world.h"

#define LINES 1024 /* the last ones are kept; a power of two */

static struct line {
	struct action action;
	uint8_t thread;
	const struct model_site *site; /* NULL: an action */
	const fam_word *word;
	uint64_t was, now;
} line[LINES];
static unsigned int lines;

static const char *const op_name[MODEL_OPS] = {
	[MODEL_LOAD] = "load",	   [MODEL_STORE] = "store",
	[MODEL_SWAP] = "swap",	   [MODEL_ADD] = "add",
	[MODEL_SET] = "set",	   [MODEL_CLEAR] = "clear",
	[MODEL_FENCE] = "fence",   [MODEL_PAUSE] = "pause",
	[MODEL_COPY] = "copy",	   [MODEL_PARK] = "park",
	[MODEL_UNPARK] = "unpark", [MODEL_CLOCK] = "clock",
};

const char *op_text(enum model_op op)
{
	return op_name[op];
}

void trace_begin(void)
{
	lines = 0;
}

void trace_step(const struct model_site *site, const fam_word *word,
		uint64_t was, uint64_t now)
{
	line[lines++ % LINES] = (struct line){.thread = (uint8_t)run.running,
					      .site = site,
					      .word = word,
					      .was = was,
					      .now = now};
}

void trace_action(struct action a)
{
	line[lines++ % LINES] = (struct line){.action = a};
}

static void print_word(const struct line *l)
{
	uintptr_t at = (uintptr_t)l->word, table = (uintptr_t)&world_table;

	if (!l->word)
		return;
	if (memory_is_shared(l->word))
		fprintf(stderr, " [%zu]", at - (uintptr_t)run.model->memory);
	else if (at - table < sizeof(world_table))
		fprintf(stderr, " [sessions+%zu]", at - table);
	else
		fprintf(stderr, " [%p]", (const void *)l->word);
	fprintf(stderr, " %" PRIx64, l->was);
	if (l->was != l->now)
		fprintf(stderr, " -> %" PRIx64, l->now);
}

static void print_action(struct action a)
{
	static const char *const text[] = {
		[RUN] = "thread %u runs",
		[DRAIN] = "a store of thread %u is seen",
		[KILL] = "session %u is killed",
		[TELL] = "session %u is declared dead",
		[TIMEOUT] = "thread %u has waited long enough",
		[SIGNAL] = "thread %u gets a signal",
		[SPURIOUS] = "thread %u wakes for no reason",
		[LEAP] = "time passes (%u)",
		[LOOK] = "all that sleep look again (%u)",
	};

	fputs("    -- ", stderr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(stderr, text[a.act], a.who);
#pragma GCC diagnostic pop
	fputs("\n", stderr);
}

void trace_print(void)
{
	unsigned int i = lines > LINES ? lines - LINES : 0;

	for (; i < lines; i++) {
		const struct line *l = &line[i % LINES];

		if (!l->site) {
			print_action(l->action);
			continue;
		}
		if (l->thread == NOBODY)
			fputs("    end:", stderr);
		else
			fprintf(stderr, "    %u:", l->thread);
		fprintf(stderr, " %s", op_text(l->site->op));
		print_word(l);
		fprintf(stderr, "  %s:%u\n", l->site->function, l->site->line);
	}
}
