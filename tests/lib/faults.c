// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Preloaded: makes calls fail as they do on file systems and disks that are not
 * at hand. FAULT is a comma-separated list of CALL=ERROR, where CALL is one of
 * tmpfile (open with O_TMPFILE), fallocate, fsync, rename (renameat2), link.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int number;
} errors[] = {{"ENOSPC", ENOSPC},
	      {"EOPNOTSUPP", EOPNOTSUPP},
	      {"EINVAL", EINVAL},
	      {"EIO", EIO},
	      {"EEXIST", EEXIST}};

/* Sets errno and returns 1 if the call is to fail. */
static int fails(const char *call)
{
	const char *fault = getenv("FAULT"), *at;
	size_t len = strlen(call);

	at = fault ? strstr(fault, call) : NULL;
	if (!at || at[len] != '=')
		return 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!strncmp(at + len + 1, errors[i].name,
			     strlen(errors[i].name))) {
			errno = errors[i].number;
			return 1;
		}
	}
	abort();
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int openat64(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE && fails("tmpfile"))
		return -1;
	return REAL(openat64)(dirfd, path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat64(dirfd, path, flags, mode);
}

int __openat64_2(int dirfd, const char *path, int flags)
{
	return openat64(dirfd, path, flags, 0);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	return fails("fallocate") ? -1
				  : REAL(fallocate64)(fd, mode, offset, len);
}

int fsync(int fd)
{
	return fails("fsync") ? -1 : REAL(fsync)(fd);
}

int renameat2(int from, const char *old, int to, const char *new,
	      unsigned int flags)
{
	return fails("rename") ? -1
			       : REAL(renameat2)(from, old, to, new, flags);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	return fails("link") ? -1 : REAL(linkat)(from, old, to, new, flags);
}
