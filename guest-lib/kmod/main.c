// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/*
 * Driver of ivshmem devices (PCI 1af4:1110) for fabrics: /dev/famN. README.md
 * says what it gives; here is how a device comes and goes.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "fam.h"

#define FAM_PCI_VENDOR PCI_VENDOR_ID_REDHAT_QUMRANET
#define FAM_PCI_DEVICE 0x1110
#define FAM_MINORS 256

static DEFINE_IDA(fam_ida);
static struct class *fam_class;
static dev_t fam_devt;

/* The own ID. Old devices have -1 until their server answered. */
u32 fam_position(struct fam_dev *fam)
{
	u32 position = readl(fam->regs + FAM_REG_POSITION);

	return position > U16_MAX ? 0 : position;
}

/* A bridge whose window is too small leaves the memory without an address. */
static int fam_check_bars(struct pci_dev *pdev)
{
	const struct resource *mem = &pdev->resource[FAM_BAR_MEMORY];

	if (!(mem->flags & IORESOURCE_MEM) || (mem->flags & IORESOURCE_UNSET) ||
	    !mem->start || !pci_resource_len(pdev, FAM_BAR_MEMORY))
		return dev_err_probe(&pdev->dev, -ENXIO,
			"BAR2 (the memory) has no address: the window of the bridge is too small; give the node a root port with pref64-reserve above the size of the fabric\n");
	if (pci_resource_len(pdev, FAM_BAR_REGISTERS) < FAM_REG_BYTES)
		return dev_err_probe(&pdev->dev, -ENXIO,
			"BAR0 (the registers) has no address\n");
	if (!PAGE_ALIGNED(mem->start) ||
	    !PAGE_ALIGNED(pci_resource_len(pdev, FAM_BAR_MEMORY)))
		return dev_err_probe(&pdev->dev, -ENXIO,
			"BAR2 (the memory) is not made of whole pages\n");
	return 0;
}

/* A process may map the page of registers only if nothing else is in it. */
static void fam_request_rest(struct fam_dev *fam)
{
	phys_addr_t start = pci_resource_start(fam->pdev, FAM_BAR_REGISTERS);
	u64 len = pci_resource_len(fam->pdev, FAM_BAR_REGISTERS);

	if (!PAGE_ALIGNED(start) || len >= PAGE_SIZE)
		return;
	fam->rest = request_mem_region(start + len, PAGE_SIZE - len, FAM_NAME);
}

static void fam_release_rest(struct fam_dev *fam)
{
	if (fam->rest)
		release_mem_region(fam->rest->start,
				   resource_size(fam->rest));
}

static int fam_claim(struct fam_dev *fam)
{
	struct pci_dev *pdev = fam->pdev;
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	err = pci_request_regions(pdev, FAM_NAME);
	if (err)
		goto disable;
	fam->regs = pci_iomap(pdev, FAM_BAR_REGISTERS, 0);
	if (fam->regs) {
		fam_request_rest(fam);
		/* Interrupts by message are writes to memory. */
		pci_set_master(pdev);
		return 0;
	}
	err = -ENOMEM;
	pci_release_regions(pdev);
disable:
	pci_disable_device(pdev);
	return err;
}

static void fam_unclaim(struct fam_dev *fam)
{
	pci_clear_master(fam->pdev);
	fam_release_rest(fam);
	pci_iounmap(fam->pdev, fam->regs);
	pci_release_regions(fam->pdev);
	pci_disable_device(fam->pdev);
}

/*
 * Files stay open and mappings stay, but lead nowhere from now on: calls fail with
 * ENODEV, and touching is SIGBUS.
 */
static void fam_stop(struct fam_dev *fam)
{
	percpu_ref_kill(&fam->users);
	wait_for_completion(&fam->unused);
	fam_irq_fini(fam);
	fam_memory_zap(fam);
	/* Who is told has nothing left: what was mapped has gone before. */
	fam_irq_hang_up(fam);
	fam_memory_fini(fam);
	fam_unclaim(fam);
}

static int fam_start(struct fam_dev *fam)
{
	int err;

	err = fam_claim(fam);
	if (err)
		return err;
	err = fam_memory_init(fam);
	if (err)
		goto unclaim;
	err = fam_irq_init(fam);
	if (err)
		goto memory;
	err = cdev_device_add(&fam->cdev, &fam->dev);
	/* A device node of before may have been opened in the meantime. */
	if (err)
		fam_stop(fam);
	return err;
memory:
	fam_memory_fini(fam);
unclaim:
	fam_unclaim(fam);
	return err;
}

