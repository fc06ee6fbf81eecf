/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_ATOMIC_ORDER_H
#define FAM_ATOMIC_ORDER_H

/* The part of fam/atomic.h about orders; include that one. */
#include <stdbool.h>

/**
 * enum fam_order - what an operation orders, as memory_order of C11
 *
 * A load takes RELAXED, ACQUIRE or SEQ_CST, a store RELAXED, RELEASE or SEQ_CST,
 * everything else any of them; a compare-and-swap that fails stores nothing and
 * keeps what is left of its order. A wrong order is an error of compilation where
 * it is a constant (gcc: with optimisation), and is taken as SEQ_CST elsewhere.
 */
enum fam_order {
	/* The word alone. */
	FAM_ORDER_RELAXED = __ATOMIC_RELAXED,
	/* Later accesses stay behind it. */
	FAM_ORDER_ACQUIRE = __ATOMIC_ACQUIRE,
	/* Earlier accesses stay before it. */
	FAM_ORDER_RELEASE = __ATOMIC_RELEASE,
	/* Both. */
	FAM_ORDER_ACQ_REL = __ATOMIC_ACQ_REL,
	/* Both, and all such operations have one order for everybody. */
	FAM_ORDER_SEQ_CST = __ATOMIC_SEQ_CST,
};

/* --- how wrong orders are caught ------------------------------------------ */

#define FAM_INLINE_ static inline __attribute__((always_inline, unused))

#ifdef __clang__
#define FAM_NOT_ORDERS_(a, b)                                               \
	_Pragma("clang diagnostic push") _Pragma(                           \
		"clang diagnostic ignored \"-Wgcc-compat\"")                \
		__attribute__((diagnose_if(                                 \
			order == (a) || order == (b),                       \
			"this order does not fit the operation", "error"))) \
		_Pragma("clang diagnostic pop")
#else
#define FAM_NOT_ORDERS_(a, b)
#endif
#define FAM_LOAD_ORDER_	 FAM_NOT_ORDERS_(FAM_ORDER_RELEASE, FAM_ORDER_ACQ_REL)
#define FAM_STORE_ORDER_ FAM_NOT_ORDERS_(FAM_ORDER_ACQUIRE, FAM_ORDER_ACQ_REL)

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __clang__
extern void fam_order_unfit(void)
	__attribute__((error("this order does not fit the operation")));
#endif

/* Nothing if @order is not a constant: the caller then goes on with SEQ_CST. */
FAM_INLINE_ void fam_order_reject(bool wrong)
{
#ifndef __clang__
	if (__builtin_constant_p(wrong) && wrong)
		fam_order_unfit();
#else
	(void)wrong;
#endif
}

FAM_INLINE_ int fam_order_load(enum fam_order order)
{
	fam_order_reject(order == FAM_ORDER_RELEASE ||
			 order == FAM_ORDER_ACQ_REL);
	return order == FAM_ORDER_RELAXED || order == FAM_ORDER_ACQUIRE
		       ? (int)order
		       : __ATOMIC_SEQ_CST;
}

FAM_INLINE_ int fam_order_store(enum fam_order order)
{
	fam_order_reject(order == FAM_ORDER_ACQUIRE ||
			 order == FAM_ORDER_ACQ_REL);
	return order == FAM_ORDER_RELAXED || order == FAM_ORDER_RELEASE
		       ? (int)order
		       : __ATOMIC_SEQ_CST;
}

/*
 * After a store that is SEQ_CST: on aarch64 stlr is enough for hardware, but
 * emulators let a later ldar come before it (seen with QEMU 7.2).
 */
FAM_INLINE_ void fam_order_settle(enum fam_order order)
{
#ifdef __aarch64__
	if (fam_order_store(order) == __ATOMIC_SEQ_CST)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
#else
	(void)order;
#endif
}

FAM_INLINE_ int fam_order_both(enum fam_order order)
{
	return order == FAM_ORDER_RELAXED || order == FAM_ORDER_ACQUIRE ||
			       order == FAM_ORDER_RELEASE ||
			       order == FAM_ORDER_ACQ_REL
		       ? (int)order
		       : __ATOMIC_SEQ_CST;
}

/* What is left of an order where nothing was stored. */
FAM_INLINE_ int fam_order_failed(enum fam_order order)
{
	if (order == FAM_ORDER_ACQ_REL)
		return __ATOMIC_ACQUIRE;
	return order == FAM_ORDER_RELEASE ? __ATOMIC_RELAXED
					  : fam_order_both(order);
}

#ifdef __cplusplus
}
#endif
#endif
