/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_RESUME_H
#define TM_SERVER_RESUME_H

#include <stdio.h>

#include "ctl.h"
#include "server.h"

/*
 * All of a server as lines of text, for the program that takes its place in
 * the same process: numbers of descriptors that stay open across the exec, and
 * how far each peer is. PROTOCOL.md describes the lines.
 */
#define RESUME_VERSION	 1
#define RESUME_CONTROL	 IVSHMEM_DIALECTS /* listener[] of the control socket */
#define RESUME_LISTENERS (IVSHMEM_DIALECTS + 1)

struct resume_slot {
	uint16_t id;
	uint64_t left;
	struct identity owner;
	int *eventfd; /* one per vector */
};

struct resume_peer {
	uint16_t id; /* of a slot above it in the text */
	int fd;
	int64_t joined;
	struct ivshmem_stream stream;
};

struct resume {
	unsigned int vectors, lives, earlier;
	uint32_t next, saved_next;
	uint64_t departures, accepted, refused, dropped;
	int64_t started;
	struct region region;
	uint64_t life; /* roster_life(); 0: there is no table of sessions */
	int lock_fd;
	struct listener listener[RESUME_LISTENERS];
	struct resume_slot *slot;
	size_t slots;
	struct reservation *reserved;
	size_t reserveds;
	struct resume_peer *peer;
	size_t peers;
	int waiter[CTL_CLIENTS_MAX];
	size_t waiters;
	uint64_t rings[IVSHMEM_VECTORS_MAX];
	struct tm_ctl_flush flush; /* what was counted, and the mark */
	bool distrusts;		   /* flush_distrusts() */
	struct flush_peer *flushed;
	size_t flusheds;
	uint8_t known[IVSHMEM_IDS / 8], taken[IVSHMEM_IDS / 8]; /* by parsing */
};

/** resume_write() - describe a server */
int resume_write(FILE *f, const struct server *server, const struct ctl *ctl);

/**
 * resume_parse() - read a description
 * @text: writable, @len bytes and a NUL behind them
 * @out: resume_free() it, also on failure
 *
 * Return: 0; -EPROTONOSUPPORT of another version; -EBADMSG damaged; -ENOMEM
 */
int resume_parse(char *text, size_t len, struct resume *out);

void resume_free(struct resume *resume);

/** resume_each_fd() - call @fn for every descriptor, until it returns not 0 */
int resume_each_fd(const struct resume *resume, int (*fn)(int fd, void *arg),
		   void *arg);

/** resume_apply() - become that server */
int resume_apply(const struct resume *resume, struct server **out,
		 struct loop *loop, const struct server_config *config,
		 struct err *err);

/** resume_apply_ctl() - and its control socket; answers who waits for it */
int resume_apply_ctl(const struct resume *resume, struct ctl *ctl,
		     struct server *server, struct err *err);

#endif
