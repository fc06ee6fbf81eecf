/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CACHETYPE_H
#define FAM_CACHETYPE_H

#include "fam_ivshmem.h"

/*
 * The caching of one of the kernel's own mappings, from its page table: a
 * request for write-back succeeds also where firmware forbids it.
 */
#ifdef CONFIG_X86
#include <asm/cpufeature.h>
#include <asm/pgtable_types.h>

static inline u32 fam_kernel_cachetype(void *kaddr)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)kaddr, &level);
	bool pat;

	if (!pte || !boot_cpu_has(X86_FEATURE_PAT))
		return FAM_CACHED_UNKNOWN;
	pat = pte_val(*pte) &
	      (level == PG_LEVEL_4K ? _PAGE_PAT : _PAGE_PAT_LARGE);
	/* Linux keeps these six of the eight types where they are. */
	switch (pte_val(*pte) & (_PAGE_PWT | _PAGE_PCD)) {
	case 0:
		return FAM_CACHED_WB;
	case _PAGE_PWT:
		return pat ? FAM_CACHED_UNKNOWN : FAM_CACHED_WC;
	case _PAGE_PCD:
		return FAM_CACHED_UC;
	default:
		return pat ? FAM_CACHED_UNKNOWN : FAM_CACHED_UC;
	}
}
#else
static inline u32 fam_kernel_cachetype(void *kaddr)
{
	return FAM_CACHED_UNKNOWN;
}
#endif

#endif
