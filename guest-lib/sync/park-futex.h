/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PARK_FUTEX_H
#define FAM_PARK_FUTEX_H

/* Sleeping at the low half of a word, in one kernel. */
#include <fam-words.h>

/**
 * fam_futex_wait() - sleep while a word is what it was
 * @ns: how long at most, below a second
 * @shared: until another process may wake it, where both map the same file
 *
 * Return: 0 look again; -EINTR a signal handler ran
 */
int fam_futex_wait(const fam_word *word, uint64_t value, int64_t ns,
		   bool shared);

/** fam_futex_wake() - have all look that sleep at a word */
void fam_futex_wake(const fam_word *word, bool shared);

/** fam_futex_shares() - can processes wake each other where this word lies? */
bool fam_futex_shares(const fam_word *word);

#endif
