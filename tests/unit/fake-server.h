/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

/*
 * The sending side of the host dialect, right or wrong as a test wants it.
 * After <cmocka.h>.
 */

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define KIND(kind, number) ((int64_t)(kind) << 32 | (number))
#define SELF(id)	   KIND(FAM_WIRE_SELF, id)
#define VECTORS(n)	   KIND(FAM_WIRE_VECTORS, n)
#define ATTACHED(id)	   KIND(FAM_WIRE_ATTACHED, id)
#define LEFT(id)	   KIND(FAM_WIRE_LEFT, id)
#define READY		   KIND(FAM_WIRE_READY, 0)
#define BELL(id, vector)   ((int64_t)(vector) << 16 | (id))

/* @bytes of a message in one piece; 0, or -1 if the other side has gone. */
static inline int fake_send_part(int sock, const uint8_t *bytes, size_t len,
				 const int *fds, size_t count)
{
	char control[CMSG_SPACE(4 * sizeof(int))]
		__attribute__((aligned(8))) = {0};
	struct iovec iov = {(void *)bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
		msg.msg_control = control;
		msg.msg_controllen = c->cmsg_len;
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

/* One message; @fd -1: without a descriptor. */
static inline int fake_send(int sock, int64_t value, int fd)
{
	uint64_t wire = htole64((uint64_t)value);

	return fake_send_part(sock, (const uint8_t *)&wire, sizeof(wire), &fd,
			      fd >= 0);
}

/* Anonymous memory of @size bytes. */
static inline int fake_memory(uint64_t size)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static inline int fake_bell(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
