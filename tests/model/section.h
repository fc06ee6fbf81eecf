/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef MODEL_SECTION_H
#define MODEL_SECTION_H

/*
 * What a lock protects, in models of locks: who is in it, and whether somebody
 * died in it. In the model's memory, all zero at the beginning.
 */
#include <errno.h>

#include "model.h"

struct section {
	fam_word inside;  /* n + 1 of who is in */
	fam_word damaged; /* somebody was lost in it, and it was not repaired */
	fam_word count;	  /* entered and left again */
};

/**
 * section_enter() - the lock call of thread @n returned @r: 0 or -EOWNERDEAD
 *
 * Nobody that lives may be in, and who dies in it must be told of.
 */
static inline void section_enter(struct section *s, unsigned int n, int r)
{
	uint64_t inside;

	model_atomically(true);
	/* Who was taken for dead has not got anything, and finds out later. */
	if (n < MODEL_THREADS && model_lost(n)) {
		model_atomically(false);
		return;
	}
	inside = fam_word_peek(&s->inside);
	if (inside) {
		model_expect(model_lost((unsigned int)inside - 1));
		fam_word_set(&s->damaged, 1);
	}
	if (fam_word_peek(&s->damaged))
		model_expect(r == -EOWNERDEAD);
	else if (r == -EOWNERDEAD)
		model_expect(model_any_lost());
	fam_word_swap(&s->inside, &inside, n + 1);
	model_atomically(false);
}

/* It is whole again, as the consistent call is told next. */
static inline void section_repair(struct section *s)
{
	fam_word_clear(&s->damaged, 1);
}

static inline void section_leave(struct section *s, unsigned int n)
{
	uint64_t own = n + 1;

	model_atomically(true);
	/* Somebody else is in only if this one's session was lost. */
	if (fam_word_swap(&s->inside, &own, 0))
		fam_word_add(&s->count, 1);
	else
		model_expect(model_lost(n));
	model_atomically(false);
}

#endif
