// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/*
 * The memory and the page of registers, and how processes map them.
 *
 * The memory gets struct pages (ZONE_DEVICE), because only these let a process
 * use it as any other memory: entries of 2 MiB without them make Linux 6.1 take
 * the entry for an ordinary huge page, and a shared futex in it is an oops.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/memory_hotplug.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/signal.h>

#include "cachetype.h"
#include "fam.h"

#define FAM_FS_MAGIC 0x66616d00
#define FAM_PMD_ORDER (PMD_SHIFT - PAGE_SHIFT)
#define FAM_PIN_WAIT_MS 10

/* A file system that nobody sees: where the inodes of mappings come from. */

static struct vfsmount *fam_mount;

static int fam_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, FAM_FS_MAGIC) ? 0 : -ENOMEM;
}

/* Without an owner: the mount would hold the module for ever. */
static struct file_system_type fam_fs = {
	.name = FAM_NAME,
	.init_fs_context = fam_fs_init_context,
	.kill_sb = kill_anon_super,
};

int fam_fs_init(void)
{
	fam_mount = kern_mount(&fam_fs);
	return PTR_ERR_OR_ZERO(fam_mount);
}

void fam_fs_fini(void)
{
	kern_unmount(fam_mount);
}

/*
 * S_DAX: else Linux 6.1 does not ask for entries of 2 MiB. S_IFCHR: when a page
 * turns out to be broken, Linux looks for its entry in a file system's tree else.
 */
int fam_memory_new_inode(struct fam_dev *fam)
{
	struct inode *inode = alloc_anon_inode(fam_mount->mnt_sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->i_flags |= S_DAX;
	inode->i_mode |= S_IFCHR;
	fam->mem.inode = inode;
	return 0;
}

void fam_memory_free_inode(struct fam_dev *fam)
{
	iput(fam->mem.inode);
}

/* Faults. */

static vm_fault_t fam_insert_pte(struct vm_fault *vmf, struct fam_memory *mem,
				 phys_addr_t phys)
{
	switch (mem->how) {
	case FAM_HOW_HUGE:
		return fam_insert_device_pte(vmf, phys);
	case FAM_HOW_CORRECTED:
	case FAM_HOW_PAGE:
		return vmf_insert_page(vmf->vma, vmf->address,
				       pfn_to_page(PHYS_PFN(phys)));
	default:
		return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(phys));
	}
}

static vm_fault_t fam_fault(struct vm_fault *vmf)
{
	struct fam_dev *fam = vmf->vma->vm_private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (!fam_enter(fam))
		return ret;
	if (offset < fam->mem.size)
		ret = fam_insert_pte(vmf, &fam->mem, fam->mem.start + offset);
	fam_exit(fam);
	return ret;
}

static vm_fault_t fam_huge_fault(struct vm_fault *vmf, FAM_HUGE_FAULT_ARG)
{
	struct vm_area_struct *vma = vmf->vma;
	struct fam_dev *fam = vma->vm_private_data;
	unsigned long addr = vmf->address & PMD_MASK;
	vm_fault_t ret = VM_FAULT_FALLBACK;
	struct page *page;
	u64 offset;

	if (!fam_fault_is_pmd() || fam_memory_page_bytes(fam) != PMD_SIZE)
		return ret;
	if (addr < vma->vm_start || addr + PMD_SIZE > vma->vm_end)
		return ret;
	offset = (u64)linear_page_index(vma, addr) << PAGE_SHIFT;
	if (offset % PMD_SIZE || offset >= fam->mem.size)
		return ret;
	if (!fam_enter(fam))
		return VM_FAULT_SIGBUS;
	page = pfn_to_page(PHYS_PFN(fam->mem.start + offset));
	ret = fam_insert_pmd(vmf, page);
	if (ret == VM_FAULT_NOPAGE && fam->mem.how == FAM_HOW_CORRECTED)
		fam_correct_pmd(vmf, page);
	fam_exit(fam);
	return ret;
}

static void fam_vma_close(struct vm_area_struct *vma)
{
	if (fam_memory_page_bytes(vma->vm_private_data) == PMD_SIZE)
		fam_flush_dropped(vma);
}

