/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef MODEL_H
#define MODEL_H

/*
 * A model checker for what stands on fam-words.h: it runs the real code of a few
 * threads in every order of their steps. A step is one access by a fam_word_...()
 * call, one half of a memcpy() from or to shared memory, or a fam_park(),
 * fam_unpark() or clock_gettime(). Between any two steps another thread may run,
 * a thread's process may be killed, time may pass, and so on, as far as a model
 * allows it. What has been seen in one order is not looked at again.
 *
 * A model is a cmocka program test-model-NAME.c in this directory, linked with
 * all of guest-lib/sync, messages and objects but parking, which park.c here
 * stands for:
 *
 *	static struct {
 *		struct fam_mutex mutex;
 *		fam_word count;
 *	} shared;
 *
 *	static void thread(unsigned int n)
 *	{
 *		struct fam *fam = model_fam(n);
 *
 *		model_expect(fam_mutex_lock(fam, &shared.mutex, -1) == 0);
 *		fam_word_poke(&shared.count, fam_word_peek(&shared.count) + 1);
 *		model_expect(fam_mutex_unlock(fam, &shared.mutex) == 0);
 *	}
 *
 *	static void end(void)
 *	{
 *		model_expect(fam_word_peek(&shared.count) == 2);
 *	}
 *
 *	static const struct model mutex = {
 *		.name = "two lock once", .threads = 2,
 *		.memory = &shared, .bytes = sizeof(shared),
 *		.thread = thread, .end = end,
 *	};
 *	...
 *	model_check(&mutex);		// all orders, none fails
 *	model_check_mutants((const struct model *[]){&mutex, NULL}, NULL);
 *
 * Rules. What threads share lies in .memory, which is zeroed for each run, or is
 * touched by fam_word_...() only. What a thread keeps for itself follows from
 * what it has read: no static variables, addresses, random numbers or real
 * clocks. malloc() in the library and the model takes from a pool which is empty
 * again in the next run. Threads that wait must do it by fam_park(), or by fam_word_pause() or a
 * nap in a loop: those go on only when something has changed.
 *
 * A lost wake-up is seen as threads that wait for ever: the looks every
 * FAM_PARK_LOOK_MS are made only in runs in which somebody died.
 *
 * MODEL_DEPTH=N in the environment allows N preemptions more than the models
 * say, MODEL_DEPTH=all any number of them. make check-model allows one more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fam-words.h"

struct fam;

#define MODEL_THREADS 4

struct model {
	const char *name;
	unsigned int threads; /* 1 to MODEL_THREADS */
	/* Thread n is of session one_session ? 0 : n. */
	bool one_session;
	void *memory;
	size_t bytes; /* small: it is hashed at each step; a multiple of 8 */
	void (*begin)(void); /* may be NULL; its steps are not interrupted */
	void (*thread)(unsigned int n);
	/* All have ended or died, all deaths are known. Not interrupted. */
	void (*end)(void);

	/* How often in a run at most. */
	unsigned int preemptions; /* of a thread that could go on; 0: any */
	unsigned int deaths;   /* a process is killed; known some time later */
	unsigned int zombies;  /* a session is declared dead and goes on */
	unsigned int timeouts; /* a wait with a timeout ends by that */
	unsigned int signals;  /* a wait ends with -EINTR */
	unsigned int leaps;    /* 10 ms pass */
	unsigned int spurious; /* a wait returns for no reason */
	unsigned int mortal;   /* sessions this happens to, bits; 0: all */
	/* Who sleeps is not told of deaths, does not even look: others do that. */
	bool no_news;
	/* Stores are seen by others some time later, in their order (x86). */
	bool tso;
	unsigned int steps; /* of a run at most; 0: 2000; more is a failure */
};

struct model_result {
	uint64_t runs;	      /* orders tried */
	uint64_t states;      /* different ones seen */
	uint64_t steps;	      /* of all runs */
	unsigned int longest; /* run, in steps */
	uint64_t looks;	      /* waits that only a look ended */
	bool failed;
	char why[256];
};

/** model_explore() - run all orders, or until one fails; prints nothing */
void model_explore(const struct model *model, struct model_result *out);

/** model_check() - a cmocka test: prints the figures, or the failing run */
void model_check(const struct model *model);

/**
 * model_check_failing() - the opposite: some order must fail
 * @why: part of what must be said of it
 */
void model_check_failing(const struct model *model, const char *why);

/**
 * model_check_mutants() - break each step in turn: one order of one model must
 * fail at least
 * @models: NULL at the end; quick ones first
 * @spare: "FUNCTION:OP.NUMBER WHY" of steps that may be broken without harm, such
 *	as "fam_mutex_lock:store.1 a hint"; NULL at the end, or NULL for none
 *
 * A broken compare-and-swap, addition, ... reads, and writes in a later step; a
 * fam_unpark() wakes nobody; a fam_park() does not look at the word; a fence
 * does nothing (if .tso); a store is not made. Only steps which the model makes
 * count; those in the model itself do not.
 */
void model_check_mutants(const struct model *const *models,
			 const char *const *spare);

/* --- in begin(), thread() and end() ---------------------------------------------- */

/** model_expect() - or this run has failed */
#define model_expect(condition)                                            \
	((condition) ? (void)0                                             \
		     : model_fail("%s:%d: not so: %s", __FILE__, __LINE__, \
				  #condition))
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * model_fam() - the attachment of thread @n
 *
 * Those of MODEL_THREADS and MODEL_THREADS + 1 are nobody's and live: for end().
 */
struct fam *model_fam(unsigned int n);

/** model_self() - the thread that runs; MODEL_THREADS: none, as in end() */
unsigned int model_self(void);

/** model_killed() - was thread @n killed? */
bool model_killed(unsigned int n);

/** model_lost() - was the session of thread @n killed, or declared dead? */
bool model_lost(unsigned int n);

/** model_any_lost() - was anybody's? */
bool model_any_lost(void);

/**
 * model_forget() - the caller knows no more than that it has come to @point
 *
 * Between two operations of a thread which keeps nothing of the first one: runs
 * that differ only in what it had read are then one.
 */
void model_forget(uint64_t point);

/** model_note() - the caller has learnt @value, not by a step; true if not 0 */
bool model_note(uint64_t value);

/** model_atomically() - several accesses as one step, for what only observes */
void model_atomically(bool begin);

#endif
