/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_ATOMIC_H
#define FAM_ATOMIC_H

/*
 * Atomic operations on fabric memory: between the threads of a program, between
 * programs, between nodes, and with programs of the host.
 *
 * N is 32, 64, or 128; a word of 32 or 64 bits is a uint32_t or uint64_t (not an
 * _Atomic one: C++ has no such type), one of 128 bits a struct fam_u128.
 *
 * Alignment: a word must be aligned to its size. One that is not is torn between
 *	nodes; of 128 bits, or on aarch64, the access kills the process.
 * Nodes: an emulated CPU can fail to be atomic towards other nodes; no program
 *	can cure that, but fam_atomic_check() tells. Memory that is mapped
 *	uncached (fam_info.cache) works on x86-64 only, and slowly.
 * 128 bits: x86-64 (lock cmpxchg16b) and little-endian aarch64, where
 *	FAM_ATOMIC_128 is defined. Every operation, a load too, writes: on a
 *	read-only mapping it kills the process. Each is a loop around one
 *	compare-and-swap and always ordered as FAM_ORDER_SEQ_CST.
 * Survives: as any store: a *process* crash; a *host* crash only after
 *	fam_persist() (fam/persist.h) returned 0.
 * Threads: safe. Blocks: never.
 * Since: 0.1
 */
#include <stdbool.h>
#include <stdint.h>

#include <fam/atomic-order.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- the operations ------------------------------------------------------- */

/**
 * fam_atomicN_load() - the word's value
 * fam_atomicN_store() - replace it
 * fam_atomicN_swap() - replace it; return what was there
 * fam_atomicN_cas() - replace it if it is *expected
 * @expected: what was there, if that was something else
 *
 * Never fails for another reason than a different value.
 * Return: true if it was replaced
 *
 * fam_atomicN_fetch_add() - add, modulo 2^N; return what was there
 * fam_atomicN_fetch_and(), _fetch_or(), _fetch_xor() - bit by bit; the same
 * fam_atomicN_fetch_umin(), _fetch_umax() - the smaller, the larger one of the
 *	word and @value as unsigned numbers; return what was there
 * fam_atomicN_fetch_smin(), _fetch_smax() - the same as signed numbers; of 32
 *	and 64 bits only
 *
 * To subtract, add the negative value. The last four store also if nothing
 * changes, so that their order holds in any case.
 */
#define FAM_ATOMIC_FETCH_(N, op, builtin)                                \
	FAM_INLINE_ uint##N##_t fam_atomic##N##_fetch_##op(              \
		uint##N##_t *p, uint##N##_t value, enum fam_order order) \
	{                                                                \
		return builtin(p, value, fam_order_both(order));         \
	}

#define FAM_ATOMIC_CHOOSE_(N, op, type, better)                            \
	FAM_INLINE_ type fam_atomic##N##_fetch_##op(                       \
		uint##N##_t *p, type value, enum fam_order order)          \
	{                                                                  \
		uint##N##_t old = __atomic_load_n(p, __ATOMIC_RELAXED);    \
		uint##N##_t next;                                          \
                                                                           \
		do                                                         \
			next = value better(type) old ? (uint##N##_t)value \
						      : old;               \
		while (!fam_atomic##N##_cas(p, &old, next, order));        \
		return (type)old;                                          \
	}

#define FAM_ATOMIC_WORD_(N)                                                  \
	FAM_INLINE_ uint##N##_t fam_atomic##N##_load(                        \
		const uint##N##_t *p, enum fam_order order) FAM_LOAD_ORDER_  \
	{                                                                    \
		return __atomic_load_n(p, fam_order_load(order));            \
	}                                                                    \
                                                                             \
	FAM_INLINE_ void fam_atomic##N##_store(                              \
		uint##N##_t *p, uint##N##_t value, enum fam_order order)     \
		FAM_STORE_ORDER_                                             \
	{                                                                    \
		__atomic_store_n(p, value, fam_order_store(order));          \
		fam_order_settle(order);                                     \
	}                                                                    \
                                                                             \
	FAM_INLINE_ uint##N##_t fam_atomic##N##_swap(                        \
		uint##N##_t *p, uint##N##_t value, enum fam_order order)     \
	{                                                                    \
		return __atomic_exchange_n(p, value, fam_order_both(order)); \
	}                                                                    \
                                                                             \
	FAM_INLINE_ bool fam_atomic##N##_cas(                                \
		uint##N##_t *p, uint##N##_t *expected, uint##N##_t desired,  \
		enum fam_order order)                                        \
	{                                                                    \
		return __atomic_compare_exchange_n(                          \
			p, expected, desired, false, fam_order_both(order),  \
			fam_order_failed(order));                            \
	}                                                                    \
                                                                             \
	FAM_ATOMIC_FETCH_(N, add, __atomic_fetch_add)                        \
	FAM_ATOMIC_FETCH_(N, and, __atomic_fetch_and)                        \
	FAM_ATOMIC_FETCH_(N, or, __atomic_fetch_or)                          \
	FAM_ATOMIC_FETCH_(N, xor, __atomic_fetch_xor)                        \
	FAM_ATOMIC_CHOOSE_(N, umin, uint##N##_t, <)                          \
	FAM_ATOMIC_CHOOSE_(N, umax, uint##N##_t, >)                          \
	FAM_ATOMIC_CHOOSE_(N, smin, int##N##_t, <)                           \
	FAM_ATOMIC_CHOOSE_(N, smax, int##N##_t, >)

FAM_ATOMIC_WORD_(32)
FAM_ATOMIC_WORD_(64)

/* --- are they atomic here? ------------------------------------------------ */

struct fam;

#define FAM_ATOMIC_WHY 128 /* room for the reason, with its NUL */

#pragma GCC visibility push(default)

/**
 * fam_atomic_check() - do these operations hold between nodes?
 * @fam: an attachment; of a program on the host it is enough that processes of
 *	one machine share the memory. NULL: judge this machine as a node
 * @why: one sentence for people, lower case, whatever the result
 *
 * An emulated x86 CPU (TCG) emulates atomics by loads and stores that other
 * nodes can come between, if QEMU was given one possible CPU (-smp 1) or one
 * thread for all (thread=single); libvirt's <vcpu current='1'>2</vcpu> cures the
 * first. On such a CPU it takes about 3 ms to find out. A QEMU told to hide what
 * it is (-cpu ...,-hypervisor) passes for hardware.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0 they hold; -EXDEV they do not; -ENOSYS those of 128 bits kill the
 *	process, the CPU has none, the others hold; -ENODATA it cannot be told
 * Since:    0.1
 */
int fam_atomic_check(struct fam *fam, char why[FAM_ATOMIC_WHY]);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#include <fam/atomic-128.h>

#endif
