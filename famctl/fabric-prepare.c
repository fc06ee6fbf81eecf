// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fabric-mark.h"
#include "fabric-prepare.h"
#include "fabric-space.h"
#include "hold.h"
#include "out.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fdio.h"

#define GUEST_MS 10000 /* for which somebody else may have the file open */
#define LOOK_NS	 20000000
#define LEASE_MS 500
#define LARGER	 ", only larger on the disk"

struct preparing {
	const struct fabric *fabric;
	int fd;
	char *batch;	    /* SPACE_BATCH_BYTES */
	bool disk_bad;	    /* writing back failed */
	uint64_t leased_ms; /* when the lease was known to be ours */
};

static int in_use(const struct fabric *fabric, struct err *err)
{
	char users[512] = "";
	struct err ignored;

	fabric_in_use_beside(fabric, 0, users, sizeof(users), &ignored);
	err_set(err, -EBUSY, "it is in use by %.500s",
		users[0] ? users : "a process that cannot be seen from here");
	return err_hint(err,
			"stop the nodes and programs that use it first, "
			"and its server: famctl stop-server %s",
			fabric->path);
}

/*
 * A batch is read and written again: what others stored in between would be
 * lost. A write lease keeps them out. It is granted if nobody else has the file
 * open or mapped, and who opens it then has to wait until it is given back.
 */
static int take_lease(struct preparing *p)
{
	p->leased_ms = clock_ms();
	/* It is told by a signal that somebody waits: one that does nothing. */
	if (fcntl(p->fd, F_SETSIG, SIGURG) == 0 &&
	    fcntl(p->fd, F_SETLEASE, F_WRLCK) == 0)
		return 0;
	return errno == EAGAIN ? -EBUSY : -errno;
}

static int no_lease(const struct preparing *p, int ret, struct err *err)
{
	if (ret == -EBUSY)
		return in_use(p->fabric, err);
	if (ret == -EACCES) {
		err_set(err, -EACCES,
			"whether it is in use is told to its owner only");
		return err_hint(err, "run it as the file's owner or as root");
	}
	return err_set(err, -EOPNOTSUPP,
		       "its file system cannot tell whether it is in use (%s)",
		       strerror(-ret));
}

/* Lets those in who wait, such as famctl list-fabrics, until they are done. */
static int give_way(struct preparing *p, struct err *err)
{
	const struct timespec pause = {0, LOOK_NS};
	uint64_t until;
	int ret;

	if (fcntl(p->fd, F_GETLEASE) == F_WRLCK)
		return 0;
	/* The kernel may have taken it: EAGAIN. */
	if (fcntl(p->fd, F_SETLEASE, F_UNLCK) < 0 && errno != EAGAIN)
		return err_sys(err, errno, "cannot give the lease back");
	until = clock_ms() + GUEST_MS;
	do {
		nanosleep(&pause, NULL);
		if (hold_interrupted())
			return err_set(err, -EINTR, "interrupted");
		ret = take_lease(p);
	} while (ret == -EBUSY && clock_ms() < until);
	return ret < 0 ? no_lease(p, ret, err) : 0;
}

/*
 * Empties the page cache of a range after reading it, so that what is written
 * then comes back in small pieces. Only what is clean goes: hence the wait.
 */
static int read_out(struct preparing *p, uint64_t offset, uint64_t len,
		    struct err *err)
{
	const unsigned int wait = SYNC_FILE_RANGE_WAIT_BEFORE |
				  SYNC_FILE_RANGE_WRITE |
				  SYNC_FILE_RANGE_WAIT_AFTER;
	int ret;

	if (sync_file_range(p->fd, (off_t)offset, (off_t)len, wait) < 0 &&
	    errno == EIO) {
		p->disk_bad = true;
		return err_sys(err, errno, "cannot write it to the disk");
	}
	ret = fdio_pread(p->fd, p->batch, len, offset);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read it");
	/* No more than a wish: what stays cached is as good as before. */
	(void)posix_fadvise(p->fd, (off_t)offset, (off_t)len,
			    POSIX_FADV_DONTNEED);
	return 0;
}

/*
 * Who does not give a lease back in time, such as a program that was stopped,
 * has it taken away by the kernel, after a second at the earliest. Then others
 * may have stored, and what was read before must not be written any more.
 */
static bool lease_holds(struct preparing *p)
{
	uint64_t now = clock_ms();

	if (fcntl(p->fd, F_GETLEASE) == F_WRLCK)
		p->leased_ms = now;
	return clock_ms() - p->leased_ms < LEASE_MS;
}

