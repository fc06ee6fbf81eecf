/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_LISTEN_H
#define TM_SERVER_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/err.h"

/* The longest path a socket can have, with its NUL. */
#define LISTEN_PATH_MAX sizeof(((struct sockaddr_un *)0)->sun_path)

/* A listening socket and the name by which it is found. */
struct listener {
	int fd; /* -1: not open */
	char path[LISTEN_PATH_MAX];
	bool ours; /* we made the name: ours to remove */
	dev_t dev;
	ino_t ino;
};

struct listen_spec {
	const char *path;
	int type;    /* SOCK_STREAM or SOCK_SEQPACKET */
	mode_t mode; /* of the socket's name */
	gid_t gid;   /* -1: as it comes */
};

/**
 * listen_open() - listen at a path
 *
 * What is there is replaced only if it is a socket nobody listens at any more.
 * Return: 0; -ENAMETOOLONG; -EBUSY a living server is there; -EEXIST something
 * that is no socket is there; -EACCES, -ENOENT (its directory), ...
 */
int listen_open(struct listener *out, const struct listen_spec *spec,
		struct err *err);

/** listen_probe() - would listen_open() succeed? changes nothing */
int listen_probe(const char *path, struct err *err);

/**
 * listen_inherit() - use a listening socket that was passed to us
 * @ours: its name is to be removed in the end
 */
int listen_inherit(struct listener *out, int fd, bool ours, struct err *err);

/** listen_close() - stop listening; removes the name only if it is still ours
 */
void listen_close(struct listener *listener);

/*
 * One server per path, also while it changes its sockets: a lock file beside
 * them, PATH.lock, removed in the end.
 */
struct listen_lock {
	int fd;
	char path[LISTEN_PATH_MAX + 8];
};

/** listen_lock() - Return: 0; -EBUSY a living server has it */
int listen_lock(struct listen_lock *out, const char *path, struct err *err);

void listen_unlock(struct listen_lock *lock);

#endif
