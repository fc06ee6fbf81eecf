// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A program of the host as a peer of tm-server. The server may be anybody's
 * and broken: every message is judged, everything it can make grow is bounded
 * by the number of IDs, and what is no eventfd is never written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fam-server.h"

/* At most so many messages at once: a flood must not hold its reader. */
#define HEAR_MAX 65536

/* --- messages -------------------------------------------------------------- */

static int take_hello(struct fam_server *s, int64_t value)
{
	if (value != FAM_WIRE_HELLO)
		return -EPROTO;
	s->hello = true;
	return 0;
}

static int take_self(struct fam_server *s, uint16_t id)
{
	if (s->named || id == FAM_PEER_SERVER)
		return -EPROTO;
	s->named = true;
	s->self = id;
	return 0;
}

static int take_vectors(struct fam_server *s, uint16_t count)
{
	if (!s->named || s->vectors || count == 0 ||
	    count > FAM_WIRE_VECTORS_MAX)
		return -EPROTO;
	s->vectors = count;
	return 0;
}

static int take_presence(struct fam_server *s, uint16_t id, bool present)
{
	struct fam_server_peer *peer = fam_server_peer(s, id);

	if (!peer || id == s->self || peer->doorbells != s->vectors ||
	    peer->present == present || (!s->ready && !present))
		return -EPROTO;
	peer->present = present;
	if (s->ready)
		fam_server_peer_changed(s, peer);
	else
		peer->told = present;
	return 0;
}

static int take_ready(struct fam_server *s, uint16_t number)
{
	const struct fam_server_peer *own = fam_server_peer(s, s->self);

	if (number || s->ready || !s->mapped || !own ||
	    own->doorbells != s->vectors)
		return -EPROTO;
	s->ready = true;
	return 0;
}

static int take_plain(struct fam_server *s, int64_t value)
{
	uint16_t number = (uint16_t)value;

	if (!s->hello)
		return take_hello(s, value);
	if (value >> 16 & 0xffff)
		return -EPROTO;
	switch (value >> 32) {
	case FAM_WIRE_SELF:
		return take_self(s, number);
	case FAM_WIRE_VECTORS:
		return take_vectors(s, number);
	case FAM_WIRE_ATTACHED:
		return take_presence(s, number, true);
	case FAM_WIRE_LEFT:
		return take_presence(s, number, false);
	case FAM_WIRE_READY:
		return take_ready(s, number);
	default:
		return -EPROTO;
	}
}

/* An eventfd, by the only thing that tells: its name. */
static bool is_doorbell(int fd)
{
	static const char name[] = "anon_inode:[eventfd]";
	char link[64], found[sizeof(name) + 1];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, found, sizeof(found));
	return n == sizeof(name) - 1 && memcmp(found, name, (size_t)n) == 0;
}

static int take_doorbell(struct fam_server *s, int64_t value, int fd)
{
	struct fam_server_peer *peer;

	if (!s->mapped || value >> 16 >= s->vectors || !is_doorbell(fd))
		return -EPROTO;
	peer = fam_server_peer_make(s, (uint16_t)value);
	if (!peer)
		return -ENOMEM;
	if (value >> 16 != peer->doorbells)
		return -EPROTO;
	peer->fd[peer->doorbells++] = fd;
	return 0;
}

static int take_memory(struct fam_server *s, int fd)
{
	if (!s->vectors || s->mapped)
		return -EPROTO;
	s->mapped = true;
	s->memory = fd;
	return 0;
}

static int take_one(struct fam_server *s)
{
	int64_t value;
	int fd, r = fam_wire_read(&s->wire, &value, &fd);

	if (r < 0)
		return r;
	if (fd < 0)
		return take_plain(s, value);
	if (value == FAM_WIRE_MEMORY)
		r = take_memory(s, fd);
	else if (value >= 0 && value <= UINT32_MAX)
		r = take_doorbell(s, value, fd);
	else
		r = -EPROTO;
	if (r < 0)
		close(fd);
	return r;
}

/* --- the set-up ------------------------------------------------------------ */