static vm_fault_t fam_registers_fault(struct vm_fault *vmf)
{
	struct fam_dev *fam = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	phys_addr_t phys;

	if (!fam_enter(fam))
		return ret;
	phys = pci_resource_start(fam->pdev, FAM_BAR_REGISTERS);
	ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(phys));
	fam_exit(fam);
	return ret;
}

static const struct vm_operations_struct fam_vm_ops = {
	.fault = fam_fault,
	.huge_fault = fam_huge_fault,
	.close = fam_vma_close,
};

static const struct vm_operations_struct fam_registers_vm_ops = {
	.fault = fam_registers_fault,
};

static int fam_mmap_registers(struct fam_dev *fam, struct vm_area_struct *vma)
{
	if (!fam->rest)
		return -EOPNOTSUPP;
	if (vma_pages(vma) != 1)
		return -EINVAL;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &fam_registers_vm_ops;
	return 0;
}

static int fam_mmap_memory(struct fam_dev *fam, struct vm_area_struct *vma)
{
	u64 pages = fam->mem.size >> PAGE_SHIFT;

	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	if (fam->mem.how == FAM_HOW_PFN)
		vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTDUMP);
	else
		vm_flags_set(vma, VM_MIXEDMAP);
	vma->vm_ops = &fam_vm_ops;
	return 0;
}

int fam_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct fam_file *file = filp->private_data;
	struct fam_dev *fam = file->dev;

	if (READ_ONCE(fam->gone))
		return -ENODEV;
	/* A private copy of shared memory is not what anybody wants. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	vma->vm_private_data = fam;
	if (vma->vm_pgoff == FAM_MMAP_REGISTERS >> PAGE_SHIFT)
		return fam_mmap_registers(fam, vma);
	return fam_mmap_memory(fam, vma);
}

/* Setting up. */

u64 fam_memory_page_bytes(const struct fam_dev *fam)
{
	return fam->mem.how <= FAM_HOW_CORRECTED ? PMD_SIZE : PAGE_SIZE;
}

/* The kernel warns of what lies beyond its map of all memory: ask before. */
static bool fam_may_have_pages(const struct fam_memory *mem)
{
#if defined(CONFIG_ZONE_DEVICE) && defined(CONFIG_MEMORY_HOTPLUG)
	struct range range = mhp_get_pluggable_range(true);

	return IS_ALIGNED(mem->start | mem->size, PMD_SIZE) &&
	       mem->start >= range.start &&
	       mem->start + mem->size - 1 <= range.end;
#else
	return false;
#endif
}

/* The larger the folios, the fewer struct pages: 0.1 MiB for 16 GiB at best. */
static unsigned int fam_folio_order(const struct fam_memory *mem)
{
	if (FAM_FOLIO_PMD)
		return FAM_PMD_ORDER;
	return min(ilog2(mem->size), PUD_SHIFT) - PAGE_SHIFT;
}

static struct folio *fam_folio(const struct fam_memory *mem, u64 offset)
{
	return page_folio(pfn_to_page(PHYS_PFN(mem->start + offset)));
}

static u64 fam_folio_bytes(const struct fam_memory *mem)
{
	return (u64)PAGE_SIZE << mem->pgmap.vmemmap_shift;
}

/* A shared futex is known by the mapping and the index of its folio. */
static void fam_set_mapping(struct fam_memory *mem,
			    struct address_space *mapping)
{
	u64 offset;

	for (offset = 0; offset < mem->size; offset += fam_folio_bytes(mem)) {
		struct folio *folio = fam_folio(mem, offset);

		folio->mapping = mapping;
		folio->index = mapping ? offset >> PAGE_SHIFT : 0;
		cond_resched();
	}
}

