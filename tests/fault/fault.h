/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAULT_H
#define FAULT_H

/*
 * A process that is killed at each step of an operation, one after the other: a
 * step is one access by a fam_word_...() call of the library, which is linked in
 * a build of its own (module.mk: every test-fault-NAME.c in this directory). Real
 * processes, sessions and deaths.
 *
 *	static int lock(struct fault *f)
 *	{
 *		int r;
 *
 *		fault_arm(f);
 *		r = fam_mutex_lock(f->fam, f->memory, 0);
 *		fault_disarm(f);
 *		return r == 0 ? 0 : 1;
 *	}
 *
 *	static void lock_is_had(struct fault *f)
 *	{
 *		assert_int_not_equal(fam_mutex_lock(f->fam, f->memory, 10000),
 *				     -ETIMEDOUT);
 *		...
 *	}
 *
 *	static const struct fault_case in_lock = {
 *		"lock", .child = lock, .after = lock_is_had,
 *	};
 *	...
 *	fault_each(&in_lock);	// in a cmocka test
 *
 * For each step there is a new fabric, whose data are zeros, and a new process: a
 * fork of the test, which must have no attachment and no thread of its own then.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <fam/fam.h>

#define FAULT_BYTES (UINT64_C(1) << 20) /* of memory that both map */

struct fault_case;

/* In the child as well as in the test; both have the first five. */
struct fault {
	const struct fault_case *what;
	unsigned int step; /* it dies before this one, from 1 on */
	struct fam *fam;   /* an attachment of one's own */
	void *memory;	   /* FAULT_BYTES of data */
	char path[512];	   /* of the fabric */
	/* In the test only. */
	uint64_t session; /* of the child */
	bool killed;	  /* in .after: it was, or it came to its end */
	pid_t pid;
	int to, from; /* pipes to the child */
	/* In an heir, and in .after if there was one: who died before it. */
	uint64_t forebear;
};

struct fault_case {
	const char *name;
	/* The steps between fault_arm() and fault_disarm() count; 0: all is well */
	int (*child)(struct fault *f);
	/* In the test: before the child begins to count; or NULL. */
	void (*before)(struct fault *f);
	/* While it runs, until fault_ended() at the latest; or NULL. */
	void (*meanwhile)(struct fault *f);
	/* When it has ended. Its death may not be known yet. */
	void (*after)(struct fault *f);
	/*
	 * Who comes when it has ended, and is killed as well: fault_pairs(). The
	 * last one's struct fault is what .after is given.
	 */
	const struct fault_case *heir;
};

/* --- in the test ------------------------------------------------------------------ */

/** fault_each() - with a death before each step, and once without; how many */
unsigned int fault_each(const struct fault_case *what);

/** fault_some() - the same at one of so many steps only */
unsigned int fault_some(const struct fault_case *what, unsigned int every);

/**
 * fault_pairs() - with a death of the heir at one of @heir_every of its steps, for
 * each at one of @every steps before
 */
void fault_pairs(const struct fault_case *what, unsigned int every,
		 unsigned int heir_every);

/** fault_once() - without a death */
void fault_once(const struct fault_case *what);

/** fault_ended() - does the child run no more? */
bool fault_ended(struct fault *f);

/** fault_sleeps() - is a thread of the child parked, or was when it died? */
bool fault_sleeps(struct fault *f);

/** fault_await_sleep() - until it is, or the child has ended */
void fault_await_sleep(struct fault *f);

/** fault_await_death() - until the death of the child is known to this one */
void fault_await_death(struct fault *f);

/** fault_await_end() - until a session does not live any more; in an heir, too */
bool fault_await_end(struct fault *f, uint64_t session);

/** fault_breathe() - before a condition is looked at again */
void fault_breathe(void);

/* --- in the child ------------------------------------------------------------------ */

/** fault_arm() - steps of this thread count from here on */
void fault_arm(struct fault *f);
void fault_disarm(struct fault *f);

#endif
