// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "internal.h"
#include "wire.h"

/* The kernel installs two where CMSG_SPACE() of one leaves room for padding. */
#define CONTROL_BYTES CMSG_LEN(sizeof(int))

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* The descriptor in @msg; -1 if there is none. */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	fd = fam_fd_lift(fd);
	return fd < 0 ? -1 : fd;
}

/* Why the kernel kept a descriptor back: too many came, or there is no room. */
static int truncated(const struct fam_wire *wire, int fd)
{
	_cleanup_close_ int probe = -1;

	if (fd >= 0)
		return -EPROTO;
	probe = fcntl(wire->sock, F_DUPFD_CLOEXEC, 0);
	return probe < 0 ? -errno : -EPROTO;
}

static int keep(struct fam_wire *wire, int fd, int flags)
{
	int r = 0;

	if (flags & MSG_CTRUNC)
		r = truncated(wire, fd);
	else if (fd >= 0 && wire->fd >= 0)
		r = -EPROTO;
	if (fd < 0)
		return r;
	if (r == 0)
		wire->fd = fd;
	else
		close(fd);
	return r;
}

/*
 * Never reads beyond the message, so that a descriptor belongs to it. A server
 * sends whole messages; a stream may be cut anywhere nevertheless.
 */
static int receive(struct fam_wire *wire)
{
	union control control;
	struct iovec iov = {wire->bytes + wire->got,
			    FAM_WIRE_BYTES - wire->got};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = CONTROL_BYTES};
	ssize_t n;

	do {
		n = recvmsg(wire->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	wire->got += (size_t)n;
	return keep(wire, descriptor_of(&msg), msg.msg_flags);
}

int fam_wire_read(struct fam_wire *wire, int64_t *value, int *fd)
{
	uint64_t number;

	while (wire->got < FAM_WIRE_BYTES) {
		int r = receive(wire);

		if (r < 0)
			return r;
	}
	memcpy(&number, wire->bytes, sizeof(number));
	*value = (int64_t)le64toh(number);
	*fd = wire->fd;
	wire->fd = -1;
	wire->got = 0;
	return 0;
}

void fam_wire_close(struct fam_wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	if (wire->sock >= 0)
		close(wire->sock);
	wire->fd = -1;
	wire->sock = -1;
}
