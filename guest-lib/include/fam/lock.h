/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_LOCK_H
#define FAM_LOCK_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Locks in the fabric, for threads, processes, nodes and the host alike. Put one
 * into a structure of your own in a window of the fabric, aligned to 64 bytes,
 * or have one by name (fam/object.h). Zeros are a free lock: new memory needs no
 * initialisation.
 *
 * A holder is a thread of a session. When the session has ended (died, lost its
 * lease, or closed the fabric), what it held is free for others: the next one
 * gets the lock with -EOWNERDEAD, and holds it. What the lock protects may be
 * half changed: repair it, then call fam_..._consistent(), or each one after you
 * is told the same. So it is after a power cut of the host, once the lease of
 * what was attached then has passed.
 *
 * A node that was paused for longer than its lease has lost its locks without
 * knowing it yet: unlocking returns -ESTALE. What it stores to the fabric until
 * it finds out cannot be prevented. If what you protect is not in the fabric,
 * take a fencing number with it and have the other end refuse lower ones.
 *
 * All locks: a thread that ends without unlocking, in a process that lives,
 * keeps them. Not for signal handlers. @timeout_ms: 0 tries, and takes what is
 * free though others wait for it; -1 waits for ever. @lock must lie in a window
 * of @fam, checked only when there is somebody to wait for: -EFAULT. -ESTALE the
 * session was lost; -EUSERS, -EOPNOTSUPP as fam_session_check().
 */

/* --- mutex: sleeps; for all that may take long ------------------------------- */

struct fam_mutex {
	uint64_t word[8];
} __attribute__((aligned(64)));

/**
 * fam_mutex_lock() - lock
 *
 * Threads:  safe
 * Ordering: acquire
 * Survives: guest; the state of all locks is memory like any other
 * Peers:    the lock of a session that ended is given to one other with
 *	-EOWNERDEAD, at once when the death is known to its library
 * Blocks:   as fam_word_wait(). Who has slept for more than 1 ms goes before all
 *	that come later, but tries. Who can only nap has 1 ms to find it free
 * Return:   0, or -EOWNERDEAD: it is yours; -ETIMEDOUT; -EDEADLK the calling
 *	thread has it, by the same attachment; -EINTR; -EFAULT, -ESTALE, -EUSERS,
 *	-EOPNOTSUPP
 * Since:    0.1
 */
int fam_mutex_lock(struct fam *fam, struct fam_mutex *mutex, int timeout_ms);

/**
 * fam_mutex_unlock() - unlock
 *
 * Threads:  the one that holds it
 * Ordering: release
 * Peers:    who waits is woken, wherever it is
 * Blocks:   never
 * Return:   0; -EPERM the calling thread does not hold it; -ESTALE it was given
 *	to another one, or is free for it, since the session was lost
 * Since:    0.1
 */
int fam_mutex_unlock(struct fam *fam, struct fam_mutex *mutex);

/**
 * fam_mutex_consistent() - what it protects is whole again
 *
 * Threads:  the one that holds it
 * Ordering: acquire and release
 * Blocks:   never
 * Return:   0, also if it was; -EPERM, -ESTALE
 * Since:    0.1
 */
int fam_mutex_consistent(struct fam *fam, struct fam_mutex *mutex);

/**
 * fam_mutex_fence() - draw a fencing number, while holding it
 * @number: larger than all drawn by those who held it before; untouched on
 *	failure
 *
 * Threads:  the one that holds it
 * Survives: guest; host only after fam_persist() of the lock has returned 0
 * Blocks:   never
 * Return:   0; -EPERM, -ESTALE
 * Since:    0.1
 */
int fam_mutex_fence(struct fam *fam, struct fam_mutex *mutex, uint64_t *number);

/* --- spin lock: for a few instructions ---------------------------------------- */

struct fam_spin {
	uint64_t word[8];
} __attribute__((aligned(64)));

/**
 * fam_spin_lock() - lock; all as fam_mutex_lock(), but for the waiting
 *
 * Blocks:   spins, then naps, of 2 ms at most; served in no order
 * Since:    0.1
 */
int fam_spin_lock(struct fam *fam, struct fam_spin *spin, int timeout_ms);

/** fam_spin_unlock(), and so on: as those of a mutex; nobody need be woken */
int fam_spin_unlock(struct fam *fam, struct fam_spin *spin);
int fam_spin_consistent(struct fam *fam, struct fam_spin *spin);
int fam_spin_fence(struct fam *fam, struct fam_spin *spin, uint64_t *number);

/* --- ticket lock: first come, first served ------------------------------------ */

#define FAM_TICKET_WAITERS 56 /* more than these wait in no order */

struct fam_ticket {
	uint64_t word[8 + FAM_TICKET_WAITERS];
} __attribute__((aligned(64)));

/**
 * fam_ticket_lock() - lock, strictly in the order of arrival
 *
 * All as fam_mutex_lock(), but for the waiting: it is given to whoever came
 * first, if that one has to be woken or not. Among many who want it all the time
 * it goes as fast as they wake.
 *
 * Peers:    who dies while it waits, or gives up, is passed over
 * Blocks:   spins while its turn is near, else as fam_word_wait(); a try fails
 *	if anybody has it or waits
 * Since:    0.1
 */
int fam_ticket_lock(struct fam *fam, struct fam_ticket *ticket, int timeout_ms);

/** fam_ticket_unlock(), and so on: as those of a mutex */
int fam_ticket_unlock(struct fam *fam, struct fam_ticket *ticket);
int fam_ticket_consistent(struct fam *fam, struct fam_ticket *ticket);
int fam_ticket_fence(struct fam *fam, struct fam_ticket *ticket,
		     uint64_t *number);

/* --- read-write lock ------------------------------------------------------------ */

#define FAM_RWLOCK_READERS 48 /* sessions that can read at once; more wait */

struct fam_rwlock {
	uint64_t word[16 + FAM_RWLOCK_READERS];
} __attribute__((aligned(64)));

/**
 * fam_rwlock_read() - lock for reading, with others
 *
 * A writer that waits goes before readers that come later, and readers that
 * wait go before the next writer: nobody starves. A thread that reads must not
 * lock again, not for reading either.
 *
 * Threads:  safe
 * Ordering: acquire
 * Peers:    sessions that ended while they read are forgotten
 * Blocks:   as fam_word_wait()
 * Return:   0, -EOWNERDEAD a writer died: it is yours, and only a writer can
 *	make it consistent; -EDEADLK the calling thread writes; -ETIMEDOUT,
 *	-EINTR, ... as fam_mutex_lock()
 * Since:    0.1
 */
int fam_rwlock_read(struct fam *fam, struct fam_rwlock *lock, int timeout_ms);

/**
 * fam_rwlock_unlock_read() - one reader of this session less
 *
 * Threads:  readers of a session are not told apart
 * Return:   0; -EPERM no thread of the session reads; -ESTALE
 * Since:    0.1
 */
int fam_rwlock_unlock_read(struct fam *fam, struct fam_rwlock *lock);

/** fam_rwlock_write() - lock for writing, alone; all as fam_mutex_lock() */
int fam_rwlock_write(struct fam *fam, struct fam_rwlock *lock, int timeout_ms);

/** fam_rwlock_unlock_write(), and so on: as those of a mutex, for the writer */
int fam_rwlock_unlock_write(struct fam *fam, struct fam_rwlock *lock);
int fam_rwlock_consistent(struct fam *fam, struct fam_rwlock *lock);
int fam_rwlock_fence(struct fam *fam, struct fam_rwlock *lock,
		     uint64_t *number);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