/* The last file has been closed, and the hardware went before. */
static void fam_dev_release(struct device *dev)
{
	struct fam_dev *fam = container_of(dev, struct fam_dev, dev);

	fam_memory_free_inode(fam);
	percpu_ref_exit(&fam->users);
	kfree(fam->vector);
	kfree(fam);
}

static void fam_users_release(struct percpu_ref *ref)
{
	complete(&container_of(ref, struct fam_dev, users)->unused);
}

static struct fam_dev *fam_alloc(struct pci_dev *pdev)
{
	struct fam_dev *fam = kzalloc(sizeof(*fam), GFP_KERNEL);
	int err;

	if (!fam)
		return ERR_PTR(-ENOMEM);
	fam->pdev = pdev;
	spin_lock_init(&fam->lock);
	init_waitqueue_head(&fam->wait);
	init_completion(&fam->unused);
	err = percpu_ref_init(&fam->users, fam_users_release, 0, GFP_KERNEL);
	if (err)
		goto free;
	err = fam_memory_new_inode(fam);
	if (err)
		goto users;
	fam->minor = ida_alloc_max(&fam_ida, FAM_MINORS - 1, GFP_KERNEL);
	if (fam->minor < 0) {
		err = fam->minor;
		goto inode;
	}
	device_initialize(&fam->dev);
	fam->dev.class = fam_class;
	fam->dev.parent = &pdev->dev;
	fam->dev.devt = MKDEV(MAJOR(fam_devt), fam->minor);
	fam->dev.groups = fam_groups;
	fam->dev.release = fam_dev_release;
	cdev_init(&fam->cdev, &fam_fops);
	fam->cdev.owner = THIS_MODULE;
	return fam;
inode:
	fam_memory_free_inode(fam);
users:
	percpu_ref_exit(&fam->users);
free:
	kfree(fam);
	return ERR_PTR(err);
}

static int fam_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct fam_dev *fam;
	int err;

	err = fam_check_bars(pdev);
	if (err)
		return err;
	fam = fam_alloc(pdev);
	if (IS_ERR(fam))
		return PTR_ERR(fam);
	err = dev_set_name(&fam->dev, "fam%d", fam->minor);
	if (!err)
		err = fam_start(fam);
	if (err) {
		ida_free(&fam_ida, fam->minor);
		put_device(&fam->dev);
		return err;
	}
	pci_set_drvdata(pdev, fam);
	dev_info(&pdev->dev, "/dev/fam%d with %u interrupts\n", fam->minor,
		 fam->vectors);
	return 0;
}

/* Unbound or unplugged, whether in use or not. */
static void fam_remove(struct pci_dev *pdev)
{
	struct fam_dev *fam = pci_get_drvdata(pdev);

	cdev_device_del(&fam->cdev, &fam->dev);
	fam_stop(fam);
	ida_free(&fam_ida, fam->minor);
	put_device(&fam->dev);
}

static const struct pci_device_id fam_ids[] = {
	{ PCI_DEVICE(FAM_PCI_VENDOR, FAM_PCI_DEVICE) },
	{}
};
MODULE_DEVICE_TABLE(pci, fam_ids);

static struct pci_driver fam_driver = {
	.name = FAM_NAME,
	.id_table = fam_ids,
	.probe = fam_probe,
	.remove = fam_remove,
};

static int __init fam_init(void)
{
	int err;

	err = fam_fs_init();
	if (err)
		return err;
	err = alloc_chrdev_region(&fam_devt, 0, FAM_MINORS, "fam");
	if (err)
		goto fs;
	fam_class = fam_class_create("fam");
	if (IS_ERR(fam_class)) {
		err = PTR_ERR(fam_class);
		goto region;
	}
	err = pci_register_driver(&fam_driver);
	if (!err)
		return 0;
	class_destroy(fam_class);
region:
	unregister_chrdev_region(fam_devt, FAM_MINORS);
fs:
	fam_fs_fini();
	return err;
}
module_init(fam_init);

static void __exit fam_exit_module(void)
{
	pci_unregister_driver(&fam_driver);
	class_destroy(fam_class);
	unregister_chrdev_region(fam_devt, FAM_MINORS);
	fam_fs_fini();
}
module_exit(fam_exit_module);

MODULE_DESCRIPTION("Fabric-attached memory through ivshmem devices");
MODULE_AUTHOR("the FAM emulator authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