static int fam_map_pages(struct fam_dev *fam)
{
	struct fam_memory *mem = &fam->mem;
	void *kaddr;

	mem->pgmap.type = MEMORY_DEVICE_GENERIC;
	mem->pgmap.range.start = mem->start;
	mem->pgmap.range.end = mem->start + mem->size - 1;
	mem->pgmap.nr_range = 1;
	mem->pgmap.vmemmap_shift = fam_folio_order(mem);
	kaddr = memremap_pages(&mem->pgmap, dev_to_node(&fam->pdev->dev));
	if (IS_ERR(kaddr))
		return PTR_ERR(kaddr);
	mem->kaddr = kaddr;
	fam_set_mapping(mem, mem->inode->i_mapping);
	mem->how = FAM_HOW_HUGE;
	mem->cached = fam_kernel_cachetype(kaddr);
	/*
	 * Where firmware declared the range uncached (MTRR), Linux gives that
	 * type to entries of devices, but not to those of pages, which are
	 * write-back.
	 */
	if (mem->cached != FAM_CACHED_WB && !FAM_FOLIO_PMD)
		mem->how = FAM_CORRECT_PMD ? FAM_HOW_CORRECTED : FAM_HOW_PAGE;
	if (mem->cached != FAM_CACHED_UNKNOWN)
		mem->cached = FAM_CACHED_WB;
	return 0;
}

static int fam_map_pfns(struct fam_dev *fam)
{
	struct fam_memory *mem = &fam->mem;

	/* Held for as long as there are mappings: they get its type. */
	mem->kaddr = memremap(mem->start, mem->size, MEMREMAP_WB);
	if (!mem->kaddr)
		return -ENOMEM;
	mem->how = FAM_HOW_PFN;
	mem->cached = fam_kernel_cachetype(mem->kaddr);
	return 0;
}

static const char *fam_cached_text(u32 cached)
{
	switch (cached) {
	case FAM_CACHED_WB:
		return "write-back";
	case FAM_CACHED_WC:
		return "write-combining";
	case FAM_CACHED_UC:
		return "uncached";
	default:
		return "of unknown caching";
	}
}

int fam_memory_init(struct fam_dev *fam)
{
	struct fam_memory *mem = &fam->mem;
	struct device *dev = &fam->pdev->dev;
	int err = -EOPNOTSUPP;

	mem->start = pci_resource_start(fam->pdev, FAM_BAR_MEMORY);
	mem->size = pci_resource_len(fam->pdev, FAM_BAR_MEMORY);
	if (fam_may_have_pages(mem)) {
		err = fam_map_pages(fam);
		if (err)
			dev_warn(dev, "no pages for %llu MiB of memory: %d\n",
				 mem->size >> 20, err);
	}
	if (err)
		err = fam_map_pfns(fam);
	if (err)
		return err;
	dev_info(dev, "%llu KiB of memory at %pa, %s, entries of %llu KiB\n",
		 mem->size >> 10, &mem->start, fam_cached_text(mem->cached),
		 fam_memory_page_bytes(fam) >> 10);
	if (mem->cached != FAM_CACHED_WB)
		dev_warn(dev, "memory is slow: mappings are %s\n",
			 fam_cached_text(mem->cached));
	return 0;
}

/* Taking down. */

void fam_memory_zap(struct fam_dev *fam)
{
	unmap_mapping_range(fam->mem.inode->i_mapping, 0, 0, 1);
}

/* A process may have lent pages to a device or a pipe: they must come back. */
static void fam_wait_for_pins(struct fam_dev *fam)
{
	struct fam_memory *mem = &fam->mem;
	unsigned int waits = 0;
	u64 offset;

	for (offset = 0; offset < mem->size; offset += fam_folio_bytes(mem)) {
		while (folio_ref_count(fam_folio(mem, offset)) > 1) {
			if (++waits == 1000 / FAM_PIN_WAIT_MS)
				dev_notice(&fam->pdev->dev,
					   "waiting for pinned pages\n");
			msleep(FAM_PIN_WAIT_MS);
		}
		cond_resched();
	}
}

void fam_memory_fini(struct fam_dev *fam)
{
	struct fam_memory *mem = &fam->mem;

	if (mem->how == FAM_HOW_PFN) {
		memunmap(mem->kaddr);
		return;
	}
	fam_wait_for_pins(fam);
	fam_set_mapping(mem, NULL);
	memunmap_pages(&mem->pgmap);
}
