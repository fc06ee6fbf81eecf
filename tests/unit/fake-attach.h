/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_FAKE_ATTACH_H
#define TESTS_FAKE_ATTACH_H

/*
 * A server with one client and a fabric "f1", played here so that it can say
 * anything at any moment. After <cmocka.h>.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/un.h>

#include <fam/fam.h>

#include "fabric-file.h"
#include "fake-server.h"

#define PEERS  8
#define OWN    5
#define COUNT  3 /* vectors, the last one being the library's */
#define USABLE (COUNT - 1)

/* A server with one client. Peers 0 (the server), 3 and OWN have doorbells. */
struct fake {
	struct workdir work;
	struct sockaddr_un address;
	pthread_t thread;
	int listener, memory;
	int sock; /* of the client, once it is attached */
	int bell[PEERS][COUNT];
	size_t descriptors; /* before a client came */
};

static inline void send_bells(struct fake *f, int id)
{
	for (int v = 0; v < COUNT; v++)
		assert_int_equal(
			fake_send(f->sock, BELL(id, v), f->bell[id][v]), 0);
}

static inline void *serve(void *arg)
{
	struct fake *f = arg;

	f->sock = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	fake_send(f->sock, FAM_WIRE_HELLO, -1);
	fake_send(f->sock, SELF(OWN), -1);
	fake_send(f->sock, VECTORS(COUNT), -1);
	fake_send(f->sock, FAM_WIRE_MEMORY, f->memory);
	send_bells(f, FAM_PEER_SERVER);
	send_bells(f, 3);
	send_bells(f, OWN);
	fake_send(f->sock, ATTACHED(3), -1);
	fake_send(f->sock, READY, -1);
	return NULL;
}

static inline const char *server_name(struct fake *f)
{
	static char name[sizeof(f->address.sun_path) + 16];

	snprintf(name, sizeof(name), "server:%s", f->address.sun_path);
	return name;
}

static inline int attach(struct fake *f, struct fam **fam, unsigned int flags)
{
	int r;

	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	r = fam_open(fam, server_name(f), flags);
	pthread_join(f->thread, NULL);
	return r;
}

static inline void detach(struct fake *f, struct fam *fam)
{
	fam_close(fam);
	close(f->sock);
	assert_int_equal(open_descriptors(), f->descriptors);
}

static inline int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct fake *f = calloc(1, sizeof(*f));
	const char *path;

	*state = f;
	assert_int_equal(workdir_make(&f->work, base ? base : "/tmp"), 0);
	path = fabric_make(&f->work, "f1", 1, NULL);
	f->memory = open(path, O_RDWR | O_CLOEXEC);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->address.sun_family = AF_UNIX;
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/s",
		 f->work.dir);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->address,
			      sizeof(f->address)),
			 0);
	assert_int_equal(listen(f->listener, 1), 0);
	for (int i = 0; i < PEERS * COUNT; i++)
		f->bell[i / COUNT][i % COUNT] = fake_bell();
	f->descriptors = open_descriptors();
	return 0;
}

static inline int tear_down(void **state)
{
	struct fake *f = *state;

	for (int i = 0; i < PEERS * COUNT; i++)
		close(f->bell[i / COUNT][i % COUNT]);
	close(f->memory);
	close(f->listener);
	assert_int_equal(workdir_remove(&f->work), 0);
	free(f);
	return 0;
}

/* Rings of a doorbell so far, taken. */
static inline uint64_t rings(const struct fake *f, int id, int vector)
{
	uint64_t n;

	return read(f->bell[id][vector], &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static inline bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

#endif
