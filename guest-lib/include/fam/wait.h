/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WAIT_H
#define FAM_WAIT_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sleeping until a word of the fabric changes: what futex(2) is for the threads
 * of one machine, for those of several nodes and of the host. fam/lock.h,
 * fam/sync.h, fam/ring.h and the rest stand on it; so can your own structures.
 *
 * Waits need a session (fam/session.h) and a fabric with a parking lot (made by
 * this release or a later one): else -EOPNOTSUPP, or as fam_session_check().
 */

/**
 * fam_word_wait() - sleep while a word is what it was
 * @word: 8 bytes, aligned, in a window of @fam
 * @value: returns at once if it is something else
 * @timeout_ms: 0 does not wait, -1 waits for ever
 *
 * Spins for some 20 us, then sleeps. It may return 0 though nothing has changed:
 * look at the word in a loop.
 *
 * Threads:  safe
 * Ordering: acquire, if it returns because of fam_word_wake()
 * Peers:    whose death becomes known wakes all who wait: look whether it was
 *	the one you wait for
 * Blocks:   until woken, @timeout_ms have passed, or a signal handler ran
 * Return:   0 look again; -ETIMEDOUT; -EINTR; -EINVAL misaligned; -EFAULT
 *	not in a window of @fam; -ESTALE, -EUSERS, -EOPNOTSUPP
 * Since:    0.1
 */
int fam_word_wait(struct fam *fam, const uint64_t *word, uint64_t value,
		  int timeout_ms);

/**
 * fam_word_wake() - wake who sleeps at a word, after it was changed
 * @count: how many at most, those first who came first
 *
 * Threads:  safe
 * Ordering: sequentially consistent
 * Peers:    if one that was woken dies before it returns, another one is woken
 *	in its place
 * Blocks:   never
 * Return:   how many were woken; -EINVAL, -EFAULT, -EOPNOTSUPP
 * Since:    0.1
 */
int fam_word_wake(struct fam *fam, const uint64_t *word, unsigned int count);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