/* Returns how much was written before the lease ended. */
static ssize_t write_back(struct preparing *p, uint64_t offset, uint64_t len,
			  struct err *err)
{
	uint64_t done = 0;
	int ret = 0;

	while (ret == 0 && done < len && lease_holds(p)) {
		ret = fabric_space_write(p->fd, p->batch + done, offset + done,
					 SPACE_PIECE_BYTES, err);
		done += SPACE_PIECE_BYTES;
	}
	return ret < 0 ? ret : (ssize_t)done;
}

static int prepare_batch(struct preparing *p, uint64_t offset, uint64_t len,
			 struct err *err)
{
	uint64_t done = 0;
	ssize_t n = 0;
	int ret;

	while (done < len) {
		if (hold_interrupted())
			return err_set(err, -EINTR, "interrupted");
		ret = give_way(p, err);
		if (ret == 0)
			ret = read_out(p, offset + done, len - done, err);
		if (ret == 0)
			n = write_back(p, offset + done, len - done, err);
		if (ret < 0 || n < 0)
			return ret < 0 ? ret : (int)n;
		done += (uint64_t)n;
	}
	ret = fabric_space_pace(p->fd, offset, err);
	p->disk_bad |= fabric_mark_is_due(ret);
	return ret;
}

static int prepare_all(struct preparing *p, struct err *err)
{
	uint64_t size = p->fabric->size;
	struct out_progress progress;
	int ret = 0;

	out_progress_begin(&progress, p->fabric->name, size);
	for (uint64_t done = 0; ret == 0 && done < size;
	     done += SPACE_BATCH_BYTES) {
		uint64_t len = size - done < SPACE_BATCH_BYTES
				       ? size - done
				       : SPACE_BATCH_BYTES;

		ret = prepare_batch(p, done, len, err);
		out_progress_update(&progress, done + len);
	}
	if (ret == 0 && fsync(p->fd) < 0) {
		p->disk_bad |= fabric_mark_is_due(-errno);
		ret = err_sys(err, errno, "cannot sync it");
	}
	out_progress_end(&progress);
	return ret;
}

static int no_space(const char *state, struct err *err)
{
	err->hint[0] = '\0';
	return err_hint(err,
			"free some and run it again; the fabric is as it "
			"was%s",
			state);
}

static int reserve(const struct preparing *p, bool dry_run, struct err *err)
{
	const struct fabric *fabric = p->fabric;
	uint64_t missing = fabric->size > fabric->allocated
				   ? fabric->size - fabric->allocated
				   : 0;
	int ret = fabric_space_check(p->fd, fabric->path, missing, err);

	if (ret == -ENOSPC)
		return no_space("", err);
	if (ret == 0 && !dry_run)
		ret = fabric_space_reserve(p->fd, fabric->size, err);
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		return 0;
	return ret == -ENOSPC ? no_space(LARGER, err) : ret;
}

static int prepare(struct preparing *p, bool dry_run, struct err *err)
{
	int ret = take_lease(p);

	if (ret < 0)
		return no_lease(p, ret, err);
	ret = reserve(p, dry_run, err);
	if (ret < 0 || dry_run)
		return ret;
	p->batch = malloc(SPACE_BATCH_BYTES);
	ret = p->batch ? prepare_all(p, err)
		       : err_set(err, -ENOMEM, "out of memory");
	free(p->batch);
	return ret == -ENOSPC ? no_space(LARGER, err) : ret;
}

/* Stores that were not durable yet may be lost: all have to know. */
static void leave_mark(const struct fabric *fabric)
{
	struct err why;

	if (fabric_has_mailbox(fabric) &&
	    fabric_mark_set(fabric, -EIO, &why) == 0)
		out_note("fabric '%s' is marked: nothing becomes durable "
			 "before famctl clear-errors",
			 fabric->name);
}

int fabric_prepare(const struct fabric *fabric, bool dry_run, struct err *err)
{
	struct preparing p = {.fabric = fabric};
	struct hold hold;
	int ret;

	if (fabric->in_memory)
		return err_set(err, -EOPNOTSUPP,
			       "it lies on a file system in memory: there is "
			       "no disk to prepare");
	p.fd = fabric_reopen(fabric, O_RDWR, err);
	if (p.fd < 0)
		return p.fd;
	hold_begin(&hold);
	ret = prepare(&p, dry_run, err);
	/* Gives the lease back, too; the mark needs the file open. */
	close(p.fd);
	if (p.disk_bad)
		leave_mark(fabric);
	hold_end(&hold);
	return ret;
}
