// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Peers of every bad kind, in great number, against one server; meanwhile two
 * good ones that read must miss nothing.
 *
 * usage: fam-churn SOCKET CYCLES [SEED]
 *	SOCKET.legacy, SOCKET.host and SOCKET.ctl are used, too
 *
 * A cycle makes one peer, at random: it closes at once, in the middle of its
 * set-up, or after it; never reads; sends garbage, half a message, or
 * descriptors; shuts down one direction; is killed as a process; speaks garbage
 * to the control socket. Up to PEERS_MAX of them are there at a time.
 *
 * exit status 0 and "cycles N joins N leaves N" if the good peers saw for every
 * ID: doorbells once, then attached and left in turn.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "test-peer.h"
#include "tm-ctl.h"

#define PEERS_MAX 48
#define CALM_MS	  3000

struct good {
	int sock;
	struct ivshmem_client client;
	unsigned long joins, leaves;
	int64_t last_ms;
};

static uint64_t seed = 1;
static const char *path;
static int open_peer[PEERS_MAX];

static uint32_t dice(uint32_t n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "fam-churn: %s\n", what);
	exit(1);
}

static int connect_suffix(const char *suffix)
{
	char full[200];
	int fd;

	snprintf(full, sizeof(full), "%s%s", path, suffix);
	fd = test_peer_connect(full);
	if (fd < 0)
		die("the server does not let anybody in");
	return fd;
}

static int connect_any(enum ivshmem_dialect *dialect)
{
	static const char *const suffix[] = {"", ".legacy", ".host"};

	*dialect = (enum ivshmem_dialect)dice(3);
	return connect_suffix(suffix[*dialect]);
}

/* -- the good ones -- */

static void good_read(struct good *g)
{
	struct ivshmem_receipt r;
	int64_t value;
	int fd, ret;

	while ((ret = test_peer_receive(g->sock, g->client.dialect, &value,
					&fd)) == 1) {
		if (ivshmem_receive(&g->client, value, fd >= 0, &r) < 0)
			die("a good peer was told nonsense");
		if (fd >= 0)
			close(fd);
		g->joins += r.event == IVSHMEM_EVENT_ATTACHED;
		g->leaves += r.event == IVSHMEM_EVENT_LEFT;
		if (g->client.dialect == IVSHMEM_MODERN &&
		    r.event == IVSHMEM_EVENT_LEFT)
			die("a peer of QEMU's kind was told of a leave");
		g->last_ms = now_ms();
	}
	if (ret < 0)
		die("a good peer was dropped");
}

static void good_connect(struct good *g, enum ivshmem_dialect dialect)
{
	g->client.dialect = dialect;
	g->sock = connect_suffix(dialect == IVSHMEM_HOST ? ".host" : "");
	g->last_ms = now_ms();
	while (dialect == IVSHMEM_HOST && !g->client.ready) {
		struct pollfd p = {.fd = g->sock, .events = POLLIN};

		if (poll(&p, 1, 10000) != 1)
			die("a good peer's set-up does not end");
		good_read(g);
	}
}

/* -- the bad ones -- */

static void read_some(int fd, enum ivshmem_dialect dialect, unsigned int n)
{
	int64_t value;
	int got;

	while (n-- > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 20) != 1 ||
		    test_peer_receive(fd, dialect, &value, &got) != 1)
			return;
		if (got >= 0)
			close(got);
	}
}

