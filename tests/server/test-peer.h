/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_TEST_PEER_H
#define TESTS_TEST_PEER_H

/* How every QEMU reads: eight bytes per call and at most one descriptor. */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ivshmem.h"

/* A blocking socket, or a negative errno. */
static inline int test_peer_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -errno;
}

/* 1: one message; 0: none now; -1: the end, or less than a message */
static inline int test_peer_receive(int sock, enum ivshmem_dialect dialect,
				    int64_t *value, int *fd)
{
	uint8_t bytes[IVSHMEM_MESSAGE_BYTES];
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(bytes) || msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	*fd = -1;
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	*value = ivshmem_decode(dialect, bytes);
	return 1;
}

#endif
