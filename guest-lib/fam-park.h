/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PARK_H
#define FAM_PARK_H

/*
 * What locks, rings and objects wait with. Behind fam/wait.h.
 *
 * A thread spins briefly, then parks: it writes itself down (fam-parking.h),
 * looks at the word once more, and sleeps. Who changed the word wakes whoever
 * is written down: by futex(2) in its own kernel's processes that map the same
 * file, by the library's doorbell in other nodes. Who can be reached by neither
 * naps and looks.
 *
 * A waker's change and its look at the parking are ordered by a full fence, as
 * are a waiter's entry and its second look at the word: one of the two sees the
 * other. All else that can be lost with somebody who dies, or is stopped, is
 * found again by a look each FAM_PARK_LOOK_MS, and at every death that becomes
 * known.
 */
#include <fam-parking.h>

#include "internal.h"

#define FAM_PARK_SPIN_NS INT64_C(20000)
#define FAM_PARK_LOOK_MS 250

/* When to give up: on CLOCK_MONOTONIC; made once, before the first try. */
struct fam_deadline {
	int64_t at; /* ns; 0: does not wait; -1: never gives up */
};

static inline struct fam_deadline fam_deadline(int timeout_ms)
{
	struct fam_deadline d = {timeout_ms};

	if (timeout_ms > 0)
		d.at = fam_now_ns() + timeout_ms * INT64_C(1000000);
	return d;
}

/* What a child of fork(2) finds empty, as it has no session. */
struct fam_park_own {
	_Atomic uint64_t id; /* of the session, lost or not; 0: none */
};

/* What an attachment needs for all this; fam->parked. */
struct fam_parked {
	struct fam_park_own *own;
	struct fam_sessions *sessions; /* set before own->id is */
	struct fam_parking *table;
	void *pages; /* what mmap() gave for it */
	size_t page_bytes;
	bool shared; /* other processes of this kernel wake by futex(2) */
	bool spins;  /* there may be somebody to spin for */
	_Atomic uint32_t spin_ns;    /* how long that was worth it lately */
	_Atomic uint32_t spin_count; /* spins, in all */
	_Atomic uint64_t reach; /* changes of the sessions * 2 + all reach us */
	_Atomic uint64_t
		mine[FAM_PARKING_GROUPS]; /* places of ours, a bit each */
};

/**
 * fam_park_self() - the caller's holder word, if its session lives
 *
 * Return: 0: there is no session, or it is lost: fam_park_why() tells
 */
static inline uint64_t fam_park_self(struct fam *fam)
{
	const struct fam_parked *p = fam->parked;
	uint64_t id;

	if (!p)
		return 0;
	id = atomic_load_explicit(&p->own->id, memory_order_acquire);
	if (id == 0 ||
	    fam_word_get(&p->sessions->word[id & 0x3ff]) !=
		    fam_sessions_word(id >> 16, 0, FAM_SESSIONS_LIVE))
		return 0;
	return fam_holder(id);
}

/** fam_park_why() - -ESTALE, -EUSERS, -EOPNOTSUPP */
int fam_park_why(struct fam *fam);

/** fam_park_lives() - does the session in a holder word live? */
bool fam_park_lives(struct fam *fam, uint64_t holder);

extern __thread uint32_t fam_park_number /* 0: it has none yet */
	__attribute__((tls_model("initial-exec")));
uint32_t fam_park_new_number(void);

/** fam_park_thread() - this thread's number in its process; not 0, 31 bits */
static inline uint32_t fam_park_thread(void)
{
	return fam_park_number ? fam_park_number : fam_park_new_number();
}

/**
 * fam_park_spin() - spin while a word is what it was
 *
 * Some FAM_PARK_SPIN_NS at most, less where that was in vain lately or there is
 * one CPU only.
 * Return: did it change?
 */
bool fam_park_spin(struct fam *fam, const fam_word *word, uint64_t value);

/**
 * fam_park() - sleep while a word is what it was
 * @word: in the fabric, mapped by this attachment
 * @deadline: of the whole operation
 *
 * Does not spin. Returns early at will: the caller looks at the word again and
 * at whether who it waits for lives.
 *
 * Return: 0 look again; -ETIMEDOUT; -EINTR a signal handler ran; -ESTALE and
 * the like: fam_park_why(); -EFAULT @word is not in the fabric
 */
int fam_park(struct fam *fam, const fam_word *word, uint64_t value,
	     struct fam_deadline deadline);

/**
 * fam_unpark() - wake those who sleep at a word, who came first first
 * @count: how many at most
 *
 * After the word was changed. Costs a fence and a look at one cache line if
 * nobody sleeps: keep a flag for that in the word where it is often called.
 *
 * Return: how many were woken
 */
unsigned int fam_unpark(struct fam *fam, const fam_word *word,
			unsigned int count);

/* --- for map.c and the keeper ----------------------------------------------- */

/** fam_park_open() - before the session; 0, also if there is no parking */
int fam_park_open(struct fam *fam);
void fam_park_close(struct fam *fam); /* after the session */

/** fam_park_joined() - there is a session, as @id; what is lost stays so */
void fam_park_joined(struct fam *fam, struct fam_sessions *table, uint64_t id);

/** fam_park_rung() - the library's doorbell rang: have those woken look */
void fam_park_rung(struct fam *fam);

/** fam_park_deaths() - somebody has died: have all that sleep here look */
void fam_park_deaths(struct fam *fam);

/**
 * fam_park_clear_up() - free the places of a dead session, pass on what it was
 * woken for
 * @holder: its word; each step is keyed on it, so it may be done twice
 */
void fam_park_clear_up(struct fam *fam, uint64_t holder);

#endif
