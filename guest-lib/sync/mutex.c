// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Locks whose waiters sleep: fam/lock.h. What happens if two meet is in lock.c. */
#include <fam/lock.h>

#include "fam-sync.h"

int fam_mutex_lock(struct fam *fam, struct fam_mutex *mutex, int timeout_ms)
{
	fam_word *lock = fam_sync_words(mutex->word);

	if (__builtin_expect(fam_lock_grab(fam, lock), 1))
		return 0;
	return fam_lock_sleep(fam, lock, fam_deadline(timeout_ms));
}

int fam_mutex_unlock(struct fam *fam, struct fam_mutex *mutex)
{
	fam_word *lock = fam_sync_words(mutex->word);

	if (__builtin_expect(fam_lock_let_go(fam, lock), 1))
		return 0;
	return fam_lock_wake(fam, lock);
}

int fam_mutex_consistent(struct fam *fam, struct fam_mutex *mutex)
{
	return fam_lock_consistent(fam, fam_sync_words(mutex->word));
}

int fam_mutex_fence(struct fam *fam, struct fam_mutex *mutex, uint64_t *number)
{
	return fam_lock_fence(fam, fam_sync_words(mutex->word), number);
}
