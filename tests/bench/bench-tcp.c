// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Bytes through TCP, and an acknowledgement: what tests/bench/guest-messages
 * compares `fam bench` with. Buffers and acknowledgements are those of fam bench.
 *
 * usage:	bench-tcp serve PORT
 *		bench-tcp run ADDRESS PORT BYTES ROUNDS BATCH
 *
 * Prints the median and the minimum over the rounds, in ns for each transfer.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER	   ((size_t)16 << 20)
#define ROUNDS_MAX 10000

static uint8_t *buffer;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* False: the other side has gone. */
static bool write_all(int fd, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = write(fd, buffer + done, bytes - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool read_all(int fd, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = read(fd, buffer + done, bytes - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool transfer(int fd, uint64_t bytes, bool (*move)(int, size_t))
{
	while (bytes) {
		size_t piece = bytes < BUFFER ? bytes : BUFFER;

		if (!move(fd, piece))
			return false;
		bytes -= piece;
	}
	return true;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)atoi(port));
	a.sin_addr.s_addr = host ? inet_addr(host) : INADDR_ANY;
	return a;
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int serve(const char *port)
{
	struct sockaddr_in a = address(NULL, port);
	int listener = tcp_socket(), fd;
	uint64_t bytes;

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(listener, 1) < 0)
		fail("bench-tcp: cannot listen");
	printf("ready\n");
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (read_all(fd, sizeof(bytes))) {
			memcpy(&bytes, buffer, sizeof(bytes));
			while (transfer(fd, bytes, read_all) &&
			       write_all(fd, sizeof(bytes)))
				;
		}
		close(fd);
	}
	return 1;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int run(char **words)
{
	struct sockaddr_in a = address(words[0], words[1]);
	uint64_t bytes = strtoull(words[2], NULL, 10);
	int rounds = atoi(words[3]), batch = atoi(words[4]), fd = tcp_socket();
	static double ns[ROUNDS_MAX];

	if (rounds < 1 || rounds > ROUNDS_MAX || batch < 1)
		return 2;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("bench-tcp: cannot connect");
	memcpy(buffer, &bytes, sizeof(bytes));
	if (!write_all(fd, sizeof(bytes)))
		fail("bench-tcp: write");
	for (int i = 0; i < rounds; i++) {
		uint64_t start = now_ns();

		for (int j = 0; j < batch; j++) {
			if (!transfer(fd, bytes, write_all) ||
			    !read_all(fd, sizeof(bytes)))
				fail("bench-tcp: the other side has gone");
		}
		ns[i] = (double)(now_ns() - start) / batch;
	}
	qsort(ns, (size_t)rounds, sizeof(ns[0]), compare);
	printf("%.0f %.0f\n", ns[rounds / 2], ns[0]);
	return 0;
}

int main(int argc, char **argv)
{
	buffer = malloc(BUFFER);
	if (!buffer)
		return 1;
	memset(buffer, 1, BUFFER);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 7 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	fprintf(stderr, "usage: bench-tcp serve PORT | run ADDRESS PORT BYTES "
			"ROUNDS BATCH\n");
	return 2;
}
