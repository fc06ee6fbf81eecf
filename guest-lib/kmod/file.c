// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/* The calls on /dev/famN; fam_ivshmem.h and README.md describe them. */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fam.h"

static int fam_open(struct inode *inode, struct file *filp)
{
	struct fam_dev *fam = container_of(inode->i_cdev, struct fam_dev, cdev);
	struct fam_file *file;

	/* An inode that was opened before still leads here. */
	if (READ_ONCE(fam->gone))
		return -ENODEV;
	/* kvmalloc: 256 slots are two pages. The device outlives the file by its cdev. */
	file = kvzalloc(struct_size(file, slot, fam->vectors),
			GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	file->dev = fam;
	fam_irq_open(file);
	filp->private_data = file;
	/* All mappings through all files and device nodes are of one inode. */
	filp->f_mapping = fam->mem.inode->i_mapping;
	return nonseekable_open(inode, filp);
}

static int fam_release(struct inode *inode, struct file *filp)
{
	struct fam_file *file = filp->private_data;

	fam_irq_close(file);
	kvfree(file);
	return 0;
}

static int fam_wait(struct file *filp, u64 *counts)
{
	struct fam_file *file = filp->private_data;
	int err;

	for (;;) {
		err = fam_irq_take(file, counts);
		if (err != -EAGAIN || (filp->f_flags & O_NONBLOCK))
			return err;
		err = wait_event_interruptible(file->dev->wait,
					       fam_irq_pending(file));
		if (err)
			return err;
	}
}

static ssize_t fam_read(struct file *filp, char __user *buf, size_t len,
			loff_t *pos)
{
	struct fam_file *file = filp->private_data;
	size_t bytes = file->dev->vectors * sizeof(u64);
	u64 *counts;
	int err;

	if (READ_ONCE(file->dev->gone))
		return -ENODEV;
	if (!bytes)
		return -EOPNOTSUPP;
	if (len < bytes)
		return -EINVAL;
	counts = kmalloc(bytes, GFP_KERNEL);
	if (!counts)
		return -ENOMEM;
	err = fam_wait(filp, counts);
	if (!err && copy_to_user(buf, counts, bytes)) {
		fam_irq_give_back(file, counts);
		err = -EFAULT;
	}
	kfree(counts);
	return err ?: bytes;
}

static __poll_t fam_poll(struct file *filp, struct poll_table_struct *table)
{
	struct fam_file *file = filp->private_data;

	poll_wait(filp, &file->dev->wait, table);
	if (READ_ONCE(file->dev->gone))
		return EPOLLHUP | EPOLLERR;
	return fam_irq_pending(file) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int fam_ioctl_info(struct fam_dev *fam, void __user *arg)
{
	struct fam_ioc_info info = {
		.size = fam->mem.size,
		.page_bytes = fam_memory_page_bytes(fam),
		.vectors = fam->vectors,
		.cached = fam->mem.cached,
	};

	if (!fam_enter(fam))
		return -ENODEV;
	info.peer = fam_position(fam);
	info.revision = fam->pdev->revision;
	if (fam->rest)
		info.flags |= FAM_INFO_REGISTERS;
	fam_exit(fam);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int fam_ioctl_eventfd(struct fam_file *file, const void __user *arg)
{
	struct fam_ioc_eventfd request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	return fam_irq_listen(file, request.vector, request.fd);
}

static int fam_ioctl_ring(struct fam_dev *fam, const void __user *arg)
{
	struct fam_ioc_ring request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (!fam_enter(fam))
		return -ENODEV;
	if (!fam->vectors) {
		fam_exit(fam);
		return -EOPNOTSUPP;
	}
	if (request.peer > U16_MAX || request.vector >= FAM_VECTORS_MAX) {
		fam_exit(fam);
		return -ERANGE;
	}
	/* Stores to the memory before: writel() orders those of one kind only. */
	wmb();
	writel(request.peer << 16 | request.vector,
	       fam->regs + FAM_REG_DOORBELL);
	fam_exit(fam);
	return 0;
}

static long fam_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct fam_file *file = filp->private_data;
	void __user *user = (void __user *)arg;

	if (READ_ONCE(file->dev->gone))
		return -ENODEV;
	switch (cmd) {
	case FAM_IOC_INFO:
		return fam_ioctl_info(file->dev, user);
	case FAM_IOC_EVENTFD:
		return fam_ioctl_eventfd(file, user);
	case FAM_IOC_RING:
		return fam_ioctl_ring(file->dev, user);
	default:
		return -ENOTTY;
	}
}

const struct file_operations fam_fops = {
	.owner = THIS_MODULE,
	.open = fam_open,
	.release = fam_release,
	.read = fam_read,
	.poll = fam_poll,
	.unlocked_ioctl = fam_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = fam_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
};
