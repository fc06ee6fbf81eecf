/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_ATOMIC_128_H
#define FAM_ATOMIC_128_H

/*
 * The part of fam/atomic.h for words of 128 bits; include that one. Neither
 * libatomic nor -mcx16 is needed: compilers without them call a library that may
 * take a lock, which is none between nodes.
 */
#include <fam/atomic.h>

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__AARCH64EL__))
#define FAM_ATOMIC_128 1

#ifdef __cplusplus
extern "C" {
#endif

/** A word of 128 bits. */
struct fam_u128 {
	uint64_t lo, hi; /* bits 0-63, 64-127 */
} __attribute__((aligned(16)));

/** fam_u128_make() - of its halves */
FAM_INLINE_ struct fam_u128 fam_u128_make(uint64_t lo, uint64_t hi)
{
	struct fam_u128 word;

	word.lo = lo;
	word.hi = hi;
	return word;
}

/** fam_u128_equal() - a == b */
FAM_INLINE_ bool fam_u128_equal(struct fam_u128 a, struct fam_u128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/** fam_u128_less() - a < b, as unsigned numbers */
FAM_INLINE_ bool fam_u128_less(struct fam_u128 a, struct fam_u128 b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/** fam_u128_add() - a + b, modulo 2^128 */
FAM_INLINE_ struct fam_u128 fam_u128_add(struct fam_u128 a, struct fam_u128 b)
{
	uint64_t lo = a.lo + b.lo;

	return fam_u128_make(lo, a.hi + b.hi + (lo < b.lo));
}

/*
 * Store @desired if the word is @expected; return what was there. The one
 * operation that all others are made of. A 16-byte SSE access would not do for a
 * load: emulators split it in two.
 */
#ifdef __x86_64__
/*
 * The instruction wants half of @desired in rbx. Compilers may address the stack
 * by that (clang does where there are an aligned variable and alloca()), and do
 * not save it for whoever asks for it: it is swapped in and out here.
 */
FAM_INLINE_ struct fam_u128 fam_u128_exchange(struct fam_u128 *p,
					      struct fam_u128 expected,
					      struct fam_u128 desired)
{
	__asm__ volatile("xchg %%rbx, %[lo]\n\t"
			 "lock cmpxchg16b {(%[p])|[%[p]]}\n\t"
			 "xchg %%rbx, %[lo]"
			 : "+a"(expected.lo), "+d"(expected.hi)
			 : [p] "D"(p), [lo] "S"(desired.lo), "c"(desired.hi)
			 : "cc", "memory");
	return expected;
}
#else
/*
 * What was read is one value only if a store to the same place succeeded: on a
 * mismatch the old value is stored.
 */
FAM_INLINE_ struct fam_u128 fam_u128_exchange(struct fam_u128 *p,
					      struct fam_u128 expected,
					      struct fam_u128 desired)
{
	struct fam_u128 old, next;
	uint32_t failed;

	__asm__ volatile(
		"1:	ldaxp	%[old_lo], %[old_hi], %[word]\n"
		"	cmp	%[old_lo], %[expected_lo]\n"
		"	ccmp	%[old_hi], %[expected_hi], #0, eq\n"
		"	csel	%[next_lo], %[desired_lo], %[old_lo], eq\n"
		"	csel	%[next_hi], %[desired_hi], %[old_hi], eq\n"
		"	stlxp	%w[failed], %[next_lo], %[next_hi], %[word]\n"
		"	cbnz	%w[failed], 1b"
		: [old_lo] "=&r"(old.lo), [old_hi] "=&r"(old.hi),
		  [next_lo] "=&r"(next.lo), [next_hi] "=&r"(next.hi),
		  [failed] "=&r"(failed), [word] "+Q"(*p)
		: [expected_lo] "r"(expected.lo),
		  [expected_hi] "r"(expected.hi), [desired_lo] "r"(desired.lo),
		  [desired_hi] "r"(desired.hi)
		: "cc", "memory");
	return old;
}
#endif

/* A first guess: halves of two values at worst, which fit no word. */
FAM_INLINE_ struct fam_u128 fam_u128_guess(const struct fam_u128 *p)
{
	return fam_u128_make(__atomic_load_n(&p->lo, __ATOMIC_RELAXED),
			     __atomic_load_n(&p->hi, __ATOMIC_RELAXED));
}

FAM_INLINE_ bool fam_atomic128_cas(struct fam_u128 *p,
				   struct fam_u128 *expected,
				   struct fam_u128 desired,
				   enum fam_order order)
{
	struct fam_u128 old = fam_u128_exchange(p, *expected, desired);
	bool done = fam_u128_equal(old, *expected);

	(void)order;
	*expected = old;
	return done;
}

FAM_INLINE_ struct fam_u128
fam_atomic128_load(struct fam_u128 *p, enum fam_order order) FAM_LOAD_ORDER_
{
	/* If it is 0, 0 is stored. */
	struct fam_u128 zero = fam_u128_make(0, 0);

	(void)fam_order_load(order);
	return fam_u128_exchange(p, zero, zero);
}

#define FAM_ATOMIC_128_(op, next)                                             \
	FAM_INLINE_ struct fam_u128 fam_atomic128_##op(struct fam_u128 *p,    \
						       struct fam_u128 value, \
						       enum fam_order order)  \
	{                                                                     \
		struct fam_u128 old = fam_u128_guess(p);                      \
                                                                              \
		while (!fam_atomic128_cas(p, &old, next, order))              \
			;                                                     \
		return old;                                                   \
	}

FAM_ATOMIC_128_(swap, value)
FAM_ATOMIC_128_(fetch_add, fam_u128_add(old, value))
FAM_ATOMIC_128_(fetch_and, fam_u128_make(old.lo &value.lo, old.hi &value.hi))
FAM_ATOMIC_128_(fetch_or, fam_u128_make(old.lo | value.lo, old.hi | value.hi))
FAM_ATOMIC_128_(fetch_xor, fam_u128_make(old.lo ^ value.lo, old.hi ^ value.hi))
FAM_ATOMIC_128_(fetch_umin, fam_u128_less(value, old) ? value : old)
FAM_ATOMIC_128_(fetch_umax, fam_u128_less(old, value) ? value : old)

FAM_INLINE_ void fam_atomic128_store(struct fam_u128 *p, struct fam_u128 value,
				     enum fam_order order) FAM_STORE_ORDER_
{
	(void)fam_order_store(order);
	(void)fam_atomic128_swap(p, value, order);
}

#ifdef __cplusplus
}
#endif
#endif
#endif
