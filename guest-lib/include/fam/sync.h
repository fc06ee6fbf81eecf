/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SYNC_H
#define FAM_SYNC_H

#include <stdint.h>

#include <fam/lock.h>
#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Waiting for each other in the fabric; the rules of fam/lock.h hold: placed by
 * the user or by name, in windows of @fam, aligned to 64 bytes. Zeros are a
 * condition nobody waits for, a semaphore of 0, a once that was not done, an
 * event that is not set; permits and barriers need their init.
 *
 * All calls: safe for threads, not for signal handlers. They survive a guest
 * crash as memory does; nothing is made durable. @timeout_ms 0 tries, -1 waits
 * for ever; those who wait sleep (fam/wait.h), until they have what they wait
 * for, the time is over, or a signal handler ran (-EINTR). -ESTALE, -EUSERS,
 * -EOPNOTSUPP as fam_session_check(); -EFAULT what is waited for is not in the
 * fabric.
 */

/* --- condition variable --------------------------------------------------------- */

struct fam_cond {
	uint64_t word[8];
} __attribute__((aligned(64)));

/**
 * fam_cond_wait() - unlock a mutex, sleep until signalled, lock it again
 * @mutex: held by the calling thread, and again when this returns, but after
 *	-EPERM, -ESTALE, -EUSERS, -EOPNOTSUPP. If it is not in the fabric itself,
 *	-EFAULT leaves open which it is
 *
 * May return 0 without a signal: look at the condition in a loop.
 *
 * Ordering: as the mutex
 * Peers:    a signal whose receiver dies before it returned is passed on
 * Blocks:   as above; and for the mutex, which neither time nor signals end
 * Return:   0; -ETIMEDOUT; -EINTR; -EOWNERDEAD as fam_mutex_lock(), before all
 *	else; -EPERM @mutex is not held
 * Since:    0.1
 */
int fam_cond_wait(struct fam *fam, struct fam_cond *cond,
		  struct fam_mutex *mutex, int timeout_ms);

/** fam_cond_signal() - wake one that waits, the first that came; 0 */
int fam_cond_signal(struct fam *fam, struct fam_cond *cond);

/** fam_cond_broadcast() - wake all that wait; 0 */
int fam_cond_broadcast(struct fam *fam, struct fam_cond *cond);

/* --- counting semaphore, without owners ------------------------------------------- */

#define FAM_SEM_MAX 0x7fffffffu

struct fam_sem {
	uint64_t word[8];
} __attribute__((aligned(64)));

/** fam_sem_init() - before anybody uses it; 0; -EINVAL above FAM_SEM_MAX */
int fam_sem_init(struct fam *fam, struct fam_sem *sem, uint32_t value);

/**
 * fam_sem_wait() - take one
 *
 * What a session took is nobody's: if it dies it is gone; fam_permits_take() is
 * for what comes back. Who has waited for more than 1 ms goes before those that
 * come later, but for those who only try.
 *
 * Ordering: acquire
 * Peers:    what was posted for one that dies first is for the next one
 * Return:   0; -ETIMEDOUT, ...
 * Since:    0.1
 */
int fam_sem_wait(struct fam *fam, struct fam_sem *sem, int timeout_ms);

/** fam_sem_post() - give @count; release; 0; -EOVERFLOW above FAM_SEM_MAX */
int fam_sem_post(struct fam *fam, struct fam_sem *sem, uint32_t count);

/** fam_sem_value() - now; may be different already */
uint32_t fam_sem_value(struct fam *fam, const struct fam_sem *sem);

/* --- permits: a semaphore whose units have owners ----------------------------------- */

#define FAM_PERMITS_MAX 56

struct fam_permits {
	uint64_t word[8 + FAM_PERMITS_MAX];
} __attribute__((aligned(64)));

/** fam_permits_init() - 1 to FAM_PERMITS_MAX of them; 0; -EINVAL */
int fam_permits_init(struct fam *fam, struct fam_permits *permits,
		     uint32_t count);

