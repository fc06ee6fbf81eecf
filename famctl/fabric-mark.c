// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include <fam-mailbox.h>

#include "fabric-mark.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define ERRNO_MAX 4095

bool fabric_has_mailbox(const struct fabric *fabric)
{
	return fabric->formatted &&
	       (fabric->sb.feature_compat & FAM_COMPAT_MAILBOX);
}

static uint64_t place_of(const struct fabric *fabric, size_t field)
{
	return fabric->sb.mailbox_offset + field;
}

/* A client takes no positive number for a mark. */
static int mark_of(int32_t failed)
{
	if (failed >= 0 || failed == -EOPNOTSUPP)
		return 0;
	return failed < -ERRNO_MAX ? -EIO : failed;
}

static int read_mark(int fd, const struct fabric *fabric,
		     struct fabric_mark *out)
{
	int32_t failed = 0;
	int ret;

	*out = (struct fabric_mark){0};
	ret = fdio_pread(
		fd, &failed, sizeof(failed),
		place_of(fabric, offsetof(struct fam_mailbox, failed)));

	if (ret == 0)
		ret = fdio_pread(fd, &out->at_ns, sizeof(out->at_ns),
				 place_of(fabric, offsetof(struct fam_mailbox,
							   failed_ns)));
	if (ret < 0)
		return ret;
	out->error = mark_of(failed);
	if (!out->error || out->at_ns > INT64_MAX)
		out->at_ns = 0;
	return 0;
}

bool fabric_has_epoch(const struct fabric *fabric)
{
	struct err ignored;
	_cleanup_close_ int fd =
		fabric_has_mailbox(fabric)
			? fabric_reopen(fabric, O_RDONLY, &ignored)
			: -1;
	uint64_t epoch = 0;

	return fd >= 0 &&
	       fdio_pread(fd, &epoch, sizeof(epoch),
			  place_of(fabric,
				   offsetof(struct fam_mailbox, epoch))) == 0 &&
	       epoch;
}

int fabric_mark_read(const struct fabric *fabric, struct fabric_mark *out,
		     struct err *err)
{
	_cleanup_close_ int fd = -1;
	int ret;

	*out = (struct fabric_mark){0};
	if (!fabric_has_mailbox(fabric))
		return 0;
	fd = fabric_reopen(fabric, O_RDONLY, err);
	if (fd < 0)
		return fd;
	ret = read_mark(fd, fabric, out);
	return ret < 0 ? err_sys(err, -ret, "cannot read '%s'", fabric->path)
		       : 0;
}

/* Through the page cache, where who has the file mapped sees it at once. */
static int write_failed(int fd, const struct fabric *fabric, int32_t failed,
			struct err *err)
{
	int ret = fdio_pwrite(
		fd, &failed, sizeof(failed),
		place_of(fabric, offsetof(struct fam_mailbox, failed)));

	return ret < 0 ? err_sys(err, -ret, "cannot write to '%s'",
				 fabric->path)
		       : 0;
}

/* First, and kept for ever: who sees another time than before missed a mark. */
static int write_time(int fd, const struct fabric *fabric, struct err *err)
{
	struct timespec now;
	uint64_t ns;
	int ret;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	ret = fdio_pwrite(
		fd, &ns, sizeof(ns),
		place_of(fabric, offsetof(struct fam_mailbox, failed_ns)));
	return ret < 0 ? err_sys(err, -ret, "cannot write to '%s'",
				 fabric->path)
		       : 0;
}

int fabric_mark_set(const struct fabric *fabric, int error, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct fabric_mark mark;
	int ret;

	if (!fabric_has_mailbox(fabric))
		return 0;
	fd = fabric_reopen(fabric, O_RDWR, err);
	if (fd < 0)
		return fd;
	if (read_mark(fd, fabric, &mark) == 0 && mark.error)
		return 0;
	ret = write_time(fd, fabric, err);
	return ret < 0 ? ret : write_failed(fd, fabric, error, err);
}

int fabric_mark_clear(const struct fabric *fabric, struct err *err)
{
	_cleanup_close_ int fd = fabric_reopen(fabric, O_RDWR, err);

	if (fd < 0)
		return fd;
	/* The lock a server holds; it has a memory of its own of the failure. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "cannot lock '%s'",
				       fabric->path);
		err_set(err, -EBUSY,
			"a server that is not one of famctl's "
			"serves it");
		return err_hint(err, "end that server first");
	}
	return write_failed(fd, fabric, 0, err);
}

bool fabric_mark_is_due(int error)
{
	return error == -EIO || error == -ENOSPC || error == -EDQUOT;
}

const char *fabric_mark_word(int error, char out[16])
{
	const char *name = strerrorname_np(-error);

	if (name)
		snprintf(out, 16, "%s", name);
	else
		snprintf(out, 16, "%d", -error);
	return out;
}

const char *fabric_mark_text(int error)
{
	switch (-error) {
	case EIO:
		return "the disk failed";
	case ENODATA:
		return "the file was made shorter while it was served";
	case ESTALE:
		return "the file was removed while it was served";
	default:
		return strerror(-error);
	}
}
