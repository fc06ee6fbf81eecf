// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/*
 * /dev/fam_walk, for tests only: write an address of 8 bytes, read how the page
 * table of this process maps it, as "2M wb". The file of one process only.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static const char *walk_type(unsigned long entry, bool large)
{
	unsigned long pat = large ? _PAGE_PAT_LARGE : _PAGE_PAT;

	if (entry & pat)
		return "pat";
	switch (entry & (_PAGE_PWT | _PAGE_PCD)) {
	case 0:
		return "wb";
	case _PAGE_PWT:
		return "wc";
	case _PAGE_PCD:
		return "uc-";
	default:
		return "uc";
	}
}

static pud_t *walk_pud(unsigned long addr)
{
	pgd_t *pgd = pgd_offset(current->mm, addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	return p4d_none(*p4d) ? NULL : pud_offset(p4d, addr);
}

static int walk(unsigned long addr, char *out, size_t size)
{
	pud_t *pud = walk_pud(addr);
	pmd_t *pmd;
	pte_t *pte;

	if (!pud || pud_none(*pud))
		return snprintf(out, size, "none");
	if (pud_val(*pud) & _PAGE_PSE)
		return snprintf(out, size, "1G %s", walk_type(pud_val(*pud), true));
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return snprintf(out, size, "none");
	if (pmd_val(*pmd) & _PAGE_PSE)
		return snprintf(out, size, "2M %s", walk_type(pmd_val(*pmd), true));
	pte = pte_offset_kernel(pmd, addr);
	if (pte_none(*pte))
		return snprintf(out, size, "none");
	return snprintf(out, size, "4K %s", walk_type(pte_val(*pte), false));
}

static ssize_t walk_write(struct file *filp, const char __user *buf, size_t len,
			  loff_t *pos)
{
	u64 addr;

	if (len != sizeof(addr) || copy_from_user(&addr, buf, sizeof(addr)))
		return -EFAULT;
	filp->private_data = (void *)(unsigned long)addr;
	return sizeof(addr);
}

static ssize_t walk_read(struct file *filp, char __user *buf, size_t len,
			 loff_t *pos)
{
	char text[32];
	int n;

	mmap_read_lock(current->mm);
	n = walk((unsigned long)filp->private_data, text, sizeof(text));
	mmap_read_unlock(current->mm);
	return simple_read_from_buffer(buf, len, pos, text, n);
}

static const struct file_operations walk_fops = {
	.owner = THIS_MODULE,
	.read = walk_read,
	.write = walk_write,
};

static struct miscdevice walk_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fam_walk",
	.fops = &walk_fops,
};
module_misc_device(walk_misc);

MODULE_DESCRIPTION("Shows how a process maps an address, for tests");
MODULE_AUTHOR("the FAM emulator authors");
MODULE_LICENSE("GPL");
