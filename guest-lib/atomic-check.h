/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_ATOMIC_CHECK_H
#define FAM_ATOMIC_CHECK_H

#include <stdbool.h>

#include <fam/atomic.h>

#define FAM_HYPERVISOR_TEXT 13 /* the 12 letters of a signature, and NUL */

/* What is known about the machine's CPUs. */
struct fam_cpus {
	bool local;    /* nobody but this machine has the memory */
	bool known;    /* a kind of CPU that tells whether it is emulated */
	bool has_128;  /* has an instruction for words of 128 bits */
	bool is_guest; /* of some hypervisor */
	char hypervisor[FAM_HYPERVISOR_TEXT]; /* it says; "" if it does not */
	int possible; /* CPUs the machine could have; 0: unknown */
	/*
	 * Emulated CPUs only: how many times longer an atomic addition across
	 * the end of a cache line takes than an aligned one.
	 */
	double slowdown;
};

/** fam_cpus_are_emulated() - by QEMU's TCG, which says so */
bool fam_cpus_are_emulated(const struct fam_cpus *cpus);

/** fam_cpus_judge() - fam_atomic_check() on what is known */
int fam_cpus_judge(const struct fam_cpus *cpus, char why[FAM_ATOMIC_WHY]);

/**
 * fam_cpus_count() - how many a list of the kernel names, as "0-3,8"
 *
 * Return: 0 if it is not understood
 */
int fam_cpus_count(const char *list);

#endif
