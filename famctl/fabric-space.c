// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fabric-space.h"
#include "hold.h"
#include "out.h"
#include "util/fdio.h"
#include "util/size.h"

#define RESERVE_BYTES (4 * GiB)	 /* between two looks for Ctrl-C */
#define DIRTY_BYTES   (64 * MiB) /* on their way to the disk at most */

static int interrupted(struct err *err)
{
	return err_set(err, -EINTR, "interrupted");
}

int fabric_space_check(int dirfd, const char *dir, uint64_t size,
		       struct err *err)
{
	char need[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX];
	struct statvfs fs;
	uint64_t available;

	if (fstatvfs(dirfd, &fs) < 0)
		return err_sys(err, errno,
			       "cannot ask for the free space in '%s'", dir);
	/* File systems without a limit, such as ramfs, tell nothing. */
	if (fs.f_blocks == 0)
		return 0;
	available = (geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
	if (size <= available)
		return 0;
	err_set(err, -ENOSPC, "it needs %s, %s are free in '%s'",
		size_format(size, need), size_format(available, have), dir);
	return err_hint(err, "choose a smaller size, or a larger disk with "
			     "--dir");
}

static int space_error(int errnum, struct err *err)
{
	if (errnum == EFBIG) {
		err_set(err, -EFBIG,
			"the file system, or the limit of the "
			"shell (ulimit -f), allows no file of "
			"this size");
		return err_hint(err, "ext4 ends just below 16 TiB; xfs does "
				     "not");
	}
	err_sys(err, errnum, "cannot reserve the space");
	if (errnum == ENOSPC)
		err_hint(err, "choose a smaller size, or a larger disk with "
			      "--dir");
	return err->code;
}

int fabric_space_reserve(int fd, uint64_t size, struct err *err)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t step = size - done < RESERVE_BYTES ? size - done
							    : RESERVE_BYTES;

		if (hold_interrupted())
			return interrupted(err);
		/* Not posix_fallocate(): it writes where the kernel cannot. */
		if (fallocate(fd, 0, (off_t)done, (off_t)step) == 0)
			done += step;
		else if (errno != EINTR)
			return space_error(errno, err);
	}
	return 0;
}

int fabric_space_sparse(int fd, uint64_t size, uint64_t reserve,
			struct err *err)
{
	int ret;

	if (ftruncate(fd, (off_t)size) < 0)
		return space_error(errno, err);
	ret = reserve ? fabric_space_reserve(fd, reserve, err) : 0;
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		ret = fabric_space_write(fd, NULL, 0, reserve, err);
	return ret;
}

int fabric_space_write(int fd, const char *data, uint64_t offset, uint64_t len,
		       struct err *err)
{
	static const char zeros[SPACE_PIECE_BYTES];

	for (uint64_t done = 0; done < len; done += SPACE_PIECE_BYTES) {
		int ret = fdio_pwrite(fd, data ? data + done : zeros,
				      SPACE_PIECE_BYTES, offset + done);

		if (ret < 0)
			return space_error(-ret, err);
	}
	return 0;
}

int fabric_space_pace(int fd, uint64_t offset, struct err *err)
{
	const unsigned int wait = SYNC_FILE_RANGE_WAIT_BEFORE |
				  SYNC_FILE_RANGE_WRITE |
				  SYNC_FILE_RANGE_WAIT_AFTER;
	int ret = sync_file_range(fd, (off_t)offset, (off_t)SPACE_BATCH_BYTES,
				  SYNC_FILE_RANGE_WRITE);

	if (ret == 0 && offset >= DIRTY_BYTES)
		ret = sync_file_range(fd, (off_t)(offset - DIRTY_BYTES),
				      (off_t)SPACE_BATCH_BYTES, wait);
	if (ret < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
		return err_sys(err, errno, "cannot write to the disk");
	return 0;
}

static int zero_batch(int fd, uint64_t offset, uint64_t len, struct err *err)
{
	int ret = hold_interrupted()
			  ? interrupted(err)
			  : fabric_space_write(fd, NULL, offset, len, err);

	return ret < 0 ? ret : fabric_space_pace(fd, offset, err);
}

int fabric_space_zero(int fd, uint64_t size, const char *label, struct err *err)
{
	struct out_progress progress;
	int ret = 0;

	out_progress_begin(&progress, label, size);
	for (uint64_t done = 0; ret == 0 && done < size;
	     done += SPACE_BATCH_BYTES) {
		uint64_t len = size - done < SPACE_BATCH_BYTES
				       ? size - done
				       : SPACE_BATCH_BYTES;

		ret = zero_batch(fd, done, len, err);
		out_progress_update(&progress, done + len);
	}
	if (ret == 0 && fdatasync(fd) < 0)
		ret = err_sys(err, errno, "cannot sync the zeros");
	out_progress_end(&progress);
	return ret;
}
