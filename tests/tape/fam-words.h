/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TAPE_WORDS_H
#define TAPE_WORDS_H

/*
 * Stands in front of the library's own header of this name in the library that
 * crash tests are linked with: each store is recorded (tape.h).
 */

#include "tape-store.h"

#define fam_word_peek  fam_real_peek
#define fam_word_poke  fam_real_poke
#define fam_word_get   fam_real_get
#define fam_word_put   fam_real_put
#define fam_word_swap  fam_real_swap
#define fam_word_step  fam_real_step
#define fam_word_add   fam_real_add
#define fam_word_set   fam_real_set
#define fam_word_clear fam_real_clear
#include_next <fam-words.h>
#undef fam_word_peek
#undef fam_word_poke
#undef fam_word_get
#undef fam_word_put
#undef fam_word_swap
#undef fam_word_step
#undef fam_word_add
#undef fam_word_set
#undef fam_word_clear

static inline uint64_t fam_word_peek(const fam_word *word)
{
	uint64_t value = fam_real_peek(word);

	return __builtin_expect(tape_read != NULL, 0)
		       ? tape_read((const void *)word, value)
		       : value;
}

static inline uint64_t fam_word_get(const fam_word *word)
{
	uint64_t value = fam_real_get(word);

	return __builtin_expect(tape_read != NULL, 0)
		       ? tape_read((const void *)word, value)
		       : value;
}

static inline void fam_word_poke(fam_word *word, uint64_t value)
{
	fam_real_poke(word, value);
	tape_stored((const void *)word, sizeof(*word));
}

static inline void fam_word_put(fam_word *word, uint64_t value)
{
	fam_real_put(word, value);
	tape_stored((const void *)word, sizeof(*word));
}

static inline bool fam_word_swap(fam_word *word, uint64_t *was, uint64_t value)
{
	bool done = fam_real_swap(word, was, value);

	if (done)
		tape_stored((const void *)word, sizeof(*word));
	return done;
}

static inline bool fam_word_step(fam_word *word, uint64_t from, uint64_t to)
{
	return fam_word_swap(word, &from, to);
}

static inline uint64_t fam_word_add(fam_word *word, uint64_t n)
{
	uint64_t was = fam_real_add(word, n);

	tape_stored((const void *)word, sizeof(*word));
	return was;
}

static inline uint64_t fam_word_set(fam_word *word, uint64_t bits)
{
	uint64_t was = fam_real_set(word, bits);

	tape_stored((const void *)word, sizeof(*word));
	return was;
}

static inline uint64_t fam_word_clear(fam_word *word, uint64_t bits)
{
	uint64_t was = fam_real_clear(word, bits);

	tape_stored((const void *)word, sizeof(*word));
	return was;
}

#endif
