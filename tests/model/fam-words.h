/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WORDS_H
#define FAM_WORDS_H

/*
 * Stands in front of the library's own header of this name when a model is
 * built: each access is a step, before which the model checker may run another
 * thread, let this one die, or make what it stored visible (model.h). Macros,
 * because each place in the source is a site of its own, which can be broken on
 * purpose.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t fam_word;

enum model_op {
	MODEL_LOAD,
	MODEL_STORE,
	MODEL_SWAP,
	MODEL_ADD,
	MODEL_SET,
	MODEL_CLEAR,
	MODEL_FENCE,
	MODEL_PAUSE,
	MODEL_COPY,
	MODEL_PARK,
	MODEL_UNPARK,
	MODEL_CLOCK,
	MODEL_OPS,
};

/* A place in the source where a step is made. */
struct model_site {
	enum model_op op;
	unsigned int line;
	const char *function, *file;
	struct model_site *next; /* all that were ever reached */
	bool known;
};

#define MODEL_SITE_(op)                                                \
	({                                                             \
		static struct model_site site_ = {                     \
			(op), __LINE__, __func__, __FILE__, 0, false}; \
                                                                       \
		&site_;                                                \
	})

uint64_t model_load(const fam_word *word, struct model_site *site);
void model_store(fam_word *word, uint64_t value, struct model_site *site);
bool model_swap(fam_word *word, uint64_t *was, uint64_t value,
		struct model_site *site);
/* MODEL_ADD, MODEL_SET, MODEL_CLEAR, as the site says. */
uint64_t model_change(fam_word *word, uint64_t n, struct model_site *site);
void model_fence(struct model_site *site);
void model_pause(struct model_site *site);

static inline bool model_step_from(fam_word *word, uint64_t from, uint64_t to,
				   struct model_site *site)
{
	return model_swap(word, &from, to, site);
}

#define fam_word_peek(word) model_load(word, MODEL_SITE_(MODEL_LOAD))
#define fam_word_get(word)  model_load(word, MODEL_SITE_(MODEL_LOAD))
#define fam_word_poke(word, value) \
	model_store(word, value, MODEL_SITE_(MODEL_STORE))
#define fam_word_put(word, value) \
	model_store(word, value, MODEL_SITE_(MODEL_STORE))
#define fam_word_swap(word, was, value) \
	model_swap(word, was, value, MODEL_SITE_(MODEL_SWAP))
#define fam_word_step(word, from, to) \
	model_step_from(word, from, to, MODEL_SITE_(MODEL_SWAP))
#define fam_word_add(word, n)	model_change(word, n, MODEL_SITE_(MODEL_ADD))
#define fam_word_set(word, n)	model_change(word, n, MODEL_SITE_(MODEL_SET))
#define fam_word_clear(word, n) model_change(word, n, MODEL_SITE_(MODEL_CLEAR))
#define fam_word_fence()	model_fence(MODEL_SITE_(MODEL_FENCE))
#define fam_word_pause()	model_pause(MODEL_SITE_(MODEL_PAUSE))

#endif
