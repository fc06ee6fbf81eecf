/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_H
#define FAM_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/memremap.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/wait.h>

#include "compat.h"
#include "fam_ivshmem.h"

#define FAM_NAME "fam_ivshmem"

/* BARs of the device. */
#define FAM_BAR_REGISTERS 0
#define FAM_BAR_MEMORY 2

/* Registers of BAR0; each has 32 bits. */
#define FAM_REG_POSITION 8
#define FAM_REG_DOORBELL 12
#define FAM_REG_BYTES 16

/* The doorbell has 8 bits for the vector, whatever the device has. */
#define FAM_VECTORS_MAX 256
/* Eventfds of one vector: the interrupt handler goes through all of them. */
#define FAM_LISTENERS_MAX 1024

/* How user mappings of the memory are made. */
enum fam_how {
	FAM_HOW_HUGE, /* pages; entries of 2 MiB where they fit */
	FAM_HOW_CORRECTED, /* the same, made write-back against the memtype */
	FAM_HOW_PAGE, /* pages; entries of 4 KiB */
	FAM_HOW_PFN, /* no pages: what is too small or too high for them */
};

struct fam_memory {
	phys_addr_t start;
	u64 size;
	enum fam_how how;
	u32 cached; /* FAM_CACHED_ */
	void *kaddr;
	struct dev_pagemap pgmap; /* unless FAM_HOW_PFN */
	struct inode *inode; /* of all mappings; outlives the device */
};

struct fam_vector {
	struct fam_dev *dev;
	u64 count; /* interrupts since probe */
	struct list_head listeners; /* struct fam_slot */
	unsigned int listening;
	char name[16];
};

/*
 * One PCI device. It stays until the last file is closed; the hardware goes
 * before, when it is unbound or unplugged. Whoever uses the hardware does it
 * within fam_enter() and fam_exit().
 *
 * No lock is held while another is taken.
 */
struct fam_dev {
	struct device dev;
	struct cdev cdev;
	struct pci_dev *pdev;
	int minor;
	struct percpu_ref users; /* of the hardware: fam_enter() */
	struct completion unused;
	bool gone; /* by fam_remove(), under lock */
	void __iomem *regs;
	struct resource *rest; /* of the page of registers, if it is ours alone */
	struct fam_memory mem;

	spinlock_t lock; /* counts, listeners, slots; taken by interrupts */
	u64 rings; /* interrupts of all vectors */
	unsigned int vectors;
	struct fam_vector *vector;
	wait_queue_head_t wait;
};

/* What one open file knows of one vector; under fam_dev.lock. */
struct fam_slot {
	u64 seen; /* of fam_vector.count, by read() */
	struct eventfd_ctx *ctx;
	struct list_head link; /* in fam_vector.listeners, if ctx */
};

struct fam_file {
	struct fam_dev *dev;
	u64 rings_seen; /* of fam_dev.rings */
	struct fam_slot slot[]; /* one for each vector */
};

/* Keeps the hardware for the caller until fam_exit(); false: it has gone. */
static inline bool fam_enter(struct fam_dev *fam)
{
	return percpu_ref_tryget_live(&fam->users);
}

static inline void fam_exit(struct fam_dev *fam)
{
	percpu_ref_put(&fam->users);
}

/* main.c */
u32 fam_position(struct fam_dev *fam);

/* file.c */
extern const struct file_operations fam_fops;

/* irq.c */
int fam_irq_init(struct fam_dev *fam);
void fam_irq_fini(struct fam_dev *fam);
void fam_irq_hang_up(struct fam_dev *fam);
int fam_irq_listen(struct fam_file *file, u32 vector, int fd);
void fam_irq_open(struct fam_file *file);
void fam_irq_close(struct fam_file *file);
bool fam_irq_pending(struct fam_file *file);
int fam_irq_take(struct fam_file *file, u64 *counts);
void fam_irq_give_back(struct fam_file *file, const u64 *counts);

/* memory.c */
int fam_fs_init(void);
void fam_fs_fini(void);
int fam_memory_init(struct fam_dev *fam);
void fam_memory_fini(struct fam_dev *fam);
void fam_memory_zap(struct fam_dev *fam);
int fam_memory_new_inode(struct fam_dev *fam);
void fam_memory_free_inode(struct fam_dev *fam);
u64 fam_memory_page_bytes(const struct fam_dev *fam);
int fam_mmap(struct file *filp, struct vm_area_struct *vma);

/* superblock.c */
#define FAM_LABEL_BYTES 64
#define FAM_UUID_BYTES 16

struct fam_identity {
	char label[FAM_LABEL_BYTES];
	u8 uuid[FAM_UUID_BYTES];
};

int fam_identify(struct fam_dev *fam, struct fam_identity *out);

/* sysfs.c */
extern const struct attribute_group *fam_groups[];

#endif
