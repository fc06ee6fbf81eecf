// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/*
 * Interrupts: what another node or the host rings. Each vector has a count that
 * only rises, so that nobody who looks late misses that there was something.
 */
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "fam.h"

static irqreturn_t fam_interrupt(int irq, void *data)
{
	struct fam_vector *vector = data;
	struct fam_dev *fam = vector->dev;
	struct fam_slot *slot;
	unsigned long flags;

	spin_lock_irqsave(&fam->lock, flags);
	vector->count++;
	fam->rings++;
	list_for_each_entry(slot, &vector->listeners, link)
		fam_eventfd_signal(slot->ctx);
	spin_unlock_irqrestore(&fam->lock, flags);
	wake_up_interruptible_poll(&fam->wait, EPOLLIN | EPOLLRDNORM);
	return IRQ_HANDLED;
}

static int fam_request_irq(struct fam_dev *fam, unsigned int n)
{
	struct fam_vector *vector = &fam->vector[n];

	vector->dev = fam;
	INIT_LIST_HEAD(&vector->listeners);
	snprintf(vector->name, sizeof(vector->name), "fam%d-%u", fam->minor, n);
	return request_irq(pci_irq_vector(fam->pdev, n), fam_interrupt, 0,
			   vector->name, vector);
}

static void fam_free_irqs(struct fam_dev *fam, unsigned int count)
{
	while (count-- > 0)
		free_irq(pci_irq_vector(fam->pdev, count), &fam->vector[count]);
	pci_free_irq_vectors(fam->pdev);
}

static int fam_request_irqs(struct fam_dev *fam)
{
	unsigned int i;
	int err;

	fam->vector = kcalloc(fam->vectors, sizeof(*fam->vector), GFP_KERNEL);
	if (!fam->vector)
		return -ENOMEM;
	for (i = 0; i < fam->vectors; i++) {
		err = fam_request_irq(fam, i);
		if (err) {
			fam_free_irqs(fam, i);
			return err;
		}
	}
	return 0;
}

/* A device without MSI-X has no interrupts at all: that is ivshmem-plain. */
int fam_irq_init(struct fam_dev *fam)
{
	int has = pci_msix_vec_count(fam->pdev);
	int got;

	if (has <= 0)
		return 0;
	has = min(has, FAM_VECTORS_MAX);
	got = pci_alloc_irq_vectors(fam->pdev, 1, has, PCI_IRQ_MSIX);
	if (got < 0) {
		dev_warn(&fam->pdev->dev, "no interrupts: %d\n", got);
		return 0;
	}
	if (got < has)
		dev_warn(&fam->pdev->dev, "only %d of %d interrupts\n", got,
			 has);
	fam->vectors = got;
	return fam_request_irqs(fam);
}

void fam_irq_fini(struct fam_dev *fam)
{
	if (fam->vectors)
		fam_free_irqs(fam, fam->vectors);
}

static void fam_unlisten(struct fam_vector *vector, struct fam_slot *slot)
{
	list_del(&slot->link);
	vector->listening--;
	eventfd_ctx_put(slot->ctx);
	slot->ctx = NULL;
}

/*
 * Wakes all sleepers, for ever; also who sleeps on an eventfd alone, whose next
 * call then says ENODEV.
 */
void fam_irq_hang_up(struct fam_dev *fam)
{
	struct fam_slot *slot, *next;
	unsigned int i;

	spin_lock_irq(&fam->lock);
	WRITE_ONCE(fam->gone, true);
	for (i = 0; i < fam->vectors; i++)
		list_for_each_entry_safe(slot, next, &fam->vector[i].listeners,
					 link) {
			fam_eventfd_signal(slot->ctx);
			fam_unlisten(&fam->vector[i], slot);
		}
	spin_unlock_irq(&fam->lock);
	wake_up_all(&fam->wait);
}

/*
 * With one eventfd in all files, an interrupt would wake all who wait for it as
 * many times, which keeps a processor for seconds.
 */
