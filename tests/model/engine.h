/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H

/* What the parts of the model checker share. */
#include "model.h"

#include <fam-sessions.h>

#define STEPS_MAX  8192 /* of a run */
#define STORES_MAX 4	/* of a thread that others do not see yet */
#define NOBODY	   MODEL_THREADS
#define FAMS	   (MODEL_THREADS + 2)

/* --- coroutine.c: [0, NOBODY] --- */

/** coroutine_start() - make thread @n begin at @entry when it is resumed */
void coroutine_start(unsigned int n, void (*entry)(unsigned int n));

/** coroutine_resume() - run thread @n until it yields; not from a thread */
void coroutine_resume(unsigned int n);

/** coroutine_yield() - back to who resumed it */
void coroutine_yield(unsigned int n);

/* --- the state of a run: run.c --- */

enum status {
	READY,
	PAUSED, /* goes on when something has changed */
	PARKED,
	DONE,
	KILLED,
};

struct stored {
	fam_word *word;
	uint64_t value;
};

struct thread {
	enum status status;
	unsigned int session;
	uint64_t history;    /* hash of all it has read */
	uint64_t seen;	     /* version when it paused last */
	const fam_word *key; /* parked at it, or woken and not yet running */
	int64_t until;	     /* of that wait: ns, -1 */
	int result;	     /* of that wait */
	struct stored stored[STORES_MAX];
	unsigned int stores;
	const struct model_site *site; /* what it does next */
};

struct budget {
	unsigned int preemptions, deaths, zombies, timeouts, signals, leaps,
		spurious;
};

struct run {
	const struct model *model;
	struct thread
		thread[MODEL_THREADS + 1]; /* the last one: begin(), end() */
	unsigned int queue[MODEL_THREADS]; /* parked, first come first */
	unsigned int parked;
	unsigned int running; /* the thread whose code runs now, or NOBODY */
	unsigned int current; /* the thread that ran last */
	unsigned int killed, told; /* sessions, bits */
	uint64_t version;	   /* of memory and clock */
	uint64_t looked;	   /* version at the last look; 0: none */
	int64_t clock;		   /* ns */
	struct budget left;
	unsigned int steps;
	unsigned int atomic; /* model_atomically() */
	bool bounded;	     /* preemptions are counted */
	uint64_t looks;
	bool begun; /* and not at its end */
	bool again; /* a word was changed that was thought not to be */
	bool failed;
	char why[256];
};

extern struct run run;

/** run_begin() - everything as it is before the first step */
void run_begin(const struct model *model);

/** run_finish() - all have ended: end() */
void run_finish(void);

/** run_fail() - model_fail() of who is not in a thread */
void run_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** run_hash() - of all that decides how the run goes on */
uint64_t run_hash(void);

/* --- what can happen next: action.c --- */

enum act {
	RUN,
	DRAIN,
	KILL,
	TELL,
	TIMEOUT,
	SIGNAL,
	SPURIOUS,
	LEAP,
	LOOK, /* what is left if nobody can go on */
};

struct action {
	uint8_t act, who;
	bool preempts;
};

#define ACTIONS_MAX 48

/** actions() - all that can happen now, the dullest first; 0: the end */
unsigned int actions(struct action out[ACTIONS_MAX]);

/** perform() - let it happen */
void perform(struct action a);

/* --- memory.c --- */

void memory_begin(const struct model *model);

/** memory_forget_changes() - before the first run of a model */
void memory_forget_changes(void);

/** memory_note_copy() - words were changed by other means */
void memory_note_copy(const void *to, size_t len);

/** memory_hash() - of all that threads share */
uint64_t memory_hash(void);

/** memory_write() - now, seen by all */
void memory_write(fam_word *word, uint64_t value);
void memory_drain(unsigned int n); /* the oldest store of a thread */
void memory_drain_all(unsigned int n);

/** memory_value() - what a thread sees; the running one */
uint64_t memory_value(const fam_word *word);

/** memory_is_shared() - part of the model's memory? */
bool memory_is_shared(const void *p);

/** next_step() - before each step: others may run; false: not in a thread */
bool next_step(struct model_site *site);

/** remember() - the running thread has learnt something */
void remember(uint64_t what);

static inline uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* --- queue.c --- */

/** park_sleep() - the running thread, until it is woken at @key; the result */
int park_sleep(const fam_word *key, int64_t until);

/** park_wake() - the oldest at @key go on; how many did */
unsigned int park_wake(const fam_word *key, unsigned int count);

/** park_end() - a wait ends for another reason */
void park_end(unsigned int n, int result);

/** park_told() - a session is dead from now on, and all are told */
void park_told(unsigned int session);

/* --- mutants: mutant.c --- */

extern struct model_site *sites;  /* all that were reached */
extern struct model_site *mutant; /* the one that is broken, or NULL */

/* --- what happened: trace.c --- */

/** op_text() - its name */
const char *op_text(enum model_op op);

void trace_begin(void);
void trace_step(const struct model_site *site, const fam_word *word,
		uint64_t was, uint64_t now);
void trace_action(struct action a);

/** trace_print() - how it came to this, on stderr */
void trace_print(void);

#endif
