// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Preloaded: at its 100th write a program is stopped for longer than a lease
 * lasts (fs.lease-break-time, 45 s), without the long time: its lease is taken
 * away, and somebody stores 1 MiB behind the place where it is writing.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STOPPED_AT 100
#define BEHIND	   (1 << 20)

static void stop(int fd, off64_t offset)
{
	const struct timespec longer = {.tv_nsec = 700000000};
	char path[64];
	int other;

	if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_WRONLY);
	lseek(other, offset + BEHIND, SEEK_SET);
	if (write(other, "precious", 8) != 8 || close(other) < 0)
		abort();
	nanosleep(&longer, NULL);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	static int calls;
	__typeof__(&pwrite64) real =
		(__typeof__(&pwrite64))dlsym(RTLD_NEXT, "pwrite64");

	if (++calls == STOPPED_AT)
		stop(fd, offset);
	return real(fd, data, len, offset);
}
