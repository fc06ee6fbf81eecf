/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HOLDER_H
#define FAM_HOLDER_H

/*
 * Who holds something, in one word: bits 63-24 the low 40 bits of the session's
 * token, never all 0; 23-14 its slot; 13-0 free for flags of what is held. A
 * session ID is never given again, so a holder that is dead stays so, and
 * whoever wants what it held finds that out by himself: there are no lists of
 * what somebody holds, and nothing to clear up.
 *
 * The 8 bits of the token that are left out do not matter: two sessions that
 * follow each other in one slot have the same 40 with a chance of 2^-40, and
 * then what the first one held is not given back before the second one ends.
 */

#include <fam-sessions.h>
#include <fam-words.h>

#define FAM_HOLDER_FLAGS UINT64_C(0x3fff) /* bits for others */

/** fam_holder() - the word of a session; @id as fam_session_id() */
static inline uint64_t fam_holder(uint64_t id)
{
	return (id >> 16 & UINT64_C(0xffffffffff)) << 24 | (id & 0x3ff) << 14;
}

static inline unsigned int fam_holder_slot(uint64_t word)
{
	return (unsigned int)(word >> 14) & 0x3ff;
}

/** fam_holder_of() - without the flags; 0: nobody */
static inline uint64_t fam_holder_of(uint64_t word)
{
	return word & ~FAM_HOLDER_FLAGS;
}

/**
 * fam_holder_lives() - does the session in a word live?
 *
 * Ordering: acquire: what a dead one stored is visible behind this
 */
static inline bool fam_holder_lives(const struct fam_sessions *table,
				    uint64_t word)
{
	unsigned int slot = fam_holder_slot(word);
	uint64_t now = fam_word_get(&table->word[slot]);

	return fam_sessions_phase(now) == FAM_SESSIONS_LIVE &&
	       fam_holder(fam_sessions_id(now, slot)) == fam_holder_of(word);
}

#endif