static int wait_input(int sock, uint64_t until)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	uint64_t now = (uint64_t)fam_now_ms();

	if (now >= until)
		return -ETIMEDOUT;
	if (poll(&p, 1, (int)(until - now)) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static int receive_setup(struct fam_server *s,
			 const struct fam_server_patience *patience)
{
	uint64_t end = (uint64_t)fam_now_ms() + (uint64_t)patience->total_ms;
	uint64_t until = 0; /* of the silence; 0: there is none */
	int r = 0;

	while (r == 0 && !s->ready) {
		r = take_one(s);
		if (r == 0)
			until = 0;
		if (r != -EAGAIN)
			continue;
		if (!until)
			until = (uint64_t)fam_now_ms() +
				(uint64_t)patience->silence_ms;
		r = wait_input(s->wire.sock, until < end ? until : end);
	}
	return r;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_pollable(struct fam_server *s)
{
	int r;

	s->notice = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->notice < 0)
		return -errno;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	r = watch(s->epoll, s->notice);
	return r < 0 ? r : watch(s->epoll, s->wire.sock);
}

int fam_server_setup(int sock, const struct fam_server_patience *patience,
		     struct fam_server **out)
{
	struct fam_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(sock);
		return -ENOMEM;
	}
	s->memory = -1;
	s->notice = -1;
	s->epoll = -1;
	s->wire = (struct fam_wire){.sock = sock, .fd = -1};
	pthread_mutex_init(&s->lock, NULL);
	r = make_pollable(s);
	if (r == 0)
		r = receive_setup(s, patience);
	if (r < 0) {
		fam_server_close(s);
		return r;
	}
	*out = s;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fam_server_close(struct fam_server *s)
{
	if (!s)
		return;
	fam_server_peers_free(s);
	close_if_open(s->memory);
	close_if_open(s->epoll);
	close_if_open(s->notice);
	fam_wire_close(&s->wire);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* --- the memory ------------------------------------------------------------ */

static int check_access(int fd, bool writable)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
		return -EPROTO;
	return writable && (flags & O_ACCMODE) != O_RDWR ? -EACCES : 0;
}

static bool is_fabric_size(uint64_t size)
{
	return (size & (size - 1)) == 0 && size >= FAM_RAW_MIN &&
	       size <= FAM_SIZE_MAX;
}

static void name_memory(struct fam_source *source)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", source->fd);
	n = readlink(link, source->path, sizeof(source->path) - 1);
	source->path[n > 0 ? n : 0] = '\0';
}

int fam_server_take_memory(struct fam_server *s, bool writable, bool wanted,
			   struct fam_source *out)
{
	struct fam_source source = {.writable = writable, .fd = s->memory};
	bool none;
	int r = check_access(source.fd, writable && wanted);

	s->memory = -1;
	if (r == 0)
		r = fam_hostfile_describe(&source);
	none = r == 0 && source.size == FAM_WIRE_NONE_BYTES;
	if (r == -ENOTBLK || (r == 0 && !none && !is_fabric_size(source.size)))
		r = -EPROTO;
	if (r < 0) {
		fam_source_close(&source);
		return r;
	}
	source.transport = FAM_TRANSPORT_SERVER;
	name_memory(&source);
	if (none || !wanted)
		fam_source_leave(&source);
	*out = source;
	return 0;
}

int fam_server_open(const char *where, bool writable, bool wanted,
		    struct fam_source *source, struct fam_server **out)
{
	const struct fam_server_patience patience = {FAM_SERVER_SILENCE_MS,
						     FAM_SERVER_TOTAL_MS};
	char path[FAM_SERVER_PATH_MAX];
	int sock = fam_server_connect(where, path, FAM_SERVER_SILENCE_MS);
	struct fam_server *s;
	int r;

	if (sock < 0)
		return sock;
	r = fam_server_setup(sock, &patience, &s);
	if (r < 0)
		return r;
	strcpy(s->path, path);
	r = fam_server_take_memory(s, writable, wanted, source);
	if (r < 0) {
		fam_server_close(s);
		return r;
	}
	*out = s;
	return 0;
}

/* --- afterwards ------------------------------------------------------------ */

/*
 * The socket stays open, so that it is never another one under somebody's
 * poll(), and readable, as its end is to be noticed. The server sees an end too
 * and takes the ID back.
 */
static void end(struct fam_server *s, int why)
{
	s->ended = why == -ECONNRESET ? -ENOTCONN : why;
	/* fails only if the other side has ended it */
	(void)shutdown(s->wire.sock, SHUT_RDWR);
}

/* A message whose descriptor finds no room would be lost. */
static int check_room(const struct fam_server *s)
{
	_cleanup_close_ int probe = fcntl(s->wire.sock, F_DUPFD_CLOEXEC, 0);

	return probe < 0 ? -errno : 0;
}

int fam_server_hear(struct fam_server *s)
{
	for (unsigned int i = 0; i < HEAR_MAX && !s->ended; i++) {
		int r = check_room(s);

		if (r < 0)
			return r;
		r = take_one(s);
		if (r == -EAGAIN)
			break;
		if (r < 0)
			end(s, r);
	}
	return 0;
}

int fam_server_doorbell(const struct fam_server *s, unsigned int id,
			unsigned int vector)
{
	const struct fam_server_peer *peer = fam_server_peer(s, id);

	if (!peer || peer->doorbells != s->vectors)
		return -ENOENT;
	if (id == FAM_PEER_SERVER && s->ended)
		return -ENOTCONN;
	if (!peer->present && id != s->self && id != FAM_PEER_SERVER)
		return -ENOENT;
	return peer->fd[vector];
}