/**
 * fam_permits_take() - take one; in turn as fam_sem_wait()
 * @which: 0 to count - 1: nobody else has that one; untouched on failure
 *
 * Ordering: acquire
 * Peers:    those of a session that ended are free again
 * Return:   0; -EOWNERDEAD it is yours, and who had it last died with it;
 *	-EINVAL there was no init; -ETIMEDOUT, ...
 * Since:    0.1
 */
int fam_permits_take(struct fam *fam, struct fam_permits *permits,
		     int timeout_ms, uint32_t *which);

/** fam_permits_give() - release; 0; -EPERM it is not this session's; -ESTALE */
int fam_permits_give(struct fam *fam, struct fam_permits *permits,
		     uint32_t which);

/* --- barrier ---------------------------------------------------------------------- */

#define FAM_BARRIER_MAX 56

struct fam_barrier {
	uint64_t word[8 + FAM_BARRIER_MAX];
} __attribute__((aligned(64)));

/** fam_barrier_init() - of 1 to FAM_BARRIER_MAX parties; 0; -EINVAL */
int fam_barrier_init(struct fam *fam, struct fam_barrier *barrier,
		     uint32_t parties);

/**
 * fam_barrier_wait() - wait until all parties are here
 *
 * A party is a thread; threads of a session stand in for each other. A new one
 * takes the place of one that ended, else of one that has not come yet; if all
 * are here already it waits for the next round.
 *
 * Ordering: all stores of all parties made before are visible behind it
 * Peers:    if one that waits in this round, or took part in the last one,
 *	ends, the round is broken: all that wait are told -EOWNERDEAD at once,
 *	and those that took part in the last one when they come; then they
 *	wait for a new one, with somebody in his place. If several end at the
 *	same time it may be broken more than once.
 * Return:   0; 1 to one of them, who came last; -EOWNERDEAD; -ETIMEDOUT, -EINTR:
 *	this one is not here any more; -EINVAL there was no init
 * Since:    0.1
 */
int fam_barrier_wait(struct fam *fam, struct fam_barrier *barrier,
		     int timeout_ms);

/* --- once -------------------------------------------------------------------------- */

struct fam_once {
	uint64_t word[8];
} __attribute__((aligned(64)));

/**
 * fam_once_begin() - is it done? If not: the caller is to do it
 *
 * Ordering: acquire: what was done before its end is visible behind 0
 * Peers:    if who does it dies, another one is to do it
 * Return:   0 it is done; 1 do it, then fam_once_end(); -EOWNERDEAD likewise,
 *	and somebody died half way; -ETIMEDOUT another one is still doing it; ...
 * Since:    0.1
 */
int fam_once_begin(struct fam *fam, struct fam_once *once, int timeout_ms);

/**
 * fam_once_end() - by any thread of the session that began it
 * @done: 0: it could not be done; the next one is to do it
 *
 * Ordering: release
 * Return:   0; -EPERM this session does not do it; -ESTALE
 * Since:    0.1
 */
int fam_once_end(struct fam *fam, struct fam_once *once, int done);

/* --- event -------------------------------------------------------------------------- */

struct fam_event {
	uint64_t word[8];
} __attribute__((aligned(64)));

/** fam_event_set() - wake all that wait; stays set; release; 0 */
int fam_event_set(struct fam *fam, struct fam_event *event);

/** fam_event_pulse() - let exactly one pass, now or later; adds up to one; 0 */
int fam_event_pulse(struct fam *fam, struct fam_event *event);

/** fam_event_reset() - neither set nor pulsed from now on; 1 if it was, else 0 */
int fam_event_reset(struct fam *fam, struct fam_event *event);

/**
 * fam_event_wait() - until it is set, or pulsed for this one
 *
 * Ordering: acquire
 * Peers:    a pulse for one that dies before it passed is for the next one
 * Return:   0; -ETIMEDOUT, ...
 * Since:    0.1
 */
int fam_event_wait(struct fam *fam, struct fam_event *event, int timeout_ms);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
