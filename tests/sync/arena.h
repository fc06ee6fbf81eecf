/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_SYNC_ARENA_H
#define TESTS_SYNC_ARENA_H

/*
 * A piece of a fabric in which threads of processes of several machines count
 * under one lock, and die at any moment. What the lock protects is changed in
 * steps that are written down before, so that whoever gets the lock of a dead
 * one can finish what that one began: nothing may be lost or counted twice.
 */
#include <stdint.h>

#include <fam-words.h>
#include <fam/fam.h>

#include "kinds.h"

#define ARENA_WORKERS 4096

struct arena {
	union any_lock lock;
	fam_word inside; /* who is in the lock: number + 1 */
	uint64_t line[7];
	/* Changed under the lock; where they differ, a step was cut short. */
	fam_word before, after;
	fam_word will_be, will_have, who; /* written down before the step */
	fam_word fence;			  /* last fencing number */
	fam_word deaths;		  /* of holders */
	uint64_t line2;
	/* Counted by all. */
	fam_word target; /* `after` does not go beyond it */
	fam_word doubled, torn, stale, unfenced, failed;
	fam_word reads, workers;
	fam_word did[ARENA_WORKERS];
};

struct arena_worker {
	struct fam *fam;
	struct arena *arena;
	const struct lock_kind *kind;
	uint64_t number;
	uint64_t session;
	uint64_t random;
};

/** arena_begin() - anew, for @target steps; nobody works */
void arena_begin(struct arena *arena, uint64_t target);

/** arena_join() - one more worker */
void arena_join(struct arena_worker *worker, struct fam *fam,
		struct arena *arena, const struct lock_kind *kind);

/** arena_work() - until the target is reached; 0, or the error of a lock */
int arena_work(struct arena_worker *worker);

/**
 * arena_check() - nobody works: is all as it must be? Tells on stdout
 *
 * Return: 0; -EBADMSG
 */
int arena_check(struct arena *arena, const char *kind);

#endif
