/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WORDS_H
#define FAM_WORDS_H

/*
 * Every word that several sessions change is touched through these, and through
 * nothing else, by what stands on locks, rings and objects: so that the tests
 * can put a header of this name in front of it which stops between any two
 * steps, runs another thread there, or kills this one (tests/model).
 *
 * Words are 8 bytes, naturally aligned, never misaligned (a misaligned word is
 * not atomic between machines).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t fam_word;

/** fam_word_peek() - relaxed: for a hint, or what only the caller changes */
static inline uint64_t fam_word_peek(const fam_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/** fam_word_poke() - relaxed: nobody relies on what was stored before */
static inline void fam_word_poke(fam_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/** fam_word_get() - acquire */
static inline uint64_t fam_word_get(const fam_word *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/** fam_word_put() - release */
static inline void fam_word_put(fam_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/**
 * fam_word_swap() - compare and swap; sequentially consistent
 * @was: what is expected; what was there, if it was something else
 */
static inline bool fam_word_swap(fam_word *word, uint64_t *was, uint64_t value)
{
	return atomic_compare_exchange_strong(word, was, value);
}

/** fam_word_step() - fam_word_swap() for those who do not want to know */
static inline bool fam_word_step(fam_word *word, uint64_t from, uint64_t to)
{
	return fam_word_swap(word, &from, to);
}

/** fam_word_add() - sequentially consistent; what was there before */
static inline uint64_t fam_word_add(fam_word *word, uint64_t n)
{
	return atomic_fetch_add(word, n);
}

/** fam_word_set() - bits; sequentially consistent; what was there before */
static inline uint64_t fam_word_set(fam_word *word, uint64_t bits)
{
	return atomic_fetch_or(word, bits);
}

/** fam_word_clear() - bits; sequentially consistent; what was there before */
static inline uint64_t fam_word_clear(fam_word *word, uint64_t bits)
{
	return atomic_fetch_and(word, ~bits);
}

/** fam_word_fence() - sequentially consistent; a store before, a load behind */
static inline void fam_word_fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/** fam_word_pause() - in a loop that spins */
static inline void fam_word_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
