// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "newfile.h"

static int open_temp(struct newfile *file, const char *dir, struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(err, errno, "cannot get random bytes");
	snprintf(file->temp, sizeof(file->temp), ".famctl-%016" PRIx64, random);
	file->fd = openat(file->dirfd, file->temp,
			  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	if (file->fd >= 0)
		return 0;
	file->temp[0] = '\0';
	return err_sys(err, errno, "cannot make a file in '%s'", dir);
}

int newfile_open(struct newfile *file, int dirfd, const char *dir,
		 const char *base, struct err *err)
{
	*file = (struct newfile){.dirfd = dirfd, .base = base};
	file->fd = openat(dirfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (file->fd >= 0)
		return 0;
	/* Kernels and file systems say "cannot do that" in these ways. */
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT ||
	    errno == EINVAL)
		return open_temp(file, dir, err);
	return err_sys(err, errno, "cannot make a file in '%s'", dir);
}

static int name_nameless(const struct newfile *file)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	if (linkat(AT_FDCWD, link, file->dirfd, file->base, AT_SYMLINK_FOLLOW))
		return -errno;
	return 0;
}

/* A rename that replaces nothing, or where there is none a second name. */
static int rename_temp(struct newfile *file)
{
	if (renameat2(file->dirfd, file->temp, file->dirfd, file->base,
		      RENAME_NOREPLACE) < 0) {
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		if (linkat(file->dirfd, file->temp, file->dirfd, file->base, 0))
			return -errno;
		unlinkat(file->dirfd, file->temp, 0);
	}
	file->temp[0] = '\0';
	return 0;
}

int newfile_publish(struct newfile *file, struct err *err)
{
	int ret = file->temp[0] ? rename_temp(file) : name_nameless(file);

	if (ret < 0)
		return err_sys(err, -ret, "cannot name the file '%s'",
			       file->base);
	file->published = true;
	if (fsync(file->dirfd) < 0)
		return err_sys(err, errno, "cannot sync the directory of '%s'",
			       file->base);
	return 0;
}

/* Undoes the publishing, unless the name leads to another file by now. */
static void unpublish(const struct newfile *file)
{
	struct stat held, named;

	if (fstat(file->fd, &held) < 0 ||
	    fstatat(file->dirfd, file->base, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    held.st_dev != named.st_dev || held.st_ino != named.st_ino)
		return;
	unlinkat(file->dirfd, file->base, 0);
	fsync(file->dirfd);
}

void newfile_close(struct newfile *file, bool keep)
{
	if (file->fd < 0)
		return;
	/* Best effort: the error that led here is the one to be told. */
	if (file->temp[0])
		unlinkat(file->dirfd, file->temp, 0);
	if (file->published && !keep)
		unpublish(file);
	close(file->fd);
	file->fd = -1;
}
