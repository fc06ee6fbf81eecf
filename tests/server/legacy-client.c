// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A model of how QEMU 1.5 to 2.4 reads its ivshmem server, with the bounds it
 * does not check: eight bytes per call, the number is looked at as a `long`,
 * arrays have as many places as the device has vectors.
 *
 * Says what it makes of each message; HARM and exit status 4 where the real one
 * would corrupt its heap, crash or misread. Told anything on stdin it prints
 *its state and ends: position N memory N peers N eventfds N
 *
 * usage: fam-legacy-client SOCKET VECTORS [SIZE]
 *	SIZE: bytes of the device's size=; the memory must not be smaller
 */
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test-peer.h"

#define PEERS_MAX 65536

/* What the device keeps of a peer: an array made at its first eventfd. */
static struct {
	bool made;	/* the array exists */
	bool freed;	/* it left: the array is gone, its pointer is not */
	unsigned int n; /* eventfds in it */
} peer[PEERS_MAX];

static long position = -1;
static long long memory_bytes = -1;
static unsigned int vectors, peers, eventfds;

static void harm(const char *what, int64_t value)
{
	printf("HARM %s: %lld\n", what, (long long)value);
	fflush(stdout);
	exit(4);
}

static void take_memory(int fd, long long size)
{
	struct stat st;

	if (memory_bytes >= 0)
		harm("a second memory is registered", -1);
	if (fstat(fd, &st) < 0 || st.st_size < size)
		harm("memory smaller than size=", st.st_size);
	memory_bytes = st.st_size;
	printf("memory %lld\n", memory_bytes);
}

/* Without a descriptor: this device's own ID, or somebody has gone. */
static void take_number(long value)
{
	if (!peer[value].made) {
		position = value;
		printf("position %ld\n", value);
		return;
	}
	printf("gone %ld\n", value);
	peer[value].freed = true;
	peer[value].n = 0;
}

static void take_eventfd(long value)
{
	if (memory_bytes < 0)
		harm("eventfd before the memory", value);
	if (peer[value].freed)
		harm("freed array of eventfds is written", value);
	if (peer[value].n >= vectors)
		harm("array of eventfds is overrun", value);
	if (!peer[value].made)
		peers++;
	peer[value].made = true;
	peer[value].n++;
	eventfds++;
	printf("eventfd %ld %u\n", value, peer[value].n - 1);
}

static void take_message(int64_t value, int fd, long long size)
{
	if (value < -1 || value >= PEERS_MAX)
		harm("value out of range", value);
	if (value == -1 && fd < 0)
		harm("memory without a descriptor", value);
	if (value == -1)
		take_memory(fd, size);
	else if (fd < 0)
		take_number((long)value);
	else
		take_eventfd((long)value);
	fflush(stdout);
}

static void finish(void)
{
	printf("position %ld memory %lld peers %u eventfds %u\n", position,
	       memory_bytes, peers, eventfds);
	fflush(stdout);
	exit(0);
}

int main(int argc, char **argv)
{
	long long size = argc > 3 ? atoll(argv[3]) : 0;
	int sock, fd, ret;
	int64_t value;

	if (argc < 3)
		return 2;
	vectors = (unsigned int)atoi(argv[2]);
	sock = test_peer_connect(argv[1]);
	if (sock < 0) {
		fprintf(stderr, "fam-legacy-client: %s\n", strerror(-sock));
		return 1;
	}
	for (;;) {
		struct pollfd p[2] = {{.fd = sock, .events = POLLIN},
				      {.fd = STDIN_FILENO, .events = POLLIN}};

		if (poll(p, 2, -1) < 0)
			return 1;
		while (p[0].revents &&
		       (ret = test_peer_receive(sock, IVSHMEM_LEGACY, &value,
						&fd)) == 1)
			take_message(value, fd, size);
		if (p[0].revents && ret < 0) {
			printf("end\n");
			finish();
		}
		if (p[1].revents)
			finish();
	}
}
