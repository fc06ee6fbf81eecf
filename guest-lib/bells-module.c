// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Interrupts of the node's own device, through the kernel module. */
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "fam-bells.h"
#include "kmod/fam_ivshmem.h"

static int listen_to(struct fam_bells *bells, uint32_t vector)
{
	struct fam_ioc_eventfd event = {.vector = vector};

	event.fd = fam_fd_lift(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	if (event.fd < 0)
		return event.fd;
	bells->fd[vector] = event.fd;
	return ioctl(bells->device, FAM_IOC_EVENTFD, &event) < 0 ? -errno : 0;
}

int fam_bells_module_open(struct fam_bells *bells, unsigned int *vectors)
{
	struct fam_ioc_info info;
	int r = 0;

	if (ioctl(bells->device, FAM_IOC_INFO, &info) < 0)
		return -errno;
	/* All at once: who attaches hears what is rung from now on. */
	for (uint32_t i = 0; i < info.vectors && i < FAM_BELLS_MAX && r == 0;
	     i++)
		r = listen_to(bells, i);
	*vectors = info.vectors < FAM_BELLS_MAX ? info.vectors : FAM_BELLS_MAX;
	return r;
}
