// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "filecopy.h"
#include "hold.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define PIECE ((size_t)1 << 20) /* bytes between two looks for a signal */

int filecopy_open(const char *source, uint64_t *len, struct err *err)
{
	_cleanup_close_ int fd =
		open(source, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read '%s'", source);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADF, "'%s' is not a regular file",
			       source);
	*len = (uint64_t)st.st_size;
	return take_fd(&fd);
}

int filecopy(int from, int to, uint64_t len, struct err *err)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	uint64_t at = 0;
	int ret = piece ? 0 : err_sys(err, ENOMEM, "cannot copy");

	while (ret == 0 && at < len) {
		size_t n = len - at < PIECE ? (size_t)(len - at) : PIECE;

		if (hold_interrupted())
			return err_set(err, -EINTR, "interrupted");
		ret = fdio_pread(from, piece, n, at);
		if (ret < 0)
			return err_sys(err, -ret, "cannot read");
		ret = fdio_write(to, piece, n);
		if (ret < 0)
			return err_sys(err, -ret, "cannot write");
		at += n;
	}
	if (ret == 0 && fdio_pread(from, piece, 1, len) != -ENODATA)
		ret = err_set(err, -EBUSY, "it grows while it is read");
	return ret;
}
