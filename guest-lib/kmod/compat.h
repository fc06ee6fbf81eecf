/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_COMPAT_H
#define FAM_COMPAT_H

/* What changed between Linux 6.1 and the newest; nothing else looks at versions. */
#include <linux/device/class.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define fam_class_create(name) class_create(THIS_MODULE, name)
#else
#define fam_class_create(name) class_create(name)
#endif

static inline void fam_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/*
 * Since 6.15 an entry of 2 MiB counts as a use of its folio, which must have
 * just that size, and is as cached as the vm_page_prot says. Before, it is
 * marked as of a device and gets the type that was reserved for the memory.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#include <linux/pfn_t.h>

#define FAM_FOLIO_PMD 0

static inline vm_fault_t fam_insert_pmd(struct vm_fault *vmf, struct page *page)
{
	pfn_t pfn = phys_to_pfn_t(page_to_phys(page), PFN_DEV | PFN_MAP);

	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}

/*
 * An entry that has just been made gets the type that firmware forbids. A guest
 * may: hypervisors do not apply its MTRRs. Whoever was faster to use it has a
 * slow entry for a while, no wrong one.
 */
#if defined(CONFIG_X86) && defined(CONFIG_FS_DAX)
#define FAM_CORRECT_PMD 1

static inline void fam_correct_pmd(struct vm_fault *vmf, struct page *page)
{
	spinlock_t *ptl = pmd_lock(vmf->vma->vm_mm, vmf->pmd);
	pmd_t pmd = READ_ONCE(*vmf->pmd);

	if (pmd_devmap(pmd) && pmd_pfn(pmd) == page_to_pfn(page))
		set_pmd(vmf->pmd,
			__pmd(pmd_val(pmd) &
			      ~(_PAGE_PWT | _PAGE_PCD | _PAGE_PAT_LARGE)));
	spin_unlock(ptl);
}
#endif

static inline vm_fault_t fam_insert_device_pte(struct vm_fault *vmf,
					       phys_addr_t phys)
{
	return vmf_insert_mixed(vmf->vma, vmf->address,
				phys_to_pfn_t(phys, PFN_DEV | PFN_MAP));
}
#else
#define FAM_FOLIO_PMD 1

static inline vm_fault_t fam_insert_pmd(struct vm_fault *vmf, struct page *page)
{
	return vmf_insert_folio_pmd(vmf, page_folio(page),
				    vmf->flags & FAULT_FLAG_WRITE);
}

static inline vm_fault_t fam_insert_device_pte(struct vm_fault *vmf,
					       phys_addr_t phys)
{
	return vmf_insert_page(vmf->vma, vmf->address,
			       pfn_to_page(PHYS_PFN(phys)));
}
#endif

#ifndef FAM_CORRECT_PMD
#define FAM_CORRECT_PMD 0

static inline void fam_correct_pmd(struct vm_fault *vmf, struct page *page)
{
}
#endif

/*
 * MADV_COLD and MADV_PAGEOUT take an entry of 2 MiB for a broken one: they drop
 * it, but not from the processors' TLBs. What the process maps at its address
 * afterwards would be our memory.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0) && defined(CONFIG_X86)
#include <linux/smp.h>
#include <asm/tlbflush.h>

static inline void fam_flush_processor(void *unused)
{
	__flush_tlb_all();
}

static inline void fam_flush_dropped(struct vm_area_struct *vma)
{
	/* Nobody uses the addresses of a process that ends. */
	if (atomic_read(&vma->vm_mm->mm_users))
		on_each_cpu(fam_flush_processor, NULL, 1);
}
#else
static inline void fam_flush_dropped(struct vm_area_struct *vma)
{
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define FAM_HUGE_FAULT_ARG enum page_entry_size size
#define fam_fault_is_pmd() (size == PE_SIZE_PMD)
#else
#define FAM_HUGE_FAULT_ARG unsigned int order
#define fam_fault_is_pmd() (order == PMD_SHIFT - PAGE_SHIFT)
#endif

#endif
