// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Wrong calls: each has its error, and the kernel does not mind. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

/* Not to be seen through by the compiler, which knows it is bad. */
static char *volatile bad_pointer = (char *)0x10;

static void try_unknown(int dev)
{
	char room[256] = {0};

	for (unsigned int nr = 0; nr < 256; nr++) {
		if (nr >= 1 && nr <= 3)
			continue;
		want_errno(ioctl(dev, _IOWR(FAM_IOC_MAGIC, nr, room), room),
			   ENOTTY);
	}
	/* Right numbers with wrong sizes or directions are other calls. */
	want_errno(ioctl(dev, _IOR(FAM_IOC_MAGIC, 1, char), room), ENOTTY);
	want_errno(ioctl(dev, _IO(FAM_IOC_MAGIC, 3), room), ENOTTY);
	want_errno(
		ioctl(dev, _IOR(FAM_IOC_MAGIC, 3, struct fam_ioc_ring), room),
		ENOTTY);
}

static void try_pointers(int dev)
{
	want_errno(ioctl(dev, FAM_IOC_INFO, bad_pointer), EFAULT);
	want_errno(ioctl(dev, FAM_IOC_INFO, NULL), EFAULT);
	want_errno(ioctl(dev, FAM_IOC_EVENTFD, bad_pointer), EFAULT);
	want_errno(ioctl(dev, FAM_IOC_RING, bad_pointer), EFAULT);
	want_errno(ioctl(dev, FAM_IOC_RING, (void *)~0UL), EFAULT);
}

static long listen_on(int dev, uint32_t vector, int fd)
{
	struct fam_ioc_eventfd request = {.vector = vector, .fd = fd};

	return ioctl(dev, FAM_IOC_EVENTFD, &request);
}

/* One eventfd is for one file: else an interrupt would signal it many times. */
static void try_shared_eventfd(const char *path, int event)
{
	int first = open(path, O_RDWR | O_CLOEXEC);
	int second = open(path, O_RDWR | O_CLOEXEC);

	want(listen_on(first, 0, event) == 0);
	want_errno(listen_on(second, 0, event), EBUSY);
	close(first);
	want(listen_on(second, 0, event) == 0);
	close(second);
}

static void try_eventfds(int dev, const char *path, unsigned int vectors)
{
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int other = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	want_errno(listen_on(dev, vectors, event), ERANGE);
	want_errno(listen_on(dev, 256, event), ERANGE);
	want_errno(listen_on(dev, ~0U, event), ERANGE);
	if (vectors) {
		want_errno(listen_on(dev, 0, 12345), EBADF);
		want_errno(listen_on(dev, 0, -2), EBADF);
		want_errno(listen_on(dev, 0, 1), EINVAL); /* not an eventfd */
		want(listen_on(dev, 0, -1) == 0); /* none to take away */
		want(listen_on(dev, 0, event) == 0);
		want_errno(listen_on(dev, 0, event), EBUSY);
		want_errno(listen_on(dev, 0, other), EBUSY);
		want(listen_on(dev, 0, -1) == 0);
		want(listen_on(dev, 0, other) == 0);
		want(listen_on(dev, 0, -1) == 0);
		try_shared_eventfd(path, event);
	}
	close(event);
	close(other);
}

static long ring(int dev, uint32_t peer, uint32_t vector)
{
	struct fam_ioc_ring request = {.peer = peer, .vector = vector};

	return ioctl(dev, FAM_IOC_RING, &request);
}

static void try_rings(int dev, unsigned int vectors)
{
	if (!vectors) {
		want_errno(ring(dev, 0, 0), EOPNOTSUPP);
		return;
	}
	want_errno(ring(dev, 65536, 0), ERANGE);
	want_errno(ring(dev, ~0U, 0), ERANGE);
	want_errno(ring(dev, 0, 256), ERANGE);
	want_errno(ring(dev, 0, ~0U), ERANGE);
	want(ring(dev, 65535, 255) == 0); /* nobody has this ID */
}

