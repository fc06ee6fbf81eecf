// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Preloaded into a server: msync(2) and fdatasync(2) do not come back while
 * there is a file $DISK/held, and fail with EIO while there is $DISK/fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int there(const char *name)
{
	const char *dir = getenv("DISK");
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return access(path, F_OK) == 0;
}

/* Waits as long as the disk does; 1: it fails. */
static int disk(void)
{
	while (there("held"))
		usleep(1000);
	if (!there("fails"))
		return 0;
	errno = EIO;
	return 1;
}

int msync(void *addr, size_t len, int flags)
{
	int (*next)(void *, size_t, int) =
		(int (*)(void *, size_t, int))dlsym(RTLD_NEXT, "msync");

	return disk() ? -1 : next(addr, len, flags);
}

int fdatasync(int fd)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

	return disk() ? -1 : next(fd);
}
