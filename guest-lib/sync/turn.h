/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TURN_H
#define FAM_TURN_H

/*
 * Waiting for one's turn at what anybody may take that comes by: units of a
 * semaphore, permits. Who was woken finds it taken by somebody who has just
 * come, again and again. So one that has waited for FAM_TURN_HUNGRY_NS says so
 * by a flag in the word it sleeps at, and then those who come lie down once
 * before they take, for as long as that at most. Whoever finds that nobody got up
 * meanwhile, or has hardly waited itself, takes the flag away: it may be left by
 * one that died.
 */
#include "fam-sync.h"

#define FAM_TURN_HUNGRY_NS FAM_LOCK_HUNGRY_NS

struct fam_turn {
	struct fam_deadline deadline;
	int64_t began; /* when it had to wait first; 0: it had not */
	bool slept, alone;
};

static inline struct fam_turn fam_turn(int timeout_ms)
{
	return (struct fam_turn){.deadline = fam_deadline(timeout_ms)};
}

/** fam_turn_may() - may the caller take what is there? */
static inline bool fam_turn_may(const struct fam_turn *turn, bool hungry)
{
	return !hungry || turn->slept || turn->deadline.at == 0;
}

/** fam_turn_sates() - having taken it, is the caller to take the flag away? */
bool fam_turn_sates(const struct fam_turn *turn);

/** fam_turn_is_hungry() - is the caller to set the flag, before it sleeps? */
bool fam_turn_is_hungry(const struct fam_turn *turn);

/**
 * fam_turn_wait() - spin, then sleep while a word is what it was
 * @yields: there is something to take, but not for the caller yet
 *
 * Return: 0 look again; an error: look again, it may have come with that
 */
int fam_turn_wait(struct fam_turn *turn, struct fam *fam, const fam_word *word,
		  uint64_t value, bool yields);

#endif
