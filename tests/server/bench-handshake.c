// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * How long do many clients wait until each has all it is sent at set-up?
 * tm-server beside a straightforward server, which sends one message per
 * system call as QEMU's and The Machine's do; both in turn, medians.
 *
 * usage: bench-handshake TM-SERVER [CLIENTS [RUNS]]
 * exit status 1: tm-server needs more than half of the other's time for all at
 * once. Needs an idle machine, or chrt -r 5 in front.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define RUNS_MAX    101
#define TARGET	    0.5

enum order { ALL_AT_ONCE, ONE_BY_ONE };

struct client {
	int fd;
	int64_t id; /* -1: not told yet */
	unsigned int messages;
	bool done;
};

static struct client client[CLIENTS_MAX];
static char dir[] = "/tmp/fam-bench.XXXXXX";
static char path[64], file[64];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* -- the straightforward server -- */

static void send_one(int to, int64_t value, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {&value, sizeof(value)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_LEN(sizeof(int));
	}
	if (sendmsg(to, &msg, MSG_NOSIGNAL) != sizeof(value))
		die("sendmsg");
}

static void naive_join(int fd, int memory, int id, int *peer, int *event)
{
	peer[id] = fd;
	event[id] = eventfd(0, EFD_NONBLOCK);
	send_one(fd, 0, -1);
	send_one(fd, id, -1);
	send_one(fd, -1, memory);
	for (int i = 0; i < id; i++)
		send_one(peer[i], id, event[id]);
	for (int i = 0; i < id; i++)
		send_one(fd, i, event[i]);
	send_one(fd, id, event[id]);
}

static void naive_server(int listener)
{
	static int peer[CLIENTS_MAX], event[CLIENTS_MAX];
	int memory = memfd_create("naive", 0), id = 0;

	if (memory < 0 || ftruncate(memory, 1 << 20) < 0)
		die("memfd_create");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		naive_join(fd, memory, id++, peer, event);
	}
}

static int listen_at(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 4096))
		die("listen");
	return fd;
}

static pid_t start_naive(void)
{
	int fd = listen_at();
	pid_t pid = fork();

	if (pid == 0)
		naive_server(fd);
	close(fd);
	return pid;
}

/* -- ours -- */

static pid_t start_ours(const char *program)
{
	char byte;
	int ready[2];
	pid_t pid = -1;

	if (pipe(ready) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		dup2(ready[1], STDERR_FILENO);
		close(ready[0]);
		close(ready[1]);
		execl(program, program, "-f", file, "-p", path, (char *)NULL);
		_exit(2);
	}
	close(ready[1]);
	/* its log says when it is ready */
	for (const char *want = "serves"; *want;) {
		if (read(ready[0], &byte, 1) != 1)
			die("tm-server");
		want = byte == *want ? want + 1 : "serves";
	}
	/* its log goes on into a pipe that must not fill */
	if (fork() == 0) {
		char sink[4096];

		while (read(ready[0], sink, sizeof(sink)) > 0)
			;
		_exit(0);
	}
	close(ready[0]);
	return pid;
}

/* -- the clients, read as QEMU reads -- */

static int receive(int from, int64_t *value, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {value, sizeof(*value)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(from, &msg, MSG_DONTWAIT);
	struct cmsghdr *c;

	if (n != sizeof(*value))
		return n < 0 && errno == EAGAIN ? 0 : -1;
	c = CMSG_FIRSTHDR(&msg);
	*fd = -1;
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 1;
}

static void take(struct client *c)
{
	int64_t value;
	int fd, ret;

	while ((ret = receive(c->fd, &value, &fd)) > 0) {
		if (++c->messages == 2)
			c->id = value;
		if (fd >= 0 && value == c->id)
			c->done = true;
		if (fd >= 0)
			close(fd);
	}
	if (ret < 0)
		die("a client was dropped");
}

static void connect_one(struct client *c, int epoll)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

	*c = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM, 0), .id = -1};
	strcpy(address.sun_path, path);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("connect");
}

/* Serves all who are readable until @n clients have all they wait for. */
static void wait_for(int epoll, int from, int n)
{
	struct epoll_event ev[64];

	for (int i = from; i < n; i++) {
		while (!client[i].done) {
			int k = epoll_wait(epoll, ev, 64, 10000);

			if (k <= 0)
				die("epoll_wait");
			while (k-- > 0)
				take(ev[k].data.ptr);
		}
	}
}

static double handshake(int n, enum order order)
{
	int epoll = epoll_create1(0);
	double start = now_ms();

	for (int i = 0; i < n; i++) {
		connect_one(&client[i], epoll);
		if (order == ONE_BY_ONE)
			wait_for(epoll, i, i + 1);
	}
	wait_for(epoll, 0, n);
	start = now_ms() - start;
	for (int i = 0; i < n; i++)
		close(client[i].fd);
	close(epoll);
	return start;
}

static double run(const char *program, int n, enum order order)
{
	pid_t pid = program ? start_ours(program) : start_naive();
	double ms = handshake(n, order);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	return ms;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[n / 2];
}

/* true: the target is met */
static bool measure(const char *program, int n, int runs, enum order order)
{
	static double ours[RUNS_MAX], naive[RUNS_MAX];
	double a, b;

	for (int i = 0; i < runs; i++) {
		ours[i] = run(program, n, order);
		naive[i] = run(NULL, n, order);
	}
	a = median(ours, runs);
	b = median(naive, runs);
	printf("%d clients %s: tm-server %.1f ms, one message per call %.1f "
	       "ms, "
	       "ratio %.2f (best %.1f / %.1f)\n",
	       n, order == ONE_BY_ONE ? "one by one" : "at once", a, b, a / b,
	       ours[0], naive[0]);
	return a <= TARGET * b;
}

/* A killed server leaves its files. */
static void clean_up(void)
{
	static const char *const names[] = {
		"f", "s.legacy", "s.host", "s.ctl", "s.lock", "s.state",
	};
	char name[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		unlink(name);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 256;
	int runs = argc > 3 ? atoi(argv[3]) : 9;
	bool good;
	int fd;

	if (argc < 2 || n < 1 || n > CLIENTS_MAX || runs < 1 || runs > RUNS_MAX)
		return 2;
	if (!mkdtemp(dir))
		die(dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(file, sizeof(file), "%s/f", dir);
	fd = creat(file, 0600);
	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		die(file);
	close(fd);
	good = measure(argv[1], n, runs, ALL_AT_ONCE);
	measure(argv[1], n, runs, ONE_BY_ONE); /* for comparison */
	clean_up();
	return good ? 0 : 1;
}
