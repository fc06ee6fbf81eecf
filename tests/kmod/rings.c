// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Interrupts. Who rings first counts up a word of the memory, one for each
 * vector, 64 bytes apart from COUNTERS on. Who is rung looks at a word only when
 * its vector was rung: if the last ring were lost, it would miss the last count.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guest.h"

#define COUNTERS   (4 * MIB)
#define WAIT_MS	   20000
#define VECTOR_MAX 256

static uint64_t *counters(int dev)
{
	return map_shared(dev, COUNTERS, VECTOR_MAX * 64);
}

static uint64_t *counter(uint64_t *all, unsigned int vector)
{
	return all + vector * 8;
}

static volatile uint32_t *registers(int dev)
{
	return map_shared(dev, FAM_MMAP_REGISTERS, 4096);
}

static void ring(int dev, volatile uint32_t *doorbell, uint32_t peer,
		 uint32_t vector)
{
	struct fam_ioc_ring request = {.peer = peer, .vector = vector};

	if (doorbell)
		doorbell[3] = peer << 16 | vector;
	else if (ioctl(dev, FAM_IOC_RING, &request) < 0)
		fatal("FAM_IOC_RING");
}

/* ring DEVICE PEER VECTOR [registers] */
int command_ring(int dev, char **args)
{
	ring(dev, args[2] ? registers(dev) : NULL, (uint32_t)number(args[0]),
	     (uint32_t)number(args[1]));
	return 0;
}

/* burst DEVICE PEER VECTORS COUNT [registers]: in turn, COUNT each. */
int command_burst(int dev, char **args)
{
	uint32_t peer = (uint32_t)number(args[0]);
	unsigned int vectors = (unsigned int)number(args[1]);
	uint64_t count = number(args[2]), *all = counters(dev);
	volatile uint32_t *doorbell = args[3] ? registers(dev) : NULL;
	uint64_t start = now_us();

	for (uint64_t n = 1; n <= count; n++)
		for (unsigned int v = 0; v < vectors; v++) {
			__atomic_store_n(counter(all, v), n, __ATOMIC_SEQ_CST);
			ring(dev, doorbell, peer, v);
		}
	printf("rang %llu times in %llu us\n",
	       (unsigned long long)count * vectors,
	       (unsigned long long)(now_us() - start));
	return 0;
}

/* Three ways to be told; each fills in what vector was rung how often. */
struct receiver {
	int dev;
	int epoll;
	int event[VECTOR_MAX];
	unsigned int vectors;
	uint64_t rung[VECTOR_MAX];
	uint64_t wakes;
};

static bool receive_read(struct receiver *r)
{
	return read(r->dev, r->rung, r->vectors * 8) == r->vectors * 8;
}

static bool receive_poll(struct receiver *r)
{
	struct pollfd pfd = {.fd = r->dev, .events = POLLIN};

	return poll(&pfd, 1, WAIT_MS) == 1 && pfd.revents == POLLIN &&
	       receive_read(r);
}

static bool receive_event(struct receiver *r)
{
	struct epoll_event events[VECTOR_MAX];
	int n = epoll_wait(r->epoll, events, VECTOR_MAX, WAIT_MS);

	memset(r->rung, 0, sizeof(r->rung));
	for (int i = 0; i < n; i++) {
		unsigned int v = events[i].data.u32;

		if (read(r->event[v], &r->rung[v], 8) != 8)
			return false;
	}
	return n > 0;
}

static void listen_all(struct receiver *r)
{
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int v = 0; v < r->vectors; v++) {
		struct fam_ioc_eventfd request = {
			.vector = v,
			.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		};
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = v};

		r->event[v] = request.fd;
		if (ioctl(r->dev, FAM_IOC_EVENTFD, &request) < 0 ||
		    epoll_ctl(r->epoll, EPOLL_CTL_ADD, request.fd, &event) < 0)
			fatal("FAM_IOC_EVENTFD");
	}
}

static bool (*receiver_by(const char *how))(struct receiver *)
{
	if (strcmp(how, "read") == 0)
		return receive_read;
	if (strcmp(how, "poll") == 0)
		return receive_poll;
	return receive_event;
}

/* count DEVICE read|poll|eventfd VECTORS COUNT: until all were seen. */
int command_count(int dev, char **args)
{
	static struct receiver r;
	bool (*receive)(struct receiver *) = receiver_by(args[0]);
	uint64_t count = number(args[2]), *all = counters(dev), interrupts = 0;
	unsigned int left;

	r.dev = dev;
	r.vectors = left = (unsigned int)number(args[1]);
	alarm(120);
	for (unsigned int v = 0; v < r.vectors; v++)
		__atomic_store_n(counter(all, v), 0, __ATOMIC_SEQ_CST);
	if (receive == receive_event)
		listen_all(&r);
	printf("ready\n");
	while (left > 0) {
		if (!receive(&r))
			fatal("the last ring of a vector did not arrive");
		r.wakes++;
		left = r.vectors;
		for (unsigned int v = 0; v < r.vectors; v++) {
			static bool all_seen[VECTOR_MAX];

			interrupts += r.rung[v];
			if (r.rung[v] &&
			    __atomic_load_n(counter(all, v),
					    __ATOMIC_SEQ_CST) == count)
				all_seen[v] = true;
			left -= all_seen[v];
		}
	}
	printf("interrupts %llu\nwakes %llu\n", (unsigned long long)interrupts,
	       (unsigned long long)r.wakes);
	return 0;
}

static long cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* idle DEVICE: what waiting for one ring cost, in microseconds of CPU. */
int command_idle(int dev, char **args)
{
	uint64_t counts[VECTOR_MAX], start = now_us();
	long used;

	(void)args;
	printf("ready\n");
	used = cpu_us();
	if (read(dev, counts, sizeof(counts)) <= 0)
		fatal("read");
	used = cpu_us() - used;
	printf("waited_us %llu\ncpu_us %ld\n",
	       (unsigned long long)(now_us() - start), used);
	return 0;
}
