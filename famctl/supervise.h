/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_SUPERVISE_H
#define FAMCTL_SUPERVISE_H

#include <sys/types.h>

#include "util/err.h"

/*
 * Where no service manager runs, a process of famctl's own starts a server
 * again when a signal killed it. It holds a lock on a file with its process
 * number, from before there is a server until after there is none: two that
 * start a server at once cannot both do so, and the file alone means nothing.
 */

/**
 * supervise_lock() - become the only one to start this server
 * @path: the file; made if it is not there
 *
 * Return: descriptor; -EAGAIN somebody else is; ...
 */
int supervise_lock(const char *path, struct err *err);

/** supervise_pid() - the supervisor that holds the lock, or 0 */
pid_t supervise_pid(const char *path);

/** supervise_end() - have it end its server and itself; it does so after this
 */
int supervise_end(const char *path, struct err *err);

/* What is to be supervised. */
struct supervise_spec {
	const char *lock_path; /* as in supervise_lock() */
	int lock;	       /* its result */
	const char *log;       /* file that both write to */
	const char *const *argv;
};

/**
 * supervise_start() - leave a supervisor and its server in the background
 *
 * Return: a descriptor which reports the end of file when the supervisor ends
 */
int supervise_start(const struct supervise_spec *spec, struct err *err);

/**
 * supervise_run() - be that supervisor: LOCK-FILE PROGRAM [ARGUMENT...]
 *
 * Return: 0 or a negative errno, when the server has ended by itself or was
 * stopped; -EINVAL if supervise_start() did not start this process
 */
int supervise_run(int argc, char **argv, struct err *err);

#endif