static void try_reads(int dev, unsigned int vectors)
{
	struct pollfd pfd = {.fd = dev, .events = POLLIN | POLLOUT};
	uint64_t counts[256];

	want(fcntl(dev, F_SETFL, O_NONBLOCK) == 0);
	if (!vectors) {
		want_errno(read(dev, counts, sizeof(counts)), EOPNOTSUPP);
		return;
	}
	want_errno(read(dev, counts, vectors * 8 - 1), EINVAL);
	want_errno(read(dev, counts, 0), EINVAL);
	want_errno(read(dev, counts, sizeof(counts)), EAGAIN);
	want_errno(read(dev, bad_pointer, sizeof(counts)), EAGAIN);
	want_errno(write(dev, counts, 8), EINVAL);
	want_errno(lseek(dev, 8, SEEK_SET), ESPIPE);
	want_errno(pread(dev, counts, sizeof(counts), 8), ESPIPE);
	want(poll(&pfd, 1, 0) == 0);
}

static long try_map(int dev, size_t length, int prot, int flags,
		    uint64_t offset)
{
	void *map = mmap(NULL, length, prot, flags, dev, (off_t)offset);

	if (map == MAP_FAILED)
		return -1;
	munmap(map, length);
	return 0;
}

static void try_maps(int dev, const struct fam_ioc_info *info)
{
	const int rw = PROT_READ | PROT_WRITE;
	uint64_t size = info->size;

	want(try_map(dev, size, rw, MAP_SHARED, 0) == 0);
	want(try_map(dev, 4096, rw, MAP_SHARED, size - 4096) == 0);
	want(try_map(dev, 1, PROT_READ, MAP_SHARED, 4096) == 0);
	want(try_map(dev, 4096, PROT_NONE, MAP_SHARED, 0) == 0);
	want_errno(try_map(dev, size + 4096, rw, MAP_SHARED, 0), EINVAL);
	want_errno(try_map(dev, 8192, rw, MAP_SHARED, size - 4096), EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_SHARED, size), EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_SHARED, 1ULL << 55), EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_SHARED, 1ULL << 62), EINVAL);
	want_errno(try_map(dev, 8192, rw, MAP_SHARED, -4096ULL), EOVERFLOW);
	want_errno(try_map(dev, 4096, rw, MAP_SHARED, 2048), EINVAL);
	want_errno(try_map(dev, 0, rw, MAP_SHARED, 0), EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_PRIVATE, 0), EINVAL);
	want_errno(try_map(dev, 4096, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_SHARED_VALIDATE | MAP_SYNC, 0),
		   EOPNOTSUPP);
}

static void try_register_maps(int dev, const struct fam_ioc_info *info)
{
	const int rw = PROT_READ | PROT_WRITE;
	volatile uint32_t *registers;

	if (!(info->flags & FAM_INFO_REGISTERS)) {
		want_errno(
			try_map(dev, 4096, rw, MAP_SHARED, FAM_MMAP_REGISTERS),
			EOPNOTSUPP);
		return;
	}
	registers = map_shared(dev, FAM_MMAP_REGISTERS, 4096);
	want(registers[2] == info->peer);
	munmap((void *)registers, 4096);
	want_errno(try_map(dev, 8192, rw, MAP_SHARED, FAM_MMAP_REGISTERS),
		   EINVAL);
	want_errno(try_map(dev, 4096, rw, MAP_PRIVATE, FAM_MMAP_REGISTERS),
		   EINVAL);
	want_errno(
		try_map(dev, 4096, rw, MAP_SHARED, FAM_MMAP_REGISTERS + 4096),
		EINVAL);
}

/* Read-only files give read-only mappings, also afterwards. */
static void try_read_only(const char *path)
{
	int dev = open(path, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, dev, 0);

	want(map != MAP_FAILED);
	want_errno(mprotect(map, 4096, PROT_READ | PROT_WRITE), EACCES);
	want_errno(try_map(dev, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0),
		   EACCES);
	munmap(map, 4096);
	close(dev);
}

/* calls DEVICE PATH-OF-DEVICE */
int command_calls(int dev, char **args)
{
	struct fam_ioc_info info;

	get_info(dev, &info);
	try_unknown(dev);
	try_pointers(dev);
	try_eventfds(dev, args[0], info.vectors);
	try_rings(dev, info.vectors);
	try_reads(dev, info.vectors);
	try_maps(dev, &info);
	try_register_maps(dev, &info);
	try_read_only(args[0]);
	return failures();
}
