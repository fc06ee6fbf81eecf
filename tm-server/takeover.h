/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_TAKEOVER_H
#define TM_SERVER_TAKEOVER_H

#include "ctl.h"
#include "server.h"

/*
 * An upgrade in place: the installed program is asked whether it understands
 * the state of this one; only then does it replace it, in the same process,
 * with all sockets, eventfds and the memory. Nodes notice nothing.
 */
struct takeover {
	struct server *server;
	struct ctl *ctl;
	char **argv;	 /* of this program */
	const char *exe; /* path of the program to become */
	int probe;	 /* pidfd of the program that is asked, or -1 */
	int probe_pid;
	bool again; /* asked, agreed: waiting for a good moment */
	bool stops; /* the flush service was asked to stop */
	uint64_t until;
	struct loop_source *source, *timer;
};

int takeover_init(struct takeover *t, struct server *server, struct ctl *ctl);

/** takeover_begin() - Return: 0 it is under way; -EBUSY it was already; ... */
int takeover_begin(struct takeover *t);

/** takeover_end() - forget it; the program goes on or ends */
void takeover_end(struct takeover *t);

/** takeover_check() - --check --resume-fd: is this text understood? */
int takeover_check(int fd, struct err *err);

/** takeover_resume() - become the server described in @fd, which is closed */
int takeover_resume(int fd, struct server **server, struct ctl *ctl,
		    struct loop *loop, const struct server_config *config,
		    struct err *err);

#endif
