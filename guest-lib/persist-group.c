// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fam-persist.h"

void fam_group_init(struct fam_group *group)
{
	pthread_mutex_init(&group->lock, NULL);
}

void fam_group_destroy(struct fam_group *group)
{
	pthread_mutex_destroy(&group->lock);
}

static void batch_merge(const struct fam_group *group, struct fam_batch *batch)
{
	batch->count = fam_ranges_merge(batch->range, batch->count, group->page,
					group->size);
}

/* So many scattered ranges would cost more one by one than all at once. */
static void batch_add(const struct fam_group *group, struct fam_batch *batch,
		      const struct fam_range *range)
{
	if (batch->whole || range->length == 0)
		return;
	if (batch->count == FAM_GROUP_RANGES)
		batch_merge(group, batch);
	if (batch->count == FAM_GROUP_RANGES)
		batch->whole = true;
	else
		batch->range[batch->count++] = *range;
}

int fam_group_post(struct fam_group *group, struct fam_ask *ask)
{
	int r;

	pthread_mutex_lock(&group->lock);
	r = group->tickets.failed;
	if (r == 0) {
		batch_add(group, &group->batch, &ask->range);
		ask->ticket = fam_tickets_take(&group->tickets, ask->async);
	}
	pthread_mutex_unlock(&group->lock);
	return r;
}

static void wake_all(struct fam_group *group)
{
	atomic_fetch_add_explicit(&group->rounds, 1, memory_order_release);
	syscall(SYS_futex, &group->rounds, FUTEX_WAKE_PRIVATE, INT_MAX, NULL,
		NULL, 0);
}

/* Write what was asked for until now. Under the lock, which is left meanwhile. */
static void lead(struct fam_group *group)
{
	struct fam_batch batch = group->batch;
	int r;

	batch.last = group->tickets.posted;
	group->batch = (struct fam_batch){0};
	group->busy = true;
	pthread_mutex_unlock(&group->lock);
	batch_merge(group, &batch);
	r = group->sync(group->arg, &batch);
	pthread_mutex_lock(&group->lock);
	group->busy = false;
	if (r == 0) {
		fam_tickets_done(&group->tickets, batch.last);
	} else {
		fam_tickets_fail(&group->tickets,
				 r == FAM_GROUP_MARKED ? -EIO : r, r < 0);
		group->batch = (struct fam_batch){0};
	}
	wake_all(group);
}

/* Until another one has written. Under the lock, which is left meanwhile. */
static int follow(struct fam_group *group, const struct fam_ask *ask)
{
	uint32_t round =
		atomic_load_explicit(&group->rounds, memory_order_acquire);
	int64_t left = ask->until - fam_now_ns();
	struct timespec limit = {left / 1000000000, left % 1000000000};
	int error = 0;

	if (left <= 0)
		return -ETIMEDOUT;
	pthread_mutex_unlock(&group->lock);
	if (syscall(SYS_futex, &group->rounds, FUTEX_WAIT_PRIVATE, round,
		    &limit, NULL, 0) < 0)
		error = errno;
	pthread_mutex_lock(&group->lock);
	return error == EINTR && ask->interruptible ? -EINTR : 0;
}

int fam_group_wait(struct fam_group *group, const struct fam_ask *ask)
{
	uint64_t ticket = ask->ticket;
	int stop, r = -EINVAL;

	pthread_mutex_lock(&group->lock);
	stop = fam_tickets_resolve(&group->tickets, &ticket);
	while (stop == 0 && fam_tickets_state(&group->tickets, ticket) > 0) {
		if (group->busy)
			stop = follow(group, ask);
		else
			lead(group);
	}
	if (stop != -EINVAL)
		r = fam_tickets_state(&group->tickets, ticket);
	if (r > 0) {
		fam_tickets_owe(&group->tickets, ticket);
		r = stop;
	}
	pthread_mutex_unlock(&group->lock);
	return r;
}
