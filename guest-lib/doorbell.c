// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "fam-server.h"

int fam_peer_self(struct fam *fam)
{
	return fam->server ? fam->server->self : -EOPNOTSUPP;
}

int fam_doorbell_vectors(struct fam *fam)
{
	return fam->server ? fam->server->vectors : -EOPNOTSUPP;
}

/* The eventfd to write to; what the server has told meanwhile may name it. */
static int find_doorbell(struct fam_server *server, unsigned int peer,
			 unsigned int vector)
{
	int fd, r = 0;

	pthread_mutex_lock(&server->lock);
	fd = fam_server_doorbell(server, peer, vector);
	if (fd == -ENOENT) {
		r = fam_server_hear(server);
		fd = fam_server_doorbell(server, peer, vector);
	}
	pthread_mutex_unlock(&server->lock);
	return fd == -ENOENT && r < 0 ? r : fd;
}

int fam_doorbell_ring(struct fam *fam, unsigned int peer, unsigned int vector)
{
	const uint64_t one = 1;
	int fd;

	if (!fam->server)
		return -EOPNOTSUPP;
	if (vector >= fam->server->vectors)
		return -ERANGE;
	fd = find_doorbell(fam->server, peer, vector);
	if (fd < 0)
		return fd;
	/* The kernel's locks order all stores but the weakly ordered ones. */
	fam_drain(fam);
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

int fam_doorbell_fd(struct fam *fam, unsigned int vector)
{
	const struct fam_server *server = fam->server;

	if (!server)
		return -EOPNOTSUPP;
	if (vector >= server->vectors)
		return -ERANGE;
	/* Neither the entry nor the descriptor changes after the set-up. */
	return fam_server_peer(server, server->self)->fd[vector];
}

/* 0 and the rings, or -EAGAIN: somebody else took them, or there were none. */
static int take_rings(int fd, uint64_t *count)
{
	uint64_t rings;

	if (read(fd, &rings, sizeof(rings)) < 0)
		return -errno;
	if (count)
		*count = rings;
	return 0;
}

/* Reads what the server tells; false if that makes no sense any more. */
static bool hear(struct fam_server *server)
{
	bool more;

	pthread_mutex_lock(&server->lock);
	more = fam_server_hear(server) == 0 && !server->ended;
	pthread_mutex_unlock(&server->lock);
	return more;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What is left until @deadline, for poll(2); -1: there is none. */
static int left_of(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	if (deadline < 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

int fam_doorbell_wait(struct fam *fam, unsigned int vector, int timeout_ms,
		      uint64_t *count)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	int left;

	p[0].fd = fam_doorbell_fd(fam, vector);
	if (p[0].fd < 0)
		return p[0].fd;
	p[1].fd = fam->server->wire.sock;
	do {
		int r = -EAGAIN;

		left = left_of(deadline);
		if (poll(p, 2, left) < 0)
			return -errno;
		if (p[1].revents && !hear(fam->server))
			p[1].fd = -1;
		if (p[0].revents)
			r = take_rings(p[0].fd, count);
		if (r != -EAGAIN)
			return r;
	} while (left != 0);
	return -ETIMEDOUT;
}

/* What is known first: it came first. */
static int next_event(struct fam_server *server, struct fam_peer_event *out)
{
	const struct fam_server_peer *peer = fam_server_next_change(server);
	int r = 0;

	if (!peer) {
		r = fam_server_hear(server);
		peer = fam_server_next_change(server);
	}
	if (!peer && r == 0)
		r = server->ended ? server->ended : -EAGAIN;
	if (!peer)
		return r;
	out->peer = peer->id;
	out->change = peer->told ? FAM_PEER_JOINED : FAM_PEER_LEFT;
	return 0;
}

int fam_peer_event(struct fam *fam, struct fam_peer_event *out)
{
	int r;

	if (!fam->server)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&fam->server->lock);
	r = next_event(fam->server, out);
	pthread_mutex_unlock(&fam->server->lock);
	return r;
}

int fam_peer_fd(struct fam *fam)
{
	return fam->server ? fam->server->epoll : -EOPNOTSUPP;
}

/* Without the lock while visiting: the visitor may ring. */
static void snapshot(struct fam_server *server, uint8_t told[FAM_WIRE_IDS / 8])
{
	pthread_mutex_lock(&server->lock);
	for (unsigned int i = 0; i < FAM_WIRE_IDS; i++) {
		const struct fam_server_peer *peer = fam_server_peer(server, i);

		if (peer && peer->told)
			told[i / 8] |= (uint8_t)(1u << i % 8);
	}
	pthread_mutex_unlock(&server->lock);
}

int fam_peer_each(struct fam *fam, int (*visit)(unsigned int peer, void *arg),
		  void *arg)
{
	uint8_t told[FAM_WIRE_IDS / 8] = {0};
	int r = 0;

	if (!fam->server)
		return -EOPNOTSUPP;
	snapshot(fam->server, told);
	for (unsigned int i = 0; i < FAM_WIRE_IDS && r == 0; i++) {
		if (told[i / 8] >> i % 8 & 1)
			r = visit(i, arg);
	}
	return r;
}
