// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The mark in a fabric that a write-back failed, for all who use it. */
#include "fam-persist.h"

static bool has_mark(const struct fam *fam)
{
	return fam->formatted && fam->sb.feature_compat & FAM_COMPAT_MAILBOX;
}

static off_t mark_at(const struct fam *fam, size_t field)
{
	return (off_t)(fam->sb.mailbox_offset + field);
}

/*
 * Through the file, not a mapping: a file that was cut short, or a disk that
 * does not give the page back, is an error here and no signal.
 */
static int read_mark(const struct fam *fam, int32_t *failed)
{
	ssize_t n = pread(fam->way->fd, failed, sizeof(*failed),
			  mark_at(fam, offsetof(struct fam_mailbox, failed)));

	if (n < 0)
		return -EIO;
	return n == sizeof(*failed) ? 0 : -ENODATA;
}

/*
 * What a server found out about itself and its file is of no concern to those
 * who ask the file themselves.
 */
static bool is_mark(int32_t failed)
{
	return failed < 0 && failed != -EOPNOTSUPP && failed != -ENODATA &&
	       failed != -ESTALE;
}

/*
 * A node cannot ask the file, whose sync succeeds when it is gone: it goes by
 * what the server says, as long as there is one.
 */
static int file_lost(const struct fam_mailbox *box, int32_t failed)
{
	if (failed != -ENODATA && failed != -ESTALE)
		return 0;
	return fam_mailbox_is_served(box) ? failed : 0;
}

int fam_mark_get(const struct fam *fam)
{
	int32_t failed = 0;
	int r = 0;

	if (fam->way->box) {
		failed = atomic_load_explicit(&fam->way->box->failed,
					      memory_order_acquire);
		r = file_lost(fam->way->box, failed);
	} else if (has_mark(fam)) {
		r = read_mark(fam, &failed);
	}
	if (r < 0)
		return r;
	return is_mark(failed) ? FAM_GROUP_MARKED : 0;
}

uint64_t fam_mark_time(const struct fam *fam)
{
	const off_t at = mark_at(fam, offsetof(struct fam_mailbox, failed_ns));
	uint64_t ns = 0;

	if (fam->way->box)
		ns = atomic_load(&fam->way->box->failed_ns);
	else if (has_mark(fam) &&
		 pread(fam->way->fd, &ns, sizeof(ns), at) != sizeof(ns))
		ns = 0; /* the mark itself cannot be read either */
	return ns;
}

static uint64_t wall_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void mark_in_memory(struct fam_mailbox *box, uint64_t now)
{
	int32_t healthy = 0;

	if (atomic_load(&box->failed) < 0)
		return;
	/* First, so that nobody sees the mark come and go without it. */
	atomic_store(&box->failed_ns, now);
	atomic_compare_exchange_strong(&box->failed, &healthy, -EIO);
}

void fam_mark_set(const struct fam *fam)
{
	const int32_t failed = -EIO;
	uint64_t now = wall_clock_ns();

	if (fam->way->box) {
		mark_in_memory(fam->way->box, now);
		return;
	}
	if (!has_mark(fam) || fam_mark_get(fam) == FAM_GROUP_MARKED)
		return;
	/* Should the file refuse even this, the caller knows all the same. */
	if (pwrite(fam->way->fd, &now, sizeof(now),
		   mark_at(fam, offsetof(struct fam_mailbox, failed_ns))) < 0 ||
	    pwrite(fam->way->fd, &failed, sizeof(failed),
		   mark_at(fam, offsetof(struct fam_mailbox, failed))) < 0)
		return;
}
