// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Many well-behaved peers in one process, which close what they are given.
 *
 * usage: fam-crowd SOCKET COUNT VECTORS
 *	"all complete"	each has its own last eventfd
 *	"all know all"	each was told of COUNT + 1 IDs at least, once each
 *	"some refused"	the server closed some; the others stay
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "test-peer.h"

struct member {
	int sock;
	long id;
	unsigned int messages, own;
	unsigned long eventfds;
	bool complete;
};

static unsigned long count, vectors, complete, informed, refused;

static void take(struct member *m, int64_t value, int fd)
{
	if (++m->messages == 2)
		m->id = (long)value;
	if (fd < 0)
		return;
	close(fd);
	if (value < 0)
		return;
	if (++m->eventfds == (count + 1) * vectors)
		informed++;
	if (value == m->id && ++m->own == vectors) {
		m->complete = true;
		complete++;
	}
	if (m->own > vectors) {
		printf("told twice\n");
		exit(1);
	}
}

static void serve(struct member *m, int epoll)
{
	int64_t value;
	int fd, ret;

	while ((ret = test_peer_receive(m->sock, IVSHMEM_MODERN, &value,
					&fd)) == 1)
		take(m, value, fd);
	if (ret < 0) {
		refused++;
		epoll_ctl(epoll, EPOLL_CTL_DEL, m->sock, NULL);
		close(m->sock);
	}
}

static void report(void)
{
	static bool said[3];

	if (complete == count && !said[0])
		said[0] = puts("all complete") >= 0;
	if (informed == count && !said[1])
		said[1] = puts("all know all") >= 0;
	if (refused && refused + complete == count && !said[2])
		said[2] = puts("some refused") >= 0;
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(0);
	struct member *member;

	if (argc < 4)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	vectors = strtoul(argv[3], NULL, 10);
	member = calloc(count, sizeof(*member));
	for (unsigned long i = 0; member && i < count; i++) {
		struct epoll_event ev = {.events = EPOLLIN,
					 .data.ptr = &member[i]};

		member[i].sock = test_peer_connect(argv[1]);
		member[i].id = -1;
		if (member[i].sock < 0 ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, member[i].sock, &ev) < 0)
			return 1;
	}
	for (;;) {
		struct epoll_event ev[64];
		int n = epoll_wait(epoll, ev, 64, -1);

		while (n-- > 0)
			serve(ev[n].data.ptr, epoll);
		report();
	}
}
