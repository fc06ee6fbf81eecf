/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_CTL_H
#define TM_SERVER_CTL_H

#include "server.h"
#include "tm-ctl.h"

#define CTL_CLIENTS_MAX 16

/* The control socket: tm-ctl.h is what it speaks. */
struct ctl_client {
	struct ctl *ctl;
	struct loop_source *source;
	int fd; /* -1: unused place */
	uint64_t last_ms;
	bool waits; /* to be answered by the program that takes over */
};

struct ctl {
	struct server *server;
	struct listener listener;
	struct loop_source *accept;
	struct loop_source *pause; /* timer: accept again */
	unsigned int lives;
	struct ctl_client client[CTL_CLIENTS_MAX];
	int (*take_over)(void *arg); /* begins it: 0 or a negative errno */
	void *arg;
};

/** ctl_open() - listen at config.control; @fd: an inherited socket or -1 */
int ctl_open(struct ctl *ctl, struct server *server, int fd, struct err *err);

/** ctl_start() - begin to accept at ctl.listener, which is open */
int ctl_start(struct ctl *ctl, struct server *server, struct err *err);

void ctl_close(struct ctl *ctl);

/** ctl_adopt() - a client that waits for the end of a take-over, answered now
 */
void ctl_adopt(struct ctl *ctl, int fd);

/** ctl_take_over_failed() - tell those who wait for it */
void ctl_take_over_failed(struct ctl *ctl, const char *why);

/**
 * ctl_answer() - what a request is answered; no I/O but a PING's
 * @request: @len bytes of anything
 * @reply: TM_CTL_REPLY_MAX bytes
 * @op: the operation left to be done by the caller: TM_CTL_STOP,
 *	TM_CTL_TAKE_OVER, or 0
 *
 * Return: bytes of the answer
 */
size_t ctl_answer(struct ctl *ctl, const void *request, size_t len, void *reply,
		  enum tm_ctl_op *op);

/** ctl_call() - the client's side: one request, one answer, blocking */
int ctl_call(const char *path, const struct tm_ctl_request *request,
	     void *reply, size_t *len, struct err *err);

#endif
