/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_SYNC_KINDS_H
#define TESTS_SYNC_KINDS_H

/* All kinds of locks behind the same calls. */
#include <stdint.h>
#include <string.h>

#include <fam/lock.h>

union any_lock {
	struct fam_mutex mutex;
	struct fam_spin spin;
	struct fam_ticket ticket;
	struct fam_rwlock rwlock;
	uint64_t room[128];
};

struct lock_kind {
	const char *name;
	int (*lock)(struct fam *fam, void *lock, int timeout_ms);
	int (*unlock)(struct fam *fam, void *lock);
	int (*consistent)(struct fam *fam, void *lock);
	int (*fence)(struct fam *fam, void *lock, uint64_t *number);
	/* NULL: it cannot be shared. */
	int (*read)(struct fam *fam, void *lock, int timeout_ms);
	int (*unread)(struct fam *fam, void *lock);
};

#define LOCK_CALLS(kind, lock, unlock)                                     \
	static int kind##_take(struct fam *fam, void *l, int timeout_ms)   \
	{                                                                  \
		return lock(fam, l, timeout_ms);                           \
	}                                                                  \
	static int kind##_drop(struct fam *fam, void *l)                   \
	{                                                                  \
		return unlock(fam, l);                                     \
	}                                                                  \
	static int kind##_mend(struct fam *fam, void *l)                   \
	{                                                                  \
		return fam_##kind##_consistent(fam, l);                    \
	}                                                                  \
	static int kind##_draw(struct fam *fam, void *l, uint64_t *number) \
	{                                                                  \
		return fam_##kind##_fence(fam, l, number);                 \
	}

LOCK_CALLS(mutex, fam_mutex_lock, fam_mutex_unlock)
LOCK_CALLS(spin, fam_spin_lock, fam_spin_unlock)
LOCK_CALLS(ticket, fam_ticket_lock, fam_ticket_unlock)
LOCK_CALLS(rwlock, fam_rwlock_write, fam_rwlock_unlock_write)

static int rwlock_share(struct fam *fam, void *l, int timeout_ms)
{
	return fam_rwlock_read(fam, l, timeout_ms);
}

static int rwlock_unshare(struct fam *fam, void *l)
{
	return fam_rwlock_unlock_read(fam, l);
}

static const struct lock_kind lock_kinds[] = {
	{"mutex", mutex_take, mutex_drop, mutex_mend, mutex_draw, NULL, NULL},
	{"spin", spin_take, spin_drop, spin_mend, spin_draw, NULL, NULL},
	{"ticket", ticket_take, ticket_drop, ticket_mend, ticket_draw, NULL,
	 NULL},
	{"rwlock", rwlock_take, rwlock_drop, rwlock_mend, rwlock_draw,
	 rwlock_share, rwlock_unshare},
};

#define LOCK_KINDS (sizeof(lock_kinds) / sizeof(lock_kinds[0]))

/* NULL: there is no such kind. */
static inline const struct lock_kind *lock_kind_find(const char *name)
{
	for (unsigned int i = 0; i < LOCK_KINDS; i++) {
		if (strcmp(lock_kinds[i].name, name) == 0)
			return &lock_kinds[i];
	}
	return NULL;
}

#endif