static bool fam_is_listening(struct fam_vector *vector, struct eventfd_ctx *ctx)
{
	struct fam_slot *slot;

	list_for_each_entry(slot, &vector->listeners, link)
		if (slot->ctx == ctx)
			return true;
	return false;
}

/* Takes over the reference in ctx if it returns 0. */
static int fam_set_listener(struct fam_file *file, u32 n,
			    struct eventfd_ctx *ctx)
{
	struct fam_vector *vector = &file->dev->vector[n];
	struct fam_slot *slot = &file->slot[n];

	if (file->dev->gone)
		return -ENODEV;
	if (ctx && (slot->ctx || fam_is_listening(vector, ctx)))
		return -EBUSY;
	if (ctx && vector->listening >= FAM_LISTENERS_MAX)
		return -ENOSPC;
	if (slot->ctx)
		fam_unlisten(vector, slot);
	if (!ctx)
		return 0;
	slot->ctx = ctx;
	list_add_tail(&slot->link, &vector->listeners);
	vector->listening++;
	return 0;
}

int fam_irq_listen(struct fam_file *file, u32 vector, int fd)
{
	struct eventfd_ctx *ctx = NULL;
	int err;

	if (vector >= file->dev->vectors)
		return -ERANGE;
	vector = array_index_nospec(vector, file->dev->vectors);
	if (fd < -1)
		return -EBADF;
	if (fd >= 0)
		ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	spin_lock_irq(&file->dev->lock);
	err = fam_set_listener(file, vector, ctx);
	spin_unlock_irq(&file->dev->lock);
	if (err && ctx)
		eventfd_ctx_put(ctx);
	return err;
}

/* A new file has seen all that was before it. */
void fam_irq_open(struct fam_file *file)
{
	struct fam_dev *fam = file->dev;
	unsigned int i;

	spin_lock_irq(&fam->lock);
	for (i = 0; i < fam->vectors; i++)
		file->slot[i].seen = fam->vector[i].count;
	file->rings_seen = fam->rings;
	spin_unlock_irq(&fam->lock);
}

void fam_irq_close(struct fam_file *file)
{
	struct fam_dev *fam = file->dev;
	unsigned int i;

	spin_lock_irq(&fam->lock);
	for (i = 0; i < fam->vectors; i++)
		if (file->slot[i].ctx)
			fam_unlisten(&fam->vector[i], &file->slot[i]);
	spin_unlock_irq(&fam->lock);
}

bool fam_irq_pending(struct fam_file *file)
{
	struct fam_dev *fam = file->dev;
	bool pending;

	spin_lock_irq(&fam->lock);
	pending = fam->gone || file->rings_seen != fam->rings;
	spin_unlock_irq(&fam->lock);
	return pending;
}

/* The interrupts of each vector since the last time; -EAGAIN: none. */
int fam_irq_take(struct fam_file *file, u64 *counts)
{
	struct fam_dev *fam = file->dev;
	unsigned int i;
	int err = 0;

	spin_lock_irq(&fam->lock);
	if (fam->gone)
		err = -ENODEV;
	else if (file->rings_seen == fam->rings)
		err = -EAGAIN;
	for (i = 0; !err && i < fam->vectors; i++) {
		counts[i] = fam->vector[i].count - file->slot[i].seen;
		file->slot[i].seen += counts[i];
		file->rings_seen += counts[i];
	}
	spin_unlock_irq(&fam->lock);
	return err;
}

/* What fam_irq_take() took did not arrive: it is there to be taken again. */
void fam_irq_give_back(struct fam_file *file, const u64 *counts)
{
	struct fam_dev *fam = file->dev;
	unsigned int i;

	spin_lock_irq(&fam->lock);
	for (i = 0; i < fam->vectors; i++) {
		file->slot[i].seen -= counts[i];
		file->rings_seen -= counts[i];
	}
	spin_unlock_irq(&fam->lock);
	/* Who shares the file found nothing in the meantime, and sleeps. */
	wake_up_interruptible_poll(&fam->wait, EPOLLIN | EPOLLRDNORM);
}
