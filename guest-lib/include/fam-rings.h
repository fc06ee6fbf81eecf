/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_RINGS_H
#define FAM_RINGS_H

/*
 * The eventfds that doorbells are. Each peer has the same open file, and with
 * it its flags: QEMU takes O_NONBLOCK off whatever it receives, and anybody
 * may. So these never block, whatever the flag says. Shared with tm-server, not
 * installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/**
 * fam_rings_take() - take all rings that came
 *
 * Return: 0; -EAGAIN there are none
 */
static inline int fam_rings_take(int fd, uint64_t *count)
{
	uint64_t rings;
	struct iovec to = {.iov_base = &rings, .iov_len = sizeof(rings)};

	if (preadv2(fd, &to, 1, -1, RWF_NOWAIT) == sizeof(rings)) {
		*count = rings;
		return 0;
	}
	/* Linux before 5.8 knows no such flag here. */
	if (errno != EOPNOTSUPP)
		return -errno;
	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
	    read(fd, &rings, sizeof(rings)) != sizeof(rings))
		return -errno;
	*count = rings;
	return 0;
}

/**
 * fam_rings_add() - ring
 *
 * Return: 0, also if the counter is full: it is rung already
 */
static inline int fam_rings_add(int fd, uint64_t count)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, 0) == 0)
		return 0;
	if (write(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

#endif