static void send_garbage(int fd)
{
	uint8_t bytes[4096];
	size_t n = 1 + dice(sizeof(bytes));

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)dice(256);
	/* it may be dropped already */
	(void)!send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_descriptors(int fd)
{
	char control[CMSG_SPACE(4 * sizeof(int))]
		__attribute__((aligned(8))) = {0};
	int fds[4] = {0, 1, 2, fd};
	uint64_t value = dice(70000);
	struct iovec iov = {&value, 1 + dice(8)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	(void)!sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void bad_control(void)
{
	uint8_t bytes[64] = {0};
	struct tm_ctl_request q = {.magic = TM_CTL_MAGIC,
				   .version = TM_CTL_VERSION,
				   /* all but stop and take-over */
				   .op = (uint16_t)dice(4),
				   .id = dice(70000),
				   .vector = dice(300)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s.ctl", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		memcpy(bytes, &q, sizeof(q));
		if (dice(2))
			bytes[dice(6)] ^= (uint8_t)(1 + dice(255));
		for (uint32_t n = dice(4); n > 0; n--)
			(void)!send(fd, bytes, dice(3) ? sizeof(q) : dice(64),
				    MSG_NOSIGNAL);
	}
	close(fd);
}

/* A process that dies with its connection in some state. */
static void killed_process(void)
{
	pid_t pid = fork();
	enum ivshmem_dialect dialect;

	if (pid == 0) {
		int fd = connect_any(&dialect);

		read_some(fd, dialect, dice(20));
		raise(SIGKILL);
	}
	waitpid(pid, NULL, 0);
}

static void misbehave(int fd, enum ivshmem_dialect dialect)
{
	switch (dice(8)) {
	case 0:
		send_garbage(fd);
		break;
	case 1:
		send_descriptors(fd);
		break;
	case 2:
		shutdown(fd, SHUT_WR);
		break;
	case 3:
		shutdown(fd, SHUT_RD);
		break;
	case 4:
		read_some(fd, dialect, 4);
		break;
	case 5:
		read_some(fd, dialect, 10000);
		break;
	default: /* never reads */
		break;
	}
}

/* The server looks closer at who is called like an emulator. */
static void take_a_name(void)
{
	prctl(PR_SET_NAME, dice(4) ? "fam-churn" : "qemu-churn");
}

static void cycle(void)
{
	enum ivshmem_dialect dialect;
	uint32_t place = dice(PEERS_MAX);
	int fd;

	take_a_name();
	if (dice(40) == 0) {
		killed_process();
		return;
	}
	if (dice(20) == 0)
		bad_control();
	if (open_peer[place] >= 0)
		close(open_peer[place]);
	fd = open_peer[place] = connect_any(&dialect);
	misbehave(fd, dialect);
	if (dice(3) == 0) {
		close(fd);
		open_peer[place] = -1;
	}
}

/* Until the good ones have heard nothing for a while. */
static void calm(struct good *g, int n)
{
	for (int i = 0; i < n; i++) {
		while (now_ms() - g[i].last_ms < CALM_MS) {
			struct pollfd p = {.fd = g[i].sock, .events = POLLIN};

			poll(&p, 1, 100);
			good_read(&g[i]);
		}
	}
}

/* Those of before are all that is left, and the other good one. */
static void check(const struct good *host, unsigned long before,
		  unsigned long cycles)
{
	if (host->joins - host->leaves != before + 1)
		die("joins and leaves do not match");
	printf("cycles %lu joins %lu leaves %lu\n", cycles,
	       host->joins - before, host->leaves);
}

int main(int argc, char **argv)
{
	static struct good good[2];
	unsigned long cycles, before;

	if (argc < 3)
		return 2;
	path = argv[1];
	cycles = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		seed = strtoull(argv[3], NULL, 10) * 2 + 1;
	for (int i = 0; i < PEERS_MAX; i++)
		open_peer[i] = -1;
	good_connect(&good[0], IVSHMEM_HOST);
	before = good[0].joins;
	good_connect(&good[1], IVSHMEM_MODERN);
	for (unsigned long i = 0; i < cycles; i++) {
		cycle();
		good_read(&good[0]);
		good_read(&good[1]);
	}
	for (int i = 0; i < PEERS_MAX; i++)
		if (open_peer[i] >= 0)
			close(open_peer[i]);
	good[0].last_ms = good[1].last_ms = now_ms();
	calm(good, 2);
	check(&good[0], before, cycles);
	return 0;
}
