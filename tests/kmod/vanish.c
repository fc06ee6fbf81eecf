// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The device goes while it is used; and everything at once. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static sigjmp_buf bus;

static void on_bus(int signo)
{
	siglongjmp(bus, signo);
}

static void catch_bus(void)
{
	struct sigaction action = {.sa_handler = on_bus};

	sigaction(SIGBUS, &action, NULL);
}

/* Does touching it end in SIGBUS? */
static bool is_gone(volatile char *at, bool write)
{
	if (sigsetjmp(bus, 1))
		return true;
	if (write)
		*at = 1;
	else
		(void)*at;
	return false;
}

static pid_t sleeper(int dev)
{
	pid_t pid = fork();
	uint64_t counts[256];

	if (pid == 0)
		_exit(read(dev, counts, sizeof(counts)) < 0 && errno == ENODEV
			      ? 0
			      : 1);
	return pid;
}

static void try_calls(int dev)
{
	struct fam_ioc_info info;
	struct fam_ioc_ring request = {0};
	struct fam_ioc_eventfd listen = {.fd = -1};
	uint64_t counts[256];

	want_errno(ioctl(dev, FAM_IOC_INFO, &info), ENODEV);
	want_errno(ioctl(dev, FAM_IOC_RING, &request), ENODEV);
	want_errno(ioctl(dev, FAM_IOC_EVENTFD, &listen), ENODEV);
	want_errno(read(dev, counts, sizeof(counts)), ENODEV);
	want_errno((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, dev, 0),
		   ENODEV);
}

static void listen_for_end(int dev, int event)
{
	struct fam_ioc_eventfd listen = {.fd = event};

	if (ioctl(dev, FAM_IOC_EVENTFD, &listen) < 0)
		fatal("FAM_IOC_EVENTFD");
}

/*
 * An inode of its own, opened while the device was there, which the kernel
 * remembers: it leads to the device still when that has gone.
 */
static const char own_node[] = "/tmp/fam-node";

static void make_own_node(int dev)
{
	struct stat st;

	unlink(own_node);
	if (fstat(dev, &st) < 0 ||
	    mknod(own_node, S_IFCHR | 0600, st.st_rdev) < 0 ||
	    open(own_node, O_RDWR | O_CLOEXEC) < 0)
		fatal(own_node);
}

/* vanish DEVICE: in use in every way until it goes; then each says so. */
int command_vanish(int dev, char **args)
{
	struct pollfd pfd[2] = {{.fd = dev, .events = POLLIN},
				{.events = POLLIN}};
	struct fam_ioc_info info;
	volatile char *map, *registers = NULL;
	pid_t reader = 0;
	int status = 0;

	(void)args;
	catch_bus();
	get_info(dev, &info);
	make_own_node(dev);
	map = map_shared(dev, 0, info.size);
	map[0] = map[0];
	map[info.size - 1] = map[info.size - 1];
	if (info.flags & FAM_INFO_REGISTERS)
		registers = map_shared(dev, FAM_MMAP_REGISTERS, 4096);
	pfd[1].fd = eventfd(0, EFD_CLOEXEC);
	if (info.vectors) {
		listen_for_end(dev, pfd[1].fd);
		reader = sleeper(dev);
	}
	printf("ready\n");
	/* The eventfd is told too, for those who look at nothing else. */
	want(poll(pfd + !!info.vectors, 1, 60000) == 1);
	want(poll(pfd, 1, 60000) == 1);
	want(pfd[0].revents == (POLLHUP | POLLERR));
	want(is_gone(map, false));
	want(is_gone(map + info.size - 1, true));
	want(is_gone(map + info.size / 2, false));
	want(!registers || is_gone(registers, false));
	try_calls(dev);
	want_errno(open(own_node, O_RDWR | O_CLOEXEC), ENODEV);
	if (reader)
		want(waitpid(reader, &status, 0) == reader && status == 0);
	munmap((void *)map, info.size);
	return failures();
}

/* pin DEVICE: lends pages to a pipe, until it is killed. */
int command_pin(int dev, char **args)
{
	struct iovec pages = {.iov_len = 16384};
	int pipefd[2];

	(void)args;
	pages.iov_base = map_shared(dev, 4096, pages.iov_len);
	memset(pages.iov_base, 1, pages.iov_len);
	if (pipe2(pipefd, O_CLOEXEC) < 0 ||
	    vmsplice(pipefd[1], &pages, 1, 0) != (ssize_t)pages.iov_len)
		fatal("vmsplice");
	printf("ready\n");
	pause();
	return 1;
}

/* Everything that is allowed, at random, until the deadline. */
static bool hammer_once(const char *path, unsigned int *seed)
{
	struct fam_ioc_info info;
	struct fam_ioc_ring request = {.vector = rand_r(seed) % 4};
	struct fam_ioc_eventfd listen = {.vector = rand_r(seed) % 4};
	int dev = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	uint64_t counts[256];
	volatile char *map;

	if (dev < 0)
		return false; /* unbound now */
	listen.fd = eventfd(0, EFD_CLOEXEC);
	(void)ioctl(dev, FAM_IOC_EVENTFD, &listen);
	if (ioctl(dev, FAM_IOC_INFO, &info) == 0) {
		request.peer = info.peer;
		(void)ioctl(dev, FAM_IOC_RING, &request);
		map = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   dev, 0);
		if (map != MAP_FAILED) {
			for (int i = 0; i < 16; i++)
				(void)is_gone(map + (uint32_t)rand_r(seed) %
							      info.size,
					      i % 2);
			munmap((void *)map, info.size);
		}
	}
	(void)!read(dev, counts, sizeof(counts));
	close(listen.fd);
	close(dev);
	return true;
}

static void hammer(const char *path, unsigned int seed, uint64_t deadline)
{
	unsigned long rounds = 0;

	catch_bus();
	while (now_us() < deadline)
		rounds += hammer_once(path, &seed);
	printf("rounds %lu\n", rounds);
	exit(rounds > 100 ? 0 : 1);
}

/* hammer DEVICE PATH-OF-DEVICE PROCESSES SECONDS */
int command_hammer(int dev, char **args)
{
	uint64_t deadline = now_us() + number(args[2]) * 1000000;
	unsigned long processes = number(args[1]);
	int status;

	close(dev);
	for (unsigned int i = 0; i < processes; i++)
		if (fork() == 0)
			hammer(args[0], i + 1, deadline);
	while (wait(&status) > 0)
		want(status == 0);
	return failures();
}
