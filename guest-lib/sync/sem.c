// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/sync.h>

#include "turn.h"

/*
 * One word: how many there are, and HUNGRY (turn.h). Who posts wakes as many as
 * it gives; if one of these finds nothing left it sleeps again, and if it dies
 * the parking wakes another one.
 */
#define HUNGRY (UINT64_C(1) << 32)

static uint32_t units(uint64_t v)
{
	return (uint32_t)v & FAM_SEM_MAX;
}

static fam_word *word_of(const struct fam_sem *sem)
{
	return fam_sync_words(sem->word);
}

int fam_sem_init(struct fam *fam, struct fam_sem *sem, uint32_t value)
{
	(void)fam; /* as the others' first argument */
	if (value > FAM_SEM_MAX)
		return -EINVAL;
	for (unsigned int i = 1; i < 8; i++)
		sem->word[i] = 0;
	fam_word_put(word_of(sem), value);
	return 0;
}

/* What is left behind by a taker; there is one unit at least. */
static uint64_t taken(const struct fam_turn *turn, uint64_t v)
{
	uint64_t hungry = v & HUNGRY;

	if (hungry && fam_turn_sates(turn))
		hungry = 0;
	return (units(v) - 1) | hungry;
}

static int wait_slowly(struct fam *fam, fam_word *word, struct fam_turn *turn)
{
	uint64_t v = fam_word_get(word);
	int r = 0;

	for (;;) {
		bool some = units(v) > 0;

		if (some && fam_turn_may(turn, v & HUNGRY)) {
			if (fam_word_swap(word, &v, taken(turn, v)))
				return 0;
			continue;
		}
		/* It was looked once more: it might have been woken as well. */
		if (r < 0)
			return r;
		if (!some && !(v & HUNGRY) && fam_turn_is_hungry(turn)) {
			if (fam_word_swap(word, &v, v | HUNGRY))
				v |= HUNGRY;
			continue;
		}
		r = fam_turn_wait(turn, fam, word, v, some);
		v = fam_word_get(word);
	}
}

int fam_sem_wait(struct fam *fam, struct fam_sem *sem, int timeout_ms)
{
	fam_word *word = word_of(sem);
	uint64_t v = fam_word_peek(word);
	struct fam_turn turn;

	if (!fam_park_self(fam))
		return fam_park_why(fam);
	if (units(v) && !(v & HUNGRY) && fam_word_step(word, v, v - 1))
		return 0;
	turn = fam_turn(timeout_ms);
	return wait_slowly(fam, word, &turn);
}

int fam_sem_post(struct fam *fam, struct fam_sem *sem, uint32_t count)
{
	fam_word *word = word_of(sem);
	uint64_t v = fam_word_peek(word);

	if (!fam_park_self(fam))
		return fam_park_why(fam);
	do {
		if (count > FAM_SEM_MAX - units(v))
			return -EOVERFLOW;
	} while (!fam_word_swap(word, &v, v + count));
	if (count)
		fam_unpark(fam, word, count);
	return 0;
}

uint32_t fam_sem_value(struct fam *fam, const struct fam_sem *sem)
{
	(void)fam; /* as the others' first argument */
	return units(fam_word_get(word_of(sem)));
}
