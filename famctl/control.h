/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_CONTROL_H
#define FAMCTL_CONTROL_H

#include <stdint.h>

#include "tm-ctl.h"
#include "util/err.h"

/*
 * The client's side of tm-server's control socket. Nothing an answer says is
 * used before its size, version, kind and texts were checked, and none is
 * waited for longer than CONTROL_TIMEOUT_S.
 */
#define CONTROL_TIMEOUT_S 5

/** control_connect() - descriptor, or a negative errno: who listens there? */
int control_connect(const char *path);

/** control_open() - the same with a sentence; -ENOTCONN whatever the cause */
int control_open(const char *path, struct err *err);

/*
 * All of them: -ENOTCONN no answer in time, or the server has gone; -EBADMSG
 * the answer is damaged; -EPROTONOSUPPORT a server of another version.
 */

int control_status(int fd, struct tm_ctl_status *out, struct err *err);

/** control_each_peer() - visit the IDs in use, ascending; non-zero ends it */
int control_each_peer(int fd,
		      int (*visit)(const struct tm_ctl_peer *peer, void *arg,
				   struct err *err),
		      void *arg, struct err *err);

/**
 * control_ping() - ring one vector of one peer
 *
 * Return: 0; -ENOENT no such ID, -ENODEV nobody has it now; -EINVAL no such
 * vector
 */
int control_ping(int fd, uint32_t id, uint32_t vector, struct err *err);

/**
 * control_flush() - what the server's flush service does
 *
 * Return: 0; -EOPNOTSUPP a server of a release that had none
 */
int control_flush(int fd, struct tm_ctl_flush *out, struct err *err);

/** control_clear() - have it forget a failed write-back; what is so after that
 */
int control_clear(int fd, struct tm_ctl_flush *out, struct err *err);

/** control_stop() - have the server drain and end; it does so after this */
int control_stop(int fd, struct err *err);

#endif
